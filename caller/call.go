package caller

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/icholy/digest"
)

// callRun is one call while Call is running.
type callRun struct {
	cfg    CallConfig
	d      *dialog
	s      *stream
	report Report
	begun  time.Time
	sdp    string
	media  bool // the clock sends and the read loop runs

	invited *message // the INVITE of a call to us, answered with okay
	okay    []byte
}

// Call places one call and returns when it has ended. The Report is filled as far
// as the call came; the error says what could not even be tried. Cancelling ctx
// hangs up.
func (a *Agent) Call(ctx context.Context, cfg CallConfig) (Report, error) {
	if cfg.AnswerTimeout == 0 {
		cfg.AnswerTimeout = time.Minute
	}
	d, err := a.newDialog(cfg)
	if err != nil {
		return Report{Cause: "error"}, err
	}
	s, err := openStream(a.Addr().Addr())
	if err != nil {
		return Report{Cause: "error"}, fmt.Errorf("caller: rtp port: %w", err)
	}
	c := &callRun{cfg: cfg, d: d, s: s}
	c.prepare()
	a.enter(d)
	said := make(chan struct{})
	over := make(chan struct{})
	go func() { // ends with the last piece, or with the call
		defer close(said)
		c.feed(over)
	}()
	if c.invite(ctx) {
		c.talk(ctx)
	}
	close(over)
	<-said
	a.leave(d)
	if c.media {
		a.clock.remove(s)
	}
	s.close(c.media)
	c.finish()
	return c.report, nil
}

// feed encodes what is said piece by piece, away from the clock.
func (c *callRun) feed(over <-chan struct{}) {
	if c.s.say == nil {
		return
	}
	for {
		select {
		case pcm, ok := <-c.cfg.Say:
			if !ok {
				close(c.s.say)
				return
			}
			select {
			case c.s.say <- Encode(c.cfg.Codec, pcm):
			case <-over:
				return
			}
		case <-over:
			return
		}
	}
}

// prepare sets the stream up; nothing is sent yet.
func (c *callRun) prepare() {
	s, cfg := c.s, c.cfg
	s.codec, s.quiet, s.sound, s.loop = cfg.Codec, silence(cfg.Codec), cfg.Clip, cfg.Loop
	s.in.pt, s.in.clock = cfg.Codec.payloadType(), cfg.Codec.clock()
	if s.sound == nil && len(cfg.Audio) > 0 {
		s.sound = Encode(cfg.Codec, cfg.Audio)
	}
	s.lead, s.tail, s.leadQuiet = int(cfg.Lead/ptime), int(cfg.Tail/ptime), cfg.LeadQuiet
	s.keys = keypad{keys: cfg.Keys, after: int(cfg.KeysAfter / ptime)}
	s.onAudio = cfg.OnAudio
	if cfg.Say != nil {
		s.sound, s.say = nil, make(chan *Clip, 1)
	}
	s.in.silence = s.quiet[0]
	if cfg.Record {
		limit := cfg.RecordMax
		if limit == 0 {
			limit = 5 * time.Minute
		}
		if cfg.Hold > 0 {
			limit = min(limit, cfg.Hold+2*time.Second)
		}
		if cfg.Codec == Opus {
			s.in.tape = newTape(Opus, time.Time{}, limit)
		} else {
			s.in.record = make([]byte, int(limit.Seconds()*8000))
		}
	}
	c.sdp = offer(s.local(), cfg.Codec, 1)
}

// invite runs the INVITE transaction and tells whether the call was answered.
func (c *callRun) invite(ctx context.Context) bool {
	d := c.d
	c.begun = time.Now()
	d.newBranch()
	r := d.start(d.request("INVITE", c.sdp), 0)
	defer func() { r.timer.Stop() }()
	deadline := time.NewTimer(c.cfg.AnswerTimeout)
	defer deadline.Stop()
	provisional := false
	for {
		select {
		case <-ctx.Done():
			c.cancel("cancelled", provisional)
			return false
		case <-deadline.C:
			c.cancel("timeout", provisional)
			return false
		case <-r.timer.C:
			if !provisional {
				r.again(d)
			}
		case p := <-d.inbox:
			if p.m.method != "" {
				c.serve(p)
				continue
			}
			seq, method := p.m.cseq()
			switch {
			case method != "INVITE" || seq != d.cseq:
			case p.m.status < 200:
				provisional = true
				if p.m.status > 100 && c.report.Ringing == 0 {
					c.report.Ringing = time.Since(c.begun)
				}
			case p.m.status < 300:
				return c.answered(p.m)
			default:
				d.ack(p.m)
				if !c.challenged(p.m) {
					c.report.Status, c.report.Cause = p.m.status, "rejected"
					return false
				}
				r.timer.Stop()
				r, provisional = d.start(d.request("INVITE", c.sdp), 0), false
			}
		}
	}
}

// challenged answers 401 and 407 once and prepares the next INVITE.
func (c *callRun) challenged(m *message) bool {
	name, header := "Authorization", "www-authenticate"
	if m.status == 407 {
		name, header = "Proxy-Authorization", "proxy-authenticate"
	}
	if m.status != 401 && m.status != 407 || c.cfg.Username == "" || c.d.auth != "" {
		return false
	}
	for _, value := range m.header[header] {
		chal, err := digest.ParseChallenge(value)
		if err != nil {
			continue
		}
		cred, err := digest.Digest(chal, digest.Options{Method: "INVITE", URI: c.d.uri, Username: c.cfg.Username, Password: c.cfg.Password, Count: 1})
		if err != nil {
			continue
		}
		c.d.auth = name + ": " + cred.String()
		c.d.cseq++
		c.d.newBranch()
		return true
	}
	return false
}

// cancel ends an unanswered INVITE and waits a moment for its final answer; a 200
// that crosses it is acknowledged and hung up.
func (c *callRun) cancel(cause string, provisional bool) {
	c.report.Cause = cause
	if !provisional {
		return // RFC 3261 section 9.1: nothing to cancel before a provisional answer
	}
	d := c.d
	d.send(d.request("CANCEL", ""))
	wait := time.NewTimer(4 * d.agent.cfg.T1)
	defer wait.Stop()
	for {
		select {
		case <-wait.C:
			return
		case p := <-d.inbox:
			if _, method := p.m.cseq(); p.m.method != "" || method != "INVITE" || p.m.status < 200 {
				continue
			}
			d.ack(p.m)
			c.report.Status = p.m.status
			if p.m.status < 300 {
				d.establish(p.m)
				c.bye()
			}
			return
		}
	}
}

// answered acknowledges the 200 and starts the media.
func (c *callRun) answered(m *message) bool {
	now := time.Now()
	c.report.Status, c.report.Setup, c.report.AnsweredAt = m.status, now.Sub(c.begun), now
	c.d.establish(m)
	c.d.ack(m)
	ans, err := readAnswer(m.body)
	if err == nil && !ans.speaks(c.cfg.Codec) {
		err = errors.New("another codec than offered")
	}
	if err != nil {
		c.d.agent.log.Debug("caller: answer", "error", err)
		c.report.Cause = "error"
		c.bye()
		return false
	}
	c.speak(ans, now)
	return true
}

// speak starts the media.
func (c *callRun) speak(far answer, now time.Time) {
	s := c.s
	if c.cfg.MeasureDelay {
		if s.sound != nil {
			s.log = newLedger(s.sound, c.cfg.MeasureAfter)
		}
		s.in.marks = newTape(c.cfg.Codec, now.Add(c.cfg.MeasureAfter), delaySpan)
	}
	s.remote.Store(&far)
	c.media = true
	// Ends when the call closes the socket.
	go s.read()
	c.d.agent.clock.add(s)
	if c.cfg.OnAnswer != nil {
		c.cfg.OnAnswer(now)
	}
}

// talk lasts from the answer to the end of the call.
func (c *callRun) talk(ctx context.Context) {
	var hold <-chan time.Time
	finished := c.s.finished
	if c.cfg.Hold > 0 {
		t := time.NewTimer(c.cfg.Hold)
		defer t.Stop()
		hold, finished = t.C, nil
	}
	for c.report.Cause == "" {
		select {
		case <-ctx.Done():
			c.report.Cause = "cancelled"
		case <-hold:
			c.report.Cause = "completed"
		case <-finished:
			c.report.Cause = "completed"
		case p := <-c.d.inbox:
			if p.m.method != "" {
				c.serve(p)
			} else if _, method := p.m.cseq(); method == "INVITE" && p.m.status >= 200 && p.m.status < 300 {
				c.d.ack(p.m) // our ACK was lost
			}
		}
	}
	c.report.Duration = time.Since(c.report.AnsweredAt)
	if c.report.Cause != "remote" {
		c.bye()
	}
}

// serve answers a request of the far end.
func (c *callRun) serve(p posted) {
	contact := c.d.contact
	switch {
	case c.invited == nil:
	case p.m.method == "ACK":
		c.okay = nil
		return
	case p.m.method == "INVITE" && p.m.get("cseq") == c.invited.get("cseq"): // our 200 was lost
		if c.okay != nil {
			c.d.agent.send(c.okay, p.from)
		}
		return
	}
	switch p.m.method {
	case "ACK":
	case "BYE":
		c.d.agent.send(p.m.reply(200, "OK", c.d.fromTag, "", ""), p.from)
		c.report.Cause = "remote"
	case "INVITE", "UPDATE":
		if p.m.method == "UPDATE" && len(p.m.body) == 0 {
			c.d.agent.send(p.m.reply(200, "OK", c.d.fromTag, contact, ""), p.from)
			return
		}
		sdp := offer(c.s.local(), c.cfg.Codec, 2)
		if ans, ok := readOffer(p.m.body, c.cfg.Codec); ok {
			c.s.remote.Store(&ans)
			sdp = describe(c.s.local(), c.cfg.Codec, int(ans.pt), ans.event, 2)
		}
		c.d.agent.send(p.m.reply(200, "OK", c.d.fromTag, contact, sdp), p.from)
	default:
		c.d.agent.send(p.m.reply(200, "OK", c.d.fromTag, "", ""), p.from)
	}
}

// bye hangs up and waits for the answer, at most 8 times T1.
func (c *callRun) bye() {
	d := c.d
	d.cseq++
	d.newBranch()
	r := d.start(d.request("BYE", ""), 4*time.Second)
	defer r.timer.Stop()
	limit := time.NewTimer(8 * d.agent.cfg.T1)
	defer limit.Stop()
	for {
		select {
		case <-limit.C:
			return
		case <-r.timer.C:
			r.again(d)
		case p := <-d.inbox:
			if p.m.method != "" {
				c.serveAfterBye(p)
				continue
			}
			if seq, method := p.m.cseq(); method == "BYE" && seq == d.cseq && p.m.status >= 200 {
				return
			}
		}
	}
}

// serveAfterBye answers requests that crossed our BYE.
func (c *callRun) serveAfterBye(p posted) {
	if p.m.method == "BYE" {
		c.d.agent.send(p.m.reply(200, "OK", c.d.fromTag, "", ""), p.from)
	} else if !strings.EqualFold(p.m.method, "ACK") {
		c.d.agent.send(p.m.reply(481, "Call/Transaction Does Not Exist", c.d.fromTag, "", ""), p.from)
	}
}

// finish turns what was measured into the report. Clock and read loop have let go.
func (c *callRun) finish() {
	s, r := c.s, &c.report
	r.Sent, r.Unsent, r.AudioAt = s.sent, s.unsent, s.audioAt
	r.Received, r.Lost, r.Reordered = s.in.received, s.in.lost(), s.in.reorder
	r.Jitter, r.Deviations = s.in.jitter, s.in.spread
	r.JitterP95 = r.Deviations.Quantile(0.95)
	if r.Received > 0 {
		r.FirstPacket = max(0, s.in.first.Sub(r.AnsweredAt))
	}
	r.said, r.heard = s.log, s.in.marks
	switch {
	case !c.cfg.Record:
	case s.in.tape != nil:
		r.Audio, _ = s.in.tape.pcm()
	default:
		r.Audio = decode(c.cfg.Codec, s.in.record[:s.in.used])
	}
}
