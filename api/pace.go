package api

import (
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
)

// Requests a minute; that many may also come at once.
const (
	pacePerson = 1200 // of one login: pages ask for several things at once
	paceKey    = 600  // of one key
	pacePublic = 600  // of one address without a login
	// paceCallers bounds how many are counted; beyond it the fullest buckets are forgotten first.
	paceCallers = 20000
)

// pace bounds how many requests each caller sends, by a bucket that refills steadily. It counts on this
// server only: on several servers a caller has as much on each.
type pace struct {
	now func() time.Time

	mu      sync.Mutex
	buckets map[string]bucket
	refused int64
}

type bucket struct {
	left float64
	at   time.Time
}

func newPace(now func() time.Time) *pace { return &pace{now: now, buckets: map[string]bucket{}} }

// stats is how many callers are counted, and how many requests were refused.
func (p *pace) stats() (callers int64, refused uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return int64(len(p.buckets)), uint64(p.refused)
}

// take takes one request out of the caller's bucket; wait says when the next one is there when it was empty.
func (p *pace) take(who string, limit int) (left int, wait time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now, rate := p.now(), float64(limit)/60
	b, known := p.buckets[who]
	if !known {
		if len(p.buckets) >= paceCallers {
			p.sweep(now)
		}
		b = bucket{float64(limit), now}
	}
	b.left = min(float64(limit), b.left+max(0, now.Sub(b.at).Seconds())*rate)
	b.at = now
	if b.left < 1 {
		wait = time.Duration((1 - b.left) / rate * float64(time.Second))
		p.refused++
	} else {
		b.left--
	}
	p.buckets[who] = b
	return int(b.left), wait
}

// sweep forgets callers whose buckets are full again after a minute; when there are none, all.
func (p *pace) sweep(now time.Time) {
	for who, b := range p.buckets {
		if now.Sub(b.at) >= time.Minute {
			delete(p.buckets, who)
		}
	}
	if len(p.buckets) >= paceCallers {
		clear(p.buckets)
	}
}

// paced takes one request of a caller, tells how many are left, and refuses when there are none.
func (s *Server) paced(c *gin.Context, who string, limit int) bool {
	left, wait := s.pace.take(who, limit)
	h := c.Writer.Header()
	h.Set("RateLimit-Limit", strconv.Itoa(limit))
	h.Set("RateLimit-Remaining", strconv.Itoa(left))
	h.Set("RateLimit-Reset", strconv.Itoa(int(math.Ceil(float64(limit-left)/float64(limit)*60))))
	if wait <= 0 {
		return true
	}
	h.Set("Retry-After", strconv.Itoa(max(1, int(math.Ceil(wait.Seconds())))))
	refuse(c, http.StatusTooManyRequests, "too many requests; wait as long as Retry-After says")
	return false
}
