package emotion

import (
	"math"
	"slices"
)

// lpcOrder is two poles a formant up to 4 kHz.
const lpcOrder = 8

// burg fits an all-pole model (Burg's recursion) and reads formants off its roots.
type burg struct {
	f, b  [specLen]float32
	roots [lpcOrder]complex128 // of the last fit: where the search for the next ones starts
	warm  bool
	free  [lpcOrder]formant
}

type formant struct{ hz, width float64 }

// formants fills F1-F3 and B1-B3 of r in kHz from specLen samples.
func (g *burg) formants(x []float32, r *row) {
	a := g.fit(x)
	g.solve(&a)
	n := 0
	for _, z := range g.roots {
		if imag(z) <= 0 {
			continue
		}
		hz := math.Atan2(imag(z), real(z)) * rate / (2 * math.Pi)
		width := -math.Log(max(math.Hypot(real(z), imag(z)), 1e-9)) * rate / math.Pi
		if hz > 50 && hz < rate/2-50 {
			g.free[n] = formant{hz, width}
			n++
		}
	}
	list := g.free[:n]
	slices.SortFunc(list, func(a, b formant) int {
		if a.hz < b.hz {
			return -1
		}
		return 1
	})
	usual := [3]float32{0.5, 1.5, 2.5}
	for i := range 3 {
		r.v[cF1+i] = usual[i]
		if i < n {
			r.v[cF1+i] = float32(list[i].hz / 1000)
		}
	}
	for i, to := range [...]*float32{&r.v[cB1], &r.v[cB1+1], &r.b3} {
		*to = 0.3
		if i < n {
			*to = float32(max(0, min(list[i].width, 2000)) / 1000)
		}
	}
}

// fit gives the coefficients of 1 + a1 z^-1 + ... after a pre-emphasis from 50 Hz and the spectral window.
func (g *burg) fit(x []float32) (a [lpcOrder + 1]float64) {
	last := x[0]
	for i, v := range x {
		g.f[i] = (v - 0.9615*last) * shared.spec[i]
		last = v
	}
	g.f[0] = 0
	g.b = g.f
	a[0] = 1
	for m := 1; m <= lpcOrder; m++ {
		num, den := float32(0), float32(1e-20)
		f, b := g.f[m:], g.b[m-1:specLen-1]
		for i, v := range f {
			w := b[i]
			num += v * w
			den += v*v + w*w
		}
		k := -2 * num / den
		var next [lpcOrder + 1]float64
		for i := 0; i <= m; i++ {
			next[i] = a[i] + float64(k)*a[m-i]
		}
		a = next
		for i := specLen - 1; i >= m; i-- {
			v, w := g.f[i], g.b[i-1]
			g.f[i], g.b[i] = v+k*w, w+k*v
		}
	}
	return a
}

// solve finds all roots at once (Durand and Kerner), from those of the last fit: speech moves little in 20 ms.
func (g *burg) solve(a *[lpcOrder + 1]float64) {
	if !g.warm {
		g.start()
	}
	for range 40 {
		moved := 0.0
		for i, z := range g.roots {
			p := complex(1, 0)
			for _, c := range a[1:] {
				p = p*z + complex(c, 0)
			}
			q := complex(1, 0)
			for j, w := range g.roots {
				if j != i {
					q *= z - w
				}
			}
			if q == 0 {
				q = complex(1e-12, 0)
			}
			d := p / q
			g.roots[i] = z - d
			moved = max(moved, real(d)*real(d)+imag(d)*imag(d))
		}
		if moved < 1e-12 {
			g.warm = true
			return
		}
		if moved != moved {
			break
		}
	}
	g.warm = false
	for _, z := range g.roots {
		if math.IsNaN(real(z)) || math.IsNaN(imag(z)) {
			g.start()
			return
		}
	}
}

func (g *burg) start() {
	for i := range g.roots {
		s, c := math.Sincos(2*math.Pi*float64(i)/lpcOrder + 0.4)
		g.roots[i] = complex(0.9*c, 0.9*s)
	}
}
