package feedback

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
	"tingxin/ticket"
)

// Promises of a case.
const (
	Acknowledge ticket.ClockKind = "acknowledge" // the customer hears that we know
	FirstWord   ticket.ClockKind = "contact"     // a person has talked with the customer
	Answer      ticket.ClockKind = "answer"      // the customer was told what was found and done
)

// promises are how long each takes; only the contact counts open hours.
func (s *Service) promises() map[ticket.ClockKind]time.Duration {
	return map[ticket.ClockKind]time.Duration{Acknowledge: s.cfg.AcknowledgeIn, FirstWord: s.cfg.ContactIn, Answer: s.cfg.AnswerIn}
}

// kept is a clock with its row.
type kept struct {
	ticket.Clock
	id       int64
	caseID   CaseID
	calendar string
	told     int
}

const clockColumns = `id, case_id, kind, calendar, target_ms, runs, told, stopped_at, outcome, over_ms`

func scanClock(row pgx.CollectableRow) (kept, error) {
	var k kept
	var target, over int64
	var stopped *time.Time
	var runs json.RawMessage
	if err := row.Scan(&k.id, &k.caseID, &k.Kind, &k.calendar, &target, &runs, &k.told, &stopped, &k.Outcome, &over); err != nil {
		return k, err
	}
	k.Target, k.Over, k.StoppedAt = time.Duration(target)*time.Millisecond, time.Duration(over)*time.Millisecond, pg.Moment(stopped)
	if err := json.Unmarshal(runs, &k.Runs); err != nil {
		return k, err
	}
	if len(k.Runs) == 0 {
		return k, fmt.Errorf("clock %d of case %d has no run", k.id, k.caseID)
	}
	return k, nil
}

// startClock begins a promise; one that runs already goes on.
func (s *Service) startClock(ctx context.Context, tx pgx.Tx, id CaseID, kind ticket.ClockKind, at time.Time) error {
	k := kept{Clock: ticket.StartClock(kind, s.promises()[kind], at), caseID: id}
	if kind == FirstWord {
		k.calendar = s.cfg.Calendar
	}
	h, err := s.hours(ctx, k.calendar)
	if err != nil {
		return err
	}
	due, next := k.ends(h)
	_, err = tx.Exec(ctx, `insert into case_clocks (case_id, kind, calendar, target_ms, runs, started_at, due_at, next_at) values ($1, $2, $3, $4, $5, $6, $7, $8)
		on conflict (case_id, kind) where stopped_at is null do nothing`, id, kind, k.calendar, k.Target.Milliseconds(), k.Runs, at, due, next)
	return pg.Map(err)
}

func (k *kept) ends(h ticket.Hours) (due, next *time.Time) {
	if at, ok := k.Due(h); ok {
		due = &at
	}
	if _, at, ok := k.NextLevel(h, k.told); ok {
		next = &at
	}
	return due, next
}

func (s *Service) saveClock(ctx context.Context, tx pgx.Tx, k *kept, h ticket.Hours) error {
	due, next := k.ends(h)
	_, err := tx.Exec(ctx, `update case_clocks set runs = $2, due_at = $3, told = $4, next_at = $5, stopped_at = $6, outcome = $7, over_ms = $8 where id = $1`,
		k.id, k.Runs, due, k.told, next, pg.OrNull(k.StoppedAt), k.Outcome, k.Over.Milliseconds())
	return pg.Map(err)
}

// stopClocks ends running promises of these kinds, kept or, when cancel is set, fallen away.
func (s *Service) stopClocks(ctx context.Context, tx pgx.Tx, id CaseID, at time.Time, cancel bool, kinds ...ticket.ClockKind) error {
	all, err := pg.TxRows(ctx, tx, scanClock, `select `+clockColumns+` from case_clocks where case_id = $1 and stopped_at is null and kind = any($2) order by id for update`, id, kinds)
	if err != nil {
		return err
	}
	for i := range all {
		k := &all[i]
		h, err := s.hours(ctx, k.calendar)
		if err != nil {
			return err
		}
		if cancel {
			k.Cancel(h, at)
		} else {
			k.Stop(h, at)
		}
		if err := s.saveClock(ctx, tx, k, h); err != nil {
			return err
		}
	}
	return nil
}

// followClocks brings the promises in line with a changed case.
func (s *Service) followClocks(ctx context.Context, tx pgx.Tx, before, c *Case) error {
	now := c.UpdatedAt
	switch {
	case c.Round > before.Round: // opened again: the same is promised again
		if err := s.startClock(ctx, tx, c.ID, FirstWord, now); err != nil {
			return err
		}
		return s.startClock(ctx, tx, c.ID, Answer, now)
	case c.State == before.State:
		return nil
	case c.State == Contacted && before.State == New:
		return s.stopClocks(ctx, tx, c.ID, now, false, FirstWord)
	case c.State == Told:
		return s.stopClocks(ctx, tx, c.ID, now, false, Acknowledge, FirstWord, Answer)
	case c.State == Closed:
		return s.stopClocks(ctx, tx, c.ID, now, true, Acknowledge, FirstWord, Answer)
	}
	return nil
}

// Clock is a promise as people see it.
type Clock struct {
	Kind      ticket.ClockKind `json:"kind" enum:"acknowledge,contact,answer"`
	StartedAt time.Time        `json:"started_at"`
	DueAt     time.Time        `json:"due_at,omitzero"`
	TargetMS  int64            `json:"target_ms"`
	Spent     float64          `json:"spent" doc:"share of the target, 1 at the due moment"`
	StoppedAt time.Time        `json:"stopped_at,omitzero"`
	Outcome   ticket.Outcome   `json:"outcome,omitempty" enum:",hit,missed,cancelled"`
	OverMS    int64            `json:"over_ms,omitempty"`
}

// Clocks are the promises of a case, the latest of each kind last.
func (s *Service) Clocks(ctx context.Context, id CaseID) ([]Clock, error) {
	all, err := pg.Rows(ctx, s.db, scanClock, `select `+clockColumns+` from case_clocks where case_id = $1 order by id limit 200`, id)
	if err != nil {
		return nil, failed("read the clocks of", id, err)
	}
	out := make([]Clock, len(all))
	for i := range all {
		k := &all[i]
		h, err := s.hours(ctx, k.calendar)
		if err != nil {
			return nil, err
		}
		at := s.now()
		if !k.StoppedAt.IsZero() {
			at = k.StoppedAt
		}
		due, _ := k.Due(h)
		out[i] = Clock{k.Kind, k.StartedAt(), due, k.Target.Milliseconds(), k.Spent(h, at), k.StoppedAt, k.Outcome, k.Over.Milliseconds()}
	}
	return out, nil
}

// levels tells of the shares of promises that were reached.
func (s *Service) levels(ctx context.Context) error {
	var told []Notice
	err := s.db.Tx(ctx, func(tx pgx.Tx) error {
		told = told[:0]
		now := s.now()
		all, err := pg.TxRows(ctx, tx, scanClock, `select `+clockColumns+` from case_clocks where stopped_at is null and next_at <= $1 order by next_at limit $2 for update skip locked`, now, batch)
		if err != nil {
			return err
		}
		for i := range all {
			k := &all[i]
			h, err := s.hours(ctx, k.calendar)
			if err != nil {
				return err
			}
			was := k.told
			for level, at, ok := k.NextLevel(h, k.told); ok && !at.After(now); level, at, ok = k.NextLevel(h, k.told) {
				k.told = level
			}
			if k.told == was {
				continue
			}
			if err := s.saveClock(ctx, tx, k, h); err != nil {
				return err
			}
			if err := trail(ctx, tx, k.caseID, now, "system", "warned", map[string]any{"clock": k.Kind, "level": k.told}); err != nil {
				return err
			}
			told = append(told, Notice{Case: k.caseID, Clock: k.Kind, Level: k.told})
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("levels of cases' clocks: %w", err)
	}
	for _, n := range told {
		if s.warned.Add(1); n.Level >= 100 {
			s.breached.Add(1)
		}
		s.publish(EventWarned, n)
	}
	return nil
}
