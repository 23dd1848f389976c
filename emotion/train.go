package emotion

import (
	"errors"
	"fmt"
	"slices"
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
	// Variant tells examples apart that are the same recordings heard in another way: the
	// speaker then has a norm of each.
	Variant string
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
	m.norm = NewNorm(x)
	y, who := make([]int, len(examples)), make([]string, len(examples))
	z, own := make([][]float32, len(examples)), make([][]float32, len(examples))
	for i, e := range examples {
		y[i], who[i] = int(e.Class), e.Speaker
		z[i] = make([]float32, Features)
		m.norm.Apply(e.X, z[i])
	}
	norms := neutralNorms(examples, z)
	for i, e := range examples {
		own[i] = append([]float32(nil), z[i]...)
		if b := norms[e.Speaker+e.Variant]; b != nil {
			b.Apply(own[i])
		}
	}
	var err error
	var held [2][][]float32
	if m.stranger, held[0], err = Fit(z, y, who, Classes, FitOptions{Components: 100}); err != nil {
		return nil, err
	}
	if m.known, held[1], err = Fit(own, y, who, Classes, FitOptions{Components: 100}); err != nil {
		return nil, err
	}
	var arousal, valence []float64
	for _, e := range examples {
		a, v := affect(e.Label)
		arousal, valence = append(arousal, float64(a)), append(valence, float64(v))
	}
	if m.plane, err = fitPlane(own, arousal, valence); err != nil {
		return nil, err
	}
	for k := range m.unsure {
		m.unsure[k] = leastSure
	}
	m.strange, m.foreign = 2*rare(z, timeFeatures), rare(z, lineFeatures)
	m.unsure[Angry] = m.known.Threshold(held[1], y, int(Angry), AngerPrecision)
	return m, m.seal()
}

// leastSure is the probability that a class needs to be said.
const leastSure = 0.4

// rare is the strangeness that one example in a hundred passes.
func rare(z [][]float32, features []int) float32 {
	far := make([]float32, len(z))
	for i, v := range z {
		far[i] = strangeness(v, features)
	}
	slices.Sort(far)
	return far[len(far)*99/100]
}

// neutralNorms are the baselines that the neutral examples of each voice teach.
func neutralNorms(examples []Example, z [][]float32) map[string]*Baseline {
	norms := map[string]*Baseline{}
	for i, e := range examples {
		if e.Class != Neutral {
			continue
		}
		b := norms[e.Speaker+e.Variant]
		if b == nil {
			b = &Baseline{}
			norms[e.Speaker+e.Variant] = b
		}
		b.Learn(z[i], max(0.5, e.Seconds))
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
