package sip

import (
	"strconv"
	"strings"
	"time"

	"tingxin/call"
	"tingxin/media"
	"tingxin/sip/wire"
)

// onRequest takes a request inside the dialog, in the order they came.
func (d *dialog) onRequest(m *wire.Message, tx *serverTx) {
	if d.phase == ended {
		tx.respond(d.reply(m, 481, ""))
		return
	}
	n, _, _ := m.CSeq()
	if d.remoteSeq != 0 && n <= d.remoteSeq { // out of order (RFC 3261 12.2.2)
		tx.respond(d.reply(m, 500, "").Add("Retry-After", "0"))
		return
	}
	d.remoteSeq = n
	if tx.flow.network() == d.network || d.flow == nil {
		d.flow = tx.flow
	}
	switch m.Method {
	case "BYE":
		d.onBye(m, tx)
	case "INVITE":
		d.onReinvite(m, tx)
	case "UPDATE":
		d.onUpdate(m, tx)
	case "INFO":
		d.onInfo(m, tx)
	case "PRACK":
		d.onPrack(m, tx)
	case "REFER":
		d.onRefer(m, tx)
	case "NOTIFY":
		d.onNotify(m, tx)
	case "OPTIONS":
		tx.respond(d.reply(m, 200, "").Add("Allow", d.s.rules.Allow()).Add("Accept", "application/sdp").Add("Supported", d.s.supported))
	default:
		tx.respond(d.reply(m, 501, ""))
	}
}

// onBye: the peer hung up. An INVITE still open gets its 487 (RFC 3261 15.1.2).
func (d *dialog) onBye(m *wire.Message, tx *serverTx) {
	tx.respond(d.reply(m, 200, ""))
	d.refuse(487, "", nil)
	cause := call.CauseCallerHangup
	if !d.uas {
		cause = call.CausePeerHangup
	}
	d.end(cause, true)
}

// onReinvite answers a new offer, or makes one in the 200 when there is none.
func (d *dialog) onReinvite(m *wire.Message, tx *serverTx) {
	tx.onCancel = func() {} // answered at once: nothing to cancel
	switch {
	case d.in != nil || d.phase == early: // the first INVITE is still open (RFC 3261 14.2)
		tx.respond(d.reply(m, 500, "").Add("Retry-After", retryLater()))
		return
	case d.out != nil || d.offering(): // ours is under way: glare
		tx.respond(d.reply(m, 491, ""))
		return
	}
	if fault := d.sessionOffer(m); fault != nil {
		resp := d.reply(m, fault.Status, "")
		resp.Headers = append(resp.Headers, fault.Headers...)
		tx.respond(resp)
		return
	}
	body, offer := m.SDP(), false
	var answer []byte
	if body != nil {
		var status int
		var err error
		if answer, status, err = d.takeOffer(body); err != nil {
			tx.respond(d.reply(m, status, ""))
			return
		}
	} else {
		var err error
		if answer, err = d.makeOffer(); err != nil {
			tx.respond(d.reply(m, 500, ""))
			return
		}
		offer = true
	}
	d.retarget(m)
	d.abilities(m)
	resp := d.replyContact(m, 200).SetBody("application/sdp", answer)
	d.sessionAnswer(m, resp)
	d.sendOK(&inviteIn{req: m, tx: tx}, resp, offer, func(error) {})
	if body != nil {
		d.tell(func(h call.Handler) { h.RemoteMedia() })
	}
}

// onUpdate refreshes the session and may change media (RFC 3311).
func (d *dialog) onUpdate(m *wire.Message, tx *serverTx) {
	body := m.SDP()
	switch {
	case body != nil && d.offering(), body != nil && d.out != nil:
		tx.respond(d.reply(m, 491, ""))
		return
	case body != nil && d.phase == early && !d.mediaUp:
		tx.respond(d.reply(m, 500, "").Add("Retry-After", retryLater()))
		return
	}
	if fault := d.sessionOffer(m); fault != nil {
		resp := d.reply(m, fault.Status, "")
		resp.Headers = append(resp.Headers, fault.Headers...)
		tx.respond(resp)
		return
	}
	var answer []byte
	if body != nil {
		var status int
		var err error
		if answer, status, err = d.takeOffer(body); err != nil {
			tx.respond(d.reply(m, status, ""))
			return
		}
		if d.in != nil && d.in.answer != nil {
			d.in.answer = answer // the 200 to the INVITE repeats what is in force
		}
	}
	d.retarget(m)
	resp := d.replyContact(m, 200)
	if answer != nil {
		resp.SetBody("application/sdp", answer)
	}
	d.sessionAnswer(m, resp)
	tx.respond(resp)
	if body != nil {
		d.tell(func(h call.Handler) { h.RemoteMedia() })
	}
}

func retryLater() string { return strconv.Itoa(int(time.Now().UnixNano()/1000) % 10) }

// onInfo takes keys (application/dtmf-relay and application/dtmf).
func (d *dialog) onInfo(m *wire.Message, tx *serverTx) {
	kind, _, _ := strings.Cut(m.Get("Content-Type"), ";")
	kind = strings.ToLower(strings.TrimSpace(kind))
	if len(m.Body) == 0 {
		tx.respond(d.reply(m, 200, ""))
		return
	}
	digit, known, ok := parseInfoDigit(kind, string(m.Body))
	switch {
	case !known:
		tx.respond(d.reply(m, 415, "").Add("Accept", "application/dtmf-relay, application/dtmf"))
		return
	case !ok:
		tx.respond(d.reply(m, 400, ""))
		return
	}
	tx.respond(d.reply(m, 200, ""))
	d.tell(func(h call.Handler) { h.RemoteDigit(digit) })
}

// parseInfoDigit reads one key out of the body of an INFO; known says that the
// content type is one of ours.
func parseInfoDigit(kind, body string) (d media.Digit, known, ok bool) {
	d = media.Digit{Source: "info", At: time.Now(), Duration: 160 * time.Millisecond}
	key := ""
	switch kind {
	case "application/dtmf":
		key = strings.TrimSpace(body)
		if _, v, has := strings.Cut(key, "="); has { // some send Signal=5 here too
			key, _, _ = strings.Cut(strings.TrimSpace(v), "\n")
		}
	case "application/dtmf-relay":
		for line := range strings.Lines(body) {
			name, v, _ := strings.Cut(strings.TrimSpace(line), "=")
			switch strings.ToLower(strings.TrimSpace(name)) {
			case "signal":
				key = strings.TrimSpace(v)
			case "duration":
				if ms, err := strconv.Atoi(strings.TrimSpace(v)); err == nil && ms > 0 && ms < 60000 {
					d.Duration = time.Duration(ms) * time.Millisecond
				}
			}
		}
	default:
		return d, false, false
	}
	key = strings.ToUpper(strings.TrimSpace(key))
	switch key {
	case "10":
		key = "*"
	case "11":
		key = "#"
	}
	if len(key) != 1 || !strings.Contains("0123456789*#ABCD", key) {
		return d, true, false
	}
	d.Key = key[0]
	return d, true, true
}
