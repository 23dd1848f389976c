package callout

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/contact"
	"tingxin/pg"
	"tingxin/queue"
)

// ErrNotCalled says that somebody does not want to be called.
var ErrNotCalled = errors.New("this person does not want to be called")

// Try is one attempt at an entry.
type Try struct {
	Entry int64
	Work  queue.WorkID
	Agent queue.AgentID
	Call  string
	At    time.Time
	How   string // answered, busy, no_answer, given_up, failed; cut when the server was stopped meanwhile
}

// allowed asks the ledger of consents.
func (s *Service) allowed(ctx context.Context, p contact.Purpose, e *Entry) (bool, error) {
	id := contact.ID(e.Contact)
	if id == 0 {
		var err error
		id, err = s.parts.People.Find(ctx, contact.Key{Kind: contact.KindPhone, Value: e.Number})
		if errors.Is(err, pg.ErrNotFound) || errors.Is(err, contact.ErrIdentity) {
			nothing := contact.Line{Purpose: p}
			return nothing.Allowed(), nil
		}
		if err != nil {
			return false, err
		}
	}
	line, err := s.parts.People.State(ctx, id, p)
	if err != nil {
		return false, err
	}
	return line.Allowed(), nil
}

// refuse settles an entry that is not to be called.
func (s *Service) refuse(ctx context.Context, id int64) error {
	n, err := s.db.Exec(ctx, `update call_list_entries set state = 'refused', outcome = $2, work_id = null, updated_at = now() where id = $1 and state in ('queued', 'pending')`, id, DoNotCall)
	if n > 0 {
		s.refused.Add(1)
	}
	return err
}

// of reads an entry and its list.
func (s *Service) of(ctx context.Context, id int64) (Entry, List, error) {
	e, err := pg.Row(ctx, s.db, scanEntry, `select `+entryColumns+` from call_list_entries e where e.id = $1`, id)
	if err != nil {
		return e, List{}, fmt.Errorf("entry %d: %w", id, err)
	}
	l, err := pg.Row(ctx, s.db, scanList, `select `+listColumns+` from call_lists l where l.id = $1`, e.List)
	return e, l, err
}

// May says whether an entry may be called now, before a telephone rings for it. ErrNotCalled settles it.
func (s *Service) May(ctx context.Context, id int64) error {
	e, l, err := s.of(ctx, id)
	if errors.Is(err, pg.ErrNotFound) { // erased a moment ago
		return ErrNotCalled
	}
	if err != nil {
		return err
	}
	if e.State != Queued {
		return ErrNotCalled
	}
	allowed, err := s.allowed(ctx, l.Purpose, &e)
	switch {
	case err != nil:
		return err
	case !allowed:
		return errors.Join(ErrNotCalled, s.refuse(ctx, id))
	}
	return nil
}

// Begun writes that somebody is being called.
func (s *Service) Begun(ctx context.Context, t Try) error {
	_, err := s.db.Exec(ctx, `insert into call_list_attempts (entry_id, work_id, agent_id, call_id, at) select id, $2, nullif($3, '')::bigint, nullif($4, '')::uuid, $5 from call_list_entries where id = $1`,
		t.Entry, t.Work, string(t.Agent), t.Call, t.At)
	return err
}

// Over writes how it went, and when the next try is.
func (s *Service) Over(ctx context.Context, t Try) error {
	err := s.settle(ctx, t.Entry, t.How, &t)
	if err == nil {
		switch t.How {
		case "answered":
			s.answered.Add(1)
		case "cut":
		default:
			s.unreached.Add(1)
		}
	}
	return err
}

// pause is how long after an outcome the next try is.
func (l *List) pause(how string) time.Duration {
	switch how {
	case "busy":
		return l.Busy
	case "no_answer", "given_up", "not_now":
		return l.NoAnswer
	}
	return l.Failed
}

// settle ends the attempts of an entry that are open and gives the entry its state: done when it was answered, pending
// until its next try, unreached after the last one. A try that was cut by us does not count. t is nil when nobody knows more.
func (s *Service) settle(ctx context.Context, id int64, how string, t *Try) error {
	err := s.db.Tx(ctx, func(tx pgx.Tx) error {
		e, err := pg.TxRow(ctx, tx, scanEntry, `select `+entryColumns+` from call_list_entries e where e.id = $1 for update`, id)
		if errors.Is(err, pg.ErrNotFound) {
			return nil // erased
		}
		if err != nil {
			return err
		}
		l, err := pg.TxRow(ctx, tx, scanList, `select `+listColumns+` from call_lists l where l.id = $1`, e.List)
		if err != nil {
			return err
		}
		if t != nil {
			tag, err := tx.Exec(ctx, `update call_list_attempts set outcome = $3, ended_at = $4 where entry_id = $1 and work_id = $2 and ended_at is null`, id, t.Work, how, t.At)
			if err == nil && tag.RowsAffected() == 0 { // its begin was not written
				_, err = tx.Exec(ctx, `insert into call_list_attempts (entry_id, work_id, agent_id, call_id, at, ended_at, outcome) values ($1, $2, nullif($3, '')::bigint, nullif($4, '')::uuid, $5, $5, $6)`,
					id, t.Work, string(t.Agent), t.Call, t.At, how)
			}
			if err != nil {
				return err
			}
		} else if _, err := tx.Exec(ctx, `update call_list_attempts set outcome = $2, ended_at = now() where entry_id = $1 and ended_at is null`, id, how); err != nil {
			return err
		}
		if e.State != Queued || t != nil && t.Work != e.Work {
			return nil // settled already
		}
		state, next, counts := Pending, s.parts.Now(), 1
		switch how {
		case "answered":
			state = Done
		case "removed":
			state, counts = Cancelled, 0
		case "cut":
			counts = 0
		default:
			next = next.Add(l.pause(how))
		}
		if e.Attempts += counts; state == Pending && e.Attempts >= l.Attempts {
			state = Unreached
		}
		_, err = tx.Exec(ctx, `update call_list_entries set state = $2, outcome = $3, attempts = $4, not_before = $5, work_id = null, updated_at = now() where id = $1`, id, state, how, e.Attempts, next)
		return err
	})
	if err == nil {
		s.Poke()
	}
	return err
}

// Reasons for which an agent may skip an entry.
var Reasons = []string{"not_now", "wrong_number", "not_suitable", "done_already", DoNotCall, "other"}

// Skip is an agent's decision not to call: later for not_now, never for the others. do_not_call is written to the
// ledger of consents, for the purpose of the list. ErrGone when the agent does not have the work before them.
func (s *Service) Skip(ctx context.Context, id queue.WorkID, agent queue.AgentID, by, reason, note string) error {
	if !slices.Contains(Reasons, reason) {
		return invalid("a reason is one of %v", Reasons)
	}
	e, err := pg.Row(ctx, s.db, scanEntry, `select `+entryColumns+` from call_list_entries e where e.work_id = $1 and e.state = 'queued'`, string(id))
	if errors.Is(err, pg.ErrNotFound) {
		return queue.ErrGone
	}
	if err != nil {
		return err
	}
	l, err := s.Get(ctx, e.List)
	if err != nil {
		return err
	}
	var who contact.ID
	if reason == DoNotCall {
		if who, _, err = s.parts.People.Resolve(ctx, contact.Key{Kind: contact.KindPhone, Value: e.Number, Source: "call list", Name: e.Name}); err != nil {
			return err
		}
	}
	if err := s.parts.Queues.Skip(ctx, id, agent); err != nil {
		return err
	}
	state, next := Skipped, s.parts.Now()
	switch reason {
	case "not_now":
		state, next = Pending, next.Add(l.pause(reason))
	case DoNotCall:
		state = Refused
	}
	err = s.db.Tx(ctx, func(tx pgx.Tx) error {
		if who != 0 {
			if _, err := s.parts.People.Say(ctx, tx, who, contact.Line{Purpose: l.Purpose, State: contact.ConsentRefused, Channel: "call", Source: by, Proof: "call list " + fmt.Sprint(l.ID)}); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(ctx, `insert into call_list_attempts (entry_id, work_id, agent_id, at, ended_at, outcome, reason, note) values ($1, $2, nullif($3, '')::bigint, $4, $4, 'skipped', $5, $6)`,
			e.ID, string(id), string(agent), s.parts.Now(), reason, cut(clean(note), maxEntryNote)); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `update call_list_entries set state = $2, outcome = $3, not_before = $4, work_id = null, updated_at = now() where id = $1 and state = 'queued'`, e.ID, state, reason, next)
		return err
	})
	if err == nil {
		s.skipped.Add(1)
		s.Poke()
	}
	return err
}

func cut(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n])
	}
	return s
}

// Cancel takes an entry out for good, out of its queue too. ErrState while it is being called, or when it is over.
func (s *Service) Cancel(ctx context.Context, tx pgx.Tx, list, id int64) error {
	e, err := pg.TxRow(ctx, tx, scanEntry, `select `+entryColumns+` from call_list_entries e where e.id = $1 and e.list_id = $2 for update`, id, list)
	if err != nil {
		return fmt.Errorf("entry %d: %w", id, err)
	}
	if e.State == Queued {
		switch err := s.parts.Queues.Withdraw(ctx, e.Work); {
		case errors.Is(err, queue.ErrNoWork):
		case errors.Is(err, queue.ErrState):
			return fmt.Errorf("%w: an agent has it", ErrState)
		case err != nil:
			return err
		}
	}
	return s.cancel(ctx, tx, list, id)
}
