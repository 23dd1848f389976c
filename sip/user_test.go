package sip

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tingxin/call"
	"tingxin/media"
	"tingxin/sip/wire"
)

// seatUser registers a peer as a user.
func (p *peer0) seatUser(user string) {
	p.t.Helper()
	algorithm := "SHA-256"
	if strings.HasPrefix(p.network, "ws") {
		algorithm = "MD5"
	}
	status(p.t, p.registration(user, "secret of "+user, algorithm), 200)
}

func TestUserCalls(t *testing.T) {
	t.Parallel()
	c := newCalls(t)
	c.auto = true
	s := start(t, fast(Config{Users: people}), c) // the trunk "local" holds this address too
	for _, network := range []string{"udp", "tcp"} {
		p := dialPeer(t, s, network)
		p.seatUser("ann")
		d := p.startCall(offerPCMA, "From", `"The Boss" <sip:ann@tingxin>;tag=1`)
		if network == "udp" { // anybody can write this source address
			r := p.recv("401")
			p.send(ackFor(d.invite, r))
			d = p.startCall(offerPCMA, "From", `"The Boss" <sip:ann@tingxin>;tag=1`, "Authorization",
				authorize(t, r, "SHA-256", "ann", "secret of ann", "INVITE", d.invite.URI, 1))
		}
		d.take(d.recv("INVITE", "200"))
		d.ack()
		within(t, c.acked, "ack")
		if got := c.next(); got.User != "ann" || got.From != "ann" || got.Trunk != "" || got.FromName != "The Boss" || got.Transport != network {
			t.Errorf("%s: %+v", network, got.Incoming)
		}
		d.bye()
	}
	// who is not registered and shows no credentials is the trunk of his address
	p := dialPeer(t, s, "udp")
	p.call().bye()
	within(t, c.acked, "ack")
	if got := c.next(); got.User != "" || got.Trunk != "local" {
		t.Errorf("%+v", got.Incoming)
	}
	// a seated connection is only good for its own user
	p = dialPeer(t, s, "tcp")
	p.seatUser("ann")
	p.startCall(offerPCMA, "From", `<sip:bob@tingxin>;tag=1`, "Authorization", `Digest username="bob", realm="tingxin", nonce="x", uri="y", response="z"`)
	p.recv("401")
}

func TestStrangersAreChallenged(t *testing.T) {
	t.Parallel()
	s := start(t, fast(Config{Users: people, Trunks: []Trunk{{Name: "far", Addresses: []string{"192.0.2.1"}}}}), newCalls(t))
	p := dialPeer(t, s, "udp")
	d := p.startCall(offerPCMA)
	r := p.recv("401")
	if v := r.Get("WWW-Authenticate"); !strings.Contains(v, "SHA-256") {
		t.Errorf("challenge %q", v)
	}
	p.send(ackFor(d.invite, r))
	w, _ := dialWS(t, pages(t, s, false), nil)
	w.startCall(offerPCMA)
	r = w.recv("401")
	var all []string
	for _, h := range r.Headers {
		if h.Name == "WWW-Authenticate" {
			all = append(all, h.Value)
		}
	}
	if len(all) != 1 || !strings.Contains(all[0], "algorithm=MD5") || !strings.Contains(all[0], `qop="auth"`) || strings.Contains(all[0], "auth-int") {
		t.Errorf("challenges to a browser %q", all)
	}
}

// dialUser rings a user and returns what came of it.
func dialUser(ctx context.Context, s *Server, user string) (*heard, <-chan dialled) {
	h, out := newHeard(nil), make(chan dialled, 1)
	go func() { // ends with Dial
		d, leg, err := s.Dial(ctx, call.Target{User: user, From: "1000"}, h)
		out <- dialled{d, leg, err}
	}()
	return h, out
}

func TestDialUserRingsEveryDevice(t *testing.T) {
	t.Parallel()
	s := start(t, fast(Config{Users: people}), newCalls(t))
	desk, mobile := dialPeer(t, s, "udp"), dialPeer(t, s, "tcp")
	desk.seatUser("ann")
	mobile.seatUser("ann")
	h, out := dialUser(t.Context(), s, "ann")
	one, two := desk.recv("INVITE"), mobile.recv("INVITE")
	if one.CallID() == two.CallID() {
		t.Error("legs share a Call-ID")
	}
	if one.URI != "sip:xann@"+desk.local || !strings.Contains(one.Get("To"), "sip:ann@tingxin") {
		t.Errorf("%s to %s", one.URI, one.Get("To"))
	}
	desk.reply(one, 180)
	mobile.reply(two, 180)
	ok := mobile.accept(two, "peertag")
	_ = ok
	r := within(t, out, "the answer")
	if r.err != nil {
		t.Fatal(r.err)
	}
	mobile.recv("ACK")
	cancel := desk.recv("CANCEL")
	desk.reply(cancel, 200)
	desk.send(wire.Answer(one, 487, "", "peertag"))
	desk.recv("ACK")
	d := mobile.callee(two)
	mobile.send(d.next("BYE"))
	mobile.recv("200")
	if cause := within(t, h.hangup, "hangup"); cause != call.CausePeerHangup {
		t.Errorf("cause %s", cause)
	}
	r.leg.Close()
}

func TestDialUserOutcomes(t *testing.T) {
	t.Parallel()
	s := start(t, fast(Config{Users: people}), newCalls(t))
	a, b := dialPeer(t, s, "tcp"), dialPeer(t, s, "tcp")
	expect := func(out <-chan dialled, want int) {
		t.Helper()
		r := within(t, out, "an outcome")
		var de *call.DialError
		if !errors.As(r.err, &de) || de.Status != want {
			t.Errorf("got %v, want %d", r.err, want)
		}
	}
	for user, want := range map[string]int{"zoe": 404, "ann": 480, "eve": 480} {
		_, out := dialUser(t.Context(), s, user)
		expect(out, want)
	}
	a.seatUser("ann")
	b.seatUser("ann")
	refuse := func(p *peer0, status int) {
		inv := p.recv("INVITE")
		p.send(wire.Answer(inv, status, "", "x"))
		p.recv("ACK")
	}
	_, out := dialUser(t.Context(), s, "ann")
	refuse(a, 480)
	refuse(b, 486)
	expect(out, 486)
	// declined is declined everywhere
	_, out = dialUser(t.Context(), s, "ann")
	inv := b.recv("INVITE")
	b.reply(inv, 180)
	refuse(a, 603)
	expect(out, 603)
	b.reply(b.recv("CANCEL"), 200)
	b.send(wire.Answer(inv, 487, "", "peertag"))
	b.recv("ACK")
	// the caller gives up: both are cancelled
	ctx, cancel := context.WithCancel(t.Context())
	_, out = dialUser(ctx, s, "ann")
	for _, p := range []*peer0{a, b} {
		p.reply(p.recv("INVITE"), 180)
	}
	cancel()
	if r := within(t, out, "the end"); !errors.Is(r.err, context.Canceled) {
		t.Errorf("%v", r.err)
	}
	for _, p := range []*peer0{a, b} {
		p.reply(p.recv("CANCEL"), 200)
	}
	// both answer at once: one call, one BYE
	a.close()
	eventually(t, "a is gone", func() bool { return len(s.Bindings("ann")) == 1 })
}

func TestDeafBindingIsDropped(t *testing.T) {
	t.Parallel()
	s := start(t, fast(Config{Users: people}), newCalls(t))
	p := dialPeer(t, s, "udp")
	p.seatUser("ann")
	_, out := dialUser(t.Context(), s, "ann")
	p.recv("INVITE")
	var de *call.DialError
	if r := within(t, out, "an outcome"); !errors.As(r.err, &de) || de.Status != 408 {
		t.Errorf("%v", r.err)
	}
	if b := s.Bindings("ann"); len(b) != 0 {
		t.Errorf("%+v", b)
	}
}

func TestBothDevicesAnswer(t *testing.T) {
	t.Parallel()
	s := start(t, fast(Config{Users: people}), newCalls(t))
	a, b := dialPeer(t, s, "tcp"), dialPeer(t, s, "tcp")
	a.seatUser("ann")
	b.seatUser("ann")
	_, out := dialUser(t.Context(), s, "ann")
	one, two := a.recv("INVITE"), b.recv("INVITE")
	a.accept(one, "peertag")
	b.accept(two, "peertag")
	r := within(t, out, "the answer")
	if r.err != nil {
		t.Fatal(r.err)
	}
	byes := 0
	for _, p := range []*peer0{a, b} {
		p.recv("ACK")
		select {
		case m := <-p.in:
			if m.Method == "BYE" {
				byes++
				p.send(wire.Answer(m, 200, "", ""))
			}
		case <-time.After(200 * time.Millisecond):
		}
	}
	if byes != 1 {
		t.Errorf("%d legs ended, want one", byes)
	}
	_ = r.dialog.Hangup(t.Context(), call.CauseNormal)
	r.leg.Close()
}

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

// changing is a directory whose users come and go.
type changing struct {
	mu sync.Mutex
	u  map[string]User
}

func (c *changing) User(name string) (User, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	u, ok := c.u[name]
	return u, ok
}

func TestUserClosedWhileRegistered(t *testing.T) {
	t.Parallel()
	carl := User{Name: "carl", SHA256: HA1(algSHA256, "carl", "tingxin", "secret of carl")}
	dir := &changing{u: map[string]User{"carl": carl}}
	s := start(t, fast(Config{Users: people}), newCalls(t), WithDirectory(dir))
	p := dialPeer(t, s, "tcp")
	p.seatUser("carl")
	p.seatUser("ann") // of the configuration
	m := p.registerRequest("carl")
	p.send(m)
	if v := p.recv("401").Get("WWW-Authenticate"); !strings.Contains(v, "SHA-256") {
		t.Errorf("challenge %q", v)
	}
	carl.Disabled = true
	dir.mu.Lock()
	dir.u["carl"] = carl
	dir.mu.Unlock()
	d := p.startCall(offerPCMA, "From", "<sip:carl@tingxin>;tag=1")
	p.send(ackFor(d.invite, p.recv("403")))
	_, out := dialUser(t.Context(), s, "carl")
	var de *call.DialError
	if r := within(t, out, "an outcome"); !errors.As(r.err, &de) || de.Status != 480 {
		t.Errorf("%v", r.err)
	}
	dir.mu.Lock()
	delete(dir.u, "carl")
	dir.mu.Unlock()
	d = p.startCall(offerPCMA, "From", "<sip:carl@tingxin>;tag=2")
	p.send(ackFor(d.invite, p.recv("403")))
}

func TestPathOfRegistrationIsTheRoute(t *testing.T) { // RFC 3327
	t.Parallel()
	s := start(t, fast(Config{Users: people}), newCalls(t))
	p := dialPeer(t, s, "udp")
	path := "<sip:edge.example;lr>"
	r := p.registration("ann", "secret of ann", "SHA-256", "Path", path, "Supported", "path")
	if status(t, r, 200); r.Get("Path") != path {
		t.Errorf("Path %q", r.Get("Path"))
	}
	_, out := dialUser(t.Context(), s, "ann")
	inv := p.recv("INVITE") // back to the edge it came from
	if inv.Get("Route") != path || inv.URI != "sip:xann@"+p.local {
		t.Errorf("%s", inv.Bytes())
	}
	p.send(wire.Answer(inv, 486, "", "x"))
	if ack := p.recv("ACK"); ack.Get("Route") != path {
		t.Errorf("ACK without its route")
	}
	within(t, out, "an outcome")
}
