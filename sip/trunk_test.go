package sip

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/icholy/digest"

	"tingxin/sip/wire"
)

var alice = &Auth{Username: "alice", Password: "wonder land"}

// authorize answers one of the challenges of a 401.
func authorize(t *testing.T, resp *wire.Message, algorithm, user, password, method, uri string, nc int) string {
	t.Helper()
	for _, h := range resp.Headers {
		if h.Name != "WWW-Authenticate" || !strings.Contains(h.Value, "algorithm="+algorithm) {
			continue
		}
		ch, err := digest.ParseChallenge(h.Value)
		if err != nil {
			t.Fatal(err)
		}
		c, err := digest.Digest(ch, digest.Options{Method: method, URI: uri, Username: user, Password: password, Count: nc})
		if err != nil {
			t.Fatal(err)
		}
		return c.String()
	}
	t.Fatalf("no %s challenge in %s", algorithm, resp.Bytes())
	return ""
}

func TestDigestTrunk(t *testing.T) {
	t.Parallel()
	c := newCalls(t)
	c.auto = true
	cfg := fast(Config{Trunks: []Trunk{{Name: "a", Auth: alice}}, NonceTTL: 400 * time.Millisecond, Guesses: 3, GuessLock: 300 * time.Millisecond})
	s := start(t, cfg, c)
	p := dialPeer(t, s, "udp")
	uri := "sip:1000@" + p.server
	for _, algorithm := range []string{"SHA-256", "MD5"} {
		d := p.startCall(offerPCMA)
		challenge := p.recv("401")
		if n := s.Stats().ServerTransactions; algorithm == "SHA-256" && n != 0 {
			t.Errorf("the challenge left %d transactions", n)
		}
		if first := challenge.Get("WWW-Authenticate"); !strings.Contains(first, "SHA-256") {
			t.Errorf("first challenge %s", first)
		}
		p.send(ackFor(d.invite, challenge))
		good := authorize(t, challenge, algorithm, "alice", "wonder land", "INVITE", uri, 1)
		d = p.startCall(offerPCMA, "Authorization", good)
		d.take(p.recv("200"))
		d.ack()
		within(t, c.acked, "ack")
		d.bye()
		if got := c.next(); got.Trunk != "a" {
			t.Errorf("trunk %q", got.Trunk)
		}
		// the same header again is a replay: stale
		p.startCall(offerPCMA, "Authorization", good)
		r := p.recv("401")
		if !strings.Contains(r.Get("WWW-Authenticate"), "stale=true") {
			t.Errorf("replay: %s", r.Bytes())
		}
		// an old nonce with the right password: stale, then good
		time.Sleep(cfg.NonceTTL + 20*time.Millisecond)
		d = p.startCall(offerPCMA, "Authorization", authorize(t, challenge, algorithm, "alice", "wonder land", "INVITE", uri, 2))
		r = p.recv("401")
		if !strings.Contains(r.Get("WWW-Authenticate"), "stale=true") {
			t.Errorf("old nonce: %s", r.Bytes())
		}
		_ = d
	}
	// three wrong guesses lock the address out
	p.startCall(offerPCMA)
	r := p.recv("401")
	for nc := range 3 {
		p.startCall(offerPCMA, "Authorization", authorize(t, r, "MD5", []string{"alice", "bob", "alice"}[nc], "wrong", "INVITE", uri, nc+1))
		if got := p.recv("401"); strings.Contains(got.Get("WWW-Authenticate"), "stale") {
			t.Error("a wrong password is not stale")
		}
	}
	p.startCall(offerPCMA, "Authorization", authorize(t, r, "MD5", "alice", "wonder land", "INVITE", uri, 9))
	p.silent(100 * time.Millisecond)
	if st := s.Stats(); st.LockedOut == 0 || st.Bad["wrong credentials"] != 3 {
		t.Errorf("%+v", st)
	}
	time.Sleep(300 * time.Millisecond)
	p.startCall(offerPCMA)
	p.recv("401")
}

func TestUnknownSources(t *testing.T) {
	t.Parallel()
	c := newCalls(t)
	far := []Trunk{{Name: "far", Addresses: []string{"10.0.0.0/8"}}}
	s := start(t, fast(Config{Trunks: far}), c)
	p := dialPeer(t, s, "udp")
	p.startCall(offerPCMA)
	p.recv("403")
	if st := s.Stats(); st.UnknownSource != 1 || st.ServerTransactions != 0 {
		t.Errorf("%+v", st)
	}
	s = start(t, fast(Config{Trunks: far, Unknown: "drop"}), c)
	p = dialPeer(t, s, "udp")
	p.startCall(offerPCMA)
	p.send(p.request("OPTIONS", "scan"))
	p.silent(100 * time.Millisecond)
	if st := s.Stats(); st.UnknownSource != 2 {
		t.Errorf("%+v", st)
	}
}

func TestTrunkLimits(t *testing.T) {
	t.Parallel()
	c := newCalls(t)
	c.auto = true
	s := start(t, fast(Config{Trunks: []Trunk{{Name: "small", Addresses: []string{"127.0.0.1"}, MaxCalls: 2}}}), c)
	p := dialPeer(t, s, "udp")
	a, b := p.call(), p.call()
	within(t, c.acked, "ack")
	within(t, c.acked, "ack")
	p.startCall(offerPCMA)
	r := p.recv("503")
	if !r.Has("Retry-After") {
		t.Error("503 without Retry-After")
	}
	if tr := s.Stats().Trunks[0]; tr.Calls != 2 || tr.State != "full" || tr.Rejected != 1 || tr.Accepted != 2 {
		t.Errorf("%+v", tr)
	}
	a.bye()
	b.bye()
	p.call().bye()
	s = start(t, fast(Config{Trunks: []Trunk{{Name: "slow", Addresses: []string{"127.0.0.0/8"}, CPS: 3}}}), c)
	p = dialPeer(t, s, "udp")
	refused := 0
	for range 6 {
		d := p.startCall(offerPCMA)
		if m := d.recv("INVITE", "200|503"); m.Status == 503 {
			refused++
		} else {
			d.take(m)
			d.ack()
			d.bye()
		}
	}
	if refused < 2 || refused > 3 {
		t.Errorf("%d of 6 refused at 3 per second", refused)
	}
}

func TestTrunkBySourceAndTransport(t *testing.T) {
	t.Parallel()
	ts := newTrunks([]Trunk{{Name: "wide", Addresses: []string{"10.0.0.0/8"}}, {Name: "one", Addresses: []string{"10.1.2.3"}, Transports: []string{"tls"}},
		{Name: "six", Addresses: []string{"2001:db8::/32"}}}, nil, nil)
	for _, c := range []struct{ network, addr, want string }{
		{"udp", "10.1.2.3:5060", "wide"}, {"tls", "10.1.2.3:5060", "one"}, {"udp", "11.0.0.1:5060", ""}, {"tcp", "[2001:db8::7]:5060", "six"},
	} {
		got := ""
		if tr := ts.bySource(fakeFlow{c.network, netip.MustParseAddrPort(c.addr)}); tr != nil {
			got = tr.Name
		}
		if got != c.want {
			t.Errorf("%s %s: %q, want %q", c.network, c.addr, got, c.want)
		}
	}
}

type fakeFlow struct {
	n string
	a netip.AddrPort
}

func (f fakeFlow) send([]byte) error      { return nil }
func (f fakeFlow) network() string        { return f.n }
func (f fakeFlow) remote() netip.AddrPort { return f.a }
func (f fakeFlow) local() netip.AddrPort  { return f.a }
func (f fakeFlow) reliable() bool         { return f.n != "udp" }
func (f fakeFlow) alive() bool            { return true }

func TestDrainAndClose(t *testing.T) {
	t.Parallel()
	c := newCalls(t)
	s := start(t, fast(Config{}), c)
	p := dialPeer(t, s, "udp")
	ringing := p.startCall(offerPCMA)
	unanswered := c.next()
	go func() { _ = unanswered.Dialog.Ring(context.Background()) }() // ends when sent
	p.recv("180")
	d := p.startCall(offerPCMA)
	up := c.next()
	go func() { c.acked <- up.Dialog.Answer(context.Background()) }() // ends with the ACK
	d.take(p.recv("200"))
	d.ack()
	within(t, c.acked, "ack")
	s.Drain()
	p.startCall(offerPCMA)
	if r := p.recv("503"); r.Get("Retry-After") != "10" {
		t.Errorf("%s", r.Bytes())
	}
	p.send(d.next("OPTIONS")) // running calls go on
	p.recv("200")
	if s.Stats().Trunks[0].State != "draining" {
		t.Error("state")
	}
	closed := make(chan struct{})
	go func() { // ends when all is closed
		s.Close()
		close(closed)
	}()
	got := map[string]bool{}
	for len(got) < 2 {
		m := p.recv("BYE|503")
		if m.Method == "BYE" {
			p.reply(m, 200)
			got["BYE"] = true
		} else {
			p.send(ackFor(ringing.invite, m))
			got["503"] = true
		}
	}
	within(t, closed, "close")
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	up.Leg.Close()
	unanswered.Leg.Close()
}

func TestConfigSentences(t *testing.T) {
	t.Parallel()
	for want, cfg := range map[string]Config{
		"sip.listen":       {Listen: []string{"sctp:1.2.3.4:5"}},
		"sip.unknown":      {Unknown: "maybe"},
		"sip.tls":          {TLS: TLSConfig{Cert: "x"}},
		"name of its own":  {Trunks: []Trunk{{Addresses: []string{"1.2.3.4"}}}},
		"addresses, auth":  {Trunks: []Trunk{{Name: "x"}}},
		"no IP address":    {Trunks: []Trunk{{Name: "x", Addresses: []string{"example"}}}},
		"off, optional":    {Trunks: []Trunk{{Name: "x", Addresses: []string{"::1"}, SRTP: "yes"}}},
		"PCMA, PCMU":       {Trunks: []Trunk{{Name: "x", Addresses: []string{"::1"}, Codecs: []string{"G729"}}}},
		"udp, tcp or tls":  {Trunks: []Trunk{{Name: "x", Addresses: []string{"::1"}, Transports: []string{"ws"}}}},
		"no sip uri":       {Trunks: []Trunk{{Name: "x", Proxy: "here"}}},
		"username and pas": {Trunks: []Trunk{{Name: "x", Auth: &Auth{Username: "u"}}}},
	} {
		if err := cfg.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
	if err := (Config{}).Check(); err != nil {
		t.Error(err)
	}
}

func TestBusyPortIsOneSentence(t *testing.T) {
	t.Parallel()
	s := start(t, fast(Config{}), newCalls(t))
	other, err := New(Config{Listen: []string{"tcp:127.0.0.1:0", "udp:" + s.on("udp")}}, nil, nil, quiet)
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Start(context.Background()); err == nil || !strings.Contains(err.Error(), "is taken by another program") {
		t.Errorf("%v", err)
	}
	if err := other.Close(); err != nil {
		t.Error(err)
	}
}
