// Package chattest is the suite that every channel passes: what chat relies on
// when it takes bodies in and hands messages over.
package chattest

import (
	"context"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"time"

	"tingxin/chat"
	"tingxin/event"
	"tingxin/pg"
)

// Peer is the customer's side of the channel, for one account.
type Peer interface {
	// Account names it.
	Account() string
	// Body is a text of user as it comes in, under that id.
	Body(user, id, text string) []byte
	// Got are the texts that arrived at user, in order.
	Got(user string) []string
	// Break makes the next n deliveries fail so that they certainly did not arrive.
	Break(n int)
}

// Make is a channel over a service and its other side.
type Make func(t *testing.T, s *chat.Service, db *pg.DB) (chat.Channel, Peer)

// House is a running service with one channel.
type House struct {
	*chat.Service
	DB *pg.DB
}

// Open starts a service over a fresh database; more is called before Start.
func Open(t *testing.T, db *pg.DB, more func(*chat.Service)) *House {
	t.Helper()
	bus := event.NewBus()
	log := slog.New(slog.NewTextHandler(writer{t}, &slog.HandlerOptions{Level: slog.LevelWarn}))
	jobs := pg.NewJobs(db, log)
	s, err := chat.New(chat.Config{Files: t.TempDir()}, chat.Parts{DB: db, Bus: bus, Jobs: jobs}, log)
	if err != nil {
		t.Fatal(err)
	}
	more(s)
	if err := jobs.Start(context.WithoutCancel(t.Context())); err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close(); jobs.Close(); bus.Close() })
	return &House{s, db}
}

type writer struct{ t *testing.T }

func (w writer) Write(b []byte) (int, error) {
	w.t.Logf("server: %s", strings.TrimSpace(string(b)))
	return len(b), nil
}

// Run tests a channel over a fresh database with at least 12 connections.
func Run(t *testing.T, db *pg.DB, make Make) {
	var ch chat.Channel
	var peer Peer
	h := Open(t, db, func(s *chat.Service) {
		ch, peer = make(t, s, db)
		s.AddChannel(ch)
	})
	if ch.Name() == "" || ch.Name() != strings.ToLower(ch.Name()) {
		t.Errorf("name %q is no lower-case word", ch.Name())
	}
	if l := ch.Limits(peer.Account()); l.TextBytes < 0 || l.TextBytes > chat.MaxText {
		t.Errorf("limits %+v", l)
	}
	t.Run("the same body gives the same messages", func(t *testing.T) {
		raw := chat.Raw{ID: 1, Channel: ch.Name(), Account: peer.Account(), ExternalID: "d-1", Body: peer.Body("anna", "d-1", "你好 hello"), ReceivedAt: time.Now()}
		one, err := ch.Decode(t.Context(), raw)
		if err != nil || len(one) == 0 {
			t.Fatalf("%v %v", one, err)
		}
		two, err := ch.Decode(t.Context(), raw)
		if err != nil || !reflect.DeepEqual(one, two) {
			t.Errorf("%+v\n%+v %v", one, two, err)
		}
		in := one[0]
		if in.Channel != ch.Name() || in.Account != peer.Account() || in.User == "" || in.ExternalID == "" || in.Text != "你好 hello" {
			t.Errorf("%+v", in)
		}
	})
	t.Run("what is no message is an error", func(t *testing.T) {
		for _, body := range []string{"", "x", "{}", "[]", `{"user":1}`, "\x00\xff", strings.Repeat("{", 4000), `null`, `"text"`} {
			if all, err := ch.Decode(t.Context(), chat.Raw{ID: 1, Channel: ch.Name(), Account: peer.Account(), ExternalID: "bad", Body: []byte(body)}); err == nil && len(all) > 0 && all[0].Kind != chat.Unknown {
				t.Errorf("%q gave %+v", body, all)
			}
		}
	})
	t.Run("in and out, once and in order", func(t *testing.T) { inAndOut(t, h, ch, peer) })
}

func inAndOut(t *testing.T, h *House, ch chat.Channel, peer Peer) {
	ctx := t.Context()
	var first chat.Message
	for range 2 { // the whole burst twice, as platforms repeat
		for _, text := range []string{"one", "二", "three"} {
			raw := chat.Raw{Channel: ch.Name(), Account: peer.Account(), ExternalID: "in-" + text, Body: peer.Body("bert", "in-"+text, text)}
			if _, _, err := h.Take(ctx, raw); err != nil {
				t.Fatal(err)
			}
			eventually(t, "the body becomes a message", func() bool {
				c, err := h.Current(ctx, chat.Person{Channel: ch.Name(), Account: peer.Account(), User: "bert"})
				if err != nil {
					return false
				}
				all, _ := h.Thread(ctx, c.ID, 0, 0, 50)
				for _, m := range all {
					if m.Text == text {
						first = all[0]
						return true
					}
				}
				return false
			})
		}
	}
	all, err := h.Thread(ctx, first.Thread, 0, 0, 50)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range all {
		if m.Direction == chat.In {
			got = append(got, m.Text)
		}
	}
	if want := []string{"one", "二", "three"}; !reflect.DeepEqual(got, want) {
		t.Errorf("stored %v, want %v", got, want)
	}
	peer.Break(1)
	want := []string{}
	for _, text := range []string{"answer", "答案", "last"} {
		want = append(want, text)
		d := chat.Draft{Conversation: first.Thread, Author: chat.Author{Kind: chat.Bot}, Text: text, ClientID: "out-" + text}
		for range 2 { // sent twice by whoever is unsure
			if _, err := h.Send(ctx, d); err != nil {
				t.Fatal(err)
			}
		}
		note := chat.Draft{Conversation: first.Thread, Author: chat.Author{Kind: chat.System}, Kind: chat.Note, Text: "inside: " + text}
		if _, err := h.Send(ctx, note); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "all texts arrive", func() bool { return len(peer.Got("bert")) >= len(want) })
	if got := peer.Got("bert"); !reflect.DeepEqual(got, want) {
		t.Errorf("arrived %v, want %v", got, want)
	}
	eventually(t, "all are known to be sent", func() bool {
		all, err := h.Thread(ctx, first.Thread, 0, 0, 50)
		for _, m := range all {
			if m.Direction == chat.Out && m.State != chat.Sent {
				return false
			}
		}
		return err == nil
	})
}

func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(15 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if f() {
			return
		}
	}
	t.Fatal("not in time: " + what)
}
