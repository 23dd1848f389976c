package call

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"tingxin/media"
	"tingxin/queue"
)

// Mode is how a supervisor is in a call.
type Mode string

// The modes.
const (
	ModeNone     Mode = ""
	ModeListen   Mode = "listen"   // hears both, is heard by nobody
	ModeWhisper  Mode = "whisper"  // is heard by the agent only
	ModeBarge    Mode = "barge"    // talks with both
	ModeTakeOver Mode = "takeover" // talks in the agent's place, who goes on listening
)

// Aim is whom to call: one of User, Number and Queue.
type Aim struct {
	User   string // name or extension
	Number string // as a user of ours would dial it
	Queue  string
}

// call finds a running call.
func (m *Manager) call(id string) (*Call, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c, ok := m.calls[id]
	if !ok {
		return nil, ErrNoCall
	}
	return c, nil
}

// Alive implements queue.Dialogs.
func (m *Manager) Alive(id queue.WorkID) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.calls[string(id)] != nil || m.works[id] != nil
}

// Takes says whether a user of ours is a party of a running call.
func (m *Manager) Takes(id, user string) bool {
	c, err := m.call(id)
	if err != nil || user == "" {
		return false
	}
	for _, p := range c.snap.Load().Parties {
		if p.User == user {
			return true
		}
	}
	return false
}

// do runs f in the goroutine of a running call.
func (m *Manager) do(ctx context.Context, id string, f func(c *Call) error) error {
	c, err := m.call(id)
	if err != nil {
		return err
	}
	var did error
	if err := c.ask(ctx, func() { did = f(c) }); err != nil {
		if ctx.Err() == nil {
			return ErrNoCall // it has just ended
		}
		return err
	}
	return did
}

// legOf is the leg of a user in the talk, or our side's.
func (c *Call) legOf(user string) *leg {
	for _, l := range c.present() {
		if user != "" && l.row.User == user {
			return l
		}
	}
	return c.place[SideAgent]
}

// aim makes a target of what somebody asked for.
func (m *Manager) aim(a Aim) (Target, error) {
	if a.User != "" {
		name, ok := m.user(a.User)
		if !ok {
			return Target{}, fmt.Errorf("user %q: %w", a.User, ErrTarget)
		}
		return Target{User: name}, nil
	}
	return m.reach(a.Number, "?", "") // no user has that name: it may call what all may
}

// Transfer puts the party across of user's leg, or of our side when user is not in
// the call, through to somebody else. It returns when that is under way; how it
// ends is told by events and the legs. ErrNoCall, ErrState, ErrTarget.
func (m *Manager) Transfer(ctx context.Context, id, user string, to Aim) error {
	if to.Queue != "" {
		return m.requeue(ctx, id, user, to)
	}
	var t Target
	var r Route
	var err error
	if to.User != "" {
		t, err = m.aim(to)
	} else {
		t, r, err = m.goal(to.Number, "?", "") // no user has that name: it may call what all may
	}
	if err != nil {
		return err
	}
	return m.do(ctx, id, func(c *Call) error {
		by := c.legOf(user)
		switch {
		case !c.talking || by == nil || c.moving != nil || c.place[by.row.Side] != by || c.place[other(by.row.Side)] == nil:
			return ErrState
		case r.Name != "":
			return c.lead(by, r)
		}
		c.blind(by, t, func(int, string) {})
		return nil
	})
}

// requeue lets the caller wait in a queue; the party on our side leaves.
func (m *Manager) requeue(ctx context.Context, id, user string, to Aim) error {
	c, err := m.call(id)
	if err != nil {
		return err
	}
	var by *leg
	if err := m.do(ctx, id, func(c *Call) error {
		if by = c.legOf(user); !c.talking || c.moving != nil || by != nil && by != c.place[SideAgent] {
			return ErrState
		}
		return nil
	}); err != nil {
		return err
	}
	if _, err := c.enqueue(ctx, queue.Work{Queue: queue.QueueID(to.Queue), Urgency: queue.Normal}, false); err != nil {
		return err
	}
	return m.do(ctx, id, func(c *Call) error {
		if by != nil && !by.left {
			if q := c.queued; q != nil && q.agent == by {
				q.agent = nil // the queue knows: it was moved
			}
			c.leave(by, CauseTransferred)
			c.update()
		}
		return nil
	})
}

// Hold puts the others on hold for a user, or for our side, or takes them back: they hear music.
func (m *Manager) Hold(ctx context.Context, id, user string, on bool) error {
	return m.do(ctx, id, func(c *Call) error {
		l := c.legOf(user)
		if !c.talking || l == nil {
			return ErrState
		}
		if l.parked != on {
			l.parked = on
			l.since = time.Now().UTC()
			c.toldHold(l)
		}
		return nil
	})
}

// PauseRecording writes silence instead of sound until it is told to go on. ErrState when nothing is recorded.
func (m *Manager) PauseRecording(ctx context.Context, id string, pause bool) error {
	return m.do(ctx, id, func(c *Call) error {
		if c.tape == nil || !c.tape.opened() {
			return ErrState
		}
		c.paused = pause
		c.hush()
		c.publish("call.updated")
		return nil
	})
}

// Supervise rings a supervisor and lets them into the call, or changes what they
// do there. It returns when the telephone rings; the mode counts from the answer.
func (m *Manager) Supervise(ctx context.Context, id, user string, mode Mode) error {
	switch mode {
	case ModeListen, ModeWhisper, ModeBarge, ModeTakeOver:
	default:
		return fmt.Errorf("mode %q: %w", mode, ErrState)
	}
	t, err := m.aim(Aim{User: user})
	if err != nil {
		return err
	}
	return m.do(ctx, id, func(c *Call) error {
		for _, l := range c.present() {
			if l.row.Role == RoleSupervisor && l.row.User == t.User {
				l.mode = mode
				c.rewire()
				c.publish("call.updated")
				return nil
			}
			if l.row.User == t.User {
				return ErrState // a party cannot supervise itself
			}
		}
		t.From, t.FromName = c.record.From, c.record.FromName
		return c.invite(t, RoleSupervisor, mode, "")
	})
}

// AddLeg rings a third party and lets it into the talk.
func (m *Manager) AddLeg(ctx context.Context, id string, to Aim) error {
	t, err := m.aim(to)
	if err != nil {
		return err
	}
	return m.do(ctx, id, func(c *Call) error {
		t.From, t.FromName = c.record.From, c.record.FromName
		return c.invite(t, RoleGuest, ModeNone, to.Number)
	})
}

// roomFor says whether so many more can join the talk.
func (c *Call) roomFor(n int) bool {
	return c.talking && c.place[SideAgent] != nil && len(c.present())+len(c.invites)+n <= media.RoomSize
}

// invite rings somebody who joins the others; number is shown when it is nobody of ours.
func (c *Call) invite(t Target, role Role, mode Mode, number string) error {
	if !c.roomFor(1) || t.User != "" && slices.ContainsFunc(c.invites, func(v *invitation) bool { return v.item.User == t.User }) {
		return ErrState
	}
	ctx, cancel := context.WithTimeout(c.ctx, c.m.cfg.RingTimeout)
	v := &invitation{cancel: cancel, item: PartyItem{Side: SideAgent, Role: role, User: t.User, Number: number, Mode: mode, Ringing: true, Since: time.Now().UTC()}}
	c.invites = append(c.invites, v)
	l := c.newLeg(role, t.User, nil)
	l.mode, l.who = mode, number
	c.refresh()
	c.wg.Go(func() { // ends with the dialling, which RingTimeout bounds
		defer cancel()
		err := c.ring(ctx, t, l)
		admitted := false
		_ = c.ask(c.ctx, func() { // an error says that the call has ended
			c.invites = slices.DeleteFunc(c.invites, func(o *invitation) bool { return o == v })
			if err == nil {
				admitted = c.admit(l)
			}
			c.rewire()
			c.update()
		})
		switch {
		case err == nil && !admitted:
			c.drop(l, CauseCancelled)
		case err != nil && !errors.Is(err, context.Canceled):
			c.log.Info("nobody came into the call", "role", string(role), "error", err)
		}
	})
	return nil
}
