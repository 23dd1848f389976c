package call

import (
	"sync/atomic"
	"time"

	"tingxin/audio"
)

// ear notes when a party last made a sound, by level alone: good
// enough to tell a silent line from a used one, with or without recognition.
type ear struct {
	last  atomic.Int64 // unix nanoseconds, 0 when never
	level level        // only the goroutine that writes levels
}

// level tells sounds from the noise of a line.
type level struct {
	floor int64 // running mean square of the quietest sound
	run   int   // loud frames in a row
}

// quietest is the mean square under which nothing counts as a sound (-50 dBFS).
const quietest = 100 * 100

// WriteLevel implements media.LevelWriter.
func (e *ear) WriteLevel(power int64, flags audio.Flags) {
	if e.level.loud(power, flags) {
		e.last.Store(time.Now().UnixNano())
	}
}

// loud says whether the frame of this mean square is at least the third in a row that is a sound.
func (l *level) loud(power int64, flags audio.Flags) bool {
	switch {
	case flags&audio.Concealed != 0: // a lost packet says nothing; voices on a bad line are voices
		return false
	case flags&audio.Silent != 0:
		l.run = 0
		return false
	}
	switch {
	case l.floor == 0 || power < l.floor:
		l.floor = max(power, 1)
	default: // rises 6 dB in about 5 s
		l.floor += l.floor>>8 + 1
	}
	if power < quietest || power < 6*l.floor {
		l.run = 0
		return false
	}
	l.run++
	return l.run >= 3
}

// heard is when the party last made a sound, zero when never.
func (e *ear) heard() time.Time {
	if ns := e.last.Load(); ns != 0 {
		return time.Unix(0, ns)
	}
	return time.Time{}
}

// heardAt is when a voice was last heard on either side, the answer when none was; nil before it.
func (c *Call) heardAt() *time.Time {
	if c.record.AnsweredAt.IsZero() {
		return nil
	}
	at := c.record.AnsweredAt
	for _, t := range []time.Time{c.heard, c.ear.heard()} {
		if t.After(at) {
			at = t.UTC()
		}
	}
	for _, l := range c.present() {
		if t := l.ear.heard(); l.talks() && t.After(at) {
			at = t.UTC()
		}
	}
	return &at
}
