package emotion

import (
	"math"
	"math/cmplx"
	"math/rand/v2"
	"testing"
)

func TestFFTAgainstTheDefinition(t *testing.T) {
	for _, n := range []int{8, 16, 32, 256, 512} {
		rng := rand.New(rand.NewPCG(1, uint64(n)))
		x, w := make([]float32, n-3), make([]float32, n)
		for i := range x {
			x[i] = rng.Float32() - 0.5
		}
		for i := range w {
			w[i] = 1 + rng.Float32()
		}
		plan := newFFT(n)
		got := make([]float32, n/2+1)
		plan.power(x, w, got)
		for k := range got {
			var sum complex128
			for i, v := range x {
				sum += complex(float64(v*w[i]), 0) * cmplx.Rect(1, -2*math.Pi*float64(i*k)/float64(n))
			}
			want := real(sum)*real(sum) + imag(sum)*imag(sum)
			if math.Abs(float64(got[k])-want) > 1e-3*(1+want) {
				t.Fatalf("n %d bin %d: %g, want %g", n, k, got[k], want)
			}
		}
		corr := make([]float32, n/2+1)
		plan.correlate(got, corr)
		for lag := range corr {
			want := 0.0
			for i := range n {
				at := func(i int) float64 {
					if i %= n; i < len(x) {
						return float64(x[i] * w[i])
					}
					return 0
				}
				want += at(i) * at(i+lag)
			}
			if math.Abs(float64(corr[lag])-want) > 1e-3*float64(n) {
				t.Fatalf("n %d lag %d: %g, want %g", n, lag, corr[lag], want)
			}
		}
	}
}

func BenchmarkFFT512(b *testing.B) {
	plan, x, out := newFFT(512), make([]float32, 320), make([]float32, 257)
	w := hann(320)
	for i := range x {
		x[i] = float32(i % 37)
	}
	for b.Loop() {
		plan.power(x, w, out)
	}
}
