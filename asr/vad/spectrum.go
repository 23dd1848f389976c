package vad

import (
	"math"
	"math/bits"
)

// halfBand halves the rate from 16 to 8 kHz with an 11-tap linear-phase filter.
type halfBand struct{ tail [10]float32 }

// taps of a half-band low-pass; every second one but the middle is zero.
var halfTaps = [3]float32{0.3066, -0.0747, 0.0181}

// down writes len(pcm)/2 samples to out. Half the samples is also half the
// noise bandwidth, so that levels stay those of the wide frame.
func (h *halfBand) down(out []float32, pcm []int16) {
	var x [FrameLen + 10]float32
	copy(x[:10], h.tail[:])
	n := min(len(pcm), FrameLen)
	for i, s := range pcm[:n] {
		x[10+i] = float32(s)
	}
	for i := range out {
		j := 2*i + 5
		if j+5 >= len(x) {
			break
		}
		out[i] = 0.5*x[j] + halfTaps[0]*(x[j-1]+x[j+1]) + halfTaps[1]*(x[j-3]+x[j+3]) + halfTaps[2]*(x[j-5]+x[j+5])
	}
	copy(h.tail[:], x[n:n+10])
}

// realFFT is a 256-point transform of real input by a 128-point complex one.
type realFFT struct {
	order [window / 2]uint8
	cos   [window / 2]float32 // of 2 pi k / window
	sin   [window / 2]float32
	a, b  [window / 2]float32
}

func (t *realFFT) init() {
	for i := range t.order {
		t.order[i] = bits.Reverse8(uint8(i)) >> 1
		s, c := math.Sincos(2 * math.Pi * float64(i) / window)
		t.cos[i], t.sin[i] = float32(c), float32(s)
	}
}

// forward transforms x*w; re and im get the bins 0 to window/2.
func (t *realFFT) forward(x, w *[window]float32, re, im *[bins]float32) {
	for i, j := range t.order {
		t.a[i] = x[2*j] * w[2*j]
		t.b[i] = x[2*int(j)+1] * w[2*int(j)+1]
	}
	t.transform()
	const n = window / 2
	re[0], im[0] = t.a[0]+t.b[0], 0
	re[n], im[n] = t.a[0]-t.b[0], 0
	for k := 1; k < n; k++ {
		er, ei := (t.a[k]+t.a[n-k])/2, (t.b[k]-t.b[n-k])/2
		or, oi := (t.b[k]+t.b[n-k])/2, (t.a[n-k]-t.a[k])/2
		c, s := t.cos[k], t.sin[k]
		re[k] = er + or*c + oi*s
		im[k] = ei + oi*c - or*s
	}
}

// autocorrelate gives the circular autocorrelation of the windowed frame from
// its power spectrum, which is real and even, by the same transform.
func (t *realFFT) autocorrelate(power *[bins]float32, out *[window]float32) {
	// The even sequence p[0..255] packed into 128 complex numbers.
	at := func(k int) float32 {
		if k < bins {
			return power[k]
		}
		return power[window-k]
	}
	for i, j := range t.order {
		t.a[i], t.b[i] = at(2*int(j)), at(2*int(j)+1)
	}
	t.transform()
	const n = window / 2
	out[0], out[n] = t.a[0]+t.b[0], t.a[0]-t.b[0]
	for k := 1; k < n; k++ {
		er := (t.a[k] + t.a[n-k]) / 2
		or, oi := (t.b[k]+t.b[n-k])/2, (t.a[n-k]-t.a[k])/2
		v := er + or*t.cos[k] + oi*t.sin[k]
		out[k], out[window-k] = v, v
	}
}

// transform is the 128-point radix-2 transform over a + ib, already in
// bit-reversed order.
func (t *realFFT) transform() {
	const n = window / 2
	for size := 2; size <= n; size *= 2 {
		half, step := size/2, window/size
		for k := range half {
			c, s := t.cos[k*step], t.sin[k*step]
			for i := k; i < n; i += size {
				j := i + half
				xr := t.a[j]*c + t.b[j]*s
				xi := t.b[j]*c - t.a[j]*s
				t.a[j], t.b[j] = t.a[i]-xr, t.b[i]-xi
				t.a[i], t.b[i] = t.a[i]+xr, t.b[i]+xi
			}
		}
	}
}
