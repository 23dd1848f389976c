package event

import (
	"sync/atomic"
	"time"
)

// Histogram counts how long something took, for /metrics. The zero value is ready;
// it is safe for concurrent use and takes no lock.
type Histogram struct {
	counts [len(bounds) + 1]atomic.Uint64
	sum    atomic.Int64 // nanoseconds
}

// bounds of the buckets; the last one has none.
var bounds = [...]time.Duration{2 * time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond, 20 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond,
	200 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second, 5 * time.Second, 15 * time.Second}

// Observe counts one time.
func (h *Histogram) Observe(d time.Duration) {
	i := 0
	for i < len(bounds) && d > bounds[i] {
		i++
	}
	h.counts[i].Add(1)
	h.sum.Add(int64(d))
}

// Buckets is a Histogram at one moment.
type Buckets struct {
	// UpTo counts the times up to each bound, in seconds; Count is all of them, Sum their sum.
	UpTo  map[float64]uint64
	Count uint64
	Sum   time.Duration
}

// Buckets may be read at any time.
func (h *Histogram) Buckets() Buckets {
	b := Buckets{UpTo: make(map[float64]uint64, len(bounds)), Sum: time.Duration(h.sum.Load())}
	for i := range h.counts {
		b.Count += h.counts[i].Load()
		if i < len(bounds) {
			b.UpTo[bounds[i].Seconds()] = b.Count
		}
	}
	return b
}
