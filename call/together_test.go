package call

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"
)

func TestLostDeviceIsRungBackIntoItsCall(t *testing.T) {
	t.Parallel()
	w := newTown(t, "", "100", nil)
	w.hears("bert", w.bert, toneA)
	lost, fresh := w.bert, w.newTelephone(toneD)
	w.x.mu.Lock()
	w.x.users["bert"] = fresh // the page that was loaded anew
	w.x.mu.Unlock()
	if err := w.m.Rejoin(context.Background(), w.call.id, "bert"); err != nil {
		t.Fatal(err)
	}
	w.hears("A", w.first, toneD)
	w.hears("bert again", fresh, toneA)
	waitFor(t, lost.dialog.hungUp)
	if d := fresh.dialled(); d.Call != w.call.id || !d.Again || d.Role != RolePeer || d.From != "555" {
		t.Errorf("dialled %+v", d)
	}
	w.first.handler().RemoteHangup(CauseCallerHangup)
	r, legs := w.ended(w.call)
	if r.Cause != CauseCallerHangup || len(legs) != 3 || legs[1].Cause != CauseLost || legs[2].User != "bert" || legs[2].Side != SideAgent {
		t.Errorf("record %+v, legs %+v", r, legs)
	}
}

// A page that was slow to come back lost its call: the old leg was given up while the new one rang.
func TestLegThatIsGivenUpWhileItsUserIsRungBack(t *testing.T) {
	t.Parallel()
	for _, comes := range []bool{true, false} {
		w := newTown(t, "", "100", nil)
		w.hears("bert", w.bert, toneA)
		fresh := w.newTelephone(toneD)
		hold := make(chan struct{})
		w.x.mu.Lock()
		w.x.users["bert"], w.x.wait = fresh, hold
		if !comes {
			w.x.busy["bert"] = 480
		}
		w.x.mu.Unlock()
		if err := w.m.Rejoin(context.Background(), w.call.id, "bert"); err != nil {
			t.Fatal(err)
		}
		w.bert.handler().RemoteHangup(CauseLost)
		_ = w.call.ask(context.Background(), func() {}) // it has heard of that
		close(hold)
		if !comes {
			if r, _ := w.ended(w.call); r.Cause != CauseLost {
				t.Errorf("ended with %s", r.Cause)
			}
			continue
		}
		w.hears("A", w.first, toneD)
		w.first.handler().RemoteHangup(CauseCallerHangup)
		w.ended(w.call)
	}
}

func TestNobodyComesBackAndTheOldLegGoesOn(t *testing.T) {
	t.Parallel()
	w := newTown(t, "", "100", nil)
	w.hears("bert", w.bert, toneA)
	w.x.mu.Lock()
	delete(w.x.users, "bert")
	w.x.busy["bert"] = 480
	w.x.mu.Unlock()
	if err := w.m.Rejoin(context.Background(), w.call.id, "bert"); err != nil {
		t.Fatal(err)
	}
	w.hears("A", w.first, toneB)
	for _, user := range []string{"cora", ""} {
		if err := w.m.Rejoin(context.Background(), w.call.id, user); !errors.Is(err, ErrState) {
			t.Errorf("%q: %v", user, err)
		}
	}
	w.first.handler().RemoteHangup(CauseCallerHangup)
	w.ended(w.call)
}

func TestAgentOfAQueueComesBackAsTheSame(t *testing.T) {
	t.Parallel()
	w := newCounter(t, time.Minute, false)
	a, c := w.rings(toneA, "", "900")
	w.works("bert")
	w.hears("caller", a, toneB)
	fresh := w.newTelephone(toneD)
	w.x.mu.Lock()
	w.x.users["bert"] = fresh
	w.x.mu.Unlock()
	if err := w.m.Rejoin(context.Background(), c.id, "bert"); err != nil {
		t.Fatal(err)
	}
	w.hears("caller", a, toneD)
	if st := w.state("bert"); st != "talking" {
		t.Errorf("bert is %s: the queue took the return for a goodbye", st)
	}
	if p := c.snap.Load().Parties; len(p) != 2 || p[1].Role != RoleAgent {
		t.Errorf("parties %+v", p)
	}
	a.handler().RemoteHangup(CauseCallerHangup)
	w.ended(c)
	waitFor(t, func() bool { return w.state("bert") == "wrap_up" })
}

func TestConsultedPartyIsMergedIn(t *testing.T) {
	t.Parallel()
	w := newTown(t, "", "100", nil) // A calls bert
	w.hears("bert", w.bert, toneA)
	asks, consult := w.rings(toneD, "bert", "cora") // bert calls cora
	w.hears("cora", w.cora, toneD)
	ctx := context.Background()
	if err := w.m.Merge(ctx, w.call.id, "anna", consult.id); !errors.Is(err, ErrState) {
		t.Errorf("merged by a stranger: %v", err)
	}
	if err := w.m.Merge(ctx, w.call.id, "bert", w.call.id); !errors.Is(err, ErrState) {
		t.Errorf("merged with itself: %v", err)
	}
	if err := w.m.Merge(ctx, w.call.id, "bert", consult.id); err != nil {
		t.Fatal(err)
	}
	w.hears("A", w.first, toneB, toneC)
	w.hears("bert", w.bert, toneA, toneC)
	w.hears("cora", w.cora, toneA, toneB)
	waitFor(t, asks.dialog.hungUp)
	if r, _ := w.ended(consult); r.Cause != CauseTransferred {
		t.Errorf("the consultation ended with %s", r.Cause)
	}
	p := w.call.snap.Load().Parties
	if len(p) != 3 || p[2].Role != RoleGuest || p[2].User != "cora" || p[2].Number != "cora" {
		t.Fatalf("parties %+v", p)
	}
	if err := w.m.DropLeg(ctx, w.call.id, p[1].Leg); !errors.Is(err, ErrState) {
		t.Errorf("the agent was dropped: %v", err)
	}
	if err := w.m.DropLeg(ctx, w.call.id, p[2].Leg); err != nil {
		t.Fatal(err)
	}
	w.hears("A", w.first, toneB)
	w.hears("bert", w.bert, toneA)
	waitFor(t, w.cora.dialog.hungUp)
	w.first.handler().RemoteHangup(CauseCallerHangup)
	w.ended(w.call)
}

func TestRingingGuestIsSeenAndCanBeCalledOff(t *testing.T) {
	t.Parallel()
	w := newTown(t, "", "100", nil)
	w.hears("bert", w.bert, toneA)
	sub := w.bus.Subscribe(256)
	defer sub.Close()
	w.x.mu.Lock()
	w.x.slow["cora"] = true
	w.x.mu.Unlock()
	ctx := context.Background()
	if err := w.m.AddLeg(ctx, w.call.id, Aim{User: "cora"}); err != nil {
		t.Fatal(err)
	}
	ringing := func() bool {
		return slices.ContainsFunc(w.call.snap.Load().Parties, func(p PartyItem) bool { return p.User == "cora" && p.Ringing && p.Leg == 0 })
	}
	if !ringing() {
		t.Fatalf("parties %+v", w.call.snap.Load().Parties)
	}
	if err := w.m.AddLeg(ctx, w.call.id, Aim{User: "cora"}); !errors.Is(err, ErrState) {
		t.Errorf("rung twice: %v", err)
	}
	if err := w.m.DropLeg(ctx, w.call.id, 0); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { return !ringing() })
	var told []bool
	for timeout := time.After(30 * time.Second); len(told) < 2; {
		select {
		case e := <-sub.C:
			if it, ok := e.Data.(PartiesItem); ok {
				told = append(told, slices.ContainsFunc(it.Parties, func(p PartyItem) bool { return p.Ringing }))
			}
		case <-timeout:
			t.Fatalf("told %v", told)
		}
	}
	if !slices.Equal(told, []bool{true, false}) {
		t.Errorf("told %v", told)
	}
	if err := w.m.DropLeg(ctx, w.call.id, 0); !errors.Is(err, ErrState) {
		t.Errorf("nobody rings: %v", err)
	}
	w.first.handler().RemoteHangup(CauseCallerHangup)
	w.ended(w.call)
}

func TestListenerIsHiddenWhenTheServerSaysSo(t *testing.T) {
	t.Parallel()
	for _, hide := range []bool{false, true} {
		w := newTown(t, "", "100", func(c *Config) { c.HideListeners = hide })
		w.hears("bert", w.bert, toneA)
		ctx := context.Background()
		if err := w.m.Supervise(ctx, w.call.id, "cora", ModeListen); err != nil {
			t.Fatal(err)
		}
		w.hears("supervisor", w.cora, toneA, toneB)
		if n := len(w.call.snap.Load().Parties); n != map[bool]int{false: 3, true: 2}[hide] {
			t.Errorf("hide %v: %d parties", hide, n)
		}
		if err := w.m.Supervise(ctx, w.call.id, "cora", ModeWhisper); err != nil {
			t.Fatal(err)
		}
		if n := len(w.call.snap.Load().Parties); n != 3 {
			t.Errorf("hide %v: %d parties while one whispers", hide, n)
		}
		w.first.handler().RemoteHangup(CauseCallerHangup)
		w.ended(w.call)
	}
}
