package vad

import "math"

// network maps features to the probability of speech.
type network struct {
	p float32
}

func (n *network) next(x *[numFeat]float32) float32 {
	i := 2 * bands
	z := 14*(x[i]-0.22) + 2.5*(x[i+3]-0.5) - 8*max(0, x[i+4]-0.9)*10*(1-x[i+2])
	p := float32(1 / (1 + math.Exp(-float64(z))))
	n.p += 0.6 * (p - n.p)
	return n.p
}
