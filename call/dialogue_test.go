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
	return ivr.Told{}, nil
}

func TestCallerTalksWithTheBot(t *testing.T) {
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
		case <-time.After(10 * time.Second):
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
	deadline := time.Now().Add(10 * time.Second)
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

// withFlow adds a flow to the house's folder.
func withFlow(name, doc string) func(dir string) error {
	return func(dir string) error { return os.WriteFile(filepath.Join(dir, name+".yaml"), []byte(doc), 0o600) }
}
