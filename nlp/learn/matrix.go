package learn

import (
	"math"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
)

// Matrix is Rows x Cols numbers, row after row.
type Matrix struct {
	Rows, Cols int
	Data       []float32
}

// NewMatrix gives a matrix of zeros.
func NewMatrix(rows, cols int) Matrix {
	return Matrix{rows, cols, make([]float32, rows*cols)}
}

// Row i, as a view.
func (m Matrix) Row(i int) []float32 { return m.Data[i*m.Cols : (i+1)*m.Cols : (i+1)*m.Cols] }

// rows is a view of rows from to (not included) to.
func (m Matrix) rows(from, to int) Matrix {
	return Matrix{to - from, m.Cols, m.Data[from*m.Cols : to*m.Cols]}
}

// Pick copies the rows of the given indexes.
func (m Matrix) Pick(rows []int) Matrix {
	out := NewMatrix(len(rows), m.Cols)
	for i, r := range rows {
		copy(out.Row(i), m.Row(r))
	}
	return out
}

func (m Matrix) general() blas32.General {
	return blas32.General{Rows: m.Rows, Cols: m.Cols, Stride: max(m.Cols, 1), Data: m.Data}
}

// times is a x bT into out.
func times(a, bT, out Matrix) {
	if a.Rows > 0 && bT.Rows > 0 {
		blas32.Gemm(blas.NoTrans, blas.Trans, 1, a.general(), bT.general(), 0, out.general())
	}
}

// timesLeft is aT x b into out.
func timesLeft(a, b, out Matrix) {
	blas32.Gemm(blas.Trans, blas.NoTrans, 1, a.general(), b.general(), 0, out.general())
}

// logSoftmax turns scores into log probabilities in place.
func logSoftmax(s []float32) {
	top := s[0]
	for _, x := range s {
		top = max(top, x)
	}
	sum := 0.0
	for _, x := range s {
		sum += math.Exp(float64(x - top))
	}
	norm := top + float32(math.Log(sum))
	for i := range s {
		s[i] -= norm
	}
}
