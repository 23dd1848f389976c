package worker

import (
	"container/heap"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// task is one channel's work as the scheduler sees it. run does a bounded
// piece of it and tells when the rest was due to begin (zero: nothing left).
type task struct {
	batch bool
	run   func() (next time.Time)
	// replay is true while the channel, moved here from a lost worker, hears again what that one had heard.
	replay atomic.Bool

	// Guarded by scheduler.mu.
	due    time.Time
	seq    uint64
	queued bool
	active bool
	again  time.Time // became ready while active
}

// replayAfter is how much older than live audio a replay has to be to come before it.
const replayAfter = 300 * time.Millisecond

// scheduler shares a fixed number of decoding threads among all channels: the
// audio that has waited longest comes first, batch work only when no live
// channel waits. Spare threads do nothing but replays: they use the cores that
// a lost worker has left idle.
type scheduler struct {
	load *load

	mu     sync.Mutex
	cond   *sync.Cond
	spare  *sync.Cond
	ready  queue
	behind queue // replays; due holds replayAfter already
	seq    uint64
	closed bool

	threads sync.WaitGroup
}

func newScheduler(l *load) *scheduler {
	s := &scheduler{load: l}
	s.cond, s.spare = sync.NewCond(&s.mu), sync.NewCond(&s.mu)
	return s
}

// start begins with n threads for everything and some spare ones for replays.
func (s *scheduler) start(n, spare int) {
	for range n {
		// Ends when close sets closed and the queue is given up.
		s.threads.Go(func() { s.thread(s.cond, s.next) })
	}
	for range spare {
		// Ends like the others.
		s.threads.Go(func() { s.thread(s.spare, s.nextReplay) })
	}
}

// wake says that t has work since due.
func (s *scheduler) wake(t *task, due time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed || t.queued:
	case t.active:
		if t.again.IsZero() {
			t.again = due
		}
	default:
		s.push(t, due)
	}
}

func (s *scheduler) push(t *task, due time.Time) {
	s.seq++
	t.due, t.seq, t.queued = due, s.seq, true
	if t.replay.Load() {
		t.due = due.Add(replayAfter)
		heap.Push(&s.behind, t)
		s.spare.Signal()
	} else {
		heap.Push(&s.ready, t)
	}
	s.cond.Signal()
}

// next pops what comes next for a thread that does everything; nil when
// nothing waits. s.mu is held.
func (s *scheduler) next() *task {
	switch {
	case len(s.ready) == 0:
		return s.nextReplay()
	case len(s.behind) > 0 && (s.ready[0].batch || s.behind[0].due.Before(s.ready[0].due)):
		return s.nextReplay()
	}
	return heap.Pop(&s.ready).(*task)
}

// nextReplay pops the next replay; nil when there is none. s.mu is held.
func (s *scheduler) nextReplay() *task {
	if len(s.behind) == 0 {
		return nil
	}
	return heap.Pop(&s.behind).(*task)
}

// thread does what next gives until the scheduler is closed.
func (s *scheduler) thread(wake *sync.Cond, next func() *task) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for {
		var t *task
		s.mu.Lock()
		for !s.closed {
			if t = next(); t != nil {
				break
			}
			wake.Wait()
		}
		if s.closed {
			s.mu.Unlock()
			return
		}
		t.queued, t.active = false, true
		s.mu.Unlock()

		begin := time.Now()
		rest := t.run()
		s.load.worked(time.Since(begin), t.batch)

		s.mu.Lock()
		t.active = false
		if rest.IsZero() {
			rest = t.again
		}
		t.again = time.Time{}
		if !rest.IsZero() && !s.closed {
			s.push(t, rest)
		}
		s.mu.Unlock()
	}
}

// close ends the threads after the piece of work each is doing.
func (s *scheduler) close() {
	s.mu.Lock()
	s.closed = true
	s.cond.Broadcast()
	s.spare.Broadcast()
	s.mu.Unlock()
	s.threads.Wait()
}

// queue is a heap: live before batch, then the one due earliest.
type queue []*task

func (q queue) Len() int { return len(q) }
func (q queue) Less(i, j int) bool {
	a, b := q[i], q[j]
	if a.batch != b.batch {
		return b.batch
	}
	if !a.due.Equal(b.due) && !a.batch {
		return a.due.Before(b.due)
	}
	return a.seq < b.seq
}
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)   { *q = append(*q, x.(*task)) }
func (q *queue) Pop() any {
	old := *q
	t := old[len(old)-1]
	old[len(old)-1] = nil
	*q = old[:len(old)-1]
	return t
}
