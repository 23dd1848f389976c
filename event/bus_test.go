package event_test

import (
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"tingxin/event"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestBusKeepsOrder(t *testing.T) {
	b := event.NewBus()
	defer b.Close()
	s := b.Subscribe(4000)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 1000 {
				b.Publish("call.updated", "c", nil)
			}
		})
	}
	wg.Wait()
	for want := uint64(1); want <= 4000; want++ {
		if e := <-s.C; e.Seq != want {
			t.Fatalf("seq = %d, want %d", e.Seq, want)
		}
	}
	if s.Dropped() != 0 {
		t.Fatalf("dropped %d with room for all", s.Dropped())
	}
}

func TestBusDropsOldestOfSlowSubscriberOnly(t *testing.T) {
	b := event.NewBus()
	defer b.Close()
	slow, fast := b.Subscribe(2), b.Subscribe(10)
	for range 5 {
		b.Publish("x", "", nil)
	}
	if a, z := (<-slow.C).Seq, (<-slow.C).Seq; a != 4 || z != 5 {
		t.Errorf("slow kept %d and %d, want the newest 4 and 5", a, z)
	}
	if slow.Dropped() != 3 || fast.Dropped() != 0 {
		t.Errorf("dropped slow %d, fast %d; want 3, 0", slow.Dropped(), fast.Dropped())
	}
	if got := b.Stats(); got.Dropped != 3 || got.Published != 5 || got.Subscribers != 2 {
		t.Errorf("stats = %+v", got)
	}
	if len(fast.C) != 5 {
		t.Errorf("fast holds %d, want 5", len(fast.C))
	}
}

func TestSubscriptionCloseIsIdempotentAndDrains(t *testing.T) {
	b := event.NewBus()
	s := b.Subscribe(1)
	b.Publish("x", "", nil)
	s.Close()
	s.Close()
	b.Publish("y", "", nil)
	if e, open := <-s.C; !open || e.Type != "x" {
		t.Errorf("queued event lost: %+v %v", e, open)
	}
	if _, open := <-s.C; open {
		t.Error("channel still open")
	}
	b.Close()
	b.Close()
	s.Close()
	if _, open := <-b.Subscribe(1).C; open {
		t.Error("a closed bus gave an open subscription")
	}
}

func TestCloseDuringPublish(t *testing.T) {
	b := event.NewBus()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				s := b.Subscribe(1)
				b.Publish("x", "", nil)
				s.Close()
			}
		})
	}
	wg.Wait()
	b.Close()
	if n := b.Stats().Subscribers; n != 0 {
		t.Errorf("%d subscribers left", n)
	}
}

func BenchmarkPublish(b *testing.B) {
	bus := event.NewBus()
	for range 3 {
		bus.Subscribe(64)
	}
	b.ReportAllocs()
	for b.Loop() {
		bus.Publish("transcript.partial", "id", nil)
	}
}

// TestSharedBusesAreInOrder: numbers of several buses tell what came first, also
// against a snapshot of either.
func TestSharedBusesAreInOrder(t *testing.T) {
	a, b := event.NewSharedBus(), event.NewSharedBus()
	defer a.Close()
	defer b.Close()
	var last uint64
	for range 100 {
		for _, bus := range []*event.Bus{a, b} {
			e := bus.Publish("x", "", nil)
			if e.Seq+1 < last { // two within a microsecond are equal
				t.Fatalf("%d after %d", e.Seq, last)
			}
			last = e.Seq
		}
		time.Sleep(10 * time.Microsecond)
	}
	if seq := a.Seq(); seq+1 < last {
		t.Errorf("a snapshot at %d does not hold %d", seq, last)
	}
	one, two := a.Publish("x", "", nil), a.Publish("x", "", nil)
	if two.Seq <= one.Seq {
		t.Errorf("%d after %d", two.Seq, one.Seq)
	}
}
