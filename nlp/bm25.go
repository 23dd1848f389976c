package nlp

import "math"

// BM25 ranks short texts by the words they share with a query (Robertson & Zaragoza
// 2009). It is built once and read from any goroutine.
type BM25 struct {
	postings map[string][]posting
	length   []float32
	mean     float32
}

type posting struct {
	doc   int32
	count float32
}

// The usual constants: saturation of repeated words, and how much length counts.
const (
	bm25K = 1.2
	bm25B = 0.6
)

// NewBM25 indexes documents by their words (see Words).
func NewBM25(docs [][]string) *BM25 {
	b := &BM25{postings: make(map[string][]posting), length: make([]float32, len(docs))}
	total := 0
	for i, words := range docs {
		b.length[i] = float32(len(words))
		total += len(words)
		counts := make(map[string]float32, len(words))
		for _, w := range words {
			counts[w]++
		}
		for w, n := range counts {
			b.postings[w] = append(b.postings[w], posting{int32(i), n})
		}
	}
	b.mean = float32(total) / float32(max(len(docs), 1))
	return b
}

// Weight is the inverse document frequency of a word, always above 0.
func (b *BM25) Weight(word string) float32 {
	n := float64(len(b.postings[word]))
	return float32(math.Log(1 + (float64(len(b.length))-n+0.5)/(n+0.5)))
}

// Scores of all documents for a query, and the score that the query itself would get
// as a document of middling length: their quotient says how much of it is covered.
func (b *BM25) Scores(query []string) (scores []float32, self float32) {
	scores = make([]float32, len(b.length))
	counts := make(map[string]float32, len(query))
	var order []string // sums must not depend on a map's order
	for _, w := range query {
		if counts[w]++; counts[w] == 1 {
			order = append(order, w)
		}
	}
	for _, w := range order {
		idf := b.Weight(w)
		self += idf * counts[w]
		for _, p := range b.postings[w] {
			norm := bm25K * (1 - bm25B + bm25B*b.length[p.doc]/max(b.mean, 1))
			scores[p.doc] += counts[w] * idf * p.count * (bm25K + 1) / (p.count + norm)
		}
	}
	return scores, self
}
