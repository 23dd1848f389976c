package chat

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
)

// Actor is who changes a conversation: an agent, the bot or the system.
type Actor = Author

// name is how the actor stands in rows.
func actorName(a Actor) string {
	if a.Name != "" {
		return a.Name
	}
	return string(a.Kind)
}

// change locks a conversation, lets f change it and tells what came of it. When
// line is not empty the thread gets a line of that event.
func (s *Service) change(ctx context.Context, id ID, by Actor, line string, with map[string]string, f func(pgx.Tx, *Conversation, time.Time) error) error {
	var notices []Notice
	err := s.again(ctx, func(tx pgx.Tx) error {
		now := s.now().UTC()
		notices = notices[:0]
		c, err := lock(ctx, tx, id)
		if err != nil {
			return err
		}
		if c.MergedInto != nil {
			return fmt.Errorf("the conversation was merged into %d: %w", *c.MergedInto, ErrState)
		}
		if err := f(tx, c, now); err != nil {
			return err
		}
		if line != "" {
			m, err := s.line(ctx, tx, c, by, line, with, now)
			if err != nil {
				return err
			}
			notices = append(notices, m.notice(MessageAdded))
		}
		var assignee *int64
		n := Notice{Type: Changed, Conversation: id}
		if err := tx.QueryRow(ctx, `select state, assignee from conversations where id = $1`, id).Scan(&n.State, &assignee); err != nil {
			return err
		}
		if assignee != nil {
			n.Assignee = *assignee
		}
		notices = append(notices, n)
		for i := range notices {
			if err := s.notify(ctx, tx, &notices[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("conversation %d: %w", id, err)
	}
	for i := range notices {
		s.deliver(&notices[i])
	}
	return nil
}

// told are the events of which the customer's side is told by a line; the others are for agents.
var told = []string{"queued", "taken", "closed", "bot_back"}

// line puts an event into the thread.
func (s *Service) line(ctx context.Context, tx pgx.Tx, c *Conversation, by Actor, event string, with map[string]string, now time.Time) (*Message, error) {
	m := &Message{Conversation: c.ID, Thread: c.ID, Direction: None, Author: by, Kind: Event, Channel: c.Channel, Account: c.Account, State: Stored, At: now}
	if ch := s.channels[c.Channel]; ch != nil && ch.Limits(c.Account).Pull && slices.Contains(told, event) {
		m.Direction, m.State = Out, Sent
	}
	var err error
	if m.Data, err = dataJSON(&Data{Event: event, With: with}); err != nil {
		return nil, err
	}
	return m, s.insert(ctx, tx, m, nil, 0, now)
}

// Assign gives a conversation to a user, or with 0 to nobody. ErrAbsent when the user is an agent who is offline.
func (s *Service) Assign(ctx context.Context, id ID, user int64, by Actor) error {
	if err := s.isThere(ctx, id, user); err != nil {
		return fmt.Errorf("conversation %d: %w", id, err)
	}
	var was *int64
	err := s.change(ctx, id, by, "assigned", map[string]string{"user": strconv.FormatInt(user, 10)}, func(tx pgx.Tx, c *Conversation, now time.Time) error {
		if c.State == Closed {
			return fmt.Errorf("it is closed: %w", ErrState)
		}
		was = c.Assignee
		_, err := tx.Exec(ctx, `update conversations set assignee = nullif($2::bigint, 0), handler = case when $2 <> 0 then 'agent' when handler = 'agent' then 'queue' else handler end,
			enqueued = case when $2 = 0 and handler = 'agent' then false else enqueued end, queued_at = case when $2 = 0 and handler = 'agent' then $3 else queued_at end,
			queue = case when queue = '' then $4 else queue end where id = $1`, id, user, now, s.cfg.Queue)
		return err
	})
	if err != nil || s.queue == nil {
		return err
	}
	if user != 0 && (was == nil || *was != user) {
		err = s.queue.Taken(ctx, id.WorkID(), strconv.FormatInt(user, 10), actorName(by))
	}
	if user == 0 && was != nil {
		if err = s.queue.Left(ctx, id.WorkID()); err == nil {
			err = s.enqueueWaiting(ctx)
		}
	}
	return err
}

// isThere is ErrAbsent for a user from whom the queue would take the conversation back at once.
func (s *Service) isThere(ctx context.Context, id ID, user int64) error {
	if user == 0 || s.queue == nil {
		return nil
	}
	c, err := s.Conversation(ctx, id)
	if err != nil {
		return err
	}
	_, live := s.QueueOf(&c)
	absent, err := s.queue.Absent(ctx, id.WorkID(), strconv.FormatInt(user, 10), live)
	if err == nil && absent {
		err = ErrAbsent
	}
	return err
}

// QueueOf is the queue in which a conversation waits; live tells that somebody waits at its other end.
func (s *Service) QueueOf(c *Conversation) (queue string, live bool) {
	ch := s.channels[c.Channel]
	return cmp.Or(c.Queue, s.cfg.Queue), ch != nil && ch.Limits(c.Account).Live
}

// Taken notes that an agent got the conversation from its queue.
func (s *Service) Taken(ctx context.Context, id ID, user int64) error {
	c, err := s.Conversation(ctx, id)
	if err != nil {
		return err
	}
	if c.Handler == ByAgent && c.Assignee != nil && *c.Assignee == user {
		return nil
	}
	return s.change(ctx, id, Actor{Kind: System}, "taken", map[string]string{"user": strconv.FormatInt(user, 10)}, func(tx pgx.Tx, c *Conversation, _ time.Time) error {
		if c.State == Closed {
			return fmt.Errorf("it is closed: %w", ErrState)
		}
		_, err := tx.Exec(ctx, `update conversations set assignee = $2, handler = 'agent', enqueued = true where id = $1`, id, user)
		return err
	})
}

// Returned notes that the queue has the conversation again: its agent did not
// answer, left, or lost the connection.
func (s *Service) Returned(ctx context.Context, id ID, reason string) error {
	c, err := s.Conversation(ctx, id)
	if err != nil || c.Handler != ByAgent {
		return err
	}
	return s.change(ctx, id, Actor{Kind: System}, "requeued", map[string]string{"reason": clip(reason, 64)}, func(tx pgx.Tx, c *Conversation, now time.Time) error {
		_, err := tx.Exec(ctx, `update conversations set data = case when assignee is null then data else data || jsonb_build_object('was_with', assignee) end,
			assignee = null, handler = 'queue', enqueued = true, queued_at = coalesce(queued_at, $2) where id = $1`, id, now)
		return err
	})
}

// CloseConversation ends a conversation. The customer's next message within Config.ReopenWithin opens it again.
func (s *Service) CloseConversation(ctx context.Context, id ID, by Actor) error {
	err := s.change(ctx, id, by, "closed", nil, func(tx pgx.Tx, c *Conversation, now time.Time) error {
		if c.State == Closed {
			return fmt.Errorf("it is closed already: %w", ErrState)
		}
		_, err := tx.Exec(ctx, `update conversations set state = 'closed', closed_at = $2, closed_by = $3, snoozed_until = null, waiting_since = null, enqueued = true where id = $1`, id, now, actorName(by))
		return err
	})
	return s.left(ctx, id, err)
}

// left takes the work out of its queue after a change.
func (s *Service) left(ctx context.Context, id ID, err error) error {
	if err != nil || s.queue == nil {
		return err
	}
	if err := s.queue.Left(ctx, id.WorkID()); err != nil {
		s.log.Warn("queue not told that a conversation left", "conversation", id, "error", err)
	}
	return nil
}

// Reopen opens a closed conversation for an agent, who gets it.
func (s *Service) Reopen(ctx context.Context, id ID, by Actor) error {
	err := s.change(ctx, id, by, "reopened", nil, func(tx pgx.Tx, c *Conversation, _ time.Time) error {
		if c.State != Closed && c.State != Snoozed {
			return fmt.Errorf("it is open: %w", ErrState)
		}
		if c.SplitFrom == nil {
			var other bool
			err := tx.QueryRow(ctx, `select exists (select 1 from conversations where channel = $1 and account = $2 and external_user = $3 and external_thread = $4 and id <> $5
				and state in ('open', 'snoozed', 'merged') and split_from is null)`, c.Channel, c.Account, c.ExternalUser, c.ExternalThread, id).Scan(&other)
			if err != nil {
				return err
			}
			if other {
				return fmt.Errorf("the customer has a newer one: %w", ErrState)
			}
		}
		_, err := tx.Exec(ctx, `update conversations set state = 'open', closed_at = null, closed_by = '', snoozed_until = null,
			assignee = coalesce(nullif($2::bigint, 0), assignee), handler = case when $2 <> 0 then 'agent' else handler end where id = $1`, id, by.User)
		return err
	})
	if err != nil || s.queue == nil || by.User == 0 {
		return err
	}
	return s.queue.Taken(ctx, id.WorkID(), strconv.FormatInt(by.User, 10), actorName(by))
}

// Snooze puts a conversation aside until a time, or the customer's next message.
func (s *Service) Snooze(ctx context.Context, id ID, until time.Time, by Actor) error {
	now := s.now()
	if !until.After(now) || until.After(now.AddDate(1, 0, 1)) {
		return fmt.Errorf("until must be within the next year: %w", ErrState)
	}
	err := s.change(ctx, id, by, "snoozed", map[string]string{"until": until.UTC().Format(time.RFC3339)}, func(tx pgx.Tx, c *Conversation, _ time.Time) error {
		if c.State == Closed {
			return fmt.Errorf("it is closed: %w", ErrState)
		}
		_, err := tx.Exec(ctx, `update conversations set state = 'snoozed', snoozed_until = $2 where id = $1`, id, until.UTC())
		return err
	})
	if err == nil && s.queue != nil {
		if err := s.queue.Turn(ctx, id.WorkID(), true); err != nil {
			s.log.Warn("queue not told of a snooze", "conversation", id, "error", err)
		}
	}
	return err
}

// wakeSnoozed opens what was put aside until now.
func (s *Service) wakeSnoozed(ctx context.Context) error {
	ids, err := pg.Rows(ctx, s.db, pgx.RowTo[ID], `select id from conversations where state = 'snoozed' and snoozed_until <= $1 order by snoozed_until limit 200`, s.now())
	if err != nil {
		return err
	}
	for _, id := range ids {
		err := s.change(ctx, id, Actor{Kind: System}, "woken", nil, func(tx pgx.Tx, c *Conversation, now time.Time) error {
			_, err := tx.Exec(ctx, `update conversations set state = 'open', snoozed_until = null, last_at = $2 where id = $1 and state = 'snoozed'`, id, now)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

const (
	maxLabels = 30
	maxLabel  = 40
)

// Label sets all labels of a conversation; each must be in the list of labels.
func (s *Service) Label(ctx context.Context, id ID, labels []string, by Actor) error {
	labels = slices.Compact(slices.Sorted(slices.Values(labels)))
	if len(labels) > maxLabels {
		return bad("more than %d labels", maxLabels)
	}
	return s.change(ctx, id, by, "", nil, func(tx pgx.Tx, c *Conversation, _ time.Time) error {
		var known int
		if err := tx.QueryRow(ctx, `select count(*) from conversation_labels where name = any($1)`, labels).Scan(&known); err != nil {
			return err
		}
		if known != len(labels) {
			return bad("a label is not in the list of labels")
		}
		if labels == nil {
			labels = []string{}
		}
		_, err := tx.Exec(ctx, `update conversations set labels = $2 where id = $1`, id, labels)
		return err
	})
}

// SetUrgency sets 0 low, 1 normal, 2 high or 3 urgent.
func (s *Service) SetUrgency(ctx context.Context, id ID, u Urgency, by Actor) error {
	if u < 0 || u > 3 {
		return bad("there is no urgency %d", u)
	}
	return s.change(ctx, id, by, "", nil, func(tx pgx.Tx, c *Conversation, _ time.Time) error {
		_, err := tx.Exec(ctx, `update conversations set urgency = $2 where id = $1`, id, u)
		return err
	})
}

// errThere: it waits in that queue already.
var errThere = errors.New("it waits there already")

// maxPacket bounds what goes with a hand-over.
const maxPacket = 12 << 10

// HandOver puts a conversation into a queue of agents. packet is JSON that the
// agent gets with it: why, slots, what was tried. bar keeps it from the bot for
// good. It is put there at least once: when the queue cannot take it now, the
// sweep tries again. A conversation that an agent has stays with the agent.
func (s *Service) HandOver(ctx context.Context, id ID, queue string, packet Packet) error {
	return s.handOver(ctx, id, Actor{Kind: Bot}, queue, packet, false)
}

// HandOverForGood is HandOver after which the bot never gets the conversation back.
func (s *Service) HandOverForGood(ctx context.Context, id ID, queue string, packet Packet) error {
	return s.handOver(ctx, id, Actor{Kind: Bot}, queue, packet, true)
}

// Transfer is an agent's HandOver, out of the own hands too.
func (s *Service) Transfer(ctx context.Context, id ID, queue string, packet Packet, by Actor) error {
	return s.handOver(ctx, id, by, queue, packet, false)
}

func (s *Service) handOver(ctx context.Context, id ID, by Actor, queue string, packet Packet, barred bool) error {
	if queue == "" {
		queue = s.cfg.Queue
	}
	if len(packet) > maxPacket || len(packet) > 0 && !json.Valid(packet) {
		return bad("the packet is no JSON of at most %d bytes", maxPacket)
	}
	if len(packet) == 0 {
		packet = nil
	}
	err := s.change(ctx, id, by, "queued", map[string]string{"queue": queue}, func(tx pgx.Tx, c *Conversation, now time.Time) error {
		if c.State == Closed {
			return fmt.Errorf("it is closed: %w", ErrState)
		}
		if c.Handler == ByQueue && c.Queue == queue || c.Handler == ByAgent && by.Kind != Agent { // an agent was faster than the bot
			return errThere
		}
		_, err := tx.Exec(ctx, `update conversations set handler = 'queue', queue = $2, packet = $3, queued_at = coalesce(waiting_since, $4), waiting_since = coalesce(waiting_since, $4), enqueued = false, assignee = null,
			bot_barred = bot_barred or $5, state = 'open', snoozed_until = null where id = $1`, id, queue, packet, now, barred)
		return err
	})
	switch {
	case errors.Is(err, errThere):
	case err != nil:
		return err
	default:
		s.handed.Add(1)
	}
	if err := s.enqueueOne(ctx, id); err != nil {
		s.log.Warn("queue takes no conversation now", "conversation", id, "queue", queue, "error", err)
	}
	return nil
}

// GiveBack gives a conversation to the bot again. What an agent was to know of it goes.
func (s *Service) GiveBack(ctx context.Context, id ID, by Actor) error {
	err := s.change(ctx, id, by, "bot_back", nil, func(tx pgx.Tx, c *Conversation, _ time.Time) error {
		if c.BotBarred || c.State == Closed || c.Handler == ByAgent && by.Kind == Bot { // an agent was faster than the bot
			return fmt.Errorf("the bot does not get it back: %w", ErrState)
		}
		_, err := tx.Exec(ctx, `update conversations set handler = 'bot', assignee = null, enqueued = true, queue = '', packet = null where id = $1`, id)
		return err
	})
	return s.left(ctx, id, err)
}

// enqueueWaiting puts conversations into queues that have not been taken yet.
func (s *Service) enqueueWaiting(ctx context.Context) error {
	if s.queue == nil {
		return nil
	}
	ids, err := pg.Rows(ctx, s.db, pgx.RowTo[ID], `select id from conversations where handler = 'queue' and state <> 'closed' and not enqueued order by queued_at limit 200`)
	if err != nil {
		return err
	}
	var errs []error // one that cannot be queued does not hold up the others
	for _, id := range ids {
		if err := s.enqueueOne(ctx, id); err != nil {
			errs = append(errs, fmt.Errorf("conversation %d: %w", id, err))
		}
	}
	return errors.Join(errs...)
}

func (s *Service) enqueueOne(ctx context.Context, id ID) error {
	if s.queue == nil {
		return nil
	}
	c, err := s.Conversation(ctx, id)
	if err != nil || c.Handler != ByQueue || c.State == Closed || c.State == Merged {
		return err
	}
	var live bool
	c.Queue, live = s.QueueOf(&c)
	err = s.queue.Enqueue(ctx, c, live)
	if s.toldMissing(c.Queue, errors.Is(err, ErrNoQueue)) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = s.db.Exec(ctx, `update conversations set enqueued = true, queue = $2 where id = $1 and handler = 'queue'`, id, c.Queue)
	if err != nil {
		return err
	}
	if c, err = s.Conversation(ctx, id); err == nil && !c.Wanted() { // it was closed, merged or given back while it was put there
		err = s.queue.Left(ctx, id.WorkID())
	}
	return err
}

// Wanted says whether agents have, or wait for, a conversation: then it is work of a queue.
func (c *Conversation) Wanted() bool {
	return c.State != Closed && c.State != Merged && c.Handler != ByBot
}

// toldMissing notes whether a queue is there. It is true for one that is not and of which that was said
// already: the sweep comes by every few seconds, its operator is told once.
func (s *Service) toldMissing(queue string, missing bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, said := s.missing[queue]
	switch {
	case !missing:
		delete(s.missing, queue)
		return false
	case len(s.missing) < maxMissing:
		s.missing[queue] = struct{}{}
	}
	return said
}

// maxMissing bounds the queues that are remembered as missing.
const maxMissing = 1000
