package asr

import (
	"testing"
	"time"

	"tingxin/audio"
)

func TestMemoryKeepsLegTime(t *testing.T) {
	r := recall{slots: make([]slot, 100)}
	now := time.Now()
	put := func(seq uint64) { r.put(&audio.Frame{Seq: seq, PCM: [audio.FrameLen]int16{int16(seq)}}, now) }
	put(1000)
	put(1001)
	put(1004) // two lost: filled
	if r.next != 5 || r.at(4).pcm[0] != 1004 || r.at(3).flags != audio.Concealed {
		t.Fatalf("after a gap of two: next %d, flags %v", r.next, r.at(3).flags)
	}
	put(1004) // a clock that does not run counts ticks
	put(1004)
	if r.next != 7 {
		t.Fatalf("standing clock: next %d want 7", r.next)
	}
	put(1204) // a long gap: what was not sent is lost, time goes on right
	if r.first != 206 || r.next != 207 || r.dropped != 7 {
		t.Fatalf("long gap: first %d next %d dropped %d", r.first, r.next, r.dropped)
	}
	put(3) // leg's clock began again
	if r.next != 208 {
		t.Fatalf("clock back: next %d", r.next)
	}
}

func TestMemoryDropsOldestUnsent(t *testing.T) {
	r := recall{slots: make([]slot, 10)}
	for i := range 25 {
		if i == 12 {
			r.sent = 12
		}
		r.put(&audio.Frame{Seq: uint64(i)}, time.Now())
	}
	// Of the 15 overwritten frames 0 to 14, 0 and 1 went while nothing was sent, 12 to 14 were never sent.
	if r.first != 15 || r.dropped != 5 {
		t.Fatalf("first %d dropped %d, want 15 and 5", r.first, r.dropped)
	}
}
