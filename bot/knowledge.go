package bot

import (
	"context"
	"errors"
	"fmt"

	"tingxin/kb"
	"tingxin/pg"
)

// Knowledge answers questions from articles.
type Knowledge interface {
	// Ask judges a question. A language without articles gives an empty Verdict.
	Ask(ctx context.Context, q Question) (Verdict, error)
	// Phrasings are what live articles of a language are asked by: they are in scope.
	Phrasings(ctx context.Context, lang string) ([]Phrasing, error)
	// Article is the title and text of a live article of a language.
	Article(ctx context.Context, lang, id string) (Article, error)
	// Note keeps what became of articles in a session.
	Note(ctx context.Context, session string, all []Noted) error
}

// Noted is what became of an article.
type Noted struct {
	Article, Lang string
	Kind          string // shown, clicked, up, down
	P             float64
}

// Question is what is looked for.
type Question struct {
	Text, Lang string
	Slots      map[string]string // names and values that are held
}

// Verdict is what the articles say to a question.
type Verdict struct {
	// Rule is "interface", "exact", "contains" or "regexp" when a rule named the first article, else "".
	Rule string
	// Tool or intent that answers for a rule "interface".
	Tool string
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

// Articles are those of the knowledge base.
type Articles struct{ *kb.Service }

// Ask implements Knowledge.
func (x Articles) Ask(ctx context.Context, q Question) (Verdict, error) {
	a, err := x.Service.Ask(ctx, kb.Query{Text: q.Text, Lang: q.Lang, Slots: q.Slots})
	if err != nil {
		return Verdict{}, err
	}
	if a.Degraded == kb.Busy {
		return Verdict{}, fmt.Errorf("articles: %s", a.Degraded)
	}
	out := Verdict{Rule: a.Rule, Tool: a.Tool, TauA: a.TauA, TauC: a.TauC, Margin: a.Margin, Version: a.Model}
	if a.Degraded != "" {
		out.TauA = 0 // nothing but a rule can be believed
	}
	for _, c := range a.Candidates {
		out.Articles = append(out.Articles, articleOf(c.Article, c.P))
	}
	return out, nil
}

func articleOf(p *kb.Published, likely float64) Article {
	return Article{ID: p.Key, Lang: p.Lang, Title: p.Title, Category: p.Category, Text: p.Text, P: likely}
}

// maxPhrasings bounds what the classes of articles are learnt from.
const maxPhrasings = 5000

// Phrasings implements Knowledge.
func (x Articles) Phrasings(ctx context.Context, lang string) ([]Phrasing, error) {
	var out []Phrasing
	for _, p := range x.Published(lang, "", kb.Public) {
		out = append(out, Phrasing{p.Key, p.Category, p.Title})
		c, err := x.Store().ContentOf(ctx, p.ID, p.Version)
		if errors.Is(err, pg.ErrNotFound) { // it was removed in between
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, v := range c.Variants {
			out = append(out, Phrasing{p.Key, p.Category, v.Text})
		}
		if len(out) >= maxPhrasings {
			break
		}
	}
	return out, nil
}

// Article implements Knowledge.
func (x Articles) Article(_ context.Context, lang, id string) (Article, error) {
	p := x.Find(id, lang, kb.Public)
	if p == nil {
		return Article{}, ErrMissing
	}
	return articleOf(p, 0), nil
}

// Note implements Knowledge.
func (x Articles) Note(ctx context.Context, session string, all []Noted) error {
	var events []kb.Event
	for _, n := range all {
		if p := x.Find(n.Article, n.Lang, kb.Public); p != nil {
			events = append(events, kb.Event{Article: p.ID, Kind: kb.EventKind(n.Kind), Channel: "bot", Conversation: session, P: n.P})
		}
	}
	return x.Store().Record(ctx, events...)
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
	case v.any() >= v.TauC:
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

// any is the probability that one of the articles that would be offered is right.
func (v *Verdict) any() float64 {
	return kb.AnyOf(v.Articles, func(a Article) float64 { return a.P })
}
