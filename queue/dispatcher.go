package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"tingxin/pg"
)

func stack() string { return string(debug.Stack()) }

// dispatcher is one term of office: from taking the lease to losing it. Only
// Service.run's goroutine touches it.
type dispatcher struct {
	s         *Service
	epoch     int64
	router    *Router
	calendars map[string]*Calendar
	others    bool // servers to be told

	batch     batch
	replies   []pendingReply
	moved     map[QueueID]bool // whose positions may have changed
	told      time.Time        // positions, last
	cleanedAt time.Time
}

// pendingReply is an answer that waits for its transaction.
type pendingReply struct {
	q *question
	r reply
}

// load reads everything from the rows.
func (d *dispatcher) load(ctx context.Context) error {
	now := time.Now()
	cfg := d.s.cfg.router()
	y, m, day := now.In(cfg.Location).Date()
	l, err := d.s.store.load(ctx, time.Date(y, m, day, 0, 0, 0, 0, cfg.Location))
	if err != nil {
		return err
	}
	if d.router, err = Restore(cfg, l.Saved, now); err != nil {
		return err
	}
	d.calendars, d.moved = l.calendars, map[QueueID]bool{}
	d.hours(now)
	d.others, err = d.s.store.others(ctx, d.s.cfg.Node)
	if err != nil {
		return err
	}
	var known []Token
	for t := range d.router.offers {
		known = append(known, t)
	}
	return d.s.store.closeOffers(ctx, known)
}

// run decides until ctx ends or the lease is lost.
func (d *dispatcher) run(ctx context.Context) error {
	sweep, tend := time.NewTicker(sweepEvery), time.NewTicker(tendEvery)
	defer sweep.Stop()
	defer tend.Stop()
	due := time.NewTimer(0)
	defer due.Stop()
	for {
		due.Reset(d.untilDue())
		var err error
		select {
		case <-ctx.Done():
			return nil
		case q := <-d.s.inbox:
			d.decide(q)
		case <-d.s.wake:
			err = d.decideForOthers(ctx)
		case <-due.C:
			d.router.Step(time.Now())
		case <-sweep.C:
			d.hours(time.Now())
			d.router.Step(time.Now())
			err = d.sweep(ctx)
		case <-tend.C:
			err = d.renew(ctx)
		}
		if err = errors.Join(err, d.flush(ctx)); err != nil {
			return err
		}
	}
}

// untilDue is how long until the router, or somebody who waits, has to hear something.
func (d *dispatcher) untilDue() time.Duration {
	wait := sweepEvery
	if next := d.router.NextDeadline(); !next.IsZero() {
		wait = min(wait, time.Until(next))
	}
	if len(d.moved) > 0 {
		wait = min(wait, positionEvery-time.Since(d.told))
	}
	return max(wait, time.Millisecond)
}

// decide answers one request and some of those that lie behind it, all in one transaction.
func (d *dispatcher) decide(q *question) {
	d.answer(q)
	for range gather - 1 {
		select {
		case q := <-d.s.inbox:
			d.answer(q)
		default:
			return
		}
	}
}

func (d *dispatcher) answer(q *question) {
	d.s.asked.Add(1)
	d.replies = append(d.replies, pendingReply{q: q}) // first, so that it hears of a panic too
	resp, err := d.apply(q.req, time.Now())
	if q.req.Op == opReload && err == nil {
		err = d.reload()
	}
	d.replies[len(d.replies)-1].r = reply{resp, err}
}

// decideForOthers answers the requests of other servers.
func (d *dispatcher) decideForOthers(ctx context.Context) error {
	for {
		all, err := d.s.store.claim(ctx, gather)
		if err != nil || len(all) == 0 {
			return err
		}
		for _, a := range all {
			d.s.asked.Add(1)
			var req request
			var resp response
			err := json.Unmarshal(a.Body, &req)
			if err == nil {
				resp, err = d.apply(&req, time.Now())
			}
			if req.Op == opReload && err == nil {
				err = d.reload()
			}
			d.batch.answers = append(d.batch.answers, answered{a.ID, seal(resp, err)})
			d.notify(notice{From: d.s.cfg.Node, To: a.Node, Answer: a.ID})
		}
		if err := d.flush(ctx); err != nil {
			return err
		}
	}
}

// reload reads the settings again and brings the router in line.
func (d *dispatcher) reload() error {
	ctx, cancel := context.WithTimeout(context.Background(), commitPatience)
	defer cancel()
	now := time.Now()
	calendars, err := d.s.store.loadCalendars(ctx)
	if err != nil {
		return err
	}
	queues, err := d.s.store.Queues(ctx)
	if err != nil {
		return err
	}
	agents, err := d.s.store.Profiles(ctx)
	if err != nil {
		return err
	}
	d.calendars = calendars
	wanted := map[AgentID]bool{}
	for _, p := range agents {
		if wanted[p.ID] = !p.Disabled; p.Disabled {
			continue
		}
		if err := d.router.SetAgent(p.Profile, now); err != nil {
			return err
		}
	}
	for _, a := range d.router.Agents() {
		if !wanted[a.ID] {
			_ = d.router.RemoveAgent(a.ID, now) // one in a call stays until the next reload
		}
	}
	return d.setQueues(queues, now)
}

func (d *dispatcher) setQueues(queues []Queue, now time.Time) error {
	there := map[QueueID]bool{}
	for _, q := range queues {
		there[q.ID] = true
		if err := d.router.SetQueue(q, now); err != nil {
			return err
		}
	}
	for _, b := range d.router.Boards(now) {
		if !there[b.Queue] {
			_ = d.router.RemoveQueue(b.Queue) // its row is gone, so it held no work
		}
	}
	d.hours(now)
	return nil
}

// hours tells the router whose opening hours are over.
func (d *dispatcher) hours(now time.Time) {
	for id, l := range d.router.lanes {
		c := d.calendars[l.Calendar]
		d.router.SetClosed(id, c != nil && !c.Open(now), now)
	}
}

// renew keeps the lease and looks for requests whose notice was lost.
func (d *dispatcher) renew(ctx context.Context) error {
	epoch, held, err := d.s.store.lease(ctx, d.s.cfg.Node, leaseHold)
	switch {
	case errors.Is(err, pg.ErrUnavailable):
		return nil // the lease may last until the database is back; a transaction would tell
	case err != nil:
		return err
	case !held || epoch != d.epoch:
		return errDeposed
	}
	if d.others, err = d.s.store.others(ctx, d.s.cfg.Node); err != nil {
		return nil
	}
	if d.others {
		return d.decideForOthers(ctx)
	}
	return nil
}

// sweep takes over from dead servers, tells positions to all and removes what is old.
func (d *dispatcher) sweep(ctx context.Context) error {
	dead, err := d.s.store.dead(ctx, nodeDead)
	if err != nil {
		return ignoreAway(err)
	}
	for _, node := range dead {
		if node == d.s.cfg.Node {
			continue
		}
		ended, kept := d.router.NodeLost(node, d.s.cfg.Node, CauseNodeLost, time.Now())
		d.s.orphans.Add(uint64(ended + kept))
		d.s.log.Warn("a server is gone", "node", node, "ended", ended, "kept", kept)
		if err := d.flush(ctx); err != nil {
			return err
		}
		if err := d.s.store.bury(ctx, node); err != nil {
			return ignoreAway(err)
		}
	}
	for id := range d.router.lanes {
		d.moved[id] = true
	}
	if time.Since(d.cleanedAt) > expireEvery {
		d.cleanedAt = time.Now()
		if _, err := d.s.store.expire(ctx, d.s.cfg.Keep); err != nil {
			return ignoreAway(err)
		}
	}
	return nil
}

func ignoreAway(err error) error {
	if errors.Is(err, pg.ErrUnavailable) {
		return nil
	}
	return err
}

// flush writes what came about, then publishes it and answers.
func (d *dispatcher) flush(ctx context.Context) error {
	changes, items, agents := d.router.Drain()
	for _, it := range items {
		d.batch.items = append(d.batch.items, it.clone())
	}
	for _, a := range agents {
		d.batch.agents = append(d.batch.agents, a.clone())
	}
	d.batch.changes = append(d.batch.changes, changes...)
	if d.others {
		for i := range changes {
			d.notify(notice{From: d.s.cfg.Node, Type: changes[i].Type, Change: &changes[i]})
		}
	}
	if !d.batch.empty() {
		if err := d.commit(ctx); err != nil {
			d.s.failures.Add(1)
			if !errors.Is(err, errDeposed) {
				d.fail(err)
			}
			return err
		}
	}
	d.batch = batch{}
	for i := range changes {
		d.s.tell(&changes[i])
		d.moved[changes[i].Queue] = true
	}
	for _, p := range d.replies {
		p.q.reply <- p.r
	}
	d.replies = d.replies[:0]
	d.tellPositions()
	return nil
}

// commit tries while there is hope that the database comes back.
func (d *dispatcher) commit(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitPatience)
	defer cancel()
	for wait := 50 * time.Millisecond; ; wait *= 2 {
		err := d.s.store.commit(ctx, d.s.cfg.Node, d.epoch, &d.batch)
		if err == nil || !errors.Is(err, pg.ErrUnavailable) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(wait):
		}
	}
}

// fail answers what was not written.
func (d *dispatcher) fail(err error) {
	if !errors.Is(err, errDeposed) {
		err = fmt.Errorf("not written, so not done: %w", err)
	}
	for _, p := range d.replies {
		p.q.reply <- reply{err: err}
	}
	d.replies = nil
}

// tellPositions tells those who wait their places, at most every half a second.
func (d *dispatcher) tellPositions() {
	now := time.Now()
	if len(d.moved) == 0 || now.Sub(d.told) < positionEvery {
		return
	}
	d.told = now
	for id := range d.moved {
		places := d.router.Positions(id, now)
		d.s.place(id, places, now)
		if d.others {
			d.notifyPlaces(id, places)
		}
	}
	clear(d.moved)
}
