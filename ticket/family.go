package ticket

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
)

// noOpenChildren refuses while a child is worked on.
func noOpenChildren(ctx context.Context, tx pgx.Tx, id ID) error {
	open, err := pg.TxRows(ctx, tx, pgx.RowTo[ID], `select id from tickets where parent_id = $1 and state not in ('resolved', 'closed') order by id limit 10`, id)
	if err != nil {
		return err
	}
	if len(open) > 0 {
		return fmt.Errorf("%w: %v", ErrChildren, open)
	}
	return nil
}

// Link is a tie between two tickets.
type Link struct {
	Ticket ID        `json:"ticket"` // the other one
	Kind   string    `json:"kind"`   // related, duplicate, follow_up, split, child, parent or merged
	State  State     `json:"state"`
	Title  string    `json:"subject"`
	By     string    `json:"by,omitempty"`
	At     time.Time `json:"at,omitzero"`
}

// LinkKinds are the ties that people make.
var LinkKinds = []string{"related", "duplicate", "follow_up", "split"}

// Links are all ties of a ticket: links, children, parent and what was merged into it.
func (s *Service) Links(ctx context.Context, id ID) ([]Link, error) {
	all, err := pg.Rows(ctx, s.db, pgx.RowToStructByPos[Link], `
		select t.id, l.kind, t.state, t.subject, l.by, l.at from ticket_links l join tickets t on t.id = case when l.a = $1 then l.b else l.a end where $1 in (l.a, l.b)
		union all select id, 'child', state, subject, created_by, created_at from tickets where parent_id = $1
		union all select p.id, 'parent', p.state, p.subject, '', c.created_at from tickets c join tickets p on p.id = c.parent_id where c.id = $1
		union all select id, 'merged', state, subject, '', state_at from tickets where merged_into = $1
		order by 6, 1 limit 500`, id)
	return all, failed("read the links of", id, err)
}

// Link ties two tickets together.
func (s *Service) Link(ctx context.Context, a, b ID, kind string, by Actor) error {
	if a == b {
		return invalid("ticket", "a ticket has no tie to itself")
	}
	if !slices.Contains(LinkKinds, kind) {
		return invalid("kind", "%.20q is none of %v", kind, LinkKinds)
	}
	return s.both(ctx, "link", a, b, func(tx pgx.Tx, x, y *Ticket) error {
		var n int
		if err := tx.QueryRow(ctx, `select count(*) from ticket_links where $1 in (a, b)`, a).Scan(&n); err != nil {
			return err
		}
		if n >= maxLinks {
			return invalid("ticket", "a ticket has at most %d links", maxLinks)
		}
		if err := s.tie(ctx, tx, a, b, kind, by); err != nil {
			return err
		}
		return s.trailBoth(ctx, tx, x, y, by, "linked", kind)
	})
}

func (s *Service) tie(ctx context.Context, tx pgx.Tx, a, b ID, kind string, by Actor) error {
	_, err := tx.Exec(ctx, `insert into ticket_links (a, b, kind, by, at) values (least($1::bigint, $2), greatest($1::bigint, $2), $3, $4, $5)
		on conflict (a, b) do update set kind = $3, by = $4, at = $5`, a, b, kind, by.Name, s.now())
	return pg.Map(err)
}

// Unlink takes a tie away.
func (s *Service) Unlink(ctx context.Context, a, b ID, by Actor) error {
	return s.both(ctx, "unlink", a, b, func(tx pgx.Tx, x, y *Ticket) error {
		tag, err := tx.Exec(ctx, `delete from ticket_links where a = least($1::bigint, $2) and b = greatest($1::bigint, $2)`, a, b)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return pg.ErrNotFound
		}
		return s.trailBoth(ctx, tx, x, y, by, "unlinked", "")
	})
}

// both locks two tickets, the smaller number first.
func (s *Service) both(ctx context.Context, verb string, a, b ID, f func(tx pgx.Tx, x, y *Ticket) error) error {
	err := s.db.Tx(ctx, func(tx pgx.Tx) error {
		x, err := lock(ctx, tx, min(a, b))
		if err != nil {
			return err
		}
		y, err := lock(ctx, tx, max(a, b))
		if err != nil {
			return err
		}
		if a < b {
			return f(tx, &x, &y)
		}
		return f(tx, &y, &x)
	})
	return failed(verb, a, err)
}

func (s *Service) trailBoth(ctx context.Context, tx pgx.Tx, x, y *Ticket, by Actor, kind, link string) error {
	now := s.now()
	if err := trailOf(ctx, tx, x.ID, now, by, kind, map[string]any{"ticket": y.ID, "kind": link}); err != nil {
		return err
	}
	return trailOf(ctx, tx, y.ID, now, by, kind, map[string]any{"ticket": x.ID, "kind": link})
}

// Merge closes one ticket into another, which gets its public comments to read by the link. Nothing
// is moved, so Unmerge is exact. Clocks of the merged one are cancelled.
func (s *Service) Merge(ctx context.Context, id, into ID, by Actor) (Ticket, error) {
	if id == into {
		return Ticket{}, invalid("into", "a ticket is not merged into itself")
	}
	hours, err := s.calendars(ctx)
	if err != nil {
		return Ticket{}, err
	}
	var kept, merged Ticket
	err = s.both(ctx, "merge", id, into, func(tx pgx.Tx, t, to *Ticket) error {
		switch {
		case t.MergedTo != 0:
			return fmt.Errorf("%w: %d", ErrMerged, t.MergedTo)
		case to.MergedTo != 0:
			return fmt.Errorf("%w: %d", ErrMerged, to.MergedTo)
		case t.State == Closed || to.State == Closed:
			return ErrClosed
		}
		if err := noOpenChildren(ctx, tx, id); err != nil {
			return err
		}
		before := *t
		was := map[string]any{"state": before.State, "assignee": before.Assignee, "hold_until": before.HoldUntil, "into": into}
		t.State, t.MergedTo, t.HoldUntil, t.Assignee = Closed, into, time.Time{}, 0
		if err := s.write(ctx, tx, hours, &before, t, by, "merged", was); err != nil {
			return err
		}
		old := *to
		if to.Complaint = to.Complaint || t.Complaint; t.Priority > to.Priority {
			to.Priority = t.Priority
		}
		merged, kept = *t, *to
		err := s.write(ctx, tx, hours, &old, to, by, "merged", map[string]any{"from": id, "complaint": old.Complaint, "priority": old.Priority})
		kept = *to
		return err
	})
	if err != nil {
		return kept, err
	}
	s.publish(EventChanged, merged.notice(by))
	s.publish(EventChanged, kept.notice(by))
	return kept, nil
}

// Unmerge takes a merge back: the ticket stands again as it stood, with new clocks for what is still open.
func (s *Service) Unmerge(ctx context.Context, id ID, by Actor) (Ticket, error) {
	hours, err := s.calendars(ctx)
	if err != nil {
		return Ticket{}, err
	}
	var t Ticket
	err = s.db.Tx(ctx, func(tx pgx.Tx) error {
		if t, err = lock(ctx, tx, id); err != nil {
			return err
		}
		if t.MergedTo == 0 {
			return fmt.Errorf("%w: ticket %d is not merged", ErrMove, id)
		}
		doc, err := pg.TxRow(ctx, tx, pgx.RowTo[json.RawMessage], `select detail from ticket_trail where ticket_id = $1 and kind = 'merged' and detail ? 'into' order by id desc limit 1`, id)
		if err != nil {
			return err
		}
		var was struct {
			State     State     `json:"state"`
			Assignee  int64     `json:"assignee"`
			HoldUntil time.Time `json:"hold_until"`
		}
		if err := json.Unmarshal(doc, &was); err != nil {
			return err
		}
		before := t
		into := t.MergedTo
		t.State, t.Assignee, t.HoldUntil, t.MergedTo = was.State, was.Assignee, was.HoldUntil, 0
		t.ClosedAt = time.Time{}
		if t.State != Resolved {
			t.Resolved = time.Time{}
		}
		if t.State == OnHold && !t.HoldUntil.After(s.now()) {
			t.State, t.HoldUntil = Open, time.Time{}
		}
		before.State = t.State // back to what it was: no move that counts as one
		if err := s.write(ctx, tx, hours, &before, &t, by, "unmerged", map[string]any{"from": into}); err != nil {
			return err
		}
		c, err := loadClocks(ctx, tx, &t, hours)
		if err != nil {
			return err
		}
		if !t.State.Over() {
			c.start(Resolution, t.UpdatedAt, time.Time{})
			c.start(Update, t.UpdatedAt, time.Time{})
		}
		if err := c.save(ctx, tx); err != nil {
			return err
		}
		return trailOf(ctx, tx, into, t.UpdatedAt, by, "unmerged", map[string]any{"ticket": id})
	})
	if err != nil {
		return t, failed("unmerge", id, err)
	}
	s.publish(EventChanged, t.notice(by))
	return t, nil
}

// Split makes a ticket of its own out of a part of another one.
func (s *Service) Split(ctx context.Context, id ID, d Draft, by Actor) (Ticket, error) {
	was, err := s.Get(ctx, id)
	if err != nil {
		return was, err
	}
	d.Contact, d.Language = was.Contact, was.Language
	d.Source, d.SourceRef = "agent", fmt.Sprintf("ticket:%d", id)
	t, err := s.Create(ctx, d, by)
	if err != nil {
		return t, err
	}
	return t, s.Link(ctx, t.ID, id, "split", by)
}

// Follow lets a user follow a ticket or not any more.
func (s *Service) Follow(ctx context.Context, id ID, user int64, follow bool) error {
	sql := `insert into ticket_followers (ticket_id, user_id) values ($1, $2) on conflict do nothing`
	if !follow {
		sql = `delete from ticket_followers where ticket_id = $1 and user_id = $2`
	}
	_, err := s.db.Exec(ctx, sql, id, user)
	return failed("follow", id, err)
}

// FollowFor says what a follower is told of: "all", "public" (what the customer sees too) or "private".
func (s *Service) FollowFor(ctx context.Context, id ID, user int64, what string) error {
	_, err := s.db.Exec(ctx, `insert into ticket_followers (ticket_id, user_id, told) values ($1, $2, $3) on conflict (ticket_id, user_id) do update set told = excluded.told`, id, user, what)
	return failed("follow", id, err)
}

// Told is what a follower is told of; "" for who does not follow the ticket.
func (s *Service) Told(ctx context.Context, id ID, user int64) (string, error) {
	what, err := pg.Row(ctx, s.db, pgx.RowTo[string], `select told from ticket_followers where ticket_id = $1 and user_id = $2`, id, user)
	if errors.Is(err, pg.ErrNotFound) {
		return "", nil
	}
	return what, failed("read a follower of", id, err)
}

// Followers are the users who follow a ticket.
func (s *Service) Followers(ctx context.Context, id ID) ([]int64, error) {
	all, err := pg.Rows(ctx, s.db, pgx.RowTo[int64], `select user_id from ticket_followers where ticket_id = $1 order by user_id`, id)
	return all, failed("read the followers of", id, err)
}

// Task is one thing to do for a ticket.
type Task struct {
	ID       int64     `json:"id"`
	Title    string    `json:"title"`
	Assignee int64     `json:"assignee,omitempty"`
	DueAt    time.Time `json:"due_at,omitzero"`
	DoneAt   time.Time `json:"done_at,omitzero"`
	DoneBy   string    `json:"done_by,omitempty"`
}

func scanTask(row pgx.CollectableRow) (Task, error) {
	var t Task
	var due, done *time.Time
	err := row.Scan(&t.ID, &t.Title, &t.Assignee, &due, &done, &t.DoneBy)
	t.DueAt, t.DoneAt = pg.Moment(due), pg.Moment(done)
	return t, err
}

const taskColumns = `id, title, coalesce(assignee, 0), due_at, done_at, done_by`

// Tasks are the things to do, in order.
func (s *Service) Tasks(ctx context.Context, id ID) ([]Task, error) {
	all, err := pg.Rows(ctx, s.db, scanTask, `select `+taskColumns+` from ticket_tasks where ticket_id = $1 order by ord, id`, id)
	return all, failed("read the tasks of", id, err)
}

// AddTask adds a thing to do.
func (s *Service) AddTask(ctx context.Context, id ID, t Task, by Actor) (Task, error) {
	d := Draft{Type: "x", Subject: "x", Source: "agent", Tasks: []string{t.Title}}
	if err := d.check(); err != nil {
		return t, err
	}
	_, err := s.mutate(ctx, "add a task to", id, by, EventChanged, func(tx pgx.Tx, k *Ticket) (map[string]any, error) {
		if k.State == Closed {
			return nil, ErrClosed
		}
		var n int
		if err := tx.QueryRow(ctx, `select count(*) from ticket_tasks where ticket_id = $1`, id).Scan(&n); err != nil {
			return nil, err
		}
		if n >= maxTasks {
			return nil, invalid("tasks", "at most %d", maxTasks)
		}
		var err error
		t, err = pg.TxRow(ctx, tx, scanTask, `insert into ticket_tasks (ticket_id, title, assignee, due_at, ord) values ($1, $2, $3, $4, $5) returning `+taskColumns,
			id, d.Tasks[0], pg.OrNull(t.Assignee), pg.OrNull(t.DueAt), n)
		return map[string]any{"task_added": t.ID}, err
	})
	return t, err
}

// DoTask marks a task as done, or as not done.
func (s *Service) DoTask(ctx context.Context, id ID, task int64, done bool, by Actor) (Task, error) {
	var t Task
	_, err := s.mutate(ctx, "do a task of", id, by, EventChanged, func(tx pgx.Tx, _ *Ticket) (map[string]any, error) {
		at, name := s.now(), by.Name
		if !done {
			at, name = time.Time{}, ""
		}
		var err error
		t, err = pg.TxRow(ctx, tx, scanTask, `update ticket_tasks set done_at = $3, done_by = $4 where id = $2 and ticket_id = $1 returning `+taskColumns, id, task, pg.OrNull(at), name)
		return map[string]any{"task": task, "done": done}, err
	})
	if errors.Is(err, pg.ErrNotFound) {
		err = fmt.Errorf("task %d of ticket %d: %w", task, id, pg.ErrNotFound)
	}
	return t, err
}
