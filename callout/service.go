package callout

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/contact"
	"tingxin/pg"
	"tingxin/queue"
)

// Queues are the queues as lists see them; *queue.Service satisfies it.
type Queues interface {
	// Withdraw takes an entry out that nobody looks at yet.
	Withdraw(ctx context.Context, id queue.WorkID) error
	// Remove takes work out, whoever has it.
	Remove(ctx context.Context, id queue.WorkID) error
	// Skip takes an entry out for the agent who looks at it.
	Skip(ctx context.Context, id queue.WorkID, agent queue.AgentID) error
	// Hours are the opening hours.
	Hours() *queue.Hours
}

// Caller puts entries into queues and calls them when it is their turn; call.Manager does.
type Caller interface {
	AddCallout(ctx context.Context, w queue.Work) error
}

// People are the contacts; *contact.Store satisfies it.
type People interface {
	Find(ctx context.Context, k contact.Key) (contact.ID, error)
	State(ctx context.Context, id contact.ID, p contact.Purpose) (contact.Line, error)
	Resolve(ctx context.Context, k contact.Key) (contact.ID, bool, error)
	Say(ctx context.Context, tx pgx.Tx, id contact.ID, l contact.Line) (contact.Line, error)
}

// Parts is what a Service works with.
type Parts struct {
	DB     *pg.DB
	Queues Queues
	Caller Caller
	People People
	Region string // of numbers without a country
	Now    func() time.Time
}

// Stats counts what a Service did since it was made.
type Stats struct {
	Fed       uint64 // entries put into queues
	Refused   uint64 // entries that the ledger forbids to call
	Answered  uint64 // tries
	Unreached uint64 // tries
	Skipped   uint64
	Mended    uint64 // entries whose work was gone, such as that of a killed server
	Failures  uint64 // sweeps that broke off
}

// Service feeds queues from the lists. Of the servers that share a database one does at a time.
type Service struct {
	*Store
	cfg    Config
	parts  Parts
	log    *slog.Logger
	poked  chan struct{}
	stop   context.CancelFunc
	wg     sync.WaitGroup
	swept  time.Time // what is old was last deleted; run only
	failed bool      // the last sweep broke off; run only

	fed, refused, answered, unreached, skipped, mended, failures atomic.Uint64
}

// New checks and stores.
func New(cfg Config, parts Parts, log *slog.Logger) (*Service, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	if parts.Now == nil {
		parts.Now = time.Now
	}
	return &Service{Store: NewStore(parts.DB, parts.Region), cfg: cfg.withDefaults(), parts: parts, log: log.With("part", "callouts"), poked: make(chan struct{}, 1)}, nil
}

// Start begins to feed.
func (s *Service) Start(ctx context.Context) error {
	own, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stop = stop
	s.wg.Go(func() { s.run(own) }) // ends when Close calls stop
	return nil
}

// Close returns when the last entry under way has been put where it belongs. Twice is fine.
func (s *Service) Close() error {
	if s.stop != nil {
		s.stop()
	}
	s.wg.Wait()
	return nil
}

// Stats reads the counters.
func (s *Service) Stats() Stats {
	return Stats{Fed: s.fed.Load(), Refused: s.refused.Load(), Answered: s.answered.Load(), Unreached: s.unreached.Load(), Skipped: s.skipped.Load(), Mended: s.mended.Load(), Failures: s.failures.Load()}
}

// Poke has the lists looked at now: one was changed, or somebody was called.
func (s *Service) Poke() {
	select {
	case s.poked <- struct{}{}:
	default: // it will look anyway
	}
}

const (
	sweepPatience = 20 * time.Second
	// settleAfter is how long an entry may be queued without its work being there: putting it there takes a moment.
	settleAfter = 5 * time.Second
	expireEvery = time.Hour
)

func (s *Service) run(ctx context.Context) {
	tick := time.NewTicker(s.cfg.Every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.poked:
		case <-tick.C:
		}
		err := s.look(ctx)
		failed := err != nil && ctx.Err() == nil
		if failed {
			s.failures.Add(1)
			if !s.failed {
				s.log.Warn("lists of calls are not looked after", "error", err)
			}
		}
		s.failed = failed
	}
}

// look sweeps when there is anything to do and no other server does.
func (s *Service) look(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, sweepPatience)
	defer cancel()
	old := time.Since(s.swept) > expireEvery
	work, err := pg.Row(ctx, s.db, pgx.RowTo[bool], `select exists (select from call_lists where state = 'running') or exists (select from call_list_entries where state = 'queued')`)
	if err != nil || !work && !old {
		return err
	}
	_, err = s.db.Alone(ctx, "callouts", func(ctx context.Context) error {
		if old {
			s.swept = time.Now()
			if _, err := s.db.Exec(ctx, `delete from call_lists where state = 'closed' and closed_at < $1`, s.parts.Now().Add(-s.cfg.Keep)); err != nil {
				return err
			}
		}
		return s.sweep(ctx)
	})
	return err
}

// sweep brings lists and queues in line.
func (s *Service) sweep(ctx context.Context) error {
	if err := s.mend(ctx); err != nil {
		return err
	}
	lists, err := pg.Rows(ctx, s.db, scanList, `select `+listColumns+` from call_lists l where l.state = 'running' or exists (select from call_list_entries e where e.list_id = l.id and e.state = 'queued') order by l.id`)
	if err != nil {
		return err
	}
	var errs []error
	for i := range lists {
		l := &lists[i]
		if on, err := s.on(ctx, l); err != nil {
			errs = append(errs, err)
		} else if on {
			errs = append(errs, s.feed(ctx, l))
		} else {
			errs = append(errs, s.withdraw(ctx, l))
		}
	}
	return errors.Join(errs...)
}

// on tells whether a list is to be worked on now.
func (s *Service) on(ctx context.Context, l *List) (bool, error) {
	now := s.parts.Now()
	if l.State != Running || !l.Until.IsZero() && !now.Before(l.Until) {
		return false, nil
	}
	c, err := s.parts.Queues.Hours().OfQueue(ctx, l.Queue)
	if errors.Is(err, queue.ErrNoQueue) || errors.Is(err, queue.ErrNoCalendar) { // made a moment ago
		return false, nil
	}
	return err == nil && (c == nil || c.Open(now)), err
}

// feed puts entries whose turn it is into the queue, up to Ahead.
func (s *Service) feed(ctx context.Context, l *List) error {
	queued, err := pg.Row(ctx, s.db, pgx.RowTo[int], `select count(*) from call_list_entries where list_id = $1 and state = 'queued'`, l.ID)
	if err != nil {
		return err
	}
	for room := s.cfg.Ahead - queued; room > 0; {
		next, err := pg.Rows(ctx, s.db, scanEntry, `update call_list_entries e set state = 'queued', round = round + 1, work_id = 'entry:' || e.id || ':' || (round + 1), updated_at = now()
			where e.id in (select id from call_list_entries where list_id = $1 and state = 'pending' and not_before <= $2 order by not_before, id limit $3) and e.state = 'pending' returning `+entryColumns, l.ID, s.parts.Now(), room)
		if err != nil || len(next) == 0 {
			return err
		}
		room = 0
		slices.SortFunc(next, func(a, b Entry) int { return cmp.Or(a.NotBefore.Compare(b.NotBefore), cmp.Compare(a.ID, b.ID)) })
		for i := range next {
			went, err := s.put(ctx, l, &next[i], i)
			switch {
			case err != nil:
				return errors.Join(err, s.back(ctx, next[i:], time.Minute))
			case !went:
				room++
			}
		}
	}
	return nil
}

// put puts an entry into its queue; went is false for one that is not to be called.
func (s *Service) put(ctx context.Context, l *List, e *Entry, nth int) (went bool, err error) {
	allowed, err := s.allowed(ctx, l.Purpose, e)
	if err != nil {
		return false, err
	}
	if !allowed {
		return false, s.refuse(ctx, e.ID)
	}
	back := &queue.Callback{Number: e.Number, Entry: e.ID}
	if l.Mode == Preview {
		back.Preview = l.Look
	}
	w := queue.Work{ID: e.Work, Kind: queue.KindVoice, Queue: l.Queue, Urgency: l.Urgency, Language: l.Language, Number: e.Number, Contact: e.Number, Callback: back, Data: show(l, e),
		Since: s.parts.Now().Add(-time.Second + time.Duration(nth)*time.Millisecond)} // in their order
	switch err := s.parts.Caller.AddCallout(ctx, w); {
	case err == nil, errors.Is(err, queue.ErrThere):
		s.fed.Add(1)
		return true, nil
	default:
		return false, fmt.Errorf("list of calls %d: %w", l.ID, err)
	}
}

// back lets entries that could not be put into a queue wait for another time.
func (s *Service) back(ctx context.Context, all []Entry, pause time.Duration) error {
	ids := make([]int64, len(all))
	for i := range all {
		ids[i] = all[i].ID
	}
	_, err := s.db.Exec(ctx, `update call_list_entries set state = 'pending', work_id = null, not_before = $2, updated_at = now() where id = any($1) and state = 'queued'`, ids, s.parts.Now().Add(pause))
	return err
}

// withdraw takes entries out of the queue that nobody looks at.
func (s *Service) withdraw(ctx context.Context, l *List) error {
	all, err := pg.Rows(ctx, s.db, scanEntry, `select `+entryColumns+` from call_list_entries e where e.list_id = $1 and e.state = 'queued' order by e.id limit 1000`, l.ID)
	if err != nil {
		return err
	}
	for i := range all {
		switch err := s.parts.Queues.Withdraw(ctx, all[i].Work); {
		case err == nil:
			if err := s.back(ctx, all[i:i+1], 0); err != nil {
				return err
			}
		case errors.Is(err, queue.ErrState), errors.Is(err, queue.ErrNoWork): // an agent has it; mend sees to what is gone
		default:
			return err
		}
	}
	return nil
}

// mend gives entries whose work is no longer in a queue, without anybody having said why, their state.
func (s *Service) mend(ctx context.Context) error {
	type lost struct {
		ID       int64
		List     int64
		Cause    string
		Answered bool
		Open     bool // an attempt has no end
	}
	all, err := pg.Rows(ctx, s.db, pgx.RowToStructByPos[lost], `select e.id, e.list_id, coalesce(w.cause, ''), w.answered_at is not null, exists (select from call_list_attempts a where a.entry_id = e.id and a.ended_at is null)
		from call_list_entries e left join lateral (select phase, cause, answered_at from queue_work q where q.id = e.work_id order by entered_at desc limit 1) w on true
		where e.state = 'queued' and e.updated_at < now() - $1::interval and coalesce(w.phase, 'ended') = 'ended' limit 500`, settleAfter)
	if err != nil {
		return err
	}
	for i := range all {
		m := &all[i]
		how := "cut"
		switch {
		case m.Answered:
			how = "answered"
		case !m.Open && m.Cause == queue.CauseRemoved:
			how = "removed"
		}
		if err := s.settle(ctx, m.ID, how, nil); err != nil {
			return err
		}
		s.mended.Add(1)
	}
	return nil
}
