package media

import (
	"bytes"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"tingxin/audio"
)

// Leg is one media path to one party. Its methods may be called from any
// goroutine. All sound is moved by the clock goroutine; mu is held by it while it
// works on the leg, never while it calls taps or sources.
type Leg struct {
	engine *Engine
	id     string
	log    *slog.Logger
	ssrc   uint32
	digits chan Digit
	ended  chan struct{} // closed by Close

	taps      tapList[audio.Writer]
	sent      tapList[audio.Writer]
	levels    tapList[LevelWriter]
	inband    atomic.Bool
	echo      atomic.Bool
	playout   atomic.Pointer[Playout]
	seat      atomic.Pointer[Member] // in a room
	codec     atomic.Uint32          // params.Codec, for other legs
	live      atomic.Bool            // configured
	hasEvents atomic.Bool            // events were agreed for what we send
	gone      atomic.Bool            // closed
	dialMu    sync.Mutex             // one SendDigits at a time
	relayTo   atomic.Pointer[Leg]    // where keys received here are pressed again
	relayed   chan *keySend          // keys of another leg to be pressed here

	// Clock goroutine only.
	rx     rxFrame // what was received in this tick
	hears  place   // in the tick, for receiving
	sends  int     // slot of the tick for sending
	source *Leg    // whose sound is sent; it tells the slot

	wire wire
	pair *pair   // the wire of a leg with ports of its own, else nil
	web  *webrtc // the wire of a browser's leg, else nil

	mu         sync.Mutex
	closed     bool
	params     Params
	configured time.Time
	firstTick  int64 // leg time 0; set before live
	last       time.Time
	peer       *Leg // bridged to
	latch      latch
	jitter     jitter
	opusClock  opusClock
	decoder    decoder
	recv       reception
	events     eventReceiver
	presses    presses
	inbandDet  audio.DTMFDetector
	tx         sender
	control    control
	crypt      *crypt
	counts     LegStats
	concealed  uint64 // timestamp units
	broke      bool
}

// place is the slot of the tick in which a leg receives, and the one in which it would wait less from the next tick on.
type place struct{ slot, want int }

// rxFrame is one tick's received sound in the forms others may want.
type rxFrame struct {
	kind   playKind
	codec  Codec
	code   bool             // payload holds 20 ms as it came
	data   [frameUnits]byte // the payload
	native [wideLen]int16   // decoded at the codec's rate
	n      int              // samples in native, 0 when not decoded
	flags  audio.Flags      // how the samples came about
	isWide bool             // frame is filled
	frame  audio.Frame
	levels bool    // power is known
	power  int64   // mean square of native
	noise  float64 // level of the speaker's noise floor
}

func newLeg(e *Engine, id string, log *slog.Logger) *Leg {
	l := &Leg{
		engine: e, id: id, log: log.With("leg", id),
		ssrc: rand.Uint32(), digits: make(chan Digit, 64), relayed: make(chan *keySend, 16), ended: make(chan struct{}),
	}
	l.taps.init()
	l.sent.init()
	l.levels.init()
	l.jitter.init(e.cfg.JitterStart, e.cfg.JitterMin, e.cfg.JitterMax)
	l.tx.init()
	l.control.init(l.ssrc)
	return l
}

// Local is the advertised RTP address and port for SDP; invalid on a WebRTC leg.
func (l *Leg) Local() netip.AddrPort { return l.LocalFor(netip.Addr{}) }

// LocalFor is Local as seen by the given peer: with no External address and an
// unspecified Listen address it is the address the route to the peer uses.
func (l *Leg) LocalFor(peer netip.Addr) netip.AddrPort {
	if l.pair == nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(l.engine.address(peer), l.pair.rtp.port)
}

// LocalRTCP is the advertised RTCP address and port: Local's port + 1.
func (l *Leg) LocalRTCP() netip.AddrPort {
	if l.pair == nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(l.engine.address(netip.Addr{}), l.pair.rtcp.port)
}

// address is what peers are told to send to.
func (e *Engine) address(peer netip.Addr) netip.Addr {
	peer = peer.Unmap()
	switch {
	case e.external.IsValid() && !peer.IsLoopback():
		return e.external
	case !e.listen.IsUnspecified():
		return e.listen
	}
	if !peer.IsValid() {
		peer = netip.AddrFrom4([4]byte{192, 0, 2, 1}) // documentation net: asks for the default route
	}
	// Connecting a UDP socket sends nothing; it only asks for the route.
	if c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(peer, 9))); err == nil {
		a := c.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap()
		_ = c.Close()
		return a
	}
	return netip.AddrFrom4([4]byte{127, 0, 0, 1})
}

// Configure applies what was agreed: the first answer and every later change
// (hold, new remote, codec, keys). Configuring the same twice changes nothing;
// the clock, sequence numbers and SSRC go on. A WebRTC leg agrees by SDP instead.
func (l *Leg) Configure(p Params) error {
	if l.web != nil {
		return fmt.Errorf("leg %s: configure: a WebRTC leg is configured by Offer, AcceptOffer and AcceptAnswer", l.id)
	}
	return l.configure(p)
}

func (l *Leg) configure(p Params) error {
	p = p.clean()
	if err := p.check(); err != nil {
		return fmt.Errorf("leg %s: configure: %w", l.id, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return fmt.Errorf("leg %s: configure: %w", l.id, ErrClosed)
	}
	first := l.configured.IsZero()
	if l.web == nil { // DTLS has its own keys
		if err := l.rekey(p.SRTP, first); err != nil {
			return fmt.Errorf("leg %s: configure: %w", l.id, err)
		}
	}
	// An address of zeros is the old way to hold (RFC 3264 section 8.4): nothing is
	// sent, and who was heard stays the only one.
	held := p.Remote.IsValid() && p.Remote.Addr().IsUnspecified() && !first
	if first || !held && (p.Relatch || p.Remote != l.params.Remote) {
		l.latch.open(p.Remote, p.Signalling)
	}
	if err := l.tx.set(&p, &l.engine.cfg); err != nil {
		return fmt.Errorf("leg %s: configure: %w", l.id, err)
	}
	if first || p.Codec != l.params.Codec {
		if err := l.decoder.set(p.Codec); err != nil {
			return fmt.Errorf("leg %s: configure: %w", l.id, err)
		}
		l.jitter.reset()
		l.opusClock = opusClock{}
		l.codec.Store(uint32(p.Codec))
		l.broke = true
	}
	l.events.scale = p.Codec.scale()
	l.events.set(p.EventRecvPT)
	l.hasEvents.Store(p.EventPT >= 0)
	l.params = p
	l.retarget()
	if first {
		l.configured = time.Now()
		l.firstTick = l.engine.clock.now.Load() + 1
		l.control.schedule(l.firstTick*tickNS, true)
		l.live.Store(true)
	}
	return nil
}

// rekey makes new SRTP contexts when the keys changed.
func (l *Leg) rekey(k *SRTPParams, first bool) error {
	old := l.params.SRTP
	same := (k == nil) == (old == nil) && (k == nil || k.Profile == old.Profile && bytes.Equal(k.SendKey, old.SendKey) && bytes.Equal(k.RecvKey, old.RecvKey))
	if same && !first {
		return nil
	}
	if k == nil {
		l.crypt = nil
		return nil
	}
	c, err := newCrypt(k)
	if err == nil {
		l.crypt = c
	}
	return err
}

// retarget makes the addresses to send to ready for the kernel. mu is held.
func (l *Leg) retarget() {
	if l.pair == nil {
		l.tx.ready = l.crypt != nil && l.web.aimed()
		return
	}
	to := l.latch.target()
	hold := l.params.Remote.IsValid() && l.params.Remote.Addr().IsUnspecified()
	l.tx.ready = to.IsValid() && to.Port() != 0 && !to.Addr().IsUnspecified() && !hold
	if !l.tx.ready {
		return
	}
	rtcp := l.params.RemoteRTCP
	switch {
	case l.params.RTCPMux:
		rtcp = to
	case l.control.heard.IsValid():
		rtcp = l.control.heard
	case !rtcp.IsValid() || rtcp.Addr() != to.Addr():
		rtcp = netip.AddrPortFrom(to.Addr(), to.Port()+1)
	}
	l.pair.aim(to, rtcp, l.params.RTCPMux)
	l.control.peer = to.Addr()
}

// AddTap writes every received frame to w, a steady 50 per second from Configure
// to Close, lost and missing ones filled and flagged. remove ends it; a frame
// being written at that moment may still arrive.
func (l *Leg) AddTap(w audio.Writer) (remove func()) { return l.taps.add(w) }

// AddSentTap writes every frame that we send on this leg to w (silence while we
// send nothing), on the same clock as AddTap.
func (l *Leg) AddSentTap(w audio.Writer) (remove func()) { return l.sent.add(w) }

// AddLevels writes the level of every received frame to w, as AddTap writes frames. It costs
// far less where nobody wants the frames themselves.
func (l *Leg) AddLevels(w LevelWriter) (remove func()) { return l.levels.add(w) }

// Digits delivers one Digit per key press. It is closed by Close.
func (l *Leg) Digits() <-chan Digit { return l.digits }

// DetectInband turns the detection of DTMF tones in the received sound on or off.
func (l *Leg) DetectInband(on bool) { l.inband.Store(on) }

// Echo sends back what is received.
func (l *Leg) Echo(on bool) { l.echo.Store(on) }

// Params returns what was last configured.
func (l *Leg) Params() Params {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.params
}

// Activity tells when packets came.
func (l *Leg) Activity() Activity {
	l.mu.Lock()
	defer l.mu.Unlock()
	return Activity{Configured: l.configured, Last: l.last, Held: !l.configured.IsZero() && !l.params.Direction.Receives()}
}

// Close sends RTCP BYE, closes the sockets and lets the ports rest. Twice is fine.
func (l *Leg) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	l.closed = true
	l.gone.Store(true)
	l.bye()
	close(l.ended)
	close(l.digits)
	stats := l.stats()
	l.mu.Unlock()
	l.wire.close()
	if p := l.playout.Swap(nil); p != nil {
		p.finish(false)
	}
	if m := l.seat.Load(); m != nil {
		m.Leave()
	}
	l.engine.forget(l, stats)
	l.log.Debug("leg closed", "packets_in", stats.PacketsIn, "packets_out", stats.PacketsOut,
		"lost", stats.Lost, "late", stats.Late, "rejected", stats.Rejected, "malformed", stats.Malformed)
	return nil
}

// LevelWriter takes the levels of frames. WriteLevel must not block.
type LevelWriter interface {
	// WriteLevel takes the mean square of a frame's samples, and its flags but Break.
	WriteLevel(power int64, flags audio.Flags)
}

// tapList is read by the clock without a lock and replaced on change.
type tapList[W any] struct {
	mu   sync.Mutex // guards changes
	list atomic.Pointer[[]*tap[W]]
}

type tap[W any] struct{ w W }

func (t *tapList[W]) init() { t.list.Store(new([]*tap[W])) }

func (t *tapList[W]) add(w W) (remove func()) {
	n := &tap[W]{w}
	t.mu.Lock()
	defer t.mu.Unlock()
	list := append(slices.Clone(t.all()), n)
	t.list.Store(&list)
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		list := slices.DeleteFunc(slices.Clone(t.all()), func(o *tap[W]) bool { return o == n })
		t.list.Store(&list)
	}
}

func (t *tapList[W]) all() []*tap[W] { return *t.list.Load() }

func (t *tapList[W]) any() bool { return len(t.all()) > 0 }
