package feedback

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/nlp"
	"tingxin/pg"
	"tingxin/team"
)

// ErrCursor says that a cursor was not made by this server.
var ErrCursor = errors.New("the cursor is not one that this server gave out")

// where collects conditions; ? stands for the value.
type where struct {
	parts []string
	args  []any
}

func (w *where) add(cond string, v any) {
	w.args = append(w.args, v)
	w.parts = append(w.parts, strings.ReplaceAll(cond, "?", fmt.Sprintf("$%d", len(w.args))))
}

func (w *where) String() string {
	if len(w.parts) == 0 {
		return ""
	}
	return " where " + strings.Join(w.parts, " and ")
}

// place is where a page ends: the next has rows behind it.
func (w *where) behind(column, cursor string) error {
	if cursor == "" {
		return nil
	}
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || len(b) != 16 {
		return ErrCursor
	}
	at, id := time.UnixMicro(int64(binary.BigEndian.Uint64(b))).UTC(), int64(binary.BigEndian.Uint64(b[8:]))
	w.args = append(w.args, at, id)
	w.parts = append(w.parts, fmt.Sprintf("(%s, id) < ($%d, $%d)", column, len(w.args)-1, len(w.args)))
	return nil
}

func cursorOf(at time.Time, id int64) string {
	b := binary.BigEndian.AppendUint64(nil, uint64(at.UnixMicro()))
	return base64.RawURLEncoding.EncodeToString(binary.BigEndian.AppendUint64(b, uint64(id)))
}

const itemColumns = `f.id, f.kind, f.source, f.reason, f.origin, f.score, f.text, f.chips, f.topics, f.sentiment, f.complaint, f.model, f.language, coalesce(f.contact_id, 0),
	coalesce((select r.name from contacts k join contacts r on r.id = k.root where k.id = f.contact_id), ''), coalesce(f.agent, 0), coalesce(f.case_id, 0), f.at`

func scanItem(row pgx.CollectableRow) (Item, error) {
	var f Item
	err := row.Scan(&f.ID, &f.Kind, &f.Source, &f.Reason, &f.Origin, &f.Score, &f.Text, &f.Chips, &f.Topics, &f.Sentiment, &f.Complaint, &f.Model, &f.Language, &f.Contact,
		&f.Name, &f.Agent, &f.Case, &f.At)
	f.At = f.At.UTC()
	return f, err
}

// Query chooses items; what is not given does not matter.
type Query struct {
	Kinds   []Kind
	Sources []string
	Reason  string
	Topic   string
	Contact int64
	Agent   int64 // the user who had the contact
	Case    CaseID
	Most    *int // of the score
	Least   *int
	Since   time.Time
	Until   time.Time
	Text    string // words, all of them
	Cursor  string
	Limit   int // 1 to 200
}

// seenItems are the items about contacts that people whom a sight sees had.
const seenItems = `agent = any(?u)`

// seenCases are the cases of people whom a sight sees.
const seenCases = `owner = any(?u) or agent = any(?u)`

// held leaves the rows that the sight of ctx sees.
func (w *where) held(ctx context.Context, n team.Noun, condition string) {
	if sql := team.Where(ctx, n, condition, func(v any) string { w.args = append(w.args, v); return fmt.Sprintf("$%d", len(w.args)) }); sql != "" {
		w.parts = append(w.parts, sql)
	}
}

func (q *Query) where(ctx context.Context) where {
	var w where
	w.held(ctx, team.Feedback, seenItems)
	if len(q.Kinds) > 0 {
		w.add("kind = any(?)", q.Kinds)
	}
	if len(q.Sources) > 0 {
		w.add("source = any(?)", q.Sources)
	}
	if q.Reason != "" {
		w.add("reason = ?", q.Reason)
	}
	if q.Topic != "" {
		w.add("topics @> array[?::text]", q.Topic)
	}
	if q.Contact != 0 {
		w.add("contact_id in (select k.id from contacts k join contacts me on me.root = k.root where me.id = ?)", q.Contact)
	}
	if q.Agent != 0 {
		w.add("agent = ?", q.Agent)
	}
	if q.Case != 0 {
		w.add("case_id = ?", q.Case)
	}
	if q.Most != nil {
		w.add("score <= ?", *q.Most)
	}
	if q.Least != nil {
		w.add("score >= ?", *q.Least)
	}
	if !q.Since.IsZero() {
		w.add("at >= ?", q.Since)
	}
	if !q.Until.IsZero() {
		w.add("at < ?", q.Until)
	}
	if words := nlp.Words(nlp.Fold(q.Text)); len(words) > 0 {
		w.add("words @> ?", words)
	}
	return w
}

// List reads a page of items, newest first; next is empty at the end.
func (s *Service) List(ctx context.Context, q Query) (items []Item, next string, err error) {
	w := q.where(ctx)
	if err := w.behind("at", q.Cursor); err != nil {
		return nil, "", err
	}
	limit := min(max(q.Limit, 1), 200)
	items, err = pg.Rows(ctx, s.db, scanItem, `select `+itemColumns+` from (select * from feedback`+w.String()+fmt.Sprintf(` order by at desc, id desc limit %d) f order by f.at desc, f.id desc`, limit+1), w.args...)
	if err != nil {
		return nil, "", fmt.Errorf("list feedback: %w", err)
	}
	if len(items) > limit {
		items = items[:limit]
		next = cursorOf(items[limit-1].At, items[limit-1].ID)
	}
	return items, next, nil
}

// Summary is the distribution of scores, and what is spoken of.
type Summary struct {
	Kinds   map[Kind]int `json:"kinds"`
	CSAT    [5]int       `json:"csat" doc:"answers 1 to 5"`
	NPS     [11]int      `json:"nps" doc:"answers 0 to 10"`
	Mean    *float64     `json:"csat_mean,omitempty"`
	Good    *float64     `json:"csat_good,omitempty" doc:"share of 4 and 5"`
	Score   *float64     `json:"nps_score,omitempty" doc:"promoters (9, 10) less detractors (0 to 6), per cent"`
	Figures *NPSFigures  `json:"nps_figures,omitempty"`
	Themes  []Theme      `json:"themes" doc:"the commonest first"`
	Chips   []Theme      `json:"chips" doc:"reasons that customers chose, the commonest first, at most 20"`
	Days    []Day        `json:"days" doc:"the last 90 at most"`
}

// Theme is how often something is spoken of.
type Theme struct {
	Name string   `json:"name"`
	N    int      `json:"n"`
	Bad  int      `json:"bad" doc:"of them complaints and scores up to 2"`
	Mean *float64 `json:"mean,omitempty" doc:"csat score beside it"`
}

// Day is one day's ratings.
type Day struct {
	Day  string   `json:"day"`
	N    int      `json:"n"`
	Mean *float64 `json:"mean,omitempty"`
}

// Summary sums up the items of a query, without its cursor.
func (s *Service) Summary(ctx context.Context, q Query) (Summary, error) {
	w := q.where(ctx)
	out := Summary{Kinds: map[Kind]int{}, Themes: []Theme{}, Chips: []Theme{}, Days: []Day{}}
	from := `from feedback` + w.String()
	type count struct {
		Kind  Kind
		Score *int
		N     int
	}
	counts, err := pg.Rows(ctx, s.db, pgx.RowToStructByPos[count], `select kind, score, count(*)::int `+from+` group by kind, score`, w.args...)
	if err == nil {
		out.Themes, err = pg.Rows(ctx, s.db, pgx.RowToStructByPos[Theme], `select t, count(*)::int, (count(*) filter (where f.kind = 'complaint' or f.kind = 'csat' and f.score <= 2))::int, avg(f.score) filter (where f.kind = 'csat')::float8
			from (select * `+from+`) f, unnest(f.topics) t group by t order by 2 desc, 1 limit 20`, w.args...)
	}
	if err == nil {
		out.Chips, err = pg.Rows(ctx, s.db, pgx.RowToStructByPos[Theme], `select t, count(*)::int, (count(*) filter (where f.kind = 'csat' and f.score <= 2))::int, avg(f.score) filter (where f.kind = 'csat')::float8
			from (select * `+from+`) f, unnest(f.chips) t group by t order by 2 desc, 1 limit 20`, w.args...)
	}
	if err == nil {
		out.Days, err = pg.Rows(ctx, s.db, pgx.RowToStructByPos[Day], `select * from (select to_char(at, 'YYYY-MM-DD') as day, count(*)::int, avg(score)::float8 from (select * `+from+`) f where f.kind = 'csat' group by 1 order by 1 desc limit 90) d order by 1`, w.args...)
	}
	if err != nil {
		return out, fmt.Errorf("sum up feedback: %w", err)
	}
	var rated, sum, good int
	for _, c := range counts {
		out.Kinds[c.Kind] += c.N
		switch {
		case c.Score == nil:
		case c.Kind == CSAT:
			out.CSAT[*c.Score-1] += c.N
			rated, sum = rated+c.N, sum+c.N**c.Score
			if *c.Score >= 4 {
				good += c.N
			}
		case c.Kind == NPS:
			out.NPS[*c.Score] += c.N
		}
	}
	if rated > 0 {
		mean, share := float64(sum)/float64(rated), float64(good)/float64(rated)
		out.Mean, out.Good = &mean, &share
	}
	if out.Figures = npsOf(out.NPS); out.Figures != nil {
		out.Score = &out.Figures.Score
	}
	return out, nil
}

// CaseQuery chooses cases; what is not given does not matter.
type CaseQuery struct {
	States   []State
	Owner    int64 // -1: nobody's
	Contact  int64
	Reason   string
	Cause    string // or one below it
	Product  *string
	Process  *string
	Outcome  Outcome
	OpenedBy string
	Late     bool // a promise is broken and still open
	Waiting  bool // a message to the customer finds no way
	Ticket   int64
	Since    time.Time // opened at or after
	Until    time.Time
	Cursor   string
	Limit    int // 1 to 200
}

// CaseRow is a case in a list.
type CaseRow struct {
	Case
	Name     string    `json:"contact_name,omitempty"`
	NextDue  time.Time `json:"next_due,omitzero" doc:"of the running promise that is due first"`
	NextKind string    `json:"next_kind,omitempty"`
	Waits    bool      `json:"waits,omitempty" doc:"a message to the customer finds no way"`
}

const below = `with recursive tree as (select code from cause_codes where code = %s union select k.code from cause_codes k join tree on k.parent = tree.code) select code from tree`

func (q *CaseQuery) where(ctx context.Context) (where, error) {
	var w where
	w.held(ctx, team.Feedback, seenCases)
	for _, st := range q.States {
		if !slices.Contains(States, st) {
			return w, invalid("state", "there is no such state")
		}
	}
	if len(q.States) > 0 {
		w.add("state = any(?)", q.States)
	}
	switch {
	case q.Owner < 0:
		w.parts = append(w.parts, "owner is null")
	case q.Owner > 0:
		w.add("owner = ?", q.Owner)
	}
	if q.Contact != 0 {
		w.add("contact_id in (select k.id from contacts k join contacts me on me.root = k.root where me.id = ?)", q.Contact)
	}
	if q.Reason != "" {
		w.add("reason = ?", q.Reason)
	}
	if q.Cause == "-" {
		w.parts = append(w.parts, "cause is null")
	} else if q.Cause != "" {
		w.add("cause in ("+fmt.Sprintf(below, "?")+")", q.Cause)
	}
	if q.Product != nil {
		w.add("product = ?", *q.Product)
	}
	if q.Process != nil {
		w.add("process = ?", *q.Process)
	}
	if q.Outcome != "" {
		w.add("outcome = ?", q.Outcome)
	}
	if q.OpenedBy != "" {
		w.add("opened_by = ?", q.OpenedBy)
	}
	if q.Ticket != 0 {
		w.add("linked_ticket = ?", q.Ticket)
	}
	if q.Late {
		w.parts = append(w.parts, "exists (select from case_clocks k where k.case_id = c.id and k.stopped_at is null and k.told >= 100)")
	}
	if q.Waiting {
		w.parts = append(w.parts, "exists (select from case_messages m where m.case_id = c.id and m.state = 'waiting' and m.why <> '')")
	}
	if !q.Since.IsZero() {
		w.add("opened_at >= ?", q.Since)
	}
	if !q.Until.IsZero() {
		w.add("opened_at < ?", q.Until)
	}
	return w, nil
}

// Cases reads a page of cases, the latest changed first; next is empty at the end.
func (s *Service) Cases(ctx context.Context, q CaseQuery) (rows []CaseRow, next string, err error) {
	w, err := q.where(ctx)
	if err == nil {
		err = w.behind("updated_at", q.Cursor)
	}
	if err != nil {
		return nil, "", err
	}
	limit := min(max(q.Limit, 1), 200)
	rows, err = pg.Rows(ctx, s.db, func(row pgx.CollectableRow) (CaseRow, error) {
		var r CaseRow
		var told, ask, asked, closed, due *time.Time
		err := row.Scan(append(r.targets(&told, &ask, &asked, &closed), &r.Name, &due, &r.NextKind, &r.Waits)...)
		r.moments(told, ask, asked, closed)
		r.NextDue = pg.Moment(due)
		return r, err
	}, `select `+caseColumns+`, coalesce((select r.name from contacts k join contacts r on r.id = k.root where k.id = c.contact_id), ''), d.due_at, coalesce(d.kind, ''),
			exists (select from case_messages m where m.case_id = c.id and m.state = 'waiting' and m.why <> '')
		from (select * from feedback_cases c`+w.String()+fmt.Sprintf(` order by updated_at desc, id desc limit %d) c
		left join lateral (select k.due_at, k.kind from case_clocks k where k.case_id = c.id and k.stopped_at is null and k.due_at is not null order by k.due_at limit 1) d on true
		order by c.updated_at desc, c.id desc`, limit+1), w.args...)
	if err != nil {
		return nil, "", fmt.Errorf("list cases: %w", err)
	}
	if len(rows) > limit {
		rows = rows[:limit]
		next = cursorOf(rows[limit-1].UpdatedAt, int64(rows[limit-1].ID))
	}
	return rows, next, nil
}

// CaseCounts are how many cases stand in each state, of one owner (0: all, -1: nobody's).
func (s *Service) CaseCounts(ctx context.Context, owner int64) (map[State]int, error) {
	q := CaseQuery{Owner: owner}
	w, err := q.where(ctx)
	if err != nil {
		return nil, err
	}
	type count struct {
		State State
		N     int
	}
	all, err := pg.Rows(ctx, s.db, pgx.RowToStructByPos[count], `select state, count(*)::int from feedback_cases`+w.String()+` group by state`, w.args...)
	if err != nil {
		return nil, fmt.Errorf("count cases: %w", err)
	}
	out := map[State]int{}
	for _, c := range all {
		out[c.State] = c.N
	}
	return out, nil
}
