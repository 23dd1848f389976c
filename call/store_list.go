package call

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"tingxin/emotion"
	"tingxin/pg"
	"tingxin/team"
)

// Filter narrows List. Zero fields do not narrow.
type Filter struct {
	State        State
	From, To     string    // characters anywhere in the number
	Since, Until time.Time // started at or after Since and before Until
	Trunk        string
	Agent        string // user name of a party that is no supervisor
	Disposition  string // code that an agent chose
	Mood         string // one of the Mood constants
	Query        string // words said in the call, "a phrase", -not, or part of a number
	Cursor       string // Page.Next of the page before
	Limit        int    // 1..200, 50 when zero
	Count        bool   // also count all matches (up to CountLimit)
}

// Values of Filter.Mood.
const (
	MoodAlert  = "alert"  // somebody was asked to look
	MoodAngry  = "angry"  // over the whole call
	MoodWorse  = "worse"  // from start to end by a fifth of the scale
	MoodBetter = "better" // the same the other way
	MoodRead   = "read"   // the voice was read at all
)

var moodConditions = map[string]string{
	MoodAlert: `m.alerts > 0`, MoodAngry: isAngry, MoodWorse: `m.trend >= 0.1`, MoodBetter: `m.trend <= -0.1`, MoodRead: `true`,
}

// CountLimit is where counting of matches stops.
const CountLimit = 10000

const (
	defaultLimit = 50
	maxLimit     = 200
)

// Page is one page of calls, newest first.
type Page struct {
	Items []Summary
	Next  string // cursor of the next page, empty on the last one
	Total int    // matches in all when asked for, at most CountLimit
}

// List is a page of calls. A cursor that is not ours gives ErrCursor.
func (s *Store) List(ctx context.Context, f Filter) (Page, error) {
	page, err := s.list(ctx, f)
	if err != nil && !errors.Is(err, ErrCursor) {
		err = fmt.Errorf("list calls: %w", err)
	}
	return page, err
}

func (s *Store) list(ctx context.Context, f Filter) (Page, error) {
	limit := f.Limit
	if limit <= 0 {
		limit = defaultLimit
	}
	limit = min(limit, maxLimit)
	terms := parseQuery(f.Query)
	if strings.TrimSpace(f.Query) != "" {
		var err error
		if terms, err = s.meaningful(ctx, terms); err != nil {
			return Page{}, err
		}
		if len(terms) == 0 { // only words such as "the"
			return Page{Items: []Summary{}}, nil
		}
		if err := s.findFew(ctx, terms); err != nil {
			return Page{}, err
		}
	}
	where := &conditions{}
	where.filter(&f)
	where.seen(ctx, team.Calls, "c")
	where.terms(terms)
	var page Page
	if f.Count {
		n, err := pg.Row(ctx, s.db, pgx.RowTo[int], `select count(*) from (select 1 from calls c`+where.String()+` limit `+strconv.Itoa(CountLimit)+`) x`, where.args...)
		if err != nil {
			return Page{}, err
		}
		page.Total = n
	}
	if f.Cursor != "" {
		after, err := parseCursor(f.Cursor)
		if err != nil {
			return Page{}, err
		}
		where.add(`(c.started_at, c.id) < (?, ?)`, after.started, after.id)
	}
	rows, err := pg.Rows(ctx, s.db, s.scanSummary, summaryQuery+where.String()+` order by c.started_at desc, c.id desc limit `+strconv.Itoa(limit+1)+summaryJoins, where.args...)
	if err != nil {
		return Page{}, err
	}
	if len(rows) > limit {
		rows = rows[:limit]
		last := rows[limit-1]
		id, err := uuid.Parse(last.ID)
		if err != nil {
			return Page{}, err
		}
		page.Next = cursor{last.StartedAt, id}.String()
	}
	page.Items = rows
	return page, s.addSnippets(ctx, page.Items, terms)
}

// conditions collects the parts of a where clause and their arguments.
type conditions struct {
	parts []string
	args  []any
}

// add takes a condition with a ? for each argument.
func (w *conditions) add(sql string, args ...any) {
	for _, a := range args {
		w.args = append(w.args, a)
		sql = strings.Replace(sql, "?", "$"+strconv.Itoa(len(w.args)), 1)
	}
	w.parts = append(w.parts, sql)
}

func (w *conditions) String() string {
	if len(w.parts) == 0 {
		return ""
	}
	return " where " + strings.Join(w.parts, " and ")
}

// seen leaves the calls that the sight of ctx sees by its reach of n; row is what the call is called.
func (w *conditions) seen(ctx context.Context, n team.Noun, row string) {
	w.sight(ctx, n, row, "%s")
}

// ofSeenCalls leaves the rows of calls that the sight of ctx sees; column is the call's id.
func (w *conditions) ofSeenCalls(ctx context.Context, n team.Noun, column string) {
	w.sight(ctx, n, "sc", "exists (select from calls sc where sc.id = "+column+" and %s)")
}

// held leaves the rows that the sight of ctx sees by a condition as team.Where takes it.
func (w *conditions) held(ctx context.Context, n team.Noun, condition string) {
	var args []any
	if sql := team.Where(ctx, n, condition, func(v any) string { args = append(args, v); return "?" }); sql != "" {
		w.add(sql, args...)
	}
}

func (w *conditions) sight(ctx context.Context, n team.Noun, row, around string) {
	var args []any
	if sql := team.Over(ctx, n, team.Calls, row, func(v any) string { args = append(args, v); return "?" }); sql != "" {
		w.add(fmt.Sprintf(around, sql), args...)
	}
}

func (w *conditions) filter(f *Filter) {
	if f.State != "" {
		w.add(`c.state = ?`, string(f.State))
	}
	if sql, ok := moodConditions[f.Mood]; ok {
		w.add(`exists (select 1 from moods m where m.call_id = c.id and m.side = 'caller' and ` + sql + `)`)
	}
	if f.Trunk != "" {
		w.add(`c.trunk = ?`, storable(f.Trunk))
	}
	if f.Agent != "" { // a leg never begins before its call
		w.add(`c.id in (select l.call_id from legs l where l.user_name = ? and l.role <> 'supervisor' and l.started_at >= ?)`, storable(f.Agent), f.Since)
	}
	if f.Disposition != "" {
		w.add(`exists (select 1 from wrap_ups w where w.call_id = c.id and w.disposition = ?)`, storable(f.Disposition))
	}
	if !f.Since.IsZero() {
		w.add(`c.started_at >= ?`, f.Since)
	}
	if !f.Until.IsZero() {
		w.add(`c.started_at < ?`, f.Until)
	}
	w.number("c.from_number", storable(f.From))
	w.number("c.to_number", storable(f.To))
}

// number wants part anywhere in the number of column; three characters and more find it by the index.
func (w *conditions) number(column, part string) {
	if part == "" {
		return
	}
	if grams := distinct(trigrams(part)); len(grams) > 0 {
		w.add(`c.number_grams @> ?`, grams)
	}
	w.add(`strpos(lower(`+column+`), ?) > 0`, strings.ToLower(part))
}

// fewLimit is how many utterances may have a term for it to be looked up first.
const fewLimit = 4000

// findFew looks up the calls of rare terms. PostgreSQL, told to give the newest
// fifty, would walk through all calls and look into each; for what is said often
// that is right, for what is said rarely it takes a quarter of a second instead
// of two milliseconds (at 100,000 calls).
func (s *Store) findFew(ctx context.Context, terms []term) error {
	for i := range terms {
		t := &terms[i]
		if t.not {
			continue
		}
		w := &conditions{}
		sql, args := t.having()
		w.add(`select x.call_id from (`+sql+`) x limit `+strconv.Itoa(fewLimit+1), args...)
		ids, err := pg.Rows(ctx, s.db, pgx.RowTo[uuid.UUID], w.parts[0], w.args...)
		if err != nil {
			return err
		}
		if t.few = len(ids) <= fewLimit; t.few {
			slices.SortFunc(ids, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
			t.calls = slices.Compact(ids)
		}
	}
	return nil
}

func (w *conditions) terms(terms []term) {
	for _, t := range terms {
		switch sql, args := t.having(); {
		case t.not:
			sql, args = t.condition()
			w.add(`not exists (select 1 from utterances u where u.call_id = c.id and `+sql+`)`, args...)
		case t.few:
			w.add(`c.id = any(?)`, t.calls)
		default:
			w.add(`c.id in (`+sql+`)`, args...)
		}
	}
}

// having is a query for the calls that have the term, some of them several times.
func (t *term) having() (string, []any) {
	sql, args := t.condition()
	sql = `select u.call_id from utterances u where ` + sql
	if t.number == "" {
		return sql, args
	}
	return sql + ` union all select n.id from calls n where n.number_grams @> ? and (strpos(n.from_number, ?) > 0 or strpos(n.to_number, ?) > 0)`,
		append(args, distinct(trigrams(t.number)), t.number, t.number)
}

// condition is what an utterance u must meet to have the term.
func (t *term) condition() (string, []any) {
	switch {
	case len(t.han) > 2: // pairs may stand apart: look
		return `(u.grams @> ? and (u.text ~ ? or u.raw ~ ?))`, []any{queryGrams(t.han), hanPattern(t.han), hanPattern(t.han)}
	case len(t.han) > 0:
		return `u.grams @> ?`, []any{queryGrams(t.han)}
	}
	query, args := t.tsquery()
	return `u.words @@ ` + query, args
}

// tsquery is the full-text query of an English term.
func (t *term) tsquery() (string, []any) {
	if t.prefix != "" {
		return `(websearch_to_tsquery('english', ?) || to_tsquery('simple', ?))`, []any{t.words, t.prefix + ":*"}
	}
	return `websearch_to_tsquery('english', ?)`, []any{t.words}
}

// meaningful leaves out English terms that say nothing ("the"), which full-text search does not keep.
func (s *Store) meaningful(ctx context.Context, terms []term) ([]term, error) {
	words := make([]string, len(terms))
	for i, t := range terms {
		words[i] = t.words
	}
	nodes, err := pg.Rows(ctx, s.db, pgx.RowTo[int], `select numnode(websearch_to_tsquery('english', w)) from unnest($1::text[]) with ordinality x (w, n) order by n`, words)
	if err != nil {
		return nil, err
	}
	var kept []term
	for i, t := range terms {
		if len(t.han) > 0 || nodes[i] > 0 {
			kept = append(kept, t)
		}
	}
	return kept, nil
}

// summaryQuery takes the page first, so that quality and last words are looked up for its calls only.
const summaryQuery = `select p.*, l.mos, l.loss_pct, l.jitter_ms, u.side, u.text, m.turns, m.now, m.value, m.trend, m.peak, m.peak_start_ms, m.peak_end_ms, m.alerts, w.disposition, w.tags from (select ` + columns + ` from calls c`

const summaryJoins = `) p
	left join legs l on l.call_id = p.id and l.n = 1
	left join moods m on m.call_id = p.id and m.side = 'caller'
	left join lateral (select side, text from utterances where call_id = p.id and not gap order by start_ms desc, id desc limit 1) u on true
	left join lateral (select disposition, tags from wrap_ups where call_id = p.id order by updated_at desc, username limit 1) w on true
	order by p.started_at desc, p.id desc`

func (s *Store) scanSummary(row pgx.CollectableRow) (Summary, error) {
	return scanSummary(row, &s.moods)
}

func scanSummary(row pgx.CollectableRow, moods *emotion.Rules) (Summary, error) {
	var r callRow
	var mos, loss, jitter *float64
	var side, text *string
	var turns, alerts *int
	var now, value, trend, peak *float32
	var peakStart, peakEnd *int64
	var disposition *string
	var tags []string
	if err := row.Scan(append(r.targets(), &mos, &loss, &jitter, &side, &text, &turns, &now, &value, &trend, &peak, &peakStart, &peakEnd, &alerts, &disposition, &tags)...); err != nil {
		return Summary{}, err
	}
	rec := r.record()
	s := rec.Summary()
	if mos != nil && *mos > 0 {
		s.Quality = &QualityNow{MOS: *mos, LossPct: *loss, JitterMS: *jitter}
	}
	if s.Tags = tags; disposition != nil {
		s.Disposition = *disposition
	}
	if side != nil {
		s.LastWords = &LastWords{Side: *side, Text: *text}
	}
	if turns != nil {
		s.Mood = &MoodItem{Side: SideCaller, State: moods.StateOf(*value), Turns: *turns, Now: *now, Value: *value, Trend: *trend,
			Peak: *peak, PeakStartMS: *peakStart, PeakEndMS: *peakEnd, Alerts: *alerts}
	}
	return s, nil
}
