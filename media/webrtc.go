package media

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/ice/v4"
)

// webrtc is the wire of a browser's leg: ICE finds the path, DTLS on it makes the
// keys, SRTP goes over the shared port. No RTP is sent before keys exist.
//
//	offer/answer -> ICE agent -> selected pair -> DTLS handshake -> keys of Leg.crypt
//	iceSocket -> queue -> receive (clock)          send (clock) -> iceSocket
//
// A path stays in use until ICE selects another one, so that an ICE restart costs no sound.
type webrtc struct {
	leg   *Leg
	port  *icePort
	agent *ice.Agent
	queue packetQueue
	path  atomic.Pointer[icePath]
	lost  atomic.Int64    // since when nothing is heard of the peer, unix nanoseconds; 0 while it is
	buf   [maxPacket]byte // clock goroutine only

	ctx    context.Context // ends with the leg
	cancel context.CancelCauseFunc
	tasks  sync.WaitGroup
	keyed  chan struct{} // closed when the first keys exist
	once   sync.Once
	suite  atomic.Pointer[string] // the SRTP profile agreed

	agree agreement // offer and answer

	mu       sync.Mutex // guards this group
	conn     *ice.Conn
	session  *dtlsSession
	gathered chan struct{}
	paths    []pathFrom // newest last
}

// icePath is where to send: the selected pair.
type icePath struct {
	sock *iceSocket
	to   sockaddr
}

// NewWebRTCLeg makes a leg for a browser on the shared UDP port; nothing is sent
// before Offer or AcceptOffer. id is for logs only.
func (e *Engine) NewWebRTCLeg(id string, log *slog.Logger) (*Leg, error) {
	if log == nil {
		log = e.log
	}
	port, err := e.icePort()
	if err != nil {
		return nil, fmt.Errorf("new webrtc leg: %w", err)
	}
	w := &webrtc{port: port, keyed: make(chan struct{})}
	if err := w.newAgent(); err != nil {
		return nil, fmt.Errorf("new webrtc leg: %w", err)
	}
	w.ctx, w.cancel = context.WithCancelCause(context.Background())
	l := newLeg(e, id, log)
	l.web, l.wire, w.leg = w, w, l
	l.jitter.init(min(max(e.cfg.JitterStart, webJitterStart), e.cfg.JitterMax), e.cfg.JitterMin, e.cfg.JitterMax)
	w.agree.init(l)
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		w.cancel(ErrClosed)
		return nil, fmt.Errorf("new webrtc leg: %w", errors.Join(ErrClosed, w.agent.GracefulClose()))
	}
	e.enter(l)
	return l, nil
}

// webJitterStart is the playout delay with which a browser's leg begins: its sound comes
// from an ordinary process on an ordinary network.
const webJitterStart = 80 * time.Millisecond

// icePort opens the shared port with the first leg.
func (e *Engine) icePort() (*icePort, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil, ErrClosed
	}
	if e.ice == nil {
		p, err := openICEPort(&e.cfg)
		if err != nil {
			return nil, err
		}
		e.ice = p
	}
	return e.ice, nil
}

func (w *webrtc) newAgent() (err error) {
	w.agent, err = ice.NewAgentWithOptions(
		ice.WithUDPMux(w.port.mux),
		ice.WithIncludeLoopback(),
		ice.WithNetworkTypes([]ice.NetworkType{ice.NetworkTypeUDP4, ice.NetworkTypeUDP6}),
		ice.WithCandidateTypes([]ice.CandidateType{ice.CandidateTypeHost}),
		// Browsers may hide their addresses behind names of multicast DNS; they are
		// found by their own checks (peer-reflexive candidates).
		ice.WithMulticastDNSMode(ice.MulticastDNSModeDisabled),
		// Where we choose the pair, pion would wait a second for something better than an
		// address learnt from a check, and two for something better than a relay.
		ice.WithPrflxAcceptanceMinWait(0),
		ice.WithSrflxAcceptanceMinWait(0),
		ice.WithRelayAcceptanceMinWait(200*time.Millisecond),
		ice.WithCheckInterval(50*time.Millisecond),
		// A caller's browser checks nothing before it has our answer, which may be minutes of
		// ringing away; pion would give up for good after 30 s. When to stop sending is ours: see lapse.
		ice.WithFailedTimeout(0),
		ice.WithLoggerFactory(w.port.loggers),
	)
	if err != nil {
		return fmt.Errorf("ice agent: %w", err)
	}
	return errors.Join(
		w.agent.OnCandidate(w.candidate),
		w.agent.OnSelectedCandidatePairChange(w.selected),
		w.agent.OnConnectionStateChange(w.state),
	)
}

// gather makes the host candidates known to the agent; with a shared port that takes no time.
func (w *webrtc) gather(ctx context.Context) error {
	done := make(chan struct{})
	w.mu.Lock()
	w.gathered = done
	w.mu.Unlock()
	if err := w.agent.GatherCandidates(); err != nil {
		return fmt.Errorf("gather candidates: %w", err)
	}
	select {
	case <-done:
		return nil
	case <-w.ctx.Done():
		return context.Cause(w.ctx)
	case <-ctx.Done():
		return fmt.Errorf("gather candidates: %w", context.Cause(ctx))
	}
}

// candidate is called by the agent; nil ends the gathering.
func (w *webrtc) candidate(c ice.Candidate) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if c == nil && w.gathered != nil {
		close(w.gathered)
		w.gathered = nil
	}
}

// selected is called by the agent when a pair was nominated.
func (w *webrtc) selected(local, remote ice.Candidate) {
	from, ok := candidateAddr(local)
	sock := w.port.socket(from)
	to, ok2 := candidateAddr(remote)
	if !ok || !ok2 || sock == nil {
		w.leg.log.Warn("ice selected a pair without a socket", "local", local.String(), "remote", remote.String())
		return
	}
	w.remember(sock, to)
	select {
	case <-w.ctx.Done(): // close may have come before the route
		sock.unroute(w)
		return
	default:
	}
	w.mu.Lock()
	w.path.Store(&icePath{sock: sock, to: sock.raw.address(to)})
	w.mu.Unlock()
	w.retarget()
	w.leg.log.Debug("ice pair selected", "local", from, "remote", to)
}

// maxPaths is how many paths of a leg are known at once: the present one, and those
// that late packets may still take.
const maxPaths = 8

// remember lets media from a path come to this leg; the oldest of many is forgotten.
func (w *webrtc) remember(sock *iceSocket, from netip.AddrPort) {
	sock.route(from, w)
	w.mu.Lock()
	defer w.mu.Unlock()
	p := pathFrom{sock, from}
	w.paths = append(slices.DeleteFunc(w.paths, func(o pathFrom) bool { return o == p }), p)
	if len(w.paths) > maxPaths {
		w.paths[0].sock.forget(w.paths[0].from, w)
		w.paths = slices.Delete(w.paths, 0, 1)
	}
}

// pathFrom is where a path ends: our socket and the browser's address.
type pathFrom struct {
	sock *iceSocket
	from netip.AddrPort
}

// consent is how long nothing may have been heard of a browser until nothing more is sent to it (RFC 7675 section 5.1).
const consent = 30 * time.Second

// iceDeaf is after how long without an answer pion calls a path disconnected.
const iceDeaf = 5 * time.Second

// state is called by the agent: a path that is heard again is taken again.
func (w *webrtc) state(s ice.ConnectionState) {
	w.leg.log.Debug("ice state", "state", s.String())
	switch s {
	case ice.ConnectionStateConnected, ice.ConnectionStateCompleted:
		w.lost.Store(0)
		if pair, err := w.agent.GetSelectedCandidatePair(); err == nil && pair != nil && !w.aimed() {
			w.selected(pair.Local, pair.Remote)
		}
	case ice.ConnectionStateDisconnected:
		w.lost.CompareAndSwap(0, time.Now().Add(-iceDeaf).UnixNano())
	case ice.ConnectionStateChecking: // begun, or begun anew while the old path stays in use
		w.lost.CompareAndSwap(0, time.Now().UnixNano())
	}
}

// lapse stops sending to a browser of which nothing was heard for the time of consent. The leg's mu is held.
func (w *webrtc) lapse(l *Leg) {
	at := w.lost.Load()
	if at == 0 || !w.aimed() || time.Since(time.Unix(0, at)) < consent {
		return
	}
	w.mu.Lock()
	if w.lost.Load() == at { // it has not come back meanwhile
		w.path.Store(nil)
	}
	w.mu.Unlock()
	l.retarget()
}

func (w *webrtc) retarget() {
	w.leg.mu.Lock()
	defer w.leg.mu.Unlock()
	w.leg.retarget()
}

func candidateAddr(c ice.Candidate) (netip.AddrPort, bool) {
	a, err := netip.ParseAddr(c.Address())
	return netip.AddrPortFrom(a.Unmap(), uint16(c.Port())), err == nil
}

// aimed says whether there is a path to send on.
func (w *webrtc) aimed() bool { return w.path.Load() != nil }

// receive hands over what came on the path since the last tick; a flood is left to
// fill the queue, where it is counted. A browser may have its keys, and speak, a moment
// before us: that waits in the queue, since nothing of a browser is in the clear.
func (w *webrtc) receive(l *Leg, k *walker) {
	w.lapse(l)
	if l.crypt == nil {
		return
	}
	for range maxBatches * batchSize {
		b, at, ok := w.queue.take(w.buf[:])
		if !ok {
			return
		}
		l.datagram(k, b, netip.AddrPort{}, k.arrival(at))
	}
}

func (w *webrtc) send(b []byte, _ bool) bool {
	p := w.path.Load()
	return p != nil && p.sock.raw.send(b, &p.to)
}

func (w *webrtc) drops() uint64 { return w.queue.lost() }

// begin starts ICE with the peer's credentials and reads what it brings.
func (w *webrtc) begin(controlling bool, ufrag, pwd string) error {
	start := w.agent.StartAccept
	if controlling {
		start = w.agent.StartDial
	}
	conn, err := start(ufrag, pwd)
	if err != nil {
		return fmt.Errorf("start ice: %w", err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ctx.Err() != nil {
		return context.Cause(w.ctx)
	}
	w.conn = conn
	// Ends when the agent is closed.
	w.tasks.Go(func() { w.read(conn) })
	return nil
}

// read takes what pion lets through: DTLS, and media that was earlier than its path.
func (w *webrtc) read(conn *ice.Conn) {
	buf := make([]byte, 8192)
	for {
		n, err := conn.Read(buf)
		if err != nil {
			return
		}
		switch b := buf[:n]; {
		case n == 0:
		case b[0] >= 20 && b[0] <= 63:
			w.mu.Lock()
			if w.session != nil {
				w.session.pipe.put(b)
			}
			w.mu.Unlock()
		case b[0] >= 128 && b[0] <= 191:
			w.queue.put(b, time.Now().UnixNano())
		}
	}
}

// secure starts a DTLS association; an earlier one ends.
func (w *webrtc) secure(client bool, fingerprints []fingerprint) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ctx.Err() != nil {
		return context.Cause(w.ctx)
	}
	if old := w.session; old != nil {
		old.end()
	}
	s := newDTLSSession(w, client, fingerprints)
	w.session = s
	// Ends when the session or the leg does.
	w.tasks.Go(s.run)
	return nil
}

// keys takes over what a handshake brought.
func (w *webrtc) keys(s *dtlsSession, c *crypt, profile string) {
	w.mu.Lock()
	current := w.session == s
	w.mu.Unlock()
	if !current {
		return
	}
	l := w.leg
	l.mu.Lock()
	if !l.closed {
		l.crypt = c
		l.retarget()
	}
	l.mu.Unlock()
	w.suite.Store(&profile)
	w.once.Do(func() { close(w.keyed) })
}

// close ends in one order, whatever was begun: no more set-up, no more route, DTLS
// (its alert still goes out), ICE, then our goroutines.
func (w *webrtc) close() {
	w.cancel(ErrClosed)
	for _, s := range w.port.socks {
		s.unroute(w)
	}
	w.mu.Lock()
	session := w.session
	w.mu.Unlock()
	if session != nil {
		session.end()
	}
	if err := w.agent.GracefulClose(); err != nil {
		w.leg.log.Debug("close ice", "error", err)
	}
	w.tasks.Wait()
	for _, s := range w.port.socks { // the agent may have selected a pair meanwhile
		s.unroute(w)
	}
}

// Secured is closed when a WebRTC leg has its path and keys, so that sound can
// flow; a leg with ports of its own has none and returns nil.
func (l *Leg) Secured() <-chan struct{} {
	if l.web == nil {
		return nil
	}
	return l.web.keyed
}

// Web says whether it is a browser's leg.
func (l *Leg) Web() bool { return l.web != nil }
