package sip

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tingxin/call"
	"tingxin/media"
	"tingxin/sip/wire"
)

// acceptFunc is a call layer made of a function.
type acceptFunc func(ctx context.Context, in call.Incoming) (call.Handler, error)

func (f acceptFunc) Accept(ctx context.Context, in call.Incoming) (call.Handler, error) {
	return f(ctx, in)
}

// heard is a call.Handler that keeps what it was told.
type heard struct {
	hangup chan call.Cause
	digits chan media.Digit
	hold   chan bool
	media  chan struct{}
	leg    *media.Leg
	once   sync.Once
}

func newHeard(leg *media.Leg) *heard {
	return &heard{hangup: make(chan call.Cause, 8), digits: make(chan media.Digit, 64), hold: make(chan bool, 64),
		media: make(chan struct{}, 256), leg: leg}
}

func (h *heard) RemoteHangup(c call.Cause) {
	if h.leg != nil {
		h.once.Do(func() { h.leg.Close() })
	}
	h.hangup <- c
}
func (h *heard) RemoteDigit(d media.Digit) { h.digits <- d }
func (h *heard) RemoteHold(b bool)         { h.hold <- b }
func (h *heard) RemoteMedia() {
	select {
	case h.media <- struct{}{}:
	default:
	}
}

// taken is a call as the fake call layer sees it.
type taken struct {
	call.Incoming
	*heard
}

// calls is a fake call layer: every call comes out of its channel; auto
// answers at once.
type calls struct {
	t     *testing.T
	auto  bool
	ring  bool
	early bool
	got   chan taken
	acked chan error
	err   error
	wg    sync.WaitGroup
}

func newCalls(t *testing.T) *calls {
	return &calls{t: t, got: make(chan taken, 4096), acked: make(chan error, 4096)}
}

func (c *calls) Accept(ctx context.Context, in call.Incoming) (call.Handler, error) {
	if c.err != nil {
		return nil, c.err
	}
	h := newHeard(in.Leg)
	select {
	case c.got <- taken{in, h}:
	default:
	}
	if c.auto {
		c.wg.Add(1)
		go func() { // ends with the ACK or the dialog
			defer c.wg.Done()
			if c.ring {
				_ = in.Dialog.Ring(context.Background())
			}
			if c.early {
				_ = in.Dialog.Progress(context.Background())
			}
			err := in.Dialog.Answer(context.Background())
			select {
			case c.acked <- err:
			default:
			}
		}()
	}
	return h, nil
}

func (c *calls) next() taken {
	c.t.Helper()
	return within(c.t, c.got, "a call")
}

func within[T any](t *testing.T, ch <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(30 * time.Second): // patience, for a machine under load
		t.Fatalf("waited in vain for %s", what)
	}
	var zero T
	return zero
}

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

// fast makes all SIP timers 25 times quicker.
func fast(cfg Config) Config {
	cfg.T1, cfg.T2, cfg.T4 = 20*time.Millisecond, 160*time.Millisecond, 200*time.Millisecond
	return cfg
}

// start runs a server with a media engine on free ports of 127.0.0.1.
func start(t *testing.T, cfg Config, c Acceptor, options ...Option) *Server {
	t.Helper()
	log := quiet
	if testing.Verbose() && testLog {
		log = slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	engine, err := media.New(media.Config{Listen: "127.0.0.1", PortMin: -1, WebRTC: media.WebRTCConfig{Port: -1, Loopback: true}}, quiet)
	if err != nil {
		t.Fatal(err)
	}
	if err := engine.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	if len(cfg.Listen) == 0 {
		cfg.Listen = []string{"udp:127.0.0.1:0", "tcp:127.0.0.1:0", "tls:127.0.0.1:0"}
	}
	s, err := New(cfg, engine, c, log, options...)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Close()
		engine.Close()
		if cc, ok := c.(*calls); ok {
			cc.wg.Wait()
		}
	})
	return s
}

const testLog = false

type testWriter struct{ t *testing.T }

func (w testWriter) Write(p []byte) (int, error) { w.t.Log(string(p)); return len(p), nil }

// address of the first listener of a network.
func (s *Server) on(network string) string {
	for _, a := range s.Addresses() {
		if n, addr, _ := strings.Cut(a, ":"); n == network {
			return addr
		}
	}
	return ""
}

// peer is a SIP peer made by hand: exact bytes out, parsed messages in.
type peer0 struct {
	t       *testing.T
	network string
	conn    net.Conn
	in      chan *wire.Message
	done    chan struct{}
	local   string
	server  string
	seq     int
	repeats bool // hand out repeated requests too
	seen    map[string]bool
}

// dialPeer connects a peer to a server over "udp", "tcp" or "tls".
func dialPeer(t *testing.T, s *Server, network string) *peer0 {
	t.Helper()
	addr := s.on(network)
	var conn net.Conn
	var err error
	switch network {
	case "udp":
		conn, err = net.Dial("udp", addr)
	case "tcp":
		conn, err = net.Dial("tcp", addr)
	case "tls":
		conn, err = tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true})
	}
	if err != nil {
		t.Fatal(err)
	}
	return wrapPeer(t, conn, network, addr)
}

func wrapPeer(t *testing.T, conn net.Conn, network, server string) *peer0 {
	p := &peer0{t: t, network: network, conn: conn, in: make(chan *wire.Message, 4096), done: make(chan struct{}),
		local: conn.LocalAddr().String(), server: server, seen: map[string]bool{}}
	go p.read() // ends when the connection is closed
	t.Cleanup(p.close)
	return p
}

func (p *peer0) close() {
	p.conn.Close()
	<-p.done
}

func (p *peer0) read() {
	defer close(p.done)
	var f wire.Framer
	buf := make([]byte, 65536)
	for {
		n, err := p.conn.Read(buf)
		if err != nil {
			if p.network == "udp" && !strings.Contains(err.Error(), "closed") {
				continue
			}
			return
		}
		if p.network == "udp" || strings.HasPrefix(p.network, "ws") {
			if m, err := wire.Parse(buf[:n]); err == nil {
				p.in <- m
			}
			continue
		}
		f.Write(buf[:n])
		for {
			m, err := f.Next()
			if m == nil || err != nil {
				break
			}
			p.in <- m
		}
	}
}

func (p *peer0) write(b string) {
	p.t.Helper()
	if _, err := p.conn.Write([]byte(b)); err != nil {
		p.t.Fatalf("write: %v", err)
	}
}

// recv returns the next message; want may name a status ("200"), a method
// ("BYE") or several ("180|183"); 100 is skipped unless wanted.
func (p *peer0) recv(want string) *wire.Message {
	p.t.Helper()
	deadline := time.After(30 * time.Second)
	for {
		select {
		case m := <-p.in:
			name := m.Method
			if !m.IsRequest() {
				name = itoa(m.Status)
			} else if m.Method != "ACK" && !p.repeats {
				key := m.Method + m.Via().Branch()
				if p.seen[key] {
					continue // the machine was slow
				}
				p.seen[key] = true
			}
			if strings.Contains("|"+want+"|", "|"+name+"|") || want == "" {
				return m
			}
			if name == "100" {
				continue
			}
			p.t.Fatalf("want %s, got %s %s", want, name, m.Reason)
		case <-deadline:
			p.t.Fatalf("no %s came", want)
		}
	}
}

// silent checks that nothing comes for a while.
func (p *peer0) silent(d time.Duration) {
	p.t.Helper()
	end := time.After(d)
	for {
		select {
		case m := <-p.in:
			if m.IsRequest() && p.seen[m.Method+m.Via().Branch()] && !p.repeats {
				continue
			}
			p.t.Fatalf("unexpected %s %d %s", m.Method, m.Status, m.Reason)
		case <-end:
			return
		}
	}
}

// dialogue is a dialog seen from the peer.
type dialogue struct {
	p                *peer0
	callID, from, to string // From and To with tags
	target           string // the server's contact
	invite           *wire.Message
	ok               *wire.Message
	seq              int
}

const offerPCMA = "v=0\r\no=peer 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n" +
	"m=audio 40000 RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n" +
	"a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n"

// request builds a request outside of a dialog.
func (p *peer0) request(method, callID string, headers ...string) *wire.Message {
	p.seq++
	m := &wire.Message{Method: method, URI: "sip:1000@" + p.server}
	p.via(m)
	m.Add("Max-Forwards", "70")
	m.Add("From", `"Peer" <sip:2000@`+p.local+">;tag="+randomID(4))
	m.Add("To", "<sip:1000@"+p.server+">")
	m.Add("Call-ID", callID)
	m.Add("CSeq", fmt.Sprint(p.seq)+" "+method)
	m.Add("Contact", "<sip:2000@"+p.local+transportParam(p.network)+">")
	for i := 0; i+1 < len(headers); i += 2 {
		m.Set(headers[i], headers[i+1])
	}
	return m
}

func (p *peer0) via(m *wire.Message) {
	v, err := wire.ParseVia("SIP/2.0/" + strings.ToUpper(p.network) + " " + p.local + ";branch=" + newBranch() + ";rport")
	if err != nil {
		p.t.Fatal(err)
	}
	m.SetVia(v)
}

func (p *peer0) send(m *wire.Message) { p.t.Helper(); p.write(string(m.Bytes())) }

// startCall sends an INVITE with an offer (or an empty one) and returns the dialogue.
func (p *peer0) startCall(offer string, headers ...string) *dialogue {
	p.t.Helper()
	m := p.request("INVITE", randomID(6)+"@peer", headers...)
	m.SetBody("application/sdp", []byte(offer))
	p.send(m)
	return &dialogue{p: p, callID: m.CallID(), from: m.Get("From"), to: m.Get("To"), invite: m, seq: p.seq}
}

// take learns the server's side from a response.
func (d *dialogue) take(m *wire.Message) *wire.Message {
	d.to = m.Get("To")
	if c := m.Get("Contact"); c != "" {
		a, err := wire.ParseAddress(c)
		if err != nil {
			d.p.t.Fatal(err)
		}
		d.target = a.URI
	}
	d.ok = m
	return m
}

// next builds an in-dialog request; ACK keeps the number of the INVITE.
func (d *dialogue) next(method string, headers ...string) *wire.Message {
	if method != "ACK" {
		d.seq++
	}
	m := &wire.Message{Method: method, URI: d.target}
	d.p.via(m)
	m.Add("Max-Forwards", "70").Add("From", d.from).Add("To", d.to).Add("Call-ID", d.callID)
	m.Add("CSeq", fmt.Sprint(d.seq)+" "+method)
	m.Add("Contact", "<sip:2000@"+d.p.local+transportParam(d.p.network)+">")
	for i := 0; i+1 < len(headers); i += 2 {
		m.Set(headers[i], headers[i+1])
	}
	return m
}

func (d *dialogue) ack() { d.p.t.Helper(); d.p.send(d.next("ACK")) }

// call makes an answered call.
func (p *peer0) call(headers ...string) *dialogue {
	p.t.Helper()
	d := p.startCall(offerPCMA, headers...)
	d.take(d.recv("INVITE", "200"))
	d.ack()
	return d
}

// bye ends it from the peer.
func (d *dialogue) bye() {
	d.p.t.Helper()
	d.p.send(d.next("BYE"))
	d.recv("BYE", "200")
}

// recv returns the response to a method of this call and passes over what a
// slow machine repeats of other requests.
func (d *dialogue) recv(method, want string) *wire.Message {
	d.p.t.Helper()
	for {
		m := d.p.recv(want + "|200|404")
		if _, of, _ := m.CSeq(); m.CallID() == d.callID && of == method && strings.Contains("|"+want+"|", "|"+itoa(m.Status)+"|") {
			return m
		}
	}
}

// reply answers a request of the server.
func (p *peer0) reply(req *wire.Message, status int, headers ...string) *wire.Message {
	p.t.Helper()
	m := wire.Answer(req, status, "", "peertag")
	m.Add("Contact", "<sip:2000@"+p.local+transportParam(p.network)+">")
	for i := 0; i+1 < len(headers); i += 2 {
		m.Add(headers[i], headers[i+1])
	}
	p.send(m)
	return m
}

// listeningPeer is a UDP peer that has an address before the server runs.
func listeningPeer(t *testing.T) *peer0 {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return wrapPeer(t, &unconnected{UDPConn: pc.(*net.UDPConn)}, "udp", "")
}

// aim tells it where the server is.
func (p *peer0) aim(t *testing.T, s *Server) {
	t.Helper()
	a, err := net.ResolveUDPAddr("udp", s.on("udp"))
	if err != nil {
		t.Fatal(err)
	}
	p.conn.(*unconnected).to.Store(a)
	p.server = a.String()
}

// unconnected is a UDP socket that writes to one address.
type unconnected struct {
	*net.UDPConn
	to atomic.Pointer[net.UDPAddr]
}

func (u *unconnected) Write(b []byte) (int, error) { return u.WriteTo(b, u.to.Load()) }
