package call

import (
	"slices"
	"testing"
	"time"

	"tingxin/audio"
	"tingxin/media"
)

func TestPromptWordsAreSpreadOverItsTime(t *testing.T) {
	words, spans := spread("Welcome 您好 there", time.Second, 3*time.Second, time.Hour)
	want := []string{"Welcome", "您", "好", "there"}
	if len(words) != len(want) {
		t.Fatalf("words %+v", words)
	}
	for i, w := range words {
		if w.Text != want[i] || "Welcome 您好 there"[spans[i].TextStart:spans[i].TextEnd] != want[i] || spans[i].From != i {
			t.Errorf("word %d: %+v %+v", i, w, spans[i])
		}
		if i > 0 && w.Start < words[i-1].End {
			t.Errorf("word %d begins before the one before ends", i)
		}
	}
	if last := words[3].End; words[0].Start != time.Second || last != 4*time.Second {
		t.Errorf("from %v to %v", words[0].Start, last)
	}
	if cut, _ := spread("one two three four", 0, 4*time.Second, 2*time.Second); len(cut) != 3 || cut[2].End > 2*time.Second {
		t.Errorf("cut off at half: %+v", cut)
	}
}

func TestEarTellsVoiceFromNoise(t *testing.T) {
	var e ear
	feed := func(frames int, level int64, flags audio.Flags) {
		for range frames {
			e.WriteLevel(level*level, flags)
		}
	}
	feed(100, 60, 0) // noise of a line
	if !e.heard().IsZero() {
		t.Error("noise is taken for a voice")
	}
	feed(2, 3000, 0) // a click
	feed(10, 60, 0)
	if !e.heard().IsZero() {
		t.Error("a click is taken for a voice")
	}
	feed(10, 3000, audio.Concealed)
	if !e.heard().IsZero() {
		t.Error("invented sound is taken for a voice")
	}
	feed(10, 3000, 0)
	if e.heard().IsZero() {
		t.Error("a voice is not heard")
	}
	if n := testing.AllocsPerRun(100, func() { e.WriteLevel(3000*3000, 0) }); n != 0 {
		t.Errorf("%v allocations per frame", n)
	}
}

func TestSilentLegsAreToldApart(t *testing.T) {
	c := &Call{m: &Manager{cfg: Config{NoMediaTimeout: 10 * time.Second, MediaTimeout: 30 * time.Second}.withDefaults()}}
	now := time.Now()
	ago := func(s int) time.Time { return now.Add(-time.Duration(s) * time.Second) }
	for name, tc := range map[string]struct {
		a     media.Activity
		cause Cause
		gone  bool
	}{
		"never, young":    {media.Activity{Configured: ago(9)}, CauseNoMedia, false},
		"never, old":      {media.Activity{Configured: ago(11)}, CauseNoMedia, true},
		"stopped, young":  {media.Activity{Configured: ago(60), Last: ago(29)}, CauseMediaTimeout, false},
		"stopped, old":    {media.Activity{Configured: ago(60), Last: ago(31)}, CauseMediaTimeout, true},
		"held":            {media.Activity{Configured: ago(900), Last: ago(600), Held: true}, "", false},
		"muted but sends": {media.Activity{Configured: ago(900), Last: ago(0)}, CauseMediaTimeout, false},
		"taken back":      {media.Activity{Configured: ago(5), Last: ago(600)}, CauseMediaTimeout, false},
	} {
		cause, gone := c.silent(tc.a, ago(900), now)
		if cause != tc.cause || gone != tc.gone {
			t.Errorf("%s: %s %v, want %s %v", name, cause, gone, tc.cause, tc.gone)
		}
	}
}

func TestRoutes(t *testing.T) {
	rs, err := newRoutes(nil, []Route{
		{Numbers: []string{"40*"}, Flow: "support"}, {Numbers: []string{"5*"}, Trunks: []string{"office"}, Bridge: "sip:{number}@h;x={caller};y={rest}"},
		{Numbers: []string{"900"}, Reject: 403, Name: "no"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ number, trunk, want string }{
		{"4000", "", "support"}, {"500", "office", "bridge"}, {"500", "", ""}, {"900", "", "no"}, {"9001", "", ""}, {"echo", "", "echo"},
	} {
		if r, _ := rs.find(tc.number, tc.trunk, false); r.Name != tc.want {
			t.Errorf("%s by %q: %q, want %q", tc.number, tc.trunk, r.Name, tc.want)
		}
	}
	r, _ := rs.find("512", "office", false)
	if got := r.target(&Incoming{To: "51;2@evil", From: "<me>"}).URI; got != "sip:512evil@h;x=me;y=12evil" {
		t.Errorf("target %s", got)
	}
	for name, bad := range map[string]Route{
		"nothing": {Numbers: []string{"1"}}, "two": {Numbers: []string{"1"}, Echo: true, Flow: "x"}, "no numbers": {Echo: true},
		"emotion without a bridge":   {Numbers: []string{"1"}, Flow: "x", Emotion: true},
		"mix without a second party": {Numbers: []string{"1"}, Echo: true, Mix: true},
		"status":                     {Numbers: []string{"1"}, Reject: 200}, "address": {Numbers: []string{"1"}, Bridge: "10.0.0.7"},
	} {
		if _, err := newRoutes(nil, []Route{bad}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// What a party says while it has put the others on hold is not taken down; time goes on.
func TestHeldWordsAreSilence(t *testing.T) {
	s := &ticks{}
	h := &hearing{stream: s}
	var f audio.Frame
	f.PCM[0] = 1000
	for i := range 6 {
		f.Seq = uint64(100 + i)
		h.muted.Store(i == 2 || i == 3)
		h.WriteFrame(&f)
	}
	if want := []ticked{{100, 1000}, {101, 1000}, {102, 0}, {103, 0}, {104, 1000}, {105, 1000}}; !slices.Equal(s.got, want) {
		t.Errorf("frames %v", s.got)
	}
	if n := testing.AllocsPerRun(100, func() { h.muted.Store(true); s.got = s.got[:0]; h.WriteFrame(&f) }); n != 0 {
		t.Errorf("%g allocations per frame", n)
	}
}

// ticked is a frame's place and first sample.
type ticked struct {
	seq   uint64
	first int16
}

// ticks is a Stream that notes them.
type ticks struct {
	stream
	got []ticked
}

func (s *ticks) WriteFrame(f *audio.Frame) { s.got = append(s.got, ticked{f.Seq, f.PCM[0]}) }
