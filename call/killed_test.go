package call

import (
	"context"
	"testing"
	"time"

	"tingxin/pg/pgtest"
	"tingxin/queue"
)

// A server that was killed in the middle of a talk wrote one leg of it, whoever else was there.
func TestKilledServersCallHasAllItsLegs(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	ctx := context.Background()
	store := NewStore(db)
	began := time.Now().Add(-time.Minute).UTC().Truncate(time.Microsecond)
	r := Record{ID: "01890000-0000-7000-8000-000000000001", Direction: DirectionIn, From: "555", To: "900", StartedAt: began, Node: "test", Transcription: map[string]string{}}
	if err := store.Begin(ctx, r); err != nil {
		t.Fatal(err)
	}
	if err := store.Answered(ctx, r.ID, began.Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	for _, l := range []LegRecord{
		{CallID: r.ID, N: 1, Side: SideCaller, Role: RoleCaller, StartedAt: began},
		{CallID: r.ID, N: 1, Side: SideCaller, Role: RoleCaller, StartedAt: began, AnsweredAt: began.Add(time.Second), Codec: "PCMA"},
		{CallID: r.ID, N: 2, Side: SideAgent, Role: RoleAgent, User: "bert", StartedAt: began, AnsweredAt: began.Add(5 * time.Second)},
		{CallID: r.ID, N: 2, Side: SideAgent, Role: RoleAgent, User: "bert", StartedAt: began, AnsweredAt: began.Add(5 * time.Second), EndedAt: began.Add(9 * time.Second), Cause: CauseTransferred},
		{CallID: r.ID, N: 3, Side: SideAgent, Role: RolePeer, User: "cora", StartedAt: began.Add(9 * time.Second), AnsweredAt: began.Add(12 * time.Second)},
	} {
		if err := store.PutLeg(ctx, l); err != nil {
			t.Fatal(err)
		}
	}
	if ok, err := store.TookPart(ctx, r.ID, "cora"); err != nil || !ok {
		t.Errorf("cora is no party of the running call: %v %v", ok, err)
	}
	h := newHouse(t, db, nil) // the next start
	got, err := h.store.Get(ctx, r.ID)
	legs, errLegs := h.store.Legs(ctx, r.ID)
	if err != nil || errLegs != nil || got.State != StateEnded || got.Cause != CauseRestart || got.EndedAt.Before(began.Add(12*time.Second)) {
		t.Fatalf("record %+v, %v, %v", got, err, errLegs)
	}
	if len(legs) != 3 || legs[0].Codec != "PCMA" || legs[0].Cause != CauseRestart || !legs[0].EndedAt.Equal(got.EndedAt) ||
		legs[1].Cause != CauseTransferred || !legs[1].EndedAt.Equal(began.Add(9*time.Second)) ||
		legs[2].User != "cora" || legs[2].Cause != CauseRestart || !legs[2].EndedAt.Equal(got.EndedAt) {
		t.Errorf("legs %+v", legs)
	}
	// What comes late from a journal does not open an ended call's legs again.
	if err := h.store.PutLeg(ctx, LegRecord{CallID: r.ID, N: 2, Side: SideAgent, User: "bert"}); err != nil {
		t.Fatal(err)
	}
	if again, err := h.store.Legs(ctx, r.ID); err != nil || again[1].EndedAt.IsZero() {
		t.Errorf("legs %+v, %v", again, err)
	}
}

// Legs are rows while the call runs.
func TestLegsAreRowsAsTheyCome(t *testing.T) {
	t.Parallel()
	w := newTown(t, "", "100", nil)
	w.hears("caller", w.first, toneB)
	waitFor(t, func() bool {
		legs, err := w.store.Legs(t.Context(), w.call.id)
		return err == nil && len(legs) == 2 && legs[0].AnsweredAt.IsZero() == false && legs[1].User == "bert" && legs[1].Role == RolePeer
	})
}

// SIGTERM with callers in a queue, with an agent, parked and in the middle of a
// transfer: all end, each with its cause, and nothing is left in the queues.
func TestDrainEndsWaitingAndMovingCalls(t *testing.T) {
	t.Parallel()
	w := newCounter(t, time.Minute, false)
	w.m.cfg.Park = ParkConfig{Slots: "701-702", Timeout: time.Minute}
	waits, waiting := w.rings(toneA, "", "900")
	w.music("waiting", waits)
	w.works("bert")
	w.hears("waiting", waits, toneB)
	third, queued := w.rings(toneA, "", "900") // bert is busy: this one stays in the queue
	w.music("queued", third)
	w.silent("slow")
	w.x.mu.Lock()
	w.x.users["dora"] = w.newTelephone(toneC)
	w.x.users["emil"] = w.newTelephone(toneD)
	w.x.mu.Unlock()
	w.routed(routes{{Name: "dora", Numbers: []string{"101"}, User: "dora"}, {Name: "emil", Numbers: []string{"102"}, User: "emil"}}...)
	m, moving := w.rings(toneA, "", "101")
	w.hears("moving", m, toneC)
	if err := w.m.Transfer(t.Context(), moving.id, "dora", Aim{User: "slow"}); err != nil {
		t.Fatal(err)
	}
	p, parked := w.rings(toneA, "", "102")
	w.hears("parked", p, toneD)
	if _, err := w.m.Park(t.Context(), parked.id, "emil", ""); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { return len(w.m.Parked()) == 1 })
	began := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := w.m.Drain(ctx); err == nil {
		t.Error("nothing had to be cut")
	}
	if took := time.Since(began); took > 8*time.Second {
		t.Errorf("the drain took %v", took)
	}
	for name, c := range map[string]*Call{"with an agent": waiting, "in the queue": queued, "moving": moving, "parked": parked} {
		r, legs := w.ended(c)
		if r.State != StateEnded || r.Cause != CauseShutdown || r.EndedAt.IsZero() {
			t.Errorf("%s: record %+v", name, r)
		}
		for _, l := range legs {
			if l.EndedAt.IsZero() || l.Cause == "" || l.EndedAt.After(r.EndedAt.Add(time.Millisecond)) {
				t.Errorf("%s: leg %+v", name, l)
			}
		}
	}
	for _, phone := range []*telephone{waits, third, m, p, w.bert} {
		if !phone.dialog.hungUp() {
			t.Errorf("telephone %v was not hung up", phone.tone)
		}
	}
	waitFor(t, func() bool {
		items, err := w.q.Items(t.Context(), "")
		return err == nil && len(items) == 0
	})
	waitFor(t, func() bool { return w.state("bert") == queue.Wrapping })
	if _, err := w.m.Originate(Order{User: "anna", To: Aim{User: "bert"}}); err != ErrDraining {
		t.Errorf("a call was placed while draining: %v", err)
	}
}
