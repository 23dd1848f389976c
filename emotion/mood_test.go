package emotion

import (
	"math"
	"testing"
	"time"
)

var nan = float32(math.NaN())

func sameValue(a, b float32) bool { return math.Abs(float64(a-b)) < 1e-4 }

func TestMood(t *testing.T) {
	var m Mood
	if s := m.Summary(); s != (Summary{}) {
		t.Errorf("before anything: %+v", s)
	}
	for i, e := range []float32{.1, .2, .3, .6, .9, .6} {
		m.Add(e, Span{time.Duration(i) * time.Second, time.Duration(i+1) * time.Second})
	}
	s := m.Summary()
	// (1*.1 + 2*.2 + 3*.3 + 4*.6 + 5*.9 + 6*.6) / 21 by hand
	if !sameValue(s.Value, 11.9/21) {
		t.Errorf("value %g", s.Value)
	}
	if !sameValue(s.Trend, (.75-.15)/2) {
		t.Errorf("trend %g", s.Trend)
	}
	if s.Peak != .9 || s.PeakAt != (Span{4 * time.Second, 5 * time.Second}) || s.Turns != 6 {
		t.Errorf("%+v", s)
	}
	want := float32(.1)
	for _, e := range []float32{.2, .3, .6, .9, .6} {
		want = .4*e + .6*want
	}
	if !sameValue(s.Now, want) {
		t.Errorf("now %g, want %g", s.Now, want)
	}
}

func TestMoodOfALongCallIsBounded(t *testing.T) {
	var m Mood
	const turns = 20_000
	for i := range turns {
		m.Add(float32(i)/turns, Span{})
	}
	s := m.Summary()
	if len(m.values) > mostValues || len(m.rest) > 2*turns/mostValues+64 {
		t.Errorf("%d values, %d waiting", len(m.values), len(m.rest))
	}
	if s.Trend < .32 || s.Trend > .34 || s.Value < .66 || s.Value > .67 {
		t.Errorf("%+v", s)
	}
}

func reading(anger float32, class Class) *Reading {
	return &Reading{P: [5]float32{1 - anger, anger, 0, 0, 0}, Class: class}
}

func TestEstimate(t *testing.T) {
	plain, bad, strong, thanks := Words("en", "where is my order"), Words("en", "this is ridiculous"), Words("en", "get me your manager"), Words("en", "thank you so much")
	for _, tc := range []struct {
		name        string
		ev          Evidence
		least, most float32
		combined    bool
	}{
		{"calm voice", Evidence{Reading: reading(.05, Neutral)}, 0, .1, false},
		{"angry voice alone is capped", Evidence{Reading: reading(.99, Angry)}, VoiceCap, VoiceCap, false},
		{"angry voice, plain words", Evidence{Reading: reading(.9, Angry), Words: &plain}, .8, .9, true},
		{"angry voice, bad words", Evidence{Reading: reading(.9, Angry), Words: &bad}, .93, 1, true},
		{"calm voice, bad words", Evidence{Reading: reading(.1, Neutral), Words: &bad}, .2, .45, true},
		{"calm voice, strong words", Evidence{Reading: reading(.1, Neutral), Words: &strong}, .6, .9, true},
		{"warm words", Evidence{Reading: reading(.4, Other), Words: &thanks}, .1, .35, true},
		{"words only", Evidence{Words: &strong}, .8, .95, false},
		{"plain words only", Evidence{Words: &plain}, .1, .2, false},
		{"abstaining", Evidence{Reading: reading(.9, Unsure)}, UnsureCap, UnsureCap, false},
		{"interrupting", Evidence{Reading: reading(.4, Happy), Interruptions: 99}, .6, .7, false},
		{"interrupting, afraid", Evidence{Reading: reading(.4, Other), Interruptions: 99}, .5, .6, false},
		{"not a number", Evidence{Reading: &Reading{P: [5]float32{nan, nan, nan, nan, nan}, Arousal: nan}}, 0, .05, false},
	} {
		got, ok := tc.ev.Estimate()
		if !ok || got.E < tc.least-1e-6 || got.E > tc.most+1e-6 || got.Combined != tc.combined {
			t.Errorf("%s: %+v %v, want e in [%g, %g]", tc.name, got, ok, tc.least, tc.most)
		}
		if (tc.ev.Reading == nil) != (got.Voice < 0) || (tc.ev.Words == nil) != (got.Words < 0) {
			t.Errorf("%s: %+v does not keep voice and words apart", tc.name, got)
		}
	}
	if _, ok := (Evidence{}).Estimate(); ok {
		t.Error("an estimate of nothing")
	}
}

// An abstaining model alone must never raise an alert.
func TestUnsureNeverAlerts(t *testing.T) {
	w := NewWatch(Rules{})
	for s := range 100 {
		est, _ := Evidence{Reading: reading(1, Unsure)}.Estimate()
		if c := w.Turn(est, false, Span{End: time.Duration(s) * 3 * time.Second}); c != Unchanged {
			t.Fatalf("turn %d: %d", s, c)
		}
	}
}
