package sip

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"time"

	"tingxin/call"
	"tingxin/sip/wire"
)

// Replacer is an Acceptor that lets an INVITE take the place of a dialog (RFC
// 3891). old is one of ours, confirmed or ringing; whoever takes the call ends
// it. Without it Replaces is not supported: a header that demands it gets 420,
// another is passed over.
type Replacer interface {
	Replace(ctx context.Context, in call.Incoming, old call.Dialog) (call.Handler, error)
}

// bounds of transfers.
const (
	maxSubscriptions = 4               // of one dialog
	referExpires     = 3 * time.Minute // of a subscription that nobody ends
	maxNotifies      = 8               // times that a NOTIFY is tried again
)

// subscription is the implicit one of a REFER (RFC 3515 2.4.4).
type subscription struct {
	id    string  // CSeq of the REFER
	next  *report // to be sent; a newer one takes its place
	busy  bool    // a NOTIFY is out
	tries int
	until time.Time
}

// report is what a NOTIFY says.
type report struct {
	status int
	reason string
}

func (r *report) final() bool { return r.status >= 200 }

// onRefer takes a party's wish for a transfer up.
func (d *dialog) onRefer(m *wire.Message, tx *serverTx) {
	values := m.Values("Refer-To")
	to, err := wire.ReferTo{}, errors.New("")
	if len(values) == 1 {
		to, err = wire.ParseReferTo(values[0])
	}
	h, able := d.handler.(call.ReferHandler)
	switch {
	case d.guest:
		tx.respond(d.reply(m, 403, ""))
		return
	case err != nil:
		tx.respond(d.reply(m, 400, "Bad Refer-To"))
		return
	case !strings.HasPrefix(to.URI, "sip:") && !strings.HasPrefix(to.URI, "sips:") && !strings.HasPrefix(to.URI, "tel:"):
		tx.respond(d.reply(m, 416, ""))
		return
	case !able || to.Method != "INVITE" || d.phase != confirmed && d.phase != answered:
		tx.respond(d.reply(m, 403, "Transfer Not Possible"))
		return
	case len(d.subs) >= maxSubscriptions:
		tx.respond(d.reply(m, 500, "Too Many Transfers").Add("Retry-After", "5"))
		return
	}
	r := call.Refer{URI: to.URI, Number: numberOf(to.URI), Report: func(int, string) {}, Node: d.peerNode}
	if by, err := wire.ParseAddress(m.Get("Referred-By")); err == nil {
		r.By = numberOf(by.URI)
	}
	if to.Replaces != nil {
		r.Named = to.Replaces.String()
		if old := d.s.named(*to.Replaces); old != nil && d.sameParty(old) {
			r.Replaces = old
		} else {
			r.Elsewhere = r.Named
		}
	}
	resp := d.reply(m, 202, "").Add("Contact", d.contact(d.flow))
	if strings.EqualFold(strings.TrimSpace(m.Get("Refer-Sub")), "false") { // RFC 4488
		tx.respond(resp.Add("Refer-Sub", "false"))
	} else {
		tx.respond(resp)
		r.Report = d.subscribe(m)
	}
	h.RemoteRefer(r)
}

// sameParty: at the far end of both dialogs is the same user, or the same trunk's telephone.
func (d *dialog) sameParty(old *dialog) bool {
	if d.behalf != "" {
		return old.user == d.behalf || old.behalf == d.behalf
	}
	return old.user == d.user && (old.trunk == d.trunk || d.samePeer(old))
}

// samePeer: both dialogs are with the same address and port. A telephone that is no
// user calls by its address's trunk and is called by none.
func (d *dialog) samePeer(old *dialog) bool {
	mine, _ := d.far.Load().(netip.AddrPort)
	its, _ := old.far.Load().(netip.AddrPort)
	return mine.IsValid() && mine == its
}

// lastReports sends what a party shall know of its transfer although an earlier
// NOTIFY is still on its way: the BYE that follows would be the end of it.
func (d *dialog) lastReports() {
	for _, sub := range append([]*subscription(nil), d.subs...) {
		if sub.next != nil && sub.next.final() {
			sub.busy = false
			d.notify(sub)
		}
	}
}

// subscribe starts the subscription of a REFER and returns what reports to it.
func (d *dialog) subscribe(m *wire.Message) func(int, string) {
	n, _, _ := m.CSeq()
	sub := &subscription{id: itoa(int(n)), until: time.Now().Add(referExpires)}
	d.subs = append(d.subs, sub)
	d.report(sub, 100, "")
	d.arm(timerSubscription, referExpires)
	return func(status int, reason string) {
		d.post(func() { d.report(sub, status, reason) })
	}
}

// report queues what the next NOTIFY says; a final status is the last one.
func (d *dialog) report(sub *subscription, status int, reason string) {
	if sub.next != nil && sub.next.final() || !d.subscribed(sub) {
		return
	}
	sub.next = &report{status, strings.NewReplacer("\r", " ", "\n", " ").Replace(or(reason, wire.Reason(status)))}
	d.notify(sub)
}

func (d *dialog) subscribed(sub *subscription) bool {
	for _, s := range d.subs {
		if s == sub {
			return true
		}
	}
	return false
}

func (d *dialog) unsubscribe(sub *subscription) {
	kept := d.subs[:0]
	for _, s := range d.subs {
		if s != sub {
			kept = append(kept, s)
		}
	}
	d.subs = kept
}

// notify sends the next report, one NOTIFY at a time.
func (d *dialog) notify(sub *subscription) {
	if sub.busy || sub.next == nil || d.phase == ended {
		return
	}
	r := sub.next
	state := "active;expires=" + seconds(max(time.Second, time.Until(sub.until)))
	if r.final() {
		state = "terminated;reason=noresource"
	}
	m := d.newRequest("NOTIFY").Add("Contact", "").Add("Event", "refer;id="+sub.id).Add("Subscription-State", state)
	m.SetBody("message/sipfrag;version=2.0", []byte("SIP/2.0 "+itoa(r.status)+" "+r.reason+"\r\n"))
	sub.next, sub.busy = nil, true
	d.send(m, func(resp *wire.Message, err error) { d.onNotified(sub, r, resp, err) })
}

// onNotified takes the answer to a NOTIFY. Who is not ready gets it once more.
func (d *dialog) onNotified(sub *subscription, r *report, resp *wire.Message, err error) {
	switch {
	case err == nil && resp.Status < 200:
		return
	case err == nil && resp.Status < 300:
		sub.busy, sub.tries = false, 0
	case err == nil && notNow(resp) && sub.tries < maxNotifies:
		sub.tries++
		if sub.next == nil {
			sub.next = r
		}
		d.arm(timerNotify, d.backOff())
		return
	default: // it does not want to know, or is gone
		d.unsubscribe(sub)
		return
	}
	if r.final() {
		d.unsubscribe(sub)
		return
	}
	d.notify(sub)
}

// notNow: the peer has another change under way. JsSIP says 403 until it has
// seen the ACK.
func notNow(resp *wire.Message) bool {
	return resp.Status == 491 || resp.Status == 500 && resp.Has("Retry-After") || resp.Status == 403 && resp.Reason == "Wrong Status"
}

// renotify tries again what was refused for the moment.
func (d *dialog) renotify() {
	for _, sub := range append([]*subscription(nil), d.subs...) {
		if sub.busy && sub.tries > 0 {
			sub.busy = false
			d.notify(sub)
		}
	}
}

// endSubscriptions tells parties of transfers that never came to an end.
func (d *dialog) endSubscriptions() {
	now := time.Now()
	for _, sub := range append([]*subscription(nil), d.subs...) {
		if now.Before(sub.until) {
			d.arm(timerSubscription, sub.until.Sub(now))
			continue
		}
		d.report(sub, 408, "")
	}
}

// named finds the dialog that a Replaces means.
func (s *Server) named(r wire.Replaces) *dialog {
	s.mu.Lock()
	d := s.dialogs[dialogKey{r.CallID, r.ToTag}]
	s.mu.Unlock()
	if d == nil || !d.fromPeer(r.FromTag) {
		return nil
	}
	return d
}

// statusError refuses an INVITE.
type statusError int

// Error is the usual phrase.
func (e statusError) Error() string { return wire.Reason(int(e)) }

// replaceable finds the dialog that an INVITE wants to take the place of, or
// the status that RFC 3891 3 wants.
func (s *Server) replaceable(ctx context.Context, m *wire.Message) (*dialog, error) {
	values := m.Values("Replaces")
	if len(values) != 1 {
		return nil, statusError(400)
	}
	r, err := wire.ParseReplaces(values[0])
	if err != nil {
		return nil, statusError(400)
	}
	old := s.named(r)
	if old == nil {
		return nil, statusError(481)
	}
	err = old.do(ctx, func(reply func(error)) {
		switch {
		case old.phase == ended:
			reply(statusError(603))
		case old.phase == early && old.uas:
			reply(statusError(481))
		case old.phase != early && r.EarlyOnly:
			reply(statusError(486))
		default:
			reply(nil)
		}
	})
	if errors.Is(err, errEnded) {
		err = statusError(603)
	}
	return old, err
}

// accept asks the call layer to take a call, or to put it in the place of another.
func (s *Server) accept(ctx context.Context, m *wire.Message, in call.Incoming) (call.Handler, error) {
	r, able := s.acceptor.(Replacer)
	if !able || !m.Has("Replaces") {
		return s.acceptor.Accept(ctx, in)
	}
	old, err := s.replaceable(ctx, m)
	if err != nil {
		return nil, err
	}
	return r.Replace(ctx, in, old)
}
