package queue

import (
	"errors"
	"testing"
	"time"
)

func entry(n int64, look time.Duration) Work {
	return Work{ID: EntryWork(n, 1), Kind: KindVoice, Queue: "q", Urgency: Low, Callback: &Callback{Number: "555", Entry: n, Preview: look}}
}

// Nobody waits for an entry of a list: it is in no promise, in nobody's place, never too late, and goes no further than to those who are asked from the start.
func TestEntryIsNobodysWait(t *testing.T) {
	d := newDesk(t, Queue{}, Profile{}, Profile{})
	must(t, d.RemoveAgent("b", d.now))
	must(t, d.SetAgent(Profile{ID: "z", Desk: true}, d.now)) // in no queue
	d.open("z")
	must(t, d.Enqueue(entry(1, 0), d.now))
	d.after(13 * time.Hour) // past the rings for anyone and the hard limit
	must(t, d.SetPresence("z", Available, "", d.now))
	d.wantRing(EntryWork(1, 1), "")
	if it, _ := d.Router.Item(EntryWork(1, 1)); it.Guarded || it.Overflow {
		t.Errorf("an alarm for an entry: %+v", it)
	}
	d.call("caller")
	if p := d.Positions("q", d.now); len(p) != 1 || p["caller"].Position != 1 {
		t.Errorf("places %+v", p)
	}
	b := d.Boards(d.now)[0]
	if b.Entries != 1 || b.Waiting != 1 || b.Callbacks != 0 || b.Today.Entered != 1 {
		t.Errorf("board %+v", b)
	}
	d.open("a")
	d.serve("caller", time.Minute) // before the entry, though that has lain for hours
	d.serve(EntryWork(1, 1), time.Minute)
	if s := d.Boards(d.now)[0].Today; s.Entered != 1 || s.Answered != 1 {
		t.Errorf("an entry was counted: %+v", s)
	}
}

func TestPreviewIsLookedAt(t *testing.T) {
	d := newDesk(t, Queue{RingTime: 20 * time.Second, Strategy: Linear}, Profile{}, Profile{})
	d.open("a", "b")
	w := entry(7, 45*time.Second)
	must(t, d.Enqueue(w, d.now))
	d.wantRing(w.ID, "") // neither has a screen
	must(t, d.SetAgent(Profile{ID: "b"}, d.now))
	must(t, d.SetPresence("b", Available, "", d.now))
	d.wantRing(w.ID, "b")
	for range 4 {
		d.after(10 * time.Second)
		must(t, d.Heartbeat("b", d.now))
	}
	d.wantRing(w.ID, "b") // longer than a telephone would ring
	if err := d.Skip(w.ID, "a", d.now); !errors.Is(err, ErrGone) {
		t.Errorf("another skips it: %v", err)
	}
	if err := d.Withdraw(w.ID, d.now); !errors.Is(err, ErrState) {
		t.Errorf("withdrawn under the eyes of an agent: %v", err)
	}
	d.after(5 * time.Second)
	d.wantRing(w.ID, "") // the time is over, and b is not asked again at once
	must(t, d.Heartbeat("b", d.now))
	must(t, d.Withdraw(w.ID, d.now))
	if d.rings(w.ID) != "gone" {
		t.Error("it was withdrawn and is there")
	}
	must(t, d.Heartbeat("b", d.after(time.Minute).now))
	must(t, d.SetPresence("b", Available, "", d.now))
	must(t, d.Enqueue(entry(8, time.Minute), d.now))
	d.wantRing(EntryWork(8, 1), "b")
	must(t, d.Skip(EntryWork(8, 1), "b", d.now))
	d.wantState("b", Available)
	d.call("caller")
	if err := d.Skip("caller", "b", d.now); !errors.Is(err, ErrState) {
		t.Errorf("a caller is skipped: %v", err)
	}
}

func TestEntriesAreChecked(t *testing.T) {
	d := newDesk(t, Queue{}, Profile{})
	for name, w := range map[string]Work{
		"an id of an entry for a caller": {ID: "entry:1:1", Kind: KindVoice, Queue: "q"},
		"another id for an entry":        {ID: "x", Kind: KindVoice, Queue: "q", Callback: &Callback{Number: "5", Entry: 1}},
		"no time to look":                entry(1, time.Second),
		"a look at a call-back":          {ID: "x", Kind: KindVoice, Queue: "q", Callback: &Callback{Number: "5", Preview: time.Minute}},
	} {
		if d.Enqueue(w, d.now) == nil {
			t.Errorf("%s was taken", name)
		}
	}
}
