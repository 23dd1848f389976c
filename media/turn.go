package media

import (
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/pion/turn/v5"
	"golang.org/x/net/netutil"
)

// TURNConfig is the part of the configuration for the relay (RFC 8656) that carries
// browsers behind firewalls: their packets come in by UDP, TCP or TLS on one well-known
// port. The zero value is off.
type TURNConfig struct {
	// Listen is the address and port for UDP and TCP, for example 0.0.0.0:3478; empty is off.
	Listen string `yaml:"listen" koanf:"listen"`
	// ListenTLS is the address and port for TLS, for example 0.0.0.0:5349, with Certificate
	// and Key, files in PEM form; empty is without.
	ListenTLS   string `yaml:"listen_tls" koanf:"listen_tls"`
	Certificate string `yaml:"certificate" koanf:"certificate"`
	Key         string `yaml:"key" koanf:"key"`
	// Host is the name or address by which browsers find the relay. Default: the first
	// address of media.webrtc. With TLS it is the name in the certificate.
	Host string `yaml:"host" koanf:"host"`
	// PortMin and PortMax bound the UDP ports of relays, default 31000 to 31999.
	PortMin int `yaml:"port_min" koanf:"port_min"`
	PortMax int `yaml:"port_max" koanf:"port_max"`
	// Secret makes the passwords; default is a new one at every start. Servers that share
	// their users share it.
	Secret string `yaml:"secret" koanf:"secret"`
	// Lifetime of credentials, default 12 h: a call that is relayed ends with them.
	Lifetime time.Duration `yaml:"lifetime" koanf:"lifetime"`
	// PerUser is how many relays one user may have, default 8.
	PerUser int `yaml:"per_user" koanf:"per_user"`
}

func (c TURNConfig) withDefaults() TURNConfig {
	if c.PortMin == 0 {
		c.PortMin = 31000
	}
	if c.PortMax == 0 {
		c.PortMax = 31999
	}
	if c.Lifetime == 0 {
		c.Lifetime = 12 * time.Hour
	}
	if c.PerUser == 0 {
		c.PerUser = 8
	}
	return c
}

func (c TURNConfig) check() error {
	if c.Listen == "" {
		if c.ListenTLS != "" {
			return errors.New("media.turn.listen_tls: needs media.turn.listen too")
		}
		return nil
	}
	for name, a := range map[string]string{"listen": c.Listen, "listen_tls": c.ListenTLS} {
		if _, err := netip.ParseAddrPort(a); err != nil && (a != "" || name == "listen") {
			return fmt.Errorf("media.turn.%s: %q is no address and port; use for example 0.0.0.0:3478", name, a)
		}
	}
	if c.ListenTLS != "" && (c.Certificate == "" || c.Key == "") {
		return errors.New("media.turn.listen_tls: needs media.turn.certificate and key")
	}
	if c.PortMin < 1024 || c.PortMax > 65535 || c.PortMax < c.PortMin {
		return fmt.Errorf("media.turn.port_min, port_max: %d to %d is no range of ports", c.PortMin, c.PortMax)
	}
	if c.Lifetime < time.Minute || c.PerUser < 1 {
		return fmt.Errorf("media.turn.lifetime, per_user: %v and %d are too small", c.Lifetime, c.PerUser)
	}
	return nil
}

// turnRealm is what RFC 8489 calls the realm; nobody sees it.
const turnRealm = "tingxin"

// maxTURNStreams bounds the TCP and TLS connections of one listener.
const maxTURNStreams = 2048

// turnServer is the relay. It relays to this server's own WebRTC port and nowhere else,
// so that a stolen password opens no way into the network behind.
type turnServer struct {
	cfg    TURNConfig
	secret string
	host   string
	port   uint16 // of UDP and TCP
	tls    uint16 // 0 without
	server *turn.Server

	mu    sync.Mutex
	users map[string]int // relays of each user
}

// openTURN starts the relay for the legs on p.
func openTURN(cfg TURNConfig, p *icePort) (*turnServer, error) {
	own := slices.Clone(p.foreign)
	for _, s := range p.socks {
		own = append(own, s.addr.Addr())
	}
	t := &turnServer{cfg: cfg, secret: cfg.Secret, host: cfg.Host, users: map[string]int{}}
	if t.secret == "" {
		t.secret = rand.Text()
	}
	if t.host == "" {
		t.host = own[0].String()
	}
	relay := func() turn.RelayAddressGenerator {
		return &turn.RelayAddressGeneratorPortRange{
			RelayAddress: p.socks[0].addr.Addr().AsSlice(), Address: p.socks[0].addr.Addr().String(),
			MinPort: uint16(cfg.PortMin), MaxPort: uint16(cfg.PortMax), MaxRetries: 100,
		}
	}
	permit := func(_ net.Addr, peer net.IP) bool {
		a, ok := netip.AddrFromSlice(peer)
		return ok && slices.Contains(own, a.Unmap())
	}
	packet, streams, err := t.listen()
	if err != nil {
		return nil, err
	}
	config := turn.ServerConfig{
		Realm: turnRealm, LoggerFactory: p.loggers,
		AuthHandler:  turn.LongTermTURNRESTAuthHandler(t.secret, p.loggers.NewLogger("turn")),
		QuotaHandler: t.quota,
		EventHandler: turn.EventHandler{
			OnAllocationCreated: func(_, _ net.Addr, _, user, _ string, _ net.Addr, _ int) { t.count(user, 1) },
			OnAllocationDeleted: func(_, _ net.Addr, _, user, _ string) { t.count(user, -1) },
		},
		PacketConnConfigs: []turn.PacketConnConfig{{PacketConn: packet, RelayAddressGenerator: relay(), PermissionHandler: permit}},
	}
	for _, l := range streams {
		config.ListenerConfigs = append(config.ListenerConfigs, turn.ListenerConfig{Listener: l, RelayAddressGenerator: relay(), PermissionHandler: permit})
	}
	if t.server, err = turn.NewServer(config); err != nil {
		errs := []error{fmt.Errorf("start turn: %w", err), packet.Close()}
		for _, l := range streams {
			errs = append(errs, l.Close())
		}
		return nil, errors.Join(errs...)
	}
	return t, nil
}

// listen opens the sockets: UDP, TCP on the same port, and TLS.
func (t *turnServer) listen() (packet net.PacketConn, streams []net.Listener, err error) {
	fail := func(err error) (net.PacketConn, []net.Listener, error) {
		errs := []error{fmt.Errorf("start turn: %w", err)}
		if packet != nil {
			errs = append(errs, packet.Close())
		}
		for _, l := range streams {
			errs = append(errs, l.Close())
		}
		return nil, nil, errors.Join(errs...)
	}
	if packet, err = net.ListenPacket("udp", t.cfg.Listen); err != nil {
		return fail(err)
	}
	at := packet.LocalAddr().(*net.UDPAddr).AddrPort()
	t.port = at.Port()
	tcp, err := net.Listen("tcp", at.String())
	if err != nil {
		return fail(err)
	}
	streams = append(streams, netutil.LimitListener(tcp, maxTURNStreams))
	if t.cfg.ListenTLS == "" {
		return packet, streams, nil
	}
	cert, err := tls.LoadX509KeyPair(t.cfg.Certificate, t.cfg.Key)
	if err != nil {
		return fail(err)
	}
	secure, err := net.Listen("tcp", t.cfg.ListenTLS)
	if err != nil {
		return fail(err)
	}
	t.tls = secure.Addr().(*net.TCPAddr).AddrPort().Port()
	streams = append(streams, tls.NewListener(netutil.LimitListener(secure, maxTURNStreams), &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}))
	return packet, streams, nil
}

// quota says whether a user may have one more relay.
func (t *turnServer) quota(user, _ string, _ net.Addr) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.users[user] < t.cfg.PerUser
}

func (t *turnServer) count(user string, n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.users[user] += n; t.users[user] <= 0 {
		delete(t.users, user)
	}
}

func (t *turnServer) relays() int { return t.server.AllocationCount() }

func (t *turnServer) close() error { return t.server.Close() }

// TURNCredentials tells a user's browser how to reach the relay: the URLs, and a name and
// password that hold for ttl (the "TURN REST API", draft-uberti-behave-turn-rest). Fresh
// ones are made for every login. ok is false when the relay is off.
func (e *Engine) TURNCredentials(user string) (urls []string, name, password string, ttl time.Duration, ok bool) {
	e.mu.Lock()
	t := e.turn
	e.mu.Unlock()
	if t == nil {
		return nil, "", "", 0, false
	}
	user = strings.ReplaceAll(user, ":", "_")
	name, password, err := turn.GenerateLongTermTURNRESTCredentials(t.secret, user, t.cfg.Lifetime)
	if err != nil {
		return nil, "", "", 0, false
	}
	at := func(port uint16) string { return net.JoinHostPort(t.host, fmt.Sprint(port)) }
	urls = []string{"turn:" + at(t.port) + "?transport=udp", "turn:" + at(t.port) + "?transport=tcp"}
	if t.tls != 0 {
		urls = append(urls, "turns:"+at(t.tls)+"?transport=tcp")
	}
	return urls, name, password, t.cfg.Lifetime, true
}
