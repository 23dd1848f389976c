package call

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"tingxin/media"
)

// Role is what a leg is in its call.
type Role string

// The roles.
const (
	RoleCaller     Role = "caller"     // who began the call, or stands in their place
	RolePeer       Role = "peer"       // whom they talk with
	RoleAgent      Role = "agent"      // that, given by a queue
	RoleGuest      Role = "guest"      // a third party
	RoleSupervisor Role = "supervisor" // listens, whispers, barges in or has taken over
)

// keysWaiting is how many keys wait to be pressed on one leg.
const keysWaiting = 32

// leg is one media path with its signalling. media and dialog are set before it
// joins the call and never change; the rest belongs to the goroutine of its call.
type leg struct {
	media  *media.Leg
	dialog Dialog
	party  *party
	row    LegRecord

	joined bool          // it is answered and part of the call
	left   bool          // and no longer part of it
	remote bool          // the remote party ended it
	held   bool          // by its own device
	parked bool          // by somebody's order
	aside  bool          // it waits for the transfer that it asked for, or for its own return
	again  bool          // its user is rung to come back
	away   bool          // nothing comes of it: its browser has lost the path
	since  time.Time     // it holds, or is away
	who    string        // number of a party outside who was added
	ear    ear           // of a leg that was dialled; the first one's is the call's
	deaf   func()        // takes the ear away
	mode   Mode          // of a supervisor
	seat   *media.Member // in the room
	music  *media.Playout
	keys   chan byte     // to be pressed
	done   chan struct{} // closed when it has left
	press  press
}

// open says whether the leg takes part in the talk now.
func (l *leg) open() bool { return !l.held && !l.parked && !l.aside && !l.away }

// talks says whether it is one of the parties and no supervisor.
func (l *leg) talks() bool { return l.row.Role != RoleSupervisor }

// party is the Handler of one leg. A leg may move to another call, so signalling
// holds the party and the party knows the call.
type party struct {
	at    atomic.Pointer[place]
	ended atomic.Bool     // the remote party has hung up, whichever call hears of it
	heard chan<- progress // of a dialled leg; bounded, the newest is dropped when nobody reads
}

// place is where a leg belongs.
type place struct {
	c *Call
	l *leg
}

var _ interface {
	EarlyHandler
	ReferHandler
} = (*party)(nil)

// tell runs f in the goroutine of the leg's call; a leg that has moved on in the meantime is followed.
func (p *party) tell(f func(c *Call, l *leg)) {
	at := p.at.Load()
	at.c.tell(func() {
		if now := p.at.Load(); now.c != at.c {
			p.tell(f)
			return
		}
		f(at.c, at.l)
	})
}

// RemoteHangup implements Handler.
func (p *party) RemoteHangup(cause Cause) {
	p.ended.Store(true)
	p.tell(func(c *Call, l *leg) { c.gone(l, cause) })
}

// RemoteDigit implements Handler.
func (p *party) RemoteDigit(d media.Digit) { p.tell(func(c *Call, l *leg) { c.digit(l, d) }) }

// RemoteHold implements Handler.
func (p *party) RemoteHold(held bool) { p.tell(func(c *Call, l *leg) { c.hold(l, held) }) }

// RemoteMedia implements Handler.
func (p *party) RemoteMedia() { p.tell(func(c *Call, l *leg) { c.remember(l) }) }

// RemoteRefer implements ReferHandler.
func (p *party) RemoteRefer(r Refer) { p.tell(func(c *Call, l *leg) { c.refer(l, r) }) }

// RemoteProgress implements EarlyHandler.
func (p *party) RemoteProgress(status int, leg *media.Leg) {
	select {
	case p.heard <- progress{status, leg}:
	default:
	}
}

// progress is a provisional answer of the dialled party.
type progress struct {
	status int
	leg    *media.Leg
}

// newLeg makes a leg that is to be dialled. heard, if not nil, is told of 18x answers.
func (c *Call) newLeg(role Role, user string, heard chan<- progress) *leg {
	l := &leg{party: &party{heard: heard}, keys: make(chan byte, keysWaiting), done: make(chan struct{}),
		row: LegRecord{Side: SideAgent, Role: role, User: user, Direction: DirectionOut, StartedAt: time.Now().UTC()}}
	l.party.at.Store(&place{c, l})
	return l
}

// ring dials a leg until ctx ends. The call may be gone by then.
func (c *Call) ring(ctx context.Context, t Target, l *leg) error {
	if t.Prefer == nil && c.in.Leg != nil {
		t.Prefer = preferred(c.in.Leg)
	}
	if t.User != "" {
		t.Call, t.Role, t.Mode = c.id, l.row.Role, l.mode
	}
	d, m, err := c.m.dialer.Dial(ctx, t, l.party)
	if err == nil {
		l.dialog, l.media = d, m
	}
	return err
}

// admit takes an answered leg into the call; false when it or the call has ended already.
func (c *Call) admit(l *leg) bool {
	if c.ctx.Err() != nil || l.remote || l.party.ended.Load() {
		return false
	}
	l.joined = true
	l.row.N = len(c.legs) + 1
	l.row.AnsweredAt = time.Now().UTC()
	c.legs = append(c.legs, l)
	l.deaf = l.media.AddLevels(&l.ear)
	c.remember(l)
	c.m.seat(l)
	c.serveKeys(l)
	c.noteLeg(l)
	return true
}

// noteLeg writes down what is known of a leg, so that a killed server's record has it too.
func (c *Call) noteLeg(l *leg) {
	row := l.row
	row.CallID = c.id
	c.m.writer.Put(&entry{Leg: &row}, nil)
}

// serveKeys carries the keys of a leg, both ways.
func (c *Call) serveKeys(l *leg) {
	c.wg.Go(func() { c.press(l) }) // ends with ctx or the leg
	if l == c.legs[0] {
		return // live reads its keys from the start
	}
	c.wg.Go(func() { c.readKeys(l) }) // ends with ctx or the leg
}

// readKeys carries the keys that a party presses to the inbox.
func (c *Call) readKeys(l *leg) {
	digits := l.media.Digits()
	for {
		select {
		case <-c.ctx.Done():
			return
		case <-l.done:
			return
		case d, ok := <-digits:
			if !ok {
				return
			}
			c.post(func() { c.digit(l, d) })
		}
	}
}

// press presses keys on a leg, one after the other.
func (c *Call) press(l *leg) {
	for {
		select {
		case <-c.ctx.Done():
			return
		case <-l.done:
			return
		case k := <-l.keys:
			if err := l.media.SendDigits(c.ctx, string(k)); err != nil && c.ctx.Err() == nil {
				c.log.Debug("relay key", "error", err)
			}
		}
	}
}

// leave takes a leg out of the call and hangs it up; the call goes on.
func (c *Call) leave(l *leg, cause Cause) {
	if l.left {
		return
	}
	c.detach(l, cause)
	c.m.unseat(l)
	if !l.remote {
		c.wg.Go(func() { c.drop(l, cause) }) // ends after hangupTimeout
		return
	}
	if err := l.media.Close(); err != nil {
		c.log.Debug("close leg", "leg", l.row.N, "error", err)
	}
}

// detach ends what the call does with a leg, which stays as it is.
func (c *Call) detach(l *leg, cause Cause) {
	l.left = true
	close(l.done)
	c.agentLeft(l)
	if l.deaf != nil {
		l.deaf()
		if t := l.ear.heard(); l.talks() && t.After(c.heard) {
			c.heard = t
		}
	}
	c.remember(l)
	l.row.Quality = measure(l.media.Stats())
	l.row.EndedAt, l.row.Cause = time.Now().UTC(), cause
	c.noteLeg(l)
	for side, now := range c.place {
		if now == l {
			delete(c.place, side)
			c.deafen(side)
		}
	}
	c.soothe(l, false)
	if l.seat != nil {
		l.seat.Leave()
		l.seat = nil
	}
	c.rewire()
}

// drop hangs up a leg, or one that was answered when nobody wanted it any more.
func (c *Call) drop(l *leg, cause Cause) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.ctx), hangupTimeout)
	defer cancel()
	if err := l.dialog.Hangup(ctx, cause); err != nil {
		c.log.Debug("hang-up", "error", err)
	}
	_ = l.media.Close()
}

// gone is told that the remote party of a leg has hung up.
func (c *Call) gone(l *leg, cause Cause) {
	if l.remote || l.left {
		return
	}
	l.remote = true
	if l != c.legs[0] && (cause == CauseCallerHangup || cause == CauseNormal || cause == "") {
		cause = CausePeerHangup
	}
	first := l == c.legs[0]
	switch {
	case c.ctx.Err() != nil || !l.joined && !first:
	case !c.talking:
		c.end(cause, 0)
	case !l.talks() || l.row.Role == RoleGuest:
		c.leave(l, cause)
		c.update()
	case l.again: // its user is being rung back: that decides
	case c.moving != nil && c.moving.by == l: // the transfer that it asked for goes on without it
		c.leave(l, CauseTransferred)
	case c.inherit(l, cause):
	case c.goesOn && c.place[SideAgent] == l && c.place[SideCaller] == c.front && !c.front.left:
		c.talked = true // the script goes on with the caller
		c.leave(l, cause)
		c.update()
	default:
		c.end(cause, 0)
	}
}

// inherit lets a third party, or on our side a supervisor who talks, stand in for a party that leaves: the talk goes
// on as long as two are left.
func (c *Call) inherit(l *leg, cause Cause) bool {
	g := c.heir(l)
	if g == nil {
		return false
	}
	role, side := l.row.Role, l.row.Side
	if role == RoleAgent {
		role = RolePeer
	}
	g.row.Role, g.mode = role, ModeNone
	c.leave(l, cause)
	c.settle(side, g)
	c.update()
	return true
}

// heir is who stays with the other side when a leg leaves: who has taken over, a third party, or who has barged in.
func (c *Call) heir(l *leg) *leg {
	for _, is := range []func(g *leg) bool{
		func(g *leg) bool { return g.mode == ModeTakeOver && l.row.Side == SideAgent },
		func(g *leg) bool { return g.row.Role == RoleGuest },
		func(g *leg) bool { return g.mode == ModeBarge && l.row.Side == SideAgent },
	} {
		if i := slices.IndexFunc(c.legs, func(g *leg) bool { return g != l && g.joined && !g.left && is(g) }); i >= 0 {
			return c.legs[i]
		}
	}
	return nil
}
