package report

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"
)

// Units of columns.
const (
	UnitCount = "count"
	UnitShare = "share" // 0 to 1
	UnitTime  = "ms"
	UnitScore = "score" // 1 to 5
	UnitMood  = "mood"  // 0 calm to 1 angry
	UnitTrend = "trend" // -1 to 1, above 0: it got worse
)

// column is one figure: the sum of parts, or parts over of. Names are "noun.sum".
type column struct {
	name, unit string
	parts, of  []string
	scale      float64  // of the result; 1 when 0
	listed     []string // the facts behind it, where there is a list: those with more than none of this
}

func count(name string, parts ...string) column {
	return column{name: name, unit: UnitCount, parts: parts, listed: parts}
}

// amount counts what several of can belong to one fact: the list is of the facts.
func amount(name string, part string) column {
	return column{name: name, unit: UnitCount, parts: []string{part}}
}

func share(name string, parts, of []string) column {
	return column{name: name, unit: UnitShare, parts: parts, of: of, listed: parts}
}

func mean(name, unit string, scale float64, parts, of []string) column {
	return column{name: name, unit: unit, parts: parts, of: of, scale: scale, listed: of}
}

func words(text string) []string { return strings.Fields(text) }

// figures is one report.
type figures struct {
	by      []string // what it can be cut by; the first when nothing is said
	columns []column
}

var everyday = []string{ByTime, ByHour, ByWeekday}

func cut(more ...string) []string { return append(slices.Clone(everyday), more...) }

var csat = []column{
	count("rated", "conversation.rated", "call.rated", "ticket.rated"),
	mean("score", UnitScore, 0.001, words("conversation.rated_milli call.rated_milli ticket.rated_milli"), words("conversation.rated call.rated ticket.rated")),
	share("satisfied", words("conversation.rated_good call.rated_good ticket.rated_good"), words("conversation.rated call.rated ticket.rated")),
}

// reports are all that can be asked for.
var reports = map[string]*figures{
	"volume": {cut("channel", "queue", "agent", "language", "bot"), []column{
		count("contacts", "conversation.n", "call.n"),
		count("conversations", "conversation.n"),
		count("calls_in", "call.inbound"),
		count("calls_out", "call.outbound"),
		count("tickets", "ticket.n"),
		amount("messages_in", "conversation.messages_in"),
		amount("messages_bot", "conversation.messages_bot"),
		amount("messages_agent", "conversation.messages_agent"),
	}},
	"response": {cut("channel", "queue", "agent", "language", "bot"), []column{
		count("conversations", "conversation.n"),
		count("replied", "conversation.replied"),
		mean("first_reply", UnitTime, 1, words("conversation.reply_ms"), words("conversation.replied")),
		share("replied_1m", words("conversation.replied_1m"), words("conversation.replied")),
		count("human", "conversation.human"),
		mean("first_human", UnitTime, 1, words("conversation.human_ms"), words("conversation.human")),
		share("human_1m", words("conversation.human_1m"), words("conversation.human")),
		count("closed", "conversation.closed"),
		mean("duration", UnitTime, 1, words("conversation.closed_ms"), words("conversation.closed")),
		count("open", "conversation.open"),
	}},
	"service": {cut("queue", "channel", "agent", "language"), []column{
		count("entered", "work.n"),
		count("answered", "work.answered"),
		count("in_time", "work.in_time"),
		share("level", words("work.in_time"), words("work.level_of")),
		mean("wait", UnitTime, 1, words("work.wait_ms"), words("work.answered")),
		count("abandoned", "work.abandoned"),
		count("short", "work.short"),
		share("abandon_rate", words("work.abandoned"), words("work.answered work.abandoned")),
	}},
	"bot": {cut("channel", "language", "queue"), []column{
		count("contacts", "conversation.n", "call.n"),
		count("with_bot", "conversation.with_bot", "call.with_bot"),
		share("bot_share", words("conversation.with_bot call.with_bot"), words("conversation.n call.n")),
		count("contained", "conversation.contained", "call.contained"),
		share("containment", words("conversation.contained call.contained"), words("conversation.with_bot call.with_bot")),
		amount("messages_bot", "conversation.messages_bot"),
	}},
	"csat": {cut("channel", "queue", "agent", "language", "bot"), csat},
	"agents": {append([]string{"agent"}, everyday...), append([]column{
		count("handled", "work.answered"),
		mean("handle", UnitTime, 1, words("work.handle_ms"), words("work.done")),
		{name: "occupancy", unit: UnitShare, parts: words("state.talking state.ringing state.wrap_up"), of: words("state.talking state.ringing state.wrap_up state.available")},
		{name: "available", unit: UnitTime, parts: words("state.available")},
		{name: "ringing", unit: UnitTime, parts: words("state.ringing")},
		{name: "talking", unit: UnitTime, parts: words("state.talking")},
		{name: "wrap_up", unit: UnitTime, parts: words("state.wrap_up")},
		{name: "away", unit: UnitTime, parts: words("state.away")},
	}, csat...)},
	"tickets": {append([]string{"type", "state", "priority", "queue", "agent", "language"}, everyday...), []column{
		count("tickets", "ticket.n"),
		count("open", "ticket.open"),
		count("resolved", "ticket.resolved"),
		mean("resolution", UnitTime, 1, words("ticket.resolve_ms"), words("ticket.resolved")),
		count("reopened", "ticket.reopened"),
		count("complaints", "ticket.complaint"),
		share("first_kept", words("ticket.first_hit"), words("ticket.first_hit ticket.first_miss")),
		{name: "first_missed", unit: UnitCount, parts: words("ticket.first_miss"), listed: words("ticket.first_miss")},
		share("solve_kept", words("ticket.solve_hit"), words("ticket.solve_hit ticket.solve_miss")),
		{name: "solve_missed", unit: UnitCount, parts: words("ticket.solve_miss"), listed: words("ticket.solve_miss")},
	}},
	"mood": {append([]string{"queue", ByHour, "disposition", ByTime, ByWeekday}, "agent", "language"), []column{
		count("read", "call.read"),
		mean("mood", UnitMood, 1e-6, words("call.mood_micro"), words("call.read")),
		mean("trend", UnitTrend, 1e-6, words("call.trend_micro"), words("call.read")),
		count("angry", "call.angry"),
		share("angry_share", words("call.angry"), words("call.read")),
		count("alerted", "call.alerted"),
		amount("alerts", "call.alerts"),
	}},
}

// Names are all reports.
func Names() []string { return slices.Sorted(maps.Keys(reports)) }

// Column is one of a Table.
type Column struct {
	Name   string `json:"name"`
	Unit   string `json:"unit" enum:"count,share,ms,score,mood,trend"`
	Listed bool   `json:"listed" doc:"there is a list behind each number"`
}

// Row is the figures of one key. A figure that there is none of is null.
type Row struct {
	Key    string            `json:"key"`
	Label  string            `json:"label,omitempty" doc:"of a queue or an agent, or a question"`
	Labels map[string]string `json:"labels,omitempty" doc:"by language, of what has a name in each"`
	Values []*float64        `json:"values"`
	Before []*float64        `json:"before,omitempty" doc:"of the period before"`
}

// Table is a report.
type Table struct {
	Report  string     `json:"report"`
	By      string     `json:"by"`
	Since   time.Time  `json:"since"`
	Until   time.Time  `json:"until"`
	Zone    string     `json:"zone"`
	Columns []Column   `json:"columns"`
	Rows    []Row      `json:"rows"`
	Total   []*float64 `json:"total"`
	Before  []*float64 `json:"before,omitempty" doc:"the total of the period before"`
	More    bool       `json:"more,omitempty" doc:"there are more than 1000 rows; the total has all"`
}

// found are sums by "noun.sum".
type found map[string]int64

// value is a column of what was found; nil when a noun is missing, or when there is nothing to divide by.
func (c *column) value(f found) *float64 {
	add := func(names []string) (sum int64, some bool) {
		for _, name := range names {
			v, there := f[name]
			sum, some = sum+v, some || there
		}
		return sum, some
	}
	over, some := add(c.parts)
	if !some {
		return nil
	}
	v := float64(over)
	if c.of != nil {
		under, _ := add(c.of)
		if under == 0 {
			return nil
		}
		v /= float64(under)
	}
	if c.scale != 0 {
		v *= c.scale
	}
	return &v
}

// nouns that a report's columns are made of, of those that know the cut and the filter.
func (f *figures) nouns(q *Query) []*noun {
	var out []*noun
	for _, n := range nouns {
		used := slices.ContainsFunc(f.columns, func(c column) bool {
			return slices.ContainsFunc(slices.Concat(c.parts, c.of), func(p string) bool { return strings.HasPrefix(p, n.name+".") })
		})
		if used && n.cuts(q.By) && n.narrowed(&q.Filter) {
			out = append(out, n)
		}
	}
	return out
}

// Table answers a question.
func (s *Service) Table(ctx context.Context, q Query) (Table, error) {
	f, err := q.check(s)
	if err != nil {
		return Table{}, err
	}
	t := Table{Report: q.Report, By: q.By, Since: q.Since, Until: q.Until, Zone: q.Zone.String(), Rows: []Row{}}
	for _, c := range f.columns {
		t.Columns = append(t.Columns, Column{c.name, c.unit, len(c.listed) > 0})
	}
	rows, all, err := s.gather(ctx, f, &q)
	if err != nil {
		return Table{}, err
	}
	t.Rows, t.Total = rows, all
	if q.Compare {
		b := q.before()
		old, total, err := s.gather(ctx, f, &b)
		if err != nil {
			return Table{}, err
		}
		t.Before = total
		t.Rows = beside(t.Rows, old, q.By == ByDay || q.By == ByMoment)
	}
	if timeKeys[q.By] == "" {
		slices.SortStableFunc(t.Rows, func(a, b Row) int { return cmp.Compare(first(b.Values), first(a.Values)) })
	}
	if t.More = len(t.Rows) > maxRows; t.More {
		t.Rows = t.Rows[:maxRows]
	}
	return t, s.label(ctx, q.By, t.Rows)
}

func first(values []*float64) float64 {
	for _, v := range values {
		if v != nil {
			return *v
		}
	}
	return -1
}

// beside puts the rows of the period before next to those of this one: by their place when they are
// stretches of time, else by their key.
func beside(rows, old []Row, byPlace bool) []Row {
	if byPlace {
		for i := range rows {
			if i < len(old) {
				rows[i].Before = old[i].Values
			}
		}
		return rows
	}
	at := map[string]int{}
	for i, r := range rows {
		at[r.Key] = i
	}
	for _, o := range old {
		i, there := at[o.Key]
		if !there {
			i = len(rows)
			rows = append(rows, Row{Key: o.Key, Values: make([]*float64, len(o.Values))})
		}
		rows[i].Before = o.Values
	}
	return rows
}

// gather is the rows by key and the total.
func (s *Service) gather(ctx context.Context, f *figures, q *Query) ([]Row, []*float64, error) {
	switch q.Report {
	case Backlog:
		return s.backlog(ctx, q)
	case Questions:
		return s.questions(ctx, q)
	}
	byKey := map[string]found{}
	all := found{}
	used := f.nouns(q)
	for _, n := range used {
		totals, err := s.sums(ctx, n, q, q.By)
		if err != nil {
			return nil, nil, err
		}
		n.none(all)
		for _, t := range totals {
			at := byKey[t.Key]
			if at == nil {
				at = found{}
				byKey[t.Key] = at
			}
			for i, name := range n.sums {
				at[n.name+"."+name] += t.Sums[i]
				all[n.name+"."+name] += t.Sums[i]
			}
		}
	}
	for _, key := range q.keys() {
		if byKey[key] == nil {
			byKey[key] = found{}
		}
	}
	rows := make([]Row, 0, len(byKey))
	for _, key := range slices.Sorted(maps.Keys(byKey)) {
		for _, n := range used {
			n.none(byKey[key])
		}
		rows = append(rows, Row{Key: key, Values: f.values(byKey[key])})
	}
	return rows, f.values(all), nil
}

// none puts zeros where a noun has nothing, so that only what is not counted at all is null.
func (n *noun) none(f found) {
	for _, name := range n.sums {
		f[n.name+"."+name] += 0
	}
}

func (f *figures) values(of found) []*float64 {
	out := make([]*float64, len(f.columns))
	for i := range f.columns {
		out[i] = f.columns[i].value(of)
	}
	return out
}

// keys are the stretches of time that a table shows even when nothing was in them.
func (q *Query) keys() []string {
	var out []string
	switch q.By {
	case ByHour:
		for h := range 24 {
			out = append(out, time.Date(2026, 1, 1, h, 0, 0, 0, time.UTC).Format("15"))
		}
	case ByWeekday:
		return words("1 2 3 4 5 6 7")
	case ByDay:
		for t := q.Since.In(q.Zone); t.Before(q.Until); t = time.Date(t.Year(), t.Month(), t.Day()+1, 0, 0, 0, 0, q.Zone) {
			out = append(out, t.Format(time.DateOnly))
		}
	case ByMoment:
		for t := q.Since; t.Before(q.Until); t = t.Truncate(time.Hour).Add(time.Hour) {
			out = append(out, t.In(q.Zone).Format("2006-01-02 15"))
		}
	}
	return out
}
