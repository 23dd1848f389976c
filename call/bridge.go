package call

import (
	"cmp"
	"context"
	"errors"
	"time"

	"tingxin/ivr"
	"tingxin/media"
)

// runBridge connects the caller with whom the route says: both legs end here (a
// B2BUA), so both are heard, recorded and measured.
func (c *Call) runBridge() {
	if c.m.dialer == nil {
		c.end(CauseNoRoute, 404)
		return
	}
	if (c.route.Announcement != "" || c.route.Emotion) && c.announce() != nil {
		return
	}
	err := c.connect(c.route.target(&c.in), RolePeer, c.route.Timeout)
	switch {
	case c.ctx.Err() != nil:
	case err == nil:
		<-c.ctx.Done()
	case c.route.Then != "":
		c.goOn(c.route.Then)
	default:
		c.refused(err)
	}
}

// goOn gives the caller to another route or flow.
func (c *Call) goOn(to string) {
	r, ok := c.m.routes.Load().named(to)
	if !ok {
		r = Route{Name: c.route.Name, Flow: to}
	}
	if c.ask(c.ctx, func() { c.route = r }) == nil {
		c.script()
	}
}

// connect dials somebody for the caller and joins both; it returns when they talk, or why they do not.
func (c *Call) connect(t Target, role Role, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(c.ctx, cmp.Or(timeout, c.m.cfg.RingTimeout))
	defer cancel()
	heard := make(chan progress, 8)
	result := make(chan error)
	l := c.newLeg(role, t.User, heard)
	c.m.wg.Go(func() { c.dial(ctx, t, l, result) }) // ends with the dialling, which ctx bounds; the call may be gone by then
	var early *media.Bridge
	for {
		select {
		case p := <-heard:
			early = c.ringing(p, early)
		case <-ctx.Done():
			parted(early)
			return &DialError{Status: 480, Reason: "no answer"}
		case err := <-result:
			parted(early) // the talk has a bridge of its own
			if err != nil {
				return err
			}
			return c.meet(l)
		}
	}
}

// dial places the other leg. When nobody waits for it any more, it is hung up again.
func (c *Call) dial(ctx context.Context, t Target, l *leg, result chan<- error) {
	err := c.ring(ctx, t, l)
	select {
	case result <- err:
	case <-ctx.Done():
		if err == nil {
			c.drop(l, CauseCancelled)
		}
	}
}

// announce answers and tells the caller that the call is recorded, and that the voice is read.
func (c *Call) announce() error {
	if err := c.Answer(c.ctx); err != nil {
		return err
	}
	if c.route.Announcement != "" {
		if err := c.tellCaller(ivr.Speech{Text: c.route.Announcement, Language: c.record.Language}); err != nil {
			return err
		}
	}
	if !c.route.Emotion || !c.Feels(c.ctx) {
		return nil
	}
	if err := c.tellCaller(ivr.EmotionNotice(c.record.Language)); err != nil {
		return err
	}
	c.feels = true
	return nil
}

// tellCaller speaks to the caller to the end.
func (c *Call) tellCaller(s ivr.Speech) error {
	p, err := c.m.parts.Flows.Prompts.Prompt(c.ctx, s)
	if err != nil {
		if c.ctx.Err() == nil {
			c.log.Error("announcement failed", "error", err)
			c.end(CauseError, 500)
		}
		return err
	}
	_, err = c.Play(c.ctx, p, false)
	return err
}

// ringing passes on that the other party rings, with its early media when there is some.
func (c *Call) ringing(p progress, early *media.Bridge) *media.Bridge {
	if c.ctx.Err() != nil {
		return early
	}
	answered := c.snap.Load().State == StateActive
	var err error
	switch {
	case p.leg != nil && early == nil:
		if !answered {
			err = c.in.Dialog.Progress(c.ctx)
		}
		early = media.Join(c.in.Leg, p.leg)
	case !answered && p.status == 180:
		err = c.in.Dialog.Ring(c.ctx)
	}
	if err != nil && c.ctx.Err() == nil {
		c.log.Debug("progress", "error", err)
	}
	return early
}

func parted(b *media.Bridge) {
	if b != nil {
		b.Close()
	}
}

// refused ends the call with the cause of the other party's refusal.
func (c *Call) refused(err error) {
	var de *DialError
	switch {
	case !errors.As(err, &de):
		c.log.Warn("dialling failed", "error", err)
		c.end(CauseError, 502)
	case de.Status == 486 || de.Status == 600:
		c.end(CauseBusy, de.Status)
	case de.Status == 408 || de.Status == 480 || de.Status == 487:
		c.end(CauseNoAnswer, 480)
	case de.Status == 404 || de.Status == 410 || de.Status == 484 || de.Status == 604:
		c.end(CauseNoRoute, de.Status)
	case de.Status == 0:
		c.end(CauseNoAnswer, 504)
	case de.Status >= 500 && de.Status < 600:
		c.end(CauseError, 502)
	default:
		c.end(CauseRejected, de.Status)
	}
}

// meet answers the caller and begins the talk with a leg that has answered.
func (c *Call) meet(l *leg) error {
	admitted := false
	err := c.ask(c.ctx, func() { admitted = c.admit(l) })
	if !admitted {
		c.drop(l, CauseCancelled)
		if err == nil {
			err = &DialError{Status: 480, Reason: "hung up at once"}
		}
		return err
	}
	if err := c.Answer(c.ctx); err != nil {
		return err
	}
	if err := c.ask(c.ctx, func() {
		c.talk()
		c.settle(SideAgent, l)
		if c.feels && c.m.parts.Emotion.Agents {
			c.feel(SideAgent, l.media, nil)
		}
	}); err != nil {
		return err
	}
	if c.route.Flow != "" {
		return context.Cause(c.ctx) // its record node has decided
	}
	c.takeDown(c.ctx)
	if c.route.Transcribe {
		_ = c.hear(c.ctx, SideAgent, l.media) // ends only with the call
	}
	return context.Cause(c.ctx)
}

// relay hands a key to everybody the party talks with; a full queue drops it.
func (c *Call) relay(from *leg, key byte) (relayed bool) {
	for _, l := range c.present() {
		if l == from || !l.talks() || !l.open() {
			continue
		}
		relayed = true
		select {
		case l.keys <- key:
		default:
			c.m.stats.keysDropped.Add(1)
		}
	}
	return relayed
}
