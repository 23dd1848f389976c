package assist

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"tingxin/bot"
	"tingxin/call"
	"tingxin/chat"
	"tingxin/contact"
	"tingxin/event"
	"tingxin/kb"
	"tingxin/nlp/slot"
	"tingxin/pg"
	"tingxin/ticket"
)

// Config of a Service; the zero value is the default.
type Config struct {
	// Off shows no cards and learns nothing.
	Off bool `yaml:"off" koanf:"off"`
	// Keep is how long boards, cards and questions are kept; 400 days when zero.
	Keep time.Duration `yaml:"keep" koanf:"keep"`
	// Hour of the day, UTC, from which on it is learnt anew once a day; 18 (two at night in China) when nil.
	Hour *int `yaml:"hour" koanf:"hour"`
}

// Check tells what cannot work.
func (c Config) Check() error {
	if c.Keep < 0 {
		return errors.New("assist.keep is negative: write a duration such as 9600h")
	}
	if c.Hour != nil && (*c.Hour < 0 || *c.Hour > 23) {
		return errors.New("assist.hour is an hour of the day, 0 to 23")
	}
	return nil
}

func (c Config) withDefaults() Config {
	if c.Keep == 0 {
		c.Keep = 400 * 24 * time.Hour
	}
	if c.Hour == nil {
		night := 18
		c.Hour = &night
	}
	return c
}

// Parts is what a Service works with. DB, Bus, Calls and Articles must be there.
type Parts struct {
	DB       *pg.DB
	Bus      *event.Bus
	Calls    *call.Store
	Articles *kb.Service
	Chat     *chat.Service   // nil: no conversations
	Tickets  *ticket.Service // nil: no tickets
	Contacts *contact.Store  // nil: nobody's name is filled in
	Bot      *bot.Engine     // nil: intents are not guessed
	Embed    kb.Model        // nil: replies and clusters are not found
	Now      func() time.Time
}

// Store keeps everything of this package in PostgreSQL.
type Store struct {
	db  *pg.DB
	now func() time.Time
}

// NewStore makes a store over an open, migrated database.
func NewStore(db *pg.DB) *Store { return &Store{db, time.Now} }

// Stats of a Service since its start.
type Stats struct {
	Refreshed, Unchanged, Failed uint64
	// Late counts refreshings that took longer than Soon from the line on.
	Late uint64
	// Dropped counts turns that were not refreshed because too many waited.
	Dropped uint64
	Runs    uint64 // of the nightly learning
}

// Soon is within what the cards follow a customer's words.
const Soon = 300 * time.Millisecond

// Service keeps the cards of running talks up to date. Safe for concurrent use.
type Service struct {
	cfg   Config
	parts Parts
	store *Store
	log   *slog.Logger
	plain *slot.Finder // of usual forms, where there is no bot
	zone  *time.Location

	replies  atomic.Pointer[replyShelf]
	loading  sync.Mutex // what was read last is offered last
	outcomes atomic.Pointer[outcomeModel]
	locks    bot.Locks
	learning chan struct{} // holds one while it is learnt
	wake     chan struct{} // a model of outcomes is missing or old, or a reply is gone

	queue chan Subject
	mu    sync.Mutex
	asked map[Subject]time.Time // guarded by mu: waits in queue since
	at    map[Subject]time.Time // guarded by mu: when somebody looked at it last; it is kept up to date
	heads map[string]bool       // guarded by mu: calls in which one of ours talks

	refreshed, unchanged, failed, late, dropped, runs atomic.Uint64

	stop    context.CancelFunc
	running sync.WaitGroup
	once    sync.Once
}

const (
	busQueue   = 4096
	mostQueued = 512
	refreshers = 2
	watchedFor = 12 * time.Hour
	maxWatched = 20000
	refreshMax = 10 * time.Second
	repliesFor = 5 * time.Minute // another server may have learnt
)

// New checks and stores.
func New(cfg Config, parts Parts, log *slog.Logger) (*Service, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	zone := time.UTC
	if parts.Bot != nil {
		zone = parts.Bot.Zone()
	}
	plain, err := slot.New(slot.Config{Zone: zone})
	if err != nil {
		return nil, err
	}
	if parts.Now == nil {
		parts.Now = time.Now
	}
	return &Service{cfg: cfg.withDefaults(), parts: parts, store: &Store{parts.DB, parts.Now}, log: log.With("part", "assist"), plain: plain, zone: zone,
		learning: make(chan struct{}, 1), wake: make(chan struct{}, 1), queue: make(chan Subject, mostQueued), asked: map[Subject]time.Time{}, at: map[Subject]time.Time{}, heads: map[string]bool{}}, nil
}

// Store is where scripts, snippets and the rest are kept.
func (s *Service) Store() *Store { return s.store }

// finder finds values as the house writes them, when it has said how.
func (s *Service) finder(ctx context.Context) *slot.Finder {
	if s.parts.Bot == nil {
		return s.plain
	}
	f, err := s.parts.Bot.Finder(ctx)
	if err != nil {
		if ctx.Err() == nil {
			s.log.Warn("the house's forms of numbers are not known", "error", err)
		}
		return s.plain
	}
	return f
}

// Start follows what is said until Close.
func (s *Service) Start(ctx context.Context) error {
	if s.cfg.Off {
		return nil
	}
	own, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stop = stop
	if s.parts.Bot != nil {
		s.parts.Bot.Warm()
	}
	sub := s.parts.Bus.Subscribe(busQueue)
	s.running.Go(func() { s.follow(sub) })             // ends when the subscription is closed
	s.running.Go(func() { <-own.Done(); sub.Close() }) // ends when Close calls stop
	s.running.Go(func() { s.tend(own) })               // ends when Close calls stop
	for range refreshers {
		s.running.Go(func() { s.work(own) }) // ends when Close calls stop
	}
	return nil
}

// Close returns when the last goroutine has ended. Twice is fine.
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
	return Stats{Refreshed: s.refreshed.Load(), Unchanged: s.unchanged.Load(), Failed: s.failed.Load(), Late: s.late.Load(), Dropped: s.dropped.Load(), Runs: s.runs.Load()}
}

// follow asks for new cards when somebody speaks or writes.
func (s *Service) follow(sub *event.Subscription) {
	for e := range sub.C {
		switch d := e.Data.(type) {
		case call.PartiesItem:
			s.heard(e.Call, ours(d.Parties))
		case call.TranscriptItem:
			if sub := (Subject{OfCall, e.Call}); e.Type == "transcript.final" && !d.Gap && !d.Late && s.wanted(sub) {
				s.ask(sub)
			}
		case chat.Notice:
			s.written(&d)
		}
		if e.Type == "call.ended" {
			s.heard(e.Call, false)
		}
	}
}

// written asks for cards of a conversation at whose cards somebody looked.
func (s *Service) written(n *chat.Notice) {
	if n.Type != chat.MessageAdded || n.Direction != chat.In && n.Direction != chat.Out {
		return
	}
	id := n.Thread
	if id == 0 {
		id = n.Conversation
	}
	if sub := (Subject{OfConversation, id.String()}); s.wanted(sub) {
		s.ask(sub)
	}
}

// ours tells whether one of our people talks.
func ours(parties []call.PartyItem) bool {
	for i := range parties {
		if p := &parties[i]; p.User != "" && !p.Ringing && p.Mode == "" {
			return true
		}
	}
	return false
}

func (s *Service) heard(id string, talks bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if talks && len(s.heads) < maxWatched {
		s.heads[id] = true
	} else if !talks {
		delete(s.heads, id)
	}
}

// wanted tells whether somebody has the subject, or looked at its cards lately.
func (s *Service) wanted(sub Subject) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, looked := s.at[sub]
	return sub.Kind == OfCall && s.heads[sub.ID] || looked && s.parts.Now().Sub(at) < watchedFor
}

// look notes that somebody sees the cards of a subject.
func (s *Service) look(sub Subject) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.parts.Now()
	if len(s.at) >= maxWatched {
		for k, at := range s.at {
			if now.Sub(at) > watchedFor {
				delete(s.at, k)
			}
		}
	}
	if len(s.at) < maxWatched {
		s.at[sub] = now
	}
}

// ask puts a subject into the queue, once; what does not fit is counted.
func (s *Service) ask(sub Subject) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, waits := s.asked[sub]; waits {
		return
	}
	select {
	case s.queue <- sub:
		s.asked[sub] = time.Now()
	default:
		s.dropped.Add(1)
	}
}

func (s *Service) work(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case sub := <-s.queue:
			s.mu.Lock()
			since := s.asked[sub]
			delete(s.asked, sub)
			s.mu.Unlock()
			inner, cancel := context.WithTimeout(ctx, refreshMax)
			if _, err := s.refresh(inner, sub, since); err != nil && ctx.Err() == nil && !errors.Is(err, ErrSubject) {
				s.failed.Add(1)
				s.log.Warn("cards were not refreshed", "kind", sub.Kind, "subject", sub.ID, "error", err)
			}
			cancel()
		}
	}
}

// Changed is the payload of assist.cards: by ids, whoever wants more asks for the board.
type Changed struct {
	Subject
	Turn int64 `json:"turn"`
}

// tell publishes that a board has changed.
func (s *Service) tell(b *boardRow) {
	id := ""
	if b.Kind == OfCall {
		id = b.ID
	}
	s.parts.Bus.Publish("assist.cards", id, Changed{b.Subject, b.turn})
}

// Board is what stands beside a talk now; it is made when it is behind. actor sees it:
// its cards count as shown. ErrSubject.
func (s *Service) Board(ctx context.Context, sub Subject, actor string) (Board, error) {
	s.look(sub)
	b, err := s.refresh(ctx, sub, time.Now())
	if err != nil {
		return Board{}, err
	}
	out, err := s.view(ctx, &b)
	if err == nil && actor != "" {
		err = s.shown(ctx, &out, actor)
	}
	return out, err
}

// refresh brings the board of a subject, asked for at a time, up to date and tells of it when something changed.
func (s *Service) refresh(ctx context.Context, sub Subject, asked time.Time) (boardRow, error) {
	unlock, err := s.lock(ctx, sub)
	if err != nil {
		return boardRow{}, err
	}
	defer unlock()
	for try := 0; ; try++ {
		b, changed, err := s.refreshOnce(ctx, sub, asked)
		if errors.Is(err, errRaced) && try < 3 {
			continue
		}
		if err != nil {
			return b, fmt.Errorf("cards: %w", err)
		}
		if changed {
			s.refreshed.Add(1)
			s.tell(&b)
		} else {
			s.unchanged.Add(1)
		}
		return b, nil
	}
}

func (s *Service) refreshOnce(ctx context.Context, sub Subject, asked time.Time) (b boardRow, changed bool, err error) {
	t, err := s.talk(ctx, sub)
	if err != nil {
		return b, false, err
	}
	if b, err = s.store.board(ctx, sub); err != nil {
		return b, false, err
	}
	if !b.fresh && b.seen == t.seen() && b.contact == t.Contact && !b.doc.stale(t) {
		return b, false, nil
	}
	r := refreshing{s: s, t: t, b: &b}
	if err := r.all(ctx); err != nil {
		return b, false, err
	}
	if !r.changed && !b.fresh && b.seen == t.seen() {
		return b, false, nil
	}
	b.contact, b.seen, b.doc.Lang = t.Contact, t.seen(), t.Lang
	if turn := t.turn(); turn != b.turn {
		b.turn = turn
	}
	took := time.Since(asked)
	b.doc.MS = float64(took.Microseconds()) / 1000
	if took > Soon {
		s.late.Add(1)
	}
	for _, c := range r.cards {
		c.ms = b.doc.MS
	}
	if err := s.store.keep(ctx, &b, r.cards); err != nil {
		return b, false, err
	}
	s.note(ctx, &r)
	return b, r.changed, nil
}

// lock waits until nobody else in this server works on a subject.
func (s *Service) lock(ctx context.Context, sub Subject) (unlock func(), err error) {
	unlock, ok := s.locks.Take(ctx, string(sub.Kind)+"/"+sub.ID, 0)
	if !ok {
		err = context.Cause(ctx)
	}
	return unlock, err
}

// stale tells whether a board has to be made anew although nobody said anything.
func (d *boardDoc) stale(t *Talk) bool {
	return d.Do == nil || t.Over != (d.Do.Action == SetDisposition) && t.Kind == OfCall
}
