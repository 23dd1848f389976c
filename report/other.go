package report

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
)

// Backlog and Questions are reports that are not made of sums by the hour.
const (
	Backlog   = "backlog"
	Questions = "questions"
)

func init() {
	reports[Backlog] = &figures{by: []string{ByTime}, columns: []column{
		{name: "opened", unit: UnitCount}, {name: "closed", unit: UnitCount}, {name: "backlog", unit: UnitCount},
		{name: "tickets_opened", unit: UnitCount}, {name: "tickets_resolved", unit: UnitCount}, {name: "tickets_backlog", unit: UnitCount}}}
	reports[Questions] = &figures{by: []string{"question"}, columns: []column{
		{name: "asked", unit: UnitCount}, {name: "solved", unit: UnitShare}, {name: "handed", unit: UnitShare}}}
}

// step is what changed in a stretch of time; the key ” is of the time before.
type step struct {
	Key            string
	Opened, Closed int64
}

// backlog is how many stood open at the end of each day or hour: all that came until then less all that was
// closed until then. What was opened again counts as never closed.
func (s *Service) backlog(ctx context.Context, q *Query) (rows []Row, total []*float64, err error) {
	keys := q.keys()
	rows = make([]Row, len(keys))
	for i, key := range keys {
		rows[i] = Row{Key: key, Values: make([]*float64, 6)}
	}
	total = make([]*float64, 6)
	for i, of := range []struct {
		noun *noun
		from string
	}{
		{nounOf("conversation"), `select c.created_at as began, case when c.state = 'closed' then c.closed_at end as ended, c.channel, c.queue, coalesce(c.assignee, 0) as agent, c.language from conversations c where c.merged_into is null`},
		{nounOf("ticket"), `select t.created_at as began, t.resolved_at as ended, 'ticket' as channel, coalesce(t.queue_id, '') as queue, coalesce(t.assignee, 0) as agent, t.language, t.type from tickets t where t.merged_into is null`},
	} {
		plain := *of.noun
		plain.dims = slices.DeleteFunc(slices.Clone(plain.dims), func(dim string) bool { return dim == "bot" })
		if !plain.narrowed(&q.Filter) || q.Filter.Bot == BotPeople && of.noun.has("bot") { // nobody knows here what the bot did alone
			continue
		}
		st := &statement{}
		since, until := st.arg(q.Since, "timestamptz"), st.arg(q.Until, "timestamptz")
		key := func(at string) string {
			return `case when ` + at + ` < ` + since + ` then '' else ` + st.key(q, q.By, at) + ` end`
		}
		steps, err := pg.Rows(ctx, s.db, pgx.RowToStructByPos[step], `with x as (select * from (`+of.from+`) x where x.began < `+until+` and `+st.where(&plain, q)+`)
			select key, sum(opened)::bigint, sum(closed)::bigint from (
				select `+key("x.began")+` as key, count(*) as opened, 0 as closed from x group by 1
				union all select `+key("x.ended")+`, 0, count(*) from x where x.ended < `+until+` group by 1) y group by key`, st.args...)
		if err != nil {
			return nil, nil, fmt.Errorf("report on the backlog: %w", err)
		}
		byKey := map[string]step{}
		for _, one := range steps {
			byKey[one.Key] = one
		}
		left := byKey[""].Opened - byKey[""].Closed
		var opened, closed int64
		for at, k := range keys {
			one := byKey[k]
			left += one.Opened - one.Closed
			opened, closed = opened+one.Opened, closed+one.Closed
			put(rows[at].Values[3*i:], one.Opened, one.Closed, left)
		}
		put(total[3*i:], opened, closed, left)
	}
	return rows, total, nil
}

func put(into []*float64, values ...int64) {
	for i, v := range values {
		f := float64(v)
		into[i] = &f
	}
}

// questions are the clusters of what was asked and not answered well, the most frequent first.
func (s *Service) questions(ctx context.Context, q *Query) (rows []Row, total []*float64, err error) {
	f := &q.Filter
	total = make([]*float64, 3)
	if !q.Scope.All || len(f.Queues)+len(f.Agents)+len(f.Channels)+len(f.Types)+len(f.Directions) > 0 || f.Bot != BotAll {
		return []Row{}, total, nil // they are nobody's and of no queue
	}
	langs := f.Languages
	if len(langs) == 0 {
		langs = []string{"zh", "en"}
	}
	type line struct {
		ID                    int64
		Label                 string
		Asked, Solved, Handed int64
	}
	lines, err := pg.Rows(ctx, s.db, pgx.RowToStructByPos[line], `select c.id, c.label, count(*), count(*) filter (where q.solved), count(*) filter (where q.handed)
		from assist_questions q join assist_clusters c on c.id = q.cluster_id where q.lang = any($1::text[]) and q.at >= $2 and q.at < $3 and c.state <> 'gone'
		group by c.id, c.label order by 3 desc, c.id limit $4`, langs, q.Since, q.Until, maxKeys)
	if err != nil {
		return nil, nil, fmt.Errorf("report on questions: %w", err)
	}
	var all line
	rows = make([]Row, 0, len(lines))
	values := func(l *line) []*float64 {
		asked, solved, handed := float64(l.Asked), float64(l.Solved), float64(l.Handed)
		if l.Asked == 0 {
			return []*float64{&asked, nil, nil}
		}
		solved, handed = solved/asked, handed/asked
		return []*float64{&asked, &solved, &handed}
	}
	for i := range lines {
		l := &lines[i]
		all.Asked, all.Solved, all.Handed = all.Asked+l.Asked, all.Solved+l.Solved, all.Handed+l.Handed
		rows = append(rows, Row{Key: strconv.FormatInt(l.ID, 10), Label: l.Label, Values: values(l)})
	}
	return rows, values(&all), nil
}

// label names the keys that have names.
func (s *Service) label(ctx context.Context, by string, rows []Row) error {
	sql := map[string]string{
		"queue":       `select id, name, '', '' from queues where id = any($1)`,
		"agent":       `select id::text, coalesce(nullif(name, ''), username), '', '' from users where id::text = any($1)`,
		"type":        `select name, '', label_zh, label_en from ticket_types where name = any($1)`,
		"disposition": `select code, '', name_zh, name_en from dispositions where code = any($1)`,
	}[by]
	if sql == "" || len(rows) == 0 {
		return nil
	}
	type named struct{ Key, Name, ZH, EN string }
	keys := make([]string, len(rows))
	for i := range rows {
		keys[i] = rows[i].Key
	}
	all, err := pg.Rows(ctx, s.db, pgx.RowToStructByPos[named], sql, keys)
	if err != nil {
		return fmt.Errorf("names of a report's rows: %w", err)
	}
	byKey := map[string]named{}
	for _, n := range all {
		byKey[n.Key] = n
	}
	for i := range rows {
		n, there := byKey[rows[i].Key]
		if rows[i].Label = n.Name; there && n.Name == "" && n.ZH != "" {
			rows[i].Labels = map[string]string{"zh": n.ZH, "en": n.EN}
		}
	}
	return nil
}
