package media

import (
	"encoding/binary"
	"time"
)

// eventKeys are the keys of event codes 0 to 15 (RFC 4733 section 3.2).
const eventKeys = "0123456789*#ABCD"

// eventReceiver turns RFC 4733 packets into one key press each. Packets belong to the
// same press by timestamp, not by marker or sequence number; senders that give the
// repeated end packets new timestamps, or cut a press longer than 8 s into segments,
// are recognised by the same key going on within 40 ms.
type eventReceiver struct {
	pt    int
	scale uint32 // of the sender's clock to ours, 0 like 1
	open  bool   // a press is going on
	any   bool   // key, start and so on are set
	key   byte   // event code
	ts    uint32 // of the segment
	dur   uint32 // of the segment, timestamp units
	past  uint32 // of the segments before it
	at    int64  // arrival of the last packet
}

const (
	eventMerge   = int64(40 * time.Millisecond)
	eventSlack   = int64(5 * time.Millisecond) // arrivals are not exact
	eventSilence = int64(200 * time.Millisecond)
	eventMergeTS = uint32(320) // 40 ms
)

func (e *eventReceiver) set(pt int) { e.pt = pt }

// packet takes one event payload. mu is held.
func (e *eventReceiver) packet(l *Leg, h *rtpHeader, b []byte, at int64) {
	if len(b) < 4 {
		l.counts.Malformed++
		return
	}
	code, end, dur := b[0], b[1]&0x80 != 0, uint32(binary.BigEndian.Uint16(b[2:]))/max(1, e.scale)
	if int(code) >= len(eventKeys) { // flash, tones: none of ours
		return
	}
	switch {
	case e.any && e.stale(h.ts):
		return
	case e.any && e.same(code, h.ts, dur, end, at):
		e.extend(h.ts, dur)
	default:
		if e.open {
			e.finish(l, at)
		}
		*e = eventReceiver{pt: e.pt, scale: e.scale, any: true, open: true, key: code, ts: h.ts, dur: dur}
	}
	e.at = max(e.at, at)
	if end && e.open {
		e.finish(l, at)
	}
}

// stale tells a packet of an earlier press that was overtaken on the way.
func (e *eventReceiver) stale(ts uint32) bool {
	d := int32(ts - e.ts)
	return d < 0 && d > -80000
}

// same tells whether a packet belongs to the present or just ended press.
func (e *eventReceiver) same(code byte, ts, dur uint32, end bool, at int64) bool {
	switch {
	case ts == e.ts:
		return true
	case code != e.key:
		return false
	case end && (at-e.at <= eventMerge+eventSlack || at-int64(dur)*unit < e.at-2*eventSlack):
		return true // repeated, or of a press that began before the last packet came
	}
	return e.open && ts-e.ts <= e.dur+eventMergeTS
}

// extend makes the press longer, by a new segment when the timestamp moved on.
func (e *eventReceiver) extend(ts, dur uint32) {
	if ts != e.ts {
		if moved := ts - e.ts; moved+8 >= e.dur && e.open && e.dur > 60000/max(1, e.scale) {
			e.past += e.dur
			e.dur = 0
		}
		e.ts = ts
	}
	e.dur = max(e.dur, dur)
}

// tick ends a press whose end packets were all lost. mu is held.
func (e *eventReceiver) tick(l *Leg, now int64) {
	if e.open && now-e.at > eventSilence {
		e.finish(l, now)
	}
}

func (e *eventReceiver) finish(l *Leg, at int64) {
	e.open = false
	l.digit(eventKeys[e.key], time.Duration(int64(e.past+e.dur)*unit), "rfc4733", at)
}
