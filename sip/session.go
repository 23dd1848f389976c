package sip

import (
	"errors"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"tingxin/call"
	"tingxin/sip/wire"
)

// sessionTimer is the state of RFC 4028 in one dialog.
type sessionTimer struct {
	interval time.Duration // 0 = no timer
	ours     bool          // we refresh
	minSE    time.Duration // the peer's lowest, learnt by 422
}

// requestOut is a re-INVITE or UPDATE of ours without final answer.
type requestOut struct {
	method string
	offer  bool
	done   func(error)
}

// sessionExpires reads "1800;refresher=uac".
func sessionExpires(v string) (d time.Duration, refresher string, ok bool) {
	head, params, _ := strings.Cut(v, ";")
	n, err := strconv.ParseUint(strings.TrimSpace(head), 10, 31)
	if err != nil || n == 0 {
		return 0, "", false
	}
	for _, p := range strings.Split(params, ";") {
		name, value, _ := strings.Cut(p, "=")
		if strings.EqualFold(strings.TrimSpace(name), "refresher") {
			refresher = strings.ToLower(strings.TrimSpace(value))
		}
	}
	return time.Duration(n) * time.Second, refresher, true
}

// sessionOffer judges the Session-Expires of a request: 422 when too small.
func (d *dialog) sessionOffer(m *wire.Message) *wire.Fault {
	se, _, ok := sessionExpires(m.Get("Session-Expires"))
	if ok && se < d.s.cfg.MinSE {
		return &wire.Fault{Status: 422, Headers: []wire.Header{{Name: "Min-SE", Value: seconds(d.s.cfg.MinSE)}}}
	}
	return nil
}

// wanted is the interval we would like.
func (d *dialog) wanted() time.Duration {
	want := d.s.cfg.SessionExpires
	if d.trunk != nil && d.trunk.SessionExpires > 0 {
		want = d.trunk.SessionExpires
	}
	return max(want, d.s.cfg.MinSE, d.session.minSE)
}

// sessionAnswer puts the timer into a 2xx of ours and arms it (RFC 4028 9).
func (d *dialog) sessionAnswer(req, resp *wire.Message) {
	supports := req.HasToken("Supported", "timer") || req.HasToken("Require", "timer")
	se, refresher, asked := sessionExpires(req.Get("Session-Expires"))
	switch {
	case asked:
		minSE, _, ok := sessionExpires(req.Get("Min-SE"))
		if want := d.wanted(); want < se && (!ok || want >= minSE) {
			se = want // lowered, never raised, never below what the path allows
		}
	case supports:
		se = d.wanted()
		if minSE, _, ok := sessionExpires(req.Get("Min-SE")); ok {
			se = max(se, minSE)
		}
	default:
		d.session.interval = 0
		d.disarm(timerRefresh)
		d.disarm(timerExpire)
		return
	}
	if !supports {
		refresher = "uas"
	} else if refresher == "" {
		refresher = "uac"
	}
	resp.Add("Session-Expires", seconds(se)+";refresher="+refresher)
	if supports {
		resp.Add("Require", "timer")
	}
	d.startSession(se, refresher == "uas")
}

// startSession arms refresh at half of the interval, or the end shortly before
// it runs out (RFC 4028 10).
func (d *dialog) startSession(se time.Duration, ours bool) {
	d.session.interval, d.session.ours = se, ours
	d.disarm(timerRefresh)
	d.arm(timerExpire, se-min(32*time.Second, se/3))
	if ours {
		d.arm(timerRefresh, se/2)
	}
}

// sessionResponse takes the timer out of a 2xx of the peer (RFC 4028 7.2).
func (d *dialog) sessionResponse(resp *wire.Message) {
	se, refresher, ok := sessionExpires(resp.Get("Session-Expires"))
	if !ok {
		d.session.interval = 0
		d.disarm(timerRefresh)
		d.disarm(timerExpire)
		return
	}
	d.startSession(se, refresher != "uas")
}

func (d *dialog) sessionExpired() {
	if d.phase != confirmed && d.phase != answered {
		return
	}
	d.log.Info("session timer ran out")
	d.sendBye(call.CauseSessionExpired)
	d.end(call.CauseSessionExpired, true)
}

// refresh sends UPDATE when the peer knows it, else a re-INVITE with the
// description in force.
func (d *dialog) refresh() {
	if d.phase != confirmed || d.busy() {
		d.arm(timerRefresh, d.s.cfg.T1)
		return
	}
	if d.peerAllow["UPDATE"] {
		d.offerTo("UPDATE", nil, func(error) {})
		return
	}
	body, err := d.makeOffer()
	if err != nil {
		d.log.Info("no offer for a refresh", "error", err)
		return
	}
	d.offerTo("INVITE", body, func(error) {})
}

// busy: an INVITE waits for its ACK or an offer of ours for its answer.
func (d *dialog) busy() bool {
	return d.out != nil || d.ok != nil || d.retry != nil || d.offering()
}

// runIdle goes on with what waited for the end of the last change.
func (d *dialog) runIdle() {
	for len(d.idle) > 0 && !d.busy() {
		f := d.idle[0]
		d.idle = d.idle[1:]
		f()
	}
}

// hold offers sendonly or sendrecv.
func (d *dialog) hold(on bool, reply func(error)) {
	if d.phase != confirmed {
		reply(errors.New("call is not answered"))
		return
	}
	if d.busy() {
		d.idle = append(d.idle, func() { d.hold(on, reply) })
		return
	}
	old := d.wish
	d.wish = 0
	if on {
		d.wish = 1 // sendonly
	}
	body, err := d.makeOffer()
	if err != nil {
		d.wish = old
		reply(err)
		return
	}
	d.offerTo("INVITE", body, func(err error) {
		if err != nil {
			d.wish = old
		}
		reply(err)
	})
}

// offerTo sends a re-INVITE or UPDATE. A glare is tried again after the
// back-off of RFC 3261 14.1.
func (d *dialog) offerTo(method string, body []byte, done func(error)) {
	m := d.newRequest(method)
	m.Add("Contact", "")
	m.Add("Allow", d.s.rules.Allow()).Add("Supported", d.s.supported)
	if d.session.interval > 0 {
		who := "uas"
		if d.session.ours {
			who = "uac"
		}
		m.Add("Session-Expires", seconds(max(d.session.interval, d.session.minSE))+";refresher="+who)
		m.Add("Min-SE", seconds(max(d.s.cfg.MinSE, d.session.minSE)))
	}
	if body != nil {
		m.SetBody("application/sdp", body)
	}
	out := &requestOut{method: method, offer: body != nil, done: done}
	d.out = out
	d.send(m, func(resp *wire.Message, err error) { d.onOffered(out, m, body, resp, err) })
}

// onOffered takes the answers to a re-INVITE or UPDATE of ours.
func (d *dialog) onOffered(out *requestOut, m *wire.Message, body []byte, resp *wire.Message, err error) {
	if d.phase == ended {
		out.done(errEnded)
		return
	}
	if err == nil && resp.Status < 200 {
		return
	}
	if err == nil && resp.Status < 300 {
		d.onOfferTaken(out, m, resp)
		return
	}
	if d.out == out {
		d.out = nil
	}
	d.dropOffer()
	d.offerRefused(out, body, resp, err)
	d.runIdle()
}

// onOfferTaken: every 2xx to a re-INVITE gets its ACK, the first one counts.
func (d *dialog) onOfferTaken(out *requestOut, m, resp *wire.Message) {
	if out.method == "INVITE" {
		d.ackFor2xx(m, resp)
	}
	if d.out != out {
		return
	}
	d.out, d.tries = nil, 0
	d.retarget(resp)
	if d.session.interval > 0 {
		d.sessionResponse(resp)
	}
	if out.offer {
		d.relatch = true
		defer func() { d.relatch = false }()
		if err := d.takeAnswer(resp.SDP()); err != nil {
			out.done(err)
			d.sendBye(call.CauseError)
			d.end(call.CauseError, true)
			return
		}
		d.tell(func(h call.Handler) { h.RemoteMedia() })
	}
	out.done(nil)
	d.runIdle()
}

// offerRefused decides what a refusal means for the dialog.
func (d *dialog) offerRefused(out *requestOut, body []byte, resp *wire.Message, err error) {
	status := 408
	if resp != nil {
		status = resp.Status
	}
	again := func() { d.offerAgain(out, body) }
	switch {
	case errors.Is(err, errTransport) && d.pinned() && d.flow.reliable(): // the device may come back
		out.done(err)
		if d.session.ours && d.session.interval > 0 {
			d.arm(timerRefresh, d.probeAfter())
		}
	case d.tries >= maxGlares:
		out.done(&call.DialError{Status: status, Reason: "refused too often"})
	case resp != nil && notNow(resp):
		d.retry = again
		d.arm(timerRetry, d.backOff())
	case status == 422:
		if minSE, _, ok := sessionExpires(resp.Get("Min-SE")); ok && minSE > d.session.minSE {
			d.session.minSE = minSE
			again()
			return
		}
		out.done(errors.New("session interval refused"))
	case status == 481 || status == 408: // the peer has lost the dialog (RFC 5057)
		out.done(errTimeout)
		d.sendBye(call.CauseSessionExpired)
		d.end(call.CauseSessionExpired, true)
	case (status == 405 || status == 501) && out.method == "UPDATE":
		d.peerAllow["UPDATE"] = false
		out.done(nil)
		d.refresh()
	default:
		out.done(&call.DialError{Status: status, Reason: or(reasonText(resp), "refused")})
		if body == nil && d.session.ours { // a refresh: once more before it runs out
			d.arm(timerRefresh, d.session.interval/8)
		}
	}
}

// offerAgain makes a refused change once more, with a fresh description.
func (d *dialog) offerAgain(out *requestOut, body []byte) {
	if d.out != nil || d.phase != confirmed {
		out.done(errEnded)
		return
	}
	if body != nil {
		var err error
		if body, err = d.makeOffer(); err != nil {
			out.done(err)
			return
		}
	}
	d.tries++
	d.offerTo(out.method, body, out.done)
}

// maxGlares bounds how often a change is tried again before it counts as refused.
const maxGlares = 10

func reasonText(resp *wire.Message) string {
	if resp == nil {
		return ""
	}
	return resp.Reason
}

// backOff after a glare: 2.1 to 4 s for the owner of the Call-ID, 0 to 2 s for
// the other, in units of T1/500ms so that tests may hurry.
func (d *dialog) backOff() time.Duration {
	unit := d.s.cfg.T1 / 50 // 10 ms
	if !d.uas {
		return time.Duration(210+rand.IntN(190)) * unit
	}
	return time.Duration(rand.IntN(200)) * unit
}

// ackFor2xx acknowledges a 2xx along the dialog's route (RFC 3261 13.2.2.4).
func (d *dialog) ackFor2xx(invite, resp *wire.Message) sentTo {
	n, _, _ := resp.CSeq()
	m := d.requestWith("ACK", n)
	for _, h := range invite.Headers {
		if h.Name == "Authorization" || h.Name == "Proxy-Authorization" {
			m.Add(h.Name, h.Value)
		}
	}
	f, _, err := d.way()
	if err != nil {
		d.log.Info("ack not sent", "error", err)
		return sentTo{}
	}
	d.s.stamp(m, f)
	ack := sentTo{m.Bytes(), f}
	d.s.stats.sent.add("ACK")
	if f.send(ack.msg) != nil {
		d.s.stats.sendErrors.Add(1)
	}
	return ack
}

func parseUint(s string) (int, bool) {
	n, err := strconv.ParseUint(s, 10, 31)
	return int(n), err == nil
}
