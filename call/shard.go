package call

import (
	"context"
	"errors"
	"sync"
	"time"
)

// emptyAt is how large a journal grows before it is emptied when all of it is in the database.
const emptyAt = 64 << 10

// Pauses between tries while the database is away.
const (
	retryFirst = 100 * time.Millisecond
	retryMost  = 2 * time.Second
)

// item is a record on its way.
type item struct {
	e    *entry
	safe func() // called once; nil when called
}

// shard is one journal file, its queue and its worker.
type shard struct {
	w    *Writer
	wake chan struct{}

	mu      sync.Mutex
	journal *journal
	queue   []item   // oldest first, at most MaxQueued
	behind  int64    // offset of the oldest record that is on disk only, -1 when none is
	onDisk  int      // how many records are on disk only
	safe    []func() // of records that are on disk only
}

// put appends the record to the journal and queues it.
func (s *shard) put(e *entry, safe func()) {
	line, err := encodeLine(e)
	s.mu.Lock()
	at := s.journal.size
	if err == nil {
		err = s.journal.append(line)
	}
	if err != nil {
		s.w.journalErrors.Add(1)
	}
	switch full := len(s.queue) >= s.w.cfg.MaxQueued || s.behind >= 0; {
	case !full:
		s.queue = append(s.queue, item{e, safe})
	case err != nil:
		s.w.lost.Add(1)
	default:
		if s.behind < 0 {
			s.behind = at
		}
		s.onDisk++
		if safe != nil {
			s.safe = append(s.safe, safe)
		}
	}
	s.mu.Unlock()
	if err != nil {
		s.w.log.Error("journal cannot be written", "call", e.call(), "error", err)
	}
	s.poke()
}

func (s *shard) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *shard) pending() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.queue) + s.onDisk
}

// run is the worker: one record after the other until ctx ends.
func (s *shard) run(ctx context.Context) {
	for ctx.Err() == nil {
		s.tellSafe(false)
		it, ok := s.next()
		if !ok {
			select {
			case <-ctx.Done():
			case <-s.wake:
			}
			continue
		}
		if !s.bring(ctx, it) {
			return
		}
		s.done()
	}
}

// next is the oldest record; it stays queued until done.
func (s *shard) next() (item, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.queue) == 0 && s.behind >= 0 {
		s.readBack()
	}
	if len(s.queue) == 0 {
		return item{}, false
	}
	return s.queue[0], true
}

// readBack moves records that are on disk only into the queue; the caller holds the lock.
func (s *shard) readBack() {
	for len(s.queue) < s.w.cfg.MaxQueued && s.onDisk > 0 {
		e, next, err := s.journal.readAt(s.behind)
		s.behind = next
		switch {
		case err == nil:
			s.onDisk--
			s.queue = append(s.queue, item{e: e})
		case errors.Is(err, errTorn): // a write that failed half way
		default:
			s.w.lost.Add(int64(s.onDisk))
			s.onDisk = 0
		}
	}
	if s.onDisk == 0 {
		s.behind = -1
	}
}

// bring tries until the database has the record or refuses it for good; false when ctx ended first.
func (s *shard) bring(ctx context.Context, it item) bool {
	away := false
	defer func() {
		if away {
			s.w.away.Add(-1)
		}
	}()
	for pause := retryFirst; ; pause = min(2*pause, retryMost) {
		err := s.w.apply(ctx, it.e)
		if err == nil {
			s.w.written.Add(1)
			return true
		}
		if !retryable(err) {
			s.w.reject(it.e, err)
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		if !away {
			away = true
			s.w.away.Add(1)
			s.w.log.Warn("database is away; records wait in the journal", "error", err)
		}
		if !s.pause(ctx, pause) {
			return false
		}
	}
}

// pause waits, and meanwhile tells every waiting record that it is safe in the journal.
func (s *shard) pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	for {
		s.tellSafe(true)
		select {
		case <-ctx.Done():
			return false
		case <-timer.C:
			return true
		case <-s.wake:
		}
	}
}

// tellSafe reports the records that are on disk only, and with all also the queued ones.
func (s *shard) tellSafe(all bool) {
	s.mu.Lock()
	tell := s.safe
	s.safe = nil
	if all {
		for i := range s.queue {
			if f := s.queue[i].safe; f != nil {
				tell = append(tell, f)
				s.queue[i].safe = nil
			}
		}
	}
	s.mu.Unlock()
	for _, f := range tell {
		f()
	}
}

// done takes the oldest record off the queue and reports it.
func (s *shard) done() {
	s.mu.Lock()
	safe := s.queue[0].safe
	s.queue[0] = item{}
	s.queue = s.queue[1:]
	if len(s.queue) == 0 {
		s.queue = nil
	}
	if len(s.queue) == 0 && s.behind < 0 && s.journal.size > emptyAt {
		if err := s.journal.empty(); err != nil {
			s.w.journalErrors.Add(1)
		}
	}
	s.mu.Unlock()
	if safe != nil {
		safe()
	}
}
