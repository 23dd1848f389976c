package trees

import (
	"bytes"
	"encoding/json"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// board gives points of a chessboard of three by three fields, where no single column tells the class; every tenth
// first number is missing, and its class 0.
func board(n, classes int, seed uint64) Set {
	rng := rand.New(rand.NewPCG(seed, 1))
	var s Set
	for range n {
		a, b, noise := rng.Float32()*3, rng.Float32()*3, rng.Float32()
		y := (int(a) + int(b)) % classes
		if rng.IntN(10) == 0 {
			a, y = float32(math.NaN()), 0
		}
		s.X, s.Y = append(s.X, []float32{a, noise, b}), append(s.Y, y)
	}
	return s
}

func right(f *Forest, s Set) float64 {
	n := 0
	var p []float64
	for i, row := range s.X {
		p = f.P(p[:0], row)
		at := 0
		for k := range p {
			if p[k] > p[at] {
				at = k
			}
		}
		if at == s.Y[i] {
			n++
		}
	}
	return float64(n) / float64(len(s.X))
}

func TestForestLearnsWhatNoColumnTells(t *testing.T) {
	for _, classes := range []int{2, 3} {
		f, err := Train(board(3000, classes, 1), Set{}, classes, Config{Rounds: 80, Rate: 0.2})
		if err != nil {
			t.Fatal(err)
		}
		if got := right(f, board(1000, classes, 2)); got < 0.93 {
			t.Errorf("%d classes: %.3f right", classes, got)
		}
		if g := f.Gain(); g[1] > 0.1 || math.Abs(g[0]+g[1]+g[2]-1) > 1e-9 {
			t.Errorf("%d classes: gain %v, the middle column is noise", classes, g)
		}
		if f.Classes() != classes || f.Columns() != 3 || f.Rounds() != 80 {
			t.Errorf("%d classes, %d columns, %d rounds", f.Classes(), f.Columns(), f.Rounds())
		}
	}
}

// Weights count like repeated rows: the same forest grows from a row of weight 3 and from three of weight 1.
func TestForestWeighsRows(t *testing.T) {
	s := board(400, 2, 3)
	heavy, repeated := Set{X: s.X, Y: s.Y}, Set{}
	for i, y := range s.Y {
		heavy.Weight = append(heavy.Weight, float32(1+2*y))
		for range 1 + 2*y {
			repeated.X, repeated.Y = append(repeated.X, s.X[i]), append(repeated.Y, y)
		}
	}
	cfg := Config{Rounds: 10, Rows: 1, Columns: 1, Least: 1, Bins: 2} // one border each: the same for both when values keep their shares
	a, err := Train(heavy, Set{}, 2, cfg)
	if err != nil {
		t.Fatal(err)
	}
	b, err := Train(repeated, Set{}, 2, cfg)
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(a.base[0]-b.base[0]) > 1e-6 {
		t.Errorf("prior %v with weights, %v with repeated rows", a.base, b.base)
	}
	plain, err := Train(s, Set{}, 2, cfg)
	if err != nil {
		t.Fatal(err)
	}
	mean := func(f *Forest) float64 {
		sum := 0.0
		for _, row := range s.X {
			sum += f.P(nil, row)[1]
		}
		return sum / float64(len(s.X))
	}
	if w, r, p := mean(a), mean(b), mean(plain); math.Abs(w-r) > 0.03 || w < p+0.1 {
		t.Errorf("mean probability %.3f with weights, %.3f with repeated rows, %.3f with neither", w, r, p)
	}
}

func TestForestEndsWhereNothingIsGained(t *testing.T) {
	noise := func(seed uint64) Set {
		s := board(300, 2, seed)
		rng := rand.New(rand.NewPCG(seed, 2))
		for i := range s.Y {
			s.Y[i] = rng.IntN(2)
		}
		return s
	}
	train, held := noise(1), noise(2)
	f, err := Train(train, held, 2, Config{Rounds: 500, Patience: 10})
	if err != nil {
		t.Fatal(err)
	}
	if f.Rounds() > 40 {
		t.Errorf("%d rounds were kept on noise", f.Rounds())
	}
}

func TestForestIsTheSameAndIsKept(t *testing.T) {
	s := board(500, 3, 1)
	f, err := Train(s, Set{}, 3, Config{Rounds: 20})
	if err != nil {
		t.Fatal(err)
	}
	again, err := Train(s, Set{}, 3, Config{Rounds: 20})
	if err != nil {
		t.Fatal(err)
	}
	kept, _ := f.MarshalBinary()
	if b, _ := again.MarshalBinary(); !bytes.Equal(b, kept) {
		t.Error("the same rows gave another forest")
	}
	text, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	var back Forest
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	var a, b []float64
	for _, row := range s.X {
		a, b = f.Scores(a[:0], row), back.Scores(b[:0], row)
		for k := range a {
			if a[k] != b[k] {
				t.Fatalf("kept forest says %v, was %v", b, a)
			}
		}
	}
	if n := testing.AllocsPerRun(10, func() { a = f.P(a[:0], s.X[0]) }); n != 0 {
		t.Errorf("%v allocations a row", n)
	}
}

func TestForestRefuses(t *testing.T) {
	good := board(50, 2, 1)
	for _, c := range []struct {
		name    string
		set     Set
		classes int
		cfg     Config
		want    string
	}{
		{"no rows", Set{}, 2, Config{}, "two rows"},
		{"ragged", Set{X: [][]float32{{1}, {1, 2}}, Y: []int{0, 1}}, 2, Config{}, "row 1 has 2"},
		{"foreign class", Set{X: [][]float32{{1}, {2}}, Y: []int{0, 2}}, 2, Config{}, "class 2 of 2"},
		{"absent class", good, 3, Config{}, "class 2 has no example"},
		{"bad weight", Set{X: good.X[:2], Y: good.Y[:2], Weight: []float32{1, float32(math.NaN())}}, 2, Config{}, "weight"},
		{"too many bins", good, 2, Config{Bins: 256}, "bins"},
		{"no leaves", good, 2, Config{Leaves: 1}, "leaves"},
		{"rate", good, 2, Config{Rate: 2}, "rate"},
	} {
		if _, err := Train(c.set, Set{}, c.classes, c.cfg); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// Values between which cuts lie keep their side, equals too.
func TestCutsPartNoEquals(t *testing.T) {
	inf := float32(math.Inf(1))
	for _, c := range []struct {
		in   []float32
		bins int
		want int
	}{{[]float32{1, 1, 1, 1}, 4, 0}, {[]float32{1, 2, 3, 4}, 4, 3}, {[]float32{0, 0, 0, 5}, 2, 1}, {[]float32{-inf, 0, inf}, 3, 2}, {nil, 4, 0}} {
		got := cuts(c.in, c.bins)
		if len(got) != c.want {
			t.Errorf("%v: %v", c.in, got)
		}
		for _, cut := range got {
			if cut != cut {
				t.Errorf("%v: %v", c.in, got)
			}
		}
	}
}

func FuzzForestRead(f *testing.F) {
	for _, classes := range []int{2, 3} {
		forest, err := Train(board(60, classes, 1), Set{}, classes, Config{Rounds: 2, Leaves: 4, Least: 5})
		if err != nil {
			f.Fatal(err)
		}
		b, _ := forest.MarshalBinary()
		f.Add(b)
		f.Add(b[:len(b)-3])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var forest Forest
		if forest.UnmarshalBinary(b) != nil {
			return
		}
		p := forest.P(nil, make([]float32, forest.Columns()))
		if len(p) != forest.Classes() {
			t.Fatalf("%d probabilities for %d classes", len(p), forest.Classes())
		}
	})
}
