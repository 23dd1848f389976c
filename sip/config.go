package sip

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/nyaruka/phonenumbers"

	"tingxin/sip/sdp"
	"tingxin/sip/wire"
)

// Config of the signalling. The zero value listens on udp and tcp 5060 of every
// address and trusts the machine itself alone.
type Config struct {
	// Listen holds "udp:host:port", "tcp:host:port" or "tls:host:port"; port 0 takes a free one.
	Listen []string `yaml:"listen" koanf:"listen"`
	// TLS of the tls listeners and of outgoing tls connections.
	TLS TLSConfig `yaml:"tls" koanf:"tls"`
	// External is the host peers outside reach us under; empty = the address the route to the peer uses.
	External string `yaml:"external" koanf:"external"`
	// Domain is the digest realm and the host of our From; empty = "tingxin".
	Domain string `yaml:"domain" koanf:"domain"`
	// Unknown says what happens to requests from unknown sources: "reject" (403, default) or "drop".
	Unknown string `yaml:"unknown" koanf:"unknown"`
	// Trunks we take calls from and place calls to. None: one named "local" for loopback addresses.
	Trunks []Trunk `yaml:"trunks" koanf:"trunks"`
	// Users of ours, who register and call; others come from a Directory. Without both there is no registrar.
	Users []UserEntry `yaml:"users" koanf:"users"`
	// RegisterMin and RegisterMax bound how long a registration lasts, RegisterDefault is for those who do not
	// ask; 0 = 20 s, 1 h, 10 min.
	RegisterMin     time.Duration `yaml:"register_min" koanf:"register_min"`
	RegisterMax     time.Duration `yaml:"register_max" koanf:"register_max"`
	RegisterDefault time.Duration `yaml:"register_default" koanf:"register_default"`
	// MaxBindings of one user, the oldest gives way; MaxRegistrations of all; 0 = 8, 20000.
	MaxBindings      int `yaml:"max_bindings" koanf:"max_bindings"`
	MaxRegistrations int `yaml:"max_registrations" koanf:"max_registrations"`
	// Origins of pages that may connect besides those of the same host, such as "https://desk.example".
	Origins []string `yaml:"origins" koanf:"origins"`
	// KeepAlive is after how long a silent connection is asked for a sign of life, twice, before it is ended; 0 = 25 s.
	KeepAlive time.Duration `yaml:"keep_alive" koanf:"keep_alive"`
	// Lost is how long a call of a browser outlives its connection; 0 = 30 s. One that is still heard has 3 minutes.
	// After a page was loaded anew: LostReload, 0 = 10 s.
	Lost       time.Duration `yaml:"lost" koanf:"lost"`
	LostReload time.Duration `yaml:"lost_reload" koanf:"lost_reload"`
	// Outbound routes of numbers to trunks. Region is the country of numbers without an international prefix (ISO
	// 3166-1 letters, "CN"); FailOver how long a trunk may take to say anything; 0 = 3 s.
	Outbound []OutboundRoute `yaml:"outbound" koanf:"outbound"`
	Region   string          `yaml:"region" koanf:"region"`
	FailOver time.Duration   `yaml:"fail_over" koanf:"fail_over"`
	// MaxCalls bounds the dialogs of the server; 0 = 2000.
	MaxCalls int `yaml:"max_calls" koanf:"max_calls"`
	// MaxConnections bounds open stream connections; 0 = 4096.
	MaxConnections int `yaml:"max_connections" koanf:"max_connections"`
	// SessionExpires we ask for (RFC 4028); 0 = 30 min. MinSE we accept; 0 = 90 s. Seconds are the unit on the wire.
	SessionExpires time.Duration `yaml:"session_expires" koanf:"session_expires"`
	MinSE          time.Duration `yaml:"min_se" koanf:"min_se"`
	// RingTimeout ends an incoming call that nobody answered; 0 = 3 min.
	RingTimeout time.Duration `yaml:"ring_timeout" koanf:"ring_timeout"`
	// SocketBuffer asked for each UDP socket, bytes; 0 = 4 MiB.
	SocketBuffer int `yaml:"socket_buffer" koanf:"socket_buffer"`
	// NonceTTL is how long a digest nonce is good; 0 = 60 s.
	NonceTTL time.Duration `yaml:"nonce_ttl" koanf:"nonce_ttl"`
	// Guesses wrong passwords from one address within GuessWindow lock it out for GuessLock; 0 = 5, 1 min, 5 min.
	// Four times as many at one user, from anywhere, lock that user for new addresses.
	Guesses     int           `yaml:"guesses" koanf:"guesses"`
	GuessWindow time.Duration `yaml:"guess_window" koanf:"guess_window"`
	GuessLock   time.Duration `yaml:"guess_lock" koanf:"guess_lock"`
	// DrainRetry is the Retry-After while draining or full; 0 = 10 s.
	DrainRetry time.Duration `yaml:"drain_retry" koanf:"drain_retry"`
	// UserAgent is sent as Server and User-Agent; empty = "Tingxin".
	UserAgent string `yaml:"user_agent" koanf:"user_agent"`
	// T1, T2, T4 of RFC 3261 17; 0 = 500 ms, 4 s, 5 s. Tests shorten them.
	T1 time.Duration `yaml:"t1" koanf:"t1"`
	T2 time.Duration `yaml:"t2" koanf:"t2"`
	T4 time.Duration `yaml:"t4" koanf:"t4"`
}

// TLSConfig names certificate files. Without Cert a self-signed one is made at start.
type TLSConfig struct {
	Cert string `yaml:"cert" koanf:"cert"`
	Key  string `yaml:"key" koanf:"key"`
	// CA verifies peers instead of the system's roots.
	CA string `yaml:"ca" koanf:"ca"`
	// SkipVerify accepts any certificate on outgoing connections.
	SkipVerify bool `yaml:"skip_verify" koanf:"skip_verify"`
	// ClientCert demands a certificate signed by CA from peers that connect.
	ClientCert bool `yaml:"client_cert" koanf:"client_cert"`
}

// Trunk is a peer: a carrier, a PBX, a phone.
type Trunk struct {
	Name string `yaml:"name" koanf:"name"`
	// Addresses and prefixes its requests come from ("192.0.2.7", "10.0.0.0/8").
	Addresses []string `yaml:"addresses" koanf:"addresses"`
	// Auth demands digest from it. With Addresses too, both must hold.
	Auth *Auth `yaml:"auth" koanf:"auth"`
	// Credentials answer its challenges to our calls; empty = Auth.
	Credentials *Auth `yaml:"credentials" koanf:"credentials"`
	// Proxy is where calls to this trunk are sent, "sip:host:port;transport=udp".
	Proxy string `yaml:"proxy" koanf:"proxy"`
	// Transports it may use: "udp", "tcp", "tls"; empty = all.
	Transports []string `yaml:"transports" koanf:"transports"`
	// SRTP is "off" (default), "optional" or "required".
	SRTP string `yaml:"srtp" koanf:"srtp"`
	// MaxCalls at once and calls per second (CPS); 0 = no limit of its own.
	MaxCalls int `yaml:"max_calls" koanf:"max_calls"`
	CPS      int `yaml:"cps" koanf:"cps"`
	// SessionExpires of this trunk; 0 = the server's.
	SessionExpires time.Duration `yaml:"session_expires" koanf:"session_expires"`
	// Codecs in the order we offer them: PCMA, PCMU, G722, OPUS; empty = the first three, since Opus costs ten
	// times as much and a trunk that has it mostly ends in G.711 elsewhere.
	Codecs []string `yaml:"codecs" koanf:"codecs"`
	// Register tells the carrier where we are, with Credentials, refreshed before it runs out. Registrar is its
	// URI when it is not the Proxy's, RegisterAs our address of record ("sip:user@carrier", default by the user
	// name), RegisterExpires the time asked for; 0 = 1 h. Calls from the registrar's address are the trunk's.
	Register        bool          `yaml:"register" koanf:"register"`
	Registrar       string        `yaml:"registrar" koanf:"registrar"`
	RegisterAs      string        `yaml:"register_as" koanf:"register_as"`
	RegisterExpires time.Duration `yaml:"register_expires" koanf:"register_expires"`
	// Probe is how often OPTIONS asks whether it is there; 0 = never. ProbeMisses in a row mark it down,
	// ProbeReplies in a row up again; 0 = 3, 2.
	Probe        time.Duration `yaml:"probe" koanf:"probe"`
	ProbeMisses  int           `yaml:"probe_misses" koanf:"probe_misses"`
	ProbeReplies int           `yaml:"probe_replies" koanf:"probe_replies"`
	// Format of the numbers it wants: "" as dialled, "e164", "plain" (without +) or "national".
	Format string `yaml:"format" koanf:"format"`
	// CallerID rules of our calls by it.
	CallerID CallerID `yaml:"caller_id" koanf:"caller_id"`
}

// Auth is one digest account.
type Auth struct {
	Username string `yaml:"username" koanf:"username"`
	Password string `yaml:"password" koanf:"password"`
	// Algorithms we offer in our challenges: "SHA-256", "MD5"; empty = both in this order. Challenges of others are
	// answered by what they offer, so it says nothing in Trunk.Credentials.
	Algorithms []string `yaml:"algorithms" koanf:"algorithms"`
}

func or[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}

// withDefaults fills in what the zero value means.
func (c Config) withDefaults() Config {
	if len(c.Listen) == 0 {
		c.Listen = []string{"udp:0.0.0.0:5060", "tcp:0.0.0.0:5060"}
	}
	if len(c.Trunks) == 0 {
		c.Trunks = []Trunk{{Name: "local", Addresses: []string{"127.0.0.0/8", "::1"}}}
	}
	c.Domain = or(c.Domain, "tingxin")
	c.Unknown = or(c.Unknown, "reject")
	c.MaxCalls = or(c.MaxCalls, 2000)
	c.MaxConnections = or(c.MaxConnections, 4096)
	c.FailOver = or(c.FailOver, 3*time.Second)
	c.RegisterMin = or(c.RegisterMin, 20*time.Second)
	c.RegisterMax = or(c.RegisterMax, time.Hour)
	c.RegisterDefault = or(c.RegisterDefault, 10*time.Minute)
	c.MaxBindings = or(c.MaxBindings, 8)
	c.MaxRegistrations = or(c.MaxRegistrations, 20000)
	c.KeepAlive = or(c.KeepAlive, 25*time.Second)
	c.Lost = or(c.Lost, 30*time.Second)
	c.LostReload = or(c.LostReload, 10*time.Second)
	c.SessionExpires = or(c.SessionExpires, 30*time.Minute)
	c.MinSE = or(c.MinSE, 90*time.Second)
	c.RingTimeout = or(c.RingTimeout, 3*time.Minute)
	c.SocketBuffer = or(c.SocketBuffer, 4<<20)
	c.NonceTTL = or(c.NonceTTL, time.Minute)
	c.Guesses = or(c.Guesses, 5)
	c.GuessWindow = or(c.GuessWindow, time.Minute)
	c.GuessLock = or(c.GuessLock, 5*time.Minute)
	c.DrainRetry = or(c.DrainRetry, 10*time.Second)
	c.UserAgent = or(c.UserAgent, "Tingxin")
	c.T1 = or(c.T1, 500*time.Millisecond)
	c.T2 = or(c.T2, 4*time.Second)
	c.T4 = or(c.T4, 5*time.Second)
	return c
}

// Check reports the first setting that cannot work, as one sentence.
func (c Config) Check() error {
	c = c.withDefaults()
	for _, l := range c.Listen {
		if _, _, err := splitListen(l); err != nil {
			return err
		}
	}
	if c.Unknown != "reject" && c.Unknown != "drop" {
		return fmt.Errorf("sip.unknown is %q: use reject or drop", c.Unknown)
	}
	if (c.TLS.Cert == "") != (c.TLS.Key == "") {
		return errors.New("sip.tls needs both cert and key, or neither for a self-signed certificate")
	}
	if err := c.checkUsers(); err != nil {
		return err
	}
	names := map[string]bool{}
	for i := range c.Trunks {
		t := &c.Trunks[i]
		if t.Name == "" || names[t.Name] {
			return fmt.Errorf("sip.trunks[%d]: every trunk needs a name of its own", i)
		}
		names[t.Name] = true
		if err := t.check(); err != nil {
			return fmt.Errorf("sip.trunks %q: %w", t.Name, err)
		}
	}
	for i := range c.Outbound {
		if err := c.Outbound[i].check(c.Trunks); err != nil {
			return fmt.Errorf("sip.outbound[%d]: %w", i, err)
		}
	}
	if c.Region != "" && phonenumbers.GetCountryCodeForRegion(c.Region) == 0 {
		return fmt.Errorf("sip.region %q is no country: write two capital letters as in CN", c.Region)
	}
	return nil
}

func (c *Config) checkUsers() error {
	names := map[string]bool{}
	for i := range c.Users {
		u := &c.Users[i]
		if err := u.check(); err != nil {
			return fmt.Errorf("sip.users[%d]: %w", i, err)
		}
		if names[u.Name] {
			return fmt.Errorf("sip.users %q stands there twice", u.Name)
		}
		names[u.Name] = true
	}
	for _, o := range c.Origins {
		if u, err := url.Parse(o); err != nil || u.Scheme == "" || u.Host == "" || u.Path != "" {
			return fmt.Errorf("sip.origins %q: write scheme and host as in https://desk.example", o)
		}
	}
	if c.RegisterMin > c.RegisterMax {
		return errors.New("sip.register_min is longer than sip.register_max")
	}
	return nil
}

func (t *Trunk) check() error {
	if len(t.Addresses) == 0 && t.Auth == nil && t.Proxy == "" {
		return errors.New("needs addresses, auth or proxy")
	}
	for _, a := range t.Addresses {
		if _, err := parsePrefix(a); err != nil {
			return fmt.Errorf("address %q is no IP address or prefix", a)
		}
	}
	for _, tr := range t.Transports {
		if !slices.Contains([]string{"udp", "tcp", "tls"}, tr) {
			return fmt.Errorf("transport %q: use udp, tcp or tls", tr)
		}
	}
	switch sdp.Policy(t.SRTP) {
	case "", sdp.Off, sdp.Optional, sdp.Required:
	default:
		return fmt.Errorf("srtp %q: use off, optional or required", t.SRTP)
	}
	for _, codec := range t.Codecs {
		if !slices.Contains([]string{sdp.PCMA, sdp.PCMU, sdp.G722, sdp.Opus}, codec) {
			return fmt.Errorf("codec %q: use PCMA, PCMU, G722 or OPUS", codec)
		}
	}
	if t.Proxy != "" {
		if u, err := wire.ParseURI(t.Proxy); err != nil || u.Host == "" {
			return fmt.Errorf("proxy %q is no sip uri", t.Proxy)
		}
	}
	if err := t.checkOutbound(); err != nil {
		return err
	}
	for _, a := range []*Auth{t.Auth, t.Credentials} {
		if err := a.check(); err != nil {
			return err
		}
	}
	return nil
}

// checkOutbound judges what belongs to calling and registering.
func (t *Trunk) checkOutbound() error {
	if !slices.Contains([]string{formatDialled, formatE164, formatPlain, formatNational}, t.Format) {
		return fmt.Errorf("format %q: use e164, plain, national or nothing", t.Format)
	}
	switch {
	case t.Register && t.Credentials == nil && t.Auth == nil:
		return errors.New("register needs credentials")
	case (t.Register || t.Probe > 0) && t.Proxy == "":
		return errors.New("register and probe need a proxy")
	}
	for _, uri := range []string{t.Registrar, t.RegisterAs} {
		if u, err := wire.ParseURI(uri); uri != "" && (err != nil || u.Host == "") {
			return fmt.Errorf("%q is no sip uri", uri)
		}
	}
	return nil
}

func (a *Auth) check() error {
	if a == nil {
		return nil
	}
	if a.Username == "" || a.Password == "" {
		return errors.New("auth needs username and password")
	}
	for _, alg := range a.Algorithms {
		if alg != "SHA-256" && alg != "MD5" {
			return fmt.Errorf("auth algorithm %q: use SHA-256 or MD5", alg)
		}
	}
	return nil
}

func parsePrefix(s string) (netip.Prefix, error) {
	if strings.Contains(s, "/") {
		p, err := netip.ParsePrefix(s)
		return p.Masked(), err
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Prefix{}, err
	}
	a = a.Unmap()
	return netip.PrefixFrom(a, a.BitLen()), nil
}

// splitListen takes "udp:host:port" apart.
func splitListen(s string) (network, address string, err error) {
	network, address, ok := strings.Cut(s, ":")
	if !ok || !slices.Contains([]string{"udp", "tcp", "tls"}, network) || !strings.Contains(address, ":") {
		return "", "", fmt.Errorf("sip.listen %q: write udp:host:port, tcp:host:port or tls:host:port", s)
	}
	return network, address, nil
}
