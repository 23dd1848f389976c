package kb

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/nlp"
	"tingxin/pg"
)

// channel is where servers tell each other that articles changed.
const channel = "tingxin_kb"

// Bounds of the store.
const (
	// KeepVersions is how many versions of an article are kept, besides the live one.
	KeepVersions = 50
	// maxWords is how many different words of an article the list can be searched by.
	maxWords = 3000
	// pageSize is how many articles a list gives at once.
	pageSize = 50
)

// Store keeps articles in PostgreSQL. Errors are pg.ErrNotFound, pg.ErrConflict,
// pg.ErrUnavailable, this package's, or others wrapped as they are. Safe for
// concurrent use.
type Store struct {
	db  *pg.DB
	now func() time.Time
}

// NewStore makes a store over an open, migrated database.
func NewStore(db *pg.DB) *Store { return &Store{db, time.Now} }

const recordColumns = `a.id, a.key, a.lang, a.state, a.owner, coalesce(a.review_by::text, ''), a.version, coalesce(a.live_version, 0), a.created_at, a.updated_at, a.updated_by, v.doc`

const recordTables = ` from kb_articles a join kb_versions v on v.article_id = a.id and v.version = a.version `

func scanRecord(row pgx.CollectableRow) (Record, error) {
	var r Record
	err := row.Scan(&r.ID, &r.Key, &r.Lang, &r.State, &r.Owner, &r.ReviewBy, &r.Version, &r.LiveVersion, &r.CreatedAt, &r.UpdatedAt, &r.UpdatedBy, &r.Content)
	return r, err
}

// Get reads an article with its latest content.
func (s *Store) Get(ctx context.Context, id int64) (Record, error) {
	r, err := pg.Row(ctx, s.db, scanRecord, `select `+recordColumns+recordTables+`where a.id = $1`, id)
	if err != nil {
		return r, fmt.Errorf("article %d: %w", id, err)
	}
	return r, nil
}

// Twins are the articles with the same key, by language.
func (s *Store) Twins(ctx context.Context, key string) ([]Record, error) {
	return pg.Rows(ctx, s.db, scanRecord, `select `+recordColumns+recordTables+`where a.key = $1 order by a.lang`, key)
}

// lock reads an article in tx and keeps others from changing it.
func lock(ctx context.Context, tx pgx.Tx, id int64) (Record, error) {
	rows, err := tx.Query(ctx, `select `+recordColumns+recordTables+`where a.id = $1 for update of a`, id)
	if err != nil {
		return Record{}, err
	}
	return pgx.CollectExactlyOneRow(rows, scanRecord)
}

// insert adds an article in tx; r.ID is filled in.
func (s *Store) insert(ctx context.Context, tx pgx.Tx, r *Record, note string) error {
	r.Version, r.State, r.LiveVersion = 1, Draft, 0
	r.CreatedAt = s.now()
	r.UpdatedAt = r.CreatedAt
	err := tx.QueryRow(ctx, `insert into kb_articles (key, lang, type, state, title, body_md, category_path, audience, owner, review_by, version, words, created_at, updated_at, updated_by)
		values ($1, $2, $3, 'draft', $4, $5, $6, $7, $8, nullif($9, '')::date, 1, $10, $11, $11, $12) returning id`,
		r.Key, r.Lang, r.Type, r.Title, r.Body, r.Category, r.Audience, r.Owner, r.ReviewBy, wordsOf(r), r.CreatedAt, r.UpdatedBy).Scan(&r.ID)
	if err != nil {
		return err
	}
	return addVersion(ctx, tx, r, note)
}

// update writes the head of an article in tx; content is a new version when fresh.
func (s *Store) update(ctx context.Context, tx pgx.Tx, r *Record, fresh bool, note string) error {
	r.UpdatedAt = s.now()
	if fresh {
		r.Version++
		if err := addVersion(ctx, tx, r, note); err != nil {
			return err
		}
	}
	_, err := tx.Exec(ctx, `update kb_articles set type = $2, state = $3, title = $4, body_md = $5, category_path = $6, audience = $7, owner = $8, review_by = nullif($9, '')::date,
		version = $10, live_version = nullif($11, 0), words = $12, updated_at = $13, updated_by = $14 where id = $1`,
		r.ID, r.Type, r.State, r.Title, r.Body, r.Category, r.Audience, r.Owner, r.ReviewBy, r.Version, r.LiveVersion, wordsOf(r), r.UpdatedAt, r.UpdatedBy)
	if err != nil || !fresh {
		return err
	}
	_, err = tx.Exec(ctx, `delete from kb_versions where article_id = $1 and version <= $2 and version <> $3`, r.ID, r.Version-KeepVersions, r.LiveVersion)
	return err
}

func addVersion(ctx context.Context, tx pgx.Tx, r *Record, note string) error {
	doc, err := json.Marshal(&r.Content)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `insert into kb_versions (article_id, version, doc, note, at, by_user) values ($1, $2, $3, $4, $5, $6)`, r.ID, r.Version, doc, note, r.UpdatedAt, r.UpdatedBy)
	return err
}

// wordsOf are what the list is searched by.
func wordsOf(r *Record) []string {
	words := nlp.Words(nlp.Fold(r.Key + " " + r.Title + " " + r.Category + " " + PlainText(r.Markdown())))
	slices.Sort(words)
	words = slices.Compact(words)
	return words[:min(len(words), maxWords)]
}

// publish makes the latest version the live one in tx: what is searched is written
// anew, with the vectors of texts that stayed.
func (s *Store) publish(ctx context.Context, tx pgx.Tx, r *Record) error {
	variants, err := oldVectors(ctx, tx, "kb_variants", r.ID)
	if err != nil {
		return err
	}
	texts, err := oldVectors(ctx, tx, "kb_passages", r.ID)
	if err != nil {
		return err
	}
	rows := &pgx.Batch{}
	unpublish(rows, r.ID)
	add := func(ord int, source Source, text string) {
		old := variants[text]
		rows.Queue(`insert into kb_variants (article_id, ord, lang, text, source, vector, model) values ($1, $2, $3, $4, $5, $6, $7)`, r.ID, ord, r.Lang, text, source, old.vector, old.model)
	}
	add(0, "title", r.Title)
	for i, v := range r.Variants {
		add(i+1, v.Source, v.Text)
	}
	for i, text := range passages(PlainText(r.Markdown())) {
		old := texts[text]
		rows.Queue(`insert into kb_passages (article_id, ord, lang, text, vector, model) values ($1, $2, $3, $4, $5, $6)`, r.ID, i, r.Lang, text, old.vector, old.model)
	}
	for i, rule := range r.Rules {
		rows.Queue(`insert into kb_rules (article_id, ord, kind, text, tool) values ($1, $2, $3, $4, $5)`, r.ID, i, rule.Kind, rule.Text, rule.Tool)
	}
	return tx.SendBatch(ctx, rows).Close()
}

func unpublish(rows *pgx.Batch, id int64) {
	for _, table := range []string{"kb_variants", "kb_passages", "kb_rules"} {
		rows.Queue(`delete from `+table+` where article_id = $1`, id)
	}
}

type oldVector struct {
	vector []byte
	model  string
}

func oldVectors(ctx context.Context, tx pgx.Tx, table string, id int64) (map[string]oldVector, error) {
	rows, err := tx.Query(ctx, `select text, vector, model from `+table+` where article_id = $1 and vector is not null`, id)
	if err != nil {
		return nil, err
	}
	m := make(map[string]oldVector)
	var text string
	var v oldVector
	_, err = pgx.ForEachRow(rows, []any{&text, &v.vector, &v.model}, func() error {
		m[text] = oldVector{slices.Clone(v.vector), v.model}
		return nil
	})
	return m, err
}

// changed raises the revision in tx, so that every server reads again.
func changed(ctx context.Context, tx pgx.Tx) error {
	if _, err := tx.Exec(ctx, `update kb_revision set revision = revision + 1`); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `select pg_notify('`+channel+`', '')`)
	return err
}

// Version of an article as it was saved.
type Version struct {
	Version int       `json:"version"`
	Note    string    `json:"note"`
	At      time.Time `json:"at"`
	By      string    `json:"by"`
}

// Versions of an article, newest first.
func (s *Store) Versions(ctx context.Context, id int64) ([]Version, error) {
	return pg.Rows(ctx, s.db, pgx.RowToStructByPos[Version], `select version, note, at, by_user from kb_versions where article_id = $1 order by version desc`, id)
}

// ContentOf is what a version of an article says.
func (s *Store) ContentOf(ctx context.Context, id int64, version int) (Content, error) {
	c, err := pg.Row(ctx, s.db, pgx.RowTo[Content], `select doc from kb_versions where article_id = $1 and version = $2`, id, version)
	if err != nil {
		return c, fmt.Errorf("version %d of article %d: %w", version, id, err)
	}
	return c, nil
}

// Filter of a list; empty fields take everything.
type Filter struct {
	Query    string // words of key, title or text
	Lang     string
	Type     Type
	State    State
	Audience Audience
	Category string // and what is under it
	Owner    string
	Overdue  bool // review day passed, or none set
	Sort     string
	Offset   int
}

// Listed is an article in a list.
type Listed struct {
	ID          int64     `json:"id"`
	Key         string    `json:"key"`
	Lang        string    `json:"lang" enum:"zh,en"`
	Type        Type      `json:"type" enum:"faq,product,process"`
	State       State     `json:"state" enum:"draft,review,live,retired"`
	Title       string    `json:"title"`
	Category    string    `json:"category"`
	Audience    Audience  `json:"audience" enum:"public,agent"`
	Owner       string    `json:"owner"`
	ReviewBy    string    `json:"review_by"`
	Version     int       `json:"version"`
	LiveVersion int       `json:"live_version"`
	UpdatedAt   time.Time `json:"updated_at"`
	UpdatedBy   string    `json:"updated_by"`
	Staleness   float64   `json:"staleness" doc:"0 fresh to 1: half of it for a review day passed by 30 days or never set, a quarter for a year without a change, a quarter for the share of down votes"`
	Up          int       `json:"up" doc:"votes of the last 180 days"`
	Down        int       `json:"down"`
	Shown       int       `json:"shown"`
}

// staleness is a number from 0 to 1 of an article a with its votes e.
const staleness = `(0.5 * (case when a.review_by is null then 1 else least(1, greatest(0, (current_date - a.review_by) / 30.0)) end)
	+ 0.25 * least(1, extract(epoch from now() - a.updated_at) / 31536000)
	+ 0.25 * (coalesce(e.down, 0)::float / greatest(coalesce(e.up, 0) + coalesce(e.down, 0), 4)))::float8`

const listTables = ` from kb_articles a left join lateral (select count(*) filter (where kind = 'up') as up, count(*) filter (where kind = 'down') as down, count(*) filter (where kind = 'shown') as shown
	from kb_events where article_id = a.id and at > now() - interval '180 days') e on true `

// where makes a filter's condition and its arguments.
func (f *Filter) where() (string, []any) {
	conditions, args := []string{"true"}, []any{}
	add := func(sql string, arg any) {
		args = append(args, arg)
		conditions = append(conditions, strings.ReplaceAll(sql, "?", fmt.Sprintf("$%d", len(args))))
	}
	for column, value := range map[string]string{"lang": f.Lang, "type": string(f.Type), "state": string(f.State), "audience": string(f.Audience), "owner": f.Owner} {
		if value != "" {
			add("a."+column+" = ?", value)
		}
	}
	if path := CategoryPath(f.Category); path != "" {
		add("(a.category_path = ? or starts_with(a.category_path, ? || '/'))", path)
	}
	if words := nlp.Words(nlp.Fold(f.Query)); len(words) > 0 {
		add("a.words @> ?", words[:min(len(words), 50)])
	}
	if f.Overdue {
		conditions = append(conditions, "a.state <> 'retired' and (a.review_by is null or a.review_by < current_date)")
	}
	return strings.Join(conditions, " and "), args
}

// List gives a page of articles and how many there are in all.
func (s *Store) List(ctx context.Context, f Filter) ([]Listed, int, error) {
	where, args := f.where()
	total, err := pg.Row(ctx, s.db, pgx.RowTo[int], `select count(*)::int from kb_articles a where `+where, args...)
	if err != nil {
		return nil, 0, fmt.Errorf("list articles: %w", err)
	}
	order := map[string]string{"title": "a.title, a.id", "stale": staleness + " desc, a.id", "down": "e.down desc, a.id", "shown": "e.shown desc, a.id"}[f.Sort]
	if order == "" {
		order = "a.updated_at desc, a.id desc"
	}
	args = append(args, pageSize, f.Offset)
	items, err := pg.Rows(ctx, s.db, pgx.RowToStructByPos[Listed], `select a.id, a.key, a.lang, a.type, a.state, a.title, a.category_path, a.audience, a.owner, coalesce(a.review_by::text, ''),
		a.version, coalesce(a.live_version, 0), a.updated_at, a.updated_by, `+staleness+`, e.up::int, e.down::int, e.shown::int `+listTables+` where `+where+
		` order by `+order+fmt.Sprintf(` limit $%d offset $%d`, len(args)-1, len(args)), args...)
	if err != nil {
		return nil, 0, fmt.Errorf("list articles: %w", err)
	}
	return items, total, nil
}

// CategoryCount is a category with how much is directly in it.
type CategoryCount struct {
	Path    string `json:"path"`
	Lang    string `json:"lang"`
	Name    string `json:"name" doc:"of its last level"`
	Ord     int    `json:"ord"`
	Total   int    `json:"total" doc:"articles that are not retired"`
	Live    int    `json:"live"`
	Public  int    `json:"public" doc:"live ones that everybody may read"`
	Overdue int    `json:"overdue" doc:"review day passed or not set"`
}

// Categories of all articles in a language, and those that have a name only.
func (s *Store) Categories(ctx context.Context, lang string) ([]CategoryCount, error) {
	return pg.Rows(ctx, s.db, pgx.RowToStructByPos[CategoryCount], `
		select coalesce(a.path, c.path), $1::text, coalesce(c.name, ''), coalesce(c.ord, 0), coalesce(a.total, 0)::int, coalesce(a.live, 0)::int, coalesce(a.public, 0)::int, coalesce(a.overdue, 0)::int
		from (select category_path as path, count(*) filter (where state <> 'retired') as total, count(*) filter (where live_version is not null) as live,
				count(*) filter (where live_version is not null and audience = 'public') as public,
				count(*) filter (where state <> 'retired' and (review_by is null or review_by < current_date)) as overdue
			from kb_articles where lang = $1 group by category_path) a
		full join (select * from kb_categories where lang = $1) c on c.path = a.path
		order by 4, 1 limit 5000`, lang)
}

// NameCategory sets the name of a category in a language; an empty one takes it away.
func (s *Store) NameCategory(ctx context.Context, tx pgx.Tx, path, lang, name string, ord int) error {
	path, name = CategoryPath(path), line(name)
	if err := checkCategory(path); err != nil {
		return err
	}
	if path == "" || !slices.Contains(Languages, lang) || len(name) > 200 {
		return wrong("a category needs a path, a language and a name of at most 200 bytes")
	}
	var err error
	if name == "" {
		_, err = tx.Exec(ctx, `delete from kb_categories where path = $1 and lang = $2`, path, lang)
	} else {
		_, err = tx.Exec(ctx, `insert into kb_categories (path, lang, name, ord) values ($1, $2, $3, $4) on conflict (path, lang) do update set name = $3, ord = $4`, path, lang, name, ord)
	}
	if err != nil {
		return err
	}
	return changed(ctx, tx)
}

// byKey finds an article for import; found is false when there is none.
func (s *Store) byKey(ctx context.Context, key, lang string) (r Record, found bool, err error) {
	r, err = pg.Row(ctx, s.db, scanRecord, `select `+recordColumns+recordTables+`where a.key = $1 and a.lang = $2`, key, lang)
	if errors.Is(err, pg.ErrNotFound) {
		return Record{}, false, nil
	}
	return r, err == nil, err
}
