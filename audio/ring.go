package audio

import "sync/atomic"

// Ring carries frames by value from one writing to one reading goroutine. When
// it is full the oldest frame is dropped and counted, so the writer never waits
// and the reader always gets the newest sound.
//
// A slot is marked busy while it is being filled or drained, so that dropping the
// oldest frame while it is being read is safe.
type Ring struct {
	slots   []ringSlot
	mask    uint64
	head    atomic.Uint64 // next frame to write; moved by the writer only
	tail    atomic.Uint64 // next frame to read; claimed by compare-and-swap
	dropped atomic.Uint64
}

type ringSlot struct {
	busy  atomic.Bool
	frame Frame
}

// NewRing makes a ring for at least n frames (rounded up to a power of two, at least 2).
func NewRing(n int) *Ring {
	size := 2
	for size < n {
		size *= 2
	}
	return &Ring{slots: make([]ringSlot, size), mask: uint64(size - 1)}
}

// Push copies f into the ring. It returns false when the ring was full and a
// frame was lost for it.
func (r *Ring) Push(f *Frame) bool {
	head := r.head.Load()
	kept := true
	if tail := r.tail.Load(); head-tail > r.mask {
		// Full: take the oldest away, unless the reader has just taken it.
		if r.tail.CompareAndSwap(tail, tail+1) {
			r.dropped.Add(1)
			kept = false
		}
	}
	s := &r.slots[head&r.mask]
	if !s.busy.CompareAndSwap(false, true) {
		// The reader is still copying this slot: losing the new frame beats waiting.
		r.dropped.Add(1)
		return false
	}
	s.frame = *f
	s.busy.Store(false)
	r.head.Store(head + 1)
	return kept
}

// Pop copies the oldest frame into f, or returns false when there is none.
func (r *Ring) Pop(f *Frame) bool {
	for {
		tail := r.tail.Load()
		if tail == r.head.Load() {
			return false
		}
		s := &r.slots[tail&r.mask]
		if !s.busy.CompareAndSwap(false, true) {
			continue // the writer fills it: it dropped this frame, so tail has moved
		}
		if !r.tail.CompareAndSwap(tail, tail+1) {
			s.busy.Store(false)
			continue
		}
		*f = s.frame
		s.busy.Store(false)
		return true
	}
}

// Len is the number of frames waiting.
func (r *Ring) Len() int { return int(r.head.Load() - r.tail.Load()) }

// Cap is the number of frames the ring can hold.
func (r *Ring) Cap() int { return len(r.slots) }

// Dropped counts the frames lost because the ring was full.
func (r *Ring) Dropped() uint64 { return r.dropped.Load() }
