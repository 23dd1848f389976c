package caller

import (
	"context"
	"net/netip"
	"strings"
	"time"
)

// take begins a call to us. Read loop.
func (a *Agent) take(invite *message, from netip.AddrPort) {
	number, _, _ := strings.Cut(strings.TrimPrefix(invite.uri, "sip:"), "@")
	cfg, ok := a.cfg.Answer(number)
	if !ok {
		a.send(invite.reply(404, "Not Found", newTag(), "", ""), from)
		return
	}
	far, ok := readOffer(invite.body, cfg.Codec)
	if !ok || address(invite.get("contact")) == "" {
		a.send(invite.reply(488, "Not Acceptable Here", newTag(), "", ""), from)
		return
	}
	d := a.taken(invite, from)
	a.enter(d)
	// Ends with the call, at the latest when Close ends the base context.
	a.serving.Go(func() {
		r := a.serve(a.base, d, invite, far, cfg)
		if a.cfg.Answered != nil {
			a.cfg.Answered(number, r)
		}
	})
}

// serve answers a call and returns when it has ended.
func (a *Agent) serve(ctx context.Context, d *dialog, invite *message, far answer, cfg CallConfig) Report {
	defer a.leave(d)
	s, err := openStream(a.Addr().Addr())
	if err != nil {
		a.log.Warn("caller: rtp port", "error", err)
		a.send(invite.reply(500, "Server Internal Error", d.fromTag, "", ""), d.remote)
		return Report{Cause: "error"}
	}
	c := &callRun{cfg: cfg, d: d, s: s, invited: invite, begun: time.Now()}
	c.prepare()
	s.in.pt = far.pt // we hear the number that we answer with
	a.send(invite.reply(180, "Ringing", d.fromTag, d.contact, ""), d.remote)
	c.okay = invite.reply(200, "OK", d.fromTag, d.contact, describe(s.local(), cfg.Codec, int(far.pt), far.event, 1))
	a.send(c.okay, d.remote)
	c.report.Status, c.report.AnsweredAt = 200, time.Now()
	c.speak(far, c.report.AnsweredAt)
	if c.acknowledged(ctx) {
		c.talk(ctx)
	} else if c.report.Cause != "remote" {
		c.report.Cause = "timeout"
		c.bye()
	}
	a.clock.remove(s)
	s.close(true)
	c.finish()
	return c.report
}

// acknowledged repeats the 200 until its ACK (RFC 3261 section 13.3.1.4).
func (c *callRun) acknowledged(ctx context.Context) bool {
	t1 := c.d.agent.cfg.T1
	wait := t1
	repeat := time.NewTimer(wait)
	defer repeat.Stop()
	limit := time.NewTimer(64 * t1)
	defer limit.Stop()
	for c.okay != nil && c.report.Cause == "" {
		select {
		case <-ctx.Done():
			return false
		case <-limit.C:
			return false
		case <-repeat.C:
			c.d.agent.send(c.okay, c.d.remote)
			wait = min(2*wait, 8*t1)
			repeat.Reset(wait)
		case p := <-c.d.inbox:
			if p.m.method != "" {
				c.serve(p)
			}
		}
	}
	return c.okay == nil
}
