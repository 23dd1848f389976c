package call

import (
	"time"

	"tingxin/media"
)

// samePress is how far apart two reports of one key press may be.
const samePress = 400 * time.Millisecond

// RemoteHangup implements Handler for the caller's leg.
func (c *Call) RemoteHangup(cause Cause) {
	c.tell(func() { c.legs[0].remote = true })
	c.end(cause, 0)
}

// RemoteDigit implements Handler for the caller's leg.
func (c *Call) RemoteDigit(d media.Digit) { c.tell(func() { c.digit(SideCaller, d) }) }

// RemoteHold implements Handler for the caller's leg.
func (c *Call) RemoteHold(held bool) { c.tell(func() { c.hold(0, held) }) }

// RemoteMedia implements Handler for the caller's leg.
func (c *Call) RemoteMedia() { c.tell(func() { c.remember(c.legs[0]) }) }

// peer is the Handler of the leg that a bridge dialled.
type peer struct {
	c        *Call
	progress chan<- progress // bounded; the newest is dropped when the script is behind
}

// progress is a provisional answer of the dialled party.
type progress struct {
	status int
	leg    *media.Leg
}

// RemoteHangup implements Handler.
func (p *peer) RemoteHangup(cause Cause) {
	if cause == CauseCallerHangup || cause == CauseNormal || cause == "" {
		cause = CausePeerHangup
	}
	p.c.tell(func() {
		if len(p.c.legs) > 1 {
			p.c.legs[1].remote = true
		}
	})
	p.c.end(cause, 0)
}

// RemoteDigit implements Handler.
func (p *peer) RemoteDigit(d media.Digit) { p.c.tell(func() { p.c.digit(SideAgent, d) }) }

// RemoteHold implements Handler.
func (p *peer) RemoteHold(held bool) { p.c.tell(func() { p.c.hold(1, held) }) }

// RemoteMedia implements Handler.
func (p *peer) RemoteMedia() {
	p.c.tell(func() {
		if len(p.c.legs) > 1 {
			p.c.remember(p.c.legs[1])
		}
	})
}

// RemoteProgress implements EarlyHandler.
func (p *peer) RemoteProgress(status int, leg *media.Leg) {
	select {
	case p.progress <- progress{status, leg}:
	default:
	}
}

// digit takes one key press of one side. The same key reported twice by INFO and RFC 4733 counts once.
func (c *Call) digit(side string, d media.Digit) {
	at := d.At
	if at.IsZero() {
		at = time.Now()
	}
	before := c.pressed[side]
	if before.key == d.Key && before.source != d.Source && at.Sub(before.at).Abs() < samePress {
		return
	}
	c.pressed[side] = press{d.Key, d.Source, at}
	c.dtmf[side]++
	c.m.parts.Bus.Publish("call.dtmf", c.id, DTMFItem{Side: side, Count: c.dtmf[side]})
	if c.bridged {
		c.relay(side, d.Key)
		return
	}
	if side != SideCaller {
		return
	}
	for {
		select {
		case c.keys <- d.Key:
			c.bargeIn()
			return
		default:
		}
		select {
		case <-c.keys:
			c.m.stats.keysDropped.Add(1)
		default:
		}
	}
}

// bargeIn silences a prompt that allows it.
func (c *Call) bargeIn() {
	if c.playing != nil && c.playing.bargeIn {
		c.playing.out.Stop()
	}
}

func (c *Call) hold(n int, held bool) {
	if n < len(c.legs) && c.legs[n].held != held {
		c.legs[n].held = held
		c.log.Debug("hold", "leg", n+1, "held", held)
	}
}

// remember notes what a leg's media is now.
func (c *Call) remember(l *leg) {
	p := l.media.Params()
	l.row.Codec = p.Codec.String()
	l.row.Secure = p.SRTP != nil
	if p.Remote.IsValid() {
		l.row.Peer = p.Remote.String()
	}
}
