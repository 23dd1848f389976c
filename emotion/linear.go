package emotion

import (
	"errors"
	"math"
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
