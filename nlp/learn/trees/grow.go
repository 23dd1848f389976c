package trees

import (
	"math"
	"slices"
)

// grower builds one tree after the other over the same rows.
type grower struct {
	cfg    Config
	cuts   [][]float32
	bins   [][]uint8 // column by column
	grad   []float64
	hess   []float64
	spare  [][]cell
	bounds []int // where each column's bins begin in a histogram
}

// cell sums what falls into one bin.
type cell struct {
	grad, hess float64
	n          int
}

// branch is a leaf that may still be split.
type branch struct {
	node       int
	rows       []int32
	cells      []cell
	grad, hess float64
	gain       float64
	column     int
	bin        int
}

func newGrower(x [][]float32, cfg Config) *grower {
	g := &grower{cfg: cfg, grad: make([]float64, len(x)), hess: make([]float64, len(x))}
	values := make([]float32, len(x))
	total := 0
	for j := range x[0] {
		for i := range x {
			values[i] = x[i][j]
		}
		c := cuts(values, cfg.Bins)
		col := make([]uint8, len(x))
		for i, v := range values {
			if v == v { // a missing number stays in the lowest bin
				at, _ := slices.BinarySearch(c, v)
				col[i] = uint8(at)
			}
		}
		g.cuts, g.bins, g.bounds = append(g.cuts, c), append(g.bins, col), append(g.bounds, total)
		total += len(c) + 1
	}
	g.bounds = append(g.bounds, total)
	return g
}

// slopes are the first and second derivatives of the loss by one score.
func (g *grower) slopes(s Set, scores []float64, outputs, k int) {
	p := make([]float64, outputs)
	for i, y := range s.Y {
		copy(p, scores[i*outputs:])
		share, hit := 0.0, y == 1
		if outputs == 1 {
			share = sigmoid(p[0])
		} else {
			softmax(p)
			share, hit = p[k], y == k
		}
		w := s.weight(i)
		g.grad[i] = w * share
		if hit {
			g.grad[i] = w * (share - 1)
		}
		g.hess[i] = w * math.Max(share*(1-share), 1e-6)
	}
}

// grow builds a tree over some rows and columns, the largest gain first.
func (g *grower) grow(rows, cols []int32, gain []float64) []node {
	t := []node{{column: -1}}
	root := &branch{rows: slices.Clone(rows), cells: g.histogram(rows, cols)}
	for _, r := range rows {
		root.grad, root.hess = root.grad+g.grad[r], root.hess+g.hess[r]
	}
	g.split(root, cols)
	open := []*branch{root}
	for leaves := 1; leaves < g.cfg.Leaves; leaves++ {
		best := 0
		for i, b := range open {
			if b.gain > open[best].gain {
				best = i
			}
		}
		b := open[best]
		if b.gain <= 1e-9 {
			break
		}
		gain[b.column] += b.gain
		left, right := g.part(b, cols)
		left.node, right.node = len(t), len(t)+1
		t[b.node] = node{column: int32(b.column), cut: g.cuts[b.column][b.bin], left: int32(left.node), right: int32(right.node)}
		t = append(t, node{column: -1}, node{column: -1})
		open[best] = left
		open = append(open, right)
	}
	for _, b := range open {
		t[b.node].value = float32(-g.cfg.Rate * b.grad / (b.hess + g.cfg.L2))
		g.spare = append(g.spare, b.cells)
	}
	return t
}

// histogram sums the rows by the bins of the columns.
func (g *grower) histogram(rows, cols []int32) []cell {
	var cells []cell
	if n := len(g.spare); n > 0 {
		cells, g.spare = g.spare[n-1], g.spare[:n-1]
		clear(cells)
	} else {
		cells = make([]cell, g.bounds[len(g.bounds)-1])
	}
	for _, j := range cols {
		bins, part := g.bins[j], cells[g.bounds[j]:g.bounds[j+1]]
		for _, r := range rows {
			c := &part[bins[r]]
			c.grad += g.grad[r]
			c.hess += g.hess[r]
			c.n++
		}
	}
	return cells
}

// split finds the best cut of a branch.
func (g *grower) split(b *branch, cols []int32) {
	l2 := g.cfg.L2
	whole := b.grad * b.grad / (b.hess + l2)
	b.gain = 0
	for _, j := range cols {
		part := b.cells[g.bounds[j]:g.bounds[j+1]]
		var left cell
		for bin := range len(part) - 1 {
			left.grad, left.hess, left.n = left.grad+part[bin].grad, left.hess+part[bin].hess, left.n+part[bin].n
			if left.n < g.cfg.Least {
				continue
			}
			if len(b.rows)-left.n < g.cfg.Least {
				break
			}
			grad, hess := b.grad-left.grad, b.hess-left.hess
			if gain := left.grad*left.grad/(left.hess+l2) + grad*grad/(hess+l2) - whole; gain > b.gain {
				b.gain, b.column, b.bin = gain, int(j), bin
			}
		}
	}
}

// part splits a branch; the smaller side is counted, the other is what is left.
func (g *grower) part(b *branch, cols []int32) (left, right *branch) {
	left, right = &branch{}, &branch{}
	bins := g.bins[b.column]
	for _, r := range b.rows {
		to := left
		if int(bins[r]) > b.bin {
			to = right
		}
		to.rows = append(to.rows, r)
		to.grad, to.hess = to.grad+g.grad[r], to.hess+g.hess[r]
	}
	small, large := left, right
	if len(right.rows) < len(left.rows) {
		small, large = right, left
	}
	small.cells, large.cells = g.histogram(small.rows, cols), b.cells
	for i, c := range small.cells {
		l := &large.cells[i]
		l.grad, l.hess, l.n = l.grad-c.grad, l.hess-c.hess, l.n-c.n
	}
	g.split(left, cols)
	g.split(right, cols)
	return left, right
}
