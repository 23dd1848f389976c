package sip

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"tingxin/call"
	"tingxin/media"
	"tingxin/sip/sdp"
	"tingxin/sip/wire"
)

// dialling is an outgoing leg until its answer, and what is needed to
// acknowledge late answers after that.
type dialling struct {
	result   chan dialResult // one value
	offer    []byte
	secure   bool
	x        *exchange
	flow     flow
	heard    bool       // a provisional came: CANCEL may be sent
	cause    call.Cause // why it was cancelled, "" while wanted
	sent     bool       // CANCEL is out
	early    string     // the description of the last provisional answer
	hurry    bool       // end it when nothing is heard in Config.FailOver
	asserted string     // P-Asserted-Identity
	token    string     // bearer token
	hidden   bool       // the caller's number is
	tries    int        // INVITEs after 422 or 488
	// targets are addresses that 3xx answers named; target is the next of them.
	targets  []string
	target   int
	replaces string // of the INVITE
	inside   string // CallHeader, for a user

	mu     sync.Mutex
	winner string            // To tag of the first 2xx
	acks   map[string]sentTo // by To tag
}

type sentTo struct {
	msg []byte
	f   flow
}

type dialResult struct{ err error }

// noAnswer is the reason of the 408 that we make ourselves: not even a
// provisional answer came.
const noAnswer = "no answer to the invite"

func (l *dialling) finish(_ *dialog, err error) {
	select {
	case l.result <- dialResult{err}:
	default:
	}
}

// Dial places an outgoing leg and returns when it is answered or refused
// (*call.DialError). Cancelling ctx sends CANCEL and returns at once; an answer
// that crosses it is acknowledged and ended. The caller owns the returned leg.
func (s *Server) Dial(ctx context.Context, t call.Target, h call.Handler) (call.Dialog, *media.Leg, error) {
	t = s.inside(t)
	switch {
	case t.Node != "":
		return s.dialNode(ctx, t, h)
	case t.User != "":
		return s.dialUser(ctx, t, h)
	case t.Number != "":
		return s.dialNumber(ctx, t, h)
	}
	to, err := s.destination(t)
	if err != nil {
		return nil, nil, err
	}
	return s.dialOne(ctx, to, t, h)
}

// dialOne places one leg and waits for its outcome.
func (s *Server) dialOne(ctx context.Context, to destination, t call.Target, h call.Handler) (call.Dialog, *media.Leg, error) {
	d, err := s.outgoing(ctx, to, t, h)
	if err != nil {
		return nil, nil, err
	}
	select {
	case r := <-d.result():
		if r.err != nil {
			return nil, nil, r.err
		}
		return d, d.leg, nil
	case <-ctx.Done():
		if !d.post(func() {
			d.hangup(call.CauseCancelled)
			d.unclaimed()
		}) {
			d.unclaimed()
		}
		return nil, nil, fmt.Errorf("dial given up: %w", context.Cause(ctx))
	}
}

// unclaimed closes the leg of an answer that came when nobody waited any more.
func (d *dialog) unclaimed() {
	select {
	case r := <-d.outcome:
		if r.err == nil {
			d.leg.Close()
		}
	default:
	}
}

// result is the channel Dial waits on; the dialling itself belongs to the loop.
func (d *dialog) result() chan dialResult { return d.outcome }

// startDial makes the offer and sends the INVITE.
func (d *dialog) startDial() {
	if d.phase == ended || d.dial.cause != "" {
		d.end(call.CauseCancelled, false)
		return
	}
	if d.web == nil {
		policy := sdp.Off
		if d.dial.secure {
			policy = sdp.Required
		}
		d.neg = sdp.New(sdp.Local{Addr: d.leg.LocalFor(d.flow.remote().Addr()), Codecs: d.codecs, SRTP: policy})
	}
	var err error
	if d.dial.offer, err = d.makeOffer(); err != nil {
		d.dialFailed(500, err.Error())
		return
	}
	d.sendInvite()
}

func (d *dialog) sendInvite() {
	m := d.newRequest("INVITE").Add("Contact", "").Add("Allow", d.s.rules.Allow())
	if d.web != nil { // a browser refreshes by itself, and acknowledges nothing provisional
		m.Add("Supported", "timer").Add("Session-Expires", seconds(d.wanted())+";refresher=uas")
	} else {
		m.Add("Supported", d.s.supported).Add("Session-Expires", seconds(d.wanted()))
	}
	m.Add("Min-SE", seconds(max(d.s.cfg.MinSE, d.session.minSE)))
	if r := d.dial.replaces; r != "" {
		m.Add("Require", "replaces").Add("Replaces", r)
	}
	if v := d.dial.inside; v != "" {
		m.Add(CallHeader, v)
	}
	if a := d.dial.asserted; a != "" {
		m.Add("P-Asserted-Identity", a)
		if d.dial.hidden {
			m.Add("Privacy", "id")
		}
	}
	if token := d.dial.token; token != "" {
		m.Add("Authorization", "Bearer "+token)
	}
	m.SetBody("application/sdp", d.dial.offer)
	l := d.dial
	if l.hurry {
		d.arm(timerFirst, d.s.cfg.FailOver)
	}
	l.heard = false
	d.arm(timerRing, d.s.cfg.RingTimeout+64*d.s.cfg.T1)
	l.x = &exchange{auth: d.trunk.credentials()}
	err := d.s.transact(d.s.base, l.x, m, d.dial.flow, func(resp *wire.Message, err error) {
		d.onInviteResponse(l, resp, err)
	})
	switch {
	case errors.Is(err, errTooBig):
		d.dialFailed(513, "request too large for udp")
	case err != nil:
		d.dialFailed(503, err.Error())
	}
}

// onInviteResponse runs on the reader's or a timer's goroutine: what must work
// without the loop (late 2xx) is done here, the rest is posted.
func (d *dialog) onInviteResponse(l *dialling, resp *wire.Message, err error) {
	if err == nil && resp.Status/100 == 2 && d.late2xx(l, resp) {
		return
	}
	if d.post(func() { d.onInvited(l, resp, err) }) {
		return
	}
	if err == nil && resp.Status/100 == 2 {
		d.s.endFork(d, l, resp)
	}
}

// late2xx re-acknowledges a repeated 200 and ends a second one of another fork.
func (d *dialog) late2xx(l *dialling, resp *wire.Message) bool {
	tag := resp.ToTag()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.winner == "" {
		l.winner = tag
		return false
	}
	if ack, ok := l.acks[tag]; ok {
		if ack.f.send(ack.msg) != nil {
			d.s.stats.sendErrors.Add(1)
		}
		return true
	}
	if tag == l.winner {
		return true // its first ACK is on the way
	}
	d.s.stats.forked.Add(1)
	d.s.wg.Add(1)
	go func() { // ends when ACK and BYE are sent; not here, because a reader may not look up names
		defer d.s.wg.Done()
		d.s.endFork(d, l, resp)
	}()
	return true
}

// endFork acknowledges a 200 nobody wants and ends its dialog.
func (s *Server) endFork(d *dialog, l *dialling, resp *wire.Message) {
	req := l.x.current().req
	n, _, _ := req.CSeq()
	fork := &dialog{s: s, log: d.log, callID: d.callID, trunk: d.trunk, user: d.user, seat: d.seat, flow: d.originFlow, network: d.network,
		localURI: req.Get("From"), target: req.URI, localSeq: n}
	fork.establish(resp)
	l.mu.Lock()
	known := l.acks[resp.ToTag()].msg != nil
	l.mu.Unlock()
	ack := fork.ackFor2xx(req, resp)
	l.remember(resp.ToTag(), ack)
	if !known {
		fork.sendBye(call.CauseCancelled)
	}
}

func (l *dialling) remember(tag string, ack sentTo) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.acks) < 16 && ack.msg != nil {
		l.acks[tag] = ack
	}
}

// establish takes the peer's side of the dialog out of a response.
func (d *dialog) establish(resp *wire.Message) {
	d.remoteURI = resp.Get("To")
	d.routeSet = resp.Values("Record-Route")
	for i, j := 0, len(d.routeSet)-1; i < j; i, j = i+1, j-1 {
		d.routeSet[i], d.routeSet[j] = d.routeSet[j], d.routeSet[i]
	}
	d.retarget(resp)
}

// onInvited takes a response to our INVITE on the loop.
func (d *dialog) onInvited(l *dialling, resp *wire.Message, err error) {
	switch {
	case d.phase == ended:
		if err == nil && resp.Status/100 == 2 {
			d.s.endFork(d, l, resp)
		}
	case d.phase != early:
	case errors.Is(err, errTimeout):
		d.dialFailed(408, noAnswer)
	case err != nil:
		d.dialFailed(503, err.Error())
	case resp.Status < 200:
		d.onProvisional(l, resp)
	case resp.Status < 300:
		d.onDialAnswered(l, resp)
	default:
		d.onDialRefused(l, resp)
	}
}

// onProvisional: ringing, early media, PRACK, and the CANCEL that had to wait.
func (d *dialog) onProvisional(l *dialling, resp *wire.Message) {
	l.heard = true
	d.disarm(timerFirst)
	if l.cause != "" {
		d.sendCancel(l)
		return
	}
	if resp.Status == 100 || resp.ToTag() == "" {
		return
	}
	d.setRemoteTag(resp.ToTag())
	d.establish(resp)
	d.abilities(resp)
	if resp.HasToken("Require", "100rel") && !d.acknowledge(l, resp) {
		return
	}
	eh, _ := d.handler.(call.EarlyHandler)
	var hears *media.Leg
	if body := resp.SDP(); body != nil && string(body) != l.early {
		l.early = string(body)
		d.reopenOffer()
		if err := d.takeAnswer(body); err != nil {
			d.log.Info("early media not usable", "error", err)
			d.reopenOffer()
		} else {
			hears = d.leg
		}
	}
	if eh != nil {
		eh.RemoteProgress(resp.Status, hears)
	}
}

// acknowledge sends PRACK for a new reliable provisional (RFC 3262 4); false
// for one that was seen or came out of order.
func (d *dialog) acknowledge(l *dialling, resp *wire.Message) bool {
	rseq, ok := parseUint(resp.Get("RSeq"))
	if !ok {
		return false
	}
	last, seen := d.prack[resp.ToTag()]
	if seen && rseq != last+1 || len(d.prack) > 16 {
		return false
	}
	d.prack[resp.ToTag()] = rseq
	n, _, _ := resp.CSeq()
	m := d.newRequest("PRACK").Add("RAck", itoa(rseq)+" "+itoa(int(n))+" INVITE")
	d.send(m, func(*wire.Message, error) {})
	return true
}

// onDialAnswered: the first 200. ACK at once; then it is ours, or a BYE when
// we had given up.
func (d *dialog) onDialAnswered(l *dialling, resp *wire.Message) {
	d.setRemoteTag(resp.ToTag())
	d.establish(resp)
	d.abilities(resp)
	d.disarm(timerRing)
	d.disarm(timerCancel)
	d.disarm(timerFirst)
	l.remember(resp.ToTag(), d.ackFor2xx(l.x.current().req, resp))
	if l.cause != "" {
		d.sendBye(l.cause)
		d.end(l.cause, false)
		return
	}
	if body := resp.SDP(); body == nil || string(body) != l.early {
		if l.early != "" && body != nil {
			d.reopenOffer()
		}
		if err := d.takeAnswer(body); err != nil && (body != nil || l.early == "") {
			d.sendBye(call.CauseError)
			d.dialFailed(488, "answer not usable: "+err.Error())
			return
		}
	}
	d.phase, d.dial, d.legHanded = confirmed, nil, true
	d.sessionResponse(resp)
	l.finish(d, nil)
}

// onDialRefused: 422 and, with optional SRTP, 488 are tried again once each.
func (d *dialog) onDialRefused(l *dialling, resp *wire.Message) {
	if l.cause == "" && l.tries < 2 {
		l.tries++
		if minSE, _, ok := sessionExpires(resp.Get("Min-SE")); resp.Status == 422 && ok && minSE > d.session.minSE {
			d.session.minSE = minSE
			d.sendInvite()
			return
		}
		if (resp.Status == 488 || resp.Status == 415) && l.secure && d.trunk.policy() == sdp.Optional {
			l.secure = false
			d.startDial()
			return
		}
	}
	switch {
	case resp.Status/100 == 3 && d.redirected(l, resp):
	case len(l.targets) > 0 && resp.Status != 486 && resp.Status < 600 && d.nextTarget(l):
	case resp.Status/100 == 3:
		l.finish(nil, &call.DialError{Status: resp.Status, Reason: resp.Reason, Contacts: contactsOf(resp)})
		d.end(call.CauseRejected, false)
	default:
		d.dialFailed(resp.Status, resp.Reason)
	}
}

// dialFailed ends a leg that was never answered.
func (d *dialog) dialFailed(status int, reason string) {
	if d.dial != nil {
		d.dial.finish(nil, &call.DialError{Status: status, Reason: reason})
	}
	d.end(causeOf(status), false)
}

func causeOf(status int) call.Cause {
	switch status {
	case 486, 600:
		return call.CauseBusy
	case 404, 604:
		return call.CauseNoRoute
	case 408, 480:
		return call.CauseNoAnswer
	case 487:
		return call.CauseCancelled
	}
	return call.CauseRejected
}

// mute: a trunk has not said anything in time. Who waits is told, so that the
// next one can be tried; a late answer is acknowledged and ended.
func (d *dialog) mute() {
	if l := d.dial; l != nil && d.phase == early && !l.heard && l.cause == "" {
		l.finish(nil, &call.DialError{Status: 408, Reason: noAnswer})
		d.cancelDial(call.CauseNoAnswer)
	}
}

// cancelDial gives up an unanswered leg: CANCEL now, or after the first
// provisional (RFC 3261 9.1). Who waits for the answer is told at once.
func (d *dialog) cancelDial(cause call.Cause) {
	l := d.dial
	if l == nil || l.cause != "" {
		return
	}
	l.cause = cause
	l.finish(nil, &call.DialError{Status: 487, Reason: string(cause)})
	if l.heard {
		d.sendCancel(l)
	}
}

func (d *dialog) sendCancel(l *dialling) {
	tx := l.x.current()
	if l.sent || tx == nil {
		return
	}
	l.sent = true
	n, _, _ := tx.req.CSeq()
	m := &wire.Message{Method: "CANCEL", URI: tx.req.URI}
	m.SetVia(tx.req.Via())
	m.Add("Max-Forwards", "70")
	for _, h := range tx.req.Headers {
		if h.Name == "Route" {
			m.Add("Route", h.Value)
		}
	}
	m.Add("From", tx.req.Get("From")).Add("To", tx.req.Get("To")).Add("Call-ID", d.callID).
		Add("CSeq", itoa(int(n))+" CANCEL").Add("Reason", reasonOf(l.cause))
	d.s.begin(m, tx.flow, func(*wire.Message, error) {})
	d.arm(timerCancel, 64*d.s.cfg.T1)
}

// cancelTimeout: the INVITE never got its final answer.
func (d *dialog) cancelTimeout() {
	if l := d.dial; l != nil && d.phase == early {
		l.x.current().finish()
		d.end(l.cause, false)
	}
}
