package sip

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"

	"tingxin/call"
	"tingxin/sip/wire"
)

// maxUDP is the largest request sent over UDP, bytes (RFC 3261 18.1.1).
const maxUDP = 1300

var errTooBig = errors.New("request too big for udp and no tcp to the peer")

// hop is where a request goes next.
type hop struct {
	network string
	addr    netip.AddrPort
	host    string // name for the certificate
}

// resolve turns a URI into a hop (RFC 3263 without NAPTR and SRV: closed
// networks name hosts). def is the transport when the URI names none.
func resolve(ctx context.Context, uri, def string) (hop, error) {
	u, err := wire.ParseURI(uri)
	if err != nil || u.Host == "" {
		return hop{}, fmt.Errorf("next hop is no sip uri")
	}
	h := hop{network: or(u.Transport(), def), host: u.Host}
	host := u.Host
	if maddr, ok := u.Params.Get("maddr"); ok {
		host = maddr
	}
	if h.network != "udp" && h.network != "tcp" && h.network != "tls" {
		return hop{}, fmt.Errorf("transport %q not supported", h.network)
	}
	port := u.Port
	if port == 0 {
		port = 5060
		if h.network == "tls" {
			port = 5061
		}
	}
	a, err := netip.ParseAddr(host)
	if err != nil {
		ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		if err != nil || len(ips) == 0 {
			return hop{}, fmt.Errorf("host of the next hop has no ip address")
		}
		a = ips[0]
	}
	h.addr = netip.AddrPortFrom(a.Unmap(), uint16(port))
	return h, nil
}

// newRequest builds an in-dialog request (RFC 3261 12.2.1.1), without Via.
func (d *dialog) newRequest(method string) *wire.Message {
	d.localSeq++
	seq := d.localSeq
	if d.trunk.credentials() != nil {
		d.localSeq++ // room for the answer to a challenge
	}
	return d.requestWith(method, seq)
}

func (d *dialog) requestWith(method string, seq uint32) *wire.Message {
	uri, routes := d.target, d.routeSet
	if len(routes) > 0 && !loose(routes[0]) { // strict router of RFC 2543
		if a, err := wire.ParseAddress(routes[0]); err == nil {
			uri, routes = a.URI, append(append([]string{}, routes[1:]...), "<"+d.target+">")
		}
	}
	m := &wire.Message{Method: method, URI: uri}
	m.Add("Max-Forwards", "70")
	for _, r := range routes {
		m.Add("Route", r)
	}
	return m.Add("From", d.localURI).Add("To", d.remoteURI).Add("Call-ID", d.callID).
		Add("CSeq", itoa(int(seq))+" "+method).Add("User-Agent", d.s.cfg.UserAgent)
}

func loose(route string) bool {
	a, err := wire.ParseAddress(route)
	if err != nil {
		return true
	}
	u, err := wire.ParseURI(a.URI)
	if err != nil {
		return true
	}
	_, lr := u.Params.Get("lr")
	return lr
}

// way finds the flow for the next request of the dialog. A living connection
// to the peer is used again; a dead one is opened anew.
func (d *dialog) way() (flow, reopen, error) {
	if d.pinned() {
		return d.pinnedWay()
	}
	next := d.target
	if len(d.routeSet) > 0 {
		if a, err := wire.ParseAddress(d.routeSet[0]); err == nil {
			next = a.URI
		}
	}
	ctx, cancel := d.lookupContext()
	defer cancel()
	h, err := resolve(ctx, next, d.network)
	f := d.flow
	if err != nil {
		if f != nil && f.alive() {
			return f, nil, nil
		}
		return nil, nil, err
	}
	again := func(ctx context.Context) (flow, error) { return d.s.transport.to(ctx, h.network, h.addr, h.host) }
	if f != nil && f.network() == h.network && f.alive() {
		if f.reliable() && f.remote().Addr() == h.addr.Addr() || behindNAT(h.addr.Addr(), f.remote().Addr()) {
			return f, again, nil
		}
	}
	f, err = again(ctx)
	return f, again, err
}

// reopen opens a connection anew for a request whose connection died under it.
type reopen func(context.Context) (flow, error)

// behindNAT: the peer names a private address but is heard from a public one.
func behindNAT(named, heard netip.Addr) bool {
	return named != heard && (named.IsPrivate() || named.IsUnspecified() || named.IsLoopback()) &&
		!heard.IsPrivate() && !heard.IsLoopback()
}

// exchange is a request with the retries that answer a challenge.
type exchange struct {
	auth  *Auth
	again reopen // nil: a dead connection is the end

	mu sync.Mutex
	tx *clientTx
}

func (x *exchange) current() *clientTx {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.tx
}

// transact sends a request and answers at most one challenge, a second one
// when the nonce was stale. Over 1300 bytes it moves to TCP for this request
// alone. A connection that dies before the answer is opened anew once.
func (s *Server) transact(ctx context.Context, x *exchange, m *wire.Message, f flow, handle func(*wire.Message, error)) error {
	return s.attempt(ctx, x, m, f, 0, handle)
}

func (s *Server) attempt(ctx context.Context, x *exchange, m *wire.Message, f flow, tries int, handle func(*wire.Message, error)) error {
	f, err := s.fit(ctx, m, f)
	if err != nil {
		return err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.tx = s.begin(m, f, func(resp *wire.Message, err error) {
		if err == nil && (resp.Status == 401 || resp.Status == 407) {
			if next := s.withAnswer(m, resp, x.auth, tries); next != nil {
				s.retry(x, next, func(context.Context) (flow, error) { return f, nil }, tries+1, handle)
				return
			}
		}
		if again := x.again; errors.Is(err, errTransport) && f.reliable() && again != nil {
			x.again = nil
			s.retry(x, m.Clone(), again, tries, handle)
			return
		}
		handle(resp, err)
	})
	return nil
}

// retry makes another attempt on its own goroutine, because the transaction
// that asks for it is not done yet and opening a connection takes time.
func (s *Server) retry(x *exchange, m *wire.Message, open reopen, tries int, handle func(*wire.Message, error)) {
	s.wg.Add(1)
	go func() { // ends when the request is sent
		defer s.wg.Done()
		f, err := open(s.base)
		if err == nil {
			err = s.attempt(s.base, x, m, f, tries, handle)
		}
		if err != nil {
			handle(nil, errTransport)
		}
	}()
}

// fit puts Via and Contact for a flow into m and changes to TCP when UDP is
// too small for it.
func (s *Server) fit(ctx context.Context, m *wire.Message, f flow) (flow, error) {
	s.stamp(m, f)
	if f.network() != "udp" || len(m.Bytes()) <= maxUDP {
		return f, nil
	}
	big, err := s.transport.to(ctx, "tcp", f.remote(), "")
	if err != nil {
		s.stats.tooBig.Add(1)
		s.log.Warn("request over 1300 bytes and the peer has no tcp", "method", m.Method, "bytes", len(m.Bytes()))
		return nil, errTooBig
	}
	s.stats.bigOverTCP.Add(1)
	s.stamp(m, big)
	return big, nil
}

// withAnswer is the request once more with credentials, nil when that is futile.
func (s *Server) withAnswer(m, resp *wire.Message, auth *Auth, tries int) *wire.Message {
	h, stale, ok := answerChallenge(resp, auth, m.Method, m.URI)
	if !ok || tries > 1 || tries == 1 && !stale {
		return nil
	}
	next := m.Clone()
	next.Remove("Authorization")
	next.Remove("Proxy-Authorization")
	next.Add(h.Name, h.Value)
	n, method, _ := m.CSeq()
	next.Set("CSeq", itoa(int(n)+1)+" "+method)
	return next
}

// stamp puts our Via for a flow on top, with a new branch, and writes the
// Contact anew where there is one.
func (s *Server) stamp(m *wire.Message, f flow) {
	host, port := s.advertised(f)
	v := &wire.Via{Transport: strings.ToUpper(f.network()), Host: host, Port: int(port),
		Params: wire.Params{{Name: "branch", Value: newBranch()}, {Name: "rport", Flag: true}}}
	m.SetVia(v)
	if m.Has("Contact") {
		m.Set("Contact", "<sip:"+contactUser+"@"+hostPort(host, port)+transportParam(f.network())+">")
	}
}

// send sends an in-dialog request; handle runs on the loop.
func (d *dialog) send(m *wire.Message, handle func(*wire.Message, error)) {
	err := d.sendTo(m, func(resp *wire.Message, err error) {
		d.post(func() { handle(resp, err) })
	})
	if err != nil {
		handle(nil, errTransport)
	}
}

// sendBye sends BYE in a transaction that outlives the dialog.
func (d *dialog) sendBye(cause call.Cause) {
	m := d.newRequest("BYE").Add("Reason", reasonOf(cause))
	s, to := d.s, d.seat
	err := d.sendTo(m, func(_ *wire.Message, err error) {
		if errors.Is(err, errTransport) {
			s.owe(to, m)
		}
	})
	if err != nil {
		s.owe(to, m)
	}
}

// sendTo finds the way and starts the transaction; handle runs on any goroutine.
func (d *dialog) sendTo(m *wire.Message, handle func(*wire.Message, error)) error {
	f, again, err := d.way()
	if err == nil {
		err = d.s.transact(d.s.base, &exchange{auth: d.trunk.credentials(), again: again}, m, f, handle)
	}
	if err != nil {
		d.log.Info("request not sent", "method", m.Method, "error", err)
	}
	return err
}
