package score

import (
	"cmp"
	"math"
	"slices"
)

// AUC is the area under the ROC curve: how often one of yes has a higher score than
// one of no, ties counting half. Without either it is 0.
func AUC(yes, no []float64) float64 {
	if len(yes) == 0 || len(no) == 0 {
		return 0
	}
	all := slices.Concat(yes, no)
	ranks := Ranks(all)
	sum := 0.0
	for _, r := range ranks[:len(yes)] {
		sum += r
	}
	n := float64(len(yes))
	return (sum - n*(n+1)/2) / n / float64(len(no))
}

// Ranks gives each value its rank from 1, ties their mean.
func Ranks(values []float64) []float64 {
	order := make([]int, len(values))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(values[a], values[b]) })
	ranks := make([]float64, len(values))
	for i := 0; i < len(order); {
		j := i
		for j < len(order) && values[order[j]] == values[order[i]] {
			j++
		}
		for k := i; k < j; k++ {
			ranks[order[k]] = float64(i+j+1) / 2
		}
		i = j
	}
	return ranks
}

// Spearman is the rank correlation of two lists of one length.
func Spearman(a, b []float64) float64 {
	x, y := Ranks(a), Ranks(b)
	mx, my := mean(x), mean(y)
	var xy, xx, yy float64
	for i := range x {
		xy += (x[i] - mx) * (y[i] - my)
		xx += (x[i] - mx) * (x[i] - mx)
		yy += (y[i] - my) * (y[i] - my)
	}
	if xx == 0 || yy == 0 {
		return 0
	}
	return xy / math.Sqrt(xx*yy)
}

// calibrationError is the expected calibration error over ten equal bins (Guo et al. 2017).
func calibrationError(sure []float64, right []bool) float64 {
	var n, hits, sum [10]float64
	for i, p := range sure {
		b := min(int(p*10), 9)
		n[b]++
		sum[b] += p
		if right[i] {
			hits[b]++
		}
	}
	e := 0.0
	for b := range n {
		if n[b] > 0 {
			e += math.Abs(hits[b]-sum[b]) / float64(max(len(sure), 1))
		}
	}
	return e
}

// confusion counts right and wrong guesses per label.
type confusion struct{ truth, guessed, hit map[string]int }

func newConfusion() confusion {
	return confusion{make(map[string]int), make(map[string]int), make(map[string]int)}
}

func (c confusion) add(truth, guess string) {
	c.truth[truth]++
	c.guessed[guess]++
	if truth == guess {
		c.hit[truth]++
	}
}

// macroF1 is the mean F1 over the labels that occur.
func (c confusion) macroF1() float64 {
	sum := 0.0
	for label, n := range c.truth {
		sum += 2 * float64(c.hit[label]) / float64(n+c.guessed[label])
	}
	return sum / float64(max(len(c.truth), 1))
}
