package kb

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"tingxin/nlp"
)

// draftIndexes keeps the last few indexes with a draft in the place of its article:
// an editor tries several questions on one draft.
type draftIndexes struct {
	mu   sync.Mutex // held while one is built: drafts take turns
	last []draftIndex
}

type draftIndex struct {
	key   string
	index *Index
	stack *stack
}

const keepDrafts = 4

// Trial is what would be decided with the latest version of an article, beside what
// is decided now.
type Trial struct {
	Live  Answer `json:"live"`
	Draft Answer `json:"draft"`
}

// Try asks a question of what is live, and of the same with the latest version of an
// article in the place of its live one.
func (s *Service) Try(ctx context.Context, id int64, q Query) (Trial, error) {
	folded := nlp.SpokenDigits(nlp.Fold(q.Text))
	if folded == "" || len(q.Text) > MaxQuestion {
		return Trial{}, ErrQuestion
	}
	r, err := s.store.Get(ctx, id)
	if err != nil {
		return Trial{}, err
	}
	q.Lang, q.Explain = r.Lang, true
	var t Trial
	if t.Live, err = s.askIn(ctx, r.Lang, folded, q); err != nil {
		return Trial{}, err
	}
	sh := s.shelf.Load()
	d, err := s.draft(ctx, sh, &r)
	if err != nil {
		return Trial{}, err
	}
	t.Draft, err = s.askOn(ctx, sh, d.stack, d.index, r.Lang, folded, q)
	return t, err
}

// draft is the language's stack and index with the article's latest version in it.
func (s *Service) draft(ctx context.Context, sh *shelf, r *Record) (draftIndex, error) {
	st := sh.stack(r.Lang)
	live := (*s.indexes.Load())[r.Lang]
	key := fmt.Sprintf("%s %s %d %d %d", r.Lang, st.hash, r.ID, r.Version, sh.judges[r.Lang].id)
	s.drafts.mu.Lock()
	defer s.drafts.mu.Unlock()
	for _, d := range s.drafts.last {
		if d.key == key && (d.index != nil) == (live != nil) {
			return d, nil
		}
	}
	d := draftIndex{key: key, stack: st.with(r)}
	if s.model != nil && live != nil && live.judge != nil && len(d.stack.articles) >= 2 {
		var err error
		if d.index, err = s.indexOf(ctx, r.Lang, d.stack.articles); err != nil {
			return d, err
		}
		d.index.judge = live.judge
	}
	s.drafts.last = append(s.drafts.last, d)
	if n := len(s.drafts.last); n > keepDrafts {
		s.drafts.last = slices.Clone(s.drafts.last[n-keepDrafts:])
	}
	return d, nil
}

// with is a stack with the latest version of an article in it.
func (st *stack) with(r *Record) *stack {
	out := &stack{live: map[string]*Published{}}
	p := &Published{ID: r.ID, Key: r.Key, Lang: r.Lang, Version: r.Version, Owner: r.Owner, ReviewBy: r.ReviewBy, UpdatedAt: r.UpdatedAt, content: r.Content}
	p.fill()
	for key, other := range st.live {
		out.live[key] = other
	}
	out.live[r.Key] = p
	for _, a := range st.articles {
		if a.ID != r.Key {
			out.articles = append(out.articles, a)
		}
	}
	out.articles = append(out.articles, p.content.article(r.Key, r.Lang))
	out.finish()
	return out
}

// Duplicate is an article that says much the same.
type Duplicate struct {
	ID     int64   `json:"id"`
	Key    string  `json:"key"`
	Title  string  `json:"title"`
	Text   string  `json:"text" doc:"its phrasing that is near"`
	Cosine float64 `json:"cosine"`
}

// nearDuplicate is the cosine at which two phrasings are taken for one question.
const nearDuplicate = 0.9

// Duplicates are live articles with a phrasing that is nearly one of the content's.
func (s *Service) Duplicates(ctx context.Context, key, lang string, c *Content) ([]Duplicate, error) {
	x := (*s.indexes.Load())[lang]
	if x == nil {
		return nil, nil
	}
	texts := []string{c.Title}
	for _, v := range c.Variants {
		texts = append(texts, v.Text)
	}
	found, err := x.near(ctx, texts, key, nearDuplicate)
	if err != nil {
		return nil, fmt.Errorf("look for duplicates: %w", err)
	}
	var out []Duplicate
	st := s.shelf.Load().stack(lang)
	for _, d := range found[:min(len(found), 10)] {
		if p := st.live[x.articles[d.article].ID]; p != nil {
			out = append(out, Duplicate{p.ID, p.Key, p.Title, d.text, d.cosine})
		}
	}
	return out, nil
}
