package emotion

import "math"

// Norm is where the features of many speakers lie: z = (x - Mean) * Scale.
type Norm struct {
	Mean, Scale []float32
}

// mostDeviation bounds a z-score.
const mostDeviation = 6

// NewNorm is the norm of examples that are equally long. A feature that never changes
// counts for nothing.
func NewNorm(x [][]float32) Norm {
	n := Norm{Mean: make([]float32, len(x[0])), Scale: make([]float32, len(x[0]))}
	for j := range n.Mean {
		sum, square := 0.0, 0.0
		for _, v := range x {
			sum += float64(v[j])
		}
		mean := sum / float64(len(x))
		for _, v := range x {
			d := float64(v[j]) - mean
			square += d * d
		}
		n.Mean[j] = float32(mean)
		if sd := math.Sqrt(square / float64(len(x))); sd > 1e-6 {
			n.Scale[j] = float32(1 / sd)
		}
	}
	return n
}

// Apply writes the z-scores of x to z, which may be x.
func (n Norm) Apply(x, z []float32) {
	for i, v := range x {
		z[i] = max(-mostDeviation, min(mostDeviation, (v-n.Mean[i])*n.Scale[i]))
	}
}
