package main

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"

	"tingxin/bot"
	"tingxin/chat"
	webchat "tingxin/chat/web"
	"tingxin/event"
	"tingxin/pg"
	"tingxin/ticket"
)

// What is promised to visitors of a site goes to the queue of the site, and who cannot be called is told so.
func TestPromisesGoToTheQueueOfTheSite(t *testing.T) {
	s := personHouse(t)
	s.bus = event.NewBus()
	s.jobs = pg.NewJobs(s.db, s.log)
	s.cfg.Bot.Queue, s.cfg.Chat.Files, s.cfg.Chat.KeyFile = "support", t.TempDir(), filepath.Join(t.TempDir(), "key")
	s.tickets = ticket.NewService(s.db, s.bus, nil, ticket.Config{}, s.log)
	if _, err := s.startChat(t.Context()); err != nil {
		t.Fatal(err)
	}
	err := s.db.Tx(t.Context(), func(tx pgx.Tx) error {
		for _, q := range []string{"support", "shop"} {
			if _, err := tx.Exec(t.Context(), `insert into queues (id, name, settings) values ($1, $1, '{}')`, q); err != nil {
				return err
			}
		}
		return s.accounts.Put(t.Context(), tx, chat.Account{Channel: webchat.Name, ID: "shop", Name: "Shop", Enabled: true, Settings: []byte(`{"queue": "shop"}`)}, nil)
	})
	if err != nil {
		t.Fatal(err)
	}
	said, err := s.chat.Receive(t.Context(), chat.Inbound{Channel: webchat.Name, Account: "shop", ExternalID: "1", User: "v", Text: "hello"})
	if err != nil {
		t.Fatal(err)
	}
	keeps := botPromises{s}
	for ref, queue := range map[string]string{"conversation:" + said.Thread.String(): "shop", "call:1": "support"} {
		p := bot.Promise{Key: "m" + ref, Queue: "support", Text: "please write to me", Lang: "en", Ref: ref}
		id, err := keeps.Message(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := s.tickets.Get(t.Context(), ticket.ID(id)); err != nil || got.Queue != queue {
			t.Errorf("%s: %+v %v", ref, got, err)
		}
		p.Key, p.Number = "c"+ref, "138 0013 8000"
		if err := keeps.CallBack(t.Context(), p); err != nil { // nobody can call: a ticket
			t.Fatal(err)
		}
		made, err := pg.Row(t.Context(), s.db, pgx.RowTo[ticket.ID], `select ticket_id from ticket_keys where key = $1`, p.Key)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := s.tickets.Get(t.Context(), made); err != nil || got.Queue != queue || got.Body != "+8613800138000" {
			t.Errorf("%s: %+v %v", ref, got, err)
		}
	}
	for _, number := range []string{"10086", "+", "0", "123456789012345678901", "' or 1=1"} {
		if err := keeps.CallBack(t.Context(), bot.Promise{Key: "x" + number, Queue: "support", Number: number}); !errors.Is(err, bot.ErrNumber) {
			t.Errorf("%s: %v", number, err)
		}
	}
}
