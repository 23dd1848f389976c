package sip

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tingxin/call"
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

// TestUsersChangeWhileTheServerRuns: who is new may come, who is gone, disabled or has
// another secret loses the registration; what is wrong changes nothing; calls go on.
func TestUsersChangeWhileTheServerRuns(t *testing.T) {
	t.Parallel()
	c := newCalls(t)
	c.auto = true
	s := start(t, fast(Config{Users: people}), c)
	p := dialPeer(t, s, "tcp")
	p.seatUser("ann")
	d := p.call()
	within(t, c.acked, "ack")
	if err := s.SetUsers([]UserEntry{{Name: "ann", Password: "x", MD5: "y"}}); err == nil || len(s.Bindings("ann")) != 1 {
		t.Errorf("a wrong list: %v, %d bindings", err, len(s.Bindings("ann")))
	}
	if err := s.SetUsers(append(slices.Clone(people), UserEntry{Name: "new", Password: "secret of new"})); err != nil {
		t.Fatal(err)
	}
	if len(s.Bindings("ann")) != 1 || !s.HasUser("new") {
		t.Error("who stays lost the registration, or the new one is unknown")
	}
	dialPeer(t, s, "udp").seatUser("new")
	for name, users := range map[string][]UserEntry{
		"another secret": {{Name: "ann", Password: "another"}}, "disabled": {{Name: "ann", Password: "secret of ann", Disabled: true}}, "gone": {{Name: "zoe", Password: "z"}},
	} {
		known := users[0].Name == "ann"
		if err := s.SetUsers(people); err != nil {
			t.Fatal(err)
		}
		p := dialPeer(t, s, "tcp")
		p.seatUser("ann")
		if err := s.SetUsers(users); err != nil {
			t.Fatal(err)
		}
		if n := len(s.Bindings("ann")); n != 0 {
			t.Errorf("%s: %d bindings", name, n)
		}
		if s.HasUser("ann") != known {
			t.Errorf("%s: known is %v", name, !known)
		}
	}
	d.bye()
	none := start(t, fast(Config{}), newCalls(t))
	if err := none.SetUsers(people); !errors.Is(err, ErrNoRegistrar) {
		t.Errorf("without a registrar: %v", err)
	}
}

// deskPages are users who come by token, until one sets a password.
type deskPages struct{ secret atomic.Bool }

func (p *deskPages) User(name string) (User, bool) {
	u := User{Name: "eve"}
	if p.secret.Load() {
		u.MD5, u.SHA256 = HA1(algMD5, "eve", "tingxin", "secret of eve"), HA1(algSHA256, "eve", "tingxin", "secret of eve")
	}
	return u, name == "eve"
}

func (p *deskPages) Digests() bool { return p.secret.Load() }

// TestDeskPhoneOfAPageUser: nobody is challenged while all users come by pages; with
// the first digest a desk phone registers; without it the registration ends.
func TestDeskPhoneOfAPageUser(t *testing.T) {
	t.Parallel()
	dir := &deskPages{}
	s := start(t, fast(Config{Trunks: []Trunk{{Name: "far", Addresses: []string{"192.0.2.1"}}}}), newCalls(t), WithPages(dir))
	p := dialPeer(t, s, "udp")
	p.send(p.request("REGISTER", "r1"))
	p.recv("403")
	dir.secret.Store(true)
	p = dialPeer(t, s, "udp")
	p.seatUser("eve")
	if len(s.Bindings("eve")) != 1 {
		t.Fatal("not registered")
	}
	dir.secret.Store(false)
	s.judgeBindings()
	if len(s.Bindings("eve")) != 0 {
		t.Error("registered without a secret")
	}
}
