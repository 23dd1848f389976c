package report

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
)

// Item is one fact behind a number.
type Item struct {
	Kind        string    `json:"kind" enum:"conversation,call,ticket"`
	ID          string    `json:"id" doc:"of the conversation, the call or the ticket"`
	At          time.Time `json:"at" doc:"when it began, or entered the queue"`
	Channel     string    `json:"channel"`
	Queue       string    `json:"queue,omitempty"`
	Agent       int64     `json:"agent,omitempty"`
	AgentName   string    `json:"agent_name,omitempty"`
	Language    string    `json:"language,omitempty"`
	ContactName string    `json:"contact_name,omitempty"`
	Number      string    `json:"number,omitempty" doc:"of the other side of a call"`
	Title       string    `json:"title,omitempty" doc:"of a ticket, or the beginning of the last message"`
	State       string    `json:"state,omitempty"`
}

// Items is a page of what is behind a number, the newest first.
type Items struct {
	Items []Item `json:"items"`
	Total int    `json:"total" doc:"all of them: the number itself"`
	Next  string `json:"next,omitempty" doc:"cursor of the next page; not there at the end"`
}

// ListQuery asks what is behind one number of a Table: the same question, a row's key (nil: of the total)
// and a column.
type ListQuery struct {
	Query
	Key    *string
	Column string
	Cursor string
	Limit  int // 1 to 200, 50 when zero
}

// ErrCursor says that a cursor is none of ours.
var ErrCursor = errors.New("no such page")

// Items lists what is behind a number.
func (s *Service) Items(ctx context.Context, q ListQuery) (Items, error) {
	f, err := q.check(s)
	if err != nil {
		return Items{}, err
	}
	i := slices.IndexFunc(f.columns, func(c column) bool { return c.name == q.Column })
	if i < 0 || len(f.columns[i].listed) == 0 {
		return Items{}, bad("column", "%s has no column %q with a list behind it", q.Report, q.Column)
	}
	limit := q.Limit
	if limit <= 0 {
		limit = 50
	}
	limit = min(limit, 200)
	st := &statement{}
	facts := st.facts(f, &q, f.columns[i].listed)
	if facts == "" { // nothing that the filter knows
		return Items{Items: []Item{}}, nil
	}
	out := Items{}
	if out.Total, err = pg.Row(ctx, s.db, pgx.RowTo[int], `select count(*)::int from (`+facts+`) f`, st.args...); err != nil {
		return Items{}, fmt.Errorf("count a report's list: %w", err)
	}
	after := ""
	if q.Cursor != "" {
		at, noun, id, err := readCursor(q.Cursor)
		if err != nil {
			return Items{}, err
		}
		after = ` where (f.at, f.noun, f.id) < (` + st.arg(at, "timestamptz") + `, ` + st.arg(noun, "text") + `, ` + st.arg(id, "text") + `)`
	}
	rows, err := pg.Rows(ctx, s.db, scanItem, `with page as (select * from (`+facts+`) f`+after+fmt.Sprintf(` order by f.at desc, f.noun desc, f.id desc limit %d)`, limit+1)+itemDetails, st.args...)
	if err != nil {
		return Items{}, fmt.Errorf("list of a report: %w", err)
	}
	if len(rows) > limit {
		rows = rows[:limit]
		last := &rows[limit-1]
		out.Next = base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d %s %s", last.At.UnixMicro(), last.noun, last.fact))
	}
	out.Items = make([]Item, len(rows))
	for i := range rows {
		out.Items[i] = rows[i].Item
	}
	return out, nil
}

// facts are the rows behind columns "noun.sum" that a question asks for, of all nouns.
func (st *statement) facts(f *figures, q *ListQuery, listed []string) string {
	var parts []string
	for _, n := range f.nouns(&q.Query) {
		var some []string
		for _, name := range listed {
			if of, sum, _ := strings.Cut(name, "."); of == n.name {
				some = append(some, "x."+sum+" > 0")
			}
		}
		if len(some) == 0 || !n.listed {
			continue
		}
		key := ""
		if q.Key != nil {
			key = ` and ` + st.key(&q.Query, q.By, "x.at") + ` = ` + st.arg(*q.Key, "text")
		}
		parts = append(parts, `select '`+n.name+`' as noun, x.id, x.at, x.channel, x.queue, x.agent, x.language from (select `+st.arg(q.Since, "timestamptz")+` as lo, `+st.arg(q.Until, "timestamptz")+` as hi) s
			cross join lateral (`+n.facts+`) x where (`+strings.Join(some, " or ")+`) and `+st.where(n, &q.Query)+key)
	}
	return strings.Join(parts, " union all ")
}

// itemDetails adds to a page what people know a fact by. Work is shown as what it is about.
const itemDetails = `, of as (
		select p.*, case when p.noun <> 'work' then p.noun when p.id like 'chat:%' then 'conversation' when p.id like 'ticket:%' then 'ticket' else 'call' end as kind,
			case when p.noun = 'work' and (p.id like 'chat:%' or p.id like 'ticket:%') then split_part(p.id, ':', 2) else p.id end as ref from page p)
	select o.noun, o.id, o.kind, o.ref, o.at, o.channel, o.queue, o.agent, coalesce(nullif(u.name, ''), u.username, ''), o.language,
		coalesce(case o.kind when 'conversation' then c.name when 'call' then nullif(k.from_name, '') end, ''),
		coalesce(case when k.direction = 'out' then k.to_number else k.from_number end, ''), coalesce(t.subject, c.last_text, ''), coalesce(t.state, c.state, k.state, '')
	from of o left join users u on u.id = o.agent
		left join conversations c on o.kind = 'conversation' and c.id = case when o.ref ~ '^[0-9]{1,18}$' then o.ref::bigint end
		left join tickets t on o.kind = 'ticket' and t.id = case when o.ref ~ '^[0-9]{1,18}$' then o.ref::bigint end
		left join calls k on o.kind = 'call' and k.id = case when o.ref ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then o.ref::uuid end
	order by o.at desc, o.noun desc, o.id desc`

// itemRow is an Item with its place in the list.
type itemRow struct {
	Item
	noun, fact string
}

func scanItem(row pgx.CollectableRow) (itemRow, error) {
	var i itemRow
	err := row.Scan(&i.noun, &i.fact, &i.Kind, &i.ID, &i.At, &i.Channel, &i.Queue, &i.Agent, &i.AgentName, &i.Language, &i.ContactName, &i.Number, &i.Title, &i.State)
	i.At = i.At.UTC()
	return i, err
}

func readCursor(cursor string) (at time.Time, noun, id string, err error) {
	raw, err := base64.RawURLEncoding.DecodeString(cursor[:min(len(cursor), 300)])
	var us int64
	if err != nil {
		return at, "", "", ErrCursor
	}
	if n, err := fmt.Sscanf(string(raw), "%d %s %s", &us, &noun, &id); n != 3 || err != nil || us < 0 || us > 253402300799999999 {
		return at, "", "", ErrCursor
	}
	return time.UnixMicro(us).UTC(), noun, id, nil
}
