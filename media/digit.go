package media

import (
	"fmt"
	"strings"
	"time"
)

// Digit is one key press.
type Digit struct {
	// Key is one of "0123456789*#ABCD".
	Key byte
	// Duration is how long the key was held, 0 when not known.
	Duration time.Duration
	// Source is "rfc4733", "inband" or "info".
	Source string
	// At is when the press ended.
	At time.Time
}

// PushDigit takes a key press that came by signalling (SIP INFO). Digits delivers it with
// the source "info", unless the same press also came in the sound or as an event.
func (l *Leg) PushDigit(key byte, held time.Duration) error {
	if !strings.ContainsRune(eventKeys, rune(key)) {
		return fmt.Errorf("leg %s: push digit: %q is no key", l.id, key)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return fmt.Errorf("leg %s: push digit: %w", l.id, ErrClosed)
	}
	l.digit(key, held, "info", l.engine.clock.now.Load()*tickNS)
	return nil
}

// presses remembers the last key presses, so that one that is told in two ways (event
// and INFO, event and tone) counts once. Every press pairs with one of another source
// only, so that "55" told twice stays "55".
type presses struct {
	last [8]press
	next int
}

type press struct {
	key    byte // 0 when paired or unused
	source string
	at     int64
}

// pressWindow is how far apart two tellings of a press may come: INFO takes a way of its own.
const pressWindow = int64(time.Second)

// twice says that this press was told before by another source.
func (p *presses) twice(key byte, source string, at int64) bool {
	oldest := -1
	for i := range p.last {
		o := &p.last[i]
		if o.key == key && o.source != source && at-o.at < pressWindow && (oldest < 0 || o.at < p.last[oldest].at) {
			oldest = i
		}
	}
	if oldest >= 0 {
		p.last[oldest].key = 0
		return true
	}
	p.last[p.next%len(p.last)] = press{key: key, source: source, at: at}
	p.next++
	return false
}
