package rules

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/chat"
	"tingxin/event"
	"tingxin/outbound"
	"tingxin/pg"
	"tingxin/rules/plan"
	"tingxin/ticket"
)

// Config of rules and webhooks; zero values are the defaults.
type Config struct {
	// Private are networks of our own that webhooks may lead to, such as 10.1.0.0/16; only these over plain http.
	Private []string `yaml:"private" koanf:"private"`
	// PerObject is how many runs of rules one object may have in an hour; 60.
	PerObject int `yaml:"per_object" koanf:"per_object"`
	// Keep is how long events, runs and letters are kept; 14 days.
	Keep time.Duration `yaml:"keep" koanf:"keep"`
}

// Check says what cannot work.
func (c Config) Check() error {
	if _, err := outbound.ParseGuard(c.Private); err != nil {
		return fmt.Errorf("rules.private: %w", err)
	}
	if c.PerObject < 0 || c.Keep < 0 || c.Keep > 0 && c.Keep < 24*time.Hour {
		return errors.New("rules.per_object is not negative, rules.keep at least 24h")
	}
	return nil
}

func (c Config) withDefaults() Config {
	c.PerObject = cmp.Or(c.PerObject, 60)
	c.Keep = cmp.Or(c.Keep, 14*24*time.Hour)
	return c
}

// Book is all that is planned, by name. It is not changed once it is used.
type Book struct {
	Rules     map[string]*plan.Rule
	Macros    map[string]*plan.Macro
	Templates map[string]*plan.Template
	Targets   map[string]*plan.Target
}

// book is a Book made ready.
type book struct {
	Book
	rules []named // those that count, in order
}

type named struct {
	name string
	rule *plan.Rule
	zone *time.Location
}

func newBook(b Book) *book {
	out := &book{Book: b}
	for _, name := range slices.Sorted(maps.Keys(b.Rules)) {
		r := b.Rules[name]
		if r.Off {
			continue
		}
		out.rules = append(out.rules, makeReady(name, r))
	}
	slices.SortStableFunc(out.rules, func(a, b named) int { return cmp.Compare(a.rule.Position, b.rule.Position) })
	return out
}

func makeReady(name string, r *plan.Rule) named {
	own := *r
	own.If = r.If.Prepared()
	n := named{name: name, rule: &own, zone: time.Local}
	if zone, err := time.LoadLocation(r.Zone); err == nil && r.Zone != "" {
		n.zone = zone
	}
	return n
}

// Parts is what a Service works with. Chat may be missing.
type Parts struct {
	DB      *pg.DB
	Bus     *event.Bus
	Jobs    *pg.Jobs // New adds its work to it: start it after New
	Chat    *chat.Service
	Tickets *ticket.Service
	Surveys Surveys          // nil: customers are not asked how it was
	Now     func() time.Time // time.Now when nil
}

// Stats counts what a Service did since it was made.
type Stats struct {
	Events, Runs, Acts, Refused, Deep, Often, Failed, Timers uint64 // of rules
	Sent, Again, Dead, Blocked                               uint64 // letters
	Macros                                                   uint64
}

// Service is the automation of one server. Safe for concurrent use.
type Service struct {
	cfg     Config
	db      *pg.DB
	bus     *event.Bus
	jobs    *pg.Jobs
	chat    *chat.Service
	tickets *ticket.Service
	surveys Surveys
	now     func() time.Time
	log     *slog.Logger
	guard   outbound.Guard
	client  *http.Client

	book atomic.Pointer[book]

	events, runs, acts, refused, deep, often, failed, timers, sent, again, dead, blocked, macros atomic.Uint64

	paceMu sync.Mutex
	pace   map[string]*pace // guarded by paceMu: by target

	wake      chan struct{} // there may be events
	wakeHooks chan struct{} // there may be letters
	stop      context.CancelFunc
	running   sync.WaitGroup
	once      sync.Once
}

const (
	workers     = 2
	hookWorkers = 4
	pollEvery   = time.Second
	tidyEvery   = time.Hour
	wakeEvents  = 64
)

// New checks and stores, and adds timers and tidying to the jobs.
func New(cfg Config, parts Parts, log *slog.Logger) (*Service, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	s := &Service{cfg: cfg.withDefaults(), db: parts.DB, bus: parts.Bus, jobs: parts.Jobs, chat: parts.Chat, tickets: parts.Tickets, surveys: parts.Surveys, now: parts.Now, log: log.With("part", "rules"),
		wake: make(chan struct{}, workers), wakeHooks: make(chan struct{}, hookWorkers), pace: map[string]*pace{}}
	s.guard, _ = outbound.ParseGuard(cfg.Private) // checked
	s.client = s.guard.Client(hookTime, hookWorkers)
	if s.now == nil {
		s.now = time.Now
	}
	s.book.Store(newBook(Book{}))
	if s.jobs != nil {
		pg.AddWorker(s.jobs, &timerWorker{s: s})
		pg.AddWorker(s.jobs, &tidyWorker{s: s})
		s.jobs.Every(tidyEvery, tidyJob)
	}
	return s, nil
}

// Use makes a book count, from the next event on.
func (s *Service) Use(b Book) { s.book.Store(newBook(b)) }

// Stats reads the counters.
func (s *Service) Stats() Stats {
	return Stats{Events: s.events.Load(), Runs: s.runs.Load(), Acts: s.acts.Load(), Refused: s.refused.Load(), Deep: s.deep.Load(), Often: s.often.Load(), Failed: s.failed.Load(), Timers: s.timers.Load(),
		Sent: s.sent.Load(), Again: s.again.Load(), Dead: s.dead.Load(), Blocked: s.blocked.Load(), Macros: s.macros.Load()}
}

// Start begins to work. Close ends it.
func (s *Service) Start(ctx context.Context) error {
	ctx, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	sub := s.bus.Subscribe(wakeEvents)
	s.running.Go(func() { // ends when Close closes the subscription
		for e := range sub.C {
			if wakes(e.Type) {
				poke(s.wake)
				poke(s.wakeHooks)
			}
		}
	})
	s.running.Go(func() { <-ctx.Done(); sub.Close() }) // ends when Close calls stop
	for range workers {
		s.running.Go(func() { s.run(ctx, "events", s.wake, s.next) }) // ends when Close calls stop
	}
	for range hookWorkers {
		s.running.Go(func() { s.run(ctx, "letters", s.wakeHooks, s.deliverNext) }) // ends when Close calls stop
	}
	return nil
}

// Close returns when nothing runs any more. Twice is fine.
func (s *Service) Close() error {
	s.once.Do(func() {
		if s.stop != nil {
			s.stop()
		}
		s.running.Wait()
		s.client.CloseIdleConnections()
	})
	return nil
}

// wakes tells whether an event of the bus may stand for a row of rule_events; what comes many times a second does not.
func wakes(typ string) bool {
	for _, of := range []string{"transcript.", "emotion.", "flow.", "system.", "call.quality", "call.dtmf", "assist."} {
		if strings.HasPrefix(typ, of) {
			return false
		}
	}
	return true
}

// poke wakes one of those who wait, if anybody does.
func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// run works off what is there, and looks again each second or when something happened.
func (s *Service) run(ctx context.Context, what string, wake <-chan struct{}, next func(context.Context) (bool, error)) {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		more, err := next(ctx)
		if err != nil && ctx.Err() == nil {
			s.failed.Add(1)
			s.log.Warn("rules could not go on", "with", what, "error", err)
		}
		if more && err == nil {
			continue
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		case <-wake:
		}
	}
}

// Work does all that is due now and returns. Servers do it by themselves after Start.
func (s *Service) Work(ctx context.Context) error {
	for _, next := range []func(context.Context) (bool, error){s.next, s.deliverNext} {
		for {
			more, err := next(ctx)
			if err != nil {
				return err
			}
			if !more {
				break
			}
		}
	}
	return nil
}

// userID finds a user who may log in; 0 when there is none.
func (s *Service) userID(ctx context.Context, name string) (int64, error) {
	id, err := pg.Row(ctx, s.db, pgx.RowTo[int64], `select id from users where username = $1 and not disabled`, name)
	if errors.Is(err, pg.ErrNotFound) {
		return 0, nil
	}
	return id, err
}
