package score

import (
	"math/rand/v2"
	"slices"
)

// rounds of the bootstrap.
const rounds = 2000

// Interval is a 95 % confidence interval of the error rate by bootstrap: whole
// groups (speakers) are drawn with replacement, because errors of one speaker hang
// together. It is the same for the same input.
func Interval(groups []Counts) (low, high float64) {
	if len(groups) == 0 {
		return 0, 0
	}
	rng := rand.New(rand.NewPCG(1, 2))
	rates := make([]float64, rounds)
	for i := range rates {
		var sum Counts
		for range groups {
			sum = sum.Add(groups[rng.IntN(len(groups))])
		}
		rates[i] = sum.Rate()
	}
	slices.Sort(rates)
	return rates[rounds*25/1000], rates[rounds*975/1000]
}

// percentile of values by nearest rank; q is 0..1. It sorts values.
func percentile(values []float64, q float64) float64 {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	i := int(q*float64(len(values))+0.999999) - 1
	return values[min(max(i, 0), len(values)-1)]
}

func mean(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}
