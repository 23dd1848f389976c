package sip

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"tingxin/call"
	"tingxin/media"
	"tingxin/sip/wire"
)

func TestNumberForms(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ in, region, e164, plain, national string }{
		{"138 0013 8000", "CN", "+8613800138000", "8613800138000", "13800138000"},
		{"010-6552 9988", "CN", "+861065529988", "861065529988", "01065529988"},
		{"0086 10 6552 9988", "CN", "+861065529988", "861065529988", "01065529988"},
		{"+86 10 6552 9988", "", "+861065529988", "861065529988", "01065529988"},
		{"(030) 901820", "DE", "+4930901820", "4930901820", "030901820"},
		{"+1 212-456-7890", "CN", "+12124567890", "12124567890", "2124567890"},
		{"4711", "CN", "", "4711", "4711"}, // an extension
		{"110", "CN", "", "110", "110"},
		{"*62#", "CN", "", "*62#", "*62#"},
		{"13800138000", "", "", "13800138000", "13800138000"}, // no country known
		{strings.Repeat("9", 30), "CN", "", strings.Repeat("9", 30), strings.Repeat("9", 30)},
	} {
		n := ParseNumber(c.in, c.region)
		if n.E164 != c.e164 || n.in(formatPlain) != c.plain || n.in(formatNational) != c.national {
			t.Errorf("%q in %s: %q %q %q", c.in, c.region, n.E164, n.in(formatPlain), n.in(formatNational))
		}
		if c.e164 != "" && n.in(formatE164) != c.e164 {
			t.Errorf("%q as e164: %q", c.in, n.in(formatE164))
		}
	}
}

// carriers is a configuration with three trunks and routes between them.
func carriers(a, b, c string) Config {
	return Config{Region: "CN", Trunks: []Trunk{{Name: "a", Proxy: a}, {Name: "b", Proxy: b}, {Name: "c", Proxy: c, Format: formatE164}},
		Outbound: []OutboundRoute{
			{Prefixes: []string{""}, Trunk: "a", Order: 1},
			{Prefixes: []string{""}, Trunk: "b", Order: 2},
			{Prefixes: []string{"+1", "+44"}, Trunk: "c"},
		}}
}

func TestRouteChoice(t *testing.T) {
	t.Parallel()
	s := start(t, fast(carriers("sip:192.0.2.1", "sip:192.0.2.2", "sip:192.0.2.3")), newCalls(t))
	order := func(number string) (out string) {
		for _, c := range s.candidates(ParseNumber(number, "CN"), time.Now()) {
			out += c.trunk.Name
		}
		return out
	}
	for number, want := range map[string]string{"13800138000": "ab", "0012124567890": "cab", "+442079460000": "cab", "4711": "ab"} {
		if got := order(number); got != want {
			t.Errorf("%s: %s, want %s", number, got, want)
		}
	}
	s.trunks.Load().byName("c").probe.down.Store(true)
	if got := order("+12124567890"); got != "abc" {
		t.Errorf("with c down: %s", got)
	}
	s.trunks.Load().byName("a").failed(&call.DialError{Status: 503}, time.Now())
	if got := order("4711"); got != "ba" {
		t.Errorf("after a failed: %s", got)
	}
	cfg := carriers("sip:192.0.2.1", "sip:192.0.2.2", "sip:192.0.2.3")
	cfg.Outbound = cfg.Outbound[2:]
	s = start(t, fast(cfg), newCalls(t))
	s.trunks.Load().byName("c").probe.down.Store(true) // it may be back in a moment
	for number, want := range map[string]bool{"+442079460000": true, "4711": false, "": false} {
		if s.Reaches(number) != want {
			t.Errorf("a way to %q: %v", number, !want)
		}
	}
}

func TestRouteWeights(t *testing.T) {
	t.Parallel()
	cfg := carriers("sip:192.0.2.1", "sip:192.0.2.2", "sip:192.0.2.3")
	cfg.Outbound = []OutboundRoute{{Trunk: "a", Weight: 1}, {Trunk: "b", Weight: 3}}
	s := start(t, fast(cfg), newCalls(t))
	n, first := 4000, 0
	for range n {
		if s.candidates(ParseNumber("1", ""), time.Now())[0].trunk.Name == "b" {
			first++
		}
	}
	if share := float64(first) / float64(n); math.Abs(share-0.75) > 0.04 { // five standard deviations
		t.Errorf("b first in %.3f of the draws, want 0.75", share)
	}
}

func TestRouteWritesTheNumber(t *testing.T) {
	t.Parallel()
	c := candidate{route: &OutboundRoute{Strip: 1, Prepend: "99"}, trunk: &trunk{Trunk: Trunk{Proxy: "sip:[2001:db8::1]:5070;transport=tcp", Format: formatE164}}}
	if d := c.destination(ParseNumber("13800138000", "CN")); d.uri != "sip:998613800138000@[2001:db8::1]:5070" {
		t.Errorf("%s", d.uri)
	}
	if d := c.destination(ParseNumber("", "CN")); d.uri != "sip:99@[2001:db8::1]:5070" {
		t.Errorf("%s", d.uri)
	}
}

// number dials by the routes.
func number(ctx context.Context, s *Server, t call.Target) (*heard, <-chan dialled) {
	h, out := newHeard(nil), make(chan dialled, 1)
	t.Number = or(t.Number, "4711")
	go func() { // ends with Dial
		d, leg, err := s.Dial(ctx, t, h)
		out <- dialled{d, leg, err}
	}()
	return h, out
}

// twoCarriers are peers behind the trunks a and b.
func twoCarriers(t *testing.T, change func(*Config)) (s *Server, a, b *peer0) {
	t.Helper()
	a, b = listeningPeer(t), listeningPeer(t)
	cfg := fast(carriers("sip:"+a.local, "sip:"+b.local, "sip:192.0.2.3"))
	cfg.FailOver = 150 * time.Millisecond
	if change != nil {
		change(&cfg)
	}
	s = start(t, cfg, newCalls(t))
	for _, p := range []*peer0{a, b} {
		p.aim(t, s)
	}
	return s, a, b
}

func TestFailOver(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status int // of a, 0 = silence
		ring   bool
		next   bool
	}{
		"silence": {0, false, true}, "503": {503, false, true}, "408": {408, false, true}, "502": {502, false, true},
		"busy": {486, false, false}, "declined": {603, false, false}, "unknown": {404, false, false},
		"503 after ringing": {503, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, a, b := twoCarriers(t, nil)
			_, out := number(t.Context(), s, call.Target{From: "1000"})
			began := time.Now()
			inv := a.recv("INVITE")
			if c.ring {
				a.reply(inv, 180)
			}
			if c.status > 0 {
				a.send(wire.Answer(inv, c.status, "", "peertag"))
				a.recv("ACK")
			}
			if !c.next {
				var de *call.DialError
				if r := within(t, out, "an outcome"); !errors.As(r.err, &de) || de.Status != c.status {
					t.Errorf("%v", r.err)
				}
				b.silent(20 * time.Millisecond)
				return
			}
			second := b.recv("INVITE")
			if d := time.Since(began); d > time.Second {
				t.Errorf("took %v", d)
			}
			if second.CallID() == inv.CallID() {
				t.Error("the same Call-ID at two carriers")
			}
			b.accept(second, "peertag")
			b.recv("ACK")
			r := within(t, out, "the answer")
			if r.err != nil {
				t.Fatal(r.err)
			}
			if s.Stats().FailedOver != 1 {
				t.Error("not counted")
			}
			_ = r.dialog.Hangup(t.Context(), call.CauseNormal)
			b.reply(b.recv("BYE"), 200)
			r.leg.Close()
			if c.status == 0 { // the silent one answers after all
				a.accept(inv, "peertag")
				a.recv("ACK")
				a.reply(a.recv("BYE"), 200)
			}
		})
	}
}

func TestFailOverFromDeadTransport(t *testing.T) {
	t.Parallel()
	s, _, b := twoCarriers(t, func(c *Config) { c.Trunks[0].Proxy = "sip:127.0.0.1:1;transport=tcp" })
	_, out := number(t.Context(), s, call.Target{From: "1000"})
	b.accept(b.recv("INVITE"), "peertag")
	b.recv("ACK")
	r := within(t, out, "the answer")
	if r.err != nil {
		t.Fatal(r.err)
	}
	_ = r.dialog.Hangup(t.Context(), call.CauseNormal)
	b.reply(b.recv("BYE"), 200)
	r.leg.Close()
}

func TestCallerIDRules(t *testing.T) {
	t.Parallel()
	tr := &trunk{Trunk: Trunk{Name: "c", Format: formatE164, CallerID: CallerID{Numbers: []string{"+861065529*", "4711"}, Default: "+861065520000", Assert: true}}}
	for from, want := range map[string][2]string{
		"010 6552 9988": {"+861065529988", "+861065529988"}, "4711": {"4711", "4711"}, "13800138000": {"+861065520000", "+861065520000"},
		"ann": {"+861065520000", "+861065520000"}, "": {anonymous, "+861065520000"}, "Anonymous": {anonymous, "+861065520000"},
	} {
		if shown, asserted := tr.caller(from, "CN"); shown != want[0] || asserted != want[1] {
			t.Errorf("%q: %s, %s", from, shown, asserted)
		}
	}
	s, a, _ := twoCarriers(t, func(c *Config) { c.Trunks[0].CallerID = CallerID{Default: "4000", Assert: true} })
	_, out := number(t.Context(), s, call.Target{From: "anonymous", FromName: "Secret Name"})
	inv := a.recv("INVITE")
	if !strings.HasPrefix(inv.Get("From"), `"Anonymous" <sip:anonymous@anonymous.invalid>`) || inv.Get("Privacy") != "id" ||
		!strings.HasPrefix(inv.Get("P-Asserted-Identity"), "<sip:4000@") {
		t.Errorf("%s", inv.Bytes())
	}
	a.send(wire.Answer(inv, 404, "", "x"))
	a.recv("ACK")
	within(t, out, "an outcome")
}

func TestProbesMarkTrunksDownAndUp(t *testing.T) {
	t.Parallel()
	s, a, _ := twoCarriers(t, func(c *Config) { c.Trunks[0].Probe = 10 * time.Millisecond })
	state := func() string { return s.Stats().Trunks[0].State }
	for _, status := range []int{200, 404, 501} { // all signs of life
		m := a.recv("OPTIONS")
		a.send(wire.Answer(m, status, "", "x"))
	}
	if state() != "up" {
		t.Error(state())
	}
	for range 3 { // and these are none
		a.send(wire.Answer(a.recv("OPTIONS"), 503, "", "x"))
	}
	eventually(t, "down", func() bool { return state() == "down" })
	a.send(wire.Answer(a.recv("OPTIONS"), 200, "", "x"))
	eventually(t, "one answer", func() bool { return s.Stats().Trunks[0].ProbeMisses == 0 })
	if state() != "down" {
		t.Error("up after one answer")
	}
	a.send(wire.Answer(a.recv("OPTIONS"), 200, "", "x"))
	eventually(t, "up", func() bool { return state() == "up" })
	if st := s.Stats().Trunks[0]; st.ProbeRTT <= 0 || st.ProbedAt.IsZero() {
		t.Errorf("%+v", st)
	}
	// silence: answers to nothing
	eventually(t, "down by silence", func() bool {
		for len(a.in) > 0 {
			<-a.in
		}
		return state() == "down"
	})
}

func TestTrunkRegisters(t *testing.T) {
	t.Parallel()
	p := listeningPeer(t)
	cfg := fast(Config{Trunks: []Trunk{{Name: "carrier", Proxy: "sip:" + p.local, Register: true, Credentials: alice, RegisterExpires: 10 * time.Minute}}})
	far := newAuthenticator(cfg.withDefaults())
	c := newCalls(t)
	c.auto = true
	s := start(t, cfg, c)
	p.aim(t, s)
	st := func() TrunkStats { return s.Stats().Trunks[0] }
	m := p.recv("REGISTER")
	if m.URI != "sip:"+p.local || !strings.HasPrefix(m.Get("To"), "<sip:alice@"+p.local+">") || m.Get("Expires") != "600" {
		t.Errorf("%s", m.Bytes())
	}
	if st().Registration != regTrying {
		t.Error(st().Registration)
	}
	r := wire.Answer(m, 401, "", "x")
	r.Headers = append(r.Headers, far.challenge(offeredTo(false), false, time.Now())...)
	p.send(r)
	m = p.recv("REGISTER")
	if v := far.check(far.credentials(m), alice.digestAccount("tingxin"), "REGISTER", time.Now()); v != authGood {
		t.Errorf("verdict %d", v)
	}
	p.send(wire.Answer(m, 423, "", "x").Add("Min-Expires", "900"))
	m = p.recv("REGISTER")
	if m.Get("Expires") != "900" {
		t.Errorf("after 423: %s", m.Get("Expires"))
	}
	contact := m.Get("Contact")
	p.send(wire.Answer(m, 200, "", "x").Add("Contact", "<sip:other@h>;expires=7").Add("Contact", contact+";expires=1"))
	eventually(t, "registered", func() bool { return st().Registration == regGood })
	if left := time.Until(st().RegisteredUntil); left > time.Second {
		t.Errorf("until %v", left)
	}
	again := p.recv("REGISTER") // before it runs out
	if !time.Now().Before(st().RegisteredUntil) {
		t.Error("refreshed too late")
	}
	first, _, _ := m.CSeq()
	if n, _, _ := again.CSeq(); n <= first || again.CallID() != m.CallID() {
		t.Errorf("%s", again.Bytes())
	}
	p.send(wire.Answer(again, 200, "", "x").Add("Contact", contact+";expires=600"))
	eventually(t, "registered again", func() bool { return time.Until(st().RegisteredUntil) > time.Minute })
	// a call for us comes from the registrar to our Contact
	d := p.startCall(offerPCMA, "To", "<sip:4000@carrier>")
	d.take(d.recv("INVITE", "200"))
	d.ack()
	within(t, c.acked, "ack")
	if got := c.next(); got.Trunk != "carrier" {
		t.Errorf("%+v", got.Incoming)
	}
	d.bye()
	// good-bye
	closed := make(chan struct{})
	go func() { s.Close(); close(closed) }() // ends with Close
	if m := p.recv("REGISTER"); m.Get("Expires") != "0" {
		t.Errorf("%s", m.Bytes())
	} else {
		p.send(wire.Answer(m, 200, "", "x"))
	}
	within(t, closed, "the end")
}

func TestNumberInToOfRegisteredTrunk(t *testing.T) {
	t.Parallel()
	m := (&wire.Message{Method: "INVITE", URI: "sip:tingxin@192.0.2.1:5060"}).Add("To", `"x" <sip:+8610@carrier>`)
	if got := dialledOf(m); got != "+8610" {
		t.Error(got)
	}
	m.URI = "sip:4000@192.0.2.1"
	if got := dialledOf(m); got != "4000" {
		t.Error(got)
	}
}

func TestRegistrationBacksOff(t *testing.T) {
	t.Parallel()
	p := listeningPeer(t)
	s := start(t, fast(Config{Trunks: []Trunk{{Name: "carrier", Proxy: "sip:" + p.local, Register: true, Credentials: alice}}}), newCalls(t))
	p.aim(t, s)
	var gaps []time.Duration
	last := time.Now()
	for i := range 4 {
		m := p.recv("REGISTER")
		if i > 0 {
			gaps = append(gaps, time.Since(last))
		}
		p.send(wire.Answer(m, 500, "", "x"))
		last = time.Now()
	}
	// 2, 4, 8 s with a quarter of jitter, 25 times quicker
	for i, want := range []time.Duration{80, 160, 320} {
		if gaps[i] < want*7/10*time.Millisecond {
			t.Errorf("gap %d is %v, want %v", i, gaps[i], want*time.Millisecond)
		}
	}
	if st := s.Stats().Trunks[0]; st.Registration != regFailed || st.RegisterStatus != 500 {
		t.Errorf("%+v", st)
	}
}

func TestTrunkConfigOfSecondPart(t *testing.T) {
	t.Parallel()
	for want, cfg := range map[string]Config{
		"needs credentials":  {Trunks: []Trunk{{Name: "x", Proxy: "sip:h", Register: true}}},
		"need a proxy":       {Trunks: []Trunk{{Name: "x", Addresses: []string{"::1"}, Probe: time.Second}}},
		"use e164":           {Trunks: []Trunk{{Name: "x", Proxy: "sip:h", Format: "x"}}},
		"no trunk":           {Outbound: []OutboundRoute{{Trunk: "y"}}},
		"no proxy to call":   {Trunks: []Trunk{{Name: "x", Addresses: []string{"::1"}}}, Outbound: []OutboundRoute{{Trunk: "x"}}},
		"is no country":      {Region: "China"},
		"are not negative":   {Trunks: []Trunk{{Name: "x", Proxy: "sip:h"}}, Outbound: []OutboundRoute{{Trunk: "x", Weight: -1}}},
		"here\" is no sip u": {Trunks: []Trunk{{Name: "x", Proxy: "sip:h", Registrar: "here"}}},
	} {
		if err := cfg.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

func TestAddressesOfOurDomain(t *testing.T) {
	t.Parallel()
	cfg := carriers("sip:192.0.2.1", "sip:192.0.2.2", "sip:192.0.2.3")
	cfg.Users = people
	s := start(t, fast(cfg), newCalls(t))
	for uri, want := range map[string]call.Target{
		"sip:bob@tingxin":            {User: "bob"},
		"sip:b%6Fb@TINGXIN":          {User: "bob"},
		"sip:4711@tingxin":           {Number: "4711"},
		"sip:bob@tingxin:5060":       {URI: "sip:bob@tingxin:5060"},
		"sip:bob@192.0.2.9":          {URI: "sip:bob@192.0.2.9"},
		"sip:tingxin":                {URI: "sip:tingxin"},
		"sip:bob@tingxin.evil.local": {URI: "sip:bob@tingxin.evil.local"},
	} {
		got := s.inside(call.Target{URI: uri})
		if got.URI != want.URI || got.User != want.User || got.Number != want.Number {
			t.Errorf("%s: %+v", uri, got)
		}
	}
	if got := s.inside(call.Target{URI: "sip:bob@tingxin", Trunk: "a"}); got.User != "" {
		t.Errorf("by a trunk: %+v", got)
	}
}

func TestCodecOfTheOtherLegIsOfferedFirst(t *testing.T) {
	t.Parallel()
	for want, c := range map[string]struct{ ours, other string }{
		"PCMA PCMU G722": {"", ""}, "G722 PCMA PCMU": {"", "G722"}, "PCMU PCMA": {"PCMA PCMU", "PCMU"}, "PCMA": {"PCMA", "G722"},
	} {
		var prefer []media.Codec
		for _, codec := range []media.Codec{media.PCMU, media.G722} {
			if codec.String() == c.other {
				prefer = append(prefer, codec)
			}
		}
		if got := strings.Join(preferred(strings.Fields(c.ours), prefer), " "); got != want {
			t.Errorf("%+v: %s, want %s", c, got, want)
		}
	}
}
