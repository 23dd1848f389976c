package front

import (
	"math"
	"slices"
	"testing"
)

// burst is noise below 4 kHz that starts in the middle.
func burst(n int, loud float64) []int16 {
	pcm := make([]int16, n)
	var seed uint32 = 1
	var a, b float64
	for i := range pcm {
		seed = seed*1664525 + 1013904223
		v := float64(int32(seed)) / (1 << 31) * loud
		if i < n/2 {
			v /= 100
		}
		a += 0.5 * (v - a) // twice a gentle low-pass is enough here
		b += 0.5 * (a - b)
		pcm[i] = int16(b)
	}
	return pcm
}

func TestSpectrumIsTheTransform(t *testing.T) {
	var a analysis
	pcm := make([]int16, Block)
	for n := range 10 {
		for i := range pcm {
			s := float64(n*Block+i) / 16000
			pcm[i] = int16(8000*math.Sin(2*math.Pi*1000*s) + 3000*math.Sin(2*math.Pi*2500*s+1))
		}
		a.push(pcm)
	}
	for k := 0; k <= halfLen; k++ {
		var re, im float64
		for i, v := range a.sound {
			x := float64(v * hann[i])
			re += x * math.Cos(2*math.Pi*float64(k*i)/fftLen)
			im -= x * math.Sin(2*math.Pi*float64(k*i)/fftLen)
		}
		want := re*re + im*im
		if diff := math.Abs(float64(a.power[k]) - want); diff > 1e-3*want+50 {
			t.Fatalf("bin %d: %v want %v", k, a.power[k], want)
		}
	}
}

func TestNoiseIsBandLimitedAndOfUnitPower(t *testing.T) {
	table := bandNoise()
	for b := range outputs {
		var power, low float64
		for i := range table {
			v := float64(table[i][b])
			power += v * v
		}
		if power /= noiseLen; math.Abs(power-1) > 0.01 {
			t.Errorf("band %d: power %v", b, power)
		}
		for _, hz := range []float64{500, 1000, 2000, 3000, 3500} {
			var re, im float64
			for i := range 8000 {
				re += float64(table[i][b]) * math.Cos(2*math.Pi*hz*float64(i)/16000)
				im += float64(table[i][b]) * math.Sin(2*math.Pi*hz*float64(i)/16000)
			}
			low = max(low, (re*re+im*im)/8000)
		}
		if low > 0.02 {
			t.Errorf("band %d leaks %v below 4 kHz", b, low)
		}
	}
}

func TestSoundIsOnlyDelayed(t *testing.T) {
	in := burst(64*Block, 8000)
	out := slices.Clone(in)
	New(Fill).Process(out)
	var err, power float64
	for i := Delay; i < len(in); i++ {
		// what was added is above 4 kHz: a low-pass of the difference is small
		d := float64(out[i]) - float64(in[i-Delay])
		err += d
		power += d * d
	}
	if mean := err / float64(len(in)); math.Abs(mean) > 2 {
		t.Errorf("mean of what was added: %v", mean)
	}
	if power == 0 {
		t.Error("nothing was added")
	}
	for i := range Delay / 2 {
		if math.Abs(float64(out[i])) > 200 {
			t.Fatalf("sample %d is %d before any sound", i, out[i])
		}
	}
}

func TestLouderSpeechGetsLouderFill(t *testing.T) {
	added := func(loud float64) float64 {
		in := burst(100*Block, loud)
		out := slices.Clone(in)
		New(Fill).Process(out)
		var p float64
		for i := 70 * Block; i < len(in); i++ {
			d := float64(out[i]) - float64(in[i-Delay])
			p += d * d
		}
		return p
	}
	quiet, loud := added(1000), added(10000)
	if loud < 4*quiet {
		t.Errorf("fill %v for quiet, %v for ten times louder", quiet, loud)
	}
}

func TestSameInSameOut(t *testing.T) {
	a, b, c := burst(50*Block, 9000), burst(50*Block, 9000), burst(50*Block, 9000)
	New(Fill).Process(a)
	f := New(Fill)
	for i := 0; i < len(b); i += 2 * Block {
		f.Process(b[i : i+2*Block])
	}
	if !slices.Equal(a, b) {
		t.Error("chunks make a difference")
	}
	f.Reset()
	f.Process(c)
	if !slices.Equal(a, c) {
		t.Error("Reset does not forget")
	}
}

func TestOffAndRest(t *testing.T) {
	in := burst(10*Block, 9000)
	out := slices.Clone(in)
	New(Off).Process(out)
	if !slices.Equal(in, out) {
		t.Error("Off changed the sound")
	}
	rest := slices.Clone(in[5*Block : 5*Block+7])
	New(Fill).Process(rest)
	if !slices.Equal(rest, in[5*Block:5*Block+7]) {
		t.Error("the rest of a block was changed")
	}
	New(Fill).Process(nil)
}

func TestExtremesStayInRange(t *testing.T) {
	pcm := make([]int16, 100*Block)
	for i := range pcm {
		pcm[i] = math.MaxInt16
		if i/40%2 == 0 {
			pcm[i] = math.MinInt16
		}
	}
	New(Fill).Process(pcm)
	silent := make([]int16, 100*Block)
	New(Fill).Process(silent)
	for _, v := range silent {
		if v > 100 || v < -100 {
			t.Fatalf("silence became %d", v)
		}
	}
}

func TestNoAllocation(t *testing.T) {
	f := New(Fill)
	pcm := burst(2*Block, 5000)
	f.Process(pcm)
	if n := testing.AllocsPerRun(100, func() { f.Process(pcm) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkProcess20ms(b *testing.B) {
	f := New(Fill)
	pcm := burst(2*Block, 5000)
	b.ReportAllocs()
	for b.Loop() {
		f.Process(pcm)
	}
}
