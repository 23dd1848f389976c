package worker

import (
	"container/heap"
	"runtime"
	"sync"
	"time"
)

// task is one channel's work as the scheduler sees it. run does a bounded
// piece of it and tells when the rest was due to begin (zero: nothing left).
type task struct {
	batch bool
	run   func() (next time.Time)

	// Guarded by scheduler.mu.
	due    time.Time
	seq    uint64
	queued bool
	active bool
	again  time.Time // became ready while active
}

// scheduler shares a fixed number of decoding threads among all channels: the
// audio that has waited longest comes first, batch work only when no live
// channel waits.
type scheduler struct {
	load *load

	mu     sync.Mutex
	cond   *sync.Cond
	ready  queue
	seq    uint64
	closed bool

	threads sync.WaitGroup
}

func newScheduler(l *load) *scheduler {
	s := &scheduler{load: l}
	s.cond = sync.NewCond(&s.mu)
	return s
}

// start begins with n threads.
func (s *scheduler) start(n int) {
	for range n {
		// Ends when close sets closed and the queue is given up.
		s.threads.Go(s.thread)
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
	heap.Push(&s.ready, t)
	s.cond.Signal()
}

func (s *scheduler) thread() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for {
		s.mu.Lock()
		for len(s.ready) == 0 && !s.closed {
			s.cond.Wait()
		}
		if s.closed {
			s.mu.Unlock()
			return
		}
		t := heap.Pop(&s.ready).(*task)
		t.queued, t.active = false, true
		s.mu.Unlock()

		begin := time.Now()
		next := t.run()
		s.load.worked(time.Since(begin), t.batch)

		s.mu.Lock()
		t.active = false
		if next.IsZero() {
			next = t.again
		}
		t.again = time.Time{}
		if !next.IsZero() && !s.closed {
			s.push(t, next)
		}
		s.mu.Unlock()
	}
}

// close ends the threads after the piece of work each is doing.
func (s *scheduler) close() {
	s.mu.Lock()
	s.closed = true
	s.cond.Broadcast()
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
