package vad

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"os"
	"testing"
)

const rate = 16000

// voice is a man reading, 3 s.
func voice(t testing.TB) []int16 {
	b, err := os.ReadFile("../../testdata/voice/sense-2.wav")
	if err != nil {
		t.Fatal(err)
	}
	pcm := make([]int16, (len(b)-44)/2)
	for i := range pcm {
		pcm[i] = int16(binary.LittleEndian.Uint16(b[44+2*i:]))
	}
	return pcm
}

// noise is white noise of the given RMS.
func noise(n int, rms float64) []int16 {
	r := rand.New(rand.NewPCG(uint64(n), 9))
	out := make([]int16, n)
	for i := range out {
		out[i] = int16(r.NormFloat64() * rms)
	}
	return out
}

func add(a, b []int16) []int16 {
	out := make([]int16, len(a))
	for i := range a {
		out[i] = int16(max(-32768, min(32767, int(a[i])+int(b[i]))))
	}
	return out
}

func scale(a []int16, g float64) []int16 {
	out := make([]int16, len(a))
	for i, v := range a {
		out[i] = int16(float64(v) * g)
	}
	return out
}

// frames runs a Detector over pcm and gives the states.
func frames(pcm []int16) []State {
	d := New(Config{})
	var out []State
	for i := 0; i+FrameLen <= len(pcm); i += FrameLen {
		out = append(out, d.Write(pcm[i:i+FrameLen]))
	}
	return out
}

// sines sounds for n samples with the pattern of seconds on and off.
func sines(n int, amp, on, off float64, hz ...float64) []int16 {
	out := make([]int16, n)
	for i := range out {
		t := float64(i) / rate
		if math.Mod(t, on+off) >= on {
			continue
		}
		var v float64
		for _, f := range hz {
			v += math.Sin(2 * math.Pi * f * t)
		}
		out[i] = int16(amp / float64(len(hz)) * v)
	}
	return out
}

// melody is hold music: a plucked melody over held chords.
func melody(n int) []int16 {
	r := rand.New(rand.NewPCG(5, 5))
	mix := make([]float64, n)
	note := func(at int, hz, long, amp, decay float64) {
		for i := at; i < min(n, at+int(long*rate)); i++ {
			t := float64(i-at) / rate
			e := amp * math.Exp(-decay*t) * math.Min(1, t*100)
			mix[i] += e * (math.Sin(2*math.Pi*hz*t) + 0.5*math.Sin(4*math.Pi*hz*t) + 0.25*math.Sin(6*math.Pi*hz*t))
		}
	}
	scale := []float64{1, 9. / 8, 5. / 4, 4. / 3, 3. / 2, 5. / 3, 15. / 8, 2}
	for at := 0; at < n; at += rate / 4 {
		note(at, 440*scale[r.IntN(8)], 0.5, 1500, 3)
		if at%(2*rate) == 0 {
			for _, k := range []int{0, 2, 4} {
				note(at, 220*scale[k], 2, 700, 0.6)
			}
		}
	}
	out := make([]int16, n)
	for i, v := range mix {
		out[i] = int16(v)
	}
	return out
}

func clicks(n int) []int16 {
	r := rand.New(rand.NewPCG(6, 6))
	out := noise(n, 8)
	for at := rate / 2; at < n-400; at += rate/5 + r.IntN(rate) {
		for i := range 60 {
			out[at+i] = int16(8000 * r.NormFloat64() * math.Exp(-float64(i)/12))
		}
	}
	return out
}

func TestNoSpeechInOtherSounds(t *testing.T) {
	const n = 10 * rate
	for _, x := range []struct {
		name  string
		pcm   []int16
		limit float64 // share of the time that may be taken for speech
	}{
		{"digital silence", make([]int16, n), 0},
		{"white noise", noise(n, 100), 0},
		{"loud white noise", noise(n, 1500), 0},
		{"comfort noise that sets in", append(make([]int16, n/2), noise(n/2, 30)...), 0.05},
		{"hum", add(sines(n, 800, 1, 0, 50, 150), noise(n, 10)), 0.12}, // until its floor is known
		{"dtmf", add(sines(n, 4000, 0.1, 0.1, 770, 1336), noise(n, 5)), 0.02},
		{"long key", add(sines(n, 4000, 1, 1, 941, 1477), noise(n, 5)), 0.02},
		{"ring-back us", sines(n, 3000, 2, 4, 440, 480), 0.02},
		{"ring-back cn", sines(n, 3000, 1, 4, 450), 0.02},
		{"busy", sines(n, 3000, 0.35, 0.35, 450), 0.02},
		{"clicks", clicks(n), 0.05},
		{"hold music", melody(n), 0.35},
	} {
		t.Run(x.name, func(t *testing.T) {
			speech := 0
			all := frames(x.pcm)
			for _, s := range all {
				if s.Speech {
					speech++
				}
			}
			share := float64(speech) / float64(len(all))
			t.Logf("%.1f %% taken for speech", 100*share)
			if share > x.limit {
				t.Errorf("%.1f %% taken for speech, limit %.1f %%", 100*share, 100*x.limit)
			}
		})
	}
}

func TestSpeechIsFoundAndItsEndsAreRight(t *testing.T) {
	v := voice(t)
	// The reading begins at 0.26 s and fades out from 2.72 to 2.86 s of the file.
	for _, x := range []struct {
		name  string
		gain  float64
		back  []int16
		begin float64 // latest beginning; the pre-roll of the gate covers 0.26 s more
	}{
		{"clean", 1, nil, 0.5}, {"quiet", 0.05, nil, 0.5}, {"loud", 3, nil, 0.5},
		{"20 dB over noise", 1, noise(6*rate, 150), 0.5}, {"10 dB over noise", 1, noise(6*rate, 450), 0.7},
	} {
		t.Run(x.name, func(t *testing.T) {
			pcm := make([]int16, 6*rate)
			copy(pcm[2*rate:], scale(v, x.gain))
			if x.back != nil {
				pcm = add(pcm, x.back)
			}
			starts, first, last := 0, -1, -1
			was := false
			for i, s := range frames(pcm) {
				if s.Speech && !was {
					starts++
					if first < 0 {
						first = i + 1 - s.Since
					}
				}
				if s.Speech && s.Voice {
					last = i
				}
				was = s.Speech
			}
			begin, end := float64(first)*0.02-2, float64(last+1)*0.02-2
			t.Logf("%d starts, %.2f to %.2f s", starts, begin, end)
			if starts != 1 || begin < 0.05 || begin > x.begin || end < 2.6 || end > 3.2 {
				t.Errorf("%d starts, %.2f to %.2f s", starts, begin, end)
			}
		})
	}
}

func TestHangOverAndMinimum(t *testing.T) {
	d := New(Config{})
	step := func(p float32, n int) State {
		for range n {
			d.move(p)
		}
		return d.state
	}
	if s := step(0.9, 4); s.Speech {
		t.Error("speech after 80 ms")
	}
	if s := step(0.9, 1); !s.Speech || s.Since != 5 {
		t.Errorf("after 100 ms: %+v", s)
	}
	if s := step(0.4, 10); !s.Speech || !s.Voice {
		t.Error("between the thresholds speech goes on")
	}
	if s := step(0.1, 14); !s.Speech || s.Quiet != 14 {
		t.Errorf("in the hang-over: %+v", s)
	}
	if s := step(0.1, 1); s.Speech {
		t.Error("speech after the hang-over")
	}
	step(0.9, 3) // a click
	step(0.1, 10)
	if s := step(0.9, 3); s.Speech {
		t.Error("two clicks made speech")
	}
}

func TestFrameAllocatesNothing(t *testing.T) {
	d := New(Config{})
	pcm := noise(FrameLen, 500)
	if n := testing.AllocsPerRun(500, func() { d.Write(pcm) }); n != 0 {
		t.Errorf("%v allocations per frame", n)
	}
}
