package sip

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"hash/maphash"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"tingxin/call"
	"tingxin/media"
	"tingxin/sip/sdp"
	"tingxin/sip/wire"
)

// Acceptor takes new calls; *call.Manager satisfies it. Accept starts the call
// and returns; its errors call.ErrBusy, ErrNoRoute and ErrDraining become 503,
// 404 and 503.
type Acceptor interface {
	Accept(ctx context.Context, in call.Incoming) (call.Handler, error)
}

// legMaker opens media legs; *media.Engine satisfies it.
type legMaker interface {
	NewLeg(id string, log *slog.Logger) (*media.Leg, error)
	NewWebRTCLeg(id string, log *slog.Logger) (*media.Leg, error)
}

// Server is the signalling of one machine. It satisfies call.Dialer.
type Server struct {
	cfg       Config
	log       *slog.Logger
	engine    legMaker
	webLegs   func(id string, log *slog.Logger) (*media.Leg, webLeg, error)
	acceptor  Acceptor
	transport *transport
	trunks    atomic.Pointer[trunks]
	auth      *authenticator
	users     Directory // nil: no registrar
	settled   *settled  // the users of the configuration, the first of users
	anywhere  bool      // users may come from any address with a digest, not only as browsers, whatever users says
	tokens    TokenVerifier
	registrar *registrar
	nodes     Nodes  // nil: this server is alone
	nobody    string // digest of unknown users
	tx        *transactions
	gosipLog  *slog.Logger
	stats     stats
	rules     *wire.Rules
	supported string // our option tags
	seed      maphash.Seed
	plain     *trunk // stands for "no trunk" of outgoing legs
	people    *trunk // of users

	draining atomic.Bool
	base     context.Context
	cancel   context.CancelFunc
	wg       sync.WaitGroup // dialogs and what they start

	setting sync.Mutex // one SetTrunks at a time

	mu      sync.Mutex
	closed  bool
	started bool
	dialogs map[dialogKey]*dialog
	owes    map[seat][]owed
	origins map[string]*dialog // Call-ID, From tag and CSeq of INVITEs that made a dialog
	routes  map[netip.Addr]netip.Addr
}

// dialogKey is the identity of a dialog without the peer's tag, which may be
// unknown or several; it is checked after the look-up.
type dialogKey struct{ callID, localTag string }

var _ call.Dialer = (*Server)(nil)

// Option is a part that not every server has.
type Option func(*Server)

// WithDirectory adds users to those of the configuration, who come first.
func WithDirectory(d Directory) Option {
	return func(s *Server) {
		s.anywhere = true
		withUsers(s, d)
	}
}

// WithPages is WithDirectory for users who come as browsers, by token. Unless d is a
// DigestDirectory that has digests, a stranger on another transport is refused as if
// they were not there.
func WithPages(d Directory) Option { return func(s *Server) { withUsers(s, d) } }

func withUsers(s *Server, d Directory) {
	if s.users == nil {
		s.users = directories{s.settled}
	}
	s.users = append(s.users.(directories), d)
}

// WithTokens lets users prove themselves by a bearer token too.
func WithTokens(v TokenVerifier) Option { return func(s *Server) { s.tokens = v } }

// WithBindingStore has the table of bindings written down.
func WithBindingStore(b BindingStore) Option { return func(s *Server) { s.registrar.store = b } }

// WithNodes finds users at the other servers of a cluster.
func WithNodes(n Nodes) Option { return func(s *Server) { s.nodes = n } }

// New stores what a server needs; Start opens the sockets.
func New(cfg Config, engine *media.Engine, calls Acceptor, log *slog.Logger, options ...Option) (*Server, error) {
	return newServer(cfg, engine, calls, log, options...)
}

func newServer(cfg Config, engine legMaker, calls Acceptor, log *slog.Logger, options ...Option) (*Server, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	useTimers(cfg.T1, cfg.T2, cfg.T4)
	s := &Server{cfg: cfg, log: log, engine: engine, acceptor: calls,
		auth: newAuthenticator(cfg), tx: newTransactions(), gosipLog: slog.New(quietHandler{log.Handler()}), seed: maphash.MakeSeed(), plain: &trunk{}, people: &trunk{Trunk: Trunk{SRTP: string(sdp.Optional)}},
		dialogs: map[dialogKey]*dialog{}, origins: map[string]*dialog{}, owes: map[seat][]owed{}, routes: map[netip.Addr]netip.Addr{}}
	s.webLegs = s.engineWebLeg
	s.trunks.Store(newTrunks(cfg.Trunks, cfg.Outbound, nil))
	s.registrar, s.nobody = newRegistrar(cfg, &s.stats), randomID(32)
	s.settled = newSettled(cfg.Users, cfg.Domain)
	if len(cfg.Users) > 0 {
		s.users = directories{s.settled}
	}
	for _, o := range options {
		o(s)
	}
	s.rules = &wire.Rules{
		Methods: map[string]bool{"INVITE": true, "ACK": true, "BYE": true, "CANCEL": true, "OPTIONS": true,
			"UPDATE": true, "INFO": true, "PRACK": true, "REGISTER": s.users != nil, "SUBSCRIBE": false, "NOTIFY": true,
			"REFER": true, "MESSAGE": false, "PUBLISH": false},
		Extensions: map[string]bool{"100rel": true, "timer": true, "path": s.users != nil, "outbound": s.users != nil},
	}
	s.supported = "100rel, timer"
	if _, ok := calls.(Replacer); ok {
		s.supported += ", replaces"
		s.rules.Extensions["replaces"] = true
	}
	s.transport = newTransport(cfg, &s.stats, log, newCarrier(s.gosipLog, s.deliver, s.refused), s.guard, s.connectionLost)
	s.base, s.cancel = context.WithCancel(context.Background())
	return s, nil
}

// Start opens every listener and returns when all are being served.
func (s *Server) Start(ctx context.Context) error {
	if err := s.transport.start(ctx); err != nil {
		s.cancel()
		return err
	}
	for _, a := range s.transport.addresses() {
		s.log.Info("sip listening", "on", a)
	}
	s.wg.Go(s.sweepBindings) // ends when Close cancels
	s.mu.Lock()
	defer s.mu.Unlock()
	s.started = true
	for _, t := range s.trunks.Load().list {
		s.keep(t)
	}
	return nil
}

// sweepBindings forgets registrations that ran out.
func (s *Server) sweepBindings() {
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	for {
		select {
		case now := <-tick.C:
			s.registrar.sweep(now)
			s.judgeBindings()
			s.forgive(now)
		case <-s.base.Done():
			return
		}
	}
}

// Addresses lists the listeners with their real ports, as "udp:127.0.0.1:5060".
func (s *Server) Addresses() []string { return s.transport.addresses() }

// Drain refuses new calls with 503 and lets running ones go on.
func (s *Server) Drain() { s.draining.Store(true) }

// Close ends every dialog with BYE, CANCEL or a refusal, waits up to 2 s for
// their answers and returns when the last goroutine has ended. Twice is fine.
func (s *Server) Close() error {
	s.Drain()
	s.mu.Lock()
	first := !s.closed
	s.closed = true
	open := make([]*dialog, 0, len(s.dialogs))
	for _, d := range s.dialogs {
		open = append(open, d)
	}
	s.mu.Unlock()
	if !first {
		s.wg.Wait()
		return nil
	}
	for _, d := range open {
		d.post(func() { d.shutdown() })
	}
	s.unregister()
	s.awaitDialogs(2 * time.Second)
	s.cancel()
	s.transport.close()
	s.tx.stopAll()
	s.wg.Wait()
	return nil
}

// begins counts n goroutines that Close waits for; false while closing.
func (s *Server) begins(n int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.wg.Add(n)
	}
	return !s.closed
}

// awaitDialogs waits until the dialogs and their last requests are done.
func (s *Server) awaitDialogs(limit time.Duration) {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	end := time.After(limit)
	for s.stats.dialogs.Load() > 0 || s.openClients() > 0 {
		select {
		case <-tick.C:
		case <-end:
			return
		}
	}
}

// openClients counts requests of ours that wait for a final answer.
func (s *Server) openClients() (n int) {
	for _, t := range s.tx.clients() {
		if t.open() {
			n++
		}
	}
	return n
}

// sendResponse sends the bytes of a response where RFC 3261 18.2.2 and RFC
// 3581 want it: down the connection, or to received and rport.
func (s *Server) sendResponse(req *wire.Message, f flow, b []byte) {
	if u, ok := f.(udpFlow); ok {
		f = udpFlow{u.socket, netip.AddrPortFrom(u.to.Addr(), replyPort(req, u.to.Port()))}
	} else if !f.alive() {
		s.stats.sendErrors.Add(1)
		return
	}
	if err := f.send(b); err != nil {
		s.stats.sendErrors.Add(1)
	}
}

func replyPort(req *wire.Message, source uint16) uint16 {
	v := req.Via()
	if v == nil || v.Malformed {
		return source
	}
	// rport, or a sent-by that is not where it came from: behind NAT.
	_, rport := v.Params.Get("rport")
	_, moved := v.Params.Get("received")
	if rport || moved {
		return source
	}
	if v.Port != 0 {
		return uint16(v.Port)
	}
	return 5060
}

// stateless answers without a transaction; a repeated request gets the same
// answer with the same tag.
func (s *Server) stateless(m *wire.Message, f flow, status int, reason string, headers ...wire.Header) {
	if m.Method == "ACK" {
		return
	}
	n, _, _ := m.CSeq()
	tag := strconv.FormatUint(maphash.String(s.seed, m.CallID()+"\x00"+m.Get("From")+"\x00"+itoa(int(n))), 36)
	resp := wire.Answer(m, status, reason, tag)
	resp.Headers = append(resp.Headers, headers...)
	resp.Add("Server", s.cfg.UserAgent)
	s.stats.responses.add(itoa(status))
	s.sendResponse(m, f, resp.Bytes())
}

// advertised is the host and port peers reach us under when we talk over f.
func (s *Server) advertised(f flow) (host string, port uint16) {
	local := f.local()
	to := f.remote().Addr()
	if s.cfg.External != "" && !to.IsLoopback() {
		return s.cfg.External, local.Port()
	}
	if local.Addr().IsUnspecified() || !local.Addr().IsValid() {
		return s.routeTo(to).String(), local.Port()
	}
	return local.Addr().String(), local.Port()
}

const maxRoutes = 1024

// routeTo is our address on the way to a peer, by asking the kernel.
func (s *Server) routeTo(to netip.Addr) netip.Addr {
	s.mu.Lock()
	a, ok := s.routes[to]
	s.mu.Unlock()
	if ok {
		return a
	}
	c, err := net.Dial("udp", netip.AddrPortFrom(to, 9).String())
	if err != nil {
		return netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	a = addrPort(c.LocalAddr()).Addr()
	c.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.routes) >= maxRoutes {
		clear(s.routes)
	}
	s.routes[to] = a
	return a
}

// hostPort renders host:port for Via and Contact.
func hostPort(host string, port uint16) string {
	return net.JoinHostPort(host, strconv.Itoa(int(port)))
}

func itoa(n int) string { return strconv.Itoa(n) }

// randomID is n random bytes in hex, for tags, branches and Call-IDs.
func randomID(n int) string {
	b := make([]byte, n)
	rand.Read(b)
	return hex.EncodeToString(b)
}

func newBranch() string { return "z9hG4bK" + randomID(10) }

var errShutdown = errors.New("server is closing")
