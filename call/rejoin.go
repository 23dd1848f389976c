package call

import (
	"context"
	"time"
)

// Rejoin rings a user again whose leg is in the call but whose device has lost
// it, as a page that was loaded anew has. Meanwhile the others hear music; when
// nobody answers, the leg stays as it is. It returns when the telephone is about
// to ring. ErrNoCall, ErrState.
func (m *Manager) Rejoin(ctx context.Context, id, user string) error {
	return m.do(ctx, id, func(c *Call) error {
		by := c.seatOf(user)
		if !c.talking || by == nil || c.moving != nil || by.again {
			return ErrState
		}
		by.again = true
		by.aside = true
		c.rewire()
		t := Target{User: user, From: c.record.From, FromName: c.record.FromName, Again: true}
		if by.row.Side == SideCaller {
			t.From, t.FromName = c.record.To, ""
		}
		l := c.newLeg(by.row.Role, user, nil)
		l.mode = by.mode
		c.wg.Go(func() { c.guarded(func() { c.rejoin(by, l, t) }) }) // ends with the ring, which rejoinTimeout bounds
		return nil
	})
}

// rejoinTimeout bounds the ring of somebody who comes back; the page answers by itself.
const rejoinTimeout = 15 * time.Second

// seatOf is the leg of a user in the talk, nil when there is none.
func (c *Call) seatOf(user string) *leg {
	for _, l := range c.present() {
		if user != "" && l.row.User == user {
			return l
		}
	}
	return nil
}

// rejoin dials for the place of a leg. It is no part of the call's goroutine.
func (c *Call) rejoin(by, l *leg, t Target) {
	ctx, cancel := context.WithTimeout(c.ctx, rejoinTimeout)
	defer cancel()
	err := c.ring(ctx, t, l)
	admitted := false
	_ = c.ask(c.ctx, func() { // an error says that the call has ended
		by.again, by.aside = false, false
		if err == nil && !by.left {
			admitted = c.admit(l)
		}
		if admitted {
			c.replace(by, l)
			return
		}
		if by.remote { // given up meanwhile
			c.end(CauseLost, 0)
			return
		}
		c.rewire()
	})
	if err == nil && !admitted {
		c.drop(l, CauseCancelled)
	}
}

// replace lets a leg take over all that another one of the same person was.
func (c *Call) replace(old, l *leg) {
	l.mode, l.who, l.parked = old.mode, old.who, old.parked
	if q := c.queued; q != nil && q.agent == old {
		q.agent = l
	}
	if c.place[old.row.Side] == old {
		c.settle(old.row.Side, l)
	} else {
		l.row.Side = old.row.Side
	}
	c.leave(old, CauseLost)
	c.update()
}
