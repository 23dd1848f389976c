package worker

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestOldestAudioFirstAndBatchLast(t *testing.T) {
	s := newScheduler(newLoad(1, 0))
	var mu sync.Mutex
	var order []string
	task := func(name string, batch bool) *task {
		return &task{batch: batch, run: func() time.Time {
			mu.Lock()
			defer mu.Unlock()
			order = append(order, name)
			return time.Time{}
		}}
	}
	base := time.Now()
	// All are ready before the only thread begins.
	s.wake(task("batch", true), base)
	s.wake(task("late", false), base.Add(30*time.Millisecond))
	s.wake(task("early", false), base.Add(10*time.Millisecond))
	s.wake(task("middle", false), base.Add(20*time.Millisecond))
	s.start(1, 0)
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
		mu.Lock()
		n := len(order)
		mu.Unlock()
		if n == 4 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("only %v ran", order)
		}
	}
	s.close()
	if !slices.Equal(order, []string{"early", "middle", "late", "batch"}) {
		t.Fatalf("order %v", order)
	}
}

func TestTaskRunsOnOneThreadAndMissesNoWake(t *testing.T) {
	s := newScheduler(newLoad(4, 0))
	s.start(4, 0)
	defer s.close()
	var mu sync.Mutex
	active, runs, pending, worst := 0, 0, 0, 0
	tk := &task{run: func() time.Time {
		mu.Lock()
		active++
		worst = max(worst, active)
		runs++
		pending = 0
		mu.Unlock()
		mu.Lock()
		active--
		mu.Unlock()
		return time.Time{}
	}}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 500 {
				mu.Lock()
				pending++
				mu.Unlock()
				s.wake(tk, time.Now())
			}
		})
	}
	wg.Wait()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
		mu.Lock()
		left := pending
		mu.Unlock()
		if left == 0 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("%d wakes were lost", left)
		}
	}
	if worst > 1 {
		t.Fatalf("task ran on %d threads at once", worst)
	}
}

func TestAdmissionFollowsMeasuredLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLoad(1, 0)
		now := time.Now()
		l.sample(now)
		step := func(busy float64, late time.Duration) {
			now = now.Add(sampleEvery)
			l.worked(time.Duration(busy*float64(sampleEvery)), false)
			for range 20 {
				l.dealt(late)
			}
			l.sample(now)
		}
		n := 0
		for l.admit(false, false, now) {
			n++
		}
		if n < 20 || n > 35 {
			t.Fatalf("an idle worker took %d channels at once", n)
		}
		for range 20 * 60 {
			step(0.40, 10*time.Millisecond) // they use little: room again
		}
		if !l.admit(false, false, now) {
			t.Fatalf("full at 40 %%: %+v", l.figures())
		}
		for range 2 * window {
			step(0.95, 50*time.Millisecond)
		}
		if l.admit(false, false, now) {
			t.Fatal("took a channel at 95 %")
		}
		if !l.admit(false, true, now) || !l.admit(true, false, now) {
			t.Fatal("refused a moved or a batch channel")
		}
		for range 2 * window {
			step(0.2, 400*time.Millisecond) // idle by its own count, yet late: somebody else uses the machine
		}
		if l.admit(false, false, now) {
			t.Fatal("took a channel while audio is late")
		}
		for range 2 * window {
			step(0.2, 5*time.Millisecond)
		}
		if !l.admit(false, false, now) {
			t.Fatalf("did not recover: %+v", l.figures())
		}
	})
}

func TestBatchWorkDoesNotFillTheWorker(t *testing.T) {
	l := newLoad(1, 0)
	now := time.Now()
	l.sample(now)
	for range window {
		now = now.Add(sampleEvery)
		l.worked(sampleEvery, true)
		l.sample(now)
	}
	if !l.admit(false, false, now) {
		t.Fatalf("batch work made the worker full: %+v", l.figures())
	}
}

func TestReplaysGoBehindLiveAudioAndOnSpareThreads(t *testing.T) {
	t.Run("behind, but not for long", func(t *testing.T) {
		s := newScheduler(newLoad(1, 0))
		base := time.Now()
		var order []string
		done := make(chan struct{})
		task := func(name string, replay bool, due time.Time) {
			tk := &task{run: func() time.Time {
				if order = append(order, name); len(order) == 4 {
					close(done)
				}
				return time.Time{}
			}}
			tk.replay.Store(replay)
			s.wake(tk, due)
		}
		task("replay", true, base)
		task("old replay", true, base.Add(-time.Second))
		task("live", false, base.Add(100*time.Millisecond))
		task("late live", false, base.Add(replayAfter+100*time.Millisecond))
		s.start(1, 0)
		<-done
		s.close()
		if !slices.Equal(order, []string{"old replay", "live", "replay", "late live"}) {
			t.Fatalf("order %v", order)
		}
	})
	t.Run("on a spare thread", func(t *testing.T) {
		s := newScheduler(newLoad(1, 0))
		s.start(1, 1)
		release, held, replayed := make(chan struct{}), make(chan struct{}), make(chan struct{})
		s.wake(&task{run: func() time.Time { close(held); <-release; return time.Time{} }}, time.Now())
		<-held // the only thread for live audio is busy
		live := &task{run: func() time.Time { return time.Time{} }}
		s.wake(live, time.Now())
		tk := &task{run: func() time.Time { close(replayed); return time.Time{} }}
		tk.replay.Store(true)
		s.wake(tk, time.Now())
		<-replayed
		s.mu.Lock()
		waits := live.queued
		s.mu.Unlock()
		if !waits {
			t.Error("a spare thread took live audio")
		}
		close(release)
		s.close()
	})
}
