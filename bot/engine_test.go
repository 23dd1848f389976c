package bot

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"
)

// late are articles that come while the bot learns for the first time.
type late struct {
	Indexes
	engine atomic.Pointer[Engine]
	calls  atomic.Int32
	again  chan struct{} // closed when they are asked for after that
}

func (l *late) Phrasings(_ context.Context, lang string) ([]Phrasing, error) {
	if lang != "zh" {
		return nil, nil
	}
	switch l.calls.Add(1) {
	case 1:
		e := l.engine.Load()
		e.Relearn()
		for len(e.wake) > 0 { // the sweep takes it, and has nothing to learn anew yet
			time.Sleep(time.Millisecond)
		}
		return nil, nil
	case 2:
		close(l.again)
	}
	return []Phrasing{{"pay", "orders", "怎么付款"}}, nil
}

// They counted ten minutes later.
func TestArticlesThatComeDuringTheFirstLearningCount(t *testing.T) {
	l := &late{again: make(chan struct{})}
	h := open(t)
	must(t, h.Engine.Close())
	h.parts.Knowledge, h.parts.Embed = l, nil
	e, err := New(h.cfg, h.parts, slog.New(slog.DiscardHandler))
	must(t, err)
	l.engine.Store(e)
	must(t, e.Start(t.Context()))
	h.Engine = e
	e.Warm()
	select {
	case <-l.again:
	case <-time.After(30 * time.Second):
		t.Error("articles that came during the first learning are not read")
	}
}
