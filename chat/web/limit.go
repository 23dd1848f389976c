package web

import (
	"sync"
	"time"
)

// limiter counts what comes from each key: burst at once, and again over per.
type limiter struct {
	burst float64
	per   time.Duration

	mu   sync.Mutex
	keys map[string]bucket // guarded by mu
}

type bucket struct {
	left float64
	at   time.Time
}

// maxKeys bounds what is remembered; beyond it strangers are refused until the next tidying.
const maxKeys = 200_000

func newLimiter(burst int, per time.Duration) *limiter {
	return &limiter{burst: float64(burst), per: per, keys: map[string]bucket{}}
}

// take tells whether one more is allowed now.
func (l *limiter) take(key string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	b, ok := l.keys[key]
	if !ok {
		if len(l.keys) >= maxKeys {
			l.tidy(now)
			if len(l.keys) >= maxKeys {
				return false
			}
		}
		b = bucket{l.burst, now}
	}
	b.left = min(l.burst, b.left+l.burst*float64(now.Sub(b.at))/float64(l.per))
	b.at = now
	allowed := b.left >= 1
	if allowed {
		b.left--
	}
	l.keys[key] = b
	return allowed
}

// tidy forgets who has been quiet; the caller holds the lock.
func (l *limiter) tidy(now time.Time) {
	for k, b := range l.keys {
		if now.Sub(b.at) > l.per {
			delete(l.keys, k)
		}
	}
}

func (l *limiter) sweep(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tidy(now)
}
