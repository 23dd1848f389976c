package learn

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"unicode"

	"tingxin/nlp"
)

// Pair is two folded texts with their vectors (CLS and mean side by side).
type Pair struct {
	A, B             string
	VectorA, VectorB []float32
	Same             bool
}

// Pairs tells whether two sentences mean the same.
type Pairs struct {
	small  *Binary
	sparse *sparse // nil when there were few examples
	twin   *twin   // likewise
	stack  *Binary
	iso    *Isotonic
	// bestF1 is the score from which on pairs count as the same where both kinds of
	// mistakes matter alike.
	bestF1 float64
	use    int // features of small
}

// manyPairs are enough to learn single words and directions from.
const manyPairs = 2000

// LeastPairs are needed to learn anything.
const LeastPairs = 10

// fewPairs are too few for more than the cosines.
const fewPairs = 500

// TrainPairs learns from labelled pairs of both kinds. Few examples weigh the two
// cosines, some hundred a handful of features; from 2,000 on the words that differ and a projection of the vectors
// are learnt too (half a minute of CPU for 30,000). Probabilities are calibrated on pairs that were held out.
func TrainPairs(pairs []Pair, seed uint64) (*Pairs, error) {
	if len(pairs) < LeastPairs {
		return nil, fmt.Errorf("%d pairs: at least %d are needed", len(pairs), LeastPairs)
	}
	for i, p := range pairs {
		if n := len(pairs[0].VectorA); n == 0 || n%2 != 0 || len(p.VectorA) != n || len(p.VectorB) != n {
			return nil, fmt.Errorf("pair %d has vectors of %d and %d numbers", i, len(p.VectorA), len(p.VectorB))
		}
	}
	m := &Pairs{}
	var scores []float64
	var same []bool
	rounds := 5
	if len(pairs) >= manyPairs {
		rounds = 1
	}
	order := rand.New(rand.NewPCG(seed, 5)).Perm(len(pairs))
	var stackRows [][]float64
	for k := range rounds {
		var in, out []Pair
		for i, at := range order {
			if i%5 == k {
				out = append(out, pairs[at])
			} else {
				in = append(in, pairs[at])
			}
		}
		part := &Pairs{}
		if err := part.fit(in, seed); err != nil {
			return nil, err
		}
		for _, p := range out {
			row := part.row(p)
			stackRows = append(stackRows, row)
			scores, same = append(scores, part.small.Score(row[:part.use])), append(same, p.Same)
		}
	}
	if err := m.fit(pairs, seed); err != nil {
		return nil, err
	}
	if m.sparse != nil {
		var err error
		if m.stack, err = TrainBinary(stackRows, same, 1, false); err != nil {
			return nil, fmt.Errorf("pairs: %w", err)
		}
		for i, row := range stackRows {
			scores[i] = m.stack.Score(row)
		}
	}
	m.iso = TrainIsotonic(scores, same)
	m.bestF1 = bestF1(scores, same)
	return m, nil
}

// bestF1 is the score at which F1 was highest.
func bestF1(scores []float64, same []bool) float64 {
	order := make([]int, len(scores))
	yes := 0
	for i := range order {
		order[i] = i
		if same[i] {
			yes++
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(scores[b], scores[a]) })
	best, at, hit := -1.0, 0.0, 0
	for k, i := range order {
		if same[i] {
			hit++
		}
		if f := 2 * float64(hit) / float64(yes+k+1); f > best {
			best, at = f, scores[i]
		}
	}
	return at
}

func (m *Pairs) fit(pairs []Pair, seed uint64) error {
	m.use = smallFeatures
	if len(pairs) < fewPairs {
		m.use = 2
	}
	var x [][]float64
	var y []bool
	for _, p := range pairs {
		x, y = append(x, p.features()[:m.use]), append(y, p.Same)
	}
	ridge := math.Max(1, 300/math.Sqrt(float64(len(pairs))))
	var err error
	if m.small, err = TrainBinary(x, y, ridge, false); err != nil {
		return fmt.Errorf("pairs: %w", err)
	}
	if len(pairs) < manyPairs*4/5 {
		return nil
	}
	m.sparse = trainSparse(pairs, seed)
	m.twin = trainTwin(pairs, x, seed)
	return nil
}

// row is the features of the stack: the small ones, and what words and directions say.
func (m *Pairs) row(p Pair) []float64 {
	row := p.features()
	if m.sparse == nil {
		return row
	}
	return append(row, m.sparse.score(p), m.twin.score(p, row))
}

// Score grows with the odds that both mean the same.
func (m *Pairs) Score(p Pair) float64 {
	row := m.row(p)
	if m.stack != nil {
		return m.stack.Score(row)
	}
	return m.small.Score(row[:m.use])
}

// Alike tells whether a score is above the threshold that made F1 highest on pairs
// that were held out.
func (m *Pairs) Alike(score float64) bool { return score >= m.bestF1 }

// P is the calibrated probability behind a score.
func (m *Pairs) P(score float64) float64 { return m.iso.P(score) }

// Likeness is how near two sentences are when nothing was learnt: the cosine of their
// CLS vectors, which does better than the mean's or a blend.
func (p Pair) Likeness() float64 {
	n := len(p.VectorA) / 2
	return float64(nlp.Dot(p.VectorA[:n], p.VectorB[:n]))
}

const smallFeatures = 13

// features that need no learning of their own.
func (p Pair) features() []float64 {
	n := len(p.VectorA) / 2
	a, b := letters(p.A), letters(p.B)
	ones, oneB := grams(a, 1), grams(b, 1)
	twos, twoB := grams(a, 2), grams(b, 2)
	digits := 0.0
	if da, db := only(a, unicode.IsDigit), only(b, unicode.IsDigit); da != db {
		digits = 1
	}
	long, short := float64(max(len(a), len(b))), float64(min(len(a), len(b)))
	return []float64{
		float64(nlp.Dot(p.VectorA[:n], p.VectorB[:n])), float64(nlp.Dot(p.VectorA[n:], p.VectorB[n:])),
		jaccard(ones, oneB), overlap(ones, oneB), jaccard(twos, twoB), overlap(twos, twoB),
		math.Log((long + 2) / (short + 2)), math.Log(short + 1), math.Abs(negations(p.A) - negations(p.B)), digits,
		same(first(a), first(b)), same(last(a), last(b)), edits(a, b),
	}
}

func letters(s string) []rune {
	var out []rune
	for _, r := range s {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			out = append(out, r)
		}
	}
	return out
}

func grams(s []rune, n int) map[string]bool {
	m := make(map[string]bool)
	for i := 0; i+n <= len(s); i++ {
		m[string(s[i:i+n])] = true
	}
	return m
}

func common(a, b map[string]bool) float64 {
	n := 0.0
	for g := range a {
		if b[g] {
			n++
		}
	}
	return n
}

func jaccard(a, b map[string]bool) float64 {
	n := common(a, b)
	return n / math.Max(float64(len(a)+len(b))-n, 1)
}

func overlap(a, b map[string]bool) float64 {
	return common(a, b) / math.Max(float64(min(len(a), len(b))), 1)
}

func only(s []rune, keep func(rune) bool) string {
	var b strings.Builder
	for _, r := range s {
		if keep(r) {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// negations counts words that turn a meaning round.
func negations(s string) float64 {
	n := 0
	for _, w := range []string{"不", "没", "未", "无", "别", " not ", "n't", " no ", "never", "without"} {
		n += strings.Count(s, w)
	}
	return float64(n)
}

func first(s []rune) string { return string(s[:min(len(s), 2)]) }
func last(s []rune) string  { return string(s[max(len(s)-2, 0):]) }

func same(a, b string) float64 {
	if a == b {
		return 1
	}
	return 0
}

// edits is the Levenshtein distance over the longer length, of the first 64 characters.
func edits(a, b []rune) float64 {
	a, b = a[:min(len(a), 64)], b[:min(len(b), 64)]
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i, x := range a {
		corner := row[0]
		row[0] = i + 1
		for j, y := range b {
			cost := corner
			if x != y {
				cost++
			}
			corner = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return float64(row[len(b)]) / float64(max(len(a), len(b), 1))
}
