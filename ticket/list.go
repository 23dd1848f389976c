package ticket

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

	"tingxin/pg"
	"tingxin/team"
)

// ErrCursor says that a cursor was not made by List.
var ErrCursor = errors.New("the cursor is not one that this server gave out")

// Query chooses tickets for a list, the latest changed first. What is not given does not matter.
type Query struct {
	States     []State
	Types      []string
	Priorities []string
	Queue      string
	Assignee   int64 // -1: nobody's
	Contact    int64
	Tag        string
	Complaint  *bool
	Follower   int64
	Late       bool      // a promise is broken and still open
	Since      time.Time // created at or after
	Until      time.Time // created before
	Text       string    // words of number, subject and body; all of them
	Fixed      bool      // the latest made first: an order in which no ticket moves while pages are read
	Cursor     string
	Limit      int // 1 to 200
}

// Row is a ticket in a list.
type Row struct {
	Ticket
	NextDue     time.Time `json:"next_due,omitzero"` // of the running clock that is due first
	NextKind    ClockKind `json:"next_kind,omitempty"`
	NextSpent   float64   `json:"next_spent,omitempty"` // share of its target, 1 at the due moment
	ContactName string    `json:"contact_name,omitempty"`
}

// Page is a piece of a list; Next is the cursor of what follows, empty at the end.
type Page struct {
	Items []Row
	Next  string
}

// List reads a page of tickets.
func (s *Service) List(ctx context.Context, q Query) (Page, error) {
	where, args, err := q.where(ctx)
	if err != nil {
		return Page{}, err
	}
	limit := min(max(q.Limit, 1), 200)
	order, outer := "updated_at desc, id desc", "t.updated_at desc, t.id desc"
	if q.Fixed {
		order, outer = "id desc", "t.id desc"
	}
	sql := `select t.*, c.due_at, coalesce(c.kind, ''), coalesce(c.spent, 0), coalesce((select r.name from contacts k join contacts r on r.id = k.root where k.id = t.contact), '')
		from (select ` + strings.Replace(ticketColumns, "coalesce(contact_id, 0)", "coalesce(contact_id, 0) as contact", 1) + ` from tickets x` + where + ` order by ` + order + ` limit ` + fmt.Sprint(limit+1) + `) t
		left join lateral (select due_at, kind, case when due_at > started_at then extract(epoch from now() - started_at) / extract(epoch from due_at - started_at) else 1 end as spent
			from sla_clocks where ticket_id = t.id and stopped_at is null and due_at is not null order by due_at limit 1) c on true
		order by ` + outer
	rows, err := pg.Rows(ctx, s.db, scanRow, sql, args...)
	if err != nil {
		return Page{}, failed("list", 0, err)
	}
	p := Page{Items: rows}
	if len(rows) > limit {
		p.Items = rows[:limit]
		p.Next = cursorOf(&p.Items[limit-1].Ticket)
	}
	return p, nil
}

func (q *Query) where(ctx context.Context) (string, []any, error) {
	var parts []string
	var args []any
	add := func(cond string, v any) {
		args = append(args, v)
		parts = append(parts, strings.ReplaceAll(cond, "?", fmt.Sprintf("$%d", len(args))))
	}
	if sql := team.Condition(ctx, team.Tickets, "x", bind(&args)); sql != "" {
		parts = append(parts, sql)
	}
	for _, st := range q.States {
		if !slices.Contains(States, st) {
			return "", nil, invalid("state", "%.20q is none of %v", st, States)
		}
	}
	if len(q.States) > 0 {
		add("state = any(?)", q.States)
	}
	if len(q.Types) > 0 {
		add("type = any(?)", q.Types)
	}
	for _, p := range q.Priorities {
		if _, err := priorityOf(p); err != nil {
			return "", nil, invalid("priority", "%v", err)
		}
	}
	if len(q.Priorities) > 0 {
		add("priority = any(?)", q.Priorities)
	}
	if q.Queue != "" {
		add("queue_id = ?", q.Queue)
	}
	switch {
	case q.Assignee < 0:
		parts = append(parts, "assignee is null")
	case q.Assignee > 0:
		add("assignee = ?", q.Assignee)
	}
	if q.Contact != 0 {
		add("contact_id in (select id from contacts where root = (select root from contacts where id = ?))", q.Contact)
	}
	if q.Tag != "" {
		add("tags @> ?", []string{strings.ToLower(q.Tag)})
	}
	if q.Complaint != nil {
		add("complaint = ?", *q.Complaint)
	}
	if q.Follower != 0 {
		add("exists (select from ticket_followers f where f.ticket_id = x.id and f.user_id = ?)", q.Follower)
	}
	if q.Late {
		parts = append(parts, "exists (select from sla_clocks c where c.ticket_id = x.id and c.stopped_at is null and c.due_at < now())")
	}
	if !q.Since.IsZero() {
		add("created_at >= ?", q.Since)
	}
	if !q.Until.IsZero() {
		add("created_at < ?", q.Until)
	}
	if strings.TrimSpace(q.Text) != "" {
		words := searchWords(q.Text)
		if len(words) == 0 || len(words) > 100 {
			return "", nil, invalid("text", "has no words, or more than 100")
		}
		add("words @> ?", words)
	}
	if q.Cursor != "" {
		at, id, err := parseCursor(q.Cursor)
		if err != nil {
			return "", nil, err
		}
		if q.Fixed {
			add("id < ?", id)
		} else {
			args = append(args, at, id)
			parts = append(parts, fmt.Sprintf("(updated_at, id) < ($%d, $%d)", len(args)-1, len(args)))
		}
	}
	if len(parts) == 0 {
		return "", nil, nil
	}
	return " where " + strings.Join(parts, " and "), args, nil
}

// bind takes parameters into args and tells their places.
func bind(args *[]any) func(any) string {
	return func(v any) string { *args = append(*args, v); return fmt.Sprintf("$%d", len(*args)) }
}

func scanRow(row pgx.CollectableRow) (Row, error) {
	var r Row
	t := &r.Ticket
	var priority string
	var hold, resolved, closed, due *time.Time
	err := row.Scan(&t.ID, &t.Type, &t.Subject, &t.Body, &t.State, &priority, &t.Language, &t.Complaint, &t.Fields, &t.Tags, &t.Contact, &t.Queue, &t.Assignee,
		&t.Parent, &t.MergedTo, &t.Source, &t.SourceRef, &hold, &t.Reopened, &t.Version, &t.CreatedBy, &t.CreatedAt, &t.UpdatedAt, &t.StateAt, &resolved, &closed,
		&due, &r.NextKind, &r.NextSpent, &r.ContactName)
	if err != nil {
		return r, err
	}
	t.HoldUntil, t.Resolved, t.ClosedAt, r.NextDue = pg.Moment(hold), pg.Moment(resolved), pg.Moment(closed), pg.Moment(due)
	t.CreatedAt, t.UpdatedAt, t.StateAt = t.CreatedAt.UTC(), t.UpdatedAt.UTC(), t.StateAt.UTC()
	return r, t.Priority.UnmarshalText([]byte(priority))
}

// cursorVersion is the first byte; another order of pages gets another one.
const cursorVersion = 1

func cursorOf(t *Ticket) string {
	b := []byte{cursorVersion}
	b = binary.BigEndian.AppendUint64(b, uint64(t.UpdatedAt.UnixMicro()))
	return base64.RawURLEncoding.EncodeToString(binary.BigEndian.AppendUint64(b, uint64(t.ID)))
}

func parseCursor(text string) (time.Time, int64, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(b) != 17 || b[0] != cursorVersion {
		return time.Time{}, 0, ErrCursor
	}
	micros, id := int64(binary.BigEndian.Uint64(b[1:])), int64(binary.BigEndian.Uint64(b[9:]))
	at := time.UnixMicro(micros).UTC()
	if at.Year() < 1970 || at.Year() > 9999 {
		return time.Time{}, 0, ErrCursor
	}
	return at, id, nil
}

// Counts are how many tickets stand in each state, for one assignee (0: all, -1: nobody's).
func (s *Service) Counts(ctx context.Context, assignee int64) (map[State]int, error) {
	type count struct {
		State State
		N     int
	}
	args := []any{assignee}
	where := `x.state <> 'closed' and ($1::bigint = 0 or ($1 = -1 and x.assignee is null) or x.assignee = $1)`
	if sql := team.Condition(ctx, team.Tickets, "x", bind(&args)); sql != "" {
		where += " and " + sql
	}
	rows, err := pg.Rows(ctx, s.db, pgx.RowToStructByPos[count], `select x.state, count(*)::int from tickets x where `+where+` group by x.state`, args...)
	out := make(map[State]int, len(rows))
	for _, r := range rows {
		out[r.State] = r.N
	}
	return out, failed("count", 0, err)
}
