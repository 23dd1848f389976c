package vad

import (
	"math"
	"math/cmplx"
	"math/rand/v2"
	"testing"
)

func TestFFTMatchesDefinition(t *testing.T) {
	var f realFFT
	f.init()
	r := rand.New(rand.NewPCG(1, 2))
	var x, w [window]float32
	for i := range x {
		x[i], w[i] = float32(r.NormFloat64()), 1
	}
	var re, im [bins]float32
	f.forward(&x, &w, &re, &im)
	var power [bins]float32
	for k := range re {
		var want complex128
		for i := range x {
			want += complex(float64(x[i]), 0) * cmplx.Exp(complex(0, -2*math.Pi*float64(k*i)/window))
		}
		if cmplx.Abs(want-complex(float64(re[k]), float64(im[k]))) > 1e-3 {
			t.Fatalf("bin %d: got %v %v want %v", k, re[k], im[k], want)
		}
		power[k] = re[k]*re[k] + im[k]*im[k]
	}
	var corr [window]float32
	f.autocorrelate(&power, &corr)
	for lag := range corr {
		var want float64
		for i := range x {
			want += float64(x[i]) * float64(x[(i+lag)%window])
		}
		if math.Abs(float64(corr[lag])/window-want) > 1e-2 {
			t.Fatalf("lag %d: got %v want %v", lag, corr[lag]/window, want)
		}
	}
}
