package kb

import (
	"cmp"
	"context"
	"math"
	"slices"

	"tingxin/nlp"
)

// Sizes of the search.
const (
	candidates = 50 // of each list that is fused
	fusion     = 60 // the constant of reciprocal rank fusion (Cormack et al. 2009)
	ranked     = 20 // articles that are judged
)

// Hit is one article with what speaks for it.
type Hit struct {
	Article Article
	// P is the calibrated probability that the article answers the question.
	P float64
	// Variant is the phrasing that is nearest, Text the passage.
	Variant, Text string
	// Cosine of that phrasing, Passage of the nearest passage, Words the share of the
	// question's weight that its words cover, Fusion the rank fusion.
	Cosine, Passage, Words, Fusion float64

	at       int
	features []float64
	score    float64
}

// hidden is what a search must not see: learning hides the question itself, a reader
// may see some articles only.
type hidden struct {
	variant int // index, -1 for none
	article int
	may     func(article int) bool // nil: every one
}

var nothing = hidden{-1, -1, nil}

// see tells whether an article may be found.
func (h hidden) see(article int) bool {
	return article != h.article && (h.may == nil || h.may(article))
}

// query is a question made ready.
type query struct {
	folded          string
	words           []string
	grams           map[string]bool
	plain, instruct []float32
}

func (x *Index) query(ctx context.Context, raw string, later bool) (query, error) {
	q := query{folded: nlp.SpokenDigits(nlp.Fold(raw))}
	if q.folded == "" || len(raw) > MaxQuestion {
		return q, ErrQuestion
	}
	q.words, q.grams = nlp.Words(q.folded), gramsOf(q.folded)
	get := x.embed.Embed
	if later {
		get = x.embed.EmbedLater
	}
	plain, err := get(ctx, x.lang, q.folded)
	if err != nil {
		return q, err
	}
	instruct, err := get(ctx, x.lang, instruction[x.lang]+q.folded)
	q.plain, q.instruct = plain.CLS, instruct.CLS
	return q, err
}

// evidence of one article.
type evidence struct {
	best, second, third float64 // cosines of phrasings
	variant             int
	passage             float64
	text                int // of the passage
	words, whole        float64
	jaccard             float64
	fusion              float64
	class               float64 // log probability of the classifier
}

// find gives the articles in the order of rank fusion with their features.
func (x *Index) find(q query, hide hidden) []Hit {
	found := make(map[int]*evidence)
	get := func(article int) *evidence {
		if found[article] == nil {
			found[article] = &evidence{best: -1, second: -1, third: -1, variant: -1, passage: -1, text: -1}
		}
		return found[article]
	}
	wordScores, self := x.words.Scores(q.words)
	wholeScores, _ := x.whole.Scores(q.words)
	cosines := make([]float32, len(x.variants))
	for i, v := range x.variants {
		if i == hide.variant || !hide.see(v.article) {
			wordScores[i], cosines[i] = 0, -1
			continue
		}
		c := nlp.Dot(q.plain, v.vector)
		cosines[i] = c
		get(v.article).add(i, float64(c), float64(wordScores[i])/math.Max(float64(self), 1e-6), jaccard(q.grams, v.grams))
	}
	passageCosines := make([]float32, len(x.passages))
	for i, p := range x.passages {
		if !hide.see(p.article) {
			wholeScores[i], passageCosines[i] = 0, -1
			continue
		}
		passageCosines[i] = nlp.Dot(q.instruct, p.vector)
		e := get(p.article)
		if c := float64(passageCosines[i]); c > e.passage {
			e.passage, e.text = c, i
		}
		e.whole = math.Max(e.whole, float64(wholeScores[i])/math.Max(float64(self), 1e-6))
	}
	for _, list := range []struct {
		scores  []float32
		entries []entry
	}{{wordScores, x.variants}, {cosines, x.variants}, {wholeScores, x.passages}, {passageCosines, x.passages}} {
		fuse(list.scores, list.entries, get)
	}
	scores := x.classes.scores(q.plain, hide)
	for at, e := range found {
		e.class = math.Max(float64(scores[at]), -12)
	}
	return x.hits(found)
}

func (e *evidence) add(variant int, cosine, words, overlap float64) {
	switch {
	case cosine > e.best:
		e.best, e.second, e.third, e.variant = cosine, e.best, e.second, variant
	case cosine > e.second:
		e.second, e.third = cosine, e.second
	case cosine > e.third:
		e.third = cosine
	}
	e.words, e.jaccard = math.Max(e.words, words), math.Max(e.jaccard, overlap)
}

// fuse adds 1/(60+rank) for the best entry of each article in one list.
func fuse(scores []float32, entries []entry, get func(int) *evidence) {
	order := make([]int, 0, len(scores))
	for i, s := range scores {
		if s > 0 {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(scores[b], scores[a]) })
	seen := make(map[int]bool)
	for _, i := range order[:min(len(order), candidates)] {
		if a := entries[i].article; !seen[a] {
			seen[a] = true
			get(a).fusion += 1 / float64(fusion+len(seen))
		}
	}
}

func (x *Index) hits(found map[int]*evidence) []Hit {
	hits := make([]Hit, 0, len(found))
	for at, e := range found {
		if e.fusion > 0 {
			h := Hit{Article: x.articles[at], at: at, Cosine: e.best, Passage: e.passage, Words: e.words, Fusion: e.fusion}
			if e.variant >= 0 {
				h.Variant = x.variants[e.variant].raw
			}
			if e.text >= 0 {
				h.Text = x.passages[e.text].raw
			}
			hits = append(hits, h)
		}
	}
	slices.SortFunc(hits, func(a, b Hit) int { return cmp.Or(cmp.Compare(b.Fusion, a.Fusion), cmp.Compare(a.at, b.at)) })
	hits = hits[:min(len(hits), ranked)]
	for i := range hits {
		hits[i].features = features(found, hits, i)
	}
	return hits
}

// featureNames are what Features gives names to, in the order of features.
var featureNames = []string{
	"cosine", "cosine_top3", "passage", "words", "passage_words", "overlap", "fusion",
	"cosine_lead", "passage_lead", "words_lead", "fusion_lead", "class", "class_lead",
}

// Features are the numbers that were weighed, by name.
func (h Hit) Features() map[string]float64 {
	m := make(map[string]float64, len(h.features))
	for i, v := range h.features {
		m[featureNames[i]] = math.Round(v*1e4) / 1e4
	}
	return m
}

// features of one article against the others that were found.
func features(found map[int]*evidence, hits []Hit, i int) []float64 {
	e := found[hits[i].at]
	cosine, passage, words, all, class := -1.0, -1.0, 0.0, 0.0, -12.0
	for j, h := range hits {
		if j == i {
			continue
		}
		o := found[h.at]
		cosine, passage, words = math.Max(cosine, o.best), math.Max(passage, o.passage), math.Max(words, o.words)
		all, class = math.Max(all, o.fusion), math.Max(class, o.class)
	}
	top3, n := e.best, 1.0
	for _, c := range []float64{e.second, e.third} {
		if c > -1 {
			top3, n = top3+c, n+1
		}
	}
	return []float64{
		e.best, top3 / n, e.passage, e.words, e.whole, e.jaccard, e.fusion * 15,
		e.best - cosine, e.passage - passage, e.words - words, (e.fusion - all) * 15,
		e.class, e.class - class,
	}
}
