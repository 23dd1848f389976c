package call

import (
	"context"
	"errors"
	"time"

	"tingxin/ivr"
	"tingxin/media"
)

// relaySize is how many keys wait to be pressed on the other leg.
const relaySize = 32

// dialled is how dialling the other party ended.
type dialled struct {
	dialog Dialog
	leg    *media.Leg
	err    error
}

// runBridge connects the caller with the route's SIP address: both legs end
// here (a B2BUA), so both are heard, recorded and measured.
func (c *Call) runBridge() {
	if c.m.dialer == nil {
		c.end(CauseNoRoute, 404)
		return
	}
	if (c.route.Announcement != "" || c.route.Emotion) && c.announce() != nil {
		return
	}
	ctx, cancel := context.WithTimeout(c.ctx, c.m.cfg.RingTimeout)
	defer cancel()
	heard := make(chan progress, 8)
	result := make(chan dialled)
	c.m.wg.Go(func() { c.dial(ctx, heard, result) }) // ends with the dialling, which ctx bounds; the call may be gone by then
	var early *media.Bridge
	for {
		select {
		case p := <-heard:
			early = c.ringing(p, early)
		case <-ctx.Done():
			c.parted(early)
			c.end(CauseNoAnswer, 480) // unless it has ended already
			return
		case r := <-result:
			if r.err != nil {
				c.parted(early)
				c.refused(r.err)
				return
			}
			c.connect(r, early)
			return
		}
	}
}

// dial places the other leg. When nobody waits for it any more, it is hung up again.
func (c *Call) dial(ctx context.Context, heard chan<- progress, result chan<- dialled) {
	d, l, err := c.m.dialer.Dial(ctx, c.route.target(&c.in), &peer{c: c, progress: heard})
	select {
	case result <- dialled{d, l, err}:
	case <-ctx.Done():
		if err == nil {
			c.drop(&leg{media: l, dialog: d})
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

func (c *Call) parted(b *media.Bridge) {
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

// connect answers the caller and joins both legs until somebody hangs up.
func (c *Call) connect(r dialled, bridge *media.Bridge) {
	l := &leg{media: r.leg, dialog: r.dialog, row: LegRecord{
		N: 2, Side: SideAgent, Direction: DirectionOut, StartedAt: time.Now().UTC(), AnsweredAt: time.Now().UTC(),
	}}
	owned := false
	err := c.ask(c.ctx, func() {
		owned = true
		c.legs = append(c.legs, l)
		c.remember(l)
	})
	if !owned {
		c.parted(bridge)
		c.drop(l)
		return
	}
	if err == nil {
		err = c.Answer(c.ctx)
	}
	if err != nil {
		c.parted(bridge)
		return
	}
	if bridge == nil {
		bridge = media.Join(c.in.Leg, r.leg)
	}
	defer bridge.Close()
	c.join(l)
	<-c.ctx.Done()
}

// join turns on keys, recording and words of a connected bridge.
func (c *Call) join(l *leg) {
	toPeer, toCaller := make(chan byte, relaySize), make(chan byte, relaySize)
	if c.ask(c.ctx, func() {
		c.bridged = true
		c.relays = map[string]chan<- byte{SideCaller: toPeer, SideAgent: toCaller}
	}) != nil {
		return
	}
	c.wg.Go(func() { c.press(toPeer, l.media) })       // ends with ctx
	c.wg.Go(func() { c.press(toCaller, c.in.Leg) })    // ends with ctx
	c.wg.Go(func() { c.peerDigits(l.media.Digits()) }) // ends with ctx or the leg
	c.takeDown(c.ctx)
	if c.feels && c.m.parts.Emotion.Agents {
		if c.ask(c.ctx, func() { c.feel(SideAgent, l.media) }) != nil {
			return
		}
	}
	if c.route.Transcribe {
		_ = c.hear(c.ctx, SideAgent, l.media) // ends only with the call
	}
}

// peerDigits carries keys of the other leg to the inbox.
func (c *Call) peerDigits(digits <-chan media.Digit) {
	for {
		select {
		case <-c.ctx.Done():
			return
		case d, ok := <-digits:
			if !ok {
				return
			}
			c.post(func() { c.digit(SideAgent, d) })
		}
	}
}

// relay hands a key to the other leg; a full queue drops it.
func (c *Call) relay(from string, key byte) {
	select {
	case c.relays[from] <- key:
	default:
		c.m.stats.keysDropped.Add(1)
	}
}

// press presses the keys on a leg, one after the other.
func (c *Call) press(keys <-chan byte, l *media.Leg) {
	for {
		select {
		case <-c.ctx.Done():
			return
		case k := <-keys:
			if err := l.SendDigits(c.ctx, string(k)); err != nil && c.ctx.Err() == nil {
				c.log.Debug("relay key", "error", err)
			}
		}
	}
}

// drop hangs up a leg that was answered after the call had ended.
func (c *Call) drop(l *leg) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.ctx), hangupTimeout)
	defer cancel()
	if err := l.dialog.Hangup(ctx, c.cause().cause); err != nil {
		c.log.Debug("hang-up", "error", err)
	}
	_ = l.media.Close()
}
