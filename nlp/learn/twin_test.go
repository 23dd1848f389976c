package learn

import (
	"math/rand/v2"
	"testing"

	"tingxin/nlp"
)

// directed makes pairs that mean the same when the first four of 32 numbers agree; the others are loud and mean nothing.
func directed(n int, seed uint64) ([]Pair, [][]float64) {
	rng := rand.New(rand.NewPCG(seed, 3))
	var pairs []Pair
	var features [][]float64
	for i := range n {
		p := Pair{VectorA: make([]float32, 32), VectorB: make([]float32, 32), Same: i%2 == 0}
		for j := range p.VectorA {
			p.VectorA[j], p.VectorB[j] = float32(rng.NormFloat64()), float32(rng.NormFloat64())
			if j < 4 {
				p.VectorA[j] *= 2
				p.VectorB[j] *= 2
				if p.Same {
					p.VectorB[j] = p.VectorA[j]
				}
			}
		}
		pairs, features = append(pairs, p), append(features, []float64{rng.NormFloat64(), 7}) // one means nothing, one never changes
	}
	return pairs, features
}

func TestTwinFindsTheDirectionsThatCount(t *testing.T) {
	pairs, features := directed(4000, 1)
	m := trainTwin(pairs, features, 1)
	test, more := directed(600, 2)
	right, cosine := 0, 0
	for i, p := range test {
		if (nlp.Dot(p.VectorA, p.VectorB) > 8) == p.Same { // in the middle between both kinds' means
			cosine++
		}
		s := m.score(p, more[i])
		if (s > 0) == p.Same {
			right++
		}
		if back := m.score(Pair{VectorA: p.VectorB, VectorB: p.VectorA}, more[i]); back-s > 1e-4 || s-back > 1e-4 {
			t.Fatalf("%v one way, %v the other", s, back)
		}
	}
	if right < cosine+30 || cosine < 400 {
		t.Errorf("%d of 600 right, %d by the inner product alone", right, cosine)
	}
	again := trainTwin(pairs[:500], features[:500], 1)
	if a, b := trainTwin(pairs[:500], features[:500], 1).score(test[0], more[0]), again.score(test[0], more[0]); a != b {
		t.Errorf("the same pairs gave %v, then %v", a, b)
	}
}
