package call

import (
	"context"
	"errors"
	"time"
)

// ErrState says that the call is not in a state for what was asked of it.
var ErrState = errors.New("the call is not in a state for that")

// ErrTarget says that nobody can be reached by that name or number.
var ErrTarget = errors.New("nobody can be reached by that name or number")

// moving is a transfer under way: somebody is dialled for the place of by.
type moving struct {
	by     *leg
	side   string // its side
	report func(status int, reason string)
	recall bool // the transfer failed after by had left: it is rung again
}

// other is the side across.
func other(side string) string {
	if side == SideCaller {
		return SideAgent
	}
	return SideCaller
}

// refer takes up a party's wish for a transfer.
func (c *Call) refer(l *leg, r Refer) {
	side := l.row.Side
	switch {
	case !c.talking || c.place[side] != l || c.place[other(side)] == nil:
		r.Report(488, "Nobody To Transfer")
	case c.moving != nil:
		r.Report(500, "Another Transfer Is Under Way")
	case r.Replaces != nil:
		c.attend(l, r)
	default:
		t, to, err := c.m.goal(r.Number, l.row.User, c.record.Trunk)
		if r.Elsewhere != "" {
			t.Replaces = r.Elsewhere
			if r.Node != "" { // that server has the other dialog of the same party
				t, to, err = Target{User: t.User, Number: r.Number, Replaces: r.Elsewhere, Node: r.Node, Via: l.row.User}, Route{}, nil
			}
		}
		switch {
		case err != nil:
			r.Report(404, "")
		case to.Name != "":
			c.referInside(l, to, r.Report)
		default:
			c.blind(l, t, r.Report)
		}
	}
}

// blind has somebody dialled for the place of a leg. The party across hears music
// meanwhile, and comes back to the leg when nobody answers.
func (c *Call) blind(by *leg, t Target, report func(int, string)) {
	mv := &moving{by: by, side: by.row.Side, report: report}
	c.moving = mv
	by.aside = true
	c.rewire()
	t.From, t.FromName = c.record.From, c.record.FromName
	if mv.side == SideCaller {
		t.From, t.FromName = c.record.To, ""
	}
	c.wg.Go(func() { c.guarded(func() { c.move(mv, t) }) }) // ends with the dialling, which RingTimeout bounds
}

// move dials for a transfer. It is no part of the call's goroutine.
func (c *Call) move(mv *moving, t Target) {
	ctx, cancel := context.WithTimeout(c.ctx, c.m.cfg.RingTimeout)
	defer cancel()
	heard := make(chan progress, 8)
	role := RolePeer
	if mv.side == SideCaller {
		role = RoleCaller
	}
	l := c.newLeg(role, t.User, heard)
	result := make(chan error, 1)
	c.wg.Go(func() { result <- c.ring(ctx, t, l) }) // ends with ctx at the latest
	for {
		select {
		case p := <-heard:
			if p.status == 180 || p.status == 183 {
				mv.report(p.status, "")
			}
		case err := <-result:
			c.arrived(mv, l, err)
			return
		}
	}
}

// arrived ends a transfer: the leg has answered or failed.
func (c *Call) arrived(mv *moving, l *leg, err error) {
	admitted := false
	_ = c.ask(c.ctx, func() { // an error says that the call has ended
		if err == nil {
			if admitted = c.admit(l); admitted {
				c.moved(mv, l)
				return
			}
			err = &DialError{Status: 480}
		}
		c.unmoved(mv, err)
	})
	if l.dialog != nil && !admitted {
		c.drop(l, CauseCancelled)
	}
	if c.ctx.Err() != nil && !admitted {
		mv.report(480, "")
	}
}

// moved lets the new leg take the place of the one that asked for it.
func (c *Call) moved(mv *moving, l *leg) {
	c.moving = nil
	mv.report(200, "")
	c.settle(mv.side, l)
	c.leave(mv.by, CauseTransferred)
	c.update()
}

// unmoved brings the party back to whom wanted to be rid of it. Who has hung up
// already is rung again, when it is one of our users.
func (c *Call) unmoved(mv *moving, err error) {
	status := 480
	if de := (*DialError)(nil); errors.As(err, &de) && de.Status >= 300 {
		status = de.Status
	}
	if !mv.recall {
		mv.report(status, "")
	}
	c.moving = nil
	switch {
	case !mv.by.left:
		mv.by.aside = false
		c.rewire()
	case mv.by.row.User != "" && !mv.recall:
		again := &moving{by: mv.by, side: mv.side, report: func(int, string) {}, recall: true}
		c.moving = again
		t := Target{User: mv.by.row.User, From: c.record.From, FromName: c.record.FromName}
		c.wg.Go(func() { c.guarded(func() { c.move(again, t) }) }) // ends with the dialling
	default:
		c.refused(err)
	}
}

// attend puts the party across of l through to the party across of another dialog
// of the same person, who leaves both.
func (c *Call) attend(l *leg, r Refer) {
	p := c.m.partyOf(r.Replaces)
	if p == nil || p.at.Load().c == c {
		r.Report(481, "")
		return
	}
	mv := &moving{by: l, side: l.row.Side, report: r.Report}
	c.moving = mv
	l.aside = true
	c.rewire()
	c.wg.Go(func() { // ends with the question to the other call
		c.guarded(func() { c.fetch(mv, p, r) })
	})
}

// fetch takes the party out of the other call. It is no part of the call's
// goroutine: that one may be asking the same of this call.
func (c *Call) fetch(mv *moving, p *party, r Refer) {
	ctx, cancel := context.WithTimeout(c.ctx, hangupTimeout)
	defer cancel()
	from := p.at.Load()
	var l *leg
	ringing := false
	err := from.c.ask(ctx, func() { l, ringing = from.c.release(from.l) })
	if l == nil {
		if err == nil && ringing { // still ringing: as good as a blind transfer to whom it calls
			from.c.end(CauseCancelled, 0)
			_ = c.ask(c.ctx, func() {
				c.moving = nil
				mv.by.aside = false
				c.refer(mv.by, Refer{URI: r.URI, Number: from.c.in.To, Report: r.Report}) // its address names us
			})
			return
		}
		_ = c.ask(c.ctx, func() { c.unmoved(mv, &DialError{Status: 481}) })
		return
	}
	taken := false
	_ = c.ask(c.ctx, func() {
		if taken = c.adopt(l); taken {
			c.moved(mv, l)
		}
	})
	if !taken {
		mv.report(480, "")
		c.drop(l, CausePeerHangup)
	}
}

// release gives away the party across of a leg and ends the call: it went on as
// part of another. ringing says that there is none yet.
func (c *Call) release(by *leg) (l *leg, ringing bool) {
	l = c.place[other(by.row.Side)]
	if !c.talking || by.left || l == nil || l.remote || c.moving != nil {
		return nil, !c.talking && c.route.dials()
	}
	return c.handOver(l), false
}

// handOver ends the call, one leg of which goes on as part of another.
func (c *Call) handOver(l *leg) *leg {
	c.detach(l, CauseTransferred) // its row stays here
	on := &leg{media: l.media, dialog: l.dialog, party: l.party, held: l.held, keys: make(chan byte, keysWaiting), done: make(chan struct{}),
		row: LegRecord{Role: l.row.Role, User: l.row.User, Direction: l.row.Direction, Transport: l.row.Transport,
			SIPCallID: l.row.SIPCallID, StartedAt: time.Now().UTC()}}
	c.end(CauseTransferred, 0)
	return on
}

// adopt takes in a leg that was released by another call.
func (c *Call) adopt(l *leg) bool {
	if c.ctx.Err() != nil {
		return false
	}
	l.party.at.Store(&place{c, l})
	return c.admit(l)
}
