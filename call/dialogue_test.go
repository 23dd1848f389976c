package call

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tingxin/asr"
	"tingxin/ivr"
	"tingxin/media"
	"tingxin/pg/pgtest"
)

// parrot answers callers.
type parrot struct{ heard chan ivr.Said }

func (p parrot) Turn(_ context.Context, _, _ string, said ivr.Said, _ float64) (ivr.Told, error) {
	p.heard <- said
	if said.Text == "0" || strings.Contains(said.Text, "person") {
		return ivr.Told{Handover: true, Packet: json.RawMessage(`{"reason": "asked", "title": "Order status", "summary": ["my order is late"], "slots": [{"name": "order", "value": "A1"}]}`)}, nil
	}
	if strings.Contains(said.Text, "order") {
		return ivr.Told{Expect: ivr.Expectation{Digits: true}}, nil
	}
	return ivr.Told{}, nil
}

func TestCallerTalksWithTheBot(t *testing.T) {
	t.Parallel()
	h := newHouse(t, pgtest.New(t), func(c *Config) { c.Routes[0].Flow = "assistant" }, withFlow("assistant", "flow: assistant\nversion: 1\nnodes:\n  - bot: {silence: 20s}\n  - id: people\n    listen: {}\n"))
	p := parrot{make(chan ivr.Said, 8)}
	h.m.SetBot(p)
	c, _ := h.call(nil)
	s := h.stream() // recognition is on for the bot, whatever else is not
	said := func() ivr.Said {
		t.Helper()
		select {
		case x := <-p.heard:
			return x
		case <-time.After(30 * time.Second):
			t.Fatal("the bot heard nothing within 10 s")
			return ivr.Said{}
		}
	}
	s.results <- final("where is", 0, time.Second)
	s.results <- final("my order", time.Second, 2*time.Second)
	s.results <- asr.Result{Kind: asr.TurnEnd, End: 2 * time.Second}
	if x := said(); x.Text != "where is my order" || x.Keys || x.Language != "en" {
		t.Errorf("%+v", x)
	}
	for _, k := range "1234#" {
		c.RemoteDigit(media.Digit{Key: byte(k), At: time.Now()})
	}
	if x := said(); x.Text != "1234" || !x.Keys {
		t.Errorf("%+v", x)
	}
	c.RemoteDigit(media.Digit{Key: '0', At: time.Now()})
	if x := said(); x.Text != "0" || !x.Keys {
		t.Errorf("%+v", x)
	}
	deadline := time.Now().Add(30 * time.Second)
	for {
		var data map[string]any
		var packet json.RawMessage
		if err := c.ask(t.Context(), func() { data, packet = c.record.Data, c.packet }); err != nil {
			t.Fatal(err)
		}
		if data["bot_reason"] == "asked" && data["bot_order"] == "A1" && len(packet) > 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("data %v", data)
		}
		time.Sleep(10 * time.Millisecond)
	}
	if err := h.m.Hangup(c.id, CauseNormal); err != nil {
		t.Fatal(err)
	}
}

func TestCallerIsHeardWithTheDigitsThatAreExpected(t *testing.T) {
	t.Parallel()
	h := newHouse(t, pgtest.New(t), func(c *Config) { c.Routes[0].Flow = "assistant" }, withFlow("assistant", "flow: assistant\nversion: 1\nnodes:\n  - bot: {silence: 20s}\n"))
	p := parrot{make(chan ivr.Said, 8)}
	h.m.SetBot(p)
	c, _ := h.call(nil)
	said := func() string {
		t.Helper()
		select {
		case x := <-p.heard:
			return x.Text
		case <-time.After(30 * time.Second):
			t.Fatal("the bot heard nothing within 10 s")
			return ""
		}
	}
	free := h.stream()
	free.results <- final("where is my order", 0, time.Second)
	free.results <- asr.Result{Kind: asr.TurnEnd, End: time.Second}
	said()
	list := h.stream()
	for _, s := range []*stream{free, list} {
		s.results <- asr.Result{Kind: asr.SpeechStart, Segment: 2}
	}
	free.results <- final("to oh to five", 2*time.Second, 3*time.Second)
	free.results <- asr.Result{Kind: asr.TurnEnd, End: 3 * time.Second} // too soon: more digits come
	list.results <- final("two oh two five", 2*time.Second, 3*time.Second)
	list.results <- final("double oh seven", 4*time.Second, 5*time.Second)
	list.results <- asr.Result{Kind: asr.TurnEnd, End: 5 * time.Second}
	free.results <- final("double oh seven", 4*time.Second, 5*time.Second) // late, but the same words
	if got := said(); got != "2025007" {
		t.Errorf("the number is %q", got)
	}
	free.results <- final("one more", 6*time.Second, 7*time.Second) // nothing is expected any more
	free.results <- asr.Result{Kind: asr.TurnEnd, End: 7 * time.Second}
	if got := said(); got != "one more" {
		t.Errorf("then %q", got)
	}
	if err := h.m.Hangup(c.id, CauseNormal); err != nil {
		t.Fatal(err)
	}
}

// withFlow adds a flow to the house's folder.
func withFlow(name, doc string) func(dir string) error {
	return func(dir string) error { return os.WriteFile(filepath.Join(dir, name+".yaml"), []byte(doc), 0o600) }
}
