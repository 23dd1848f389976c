package call

import (
	"cmp"
	"context"
	"errors"
	"time"

	"tingxin/media"
)

// CallerIDConfig are the numbers that calls of our users, and call-backs for them, show to customers.
// The trunk's own rules (sip.trunks.caller_id) have the last word.
type CallerIDConfig struct {
	// Default stands in when no other applies; the user's name when empty.
	Default string `yaml:"default" koanf:"default"`
	// Users and Queues are numbers by name; the queue's comes first.
	Users  map[string]string `yaml:"users" koanf:"users"`
	Queues map[string]string `yaml:"queues" koanf:"queues"`
}

// of is the number that a call of a user, for a queue, shows.
func (c *CallerIDConfig) of(user, queue string) string {
	return cmp.Or(c.Queues[queue], c.Users[user], c.Default, user)
}

// Order is a call to be placed: the telephone of a user rings first, then whom they want.
type Order struct {
	User  string // name or extension
	To    Aim    // User or Number
	Queue string // whose number is shown; may be empty
}

// FailedItem is the payload of call.not_placed: the user did not answer their own telephone.
type FailedItem struct {
	User   string `json:"user"`
	Status int    `json:"status" doc:"SIP status, 0 for none"`
}

// Originate rings a user and, when they answer, connects them with whom they want.
// It returns the id of the call at once; the call is there when the user has
// answered, and call.not_placed tells when they do not. ErrTarget, ErrBusy, ErrDraining.
func (m *Manager) Originate(o Order) (string, error) {
	c, err := m.order(o)
	if err != nil {
		return "", err
	}
	if m.noWay(&c.route, c.in.To) {
		c.cancel(nil)
		return "", ErrTarget
	}
	m.mu.Lock()
	closed := !m.running || m.draining
	if !closed {
		m.wg.Go(func() { // ends with the ringing, which its timeout and the end of all calls bound
			ctx, cancel := context.WithTimeout(m.ctx, m.cfg.Users.Timeout)
			defer cancel()
			if err := c.ringFirst(ctx); err != nil {
				c.notPlaced(err)
			}
		})
	}
	m.mu.Unlock()
	if closed {
		c.cancel(nil)
		return "", ErrDraining
	}
	return c.id, nil
}

// order makes a call that has yet to be placed.
func (m *Manager) order(o Order) (*Call, error) {
	user, ok := m.user(o.User)
	if !ok || m.dialer == nil || o.To.Queue != "" {
		return nil, ErrTarget
	}
	in := Incoming{User: user, From: m.cfg.CallerID.of(user, o.Queue), To: cmp.Or(o.To.User, o.To.Number), Received: time.Now()}
	if o.To.User != "" {
		if _, ok := m.user(o.To.User); !ok {
			return nil, ErrTarget
		}
	}
	route, ok := m.routeOf(&in)
	if !ok || route.Reject != 0 {
		return nil, ErrTarget
	}
	c, err := m.newCall(in, route)
	if err != nil {
		return nil, err
	}
	c.placed = true
	c.record.Direction = DirectionOut
	c.record.Queue = o.Queue
	c.legs[0].row.Direction = DirectionOut
	return c, nil
}

// ringFirst rings the first leg; when it is answered the call runs.
func (c *Call) ringFirst(ctx context.Context) error {
	d, l, err := c.m.dialer.Dial(ctx, Target{User: c.in.User, From: c.in.To}, c)
	if err != nil {
		return err
	}
	return c.start(d, l)
}

// start runs the call with its first leg, which has answered; without room the leg is hung up.
func (c *Call) start(d Dialog, l *media.Leg) error {
	c.in.Dialog, c.in.Leg = d, l
	first := c.legs[0]
	first.dialog, first.media = d, l
	c.m.mu.Lock()
	err := c.m.begin(c, d)
	if err == nil && c.work != nil {
		c.m.works[c.work.id] = c
	}
	c.m.mu.Unlock()
	if err != nil {
		c.m.stats.refused.Add(1)
		c.drop(first, CauseCancelled)
		return err
	}
	c.m.stats.accepted.Add(1)
	return nil
}

// notPlaced tells that nobody answered at the user's end.
func (c *Call) notPlaced(err error) {
	item := FailedItem{User: c.in.User}
	var de *DialError
	if errors.As(err, &de) {
		item.Status = de.Status
	}
	c.cancel(nil)
	c.m.parts.Bus.Publish("call.not_placed", c.id, item)
}
