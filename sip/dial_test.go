package sip

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"tingxin/call"
	"tingxin/media"
	"tingxin/sip/wire"
)

// outcome of a Dial running beside the test.
type dialled struct {
	dialog call.Dialog
	leg    *media.Leg
	err    error
}

// place dials the peer; the handler is told what happens.
func place(ctx context.Context, s *Server, p *peer0, t call.Target) (*heard, <-chan dialled) {
	h := newHeard(nil)
	out := make(chan dialled, 1)
	t.URI = or(t.URI, "sip:3000@"+p.local+transportParam(p.network))
	t.From = or(t.From, "1000")
	go func() { // ends with Dial
		d, leg, err := s.Dial(ctx, t, h)
		out <- dialled{d, leg, err}
	}()
	return h, out
}

// callee is the peer's side of a leg we placed.
func (p *peer0) callee(invite *wire.Message) *dialogue {
	a, err := wire.ParseAddress(invite.Get("Contact"))
	if err != nil {
		p.t.Fatal(err)
	}
	return &dialogue{p: p, callID: invite.CallID(), from: invite.Get("To") + ";tag=peertag", to: invite.Get("From"), target: a.URI, invite: invite, seq: 100}
}

// accept answers our INVITE and returns its 200.
func (p *peer0) accept(invite *wire.Message, tag string, headers ...string) *wire.Message {
	p.t.Helper()
	m := wire.Answer(invite, 200, "", tag)
	m.Add("Contact", "<sip:3000@"+p.local+transportParam(p.network)+">")
	for i := 0; i+1 < len(headers); i += 2 {
		m.Add(headers[i], headers[i+1])
	}
	m.SetBody("application/sdp", []byte(offerPCMA))
	p.send(m)
	return m
}

func TestDialIsAnswered(t *testing.T) {
	t.Parallel()
	s := start(t, fast(Config{}), newCalls(t))
	p := dialPeer(t, s, "udp")
	h, out := place(context.Background(), s, p, call.Target{FromName: `Tom "T"`, SIPCallID: "given"})
	inv := p.recv("INVITE")
	if inv.CallID() != "given" || len(inv.Bytes()) > 1300 || !strings.HasPrefix(inv.Get("From"), `"Tom \"T\"" <sip:1000@`) {
		t.Errorf("%s", inv.Bytes())
	}
	p.reply(inv, 100)
	p.reply(inv, 180)
	ok := p.accept(inv, "peertag")
	ack := p.recv("ACK")
	if n, _, _ := ack.CSeq(); n != 1 || ack.ToTag() != "peertag" || ack.Via().Branch() == inv.Via().Branch() {
		t.Errorf("%s", ack.Bytes())
	}
	r := within(t, out, "dial")
	if r.err != nil {
		t.Fatal(r.err)
	}
	defer r.leg.Close()
	if prm := r.leg.Params(); prm.Direction != media.SendRecv || prm.Codec != media.PCMA || prm.Remote.Port() != 40000 {
		t.Errorf("%+v", prm)
	}
	// the 200 again: acknowledged again, no new call
	p.send(ok)
	p.recv("ACK")
	// a second 200 of another branch: ACK, then BYE for the loser
	p.accept(inv, "othertag")
	for range 2 {
		if m := p.recv("ACK|BYE"); m.ToTag() != "othertag" {
			t.Errorf("%s", m.Bytes())
		} else if m.Method == "BYE" {
			p.reply(m, 200)
		}
	}
	p.accept(inv, "othertag")
	p.recv("ACK")
	p.silent(50 * time.Millisecond)
	// the callee hangs up; a 200 after that is still acknowledged
	d := p.callee(inv)
	d.bye()
	if cause := within(t, h.hangup, "hangup"); cause != call.CausePeerHangup {
		t.Errorf("cause %s", cause)
	}
	p.send(ok)
	p.recv("ACK")
	p.silent(50 * time.Millisecond)
	if st := s.Stats(); st.Forked != 1 || st.Dialogs != 0 {
		t.Errorf("%+v", st)
	}
}

func TestDialOverStreams(t *testing.T) {
	t.Parallel()
	for _, network := range []string{"tcp", "tls"} {
		s := start(t, fast(Config{TLS: TLSConfig{SkipVerify: true}}), newCalls(t))
		other := newCalls(t)
		other.auto = true
		far := start(t, fast(Config{}), other)
		h := newHeard(nil)
		d, leg, err := s.Dial(context.Background(), call.Target{URI: "sip:77@" + far.on(network) + transportParam(network), From: "1"}, h)
		if err != nil {
			t.Fatal(err)
		}
		got := other.next()
		if got.Transport != network || got.To != "77" || got.From != "1" {
			t.Errorf("%+v", got.Incoming)
		}
		if err := within(t, other.acked, "ack"); err != nil {
			t.Fatal(err)
		}
		// the connection dies: the next request opens a new one
		s.transport.mu.Lock()
		for c := range s.transport.conns {
			c.conn.Close()
		}
		s.transport.mu.Unlock()
		for s.Stats().Connections > 0 {
			time.Sleep(time.Millisecond)
		}
		if err := d.Hangup(context.Background(), call.CauseNormal); err != nil {
			t.Fatal(err)
		}
		if cause := within(t, got.hangup, "hangup"); cause != call.CauseCallerHangup {
			t.Errorf("cause %s", cause)
		}
		leg.Close()
	}
}

func TestDialIsRefused(t *testing.T) {
	t.Parallel()
	s := start(t, fast(Config{}), newCalls(t))
	p := dialPeer(t, s, "udp")
	for _, status := range []int{404, 486, 488, 503, 603} {
		_, out := place(context.Background(), s, p, call.Target{})
		inv := p.recv("INVITE")
		resp := p.reply(inv, status)
		p.recv("ACK")
		p.send(resp) // its ACK was lost
		p.recv("ACK")
		r := within(t, out, "dial")
		var de *call.DialError
		if !errors.As(r.err, &de) || de.Status != status {
			t.Errorf("%d: %v", status, r.err)
		}
	}
	_, _, err := s.Dial(context.Background(), call.Target{URI: "nonsense"}, newHeard(nil))
	var de *call.DialError
	if !errors.As(err, &de) || de.Status != 484 {
		t.Errorf("%v", err)
	}
	waitDialogs(t, s)
}

func TestDialGetsNoAnswer(t *testing.T) {
	t.Parallel()
	cfg := fast(Config{})
	s := start(t, cfg, newCalls(t))
	p := dialPeer(t, s, "udp")
	begin := time.Now()
	_, out := place(context.Background(), s, p, call.Target{})
	r := within(t, out, "dial")
	var de *call.DialError
	if !errors.As(r.err, &de) || de.Status != 408 || time.Since(begin) < 60*cfg.T1 {
		t.Errorf("%v after %v", r.err, time.Since(begin))
	}
	if n := len(p.in); n != 6 && n != 7 { // RFC 3261 17.1.1.2: 7 in 64*T1, the last one just before the end
		t.Errorf("%d INVITEs", n)
	}
}

func TestDialGivenUp(t *testing.T) {
	t.Parallel()
	cfg := fast(Config{})
	s := start(t, cfg, newCalls(t))
	p := dialPeer(t, s, "udp")
	ctx, cancel := context.WithCancel(context.Background())
	p.repeats = true
	_, out := place(ctx, s, p, call.Target{})
	inv := p.recv("INVITE")
	cancel() // before any provisional: the CANCEL has to wait
	if r := within(t, out, "dial"); !errors.Is(r.err, context.Canceled) {
		t.Errorf("%v", r.err)
	}
	if m := p.recv("INVITE|CANCEL"); m.Method == "CANCEL" {
		t.Fatal("CANCEL before a provisional")
	}
	p.reply(inv, 180)
	c := recvMethod(p, "CANCEL", "INVITE")
	if c.Via().Branch() != inv.Via().Branch() || c.URI != inv.URI || c.Get("CSeq") != "1 CANCEL" || c.ToTag() != "" {
		t.Errorf("%s", c.Bytes())
	}
	recvMethod(p, "CANCEL", "INVITE") // its 200 was lost
	p.reply(c, 200)
	p.reply(inv, 487)
	recvMethod(p, "ACK", "CANCEL")
	waitDialogs(t, s)
}

func TestCancelCrossesOK(t *testing.T) {
	t.Parallel()
	s := start(t, fast(Config{}), newCalls(t))
	p := dialPeer(t, s, "udp")
	ctx, cancel := context.WithCancel(context.Background())
	h, out := place(ctx, s, p, call.Target{})
	inv := p.recv("INVITE")
	p.reply(inv, 180)
	for s.Stats().Answers["180"] == 0 {
		time.Sleep(time.Millisecond)
	}
	cancel()
	within(t, out, "dial")
	c := p.recv("CANCEL")
	p.accept(inv, "peertag") // it had answered already
	p.reply(c, 200)
	recvMethod(p, "ACK", "CANCEL")
	p.reply(recvMethod(p, "BYE", "CANCEL"), 200)
	waitDialogs(t, s)
	if len(h.hangup) != 0 {
		t.Error("a leg that was never answered hung up")
	}
}

func TestCancelledAndNeverAnswered(t *testing.T) {
	t.Parallel()
	s := start(t, fast(Config{}), newCalls(t))
	p := dialPeer(t, s, "udp")
	ctx, cancel := context.WithCancel(context.Background())
	_, out := place(ctx, s, p, call.Target{})
	p.reply(p.recv("INVITE"), 180)
	for s.Stats().Answers["180"] == 0 {
		time.Sleep(time.Millisecond)
	}
	cancel()
	within(t, out, "dial")
	begin := time.Now()
	waitDialogs(t, s) // 487 never comes: over after 64*T1
	if took := time.Since(begin); took < time.Second {
		t.Errorf("gone after %v", took)
	}
	for s.Stats().ClientTransactions > 0 {
		time.Sleep(time.Millisecond)
	}
}

func waitDialogs(t *testing.T, s *Server) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); s.Stats().Dialogs > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d dialogs left", s.Stats().Dialogs)
		}
	}
}

func recvMethod(p *peer0, want, skip string) *wire.Message {
	p.t.Helper()
	for {
		if m := p.recv(want + "|" + skip); m.Method == want {
			return m
		}
	}
}

func TestDialAnswersChallenges(t *testing.T) {
	t.Parallel()
	cfg := fast(Config{Trunks: []Trunk{{Name: "carrier", Addresses: []string{"127.0.0.1"}, Credentials: alice}}})
	s := start(t, cfg, newCalls(t))
	p := dialPeer(t, s, "udp")
	far := newAuthenticator(cfg.withDefaults())
	challenge := func(inv *wire.Message, stale bool) {
		t.Helper()
		m := wire.Answer(inv, 407, "", "c")
		for _, h := range far.challenge(offeredTo(false), stale, time.Now()) {
			m.Add("Proxy-Authenticate", h.Value)
		}
		p.send(m)
		p.recv("ACK")
	}
	verify := func(inv *wire.Message) {
		t.Helper()
		again := inv.Clone()
		again.Set("Authorization", inv.Get("Proxy-Authorization"))
		if v := far.check(far.credentials(again), alice.digestAccount("tingxin"), inv.Method, time.Now()); v != authGood {
			t.Errorf("verdict %d for %s", v, inv.Get("Proxy-Authorization"))
		}
		if !strings.Contains(inv.Get("Proxy-Authorization"), "SHA-256") {
			t.Errorf("weak: %s", inv.Get("Proxy-Authorization"))
		}
	}
	_, out := place(context.Background(), s, p, call.Target{Trunk: "carrier"})
	first := p.recv("INVITE")
	challenge(first, false)
	second := p.recv("INVITE")
	if n, _, _ := second.CSeq(); n != 2 || second.CallID() != first.CallID() || second.FromTag() != first.FromTag() {
		t.Errorf("%s", second.Bytes())
	}
	challenge(second, true) // stale: once more
	third := p.recv("INVITE")
	verify(third)
	p.accept(third, "peertag")
	ack := p.recv("ACK")
	if n, _, _ := ack.CSeq(); n != 3 {
		t.Errorf("%s", ack.Bytes())
	}
	r := within(t, out, "dial")
	if r.err != nil {
		t.Fatal(r.err)
	}
	// BYE is challenged too
	go func() { _ = r.dialog.Hangup(context.Background(), call.CauseNormal) }() // ends when sent
	bye := p.recv("BYE")
	m := wire.Answer(bye, 407, "", "")
	for _, h := range far.challenge(offeredTo(false), false, time.Now()) {
		m.Add("Proxy-Authenticate", h.Value)
	}
	p.send(m)
	bye = p.recv("BYE")
	verify(bye)
	p.reply(bye, 200)
	r.leg.Close()
	// wrong password: the refusal comes back
	_, out = place(context.Background(), s, p, call.Target{Trunk: "carrier"})
	challenge(p.recv("INVITE"), false)
	challenge(p.recv("INVITE"), false)
	var de *call.DialError
	if r := within(t, out, "dial"); !errors.As(r.err, &de) || de.Status != 407 {
		t.Errorf("%v", r.err)
	}
}

func TestBigInviteGoesOverTCPOnce(t *testing.T) {
	t.Parallel()
	s := start(t, fast(Config{}), newCalls(t))
	p := dialPeer(t, s, "udp")
	ln, err := net.Listen("tcp", p.local)
	if err != nil {
		t.Skip("port taken: ", err)
	}
	defer ln.Close()
	long := strings.Repeat("n", 700)
	h, out := place(context.Background(), s, p, call.Target{FromName: long})
	conn, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	tcp := wrapPeer(t, conn, "tcp", s.on("tcp"))
	inv := tcp.recv("INVITE")
	if len(inv.Bytes()) <= maxUDP || inv.Via().Transport != "TCP" {
		t.Errorf("%s", inv.Bytes())
	}
	m := wire.Answer(inv, 200, "", "peertag")
	m.Add("Contact", "<sip:3000@"+p.local+">")
	m.SetBody("application/sdp", []byte(offerPCMA))
	tcp.send(m)
	ack := p.recv("ACK") // and back to UDP
	if len(ack.Bytes()) > maxUDP || ack.Via().Transport != "UDP" {
		t.Errorf("%s", ack.Bytes())
	}
	r := within(t, out, "dial")
	if r.err != nil {
		t.Fatal(r.err)
	}
	go func() { _ = r.dialog.Hangup(context.Background(), call.CauseNormal) }() // ends when sent
	p.reply(p.recv("BYE"), 200)
	r.leg.Close()
	_ = h
	ln.Close()
	tcp.close()
	for s.Stats().Connections > 0 {
		time.Sleep(time.Millisecond)
	}
	_, out = place(context.Background(), s, p, call.Target{FromName: long})
	var de *call.DialError
	if r := within(t, out, "dial"); !errors.As(r.err, &de) || de.Status != 513 {
		t.Errorf("%v", r.err)
	}
	p.silent(50 * time.Millisecond)
}

// early is a handler that wants to know about progress.
type early0 struct {
	*heard
	ringing chan struct{}
	legs    chan *media.Leg
}

// RemoteProgress implements call.EarlyHandler.
func (e *early0) RemoteProgress(status int, leg *media.Leg) {
	if status == 180 {
		e.ringing <- struct{}{}
	}
	if leg != nil {
		e.legs <- leg
	}
}

func TestEarlyMediaAndPrackOfOutgoingLeg(t *testing.T) {
	t.Parallel()
	s := start(t, fast(Config{}), newCalls(t))
	p := dialPeer(t, s, "udp")
	e := &early0{newHeard(nil), make(chan struct{}, 9), make(chan *media.Leg, 9)}
	out := make(chan dialled, 1)
	go func() { // ends with Dial
		d, leg, err := s.Dial(context.Background(), call.Target{URI: "sip:3000@" + p.local, From: "1"}, e)
		out <- dialled{d, leg, err}
	}()
	inv := p.recv("INVITE")
	p.reply(inv, 180)
	within(t, e.ringing, "ringing")
	m := wire.Answer(inv, 183, "", "peertag").Add("Contact", "<sip:3000@"+p.local+">").Add("Require", "100rel").Add("RSeq", "7")
	m.SetBody("application/sdp", []byte(offerPCMA))
	p.send(m)
	prack := recvMethod(p, "PRACK", "INVITE")
	if prack.Get("RAck") != "7 1 INVITE" {
		t.Errorf("%s", prack.Bytes())
	}
	p.send(m) // the same again: no second PRACK but a repeat of the first
	p.reply(prack, 200)
	leg := within(t, e.legs, "early media")
	if prm := leg.Params(); prm.Remote.Port() != 40000 {
		t.Errorf("%+v", prm)
	}
	ok := wire.Answer(inv, 200, "", "peertag").Add("Contact", "<sip:3000@"+p.local+">") // no SDP: the 183 had it
	p.send(ok)
	recvMethod(p, "ACK", "PRACK")
	r := within(t, out, "dial")
	if r.err != nil {
		t.Fatal(r.err)
	}
	d := p.callee(inv)
	// a re-INVITE by the callee
	re := d.next("INVITE")
	re.SetBody("application/sdp", []byte(held("sendonly")))
	p.send(re)
	if m := p.recv("200"); !strings.Contains(string(m.Body), "a=recvonly") {
		t.Errorf("%s", m.Bytes())
	}
	d.ack()
	if !within(t, e.hold, "hold") {
		t.Error("not held")
	}
	d.bye()
	r.leg.Close()
}

func TestDialIntervalTooSmall(t *testing.T) {
	t.Parallel()
	s := start(t, fast(Config{}), newCalls(t))
	p := dialPeer(t, s, "udp")
	_, out := place(context.Background(), s, p, call.Target{})
	inv := p.recv("INVITE")
	if inv.Get("Session-Expires") != "1800" || inv.Get("Min-SE") != "90" {
		t.Errorf("%s", inv.Bytes())
	}
	p.reply(inv, 422, "Min-SE", "3600")
	p.recv("ACK")
	inv = p.recv("INVITE")
	if inv.Get("Session-Expires") != "3600" || inv.Get("Min-SE") != "3600" {
		t.Errorf("%s", inv.Bytes())
	}
	p.accept(inv, "peertag", "Session-Expires", "3600;refresher=uac", "Require", "timer")
	p.recv("ACK")
	r := within(t, out, "dial")
	if r.err != nil {
		t.Fatal(r.err)
	}
	go func() { _ = r.dialog.Hangup(context.Background(), call.CauseNormal) }() // ends when sent
	p.reply(p.recv("BYE"), 200)
	r.leg.Close()
}

func TestRecordRouteIsFollowed(t *testing.T) {
	t.Parallel()
	s := start(t, fast(Config{}), newCalls(t))
	p := dialPeer(t, s, "udp")
	_, out := place(context.Background(), s, p, call.Target{})
	inv := p.recv("INVITE")
	m := wire.Answer(inv, 200, "", "peertag").Add("Contact", "<sip:3000@192.0.2.1>").
		Add("Record-Route", "<sip:192.0.2.9;lr>, <sip:"+p.local+";lr>")
	m.SetBody("application/sdp", []byte(offerPCMA))
	p.send(m)
	ack := p.recv("ACK")
	if r := ack.Values("Route"); len(r) != 2 || r[0] != "<sip:"+p.local+";lr>" || ack.URI != "sip:3000@192.0.2.1" {
		t.Errorf("%s", ack.Bytes())
	}
	r := within(t, out, "dial")
	go func() { _ = r.dialog.Hangup(context.Background(), call.CauseNormal) }() // ends when sent
	bye := p.recv("BYE")
	if len(bye.Values("Route")) != 2 {
		t.Errorf("%s", bye.Bytes())
	}
	p.reply(bye, 200)
	r.leg.Close()
}
