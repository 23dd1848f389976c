package emotion

import (
	"errors"
	"fmt"
	"slices"
)

// Example is one labelled recording.
type Example struct {
	// X are its functionals (Set.Measure), of the same set in all examples.
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
	// Domain is the corpus, language or line that it comes from; see FitOptions.
	Domain string
}

var errFewExamples = errors.New("emotion: training needs recordings of at least two speakers and two classes")

// Train makes a model of examples of at least two speakers and two classes. The same
// examples in the same order give the same model.
func Train(name string, examples []Example) (*Model, error) {
	if len(name) > maxName {
		return nil, fmt.Errorf("emotion: a model's name has at most %d characters", maxName)
	}
	speakers, classes := map[string]bool{}, map[Class]bool{}
	if len(examples) == 0 {
		return nil, errFewExamples
	}
	set := setLong(len(examples[0].X))
	for i, e := range examples {
		if set == nil || len(e.X) != len(set.names) || e.Class >= Unsure {
			return nil, fmt.Errorf("emotion: example %d has no features or no class", i)
		}
		speakers[e.Speaker], classes[e.Class] = true, true
	}
	if len(speakers) < 2 || len(classes) < 2 {
		return nil, errFewExamples
	}
	m := &Model{name: name, set: set}
	x := make([][]float32, len(examples))
	for i := range x {
		x[i] = examples[i].X
	}
	m.norm = NewNorm(x)
	y, who := make([]int, len(examples)), make([]string, len(examples))
	z, own := make([][]float32, len(examples)), make([][]float32, len(examples))
	for i, e := range examples {
		y[i], who[i] = int(e.Class), e.Speaker
		z[i] = make([]float32, len(set.names))
		m.norm.Apply(e.X, z[i])
	}
	domain := make([]string, len(examples))
	norms := neutralNorms(examples, z)
	m.prior = neutralPrior(examples, z)
	for i, e := range examples {
		domain[i] = e.Domain
		own[i] = append([]float32(nil), z[i]...)
		if b := norms[e.Speaker+e.Variant]; b != nil {
			b.Apply(own[i], m.prior)
		}
	}
	m.own = NewNorm(own)
	for _, v := range own {
		m.own.Apply(v, v)
	}
	var err error
	var held [2][][]float32
	opts := FitOptions{Components: 100, Domain: domain, Anger: int(Angry)}
	if m.stranger, held[0], err = Fit(z, y, who, Classes, opts); err != nil {
		return nil, err
	}
	if m.known, m.asHeard, held[1], err = FitKnown(z, own, y, who, Classes, opts); err != nil {
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
	m.strange, m.foreign = 2*rare(z, set.time), rare(z, set.line)
	m.unsure[Angry] = Threshold(held[1], y, domain, int(Angry), AngerPrecision)
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

// neutralPrior is the prior that the neutral examples teach.
func neutralPrior(examples []Example, z [][]float32) Prior {
	var neutral [][]float32
	var seconds []float64
	var voice []string
	for i, e := range examples {
		if e.Class == Neutral {
			neutral, seconds, voice = append(neutral, z[i]), append(seconds, max(0.5, e.Seconds)), append(voice, e.Speaker+e.Variant)
		}
	}
	if p := NewPrior(neutral, seconds, voice); p != nil {
		return p
	}
	p := make(Prior, len(z[0]))
	for j := range p {
		p[j] = priorSeconds
	}
	return p
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
		w := make([]float32, len(z[0])+1)
		for i, v := range a {
			for j, f := range z[i] {
				w[j] += float32(v) * f
			}
			w[len(z[0])] += float32(v * unit)
		}
		plane[k] = w
	}
	return plane, nil
}
