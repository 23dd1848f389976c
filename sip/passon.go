package sip

import (
	"context"
	"errors"
	"net/url"
	"strconv"
	"strings"

	"tingxin/call"
	"tingxin/media"
	"tingxin/sip/wire"
)

// passedOn is a REFER of ours that the peer carries out: its NOTIFYs say how it goes.
type passedOn struct {
	report func(status int, reason string)
}

// Refer has the peer, another server of ours, carry out a transfer that our own party
// asks for. It returns when the peer has taken it up, or with a *call.DialError when it
// does not; how it goes then is told by r.Report. Not part of call.Dialog; reachable by assertion.
func (d *dialog) Refer(ctx context.Context, r call.Refer) error {
	return d.do(ctx, func(reply func(error)) { d.refer(r, reply) })
}

func (d *dialog) refer(r call.Refer, reply func(error)) {
	if d.phase != confirmed || d.passed != nil {
		reply(&call.DialError{Status: 500, Reason: "another transfer is under way"})
		return
	}
	to := r.URI
	if r.Named != "" {
		to += "?Replaces=" + url.QueryEscape(r.Named)
	}
	m := d.newRequest("REFER").Add("Contact", "").Add("Refer-To", "<"+to+">")
	if a, err := wire.ParseAddress(d.localURI); err == nil {
		m.Add("Referred-By", "<"+a.URI+">")
	}
	p := &passedOn{r.Report}
	d.passed = p
	d.send(m, func(resp *wire.Message, err error) {
		switch {
		case err == nil && resp.Status < 200:
			return
		case err == nil && resp.Status < 300:
			reply(nil)
			return
		}
		if d.passed == p {
			d.passed = nil
		}
		refused := &call.DialError{Status: 503}
		if err == nil {
			refused = &call.DialError{Status: resp.Status, Reason: resp.Reason}
		}
		reply(refused)
	})
}

// onNotify takes what the peer says of a transfer that it carries out for us (RFC 3515 2.4.4).
func (d *dialog) onNotify(m *wire.Message, tx *serverTx) {
	if d.passed == nil || !strings.HasPrefix(strings.ToLower(strings.TrimSpace(m.Get("Event"))), "refer") {
		tx.respond(d.reply(m, 481, "No Such Subscription"))
		return
	}
	status, reason, err := sipfrag(m.Body)
	if err != nil {
		tx.respond(d.reply(m, 400, "Bad Sipfrag"))
		return
	}
	tx.respond(d.reply(m, 200, ""))
	d.passed.report(status, reason)
	if status >= 200 {
		d.passed = nil
	}
}

var errSipfrag = errors.New("no status line")

// sipfrag reads the status line of a message/sipfrag (RFC 3420).
func sipfrag(body []byte) (status int, reason string, err error) {
	line := string(body[:min(len(body), 512)])
	if end := strings.IndexAny(line, "\r\n"); end >= 0 {
		line = line[:end]
	}
	rest, ok := strings.CutPrefix(line, "SIP/2.0 ")
	if !ok {
		return 0, "", errSipfrag
	}
	code, reason, _ := strings.Cut(rest, " ")
	status, err = strconv.Atoi(code)
	if err != nil || status < 100 || status > 699 || len(code) != 3 {
		return 0, "", errSipfrag
	}
	return status, reason, nil
}

// dialNode asks another server of ours for the party of a dialog that it has: an INVITE
// with Replaces (RFC 3891).
func (s *Server) dialNode(ctx context.Context, t call.Target, h call.Handler) (call.Dialog, *media.Leg, error) {
	if s.nodes != nil {
		for _, e := range s.nodes.Elsewhere(ctx, t.Via) {
			if e.Name == t.Node {
				uri := "sip:" + wire.Escape(t.Number) + "@" + strings.TrimPrefix(e.URI, "sip:")
				return s.dialOne(ctx, destination{uri: uri, trunk: s.plain, token: e.Token, node: e.Name}, t, h)
			}
		}
	}
	return nil, nil, &call.DialError{Status: 481, Reason: "the server of that call is not reached"}
}
