package learn

import (
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"

	"tingxin/nlp"
)

// sparse is logistic regression over which words differ and which are common.
type sparse struct {
	weight []float32
	bias   float32
}

const (
	sparseBits   = 18
	sparsePasses = 6
	sparseRate   = 0.08
	sparseL2     = 2e-5
)

// hashes of a pair's words: characters and pairs of them for Han, words otherwise.
func (p Pair) hashes() []uint32 {
	a, b := wordSet(p.A), wordSet(p.B)
	out := make([]uint32, 0, len(a)+len(b))
	for w := range a {
		if b[w] {
			out = append(out, slot("=", w))
		} else {
			out = append(out, slot("x", w))
		}
	}
	for w := range b {
		if !a[w] {
			out = append(out, slot("x", w))
		}
	}
	return out
}

func wordSet(s string) map[string]bool {
	m := make(map[string]bool)
	for _, w := range nlp.Words(s) {
		m[w] = true
	}
	return m
}

func slot(kind, word string) uint32 {
	h := fnv.New32a()
	h.Write([]byte(kind))
	h.Write([]byte(word))
	return h.Sum32() & (1<<sparseBits - 1)
}

// trainSparse runs AdaGrad (Duchi et al. 2011) a few times over the pairs. The order
// of a map must not change the sums, so hashes are sorted once.
func trainSparse(pairs []Pair, seed uint64) *sparse {
	m := &sparse{weight: make([]float32, 1<<sparseBits)}
	rows := make([][]uint32, len(pairs))
	for i, p := range pairs {
		rows[i] = sorted(p.hashes())
	}
	second := make([]float32, len(m.weight))
	biasSecond := float32(1)
	rng := rand.New(rand.NewPCG(seed, 6))
	for range sparsePasses {
		for _, i := range rng.Perm(len(pairs)) {
			y := float32(0)
			if pairs[i].Same {
				y = 1
			}
			e := float32(Sigmoid(float64(m.sum(rows[i])))) - y
			scale := 1 / float32(math.Sqrt(float64(len(rows[i])+1)))
			for _, h := range rows[i] {
				g := e*scale + sparseL2*m.weight[h]
				second[h] += g * g
				m.weight[h] -= sparseRate * g / (float32(math.Sqrt(float64(second[h]))) + 1e-6)
			}
			biasSecond += e * e
			m.bias -= sparseRate * e / float32(math.Sqrt(float64(biasSecond)))
		}
	}
	return m
}

func (m *sparse) sum(hashes []uint32) float32 {
	s := float32(0)
	for _, h := range hashes {
		s += m.weight[h]
	}
	return m.bias + s/float32(math.Sqrt(float64(len(hashes)+1)))
}

func (m *sparse) score(p Pair) float64 { return float64(m.sum(sorted(p.hashes()))) }

func sorted(h []uint32) []uint32 {
	slices.Sort(h)
	return h
}
