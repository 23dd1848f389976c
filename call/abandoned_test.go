package call

import (
	"context"
	"testing"
	"time"

	"tingxin/pg/pgtest"
)

// silence knows of dead servers.
type silence map[string]time.Time

func (s silence) Silent(context.Context) (map[string]time.Time, error) { return s, nil }

// A killed server's calls stayed open in the records of all until it was started again.
func TestCallsOfADeadServerAreClosedByAnother(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	ctx := context.Background()
	store := NewStore(db)
	began := time.Now().Add(-10 * time.Minute).UTC().Truncate(time.Microsecond)
	seen := began.Add(90 * time.Second)
	r := Record{ID: "01890000-0000-7000-8000-0000000000d1", Direction: DirectionIn, From: "555", To: "900", StartedAt: began, Node: "dead",
		Transcription: map[string]string{SideCaller: TranscriptionLive}, Recording: Recording{State: RecordingOpen, Path: "2026/d1.wav"}}
	lives := Record{ID: "01890000-0000-7000-8000-0000000000d2", Direction: DirectionIn, From: "556", To: "900", StartedAt: began, Node: "alive", Transcription: map[string]string{}}
	for _, one := range []Record{r, lives} {
		if err := store.Begin(ctx, one); err != nil {
			t.Fatal(err)
		}
	}
	if err := store.Answered(ctx, r.ID, began.Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	for n, user := range map[int]string{1: "", 2: "bert"} {
		if err := store.PutLeg(ctx, LegRecord{CallID: r.ID, N: n, User: user, Side: SideCaller, StartedAt: began, AnsweredAt: began.Add(time.Second)}); err != nil {
			t.Fatal(err)
		}
	}
	h := newHouse(t, db, nil) // its name is "test"
	h.m.SetSilent(silence{"dead": seen, "test": seen})
	for range 2 { // as two servers would
		if err := h.m.closeAbandoned(ctx); err != nil {
			t.Fatal(err)
		}
	}
	got, err := store.Get(ctx, r.ID)
	if err != nil || got.State != StateEnded || got.Cause != CauseNodeLost || !got.EndedAt.Equal(seen) || got.Transcription[SideCaller] != TranscriptionDone {
		t.Fatalf("record %+v, %v", got, err)
	}
	legs, err := store.Legs(ctx, r.ID)
	if err != nil || len(legs) != 2 || legs[1].User != "bert" || legs[1].Cause != CauseNodeLost || !legs[1].EndedAt.Equal(seen) {
		t.Errorf("legs %+v, %v", legs, err)
	}
	if other, err := store.Get(ctx, lives.ID); err != nil || other.State == StateEnded {
		t.Errorf("a living server's call: %+v, %v", other, err)
	}
	if n := h.m.Stats().Abandoned; n != 1 {
		t.Errorf("%d calls counted", n)
	}

	// Its own server comes back and finds the sound file.
	orphans, err := store.Orphans(ctx, "dead")
	if err != nil || len(orphans) != 1 {
		t.Fatalf("orphans %+v, %v", orphans, err)
	}
	if err := h.m.adopt(ctx, orphans[0]); err != nil {
		t.Fatal(err)
	}
	got, err = store.Get(ctx, r.ID)
	if err != nil || got.Cause != CauseRestart || got.Recording.State == RecordingOpen || !got.EndedAt.Equal(seen) {
		t.Errorf("after the restart: %+v, %v", got, err)
	}
	if legs, err = store.Legs(ctx, r.ID); err != nil || len(legs) != 2 || legs[0].Cause != CauseRestart {
		t.Errorf("legs after the restart %+v, %v", legs, err)
	}
	// It had lived all along, cut off from the database: the real end counts.
	end := orphans[0]
	end.Cause, end.EndedAt = CauseCallerHangup, seen.Add(time.Minute)
	if err := store.Finish(ctx, end, nil); err != nil {
		t.Fatal(err)
	}
	if got, err = store.Get(ctx, r.ID); err != nil || got.Cause != CauseCallerHangup {
		t.Errorf("after the real end: %+v, %v", got, err)
	}
}
