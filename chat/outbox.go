package chat

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"tingxin/pg"
)

const (
	// jobQueue keeps slow platforms away from the other jobs.
	jobQueue   = "chat"
	jobWorkers = 8
	// sendTime bounds one handing over; claimTime is when another server may think that we died of it.
	sendTime  = 30 * time.Second
	claimTime = 2 * time.Minute
)

// outboxLock is the advisory lock of one conversation's outbox, with its id in the low bits.
const outboxLock int64 = 0x7478_6f75 << 32

// backoff is the wait before each further attempt.
var backoff = []time.Duration{time.Second, 5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute}

// DeliverArgs are the arguments of the job that empties one conversation's outbox.
type DeliverArgs struct {
	Conversation ID `json:"conversation"`
}

// Kind names the job in the table of jobs.
func (DeliverArgs) Kind() string { return "chat_deliver" }

// InsertOpts puts it into the queue of slow things.
func (DeliverArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: jobQueue, MaxAttempts: 25}
}

type deliverWorker struct {
	river.WorkerDefaults[DeliverArgs]
	s *Service
}

func (w *deliverWorker) Work(ctx context.Context, job *river.Job[DeliverArgs]) error {
	wait, err := w.s.empty(ctx, job.Args.Conversation)
	if err == nil && wait > 0 {
		return river.JobSnooze(wait)
	}
	return err
}

// Timeout leaves time for a few slow messages; the rest is snoozed.
func (w *deliverWorker) Timeout(*river.Job[DeliverArgs]) time.Duration { return 5 * time.Minute }

// TidyArgs are the arguments of the job that forgets what is old.
type TidyArgs struct{}

// Kind names the job in the table of jobs.
func (TidyArgs) Kind() string { return "chat_tidy" }

type tidyWorker struct {
	river.WorkerDefaults[TidyArgs]
	s *Service
}

func (w *tidyWorker) Work(ctx context.Context, _ *river.Job[TidyArgs]) error { return w.s.tidy(ctx) }

func (s *Service) addJobs() {
	s.jobs.AddQueue(jobQueue, jobWorkers)
	pg.AddWorker(s.jobs, &deliverWorker{s: s})
	pg.AddWorker(s.jobs, &scheduleWorker{s: s})
	pg.AddWorker(s.jobs, &ingestWorker{s: s})
	pg.AddWorker(s.jobs, &tidyWorker{s: s})
	s.jobs.Every(tidyEvery, func() river.JobArgs { return TidyArgs{} })
}

// putOut puts a message into the outbox, with the job that sends it. whose reply of a window it uses up: forAgent, forRating, forSystem.
func (s *Service) putOut(ctx context.Context, tx pgx.Tx, m *Message, whose string, limits Limits, now time.Time) error {
	var window *int64
	if limits.Windowed {
		id, err := takeWindow(ctx, tx, m.Conversation, whose, now)
		if err != nil {
			return err
		}
		window = &id
	}
	_, err := tx.Exec(ctx, `insert into outbound (message_id, conversation_id, channel, account, state, next_at, window_id, created_at) values ($1, $2, $3, $4, 'waiting', $5, $6, $5)`,
		m.ID, m.Conversation, m.Channel, m.Account, now, window)
	if err != nil {
		return err
	}
	return s.jobs.Insert(ctx, tx, DeliverArgs{m.Conversation})
}

// claimed is an outbound message that this server sends now.
type claimed struct {
	Outgoing
	stale  bool // somebody began to send it and did not come back
	window *int64
}

// empty sends what waits for a conversation's customer, in order, one at a time.
// wait is when to look again.
func (s *Service) empty(ctx context.Context, c ID) (wait time.Duration, err error) {
	for range 50 {
		m, wait, err := s.claim(ctx, c)
		if err != nil || m == nil {
			return wait, err
		}
		if err := s.hand(ctx, m); err != nil {
			return 0, err
		}
		if ctx.Err() != nil {
			return time.Second, nil
		}
	}
	return time.Second, nil
}

// claim takes the oldest message of a conversation's outbox; nil when it is not its time.
func (s *Service) claim(ctx context.Context, c ID) (m *claimed, wait time.Duration, err error) {
	err = s.db.Tx(ctx, func(tx pgx.Tx) error {
		m, wait = nil, 0
		// One at a time looks, and nobody skips a row that is being settled: that would change the order.
		if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock($1)`, outboxLock|int64(c)); err != nil {
			return err
		}
		now := s.now().UTC()
		got := &claimed{}
		var state string
		var next time.Time
		var until *time.Time
		err := tx.QueryRow(ctx, `select o.message_id, o.state, o.attempts, o.next_at, o.claimed_until, o.window_id, c.external_user, c.external_thread, c.key
			from outbound o join conversations c on c.id = o.conversation_id where o.conversation_id = $1 and o.state in ('waiting', 'sending') order by o.message_id limit 1 for update of o`, c).
			Scan(&got.ID, &state, &got.Attempt, &next, &until, &got.window, &got.User, &got.UserThread, &got.Key)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		if state == "sending" {
			if until != nil && until.After(now) { // another worker is at it, and looks for more behind it
				return nil
			}
			got.stale = true
		} else if next.After(now) {
			wait = next.Sub(now)
			return nil
		}
		got.Attempt++
		if _, err := tx.Exec(ctx, `update outbound set state = 'sending', attempts = $2, claimed_until = $3 where message_id = $1`, got.ID, got.Attempt, now.Add(claimTime)); err != nil {
			return err
		}
		if err := tx.QueryRow(ctx, `update messages m set state = 'sending' where m.id = $1 returning `+messageColumns, got.ID).Scan(got.Message.targets()...); err != nil {
			return err
		}
		got.Files, err = filesOf(ctx, tx, got.ID)
		got.Repeat = "m" + strconv.FormatInt(int64(got.ID), 10)
		m = got
		return err
	})
	if err != nil {
		return nil, 0, fmt.Errorf("outbox of conversation %d: %w", c, err)
	}
	return m, wait, nil
}

// hand gives one message to its channel and writes down what came of it.
func (s *Service) hand(ctx context.Context, m *claimed) error {
	ch := s.channels[m.Channel]
	var res Result
	switch {
	case ch == nil:
		res = Result{Outcome: Refused, Reason: "no_channel"}
	case m.stale && !ch.Limits(m.Account).Repeatable:
		res = Result{Outcome: Doubtful, Reason: "interrupted"}
	default:
		own, cancel := context.WithTimeout(ctx, sendTime)
		if err := s.addTail(own, ch, m); err != nil {
			s.log.Warn("what follows a message is not known", "conversation", m.Conversation, "message", m.ID, "error", err)
			res = Result{Outcome: Retry, Reason: "tail"}
		} else {
			res = ch.Send(own, m.Outgoing)
		}
		cancel()
	}
	if res.Outcome == Doubtful && ch != nil && ch.Limits(m.Account).Repeatable {
		res.Outcome = Retry
	}
	// What was done is written even when the job is being stopped.
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return s.settle(last, m, res)
}

// addTail cuts a message to what the channel takes, and puts behind it what only its customer is told.
func (s *Service) addTail(ctx context.Context, ch Channel, m *claimed) error {
	limits, tail := ch.Limits(m.Account), ""
	if s.tail != nil && m.Author.Kind == System && !limits.Buttons {
		var err error
		if tail, err = s.tail(ctx, m.Message); err != nil {
			return err
		}
		if tail != "" {
			tail = "\n" + tail
		}
	}
	if n := limits.TextBytes; n > 0 {
		m.Text = Cut(m.Text, max(n-len(tail), 0))
	}
	m.Text += tail
	return nil
}

func (s *Service) settle(ctx context.Context, m *claimed, res Result) error {
	now := s.now().UTC()
	state, next, done := Sent, now, &now
	switch res.Outcome {
	case Delivered:
		s.sentOut.Add(1)
	case Retry:
		if m.Attempt > len(backoff) {
			state = Failed
			s.failed.Add(1)
			break
		}
		state, done = Waiting, nil
		next = now.Add(max(backoff[m.Attempt-1], min(res.After, time.Hour)))
		s.retried.Add(1)
	case Doubtful:
		state = Unconfirmed
		s.unsure.Add(1)
	default:
		state = Failed
		s.failed.Add(1)
	}
	if res.Reason == "" && state == Failed {
		res.Reason = "refused"
	}
	n := m.notice(MessageMoved)
	n.State = string(state)
	err := s.db.Tx(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `update outbound set state = $2, next_at = $3, claimed_until = null, done_at = $4, reason = $5 where message_id = $1`, m.ID, state, next, done, clip(res.Reason, maxName)); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `update messages set state = $2, reason = $3, external_id = coalesce(nullif($4, ''), external_id) where id = $1`, m.ID, state, clip(res.Reason, maxName), clip(res.ExternalID, maxID)); err != nil {
			return err
		}
		if err := settleWindow(ctx, tx, m, res, state); err != nil {
			return err
		}
		return s.notify(ctx, tx, &n)
	})
	if err != nil {
		return fmt.Errorf("message %d: %w", m.ID, err)
	}
	s.deliver(&n)
	return nil
}

// settleWindow gives a reply back that certainly did not leave, or closes the window.
func settleWindow(ctx context.Context, tx pgx.Tx, m *claimed, res Result, state MessageState) error {
	if m.window == nil {
		return nil
	}
	if state == Failed {
		if _, err := tx.Exec(ctx, `update reply_windows set left_n = least(left_n + 1, quota) where id = $1 and quota > 0`, *m.window); err != nil {
			return err
		}
	}
	if !res.CloseWindow {
		return nil
	}
	_, err := tx.Exec(ctx, `update reply_windows set closed_reason = 'platform' where id = $1`, *m.window)
	return err
}

// redeliver makes jobs for messages whose job is gone: a server may die between
// two attempts, and River gives a job up after some.
func (s *Service) redeliver(ctx context.Context) error {
	now := s.now().UTC()
	late, err := pg.Rows(ctx, s.db, pgx.RowTo[ID], `select distinct conversation_id from outbound o where state in ('waiting', 'sending') and next_at < $1 and (claimed_until is null or claimed_until < $1)
		and not exists (select 1 from river_job j where j.kind = 'chat_deliver' and (j.state in ('available', 'retryable', 'scheduled') or j.state = 'running' and j.attempted_at > $1)
			and (j.args->>'conversation')::bigint = o.conversation_id) limit 100`, now.Add(-30*time.Second)) // one that runs for longer may be of a server that was killed; two do no harm
	if err != nil {
		return err
	}
	for _, c := range late {
		if err := s.db.Tx(ctx, func(tx pgx.Tx) error { return s.jobs.Insert(ctx, tx, DeliverArgs{c}) }); err != nil {
			return err
		}
	}
	return nil
}

// DeadLetter is a message that did not arrive, or may not have.
type DeadLetter struct {
	Message MessageID    `json:"message"`
	Thread  ID           `json:"conversation"`
	Channel string       `json:"channel"`
	State   MessageState `json:"state" enum:"failed,unknown"`
	Reason  string       `json:"reason"`
	Tries   int          `json:"tries"`
	At      time.Time    `json:"at"`
}

// DeadLetters are the newest messages that were given up.
func (s *Service) DeadLetters(ctx context.Context, limit int) ([]DeadLetter, error) {
	return pg.Rows(ctx, s.db, pgx.RowToStructByPos[DeadLetter], `select o.message_id, m.thread_id, o.channel, o.state, o.reason, o.attempts, o.done_at
		from outbound o join messages m on m.id = o.message_id where o.state in ('failed', 'unknown') order by o.done_at desc, o.message_id desc limit $1`, limit)
}

// Resend puts a message that was given up on its way again, at the end of what waits.
func (s *Service) Resend(ctx context.Context, id MessageID) error {
	var n Notice
	err := s.db.Tx(ctx, func(tx pgx.Tx) error {
		now := s.now().UTC()
		var m Message
		err := tx.QueryRow(ctx, `update messages m set state = 'waiting', reason = '' where m.id = $1 and m.state in ('failed', 'unknown') returning `+messageColumns, id).Scan(m.targets()...)
		if err != nil {
			return err
		}
		var window *int64
		if ch := s.channels[m.Channel]; ch != nil && ch.Limits(m.Account).Windowed {
			w, err := takeWindow(ctx, tx, m.Conversation, (&Draft{Author: m.Author}).whose(), now)
			if err != nil {
				return err
			}
			window = &w
		}
		if _, err := tx.Exec(ctx, `update outbound set state = 'waiting', attempts = 0, next_at = $2, claimed_until = null, done_at = null, reason = '', window_id = $3 where message_id = $1`, id, now, window); err != nil {
			return err
		}
		n = m.notice(MessageMoved)
		if err := s.notify(ctx, tx, &n); err != nil {
			return err
		}
		return s.jobs.Insert(ctx, tx, DeliverArgs{m.Conversation})
	})
	if err != nil {
		return fmt.Errorf("send message %d again: %w", id, err)
	}
	s.deliver(&n)
	return nil
}
