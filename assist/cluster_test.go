package assist

import (
	"math"
	"math/rand/v2"
	"testing"

	"tingxin/nlp"
)

// around makes n unit vectors near a direction.
func around(r *rand.Rand, n, dim, axis int, noise float64) [][]float32 {
	out := make([][]float32, n)
	for i := range out {
		v := make([]float32, dim)
		for k := range v {
			v[k] = float32(noise * r.NormFloat64() / math.Sqrt(float64(dim)))
		}
		v[axis]++
		nlp.Normalize(v)
		out[i] = v
	}
	return out
}

func TestClustersFindWhatIsNear(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	var all [][]float32
	var truth []int
	for axis, n := range []int{12, 7, 5, 2} { // two are too few
		all = append(all, around(r, n, 64, axis, 0.35)...)
		for range n {
			truth = append(truth, axis)
		}
	}
	got := clusters(all, defaultNear, defaultLink)
	if len(got) != 3 || len(got[0].members) != 12 || len(got[1].members) != 7 || len(got[2].members) != 5 {
		t.Fatalf("%+v", got)
	}
	for _, g := range got {
		for _, i := range g.members {
			if truth[i] != truth[g.lead] {
				t.Errorf("%d stands with %d", i, g.lead)
			}
		}
	}
	if again := clusters(all, defaultNear, defaultLink); len(again) != 3 || again[0].lead != got[0].lead {
		t.Errorf("the same questions gave other clusters: %+v", again)
	}
}

// Two leaders of one cloud are one cluster when their members are near on average.
func TestClustersAreMerged(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	all := around(r, 40, 64, 0, 0.6)
	parts := clusters(all, 0.82, 1.1) // nothing is merged
	whole := clusters(all, 0.82, 0.6)
	if len(whole) != 1 || len(whole[0].members) != 40 || len(parts) == 1 {
		t.Errorf("%d parts, merged into %d", len(parts), len(whole))
	}
}

// Texts of one article stand near one another, and all of them point one way besides.
func TestCutIsMeasured(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(5, 6))
	var texts []labelled
	for of := range 30 {
		for _, v := range around(r, 6, 64, of, 0.9) {
			for k := range v {
				v[k] += 0.35 // what all have in common
			}
			nlp.Normalize(v)
			texts = append(texts, labelled{of, v})
		}
	}
	if c := measure(texts[:10]); c.Near != defaultNear || c.Texts != 0 || c.centre != nil {
		t.Errorf("too few texts gave %+v", c)
	}
	c := measure(texts)
	if c.Texts != 180 || c.Near > 0.75 || c.Precision < wantedPurity || c.Recall < 0.5 || c.Link > c.Near {
		t.Fatalf("near %v link %v precision %v recall %v", c.Near, c.Link, c.Precision, c.Recall)
	}
	vectors := make([][]float32, len(texts))
	for i := range texts {
		vectors[i] = c.centred(texts[i].vector)
	}
	in, right := 0, 0
	for _, g := range clusters(vectors, c.Near, c.Link) {
		for _, i := range g.members {
			in++
			if texts[i].of == texts[g.lead].of {
				right++
			}
		}
	}
	if in < 90 || float64(right) < 0.85*float64(in) {
		t.Errorf("%d of %d stand with their like, of 180", right, in)
	}
	// Texts that cannot be parted leave the starting value.
	for i := range texts {
		texts[i].of = i % 7
	}
	if c := measure(texts); c.Near != defaultNear || c.Texts != 0 {
		t.Errorf("%+v", c)
	}
}

func TestImpactFallsWithAgeAndSolving(t *testing.T) {
	t.Parallel()
	if a, b := impact(10, 0, 0), impact(10, 0, 14); math.Abs(a-2*b) > 1e-9 || a != 10 {
		t.Errorf("%v %v", a, b)
	}
	if impact(10, 1, 0) != 0 || impact(5, 0.2, 0) != 4 {
		t.Error("what is solved has impact")
	}
}
