package emotion

import (
	"math"
	"math/bits"
)

// fft is a transform of n real samples by a complex one of n/2 points, n a power of
// two from 8 on. It keeps its work space, so one belongs to one goroutine.
type fft struct {
	n        int
	order    []uint16
	cos, sin []float32 // of 2 pi k / n
	a, b     []float32
}

func newFFT(n int) *fft {
	h := n / 2
	t := &fft{n: n, order: make([]uint16, h), cos: make([]float32, h), sin: make([]float32, h), a: make([]float32, h), b: make([]float32, h)}
	shift := 16 - bits.Len(uint(h-1))
	for i := range t.order {
		t.order[i] = bits.Reverse16(uint16(i)) >> shift
		s, c := math.Sincos(2 * math.Pi * float64(i) / float64(n))
		t.cos[i], t.sin[i] = float32(c), float32(s)
	}
	return t
}

// power writes the n/2+1 bins of the power spectrum of x times w; both may be shorter
// than n and are then padded with zeros.
func (t *fft) power(x, w, out []float32) {
	w = w[:len(x)]
	for i, o := range t.order {
		j := 2 * int(o)
		var re, im float32
		if j+1 < len(x) {
			re, im = x[j]*w[j], x[j+1]*w[j+1]
		} else if j < len(x) {
			re = x[j] * w[j]
		}
		t.a[i], t.b[i] = re, im
	}
	t.transform()
	n := t.n / 2
	a, b := t.a, t.b
	out[0] = (a[0] + b[0]) * (a[0] + b[0])
	out[n] = (a[0] - b[0]) * (a[0] - b[0])
	for k := 1; k < n; k++ {
		er, ei := (a[k]+a[n-k])/2, (b[k]-b[n-k])/2
		or, oi := (b[k]+b[n-k])/2, (a[n-k]-a[k])/2
		c, s := t.cos[k], t.sin[k]
		re, im := er+or*c+oi*s, ei+oi*c-or*s
		out[k] = re*re + im*im
	}
}

// correlate writes the first len(out) <= n/2+1 values of the circular autocorrelation
// that belongs to a power spectrum of n/2+1 bins.
func (t *fft) correlate(power, out []float32) {
	n, last := t.n/2, t.n
	for i, o := range t.order {
		j := 2 * int(o)
		if j < n {
			t.a[i], t.b[i] = power[j], power[j+1]
		} else {
			t.a[i], t.b[i] = power[last-j], power[last-j-1]
		}
	}
	t.transform()
	a, b, scale := t.a, t.b, 1/float32(t.n)
	out[0] = (a[0] + b[0]) * scale
	for k := 1; k < len(out) && k < n; k++ {
		or, oi := (b[k]+b[n-k])/2, (a[n-k]-a[k])/2
		out[k] = ((a[k]+a[n-k])/2 + or*t.cos[k] + oi*t.sin[k]) * scale
	}
	if len(out) > n {
		out[n] = (a[0] - b[0]) * scale
	}
}

// transform is the n/2-point transform over a + ib, already in bit-reversed order: two
// radix-2 stages in one, and one alone when their number is odd.
func (t *fft) transform() {
	n := t.n / 2
	a, b := t.a[:n], t.b[:n]
	size := 1
	if bits.Len(uint(n))%2 == 0 { // an odd number of stages
		for i := 0; i+1 < n; i += 2 {
			xr, xi := a[i+1], b[i+1]
			a[i+1], b[i+1] = a[i]-xr, b[i]-xi
			a[i], b[i] = a[i]+xr, b[i]+xi
		}
		size = 2
	}
	for ; size < n; size *= 4 {
		t.stage(a, b, size)
	}
}

// stage joins transforms of size points to ones of four times as many.
func (t *fft) stage(a, b []float32, size int) {
	step := t.n / (4 * size) // twiddle step of the outer stage
	for k := range size {
		c1, s1 := t.cos[2*k*step], t.sin[2*k*step]
		c2, s2 := t.cos[k*step], t.sin[k*step]
		for i := k; i < len(a); i += 4 * size {
			p, q, r, s := i, i+size, i+2*size, i+3*size
			xr, xi := a[q]*c1+b[q]*s1, b[q]*c1-a[q]*s1
			pr, pi, qr, qi := a[p]+xr, b[p]+xi, a[p]-xr, b[p]-xi
			xr, xi = a[s]*c1+b[s]*s1, b[s]*c1-a[s]*s1
			rr, ri, sr, si := a[r]+xr, b[r]+xi, a[r]-xr, b[r]-xi
			xr, xi = rr*c2+ri*s2, ri*c2-rr*s2
			a[p], b[p], a[r], b[r] = pr+xr, pi+xi, pr-xr, pi-xi
			// The second pair turns a quarter further: multiply by -i.
			xr, xi = si*c2-sr*s2, -sr*c2-si*s2
			a[q], b[q], a[s], b[s] = qr+xr, qi+xi, qr-xr, qi-xi
		}
	}
}

// hann and hamming are symmetric windows of n points.
func hann(n int) []float32    { return cosineWindow(n, 0.5) }
func hamming(n int) []float32 { return cosineWindow(n, 0.54) }

func cosineWindow(n int, a float64) []float32 {
	w := make([]float32, n)
	for i := range w {
		w[i] = float32(a - (1-a)*math.Cos(2*math.Pi*(float64(i)+0.5)/float64(n)))
	}
	return w
}
