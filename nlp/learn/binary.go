package learn

import (
	"errors"
	"fmt"
	"math"
)

// Binary is logistic regression over a few features.
type Binary struct {
	mean, scale, weight []float64
	bias                float64
}

// TrainBinary fits p(y) to rows of features by Newton's method with a ridge of l2
// on standardised features. When balanced, both classes weigh the same. Both
// classes must be there, and all numbers finite.
func TrainBinary(x [][]float64, y []bool, l2 float64, balanced bool) (*Binary, error) {
	yes := 0
	for i, row := range x {
		if len(row) != len(x[0]) {
			return nil, fmt.Errorf("row %d has %d features, the first has %d", i, len(row), len(x[0]))
		}
		for j, v := range row {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return nil, fmt.Errorf("feature %d of row %d is not a number", j, i)
			}
		}
		if y[i] {
			yes++
		}
	}
	if yes == 0 || yes == len(x) {
		return nil, errors.New("examples of both kinds are needed")
	}
	m := &Binary{}
	m.measure(x)
	weights := [2]float64{1, 1}
	if balanced {
		weights = [2]float64{float64(len(x)) / 2 / float64(len(x)-yes), float64(len(x)) / 2 / float64(yes)}
	}
	d := len(m.mean)
	theta := make([]float64, d+1)
	for range 50 {
		step := solve(m.newton(x, y, weights, theta, l2))
		size := 0.0
		for i, s := range step {
			s = math.Max(-5, math.Min(5, s))
			theta[i] -= s
			size = math.Max(size, math.Abs(s))
		}
		if size < 1e-6 {
			break
		}
	}
	m.weight, m.bias = theta[:d], theta[d]
	return m, nil
}

func (m *Binary) measure(x [][]float64) {
	d := len(x[0])
	m.mean, m.scale = make([]float64, d), make([]float64, d)
	for _, row := range x {
		for j, v := range row {
			m.mean[j] += v / float64(len(x))
		}
	}
	for _, row := range x {
		for j, v := range row {
			m.scale[j] += (v - m.mean[j]) * (v - m.mean[j]) / float64(len(x))
		}
	}
	for j, v := range m.scale {
		m.scale[j] = 1 / math.Sqrt(v+1e-12)
		if v < 1e-12 {
			m.scale[j] = 0
		}
	}
}

// newton is the Hessian and the gradient at theta.
func (m *Binary) newton(x [][]float64, y []bool, weights [2]float64, theta []float64, l2 float64) ([][]float64, []float64) {
	d := len(m.mean)
	h := make([][]float64, d+1)
	for i := range h {
		h[i] = make([]float64, d+1)
		h[i][i] = 1e-9
		if i < d {
			h[i][i] += l2
		}
	}
	g := make([]float64, d+1)
	for i := range d {
		g[i] = l2 * theta[i]
	}
	z := make([]float64, d+1)
	z[d] = 1
	for r, row := range x {
		s := theta[d]
		for j, v := range row {
			z[j] = (v - m.mean[j]) * m.scale[j]
			s += z[j] * theta[j]
		}
		p, w := Sigmoid(s), weights[0]
		e := p
		if y[r] {
			w, e = weights[1], p-1
		}
		c := w * math.Max(p*(1-p), 1e-6)
		for i, a := range z {
			g[i] += w * e * a
			for j := range i + 1 {
				h[i][j] += c * a * z[j]
			}
		}
	}
	return h, g
}

// solve gives h⁻¹g for the lower triangle of a symmetric positive h (Cholesky).
func solve(h [][]float64, g []float64) []float64 {
	n := len(g)
	for i := range n {
		for j := range i + 1 {
			s := h[i][j]
			for k := range j {
				s -= h[i][k] * h[j][k]
			}
			if i == j {
				h[i][i] = math.Sqrt(math.Max(s, 1e-12))
			} else {
				h[i][j] = s / h[j][j]
			}
		}
	}
	out := make([]float64, n)
	for i := range n {
		s := g[i]
		for k := range i {
			s -= h[i][k] * out[k]
		}
		out[i] = s / h[i][i]
	}
	for i := n - 1; i >= 0; i-- {
		s := out[i]
		for k := i + 1; k < n; k++ {
			s -= h[k][i] * out[k]
		}
		out[i] = s / h[i][i]
	}
	return out
}

// Score is the log odds of a row.
func (m *Binary) Score(row []float64) float64 {
	s := m.bias
	for j, v := range row {
		s += (v - m.mean[j]) * m.scale[j] * m.weight[j]
	}
	return s
}

// Sigmoid is the logistic function.
func Sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
