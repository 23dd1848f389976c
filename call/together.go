package call

import (
	"context"
	"slices"
	"time"
)

// invitation is a telephone that rings to join the others.
type invitation struct {
	item   PartyItem
	cancel context.CancelFunc
}

// ringers are those who ring to join, as others see them.
func (c *Call) ringers() []PartyItem {
	var items []PartyItem
	for _, v := range c.invites {
		if v.item.Mode != ModeListen || !c.m.cfg.HideListeners {
			items = append(items, v.item)
		}
	}
	return items
}

// DropLeg takes a party that was added, or a supervisor, out of a running call;
// n is its number, 0 stands for those who still ring. Caller and agent are not
// dropped: who wants that ends the call or transfers it. ErrNoCall, ErrState.
func (m *Manager) DropLeg(ctx context.Context, id string, n int) error {
	return m.do(ctx, id, func(c *Call) error {
		if n == 0 {
			if len(c.invites) == 0 {
				return ErrState
			}
			for _, v := range c.invites {
				v.cancel()
			}
			return nil
		}
		for _, l := range c.present() {
			if l.row.N != n {
				continue
			}
			if l.talks() && l.row.Role != RoleGuest {
				return ErrState
			}
			c.leave(l, CauseAdmin)
			c.update()
			return nil
		}
		return ErrState
	})
}

// Merge brings the party whom a user consults in another call into this one: the
// three talk, and the other call ends. ErrNoCall, ErrState.
func (m *Manager) Merge(ctx context.Context, id, user, with string) error {
	from, err := m.call(with)
	if err != nil {
		return err
	}
	room := false
	if err := m.do(ctx, id, func(c *Call) error {
		room = c.seatOf(user) != nil && c.place[SideAgent] != nil && c.moving == nil && c.roomFor(1)
		return nil
	}); err != nil {
		return err
	}
	if id == with || !room {
		return ErrState
	}
	var l *leg
	number := ""
	if err := m.do(ctx, with, func(c *Call) error {
		by := c.seatOf(user)
		if by == nil || c.place[by.row.Side] != by {
			return ErrState
		}
		number = c.record.To
		if by.row.Side == SideAgent {
			number = c.record.From
		}
		if l, _ = from.release(by); l == nil {
			return ErrState
		}
		return nil
	}); err != nil && l == nil {
		return err
	}
	taken := false
	err = m.do(ctx, id, func(c *Call) error {
		l.row.Role, l.row.Side, l.who = RoleGuest, SideAgent, number
		if taken = c.roomFor(1) && c.adopt(l); !taken {
			return ErrState
		}
		c.rewire()
		c.update()
		return nil
	})
	if !taken {
		from.drop(l, CausePeerHangup)
	}
	return err
}

// partyState is what is told of the talk when it changes.
type partyState struct {
	parties []PartyItem
	paused  bool
}

// tellParties tells who is in the talk when that has changed since it was told last.
func (c *Call) tellParties(now []PartyItem) {
	if c.paused == c.told.paused && slices.Equal(now, c.told.parties) {
		return
	}
	c.told = partyState{slices.Clone(now), c.paused}
	c.m.parts.Bus.Publish("call.parties", c.id, PartiesItem{ID: c.id, Parties: now, RecordingPaused: c.paused})
}

// awayAfter is how long a browser's leg may be silent, RTP and RTCP, until the
// others are told: a browser sends a packet every 20 ms, muted or not.
const awayAfter = 2500 * time.Millisecond

// lookAway notes which browsers have lost their path; the others hear music
// meanwhile. The signalling decides when to give such a leg up.
func (c *Call) lookAway(now time.Time) {
	changed := false
	for _, l := range c.present() {
		gone := false
		if l.row.User != "" && l.media.Web() && !l.held {
			idle := min(l.media.Activity().Idle(now), now.Sub(l.row.AnsweredAt))
			gone = idle >= awayAfter
		}
		if l.away != gone {
			l.away, changed = gone, true
			l.since = now.UTC()
		}
	}
	if changed {
		c.rewire()
		c.publish("call.updated")
	}
}
