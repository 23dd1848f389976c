package call

import (
	"sync/atomic"
	"time"

	"tingxin/audio"
)

// ear is a tap that notes when a party last made a sound, by level alone: good
// enough to tell a silent line from a used one, with or without recognition.
type ear struct {
	last  atomic.Int64 // unix nanoseconds, 0 when never
	floor int64        // running mean square of the quietest sound; only the tap's goroutine
	run   int          // loud frames in a row
}

// quietest is the mean square under which nothing counts as a sound (-50 dBFS).
const quietest = 100 * 100

// WriteFrame implements audio.Writer.
func (e *ear) WriteFrame(f *audio.Frame) {
	if f.Flags&(audio.Silent|audio.Concealed) != 0 {
		e.run = 0
		return
	}
	var sum int64
	for _, v := range f.PCM {
		sum += int64(v) * int64(v)
	}
	power := sum / audio.FrameLen
	switch {
	case e.floor == 0 || power < e.floor:
		e.floor = max(power, 1)
	default: // rises 6 dB in about 5 s
		e.floor += e.floor>>8 + 1
	}
	if power < quietest || power < 6*e.floor {
		e.run = 0
		return
	}
	if e.run++; e.run >= 3 {
		e.last.Store(time.Now().UnixNano())
	}
}

// heard is when the party last made a sound, zero when never.
func (e *ear) heard() time.Time {
	if ns := e.last.Load(); ns != 0 {
		return time.Unix(0, ns)
	}
	return time.Time{}
}
