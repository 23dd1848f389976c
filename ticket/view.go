package ticket

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
)

// ViewFilter is a Query as people keep it: whose it is follows from who looks.
type ViewFilter struct {
	States     []State  `json:"states,omitempty" maxItems:"7"`
	Types      []string `json:"types,omitempty" maxItems:"50"`
	Priorities []string `json:"priorities,omitempty" maxItems:"4"`
	Queue      string   `json:"queue,omitempty" maxLength:"64"`
	Assignee   string   `json:"assignee,omitempty" maxLength:"20" doc:"id of a user, me or nobody"`
	Tag        string   `json:"tag,omitempty" maxLength:"40"`
	Complaint  *bool    `json:"complaint,omitempty"`
	Followed   bool     `json:"followed,omitempty"`
	Late       bool     `json:"late,omitempty"`
	Text       string   `json:"q,omitempty" maxLength:"200"`
}

// Query is the filter for one who looks.
func (f *ViewFilter) Query(me int64) (Query, error) {
	q := Query{States: f.States, Types: f.Types, Priorities: f.Priorities, Queue: f.Queue, Tag: f.Tag, Complaint: f.Complaint, Late: f.Late, Text: f.Text}
	switch f.Assignee {
	case "":
	case "me":
		q.Assignee = me
	case "nobody":
		q.Assignee = -1
	default:
		n, err := strconv.ParseInt(f.Assignee, 10, 64)
		if err != nil || n < 1 {
			return q, invalid("assignee", "is the id of a user, me or nobody")
		}
		q.Assignee = n
	}
	if f.Followed {
		q.Follower = me
	}
	return q, nil
}

// View is a kept filter. Count is of the tickets in it now, at most CountLimit.
type View struct {
	ID     int64
	Name   string
	Shared bool
	Filter ViewFilter
	Count  int
}

// CountLimit is where counting of a view stops; maxViews bounds those of a user and those of everybody.
const (
	CountLimit = 1000
	maxViews   = 50
)

func scanView(row pgx.CollectableRow) (View, error) {
	var v View
	var doc json.RawMessage
	if err := row.Scan(&v.ID, &v.Shared, &v.Name, &doc); err != nil {
		return v, err
	}
	return v, json.Unmarshal(doc, &v.Filter)
}

// Views are a user's views and everybody's, counted.
func (s *Service) Views(ctx context.Context, user int64) ([]View, error) {
	all, err := pg.Rows(ctx, s.db, scanView, `select id, user_id is null, name, filter from ticket_views where user_id = $1 or user_id is null order by user_id is null desc, name, id`, user)
	if err != nil {
		return nil, failed("read the views of", 0, err)
	}
	for i := range all {
		if all[i].Count, err = s.count(ctx, &all[i].Filter, user); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (s *Service) count(ctx context.Context, f *ViewFilter, user int64) (int, error) {
	q, err := f.Query(user)
	if err != nil {
		return 0, err
	}
	where, args, err := q.where(ctx)
	if err != nil {
		return 0, err
	}
	n, err := pg.Row(ctx, s.db, pgx.RowTo[int], `select count(*)::int from (select 1 from tickets x`+where+` limit `+strconv.Itoa(CountLimit)+`) y`, args...)
	return n, failed("count", 0, err)
}

// AddView keeps a filter.
func (s *Service) AddView(ctx context.Context, user int64, v View) (View, error) {
	v.Name = strings.TrimSpace(v.Name)
	if v.Name == "" {
		return v, invalid("name", "it needs a name")
	}
	var err error
	if v.Count, err = s.count(ctx, &v.Filter, user); err != nil { // and so it is a filter
		return v, err
	}
	doc, err := json.Marshal(v.Filter)
	if err != nil {
		return v, err
	}
	n, err := pg.Row(ctx, s.db, pgx.RowTo[int], `select count(*)::int from ticket_views where user_id is not distinct from case when $2 then null else $1::bigint end`, user, v.Shared)
	if err != nil {
		return v, failed("keep a view of", 0, err)
	}
	if n >= maxViews {
		return v, invalid("name", "there are %d views already", n)
	}
	v.ID, err = pg.Row(ctx, s.db, pgx.RowTo[int64], `insert into ticket_views (user_id, name, filter) values (case when $2 then null else $1::bigint end, $3, $4) returning id`, user, v.Shared, v.Name, doc)
	return v, failed("keep a view of", 0, err)
}

// DropView takes a view away; shared allows everybody's.
func (s *Service) DropView(ctx context.Context, user, id int64, shared bool) error {
	n, err := s.db.Exec(ctx, `delete from ticket_views where id = $2 and (user_id = $1 or $3 and user_id is null)`, user, id, shared)
	if err == nil && n == 0 {
		err = pg.ErrNotFound
	}
	return err
}
