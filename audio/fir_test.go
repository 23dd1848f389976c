package audio

import (
	"math"
	"testing"
)

func sine(freq, rate, amp float64, n int) []int16 {
	pcm := make([]int16, n)
	for i := range pcm {
		pcm[i] = int16(math.Round(amp * math.Sin(2*math.Pi*freq*float64(i)/rate)))
	}
	return pcm
}

// power is the mean square of pcm, and of its part at freq.
func power(pcm []int16, freq, rate float64) (total, at float64) {
	var re, im float64
	for i, s := range pcm {
		v := float64(s)
		total += v * v
		sn, cs := math.Sincos(2 * math.Pi * freq * float64(i) / rate)
		re += v * cs
		im += v * sn
	}
	n := float64(len(pcm))
	return total / n, 2 * (re*re + im*im) / (n * n)
}

func TestUp8to16KeepsTheBandAndNothingElse(t *testing.T) {
	for _, freq := range []float64{100, 300, 1000, 2000, 3000, 3400} {
		var u Up8to16
		in := sine(freq, 8000, 10000, 8000)
		out := make([]int16, 16000)
		for i := 0; i < len(in); i += 160 {
			u.Process(out[2*i:2*i+320], in[i:i+160])
		}
		total, at := power(out[1600:], freq, 16000)
		gain := 10 * math.Log10(at/(10000*10000/2))
		snr := 10 * math.Log10(at/(total-at))
		if math.Abs(gain) > 0.05 || snr < 52 {
			t.Errorf("%v Hz: gain %.3f dB, SNR %.1f dB", freq, gain, snr)
		}
	}
}

func TestDown16to8KeepsTheBandAndStopsTheRest(t *testing.T) {
	for _, freq := range []float64{100, 1000, 3000, 3400, 4600, 5000, 6000, 7500} {
		var d Down16to8
		in := sine(freq, 16000, 10000, 16000)
		out := make([]int16, 8000)
		for i := 0; i < len(out); i += 160 {
			d.Process(out[i:i+160], in[2*i:2*i+320])
		}
		if freq > 4000 {
			total, _ := power(out[800:], 1000, 8000)
			if db := 10 * math.Log10(total/(10000*10000/2)); db > -53 {
				t.Errorf("%v Hz came through at %.1f dB", freq, db)
			}
			continue
		}
		total, at := power(out[800:], freq, 8000)
		if gain := 10 * math.Log10(at/(10000*10000/2)); math.Abs(gain) > 0.05 || 10*math.Log10(at/(total-at)) < 60 {
			t.Errorf("%v Hz: gain %.3f dB, SNR %.1f", freq, gain, 10*math.Log10(at/(total-at)))
		}
	}
}

// Pieces of any length give the same samples as one piece.
func TestResamplersDoNotCareForPieces(t *testing.T) {
	in := sine(777, 8000, 12000, 1600)
	var a, b Up8to16
	one, many := make([]int16, 3200), make([]int16, 3200)
	a.Process(one, in)
	for i, n := 0, 1; i < len(in); i += n {
		n = min(1+i%37, len(in)-i)
		b.Process(many[2*i:2*(i+n)], in[i:i+n])
	}
	var c, d Down16to8
	back, pieces := make([]int16, 1600), make([]int16, 1600)
	c.Process(back, one)
	for i, n := 0, 1; i < len(back); i += n {
		n = min(1+i%41, len(back)-i)
		d.Process(pieces[i:i+n], one[2*i:2*(i+n)])
	}
	for i := range one {
		if one[i] != many[i] {
			t.Fatalf("up differs at %d", i)
		}
	}
	for i := range back {
		if back[i] != pieces[i] {
			t.Fatalf("down differs at %d", i)
		}
	}
	if snr := bestSNR(in, back, 40); snr < 50 {
		t.Errorf("there and back: SNR %.1f dB", snr)
	}
}

func TestResampleFiles(t *testing.T) {
	for _, r := range []struct{ from, to int }{{8000, 16000}, {44100, 16000}, {48000, 16000}, {22050, 16000}, {11025, 16000}, {16000, 8000}, {24000, 16000}} {
		in := sine(1000, float64(r.from), 12000, r.from)
		out := Resample(in, r.from, r.to)
		if len(out) != r.to {
			t.Errorf("%v: %d samples", r, len(out))
		}
		// Same phase: a sine of the new rate is the truth, away from the ends.
		want := sine(1000, float64(r.to), 12000, r.to)
		var s, n float64
		for i := r.to / 10; i < r.to*9/10; i++ {
			d := float64(out[i]) - float64(want[i])
			s += float64(want[i]) * float64(want[i])
			n += d * d
		}
		if snr := 10 * math.Log10(s/n); snr < 70 {
			t.Errorf("%v: SNR %.1f dB", r, snr)
		}
	}
	high := Resample(sine(12000, 48000, 12000, 48000), 48000, 16000)
	if rms := RMS(high[1000:15000]); rms > 3 {
		t.Errorf("12 kHz folded back with rms %.1f", rms)
	}
}
