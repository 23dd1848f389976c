package emotion

import (
	"errors"
	"fmt"
	"math"
)

// Example is one labelled recording.
type Example struct {
	// X are its functionals (Measure).
	X []float32
	// Seconds of voice in it.
	Seconds float64
	// Class is what it counts as, Label what its maker called it.
	Class Class
	Label string
	// Speaker tells speakers apart, also those of different corpora.
	Speaker string
}

// Train makes a model of examples of at least two speakers and two classes. The same
// examples in the same order give the same model.
func Train(name string, examples []Example) (*Model, error) {
	if len(name) > maxName {
		return nil, fmt.Errorf("emotion: a model's name has at most %d characters", maxName)
	}
	speakers, classes := map[string]bool{}, map[Class]bool{}
	for i, e := range examples {
		if len(e.X) != Features || e.Class >= Unsure {
			return nil, fmt.Errorf("emotion: example %d has no features or no class", i)
		}
		speakers[e.Speaker], classes[e.Class] = true, true
	}
	if len(speakers) < 2 || len(classes) < 2 {
		return nil, errors.New("emotion: training needs recordings of at least two speakers and two classes")
	}
	m := &Model{name: name}
	x := make([][]float32, len(examples))
	for i := range x {
		x[i] = examples[i].X
	}
	m.mean, m.scale = Norm(x)
	y, who := make([]int, len(examples)), make([]string, len(examples))
	z, own := make([][]float32, len(examples)), make([][]float32, len(examples))
	for i, e := range examples {
		y[i], who[i] = int(e.Class), e.Speaker
		z[i] = make([]float32, Features)
		m.score(e.X, z[i])
	}
	norms := neutralNorms(examples, z)
	for i, e := range examples {
		own[i] = append([]float32(nil), z[i]...)
		if b := norms[e.Speaker]; b != nil {
			b.apply(own[i])
		}
	}
	var err error
	if m.stranger, err = fitAll(z, y, who); err != nil {
		return nil, err
	}
	if m.known, err = fitAll(own, y, who); err != nil {
		return nil, err
	}
	var arousal, valence []float64
	for _, e := range examples {
		a, v := affect(e.Label)
		arousal, valence = append(arousal, float64(a)), append(valence, float64(v))
	}
	m.plane, err = fitPlane(own, arousal, valence)
	for k := range m.unsure {
		m.unsure[k] = 0.5
	}
	return m, err
}

// fitAll is Fit for all classes, also those without an example.
func fitAll(z [][]float32, y []int, who []string) (*Classifier, error) {
	c, err := Fit(z, y, who, FitOptions{})
	if err != nil {
		return nil, err
	}
	for len(c.w) < Classes {
		w := make([]float32, Features+1)
		w[Features] = -1e3
		c.w = append(c.w, w)
	}
	c.classes = Classes
	return c, nil
}

// Norm is the mean and the inverse deviation of each feature.
func Norm(x [][]float32) (mean, scale []float32) {
	mean, scale = make([]float32, len(x[0])), make([]float32, len(x[0]))
	for j := range mean {
		sum, square := 0.0, 0.0
		for _, v := range x {
			sum += float64(v[j])
		}
		mu := sum / float64(len(x))
		for _, v := range x {
			d := float64(v[j]) - mu
			square += d * d
		}
		mean[j] = float32(mu)
		if sd := math.Sqrt(square / float64(len(x))); sd > 1e-6 {
			scale[j] = float32(1 / sd)
		}
	}
	return mean, scale
}

// neutralNorms are the baselines that the speakers' neutral examples teach.
func neutralNorms(examples []Example, z [][]float32) map[string]*Baseline {
	norms := map[string]*Baseline{}
	for i, e := range examples {
		if e.Class != Neutral {
			continue
		}
		b := norms[e.Speaker]
		if b == nil {
			b = &Baseline{}
			norms[e.Speaker] = b
		}
		b.learn(z[i], max(0.5, e.Seconds))
	}
	return norms
}

// fitPlane is ridge regression on arousal and valence.
func fitPlane(z [][]float32, targets ...[]float64) (plane [2][]float32, err error) {
	n := len(z)
	g := gram(z)
	trace := 0.0
	for i := range n {
		trace += g[i*n+i]
	}
	unit := trace / float64(n)
	for i := range g {
		g[i] += unit
	}
	for i := range n {
		g[i*n+i] += 0.3 * unit
	}
	if err := cholesky(g, n); err != nil {
		return plane, err
	}
	for k, t := range targets {
		a := append([]float64(nil), t...)
		solve(g, n, a)
		w := make([]float32, Features+1)
		for i, v := range a {
			for j, f := range z[i] {
				w[j] += float32(v) * f
			}
			w[Features] += float32(v * unit)
		}
		plane[k] = w
	}
	return plane, nil
}
