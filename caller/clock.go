package caller

import (
	"sync"
	"time"
)

// The clock ticks every 5 ms and each stream sends on one of four phases, so
// that hundreds of calls are not sent in one burst.
const (
	phases = 4
	tick   = 5 * time.Millisecond
	ptime  = phases * tick
)

// clock is the one goroutine that sends for all calls, on an absolute schedule.
type clock struct {
	stop chan struct{}
	done chan struct{}

	mu      sync.Mutex
	next    int
	streams [phases][]*stream
}

func newClock() *clock {
	return &clock{stop: make(chan struct{}), done: make(chan struct{})}
}

// add gives a stream its phase; it is sent from its next tick on.
func (c *clock) add(s *stream) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s.phase = c.next % phases
	c.next++
	c.streams[s.phase] = append(c.streams[s.phase], s)
}

// remove returns when the stream is not being sent any more.
func (c *clock) remove(s *stream) {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := c.streams[s.phase]
	for i, o := range list {
		if o == s {
			list[i] = list[len(list)-1]
			list[len(list)-1] = nil
			c.streams[s.phase] = list[:len(list)-1]
			return
		}
	}
}

// run ends when stop is closed. After a stall it catches up tick by tick for
// half a second; beyond that the lost time is skipped.
func (c *clock) run() {
	defer close(c.done)
	timer := time.NewTimer(0)
	defer timer.Stop()
	due := time.Now()
	for n := 0; ; n++ {
		if wait := time.Until(due); wait > 0 {
			timer.Reset(wait)
			select {
			case <-c.stop:
				return
			case <-timer.C:
			}
		} else if wait < -500*time.Millisecond {
			due = time.Now()
		}
		select {
		case <-c.stop:
			return
		default:
		}
		c.mu.Lock()
		for _, s := range c.streams[n%phases] {
			s.send(due)
		}
		c.mu.Unlock()
		due = due.Add(tick)
	}
}
