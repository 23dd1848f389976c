package main

import (
	"math"
	"math/rand/v2"

	"tingxin/asr/vad"
)

const (
	hid    = vad.Hidden
	row    = vad.Inputs + hid + 1
	stretc = 100 // frames through which errors go back
	batch  = 8
)

// model is the network with what Adam needs.
type model struct {
	w, g, m1, m2 []float32
	t            int
}

func newModel(r *rand.Rand) *model {
	m := &model{w: make([]float32, vad.Params), g: make([]float32, vad.Params), m1: make([]float32, vad.Params), m2: make([]float32, vad.Params)}
	for i := range m.w {
		m.w[i] = float32(r.NormFloat64() * 0.2)
	}
	return m
}

// step is what one frame leaves for the way back.
type step struct {
	x              *[vad.Inputs]float32
	old, h         [hid]float32
	z, r, n, state [hid]float32
	p, y           float32
}

func (m *model) forward(s *step) {
	w := m.w
	for j := range hid {
		wz, wr, wn := w[j*row:(j+1)*row], w[(hid+j)*row:(hid+j+1)*row], w[(2*hid+j)*row:(2*hid+j+1)*row]
		z, r, n, st := wz[row-1], wr[row-1], wn[row-1], w[3*hid*row+j]
		for i, v := range s.x {
			z += wz[i] * v
			r += wr[i] * v
			n += wn[i] * v
		}
		for i, v := range s.old {
			z += wz[vad.Inputs+i] * v
			r += wr[vad.Inputs+i] * v
			st += wn[vad.Inputs+i] * v
		}
		s.z[j], s.r[j], s.state[j] = sig(z), sig(r), st
		s.n[j] = float32(math.Tanh(float64(n + s.r[j]*st)))
		s.h[j] = (1-s.z[j])*s.n[j] + s.z[j]*s.old[j]
	}
	o := w[vad.Params-1]
	for j, v := range s.h {
		o += w[vad.Params-1-hid+j] * v
	}
	s.p = sig(o)
}

// backward adds the gradients of one frame; dh comes from the future and goes to the past.
func (m *model) backward(s *step, dh *[hid]float32, weight float32) {
	w, g := m.w, m.g
	do := (s.p - s.y) * weight
	g[vad.Params-1] += do
	var dold [hid]float32
	for j := range hid {
		g[vad.Params-1-hid+j] += do * s.h[j]
		d := dh[j] + do*w[vad.Params-1-hid+j]
		dz := d * (s.old[j] - s.n[j]) * s.z[j] * (1 - s.z[j])
		dn := d * (1 - s.z[j]) * (1 - s.n[j]*s.n[j])
		dst := dn * s.r[j]
		dr := dn * s.state[j] * s.r[j] * (1 - s.r[j])
		dold[j] += d * s.z[j]
		bz, br, bn := j*row, (hid+j)*row, (2*hid+j)*row
		for i, v := range s.x {
			g[bz+i] += dz * v
			g[br+i] += dr * v
			g[bn+i] += dn * v
		}
		for i, v := range s.old {
			k := vad.Inputs + i
			g[bz+k] += dz * v
			g[br+k] += dr * v
			g[bn+k] += dst * v
			dold[i] += dz*w[bz+k] + dr*w[br+k] + dst*w[bn+k]
		}
		g[bz+row-1] += dz
		g[br+row-1] += dr
		g[bn+row-1] += dn
		g[3*hid*row+j] += dst
	}
	*dh = dold
}

func (m *model) epoch(r *rand.Rand, set []sequence, rate float64) float64 {
	type place struct{ seq, at int }
	var places []place
	for i, s := range set {
		for at := r.IntN(stretc); at+stretc <= len(s.y); at += stretc {
			places = append(places, place{i, at})
		}
	}
	r.Shuffle(len(places), func(i, j int) { places[i], places[j] = places[j], places[i] })
	var loss float64
	steps := make([]step, 2*stretc)
	for k, p := range places {
		s := set[p.seq]
		warm := min(p.at, stretc) // frames before it that only bring the state about
		var h [hid]float32
		for i := range warm + stretc {
			st := &steps[i]
			st.x, st.y, st.old = &s.x[p.at-warm+i], s.y[p.at-warm+i], h
			m.forward(st)
			h = st.h
		}
		var dh [hid]float32
		for i := warm + stretc - 1; i >= warm; i-- {
			st := &steps[i]
			loss -= math.Log(max(1e-6, float64(st.y*st.p+(1-st.y)*(1-st.p))))
			m.backward(st, &dh, 1.0/(stretc*batch))
		}
		if k%batch == batch-1 {
			m.adam(rate)
		}
	}
	return loss / float64(len(places)*stretc)
}

func (m *model) adam(rate float64) {
	m.t++
	var norm float64
	for _, g := range m.g {
		norm += float64(g) * float64(g)
	}
	clip := float32(min(1, 1/math.Sqrt(norm+1e-12)))
	c1, c2 := 1-math.Pow(0.9, float64(m.t)), 1-math.Pow(0.999, float64(m.t))
	for i := range m.w {
		g := m.g[i] * clip
		m.m1[i] += 0.1 * (g - m.m1[i])
		m.m2[i] += 0.001 * (g*g - m.m2[i])
		m.w[i] -= float32(rate * float64(m.m1[i]) / c1 / (math.Sqrt(float64(m.m2[i])/c2) + 1e-8))
		m.g[i] = 0
	}
}

// score gives the share of missed speech frames and of false ones, in percent, at 0.5.
func (m *model) score(set []sequence) (miss, alarm float64) {
	var n, c [2]float64
	for _, s := range set {
		var h [hid]float32
		for i := range s.y {
			st := step{x: &s.x[i], old: h}
			m.forward(&st)
			h = st.h
			k := int(s.y[i] + 0.5)
			n[k]++
			if (st.p > 0.5) != (k == 1) {
				c[k]++
			}
		}
	}
	return 100 * c[1] / n[1], 100 * c[0] / n[0]
}

func sig(x float32) float32 { return float32(1 / (1 + math.Exp(-float64(x)))) }
