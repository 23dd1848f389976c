package chat

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"tingxin/pg"
)

// Scheduled is a message that is to be sent later.
type Scheduled struct {
	ID           int64     `json:"id"`
	Conversation ID        `json:"conversation"`
	User         int64     `json:"user"`
	Text         string    `json:"text"`
	At           time.Time `json:"at"`
	State        string    `json:"state" enum:"waiting,sent,failed,cancelled"`
	Reason       string    `json:"reason,omitempty"`
}

// ScheduleArgs are the arguments of the job that sends a message at its time.
type ScheduleArgs struct {
	ID int64     `json:"id"`
	At time.Time `json:"at"`
}

// Kind names the job in the table of jobs.
func (ScheduleArgs) Kind() string { return "chat_scheduled" }

// InsertOpts lets it wait for its time.
func (a ScheduleArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: jobQueue, MaxAttempts: 25, ScheduledAt: a.At}
}

type scheduleWorker struct {
	river.WorkerDefaults[ScheduleArgs]
	s *Service
}

func (w *scheduleWorker) Work(ctx context.Context, job *river.Job[ScheduleArgs]) error {
	return w.s.sendScheduled(ctx, job.Args.ID)
}

// maxScheduled bounds what waits in one conversation.
const maxScheduled = 20

// Schedule keeps a reply to be sent at a time within the next year. Whether the
// channel takes it is looked at when it is sent.
func (s *Service) Schedule(ctx context.Context, d Draft, at time.Time) (Scheduled, error) {
	now := s.now().UTC()
	if err := d.check(); err != nil {
		return Scheduled{}, err
	}
	if d.Kind != Text || d.Author.Kind != Agent || len(d.Files) > 0 {
		return Scheduled{}, bad("only texts of agents are sent later")
	}
	if !at.After(now) || at.After(now.AddDate(1, 0, 1)) {
		return Scheduled{}, bad("the time is not within the next year")
	}
	out := Scheduled{Conversation: d.Conversation, User: d.Author.User, Text: d.Text, At: at.UTC(), State: "waiting"}
	d.Seen = 0 // what is written until then is known to whoever reads the list
	doc, err := json.Marshal(d)
	if err != nil {
		return out, err
	}
	err = s.db.Tx(ctx, func(tx pgx.Tx) error {
		c, err := lock(ctx, tx, d.Conversation)
		if err != nil {
			return err
		}
		if c.State == Closed {
			return fmt.Errorf("the conversation is closed: %w", ErrState)
		}
		var n int
		if err := tx.QueryRow(ctx, `select count(*) from scheduled_messages where conversation_id = $1 and state = 'waiting'`, c.ID).Scan(&n); err != nil {
			return err
		}
		if n >= maxScheduled {
			return bad("%d messages wait already", maxScheduled)
		}
		if err := tx.QueryRow(ctx, `insert into scheduled_messages (conversation_id, user_id, draft, at, created_at) values ($1, $2, $3, $4, $5) returning id`,
			c.ID, d.Author.User, doc, out.At, now).Scan(&out.ID); err != nil {
			return err
		}
		return s.jobs.Insert(ctx, tx, ScheduleArgs{out.ID, out.At})
	})
	if err != nil {
		return out, fmt.Errorf("schedule for conversation %d: %w", d.Conversation, err)
	}
	s.deliver(&Notice{Type: Changed, Conversation: d.Conversation})
	return out, nil
}

// ScheduledOf is what waits in a conversation, and what could not be sent.
func (s *Service) ScheduledOf(ctx context.Context, c ID) ([]Scheduled, error) {
	return pg.Rows(ctx, s.db, pgx.RowToStructByPos[Scheduled], `select id, conversation_id, user_id, coalesce(draft->>'Text', ''), at, state, reason from scheduled_messages
		where conversation_id = $1 and state in ('waiting', 'failed') order by at, id limit 50`, c)
}

// Unschedule takes a message back that waits.
func (s *Service) Unschedule(ctx context.Context, c ID, id int64) error {
	n, err := s.db.Exec(ctx, `update scheduled_messages set state = 'cancelled' where id = $1 and conversation_id = $2 and state in ('waiting', 'failed')`, id, c)
	if err == nil && n == 0 {
		err = pg.ErrNotFound
	}
	if err == nil {
		s.deliver(&Notice{Type: Changed, Conversation: c})
	}
	return err
}

// sendScheduled sends a message whose time has come. What the channel, or the
// conversation's state, does not allow now is kept with the reason.
func (s *Service) sendScheduled(ctx context.Context, id int64) error {
	var d Draft
	doc, err := pg.Row(ctx, s.db, pgx.RowTo[json.RawMessage], `select draft from scheduled_messages where id = $1 and state = 'waiting'`, id)
	if errors.Is(err, pg.ErrNotFound) {
		return nil // cancelled
	}
	if err == nil {
		err = json.Unmarshal(doc, &d)
	}
	if err != nil {
		return fmt.Errorf("scheduled message %d: %w", id, err)
	}
	d.ClientID = fmt.Sprintf("scheduled-%d", id) // so that a repeated job sends it once
	m, err := s.Send(ctx, d)
	state, reason := "sent", ""
	if err != nil {
		state, reason = "failed", refusal(err)
		if reason == "" {
			return err // try again
		}
	}
	_, err = s.db.Exec(ctx, `update scheduled_messages set state = $2, reason = $3, message_id = nullif($4::bigint, 0) where id = $1 and state = 'waiting'`, id, state, reason, m.ID)
	if err == nil {
		s.deliver(&Notice{Type: Changed, Conversation: d.Conversation})
	}
	return err
}

// refusal is why a message will not be sent, empty when it is worth another try.
func refusal(err error) string {
	window := new(WindowError)
	switch {
	case errors.As(err, &window):
		return "window_" + window.Reason
	case errors.Is(err, ErrState):
		return "closed"
	case errors.Is(err, ErrBad):
		return "bad"
	case errors.Is(err, ErrNoChannel):
		return "no_channel"
	case errors.Is(err, pg.ErrNotFound):
		return "gone"
	}
	return ""
}
