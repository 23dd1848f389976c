package call

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"tingxin/media"
)

// relay carries a leg of another server's call to a user whose telephone is
// registered here. The call with its record, recording and words is the other
// server's; this is no call of its own and leaves no record.
//
//	other server's call --SIP, RTP--> relay --> the user's telephone
type relay struct {
	m   *Manager
	in  Incoming
	log *slog.Logger

	ctx    context.Context // its cause is a *hangup
	cancel context.CancelCauseFunc
	done   chan struct{}

	answered bool // run only

	mu    sync.Mutex
	gone  map[string]bool // far ends that hung up themselves: "in", "out"
	out   Dialog
	leg   *media.Leg
	early *media.Bridge
}

// holder is a Dialog that can put its party on hold; that of sip can.
type holder interface {
	Hold(ctx context.Context, on bool) error
}

// acceptRelay is Accept for another server.
func (m *Manager) acceptRelay(in Incoming) (Handler, error) {
	r := &relay{m: m, in: in, log: m.log.With("relay", in.SIPCallID), done: make(chan struct{}), gone: map[string]bool{}}
	name, ok := m.user(in.To)
	if !ok || m.dialer == nil {
		m.stats.refused.Add(1)
		return nil, ErrNoRoute
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case !m.running || m.draining:
		m.stats.refused.Add(1)
		return nil, ErrDraining
	case len(m.calls)+len(m.relays) >= m.cfg.MaxCalls:
		m.stats.refused.Add(1)
		return nil, ErrBusy
	}
	r.ctx, r.cancel = context.WithCancelCause(m.ctx)
	m.relays[r] = struct{}{}
	m.wg.Go(func() { r.run(name) }) // ends with the relay, which Close ends at the latest
	return (*relayIn)(r), nil
}

func (r *relay) end(cause Cause, status int) {
	r.cancel(&hangup{cause: cause, status: status, at: time.Now()})
}

func (r *relay) run(user string) {
	defer close(r.done)
	defer func() {
		r.m.mu.Lock()
		delete(r.m.relays, r)
		r.m.mu.Unlock()
	}()
	defer r.finish()
	if err := r.connect(user); err != nil {
		var de *DialError
		if errors.As(err, &de) && de.Status >= 300 {
			r.end(CauseRejected, de.Status)
		} else {
			r.end(CauseError, 480)
		}
		return
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	began := time.Now()
	for {
		select {
		case <-r.ctx.Done():
			return
		case now := <-tick.C:
			if r.silent(began, now) {
				r.end(CauseMediaTimeout, 0)
			}
		}
	}
}

// connect rings the user here and joins both.
func (r *relay) connect(user string) error {
	ctx, cancel := context.WithTimeout(r.ctx, r.m.cfg.RingTimeout)
	defer cancel()
	out, leg, err := r.m.dialer.Dial(ctx, Target{User: user, Here: true, From: r.in.From, FromName: r.in.FromName, Prefer: preferred(r.in.Leg)}, (*relayOut)(r))
	if err != nil {
		return err
	}
	r.mu.Lock()
	r.out, r.leg = out, leg
	if r.early != nil {
		r.early.Close()
	}
	r.early = media.Join(r.in.Leg, leg)
	r.early.RelayDigits(true)
	r.mu.Unlock()
	r.answered = true
	return r.in.Dialog.Answer(r.ctx)
}

// silent says whether the other server, or our user, is gone without a word.
func (r *relay) silent(began, now time.Time) bool {
	for _, l := range []*media.Leg{r.in.Leg, r.leg} {
		if a := l.Activity(); !a.Held && min(a.Idle(now), now.Sub(began)) >= r.m.cfg.MediaTimeout {
			return true
		}
	}
	return false
}

// finish hangs up who is still there and closes both legs.
func (r *relay) finish() {
	var h *hangup
	if !errors.As(context.Cause(r.ctx), &h) {
		h = &hangup{cause: cmp.Or(CauseShutdown), at: time.Now()}
	}
	r.mu.Lock()
	out, leg, bridge, gone := r.out, r.leg, r.early, r.gone
	inGone, outGone := gone["in"], gone["out"]
	r.mu.Unlock()
	if bridge != nil {
		bridge.Close()
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.ctx), hangupTimeout)
	defer cancel()
	if out != nil && !outGone {
		if err := out.Hangup(ctx, h.cause); err != nil {
			r.log.Debug("hang-up of the user", "error", err)
		}
	}
	if !inGone {
		var err error
		if r.answered {
			err = r.in.Dialog.Hangup(ctx, h.cause)
		} else {
			err = r.in.Dialog.Reject(ctx, h.refusal(), "")
		}
		if err != nil {
			r.log.Debug("hang-up of the other server", "error", err)
		}
	}
	for _, l := range []*media.Leg{r.in.Leg, leg} {
		if l != nil {
			_ = l.Close()
		}
	}
	r.cancel(nil)
}

func (r *relay) left(end string, cause Cause) {
	r.mu.Lock()
	r.gone[end] = true
	r.mu.Unlock()
	r.end(cause, 0)
}

// relayIn is the Handler of the other server's leg, relayOut that of the user's.
type (
	relayIn  relay
	relayOut relay
)

var (
	_ Handler      = (*relayIn)(nil)
	_ EarlyHandler = (*relayOut)(nil)
	_ ReferHandler = (*relayOut)(nil)
)

// referrer is a Dialog whose party can be asked for a transfer; that of sip can.
type referrer interface {
	Refer(ctx context.Context, r Refer) error
}

// RemoteRefer implements ReferHandler: the call's server carries out what our user wants.
func (r *relayOut) RemoteRefer(wish Refer) {
	to, ok := r.in.Dialog.(referrer)
	if !ok {
		wish.Report(403, "")
		return
	}
	r.m.wg.Go(func() { // ends after hangupTimeout
		ctx, cancel := context.WithTimeout(r.ctx, hangupTimeout)
		defer cancel()
		err := to.Refer(ctx, wish)
		if err == nil {
			return
		}
		status := 503
		if de := (*DialError)(nil); errors.As(err, &de) && de.Status >= 300 {
			status = de.Status
		}
		wish.Report(status, "")
	})
}

// Replace gives the place of a user in a running call to a leg of another server of
// ours, which has the user's other party (an attended transfer over two servers). For
// everybody else it is Accept: a Replaces of theirs is passed over.
func (m *Manager) Replace(ctx context.Context, in Incoming, old Dialog) (Handler, error) {
	if !in.Node {
		return m.Accept(ctx, in)
	}
	p := m.partyOf(old)
	if p == nil {
		return nil, ErrNoRoute
	}
	at := p.at.Load()
	var l *leg
	err := at.c.ask(ctx, func() { l = at.c.makeRoom(at.l, in) })
	if err != nil || l == nil {
		return nil, ErrNoRoute
	}
	return l.party, nil
}

// makeRoom lets a leg that came in answer and take the place of another; nil when that one talks with nobody.
func (c *Call) makeRoom(by *leg, in Incoming) *leg {
	if !c.talking || by.left || c.moving != nil || c.place[by.row.Side] != by || c.place[other(by.row.Side)] == nil {
		return nil
	}
	l := c.newLeg(by.row.Role, "", nil)
	l.media, l.dialog, l.who = in.Leg, in.Dialog, in.From
	l.row.Direction, l.row.Transport, l.row.Secure, l.row.SIPCallID = DirectionIn, in.Transport, in.Secure, in.SIPCallID
	c.wg.Go(func() { // ends with the answer
		c.guarded(func() { c.takePlace(by, l) })
	})
	return l
}

// takePlace is no part of the call's goroutine.
func (c *Call) takePlace(by, l *leg) {
	ctx, cancel := context.WithTimeout(c.ctx, hangupTimeout)
	defer cancel()
	taken := false
	err := l.dialog.Answer(ctx)
	if err == nil {
		_ = c.ask(c.ctx, func() { // an error leaves it out
			if by.left || !c.admit(l) {
				return
			}
			taken = true
			c.settle(by.row.Side, l)
			c.leave(by, CauseTransferred)
			c.update()
		})
	}
	if !taken {
		c.drop(l, CauseCancelled)
	}
}

// RemoteHangup implements Handler.
func (r *relayIn) RemoteHangup(cause Cause) { (*relay)(r).left("in", cause) }

// RemoteDigit implements Handler: a key by INFO goes on as the leg has it.
func (r *relayIn) RemoteDigit(d media.Digit) { _ = r.in.Leg.PushDigit(d.Key, d.Duration) }

// RemoteHold implements Handler: the other server plays what its caller shall hear.
func (r *relayIn) RemoteHold(bool) {}

// RemoteMedia implements Handler.
func (r *relayIn) RemoteMedia() {}

// RemoteHangup implements Handler.
func (r *relayOut) RemoteHangup(cause Cause) { (*relay)(r).left("out", cause) }

// RemoteDigit implements Handler.
func (r *relayOut) RemoteDigit(d media.Digit) {
	r.mu.Lock()
	leg := r.leg
	r.mu.Unlock()
	if leg != nil {
		_ = leg.PushDigit(d.Key, d.Duration)
	}
}

// RemoteHold implements Handler: the call's server must know, since it plays the music.
func (r *relayOut) RemoteHold(held bool) {
	h, ok := r.in.Dialog.(holder)
	if !ok {
		return
	}
	r.m.wg.Go(func() { // ends after hangupTimeout
		ctx, cancel := context.WithTimeout(r.ctx, hangupTimeout)
		defer cancel()
		if err := h.Hold(ctx, held); err != nil && ctx.Err() == nil {
			r.log.Warn("hold not passed on", "held", held, "error", err)
		}
	})
}

// RemoteMedia implements Handler.
func (r *relayOut) RemoteMedia() {}

// RemoteProgress implements EarlyHandler.
func (r *relayOut) RemoteProgress(status int, leg *media.Leg) {
	r.m.wg.Go(func() { // ends with the sending of a provisional answer
		var err error
		switch {
		case leg != nil:
			r.mu.Lock()
			if r.early == nil && r.out == nil {
				r.early = media.Join(r.in.Leg, leg)
			}
			r.mu.Unlock()
			err = r.in.Dialog.Progress(r.ctx)
		case status == 180:
			err = r.in.Dialog.Ring(r.ctx)
		}
		if err != nil && r.ctx.Err() == nil {
			r.log.Debug("progress", "error", err)
		}
	})
}

// drainRelays ends the relays when ctx has ended, and waits for them.
func (m *Manager) drainRelays(ctx context.Context) {
	m.mu.Lock()
	list := make([]*relay, 0, len(m.relays))
	for r := range m.relays {
		list = append(list, r)
	}
	m.mu.Unlock()
	for _, r := range list {
		select {
		case <-r.done:
		case <-ctx.Done():
			r.end(CauseShutdown, 0)
			<-r.done
		}
	}
}
