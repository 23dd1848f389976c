package trees

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// Set is rows with their classes, 0 and up.
type Set struct {
	X [][]float32
	Y []int
	// Weight of each row; nil is 1 for all.
	Weight []float32
}

// Config tells how to train; the zero value is the default, for some thousand rows.
type Config struct {
	// Rounds at most (300), one tree per class each, or one for two classes.
	Rounds int
	// Leaves of a tree at most (15).
	Leaves int
	// Least rows of a leaf (20).
	Least int
	// Rate is the share of a step that is taken (0.05).
	Rate float64
	// L2 holds leaves down (1).
	L2 float64
	// Rows and Columns are the shares that a round sees (0.8 each).
	Rows, Columns float64
	// Bins per column at most (63; 255 is the most).
	Bins int
	// Patience is how many rounds may pass without a gain on the held-out set (30).
	Patience int
	// Seed of the draws (1).
	Seed uint64
}

func (c Config) filled() (Config, error) {
	for _, f := range []struct {
		v   *int
		def int
	}{{&c.Rounds, 300}, {&c.Leaves, 15}, {&c.Least, 20}, {&c.Bins, 63}, {&c.Patience, 30}} {
		if *f.v == 0 {
			*f.v = f.def
		}
	}
	for _, f := range []struct {
		v   *float64
		def float64
	}{{&c.Rate, 0.05}, {&c.L2, 1}, {&c.Rows, 0.8}, {&c.Columns, 0.8}} {
		if *f.v == 0 {
			*f.v = f.def
		}
	}
	if c.Seed == 0 {
		c.Seed = 1
	}
	switch {
	case c.Rounds < 1 || c.Least < 1 || c.Patience < 1:
		return c, errors.New("trees: rounds, least and patience are above 0")
	case c.Leaves < 2 || c.Leaves > maxNodes/2:
		return c, fmt.Errorf("trees: leaves go from 2 to %d", maxNodes/2)
	case c.Bins < 2 || c.Bins > 255:
		return c, errors.New("trees: bins go from 2 to 255")
	case !(c.Rate > 0 && c.Rate <= 1 && c.L2 > 0 && c.Rows > 0 && c.Rows <= 1 && c.Columns > 0 && c.Columns <= 1):
		return c, errors.New("trees: rate, rows and columns go from above 0 to 1, l2 is above 0")
	}
	return c, nil
}

func (s Set) check(columns, classes int) error {
	if len(s.Y) != len(s.X) || s.Weight != nil && len(s.Weight) != len(s.X) {
		return fmt.Errorf("trees: %d rows, %d classes of them, %d weights", len(s.X), len(s.Y), len(s.Weight))
	}
	for i, row := range s.X {
		if len(row) != columns {
			return fmt.Errorf("trees: row %d has %d columns, the first has %d", i, len(row), columns)
		}
		if s.Y[i] < 0 || s.Y[i] >= classes {
			return fmt.Errorf("trees: row %d has class %d of %d", i, s.Y[i], classes)
		}
		if w := s.weight(i); !(w >= 0) || math.IsInf(w, 1) {
			return fmt.Errorf("trees: row %d has no good weight", i)
		}
	}
	return nil
}

func (s Set) weight(i int) float64 {
	if s.Weight == nil {
		return 1
	}
	return float64(s.Weight[i])
}

// Train grows a forest that tells so many classes apart. It ends after Rounds, or when the log loss on held has not
// fallen for Patience rounds: then the best number of rounds is kept. An empty held set means all rounds.
func Train(train, held Set, classes int, cfg Config) (*Forest, error) {
	cfg, err := cfg.filled()
	if err != nil {
		return nil, err
	}
	if len(train.X) < 2 || len(train.X[0]) == 0 || len(train.X[0]) > maxColumns || classes < 2 || classes > maxClasses {
		return nil, errors.New("trees: two rows with a column and two classes are needed")
	}
	columns := len(train.X[0])
	if err := errors.Join(train.check(columns, classes), held.check(columns, classes)); err != nil {
		return nil, err
	}
	f := &Forest{columns: columns, gain: make([]float64, columns)}
	if f.base, err = prior(train, classes); err != nil {
		return nil, err
	}
	g := newGrower(train.X, cfg)
	scores, heldScores := f.start(len(train.X)), f.start(len(held.X))
	rng := rand.New(rand.NewPCG(cfg.Seed, 11))
	best, bestRounds := math.Inf(1), 0
	for round := 1; round <= cfg.Rounds; round++ {
		rows, cols := draw(rng, len(train.X), cfg.Rows), draw(rng, columns, cfg.Columns)
		first := len(f.trees)
		for k := range f.base {
			g.slopes(train, scores, len(f.base), k)
			f.trees = append(f.trees, g.grow(rows, cols, f.gain))
		}
		f.add(scores, train.X, first)
		if len(held.X) == 0 {
			continue
		}
		f.add(heldScores, held.X, first)
		if l := loss(held, heldScores, len(f.base)); l < best-1e-7 {
			best, bestRounds = l, round
		} else if round-bestRounds >= cfg.Patience {
			break
		}
	}
	if len(held.X) > 0 {
		f.trees = f.trees[:bestRounds*len(f.base)]
	}
	return f, nil
}

// prior gives the log odds or log shares of the classes.
func prior(s Set, classes int) ([]float64, error) {
	sum := make([]float64, classes)
	all := 0.0
	for i, y := range s.Y {
		sum[y] += s.weight(i)
		all += s.weight(i)
	}
	for k, n := range sum {
		if n == 0 {
			return nil, fmt.Errorf("trees: class %d has no example", k)
		}
		sum[k] = math.Log(n / all)
	}
	if classes == 2 {
		return []float64{sum[1] - sum[0]}, nil
	}
	return sum, nil
}

func (f *Forest) start(rows int) []float64 {
	var out []float64
	for range rows {
		out = append(out, f.base...)
	}
	return out
}

// add puts what the trees from first on say to the scores.
func (f *Forest) add(scores []float64, x [][]float32, first int) {
	for k, t := range f.trees[first:] {
		for i, row := range x {
			scores[i*len(f.base)+k] += float64(leaf(t, row))
		}
	}
}

// draw picks a share of 0..n-1, in order.
func draw(rng *rand.Rand, n int, share float64) []int32 {
	take := max(int(math.Round(float64(n)*share)), 1)
	out := make([]int32, 0, take)
	for i := range n {
		if rng.IntN(n-i) < take-len(out) { // each subset of that size is as likely
			out = append(out, int32(i))
		}
	}
	return out
}

func loss(s Set, scores []float64, outputs int) float64 {
	sum, all := 0.0, 0.0
	p := make([]float64, outputs)
	for i, y := range s.Y {
		copy(p, scores[i*outputs:])
		right := 0.0
		if outputs == 1 {
			right = sigmoid(p[0])
			if y == 0 {
				right = 1 - right
			}
		} else {
			softmax(p)
			right = p[y]
		}
		w := s.weight(i)
		sum, all = sum-w*math.Log(math.Max(right, 1e-12)), all+w
	}
	return sum / math.Max(all, 1e-12)
}

// cuts are where a column of numbers falls into at most so many parts of about as many rows each.
func cuts(values []float32, bins int) []float32 {
	var v []float32
	for _, x := range values {
		if x == x {
			v = append(v, x)
		}
	}
	slices.Sort(v)
	var out []float32
	for i, n := 1, len(v); i < bins; i++ {
		at := i * n / bins
		if at == 0 || at >= n {
			continue
		}
		low, high := v[at-1], v[at]
		if low == high { // the border of a run of equals, towards the larger
			next, _ := slices.BinarySearch(v, nextUp(high))
			if next == n {
				continue
			}
			high = v[next]
		}
		cut := low + (high-low)/2
		if !(cut >= low && cut < high) {
			cut = low
		}
		if len(out) == 0 || cut > out[len(out)-1] {
			out = append(out, cut)
		}
	}
	return out
}

func nextUp(x float32) float32 { return math.Nextafter32(x, float32(math.Inf(1))) }
