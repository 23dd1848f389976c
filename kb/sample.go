package kb

import (
	"math"
	"math/rand/v2"
)

// sampleBeta draws from a Beta distribution; a and b are at least 1.
func sampleBeta(a, b float64) float64 {
	x, y := sampleGamma(a), sampleGamma(b)
	return x / (x + y)
}

// sampleGamma draws from Gamma(shape, 1), shape at least 1 (Marsaglia & Tsang 2000).
func sampleGamma(shape float64) float64 {
	d := shape - 1.0/3
	c := 1 / math.Sqrt(9*d)
	for {
		x := rand.NormFloat64()
		v := 1 + c*x
		if v <= 0 {
			continue
		}
		v = v * v * v
		if math.Log(1-rand.Float64()) < 0.5*x*x+d-d*v+d*math.Log(v) {
			return d * v
		}
	}
}
