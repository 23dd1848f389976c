package kb

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/nlp"
	"tingxin/pg"
)

// Published is the live version of an article, as readers and the bot get it.
type Published struct {
	ID        int64     `json:"id"`
	Key       string    `json:"key"`
	Lang      string    `json:"lang"`
	Version   int       `json:"version"`
	Type      Type      `json:"type"`
	Audience  Audience  `json:"audience"`
	Category  string    `json:"category"`
	Title     string    `json:"title"`
	Markdown  string    `json:"markdown"`
	Text      string    `json:"text" doc:"the same without signs of Markdown"`
	Needs     []string  `json:"needs,omitempty" doc:"slots without which the answer is of little use"`
	Owner     string    `json:"owner"`
	ReviewBy  string    `json:"review_by,omitempty"`
	UpdatedAt time.Time `json:"updated_at"`

	content Content
}

// shelf is everything that is live at one revision. It is never changed, only replaced.
type shelf struct {
	revision int64
	byID     map[int64]*Published
	langs    map[string]*stack
	names    map[[2]string]string // of categories, by path and language
	order    map[string]int       // of categories, by path
	votes    map[int64]Votes
	prior    Votes // of all articles together
	shifts   map[string]Shift
	judges   map[string]judged // active judgement per language
	labels   map[string]int    // labelled questions per language
}

// judged is what an active judgement was learnt from.
type judged struct {
	id               int64
	articles, labels int
}

// outgrown tells whether there is more than twice as much to learn from by now.
func (j judged) outgrown(articles, labels int) bool {
	return j.id != 0 && (2*j.articles < articles || 2*j.labels < labels && labels >= MinReplay)
}

// stack is one language's part of a shelf, by key.
type stack struct {
	articles []Article // as an index takes them, in the order of keys
	live     map[string]*Published
	hash     string // of what an index is made of
	rules    *rulebook
	words    *nlp.BM25 // over title, phrasings and text: search without a model
}

// load reads everything that is live.
func (s *Store) load(ctx context.Context) (*shelf, error) {
	sh := &shelf{byID: map[int64]*Published{}, langs: map[string]*stack{}, names: map[[2]string]string{}, order: map[string]int{}, shifts: map[string]Shift{}, judges: map[string]judged{}, labels: map[string]int{}}
	var err error
	if sh.revision, err = s.revision(ctx); err != nil {
		return nil, err
	}
	all, err := pg.Rows(ctx, s.db, scanPublished, `select a.id, a.key, a.lang, a.live_version, a.owner, coalesce(a.review_by::text, ''), v.at, v.doc
		from kb_articles a join kb_versions v on v.article_id = a.id and v.version = a.live_version order by a.lang, a.key`)
	if err != nil {
		return nil, fmt.Errorf("load articles: %w", err)
	}
	for i := range all {
		sh.add(&all[i])
	}
	for _, st := range sh.langs {
		st.finish()
	}
	if err := s.loadRest(ctx, sh); err != nil {
		return nil, err
	}
	return sh, nil
}

func (s *Store) revision(ctx context.Context) (int64, error) {
	n, err := pg.Row(ctx, s.db, pgx.RowTo[int64], `select revision from kb_revision`)
	if err != nil {
		return 0, fmt.Errorf("revision of the articles: %w", err)
	}
	return n, nil
}

func scanPublished(row pgx.CollectableRow) (Published, error) {
	var p Published
	err := row.Scan(&p.ID, &p.Key, &p.Lang, &p.Version, &p.Owner, &p.ReviewBy, &p.UpdatedAt, &p.content)
	p.fill()
	return p, err
}

// fill takes over what the content says.
func (p *Published) fill() {
	c := &p.content
	p.Type, p.Audience, p.Category, p.Title, p.Needs = c.Type, c.Audience, c.Category, c.Title, c.Needs
	p.Markdown = c.Markdown()
	p.Text = PlainText(p.Markdown)
}

// Phrasings are the questions that a live article answers: its title and its variants.
func (p *Published) Phrasings() []string {
	out := []string{p.Title}
	for _, v := range p.content.Variants {
		out = append(out, v.Text)
	}
	return out
}

func (sh *shelf) add(p *Published) {
	st := sh.langs[p.Lang]
	if st == nil {
		st = &stack{live: map[string]*Published{}}
		sh.langs[p.Lang] = st
	}
	sh.byID[p.ID], st.live[p.Key] = p, p
	st.articles = append(st.articles, p.content.article(p.Key, p.Lang))
}

func (st *stack) finish() {
	st.rules = newRulebook(st.articles)
	h := sha256.New()
	enc := json.NewEncoder(h)
	docs := make([][]string, len(st.articles))
	for i, a := range st.articles {
		_ = enc.Encode(a) // strings only
		text := a.Title + "\n" + a.Answer
		for _, v := range a.Variants {
			text += "\n" + v
		}
		docs[i] = nlp.Words(nlp.Fold(text))
	}
	st.words = nlp.NewBM25(docs)
	st.hash = hex.EncodeToString(h.Sum(nil)[:8])
}

// loadRest reads the names of categories, votes and shifts of thresholds.
func (s *Store) loadRest(ctx context.Context, sh *shelf) error {
	var path, lang, name string
	var ord int
	err := each(ctx, s.db, `select path, lang, name, ord from kb_categories order by path limit 5000`, []any{&path, &lang, &name, &ord}, func() {
		sh.names[[2]string{path, lang}] = name
		sh.order[path] = ord
	})
	if err != nil {
		return fmt.Errorf("load categories: %w", err)
	}
	var shift Shift
	if err := each(ctx, s.db, `select lang, answer::float8, clarify::float8 from kb_thresholds`, []any{&lang, &shift.Answer, &shift.Clarify}, func() { sh.shifts[lang] = shift }); err != nil {
		return fmt.Errorf("load shifts of thresholds: %w", err)
	}
	var j judged
	if err := each(ctx, s.db, `select lang, id, coalesce((figures->>'articles')::int, 0), coalesce((figures->>'labels')::int, 0) from kb_models where active`,
		[]any{&lang, &j.id, &j.articles, &j.labels}, func() { sh.judges[lang] = j }); err != nil {
		return fmt.Errorf("load judgements: %w", err)
	}
	if err := each(ctx, s.db, `select lang, count(*)::int from kb_questions group by lang`, []any{&lang, &ord}, func() { sh.labels[lang] = ord }); err != nil {
		return fmt.Errorf("count labelled questions: %w", err)
	}
	sh.votes, sh.prior, err = s.votes(ctx)
	return err
}

// each runs f for each row, scanned into targets.
func each(ctx context.Context, db *pg.DB, sql string, targets []any, f func(), args ...any) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	rows, err := db.Pool().Query(ctx, sql, args...)
	if err != nil {
		return pg.Map(err)
	}
	_, err = pgx.ForEachRow(rows, targets, func() error { f(); return nil })
	return pg.Map(err)
}

// languages of the shelf, sorted.
func (sh *shelf) languages() []string { return slices.Sorted(maps.Keys(sh.langs)) }

// stack of a language, an empty one when nothing is in it.
func (sh *shelf) stack(lang string) *stack {
	if st := sh.langs[lang]; st != nil {
		return st
	}
	st := &stack{live: map[string]*Published{}}
	st.finish()
	return st
}
