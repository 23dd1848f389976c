package call

import (
	"time"

	"tingxin/media"
)

// samePress is how far apart two reports of one key press may be.
const samePress = 400 * time.Millisecond

var _ ReferHandler = (*Call)(nil)

// A call is the Handler of the leg that began it; other legs have parties of their own.

// RemoteHangup implements Handler for the first leg.
func (c *Call) RemoteHangup(cause Cause) { c.first.RemoteHangup(cause) }

// RemoteDigit implements Handler for the first leg.
func (c *Call) RemoteDigit(d media.Digit) { c.first.RemoteDigit(d) }

// RemoteHold implements Handler for the first leg.
func (c *Call) RemoteHold(held bool) { c.first.RemoteHold(held) }

// RemoteMedia implements Handler for the first leg.
func (c *Call) RemoteMedia() { c.first.RemoteMedia() }

// RemoteRefer implements ReferHandler for the first leg.
func (c *Call) RemoteRefer(r Refer) { c.first.RemoteRefer(r) }

// press is the last key of a leg, to tell INFO and RFC 4733 of the same press apart.
type press struct {
	key    byte
	source string
	at     time.Time
}

// digit takes one key press of one leg. The same key reported twice by INFO and RFC 4733 counts once.
func (c *Call) digit(l *leg, d media.Digit) {
	at := d.At
	if at.IsZero() {
		at = time.Now()
	}
	before := l.press
	if before.key == d.Key && before.source != d.Source && at.Sub(before.at).Abs() < samePress {
		return
	}
	l.press = press{d.Key, d.Source, at}
	if l.left || !l.talks() {
		return
	}
	side := l.row.Side
	c.dtmf[side]++
	c.m.parts.Bus.Publish("call.dtmf", c.id, DTMFItem{Side: side, Count: c.dtmf[side]})
	if c.talking && c.relay(l, d.Key) || l != c.front {
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

// remember notes what a leg's media is now.
func (c *Call) remember(l *leg) {
	p := l.media.Params()
	l.row.Codec = p.Codec.String()
	l.row.Secure = p.SRTP != nil
	if p.Remote.IsValid() {
		l.row.Peer = p.Remote.String()
	}
}
