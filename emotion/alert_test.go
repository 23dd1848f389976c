package emotion

import (
	"testing"
	"time"
)

// said is one turn of a table: until second s, with estimate e.
type said struct {
	s      int
	e      float32
	strong bool
	want   Change
}

func TestWatch(t *testing.T) {
	for name, turns := range map[string][]said{
		"calm stays calm":                        {{3, .1, false, Unchanged}, {9, .3, false, Unchanged}, {14, .2, false, Unchanged}, {20, .4, false, Unchanged}},
		"two high turns raise":                   {{3, .8, false, Unchanged}, {9, .8, false, Raised}},
		"one high turn after calm ones does not": {{3, .1, false, Unchanged}, {9, .1, false, Unchanged}, {15, .79, false, Unchanged}},
		"a jump within 15 s raises":              {{3, .2, false, Unchanged}, {9, .98, false, Raised}},
		"a slow rise is no jump":                 {{3, .2, false, Unchanged}, {40, .98, false, Unchanged}},
		"a jump that stays below clear is none":  {{3, .02, false, Unchanged}, {9, .9, false, Unchanged}},
		"strong words raise at once":             {{3, .1, false, Unchanged}, {9, .5, true, Raised}},
		"one alert while it lasts":               {{3, .8, false, Unchanged}, {9, .8, false, Raised}, {12, .8, true, Unchanged}, {15, .79, false, Unchanged}},
		"clears at .45":                          {{3, .8, false, Unchanged}, {9, .8, false, Raised}, {15, .3, false, Unchanged}, {20, .1, false, Cleared}},
		"cool-down of a minute": {{3, .8, false, Unchanged}, {9, .8, false, Raised}, {12, .01, false, Unchanged}, {14, .01, false, Cleared},
			{20, .9, true, Unchanged}, {73, .9, true, Unchanged}, {75, .9, true, Raised}},
		"the supervisor after 20 s at .8": {{3, .9, true, Raised}, {12, .9, false, Unchanged}, {22, .9, false, Unchanged}, {23, .9, false, Escalated}, {50, .9, false, Unchanged}},
		"a dip starts the 20 s anew":      {{3, .9, true, Raised}, {12, .6, false, Unchanged}, {15, .95, false, Unchanged}, {30, .95, false, Unchanged}, {35, .95, false, Escalated}},
		"not a number is nothing":         {{3, nan, false, Unchanged}, {9, nan, false, Unchanged}},
	} {
		w := NewWatch(Rules{})
		for _, turn := range turns {
			at := Span{time.Duration(turn.s-2) * time.Second, time.Duration(turn.s) * time.Second}
			if got := w.Turn(Estimate{E: turn.e}, turn.strong, at); got != turn.want {
				t.Errorf("%s: after %d s: %d, want %d (mood %+v)", name, turn.s, got, turn.want, w.Mood())
			}
		}
	}
}

// Fear, disgust and surprise are shown as other; however much anger they are mixed with, and
// however aroused, they are no alarm as long as they are more probable than it.
func TestOtherRaisesNoAlert(t *testing.T) {
	w := NewWatch(Rules{})
	w.Turn(Estimate{E: .02}, false, Span{End: time.Second})
	r := &Reading{P: [Classes]float32{Angry: .49, Other: .51}, Class: Other, Arousal: 1, Turn: true}
	for s := 2; s < 40; s += 2 {
		at := Span{time.Duration(s-1) * time.Second, time.Duration(s) * time.Second}
		est, ok := Evidence{Reading: r}.Estimate()
		if !ok || est.E > OtherCap {
			t.Fatalf("estimate %+v, %v", est, ok)
		}
		if got := w.Turn(est, false, at); got != Unchanged {
			t.Fatalf("after %d s: %d, mood %+v", s, got, w.Mood())
		}
	}
	r.Class = Angry
	if v := Voice(r); v <= OtherCap {
		t.Errorf("the same voice called angry is %v", v)
	}
}

func TestWatchEscalatesWhileNobodySpeaks(t *testing.T) {
	w := NewWatch(Rules{})
	if w.Turn(Estimate{E: .9}, true, Span{End: 5 * time.Second}) != Raised {
		t.Fatal("not raised")
	}
	for s := 6; s < 25; s++ {
		if w.Tick(time.Duration(s)*time.Second) != Unchanged {
			t.Fatalf("after %d s", s)
		}
	}
	if w.Tick(25*time.Second) != Escalated || w.Level() != LevelSupervisor {
		t.Fatal("not escalated after 20 s")
	}
}

func TestWatchHearsSomebodyWhoTalksOn(t *testing.T) {
	w := NewWatch(Rules{})
	raised := 0
	for s := range 30 {
		at := Span{time.Duration(s) * time.Second, time.Duration(s+3) * time.Second}
		if w.Slide(.9, at) == Raised {
			raised++
			if s < 12 || s > 20 {
				t.Errorf("raised after %d s, want the second chunk of 8 s", s)
			}
		}
	}
	if e, at := w.Last(); e > VoiceCap || at.End-at.Start < chunk-time.Second || at.End-at.Start > chunk+time.Second {
		t.Errorf("the last chunk: %g over %+v", e, at)
	}
	if raised != 1 || w.Mood().Peak > VoiceCap {
		t.Errorf("raised %d times, peak %g", raised, w.Mood().Peak)
	}
	calm := NewWatch(Rules{})
	for s := range 100 { // single loud seconds with pauses between them are no turn
		if s%20 == 0 {
			calm.Slide(1, Span{time.Duration(s) * time.Second, time.Duration(s+3) * time.Second})
		}
	}
	if calm.Mood().Turns != 0 {
		t.Errorf("%+v", calm.Mood())
	}
}

func TestDismissedAlertDoesNotComeBackAtOnce(t *testing.T) {
	w := NewWatch(Rules{})
	w.Turn(Estimate{E: .8}, false, Span{End: 3 * time.Second})
	if w.Turn(Estimate{E: .8}, false, Span{End: 6 * time.Second}) != Raised || w.State() != StateAngry {
		t.Fatal("not raised")
	}
	if w.Dismiss(7*time.Second) != Cleared || w.State() != StateCalm || w.Dismiss(8*time.Second) != Unchanged {
		t.Fatal("not dismissed")
	}
	for s := 10; s < 67; s += 5 {
		if c := w.Turn(Estimate{E: .8}, false, Span{End: time.Duration(s) * time.Second}); c != Unchanged {
			t.Fatalf("came back after %d s", s)
		}
	}
	if w.Turn(Estimate{E: .8}, false, Span{End: 68 * time.Second}) != Raised {
		t.Fatal("who is angry for a minute after that is angry")
	}
}

func TestRulesCheck(t *testing.T) {
	if err := (Rules{}).Check(); err != nil {
		t.Error(err)
	}
	for _, r := range []Rules{{Raise: 2}, {Clear: .7}, {Supervise: .5}, {Alpha: -1}, {CoolDown: -1}, {Jump: nan}} {
		if r.Check() == nil {
			t.Errorf("%+v passes", r)
		}
	}
}
