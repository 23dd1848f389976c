package score

import (
	"fmt"

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
func evaluate(train, test *fold, classes, anger int) ([]guess, error) {
	x := train.raw()
	n := emotion.NewNorm(x)
	z := train.scores(x, n)
	who := make([]string, len(train.items))
	for i, m := range train.items {
		who[i] = m.Who()
	}
	c, held, err := emotion.Fit(z, train.y, who, classes, emotion.FitOptions{})
	if err != nil {
		return nil, err
	}
	least := float32(0)
	if anger >= 0 {
		least = c.Threshold(held, train.y, anger, emotion.AngerPrecision)
	}
	var list []guess
	for i, v := range test.scores(test.raw(), n) {
		if test.norm == "first" && test.first[i] {
			continue
		}
		g := guess{speaker: test.items[i].Who(), path: test.items[i].Path, truth: test.y[i], p: make([]float32, classes)}
		c.Predict(v, g.p)
		g.unsure = g.class() == anger && g.p[anger] < least
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

// scores are z-scores by n and, by norm "first", less the speaker's baseline.
func (f *fold) scores(x [][]float32, n emotion.Norm) [][]float32 {
	z := make([][]float32, len(x))
	for i, v := range x {
		z[i] = make([]float32, len(v))
		n.Apply(v, z[i])
	}
	if f.norm != "first" {
		return z
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
	for i, m := range f.items {
		if b := base[m.voice()]; b != nil {
			b.Apply(z[i])
		}
	}
	return z
}
