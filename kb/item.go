package kb

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
)

// Item is an article as files carry it: one JSON object a line, a row of CSV, a
// Markdown or HTML file.
type Item struct {
	Key      string   `json:"id"`
	Lang     string   `json:"lang"`
	Type     Type     `json:"type,omitempty"`
	Category string   `json:"category,omitempty"`
	Audience Audience `json:"audience,omitempty"`
	Title    string   `json:"title"`
	Variants []string `json:"variants,omitempty"`
	Answer   string   `json:"answer"`

	Rules      []Rule      `json:"rules,omitempty"`
	Attributes []Attribute `json:"attributes,omitempty"`
	Steps      []string    `json:"steps,omitempty"`
	Needs      []string    `json:"needs,omitempty"`
	Owner      string      `json:"owner,omitempty"`
	ReviewBy   string      `json:"review_by,omitempty"`
	State      State       `json:"state,omitempty"` // written by export, not read

	where string // file and line
}

// content of the item; phrasings that people wrote into the stored one stay.
func (it *Item) content(old *Record) Content {
	c := Content{Type: it.Type, Title: it.Title, Body: it.Answer, Category: it.Category, Audience: it.Audience, Rules: it.Rules, Attributes: it.Attributes, Steps: it.Steps, Needs: it.Needs}
	for _, text := range it.Variants {
		v := Variant{Text: text, Source: FromImport}
		if old != nil {
			if i := slices.IndexFunc(old.Variants, func(o Variant) bool { return o.Text == line(text) }); i >= 0 {
				v.Source = old.Variants[i].Source
			}
		}
		c.Variants = append(c.Variants, v)
	}
	if old != nil {
		for _, v := range old.Variants {
			if v.Source != FromImport && len(c.Variants) < MaxVariants && !slices.ContainsFunc(c.Variants, func(o Variant) bool { return o.Text == v.Text }) {
				c.Variants = append(c.Variants, v)
			}
		}
	}
	return c
}

// item is the way back.
func (r *Record) item() Item {
	it := Item{Key: r.Key, Lang: r.Lang, Type: r.Type, Category: r.Category, Audience: r.Audience, Title: r.Title, Answer: r.Body,
		Rules: r.Rules, Attributes: r.Attributes, Steps: r.Steps, Needs: r.Needs, Owner: r.Owner, ReviewBy: r.ReviewBy, State: r.State}
	for _, v := range r.Variants {
		it.Variants = append(it.Variants, v.Text)
	}
	return it
}

// ItemError is one thing that was not imported.
type ItemError struct {
	Where  string `json:"where" doc:"file and line"`
	Reason string `json:"reason"`
}

// Name is what a category is called in a language.
type Name struct {
	Path, Lang, Name string
	Ord              int
}

// Batch is what files held: articles, labelled questions, names of categories, and
// what could not be read.
type Batch struct {
	Items     []Item
	Questions []Question
	Names     []Name
	Errors    []ItemError
}

func (b *Batch) fail(where string, err error) {
	if len(b.Errors) < maxErrors {
		b.Errors = append(b.Errors, ItemError{where, err.Error()})
	}
}

// Bounds of an import.
const (
	// MaxItems is how many articles one import takes.
	MaxItems = 10000
	// MaxImportFile is the size of one file in it, MaxImport of all together.
	MaxImportFile = 16 << 20
	MaxImport     = 64 << 20
	maxErrors     = 500
)

// Report is what came of an import.
type Report struct {
	Created   int         `json:"created"`
	Updated   int         `json:"updated"`
	Same      int         `json:"same"`
	Published int         `json:"published"`
	Questions int         `json:"questions"`
	Failed    int         `json:"failed"`
	Errors    []ItemError `json:"errors"`
}

// ImportOptions say what to do beside saving.
type ImportOptions struct {
	// Publish brings what was imported to life; the actor has to be one who approves.
	Publish bool
	// Check only tells what would be wrong.
	Check bool
}

// Import saves a batch, each article in a transaction of its own: one that is wrong
// keeps no other from coming in, and the same file again changes nothing. An article
// is found by key and language; owner and review day stay when the file has none.
func (s *Store) Import(ctx context.Context, by Actor, b *Batch, o ImportOptions) (Report, error) {
	r := Report{Errors: b.Errors, Failed: len(b.Errors)}
	if r.Errors == nil {
		r.Errors = []ItemError{}
	}
	if !by.Edit || o.Publish && !by.Approve {
		return r, ErrRight
	}
	if len(b.Items) > MaxItems {
		return r, wrong("%d articles at once, %d are allowed", len(b.Items), MaxItems)
	}
	for i := range b.Items {
		it := &b.Items[i]
		err := s.importItem(ctx, by, it, o, &r)
		if stops(ctx, err) {
			return r, fmt.Errorf("import %s: %w", it.where, err)
		}
		if err != nil {
			r.Failed++
			if len(r.Errors) < maxErrors {
				r.Errors = append(r.Errors, ItemError{it.where, reason(err)})
			}
		}
	}
	if o.Check {
		r.Questions = len(b.Questions)
		return r, nil
	}
	for _, n := range b.Names {
		err := s.db.Tx(ctx, func(tx pgx.Tx) error { return s.NameCategory(ctx, tx, n.Path, n.Lang, n.Name, n.Ord) })
		if stops(ctx, err) {
			return r, err
		}
		if err != nil {
			r.Failed++
			r.Errors = append(r.Errors, ItemError{"category " + n.Path, reason(err)})
		}
	}
	for part := range slices.Chunk(b.Questions, 500) {
		if err := s.db.Tx(ctx, func(tx pgx.Tx) error { return s.Label(ctx, tx, by.Name, "import", part...) }); err != nil {
			if stops(ctx, err) {
				return r, err
			}
			r.Failed += len(part)
			r.Errors = append(r.Errors, ItemError{"questions", reason(err)})
			continue
		}
		r.Questions += len(part)
	}
	if r.Questions > 0 {
		return r, s.Touch(ctx, "")
	}
	return r, nil
}

// stops tells whether there is no use in going on with the next item.
func stops(ctx context.Context, err error) bool {
	return err != nil && (ctx.Err() != nil || errors.Is(err, pg.ErrUnavailable))
}

// reason is an error as its reader may see it.
func reason(err error) string {
	var content *ContentError
	switch {
	case errors.As(err, &content):
		return content.Reason
	case errors.Is(err, ErrState), errors.Is(err, ErrRight), errors.Is(err, ErrVersion):
		return err.Error()
	}
	return "it could not be saved"
}

func (s *Store) importItem(ctx context.Context, by Actor, it *Item, o ImportOptions, r *Report) error {
	old, found, err := s.byKey(ctx, it.Key, it.Lang)
	if err != nil {
		return err
	}
	var before *Record
	e := Edit{Owner: it.Owner, ReviewBy: it.ReviewBy, Note: "import"}
	if found {
		before = &old
		if e.Owner == "" {
			e.Owner = old.Owner
		}
		if e.ReviewBy == "" {
			e.ReviewBy = old.ReviewBy
		}
	}
	e.Content = it.content(before)
	if err := e.check(); err != nil {
		return err
	}
	if o.Check {
		if err := checkKey(it.Key); err != nil {
			return err
		}
		if !slices.Contains(Languages, it.Lang) {
			return wrong("the language is %.10q: it is one of %v", it.Lang, Languages)
		}
	}
	now := old
	switch {
	case !found:
		r.Created++
		if !o.Check {
			now, err = s.Create(ctx, by, it.Key, it.Lang, e, nil)
		}
	case same(&old.Content, &e.Content) && old.Owner == e.Owner && old.ReviewBy == e.ReviewBy:
		r.Same++
	default:
		r.Updated++
		if !o.Check {
			now, err = s.Save(ctx, by, old.ID, old.Version, e, nil)
		}
	}
	if err != nil {
		if !found {
			r.Created--
		} else {
			r.Updated--
		}
		return err
	}
	if !o.Publish || o.Check || now.LiveVersion == now.Version || found && old.State == Retired {
		return nil
	}
	if now.State == Live {
		return nil
	}
	if _, err = s.Move(ctx, by, now.ID, now.Version, Live, "", false, nil); err == nil {
		r.Published++
	}
	return err
}

// Export gives the articles of a filter, at most MaxItems, by key and language.
func (s *Store) Export(ctx context.Context, f Filter) ([]Item, error) {
	where, args := f.where()
	args = append(args, MaxItems)
	records, err := pg.Rows(ctx, s.db, scanRecord, `select `+recordColumns+recordTables+`where `+where+fmt.Sprintf(` order by a.key, a.lang limit $%d`, len(args)), args...)
	if err != nil {
		return nil, fmt.Errorf("export articles: %w", err)
	}
	items := make([]Item, len(records))
	for i := range records {
		items[i] = records[i].item()
	}
	return items, nil
}
