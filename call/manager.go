package call

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"tingxin/asr"
	"tingxin/audio"
	"tingxin/event"
	"tingxin/ivr"
	"tingxin/media"
	"tingxin/queue"
)

// Why Accept refuses a call; signalling answers 503, 404, 503.
var (
	ErrBusy     = errors.New("too many calls")
	ErrNoRoute  = errors.New("no route to that number")
	ErrDraining = errors.New("shutting down")
	// ErrNoCall is returned for an id of no running call.
	ErrNoCall = errors.New("no such running call")
)

// Stream is one side being recognised; *asr.Stream satisfies it.
type Stream interface {
	audio.Writer
	WriteWait(ctx context.Context, f *audio.Frame) error
	Results() <-chan asr.Result
	Model() string
	Finish()
	Close() error
}

// Recogniser opens streams; cmd/pbx wraps *asr.Pool into one.
type Recogniser interface {
	Open(ctx context.Context, cfg asr.StreamConfig) (Stream, error)
}

// Stats are the counters of a Manager.
type Stats struct {
	Active      int   // calls running now
	Relays      int   // legs carried now for calls of other servers
	Max         int   // calls that may run at once
	Accepted    int64 `metric:",total"` // calls taken since the start
	Refused     int64 `metric:",total"` // calls refused: no room, no route, draining
	Ended       int64 `metric:",total"` // calls with a CDR
	Failed      int64 `metric:",total"` // panics of calls
	Deferred    int64 `metric:",total"` // sides left to be recognised afterwards
	NoRecording int64 `metric:",total"` // recordings that could not be started or finished
	KeysDropped int64 `metric:",total"` // keys that found their queue full
	Overrun     int64 `metric:",total"` // calls ended because their inbox was full
	Abandoned   int64 `metric:",total"` // calls of dead servers that were closed here
	Writer      WriterStats
	Emotion     EmotionStats
}

type counters struct {
	accepted, refused, ended, failed, deferred, noRecording, keysDropped, overrun, abandoned atomic.Int64
	voice                                                                                    voiceStats
}

// Parts is what a Manager works with.
type Parts struct {
	Engine *media.Engine
	Store  *Store
	Bus    *event.Bus
	Flows  *ivr.Library
	// Recogniser may be nil: nothing is transcribed then.
	Recogniser Recogniser
	// Emotion may be nil: no voice is read then.
	Emotion *Emotion
	// People may be nil: calls belong to nobody then.
	People People
}

// Manager owns all running calls, their way to the database and what is
// recognised afterwards.
type Manager struct {
	cfg    Config
	parts  Parts
	log    *slog.Logger
	routes atomic.Pointer[routes]
	hours  Hours // nil: always open
	dialer Dialer
	queues Queues
	bot    Bot
	outs   Callouts // nil: no lists of calls to make
	tunes  tunes
	// directory knows our users; nil when there are none.
	directory Directory
	silent    Silent // nil: there are no other servers
	writer    *Writer
	stats     counters
	later     *transcriber
	ctx       context.Context // the life of all calls
	cancel    context.CancelFunc
	wg        sync.WaitGroup

	mu       sync.Mutex
	calls    map[string]*Call
	parked   map[string]*Call       // by slot
	works    map[queue.WorkID]*Call // call-backs under way
	relays   map[*relay]struct{}
	parties  map[Dialog]*party // of the legs of all calls
	running  bool
	draining bool
}

// NewManager checks and stores; Start begins.
func NewManager(cfg Config, p Parts, log *slog.Logger) (*Manager, error) {
	cfg = cfg.withDefaults()
	if cfg.Recording.Refused != RefusedForget && cfg.Recording.Refused != RefusedTranscribe {
		return nil, fmt.Errorf("call.recording.refused is %q; it is %s or %s", cfg.Recording.Refused, RefusedForget, RefusedTranscribe)
	}
	dir, err := filepath.Abs(cfg.Recording.Dir)
	if err != nil {
		return nil, fmt.Errorf("call.recording.dir: %w", err)
	}
	cfg.Recording.Dir = dir
	rs, err := newRoutes(nil, cfg.Routes)
	if err != nil {
		return nil, fmt.Errorf("call.routes: %w", err)
	}
	m := &Manager{cfg: cfg, parts: p, log: log, calls: make(map[string]*Call), parked: make(map[string]*Call), relays: make(map[*relay]struct{}), works: make(map[queue.WorkID]*Call), parties: make(map[Dialog]*party)}
	m.routes.Store(&rs)
	m.tunes = tunes{flows: p.Flows, more: make(map[string]*media.Music)}
	m.writer = NewWriter(cfg.Journal, p.Store, log)
	m.later = newTranscriber(m)
	return m, nil
}

// Check says what is wrong with the configuration: routes and the flows they name.
func (c Config) Check(flow func(name string) bool) error {
	if err := c.Park.check(); err != nil {
		return err
	}
	if err := c.CheckRoutes(nil, flow); err != nil {
		return fmt.Errorf("call.routes: %w", err)
	}
	return nil
}

// SetDialer gives the way out; call it before Start. Without one, bridges are refused.
// Its users, if it has any (Directory), may call each other.
func (m *Manager) SetDialer(d Dialer) {
	m.dialer = d
	m.directory, _ = d.(Directory)
}

// SetQueues gives the queues of flows; call it before Start. Without them nobody waits.
func (m *Manager) SetQueues(q Queues) { m.queues = q }

// Start brings the journal of an earlier run to the database, gives the calls of
// a crashed run their CDR and returns when calls can be taken.
func (m *Manager) Start(ctx context.Context) error {
	if err := m.cfg.Check(func(name string) bool { _, ok := m.parts.Flows.Flow(name); return ok }); err != nil {
		return err
	}
	if err := m.tunes.load(m.cfg.Music); err != nil {
		return err
	}
	if err := m.writer.Start(ctx); err != nil {
		return err
	}
	if err := m.recover(ctx); err != nil {
		return err
	}
	m.ctx, m.cancel = context.WithCancel(context.WithoutCancel(ctx))
	m.wg.Go(func() { m.later.run(m.ctx) }) // ends when Close cancels
	if m.silent != nil {
		m.wg.Go(func() { m.lookAfterOthers(m.ctx) }) // ends when Close cancels
	}
	m.mu.Lock()
	m.running = true
	m.mu.Unlock()
	return m.watchCallbacks(ctx)
}

// Accept takes a new call and starts its goroutine. ErrBusy, ErrNoRoute or
// ErrDraining when it does not. The leg then belongs to the call, which closes it.
func (m *Manager) Accept(ctx context.Context, in Incoming) (Handler, error) {
	if in.Node {
		return m.acceptRelay(in)
	}
	route, ok := m.routeOf(&in)
	if !ok {
		m.stats.refused.Add(1)
		return nil, ErrNoRoute
	}
	c, err := m.newCall(in, route)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	err = m.begin(c, in.Dialog)
	m.mu.Unlock()
	if err != nil {
		m.stats.refused.Add(1)
		return nil, err
	}
	m.stats.accepted.Add(1)
	return c, nil
}

// begin starts a call's goroutine; m.mu is held.
func (m *Manager) begin(c *Call, d Dialog) error {
	switch {
	case !m.running || m.draining:
		return ErrDraining
	case len(m.calls)+len(m.relays) >= m.cfg.MaxCalls:
		return ErrBusy
	}
	m.calls[c.id] = c
	m.parties[d] = c.first
	m.wg.Go(c.run) // ends with the call, which Close ends at the latest
	return nil
}

func (m *Manager) newCall(in Incoming, route Route) (*Call, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return nil, fmt.Errorf("call id: %w", err)
	}
	started := in.Received
	if started.IsZero() {
		started = time.Now()
	}
	c := &Call{
		id: id.String(), m: m, in: in, route: route, log: m.log.With("call", id.String()),
		inbox: make(chan func(), inboxSize), keys: make(chan byte, keysSize), replies: make(chan ivr.Input, saidSize),
		closed: make(chan struct{}), left: make(chan struct{}),
		sides: map[string]*side{SideCaller: {name: SideCaller}, SideAgent: {name: SideAgent}},
		dtmf:  make(map[string]int), place: make(map[string]*leg), spoke: make(map[string]bool), tune: m.tunes.main,
	}
	c.known = make(chan struct{})
	c.ctx, c.cancel = context.WithCancelCause(m.ctx)
	c.record = Record{
		ID: c.id, State: StateRinging, Direction: DirectionIn, From: in.From, FromName: in.FromName, To: in.To,
		Trunk: in.Trunk, Route: route.Name, Language: m.language(route), StartedAt: started.UTC(), Consent: ConsentNone,
		Node: m.cfg.Node, Transcription: map[string]string{SideCaller: TranscriptionOff, SideAgent: TranscriptionOff},
	}
	if route.Flow != "" {
		c.record.Transcription[SideAgent] = TranscriptionLive // the words of prompts are known
	}
	if route.outside {
		c.record.Direction = DirectionOut
	}
	first := c.newLeg(RoleCaller, in.User, nil)
	first.media, first.dialog = in.Leg, in.Dialog
	first.row = LegRecord{N: 1, Side: SideCaller, Role: RoleCaller, User: in.User, Direction: DirectionIn, Transport: in.Transport, Secure: in.Secure,
		SIPCallID: in.SIPCallID, StartedAt: c.record.StartedAt}
	c.first, c.legs, c.front = first.party, []*leg{first}, first
	c.refresh()
	return c, nil
}

// language is the route's, the flow's, or English.
func (m *Manager) language(r Route) string {
	lang := r.Language
	if f, ok := m.parts.Flows.Flow(r.Flow); ok && lang == "" {
		lang = f.Language
	}
	return cmp.Or(lang, "en")
}

// leave takes an ended call out.
func (m *Manager) leave(c *Call) {
	c.cancel(nil)
	m.mu.Lock()
	delete(m.calls, c.id)
	for slot, p := range m.parked {
		if p == c {
			delete(m.parked, slot)
		}
	}
	for id, w := range m.works {
		if w == c {
			delete(m.works, id)
		}
	}
	for _, l := range c.legs {
		if p := m.parties[l.dialog]; p != nil && p.at.Load().c == c {
			delete(m.parties, l.dialog)
		}
	}
	m.mu.Unlock()
}

// seat remembers whose dialog it is, for transfers.
func (m *Manager) seat(l *leg) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.parties[l.dialog] = l.party
}

func (m *Manager) unseat(l *leg) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.parties, l.dialog)
}

// partyOf is the party of a dialog, nil for one of no running call.
func (m *Manager) partyOf(d Dialog) *party {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.parties[d]
}

// running calls, oldest first.
func (m *Manager) list() []*Call {
	m.mu.Lock()
	calls := make([]*Call, 0, len(m.calls))
	for _, c := range m.calls {
		calls = append(calls, c)
	}
	m.mu.Unlock()
	slices.SortFunc(calls, func(a, b *Call) int { return cmp.Compare(a.id, b.id) })
	return calls
}

// Live are the running calls, oldest first.
func (m *Manager) Live() []Snapshot {
	calls := m.list()
	out := make([]Snapshot, 0, len(calls))
	for _, c := range calls {
		if s := c.snap.Load(); s.State != StateEnded {
			out = append(out, *s)
		}
	}
	return out
}

// Hangup ends a running call with cause; ErrNoCall when there is none of that id.
func (m *Manager) Hangup(id string, cause Cause) error {
	m.mu.Lock()
	c, ok := m.calls[id]
	m.mu.Unlock()
	if !ok {
		return ErrNoCall
	}
	c.end(cause, 0)
	return nil
}

// RecordingPath is where the sound file of a call lies on disk.
func (m *Manager) RecordingPath(r Recording) string {
	if r.Path == "" || filepath.IsAbs(r.Path) {
		return r.Path
	}
	return filepath.Join(m.cfg.Recording.Dir, r.Path)
}

// Drain takes no more calls and waits until the running ones have ended; when
// ctx ends first it ends them with CauseShutdown and waits for their CDRs.
func (m *Manager) Drain(ctx context.Context) error {
	m.mu.Lock()
	m.draining = true
	m.mu.Unlock()
	calls := m.list()
	for _, c := range calls {
		select {
		case <-c.left:
		case <-ctx.Done():
			c.end(CauseShutdown, 0)
		}
	}
	for _, c := range calls {
		<-c.left
	}
	m.drainRelays(ctx)
	return ctx.Err()
}

// Close ends all calls, waits until their records are in the database or in the
// journal, and returns when the last goroutine has ended. Twice is fine.
func (m *Manager) Close() error {
	m.mu.Lock()
	started := m.running
	m.running, m.draining = false, true
	m.mu.Unlock()
	if !started {
		return nil
	}
	now, cancel := context.WithCancel(context.Background())
	cancel()
	_ = m.Drain(now)
	m.cancel()
	m.wg.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return m.writer.Close(ctx)
}

// Stats reads the counters.
func (m *Manager) Stats() Stats {
	m.mu.Lock()
	active, relays := len(m.calls), len(m.relays)
	m.mu.Unlock()
	s := &m.stats
	return Stats{
		Active: active, Relays: relays, Max: m.cfg.MaxCalls, Accepted: s.accepted.Load(), Refused: s.refused.Load(),
		Ended: s.ended.Load(), Failed: s.failed.Load(), Deferred: s.deferred.Load(), NoRecording: s.noRecording.Load(),
		KeysDropped: s.keysDropped.Load(), Overrun: s.overrun.Load(), Abandoned: s.abandoned.Load(), Writer: m.writer.Stats(), Emotion: s.voice.stats(),
	}
}
