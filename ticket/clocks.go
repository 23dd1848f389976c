package ticket

import (
	"context"
	"encoding/json"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
)

// clocks are the promises of one ticket within a transaction that has it locked.
type clocks struct {
	t        *Ticket
	policy   *Policy // nil: nothing is promised
	hours    map[string]Hours
	running  []storedClock
	began    map[ClockKind]bool // kinds of which there was a clock before
	policies []Policy
}

// storedClock is a clock with its row.
type storedClock struct {
	Clock
	id       int64 // 0 is not in the table yet
	policy   string
	calendar string
	told     int
	dirty    bool
}

// hoursOf are the hours that a clock counts; a calendar that is gone counts always.
func (c *clocks) hoursOf(k *storedClock) Hours {
	if h, ok := c.hours[k.calendar]; ok {
		return h
	}
	return Always{}
}

const clockColumns = `id, kind, policy, calendar, target_ms, cap_at, runs, told, stopped_at, outcome, over_ms`

func scanClock(row pgx.CollectableRow) (storedClock, error) {
	var k storedClock
	var target, over int64
	var limit, stopped *time.Time
	var runs json.RawMessage
	err := row.Scan(&k.id, &k.Kind, &k.policy, &k.calendar, &target, &limit, &runs, &k.told, &stopped, &k.Outcome, &over)
	if err != nil {
		return k, err
	}
	if err := json.Unmarshal(runs, &k.Runs); err != nil {
		return k, err
	}
	k.Target, k.Over = time.Duration(target)*time.Millisecond, time.Duration(over)*time.Millisecond
	k.Cap, k.StoppedAt = pg.Moment(limit), pg.Moment(stopped)
	return k, k.check()
}

func loadClocks(ctx context.Context, tx pgx.Tx, t *Ticket, hours map[string]Hours) (*clocks, error) {
	policies, err := pg.TxRows(ctx, tx, scanPolicy, `select name, ord, doc from sla_policies order by ord, name`)
	if err != nil {
		return nil, err
	}
	c := &clocks{t: t, policy: first(policies, t), hours: hours, began: make(map[ClockKind]bool), policies: policies}
	if c.running, err = pg.TxRows(ctx, tx, scanClock, `select `+clockColumns+` from sla_clocks where ticket_id = $1 and stopped_at is null order by id`, t.ID); err != nil {
		return nil, err
	}
	kinds, err := pg.TxRows(ctx, tx, pgx.RowTo[ClockKind], `select distinct kind from sla_clocks where ticket_id = $1`, t.ID)
	for _, k := range kinds {
		c.began[k] = true
	}
	return c, err
}

// start begins a clock of a kind when the policy promises it and none runs.
func (c *clocks) start(kind ClockKind, at, limit time.Time) {
	if c.policy == nil || c.find(kind) != nil {
		return
	}
	target := c.policy.target(kind, c.t.Priority)
	if target <= 0 {
		return
	}
	k := storedClock{Clock: StartClock(kind, target, at), policy: c.policy.Name, calendar: c.policy.Calendar, dirty: true}
	k.Cap = limit
	if c.policy.pauses(kind, c.t.State) {
		k.Pause(at)
	}
	c.running = append(c.running, k)
	c.began[kind] = true
}

func (c *clocks) find(kind ClockKind) *storedClock {
	for i := range c.running {
		if k := &c.running[i]; k.Kind == kind && k.StoppedAt.IsZero() {
			return k
		}
	}
	return nil
}

func (c *clocks) stop(kind ClockKind, at time.Time) {
	if k := c.find(kind); k != nil {
		k.Stop(c.hoursOf(k), at)
		k.dirty = true
	}
}

// begin starts the clocks of a new ticket.
func (c *clocks) begin(ctx context.Context, tx pgx.Tx, limit time.Time) error {
	at := c.t.CreatedAt
	c.start(FirstAny, at, limit)
	c.start(FirstHuman, at, limit)
	c.start(Update, at, time.Time{})
	c.start(Resolution, at, time.Time{})
	return c.save(ctx, tx)
}

// follow brings the clocks in line with a changed ticket.
func (c *clocks) follow(ctx context.Context, tx pgx.Tx, before *Ticket) error {
	at := c.t.UpdatedAt
	if c.t.State.Over() {
		if !before.State.Over() {
			c.stop(Resolution, at)
		}
		for i := range c.running { // nobody waits for an answer any more
			k := &c.running[i]
			if k.StoppedAt.IsZero() {
				k.Cancel(c.hoursOf(k), at)
				k.dirty = true
			}
		}
		return c.save(ctx, tx)
	}
	c.retarget(at)
	if c.began[Resolution] && before.State == Resolved {
		c.start(Resolution, at, time.Time{}) // a new run: the first stays as it ended
		c.start(Update, at, time.Time{})
	}
	for i := range c.running {
		k := &c.running[i]
		if c.policy == nil || !k.StoppedAt.IsZero() {
			continue
		}
		if rests := c.policy.pauses(k.Kind, c.t.State); rests != k.Paused() {
			if rests {
				k.Pause(at)
			} else {
				k.Resume(at)
			}
			k.dirty = true
		}
	}
	return c.save(ctx, tx)
}

// retarget gives running clocks the promises of the ticket's policy as it is now. A kind that is
// promised for the first time counts from the ticket's beginning.
func (c *clocks) retarget(at time.Time) {
	for i := range c.running {
		k := &c.running[i]
		var target time.Duration
		if c.policy != nil {
			target = c.policy.target(k.Kind, c.t.Priority)
		}
		switch {
		case target <= 0:
			k.Cancel(c.hoursOf(k), at)
			k.dirty = true
		case target != k.Target || k.policy != c.policy.Name || k.calendar != c.policy.Calendar:
			k.Target, k.policy, k.calendar, k.dirty = target, c.policy.Name, c.policy.Calendar, true
			if x := k.Spent(c.hoursOf(k), at); x < float64(k.told)/100 {
				k.told = toldBefore(x) // there is more time again: levels may come a second time
			}
		}
	}
	for _, kind := range []ClockKind{FirstAny, FirstHuman, Update, Resolution} {
		if !c.began[kind] {
			c.start(kind, c.t.CreatedAt, time.Time{})
		}
	}
}

// toldBefore is the highest level at or below a share of the target.
func toldBefore(x float64) int {
	told := 0
	for _, l := range Levels {
		if float64(l) <= 100*x {
			told = l
		}
	}
	return told
}

// said moves the clocks after a public comment.
func (c *clocks) said(ctx context.Context, tx pgx.Tx, by Actor) error {
	at := c.t.UpdatedAt
	switch {
	case by.Kind == "customer":
		if c.find(FirstHuman) == nil && c.find(FirstAny) == nil {
			c.start(Next, at, time.Time{}) // the first unanswered message counts; a running clock stays
		}
	case by.Human, by.Kind == "bot" && c.policy != nil && c.policy.BotAnswers:
		for _, kind := range []ClockKind{FirstAny, FirstHuman, Next, Update} {
			c.stop(kind, at)
		}
		if !c.t.State.Over() {
			c.start(Update, at, time.Time{})
		}
	case by.Kind == "bot":
		c.stop(FirstAny, at)
	}
	return c.save(ctx, tx)
}

// save writes the clocks that are new or different.
func (c *clocks) save(ctx context.Context, tx pgx.Tx) error {
	batch := &pgx.Batch{}
	for i := range c.running {
		if k := &c.running[i]; k.dirty {
			k.queue(batch, c.t.ID, c.hoursOf(k))
			k.dirty = false
		}
	}
	if batch.Len() == 0 {
		return nil
	}
	return pg.Map(tx.SendBatch(ctx, batch).Close())
}

// queue adds the writing of a clock to a batch.
func (k *storedClock) queue(batch *pgx.Batch, ticket ID, h Hours) {
	var due, next *time.Time
	if at, ok := k.Due(h); ok {
		due = &at
	}
	if _, at, ok := k.NextLevel(h, k.told); ok {
		next = &at
	}
	args := []any{ticket, k.Kind, k.policy, k.calendar, k.Target.Milliseconds(), pg.OrNull(k.Cap), k.Runs, k.StartedAt(), due, k.told, next, pg.OrNull(k.StoppedAt), k.Outcome, k.Over.Milliseconds()}
	if k.id == 0 {
		batch.Queue(`insert into sla_clocks (ticket_id, kind, policy, calendar, target_ms, cap_at, runs, started_at, due_at, told, next_at, stopped_at, outcome, over_ms)
			values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`, args...)
		return
	}
	batch.Queue(`update sla_clocks set kind = $2, policy = $3, calendar = $4, target_ms = $5, cap_at = $6, runs = $7, started_at = $8, due_at = $9, told = $10, next_at = $11,
		stopped_at = $12, outcome = $13, over_ms = $14 where ticket_id = $1 and id = $15`, append(args, k.id)...)
}

// ClockItem is a clock as people see it.
type ClockItem struct {
	Kind      ClockKind `json:"kind"`
	Policy    string    `json:"policy"`
	StartedAt time.Time `json:"started_at"`
	DueAt     time.Time `json:"due_at,omitzero"` // not there while a pause holds it off
	TargetMS  int64     `json:"target_ms"`
	Paused    bool      `json:"paused"`
	Spent     float64   `json:"spent"` // share of the target, 1 at the due moment; at the stop for a stopped one
	StoppedAt time.Time `json:"stopped_at,omitzero"`
	Outcome   Outcome   `json:"outcome,omitempty"`
	OverMS    int64     `json:"over_ms,omitempty"`
}

// Clocks are the promises of a ticket, the latest of each kind last.
func (s *Service) Clocks(ctx context.Context, id ID) ([]ClockItem, error) {
	hours, err := s.calendars(ctx)
	if err != nil {
		return nil, err
	}
	all, err := pg.Rows(ctx, s.db, scanClock, `select `+clockColumns+` from sla_clocks where ticket_id = $1 order by id`, id)
	if err != nil {
		return nil, failed("read the clocks of", id, err)
	}
	out := make([]ClockItem, len(all))
	c := clocks{hours: hours}
	for i := range all {
		k := &all[i]
		h := c.hoursOf(k)
		at := s.now()
		if !k.StoppedAt.IsZero() {
			at = k.StoppedAt
		}
		due, _ := k.Due(h)
		out[i] = ClockItem{k.Kind, k.policy, k.StartedAt(), due, k.Target.Milliseconds(), k.Paused(), k.Spent(h, at), k.StoppedAt, k.Outcome, k.Over.Milliseconds()}
	}
	return out, nil
}
