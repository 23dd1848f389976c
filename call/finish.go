package call

import (
	"context"
	"time"
)

// Times of the end of a call.
const (
	wordsTimeout  = 5 * time.Second  // for the last words of recognition
	hangupTimeout = 10 * time.Second // for the other side to hear of it
)

// past is a moment that is over.
var past = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// finish parts the legs, waits for the last words, closes the recording and
// writes the CDR. The call leaves memory only when that is safe.
func (c *Call) finish() {
	h := c.cause()
	c.serve(past, 0) // what was told before the end, such as who hung up
	if c.playing != nil {
		c.playing.out.Stop()
	}
	c.closeTalk()
	c.part(h)
	c.lastWords()
	c.numb()
	c.closeTape()
	c.closeLegs(h)
	c.complete(h)
	safe := make(chan struct{})
	f := &finishEntry{Record: *c.snapshotRecord()}
	for _, l := range c.legs {
		f.Legs = append(f.Legs, l.row)
	}
	c.m.writer.Put(&entry{Finish: f}, func() { close(safe) })
	c.serve(safe, 0)
	c.keepBaseline()
	c.publish("call.ended")
	c.m.stats.ended.Add(1)
	c.log.Info("call ended", "cause", string(h.cause), "route", c.route.Name, "duration", c.record.Duration())
	gone := make(chan struct{})
	go func() { // ends when script, pumps and hang-ups have, which are all bounded
		c.wg.Wait()
		close(gone)
	}()
	c.serve(gone, 0)
}

// serve goes on with the inbox until done is closed or, unless it is 0, d has passed.
func (c *Call) serve(done <-chan struct{}, d time.Duration) {
	var late <-chan time.Time
	if d > 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		late = timer.C
	}
	for {
		select {
		case f := <-c.inbox:
			f()
		case <-late:
			return
		case <-done:
			for { // what was posted before
				select {
				case f := <-c.inbox:
					f()
				default:
					return
				}
			}
		}
	}
}

// part hangs up every leg that did not hang up itself.
func (c *Call) part(h *hangup) {
	for i, l := range c.legs {
		if l.dialog == nil || l.remote || l.left {
			continue
		}
		reject := i == 0 && !c.answering
		c.wg.Go(func() { // ends after hangupTimeout
			ctx, cancel := context.WithTimeout(context.WithoutCancel(c.ctx), hangupTimeout)
			defer cancel()
			var err error
			if status := h.refusal(); reject {
				err = l.dialog.Reject(ctx, status, "")
			} else {
				err = l.dialog.Hangup(ctx, h.cause)
			}
			if err != nil {
				c.log.Debug("hang-up", "leg", i+1, "error", err)
			}
		})
	}
}

// refusal is the SIP status that refuses an unanswered call (RFC 3261 section 21).
func (h *hangup) refusal() int {
	if h.status >= 300 {
		return h.status
	}
	switch h.cause {
	case CauseBusy:
		return 486
	case CauseNoAnswer:
		return 480
	case CauseNoRoute:
		return 404
	case CauseRejected:
		return 603
	case CauseShutdown:
		return 503
	case CauseCancelled:
		return 487
	case CauseNormal, CauseAdmin, CauseCallerHangup, CausePeerHangup:
		return 480
	default:
		return 500
	}
}

// lastWords lets recognition finish what was said.
func (c *Call) lastWords() {
	deadline := time.Now().Add(wordsTimeout)
	for _, sd := range c.sides {
		if sd.ear != nil {
			sd.ear.remove()
			sd.ear.stream.Finish()
		}
	}
	for _, sd := range c.sides {
		if sd.ear == nil {
			c.markGap(sd)
			continue
		}
		c.serve(sd.ear.ended, max(time.Until(deadline), time.Millisecond))
		behind := !closed(sd.ear.ended)
		_ = sd.ear.stream.Close()
		c.serve(sd.ear.ended, time.Second)
		if behind {
			c.leaveRest(sd)
		}
	}
}

// leaveRest leaves what recognition had no time for to be heard from the recording.
func (c *Call) leaveRest(sd *side) {
	c.log.Warn("recognition is behind at the end of the call", "side", sd.name)
	if c.tape != nil && c.tape.opened() {
		c.m.stats.deferred.Add(1)
		c.record.Transcription[sd.name] = TranscriptionDeferred
	}
}

func closed(done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	default:
		return false
	}
}

func (c *Call) closeLegs(h *hangup) {
	for i, l := range c.legs {
		if l.media == nil || l.left {
			continue
		}
		c.remember(l)
		l.row.Quality = measure(l.media.Stats())
		l.row.EndedAt, l.row.Cause = h.at.UTC(), h.cause
		if err := l.media.Close(); err != nil {
			c.log.Debug("close leg", "leg", i+1, "error", err)
		}
	}
}

// complete fills the record with how the call ended.
func (c *Call) complete(h *hangup) {
	r := &c.record
	switch {
	case r.State != StateRinging:
	case c.answering:
		r.SIPStatus = 200
	default:
		r.SIPStatus = h.refusal()
	}
	r.State, r.EndedAt, r.Cause = StateEnded, h.at.UTC(), h.cause
	for name, state := range r.Transcription {
		switch {
		case state == TranscriptionLive:
			r.Transcription[name] = TranscriptionDone
		case state == TranscriptionDeferred && r.Recording.State != RecordingKept:
			r.Transcription[name] = TranscriptionOff
		}
	}
	if c.record.Transcription[SideCaller] == TranscriptionDeferred || c.record.Transcription[SideAgent] == TranscriptionDeferred {
		c.m.wakeTranscriber()
	}
}
