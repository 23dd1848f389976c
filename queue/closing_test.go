package queue

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/period"
)

// sentOn tells whether the desk's changes say that a caller left because the queue has closed.
func (d *desk) sentOn(id WorkID) bool {
	changes, _, _ := d.Drain()
	sent := false
	for _, c := range changes {
		sent = sent || c.Type == Left && c.Work == id && c.Reason == ReasonClosed
	}
	return sent
}

func TestClosingQueueSendsCallersOn(t *testing.T) {
	const soon, long = time.Second, 11 * time.Minute
	shut := func(d *desk) { d.SetClosed("q", true, d.now) }
	for name, tc := range map[string]struct {
		q    Queue
		then func(d *desk) // the caller "w" waits, both agents are talking
		sent bool
	}{
		"served while somebody is at work":   {Queue{}, func(d *desk) { shut(d); d.after(time.Hour) }, false},
		"sent once nobody is left":           {Queue{}, func(d *desk) { shut(d); d.leave("a"); d.leave("b"); d.after(soon) }, true},
		"one is left":                        {Queue{}, func(d *desk) { shut(d); d.leave("a"); d.after(soon) }, false},
		"away is not at work":                {Queue{}, func(d *desk) { d.leave("a"); must(d.t, d.SetPresence("b", Away, Reasons[0], d.now)); shut(d) }, true},
		"sent at once":                       {Queue{OnClose: CloseSend}, shut, true},
		"kept":                               {Queue{OnClose: CloseKeep}, func(d *desk) { shut(d); d.leave("a"); d.leave("b"); d.after(time.Hour) }, false},
		"open, all have left":                {Queue{}, func(d *desk) { d.leave("a"); d.leave("b"); d.after(9 * time.Minute) }, false},
		"open, nobody came back":             {Queue{}, func(d *desk) { d.leave("a"); d.leave("b"); d.after(soon).after(long) }, true},
		"open, somebody came back":           {Queue{}, func(d *desk) { d.leave("a"); d.leave("b"); d.after(9 * time.Minute).open("b").after(long) }, false},
		"it opened again":                    {Queue{}, func(d *desk) { shut(d); d.SetClosed("q", false, d.now); d.leave("a"); d.leave("b"); d.after(soon) }, false},
		"moved to where it is open":          {Queue{}, func(d *desk) { must(d.t, d.Transfer("w", "other", d.now)); shut(d); d.leave("a"); d.leave("b") }, false},
		"who is left speaks no word of it":   {Queue{Language: "fr"}, shut, true},
		"a place kept for a call-back stays": {Queue{}, func(d *desk) { must(d.t, d.KeepPlace("w", "100", d.now)); shut(d); d.leave("a"); d.leave("b") }, false},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, tc.q, Profile{Languages: []string{"zh", "en"}}, Profile{Languages: []string{"zh"}}).open("a", "b")
			must(t, d.SetQueue(Queue{ID: "other", OnClose: CloseKeep}, d.now))
			if tc.q.Language == "" {
				d.call("x")
				d.call("y")
				d.take("x")
				d.take("y")
			}
			d.call("w")
			tc.then(d)
			if got := d.sentOn("w"); got != tc.sent {
				t.Errorf("sent on: %v", got)
			}
			if _, there := d.Router.Item("w"); there == tc.sent {
				t.Errorf("in the queue: %v", there)
			}
		})
	}
}

func (d *desk) leave(a AgentID) { d.t.Helper(); must(d.t, d.SetPresence(a, Offline, "", d.now)) }

// Who rings when it closes may still take the caller; text waits for the next day.
func TestClosingQueueLeavesTheRingAndText(t *testing.T) {
	d := newDesk(t, Queue{OnClose: CloseSend}, Profile{}).open("a")
	d.call("w")
	d.put(Work{ID: "chat", Kind: KindChat})
	d.SetClosed("q", true, d.now)
	d.wantRing("w", "a")
	d.take("w")
	d.leave("a")
	if it, there := d.Router.Item("chat"); !there || it.Phase != Waiting {
		t.Errorf("chat: %v %+v", there, it)
	}
	d.after(16 * time.Second)
	d.call("late") // as if it had come in the moment before
	if !d.sentOn("late") {
		t.Error("the late one waits")
	}
	if b := d.Boards(d.now); b[0].Today.Short != 1 || b[0].Waiting != 1 {
		t.Errorf("board %+v", b[0])
	}
}

// The alarm clock is set for the end of the patience with an empty queue.
func TestEmptyQueueWakesTheRouter(t *testing.T) {
	d := newDesk(t, Queue{EmptyAfter: 40 * time.Second}, Profile{})
	d.call("w")
	for range 10 { // rings widen in between
		if next := d.NextDeadline(); next.IsZero() || next.Sub(monday) > 40*time.Second {
			t.Fatalf("wakes at %v", next.Sub(monday))
		} else if d.after(next.Sub(d.now)); d.now.Sub(monday) == 40*time.Second {
			break
		}
	}
	if !d.sentOn("w") {
		t.Error("still there")
	}
}

func TestServiceSendsCallersOnWhenTheHoursEnd(t *testing.T) {
	t.Parallel()
	o := newOffice(t, 1, nil)
	s := o.serve("n1", nil)
	s.available(o.agents[0])
	busy := s.enqueue(Work{ID: "busy"})
	offer := next(t, busy, OfferMade)
	_, err := s.Accept(t.Context(), offer.Token, offer.Agent)
	must(t, err)
	must(t, s.Answered(t.Context(), "busy"))
	k := s.enqueue(Work{ID: "w"})
	o.tx(func(ctx context.Context, tx pgx.Tx) error {
		if err := NewStore(o.db).PutCalendar(ctx, tx, Calendar{Name: "day", Zone: "UTC"}); err != nil {
			return err
		}
		return NewStore(o.db).PutQueueDoc(ctx, tx, QueueDoc{ID: "support", Calendar: "day", OnClose: CloseServe, EmptyAfter: period.Period(time.Minute), Members: []MemberDoc{{User: "agent0"}}})
	})
	must(t, s.Reload(t.Context()))
	must(t, s.Ended(t.Context(), "busy", ""))
	if u := next(t, k, OfferMade); u.Agent != o.agents[0] {
		t.Fatalf("offered to %s", u.Agent)
	}
	must(t, s.SetPresence(t.Context(), o.agents[0], Offline, ""))
	if u := next(t, k, Left); u.Reason != ReasonClosed {
		t.Errorf("left by %q", u.Reason)
	}
	it, err := s.store.Work(t.Context(), "w")
	must(t, err)
	if it.Cause != CauseShortAbandon {
		t.Errorf("cause %q", it.Cause)
	}
	for want, d := range map[string]QueueDoc{"on_close": {ID: "x", OnClose: "drop"}, "not between": {ID: "x", EmptyAfter: -1}} {
		err := o.db.Tx(t.Context(), func(tx pgx.Tx) error { return s.store.PutQueueDoc(t.Context(), tx, d) })
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v", d, err)
		}
	}
	doc, err := s.store.Document(t.Context())
	must(t, err)
	if q := doc.Queues[0]; q.OnClose != CloseServe || q.EmptyAfter != period.Period(time.Minute) {
		t.Errorf("read again: %+v", q)
	}
}
