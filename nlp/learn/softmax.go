package learn

import (
	"math"
	"math/rand/v2"
)

// Softmax is multinomial logistic regression over dense vectors.
type Softmax struct {
	mean   []float32
	scale  float32
	weight Matrix // classes x features
	bias   []float32
}

// Training of Softmax: Adam (Kingma & Ba 2015) over small batches with a falling
// step, which reaches the quality of L-BFGS at a quarter of its passes.
const (
	batch     = 64
	step      = 0.06
	l2        = 0.1 // over the number of examples
	minSteps  = 800
	minEpochs = 12
)

// TrainSoftmax fits rows of x to classes y (0..classes-1). Features are centred and
// scaled by one common factor, so that directions keep their meaning.
func TrainSoftmax(x Matrix, y []int, classes int, seed uint64) *Softmax {
	m := &Softmax{mean: make([]float32, x.Cols), weight: NewMatrix(classes, x.Cols), bias: make([]float32, classes)}
	if x.Rows == 0 {
		m.scale = 1
		return m
	}
	m.measure(x)
	z := m.centred(x)
	t := trainer{m: m, lambda: l2 / float32(x.Rows), w: newAdam(len(m.weight.Data)), b: newAdam(classes)}
	epochs := max(minEpochs, (minSteps*batch+x.Rows-1)/x.Rows)
	steps := epochs * ((x.Rows + batch - 1) / batch)
	rng := rand.New(rand.NewPCG(seed, 1))
	in, grad := NewMatrix(batch, x.Cols), NewMatrix(batch, classes)
	full := NewMatrix(classes, x.Cols)
	done := 0
	for range epochs {
		order := rng.Perm(x.Rows)
		for len(order) > 0 {
			n := min(batch, len(order))
			part, g := in.rows(0, n), grad.rows(0, n)
			for i, r := range order[:n] {
				copy(part.Row(i), z.Row(r))
			}
			t.gradient(part, g, y, order[:n])
			timesLeft(g, part, full)
			done++
			t.move(full, g, rate(done, steps))
			order = order[n:]
		}
	}
	return m
}

// rate rises for a twentieth of the way and falls like a cosine.
func rate(done, steps int) float64 {
	f := float64(done) / float64(steps)
	if f < 0.05 {
		return step * f / 0.05
	}
	return step * 0.5 * (1 + math.Cos(math.Pi*(f-0.05)/0.95))
}

// measure sets mean and scale: rows get a mean squared length of one.
func (m *Softmax) measure(x Matrix) {
	for i := range x.Rows {
		for j, v := range x.Row(i) {
			m.mean[j] += v / float32(x.Rows)
		}
	}
	sum := 0.0
	for i := range x.Rows {
		for j, v := range x.Row(i) {
			d := float64(v - m.mean[j])
			sum += d * d
		}
	}
	m.scale = 1
	if sum > 0 {
		m.scale = float32(1 / math.Sqrt(sum/float64(x.Rows)))
	}
}

// centred gives the rows as the weights see them.
func (m *Softmax) centred(x Matrix) Matrix {
	z := NewMatrix(x.Rows, x.Cols)
	for i := range x.Rows {
		row := z.Row(i)
		for j, v := range x.Row(i) {
			row[j] = (v - m.mean[j]) * m.scale
		}
	}
	return z
}

// Scores are the log probabilities of the classes, one row for each row of x.
func (m *Softmax) Scores(x Matrix) Matrix {
	out := NewMatrix(x.Rows, m.weight.Rows)
	times(m.centred(x), m.weight, out)
	for i := range out.Rows {
		row := out.Row(i)
		for j, b := range m.bias {
			row[j] += b
		}
		logSoftmax(row)
	}
	return out
}

type trainer struct {
	m      *Softmax
	lambda float32
	w, b   *adam
	sums   []float32
}

// gradient of the loss by the scores, into g.
func (t *trainer) gradient(part, g Matrix, y, rows []int) {
	times(part, t.m.weight, g)
	scale := 1 / float32(g.Rows)
	for i, r := range rows {
		row := g.Row(i)
		for j, b := range t.m.bias {
			row[j] += b
		}
		logSoftmax(row)
		for j := range row {
			row[j] = float32(math.Exp(float64(row[j]))) * scale
		}
		row[y[r]] -= scale
	}
}

func (t *trainer) move(full, g Matrix, rate float64) {
	for i, w := range t.m.weight.Data {
		full.Data[i] += t.lambda * w
	}
	t.w.move(t.m.weight.Data, full.Data, rate)
	t.sums = append(t.sums[:0], make([]float32, g.Cols)...)
	for i := range g.Rows {
		for j, v := range g.Row(i) {
			t.sums[j] += v
		}
	}
	t.b.move(t.m.bias, t.sums, rate)
}

// adam keeps the moments of one array of parameters.
type adam struct {
	first, second []float32
	p1, p2        float64 // powers of the decay rates
}

func newAdam(n int) *adam {
	return &adam{make([]float32, n), make([]float32, n), 1, 1}
}

func (a *adam) move(w, g []float32, rate float64) {
	const d1, d2 = 0.9, 0.99
	a.p1, a.p2 = a.p1*d1, a.p2*d2
	r := float32(rate / (1 - a.p1))
	norm := float32(1 / (1 - a.p2))
	for i, v := range g {
		a.first[i] += (1 - d1) * (v - a.first[i])
		a.second[i] += (1 - d2) * (v*v - a.second[i])
		w[i] -= r * a.first[i] / (float32(math.Sqrt(float64(a.second[i]*norm))) + 1e-7)
	}
}
