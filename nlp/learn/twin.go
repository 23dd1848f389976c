package learn

import (
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
)

// twin weighs two sentences by one learnt projection of both vectors (a siamese network, Bromley et al. 1993; the joins
// |p-q|, p*q are those of Reimers & Gurevych 2019) and the features that need no learning:
//
//	a, b -> p, q = tanh(projection) -> |p-q|, p*q, (p+q)²/4, features -> hidden -> log odds
//
// Half of the vectors' columns are left out of each batch and half of the joins of each pair (Srivastava et al. 2014): frozen
// vectors have far more directions than pairs to learn them from.
type twin struct {
	mean           []float32 // of the vectors
	scale          float32
	center, spread []float32 // of the features
	project        Matrix    // joints x length of a vector
	hidden         Matrix    // hidden x (3 joints + features)
	bias           []float32
	out, straight  []float32 // of the hidden ones, of the features
	offset         []float32 // one
}

const (
	twinJoints = 256 // at most, one for so many pairs, and at least
	twinShare  = 96
	twinLeast  = 32
	twinHidden = 64
	twinBatch  = 128
	twinEpochs = 6
	twinRate   = 0.002
	twinKeep   = 0.5
)

// trainTwin learns from pairs with their features. The same pairs and seed give the same.
func trainTwin(pairs []Pair, features [][]float64, seed uint64) *twin {
	size, more := len(pairs[0].VectorA), len(features[0])
	joints := max(twinLeast, min(twinJoints, len(pairs)/twinShare))
	rng := rand.New(rand.NewPCG(seed, 7))
	m := &twin{project: random(rng, joints, size), hidden: random(rng, twinHidden, 3*joints+more), bias: make([]float32, twinHidden),
		out: random(rng, 1, twinHidden).Data, straight: make([]float32, more), offset: make([]float32, 1)}
	m.measure(pairs, features)
	t := newTwinTrainer(m, rng)
	steps := twinEpochs * ((len(pairs) + twinBatch - 1) / twinBatch)
	for range twinEpochs {
		order := rng.Perm(len(pairs))
		for len(order) > 0 {
			n := min(twinBatch, len(order))
			t.step(pairs, features, order[:n], steps)
			order = order[n:]
		}
	}
	return m
}

func random(rng *rand.Rand, rows, cols int) Matrix {
	m := NewMatrix(rows, cols)
	for i := range m.Data {
		m.Data[i] = float32(rng.NormFloat64() / math.Sqrt(float64(cols)))
	}
	return m
}

// measure sets what brings vectors and features to a common size.
func (m *twin) measure(pairs []Pair, features [][]float64) {
	size, n := len(pairs[0].VectorA), float64(len(pairs))
	sum, square := make([]float64, size), 0.0
	for _, p := range pairs {
		for j := range size {
			a, b := float64(p.VectorA[j]), float64(p.VectorB[j])
			sum[j] += a + b
			square += a*a + b*b
		}
	}
	m.mean = make([]float32, size)
	for j, s := range sum {
		square -= s * s / (2 * n)
		m.mean[j] = float32(s / (2 * n))
	}
	m.scale = float32(1 / math.Sqrt(math.Max(square, 1e-12)/(2*n*float64(size)))) // every number about 1
	m.center, m.spread = make([]float32, len(features[0])), make([]float32, len(features[0]))
	for j := range m.center {
		mean, square := 0.0, 0.0
		for _, f := range features {
			mean += f[j] / n
			square += f[j] * f[j] / n
		}
		m.center[j], m.spread[j] = float32(mean), float32(1/math.Sqrt(math.Max(square-mean*mean, 1e-6)))
	}
}

// twinRun is the room for one batch.
type twinRun struct {
	a, b, p, q Matrix // vectors and their projections
	joint      Matrix
	hid        Matrix
	z          []float32
}

func newTwinRun(m *twin, rows, size int) *twinRun {
	joints := m.project.Rows
	return &twinRun{NewMatrix(rows, size), NewMatrix(rows, size), NewMatrix(rows, joints), NewMatrix(rows, joints), NewMatrix(rows, m.hidden.Cols), NewMatrix(rows, twinHidden), make([]float32, rows)}
}

func (r *twinRun) rows(n int) *twinRun {
	return &twinRun{r.a.rows(0, n), r.b.rows(0, n), r.p.rows(0, n), r.q.rows(0, n), r.joint.rows(0, n), r.hid.rows(0, n), r.z[:n]}
}

// read puts a pair's vectors and features in row i; of the vectors some columns, all when cols is nil.
func (r *twinRun) read(m *twin, i int, p *Pair, features []float64, cols []int) {
	a, b := r.a.Row(i), r.b.Row(i)
	if cols == nil {
		for j, x := range m.mean {
			a[j], b[j] = (p.VectorA[j]-x)*m.scale, (p.VectorB[j]-x)*m.scale
		}
	} else {
		for k, j := range cols {
			a[k], b[k] = (p.VectorA[j]-m.mean[j])*m.scale/twinKeep, (p.VectorB[j]-m.mean[j])*m.scale/twinKeep
		}
	}
	joint := r.joint.Row(i)[3*m.project.Rows:]
	for j, f := range features {
		joint[j] = (float32(f) - m.center[j]) * m.spread[j]
	}
}

// run fills p, q, joint, hid and z from a, b and the features; keep, when there is one, says what counts of the joints.
func (r *twinRun) run(m *twin, project, keep Matrix) {
	n := m.project.Rows
	times(r.a, project, r.p)
	times(r.b, project, r.q)
	for i := range r.z {
		p, q, joint := r.p.Row(i), r.q.Row(i), r.joint.Row(i)
		r.z[i] = m.offset[0]
		for j, w := range m.straight {
			r.z[i] += w * joint[3*n+j]
		}
		for j := range p {
			p[j], q[j] = tanh(p[j]), tanh(q[j])
			d, s := p[j]-q[j], p[j]+q[j]
			joint[j], joint[n+j], joint[2*n+j] = max(d, -d), p[j]*q[j], s*s/4
		}
		if keep.Rows > 0 {
			for j, k := range keep.Row(i) {
				joint[j] *= k
			}
		}
	}
	times(r.joint, m.hidden, r.hid)
	for i := range r.z {
		for j, h := range r.hid.Row(i) {
			h = max(h+m.bias[j], 0)
			r.hid.Row(i)[j] = h
			r.z[i] += h * m.out[j]
		}
	}
}

func tanh(x float32) float32 { return float32(math.Tanh(float64(x))) }

// score is the log odds that both mean the same.
func (m *twin) score(p Pair, features []float64) float64 {
	r := newTwinRun(m, 1, len(m.mean))
	r.read(m, 0, &p, features, nil)
	r.run(m, m.project, Matrix{})
	return float64(r.z[0])
}

// twinTrainer holds the moments and the room of training.
type twinTrainer struct {
	m       *twin
	rng     *rand.Rand
	done    int
	run     *twinRun
	columns []int  // of this batch
	project Matrix // their part of the projection
	keep    Matrix
	dHid    Matrix
	dJoint  Matrix
	dHidden Matrix
	dPart   Matrix // by project, from each side
	dOther  Matrix
	moments [6]*adam
}

func newTwinTrainer(m *twin, rng *rand.Rand) *twinTrainer {
	size, half, joints, joint := len(m.mean), int(float64(len(m.mean))*twinKeep), m.project.Rows, m.hidden.Cols
	return &twinTrainer{m: m, rng: rng, run: newTwinRun(m, twinBatch, half), columns: make([]int, half), project: NewMatrix(joints, half),
		keep: NewMatrix(twinBatch, joint), dHid: NewMatrix(twinBatch, twinHidden), dJoint: NewMatrix(twinBatch, joint), dHidden: NewMatrix(twinHidden, joint),
		dPart: NewMatrix(joints, half), dOther: NewMatrix(joints, half),
		moments: [6]*adam{newAdam(joints * size), newAdam(twinHidden * joint), newAdam(twinHidden), newAdam(twinHidden), newAdam(len(m.straight)), newAdam(1)}}
}

// step learns from one batch.
func (t *twinTrainer) step(pairs []Pair, features [][]float64, rows []int, steps int) {
	m, n := t.m, len(rows)
	copy(t.columns, t.rng.Perm(len(m.mean)))
	for k := range m.project.Rows {
		from, to := m.project.Row(k), t.project.Row(k)
		for i, j := range t.columns {
			to[i] = from[j]
		}
	}
	for i := range t.keep.Data {
		t.keep.Data[i] = float32(t.rng.Uint64()>>63) / twinKeep
	}
	r := t.run.rows(n)
	for i, at := range rows {
		r.read(m, i, &pairs[at], features[at], t.columns)
	}
	r.run(m, t.project, t.keep)
	dOut, dStraight, dBias, dOffset := make([]float32, twinHidden), make([]float32, len(m.straight)), make([]float32, twinHidden), make([]float32, 1)
	dHid, dJoint := t.dHid.rows(0, n), t.dJoint.rows(0, n)
	for i, at := range rows {
		e := float32(Sigmoid(float64(r.z[i])))
		if pairs[at].Same {
			e--
		}
		e /= float32(n)
		dOffset[0] += e
		for j, f := range features[at] {
			dStraight[j] += e * (float32(f) - m.center[j]) * m.spread[j]
		}
		for j, h := range r.hid.Row(i) {
			d := float32(0)
			if h > 0 {
				d = e * m.out[j]
			}
			dOut[j] += e * h
			dBias[j] += d
			dHid.Row(i)[j] = d
		}
	}
	timesLeft(dHid, r.joint, t.dHidden)
	blas32.Gemm(blas.NoTrans, blas.NoTrans, 1, dHid.general(), m.hidden.general(), 0, dJoint.general())
	t.back(r, dJoint)
	timesLeft(r.p, r.a, t.dPart)
	timesLeft(r.q, r.b, t.dOther)
	t.done++
	rate := twinRate * 0.5 * (1 + math.Cos(math.Pi*float64(t.done)/float64(steps)))
	t.moments[0].moveSome(m.project, t.columns, t.dPart, t.dOther, rate)
	for i, w := range []struct{ w, g []float32 }{{m.hidden.Data, t.dHidden.Data}, {m.bias, dBias}, {m.out, dOut}, {m.straight, dStraight}, {m.offset, dOffset}} {
		t.moments[i+1].move(w.w, w.g, rate)
	}
}

// back turns p and q into the loss's gradients by what went into tanh.
func (t *twinTrainer) back(r *twinRun, dJoint Matrix) {
	n := t.m.project.Rows
	for i := range dJoint.Rows {
		p, q, g, keep := r.p.Row(i), r.q.Row(i), dJoint.Row(i), t.keep.Row(i)
		for j := range p {
			x, y := p[j], q[j]
			apart, both, sum := g[j]*keep[j], g[n+j]*keep[n+j], g[2*n+j]*keep[2*n+j]*(x+y)/2
			if x < y {
				apart = -apart
			}
			p[j], q[j] = (apart+both*y+sum)*(1-x*x), (-apart+both*x+sum)*(1-y*y)
		}
	}
}

// moveSome is move for some columns of w, by the sum of two gradients.
func (a *adam) moveSome(w Matrix, cols []int, g, other Matrix, rate float64) {
	const d1, d2 = 0.9, 0.99
	a.p1, a.p2 = a.p1*d1, a.p2*d2
	r, norm := float32(rate/(1-a.p1)), float32(1/(1-a.p2))
	for k := range w.Rows {
		row, g1, g2 := w.Row(k), g.Row(k), other.Row(k)
		for i, j := range cols {
			at, v := k*w.Cols+j, g1[i]+g2[i]
			a.first[at] += (1 - d1) * (v - a.first[at])
			a.second[at] += (1 - d2) * (v*v - a.second[at])
			row[j] -= r * a.first[at] / (float32(math.Sqrt(float64(a.second[at]*norm))) + 1e-7)
		}
	}
}
