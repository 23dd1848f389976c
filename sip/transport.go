package sip

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"tingxin/sip/wire"
)

// flow is a way to one peer: a UDP socket with an address, or a connection.
type flow interface {
	send(b []byte) error
	network() string // "udp", "tcp", "tls"
	remote() netip.AddrPort
	local() netip.AddrPort // of the listening socket that peers can reach
	reliable() bool
	alive() bool
}

var errClosed = errors.New("transport closed")

// transport owns all sockets and stands in front of sipgo's transport layer:
// guard judges every message, and what it admits goes through the carrier, in
// the order of each socket.
type transport struct {
	cfg     Config
	log     *slog.Logger
	stats   *stats
	guard   func(m *wire.Message, f flow) *admitted // nil: answered or dropped
	lost    func(f flow)                            // a connection is gone
	carrier *carrier

	server, client *tls.Config
	wg             sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	names   uint64 // of streams
	udp     []*udpSocket
	streams []*streamListener
	conns   map[*streamConn]struct{}
	byPeer  map[peer]*streamConn
}

// peer names a connection by transport and far end.
type peer struct {
	network string
	addr    netip.AddrPort
}

func newTransport(cfg Config, st *stats, log *slog.Logger, c *carrier, guard func(*wire.Message, flow) *admitted, lost func(flow)) *transport {
	return &transport{cfg: cfg, log: log, stats: st, carrier: c, guard: guard, lost: lost,
		conns: map[*streamConn]struct{}{}, byPeer: map[peer]*streamConn{}}
}

// start opens every listener; on an error those already open are closed.
func (t *transport) start(ctx context.Context) error {
	var err error
	if t.server, t.client, err = tlsConfigs(t.cfg); err != nil {
		return err
	}
	for _, network := range [...]string{"tcp", "tls"} {
		t.wg.Go(func() { t.carrier.serve(network) }) // ends when close closes the feed
	}
	for _, l := range t.cfg.Listen {
		network, address, err := splitListen(l)
		if err == nil {
			err = t.listen(ctx, network, address)
		}
		if err != nil {
			t.close()
			return listenError(l, err)
		}
	}
	return nil
}

// listenError says in a sentence why an address cannot be listened on.
func listenError(address string, err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("port %s is taken by another program: stop that one, or give another port in sip.listen", address)
	}
	return fmt.Errorf("%s cannot be listened on: %w; correct sip.listen", address, err)
}

func (t *transport) listen(ctx context.Context, network, address string) error {
	if network == "udp" {
		s, err := t.openUDP(ctx, address)
		if err != nil {
			return err
		}
		t.mu.Lock()
		t.udp = append(t.udp, s)
		t.mu.Unlock()
		t.wg.Go(func() { t.serveUDP(s) }) // ends when the socket is closed by close
		<-s.reading
		return nil
	}
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return err
	}
	s := &streamListener{Listener: ln, kind: network, addr: addrPort(ln.Addr())}
	t.mu.Lock()
	t.streams = append(t.streams, s)
	t.mu.Unlock()
	t.wg.Add(1)
	go t.accept(s) // ends when the listener is closed by close
	return nil
}

// close closes all sockets and returns when their readers have ended.
func (t *transport) close() {
	t.mu.Lock()
	t.closed = true
	for _, s := range t.udp {
		s.conn.Close()
	}
	for _, s := range t.streams {
		s.Close()
	}
	for c := range t.conns {
		c.conn.Close()
	}
	t.mu.Unlock()
	t.carrier.close()
	t.wg.Wait()
}

// addresses lists what is listened on, with real ports, as "udp:host:port".
func (t *transport) addresses() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []string
	for _, s := range t.udp {
		out = append(out, "udp:"+s.addr.String())
	}
	for _, s := range t.streams {
		out = append(out, s.kind+":"+s.addr.String())
	}
	return out
}

// to returns a flow to an address: the UDP socket of the right family, an open
// connection, or a new one. host names the peer for its certificate.
func (t *transport) to(ctx context.Context, network string, addr netip.AddrPort, host string) (flow, error) {
	if network == "udp" {
		if s := t.socketFor(addr.Addr()); s != nil {
			return udpFlow{s, addr}, nil
		}
		return nil, fmt.Errorf("no udp listener for %s", family(addr.Addr()))
	}
	t.mu.Lock()
	c := t.byPeer[peer{network, addr}]
	t.mu.Unlock()
	if c != nil && c.alive() {
		return c, nil
	}
	return t.dial(ctx, network, addr, host)
}

func (t *transport) socketFor(a netip.Addr) *udpSocket {
	t.mu.Lock()
	defer t.mu.Unlock()
	var best *udpSocket
	for _, s := range t.udp {
		if s.addr.Addr().Is4() != a.Is4() && !(s.addr.Addr().IsUnspecified() && s.addr.Addr().Is6()) {
			continue
		}
		if s.addr.Addr().IsLoopback() && !a.IsLoopback() {
			continue
		}
		if best == nil || s.addr.Addr() == a {
			best = s
		}
	}
	return best
}

// listener returns the address peers can connect to for a transport, for our
// Contact on connections that we opened; zero without a listener.
func (t *transport) listener(network string, a netip.Addr) netip.AddrPort {
	if network == "udp" {
		if s := t.socketFor(a); s != nil {
			return s.addr
		}
		return netip.AddrPort{}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, s := range t.streams {
		if s.kind == network && (s.addr.Addr().Is4() == a.Is4() || s.addr.Addr().IsUnspecified()) {
			return s.addr
		}
	}
	return netip.AddrPort{}
}

func family(a netip.Addr) string {
	if a.Is4() {
		return "IPv4"
	}
	return "IPv6"
}

func addrPort(a net.Addr) netip.AddrPort {
	switch a := a.(type) {
	case *net.UDPAddr:
		return unmap(a.AddrPort())
	case *net.TCPAddr:
		return unmap(a.AddrPort())
	}
	ap, _ := netip.ParseAddrPort(a.String())
	return unmap(ap)
}

func unmap(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) }

// deadlines of streams.
const (
	writeDeadline = 5 * time.Second
	dialDeadline  = 4 * time.Second
)
