package chat

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
)

const (
	// hookTime bounds one look of the bot; hookClaim is when another server may take over.
	hookTime  = 15 * time.Second
	hookClaim = 45 * time.Second
	// hookTries is how often the bot may fail on a message before an agent gets it.
	hookTries = 5
)

func (s *Service) wakeHook() {
	select {
	case s.due <- struct{}{}:
	default: // somebody is woken already
	}
}

// workHook looks at messages as they come. One that was woken wakes the next, so
// that a burst has all of them at work.
func (s *Service) workHook(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.due:
		}
		for ctx.Err() == nil {
			more, err := s.lookAtNext(ctx)
			if err != nil && ctx.Err() == nil {
				s.log.Warn("messages wait to be looked at", "error", err)
			}
			if err != nil || !more {
				break
			}
		}
	}
}

// dueRow is a message that waits for the hook.
type dueRow struct {
	Message      MessageID
	Conversation ID
	Attempts     int
}

// lookAtNext takes the oldest message whose turn it is: of each conversation only
// the first may be taken, so that they stay in order.
func (s *Service) lookAtNext(ctx context.Context) (more bool, err error) {
	now := s.now().UTC()
	d, err := pg.Row(ctx, s.db, pgx.RowToStructByPos[dueRow], `update inbound_due set attempts = attempts + 1, claimed_until = $2, claimed_by = $3 where message_id = (
			select d.message_id from inbound_due d where d.next_at <= $1 and d.claimed_until < $1
				and not exists (select 1 from inbound_due e where e.conversation_id = d.conversation_id and e.message_id < d.message_id)
			order by d.next_at, d.message_id limit 1 for update skip locked)
		and claimed_until < $1 returning message_id, conversation_id, attempts`, now, now.Add(hookClaim), s.self)
	if errors.Is(err, pg.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	s.mu.Lock()
	s.looking[d.Message] = struct{}{}
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.looking, d.Message)
		s.mu.Unlock()
	}()
	s.wakeHook()
	return true, s.look(ctx, d)
}

// claimFresh is how long a claim may be without its worker having noted it.
const claimFresh = 5 * time.Second

// forsaken gives claims back that nobody here works on: the database was away when they should have been
// settled. At the start those of the run before, which was killed, are among them.
func (s *Service) forsaken(ctx context.Context, start bool) error {
	s.mu.Lock()
	mine := make([]MessageID, 0, len(s.looking))
	for id := range s.looking {
		mine = append(mine, id)
	}
	s.mu.Unlock()
	now := s.now().UTC()
	by, fresh := s.self, now.Add(hookClaim-claimFresh)
	if start {
		by, fresh = s.cfg.Node+"/", now.Add(hookClaim)
	}
	_, err := s.db.Exec(ctx, `update inbound_due set claimed_until = '-infinity' where starts_with(claimed_by, $1) and claimed_until > $2 and claimed_until <= $3 and message_id <> all($4)`, by, now, fresh, mine)
	return err
}

func (s *Service) look(ctx context.Context, d dueRow) error {
	m, err := s.Message(ctx, d.Message)
	if err != nil {
		return err
	}
	c, err := s.Conversation(ctx, m.Thread)
	if err != nil {
		return err
	}
	if c.ContactID == nil && s.contacts != nil {
		if c.ContactID, err = s.resolve(ctx, c); err != nil {
			s.log.Warn("contact of a conversation not found out", "conversation", c.ID, "error", err)
		}
	}
	own, cancel := context.WithTimeout(ctx, hookTime)
	err = s.callHook(own, c, m)
	cancel()
	if ctx.Err() != nil {
		return nil // being stopped: after the claim's end it is looked at again
	}
	if err == nil {
		s.hooked.Add(1)
		_, err = s.db.Exec(ctx, `delete from inbound_due where message_id = $1`, d.Message)
		return err
	}
	s.hookFailed.Add(1)
	if d.Attempts < hookTries {
		s.log.Warn("a message could not be handled and is tried again", "conversation", c.ID, "message", m.ID, "error", err)
		wait := time.Duration(1<<d.Attempts) * 500 * time.Millisecond
		_, err = s.db.Exec(ctx, `update inbound_due set next_at = $2, claimed_until = '-infinity' where message_id = $1`, d.Message, s.now().UTC().Add(wait))
		return err
	}
	s.log.Error("a message could not be handled, an agent gets it", "conversation", c.ID, "message", m.ID, "error", err)
	s.hookGiven.Add(1)
	if c.Handler == ByBot && m.Kind.asks() {
		if err := s.HandOver(ctx, c.ID, s.cfg.Queue, json.RawMessage(`{"reason":"bot_failed"}`)); err != nil {
			return err
		}
	}
	_, err = s.db.Exec(ctx, `delete from inbound_due where message_id = $1`, d.Message)
	return err
}

// callHook keeps a panic of the bot from ending the server.
func (s *Service) callHook(ctx context.Context, c Conversation, m Message) (err error) {
	defer func() {
		if p := recover(); p != nil {
			s.log.Error("hook panicked", "panic", p, "stack", string(debug.Stack()))
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	if c.Handler == ByAgent && s.queue != nil && m.Kind.asks() {
		if err := s.queue.Turn(ctx, c.ID.WorkID(), false); err != nil {
			return err
		}
	}
	if s.hook != nil {
		return s.hook(ctx, c, m)
	}
	return s.ToQueue(ctx, c, m)
}

// ToQueue is the Hook of a server without a bot: who asks waits for an agent.
func (s *Service) ToQueue(ctx context.Context, c Conversation, m Message) error {
	if c.Handler == ByBot && m.Kind.asks() {
		return s.HandOver(ctx, c.ID, s.cfg.Queue, nil)
	}
	return nil
}

func (s *Service) resolve(ctx context.Context, c Conversation) (*int64, error) {
	id, err := s.contacts.Resolve(ctx, c)
	if err != nil || id == 0 {
		return nil, err
	}
	_, err = s.db.Exec(ctx, `update conversations set contact_id = $2 where id = $1 and contact_id is null`, c.ID, id)
	return &id, err
}
