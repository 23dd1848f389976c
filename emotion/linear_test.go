package emotion

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestCholeskySolves checks factor, solution and a block of the inverse by multiplying back.
func TestCholeskySolves(t *testing.T) {
	for _, n := range []int{1, 5, 31, 32, 33, 100} {
		rng := rand.New(rand.NewPCG(1, uint64(n)))
		x := make([][]float32, n)
		for i := range x {
			x[i] = make([]float32, n+3)
			for j := range x[i] {
				x[i][j] = rng.Float32() - 0.5
			}
		}
		a := gram(x)
		for i := range n {
			a[i*n+i] += 0.5
		}
		l := append([]float64(nil), a...)
		if err := cholesky(l, n); err != nil {
			t.Fatal(err)
		}
		want := make([]float64, n)
		for i := range want {
			want[i] = rng.Float64()
		}
		got := append([]float64(nil), want...)
		solve(l, n, got)
		for i := range n {
			if back := dot64(a[i*n:(i+1)*n], got); math.Abs(back-want[i]) > 1e-9 {
				t.Fatalf("n %d: row %d gives %g, want %g", n, i, back, want[i])
			}
		}
		group := []int{0, n / 2, n - 1}
		block := inverseBlock(l, n, group)
		for k, i := range group {
			unit := make([]float64, n)
			unit[i] = 1
			solve(l, n, unit)
			for m, j := range group {
				if math.Abs(block[m*3+k]-unit[j]) > 1e-9 {
					t.Fatalf("n %d: inverse at %d,%d is %g, want %g", n, j, i, block[m*3+k], unit[j])
				}
			}
		}
	}
	if cholesky([]float64{1, 2, 2, 1}, 2) == nil {
		t.Error("a matrix that is not positive definite was factored")
	}
}

// TestLeaveOutIsTrainingWithout compares the closed form with a regression that really
// leaves the speaker out.
func TestLeaveOutIsTrainingWithout(t *testing.T) {
	list := examples(3, 8)
	var x [][]float32
	var y []int
	var who []string
	for _, e := range list {
		x, y, who = append(x, e.X), append(y, int(e.Class)), append(who, e.Speaker)
	}
	c, held, err := Fit(x, y, who, 4, FitOptions{Components: 12})
	if err != nil {
		t.Fatal(err)
	}
	n, rest := len(x), []int{}
	for i := range x {
		if who[i] != "0" {
			rest = append(rest, i)
		}
	}
	kernel := func(i, j int) float64 {
		return float64(c.similar(c.square[i] + c.square[j] - 2*dot(c.support[i], c.support[j])))
	}
	m := len(rest)
	k := make([]float64, m*m)
	for a, i := range rest {
		for b, j := range rest {
			k[a*m+b] = kernel(i, j)
		}
		k[a*m+a] = 1 + 0.12 // every class has as many examples
	}
	if err := cholesky(k, m); err != nil {
		t.Fatal(err)
	}
	count := []float64{6, 6, 6, 6}
	want := make([][]float32, n)
	for class := range 4 {
		whole := target(y, class, count)
		b := make([]float64, m)
		for a, i := range rest {
			b[a] = whole[i]
		}
		solve(k, m, b)
		for i := range n {
			sum := 0.0
			for a, j := range rest {
				sum += b[a] * kernel(i, j)
			}
			want[i] = append(want[i], float32(sum))
		}
	}
	for i, p := range want {
		if who[i] != "0" {
			continue
		}
		c.probabilities(p, x[i])
		for class := range 4 {
			if math.Abs(float64(p[class]-held[i][class])) > 3e-3 {
				t.Fatalf("example %d class %d: %g, want %g", i, class, held[i][class], p[class])
			}
		}
	}
}
