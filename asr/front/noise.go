package front

import (
	"math"
	"math/rand/v2"
	"sync"
)

// noiseLen is the length of the noise in samples: two seconds, then it repeats.
const noiseLen = 200 * Block

// edges of the four bands in Hz.
var edges = [outputs + 1]float64{4050, 4650, 5400, 6400, 7600}

// bandNoise is Gaussian noise in the four bands, each of unit power, the same in
// every process. It wraps around without a seam.
var bandNoise = sync.OnceValue(func() *[noiseLen][outputs]float32 {
	const half = 64
	rng := rand.New(rand.NewPCG(3, 3))
	white := make([]float64, noiseLen)
	for i := range white {
		white[i] = rng.NormFloat64()
	}
	out := new([noiseLen][outputs]float32)
	for b := range outputs {
		taps := bandPass(edges[b], edges[b+1], half)
		band := make([]float64, noiseLen)
		var power float64
		for i := range band {
			for k, t := range taps {
				band[i] += t * white[(i+k)%noiseLen]
			}
			power += band[i] * band[i]
		}
		scale := 1 / math.Sqrt(power/noiseLen)
		for i := range band {
			out[i][b] = float32(band[i] * scale)
		}
	}
	return out
})

// bandPass is a linear-phase filter of 2*half+1 taps (Hamming window).
func bandPass(low, high float64, half int) []float64 {
	sinc := func(f, t float64) float64 {
		if t == 0 {
			return 2 * f
		}
		return math.Sin(2*math.Pi*f*t) / (math.Pi * t)
	}
	taps := make([]float64, 2*half+1)
	for i := range taps {
		t := float64(i - half)
		w := 0.54 + 0.46*math.Cos(math.Pi*t/float64(half))
		taps[i] = w * (sinc(high/16000, t) - sinc(low/16000, t))
	}
	return taps
}
