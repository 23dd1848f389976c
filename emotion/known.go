package emotion

import "math"

// asHeard is how much of the distance of two recordings of known voices may be that of their
// z-scores as they are; the rest is that of those less the speakers' norms. Where a few seconds
// give a norm badly, what is sure about a voice is lost without it; on a foreign line it is in the way.
const asHeard = 0.3

// beside weighs the z-scores of a known voice: as they are in the first half, less the
// speaker's norm in the second.
func beside(both []float32, share float32) {
	n := len(both) / 2
	heard, own := sqrtf(share), sqrtf(1-share)
	for i := range n {
		both[i] *= heard
		both[n+i] *= own
	}
}

// Beside joins the z-scores of a known voice, as they are and less the speaker's norm, to what
// the classifier of FitKnown takes, with the share of the former that it tells.
func Beside(z, own []float32, share float32) []float32 {
	both := append(append(make([]float32, 0, 2*len(z)), z...), own...)
	beside(both, share)
	return both
}

// FitKnown trains a classifier for known voices, as Fit does, on z-scores as they are and less
// the speakers' norms. The share of the former is zero, unless speakers left out are told
// apart better with some.
func FitKnown(z, own [][]float32, y []int, speaker []string, classes int, opts FitOptions) (c *Classifier, share float32, held [][]float32, err error) {
	best := math.Inf(-1)
	for _, some := range []float32{0, asHeard} {
		both := make([][]float32, len(z))
		for i := range z {
			both[i] = Beside(z[i], own[i], some)
		}
		one, left, err := Fit(both, y, speaker, classes, opts)
		if err != nil {
			return nil, 0, nil, err
		}
		if l := likelihood(left, y); c == nil || l > best {
			c, share, held, best = one, some, left, l
		}
	}
	return c, share, held, nil
}

// likelihood is the mean logarithm of the probabilities that the classes have, of the examples that are held out.
func likelihood(held [][]float32, y []int) float64 {
	sum, n := 0.0, 0.0
	for i, p := range held {
		if p != nil {
			sum += math.Log(max(1e-6, float64(p[y[i]])))
			n++
		}
	}
	return sum / max(1, n)
}
