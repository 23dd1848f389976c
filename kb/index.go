package kb

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

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
	exact    map[string]int
	contains []textRule
	patterns []patternRule
	judge    *judge
}

type textRule struct {
	text    string
	article int
}

type patternRule struct {
	pattern *regexp.Regexp
	article int
}

// NewIndex embeds and indexes the articles of one language; others are left out.
func NewIndex(ctx context.Context, lang string, articles []Article, e Embedder) (*Index, error) {
	x := &Index{lang: lang, embed: e, exact: make(map[string]int)}
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
	for _, v := range x.variants {
		words = append(words, nlp.Words(v.text))
	}
	for _, p := range x.passages {
		whole = append(whole, nlp.Words(nlp.Fold(x.articles[p.article].Title)+" "+p.text))
	}
	x.words, x.whole = nlp.NewBM25(words), nlp.NewBM25(whole)
	x.classes = x.classify()
	return x, nil
}

func (x *Index) add(ctx context.Context, a Article) error {
	at := len(x.articles)
	x.articles = append(x.articles, a)
	for _, raw := range append([]string{a.Title}, a.Variants...) {
		if err := x.entry(ctx, &x.variants, at, raw); err != nil {
			return err
		}
		if text := bare(raw); text != "" {
			if other, ok := x.exact[text]; !ok || other == at {
				x.exact[text] = at
			}
		}
	}
	for _, raw := range passages(a.Answer) {
		if err := x.entry(ctx, &x.passages, at, raw); err != nil {
			return err
		}
	}
	for _, r := range a.Rules {
		switch r.Kind {
		case "exact":
			x.exact[bare(r.Text)] = at
		case "contains":
			x.contains = append(x.contains, textRule{nlp.Fold(r.Text), at})
		case "regexp":
			x.patterns = append(x.patterns, patternRule{regexp.MustCompile(r.Text), at})
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
	*to = append(*to, entry{article, text, v.CLS, gramsOf(text)})
	return nil
}

// bare is a folded text without spaces and punctuation, for exact rules.
func bare(raw string) string {
	return strings.Join(strings.FieldsFunc(nlp.Fold(raw), func(r rune) bool {
		return r == ' ' || strings.ContainsRune("?!.,。、;:…~", r)
	}), " ")
}

// rule finds the article that a rule names, exact before contains before regexp.
func (x *Index) rule(folded string) (article int, kind string) {
	if at, ok := x.exact[bare(folded)]; ok {
		return at, "exact"
	}
	for _, r := range x.contains {
		if strings.Contains(folded, r.text) {
			return r.article, "contains"
		}
	}
	for _, r := range x.patterns {
		if r.pattern.MatchString(folded) {
			return r.article, "regexp"
		}
	}
	return -1, ""
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
