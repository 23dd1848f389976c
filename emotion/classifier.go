package emotion

import (
	"errors"
	"math"
)

// Classifier maps z-scores of functionals to calibrated probabilities. It is immutable.
type Classifier struct {
	classes int
	w       [][]float32 // a row of weights per class, the bias last
	sharp   float32     // softmax of sharp * score
}

// FitOptions direct Fit. The zero value is the default.
type FitOptions struct {
	// Ridge is the weight of the penalty, against a mean squared length of examples of 1.
	Ridge float64
}

// Fit trains a classifier on examples x (equally long), their classes y from 0 on, and
// the speakers they come from. The same input gives the same classifier.
func Fit(x [][]float32, y []int, speaker []string, opts FitOptions) (*Classifier, error) {
	if len(x) == 0 || len(x) != len(y) || len(x) != len(speaker) {
		return nil, errors.New("emotion: no examples to learn from")
	}
	if opts.Ridge == 0 {
		opts.Ridge = 0.3
	}
	classes := 0
	for _, c := range y {
		classes = max(classes, c+1)
	}
	c := &Classifier{classes: classes, sharp: 4}
	count := make([]float64, classes)
	for _, k := range y {
		count[k]++
	}
	n := len(x)
	g := gram(x)
	trace := 0.0
	for i := range n {
		trace += g[i*n+i]
	}
	ridge := opts.Ridge * trace / float64(n)
	for i := range n {
		for j := range n {
			g[i*n+j] += trace / float64(n) // a constant feature: the bias
		}
		g[i*n+i] += ridge * count[y[i]] * float64(classes) / float64(n)
	}
	if err := cholesky(g, n); err != nil {
		return nil, err
	}
	unit := float32(trace / float64(n))
	for k := range classes {
		t := make([]float64, n)
		for i := range t {
			t[i] = -1 / float64(classes)
			if y[i] == k {
				t[i]++
			}
		}
		solve(g, n, t)
		w := make([]float32, len(x[0])+1)
		for i, a := range t {
			for j, v := range x[i] {
				w[j] += float32(a) * v
			}
			w[len(x[0])] += float32(a) * unit
		}
		c.w = append(c.w, w)
	}
	return c, nil
}

// Predict writes the probabilities of the classes for z.
func (c *Classifier) Predict(z []float32, p []float32) {
	top := float32(-math.MaxFloat32)
	for k, w := range c.w {
		s := w[len(z)]
		for j, v := range z {
			s += w[j] * v
		}
		p[k] = s * c.sharp
		top = max(top, p[k])
	}
	sum := float32(0)
	for k := range c.w {
		p[k] = expf(max(-60, p[k]-top))
		sum += p[k]
	}
	for k := range c.w {
		p[k] /= sum
	}
}
