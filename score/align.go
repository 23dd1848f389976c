package score

import "slices"

// Costs of sclite: a substitution costs less than a deletion and an insertion together.
const (
	costSub = 4
	costGap = 3
)

// Counts are the errors of one or more alignments.
type Counts struct {
	// Words is the number of reference words; Correct + Sub + Del = Words.
	Words, Correct, Sub, Del, Ins int
}

// Errors is the sum of substitutions, deletions and insertions.
func (c Counts) Errors() int { return c.Sub + c.Del + c.Ins }

// Rate is the error rate in per cent; without reference words it is 0, or 100 if anything was inserted.
func (c Counts) Rate() float64 {
	if c.Words == 0 {
		return 100 * float64(min(c.Ins, 1))
	}
	return 100 * float64(c.Errors()) / float64(c.Words)
}

// Add sums the counts of two alignments.
func (c Counts) Add(o Counts) Counts {
	return Counts{c.Words + o.Words, c.Correct + o.Correct, c.Sub + o.Sub, c.Del + o.Del, c.Ins + o.Ins}
}

// Pair is one step of an alignment: an index into the reference and one into the
// hypothesis, -1 where there is none.
type Pair struct{ Ref, Hyp int }

// Align finds the cheapest alignment of two word sequences with the costs and the
// choices of sclite, so that substitutions, deletions and insertions agree with it.
func Align(ref, hyp []string) ([]Pair, Counts) {
	n, m := len(ref), len(hyp)
	width := m + 1
	cost := make([]int32, (n+1)*width)
	for j := 1; j <= m; j++ {
		cost[j] = int32(j * costGap)
	}
	for i := 1; i <= n; i++ {
		cost[i*width] = int32(i * costGap)
		for j := 1; j <= m; j++ {
			diagonal := cost[(i-1)*width+j-1]
			if ref[i-1] != hyp[j-1] {
				diagonal += costSub
			}
			cost[i*width+j] = min(diagonal, cost[(i-1)*width+j]+costGap, cost[i*width+j-1]+costGap)
		}
	}
	return trace(ref, hyp, cost)
}

// trace walks back from the end; between equals it prefers a pair, then an
// insertion, then a deletion.
func trace(ref, hyp []string, cost []int32) ([]Pair, Counts) {
	width := len(hyp) + 1
	c := Counts{Words: len(ref)}
	var pairs []Pair
	for i, j := len(ref), len(hyp); i > 0 || j > 0; {
		here := cost[i*width+j]
		if i > 0 && j > 0 {
			same := ref[i-1] == hyp[j-1]
			if step := here - cost[(i-1)*width+j-1]; same && step == 0 || !same && step == costSub {
				if same {
					c.Correct++
				} else {
					c.Sub++
				}
				i, j = i-1, j-1
				pairs = append(pairs, Pair{i, j})
				continue
			}
		}
		if j > 0 && here == cost[i*width+j-1]+costGap {
			c.Ins++
			j--
			pairs = append(pairs, Pair{-1, j})
			continue
		}
		c.Del++
		i--
		pairs = append(pairs, Pair{i, -1})
	}
	slices.Reverse(pairs)
	return pairs, c
}
