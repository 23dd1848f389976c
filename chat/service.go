package chat

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"tingxin/event"
	"tingxin/pg"
)

// Errors that callers branch on.
var (
	// ErrState: that cannot be done in the state in which the conversation is.
	ErrState = errors.New("not possible in this state")
	// ErrAbsent says that an agent is offline and gets no conversation in which somebody waits.
	ErrAbsent = errors.New("this agent is offline, and somebody waits for an answer")
	// ErrNoChannel: no such channel is served here.
	ErrNoChannel = errors.New("there is no such channel")
	// ErrNoQueue: conversations shall wait where no queue is. They wait until there is one.
	ErrNoQueue = errors.New("there is no such queue")
)

// Hook looks at a message of a customer. It is called at least once for each, in
// order within a conversation, and again later when it returns an error.
type Hook func(ctx context.Context, c Conversation, m Message) error

// Parts is what a Service works with. DB, Bus and Jobs must be there.
type Parts struct {
	DB   *pg.DB
	Bus  *event.Bus
	Jobs *pg.Jobs // New adds its work to it: start it after New
	// Queue takes conversations that need an agent; nil: they wait until there is one.
	Queue Queue
	// Contacts finds out who a person is; nil: nobody knows.
	Contacts Contacts
	// Now is the clock; time.Now when nil.
	Now func() time.Time
}

// Stats counts what a Service did since it was made.
type Stats struct {
	Received   uint64 // messages stored
	Repeated   uint64 // that were there already
	Bad        uint64 // bodies that are no message
	SentOut    uint64 // handed over to channels
	Retried    uint64
	Failed     uint64 // given up
	Unsure     uint64 // may have arrived
	Hooked     uint64 // messages that the bot has looked at
	HookFailed uint64
	HookGiven  uint64 // given up by the bot and put into the queue
	Handed     uint64 // conversations put into queues
	Lost       uint64 // notices of other servers that did not read
	Watchers   int
}

// Service is the conversations of one server. Everything it knows is in rows; it
// remembers only who watches.
type Service struct {
	cfg      Config
	self     string // this process among those that share the database
	db       *pg.DB
	bus      *event.Bus
	jobs     *pg.Jobs
	queue    Queue
	contacts Contacts
	now      func() time.Time
	log      *slog.Logger
	channels map[string]Channel // before Start
	hook     Hook               // before Start
	tail     Tail               // before Start
	due      chan struct{}      // a message waits for the hook
	pace     time.Duration      // hookEvery, but in tests

	received, repeated, badBodies, sentOut, retried, failed, unsure, hooked, hookFailed, hookGiven, handed, lost atomic.Uint64

	mu       sync.Mutex
	watchers map[ID]map[*Watcher]struct{} // guarded by mu
	present  map[ID]map[int64]presence    // guarded by mu: agents who look at a conversation
	places   map[ID]Notice                // guarded by mu: places in queues
	looking  map[MessageID]struct{}       // guarded by mu: messages that the hook looks at here
	missing  map[string]struct{}          // guarded by mu: queues that are not there, and it was said

	stop    context.CancelFunc
	running sync.WaitGroup
	once    sync.Once
}

const (
	sweepEvery  = 5 * time.Second
	hookEvery   = time.Second // for messages that are tried again
	listenAgain = time.Second
	hookWorkers = 8
	tidyEvery   = time.Hour
)

// New checks and stores, and adds delivery to the jobs.
func New(cfg Config, parts Parts, log *slog.Logger) (*Service, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	s := &Service{cfg: cfg, self: cfg.Node + "/" + newKey(), db: parts.DB, bus: parts.Bus, jobs: parts.Jobs, queue: parts.Queue, contacts: parts.Contacts, now: parts.Now, log: log.With("part", "chat"),
		channels: map[string]Channel{}, due: make(chan struct{}, 1), pace: hookEvery, watchers: map[ID]map[*Watcher]struct{}{}, present: map[ID]map[int64]presence{}, places: map[ID]Notice{}, missing: map[string]struct{}{}, looking: map[MessageID]struct{}{}}
	if s.now == nil {
		s.now = time.Now
	}
	s.addJobs()
	return s, nil
}

// AddChannel makes a channel known; before Start.
func (s *Service) AddChannel(c Channel) { s.channels[c.Name()] = c }

// SetQueue says where conversations wait for agents; before Start.
func (s *Service) SetQueue(q Queue) { s.queue = q }

// SetContacts says who finds out who a person is; before Start.
func (s *Service) SetContacts(c Contacts) { s.contacts = c }

// OnInbound says who looks at messages of customers first; before Start. Without
// anybody, conversations go to the queue of the config.
func (s *Service) OnInbound(h Hook) { s.hook = h }

// Tail is what follows a message of the system on its way to a customer who sees no buttons, empty for most. It stands in no thread:
// an address that is the customer's alone is none of ours to open. It may be asked again when the message did not leave.
type Tail func(ctx context.Context, m Message) (string, error)

// OnLeave says what follows messages on their way out; before Start.
func (s *Service) OnLeave(t Tail) { s.tail = t }

// Start returns when notices of other servers are heard and what lay is worked off.
func (s *Service) Start(ctx context.Context) error {
	if _, err := s.db.Probe(ctx); err != nil {
		return fmt.Errorf("chat: %w", err)
	}
	if err := s.forsaken(ctx, true); err != nil {
		return fmt.Errorf("chat: %w", err)
	}
	own, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stop = stop
	s.running.Go(func() { s.listen(own) }) // ends when Close calls stop
	s.running.Go(func() { s.sweep(own) })  // ends when Close calls stop
	for range hookWorkers {
		s.running.Go(func() { s.workHook(own) }) // ends when Close calls stop
	}
	return nil
}

// Close ends what Start started; messages being looked at are looked at again
// after the next start. Twice is fine.
func (s *Service) Close() error {
	s.once.Do(func() {
		if s.stop != nil {
			s.stop()
		}
		s.running.Wait()
	})
	return nil
}

// Stats reads the counters.
func (s *Service) Stats() Stats {
	s.mu.Lock()
	n := 0
	for _, of := range s.watchers {
		n += len(of)
	}
	s.mu.Unlock()
	return Stats{Received: s.received.Load(), Repeated: s.repeated.Load(), Bad: s.badBodies.Load(), SentOut: s.sentOut.Load(), Retried: s.retried.Load(), Failed: s.failed.Load(),
		Unsure: s.unsure.Load(), Hooked: s.hooked.Load(), HookFailed: s.hookFailed.Load(), HookGiven: s.hookGiven.Load(), Handed: s.handed.Load(), Lost: s.lost.Load(), Watchers: n}
}

// sweep does each few seconds what a lost notice would have begun.
func (s *Service) sweep(ctx context.Context) {
	tick := time.NewTicker(s.pace)
	defer tick.Stop()
	for n := 0; ; n++ {
		s.wakeHook()
		if n%int(sweepEvery/hookEvery) == 0 {
			if err := errors.Join(s.forsaken(ctx, false), s.wakeSnoozed(ctx), s.enqueueWaiting(ctx), s.redeliver(ctx)); err != nil && ctx.Err() == nil {
				s.log.Warn("sweep of the conversations", "error", err)
			}
			s.forgetAbsent()
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func newKey() string { return rand.Text() }
