package sip

import (
	"errors"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/gobwas/ws"

	"tingxin/sip/wire"
)

// wsProtocol is the sub-protocol of SIP (RFC 7118 4.1).
const wsProtocol = "sip"

// keepAliveMisses is how many pings of ours may stay without any sign of life.
const keepAliveMisses = 2

// wsEnd is what a connection of a browser has more than another.
type wsEnd struct {
	net.Conn
	framer wsFramer
	rest   []byte // what came with the request of the upgrade
	misses int    // pings since the last sign of life
	closed bool   // a close frame has been answered
}

// Read gives what came with the upgrade first.
func (e *wsEnd) Read(b []byte) (int, error) {
	if len(e.rest) > 0 {
		n := copy(b, e.rest)
		e.rest = e.rest[n:]
		return n, nil
	}
	return e.Conn.Read(b)
}

// WebSocketHandler takes browsers in: the HTTP server of the pages mounts it, at
// /sip as a rule. It wants the sub-protocol "sip" and an Origin that is the host
// of the request or one of Config.Origins, and returns when the connection is
// handed over. The HTTP server bounds the request and its time.
func (s *Server) WebSocketHandler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status, why := s.mayUpgrade(r)
		if status != 0 {
			s.stats.bad.add("websocket " + why)
			http.Error(w, why, status)
			return
		}
		up := ws.HTTPUpgrader{Timeout: writeDeadline, Protocol: func(p string) bool { return p == wsProtocol }}
		conn, rw, _, err := up.Upgrade(r, w)
		if err != nil {
			s.stats.bad.add("websocket upgrade failed")
			if conn != nil {
				conn.Close()
			}
			return
		}
		end := &wsEnd{Conn: conn}
		if n := rw.Reader.Buffered(); n > 0 {
			end.rest, _ = rw.Reader.Peek(n)
		}
		kind := "ws"
		if r.TLS != nil {
			kind = "wss"
		}
		s.transport.adopt(&streamConn{t: s.transport, conn: end, kind: kind, peer: addrPort(conn.RemoteAddr()),
			listen: addrPort(conn.LocalAddr()), ws: end})
	})
}

// mayUpgrade judges a request; status 0 lets it in.
func (s *Server) mayUpgrade(r *http.Request) (status int, why string) {
	if s.users == nil {
		return http.StatusNotFound, "there are no users"
	}
	if !s.originAllowed(r) {
		return http.StatusForbidden, "origin not allowed"
	}
	var offered []string
	for _, v := range r.Header.Values("Sec-WebSocket-Protocol") {
		for _, p := range strings.Split(v, ",") {
			offered = append(offered, strings.TrimSpace(p))
		}
	}
	if !slices.Contains(offered, wsProtocol) {
		return http.StatusBadRequest, "sub-protocol sip is missing"
	}
	if int(s.stats.connections.Load()) >= s.cfg.MaxConnections {
		s.stats.connectionsRefused.Add(1)
		return http.StatusServiceUnavailable, "too many connections"
	}
	return 0, ""
}

// originAllowed: browsers name the page they act for (RFC 6455 10.2); whoever
// sends no Origin is no browser and gains nothing by lying.
func (s *Server) originAllowed(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" || slices.Contains(s.cfg.Origins, origin) {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && strings.EqualFold(u.Host, r.Host)
}

// stepWS gives the next message of a browser to the guard, or reads on by way
// of buf. A connection that is silent is asked for a sign of life.
func (t *transport) stepWS(c *streamConn, buf []byte) {
	op, payload, ok, err := c.ws.framer.Next()
	switch {
	case err != nil:
		t.stats.bad.add("websocket protocol broken")
		c.endWS(ws.StatusProtocolError)
	case ok:
		t.takeWS(c, op, payload)
	case c.err == nil:
		t.readWS(c, buf)
	case errors.Is(c.err, os.ErrDeadlineExceeded) && c.proven && !c.ws.framer.Pending() && c.ws.misses < keepAliveMisses:
		c.err = nil
		c.ws.misses++
		_ = c.send([]byte("\r\n\r\n"))
	default:
		if errors.Is(c.err, os.ErrDeadlineExceeded) {
			t.stats.bad.add("websocket silent")
		}
		c.last = true
	}
}

// readWS waits for more bytes: as long as a ping takes, or what is left for a
// message that has begun.
func (t *transport) readWS(c *streamConn, buf []byte) {
	now := time.Now()
	until := now.Add(t.cfg.KeepAlive)
	if c.ws.misses > 0 {
		until = now.Add(2 * t.cfg.KeepAlive / 5) // 10 of 25 s: a vanished page is forgotten within a minute
	}
	if c.ws.framer.Pending() || !c.proven {
		if c.begun.IsZero() {
			c.begun = now
		}
		until = c.begun.Add(64 * t.cfg.T1)
	}
	_ = c.conn.SetReadDeadline(until)
	var n int
	if n, c.err = c.conn.Read(buf); n > 0 {
		c.ws.misses = 0
		c.ws.framer.Write(buf[:n])
	}
}

// takeWS takes one message or control frame.
func (t *transport) takeWS(c *streamConn, op ws.OpCode, payload []byte) {
	c.begun = time.Time{}
	switch op {
	case ws.OpPing:
		_ = c.frame(ws.NewPongFrame(payload))
	case ws.OpPong:
	case ws.OpClose:
		c.endWS(ws.StatusNormalClosure)
	default:
		t.messageWS(c, payload)
	}
}

// messageWS takes a message: one per frame, so that its length need not be told
// (RFC 7118 5).
func (t *transport) messageWS(c *streamConn, payload []byte) {
	switch strings.Trim(string(payload), " \x00") {
	case "\r\n\r\n": // RFC 5626 3.5.1
		_ = c.send([]byte("\r\n"))
		return
	case "\r\n", "":
		return
	}
	c.proven = true
	t.stats.streamMessages.Add(1)
	m, err := wire.Parse(payload)
	if err != nil {
		t.stats.bad.add("unreadable websocket message")
		return
	}
	if a := t.guard(m, c); a != nil {
		c.port.hand(a)
	}
}

// frame writes one frame.
func (c *streamConn) frame(f ws.Frame) error {
	b, err := ws.CompileFrame(f)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ws.closed {
		return errClosed
	}
	if f.Header.OpCode == ws.OpClose {
		c.ws.closed = true
	}
	return c.put(b)
}

// endWS says good-bye and ends the reader.
func (c *streamConn) endWS(status ws.StatusCode) {
	_ = c.frame(ws.NewCloseFrame(ws.NewCloseFrameBody(status, "")))
	c.last = true
}
