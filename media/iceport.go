package media

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/logging"
	"golang.org/x/sys/unix"
)

// icePort is the one UDP port that all WebRTC legs share: a socket per address of
// ours, told apart by the ICE user fragment and then by the browser's address. pion
// reads the sockets. Media of a leg whose path is known never gets to it: it goes
// from the reading goroutine straight into the leg's queue and from the clock straight
// into the socket.
type icePort struct {
	mux         *ice.MultiUDPMuxDefault
	socks       []*iceSocket
	foreign     []netip.Addr // told to browsers, but not addresses of this machine (NAT)
	port        uint16
	cert        tls.Certificate
	fingerprint string // SHA-256, as in SDP
	loggers     logging.LoggerFactory
}

// openICEPort opens the sockets of cfg.
func openICEPort(cfg *Config) (*icePort, error) {
	p := &icePort{loggers: &logging.DefaultLoggerFactory{Writer: io.Discard, DefaultLogLevel: logging.LogLevelDisabled}}
	var err error
	if p.cert, p.fingerprint, err = newCertificate(); err != nil {
		return nil, err
	}
	addrs, err := cfg.iceAddresses()
	if err != nil {
		return nil, err
	}
	p.port = uint16(max(0, cfg.WebRTC.Port))
	var errs []error
	for _, a := range addrs {
		s, err := openICESocket(a, p.port, cfg.SocketBuffer)
		switch {
		case errors.Is(err, unix.EADDRNOTAVAIL):
			p.foreign = append(p.foreign, a)
			continue
		case err != nil:
			errs = append(errs, fmt.Errorf("open webrtc port %s: %w", netip.AddrPortFrom(a, p.port), err))
			continue
		}
		p.port = s.addr.Port()
		p.socks = append(p.socks, s)
	}
	if len(errs) > 0 || len(p.socks) == 0 {
		for _, s := range p.socks {
			errs = append(errs, s.Close())
		}
		return nil, errors.Join(append(errs, errors.New("webrtc needs an address of this machine; see media.webrtc.addresses"))...)
	}
	var muxes []ice.UDPMux
	for _, s := range p.socks {
		muxes = append(muxes, ice.NewUDPMuxDefault(ice.UDPMuxParams{UDPConn: s, Logger: p.loggers.NewLogger("ice")}))
	}
	p.mux = ice.NewMultiUDPMuxDefault(muxes...)
	return p, nil
}

// WebRTCPortFree says in one sentence when browsers could not call: the port, which is opened with
// their first call, belongs to another program.
func (c Config) WebRTCPortFree() error {
	c = c.withDefaults()
	addrs, err := c.iceAddresses()
	if err != nil || c.WebRTC.Port < 0 {
		return err
	}
	for _, a := range addrs {
		at := netip.AddrPortFrom(a, uint16(c.WebRTC.Port)).String()
		conn, err := net.ListenPacket("udp", at)
		if errors.Is(err, unix.EADDRINUSE) {
			return fmt.Errorf("udp port %s is taken by another program, so browsers could not call: stop that one, or give another port in media.webrtc.port", at)
		}
		if err == nil {
			conn.Close()
		}
	}
	return nil
}

// close ends the sockets, and with them pion's reading goroutines; the legs are closed before.
func (p *icePort) close() error { return p.mux.Close() }

func (p *icePort) socket(a netip.AddrPort) *iceSocket {
	i := slices.IndexFunc(p.socks, func(s *iceSocket) bool { return s.addr == a })
	if i < 0 {
		return nil
	}
	return p.socks[i]
}

func (p *icePort) drops() (n uint64) {
	for _, s := range p.socks {
		n += uint64(s.lost.Load())
	}
	return n
}

// iceAddresses are the addresses told to browsers.
func (c *Config) iceAddresses() (addrs []netip.Addr, err error) {
	for _, s := range c.WebRTC.Addresses {
		addrs = append(addrs, netip.MustParseAddr(s).Unmap())
	}
	if len(addrs) > 0 {
		return addrs, nil
	}
	if listen := netip.MustParseAddr(c.Listen).Unmap(); !listen.IsUnspecified() {
		addrs = append(addrs, listen)
	} else if addrs, err = c.interfaceAddresses(); err != nil {
		return nil, err
	}
	if c.External != "" {
		if a := netip.MustParseAddr(c.External).Unmap(); !slices.Contains(addrs, a) {
			addrs = append(addrs, a)
		}
	}
	return addrs, nil
}

// interfaceAddresses are those of the interfaces that the configuration lets through.
func (c *Config) interfaceAddresses() (addrs []netip.Addr, err error) {
	interfaces, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("list interfaces: %w", err)
	}
	for _, i := range interfaces {
		named := slices.Contains(c.WebRTC.Interfaces, i.Name)
		if i.Flags&net.FlagUp == 0 || len(c.WebRTC.Interfaces) > 0 && !named || i.Flags&net.FlagLoopback != 0 && !c.WebRTC.Loopback && !named {
			continue
		}
		list, err := i.Addrs()
		if err != nil {
			return nil, fmt.Errorf("addresses of interface %s: %w", i.Name, err)
		}
		for _, a := range list {
			prefix, err := netip.ParsePrefix(a.String())
			if err == nil && !prefix.Addr().IsLinkLocalUnicast() {
				addrs = append(addrs, prefix.Addr().Unmap())
			}
		}
	}
	return addrs, nil
}

// iceSocket is one UDP socket of the port. pion reads it by ReadFromAddrPort and
// gets what is not media of a known path.
type iceSocket struct {
	*net.UDPConn
	raw  socket // the same descriptor, for sending without ever waiting
	addr netip.AddrPort
	lost atomic.Uint32 // datagrams lost in the full receive buffer
	oob  [128]byte     // reading goroutine only

	mu     sync.RWMutex
	routes map[netip.AddrPort]*webrtc
}

func openICESocket(addr netip.Addr, port uint16, buffer int) (*iceSocket, error) {
	c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(addr, port)))
	if err != nil {
		return nil, err
	}
	s := &iceSocket{UDPConn: c, routes: map[netip.AddrPort]*webrtc{}}
	local := c.LocalAddr().(*net.UDPAddr).AddrPort()
	s.addr = netip.AddrPortFrom(local.Addr().Unmap(), local.Port())
	raw, err := c.SyscallConn()
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	s.raw = socket{v6: !s.addr.Addr().Is4(), port: s.addr.Port()}
	var opt error
	err = raw.Control(func(fd uintptr) {
		s.raw.fd = int(fd)
		opt = s.raw.options(buffer)
	})
	if err = errors.Join(err, opt); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return s, nil
}

// ReadFromAddrPort reads the next datagram that is pion's: STUN, DTLS, and media of
// paths not known yet. Media of the others goes to its leg.
func (s *iceSocket) ReadFromAddrPort(b []byte) (int, netip.AddrPort, error) {
	for {
		n, oobn, _, from, err := s.ReadMsgUDPAddrPort(b, s.oob[:])
		if err != nil {
			return n, from, err
		}
		from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
		if n == 0 || b[0] < 128 || b[0] > 191 {
			return n, from, nil
		}
		s.mu.RLock()
		w := s.routes[from]
		s.mu.RUnlock()
		if w == nil {
			return n, from, nil
		}
		at, lost := ancillary(s.oob[:oobn])
		if lost != 0 {
			s.lost.Store(lost)
		}
		w.queue.put(b[:n], at)
	}
}

// WriteToAddrPort sends for pion.
func (s *iceSocket) WriteToAddrPort(b []byte, to netip.AddrPort) (int, error) {
	return s.WriteToUDPAddrPort(b, to)
}

func (s *iceSocket) route(from netip.AddrPort, w *webrtc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.routes[from] = w
}

// forget drops one path of a leg.
func (s *iceSocket) forget(from netip.AddrPort, w *webrtc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.routes[from] == w {
		delete(s.routes, from)
	}
}

// unroute forgets all paths of a leg.
func (s *iceSocket) unroute(w *webrtc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for from, o := range s.routes {
		if o == w {
			delete(s.routes, from)
		}
	}
}

// newCertificate makes the certificate that all legs show in DTLS; browsers know it by
// the fingerprint in the SDP only (RFC 8122).
func newCertificate() (tls.Certificate, string, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, "", fmt.Errorf("make dtls key: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return tls.Certificate{}, "", fmt.Errorf("make dtls certificate: %w", err)
	}
	now := time.Now()
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "WebRTC"},
		NotBefore: now.Add(-24 * time.Hour), NotAfter: now.AddDate(10, 0, 0),
	}, &x509.Certificate{Subject: pkix.Name{CommonName: "WebRTC"}}, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, "", fmt.Errorf("make dtls certificate: %w", err)
	}
	sum := sha256.Sum256(der)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, hexPairs(sum[:]), nil
}

// hexPairs writes bytes as SDP does: 4A:AD:B9.
func hexPairs(b []byte) string {
	out := make([]byte, 0, 3*len(b))
	for i, v := range b {
		if i > 0 {
			out = append(out, ':')
		}
		out = fmt.Appendf(out, "%02X", v)
	}
	return string(out)
}
