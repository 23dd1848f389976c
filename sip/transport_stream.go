package sip

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gobwas/ws"

	"tingxin/sip/wire"
)

// streamListener accepts TCP or TLS connections.
type streamListener struct {
	net.Listener
	kind string
	addr netip.AddrPort
}

// streamConn is one TCP, TLS or WebSocket connection, ours or the peer's.
type streamConn struct {
	t      *transport
	conn   net.Conn
	kind   string
	peer   netip.AddrPort
	listen netip.AddrPort // where peers reach us
	dead   atomic.Bool
	proven bool // ours, or a message came: it may be silent for long; the reader's own

	ws      *wsEnd // of a browser, else nil
	port    *port
	reading chan struct{} // closed when sipgo reads
	once    sync.Once     // of the end

	// the reader's own
	greeted bool // TLS is ready
	framer  wire.Framer
	begun   time.Time // when the unfinished message began
	err     error     // of the last read: what came before it is taken first
	last    bool      // nothing more is taken: framing is lost or the peer is gone

	mu sync.Mutex // one writer at a time
}

func (c *streamConn) network() string        { return c.kind }
func (c *streamConn) remote() netip.AddrPort { return c.peer }
func (c *streamConn) local() netip.AddrPort  { return c.listen }
func (c *streamConn) reliable() bool         { return true }
func (c *streamConn) alive() bool            { return !c.dead.Load() }

// send writes one message through sipgo.
func (c *streamConn) send(b []byte) error {
	if c.dead.Load() {
		return errClosed
	}
	return c.port.write(b, c.peer.String())
}

// raw writes to the socket; a peer that does not read for 5 s loses its connection.
func (c *streamConn) raw(b []byte) error {
	if c.ws != nil {
		return c.frame(ws.NewTextFrame(b))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.put(b)
}

// put writes under mu.
func (c *streamConn) put(b []byte) error {
	_ = c.conn.SetWriteDeadline(time.Now().Add(writeDeadline))
	_, err := c.conn.Write(b)
	if err != nil {
		c.conn.Close()
	}
	return err
}

// carried is the sipgo transport that carries a kind of connection: a WebSocket
// is a stream to it, since we do the framing.
func carried(kind string) string {
	if kind == "tls" {
		return kind
	}
	return "tcp"
}

func (t *transport) accept(l *streamListener) {
	defer t.wg.Done()
	for {
		conn, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // out of descriptors or the like: breathe, go on
			t.stats.bad.add("accept error")
			time.Sleep(10 * time.Millisecond)
			continue
		}
		if int(t.stats.connections.Load()) >= t.cfg.MaxConnections {
			t.stats.connectionsRefused.Add(1)
			conn.Close()
			continue
		}
		t.probe(conn)
		if l.kind == "tls" {
			conn = tls.Server(conn, t.server)
		}
		c := &streamConn{t: t, conn: conn, kind: l.kind, peer: addrPort(conn.RemoteAddr()), listen: l.addr}
		if c.listen.Addr().IsUnspecified() {
			c.listen = netip.AddrPortFrom(addrPort(conn.LocalAddr()).Addr(), l.addr.Port())
		}
		t.adopt(c)
	}
}

// probe lets the kernel find out that a silent peer is gone, so that its
// bindings go with it.
func (t *transport) probe(c net.Conn) {
	if tc, ok := c.(*net.TCPConn); ok {
		_ = tc.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true, Idle: t.cfg.KeepAlive,
			Interval: max(time.Second, t.cfg.KeepAlive/4), Count: keepAliveMisses})
	}
}

// adopt registers a connection and gives it to sipgo, which starts its reader.
func (t *transport) adopt(c *streamConn) bool {
	t.mu.Lock()
	if t.closed {
		t.mu.Unlock()
		c.conn.Close()
		return false
	}
	t.names++
	c.port = t.carrier.port(carried(c.kind), c.kind+"-"+strconv.FormatUint(t.names, 10))
	c.reading = make(chan struct{})
	t.conns[c] = struct{}{}
	t.byPeer[peer{c.kind, c.peer}] = c
	t.stats.connections.Add(1)
	t.wg.Add(1)
	t.mu.Unlock()
	g := &guardedStream{c.conn, c}
	if !t.carrier.feeds[carried(c.kind)].push(g) {
		g.Close()
		return false
	}
	<-c.reading
	return true
}

func (t *transport) forget(c *streamConn) {
	c.dead.Store(true)
	c.conn.Close()
	t.stats.connections.Add(-1)
	t.mu.Lock()
	delete(t.conns, c)
	if key := (peer{c.kind, c.peer}); t.byPeer[key] == c {
		delete(t.byPeer, key)
	}
	t.mu.Unlock()
	t.lost(c)
	t.wg.Done()
}

// guardedStream is a connection as sipgo sees it: admitted, complete messages
// come out, and its name stands in the place of the far address.
type guardedStream struct {
	net.Conn
	c *streamConn
}

// RemoteAddr is the name of the port.
func (g *guardedStream) RemoteAddr() net.Addr { return g.c.port.name }

// LocalAddr is the name too: sipgo would mix the connections of a listener up.
func (g *guardedStream) LocalAddr() net.Addr { return g.c.port.name }

// Write sends with a deadline, one message at a time.
func (g *guardedStream) Write(b []byte) (int, error) {
	if err := g.c.raw(b); err != nil {
		return 0, err
	}
	return len(b), nil
}

// Close is called by sipgo when its reader ends.
func (g *guardedStream) Close() error {
	g.c.once.Do(func() {
		g.c.port.close()
		g.c.t.forget(g.c)
	})
	return nil
}

// Read returns bytes of the next message that the guard admits. Every end of
// the connection is an EOF for sipgo.
func (g *guardedStream) Read(b []byte) (int, error) {
	c := g.c
	if !c.greeted {
		c.port.attach(string(c.port.name))
		close(c.reading)
		if c.greeted = true; !c.t.handshake(c) {
			return 0, io.EOF
		}
	}
	for {
		if n := c.port.read(b); n > 0 {
			return n, nil
		}
		if c.last {
			return 0, io.EOF
		}
		if c.ws != nil {
			c.t.stepWS(c, b)
		} else {
			c.t.step(c, b)
		}
	}
}

// limits of a connection: how long a begun message and a silent peer may take.
const streamIdle = 30 * time.Minute

// step gives the next complete message to the guard, or reads on by way of buf.
func (t *transport) step(c *streamConn, buf []byte) {
	switch got, ok := t.drain(&c.framer, c); {
	case !ok:
		c.linger()
		c.last = true
		return
	case got:
		c.begun, c.proven = time.Time{}, true
		return
	}
	if c.err != nil {
		t.timedOut(&c.framer, c, c.err)
		c.last = true
		return
	}
	_ = c.conn.SetReadDeadline(t.patience(c, &c.framer, &c.begun))
	var n int
	n, c.err = c.conn.Read(buf)
	c.framer.Write(buf[:n])
}

// handshake makes TLS ready; true for plain connections.
func (t *transport) handshake(c *streamConn) bool {
	h, ok := c.conn.(*tls.Conn)
	if !ok || c.ws != nil {
		return true
	}
	_ = c.conn.SetDeadline(time.Now().Add(dialDeadline))
	if err := h.Handshake(); err != nil {
		t.stats.bad.add("tls handshake failed")
		return false
	}
	_ = c.conn.SetDeadline(time.Time{})
	return true
}

// patience is until when the next bytes must come: a begun message and a
// connection that never said anything have 64*T1.
func (t *transport) patience(c *streamConn, f *wire.Framer, begun *time.Time) time.Time {
	if !f.Pending() && c.proven {
		*begun = time.Time{}
		return time.Now().Add(streamIdle)
	}
	if begun.IsZero() {
		*begun = time.Now()
	}
	return begun.Add(64 * t.cfg.T1)
}

// timedOut answers a message whose rest never came.
func (t *transport) timedOut(f *wire.Framer, c *streamConn, err error) {
	if ne, ok := err.(net.Error); !ok || !ne.Timeout() {
		return
	}
	t.stats.bad.add("stream timeout")
	if m := f.Unfinished(); m != nil {
		t.guard(m, c) // refuses it
		c.linger()
	}
}

// linger lets the last answer arrive: closing with unread bytes would reset the
// connection and destroy it.
func (c *streamConn) linger() {
	c.mu.Lock()
	if h, ok := c.conn.(interface{ CloseWrite() error }); ok {
		_ = h.CloseWrite()
	}
	c.mu.Unlock()
	_ = c.conn.SetReadDeadline(time.Now().Add(time.Second))
	_, _ = io.CopyN(io.Discard, c.conn, 1<<20)
}

// drain gives one complete message to the guard; ok is false when the stream
// is lost.
func (t *transport) drain(f *wire.Framer, c *streamConn) (got, ok bool) {
	m, err := f.Next()
	for range f.Skipped() {
		t.stats.bad.add("unreadable response")
	}
	if f.Ping() {
		_ = c.send([]byte("\r\n"))
	}
	if m != nil {
		got = true
		t.stats.streamMessages.Add(1)
		if a := t.guard(m, c); a != nil && err == nil {
			c.port.hand(a)
		}
	}
	if err != nil {
		t.stats.bad.add("stream framing lost")
	}
	return got, err == nil
}

// dial opens a connection to a peer.
func (t *transport) dial(ctx context.Context, network string, addr netip.AddrPort, host string) (flow, error) {
	ctx, cancel := context.WithTimeout(ctx, dialDeadline)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr.String())
	if err != nil {
		return nil, fmt.Errorf("connect %s %s: %w", network, addr, err)
	}
	if network == "tls" {
		cfg := t.client.Clone()
		cfg.ServerName = host
		h := tls.Client(conn, cfg)
		if err := h.HandshakeContext(ctx); err != nil {
			conn.Close()
			return nil, fmt.Errorf("tls with %s: %w", addr, err)
		}
		conn = h
	}
	c := &streamConn{t: t, conn: conn, kind: network, peer: addr, listen: t.listener(network, addr.Addr()), proven: true}
	self := addrPort(conn.LocalAddr())
	switch {
	case !c.listen.IsValid():
		c.listen = self
	case c.listen.Addr().IsUnspecified():
		c.listen = netip.AddrPortFrom(self.Addr(), c.listen.Port())
	}
	if !t.adopt(c) {
		return nil, errClosed
	}
	return c, nil
}
