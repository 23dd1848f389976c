package worker

import (
	"math"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	sampleEvery = 250 * time.Millisecond
	window      = 16   // samples in a window: 4 s
	fullAt      = 0.85 // share of the threads' time that may be in use
	lateAt      = 150 * time.Millisecond
	priorCost   = 0.03 // threads per channel before anything is measured
	youngFor    = 8 * time.Second
	buckets     = 160
)

// load measures how much of the decoding threads' time is in use and how late
// the audio is dealt with, and tells from both whether a channel more fits in.
type load struct {
	threads int
	ceiling int // configured limit of channels, 0 none

	live, batch    atomic.Int64 // nanoseconds worked since start
	heard, decoded atomic.Uint64
	dropped        atomic.Uint64
	failures       atomic.Uint64
	late           [buckets]atomic.Uint32

	mu       sync.Mutex
	channels int
	batches  int
	young    []time.Time // opening times of the channels whose work is not yet measured
	busy     [window]float64
	lates    [window][buckets]uint32
	samples  int
	lastLive int64
	lastAt   time.Time
	cost     float64 // threads per channel, measured slowly
	cpuAt    time.Time
	cpuUsed  time.Duration
	cpuPct   float64
}

func newLoad(threads, ceiling int) *load {
	return &load{threads: threads, ceiling: ceiling, cost: priorCost}
}

// worked adds the time of one piece of work.
func (l *load) worked(d time.Duration, batch bool) {
	if batch {
		l.batch.Add(int64(d))
	} else {
		l.live.Add(int64(d))
	}
}

// dealt notes how long the newest frame of a piece of live work has waited.
func (l *load) dealt(late time.Duration) { l.late[bucket(late)].Add(1) }

// bucket and edge: logarithmic, 16 to the octave of ten from 0.1 ms up.
func bucket(d time.Duration) int {
	ms := float64(d) / 1e6
	if ms <= 0.1 {
		return 0
	}
	return min(int(20*math.Log10(ms*10))+1, buckets-1)
}

func edge(b int) float64 { return math.Pow(10, float64(b)/20) / 10 }

// sample closes a measuring step; the server calls it every sampleEvery.
func (l *load) sample(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	used := l.live.Load()
	if !l.lastAt.IsZero() {
		i := l.samples % window
		l.busy[i] = float64(used-l.lastLive) / float64(now.Sub(l.lastAt))
		for b := range l.late {
			l.lates[i][b] = l.late[b].Swap(0)
		}
		l.samples++
		if old := l.channels - len(l.young); old > 0 {
			l.cost += 0.02 * (max(l.threadsBusy()/float64(l.channels), 0.01) - l.cost)
		}
	}
	l.lastLive, l.lastAt = used, now
	for len(l.young) > 0 && now.Sub(l.young[0]) > youngFor {
		l.young = l.young[1:]
	}
	if now.Sub(l.cpuAt) >= time.Second {
		cpu := ProcessCPU()
		if !l.cpuAt.IsZero() {
			l.cpuPct = 100 * float64(cpu-l.cpuUsed) / float64(now.Sub(l.cpuAt))
		}
		l.cpuAt, l.cpuUsed = now, cpu
	}
}

// threadsBusy is the mean over the window; l.mu is held.
func (l *load) threadsBusy() float64 {
	n := min(l.samples, window)
	if n == 0 {
		return 0
	}
	var sum float64
	for _, b := range l.busy[:n] {
		sum += b
	}
	return sum / float64(n)
}

// lateness gives the 99th percentile over the last k samples; l.mu is held.
func (l *load) lateness(k int) time.Duration {
	var sum [buckets]uint64
	var n uint64
	for j := 1; j <= min(k, l.samples, window); j++ {
		for b, v := range l.lates[(l.samples-j)%window] {
			sum[b] += uint64(v)
			n += uint64(v)
		}
	}
	if n == 0 {
		return 0
	}
	over := n / 100
	for b := buckets - 1; b >= 0; b-- {
		if sum[b] > over {
			return time.Duration(edge(b) * 1e6)
		}
		over -= sum[b]
	}
	return 0
}

// full tells whether one more live channel is one too many; l.mu is held.
func (l *load) full() bool {
	if l.ceiling > 0 && l.channels >= l.ceiling {
		return true
	}
	limit := fullAt * float64(l.threads)
	// What the young channels will need is not in the measured share yet.
	planned := l.threadsBusy() + l.cost*float64(len(l.young)+1)
	if l.channels > 0 && planned > limit {
		return true
	}
	return l.channels > 1 && l.lateness(window) > lateAt
}

// admit takes a channel in. A moved channel comes from a lost worker and is
// taken as long as there is any sense in it.
func (l *load) admit(batch, moved bool, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if batch {
		l.batches++
		return true
	}
	if !moved && l.full() {
		return false
	}
	l.channels++
	l.young = append(l.young, now)
	return true
}

func (l *load) leave(batch bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if batch {
		l.batches--
	} else {
		l.channels--
	}
}

// figures are what Health tells.
type figures struct {
	channels, batches, capacity int
	full                        bool
	busy, lateMS, cpuPct        float64
}

func (l *load) figures() figures {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := figures{channels: l.channels, batches: l.batches, full: l.full(), cpuPct: l.cpuPct}
	f.busy = l.threadsBusy() / float64(l.threads)
	f.lateMS = float64(l.lateness(window)) / 1e6
	f.capacity = int(fullAt * float64(l.threads) / l.cost)
	if l.ceiling > 0 {
		f.capacity = min(f.capacity, l.ceiling)
	}
	return f
}

// ProcessCPU is the processor time this process has used.
func ProcessCPU() time.Duration {
	var ru syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &ru) != nil {
		return 0
	}
	return time.Duration(ru.Utime.Nano() + ru.Stime.Nano())
}

// ResidentBytes is the process's resident memory, 0 when the system does not tell.
func ResidentBytes() uint64 {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	f := strings.Fields(string(b))
	if len(f) < 2 {
		return 0
	}
	pages, _ := strconv.ParseUint(f[1], 10, 64)
	return pages * uint64(os.Getpagesize())
}
