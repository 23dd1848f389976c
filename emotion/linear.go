package emotion

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/blas/gonum"
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

// blas has inner products that take several numbers at a time where the processor can.
var blas gonum.Implementation

// dot is the inner product of equally long vectors.
func dot(a, b []float32) float32 { return blas.Sdot(len(a), a, 1, b, 1) }

// dot64 is the inner product of equally long vectors.
func dot64(a, b []float64) float64 { return blas.Ddot(len(a), a, 1, b, 1) }

// blockSize is how many columns, or right-hand sides, are worked on while they are in the cache.
const blockSize = 32

// cholesky replaces the lower triangle of a positive definite matrix of n rows by its
// factor, a block of columns at a time.
func cholesky(a []float64, n int) error {
	for from := 0; from < n; from += blockSize {
		to := min(n, from+blockSize)
		for i := from; i < n; i++ {
			row := a[i*n : i*n+min(to, i+1)]
			for j := from; j < len(row); j++ {
				other := a[j*n : j*n+j+1]
				v := row[j] - dot64(row[:j], other[:j])
				switch {
				case j < i:
					row[j] = v / other[j]
				case v > 0:
					row[j] = math.Sqrt(v)
				default:
					return errors.New("emotion: the examples are too much alike to learn from")
				}
			}
		}
	}
	return nil
}

// solve replaces b by the solution of l l' x = b, l the factor that cholesky left.
func solve(l []float64, n int, b []float64) {
	for i := range n {
		b[i] = (b[i] - dot64(l[i*n:i*n+i], b[:i])) / l[i*n+i]
	}
	for i := n - 1; i >= 0; i-- {
		b[i] /= l[i*n+i]
		blas.Daxpy(i, -b[i], l[i*n:i*n+i], 1, b[:i], 1)
	}
}

// inverseBlock is the block of (l l')^-1 at the rows and columns of group.
func inverseBlock(l []float64, n int, group []int) []float64 {
	g := len(group)
	half := make([][]float64, g) // l^-1 times the unit vectors
	for k, i := range group {
		half[k] = make([]float64, n)
		half[k][i] = 1
	}
	for k := 0; k < g; k += blockSize {
		some := half[k:min(g, k+blockSize)]
		first := slices.Min(group[k : k+len(some)])
		for r := first; r < n; r++ {
			row := l[r*n+first : r*n+r]
			for _, v := range some {
				v[r] = (v[r] - dot64(row, v[first:r])) / l[r*n+r]
			}
		}
	}
	out := make([]float64, g*g)
	for a := range g {
		for b := range a + 1 {
			from := max(group[a], group[b])
			s := dot64(half[a][from:], half[b][from:])
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
