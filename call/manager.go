package call

import (
	"context"
	"errors"
	"log/slog"

	"tingxin/asr"
	"tingxin/audio"
	"tingxin/event"
	"tingxin/media"
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
	Results() <-chan asr.Result
	Finish()
	Close() error
}

// Recogniser opens streams; cmd/pbx wraps *asr.Pool into one.
type Recogniser interface {
	Open(ctx context.Context, cfg asr.StreamConfig) (Stream, error)
}

// Stats are the counters of a Manager.
type Stats struct {
	Active   int   // calls running now
	Max      int   // calls that may run at once
	Accepted int64 // calls taken since the start
	Refused  int64 // calls refused: no room, no route, draining
	Ended    int64 // calls with a CDR
	Failed   int64 // calls ended by our own fault
	Deferred int64 // sides left to be recognised afterwards
}

// Manager owns all running calls.
type Manager struct {
	cfg Config
	log *slog.Logger
}

// Parts is what a Manager works with. Recogniser may be nil: nothing is transcribed then.
type Parts struct {
	Engine     *media.Engine
	Store      *Store
	Bus        *event.Bus
	Recogniser Recogniser
}

// NewManager checks and stores; Start begins.
func NewManager(cfg Config, p Parts, log *slog.Logger) (*Manager, error) {
	return &Manager{cfg: cfg.withDefaults(), log: log}, nil
}

// SetDialer gives the way out; call it before Start. Without one, bridges are refused.
func (m *Manager) SetDialer(d Dialer) {}

// Start opens the journal, gives the calls of a crashed run their CDR and returns when calls can be taken.
func (m *Manager) Start(ctx context.Context) error { return nil }

// Accept takes a new call and starts its goroutine. ErrBusy, ErrNoRoute or ErrDraining when it does not.
func (m *Manager) Accept(ctx context.Context, in Incoming) (Handler, error) { return nil, ErrNoRoute }

// Live are the running calls, oldest first.
func (m *Manager) Live() []Snapshot { return nil }

// Hangup ends a running call with cause; ErrNoCall when there is none of that id.
func (m *Manager) Hangup(id string, cause Cause) error { return ErrNoCall }

// Drain takes no more calls and waits until the running ones have ended; when
// ctx ends first it ends them with CauseShutdown and waits for their CDRs.
func (m *Manager) Drain(ctx context.Context) error { return nil }

// Close ends all calls and returns when the last goroutine has ended.
func (m *Manager) Close() error { return nil }

// Stats reads the counters.
func (m *Manager) Stats() Stats { return Stats{Max: m.cfg.MaxCalls} }
