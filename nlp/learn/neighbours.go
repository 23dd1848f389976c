package learn

import (
	"math"
	"slices"
)

// neighbours compares with single examples: what a linear score cannot see, such as
// a question that is like nothing that was ever asked.
type neighbours struct {
	mean    []float32
	rows    Matrix // examples, centred, of unit length
	class   []int
	classes int
	foreign Matrix // examples out of scope, likewise
}

// near is how many of the nearest examples count.
const near = 3

func newNeighbours(x Matrix, class []int, classes int, foreign Matrix) *neighbours {
	n := &neighbours{mean: make([]float32, x.Cols), class: class, classes: classes}
	for i := range x.Rows {
		for j, v := range x.Row(i) {
			n.mean[j] += v / float32(x.Rows)
		}
	}
	n.rows, n.foreign = n.centred(x), n.centred(foreign)
	return n
}

func (n *neighbours) centred(x Matrix) Matrix {
	out := NewMatrix(x.Rows, len(n.mean))
	for i := range x.Rows {
		row := out.Row(i)
		sum := 0.0
		for j, v := range x.Row(i) {
			row[j] = v - n.mean[j]
			sum += float64(row[j]) * float64(row[j])
		}
		scale := float32(1 / math.Sqrt(sum+1e-12))
		for j := range row {
			row[j] *= scale
		}
	}
	return out
}

// likeness of one text to the examples.
type likeness struct {
	class   []float32 // mean cosine to the three nearest of each class
	best    float32   // cosine to the nearest of all
	top     float32   // mean cosine to the five nearest
	foreign [2]float32
}

// compare looks rows up, a block at a time. self tells that the rows are the foreign
// examples themselves, which then don't count as their own neighbours.
func (n *neighbours) compare(x Matrix, self bool) []likeness {
	z := n.centred(x)
	out := make([]likeness, x.Rows)
	const block = 64
	near, far := NewMatrix(block, n.rows.Rows), NewMatrix(block, n.foreign.Rows)
	for from := 0; from < x.Rows; from += block {
		to := min(from+block, x.Rows)
		times(z.rows(from, to), n.rows, near.rows(0, to-from))
		times(z.rows(from, to), n.foreign, far.rows(0, to-from))
		for i := from; i < to; i++ {
			cosines := far.Row(i - from)
			if self {
				cosines[i] = -1
			}
			out[i] = n.likeness(near.Row(i-from), cosines)
		}
	}
	return out
}

func (n *neighbours) likeness(cosines, foreign []float32) likeness {
	l := likeness{class: make([]float32, n.classes)}
	tops := make([]topN, n.classes)
	var all topN
	for i, c := range cosines {
		tops[n.class[i]].add(c)
		all.add(c)
	}
	for k := range tops {
		l.class[k] = tops[k].mean(near)
	}
	l.best, l.top = all.mean(1), all.mean(5)
	var out topN
	for _, c := range foreign {
		out.add(c)
	}
	l.foreign = [2]float32{out.mean(1), out.mean(near)}
	return l
}

// topN keeps the five largest of what was added.
type topN struct {
	v [5]float32
	n int
}

func (t *topN) add(x float32) {
	if t.n == len(t.v) && x <= t.v[t.n-1] {
		return
	}
	i, _ := slices.BinarySearchFunc(t.v[:t.n], x, func(a, b float32) int {
		if a > b {
			return -1
		}
		return 1
	})
	if t.n < len(t.v) {
		t.n++
	}
	copy(t.v[i+1:t.n], t.v[i:t.n-1])
	t.v[i] = x
}

// mean of the k largest, or of as many as there are; -1 when there are none.
func (t *topN) mean(k int) float32 {
	k = min(k, t.n)
	if k == 0 {
		return -1
	}
	sum := float32(0)
	for _, v := range t.v[:k] {
		sum += v
	}
	return sum / float32(k)
}
