package call

import (
	"context"
	"time"

	"tingxin/audio"
	"tingxin/ivr"
	"tingxin/media"
)

var _ ivr.Line = (*Call)(nil)

// playing is what the caller hears now.
type playing struct {
	out     *media.Playout
	bargeIn bool      // a key ends it
	voice   bool      // the caller's voice too
	began   time.Time // and with which words
	words   string
	byWords bool // the caller's words silence it too
}

// runFlow walks the caller through the route's flow.
func (c *Call) runFlow(ctx context.Context) {
	flow, ok := c.m.parts.Flows.Flow(c.route.Flow)
	if !ok {
		c.log.Error("flow is not there", "flow", c.route.Flow)
		c.end(CauseError, 500)
		return
	}
	vars := map[string]string{"caller": c.in.From, "number": c.in.To, "trunk": c.in.Trunk}
	result, err := ivr.Run(ctx, c, flow, c.m.parts.Flows.Prompts, vars)
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		c.log.Error("flow failed", "flow", flow.Name, "version", flow.Version, "node", result.Node, "error", err)
		c.end(CauseError, 500)
		return
	}
	c.end(CauseNormal, 0)
}

// Answer implements ivr.Line.
func (c *Call) Answer(ctx context.Context) error {
	answered := false
	if err := c.ask(ctx, func() {
		answered = c.record.State == StateActive
		c.answering = true
	}); err != nil || answered {
		return err
	}
	if c.placed { // who was called has answered already
		return c.ask(ctx, c.answered)
	}
	if err := c.in.Dialog.Answer(ctx); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		c.log.Warn("answer failed", "error", err)
		c.end(CauseError, 0)
		return err
	}
	return c.ask(ctx, c.answered)
}

// answered notes the answer. Call time starts here.
func (c *Call) answered() {
	now := time.Now()
	c.zero = now
	c.record.State, c.record.AnsweredAt, c.record.SIPStatus = StateActive, now.UTC(), 200
	c.legs[0].row.AnsweredAt = c.record.AnsweredAt
	c.remember(c.legs[0])
	c.legs[0].media.AddLevels(&c.ear)
	c.noteLeg(c.legs[0])
	if c.wantsTape() {
		c.openTape(now)
	}
	c.m.writer.Put(&entry{Answered: &answerEntry{Call: c.id, At: c.record.AnsweredAt}}, nil)
	c.publish("call.answered")
}

// Play implements ivr.Line.
func (c *Call) Play(ctx context.Context, p *ivr.Prompt, bargeIn bool) (interrupted bool, err error) {
	return c.play(ctx, p, bargeIn, false)
}

func (c *Call) play(ctx context.Context, p *ivr.Prompt, bargeIn, byWords bool) (interrupted bool, err error) {
	var out *media.Playout
	var began time.Time
	err = c.ask(ctx, func() {
		if bargeIn && (len(c.keys) > 0 || len(c.replies) > 0) {
			interrupted = true
			return
		}
		began = time.Now()
		out = c.caller().media.Play(p.Source())
		c.playing = &playing{out: out, bargeIn: bargeIn, byWords: byWords, voice: bargeIn && c.asked != nil && c.asked.bargeIn, began: began, words: p.Text}
	})
	if err != nil || interrupted {
		return interrupted, err
	}
	select {
	case <-out.Done():
	case <-ctx.Done():
		out.Stop()
	}
	err = c.ask(ctx, func() {
		c.playing = nil
		c.said(p, began, out.Played())
	})
	return bargeIn && !out.Finished(), err
}

// Key implements ivr.Line.
func (c *Call) Key(ctx context.Context, wait time.Duration) (byte, bool, error) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case k := <-c.keys:
		return k, true, nil
	case <-timer.C:
		return 0, false, nil
	case <-ctx.Done():
		return 0, false, context.Cause(ctx)
	}
}

// Listen implements ivr.Line.
func (c *Call) Listen(ctx context.Context, silence, limit time.Duration) (ivr.End, error) {
	began := time.Now()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return "", context.Cause(ctx)
		case <-c.keys:
			return ivr.EndKey, nil
		case now := <-tick.C:
			quiet := now.Sub(began)
			if heard := c.ear.heard(); heard.After(began) {
				quiet = now.Sub(heard)
			}
			if silence > 0 && quiet >= silence {
				return ivr.EndSilence, nil
			}
			if limit > 0 && now.Sub(began) >= limit {
				return ivr.EndLimit, nil
			}
		}
	}
}

// Record implements ivr.Line.
func (c *Call) Record(ctx context.Context, consent ivr.Consent) error {
	refused := consent == ivr.ConsentRefused
	if err := c.ask(ctx, func() {
		c.record.Consent = string(consent)
		if refused {
			c.dropTape()
		} else {
			c.openTape(time.Now())
			c.tape.open()
		}
		c.update()
	}); err != nil {
		return err
	}
	if refused && c.m.cfg.Recording.Refused != RefusedTranscribe {
		return nil
	}
	return c.hear(ctx, SideCaller, c.partner())
}

// Note implements ivr.Line.
func (c *Call) Note(n ivr.Note) {
	c.post(func() {
		switch {
		case n.Retry != nil:
			c.m.parts.Bus.Publish("flow.retry", c.id, RetryItem{Flow: n.Flow, Node: n.Node, Why: n.Retry.Why, Count: n.Retry.N})
		case n.Node != "":
			c.m.parts.Bus.Publish("flow.node", c.id, NodeItem{Flow: n.Flow, Node: n.Node})
		case n.Language != "":
			c.record.Language = n.Language
		default:
			if c.record.Data == nil {
				c.record.Data = make(map[string]any)
			}
			c.record.Data[n.Variable] = n.Value
		}
	})
}

// take-down of a route that is no flow: recording and words as the route says.
func (c *Call) takeDown(ctx context.Context) {
	if c.route.Record {
		if c.ask(ctx, func() {
			if c.record.Consent == ConsentNone && c.route.Announcement != "" {
				c.record.Consent = ConsentAnnounced
			}
			c.openTape(time.Now())
			c.tape.open()
			c.update()
		}) != nil {
			return
		}
	}
	if c.feels {
		if c.Feel(ctx, ivr.ConsentAnnounced) != nil {
			return
		}
	}
	if c.route.Transcribe {
		_ = c.hear(ctx, SideCaller, c.partner()) // ends only with the call
	}
}

// wantsTape says whether the recording's time starts with the answer: what is
// not yet allowed to be kept is silence in it.
func (c *Call) wantsTape() bool {
	if c.route.Flow == "" {
		return c.route.Record
	}
	flow, ok := c.m.parts.Flows.Flow(c.route.Flow)
	if !ok {
		return false
	}
	for i := range flow.Nodes {
		if flow.Nodes[i].Record != nil {
			return true
		}
	}
	return false
}

// caller is the leg that stands on the caller's side.
func (c *Call) caller() *leg {
	if l := c.place[SideCaller]; l != nil {
		return l
	}
	return c.front
}

// frameTime rounds to whole frames.
func frameTime(d time.Duration) time.Duration { return d.Truncate(audio.FrameDur) }
