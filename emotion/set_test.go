package emotion

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"tingxin/audio"
)

// TestEighty8OfAKnownVoice measures a voice of our own: 150 Hz, moving by two semitones, in
// syllables of 200 ms every 400 ms.
func TestEighty8OfAKnownVoice(t *testing.T) {
	names := Eighty8.Names()
	if len(names) != 88 || len(slices.Compact(slices.Sorted(slices.Values(names)))) != 88 {
		t.Fatalf("%d names, want 88 different ones", len(names))
	}
	pcm := speech(8, 150, 2)
	m := Eighty8.Measure(pcm)
	at := map[string]float64{}
	for i, n := range names {
		at[n] = float64(m.X[i])
	}
	var power float64
	for _, v := range pcm {
		power += float64(v) * float64(v) / (1 << 30)
	}
	for _, want := range []struct {
		name       string
		is, within float64
	}{
		{"f0.voiced.mean", 12 * math.Log2(150/27.5), 0.4},
		{"f0.voiced.range", 3.2, 0.7}, // of a sine of 2 semitones, between the percentiles 20 and 80
		{"rhythm.peak_rate", 2.5, 0.2},
		{"rhythm.voiced_rate", 2.5, 0.2},
		{"rhythm.voiced_mean", 0.2, 0.04},
		{"rhythm.unvoiced_mean", 0.2, 0.04},
		{"level.equivalent", 10 * math.Log10(power/float64(len(pcm))), 0.7},
	} {
		if d := math.Abs(at[want.name] - want.is); d > want.within {
			t.Errorf("%s is %.3f, want %.3f", want.name, at[want.name], want.is)
		}
	}
	for i, v := range Eighty8.Measure(make([]int16, audio.Rate)).X {
		if v != v || v > 1e6 || v < -1e6 {
			t.Errorf("silence gives %s = %v", names[i], v)
		}
	}
}

// TestTurnsOfATriangle checks slopes between turning points: up 1 in 100 ms, down 1 in 200 ms.
func TestTurnsOfATriangle(t *testing.T) {
	var y []float32
	for i := range 120 {
		k := i % 30
		v := float32(k) / 10
		if k > 10 {
			v = 1 - float32(k-10)/20
		}
		y = append(y, v+0.02*float32(i%2)) // a tremble that is no turning point
	}
	var rise, fall spread
	if peaks := turns(y, 0.1, &rise, &fall); peaks != 4 {
		t.Errorf("%d peaks, want 4", peaks)
	}
	if math.Abs(float64(rise.mean())-10) > 0.5 || math.Abs(float64(fall.mean())-5) > 0.3 {
		t.Errorf("rises at %.2f, falls at %.2f a second, want 10 and 5", rise.mean(), fall.mean())
	}
}

// TestModelOfEighty8 trains on the small set, keeps the model in a file and reads with it.
func TestModelOfEighty8(t *testing.T) {
	list := examples(3, 8)
	for i := range list {
		list[i].X = list[i].X[:len(Eighty8.names)]
	}
	m, err := Train("small", list)
	if err != nil {
		t.Fatal(err)
	}
	m, err = ReadModel(bytes.NewReader(file(t, m)))
	if err != nil || m.Set() != Eighty8 {
		t.Fatalf("the model that was read is of %v: %v", m.Set(), err)
	}
	a := NewAnalyzer(m, nil)
	play(a, speech(8, 120, 3))
	a.EndTurn(0, 0)
	if _, err := Train("mixed", append(list, Example{X: make([]float32, Features), Speaker: "x"})); err == nil {
		t.Error("examples of two sets were taken")
	}
}

// TestPriorFollowsWhatSpeakersDifferIn: the first number is each speaker's own, the second is chance.
func TestPriorFollowsWhatSpeakersDifferIn(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 9))
	var z [][]float32
	var seconds []float64
	var voice []string
	for s := range 8 {
		own := float32(rng.NormFloat64())
		for range 10 {
			z = append(z, []float32{own + 0.1*float32(rng.NormFloat64()), float32(rng.NormFloat64())})
			seconds, voice = append(seconds, 2), append(voice, fmt.Sprint(s))
		}
	}
	p := NewPrior(z, seconds, voice)
	if p[0] > 0.5 || p[1] < 20 {
		t.Errorf("seconds of prior: %v, want under 0.5 for what is the speaker's, over 20 for chance", p)
	}
	var b Baseline
	b.Learn([]float32{1, 1}, 4)
	got := []float32{1, 1}
	b.Apply(got, p)
	if got[0] > 0.2 || got[1] < 0.7 {
		t.Errorf("four seconds leave %v of 1 and 1", got)
	}
	if NewPrior(z[:20], seconds[:20], voice[:20]) != nil {
		t.Error("two voices made a prior")
	}
}

// TestTiltCarriesOver: in two domains anger moves some features alike and others differently.
// A third domain has the former only.
func TestTiltCarriesOver(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 2))
	draw := func(domain int, angry bool) []float32 {
		x := make([]float32, 60)
		for j := range x {
			x[j] = float32(rng.NormFloat64())
			if !angry {
				continue
			}
			switch {
			case j < 30:
				x[j] += 0.35
			case domain < 2 && j%2 == domain:
				x[j] += 2
			case domain == 2:
				x[j] -= 0.1
			}
		}
		return x
	}
	var x [][]float32
	var y []int
	var who, domain []string
	for d := range 2 {
		for i := range 160 {
			x, y = append(x, draw(d, i%2 == 1)), append(y, i%2)
			who, domain = append(who, fmt.Sprint(d, i/20)), append(domain, fmt.Sprint(d))
		}
	}
	found := func(domain []string) (right int) {
		c, _, err := Fit(x, y, who, 2, FitOptions{Domain: domain, Anger: 1})
		if err != nil {
			t.Fatal(err)
		}
		rng = rand.New(rand.NewPCG(7, 7))
		p := make([]float32, 2)
		for range 300 {
			c.Predict(draw(2, true), p)
			angry := p[1]
			c.Predict(draw(2, false), p)
			if angry > p[1] {
				right++
			}
		}
		return right
	}
	without, with := found(nil), found(domain)
	t.Logf("of 300 pairs in order: without domains %d, with %d", without, with)
	if with < without+30 || with < 180 {
		t.Errorf("of 300 pairs in order: without domains %d, with %d", without, with)
	}
}

// TestSilenceAroundARecordingSaysNothing: a recording with seconds of silence before and behind the voice was another
// recording to every model, by its rhythm and all that is relative to the loud parts.
func TestSilenceAroundARecordingSaysNothing(t *testing.T) {
	around := func(pcm []int16, before, behind time.Duration) []int16 {
		rest := func(d time.Duration) []int16 { return make([]int16, int(d.Seconds()*audio.Rate)) }
		return slices.Concat(rest(before), pcm, rest(behind))
	}
	pcm := around(speech(4, 150, 2), 250*time.Millisecond, 50*time.Millisecond) // ends with 200 ms of its own
	padded := around(pcm, 3*time.Second, 5*time.Second)
	for _, set := range sets {
		a, b := set.Measure(pcm), set.Measure(padded)
		if a.Voiced != b.Voiced || len(b.Track) < 1199 {
			t.Errorf("%s: %s of voice, with silence %s over %d points", set.name, a.Voiced, b.Voiced, len(b.Track))
		}
		for i, name := range set.names {
			if d := float64(b.X[i] - a.X[i]); math.Abs(d) > 0.02+0.15*math.Abs(float64(a.X[i])) {
				t.Errorf("%s %s: %.3f, with silence %.3f", set.name, name, a.X[i], b.X[i])
			}
		}
	}
}
