package sip

import (
	"context"
	"errors"
	"strings"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"tingxin/call"
	"tingxin/sip/sdp"
	"tingxin/sip/wire"
)

// inviteIn is an INVITE of the peer that has no final answer yet.
type inviteIn struct {
	req      *wire.Message
	tx       *serverTx
	answer   []byte // our SDP for its offer; nil when it made none
	reliable bool   // peer requires 100rel
	canRel   bool   // peer supports 100rel
	offerIn  bool   // we make the offer (empty INVITE)
	offered  bool   // our offer went out in a reliable 1xx
	last1xx  *wire.Message
}

// okWait is a 200 of ours that waits for its ACK.
type okWait struct {
	seq      uint32
	msg      []byte
	tx       *serverTx
	interval time.Duration
	giveUp   time.Time
	offer    bool // it carries our offer: the ACK must answer it
	done     func(error)
}

// newIncoming makes transaction and dialog for a call that may come in.
func (s *Server) newIncoming(a *admitted, r *gosip.Request, t *trunk, u *User, origin string) {
	m, f := a.m, a.f
	d := s.newDialog(m.CallID(), true, t)
	if u != nil {
		d.user, d.node, d.guest = u.Name, u.Node, u.Guest
		if b := s.registrar.at(f, u.Name, time.Now()); b != nil {
			d.seat = b.seat
		}
	}
	d.origin, d.flow, d.network, d.originFlow = origin, f, f.network(), f
	d.far.Store(f.remote())
	received := time.Now()
	tx := s.open(m, f, r, func() { d.post(d.onCancel) })
	tx.respond(wire.Answer(m, 100, "", ""))
	if !s.add(d) {
		t.release()
		tx.respond(wire.Answer(m, 503, "", d.local).Add("Retry-After", "10"))
		return
	}
	d.post(func() { d.onCall(m, tx, received) })
}

// onCall is the first thing an incoming dialog does: read the INVITE, open the
// leg, ask the call layer.
func (d *dialog) onCall(m *wire.Message, tx *serverTx, received time.Time) {
	d.in = &inviteIn{req: m, tx: tx}
	d.learn(m)
	if fault := d.sessionOffer(m); fault != nil {
		d.refuse(fault.Status, "", fault.Headers)
		d.end(call.CauseRejected, false)
		return
	}
	d.in.reliable = m.HasToken("Require", "100rel")
	d.in.canRel = d.in.reliable || m.HasToken("Supported", "100rel")
	if status, err := d.openLeg(m); err != nil {
		d.log.Info("incoming call refused", "status", status, "error", err)
		d.refuse(status, "", nil)
		d.end(call.CauseError, false)
		return
	}
	d.arm(timerRing, d.s.cfg.RingTimeout)
	d.offerUp(m, received)
}

// learn takes dialog identity and routing out of the INVITE that makes it.
func (d *dialog) learn(m *wire.Message) {
	d.setRemoteTag(m.FromTag())
	d.remoteURI = m.Get("From")
	d.localURI = m.Get("To") + ";tag=" + d.local
	n, _, _ := m.CSeq()
	d.remoteSeq = n
	d.routeSet = m.Values("Record-Route")
	d.userAgent = m.Get("User-Agent")
	d.abilities(m)
	d.retarget(m)
	if d.target == "" { // RFC 2543 peers may omit Contact
		d.target = "sip:" + d.flow.remote().String() + ";transport=" + d.network
	}
}

// abilities reads Allow and Supported.
func (d *dialog) abilities(m *wire.Message) {
	for _, v := range m.Values("Allow") {
		d.peerAllow[strings.ToUpper(v)] = true
	}
	if m.HasToken("Supported", "timer") || m.HasToken("Require", "timer") {
		d.peerTimer = true
	}
}

// retarget takes the remote target of a request or response (RFC 3261 12.2).
func (d *dialog) retarget(m *wire.Message) {
	c := m.Values("Contact")
	if len(c) == 0 {
		return
	}
	if a, err := wire.ParseAddress(c[0]); err == nil {
		if u, err := wire.ParseURI(a.URI); err == nil && u.Host != "" {
			d.target = a.URI
		}
	}
}

// openLeg opens the media leg and works out the answer to the offer, if the
// INVITE made one. The status is for the refusal.
func (d *dialog) openLeg(m *wire.Message) (status int, err error) {
	if isWebBody(m) || m.SDP() == nil && web(d.flow) {
		return d.openWeb(m)
	}
	leg, err := d.s.engine.NewLeg(d.callID, d.log)
	if err != nil {
		return 503, err
	}
	d.leg = leg
	peer := d.flow.remote().Addr()
	local := leg.LocalFor(peer)
	if !local.Addr().IsValid() || local.Addr().IsUnspecified() {
		return 500, errors.New("leg has no address to advertise")
	}
	d.neg = sdp.New(sdp.Local{Addr: local, Codecs: d.trunk.Codecs, SRTP: d.trunk.policy()})
	body := m.SDP()
	if body == nil {
		d.in.offerIn = true
		return 0, nil
	}
	answer, status, err := d.takeOffer(body)
	d.in.answer = answer
	return status, err
}

// openWeb is openLeg for a browser.
func (d *dialog) openWeb(m *wire.Message) (status int, err error) {
	leg, w, err := d.s.webLegs(d.callID, d.log)
	if err != nil {
		return 503, err
	}
	d.leg, d.web = leg, &webSession{leg: w}
	body := m.SDP()
	if body == nil {
		d.in.offerIn = true
		return 0, nil
	}
	answer, status, err := d.takeOffer(body)
	d.in.answer = answer
	return status, err
}

// offerUp asks the call layer to take the call, without holding up the loop.
func (d *dialog) offerUp(m *wire.Message, received time.Time) {
	from, _ := wire.ParseAddress(m.Get("From"))
	number := numberOf(from.URI)
	if d.user != "" && !d.node {
		number = d.user // whatever the From says
	}
	in := call.Incoming{SIPCallID: d.callID, Trunk: d.trunk.Name, User: d.user, Node: d.node, From: number, FromName: from.Name,
		To: dialledOf(m), UserAgent: d.userAgent, Transport: d.network, Secure: d.secure(),
		Dialog: d, Leg: d.leg, Received: received}
	d.s.wg.Add(1)
	go func() { // ends when Accept returns
		defer d.s.wg.Done()
		h, err := d.s.accept(d.s.base, m, in)
		if !d.post(func() { d.onAccepted(h, err) }) {
			d.acceptedLate(h, err)
		}
	}()
}

// dialledOf is the number that a call is for. A carrier that we are registered
// at writes our Contact into the Request-URI and the number into the To.
func dialledOf(m *wire.Message) string {
	number := numberOf(m.URI)
	if to, err := wire.ParseAddress(m.Get("To")); err == nil && number == contactUser {
		return numberOf(to.URI)
	}
	return number
}

// contactUser is the user part of our Contacts.
const contactUser = "tingxin"

func numberOf(uri string) string {
	u, err := wire.ParseURI(uri)
	if err != nil {
		return ""
	}
	if u.User == "" {
		return u.Host
	}
	return u.Number()
}

// onAccepted takes the call layer's decision.
func (d *dialog) onAccepted(h call.Handler, err error) {
	if err == nil {
		d.handler, d.legHanded = h, true
		for _, f := range d.pending {
			f(h)
		}
		d.pending = nil
		return
	}
	if d.phase != early {
		return
	}
	status, headers := 500, []wire.Header(nil)
	var refusal statusError
	switch {
	case errors.As(err, &refusal):
		status = int(refusal)
	case errors.Is(err, call.ErrNoRoute):
		status = 404
	case errors.Is(err, call.ErrBusy), errors.Is(err, call.ErrDraining):
		status, headers = 503, []wire.Header{d.s.retryAfter()}
	default:
		d.log.Error("call not taken", "error", err)
	}
	d.refuse(status, "", headers)
	d.end(call.CauseRejected, false)
}

// acceptedLate is onAccepted for a dialog that ended meanwhile.
func (d *dialog) acceptedLate(h call.Handler, err error) {
	if err != nil {
		return
	}
	d.mu.Lock()
	cause := d.cause
	d.mu.Unlock()
	h.RemoteHangup(cause)
}

// onCancel: the caller gave up. After our 200 it means nothing.
func (d *dialog) onCancel() {
	if d.in == nil || d.phase == ended {
		return
	}
	if d.phase != early { // a re-INVITE was cancelled; it is answered at once, so nothing is left
		return
	}
	d.refuse(487, "", nil)
	d.end(call.CauseCancelled, true)
}

// refuse sends the final refusal of the open INVITE.
func (d *dialog) refuse(status int, reason string, headers []wire.Header) {
	if d.in == nil {
		return
	}
	resp := d.reply(d.in.req, status, reason)
	resp.Headers = append(resp.Headers, headers...)
	d.in.tx.respond(resp)
	d.in = nil
}

// reply builds a response with what we always send.
func (d *dialog) reply(req *wire.Message, status int, reason string) *wire.Message {
	return wire.Answer(req, status, reason, d.local).Add("Server", d.s.cfg.UserAgent)
}

// replyContact adds what dialog-making responses carry.
func (d *dialog) replyContact(req *wire.Message, status int) *wire.Message {
	resp := d.reply(req, status, "")
	for _, h := range req.Headers {
		if h.Name == "Record-Route" {
			resp.Add("Record-Route", h.Value)
		}
	}
	return resp.Add("Contact", d.contact(d.flow)).Add("Allow", d.s.rules.Allow()).Add("Supported", d.s.supported)
}

// contact is our Contact value over a flow.
func (d *dialog) contact(f flow) string {
	host, port := d.s.advertised(f)
	return "<sip:" + contactUser + "@" + hostPort(host, port) + transportParam(f.network()) + ">"
}

func transportParam(network string) string {
	if network == "udp" {
		return ""
	}
	return ";transport=" + network
}

// progress sends a 180 or, with a body, a 183.
func (d *dialog) progress(status int, body []byte, reply func(error)) {
	if d.phase != early || !d.uas || d.in == nil {
		reply(errors.New("call is answered or gone"))
		return
	}
	if d.rel != nil { // one at a time (RFC 3262 3)
		d.relNext = append(d.relNext, func() { d.progress(status, body, reply) })
		return
	}
	resp := d.replyContact(d.in.req, status)
	d.inside(resp)
	if body != nil {
		resp.SetBody("application/sdp", body)
	}
	if d.in.reliable || d.in.canRel && body != nil {
		d.sendReliable(resp)
	} else {
		d.in.tx.respond(resp)
		d.in.last1xx = resp
		d.arm(timerProgress, time.Minute)
	}
	reply(nil)
}

// repeatProgress keeps proxies from giving up.
func (d *dialog) repeatProgress() {
	if d.in != nil && d.in.last1xx != nil && d.phase == early {
		d.in.tx.respond(d.in.last1xx)
		d.arm(timerProgress, time.Minute)
	}
}

// earlyMedia sends 183 with SDP. An empty INVITE gets our offer in it if the
// peer can acknowledge it, else a 183 without SDP.
func (d *dialog) earlyMedia(reply func(error)) {
	switch {
	case d.in == nil:
		d.progress(183, nil, reply)
	case !d.in.offerIn:
		d.openMedia()
		d.progress(183, d.in.answer, reply)
	case d.in.canRel && !d.in.offered:
		body, err := d.makeOffer()
		if err != nil {
			reply(err)
			return
		}
		d.in.offered = true
		d.progress(183, body, reply)
	default:
		d.progress(183, nil, reply)
	}
}

// answer sends the 200; reply is called when its ACK has come.
func (d *dialog) answer(reply func(error)) {
	if d.phase != early || !d.uas || d.in == nil {
		reply(errors.New("call is answered or gone"))
		return
	}
	if d.rel != nil { // the PRACK may bring an answer, wait for it (RFC 3262 3)
		d.relNext = append(d.relNext, func() { d.answer(reply) })
		return
	}
	in := d.in
	body, offer := in.answer, false
	if in.offerIn && !in.offered {
		var err error
		if body, err = d.makeOffer(); err != nil {
			reply(err)
			return
		}
		offer = true
	}
	resp := d.replyContact(in.req, 200)
	d.inside(resp)
	if body != nil {
		resp.SetBody("application/sdp", body)
	}
	d.sessionAnswer(in.req, resp)
	d.in = nil
	d.disarm(timerRing)
	d.disarm(timerProgress)
	d.phase = answered
	d.openMedia()
	d.sendOK(in, resp, offer, reply)
}

// sendOK sends a 200 to an INVITE and repeats it until the ACK (RFC 3261
// 13.3.1.4), over any transport.
func (d *dialog) sendOK(in *inviteIn, resp *wire.Message, offer bool, done func(error)) {
	n, _, _ := in.req.CSeq()
	if old := d.ok; old != nil {
		old.done(nil) // a newer INVITE proves that the old answer arrived
	}
	d.ok = &okWait{seq: n, msg: resp.Bytes(), tx: in.tx, interval: d.s.cfg.T1, offer: offer, done: done,
		giveUp: time.Now().Add(64 * d.s.cfg.T1)}
	in.tx.respond(resp)
	d.arm(timerOK, d.ok.interval)
}

func (d *dialog) repeatOK() {
	ok := d.ok
	if ok == nil {
		return
	}
	now := time.Now()
	if !now.Before(ok.giveUp) {
		d.s.stats.ackMissing.Add(1)
		d.ok = nil
		ok.done(errTimeout)
		d.sendBye(call.CauseError)
		d.end(call.CauseError, true)
		return
	}
	d.s.stats.resent.Add(1)
	d.s.sendResponse(ok.tx.req, ok.tx.flow, ok.msg)
	ok.interval = min(2*ok.interval, d.s.cfg.T2)
	d.arm(timerOK, min(ok.interval, ok.giveUp.Sub(now)))
}

// onACK takes the ACK of a 200.
func (d *dialog) onACK(m *wire.Message, f flow) {
	n, _, _ := m.CSeq()
	ok := d.ok
	if d.phase == ended || ok == nil || ok.seq != n {
		return
	}
	d.ok = nil
	d.disarm(timerOK)
	d.flow = f
	if d.phase == answered {
		d.phase = confirmed
	}
	if ok.offer {
		d.relatch = d.agreed()
		defer func() { d.relatch = false }()
		if err := d.takeAnswer(m.SDP()); err != nil {
			ok.done(err)
			d.log.Info("answer in ACK not usable", "error", err)
			d.sendBye(call.CauseError)
			d.end(call.CauseError, true)
			return
		}
	}
	ok.done(nil)
	if d.byeDue {
		d.byeDue = false
		d.sendBye(d.bye)
		d.end(d.bye, false)
		return
	}
	d.runIdle()
}

// ringTimeout refuses a call that nobody answered.
func (d *dialog) ringTimeout() {
	if d.phase != early {
		return
	}
	if !d.uas {
		d.cancelDial(call.CauseNoAnswer)
		return
	}
	d.refuse(480, "", nil)
	d.end(call.CauseNoAnswer, true)
}

// secure reports whether the agreed media is SRTP.
func (d *dialog) secure() bool {
	if d.web != nil {
		return true
	}
	if d.neg == nil {
		return false
	}
	a := d.neg.Agreed()
	return a != nil && a.Keys != nil || a == nil && d.trunk.policy() == sdp.Required
}

// resolveTimeout bounds a name look-up on a dialog's loop.
const resolveTimeout = 3 * time.Second

func (d *dialog) lookupContext() (context.Context, context.CancelFunc) {
	return context.WithTimeout(d.s.base, resolveTimeout)
}
