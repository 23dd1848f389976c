package sip

import (
	"context"
	"strings"
	"testing"
	"time"

	"tingxin/call"
	"tingxin/sip/wire"
)

// transferring is a handler that takes transfers.
type transferring struct {
	*heard
	refers chan call.Refer
}

func (h *transferring) RemoteRefer(r call.Refer) { h.refers <- r }

// transfers is a call layer that answers all, takes transfers and replacements.
type transfers struct {
	*calls
	refers   chan call.Refer
	replaced chan call.Dialog
}

func newTransfers(t *testing.T) *transfers {
	x := &transfers{newCalls(t), make(chan call.Refer, 8), make(chan call.Dialog, 8)}
	x.auto = true
	return x
}

func (x *transfers) Accept(ctx context.Context, in call.Incoming) (call.Handler, error) {
	h, err := x.calls.Accept(ctx, in)
	if err != nil {
		return nil, err
	}
	return &transferring{h.(*heard), x.refers}, nil
}

func (x *transfers) Replace(ctx context.Context, in call.Incoming, old call.Dialog) (call.Handler, error) {
	x.replaced <- old
	return x.Accept(ctx, in)
}

// notified answers a NOTIFY and returns its fragment and state.
func (p *peer0) notified(status int, reason string) (fragment, state string) {
	p.t.Helper()
	m := p.recv("NOTIFY")
	if m.Get("Event") == "" || !strings.HasPrefix(m.Get("Content-Type"), "message/sipfrag") {
		p.t.Errorf("NOTIFY\n%s", m.Bytes())
	}
	r := wire.Answer(m, status, reason, "")
	p.send(r)
	return strings.TrimSpace(string(m.Body)), m.Get("Subscription-State")
}

func startTransfers(t *testing.T) (*transfers, *Server, *peer0, *dialogue) {
	t.Helper()
	x := newTransfers(t)
	s := start(t, fast(Config{}), x)
	t.Cleanup(x.wg.Wait)
	p := dialPeer(t, s, "tcp")
	d := p.call("Allow", "INVITE, ACK, BYE, NOTIFY")
	within(t, x.acked, "ack")
	return x, s, p, d
}

func TestBlindTransferIsReported(t *testing.T) {
	t.Parallel()
	x, _, p, d := startTransfers(t)
	p.send(d.next("REFER", "Refer-To", "<sip:4711@elsewhere.example;method=INVITE?Subject=x>", "Referred-By", "<sip:2000@peer>"))
	d.recv("REFER", "202")
	if f, state := p.notified(200, ""); f != "SIP/2.0 100 Trying" || !strings.HasPrefix(state, "active;expires=") {
		t.Errorf("%q %q", f, state)
	}
	r := within(t, x.refers, "the wish")
	if r.Number != "4711" || r.URI != "sip:4711@elsewhere.example" || r.By != "2000" || r.Replaces != nil || r.Elsewhere != "" {
		t.Errorf("%+v", r)
	}
	r.Report(180, "")
	// not now: JsSIP has not seen the ACK, and glare
	p.notified(403, "Wrong Status")
	p.notified(491, "")
	if f, _ := p.notified(200, ""); f != "SIP/2.0 180 Ringing" {
		t.Errorf("%q", f)
	}
	r.Report(200, "Fine\r\nHeader: injected")
	if f, state := p.notified(200, ""); f != "SIP/2.0 200 Fine  Header: injected" || state != "terminated;reason=noresource" {
		t.Errorf("%q %q", f, state)
	}
	r.Report(486, "") // too late
	p.silent(50 * time.Millisecond)
	d.bye()
}

func TestAttendedTransferNamesOurDialog(t *testing.T) {
	t.Parallel()
	x, _, p, d := startTransfers(t)
	second := p.call()
	within(t, x.acked, "ack")
	x.next()
	consult := x.next()
	tag := func(v string) string { a, _ := wire.ParseAddress(v); s, _ := a.Params.Get("tag"); return s }
	rep := wire.Replaces{CallID: second.callID, ToTag: tag(second.to), FromTag: tag(second.from)}
	p.send(d.next("REFER", "Refer-To", "<"+second.target+"?Replaces="+wire.Escape(strings.ReplaceAll(rep.String(), ";", "%3B"))+">"))
	d.recv("REFER", "400") // escaped twice
	value := strings.NewReplacer(";", "%3B", "=", "%3D", "@", "%40").Replace(rep.String())
	p.send(d.next("REFER", "Refer-To", "<"+second.target+"?Replaces="+value+"&Require=replaces>", "Refer-Sub", "false"))
	if r := d.recv("REFER", "202"); r.Get("Refer-Sub") != "false" {
		t.Error("no Refer-Sub")
	}
	r := within(t, x.refers, "the wish")
	if r.Replaces != consult.Dialog {
		t.Errorf("%+v", r)
	}
	r.Report(200, "") // nobody wants to know
	p.silent(50 * time.Millisecond)
	p.send(d.next("REFER", "Refer-To", "<sip:x@y?Replaces="+strings.Replace(value, second.callID[:4], "zzzz", 1)+">", "Refer-Sub", "false"))
	d.recv("REFER", "202")
	if r := within(t, x.refers, "the wish"); r.Replaces != nil || !strings.HasPrefix(r.Elsewhere, "zzzz") {
		t.Errorf("%+v", r)
	}
	d.bye()
	second.bye()
}

func TestReferIsJudged(t *testing.T) {
	t.Parallel()
	_, _, p, d := startTransfers(t)
	for name, c := range map[string]struct {
		to   string
		want int
	}{
		"none": {"", 400}, "two": {"<sip:a@b>, <sip:c@d>", 400}, "no uri": {"hello", 400}, "mail": {"<mailto:a@b>", 416},
		"another method": {"<sip:a@b;method=BYE>", 403}, "bad replaces": {"<sip:a@b?Replaces=x>", 400},
	} {
		p.send(d.next("REFER", "Refer-To", c.to))
		if r := p.recv(itoa(c.want) + "|400|403|416|202|500"); r.Status != c.want {
			t.Errorf("%s: %d, want %d", name, r.Status, c.want)
		}
	}
	d.bye()
	p.send(p.request("REFER", "out of the blue", "Refer-To", "<sip:a@b>"))
	p.recv("403")
	// a call layer without transfers
	c := newCalls(t)
	c.auto = true
	s := start(t, fast(Config{}), c)
	p = dialPeer(t, s, "tcp")
	d = p.call()
	p.send(d.next("REFER", "Refer-To", "<sip:a@b>"))
	d.recv("REFER", "403")
	d.bye()
}

func TestTransferNobodyEndsTimesOut(t *testing.T) {
	t.Parallel()
	x, s, p, d := startTransfers(t)
	p.send(d.next("REFER", "Refer-To", "<sip:a@b>"))
	d.recv("REFER", "202")
	p.notified(200, "")
	within(t, x.refers, "the wish")
	dg := x.next().Dialog.(*dialog)
	dg.post(func() { dg.subs[0].until = time.Now(); dg.arm(timerSubscription, 0) })
	if f, state := p.notified(200, ""); f != "SIP/2.0 408 Request Timeout" || !strings.HasPrefix(state, "terminated") {
		t.Errorf("%q %q", f, state)
	}
	d.bye()
	_ = s
}

func TestInviteReplacesDialog(t *testing.T) {
	t.Parallel()
	x, _, p, d := startTransfers(t)
	old := x.next()
	tag := func(v string) string { a, _ := wire.ParseAddress(v); s, _ := a.Params.Get("tag"); return s }
	value := d.callID + ";to-tag=" + tag(d.to) + ";from-tag=" + tag(d.from)
	for name, c := range map[string]struct {
		value string
		want  int
	}{
		"unknown": {"nobody;to-tag=a;from-tag=b", 481}, "swapped": {d.callID + ";from-tag=" + tag(d.to) + ";to-tag=" + tag(d.from), 481},
		"malformed": {"x", 400}, "two": {value + ", " + value, 400}, "early only": {value + ";early-only", 486},
	} {
		n := p.startCall(offerPCMA, "Require", "replaces", "Replaces", c.value)
		r := p.recv("400|481|486|603|200")
		if r.Status != c.want {
			t.Errorf("%s: %d, want %d", name, r.Status, c.want)
		}
		p.send(ackFor(n.invite, r))
	}
	n := p.startCall(offerPCMA, "Require", "replaces", "Replaces", value)
	n.take(n.recv("INVITE", "200"))
	n.ack()
	if got := within(t, x.replaced, "the replacement"); got != old.Dialog {
		t.Error("another dialog")
	}
	n.bye()
	d.bye()
	// no such thing without a call layer that can
	c := newCalls(t)
	s := start(t, fast(Config{}), c)
	p = dialPeer(t, s, "udp")
	p.startCall(offerPCMA, "Require", "replaces", "Replaces", value)
	if r := p.recv("420"); r.Get("Unsupported") != "replaces" {
		t.Errorf("%s", r.Bytes())
	}
}

func TestDialWithReplaces(t *testing.T) {
	t.Parallel()
	s := start(t, fast(Config{}), newCalls(t))
	p := dialPeer(t, s, "udp")
	_, out := place(t.Context(), s, p, call.Target{Replaces: "id;to-tag=a;from-tag=b"})
	inv := p.recv("INVITE")
	if inv.Get("Replaces") != "id;to-tag=a;from-tag=b" || inv.Get("Require") != "replaces" {
		t.Errorf("%s", inv.Bytes())
	}
	p.send(wire.Answer(inv, 603, "", "x"))
	p.recv("ACK")
	within(t, out, "an outcome")
}

func TestRedirectIsFollowedAndBounded(t *testing.T) {
	t.Parallel()
	s := start(t, fast(Config{}), newCalls(t))
	p, q := dialPeer(t, s, "udp"), dialPeer(t, s, "udp")
	moved := func(at *peer0, inv *wire.Message, contacts string) {
		at.send(wire.Answer(inv, 302, "", "x").Add("Contact", contacts))
		at.recv("ACK")
	}
	_, out := place(t.Context(), s, p, call.Target{})
	inv := p.recv("INVITE")
	moved(p, inv, "<sip:a@"+p.local+">;q=0.1, <sip:b@"+q.local+"?Route=x>;q=0.7, <tel:+49>, <sip:c@h")
	second := q.recv("INVITE")
	if second.URI != "sip:b@"+q.local || second.CallID() != inv.CallID() || second.Get("To") != inv.Get("To") {
		t.Errorf("%s", second.Bytes())
	}
	q.send(wire.Answer(second, 404, "", "y"))
	q.recv("ACK")
	third := p.recv("INVITE") // the next best
	p.accept(third, "z")
	p.recv("ACK")
	r := within(t, out, "the answer")
	if r.err != nil {
		t.Fatal(r.err)
	}
	_ = r.dialog.Hangup(t.Context(), call.CauseNormal)
	r.leg.Close()
	p.recv("BYE")
	// a chain without end
	_, out = place(t.Context(), s, q, call.Target{})
	n := 0
	for n = 0; n < 20; n++ {
		var m *wire.Message
		select {
		case m = <-q.in:
		case r := <-out:
			de, ok := r.err.(*call.DialError)
			if !ok || de.Status != 302 {
				t.Errorf("%v", r.err)
			}
			if n < maxTargets || n > 4*maxTargets {
				t.Errorf("%d messages", n)
			}
			return
		case <-time.After(30 * time.Second):
			t.Fatal("nothing happens")
		}
		if m.Method == "INVITE" {
			q.send(wire.Answer(m, 302, "", "x"+itoa(n)).Add("Contact", "<sip:n"+itoa(n)+"@"+q.local+">"))
		}
	}
	t.Error("redirected for ever")
}

func TestRedirectOfUserGoesUp(t *testing.T) {
	t.Parallel()
	s := start(t, fast(Config{Users: people}), newCalls(t))
	p := dialPeer(t, s, "tcp")
	p.seatUser("ann")
	_, out := dialUser(t.Context(), s, "ann")
	p.send(wire.Answer(p.recv("INVITE"), 302, "", "x").Add("Contact", "<sip:bob@tingxin>"))
	p.recv("ACK")
	de, ok := within(t, out, "an outcome").err.(*call.DialError)
	if !ok || de.Status != 302 || len(de.Contacts) != 1 || de.Contacts[0] != "sip:bob@tingxin" {
		t.Errorf("%+v", de)
	}
}

// TestLastReportBeforeBye: the party who wanted the transfer hears how it went even
// if it has not answered an earlier report when it is hung up.
func TestLastReportBeforeBye(t *testing.T) {
	t.Parallel()
	x, _, p, d := startTransfers(t)
	p.send(d.next("REFER", "Refer-To", "<sip:4711@there>"))
	d.recv("REFER", "202")
	p.recv("NOTIFY") // 100 Trying, which stays unanswered
	r := within(t, x.refers, "the wish")
	r.Report(200, "")
	if err := x.next().Dialog.Hangup(t.Context(), call.CauseTransferred); err != nil {
		t.Fatal(err)
	}
	if m := p.recv("NOTIFY"); !strings.HasPrefix(string(m.Body), "SIP/2.0 200 ") {
		t.Errorf("%s", m.Bytes())
	}
	p.reply(p.recv("BYE"), 200)
}

// TestAttendedTransferOfATelephoneWithoutUser: it was called by its address and calls
// by the trunk of that address; both dialogs are its own. Another port is another one.
func TestAttendedTransferOfATelephoneWithoutUser(t *testing.T) {
	t.Parallel()
	x := newTransfers(t)
	s := start(t, fast(Config{}), x)
	p, q := dialPeer(t, s, "udp"), dialPeer(t, s, "udp")
	for who, mine := range map[*peer0]bool{p: true, q: false} {
		second := who.call()
		within(t, x.acked, "ack")
		consult := x.next()
		h := &transferring{newHeard(nil), x.refers}
		out := make(chan dialled, 1)
		go func() { // ends with the answer
			dg, leg, err := s.Dial(t.Context(), call.Target{URI: "sip:3000@" + p.local, From: "1000"}, h)
			out <- dialled{dg, leg, err}
		}()
		inv := p.recv("INVITE")
		p.accept(inv, "peertag")
		p.recv("ACK")
		got := within(t, out, "the answer")
		if got.err != nil {
			t.Fatal(got.err)
		}
		d := p.callee(inv)
		tag := func(v string) string { a, _ := wire.ParseAddress(v); s, _ := a.Params.Get("tag"); return s }
		value := strings.NewReplacer(";", "%3B", "=", "%3D", "@", "%40").Replace(second.callID + ";to-tag=" + tag(second.to) + ";from-tag=" + tag(second.from))
		p.send(d.next("REFER", "Refer-To", "<"+second.target+"?Replaces="+value+">", "Refer-Sub", "false"))
		d.recv("REFER", "202")
		r := within(t, x.refers, "the wish")
		if mine && r.Replaces != consult.Dialog || !mine && (r.Replaces != nil || r.Elsewhere == "") {
			t.Errorf("own %v: %+v", mine, r)
		}
		_ = got.dialog.Hangup(t.Context(), call.CauseNormal)
		got.leg.Close()
		p.reply(p.recv("BYE"), 200)
		second.bye()
	}
}
