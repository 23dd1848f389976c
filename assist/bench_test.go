package assist

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"tingxin/bot"
	"tingxin/call"
	"tingxin/event"
	"tingxin/kb"
	"tingxin/nlp/embed"
	"tingxin/pg/pgtest"
)

// BenchmarkCards measures what an agent waits for: from the end of a caller's turn (its row is written and told) to new cards
// on the feed, with the real models, the articles and questions of the test set, and a bot that guesses what is wanted.
// A turn whose cards did not change is not told, and not counted. Run it with
//
//	go test ./assist -run - -bench Cards -benchtime 400x
func BenchmarkCards(b *testing.B) {
	models := embed.New(embed.Config{Runtime: "../build/onnxruntime/libonnxruntime.so", Models: "../models", Queue: 256})
	if err := models.Start(b.Context()); errors.Is(err, embed.ErrMissing) {
		b.Skip(err)
	} else {
		must(b, err)
	}
	defer models.Close()
	db, bus, quiet := pgtest.New(b), event.NewBus(), slog.New(slog.DiscardHandler)
	defer bus.Close()
	articles, err := kb.New(kb.Config{}, db, models, quiet)
	must(b, err)
	read := func(name string) *kb.Batch {
		data, err := os.ReadFile("../kb/testdata/faq/" + name)
		must(b, err)
		batch, err := kb.ReadFile(name, data)
		must(b, err)
		return batch
	}
	for _, name := range []string{"articles.jsonl", "questions-tune.jsonl"} {
		_, err := articles.Store().Import(b.Context(), chief, read(name), kb.ImportOptions{Publish: true})
		must(b, err)
	}
	must(b, articles.Start(b.Context()))
	defer articles.Close()
	must(b, articles.Wait(b.Context()))
	wits, err := bot.New(bot.Config{KeyFile: filepath.Join(b.TempDir(), "bot.key")}, bot.Parts{DB: db, Embed: models, Knowledge: bot.Articles{Service: articles}}, quiet)
	must(b, err)
	must(b, wits.Start(b.Context()))
	defer wits.Close()
	must(b, wits.Reload(b.Context()))
	calls := call.NewStore(db)
	s, err := New(Config{}, Parts{DB: db, Bus: bus, Calls: calls, Articles: articles, Bot: wits, Embed: models}, quiet)
	must(b, err)
	must(b, s.Start(b.Context()))
	defer s.Close()

	questions := read("questions-test.jsonl").Questions
	feed := bus.Subscribe(1024)
	defer feed.Close()
	var waits []time.Duration
	for i := 0; b.Loop(); i++ { // a call each, so that every question is new to its cards
		id, err := uuid.NewV7()
		must(b, err)
		q := questions[i%len(questions)]
		must(b, calls.Begin(b.Context(), call.Record{ID: id.String(), State: call.StateActive, Direction: call.DirectionIn, From: fmt.Sprintf("+86138%08d", i), StartedAt: time.Now(), Language: q.Lang}))
		bus.Publish("call.parties", id.String(), call.PartiesItem{ID: id.String(), Parties: []call.PartyItem{{Leg: 1, Role: "caller"}, {Leg: 2, Role: "agent", User: "mei"}}})
		u := call.Utterance{CallID: id.String(), Side: call.SideCaller, Seq: 1, End: time.Second, Text: q.Text}
		begun, before := time.Now(), s.Stats()
		_, err = calls.AddUtterance(b.Context(), u)
		must(b, err)
		bus.Publish("transcript.final", id.String(), u.Item())
		if took, told := told(b, s, feed, id.String(), begun, before); told {
			waits = append(waits, took)
		}
	}
	if len(waits) == 0 {
		b.Fatalf("no cards came: %+v", s.Stats())
	}
	slices.Sort(waits)
	for _, p := range []struct {
		q    float64
		name string
	}{{0.5, "p50-ms"}, {0.95, "p95-ms"}, {1, "max-ms"}} {
		b.ReportMetric(float64(waits[int(p.q*float64(len(waits)-1))].Microseconds())/1000, p.name)
	}
	b.ReportMetric(float64(len(waits)), "boards")
	b.ReportMetric(float64(s.Stats().Late), "late")
}

// told waits for the cards of a call, or until it is sure that they did not change.
func told(b *testing.B, s *Service, feed *event.Subscription, id string, begun time.Time, before Stats) (time.Duration, bool) {
	b.Helper()
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	deadline := time.After(20 * time.Second)
	for {
		select {
		case e := <-feed.C:
			if e.Type == "assist.cards" && e.Call == id {
				return time.Since(begun), true
			}
		case <-look.C:
			if now := s.Stats(); now.Unchanged > before.Unchanged || now.Failed > before.Failed {
				return 0, false
			}
		case <-deadline:
			b.Fatalf("no cards after 20 s: %+v", s.Stats())
		}
	}
}
