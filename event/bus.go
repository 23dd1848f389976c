package event

import (
	"sync"
	"sync/atomic"
	"time"
)

// Bus hands every published Event to every Subscription. It starts no goroutine
// and never blocks a publisher: a full subscriber loses its oldest event, and
// both the subscription and the bus count it. Sequence numbers reach every
// subscriber in order. The zero value is not usable; call NewBus.
type Bus struct {
	now       func() time.Time
	published atomic.Uint64
	dropped   atomic.Uint64

	mu     sync.Mutex
	seq    uint64
	shared bool // seq follows the clock
	closed bool
	subs   map[*Subscription]struct{}
}

// BusStats counts what went through a Bus since it was made.
type BusStats struct {
	Published   uint64 // events given to Publish
	Dropped     uint64 // events lost by slow subscribers, summed over all of them
	Subscribers int    // subscriptions open now
}

// NewBus makes an empty bus.
func NewBus() *Bus {
	return &Bus{now: time.Now, subs: make(map[*Subscription]struct{})}
}

// NewSharedBus makes a bus beside others whose events go to the same readers: its
// sequence numbers are microseconds of the clock, at least one apart, so that the
// numbers of several buses are in order as far as their clocks agree.
func NewSharedBus() *Bus {
	b := NewBus()
	b.shared = true
	return b
}

// Publish stamps an event with the next sequence number and the time, hands it
// to every subscriber and returns it. data must encode to JSON and must not be
// changed afterwards. After Close the event still gets a number but goes nowhere.
func (b *Bus) Publish(typ, call string, data any) Event {
	b.mu.Lock()
	defer b.mu.Unlock()
	at := b.now().UTC()
	b.seq++
	if b.shared {
		b.seq = max(b.seq, uint64(at.UnixMicro()))
	}
	e := Event{Seq: b.seq, Type: typ, At: at, Call: call, Data: data}
	b.published.Add(1)
	for s := range b.subs {
		if s.offer(e) {
			b.dropped.Add(1)
		}
	}
	return e
}

// Seq is the number of the last published event, 0 before the first. A reader
// that takes a snapshot notes it first and then skips events up to that number.
func (b *Bus) Seq() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.shared { // others have published meanwhile
		b.seq = max(b.seq, uint64(b.now().UnixMicro()))
	}
	return b.seq
}

// Subscribe opens a subscription that holds up to n undelivered events (at
// least 1). On a closed bus its channel is closed at once.
func (b *Bus) Subscribe(n int) *Subscription {
	ch := make(chan Event, max(n, 1))
	s := &Subscription{C: ch, ch: ch, bus: b}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		close(ch)
		return s
	}
	b.subs[s] = struct{}{}
	return s
}

// Close ends every subscription; repeating it is fine.
func (b *Bus) Close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	for s := range b.subs {
		delete(b.subs, s)
		close(s.ch)
	}
}

// Stats reads the counters.
func (b *Bus) Stats() BusStats {
	b.mu.Lock()
	n := len(b.subs)
	b.mu.Unlock()
	return BusStats{Published: b.published.Load(), Dropped: b.dropped.Load(), Subscribers: n}
}

// Subscription is one reader of a Bus. C yields events in order and is closed
// by Close or by the bus; events already queued can still be read then.
type Subscription struct {
	// C yields the events.
	C <-chan Event

	ch      chan Event
	bus     *Bus
	dropped atomic.Uint64
}

// Dropped is how many events this subscriber lost because it was slow.
func (s *Subscription) Dropped() uint64 { return s.dropped.Load() }

// Close ends the subscription and closes C; repeating it is fine.
func (s *Subscription) Close() {
	s.bus.mu.Lock()
	defer s.bus.mu.Unlock()
	if _, open := s.bus.subs[s]; !open {
		return
	}
	delete(s.bus.subs, s)
	close(s.ch)
}

// offer queues e, throwing away the oldest event when full; it reports whether
// one was lost. The caller holds the bus's lock, so there is one sender only.
func (s *Subscription) offer(e Event) (lost bool) {
	for {
		select {
		case s.ch <- e:
			return lost
		default:
		}
		select {
		case <-s.ch:
			s.dropped.Add(1)
			lost = true
		default:
		}
	}
}
