package asr

import (
	"math"
	"sync/atomic"
	"time"
)

// lateness counts how long frames waited from WriteFrame until a worker had
// dealt with them, in logarithmic steps of a twentieth of a decade from 0.1 ms.
type lateness struct{ counts [120]atomic.Uint64 }

func (l *lateness) add(d time.Duration) {
	b := 0
	if ms := float64(d) / 1e6; ms > 0.1 {
		b = min(1+int(20*math.Log10(10*ms)), len(l.counts)-1)
	}
	l.counts[b].Add(1)
}

// Lateness tells how long live frames waited, from WriteFrame until a worker
// had dealt with them: the median, the 99th percentile and the number of looks
// since the last call with reset.
func (p *Pool) Lateness(reset bool) (p50, p99 time.Duration, n uint64) {
	var c [120]uint64
	for i := range c {
		if reset {
			c[i] = p.late.counts[i].Swap(0)
		} else {
			c[i] = p.late.counts[i].Load()
		}
		n += c[i]
	}
	at := func(share float64) time.Duration {
		left := uint64(share * float64(n))
		for i, v := range c {
			if v > left {
				return time.Duration(math.Pow(10, float64(i)/20) * 1e5)
			}
			left -= v
		}
		return 0
	}
	return at(0.5), at(0.99), n
}
