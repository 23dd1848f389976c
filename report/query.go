package report

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
)

// What figures are cut by, beside the columns of facts.
const (
	ByTime    = "time"    // days, or hours of a span of two days at most
	ByDay     = "day"     // "2026-11-29"
	ByMoment  = "moment"  // "2026-11-29 14"
	ByHour    = "hour"    // of the day, "00" to "23"
	ByWeekday = "weekday" // "1" is Monday, "7" Sunday
)

// Values of Filter.Bot.
const (
	BotAll    = ""
	BotPeople = "people" // without what the bot did alone
	BotOnly   = "bot"    // what the bot took part in
)

// Filter narrows what is counted. Empty fields do not narrow. A noun that does not know a field in use is
// left out: no figure is better than a wrong one.
type Filter struct {
	Queues     []string
	Agents     []int64
	Channels   []string
	Languages  []string
	Types      []string // of tickets
	Directions []string // of calls
	Bot        string
}

// Scope is whose facts somebody may see: those of the queues or of the agents. All is everything.
type Scope struct {
	All    bool
	Queues []string
	Agents []int64
}

// Query asks for a report.
type Query struct {
	Report       string
	By           string
	Since, Until time.Time
	Zone         *time.Location // of hours and days; the Service's when nil
	Filter       Filter
	Scope        Scope
	Compare      bool // also the period before, as long
	Shift        int  // so many days before, 0: the whole span
}

const (
	longest  = 400 * 24 * time.Hour
	maxRows  = 1000  // of a table
	maxKeys  = 20000 // that a total is made of
	maxNames = 200   // of each field of a filter
	aDay     = 24 * time.Hour
)

// check completes a question.
func (q *Query) check(s *Service) (*figures, error) {
	f := reports[q.Report]
	if f == nil {
		return nil, bad("report", "there is no report %q", q.Report)
	}
	if q.Zone == nil {
		q.Zone = s.zone
	}
	if !q.Since.Before(q.Until) || q.Until.Sub(q.Since) > longest {
		return nil, bad("since", "since must lie before until, by 400 days at most")
	}
	q.Since, q.Until = q.Since.UTC().Truncate(time.Microsecond), q.Until.UTC().Truncate(time.Microsecond)
	if q.By == "" {
		q.By = f.by[0]
	}
	if timed := q.By == ByDay || q.By == ByMoment; !slices.Contains(f.by, q.By) && !(timed && slices.Contains(f.by, ByTime)) {
		return nil, bad("by", "%s is cut by one of %s", q.Report, strings.Join(f.by, ", "))
	}
	if q.By == ByTime {
		if q.By = ByDay; q.Until.Sub(q.Since) <= 2*aDay {
			q.By = ByMoment
		}
	}
	if q.By == ByMoment && q.Until.Sub(q.Since) > 31*aDay {
		return nil, bad("by", "hours one by one are shown of 31 days at most")
	}
	for field, names := range map[string]int{"queue": len(q.Filter.Queues), "agent": len(q.Filter.Agents), "channel": len(q.Filter.Channels), "language": len(q.Filter.Languages),
		"type": len(q.Filter.Types), "direction": len(q.Filter.Directions)} {
		if names > maxNames {
			return nil, bad(field, "a filter has more than %d names", maxNames)
		}
	}
	if !slices.Contains([]string{BotAll, BotPeople, BotOnly}, q.Filter.Bot) {
		return nil, bad("bot", "bot is people, bot, or not given")
	}
	return f, nil
}

// before is the same question about the period before, as many days or as long.
func (q *Query) before() Query {
	b := *q
	if q.Shift > 0 {
		b.Since, b.Until = q.Since.In(q.Zone).AddDate(0, 0, -q.Shift).UTC(), q.Until.In(q.Zone).AddDate(0, 0, -q.Shift).UTC()
		return b
	}
	b.Until = q.Since
	if days := q.days(); days > 0 {
		b.Since = q.Since.In(q.Zone).AddDate(0, 0, -days).UTC()
		return b
	}
	b.Since = q.Since.Add(-q.Until.Sub(q.Since))
	return b
}

// days are the whole days of the span on the clocks of its zone, 0 when it is no whole days.
func (q *Query) days() int {
	since, until := q.Since.In(q.Zone), q.Until.In(q.Zone)
	n := int(until.Sub(since).Round(aDay) / aDay)
	if n > 0 && since.AddDate(0, 0, n).Equal(until) {
		return n
	}
	return 0
}

// wholeHours tells whether the zone's clocks show full hours when those of UTC do.
func (q *Query) wholeHours() bool {
	for t := q.Since; ; {
		if _, offset := t.In(q.Zone).Zone(); offset%3600 != 0 {
			return false
		}
		_, end := t.In(q.Zone).ZoneBounds()
		if end.IsZero() || !end.Before(q.Until) {
			return true
		}
		t = end
	}
}

// span is how a question is answered: sums of [lo, hi), rows of the edges.
type span struct {
	lo, hi           time.Time
	edgeFrom, edgeTo []time.Time
}

func (q *Query) span() span {
	lo, hi := q.Since.Truncate(time.Hour), q.Until.Truncate(time.Hour)
	if lo.Before(q.Since) {
		lo = lo.Add(time.Hour)
	}
	if !lo.Before(hi) || !q.wholeHours() {
		return span{q.Since, q.Since, []time.Time{q.Since}, []time.Time{q.Until}}
	}
	s := span{lo: lo, hi: hi, edgeFrom: []time.Time{}, edgeTo: []time.Time{}}
	if q.Since.Before(lo) {
		s.edgeFrom, s.edgeTo = append(s.edgeFrom, q.Since), append(s.edgeTo, lo)
	}
	if hi.Before(q.Until) {
		s.edgeFrom, s.edgeTo = append(s.edgeFrom, hi), append(s.edgeTo, q.Until)
	}
	return s
}

// statement is SQL with its arguments.
type statement struct {
	args []any
}

func (s *statement) arg(v any, typ string) string {
	s.args = append(s.args, v)
	return "$" + strconv.Itoa(len(s.args)) + "::" + typ
}

// timeKeys are what moments are cut by: the format of the zone's clocks.
var timeKeys = map[string]string{ByDay: "YYYY-MM-DD", ByMoment: "YYYY-MM-DD HH24", ByHour: "HH24", ByWeekday: "ID"}

// cuts tells whether a noun can be cut by.
func (n *noun) cuts(by string) bool { return by == "" || timeKeys[by] != "" || n.has(by) }

// key is the expression of a cut over x, whose moment is in column at.
func (st *statement) key(q *Query, by, at string) string {
	switch format := timeKeys[by]; {
	case by == "":
		return `''`
	case format != "":
		return fmt.Sprintf(`to_char(%s at time zone %s, '%s')`, at, st.arg(q.Zone.String(), "text"), format)
	}
	return "x." + by + "::text"
}

// narrowed tells whether a noun knows all fields that a filter uses.
func (n *noun) narrowed(f *Filter) bool {
	for dim, used := range map[string]bool{"queue": len(f.Queues) > 0, "agent": len(f.Agents) > 0, "channel": len(f.Channels) > 0, "language": len(f.Languages) > 0,
		"type": len(f.Types) > 0, "direction": len(f.Directions) > 0, "bot": f.Bot == BotOnly} {
		if used && !n.has(dim) {
			return false
		}
	}
	return true
}

// where are the conditions of filter and scope over x.
func (st *statement) where(n *noun, q *Query) string {
	parts := []string{"true"}
	add := func(dim, typ string, v any) { parts = append(parts, "x."+dim+" = any("+st.arg(v, typ)+")") }
	f := &q.Filter
	if len(f.Queues) > 0 {
		add("queue", "text[]", f.Queues)
	}
	if len(f.Agents) > 0 {
		add("agent", "bigint[]", f.Agents)
	}
	if len(f.Channels) > 0 {
		add("channel", "text[]", f.Channels)
	}
	if len(f.Languages) > 0 {
		add("language", "text[]", f.Languages)
	}
	if len(f.Types) > 0 {
		add("type", "text[]", f.Types)
	}
	if len(f.Directions) > 0 {
		add("direction", "text[]", f.Directions)
	}
	switch {
	case f.Bot == BotPeople && n.has("bot"): // the others are people's anyhow
		parts = append(parts, "x.bot <> 'contained'")
	case f.Bot == BotOnly:
		parts = append(parts, "x.bot <> 'none'")
	}
	return strings.Join(append(parts, st.scope(n, &q.Scope)), " and ")
}

// scope is the condition of who asks.
func (st *statement) scope(n *noun, s *Scope) string {
	if s.All {
		return "true"
	}
	var parts []string
	if len(s.Queues) > 0 && n.has("queue") {
		parts = append(parts, "x.queue = any("+st.arg(s.Queues, "text[]")+")")
	}
	if len(s.Agents) > 0 {
		parts = append(parts, "x.agent = any("+st.arg(s.Agents, "bigint[]")+")")
	}
	if len(parts) == 0 {
		return "false"
	}
	return "(" + strings.Join(parts, " or ") + ")"
}

// total is the sums of a noun under one key, in the order of noun.sums.
type total struct {
	Key  string
	Sums []int64
}

// asking is the statement that answers a question for a noun: sums of whole hours that nothing touched, rows of
// all others. One statement sees one state of the database, so that no fact is missed or counted twice.
func (n *noun) asking(q *Query, by string) (string, []any) {
	at, st := q.span(), &statement{}
	lo, hi := st.arg(at.lo, "timestamptz"), st.arg(at.hi, "timestamptz")
	open := `select hour from report_touched where noun = ` + st.arg(n.name, "text") + ` and hour >= ` + lo + ` and hour < ` + hi
	if n.name == "state" {
		open += ` union select h from report_mark m, generate_series(greatest(m.until, ` + lo + `), ` + hi + ` - interval '1 hour', interval '1 hour') h where m.noun = 'state'`
	}
	sql := `with open as materialized (select distinct hour from (` + open + `) o)
		select key, array[` + each(n.sums, "sum(%s)::bigint") + `] from (
			select ` + st.key(q, by, "x.hour") + ` as key, ` + each(n.sums, "x.%s") + ` from ` + n.table + ` x
			where x.hour >= ` + lo + ` and x.hour < ` + hi + ` and not exists (select from open o where o.hour = x.hour) and ` + st.where(n, q) + `
			union all
			select ` + st.key(q, by, "x.at") + `, ` + each(n.sums, "x.%s") + `
			from (select hour as lo, hour + interval '1 hour' as hi from open union all select * from unnest(` + st.arg(at.edgeFrom, "timestamptz[]") + `, ` + st.arg(at.edgeTo, "timestamptz[]") + `)) s
				cross join lateral (` + n.spans() + `) x where ` + st.where(n, q) + `
		) y group by key limit ` + strconv.Itoa(maxKeys)
	return sql, st.args
}

func (s *Service) sums(ctx context.Context, n *noun, q *Query, by string) ([]total, error) {
	sql, args := n.asking(q, by)
	all, err := pg.Rows(ctx, s.db, pgx.RowToStructByPos[total], sql, args...)
	if err != nil {
		return nil, fmt.Errorf("report %s: %w", n.name, err)
	}
	return all, nil
}

// Explain runs a question's statements and tells how the database went about each.
func (s *Service) Explain(ctx context.Context, q Query) (string, error) {
	f, err := q.check(s)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	for _, n := range f.nouns(&q) {
		sql, args := n.asking(&q, q.By)
		lines, err := pg.Rows(ctx, s.db, pgx.RowTo[string], `explain (analyze, buffers, costs off) `+sql, args...)
		if err != nil {
			return "", fmt.Errorf("explain %s: %w", n.name, err)
		}
		fmt.Fprintf(&out, "-- %s\n%s\n", n.name, strings.Join(lines, "\n"))
	}
	return out.String(), nil
}
