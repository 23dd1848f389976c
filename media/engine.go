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
)

// Errors callers branch on.
var (
	// ErrNoPorts says that the port range is used up.
	ErrNoPorts = errors.New("no free media port")
	// ErrClosed says that the leg or engine was closed.
	ErrClosed = errors.New("closed")
)

// Engine owns the clock, the ports, the legs and the recordings.
type Engine struct {
	cfg      Config
	log      *slog.Logger
	listen   netip.Addr
	external netip.Addr
	ports    *portPool
	clock    clock

	legs      atomic.Pointer[[]*Leg] // walked by the clock; replaced, never changed
	recorders atomic.Pointer[[]*Recorder]
	bridges   atomic.Int64
	rooms     atomic.Int64
	gone      LegStats    // of closed legs, for the totals
	rcv, snd  int         // buffer sizes granted
	ice       *icePort    // opened with the first WebRTC leg
	turn      *turnServer // nil when off

	record recordTotals

	mu      sync.Mutex // guards changes of legs and recorders, gone, rcv, snd, ice, turn, started, closed, entered
	started bool
	closed  bool
	entered int // legs so far
	stop    chan struct{}
	done    sync.WaitGroup
}

// New checks cfg; it opens nothing.
func New(cfg Config, log *slog.Logger) (*Engine, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	e := &Engine{cfg: cfg, log: log, listen: netip.MustParseAddr(cfg.Listen).Unmap(), stop: make(chan struct{})}
	if cfg.External != "" {
		e.external = netip.MustParseAddr(cfg.External).Unmap()
	}
	e.ports = newPortPool(&cfg, e.listen)
	e.legs.Store(new([]*Leg))
	e.recorders.Store(new([]*Recorder))
	e.clock.init(e)
	return e, nil
}

// Start starts the clock and the recording writer and returns. ctx bounds nothing
// but the start: Close ends the engine.
func (e *Engine) Start(ctx context.Context) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case e.closed:
		return ErrClosed
	case e.started:
		return nil
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("start media: %w", err)
	}
	if e.cfg.TURN.Listen != "" {
		if err := e.startTURN(); err != nil {
			return err
		}
	}
	if e.ice == nil {
		if err := e.cfg.WebRTCPortFree(); err != nil { // telephones can call all the same
			e.log.Warn("no calls of browsers", "error", err)
		}
	}
	e.started = true
	e.clock.align = true
	e.clock.begin(time.Now())
	e.done.Add(3)
	// Ends when stop is closed.
	go func() { defer e.done.Done(); e.clock.run(e.stop) }()
	// Ends when stop is closed, after the last write.
	go func() { defer e.done.Done(); e.writeRecordings(e.stop) }()
	// Ends when stop is closed.
	go func() { defer e.done.Done(); e.syncRecordings(e.stop) }()
	return nil
}

// Close closes all legs and recordings and returns when the last goroutine ended.
func (e *Engine) Close() error {
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		e.done.Wait()
		return nil
	}
	e.closed = true
	e.mu.Unlock()
	var errs []error
	for _, l := range *e.legs.Load() {
		errs = append(errs, l.Close())
	}
	for _, r := range *e.recorders.Load() {
		_, err := r.Close()
		errs = append(errs, err)
	}
	if e.turn != nil { // nothing sets these after closed
		errs = append(errs, e.turn.close())
	}
	if e.ice != nil {
		errs = append(errs, e.ice.close())
	}
	close(e.stop)
	e.done.Wait()
	return errors.Join(errs...)
}

// startTURN opens the relay, and the port that it relays to. mu is held.
func (e *Engine) startTURN() (err error) {
	if e.ice == nil {
		if e.ice, err = openICEPort(&e.cfg); err != nil {
			return fmt.Errorf("start media: %w", err)
		}
	}
	if e.turn, err = openTURN(e.cfg.TURN, e.ice); err != nil {
		return fmt.Errorf("start media: %w", err)
	}
	return nil
}

// NewLeg opens an RTP/RTCP port pair. id is for logs only.
func (e *Engine) NewLeg(id string, log *slog.Logger) (*Leg, error) {
	if log == nil {
		log = e.log
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil, fmt.Errorf("new leg: %w", ErrClosed)
	}
	rtp, rtcp, err := e.ports.open(time.Now())
	if err != nil {
		return nil, fmt.Errorf("new leg: %w", err)
	}
	e.rcv, e.snd = rtp.rcv, rtp.snd
	l := newLeg(e, id, log)
	l.pair = &pair{ports: e.ports, rtp: rtp, rtcp: rtcp}
	l.wire = l.pair
	e.enter(l)
	return l, nil
}

// enter takes a new leg into the walk. mu is held.
func (e *Engine) enter(l *Leg) {
	if e.started { // until packets tell better, the work is spread
		e.entered++
		l.hears.want = e.entered % slots
		l.sends = l.hears.want
	}
	legs := append(slices.Clone(*e.legs.Load()), l)
	e.legs.Store(&legs)
}

// forget takes a closed leg out of the walk and adds up what it counted.
func (e *Engine) forget(l *Leg, s LegStats) {
	e.mu.Lock()
	defer e.mu.Unlock()
	legs := slices.DeleteFunc(slices.Clone(*e.legs.Load()), func(o *Leg) bool { return o == l })
	e.legs.Store(&legs)
	addTotals(&e.gone, &s)
}

// addTotals sums the counters that make sense over legs.
func addTotals(sum, s *LegStats) {
	sum.PacketsIn += s.PacketsIn
	sum.PacketsOut += s.PacketsOut
	sum.Rejected += s.Rejected
	sum.Malformed += s.Malformed
	sum.SRTPFailed += s.SRTPFailed
	sum.KernelDrops += s.KernelDrops
	sum.SendErrors += s.SendErrors
}

// Stats returns the engine's counters.
func (e *Engine) Stats() EngineStats {
	e.mu.Lock()
	sum, rcv, snd, port, relay := e.gone, e.rcv, e.snd, e.ice, e.turn
	legs := *e.legs.Load()
	e.mu.Unlock()
	for _, l := range legs {
		s := l.Stats()
		addTotals(&sum, &s)
	}
	st := EngineStats{
		Legs: len(legs), Bridges: int(e.bridges.Load()), Rooms: int(e.rooms.Load()), Recordings: len(*e.recorders.Load()),
		PacketsIn: sum.PacketsIn, PacketsOut: sum.PacketsOut, Rejected: sum.Rejected, Malformed: sum.Malformed,
		SRTPFailed: sum.SRTPFailed, KernelDrops: sum.KernelDrops, SendErrors: sum.SendErrors,
		ReceiveBuffer: rcv, SendBuffer: snd,
		RecordDropped: e.record.dropped.Load(), RecordErrors: e.record.errors.Load(), RecordBytes: e.record.bytes.Load(),
	}
	st.PortsTotal, st.PortsUsed, st.PortsResting = e.ports.counts(time.Now())
	if port != nil {
		st.KernelDrops += port.drops()
	}
	if relay != nil {
		st.Relays = relay.relays()
	}
	e.clock.stats(&st)
	return st
}
