package nlp

import (
	"slices"
	"testing"
)

func TestBM25(t *testing.T) {
	docs := []string{"怎么申请退货", "退款多久到账", "怎么开发票", "how do i return an item", "returning items costs nothing"}
	var words [][]string
	for _, d := range docs {
		words = append(words, Words(d))
	}
	b := NewBM25(words)
	for query, want := range map[string]int{"我想退货": 0, "退款到账": 1, "发票": 2, "how to return": 3, "return costs": 4} {
		scores, self := b.Scores(Words(query))
		if got := slices.Index(scores, slices.Max(scores)); got != want || self <= 0 {
			t.Errorf("%q found %q (%v)", query, docs[got], scores)
		}
	}
	if scores, self := b.Scores(nil); slices.Max(scores) != 0 || self != 0 {
		t.Error("an empty query found something")
	}
	if scores, _ := NewBM25(nil).Scores([]string{"x"}); len(scores) != 0 {
		t.Error("an empty index has documents")
	}
	if b.Weight("怎") >= b.Weight("票") {
		t.Error("a common word weighs more than a rare one")
	}
}

func TestWords(t *testing.T) {
	for text, want := range map[string][]string{
		"退货ab1":                            {"退", "退货", "货", "ab1"},
		"returns, returned item's":         {"return", "return", "item"},
		"don't stop":                       {"don't", "stop"},
		"cancelling cancelled cancel":      {"cancel", "cancel", "cancel"},
		"policies classes boxes addresses": {"policy", "class", "box", "address"},
		"👍 ok":                             {"👍", "ok"},
		"":                                 {},
	} {
		if got := Words(text); !slices.Equal(got, want) {
			t.Errorf("Words(%q) = %q, want %q", text, got, want)
		}
	}
}
