package assist

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/bot"
	"tingxin/kb"
	"tingxin/nlp"
	"tingxin/pg"
)

const clusterColumns = `c.id, c.lang, c.label, c.state, c.kind, coalesce(c.article_id, 0), coalesce(a.title, ''), c.draft, c.n, c.month, c.week, c.week_before, c.solve_rate::float8, c.hand_rate::float8, c.impact::float8,
	case when c.first_at > $1::timestamptz - interval '7 days' then 'new' when c.week >= 3 and c.week >= 2 * c.week_before then 'rising' else '' end, c.first_at, c.last_at, c.decided_at, c.decided_by,
	array(select q.text from (select distinct on (text) text, at from assist_questions where cluster_id = c.id order by text, at desc) q order by q.at desc limit 8)
	from assist_clusters c left join kb_articles a on a.id = c.article_id`

// Clusters are those in a state, of a language or both (""), those with most impact first.
func (s *Store) Clusters(ctx context.Context, state, lang string, limit int) ([]Cluster, error) {
	all, err := pg.Rows(ctx, s.db, pgx.RowToStructByPos[Cluster], `select `+clusterColumns+` where c.state = $2 and ($3 = '' or c.lang = $3) order by c.impact desc, c.id limit $4`, s.now(), state, lang, limit)
	if err != nil {
		return nil, fmt.Errorf("suggestions: %w", err)
	}
	return all, nil
}

func (s *Store) cluster(ctx context.Context, id int64) (Cluster, error) {
	c, err := pg.Row(ctx, s.db, pgx.RowToStructByPos[Cluster], `select `+clusterColumns+` where c.id = $2`, s.now(), id)
	if err != nil {
		return c, fmt.Errorf("suggestion %d: %w", id, err)
	}
	return c, nil
}

// Approval is what a reviewer makes of a suggestion.
type Approval struct {
	// Article gets the questions as phrasings; 0 writes a new one of Title and Answer.
	Article int64
	// Texts are the phrasings, as the reviewer left them; the samples when empty.
	Texts         []string
	Title, Answer string
	Category      string
	// Publish brings it to life at once, where the reviewer may.
	Publish bool
}

const maxPhrasings = 20

// Approved is what became of a suggestion.
type Approved struct {
	kb.Record
	// Unpublished is why it stays a draft although it was to be published; nil otherwise.
	Unpublished error
}

// Approve makes phrasings or an article of a suggestion, and labels its questions with
// the article, so that the next judgement learns from them: all of it or nothing. also goes
// with each step on the article, train with the last of them; search sees it after Changed. ErrState: somebody has decided already.
func (s *Service) Approve(ctx context.Context, by kb.Actor, id int64, a Approval, fourEyes bool, also, train kb.Also) (Approved, error) {
	c, err := s.store.cluster(ctx, id)
	if err != nil {
		return Approved{}, err
	}
	texts := a.Texts
	if len(texts) == 0 {
		texts = c.Samples
	}
	var phrasings []kb.Variant
	for _, text := range texts {
		if text = tidy(text); text != "" && !strings.Contains(text, "<") && len(phrasings) < maxPhrasings { // masked ones are no phrasing
			phrasings = append(phrasings, kb.Variant{Text: text, Source: kb.FromCluster})
		}
	}
	goesOn := func(r *kb.Record) bool {
		return a.Publish && by.Approve && r.State == kb.Draft && (a.Article == 0 || r.LiveVersion == r.Version-1)
	}
	r, err := s.make(ctx, by, &c, &a, phrasings, func(tx pgx.Tx, r kb.Record) error {
		if err := s.decide(ctx, tx, &c, &r, by.Name); err != nil {
			return err
		}
		if err := all(tx, r, also); err != nil || goesOn(&r) {
			return err
		}
		return all(tx, r, train)
	})
	if err != nil {
		return Approved{}, err
	}
	out := Approved{Record: r}
	if goesOn(&r) {
		r, err = s.parts.Articles.Store().Move(ctx, by, r.ID, r.Version, kb.Live, "", fourEyes, func(tx pgx.Tx, r kb.Record) error { return all(tx, r, also, train) })
		if err == nil {
			out.Record = r
		} else { // it is decided, and stays a draft that can be published any time
			out.Unpublished = err
			if err := s.parts.DB.Tx(ctx, func(tx pgx.Tx) error { return all(tx, out.Record, train) }); err != nil {
				return out, err
			}
		}
	}
	return out, nil
}

func all(tx pgx.Tx, r kb.Record, hooks ...kb.Also) error {
	for _, f := range hooks {
		if f != nil {
			if err := f(tx, r); err != nil {
				return err
			}
		}
	}
	return nil
}

// decide keeps in tx that a suggestion became an article, and labels its questions with it.
func (s *Service) decide(ctx context.Context, tx pgx.Tx, c *Cluster, r *kb.Record, by string) error {
	if err := s.take(ctx, tx, c.ID, "approved", by); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `update assist_clusters set article_id = $2 where id = $1`, c.ID, r.ID); err != nil {
		return err
	}
	var labels []kb.Question
	for _, text := range c.Samples {
		if !strings.Contains(text, "<") {
			labels = append(labels, kb.Question{Lang: c.Lang, Text: text, Article: r.Key})
		}
	}
	if len(labels) == 0 {
		return nil
	}
	if err := s.parts.Articles.Store().Label(ctx, tx, by, "cluster", labels...); err != nil {
		return fmt.Errorf("label the questions of suggestion %d: %w", c.ID, err)
	}
	return nil
}

// take decides in tx about a suggestion that is open.
func (s *Service) take(ctx context.Context, tx pgx.Tx, id int64, state, by string) error {
	tag, err := tx.Exec(ctx, `update assist_clusters set state = $2, decided_at = $3, decided_by = $4, decided_n = n where id = $1 and state = 'open'`, id, state, s.parts.Now(), by)
	if err == nil && tag.RowsAffected() == 0 {
		err = ErrState
	}
	return err
}

// Dismiss lets a suggestion go; it comes back when it has grown twice as large.
func (s *Service) Dismiss(ctx context.Context, id int64, by string) error {
	if _, err := s.store.cluster(ctx, id); err != nil {
		return err
	}
	return s.parts.DB.Tx(ctx, func(tx pgx.Tx) error { return s.take(ctx, tx, id, "dismissed", by) })
}

func (s *Service) make(ctx context.Context, by kb.Actor, c *Cluster, a *Approval, phrasings []kb.Variant, also kb.Also) (kb.Record, error) {
	st := s.parts.Articles.Store()
	if a.Article == 0 {
		title := tidy(a.Title)
		if title == "" {
			title = c.Label
		}
		phrasings = slices.DeleteFunc(phrasings, func(v kb.Variant) bool { return nlp.Fold(v.Text) == nlp.Fold(title) })
		answer := strings.TrimSpace(a.Answer)
		if answer == "" {
			return kb.Record{}, bad("answer", "an article needs an answer")
		}
		content := kb.Content{Type: kb.FAQ, Title: title, Body: answer, Category: a.Category, Audience: kb.Public, Variants: phrasings}
		return st.Create(ctx, by, fmt.Sprintf("learnt-%d", c.ID), c.Lang, kb.Edit{Content: content, Owner: by.Name, ReviewBy: s.parts.Now().AddDate(0, 6, 0).Format(time.DateOnly), Note: fmt.Sprintf("suggestion %d", c.ID)}, also)
	}
	r, err := st.Get(ctx, a.Article)
	if err != nil {
		return r, err
	}
	if r.Lang != c.Lang {
		return r, bad("article", "it is in another language than the questions")
	}
	content := r.Content
	content.Variants = slices.Clone(content.Variants)
	known := map[string]bool{nlp.Fold(content.Title): true}
	for _, v := range content.Variants {
		known[nlp.Fold(v.Text)] = true
	}
	for _, v := range phrasings {
		if f := nlp.Fold(v.Text); !known[f] && len(content.Variants) < kb.MaxVariants {
			known[f] = true
			content.Variants = append(content.Variants, v)
		}
	}
	return st.Save(ctx, by, r.ID, r.Version, kb.Edit{Content: content, Owner: r.Owner, ReviewBy: r.ReviewBy, Note: fmt.Sprintf("suggestion %d", c.ID)}, also)
}

// Week is a point of the curve.
type Week = bot.Week

// Accepted is how agents took an article from its cards.
type Accepted struct {
	Article   int64   `json:"article"`
	Title     string  `json:"title"`
	Lang      string  `json:"lang" enum:"zh,en"`
	Offered   int     `json:"offered" doc:"cards"`
	Taken     int     `json:"taken" doc:"of them inserted, edited or sent"`
	Edited    int     `json:"edited"`
	Dismissed int     `json:"dismissed"`
	Distance  float64 `json:"distance" doc:"characters that were changed, where some were"`
}

// Overdue is an article whose review day has passed, or that has none.
type Overdue struct {
	Article  int64  `json:"article"`
	Title    string `json:"title"`
	Lang     string `json:"lang" enum:"zh,en"`
	Owner    string `json:"owner"`
	ReviewBy string `json:"review_by,omitempty"`
}

// Health is how well the articles answer.
type Health struct {
	Weeks    []Week     `json:"weeks" nullable:"false" doc:"oldest first, at most 53 of each language"`
	Articles []Accepted `json:"articles" nullable:"false" doc:"offered most often in 90 days first, at most 100"`
	Overdue  []Overdue  `json:"overdue" nullable:"false" doc:"longest first, at most 100"`
	Open     int        `json:"open" doc:"suggestions that nobody has decided about"`
	Runs     []Run      `json:"runs" nullable:"false" doc:"last learnings, newest first"`
}

// Health reads all of it.
func (s *Store) Health(ctx context.Context) (Health, error) {
	h := Health{Weeks: []Week{}, Articles: []Accepted{}, Overdue: []Overdue{}, Runs: []Run{}}
	weeks, err1 := pg.Rows(ctx, s.db, pgx.RowToStructByPos[Week], `select week, lang, questions, answered, solved, confirmed, refused, handed from assist_weeks where week > $1 order by week, lang`, s.now().AddDate(-1, 0, -7))
	taken, err2 := pg.Rows(ctx, s.db, pgx.RowToStructByPos[Accepted], `select a.id, a.title, a.lang, x.offered, x.taken, x.edited, x.dismissed, x.distance from (
			select c.article_id, count(*)::int as offered, count(*) filter (where o.taken)::int as taken, count(*) filter (where o.edited)::int as edited, count(*) filter (where o.dismissed)::int as dismissed, coalesce(avg(o.distance), 0)::float8 as distance
			from assist_cards c left join lateral (select bool_or(what in ('inserted', 'edited', 'sent')) as taken, bool_or(what = 'edited') as edited, bool_or(what = 'dismissed') as dismissed, avg(distance) as distance from assist_outcomes where card_id = c.id) o on true
			where c.article_id is not null and c.at >= $1 group by c.article_id order by 2 desc limit 100) x join kb_articles a on a.id = x.article_id order by x.offered desc, a.id`, s.now().AddDate(0, 0, -90))
	overdue, err3 := pg.Rows(ctx, s.db, pgx.RowToStructByPos[Overdue], `select id, title, lang, owner, coalesce(review_by::text, '') from kb_articles where state <> 'retired' and (review_by is null or review_by < current_date) order by review_by nulls last, id limit 100`)
	open, err4 := pg.Row(ctx, s.db, pgx.RowTo[int], `select count(*)::int from assist_clusters where state = 'open'`)
	runs, err5 := pg.Rows(ctx, s.db, pgx.RowTo[Run], `select doc from assist_runs order by at desc limit 10`)
	if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
		return h, fmt.Errorf("health of the articles: %w", err)
	}
	h.Weeks, h.Articles, h.Overdue, h.Open, h.Runs = append(h.Weeks, weeks...), append(h.Articles, taken...), append(h.Overdue, overdue...), open, append(h.Runs, runs...)
	return h, nil
}
