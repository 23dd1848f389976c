package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
)

// Store keeps queues, agents and work in PostgreSQL. Errors are pg.ErrNotFound,
// pg.ErrConflict, pg.ErrUnavailable or others wrapped as they are. Safe for
// concurrent use.
//
// What the router decides is written by one server at a time, the holder of the
// lease: every transaction of decisions proves that the lease's epoch is still
// its own, so one that was cut off cannot write over its successor.
type Store struct {
	db *pg.DB
}

// NewStore makes a store over an open, migrated database.
func NewStore(db *pg.DB) *Store { return &Store{db} }

// errDeposed: another server holds the lease by now.
var errDeposed = errors.New("another server decides by now")

// channel is where servers tell each other what was committed.
const channel = "tingxin_queue"

// batch is what one transaction writes.
type batch struct {
	items   []Item
	agents  []Agent
	changes []Change
	answers []answered // of other servers' requests
	notify  []string   // payloads for the other servers
}

// answered is what came of another server's request.
type answered struct {
	id     int64
	answer json.RawMessage
}

func (b *batch) empty() bool {
	return len(b.items)+len(b.agents)+len(b.changes)+len(b.answers)+len(b.notify) == 0
}

const upsertItem = `insert into queue_work (id, entered_at, kind, queue_id, phase, urgency, since, agent_id, node, answered_at, wait_ms, ended_at, cause, item)
	values ($1, $2, $3, $4, $5, $6, $7, nullif($8, '')::bigint, $9, $10, $11, $12, $13, $14)
	on conflict (id, entered_at) do update set queue_id = $4, phase = $5, urgency = $6, since = $7, agent_id = coalesce(nullif($8, '')::bigint, queue_work.agent_id), node = $9,
		answered_at = $10, wait_ms = $11, ended_at = $12, cause = $13, item = $14`

// commit writes a batch in one transaction, if the lease's epoch is still ours.
// It may be repeated.
func (s *Store) commit(ctx context.Context, node string, epoch int64, b *batch) error {
	err := s.db.Tx(ctx, func(tx pgx.Tx) error {
		var ours bool
		err := tx.QueryRow(ctx, `select node = $1 and epoch = $2 from queue_lease for share`, node, epoch).Scan(&ours)
		if err != nil {
			return err
		}
		if !ours {
			return errDeposed
		}
		rows := &pgx.Batch{}
		for i := range b.items {
			if err := queueItem(rows, &b.items[i]); err != nil {
				return err
			}
		}
		for i := range b.agents {
			rows.Queue(`update agents set state = $2 where user_id = $1::bigint`, b.agents[i].ID, &b.agents[i])
		}
		for i := range b.changes {
			queueChange(rows, &b.changes[i])
		}
		for _, a := range b.answers {
			rows.Queue(`update queue_requests set done_at = now(), answer = $2 where id = $1`, a.id, a.answer)
		}
		for _, text := range b.notify {
			rows.Queue(`select pg_notify('`+channel+`', $1)`, text)
		}
		return tx.SendBatch(ctx, rows).Close()
	})
	if err != nil {
		return fmt.Errorf("write the queues: %w", err)
	}
	return nil
}

func queueItem(rows *pgx.Batch, it *Item) error {
	var wait *int64
	if !it.FirstAnswer.IsZero() {
		ms := it.FirstAnswer.Sub(it.Since).Milliseconds()
		wait = &ms
	}
	doc, err := json.Marshal(it)
	if err != nil {
		return fmt.Errorf("work %s: %w", it.ID, err)
	}
	rows.Queue(upsertItem, it.ID, it.EnteredAt, it.Kind, it.Queue, it.Phase, it.Urgency.String(), it.Since, it.Agent, it.Node, pg.OrNull(it.FirstAnswer), wait, pg.OrNull(it.EndedAt), it.Cause, doc)
	return nil
}

// queueChange writes what a change means beside the state of its work and agent.
func queueChange(rows *pgx.Batch, c *Change) {
	switch c.Type {
	case OfferMade:
		rows.Queue(`insert into queue_offers (token, work_id, queue_id, agent_id, at, deadline) values ($1, $2, $3, $4::bigint, $5, $6) on conflict do nothing`,
			c.Token, c.Work, c.Queue, c.Agent, c.At, c.Deadline)
	case OfferEnded:
		rows.Queue(`update queue_offers set ended_at = $2, reason = $3 where token = $1 and ended_at is null`, c.Token, c.At, c.Reason)
	case StateChanged:
		rows.Queue(`insert into agent_states (user_id, state, reason, at) select user_id, $2, $3, $4 from agents where user_id = $1::bigint`, c.Agent, c.State, c.Reason, c.At)
	}
	if c.Decision != nil {
		rows.Queue(`insert into queue_decisions (work_id, agent_id, at, doc) values ($1, $2::bigint, $3, $4)`, c.Work, c.Agent, c.At, c.Decision)
	}
}

// lease takes or renews the right to decide for some time. held is false when
// another server has it.
func (s *Store) lease(ctx context.Context, node string, hold time.Duration) (epoch int64, held bool, err error) {
	epoch, err = pg.Row(ctx, s.db, pgx.RowTo[int64], `update queue_lease set node = $1, until = now() + $2, epoch = case when node = $1 and until > now() then epoch else epoch + 1 end
		where node = $1 or until < now() returning epoch`, node, hold)
	if errors.Is(err, pg.ErrNotFound) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, fmt.Errorf("lease of the queues: %w", err)
	}
	return epoch, true, nil
}

// take takes the lease anew, with an epoch of its own, so that what an earlier
// run of this server still writes is refused.
func (s *Store) take(ctx context.Context, node string, hold time.Duration) (epoch int64, held bool, err error) {
	if _, err := s.db.Exec(ctx, `update queue_lease set until = '-infinity' where node = $1`, node); err != nil {
		return 0, false, fmt.Errorf("lease of the queues: %w", err)
	}
	return s.lease(ctx, node, hold)
}

// release gives the lease back, so that another server need not wait for its end.
func (s *Store) release(ctx context.Context, node string, epoch int64) error {
	_, err := s.db.Exec(ctx, `update queue_lease set until = '-infinity' where node = $1 and epoch = $2`, node, epoch)
	return err
}

// beat says that a server lives.
func (s *Store) beat(ctx context.Context, node string) error {
	_, err := s.db.Exec(ctx, `insert into queue_nodes (node, started_at, seen_at) values ($1, now(), now()) on conflict (node) do update set seen_at = now()`, node)
	return err
}

// dead are servers not heard of for some time.
func (s *Store) dead(ctx context.Context, after time.Duration) ([]string, error) {
	return pg.Rows(ctx, s.db, pgx.RowTo[string], `select node from queue_nodes where seen_at < now() - $1::interval
		union select distinct w.node from queue_work w where w.phase <> 'ended' and not exists (select from queue_nodes n where n.node = w.node)`, after)
}

func (s *Store) bury(ctx context.Context, node string) error {
	_, err := s.db.Exec(ctx, `delete from queue_nodes where node = $1`, node)
	return err
}

// others tells whether there is another server to be told.
func (s *Store) others(ctx context.Context, node string) (bool, error) {
	return pg.Row(ctx, s.db, pgx.RowTo[bool], `select exists (select from queue_nodes where node <> $1)`, node)
}

// ask leaves a request for the deciding server.
func (s *Store) ask(ctx context.Context, node string, body []byte) (int64, error) {
	var id int64
	err := s.db.Tx(ctx, func(tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, `insert into queue_requests (node, body) values ($1, $2) returning id`, node, json.RawMessage(body)).Scan(&id); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `select pg_notify('`+channel+`', '{"request":true}')`)
		return err
	})
	return id, err
}

// answer is what came of a request; pg.ErrNotFound while nothing did.
func (s *Store) answer(ctx context.Context, id int64) (json.RawMessage, error) {
	return pg.Row(ctx, s.db, pgx.RowTo[json.RawMessage], `select answer from queue_requests where id = $1 and done_at is not null`, id)
}

// asked is another server's request.
type asked struct {
	ID   int64
	Node string
	Body json.RawMessage
}

// claim takes the next requests. The rows are locked only while they are read:
// the lease decides who may answer, SKIP LOCKED keeps a deposed reader out of the way.
func (s *Store) claim(ctx context.Context, limit int) ([]asked, error) {
	return pg.Rows(ctx, s.db, pgx.RowToStructByPos[asked], `select id, node, body from queue_requests where done_at is null and at > now() - interval '30 seconds'
		order by id limit $1 for update skip locked`, limit)
}

// expire removes what is older than keep: ended work, offers, decisions, states, requests.
func (s *Store) expire(ctx context.Context, keep time.Duration) (int64, error) {
	var n int64
	err := s.db.Tx(ctx, func(tx pgx.Tx) error {
		for _, sql := range []string{
			`delete from queue_work where phase = 'ended' and ended_at < now() - $1::interval`,
			`delete from queue_offers where at < now() - $1::interval`,
			`delete from queue_decisions where at < now() - $1::interval`,
			`delete from agent_states where at < now() - $1::interval`,
			`delete from queue_requests where at < now() - least($1::interval, interval '1 hour')`,
		} {
			tag, err := tx.Exec(ctx, sql, keep)
			if err != nil {
				return err
			}
			n += tag.RowsAffected()
		}
		return nil
	})
	return n, err
}

// TellReload tells running servers that settings were changed from outside.
func (s *Store) TellReload(ctx context.Context) error {
	_, err := s.ask(ctx, "", []byte(`{"op":"reload"}`))
	return err
}

// SayWhy keeps an agent's reason for declining an offer.
func (s *Store) SayWhy(ctx context.Context, t Token, reason string) error {
	_, err := s.db.Exec(ctx, `update queue_offers set said = $2 where token = $1`, string(t), reason)
	if err != nil {
		return fmt.Errorf("reason for declining offer: %w", err)
	}
	return nil
}
