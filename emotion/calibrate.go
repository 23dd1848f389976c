package emotion

import (
	"math"
	"slices"
)

const (
	// shiftPenalty draws the shifts of the classes to zero, for each example.
	shiftPenalty = 0.01
	// fewCalibrators is how many speakers left out make shifts worth finding: those of two or
	// three say more about them than about the next one.
	fewCalibrators = 5
)

// calibrate finds the sharpness and the shift of each class under which held-out scores (nil
// for those that are not held out) are likeliest, when their probabilities are the softmax of
// sharpness * score + shift (Guo et al. 2017, "On Calibration of Modern Neural Networks").
// With few speakers the shifts stay zero.
func calibrate(score [][]float32, y []int, speaker []string, classes int) (sharp float32, shift []float32) {
	f := &calibrationFit{y: y, classes: classes}
	who := map[string]bool{}
	for i, s := range score {
		if s != nil {
			f.of = append(f.of, i)
			who[speaker[i]] = true
		}
	}
	f.score = score
	sharp, shift = temper(score, y), make([]float32, classes)
	if len(who) < fewCalibrators {
		return sharp, shift
	}
	v := make([]float64, 1+classes) // sharpness, then shifts
	v[0] = float64(sharp)
	v = f.minimise(v)
	for k := range shift {
		shift[k] = float32(v[1+k])
	}
	return float32(max(0.1, v[0])), shift
}

// calibrationFit is the mean negative logarithm of the likelihood, and the penalty.
type calibrationFit struct {
	score   [][]float32
	of      []int // examples with a score
	y       []int
	classes int
}

// minimise is Newton's method from v, each step as long as it helps.
func (f *calibrationFit) minimise(v []float64) []float64 {
	loss := f.loss(v)
	for range 30 {
		step, ok := f.step(v)
		if !ok {
			break
		}
		before := loss
		for length := 1.0; length > 1e-3; length /= 2 {
			next := slices.Clone(v)
			for i, d := range step {
				next[i] -= length * d
			}
			if l := f.loss(next); l < loss {
				v, loss = next, l
				break
			}
		}
		if before-loss < 1e-9 {
			break
		}
	}
	return v
}

// probabilities writes those of example i under v to p, and returns the logarithm of that of its class.
func (f *calibrationFit) probabilities(v []float64, i int, p []float64) float64 {
	top, total := math.Inf(-1), 0.0
	for k, s := range f.score[i] {
		p[k] = v[0]*float64(s) + v[1+k]
		top = max(top, p[k])
	}
	own := p[f.y[i]] - top
	for k := range p {
		p[k] = math.Exp(p[k] - top)
		total += p[k]
	}
	for k := range p {
		p[k] /= total
	}
	return own - math.Log(total)
}

func (f *calibrationFit) loss(v []float64) float64 {
	sum := 0.0
	p := make([]float64, f.classes)
	for _, i := range f.of {
		sum -= f.probabilities(v, i, p)
	}
	sum /= float64(len(f.of))
	for _, b := range v[1:] {
		sum += shiftPenalty * b * b
	}
	return sum
}

// step is the gradient over the matrix of second derivatives.
func (f *calibrationFit) step(v []float64) (step []float64, ok bool) {
	m := len(v)
	g, h, p := make([]float64, m), make([]float64, m*m), make([]float64, f.classes)
	weight := 1 / float64(len(f.of))
	for _, i := range f.of {
		f.probabilities(v, i, p)
		s := f.score[i]
		mean := 0.0
		for k, q := range p {
			mean += q * float64(s[k])
		}
		g[0] += (mean - float64(s[f.y[i]])) * weight
		g[1+f.y[i]] -= weight
		for k, q := range p {
			d := q * (float64(s[k]) - mean) * weight
			h[0] += d * float64(s[k])
			h[(1+k)*m] += d
			g[1+k] += q * weight
			h[(1+k)*m+1+k] += q * weight
			for j, r := range p[:k+1] {
				h[(1+k)*m+1+j] -= q * r * weight
			}
		}
	}
	h[0] += 1e-9
	for k, b := range v[1:] {
		g[1+k] += 2 * shiftPenalty * b
		h[(1+k)*m+1+k] += 2 * shiftPenalty
	}
	if cholesky(h, m) != nil {
		return nil, false
	}
	solve(h, m, g)
	return g, true
}

// softmax turns scores into probabilities, in place.
func (c *Classifier) softmax(p []float32) {
	top := float32(math.Inf(-1))
	for k, v := range p {
		p[k] = c.sharp*v + c.shift[k]
		top = max(top, p[k])
	}
	sum := float32(0)
	for k, v := range p {
		p[k] = expf(max(-60, v-top))
		sum += p[k]
	}
	for k := range p {
		p[k] /= sum
	}
}
