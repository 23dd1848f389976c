package bot

import (
	"context"

	"tingxin/kb"
)

// Knowledge answers questions from articles.
type Knowledge interface {
	// Ask judges a question. A language without articles gives an empty Verdict.
	Ask(ctx context.Context, q Question) (Verdict, error)
	// Phrasings are what live articles of a language are asked by: they are in scope.
	Phrasings(ctx context.Context, lang string) ([]Phrasing, error)
	// Article is the title and text of a live article of a language.
	Article(ctx context.Context, lang, id string) (Article, error)
}

// Question is what is looked for.
type Question struct {
	Text, Lang string
	Slots      map[string]string // names and values that are held
}

// Verdict is what the articles say to a question.
type Verdict struct {
	// Rule is "exact", "contains" or "regexp" when a rule named the first article, else "".
	Rule string
	// Articles, likeliest first.
	Articles []Article
	// TauA, TauC and Margin are the thresholds of the language.
	TauA, TauC, Margin float64
	// Version of the model that judged.
	Version string
}

// Article is one that may answer.
type Article struct {
	ID, Lang, Title, Category string
	// Text is the answer.
	Text string
	P    float64
}

// Phrasing is one way to ask for an article.
type Phrasing struct{ Article, Category, Text string }

// Indexes are articles held in memory, one index per language: a Knowledge without a store.
type Indexes map[string]*kb.Index

// Ask implements Knowledge.
func (x Indexes) Ask(ctx context.Context, q Question) (Verdict, error) {
	index := x[q.Lang]
	if index == nil {
		return Verdict{}, nil
	}
	v, err := index.Ask(ctx, q.Text)
	if err != nil {
		return Verdict{}, err
	}
	out := Verdict{Rule: v.Rule, TauA: v.Thresholds.Answer, TauC: v.Thresholds.Clarify, Margin: v.Thresholds.Margin}
	for _, h := range v.Hits[:min(len(v.Hits), 10)] {
		out.Articles = append(out.Articles, Article{ID: h.Article.ID, Lang: h.Article.Lang, Title: h.Article.Title, Category: h.Article.Category, Text: h.Article.Answer, P: h.P})
	}
	return out, nil
}

// Phrasings implements Knowledge.
func (x Indexes) Phrasings(_ context.Context, lang string) ([]Phrasing, error) {
	if x[lang] == nil {
		return nil, nil
	}
	var out []Phrasing
	for _, a := range x[lang].Articles() {
		out = append(out, Phrasing{a.ID, a.Category, a.Title})
		for _, v := range a.Variants {
			out = append(out, Phrasing{a.ID, a.Category, v})
		}
	}
	return out, nil
}

// Article implements Knowledge.
func (x Indexes) Article(_ context.Context, lang, id string) (Article, error) {
	if x[lang] != nil {
		for _, a := range x[lang].Articles() {
			if a.ID == id {
				return Article{ID: a.ID, Lang: a.Lang, Title: a.Title, Category: a.Category, Text: a.Answer}, nil
			}
		}
	}
	return Article{}, ErrMissing
}

// judge is the decision of an article search, tested in the order of the design: a
// rule, out of scope, sure enough, asking back, nothing.
func judge(v *Verdict, foreign bool) Decision {
	p1, p2 := v.top()
	switch {
	case v.Rule != "" && len(v.Articles) > 0:
		return DoAnswer
	case foreign:
		return DoFallback
	case len(v.Articles) == 0 || v.TauA == 0:
		return DoFallback
	case p1 >= v.TauA && p1-p2 >= v.Margin:
		return DoAnswer
	case p1 >= v.TauC:
		return DoClarify
	}
	return DoFallback
}

// top are the two highest probabilities.
func (v *Verdict) top() (p1, p2 float64) {
	if len(v.Articles) > 0 {
		p1 = v.Articles[0].P
	}
	if len(v.Articles) > 1 {
		p2 = v.Articles[1].P
	}
	return p1, p2
}
