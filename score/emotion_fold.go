package score

import (
	"fmt"
	"slices"

	"tingxin/emotion"
)

// fold is one side of a split.
type fold struct {
	norm  string
	items []measured
	y     []int
	first []bool
}

func (f *fold) add(m measured, y int, first bool) {
	f.items, f.y, f.first = append(f.items, m), append(f.y, y), append(f.first, first)
}

// addCopies adds the copies of m for training.
func (f *fold) addCopies(m measured, y int, first bool) {
	for k, x := range m.copies {
		c := m
		c.x, c.copies, c.variant = x, nil, fmt.Sprintf(" at %.2f", speeds[k])
		f.add(c, y, first)
	}
}

// evaluate trains on one side and tests the other. First neutral seconds are not tested.
func evaluate(train, test *fold, classes int, anger []int) ([]guess, error) {
	x := train.raw()
	n := emotion.NewNorm(x)
	z := train.scores(x, n)
	prior := train.prior(z)
	heard := z
	z, own := train.own(z, prior, nil)
	who, domain := make([]string, len(train.items)), make([]string, len(train.items))
	for i, m := range train.items {
		who[i], domain[i] = m.Who(), m.Corpus
	}
	opts := emotion.FitOptions{Domain: domain}
	if len(anger) > 0 {
		opts.Anger = anger[0]
	}
	var c *emotion.Classifier
	var held [][]float32
	var share float32
	var err error
	if own != nil {
		c, share, held, err = emotion.FitKnown(heard, z, train.y, who, classes, opts)
	} else {
		c, held, err = emotion.Fit(z, train.y, who, classes, opts)
	}
	if err != nil {
		return nil, err
	}
	least := float32(0)
	if len(anger) > 0 {
		y := slices.Clone(train.y)
		for i, p := range held {
			held[i] = oneAnger(p, anger)
			if slices.Contains(anger, y[i]) {
				y[i] = anger[0]
			}
		}
		least = emotion.Threshold(held, y, domain, anger[0], emotion.AngerPrecision)
	}
	var list []guess
	heard = test.scores(test.raw(), n)
	tested, _ := test.own(heard, prior, own)
	for i, v := range tested {
		if test.norm == "first" && test.first[i] {
			continue
		}
		g := guess{speaker: test.items[i].Who(), path: test.items[i].Path, truth: test.y[i], p: make([]float32, classes)}
		if own != nil {
			v = emotion.Beside(heard[i], v, share)
		}
		c.Predict(v, g.p)
		g.unsure = len(anger) > 0 && g.angry(anger) && g.anger(anger) < least
		list = append(list, g)
	}
	return list, nil
}

// raw are the functionals, by norm "full" already as z-scores of the speaker's own.
func (f *fold) raw() [][]float32 {
	x := make([][]float32, len(f.items))
	for i, m := range f.items {
		x[i] = m.x
	}
	if f.norm != "full" {
		return x
	}
	by := map[string][]int{}
	for i, m := range f.items {
		by[m.voice()] = append(by[m.voice()], i)
	}
	for _, group := range by {
		var own [][]float32
		for _, i := range group {
			own = append(own, f.items[i].x)
		}
		n := emotion.NewNorm(own)
		for _, i := range group {
			z := make([]float32, len(x[i]))
			n.Apply(x[i], z)
			x[i] = z
		}
	}
	return x
}

// scores are z-scores by n.
func (f *fold) scores(x [][]float32, n emotion.Norm) [][]float32 {
	z := make([][]float32, len(x))
	for i, v := range x {
		z[i] = make([]float32, len(v))
		n.Apply(v, z[i])
	}
	return z
}

// prior is what the neutral recordings say of how speakers differ.
func (f *fold) prior(z [][]float32) emotion.Prior {
	var neutral [][]float32
	var seconds []float64
	var voice []string
	for i, m := range f.items {
		if m.Class == emotion.Neutral {
			neutral, seconds, voice = append(neutral, z[i]), append(seconds, max(0.5, m.seconds)), append(voice, m.voice())
		}
	}
	return emotion.NewPrior(neutral, seconds, voice)
}

// own takes, by norm "first", the speakers' baselines from z and makes z-scores of the rest, by the
// norm given or by that of these recordings; by the others it gives z and no norm.
func (f *fold) own(z [][]float32, prior emotion.Prior, n *emotion.Norm) ([][]float32, *emotion.Norm) {
	if f.norm != "first" {
		return z, nil
	}
	base := map[string]*emotion.Baseline{}
	for i, m := range f.items {
		if f.first[i] {
			if base[m.voice()] == nil {
				base[m.voice()] = &emotion.Baseline{}
			}
			base[m.voice()].Learn(z[i], max(0.3, m.seconds))
		}
	}
	out := make([][]float32, len(z))
	for i, m := range f.items {
		out[i] = slices.Clone(z[i])
		if b := base[m.voice()]; b != nil {
			b.Apply(out[i], prior)
		}
	}
	if n == nil {
		norm := emotion.NewNorm(out)
		n = &norm
	}
	for _, v := range out {
		n.Apply(v, v)
	}
	return out, n
}
