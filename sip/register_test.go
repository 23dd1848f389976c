package sip

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

	"tingxin/sip/wire"
)

var people = []UserEntry{{Name: "ann", Password: "secret of ann"}, {Name: "bob", Password: "secret of bob"},
	{Name: "eve", Password: "was here", Disabled: true}}

// wsClient is the browser's end of a WebSocket as a connection of messages.
type wsClient struct {
	net.Conn
	mute bool // answers no pings
}

func (c *wsClient) Write(b []byte) (int, error) {
	return len(b), wsutil.WriteClientText(c.Conn, b)
}

func (c *wsClient) Read(b []byte) (int, error) {
	for {
		data, op, err := wsutil.ReadServerData(c.Conn)
		switch {
		case err != nil:
			return 0, err
		case string(data) == "\r\n\r\n" && !c.mute:
			if _, err := c.Write([]byte("\r\n")); err != nil {
				return 0, err
			}
		case op == ws.OpText && len(strings.TrimSpace(string(data))) > 0:
			return copy(b, data), nil
		}
	}
}

// pages serves the WebSockets of a server, with TLS or without.
func pages(t *testing.T, s *Server, secure bool) (url string) {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle("/sip", s.WebSocketHandler())
	h := httptest.NewUnstartedServer(mux)
	h.Config.ReadHeaderTimeout = 2 * time.Second
	h.Config.ErrorLog = nil
	if secure {
		h.StartTLS()
	} else {
		h.Start()
	}
	t.Cleanup(h.Close)
	return strings.Replace(h.URL, "http", "ws", 1) + "/sip"
}

// dialWS connects a peer by WebSocket.
func dialWS(t *testing.T, url string, header http.Header) (*peer0, *wsClient) {
	t.Helper()
	d := ws.Dialer{Protocols: []string{"sip"}, Header: ws.HandshakeHeaderHTTP(header), TLSConfig: &tls.Config{InsecureSkipVerify: true}}
	conn, br, _, err := d.Dial(context.Background(), url)
	if err != nil {
		t.Fatal(err)
	}
	if br != nil {
		t.Fatal("the server spoke first")
	}
	c := &wsClient{Conn: conn}
	network, host, _ := strings.Cut(strings.TrimSuffix(url, "/sip"), "://")
	p := wrapPeer(t, c, network, host)
	p.local = randomID(6) + ".invalid"
	return p, c
}

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
	for end := time.Now().Add(10 * time.Second); !ok(); time.Sleep(2 * time.Millisecond) {
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

func TestSilentBrowserIsForgotten(t *testing.T) {
	t.Parallel()
	cfg := fast(Config{Users: people, KeepAlive: 50 * time.Millisecond})
	s := start(t, cfg, newCalls(t))
	url := pages(t, s, false)
	alive, _ := dialWS(t, url, nil)
	status(t, alive.registration("ann", "secret of ann", "MD5"), 200)
	gone, c := dialWS(t, url, nil)
	c.mute = true
	status(t, gone.registration("bob", "secret of bob", "MD5"), 200)
	began := time.Now() // of the silence: 50 ms, then two pings of 20 ms
	eventually(t, "bob is forgotten", func() bool { return len(s.Bindings("bob")) == 0 })
	if d := time.Since(began); d < 90*time.Millisecond {
		t.Errorf("forgotten after %v, before two misses", d)
	}
	if len(s.Bindings("ann")) != 1 {
		t.Error("who answers pings was forgotten too")
	}
}

func TestSilentConnectionBlocksNobody(t *testing.T) {
	t.Parallel()
	s := start(t, fast(Config{Users: people}), newCalls(t))
	url := pages(t, s, false)
	host := strings.TrimSuffix(strings.TrimPrefix(url, "ws://"), "/sip")
	for range 20 {
		c, err := net.Dial("tcp", host)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		dialWS(t, url, nil) // upgraded, then silent
	}
	began := time.Now()
	p, _ := dialWS(t, url, nil)
	status(t, p.registration("ann", "secret of ann", "MD5"), 200)
	if d := time.Since(began); d > time.Second {
		t.Errorf("took %v", d)
	}
	// connections that never say anything end by themselves
	eventually(t, "the silent ones end", func() bool { return s.Stats().Connections == 1 })
}

func TestWebSocketIsJudged(t *testing.T) {
	t.Parallel()
	s := start(t, fast(Config{Users: people, Origins: []string{"https://desk.example"}}), newCalls(t))
	url := pages(t, s, false)
	host := strings.TrimSuffix(strings.TrimPrefix(url, "ws://"), "/sip")
	for name, c := range map[string]struct {
		origin, protocol string
		want             int
	}{
		"no origin":     {"", "sip", 101},
		"own origin":    {"http://" + host, "sip", 101},
		"listed origin": {"https://desk.example", "sip", 101},
		"other origin":  {"https://evil.example", "sip", 403},
		"null origin":   {"null", "sip", 403},
		"no protocol":   {"", "", 400},
		"other":         {"", "chat, mqtt", 400},
		"among others":  {"", "chat, sip", 101},
	} {
		r, err := http.NewRequest("GET", strings.Replace(url, "ws", "http", 1), nil)
		if err != nil {
			t.Fatal(err)
		}
		for k, v := range map[string]string{"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
			"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Origin": c.origin, "Sec-WebSocket-Protocol": c.protocol} {
			if v != "" {
				r.Header.Set(k, v)
			}
		}
		resp, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != c.want || c.want == 101 && resp.Header.Get("Sec-WebSocket-Protocol") != "sip" {
			t.Errorf("%s: %d %v, want %d", name, resp.StatusCode, resp.Header, c.want)
		}
	}
}

func TestWebSocketFrames(t *testing.T) {
	t.Parallel()
	s := start(t, fast(Config{Users: people}), newCalls(t))
	url := pages(t, s, false)
	raw := func() net.Conn {
		d := ws.Dialer{Protocols: []string{"sip"}}
		c, _, _, err := d.Dial(context.Background(), url)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		_ = c.SetDeadline(time.Now().Add(5 * time.Second))
		return c
	}
	frame := func(c net.Conn, f ws.Frame) {
		if err := ws.WriteFrame(c, ws.MaskFrame(f)); err != nil {
			t.Fatal(err)
		}
	}
	c := raw()
	frame(c, ws.NewPingFrame([]byte("are you there")))
	if f, err := ws.ReadFrame(c); err != nil || f.Header.OpCode != ws.OpPong || string(f.Payload) != "are you there" {
		t.Fatalf("%v %+v", err, f)
	}
	frame(c, ws.NewTextFrame([]byte("\r\n\r\n")))
	if f, err := ws.ReadFrame(c); err != nil || string(f.Payload) != "\r\n" {
		t.Fatalf("%v %+v", err, f)
	}
	frame(c, ws.NewTextFrame([]byte("not sip at all"))) // counted, and the connection lives
	p := &peer0{t: t, network: "ws", local: "x.invalid", server: "tingxin", seen: map[string]bool{}}
	m := p.request("OPTIONS", "fragmented").Bytes()
	frame(c, ws.NewFrame(ws.OpText, false, m[:10]))
	frame(c, ws.NewPingFrame(nil)) // between fragments
	frame(c, ws.NewFrame(ws.OpContinuation, true, m[10:]))
	if f, err := ws.ReadFrame(c); err != nil || f.Header.OpCode != ws.OpPong {
		t.Fatalf("%v %+v", err, f)
	}
	if f, err := ws.ReadFrame(c); err != nil || !strings.HasPrefix(string(f.Payload), "SIP/2.0 200") {
		t.Fatalf("%v %s", err, f.Payload)
	}
	frame(c, ws.NewCloseFrame(ws.NewCloseFrameBody(ws.StatusNormalClosure, "")))
	if f, err := ws.ReadFrame(c); err != nil || f.Header.OpCode != ws.OpClose {
		t.Fatalf("%v %+v", err, f)
	}
	for name, b := range map[string][]byte{
		"length 2^63":      {0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4},
		"length 2^62":      {0x81, 0xff, 0x40, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4},
		"length 1 MB":      {0x81, 0xff, 0, 0, 0, 0, 0, 0x10, 0, 0, 1, 2, 3, 4},
		"not masked":       {0x81, 0x03, 'a', 'b', 'c'},
		"stray fragment":   {0x80, 0x80, 1, 2, 3, 4},
		"reserved opcode":  {0x83, 0x80, 1, 2, 3, 4},
		"long control":     {0x89, 0xfe, 0, 0x7e, 1, 2, 3, 4},
		"reserved bit set": {0xc1, 0x80, 1, 2, 3, 4},
	} {
		c := raw()
		if _, err := c.Write(b); err != nil {
			t.Fatal(err)
		}
		if f, err := ws.ReadFrame(c); err != nil || f.Header.OpCode != ws.OpClose {
			t.Errorf("%s: %v %+v", name, err, f)
		}
		if n, err := c.Read(make([]byte, 1)); err == nil {
			t.Errorf("%s: stays open, %d bytes", name, n)
		}
	}
	eventually(t, "connections end", func() bool { return s.Stats().Connections == 0 })
}

// registered is torture at a server with a registrar, over a WebSocket too.
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

// TestTortureOverWebSocket: every message of RFC 4475 in a frame of its own, at
// a server with users; afterwards the same connection registers.
func TestTortureOverWebSocket(t *testing.T) {
	t.Parallel()
	cfg := fast(Config{Users: people})
	cfg.T4 = time.Millisecond
	s := start(t, cfg, newCalls(t))
	p, _ := dialWS(t, pages(t, s, false), nil)
	files, _ := filepath.Glob("testdata/rfc4475/*.dat")
	if len(files) != 49 {
		t.Fatalf("%d files", len(files))
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".dat")
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		want := torture[name]
		switch {
		case want == 404, want == 405 && name != "mpart01": // a valid INVITE or REGISTER of somebody unknown
			want = 401
		}
		p.write(string(data))
		if want == 0 {
			p.silent(10 * time.Millisecond)
		} else if r := p.recv(""); r.Status != want {
			t.Errorf("%s: %d, want %d", name, r.Status, want)
		}
		status(t, p.registration("ann", "secret of ann", "MD5"), 200)
	}
}
