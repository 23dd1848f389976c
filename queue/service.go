package queue

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"tingxin/event"
	"tingxin/pg"
)

// Dialogs tells which work is really alive; the manager of calls satisfies it.
type Dialogs interface {
	// Alive tells whether there is still a call for the work, or one being made.
	Alive(id WorkID) bool
}

// Times of the Service.
const (
	sweepEvery     = 5 * time.Second
	tendEvery      = time.Second
	leaseHold      = 5 * time.Second
	nodeDead       = 10 * time.Second
	commitPatience = 2 * time.Second // for a database that is away
	remotePatience = 5 * time.Second // for another server's answer
	positionEvery  = 500 * time.Millisecond
	expireEvery    = time.Hour
	inboxSize      = 1024
	gather         = 64 // requests per transaction
)

// Stats counts what a Service did since it was made.
type Stats struct {
	Deciding   bool   // this server holds the lease
	Tickets    int    // open here
	Asked      uint64 // requests decided here
	Refused    uint64 // because the inbox was full
	Takeovers  uint64 // leases taken
	Panics     uint64 // of the dispatcher, which was started again
	Failures   uint64 // transactions given up
	Reconciled uint64 // contacts ended because their call was gone
	Orphans    uint64 // works of dead servers taken over or ended
}

// Service is the queues of one server. Of the servers that share a database one
// decides, by a lease in it; the others ask that one, through rows. In the
// deciding server one goroutine owns the Router: it gathers requests, lets the
// Router decide, writes everything in one transaction, and only then publishes,
// moves Tickets and answers. When the transaction fails what is in memory is
// thrown away and read from the rows again.
type Service struct {
	cfg     Config
	store   *Store
	hours   *Hours
	bus     *event.Bus
	dialogs Dialogs
	log     *slog.Logger

	inbox    chan *question
	wake     chan struct{} // another server left a request
	deciding atomic.Bool
	serving  chan struct{} // closed once this server decides or follows
	served   sync.Once
	joined   bool // owned by run: this server's earlier run has been dealt with

	asked, refused, takeovers, panics, failures, reconciled, orphans atomic.Uint64

	mu      sync.Mutex
	tickets map[WorkID]*Ticket             // guarded by mu
	waits   map[int64]chan json.RawMessage // guarded by mu: requests to the deciding server
	closed  bool                           // guarded by mu

	stop    context.CancelFunc
	running sync.WaitGroup
	once    sync.Once
}

// question is a request and where its answer goes; the channel holds one.
type question struct {
	req   *request
	reply chan reply
}

type reply struct {
	resp response
	err  error
}

// errBusy is when requests come faster than they can be decided.
var errBusy = fmt.Errorf("the queues are overloaded: %w", pg.ErrUnavailable)

// errPanic answers what was under way when a dispatcher panicked.
var errPanic = errors.New("internal fault of the dispatcher")

// New checks and stores. dialogs may be nil: nothing is reconciled then.
func New(cfg Config, db *pg.DB, bus *event.Bus, dialogs Dialogs, log *slog.Logger) (*Service, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	log = log.With("part", "queue")
	store := NewStore(db)
	return &Service{cfg: cfg.withDefaults(), store: store, hours: NewHours(store, log), bus: bus, dialogs: dialogs, log: log, inbox: make(chan *question, inboxSize),
		wake: make(chan struct{}, 1), serving: make(chan struct{}), tickets: map[WorkID]*Ticket{}, waits: map[int64]chan json.RawMessage{}}, nil
}

// Node is this server's name among those that share the database.
func (s *Service) Node() string { return s.cfg.Node }

// Store is where everything is kept.
func (s *Service) Store() *Store { return s.store }

// Hours are the opening hours of the queues and of all else that has a calendar.
func (s *Service) Hours() *Hours { return s.hours }

// ClosedFlow is Store.ClosedFlow.
func (s *Service) ClosedFlow(ctx context.Context, id QueueID) (string, error) {
	return s.store.ClosedFlow(ctx, id)
}

// Start returns when requests are taken.
func (s *Service) Start(ctx context.Context) error {
	if err := s.store.beat(ctx, s.cfg.Node); err != nil {
		return fmt.Errorf("queues: %w", err)
	}
	own, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.running.Go(func() { s.run(own) })    // ends when Close calls stop
	s.running.Go(func() { s.listen(own) }) // ends when Close calls stop
	s.running.Go(func() { s.tend(own) })   // ends when Close calls stop
	select {
	case <-s.serving:
		return nil
	case <-ctx.Done():
		return errors.Join(context.Cause(ctx), s.Close())
	}
}

// Close stops deciding, gives the lease back and ends all Tickets. Work stays in
// its queue. Twice is fine.
func (s *Service) Close() error {
	s.once.Do(func() {
		if s.stop != nil {
			s.stop()
		}
		s.running.Wait()
		s.mu.Lock()
		s.closed = true
		tickets := s.tickets
		s.tickets = map[WorkID]*Ticket{}
		s.mu.Unlock()
		for _, t := range tickets {
			t.end()
		}
	})
	return nil
}

// Stats reads the counters.
func (s *Service) Stats() Stats {
	s.mu.Lock()
	n := len(s.tickets)
	s.mu.Unlock()
	return Stats{Deciding: s.deciding.Load(), Tickets: n, Asked: s.asked.Load(), Refused: s.refused.Load(), Takeovers: s.takeovers.Load(), Panics: s.panics.Load(),
		Failures: s.failures.Load(), Reconciled: s.reconciled.Load(), Orphans: s.orphans.Load()}
}

func newToken() Token { return Token(rand.Text()) }

// run decides while this server holds the lease and waits for it otherwise.
func (s *Service) run(ctx context.Context) {
	for ctx.Err() == nil {
		d, err := s.takeOver(ctx)
		if err != nil && ctx.Err() == nil {
			s.log.Warn("the queues wait for the database", "error", err)
		}
		if d != nil {
			s.supervise(ctx, d)
		} else if err == nil {
			s.follow(ctx)
		}
		select {
		case <-ctx.Done():
		case <-time.After(tendEvery):
		}
	}
}

// follow says hello to the deciding server the first time.
func (s *Service) follow(ctx context.Context) {
	if !s.joined {
		if _, err := s.askRemote(ctx, &request{Op: opRestart, Text: s.cfg.Node}); err != nil {
			s.log.Warn("the deciding server does not answer", "error", err)
			return
		}
		s.joined = true
	}
	s.served.Do(func() { close(s.serving) })
}

// takeOver takes the lease if it is free and reads everything; nil when another server decides.
func (s *Service) takeOver(ctx context.Context) (*dispatcher, error) {
	epoch, held, err := s.store.take(ctx, s.cfg.Node, leaseHold)
	if err != nil || !held {
		return nil, err
	}
	d := &dispatcher{s: s, epoch: epoch}
	if err := d.load(ctx); err != nil {
		return nil, err
	}
	if !s.joined {
		if ended, kept := d.router.NodeLost(s.cfg.Node, s.cfg.Node, CauseRestart, time.Now()); ended+kept > 0 {
			s.log.Info("work of an earlier run", "ended", ended, "kept", kept)
		}
	}
	if err := d.flush(ctx); err != nil {
		return nil, err
	}
	s.joined = true
	s.takeovers.Add(1)
	return d, nil
}

// supervise lets a dispatcher run. A panic ends that dispatcher, not the server:
// the next one begins from the rows.
func (s *Service) supervise(ctx context.Context, d *dispatcher) {
	defer func() {
		answer := errDeposed // asks again, wherever it is decided then
		if p := recover(); p != nil {
			s.panics.Add(1)
			s.log.Error("dispatcher panicked and is started again", "panic", p, "stack", stack())
			answer = errPanic
		}
		s.deciding.Store(false)
		d.fail(answer)
		s.emptyInbox()
		if ctx.Err() != nil {
			last, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			_ = s.store.release(last, s.cfg.Node, d.epoch) // else it runs out
		}
	}()
	s.deciding.Store(true)
	s.served.Do(func() { close(s.serving) })
	s.log.Info("this server decides over the queues", "epoch", d.epoch)
	if err := d.run(ctx); err != nil {
		s.log.Warn("this server no longer decides over the queues", "error", err)
	}
}

// emptyInbox sends what was asked too late on its way to whoever decides now.
func (s *Service) emptyInbox() {
	for {
		select {
		case q := <-s.inbox:
			q.reply <- reply{err: errDeposed}
		default:
			return
		}
	}
}

// ask lets the deciding server, here or elsewhere, do something.
func (s *Service) ask(ctx context.Context, req *request) (response, error) {
	for range 3 {
		if !s.deciding.Load() {
			return s.askRemote(ctx, req)
		}
		resp, err := s.askHere(ctx, req)
		if !errors.Is(err, errDeposed) {
			return resp, err
		}
	}
	return response{}, fmt.Errorf("no server decides over the queues: %w", pg.ErrUnavailable)
}

func (s *Service) askHere(ctx context.Context, req *request) (response, error) {
	q := &question{req, make(chan reply, 1)}
	select {
	case s.inbox <- q:
	default:
		s.refused.Add(1)
		return response{}, errBusy
	}
	if !s.deciding.Load() { // it stopped in between and may never look again
		s.emptyInbox()
	}
	select {
	case r := <-q.reply:
		return r.resp, r.err
	case <-ctx.Done():
		return response{}, ctx.Err()
	}
}
