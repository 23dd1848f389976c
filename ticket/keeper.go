package ticket

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
	"tingxin/queue"
)

// tendBatch is how many tickets of one kind one round takes; more come in the next.
const tendBatch = 200

// dispatchRounds is how many batches one round looks at behind tickets whose queue takes nothing.
const dispatchRounds = 25

// Start begins to keep the promises in view and to give tickets out. Close ends it.
func (s *Service) Start(ctx context.Context) error {
	ctx, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	// Ends with Close; a change wakes it, so that dispatch need not wait.
	s.done.Go(func() { pg.Keep(ctx, s.wake, s.tend) })
	return nil
}

// Close returns when nothing runs any more. Twice is fine.
func (s *Service) Close() error {
	s.once.Do(func() {
		if s.stop != nil {
			s.stop()
		}
	})
	s.done.Wait()
	return nil
}

func (s *Service) tend(ctx context.Context) {
	if err := s.Tend(ctx); err != nil && ctx.Err() == nil {
		s.failures.Add(1)
		s.log.Warn("tickets were not looked after", "error", err)
	}
}

// Tend does what time brings: levels of clocks, holds that are over, reminders, the end of resolved
// tickets, and the give and take with the router. Several servers may do it at once.
func (s *Service) Tend(ctx context.Context) error {
	return errors.Join(s.levels(ctx), s.moveByTime(ctx), s.remind(ctx), s.dispatch(ctx))
}

// levels tells of the shares of promises that were reached.
func (s *Service) levels(ctx context.Context) error {
	hours, err := s.calendars(ctx)
	if err != nil {
		return err
	}
	var told []Notice
	err = s.db.Tx(ctx, func(tx pgx.Tx) error {
		now := s.now()
		ids, err := pg.TxRows(ctx, tx, pgx.RowTo[ID], `select ticket_id from sla_clocks where stopped_at is null and next_at <= $1 order by next_at limit $2`, now, tendBatch)
		if err != nil || len(ids) == 0 {
			return err
		}
		tickets, err := pg.TxRows(ctx, tx, scanTicket, `select `+ticketColumns+` from tickets where id = any($1) order by id for update skip locked`, ids)
		if err != nil {
			return err
		}
		for i := range tickets {
			t := &tickets[i]
			c, err := loadClocks(ctx, tx, t, hours)
			if err != nil {
				return err
			}
			for j := range c.running {
				k := &c.running[j]
				level := k.reached(c.hoursOf(k), now)
				if level <= k.told {
					continue
				}
				k.told, k.dirty = level, true
				if err := trailOf(ctx, tx, t.ID, now, System, "warned", map[string]any{"clock": k.Kind, "level": level}); err != nil {
					return err
				}
				n := t.notice(System)
				n.Clock, n.Level = k.Kind, level
				told = append(told, n)
			}
			if err := c.save(ctx, tx); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("levels of clocks: %w", err)
	}
	for _, n := range told {
		if s.warned.Add(1); n.Level >= 100 {
			s.breached.Add(1)
		}
		s.publish(EventWarned, n)
	}
	return nil
}

// reached is the highest level whose moment is not after now.
func (k *storedClock) reached(h Hours, now time.Time) int {
	level := k.told
	for _, l := range Levels {
		if l <= level {
			continue
		}
		if at, ok := k.LevelAt(h, l); !ok || at.After(now) {
			break
		}
		level = l
	}
	return level
}

// moveByTime opens tickets whose hold is over, closes those resolved for long and resolves those
// whose customer stays silent.
func (s *Service) moveByTime(ctx context.Context) error {
	now := s.now()
	all, err := pg.Rows(ctx, s.db, pgx.RowTo[ID], `(select id from tickets where state = 'on_hold' and hold_until <= $1 limit $4)
		union all (select id from tickets where state = 'resolved' and state_at <= $2 limit $4)
		union all (select id from tickets where state = 'pending_customer' and state_at <= $3 limit $4)`,
		now, now.Add(-s.cfg.ReopenFor), now.Add(-2*max(s.cfg.RemindAfter, 0)), tendBatch)
	if err != nil {
		return fmt.Errorf("tickets whose time has come: %w", err)
	}
	for _, id := range all {
		_, err := s.mutate(ctx, "move", id, System, EventChanged, func(tx pgx.Tx, t *Ticket) (map[string]any, error) {
			to := t.State
			switch {
			case t.State == OnHold && !t.HoldUntil.After(now):
				to = Open
			case t.State == Resolved && !t.StateAt.After(now.Add(-s.cfg.ReopenFor)):
				to = Closed
			case t.State == PendingCustomer && s.cfg.RemindAfter > 0 && !t.StateAt.After(now.Add(-2*s.cfg.RemindAfter)):
				to = Resolved
			}
			if to == t.State {
				return nil, nil // somebody was faster
			}
			if to.Over() {
				if err := noOpenChildren(ctx, tx, t.ID); errors.Is(err, ErrChildren) {
					return nil, nil
				} else if err != nil {
					return nil, err
				}
			}
			detail := map[string]any{"state": [2]State{t.State, to}, "by_time": true}
			t.State, t.HoldUntil = to, time.Time{}
			return detail, nil
		})
		if err != nil && !errors.Is(err, pg.ErrNotFound) && !errors.Is(err, ErrMerged) {
			return err
		}
	}
	return nil
}

// remind tells once per wait that the customer should be reminded; whoever carries public comments
// to customers listens.
func (s *Service) remind(ctx context.Context) error {
	if s.cfg.RemindAfter <= 0 {
		return nil
	}
	now := s.now()
	var due []Ticket
	err := s.db.Tx(ctx, func(tx pgx.Tx) (err error) {
		due, err = pg.TxRows(ctx, tx, scanTicket, `select `+ticketColumns+` from tickets t where state = 'pending_customer' and state_at <= $1
			and not exists (select from ticket_trail r where r.ticket_id = t.id and r.kind = 'reminded' and r.at >= t.state_at)
			order by id limit $2 for update skip locked`, now.Add(-s.cfg.RemindAfter), tendBatch)
		if err != nil {
			return err
		}
		for i := range due {
			if err := trailOf(ctx, tx, due[i].ID, now, System, "reminded", map[string]any{}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("reminders: %w", err)
	}
	for i := range due {
		s.publish(EventReminder, due[i].notice(System))
	}
	return nil
}

// workPrefix makes a ticket's number the id of its work.
const workPrefix = "ticket:"

// WorkID is the ticket's work in the router.
func (id ID) WorkID() queue.WorkID {
	return queue.WorkID(workPrefix + strconv.FormatInt(int64(id), 10))
}

// OfWork is the ticket of a piece of work.
func OfWork(w queue.WorkID) (ID, bool) {
	digits, ok := strings.CutPrefix(string(w), workPrefix)
	n, err := strconv.ParseInt(digits, 10, 64)
	return ID(n), ok && err == nil
}

// stand is a ticket beside its work in the router; either may be missing.
type stand struct {
	id       ID
	needed   bool // the ticket is with us and wants somebody
	pending  bool // it waits for somebody else
	assignee int64
	queue    string
	priority string
	contact  int64
	language string
	vip      bool
	since    time.Time
	targetMS int64
	phase    string // of the work; empty is none
	agent    int64
	inQueue  string
	waits    bool // the work is marked as pending
	complain bool
	repeat   bool
	released bool // the ticket was taken from the agent after the router gave it
}

const stands = `select coalesce(t.id, substr(w.id, 8)::bigint),
		coalesce(t.state in ('new', 'open', 'pending_customer', 'pending_third', 'on_hold') and t.queue_id is not null and t.merged_into is null, false),
		coalesce(t.state in ('pending_customer', 'pending_third', 'on_hold'), false),
		coalesce(t.assignee, 0), coalesce(t.queue_id, ''), coalesce(t.priority, 'normal'), coalesce(t.contact_id, 0), coalesce(t.language, ''),
		coalesce(k.vip, false), coalesce(t.created_at, now()),
		coalesce((select c.target_ms from sla_clocks c where c.ticket_id = t.id and c.stopped_at is null and c.due_at is not null order by c.due_at limit 1), 0),
		coalesce(w.phase, ''), case when w.phase in ('assigned', 'active') then coalesce(w.agent_id, 0) else 0 end, coalesce(w.queue_id, ''),
		coalesce((w.item->>'pending')::boolean, false), coalesce(t.complaint, false),
		coalesce(t.reopened > 0, false), coalesce((w.item->>'assigned_at')::timestamptz <= t.released_at, false)
	from (select * from tickets where state in ('new', 'open', 'pending_customer', 'pending_third', 'on_hold') and queue_id is not null and merged_into is null) t
	full join (select * from queue_work where kind = 'ticket' and id like 'ticket:%' and phase <> 'ended') w on w.id = 'ticket:' || t.id
	left join contacts k on k.id = t.contact_id
	where (t.id is null or w.queue_id <> t.queue_id
		or w.id is null and t.state in ('new', 'open') and (t.assignee is null or exists (select from agents a where a.user_id = t.assignee))
		or w.id is not null and ((t.state in ('new', 'open')) = coalesce((w.item->>'pending')::boolean, false)
			or case when w.phase in ('assigned', 'active') then w.agent_id end is distinct from t.assignee))
		and coalesce(t.id, substr(w.id, 8)::bigint) > $2
	order by 1 limit $1`

func scanStand(row pgx.CollectableRow) (stand, error) {
	var s stand
	err := row.Scan(&s.id, &s.needed, &s.pending, &s.assignee, &s.queue, &s.priority, &s.contact, &s.language, &s.vip, &s.since, &s.targetMS,
		&s.phase, &s.agent, &s.inQueue, &s.waits, &s.complain, &s.repeat, &s.released)
	return s, err
}

// dispatch brings tickets and their work together: a ticket that is with us and nobody's waits in
// its queue, the agent whom the router chose gets it, work of what is over ends. The rows of both are
// the truth, so it does not matter what was missed while a server was away.
func (s *Service) dispatch(ctx context.Context) error {
	if s.router == nil {
		return nil
	}
	var errs []error
	full := map[string]bool{} // queues that take nothing now; the first of their tickets has told so
	for after, round := ID(0), 0; round < dispatchRounds; round++ {
		all, err := pg.Rows(ctx, s.db, scanStand, stands, tendBatch, after)
		if err != nil {
			return fmt.Errorf("tickets and their work: %w", err)
		}
		heldUp := false
		for i := range all {
			st := &all[i]
			if st.needed && st.phase == "" && full[st.queue] {
				heldUp = true
				continue
			}
			if err := s.settle(ctx, st); err != nil {
				errs = append(errs, fmt.Errorf("dispatch ticket %d: %w", st.id, err))
				full[st.queue] = full[st.queue] || errors.Is(err, queue.ErrFull) || errors.Is(err, queue.ErrNoQueue)
			}
			if len(errs) > 10 {
				return errors.Join(errs...)
			}
		}
		if !heldUp || len(all) < tendBatch {
			break
		}
		after = all[len(all)-1].id
	}
	return errors.Join(errs...)
}

func (s *Service) settle(ctx context.Context, st *stand) error {
	work := st.id.WorkID()
	switch {
	case !st.needed: // resolved, merged or out of all queues
		if st.agent != 0 {
			return gone(s.router.Ended(ctx, work, ""))
		}
		return gone(s.router.Remove(ctx, work))
	case st.phase == "":
		return s.enqueue(ctx, st)
	case st.released, st.pending && st.agent == 0 && st.assignee == 0: // nobody's, and not with us; or to be given out anew
		return gone(s.router.Remove(ctx, work))
	case st.inQueue != st.queue:
		return gone(s.router.Transfer(ctx, work, queue.QueueID(st.queue)))
	case st.agent != 0 && st.assignee == 0:
		s.dispatched.Add(1)
		return s.take(ctx, st)
	case st.assignee != 0 && st.agent != st.assignee: // somebody gave it out by hand
		_, err := s.router.Assign(ctx, work, agentID(st.assignee), "")
		if errors.Is(err, queue.ErrNoAgent) { // a user who takes no work from queues
			return gone(s.router.Remove(ctx, work))
		}
		return gone(err)
	case st.pending != st.waits:
		return gone(s.router.Pending(ctx, work, st.pending))
	}
	return nil
}

func agentID(user int64) queue.AgentID { return queue.AgentID(strconv.FormatInt(user, 10)) }

// enqueue puts a ticket into its queue with the age that it has. One that has an assignee goes
// straight to them, so that their load counts it.
func (s *Service) enqueue(ctx context.Context, st *stand) error {
	urgency, err := priorityOf(st.priority)
	if err != nil {
		return err
	}
	w := queue.Work{ID: st.id.WorkID(), Kind: queue.KindTicket, Queue: queue.QueueID(st.queue), Urgency: urgency, Since: st.since,
		Target: time.Duration(st.targetMS) * time.Millisecond, Language: st.language, Signals: queue.Signals{VIP: st.vip, Complaint: st.complain, Repeat: st.repeat}}
	if st.contact != 0 {
		w.Contact = strconv.FormatInt(st.contact, 10)
	}
	t, err := s.router.Enqueue(ctx, w)
	if errors.Is(err, queue.ErrThere) {
		return nil
	}
	if err != nil {
		return err
	}
	t.Close() // the rows tell what becomes of it
	if st.assignee != 0 {
		if _, err := s.router.Assign(ctx, w.ID, agentID(st.assignee), ""); errors.Is(err, queue.ErrNoAgent) {
			return gone(s.router.Remove(ctx, w.ID))
		} else if err != nil {
			return gone(err)
		}
	}
	return nil
}

// take writes down whom the router gave a ticket.
func (s *Service) take(ctx context.Context, st *stand) error {
	_, err := s.mutate(ctx, "assign", st.id, Actor{Name: "router", Kind: "system"}, EventChanged, func(_ pgx.Tx, t *Ticket) (map[string]any, error) {
		if t.Assignee != 0 || t.State.Over() {
			return nil, nil
		}
		diff := map[string]any{}
		put(diff, "assignee", &t.Assignee, &st.agent)
		if t.State == New {
			diff["state"] = [2]State{New, Open}
			t.State = Open
		}
		return diff, nil
	})
	if err != nil {
		return err
	}
	return gone(s.router.Answered(ctx, st.id.WorkID())) // taking a ticket is all the answer that the router waits for
}

// gone forgives what is not there any more: the next round looks again.
func gone(err error) error {
	if errors.Is(err, queue.ErrGone) || errors.Is(err, queue.ErrNoWork) || errors.Is(err, pg.ErrNotFound) || errors.Is(err, queue.ErrState) {
		return nil
	}
	return err
}
