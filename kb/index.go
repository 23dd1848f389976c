package kb

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"tingxin/nlp"
	"tingxin/nlp/embed"
)

// Embedder gives vectors; *embed.Service is one.
type Embedder interface {
	Embed(ctx context.Context, lang, text string) (embed.Vectors, error)
	EmbedLater(ctx context.Context, lang, text string) (embed.Vectors, error)
}

// instruction stands before a short question when it is compared with passages, and
// only then (README of FlagEmbedding, bge v1.5).
var instruction = map[string]string{
	"zh": "为这个句子生成表示以用于检索相关文章:",
	"en": "represent this sentence for searching relevant passages: ",
}

// entry is one searchable text: a phrasing of the question or a passage of the answer.
type entry struct {
	article int
	raw     string
	text    string // folded
	vector  []float32
	grams   map[string]bool
}

// Index of one language. It is read-only after NewIndex; Learn gives it judgement.
type Index struct {
	lang     string
	articles []Article
	embed    Embedder
	variants []entry
	passages []entry
	words    *nlp.BM25 // over variants
	whole    *nlp.BM25 // over passages with their title
	classes  *classes
	rules    *rulebook
	judge    *judge
	spell    *nlp.Speller
}

// NewIndex embeds and indexes the articles of one language; others are left out.
func NewIndex(ctx context.Context, lang string, articles []Article, e Embedder) (*Index, error) {
	x := &Index{lang: lang, embed: e}
	for _, a := range articles {
		if a.Lang != lang {
			continue
		}
		if err := a.Check(); err != nil {
			return nil, err
		}
		if err := x.add(ctx, a); err != nil {
			return nil, fmt.Errorf("article %q: %w", a.ID, err)
		}
	}
	if len(x.articles) < 2 {
		return nil, fmt.Errorf("%d articles in %q: at least two are needed", len(x.articles), lang)
	}
	var words, whole [][]string
	var texts []string
	for _, v := range x.variants {
		words, texts = append(words, nlp.Words(v.text)), append(texts, v.text)
	}
	for _, p := range x.passages {
		texts = append(texts, p.text)
		whole = append(whole, nlp.Words(nlp.Fold(x.articles[p.article].Title)+" "+p.text))
	}
	x.words, x.whole = nlp.NewBM25(words), nlp.NewBM25(whole)
	x.spell = nlp.NewSpeller(texts, embed.Knowing(e, lang))
	x.classes = &classes{all: x.softmax(-1)}
	x.rules = newRulebook(x.articles)
	return x, nil
}

func (x *Index) add(ctx context.Context, a Article) error {
	at := len(x.articles)
	x.articles = append(x.articles, a)
	for _, raw := range append([]string{a.Title}, a.Variants...) {
		if err := x.entry(ctx, &x.variants, at, raw); err != nil {
			return err
		}
	}
	for _, raw := range passages(a.Answer) {
		if err := x.entry(ctx, &x.passages, at, raw); err != nil {
			return err
		}
	}
	return nil
}

func (x *Index) entry(ctx context.Context, to *[]entry, article int, raw string) error {
	text := nlp.Fold(raw)
	if text == "" {
		return nil
	}
	v, err := x.embed.EmbedLater(ctx, x.lang, text)
	if err != nil {
		return err
	}
	*to = append(*to, entry{article, raw, text, v.CLS, gramsOf(text)})
	return nil
}

// MaxQuestion is the length in bytes of the longest question that is searched.
const MaxQuestion = 4 << 10

// ErrQuestion is the answer to an empty or longer one.
var ErrQuestion = errors.New("the question is empty or too long")

// gramsOf are the pairs of neighbouring characters, or the words of other scripts.
func gramsOf(folded string) map[string]bool {
	m := make(map[string]bool)
	for _, w := range nlp.Words(folded) {
		m[w] = true
	}
	return m
}

func jaccard(a, b map[string]bool) float64 {
	n := 0
	for g := range a {
		if b[g] {
			n++
		}
	}
	return float64(n) / float64(max(len(a)+len(b)-n, 1))
}

// Articles of the index, in the order in which they were given.
func (x *Index) Articles() []Article { return slices.Clone(x.articles) }
