package sip

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tingxin/call"
	"tingxin/media"
	"tingxin/sip/wire"
)

// fakeWeb is a browser's leg without media.
type fakeWeb struct {
	offers, answers atomic.Int32
	dir             atomic.Int32
	got             chan string
}

const webBody = "v=0\r\no=- %d 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111 0\r\n" +
	"c=IN IP4 127.0.0.1\r\na=mid:0\r\na=rtcp-mux\r\na=setup:%s\r\na=fingerprint:sha-256 AA\r\na=ice-ufrag:x\r\na=ice-pwd:y\r\na=sendrecv\r\n"

func (f *fakeWeb) Offer(context.Context) ([]byte, error) {
	body := fmt.Sprintf(webBody, f.offers.Add(1), "actpass")
	if media.Direction(f.dir.Load()) == media.SendOnly {
		body = strings.Replace(body, "sendrecv", "sendonly", 1)
	}
	return []byte(body), nil
}
func (f *fakeWeb) PreferCodecs(c ...media.Codec)  { f.got <- fmt.Sprint("prefer ", c) }
func (f *fakeWeb) SetDirection(d media.Direction) { f.dir.Store(int32(d)) }
func (f *fakeWeb) AcceptOffer(_ context.Context, sdp []byte) ([]byte, error) {
	f.got <- string(sdp)
	return fmt.Appendf(nil, webBody, 100+f.answers.Add(1), "active"), nil
}
func (f *fakeWeb) AcceptAnswer(_ context.Context, sdp []byte) error {
	f.got <- string(sdp)
	return nil
}

// browsers gives a server legs for browsers without media.
func browsers(s *Server) *fakeWeb {
	f := &fakeWeb{got: make(chan string, 64)}
	s.webLegs = func(id string, log *slog.Logger) (*media.Leg, webLeg, error) {
		leg, err := s.engine.NewLeg(id, log)
		return leg, f, err
	}
	return f
}

var webOfferOf = fmt.Sprintf(webBody, 7, "actpass")

func TestBrowserCalls(t *testing.T) {
	t.Parallel()
	c := newCalls(t)
	c.auto, c.ring, c.early = true, true, true
	s := start(t, fast(Config{Users: people}), c)
	web := browsers(s)
	p, _ := dialWS(t, pages(t, s, true), nil)
	p.seatUser("ann")
	from := []string{"From", "<sip:ann@tingxin>;tag=1", "Supported", "timer,ice,replaces,outbound", "Session-Expires", "90"}
	d := p.startCall(webOfferOf, from...)
	d.recv("INVITE", "180")
	early := d.recv("INVITE", "183")
	ok := d.take(d.recv("INVITE", "200"))
	d.ack()
	within(t, c.acked, "ack")
	if string(early.Body) != string(ok.Body) || !strings.Contains(string(ok.Body), "setup:active") || early.Has("Require") {
		t.Errorf("183 and 200 differ, or 183 wants an acknowledgement:\n%s\n%s", early.Bytes(), ok.Bytes())
	}
	if v := ok.Get("Session-Expires"); v != "90;refresher=uac" {
		t.Errorf("Session-Expires %q", v)
	}
	got := c.next()
	if got.User != "ann" || got.Transport != "wss" || !got.Secure {
		t.Errorf("%+v", got.Incoming)
	}
	// JsSIP refreshes by UPDATE without SDP
	p.send(d.next("UPDATE", "Session-Expires", "90;refresher=uac", "Supported", "timer"))
	if v := d.recv("UPDATE", "200").Get("Session-Expires"); v != "90;refresher=uac" {
		t.Errorf("UPDATE answered with Session-Expires %q", v)
	}
	// a new offer is answered by the leg, hold is told
	m := d.next("INVITE")
	m.SetBody("application/sdp", []byte(strings.Replace(webOfferOf, "sendrecv", "sendonly", 1)))
	p.send(m)
	d.recv("INVITE", "200")
	d.ack()
	if !within(t, got.hold, "hold") {
		t.Error("not held")
	}
	if n := web.answers.Load(); n != 2 {
		t.Errorf("%d answers made", n)
	}
	d.bye()
	for name, body := range map[string]string{
		"no mux":         strings.Replace(webOfferOf, "a=rtcp-mux\r\n", "", 1),
		"no fingerprint": strings.Replace(webOfferOf, "a=fingerprint:sha-256 AA\r\n", "", 1),
	} {
		d := p.startCall(body, from...)
		r := d.recv("INVITE", "488")
		p.send(ackFor(d.invite, r))
		t.Log(name, r.Status)
	}
}

// TestOfferWithoutAddressDoesNotHold: a page sends its offer with the first address that it
// finds, when the description may still say c=0.0.0.0. That was taken for the old way to
// hold: whom the page called heard music, and the page nothing.
func TestOfferWithoutAddressDoesNotHold(t *testing.T) {
	t.Parallel()
	c := newCalls(t)
	c.auto = true
	s := start(t, fast(Config{Users: people}), c)
	browsers(s)
	p, _ := dialWS(t, pages(t, s, false), nil)
	p.seatUser("ann")
	early := strings.Replace(webOfferOf, "c=IN IP4 127.0.0.1", "c=IN IP4 0.0.0.0", 1)
	d := p.startCall(early, "From", "<sip:ann@tingxin>;tag=1")
	d.take(d.recv("INVITE", "200"))
	d.ack()
	within(t, c.acked, "ack")
	got := c.next()
	for i, want := range []bool{true, false} { // told when it changes only: what came first would have been a hold
		m := d.next("INVITE")
		m.SetBody("application/sdp", []byte(strings.Replace(early, "sendrecv", []string{"sendonly", "sendrecv"}[i], 1)))
		p.send(m)
		d.recv("INVITE", "200")
		d.ack()
		if held := within(t, got.hold, "hold"); held != want {
			t.Fatalf("held %v after the offer of %v", held, want)
		}
	}
	if len(got.hold) != 0 {
		t.Error("more holds than offers")
	}
	d.bye()
}

func TestBrowserIsCalled(t *testing.T) {
	t.Parallel()
	s := start(t, fast(Config{Users: people}), newCalls(t))
	web := browsers(s)
	url := pages(t, s, false)
	p, _ := dialWS(t, url, nil)
	p.seatUser("ann")
	h, out := newHeard(nil), make(chan dialled, 1)
	go func() { // ends with Dial
		d, leg, err := s.Dial(t.Context(), call.Target{User: "ann", From: "1000", Prefer: []media.Codec{media.PCMU}}, h)
		out <- dialled{d, leg, err}
	}()
	inv := p.recv("INVITE")
	if got := within(t, web.got, "the wish"); got != "prefer [PCMU]" {
		t.Error(got)
	}
	if inv.URI != "sip:xann@"+p.local+";transport=ws" || !strings.HasPrefix(inv.Get("Via"), "SIP/2.0/WS ") {
		t.Errorf("%s\nVia: %s", inv.URI, inv.Get("Via"))
	}
	if inv.Get("Session-Expires") != "1800;refresher=uas" || strings.Contains(inv.Get("Supported"), "100rel") || len(inv.SDP()) == 0 {
		t.Errorf("%s", inv.Bytes())
	}
	m := wire.Answer(inv, 200, "", "peertag")
	m.Add("Contact", "<sip:xann@"+p.local+";transport=ws>").Add("Allow", "INVITE,ACK,CANCEL,BYE,UPDATE,MESSAGE,OPTIONS,REFER,INFO,NOTIFY")
	m.Add("Session-Expires", "1800;refresher=uas").Add("Supported", "timer,ice").SetBody("application/sdp", fmt.Appendf(nil, webBody, 9, "active"))
	p.send(m)
	r := within(t, out, "the answer")
	if r.err != nil {
		t.Fatal(r.err)
	}
	defer r.leg.Close()
	p.recv("ACK")
	within(t, web.got, "the answer's description")

	// the socket drops, the call stays; the page registers anew from elsewhere
	local, callee := p.local, p.callee(inv)
	p.close()
	eventually(t, "the binding is gone", func() bool { return len(s.Bindings("ann")) == 0 })
	p, _ = dialWS(t, url, nil)
	p.local = local
	p.seatUser("ann")
	p.recvUpdate(t, 200)
	// a change of ours goes down the new connection, glare and JsSIP's 403 are tried again
	held := make(chan error, 1)
	go func() { held <- r.dialog.(*dialog).Hold(context.Background(), true) }() // ends with its answer
	for _, refusal := range []struct {
		status int
		reason string
	}{{491, ""}, {403, "Wrong Status"}, {500, ""}} {
		inv := p.recv("INVITE")
		if !strings.Contains(string(inv.Body), "a=sendonly") {
			t.Errorf("offer %s", inv.Body)
		}
		m := wire.Answer(inv, refusal.status, refusal.reason, "")
		if refusal.status == 500 {
			m.Add("Retry-After", "1")
		}
		p.send(m)
		p.recv("ACK")
	}
	again := p.recv("INVITE")
	p.send(wire.Answer(again, 200, "", "").Add("Contact", inv.Get("Contact")).SetBody("application/sdp", fmt.Appendf(nil, webBody, 10, "active")))
	if err := within(t, held, "hold"); err != nil {
		t.Error(err)
	}
	p.recv("ACK")
	callee.p = p
	p.send(callee.next("BYE"))
	p.recv("200")
	if cause := within(t, h.hangup, "hangup"); cause != call.CausePeerHangup {
		t.Errorf("cause %s", cause)
	}
}

// recvUpdate answers the question whether the call is still there.
func (p *peer0) recvUpdate(t *testing.T, status int) {
	t.Helper()
	m := p.recv("UPDATE")
	if len(m.Body) != 0 {
		t.Errorf("UPDATE with a description")
	}
	p.send(wire.Answer(m, status, "", "").Add("Session-Expires", "1800;refresher=uac"))
}

// connectedBrowser is a page in a call that we placed.
func connectedBrowser(t *testing.T, cfg Config) (s *Server, url string, p *peer0, h *heard) {
	t.Helper()
	s, url, p, h, _ = talkingBrowser(t, cfg)
	return s, url, p, h
}

func talkingBrowser(t *testing.T, cfg Config) (s *Server, url string, p *peer0, h *heard, d call.Dialog) {
	t.Helper()
	s = start(t, fast(cfg), newCalls(t))
	browsers(s)
	url = pages(t, s, false)
	p, _ = dialWS(t, url, nil)
	p.seatUser("ann")
	h, out := dialUser(t.Context(), s, "ann")
	m := wire.Answer(p.recv("INVITE"), 200, "", "peertag")
	m.Add("Contact", "<sip:xann@"+p.local+";transport=ws>").Add("Allow", "INVITE,ACK,BYE,UPDATE").SetBody("application/sdp", fmt.Appendf(nil, webBody, 9, "active"))
	p.send(m)
	r := within(t, out, "the answer")
	if r.err != nil {
		t.Fatal(r.err)
	}
	t.Cleanup(func() { r.leg.Close() })
	p.recv("ACK")
	return s, url, p, h, r.dialog
}

func TestHangupWhileBrowserIsAway(t *testing.T) {
	t.Parallel()
	s, url, p, _, d := talkingBrowser(t, Config{Users: people})
	local := p.local
	p.close()
	eventually(t, "the binding is gone", func() bool { return len(s.Bindings("ann")) == 0 })
	if err := d.Hangup(t.Context(), call.CauseNormal); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the call is over here", func() bool { return s.Stats().Dialogs == 0 })
	p, _ = dialWS(t, url, nil)
	p.local = local
	m := p.registerRequest("ann")
	p.send(m)
	r := p.recv("401")
	m = p.registerRequest("ann", "Authorization", authorize(t, r, "MD5", "ann", "secret of ann", "REGISTER", m.URI, 1))
	p.send(m)
	// the BYE may come before the answer to the REGISTER
	var bye *wire.Message
	for range 2 {
		if got := p.recv("BYE|200"); got.Method == "BYE" {
			bye = got
		}
	}
	if bye == nil {
		t.Fatal("the page is not told")
	}
	p.send(wire.Answer(bye, 200, "", ""))
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.owes) != 0 {
		t.Errorf("still owed: %d", len(s.owes))
	}
}

func TestBrowserThatStaysAwayLosesItsCall(t *testing.T) {
	t.Parallel()
	_, _, p, h := connectedBrowser(t, Config{Users: people, Lost: 300 * time.Millisecond})
	began := time.Now()
	p.close()
	if cause := within(t, h.hangup, "the end"); cause != call.CauseLost || time.Since(began) < 300*time.Millisecond {
		t.Errorf("%s after %v", cause, time.Since(began))
	}
}

func TestPageLoadedAnewLosesItsCallSooner(t *testing.T) {
	t.Parallel()
	s, url, p, h := connectedBrowser(t, Config{Users: people, LostReload: 100 * time.Millisecond})
	p.close()
	eventually(t, "the binding is gone", func() bool { return len(s.Bindings("ann")) == 0 })
	p, _ = dialWS(t, url, nil) // another instance
	p.seatUser("ann")
	if cause := within(t, h.hangup, "the end"); cause != call.CauseLost {
		t.Errorf("%s", cause)
	}
}

func TestDeviceThatForgotItsCall(t *testing.T) {
	t.Parallel()
	s, url, p, h := connectedBrowser(t, Config{Users: people})
	local := p.local
	p.close()
	eventually(t, "the binding is gone", func() bool { return len(s.Bindings("ann")) == 0 })
	p, _ = dialWS(t, url, nil)
	p.local = local
	p.seatUser("ann")
	p.recvUpdate(t, 481)
	within(t, h.hangup, "the end")
}

func TestCallerWhoseBrowserDiesWhileRinging(t *testing.T) {
	t.Parallel()
	c := newCalls(t)
	s := start(t, fast(Config{Users: people}), c)
	browsers(s)
	p, _ := dialWS(t, pages(t, s, false), nil)
	p.seatUser("ann")
	p.startCall(webOfferOf, "From", "<sip:ann@tingxin>;tag=1")
	got := c.next()
	if err := got.Dialog.Ring(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.close()
	if cause := within(t, got.hangup, "the end"); cause != call.CauseCancelled {
		t.Errorf("cause %s", cause)
	}
}

// A connection that was cut for longer than Config.Lost ended calls whose sound went on.
func TestCutConnectionDoesNotEndACallThatIsHeard(t *testing.T) {
	t.Parallel()
	_, _, p, h, d := talkingBrowser(t, Config{Users: people, Lost: 150 * time.Millisecond})
	leg := d.(*dialog).leg
	sock, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer sock.Close()
	own := sock.LocalAddr().(*net.UDPAddr).AddrPort()
	if err := leg.Configure(media.Params{Remote: own, EventPT: -1, EventRecvPT: -1, CNPT: -1}); err != nil {
		t.Fatal(err)
	}
	to := net.UDPAddrFromAddrPort(leg.LocalFor(own.Addr()))
	packet := make([]byte, 172)
	packet[0] = 0x80
	p.close()
	for seq := range uint16(40) { // 0.8 s, more than five times as long
		binary.BigEndian.PutUint16(packet[2:], seq)
		binary.BigEndian.PutUint32(packet[4:], uint32(seq)*160)
		if _, err := sock.WriteToUDP(packet, to); err != nil {
			t.Fatal(err)
		}
		select {
		case cause := <-h.hangup:
			t.Fatalf("ended after %d packets: %s", seq, cause)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
