package learn

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// sayings makes pairs whose vectors are near when they mean the same; with words,
// only the word tells.
func sayings(n int, words bool) []Pair {
	rng := rand.New(rand.NewPCG(4, 4))
	vector := func() []float32 {
		v := make([]float32, 16)
		for i := range v {
			v[i] = float32(rng.NormFloat64())
		}
		return v
	}
	var out []Pair
	for i := range n {
		p := Pair{VectorA: vector(), VectorB: vector(), Same: i%3 == 0}
		p.A = fmt.Sprintf("question number %d about topic", rng.IntN(5))
		p.B = p.A
		if p.Same && !words {
			for k := range p.VectorB {
				p.VectorB[k] = p.VectorA[k] + p.VectorB[k]*0.7
			}
		}
		if words && !p.Same {
			p.B += " refund"
		}
		out = append(out, p)
	}
	return out
}

func TestPairsLearnFromFewAndFromMany(t *testing.T) {
	for _, c := range []struct {
		n     int
		words bool
	}{{200, false}, {2600, true}} {
		all := sayings(c.n+400, c.words)
		m, err := TrainPairs(all[:c.n], 1)
		if err != nil {
			t.Fatal(err)
		}
		right := 0
		for _, p := range all[c.n:] {
			score := m.Score(p)
			if q := m.P(score); q <= 0 || q >= 1 {
				t.Fatalf("P %v", q)
			}
			if (m.P(score) >= 0.5) == p.Same && m.Alike(score) == p.Same {
				right++
			}
		}
		if right < 340 {
			t.Errorf("%d pairs: %d of 400 right", c.n, right)
		}
		again, err := TrainPairs(all[:c.n], 1)
		if err != nil {
			t.Fatal(err)
		}
		if again.Score(all[0]) != m.Score(all[0]) {
			t.Error("the same pairs gave another model")
		}
	}
}

func TestPairsRefuse(t *testing.T) {
	few := sayings(9, false)
	if _, err := TrainPairs(few, 1); err == nil {
		t.Error("nine pairs were taken")
	}
	odd := sayings(20, false)
	odd[3].VectorB = odd[3].VectorB[:4]
	if _, err := TrainPairs(odd, 1); err == nil {
		t.Error("vectors of two lengths were taken")
	}
	one := sayings(20, false)
	for i := range one {
		one[i].Same = true
	}
	if _, err := TrainPairs(one, 1); err == nil {
		t.Error("one kind of pairs was taken")
	}
}

func TestEdits(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want float64
	}{{"", "", 0}, {"a", "", 1}, {"kitten", "sitting", 3.0 / 7}, {"退货", "退款", 0.5}, {"ab", "ab", 0}} {
		if got := edits([]rune(c.a), []rune(c.b)); got != c.want {
			t.Errorf("%s %s: %v", c.a, c.b, got)
		}
	}
}
