package sip

import (
	"context"
	"crypto/tls"
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
)

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
