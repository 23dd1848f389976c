package call

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/queue"
)

// lists keeps what calls tell of entries.
type lists struct {
	mu        sync.Mutex
	forbidden map[int64]bool
	begun     []Try
	over      []Try
}

func (l *lists) May(_ context.Context, entry int64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.forbidden[entry] {
		return ErrNotCalled
	}
	return nil
}

func (l *lists) Begun(_ context.Context, t Try) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.begun = append(l.begun, t)
	return nil
}

func (l *lists) Over(_ context.Context, t Try) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.over = append(l.over, t)
	return nil
}

// last is the newest try that is over, once there are n.
func (l *lists) last(t *testing.T, n int) Try {
	t.Helper()
	waitFor(t, func() bool { l.mu.Lock(); defer l.mu.Unlock(); return len(l.over) == n })
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.over[n-1]
}

func (c *counter) add(entry int64, number string, look time.Duration) queue.WorkID {
	c.t.Helper()
	id := queue.EntryWork(entry, 1)
	w := queue.Work{ID: id, Kind: queue.KindVoice, Queue: "support", Number: number, Callback: &queue.Callback{Number: number, Entry: entry, Preview: look}}
	if err := c.m.AddCallout(c.t.Context(), w); err != nil {
		c.t.Fatal(err)
	}
	return id
}

func (c *counter) phase(id queue.WorkID) queue.Phase {
	items, err := c.q.Items(c.t.Context(), "")
	if err != nil {
		c.t.Fatal(err)
	}
	for i := range items {
		if items[i].ID == id {
			return items[i].Phase
		}
	}
	return ""
}

func (c *counter) gone(id queue.WorkID) bool {
	return c.phase(id) == ""
}

// An entry of a list rings its agent, then the person; how it went is told to the list, and the entry leaves the queue.
func TestEntriesAreCalled(t *testing.T) {
	t.Parallel()
	w := newCounter(t, time.Minute, false)
	l := &lists{forbidden: map[int64]bool{1: true}}
	w.m.SetCallouts(l)
	w.x.mu.Lock()
	w.x.busy["555"] = 486
	w.x.mu.Unlock()
	w.works("bert")

	id := w.add(1, "777", 0) // may not be called: nobody's telephone rings
	waitFor(t, func() bool { return w.gone(id) })

	id = w.add(2, "555", 0)
	w.rung("bert")
	if try := l.last(t, 1); try.Entry != 2 || try.Work != id || try.How != ReachedBusy || try.Agent != w.ids["bert"] || try.Call == "" {
		t.Errorf("busy: %+v", try)
	}
	waitFor(t, func() bool { return w.gone(id) })
	waitFor(t, func() bool { return w.state("bert") == queue.Available }) // no wrap-up after nobody

	customer := w.newTelephone(toneC)
	w.x.mu.Lock()
	w.x.users["556"] = customer
	w.x.mu.Unlock()
	id = w.add(3, "556", 0)
	w.rung("556")
	waitFor(t, func() bool { return w.phase(id) == queue.Active })
	if list, err := w.m.Callbacks(t.Context(), ""); err != nil || len(list) != 0 {
		t.Errorf("an entry among the call-backs: %+v, %v", list, err)
	}
	customer.handler().RemoteHangup(CausePeerHangup)
	if try := l.last(t, 2); try.Entry != 3 || try.How != ReachedYes {
		t.Errorf("answered: %+v", try)
	}
	waitFor(t, func() bool { return w.gone(id) && w.state("bert") == queue.Wrapping })
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.begun) != 2 || l.begun[0].Call == "" || l.begun[1].Entry != 3 {
		t.Errorf("begun %+v", l.begun)
	}
}

// With a preview nothing rings before the agent has taken the offer on the screen.
func TestPreviewRingsWhenTaken(t *testing.T) {
	t.Parallel()
	w := newCounter(t, time.Minute, false)
	l := &lists{}
	w.m.SetCallouts(l)
	err := w.db.Tx(t.Context(), func(tx pgx.Tx) error {
		return queue.NewStore(w.db).PutAgent(t.Context(), tx, queue.Profile{ID: w.ids["anna"], Name: "anna"}) // with a screen
	})
	if err == nil {
		err = w.q.Reload(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	w.x.mu.Lock()
	w.x.busy["555"] = 480
	w.x.mu.Unlock()
	w.works("anna")
	for len(w.x.rang) > 0 {
		<-w.x.rang
	}
	id := w.add(5, "555", time.Minute)
	var token queue.Token
	waitFor(t, func() bool {
		d, err := w.q.Desk(t.Context(), w.ids["anna"])
		if err != nil || d.Offer == nil {
			return false
		}
		token = d.Offer.Token
		return true
	})
	if n := len(w.x.rang); n != 0 {
		t.Errorf("%d telephones rang while the agent looked", n)
	}
	if _, err := w.q.Accept(t.Context(), token, w.ids["anna"]); err != nil {
		t.Fatal(err)
	}
	w.rung("anna")
	if try := l.last(t, 1); try.Entry != 5 || try.How != ReachedNobody {
		t.Errorf("nobody: %+v", try)
	}
	waitFor(t, func() bool { return w.gone(id) })
}

func TestHowReached(t *testing.T) {
	t.Parallel()
	for cause, want := range map[Cause]Reached{CauseBusy: ReachedBusy, CauseRejected: ReachedBusy, CauseNoAnswer: ReachedNobody, CauseCallerHangup: ReachedGivenUp, CausePeerHangup: ReachedYes, CauseNoRoute: ReachedNot, CauseError: ReachedNot, CauseShutdown: ReachedShutdown} {
		if got := howReached(cause, false); got != want {
			t.Errorf("%s: %s, want %s", cause, got, want)
		}
		if got := howReached(cause, true); got != ReachedYes {
			t.Errorf("%s after a talk: %s", cause, got)
		}
	}
}
