package emotion

import (
	"math"
	"syscall"
	"testing"
	"time"

	"tingxin/audio"
)

// speech is a voice of our own: pulses through two resonances, with syllables of 200 ms
// and a pitch that moves by so many semitones.
func speech(seconds, hz, semitones float64) []int16 {
	n := int(seconds * audio.Rate)
	out := make([]int16, n)
	phase := 0.0
	var y [3][2]float64
	for i := range out {
		t := float64(i) / audio.Rate
		f := hz * math.Exp2(semitones/12*math.Sin(2*math.Pi*t*0.7))
		x := 0.0
		if phase += f / audio.Rate; phase >= 1 {
			phase--
			x = 1
		}
		for k, formant := range [][2]float64{{600, 80}, {1400, 100}, {2600, 150}} {
			r := math.Exp(-math.Pi * formant[1] / audio.Rate)
			v := x + 2*r*math.Cos(2*math.Pi*formant[0]/audio.Rate)*y[k][0] - r*r*y[k][1]
			y[k][1], y[k][0] = y[k][0], v
			x += v
		}
		loud := math.Max(0, math.Sin(2*math.Pi*t*2.5))
		out[i] = int16(1500 * loud * math.Tanh(x/4))
	}
	return out
}

// play writes pcm and returns the sliding readings.
func play(a *Analyzer, pcm []int16) (list []Reading) {
	var f audio.Frame
	for len(pcm) >= audio.FrameLen {
		copy(f.PCM[:], pcm)
		pcm = pcm[audio.FrameLen:]
		if r, ok := a.WriteFrame(&f); ok {
			list = append(list, r)
		}
		f.Seq++
	}
	return list
}

func TestAnalyzerReadsTurnsAndSlides(t *testing.T) {
	a := NewAnalyzer(Default(), nil)
	list := play(a, speech(8, 120, 3))
	if len(list) != 6 {
		t.Fatalf("%d sliding readings of 8 s, want 6 (at 3, 4, 5, 6, 7, 8 s)", len(list))
	}
	r, ok := a.EndTurn(time.Second, 7*time.Second)
	if !ok || !r.Turn {
		t.Fatalf("no reading of a turn of six seconds: %+v", r)
	}
	for _, r := range append(list, r) {
		sum := float32(0)
		for _, p := range r.P {
			sum += p
		}
		if math.Abs(float64(sum)-1) > 1e-4 || r.Voiced < time.Second || r.End <= r.Start {
			t.Errorf("reading %+v", r)
		}
	}
	if d := (r.Start - time.Second).Abs() + (r.End - 7*time.Second).Abs(); d > 40*time.Millisecond {
		t.Errorf("the turn from 1 to 7 s is said to be %v to %v", r.Start, r.End)
	}
	if _, ok := a.EndTurn(7*time.Second, 7500*time.Millisecond); ok {
		t.Error("half a second was read")
	}
}

func TestNoAllocationPerFrame(t *testing.T) {
	a := NewAnalyzer(Default(), nil)
	pcm := speech(4, 150, 2)
	play(a, pcm) // the work spaces are made once
	var f audio.Frame
	at := 0
	if n := testing.AllocsPerRun(400, func() {
		copy(f.PCM[:], pcm[at:])
		at = (at + audio.FrameLen) % (len(pcm) - audio.FrameLen)
		a.WriteFrame(&f)
	}); n != 0 {
		t.Errorf("%v allocations per frame", n)
	}
}

// cpu is the processor time that this process has used: on a busy machine the wall clock says little.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkFrame is a channel that speaks all the time, with its reading each second;
// core-% is what it takes of a core.
func BenchmarkFrame(b *testing.B) {
	a := NewAnalyzer(Default(), nil)
	pcm := speech(10, 130, 3)
	var f audio.Frame
	at := 0
	b.ReportAllocs()
	begun := cpu()
	for b.Loop() {
		copy(f.PCM[:], pcm[at:])
		at = (at + audio.FrameLen) % (len(pcm) - audio.FrameLen)
		a.WriteFrame(&f)
	}
	b.ReportMetric(float64(cpu()-begun)/float64(b.N)/float64(audio.FrameDur)*100, "core-%")
}

// BenchmarkTurn is the reading of a turn of ten seconds.
func BenchmarkTurn(b *testing.B) {
	a := NewAnalyzer(Default(), nil)
	play(a, speech(10, 130, 3))
	b.ReportAllocs()
	begun := cpu()
	for b.Loop() {
		a.EndTurn(0, 10*time.Second)
	}
	b.ReportMetric(float64(cpu()-begun)/float64(b.N)/1e6, "cpu-ms/op")
}
