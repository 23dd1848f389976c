package emotion

import (
	"math"
	"testing"
	"time"

	"tingxin/audio"
)

// music is a melody of chords with overtones, a note of 250 ms each, with a beat.
func music(seconds float64) []int16 {
	melody := []float64{262, 330, 392, 523, 440, 392, 349, 294}
	noise := make([]int16, int(seconds*audio.Rate))
	audio.NewNoise(9).Fill(noise, 1000)
	out := make([]int16, len(noise))
	for i := range out {
		t := float64(i) / audio.Rate
		note := melody[int(t*4)%len(melody)]
		in := math.Mod(t, 0.25)
		x := 0.0
		for _, chord := range []float64{1, 1.26, 1.5, 0.5} {
			for h := 1.0; h <= 5; h++ {
				x += math.Sin(2*math.Pi*note*chord*h*t) / h
			}
		}
		beat := math.Exp(-60*math.Mod(t, 0.5)) * float64(noise[i])
		out[i] = int16(max(-32768, min(32767, 2500*x*math.Exp(-4*in)+4*beat)))
	}
	return out
}

// held is one chord that never ends, as some hold music.
func held(seconds float64) []int16 {
	out := make([]int16, int(seconds*audio.Rate))
	for i := range out {
		t := float64(i) / audio.Rate
		x := 0.0
		for _, f := range []float64{220, 277, 330} {
			x += math.Sin(2*math.Pi*f*t) + 0.5*math.Sin(4*math.Pi*f*t)
		}
		out[i] = int16(2000 * x * (1 + 0.3*math.Sin(2*math.Pi*5*t)))
	}
	return out
}

func digits(t *testing.T, seconds float64) []int16 {
	t.Helper()
	rows, columns := []float64{697, 770, 852, 941}, []float64{1209, 1336, 1477}
	out := make([]int16, int(seconds*audio.Rate))
	for i := range out {
		at := float64(i) / audio.Rate
		if math.Mod(at, 0.2) < 0.12 {
			n := int(at / 0.2)
			out[i] = int16(6000*math.Sin(2*math.Pi*rows[n%4]*at) + 6000*math.Sin(2*math.Pi*columns[n%3]*at))
		}
	}
	return out
}

func noise(seconds float64, rms float32, bursts bool) []int16 {
	out := make([]int16, int(seconds*audio.Rate))
	audio.NewNoise(4).Fill(out, rms)
	if bursts {
		for i := range out {
			if i/3200%2 == 0 {
				out[i] /= 30
			}
		}
	}
	return out
}

// TestWhatIsNotAngry writes sounds that are no angry voice: none may give a reading of
// anger, neither each second nor over the whole.
func TestWhatIsNotAngry(t *testing.T) {
	clipped := speech(12, 120, 2)
	for i, v := range clipped {
		clipped[i] = int16(max(-9000, min(9000, 20*int(v))))
	}
	for _, tc := range []struct {
		name string
		pcm  []int16
	}{
		{"silence", make([]int16, 12*audio.Rate)},
		{"music", music(12)},
		{"held chord", held(12)},
		{"digits", digits(t, 12)},
		{"dial tone", tone450(12)},
		{"noise", noise(12, 2000, false)},
		{"loud noise in bursts", noise(12, 9000, true)},
		{"clipped speech", clipped},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a := NewAnalyzer(Default(), nil)
			list := play(a, tc.pcm)
			if r, ok := a.EndTurn(0, 12*time.Second); ok {
				list = append(list, r)
			}
			for _, r := range list {
				if r.Class == Angry {
					t.Errorf("at %v: angry, %.2f", r.End, r.P[Angry])
				}
			}
			t.Logf("%d readings", len(list))
		})
	}
}

func tone450(seconds float64) []int16 {
	out := make([]int16, int(seconds*audio.Rate))
	for i := range out {
		out[i] = int16(8000 * math.Sin(2*math.Pi*450*float64(i)/audio.Rate))
	}
	return out
}

// TestACallOfOneSecond has too little voice for a reading.
func TestACallOfOneSecond(t *testing.T) {
	a := NewAnalyzer(Default(), nil)
	if list := play(a, speech(1, 200, 8)); len(list) > 0 {
		t.Errorf("%d readings of one second", len(list))
	}
	if r, ok := a.EndTurn(0, time.Second); ok {
		t.Errorf("a turn of one second was read: %+v", r)
	}
}
