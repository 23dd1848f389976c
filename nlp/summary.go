package nlp

import (
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxSentence is how many characters of a sentence a summary shows.
const maxSentence = 200

// Summarise picks the n sentences that say most by TextRank (Mihalcea & Tarau 2004), in
// the order in which they were said; at most maxSentence characters of each.
func Summarise(turns []string, n int) []string {
	var all []string
	for _, t := range turns {
		for _, s := range Sentences(t) {
			if !slices.Contains(all, s) {
				all = append(all, s)
			}
		}
	}
	if len(all) <= n {
		return all
	}
	rank := textRank(all)
	order := make([]int, len(all))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case rank[a] > rank[b]:
			return -1
		case rank[a] < rank[b]:
			return 1
		}
		return 0
	})
	order = order[:n]
	slices.Sort(order)
	out := make([]string, 0, n)
	for _, i := range order {
		out = append(out, all[i])
	}
	return out
}

// Sentences cuts a text at its full stops; pieces without a word of two characters are left out.
func Sentences(text string) []string {
	var out []string
	for s := range strings.FieldsFuncSeq(text, func(r rune) bool { return strings.ContainsRune("。！？!?；;\n", r) }) {
		for _, p := range strings.Split(s, ". ") {
			if p = strings.TrimSpace(p); utf8.RuneCountInString(p) >= 2 {
				out = append(out, clipped(p))
			}
		}
	}
	return out
}

func clipped(s string) string {
	if utf8.RuneCountInString(s) <= maxSentence {
		return s
	}
	return string([]rune(s)[:maxSentence-1]) + "…"
}

// textRank weighs sentences by common words, normalised by length, with a damping of 0.85.
func textRank(all []string) []float64 {
	n := len(all)
	sets := make([]map[string]bool, n)
	for i, s := range all {
		sets[i] = make(map[string]bool)
		for _, w := range Words(Fold(s)) {
			sets[i][w] = true
		}
	}
	like := make([][]float64, n)
	sums := make([]float64, n)
	for i := range like {
		like[i] = make([]float64, n)
		for j := range like[i] {
			if i != j {
				like[i][j] = likeness(sets[i], sets[j])
				sums[i] += like[i][j]
			}
		}
	}
	rank, next := make([]float64, n), make([]float64, n)
	for i := range rank {
		rank[i] = 1
	}
	for range 30 {
		for i := range next {
			next[i] = 0.15
			for j := range rank {
				if sums[j] > 0 {
					next[i] += 0.85 * like[j][i] / sums[j] * rank[j]
				}
			}
		}
		rank, next = next, rank
	}
	return rank
}

func likeness(a, b map[string]bool) float64 {
	common := 0
	for w := range a {
		if b[w] {
			common++
		}
	}
	return float64(common) / (math.Log(float64(len(a))+1) + math.Log(float64(len(b))+1) + 1e-9)
}
