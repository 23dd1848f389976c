package call

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"tingxin/pg"
)

// records is what a Writer needs of the Store.
type records interface {
	Begin(ctx context.Context, r Record) error
	Answered(ctx context.Context, id string, at time.Time) error
	Update(ctx context.Context, r Record) error
	AddUtterance(ctx context.Context, u Utterance) (inserted bool, err error)
	AddConsent(ctx context.Context, c ConsentRow) error
	AddReading(ctx context.Context, r TurnReading) error
	PutAlert(ctx context.Context, a Alert) error
	PutMood(ctx context.Context, m SideMood) error
	PutLeg(ctx context.Context, l LegRecord) error
	PutMessage(ctx context.Context, m Message) error
	AddAnswer(ctx context.Context, a Answer) error
	Finish(ctx context.Context, r Record, legs []LegRecord) error
}

// WriterStats tell how the records of calls come to the database.
type WriterStats struct {
	Queued        int   // records in memory that are not yet in the database
	OnDisk        int   // records that found no room there and wait in the journal only
	Away          bool  // the database did not answer when last asked
	Written       int64 `metric:",total"` // records written since the start
	Rejected      int64 `metric:",total"` // records the database refused for good; kept in rejected.log
	JournalErrors int64 `metric:",total"` // writes to the journal that failed
	Lost          int64 `metric:",total"` // records that neither the queue nor the journal could take
}

// Writer brings the records of calls to the database in the order of each call,
// without any call ever waiting for the database. A record is in the journal
// file when Put returns, so that a killed process does not lose it; it is
// reported as safe when it is in the database, or while that is away, at once.
//
//	Put -> journal file -> queue (bounded) -> one worker per shard -> Store
//	            '------- read back when the queue was full -------'
type Writer struct {
	cfg    JournalConfig
	store  records
	log    *slog.Logger
	shards []*shard
	stop   context.CancelFunc
	wg     sync.WaitGroup

	away          atomic.Int32 // shards that found the database away
	written       atomic.Int64
	rejected      atomic.Int64
	journalErrors atomic.Int64
	lost          atomic.Int64
	rejectedMu    sync.Mutex // guards the file of rejected records
}

// NewWriter checks and stores.
func NewWriter(cfg JournalConfig, store records, log *slog.Logger) *Writer {
	return &Writer{cfg: cfg.withDefaults(), store: store, log: log}
}

// Start brings what an earlier run left in the journal to the database, then
// opens the journal and returns with the workers running.
func (w *Writer) Start(ctx context.Context) error {
	if err := os.MkdirAll(w.cfg.Dir, 0o700); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	if err := w.replayAll(ctx); err != nil {
		return err
	}
	for i := range w.cfg.Writers {
		j, err := openJournal(filepath.Join(w.cfg.Dir, fmt.Sprintf("calls-%d.log", i)))
		if err != nil {
			w.closeJournals()
			return err
		}
		w.shards = append(w.shards, &shard{w: w, journal: j, behind: -1, wake: make(chan struct{}, 1)})
	}
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	w.stop = cancel
	for _, s := range w.shards {
		w.wg.Go(func() { s.run(work) }) // ends when Close cancels work
	}
	return nil
}

// replayAll applies and removes every journal file.
func (w *Writer) replayAll(ctx context.Context) error {
	paths, err := filepath.Glob(filepath.Join(w.cfg.Dir, "calls-*.log"))
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	for _, path := range paths {
		applied, damaged, err := replay(path, func(e *entry) error {
			err := w.apply(ctx, e)
			if err == nil || retryable(err) {
				return err
			}
			w.reject(e, err)
			return nil
		})
		if err != nil {
			return fmt.Errorf("replay %s: %w", filepath.Base(path), err)
		}
		if applied+damaged > 0 {
			w.log.Info("journal of an earlier run replayed", "file", filepath.Base(path), "records", applied, "damaged", damaged)
		}
		if err := os.Remove(path); err != nil {
			return fmt.Errorf("journal: %w", err)
		}
	}
	return nil
}

// Put takes one record. safe, if not nil, is called once from another goroutine
// when the record is in the database or, while that is away, in the journal.
func (w *Writer) Put(e *entry, safe func()) {
	h := fnv.New32a()
	h.Write([]byte(e.call()))
	w.shards[h.Sum32()%uint32(len(w.shards))].put(e, safe)
}

// Close waits until everything is in the database, or until ctx ends or the
// database turns out to be away: the rest stays in the journal for the next start.
func (w *Writer) Close(ctx context.Context) error {
	if w.stop == nil {
		return nil
	}
	w.settle(ctx)
	w.stop()
	w.wg.Wait()
	w.stop = nil
	return w.closeJournals()
}

func (w *Writer) settle(ctx context.Context) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for w.pending() > 0 && w.away.Load() == 0 {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (w *Writer) pending() int {
	st := w.Stats()
	return st.Queued + st.OnDisk
}

func (w *Writer) closeJournals() error {
	var errs []error
	for _, s := range w.shards {
		errs = append(errs, s.journal.f.Close())
		if s.pending() == 0 {
			errs = append(errs, os.Remove(s.journal.f.Name()))
		}
	}
	return errors.Join(errs...)
}

// Stats reads the counters.
func (w *Writer) Stats() WriterStats {
	st := WriterStats{
		Away: w.away.Load() > 0, Written: w.written.Load(), Rejected: w.rejected.Load(),
		JournalErrors: w.journalErrors.Load(), Lost: w.lost.Load(),
	}
	for _, s := range w.shards {
		s.mu.Lock()
		st.Queued += len(s.queue)
		st.OnDisk += s.onDisk
		s.mu.Unlock()
	}
	return st
}

func (w *Writer) apply(ctx context.Context, e *entry) error {
	switch {
	case e.Begin != nil:
		return w.store.Begin(ctx, *e.Begin)
	case e.Answered != nil:
		return w.store.Answered(ctx, e.Answered.Call, e.Answered.At)
	case e.Update != nil:
		return w.store.Update(ctx, *e.Update)
	case e.Utterance != nil:
		_, err := w.store.AddUtterance(ctx, *e.Utterance)
		return err
	case e.Consent != nil:
		return w.store.AddConsent(ctx, *e.Consent)
	case e.Reading != nil:
		return w.store.AddReading(ctx, *e.Reading)
	case e.Alert != nil:
		return w.store.PutAlert(ctx, *e.Alert)
	case e.Mood != nil:
		return w.store.PutMood(ctx, *e.Mood)
	case e.Leg != nil:
		return w.store.PutLeg(ctx, *e.Leg)
	case e.Message != nil:
		return w.store.PutMessage(ctx, *e.Message)
	case e.Answer != nil:
		return w.store.AddAnswer(ctx, *e.Answer)
	default:
		return w.store.Finish(ctx, e.Finish.Record, e.Finish.Legs)
	}
}

// retryable tells a database that is away from one that will never take the record.
func retryable(err error) bool {
	return errors.Is(err, pg.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// reject keeps a record that the database refused for good where a person finds it.
func (w *Writer) reject(e *entry, why error) {
	w.rejected.Add(1)
	w.log.Error("record refused by the database, kept in rejected.log", "call", e.call(), "error", why)
	w.rejectedMu.Lock()
	defer w.rejectedMu.Unlock()
	line, err := encodeLine(e)
	if err != nil {
		return
	}
	j, err := openJournal(filepath.Join(w.cfg.Dir, "rejected.log"))
	if err != nil {
		w.journalErrors.Add(1)
		return
	}
	defer j.f.Close()
	if err := j.append(line); err != nil {
		w.journalErrors.Add(1)
	}
}
