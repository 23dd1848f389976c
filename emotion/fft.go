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
	stages   []fftStage
	pad      []float32
	a, b     []float32
}

// fftStage joins four transforms of size points each, with the factors of both its steps.
type fftStage struct {
	size           int
	c1, s1, c2, s2 []float32
}

func newFFT(n int) *fft {
	h := n / 2
	t := &fft{
		n: n, order: make([]uint16, h), cos: make([]float32, h), sin: make([]float32, h),
		pad: make([]float32, n), a: make([]float32, h), b: make([]float32, h),
	}
	shift := 16 - bits.Len(uint(h-1))
	for i := range t.order {
		t.order[i] = bits.Reverse16(uint16(i)) >> shift
		s, c := math.Sincos(2 * math.Pi * float64(i) / float64(n))
		t.cos[i], t.sin[i] = float32(c), float32(s)
	}
	size := 1
	if bits.Len(uint(h))%2 == 0 { // an odd number of radix-2 steps: one goes alone
		size = 2
	}
	for ; size < h; size *= 4 {
		st, step := fftStage{size: size}, n/(4*size)
		for k := range size {
			st.c1, st.s1 = append(st.c1, t.cos[2*k*step]), append(st.s1, t.sin[2*k*step])
			st.c2, st.s2 = append(st.c2, t.cos[k*step]), append(st.s2, t.sin[k*step])
		}
		t.stages = append(t.stages, st)
	}
	return t
}

// power writes the n/2+1 bins of the power spectrum of x times w; both may be shorter
// than n and are then padded with zeros.
func (t *fft) power(x, w, out []float32) {
	pad := t.pad
	w = w[:len(x)]
	for i, v := range x {
		pad[i] = v * w[i]
	}
	clear(pad[len(x):])
	for i, o := range t.order {
		pair := pad[2*int(o) : 2*int(o)+2]
		t.a[i], t.b[i] = pair[0], pair[1]
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
// radix-2 steps in one stage, and one alone when their number is odd.
func (t *fft) transform() {
	n := t.n / 2
	a, b := t.a[:n], t.b[:n]
	if t.stages[0].size == 2 {
		for i := 0; i+1 < n; i += 2 {
			xr, xi := a[i+1], b[i+1]
			a[i+1], b[i+1] = a[i]-xr, b[i]-xi
			a[i], b[i] = a[i]+xr, b[i]+xi
		}
	}
	for i := range t.stages {
		t.stages[i].join(a, b)
	}
}

// join runs the stage over all blocks.
func (t *fftStage) join(a, b []float32) {
	n := t.size
	c1, s1, c2, s2 := t.c1[:n], t.s1[:n], t.c2[:n], t.s2[:n]
	for from := 0; from < len(a); from += 4 * n {
		pa, qa, ra, sa := a[from:from+n], a[from+n:from+2*n], a[from+2*n:from+3*n], a[from+3*n:from+4*n]
		pb, qb, rb, sb := b[from:from+n], b[from+n:from+2*n], b[from+2*n:from+3*n], b[from+3*n:from+4*n]
		qa, ra, sa = qa[:len(pa)], ra[:len(pa)], sa[:len(pa)]
		pb, qb, rb, sb = pb[:len(pa)], qb[:len(pa)], rb[:len(pa)], sb[:len(pa)]
		for k := range pa {
			c, s := c1[k], s1[k]
			xr, xi := qa[k]*c+qb[k]*s, qb[k]*c-qa[k]*s
			pr, pi, qr, qi := pa[k]+xr, pb[k]+xi, pa[k]-xr, pb[k]-xi
			xr, xi = sa[k]*c+sb[k]*s, sb[k]*c-sa[k]*s
			rr, ri, sr, si := ra[k]+xr, rb[k]+xi, ra[k]-xr, rb[k]-xi
			c, s = c2[k], s2[k]
			xr, xi = rr*c+ri*s, ri*c-rr*s
			pa[k], pb[k], ra[k], rb[k] = pr+xr, pi+xi, pr-xr, pi-xi
			// The second pair turns a quarter further: multiply by -i.
			xr, xi = si*c-sr*s, -sr*c-si*s
			qa[k], qb[k], sa[k], sb[k] = qr+xr, qi+xi, qr-xr, qi-xi
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
