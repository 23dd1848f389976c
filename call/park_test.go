package call

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"tingxin/queue"
)

// A flow number, the echo and a queue's number can be transferred to, by REFER and by the API.
func TestTransferToAFlow(t *testing.T) {
	t.Parallel()
	w := newTown(t, "", "100", nil) // the first telephone talks with bert
	w.hears("caller", w.first, toneB)
	got := refer(w.bert, Refer{Number: "200"})
	waitFor(t, func() bool { return w.bert.dialog.hungUp() && w.node(w.call) == "node-2" })
	if s := got(); len(s) != 1 || s[0] != 200 {
		t.Errorf("reported %v", s)
	}
	w.first.presses("1") // the keys are the flow's now: they end its listening, and the flow
	r, legs := w.ended(w.call)
	if r.Cause != CauseNormal || r.Route != "quiet" || len(legs) != 2 || legs[1].Cause != CauseTransferred {
		t.Errorf("record %+v, legs %+v", r, legs)
	}
}

func TestTransferToTheEcho(t *testing.T) {
	t.Parallel()
	w := newTown(t, "", "100", nil)
	w.hears("caller", w.first, toneB)
	if err := w.m.Transfer(t.Context(), w.call.id, "bert", Aim{Number: "echo"}); err != nil {
		t.Fatal(err)
	}
	w.hears("caller", w.first, toneA)
	waitFor(t, func() bool { return w.bert.dialog.hungUp() })
	w.first.handler().RemoteHangup(CauseCallerHangup)
	if r, _ := w.ended(w.call); r.Route != routeEcho {
		t.Errorf("record %+v", r)
	}
	if err := w.m.Transfer(t.Context(), w.call.id, "", Aim{Number: "200"}); !errors.Is(err, ErrNoCall) {
		t.Errorf("transfer of an ended call: %v", err)
	}
}

// An agent who has called out gives the customer to a flow: the customer is whom the flow serves.
func TestAgentsCallOutGoesToAFlow(t *testing.T) {
	t.Parallel()
	w := newTown(t, "anna", "bert", func(c *Config) { c.Users.Record = true })
	w.hears("agent", w.first, toneB)
	got := refer(w.first, Refer{Number: "echo"})
	w.hears("customer", w.bert, toneB)
	waitFor(t, func() bool { return w.first.dialog.hungUp() })
	if s := got(); len(s) != 1 || s[0] != 200 {
		t.Errorf("reported %v", s)
	}
	w.bert.handler().RemoteHangup(CausePeerHangup)
	r, legs := w.ended(w.call)
	if len(legs) != 2 || legs[0].Cause != CauseTransferred || legs[1].Role != RoleCaller || legs[1].Side != SideCaller || r.EndedAt.IsZero() || r.Recording.State != RecordingKept {
		t.Errorf("record %+v, legs %+v", r, legs)
	}
}

// A name mistyped in a transfer must not send the customer into the flow that takes every number.
func TestTransferToAMistypedNameIsRefused(t *testing.T) {
	t.Parallel()
	w := newTown(t, "anna", "bert", func(c *Config) { c.Routes = append(c.Routes, Route{Numbers: []string{"*"}, Flow: "quiet"}) })
	w.hears("agent", w.first, toneB)
	got := refer(w.first, Refer{Number: "nobody-of-that-name"})
	waitFor(t, func() bool { s := got(); return len(s) > 0 && s[len(s)-1] == 404 })
	w.hears("agent", w.first, toneB)
}

func TestTransferToNowhereIsStillRefused(t *testing.T) {
	t.Parallel()
	w := newTown(t, "", "100", nil)
	w.hears("caller", w.first, toneB)
	got := refer(w.first, Refer{Number: "nobody"}) // a caller from outside reaches the routes only
	waitFor(t, func() bool { return len(got()) == 1 })
	if s := got(); s[0] != 404 {
		t.Errorf("reported %v", s)
	}
	w.hears("caller", w.first, toneB)
}

func parks(c *Config) {
	c.Park = ParkConfig{Slots: "701-702", Number: "700", Timeout: time.Minute}
}

func TestParkAndPickUp(t *testing.T) {
	t.Parallel()
	w := newTown(t, "", "100", parks)
	w.hears("caller", w.first, toneB)
	slot, err := w.m.Park(t.Context(), w.call.id, "bert", "")
	if err != nil || slot != "701" {
		t.Fatal(slot, err)
	}
	w.music("caller", w.first)
	waitFor(t, func() bool { return w.bert.dialog.hungUp() && len(w.m.Parked()) == 1 })
	if p := w.m.Parked()[0]; p.Slot != "701" || p.Call != w.call.id || p.By != "bert" || p.From != "555" {
		t.Errorf("parked %+v", p)
	}
	w.event("call.parked")
	// Another user dials the slot.
	d, picker := w.rings(toneC, "cora", "701")
	w.hears("caller", w.first, toneC)
	w.hears("cora", d, toneA)
	if len(w.m.Parked()) != 0 {
		waitFor(t, func() bool { return len(w.m.Parked()) == 0 })
	}
	if r, _ := w.ended(picker); r.Cause != CauseTransferred {
		t.Errorf("record of the picker's call %+v", r)
	}
	d.handler().RemoteHangup(CauseCallerHangup)
	r, legs := w.ended(w.call)
	if len(legs) != 3 || legs[1].Cause != CauseTransferred || legs[2].User != "cora" || legs[2].Cause != CausePeerHangup || r.Cause != CausePeerHangup {
		t.Errorf("record %+v, legs %+v", r, legs)
	}
	// An empty slot has nobody; a caller from outside has no slots.
	e, nobody := w.rings(toneD, "cora", "702")
	if r, _ := w.ended(nobody); r.Cause != CauseNoRoute || !slices.Contains(e.dialog.rejects, 404) {
		t.Errorf("record %+v, rejects %v", r, e.dialog.rejects)
	}
	if _, ok := w.m.routeOf(&Incoming{To: "701"}); ok {
		t.Error("a caller from outside picks calls up")
	}
}

func TestParkByReferAndFullSlots(t *testing.T) {
	t.Parallel()
	w := newTown(t, "", "100", func(c *Config) { c.Park = ParkConfig{Slots: "701-701", Number: "700"} })
	w.hears("caller", w.first, toneB)
	got := refer(w.bert, Refer{Number: "700"})
	waitFor(t, func() bool { return len(w.m.Parked()) == 1 })
	if s := got(); len(s) != 1 || s[0] != 200 {
		t.Errorf("reported %v", s)
	}
	w.x.users["dora"] = w.newTelephone(toneC)
	w.routed(routes{{Name: "dora", Numbers: []string{"101"}, User: "dora"}}...)
	p, second := w.rings(toneD, "", "101")
	w.hears("second caller", p, toneC)
	if _, err := w.m.Park(t.Context(), second.id, "dora", ""); !errors.Is(err, ErrState) {
		t.Errorf("parked in a full house: %v", err)
	}
	w.hears("second caller", p, toneC)
	w.first.handler().RemoteHangup(CauseCallerHangup)
	w.ended(w.call)
	waitFor(t, func() bool { return len(w.m.Parked()) == 0 })
	if slot, err := w.m.Park(t.Context(), second.id, "dora", "701"); err != nil || slot != "701" {
		t.Errorf("parked at %q: %v", slot, err)
	}
}

func TestParkedCallReturnsToWhoParkedIt(t *testing.T) {
	t.Parallel()
	w := newTown(t, "", "100", func(c *Config) { parks(c); c.Park.Timeout = 400 * time.Millisecond })
	w.hears("caller", w.first, toneB)
	again := w.newTelephone(toneC)
	w.x.mu.Lock()
	w.x.users["bert"] = again // the same user, another leg
	w.x.mu.Unlock()
	if _, err := w.m.Park(t.Context(), w.call.id, "bert", ""); err != nil {
		t.Fatal(err)
	}
	w.hears("caller", w.first, toneC)
	if len(w.m.Parked()) != 0 {
		t.Errorf("still parked: %+v", w.m.Parked())
	}
	w.first.handler().RemoteHangup(CauseCallerHangup)
	if _, legs := w.ended(w.call); len(legs) != 3 || legs[2].User != "bert" {
		t.Errorf("legs %+v", legs)
	}
}

func TestParkedCallThatNobodyWantsEnds(t *testing.T) {
	t.Parallel()
	w := newTown(t, "", "100", func(c *Config) { parks(c); c.Park.Timeout = 50 * time.Millisecond })
	w.hears("caller", w.first, toneB)
	w.x.mu.Lock()
	w.x.busy["bert"] = 486
	w.x.mu.Unlock()
	if _, err := w.m.Park(t.Context(), w.call.id, "bert", ""); err != nil {
		t.Fatal(err)
	}
	if r, _ := w.ended(w.call); r.Cause != CauseNoAnswer {
		t.Errorf("record %+v", r)
	}
}

func TestClickToCall(t *testing.T) {
	t.Parallel()
	w := newTown(t, "", "200", func(c *Config) {
		c.CallerID = CallerIDConfig{Default: "4000", Queues: map[string]string{"support": "4008"}}
		c.Users.Record = true
	})
	w.first.handler().RemoteHangup(CauseCallerHangup)
	<-w.call.left
	w.x.users["13800138000"] = w.newTelephone(toneC)
	for queue, shown := range map[string]string{"": "4000", "support": "4008"} {
		w.ann.dialog, w.x.users["13800138000"].dialog = &dialog{}, &dialog{}
		id, err := w.m.Originate(Order{User: "anna", To: Aim{Number: "13800138000"}, Queue: queue})
		if err != nil {
			t.Fatal(err)
		}
		w.rung("anna") // the agent's telephone first
		w.rung("13800138000")
		w.hears("agent", w.ann, toneC)
		w.hears("customer", w.x.users["13800138000"], toneD)
		if from := w.x.users["13800138000"].dialled().From; from != shown {
			t.Errorf("the customer sees %s, want %s", from, shown)
		}
		c, err := w.m.call(id)
		if err != nil {
			t.Fatal(err)
		}
		if s := c.snap.Load(); s.Direction != DirectionOut || s.To != "13800138000" || s.State != StateActive {
			t.Errorf("live %+v", s)
		}
		w.ann.handler().RemoteHangup(CauseCallerHangup)
		r, legs := w.ended(c)
		if len(legs) != 2 || legs[0].User != "anna" || legs[0].Direction != DirectionOut || legs[1].Direction != DirectionOut || r.Recording.State != RecordingKept {
			t.Errorf("record %+v, legs %+v", r, legs)
		}
		// Legs that were closed with the call are not dialled again.
		w.ann, w.x.users["13800138000"] = w.newTelephone(toneD), w.newTelephone(toneC)
		w.x.users["anna"] = w.ann
	}
}

func (w *town) rung(name string) {
	w.t.Helper()
	deadline := time.After(30 * time.Second)
	for {
		select {
		case got := <-w.x.rang:
			if got == name {
				return
			}
		case <-deadline:
			w.t.Fatalf("%s was not rung within 30 s", name)
		}
	}
}

func TestClickToCallFails(t *testing.T) {
	t.Parallel()
	w := newTown(t, "", "200", nil)
	for name, o := range map[string]Order{"no such user": {User: "nobody", To: Aim{Number: "1"}}, "a queue": {User: "anna", To: Aim{Queue: "support"}}, "nobody to call": {User: "anna", To: Aim{User: "nobody"}}} {
		if _, err := w.m.Originate(o); !errors.Is(err, ErrTarget) {
			t.Errorf("%s: %v", name, err)
		}
	}
	w.x.mu.Lock()
	w.x.busy["anna"] = 486
	w.x.mu.Unlock()
	id, err := w.m.Originate(Order{User: "anna", To: Aim{User: "bert"}})
	if err != nil {
		t.Fatal(err)
	}
	for {
		e := w.event("call.not_placed")
		if e.Call == id {
			if f := e.Data.(FailedItem); f.User != "anna" || f.Status != 486 {
				t.Errorf("told %+v", f)
			}
			break
		}
	}
	// The customer does not answer: the agent hears of it by the end of the call.
	w.x.mu.Lock()
	delete(w.x.busy, "anna")
	w.x.busy["bert"] = 486
	w.x.mu.Unlock()
	if id, err = w.m.Originate(Order{User: "anna", To: Aim{User: "bert"}}); err != nil {
		t.Fatal(err)
	}
	for e := w.event("call.ended"); e.Call != id; e = w.event("call.ended") {
	}
	r, err := w.store.Get(context.Background(), id)
	if err != nil || r.Cause != CauseBusy || r.AnsweredAt.IsZero() {
		t.Errorf("record %+v, %v", r, err)
	}
}

// A caller keeps the place and hangs up; when it is their turn the agent is rung first, then they are.
func TestPlaceIsKeptForACallback(t *testing.T) {
	t.Parallel()
	w := newCounter(t, time.Minute, false)
	w.flow("  - record: {consent: none}\n  - queue: {name: support, callback: {key: 1, every: 1m, prompt: {file: short.wav}, taken: kept}}\n  - {id: kept, play: short.wav}\n  - hangup: true\n")
	p, c := w.rings(toneA, "", "900")
	w.music("caller", p)
	p.presses("1")
	r, _ := w.ended(c)
	if r.Queue != "support" || r.Cause != CauseNormal {
		t.Errorf("record %+v", r)
	}
	list, err := w.m.Callbacks(t.Context(), "support")
	if err != nil || len(list) != 1 || list[0].Number != "555" || list[0].ID != queue.WorkID(c.id) || list[0].Phase != queue.Waiting {
		t.Fatalf("call-backs %+v, %v", list, err)
	}
	customer := w.newTelephone(toneC)
	w.x.mu.Lock()
	w.x.users["555"] = customer
	w.x.mu.Unlock()
	w.works("bert")
	w.rung("bert")
	w.rung("555")
	w.hears("agent", w.bert, toneC)
	w.hears("customer", customer, toneB)
	waitFor(t, func() bool { return w.state("bert") == queue.Talking })
	var id string
	for _, s := range w.m.Live() {
		if s.Agent == "bert" && s.Queue == "support" && s.Direction == DirectionOut {
			id = s.ID
		}
	}
	time.Sleep(2500 * time.Millisecond) // the queues look for calls that are gone twice, a second apart
	if w.state("bert") != queue.Talking {
		t.Errorf("the queues took the call-back for dead: bert is %s", w.state("bert"))
	}
	back, err := w.m.call(id)
	if err != nil {
		t.Fatal(err)
	}
	customer.handler().RemoteHangup(CausePeerHangup)
	w.ended(back)
	waitFor(t, func() bool { return w.state("bert") == queue.Wrapping })
	if list, err := w.m.Callbacks(t.Context(), ""); err != nil || len(list) != 0 {
		t.Errorf("call-backs %+v, %v", list, err)
	}
}

// A customer who does not answer keeps the place for the next try; an agent who hangs up first costs no try.
func TestCallbackThatReachesNobody(t *testing.T) {
	t.Parallel()
	w := newCounter(t, time.Minute, false)
	w.x.mu.Lock()
	w.x.busy["555"] = 486
	w.x.mu.Unlock()
	if _, err := w.m.AddCallback(t.Context(), "nowhere", "555", queue.Normal, Asked{}); !errors.Is(err, queue.ErrNoQueue) {
		t.Errorf("call-back in no queue: %v", err)
	}
	if _, err := w.m.AddCallback(t.Context(), "support", "sip:x", queue.Normal, Asked{}); !errors.Is(err, ErrTarget) {
		t.Errorf("call-back to no number: %v", err)
	}
	id, err := w.m.AddCallbackOnce(t.Context(), "turn 3", "support", "555", queue.High, Asked{About: "order"})
	if err != nil {
		t.Fatal(err)
	}
	if again, err := w.m.AddCallbackOnce(t.Context(), "turn 3", "support", "555", queue.High, Asked{About: "order"}); err != nil || again != id {
		t.Errorf("the same again is %q, %v", again, err)
	}
	if list, err := w.m.Callbacks(t.Context(), "support"); err != nil || len(list) != 1 {
		t.Errorf("call-backs %+v, %v", list, err)
	}
	w.works("bert")
	w.rung("555")
	waitFor(t, func() bool {
		list, err := w.m.Callbacks(t.Context(), "support")
		return err == nil && len(list) == 1 && list[0].ID == id && list[0].Tries == 1 && list[0].NotBefore != nil && list[0].Phase == queue.Waiting
	})
	waitFor(t, func() bool { return w.bert.dialog.hungUp() })
}
