package sip

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tingxin/sip/wire"
)

var people = []UserEntry{{Name: "ann", Password: "secret of ann"}, {Name: "bob", Password: "secret of bob"},
	{Name: "eve", Password: "was here", Disabled: true}}

// registration sends REGISTER, answers the challenge and returns the last response.
func (p *peer0) registration(user, password, algorithm string, headers ...string) *wire.Message {
	p.t.Helper()
	m := p.registerRequest(user, headers...)
	p.send(m)
	r := p.recv("")
	if r.Status != 401 {
		return r
	}
	m = m.Clone()
	p.seq++
	p.via(m)
	m.Set("CSeq", fmt.Sprint(p.seq)+" REGISTER")
	m.Set("Authorization", authorize(p.t, r, algorithm, user, password, "REGISTER", m.URI, 1))
	p.send(m)
	return p.recv("")
}

func (p *peer0) registerRequest(user string, headers ...string) *wire.Message {
	m := p.request("REGISTER", "reg-"+p.local)
	m.URI = "sip:tingxin"
	m.Set("From", "<sip:"+user+"@tingxin>;tag=r")
	m.Set("To", "<sip:"+user+"@tingxin>")
	m.Set("Contact", "<sip:x"+user+"@"+p.local+transportParam(p.network)+">;+sip.instance=\"<urn:uuid:"+p.local+">\";reg-id=1")
	for i := 0; i+1 < len(headers); i += 2 {
		m.Set(headers[i], headers[i+1])
	}
	return m
}

func status(t *testing.T, m *wire.Message, want int) {
	t.Helper()
	if m.Status != want {
		t.Fatalf("want %d, got\n%s", want, m.Bytes())
	}
}

func TestRegisterOverEveryTransport(t *testing.T) {
	t.Parallel()
	s := start(t, fast(Config{Users: people}), newCalls(t))
	for _, network := range []string{"udp", "tcp", "tls", "ws", "wss"} {
		t.Run(network, func(t *testing.T) {
			var p *peer0
			algorithm := "SHA-256"
			if strings.HasPrefix(network, "ws") {
				p, _ = dialWS(t, pages(t, s, network == "wss"), nil)
				algorithm = "MD5"
			} else {
				p = dialPeer(t, s, network)
			}
			r := p.registration("ann", "secret of ann", algorithm, "Expires", "120")
			status(t, r, 200)
			c := r.Values("Contact")
			if len(c) != 1 || !strings.Contains(c[0], "expires=120") || !strings.Contains(c[0], `+sip.instance="<urn:uuid:`+p.local+`>"`) || !strings.Contains(c[0], "reg-id=1") {
				t.Fatalf("contacts %q", c)
			}
			b := s.Bindings("ann")
			if len(b) != 1 || b[0].Transport != network {
				t.Fatalf("bindings %+v", b)
			}
			status(t, p.registration("ann", "secret of ann", algorithm, "Expires", "0"), 200)
			if b := s.Bindings("ann"); len(b) != 0 {
				t.Fatalf("after Expires 0: %+v", b)
			}
		})
	}
	if n := s.Stats().Bindings; n != 0 {
		t.Errorf("%d bindings counted", n)
	}
}

func TestRegistrationIsJudged(t *testing.T) {
	t.Parallel()
	s := start(t, fast(Config{Users: people, Guesses: 100}), newCalls(t))
	p := dialPeer(t, s, "udp")
	for name, c := range map[string]struct {
		user, password string
		headers        []string
		want           int
	}{
		"right":             {"ann", "secret of ann", nil, 200},
		"wrong password":    {"ann", "secret of bob", nil, 401},
		"unknown user":      {"zoe", "secret of zoe", nil, 401},
		"disabled user":     {"eve", "was here", nil, 403},
		"somebody else":     {"ann", "secret of ann", []string{"To", "<sip:bob@tingxin>"}, 403},
		"too short":         {"ann", "secret of ann", []string{"Expires", "3"}, 423},
		"star":              {"ann", "secret of ann", []string{"Contact", "*", "Expires", "0"}, 200},
		"star with expires": {"ann", "secret of ann", []string{"Contact", "*", "Expires", "60"}, 400},
		"star among others": {"ann", "secret of ann", []string{"Contact", "*, <sip:a@b>", "Expires", "0"}, 400},
		"tel contact":       {"ann", "secret of ann", []string{"Contact", "<tel:+4912>"}, 400},
		"seventeen":         {"ann", "secret of ann", []string{"Contact", strings.Repeat("<sip:a@b>,", 16) + "<sip:c@d>"}, 400},
		"several":           {"ann", "secret of ann", []string{"Contact", "<sip:a@h1>;expires=60;q=0.2, <sip:a@h2>;expires=80;q=0.9"}, 200},
	} {
		p.t = t
		r := p.registration(c.user, c.password, "SHA-256", c.headers...)
		if r.Status != c.want {
			t.Errorf("%s: %d, want %d", name, r.Status, c.want)
		}
		if r.Status == 423 && r.Get("Min-Expires") == "" {
			t.Errorf("423 without Min-Expires")
		}
	}
	p.registration("ann", "secret of ann", "SHA-256", "Contact", "*", "Expires", "0")
	r := p.registration("ann", "secret of ann", "SHA-256", "Contact", "<sip:a@h1>;expires=60;q=0.2, <sip:a@h2>;expires=80;q=0.9")
	if c := r.Values("Contact"); len(c) != 2 || !strings.Contains(c[0], "h2") {
		t.Errorf("contacts %q, want the better first", c)
	}
	if r := p.registration("ann", "secret of ann", "SHA-256", "Contact", ""); r.Status != 200 || len(r.Values("Contact")) != 2 {
		t.Errorf("a question: %s", r.Bytes())
	}
}

func TestRegisterRepeatIsAnsweredAlike(t *testing.T) {
	t.Parallel()
	s := start(t, fast(Config{Users: people}), newCalls(t))
	p := dialPeer(t, s, "udp")
	m := p.registerRequest("ann")
	p.send(m)
	r := p.recv("401")
	m.Set("Authorization", authorize(t, r, "SHA-256", "ann", "secret of ann", "REGISTER", m.URI, 1))
	p.via(m)
	m.Set("CSeq", "77 REGISTER")
	p.send(m)
	one := p.recv("200")
	p.send(m) // the answer was lost
	if two := p.recv("200"); string(one.Bytes()) != string(two.Bytes()) {
		t.Errorf("answers differ:\n%s\n%s", one.Bytes(), two.Bytes())
	}
	// an older one of the same Call-ID comes late
	m.Set("CSeq", "76 REGISTER")
	p.via(m)
	m.Set("Authorization", authorize(t, r, "SHA-256", "ann", "secret of ann", "REGISTER", m.URI, 2))
	p.send(m)
	p.recv("500")
}

func TestTokenRegisters(t *testing.T) {
	t.Parallel()
	tokens, err := NewTokens([]byte(strings.Repeat("k", 32)))
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, fast(Config{Users: people, Guesses: 2, GuessLock: time.Minute}), newCalls(t), WithTokens(tokens))
	p, _ := dialWS(t, pages(t, s, false), nil)
	now := time.Now()
	try := func(token string) *wire.Message {
		p.send(p.registerRequest("ann", "Authorization", "Bearer "+token))
		return p.recv("")
	}
	status(t, try(tokens.Issue("ann", now, time.Minute)), 200)
	status(t, try(tokens.Issue("bob", now, time.Minute)), 403)
	status(t, try(tokens.Issue("eve", now, time.Minute)), 403)
	for range 3 { // no guess
		status(t, try(tokens.Issue("ann", now.Add(-time.Hour), time.Minute)), 401)
	}
	status(t, try(tokens.Issue("ann", now, time.Minute)), 200)
	good := tokens.Issue("ann", now, time.Minute)
	head, _, _ := strings.Cut(good, ".")
	for _, bad := range []string{"x", head + ".e30." + strings.Repeat("A", 43)} {
		status(t, try(bad), 401)
	}
	p.send(p.registerRequest("ann", "Authorization", "Bearer "+good)) // locked out now
	p.silent(50 * time.Millisecond)
	if n := s.Stats().LockedOut; n != 1 {
		t.Errorf("locked out %d", n)
	}
}

func TestUserIsLockedForStrangersOnly(t *testing.T) {
	t.Parallel()
	s := start(t, fast(Config{Users: people, Guesses: 3, GuessLock: time.Minute, Trunks: []Trunk{{Name: "x", Addresses: []string{"192.0.2.1"}}}}), newCalls(t))
	p := dialPeer(t, s, "udp")
	status(t, p.registration("ann", "secret of ann", "SHA-256"), 200)
	for range 12 { // from many addresses
		s.auth.missed(guessedAt("ann"), 12, time.Now())
		s.auth.missed(guessedAt("bob"), 12, time.Now())
	}
	status(t, p.registration("ann", "secret of ann", "SHA-256"), 200) // registered from here
	r := p.registration("bob", "secret of bob", "SHA-256")
	if status(t, r, 403); r.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
}

func TestReloadsLeaveOneContact(t *testing.T) {
	t.Parallel()
	s := start(t, fast(Config{Users: people, MaxBindings: 3}), newCalls(t))
	url := pages(t, s, false)
	for range 100 {
		p, _ := dialWS(t, url, nil)
		status(t, p.registration("ann", "secret of ann", "MD5"), 200)
		p.close()
	}
	eventually(t, "no bindings", func() bool { return len(s.Bindings("")) == 0 && s.Stats().Connections == 0 })
	// the same device on a second connection takes over
	one, _ := dialWS(t, url, nil)
	two, _ := dialWS(t, url, nil)
	two.local = one.local
	status(t, one.registration("ann", "secret of ann", "MD5"), 200)
	if r := two.registration("ann", "secret of ann", "MD5"); len(r.Values("Contact")) != 1 {
		t.Errorf("contacts %q", r.Values("Contact"))
	}
	one.close()
	eventually(t, "the connection is gone", func() bool { return s.Stats().Connections == 1 })
	if b := s.Bindings("ann"); len(b) != 1 {
		t.Errorf("the old connection took the new binding along: %+v", b)
	}
	// no more than the bound
	for range 5 {
		p, _ := dialWS(t, url, nil)
		status(t, p.registration("ann", "secret of ann", "MD5"), 200)
	}
	if b := s.Bindings("ann"); len(b) != 3 {
		t.Errorf("%d bindings", len(b))
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

func TestBindingExpires(t *testing.T) {
	t.Parallel()
	s := start(t, fast(Config{Users: people, RegisterMin: time.Second}), newCalls(t))
	p := dialPeer(t, s, "udp")
	status(t, p.registration("ann", "secret of ann", "SHA-256", "Expires", "1"), 200)
	if len(s.registrar.of("ann", time.Now().Add(900*time.Millisecond))) != 1 {
		t.Error("gone too early")
	}
	s.registrar.sweep(time.Now().Add(1100 * time.Millisecond))
	if n := s.Stats(); n.Bindings != 0 || n.BindingsLost != 1 {
		t.Errorf("%d bindings, %d lost", n.Bindings, n.BindingsLost)
	}
}

// storeOf keeps what the table tells.
type storeOf struct{ saved, removed chan Binding }

func (s storeOf) SaveBinding(b Binding)   { s.saved <- b }
func (s storeOf) RemoveBinding(b Binding) { s.removed <- b }

func TestBindingStoreHearsOfEveryChange(t *testing.T) {
	t.Parallel()
	st := storeOf{make(chan Binding, 8), make(chan Binding, 8)}
	s := start(t, fast(Config{Users: people}), newCalls(t), WithBindingStore(st))
	p, _ := dialWS(t, pages(t, s, false), nil)
	status(t, p.registration("ann", "secret of ann", "MD5"), 200)
	if b := within(t, st.saved, "a row"); b.User != "ann" || b.Transport != "ws" {
		t.Errorf("%+v", b)
	}
	p.close()
	within(t, st.removed, "its end")
}

func TestTortureWithRegistrar(t *testing.T) {
	t.Parallel()
	want := map[string]int{"escnull": 401, "dblreq": 401, "cparam01": 401, "cparam02": 401, "regescrt": 401, "regaut01": 401,
		"unksm2": 400, "regbadct": 400, "mpart01": 405}
	cfg := fast(Config{Users: people})
	cfg.T4 = time.Millisecond
	s := start(t, cfg, newCalls(t))
	url := pages(t, s, false)
	for _, network := range []string{"udp", "tcp", "ws"} {
		for name, status := range want {
			data, err := os.ReadFile(filepath.Join("testdata/rfc4475", name+".dat"))
			if err != nil {
				t.Fatal(err)
			}
			var p *peer0
			if network == "ws" {
				p, _ = dialWS(t, url, nil)
			} else {
				p = dialPeer(t, s, network)
			}
			p.write(string(data))
			r := p.recv("")
			if r.Status != status {
				t.Errorf("%s over %s: %d, want %d", name, network, r.Status, status)
			}
			if status == 401 && !strings.HasPrefix(r.Get("WWW-Authenticate"), "Digest ") {
				t.Errorf("%s: challenge %q", name, r.Get("WWW-Authenticate"))
			}
			p.close()
		}
	}
}

func TestContactWithHeaderIsStoredAsItIs(t *testing.T) { // regescrt
	t.Parallel()
	s := start(t, fast(Config{Users: people}), newCalls(t))
	p := dialPeer(t, s, "udp")
	uri := "sip:user@example.com?Route=%3Csip:sip.example.com%3E"
	r := p.registration("ann", "secret of ann", "SHA-256", "Contact", "<"+uri+">")
	status(t, r, 200)
	if b := s.Bindings("ann"); len(b) != 1 || b[0].Contact != uri {
		t.Errorf("%+v", b)
	}
}

func TestUserConfigIsChecked(t *testing.T) {
	t.Parallel()
	for want, cfg := range map[string]Config{
		"characters":         {Users: []UserEntry{{Name: "a b", Password: "x"}}},
		"needs a password":   {Users: []UserEntry{{Name: "a"}}},
		"keep one kind":      {Users: []UserEntry{{Name: "a", Password: "x", MD5: strings.Repeat("0", 32)}}},
		"use SHA-256":        {Users: []UserEntry{{Name: "a", Password: "x", Algorithms: []string{"SHA-1"}}}},
		"hexadecimal":        {Users: []UserEntry{{Name: "a", MD5: "12"}}},
		"stands there twice": {Users: []UserEntry{{Name: "a", Password: "x"}, {Name: "a", Password: "y"}}},
		"scheme and host":    {Origins: []string{"desk.example"}},
		"longer than":        {RegisterMin: 2 * time.Hour},
	} {
		if err := cfg.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

// BenchmarkRegister: a refresh with right credentials, from the guard to the answer.
func BenchmarkRegister(b *testing.B) {
	cfg := Config{Users: people}
	s, err := newServer(cfg, nil, nil, quiet)
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	fl := &mutedFlow{}
	nonce := s.auth.nonce(time.Now())
	ha1 := HA1(algSHA256, "ann", "tingxin", "secret of ann")
	b.ReportAllocs()
	for i := 1; b.Loop(); i++ {
		nc := fmt.Sprintf("%08x", i)
		response := hash(algSHA256, ha1+":"+nonce+":"+nc+":c:auth:"+hash(algSHA256, "REGISTER:sip:tingxin"))
		m, err := wire.Parse(fmt.Appendf(nil, "REGISTER sip:tingxin SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK%d\r\nMax-Forwards: 70\r\nFrom: <sip:ann@tingxin>;tag=1\r\n"+
			"To: <sip:ann@tingxin>\r\nCall-ID: one\r\nCSeq: %d REGISTER\r\nContact: <sip:ann@h>;expires=600\r\nAuthorization: Digest username=\"ann\", realm=\"tingxin\", "+
			"nonce=\"%s\", uri=\"sip:tingxin\", response=\"%s\", algorithm=SHA-256, cnonce=\"c\", qop=auth, nc=%s\r\n\r\n", i, i, nonce, response, nc))
		if err != nil {
			b.Fatal(err)
		}
		s.receive(m, fl)
	}
	if got := s.stats.responses.snapshot(); got["200"] == 0 || got["401"] > got["200"]/100 {
		b.Fatalf("answers %v", got)
	}
}

// mutedFlow throws away what is sent.
type mutedFlow struct{ tape }

func (f *mutedFlow) send([]byte) error { return nil }

// guestbook knows one visitor.
type guestbook struct{}

func (guestbook) User(name string) (User, bool) {
	return User{Name: name, Guest: true}, name == "visitor~1"
}

// A visitor's right to a call is no registration, and nobody may call there.
func TestGuestDoesNotRegister(t *testing.T) {
	t.Parallel()
	tokens, err := NewTokens([]byte(strings.Repeat("k", 32)))
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, fast(Config{Users: people}), newCalls(t), WithTokens(tokens), WithDirectory(guestbook{}))
	p, _ := dialWS(t, pages(t, s, false), nil)
	p.send(p.registerRequest("visitor~1", "Authorization", "Bearer "+tokens.Issue("visitor~1", time.Now(), time.Minute)))
	status(t, p.recv(""), 403)
	if s.HasUser("visitor~1") || !s.HasUser("ann") {
		t.Error("a guest is a user, or a user is none")
	}
}
