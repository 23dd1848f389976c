package emotion

import (
	"errors"
	"math"
	"math/rand/v2"
)

// gram is the matrix of inner products, row by row.
func gram(x [][]float32) []float64 {
	n := len(x)
	g := make([]float64, n*n)
	for i := range n {
		for j := range i + 1 {
			d := float64(dot(x[i], x[j]))
			g[i*n+j], g[j*n+i] = d, d
		}
	}
	return g
}

// dot is the inner product of equally long vectors.
func dot(a, b []float32) float32 {
	var s0, s1, s2, s3 float32
	b = b[:len(a)]
	i := 0
	for ; i+3 < len(a); i += 4 {
		s0 += a[i] * b[i]
		s1 += a[i+1] * b[i+1]
		s2 += a[i+2] * b[i+2]
		s3 += a[i+3] * b[i+3]
	}
	for ; i < len(a); i++ {
		s0 += a[i] * b[i]
	}
	return s0 + s1 + s2 + s3
}

// cholesky replaces the lower triangle of a positive definite matrix of n rows by its factor.
func cholesky(a []float64, n int) error {
	for j := range n {
		rj := a[j*n : j*n+j]
		d := a[j*n+j]
		for _, v := range rj {
			d -= v * v
		}
		if !(d > 0) {
			return errors.New("emotion: the examples are too much alike to learn from")
		}
		d = math.Sqrt(d)
		a[j*n+j] = d
		for i := j + 1; i < n; i++ {
			ri := a[i*n : i*n+j]
			var s0, s1 float64
			k := 0
			for ; k+1 < j; k += 2 {
				s0 += ri[k] * rj[k]
				s1 += ri[k+1] * rj[k+1]
			}
			if k < j {
				s0 += ri[k] * rj[k]
			}
			a[i*n+j] = (a[i*n+j] - s0 - s1) / d
		}
	}
	return nil
}

// solve replaces b by the solution of l l' x = b, l the factor that cholesky left.
func solve(l []float64, n int, b []float64) {
	for i := range n {
		s := b[i]
		for k, v := range l[i*n : i*n+i] {
			s -= v * b[k]
		}
		b[i] = s / l[i*n+i]
	}
	for i := n - 1; i >= 0; i-- {
		b[i] /= l[i*n+i]
		for k, v := range l[i*n : i*n+i] {
			b[k] -= v * b[i]
		}
	}
}

// inverseBlock is the block of (l l')^-1 at the rows and columns of group.
func inverseBlock(l []float64, n int, group []int) []float64 {
	g := len(group)
	half := make([][]float64, g) // l^-1 times the unit vectors
	for k, i := range group {
		v := make([]float64, n)
		v[i] = 1
		for r := i; r < n; r++ {
			s := v[r]
			for c, x := range l[r*n+i : r*n+r] {
				s -= x * v[i+c]
			}
			v[r] = s / l[r*n+r]
		}
		half[k] = v
	}
	out := make([]float64, g*g)
	for a := range g {
		for b := range a + 1 {
			from := max(group[a], group[b])
			s := 0.0
			for r, x := range half[a][from:] {
				s += x * half[b][from+r]
			}
			out[a*g+b], out[b*g+a] = s, s
		}
	}
	return out
}

const (
	// maxComponents bounds the principal components of a classifier.
	maxComponents = 256
	// principalFrom bounds the examples they are found from.
	principalFrom = 512
)

// principal finds the k strongest directions of x (equally long, centred) by subspace
// iteration on the inner products of at most principalFrom examples, evenly chosen.
func principal(x [][]float32, k int) [][]float32 {
	step := (len(x) + principalFrom - 1) / principalFrom
	var some [][]float32
	for i := 0; i < len(x); i += step {
		some = append(some, x[i])
	}
	n := len(some)
	k = min(k, maxComponents, n-1, len(x[0]))
	if k < 1 {
		k = 1
	}
	g := make([]float32, n*n)
	for i := range n {
		for j := range i + 1 {
			d := dot(some[i], some[j])
			g[i*n+j], g[j*n+i] = d, d
		}
	}
	rng := rand.New(rand.NewPCG(5, 8))
	v := make([][]float32, k)
	for i := range v {
		v[i] = make([]float32, n)
		for j := range v[i] {
			v[i][j] = rng.Float32() - 0.5
		}
	}
	orthogonal(v)
	next := make([]float32, n)
	for range 12 {
		for _, u := range v {
			for j := range n {
				next[j] = dot(g[j*n:(j+1)*n], u)
			}
			copy(u, next)
		}
		orthogonal(v)
	}
	basis := make([][]float32, k)
	for i, u := range v {
		b := make([]float32, len(x[0]))
		for j, a := range u {
			for m, f := range some[j] {
				b[m] += a * f
			}
		}
		basis[i] = b
	}
	orthogonal(basis)
	return basis
}

// orthogonal makes vectors orthonormal, in order (modified Gram-Schmidt, twice).
func orthogonal(v [][]float32) {
	for i, u := range v {
		for range 2 {
			for _, w := range v[:i] {
				d := dot(u, w)
				for j, x := range w {
					u[j] -= d * x
				}
			}
		}
		inv := 1 / max(1e-20, sqrtf(dot(u, u)))
		for j := range u {
			u[j] *= inv
		}
	}
}
