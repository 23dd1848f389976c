package learn

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// clusters makes n points around each of k random centres.
func clusters(rng *rand.Rand, k, n, size int, spread float64) (Matrix, []int) {
	centres := NewMatrix(k, size)
	for i := range centres.Data {
		centres.Data[i] = float32(rng.NormFloat64())
	}
	x := NewMatrix(k*n, size)
	y := make([]int, k*n)
	for i := range y {
		y[i] = i % k
		for j, c := range centres.Row(i % k) {
			x.Row(i)[j] = c + float32(rng.NormFloat64()*spread)
		}
	}
	return x, y
}

func accuracy(scores Matrix, y []int) float64 {
	right := 0
	for i, want := range y {
		best := 0
		for j, s := range scores.Row(i) {
			if s > scores.Row(i)[best] {
				best = j
			}
		}
		if best == want {
			right++
		}
	}
	return float64(right) / float64(len(y))
}

func TestSoftmaxLearnsAndIsTheSameEachTime(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	x, y := clusters(rng, 6, 60, 20, 0.8)
	train, test := x.rows(0, 240), x.rows(240, 360)
	m := TrainSoftmax(train, y[:240], 6, 1)
	scores := m.Scores(test)
	if got := accuracy(scores, y[240:]); got < 0.95 {
		t.Errorf("accuracy %.3f", got)
	}
	for i := range scores.Rows {
		sum := 0.0
		for _, s := range scores.Row(i) {
			sum += math.Exp(float64(s))
		}
		if math.Abs(sum-1) > 1e-4 {
			t.Fatalf("row %d sums to %v", i, sum)
		}
	}
	again := TrainSoftmax(train, y[:240], 6, 1).Scores(test)
	if !slices.Equal(scores.Data, again.Data) {
		t.Error("the same seed gave another model")
	}
	if got := TrainSoftmax(Matrix{Cols: 4}, nil, 2, 1).Scores(NewMatrix(1, 4)).Row(0); math.Abs(float64(got[0])-math.Log(0.5)) > 1e-5 {
		t.Errorf("nothing learnt: %v", got)
	}
}

func TestBinaryFindsTheWeights(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	var x [][]float64
	var y []bool
	for range 4000 {
		row := []float64{rng.NormFloat64() * 3, rng.NormFloat64(), 1}
		x = append(x, row)
		y = append(y, rng.Float64() < Sigmoid(0.5*row[0]-2*row[1]-1))
	}
	m, err := TrainBinary(x, y, 1e-3, false)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ row, zero []float64 }{{[]float64{0, 0, 1}, nil}, {[]float64{2, -1, 1}, nil}, {[]float64{-4, 1, 1}, nil}} {
		want := 0.5*c.row[0] - 2*c.row[1] - 1
		if got := m.Score(c.row); math.Abs(got-want) > 0.35 {
			t.Errorf("%v scores %.2f, want %.2f", c.row, got, want)
		}
	}
	if _, err := TrainBinary([][]float64{{1}, {2}}, []bool{true, true}, 1, false); err == nil {
		t.Error("one class only was taken")
	}
	if _, err := TrainBinary([][]float64{{1}, {math.NaN()}}, []bool{true, false}, 1, false); err == nil {
		t.Error("NaN was taken")
	}
	if _, err := TrainBinary([][]float64{{1}, {2, 3}}, []bool{true, false}, 1, false); err == nil {
		t.Error("ragged rows were taken")
	}
}

func TestIsotonicRisesAndFits(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	var scores []float64
	var y []bool
	for range 5000 {
		s := rng.NormFloat64()
		scores = append(scores, s)
		y = append(y, rng.Float64() < Sigmoid(2*s))
	}
	m := TrainIsotonic(scores, y)
	last := 0.0
	for s := -3.0; s <= 3; s += 0.05 {
		p := m.P(s)
		if p < last || p <= 0 || p >= 1 {
			t.Fatalf("P(%.2f) = %v after %v", s, p, last)
		}
		last = p
		if math.Abs(s) < 2 && math.Abs(p-Sigmoid(2*s)) > 0.08 {
			t.Errorf("P(%.2f) = %.3f, want %.3f", s, p, Sigmoid(2*s))
		}
	}
	if p := TrainIsotonic(nil, nil).P(1); p != 0.5 {
		t.Errorf("without examples %v", p)
	}
	if m := TrainIsotonic([]float64{1, 1, 1}, []bool{true, false, true}); m.P(1) != 2.5/4 || m.P(-9) != m.P(9) {
		t.Errorf("one step: %v", m)
	}
}

// world makes intents as clusters and foreign texts between them.
func world(seed uint64, n int) (train, test []Example) {
	rng := rand.New(rand.NewPCG(seed, 9))
	x, y := clusters(rng, 8, 2*n, 24, 0.9)
	for i := range x.Rows {
		e := Example{x.Row(i), string(rune('a' + y[i]))}
		if i < 8*n {
			train = append(train, e)
		} else {
			test = append(test, e)
		}
	}
	for i := range 120 {
		v := make([]float32, 24)
		for j := range v {
			v[j] = float32(rng.NormFloat64() * 1.1)
		}
		e := Example{v, Foreign}
		if i < 60 {
			train = append(train, e)
		} else {
			test = append(test, e)
		}
	}
	return train, test
}

func TestIntentsKnowTheirScope(t *testing.T) {
	train, test := world(1, 40)
	m, err := TrainIntents(train, IntentsConfig{})
	if err != nil {
		t.Fatal(err)
	}
	rows := Matrix{Cols: 24}
	for _, e := range test {
		rows.Data, rows.Rows = append(rows.Data, e.Vector...), rows.Rows+1
	}
	guesses, err := m.Guess(rows)
	if err != nil {
		t.Fatal(err)
	}
	right, in, rejected, found, out := 0, 0, 0, 0, 0
	for i, g := range guesses {
		if math.IsNaN(g.P) || g.P <= 0 || g.P > 1.0001 || g.Label != g.Top[0].Label || len(g.Top) != 5 {
			t.Fatalf("%+v", g)
		}
		if test[i].Label == Foreign {
			out++
			if g.Foreign {
				found++
			}
			continue
		}
		in++
		if g.Label == test[i].Label {
			right++
		}
		if g.Foreign {
			rejected++
		}
	}
	if right*100 < in*95 || rejected*100 > in*8 || found*100 < out*70 {
		t.Errorf("%d of %d right, %d rejected; %d of %d foreign found", right, in, rejected, found, out)
	}
	again, err := TrainIntents(train, IntentsConfig{})
	if err != nil {
		t.Fatal(err)
	}
	if g, _ := again.Guess(rows); g[0].P != guesses[0].P || g[5].Strange != guesses[5].Strange {
		t.Error("the same examples gave another model")
	}
}

func TestIntentsRefuse(t *testing.T) {
	v := []float32{1, 2}
	for name, examples := range map[string][]Example{
		"nothing":     nil,
		"one intent":  {{v, "a"}, {v, "a"}, {v, Foreign}},
		"two lengths": {{v, "a"}, {v[:1], "b"}},
		"no numbers":  {{nil, "a"}, {nil, "b"}},
	} {
		if _, err := TrainIntents(examples, IntentsConfig{}); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	m, err := TrainIntents([]Example{{v, "a"}, {[]float32{-1, 0}, "b"}}, IntentsConfig{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Guess(NewMatrix(1, 3)); err == nil {
		t.Error("vectors of another length were taken")
	}
}

func TestTopN(t *testing.T) {
	var top topN
	if top.mean(3) != -1 {
		t.Error("empty")
	}
	for _, v := range []float32{1, 5, 2, 5, 3, 4, 0} {
		top.add(v)
	}
	if top.mean(1) != 5 || top.mean(3) != 14.0/3 || top.mean(9) != 19.0/5 {
		t.Errorf("%+v", top)
	}
}
