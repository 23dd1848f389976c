package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"tingxin/pg"
)

// notice is what the deciding server tells the others, in the transaction that
// makes it true. PostgreSQL carries up to 8000 bytes; ours hold ids and numbers.
type notice struct {
	From    string              `json:"from,omitempty"`
	To      string              `json:"to,omitempty"`
	Type    string              `json:"type,omitempty"`
	Change  *Change             `json:"change,omitempty"`
	Answer  int64               `json:"answer,omitempty"`  // a request that was answered
	Request bool                `json:"request,omitempty"` // to the deciding server: look
	Queue   QueueID             `json:"queue,omitempty"`
	Places  map[WorkID]Position `json:"places,omitempty"`
}

const (
	maxNotice   = 7900
	placesAtime = 40
)

func (d *dispatcher) notify(n notice) {
	text, err := json.Marshal(n)
	if err != nil || len(text) > maxNotice {
		return // nothing of ours is; the receiver would sweep
	}
	d.batch.notify = append(d.batch.notify, string(text))
}

// notifyPlaces goes with the next transaction.
func (d *dispatcher) notifyPlaces(q QueueID, places map[WorkID]Position) {
	part := map[WorkID]Position{}
	send := func() {
		if len(part) > 0 {
			d.notify(notice{From: d.s.cfg.Node, Queue: q, Places: part})
			part = map[WorkID]Position{}
		}
	}
	for id, p := range places {
		if it := d.router.items[id]; it.Node == d.s.cfg.Node {
			continue
		}
		if part[id] = p; len(part) >= placesAtime {
			send()
		}
	}
	send()
}

// askRemote leaves a request for the deciding server and waits for its answer.
func (s *Service) askRemote(ctx context.Context, req *request) (response, error) {
	body, err := json.Marshal(req)
	if err != nil {
		return response{}, fmt.Errorf("request: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, remotePatience)
	defer cancel()
	id, err := s.store.ask(ctx, s.cfg.Node, body)
	if err != nil {
		return response{}, err
	}
	heard := make(chan json.RawMessage, 1)
	s.mu.Lock()
	s.waits[id] = heard
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.waits, id)
		s.mu.Unlock()
	}()
	look := time.NewTicker(250 * time.Millisecond) // the answer may have come before we listened
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return response{}, fmt.Errorf("no server decides over the queues: %w", pg.ErrUnavailable)
		case <-heard:
		case <-look.C:
		}
		switch answer, err := s.store.answer(ctx, id); {
		case err == nil:
			return unseal(answer)
		case !errors.Is(err, pg.ErrNotFound) && !errors.Is(err, pg.ErrUnavailable) && ctx.Err() == nil:
			return response{}, err
		}
	}
}

// listen hears what the deciding server commits, and as the deciding one that somebody asks.
func (s *Service) listen(ctx context.Context) {
	for ctx.Err() == nil {
		err := s.hear(ctx)
		if ctx.Err() != nil {
			return
		}
		s.log.Warn("listening for the other servers broke off", "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(tendEvery):
		}
	}
}

func (s *Service) hear(ctx context.Context) error {
	return s.store.db.Listen(ctx, channel, func(payload string) {
		var n notice
		if json.Unmarshal([]byte(payload), &n) == nil {
			s.heard(&n)
		}
	})
}

// heard takes one notice.
func (s *Service) heard(n *notice) {
	switch {
	case n.Request:
		if s.deciding.Load() {
			select {
			case s.wake <- struct{}{}:
			default: // it will look anyway
			}
		}
	case n.From == s.cfg.Node:
	case n.Answer != 0 && n.To == s.cfg.Node:
		s.mu.Lock()
		wait := s.waits[n.Answer]
		s.mu.Unlock()
		if wait != nil {
			select {
			case wait <- nil:
			default:
			}
		}
	case n.Change != nil:
		n.Change.Type = n.Type
		s.tell(n.Change)
	case n.Places != nil:
		s.place(n.Queue, n.Places, time.Now())
	}
}

// tell publishes a change that is written, and moves the Ticket of its work.
func (s *Service) tell(c *Change) {
	s.bus.Publish(c.Type, "", *c)
	u, ok := updateOf(c)
	if !ok {
		return
	}
	s.mu.Lock()
	t := s.tickets[c.Work]
	if c.Type == Left {
		delete(s.tickets, c.Work)
	}
	s.mu.Unlock()
	if t == nil {
		return
	}
	switch c.Type {
	case KeptPlace:
		t.dialog.Store(false) // the customer may hang up
	case Joined:
		t.dialog.Store(c.Kind == KindVoice)
	}
	t.send(u)
	if c.Type == Left {
		t.end()
	}
}

// place tells the places of a queue to the Tickets here.
func (s *Service) place(q QueueID, places map[WorkID]Position, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, p := range places {
		if t := s.tickets[id]; t != nil {
			t.send(Update{Type: Positioned, At: now, Queue: q, Position: p.Position, Estimate: p.Estimate})
		}
	}
}

// tend says each second that this server lives, and ends contacts whose call is gone.
func (s *Service) tend(ctx context.Context) {
	tick := time.NewTicker(tendEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		_ = s.store.beat(ctx, s.cfg.Node) // a database that is away hears the next one
		s.reconcile(ctx)
	}
}

// reconcile looks whether the calls of the Tickets here are really there. Twice
// in a row not there is gone: the first look may come between two steps.
func (s *Service) reconcile(ctx context.Context) {
	if s.dialogs == nil {
		return
	}
	s.mu.Lock()
	var calls []*Ticket
	for _, t := range s.tickets {
		if t.dialog.Load() {
			calls = append(calls, t)
		}
	}
	s.mu.Unlock()
	for _, t := range calls {
		if s.dialogs.Alive(t.Work) {
			t.missed.Store(0)
			continue
		}
		if t.missed.Add(1) < 2 {
			continue
		}
		if _, err := s.ask(ctx, &request{Op: opGone, ID: t.Work}); err == nil {
			s.reconciled.Add(1)
			t.missed.Store(0)
		}
	}
}
