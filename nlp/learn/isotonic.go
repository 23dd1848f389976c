package learn

import (
	"cmp"
	"slices"
)

// Isotonic turns scores into probabilities by the best rising step function (pool
// adjacent violators; Barlow et al. 1972, Zadrozny & Elkan 2002), with straight
// lines between the steps' middles.
type Isotonic struct {
	at, p []float64
}

// TrainIsotonic fits scores to what came true. Probabilities stay off 0 and 1 by
// counting half an example of each kind into every step. Without examples it gives 0.5.
func TrainIsotonic(scores []float64, y []bool) *Isotonic {
	order := make([]int, len(scores))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(scores[a], scores[b]) })
	type block struct{ sum, yes, n float64 }
	var blocks []block
	for k := 0; k < len(order); {
		var b block
		for first := scores[order[k]]; k < len(order) && scores[order[k]] == first; k++ {
			b.sum += first
			b.n++
			if y[order[k]] {
				b.yes++
			}
		}
		blocks = append(blocks, b)
		for n := len(blocks); n > 1 && blocks[n-2].yes*blocks[n-1].n >= blocks[n-1].yes*blocks[n-2].n; n = len(blocks) {
			last := blocks[n-1]
			blocks = blocks[:n-1]
			blocks[n-2].sum += last.sum
			blocks[n-2].yes += last.yes
			blocks[n-2].n += last.n
		}
	}
	m := &Isotonic{}
	for _, b := range blocks {
		p := (b.yes + 0.5) / (b.n + 1)
		if n := len(m.p); n > 0 {
			p = max(p, m.p[n-1])
		}
		m.at, m.p = append(m.at, b.sum/b.n), append(m.p, p)
	}
	return m
}

// P is the probability behind a score.
func (m *Isotonic) P(score float64) float64 {
	n := len(m.at)
	switch {
	case n == 0:
		return 0.5
	case score <= m.at[0]:
		return m.p[0]
	case score >= m.at[n-1]:
		return m.p[n-1]
	}
	i, _ := slices.BinarySearch(m.at, score)
	f := (score - m.at[i-1]) / (m.at[i] - m.at[i-1])
	return m.p[i-1] + f*(m.p[i]-m.p[i-1])
}
