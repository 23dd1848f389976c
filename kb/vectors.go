package kb

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"tingxin/nlp"
	"tingxin/nlp/embed"
	"tingxin/pg"
)

// Model gives vectors and the name of what made them; *embed.Service is one.
type Model interface {
	Embedder
	// Version changes whenever vectors of the language move.
	Version(lang string) string
}

// stored gives the vectors that are kept in the database, and others from the model.
type stored struct {
	Model
	have map[string][]float32 // by folded text; read-only
}

// EmbedLater implements Embedder.
func (s *stored) EmbedLater(ctx context.Context, lang, text string) (embed.Vectors, error) {
	if v := s.have[text]; v != nil {
		return embed.Vectors{CLS: v}, nil
	}
	return s.Model.EmbedLater(ctx, lang, text)
}

// Known is the model's.
func (s *stored) Known(lang, word string) bool {
	known := embed.Knowing(s.Model, lang)
	return known != nil && known(word)
}

// fillBatch is how many vectors one transaction writes.
const fillBatch = 64

// unfilled is a row without a vector of the present model.
type unfilled struct {
	table   string
	article int64
	ord     int
	text    string
}

// vectors reads the vectors of a language's texts, and makes and keeps those that
// are missing or of another model. done is told how many of how many are there.
func (s *Store) vectors(ctx context.Context, m Model, lang string, done func(n, of int)) (*stored, error) {
	version := m.Version(lang)
	st := &stored{Model: m, have: map[string][]float32{}}
	var missing []unfilled
	for _, table := range []string{"kb_variants", "kb_passages"} {
		var u unfilled
		var vector []byte
		err := each(ctx, s.db, `select article_id, ord, text, case when model = $2 then vector end from `+table+` where lang = $1`, []any{&u.article, &u.ord, &u.text, &vector}, func() {
			folded := nlp.Fold(u.text)
			if v := nlp.Unpack(vector); v != nil && len(v) == sizeOf(v, st.have) {
				st.have[folded] = v
			} else if folded != "" {
				u.table = table
				missing = append(missing, u)
			}
		}, lang, version)
		if err != nil {
			return nil, fmt.Errorf("read vectors of %s: %w", lang, err)
		}
	}
	total := len(missing)
	for part := range slices.Chunk(missing, fillBatch) {
		rows := &pgx.Batch{}
		for _, u := range part {
			folded := nlp.Fold(u.text)
			v, err := st.EmbedLater(ctx, lang, folded)
			if err != nil {
				return nil, fmt.Errorf("embed article %d: %w", u.article, err)
			}
			st.have[folded] = v.CLS
			rows.Queue(`update `+u.table+` set vector = $4, model = $5 where article_id = $1 and ord = $2 and text = $3`, u.article, u.ord, u.text, nlp.Pack(v.CLS), version)
			total--
		}
		if err := s.db.Tx(ctx, func(tx pgx.Tx) error { return tx.SendBatch(ctx, rows).Close() }); err != nil {
			return nil, fmt.Errorf("keep vectors of %s: %w", lang, err)
		}
		done(len(missing)-total, len(missing))
	}
	return st, nil
}

// sizeOf is the length of the other vectors, of v itself when it is the first: a row
// that somebody cut must not be compared.
func sizeOf(v []float32, have map[string][]float32) int {
	for _, other := range have {
		return len(other)
	}
	return len(v)
}

// duplicates are texts of other articles at or above a cosine; see Service.Duplicates.
type duplicate struct {
	article int
	text    string
	cosine  float64
}

// near finds the phrasings of other articles that are as near as least to one of the texts.
func (x *Index) near(ctx context.Context, texts []string, except string, least float64) ([]duplicate, error) {
	best := map[int]duplicate{}
	for _, raw := range texts {
		folded := nlp.Fold(raw)
		if folded == "" {
			continue
		}
		v, err := x.embed.EmbedLater(ctx, x.lang, folded)
		if err != nil {
			return nil, err
		}
		for _, other := range x.variants {
			if x.articles[other.article].ID == except {
				continue
			}
			if c := float64(nlp.Dot(v.CLS, other.vector)); c >= least && c > best[other.article].cosine {
				best[other.article] = duplicate{other.article, other.raw, c}
			}
		}
	}
	out := make([]duplicate, 0, len(best))
	for _, d := range best {
		out = append(out, d)
	}
	slices.SortFunc(out, func(a, b duplicate) int { return compareDown(a.cosine, b.cosine, a.article, b.article) })
	return out, nil
}

func compareDown(a, b float64, i, j int) int {
	switch {
	case a > b:
		return -1
	case a < b:
		return 1
	}
	return i - j
}

var _ Model = (*embed.Service)(nil)

// loadModel reads the active judgement of a language; nil when none was learnt, or
// one on vectors of another model.
func (s *Store) loadModel(ctx context.Context, lang, version string) (*judge, error) {
	rows, err := pg.Rows(ctx, s.db, pgx.RowTo[judge], `select doc from kb_models where lang = $1 and active and embed = $2`, lang, version)
	if err != nil {
		return nil, fmt.Errorf("judgement of %s: %w", lang, err)
	}
	if len(rows) == 0 {
		return nil, nil
	}
	return &rows[0], nil
}
