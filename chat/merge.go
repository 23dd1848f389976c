package chat

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
)

// Change is a merge or a split, which can be undone for UndoTime.
type Change struct {
	ID       int64      `json:"id"`
	Kind     string     `json:"kind" enum:"merge,split"`
	From     ID         `json:"from"`
	Into     ID         `json:"into"`
	By       string     `json:"by"`
	At       time.Time  `json:"at"`
	UndoneAt *time.Time `json:"undone_at,omitempty"`
	UndoneBy string     `json:"undone_by,omitempty"`
}

const (
	// UndoTime is how long a merge or split can be taken back.
	UndoTime = 30 * 24 * time.Hour
	maxMoved = 20000
)

// lockTwo locks two different conversations.
func lockTwo(ctx context.Context, tx pgx.Tx, a, b ID) (ca, cb *Conversation, err error) {
	if a == b {
		return nil, nil, fmt.Errorf("a conversation and itself: %w", ErrState)
	}
	held, err := lockAll(ctx, tx, a, b)
	return held[a], held[b], err
}

// restructure runs f and tells both conversations.
func (s *Service) restructure(ctx context.Context, a, b *ID, f func(pgx.Tx, time.Time) error) error {
	var notices []Notice
	err := s.again(ctx, func(tx pgx.Tx) error {
		if err := f(tx, s.now().UTC()); err != nil {
			return err
		}
		notices = []Notice{{Type: Changed, Conversation: *a}, {Type: Changed, Conversation: *b}}
		for i := range notices {
			if err := s.notify(ctx, tx, &notices[i]); err != nil {
				return err
			}
		}
		return nil
	})
	for i := range notices {
		if err == nil {
			s.deliver(&notices[i])
		}
	}
	return err
}

// Merge moves the messages of one conversation into another's thread. The wire
// stays: what its customer writes comes into that thread, and is answered there.
func (s *Service) Merge(ctx context.Context, from, into ID, by Actor) (change int64, err error) {
	err = s.restructure(ctx, &from, &into, func(tx pgx.Tx, now time.Time) error {
		f, t, err := lockTwo(ctx, tx, from, into)
		if err != nil {
			return err
		}
		if f.MergedInto != nil || t.MergedInto != nil {
			return fmt.Errorf("one of them was merged already: %w", ErrState)
		}
		if t.State == Closed && f.State != Closed { // nobody would see that its customer waits
			return fmt.Errorf("the other one is closed: %w", ErrState)
		}
		// What was merged into it before goes along.
		moved, err := move(ctx, tx, `update messages set thread_id = $2 where thread_id = $1 returning id`, from, into)
		if err != nil {
			return err
		}
		if err := tx.QueryRow(ctx, `insert into conversation_changes (kind, from_id, into_id, messages, was, by_user, at) values ('merge', $1, $2, $3, $4, $5, $6) returning id`,
			from, into, moved, f.State, actorName(by), now).Scan(&change); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `update conversations set merged_into = $2, state = case when state = 'closed' then state else 'merged' end, snoozed_until = null, enqueued = true where id = $1`, from, into)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `update conversations t set waiting_since = least(t.waiting_since, f.waiting_since), last_in_id = greatest(t.last_in_id, f.last_in_id), last_out_id = greatest(t.last_out_id, f.last_out_id),
			last_at = greatest(t.last_at, f.last_at), last_text = case when f.last_at > t.last_at then f.last_text else t.last_text end,
			labels = (select array(select distinct unnest(t.labels || f.labels) order by 1))
			from conversations f where t.id = $2 and f.id = $1`, from, into)
		if err != nil {
			return err
		}
		_, err = s.line(ctx, tx, t, by, "merged", map[string]string{"from": from.String(), "change": strconv.FormatInt(change, 10)}, now)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("merge conversation %d into %d: %w", from, into, err)
	}
	return change, s.left(ctx, from, nil)
}

// move runs an update of messages and returns which it touched.
func move(ctx context.Context, tx pgx.Tx, sql string, args ...any) ([]int64, error) {
	rows, err := tx.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	moved, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err == nil && len(moved) > maxMoved {
		err = bad("more than %d messages", maxMoved)
	}
	if moved == nil {
		moved = []int64{}
	}
	return moved, err
}

// Split moves messages out of a thread into a conversation of their own, which
// whoever split it gets. It is answered on the wire they came by.
func (s *Service) Split(ctx context.Context, id ID, messages []MessageID, by Actor) (made ID, change int64, err error) {
	if len(messages) == 0 || len(messages) > MaxPage {
		return 0, 0, bad("between 1 and %d messages can be split off", MaxPage)
	}
	err = s.restructure(ctx, &id, &made, func(tx pgx.Tx, now time.Time) error {
		c, err := lock(ctx, tx, id)
		if err != nil {
			return err
		}
		if c.MergedInto != nil {
			return fmt.Errorf("it was merged: %w", ErrState)
		}
		handler := ByQueue
		if by.User != 0 {
			handler = ByAgent
		}
		err = tx.QueryRow(ctx, `insert into conversations (key, channel, account, external_user, external_thread, contact_id, name, subject, language, handler, assignee, enqueued, queue, urgency, last_at, created_at, split_from)
			select $2, channel, account, external_user, external_thread, contact_id, name, subject, language, $3, nullif($4::bigint, 0), $4 <> 0, queue, urgency, $5, $5, id from conversations where id = $1 returning id`,
			id, newKey(), handler, by.User, now).Scan(&made)
		if err != nil {
			return err
		}
		moved, err := move(ctx, tx, `update messages set thread_id = $2 where thread_id = $1 and id = any($3) and kind <> 'event' returning id`, id, made, messages)
		if err != nil {
			return err
		}
		if len(moved) != len(messages) {
			return bad("a message is not in this thread")
		}
		if err := tx.QueryRow(ctx, `insert into conversation_changes (kind, from_id, into_id, messages, was, by_user, at) values ('split', $1, $2, $3, $4, $5, $6) returning id`,
			id, made, moved, c.State, actorName(by), now).Scan(&change); err != nil {
			return err
		}
		for _, thread := range []ID{id, made} {
			if err := recount(ctx, tx, thread); err != nil {
				return err
			}
		}
		with := map[string]string{"into": made.String(), "change": strconv.FormatInt(change, 10)}
		if _, err := s.line(ctx, tx, c, by, "split", with, now); err != nil {
			return err
		}
		n, err := lock(ctx, tx, made)
		if err != nil {
			return err
		}
		_, err = s.line(ctx, tx, n, by, "split_from", map[string]string{"from": id.String()}, now)
		return err
	})
	if err != nil {
		return 0, 0, fmt.Errorf("split conversation %d: %w", id, err)
	}
	return made, change, nil
}

// recount makes what a list shows of a thread from its messages.
func recount(ctx context.Context, tx pgx.Tx, id ID) error {
	_, err := tx.Exec(ctx, `update conversations c set
			last_in_id = coalesce((select max(m.id) from messages m where m.thread_id = c.id and m.direction = 'in' and m.kind in ('text', 'choice', 'complaint', 'unknown')), 0),
			last_out_id = coalesce((select max(m.id) from messages m where m.thread_id = c.id and m.direction = 'out' and m.kind = 'text'), 0),
			last_text = coalesce((select left(m.text, 200) from messages m where m.thread_id = c.id and m.direction <> 'none' and m.kind in ('text', 'choice', 'complaint') order by m.id desc limit 1), ''),
			last_at = coalesce((select m.created_at from messages m where m.thread_id = c.id order by m.id desc limit 1), c.last_at)
		where c.id = $1`, id)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `update conversations c set waiting_since = (select min(m.created_at) from messages m where m.thread_id = c.id and m.id > c.last_out_id and m.direction = 'in' and m.kind in ('text', 'choice', 'complaint', 'unknown'))
		where c.id = $1`, id)
	return err
}

// Undo takes a merge or a split back.
func (s *Service) Undo(ctx context.Context, change int64, by Actor) (Change, error) {
	var done Change
	err := s.restructure(ctx, &done.From, &done.Into, func(tx pgx.Tx, now time.Time) error {
		var moved []int64
		var was State
		err := tx.QueryRow(ctx, `select id, kind, from_id, into_id, by_user, at, messages, was from conversation_changes where id = $1 and undone_at is null for update`, change).
			Scan(&done.ID, &done.Kind, &done.From, &done.Into, &done.By, &done.At, &moved, &was)
		if err != nil {
			return err
		}
		if now.Sub(done.At) > UndoTime {
			return fmt.Errorf("it is longer ago than %d days: %w", int(UndoTime.Hours()/24), ErrState)
		}
		from, into, err := lockTwo(ctx, tx, done.From, done.Into)
		if err != nil {
			return err
		}
		if done.Kind == "merge" {
			err = s.unmerge(ctx, tx, from, into, moved, was)
		} else {
			err = s.unsplit(ctx, tx, from, into, now)
		}
		if err != nil {
			return err
		}
		for _, thread := range []ID{done.From, done.Into} {
			if err := recount(ctx, tx, thread); err != nil {
				return err
			}
		}
		done.UndoneAt, done.UndoneBy = &now, actorName(by)
		if _, err := tx.Exec(ctx, `update conversation_changes set undone_at = $2, undone_by = $3 where id = $1`, change, now, done.UndoneBy); err != nil {
			return err
		}
		for _, c := range []*Conversation{from, into} {
			if _, err := s.line(ctx, tx, c, by, "undone", map[string]string{"what": done.Kind}, now); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return done, fmt.Errorf("undo change %d: %w", change, err)
	}
	if done.Kind == "merge" {
		_ = s.enqueueWaiting(ctx) // the sweep tries again
	}
	return done, nil
}

func (s *Service) unmerge(ctx context.Context, tx pgx.Tx, from, into *Conversation, moved []int64, was State) error {
	if from.MergedInto == nil || *from.MergedInto != into.ID {
		return fmt.Errorf("it is merged elsewhere by now: %w", ErrState)
	}
	// What came since on its own wire goes along.
	_, err := tx.Exec(ctx, `update messages set thread_id = $1 where thread_id = $2 and (id = any($3) or conversation_id = $1)`, from.ID, into.ID, moved)
	if err != nil {
		return err
	}
	if was == Snoozed {
		was = Open
	}
	_, err = tx.Exec(ctx, `update conversations set merged_into = null, state = $2, enqueued = case when handler = 'queue' then false else enqueued end where id = $1`, from.ID, was)
	return err
}

func (s *Service) unsplit(ctx context.Context, tx pgx.Tx, from, made *Conversation, now time.Time) error {
	if from.MergedInto != nil || made.MergedInto != nil {
		return fmt.Errorf("one of them was merged since: %w", ErrState)
	}
	if _, err := tx.Exec(ctx, `update messages set thread_id = $1 where thread_id = $2 and conversation_id <> $2`, from.ID, made.ID); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `update conversations set merged_into = $2, state = 'closed', closed_at = $3, closed_by = 'undone' where id = $1`, made.ID, from.ID, now)
	return err
}

// Changes are merges and splits of a conversation, newest first.
func (s *Service) Changes(ctx context.Context, id ID) ([]Change, error) {
	return pg.Rows(ctx, s.db, pgx.RowToStructByPos[Change], `select id, kind, from_id, into_id, by_user, at, undone_at, undone_by from conversation_changes where from_id = $1 or into_id = $1 order by id desc limit 50`, id)
}
