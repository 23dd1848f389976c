package asr

import (
	"time"

	"tingxin/audio"
)

// slot is one remembered frame.
type slot struct {
	at    time.Time
	flags audio.Flags
	pcm   [audio.FrameLen]int16
}

// recall is the stream's memory: the last frames by index, for sending and,
// when a worker is lost, for sending again. It is guarded by its Stream.
type recall struct {
	slots       []slot
	first, next uint64 // frames in memory: [first, next)
	sent        uint64 // frames before this one were given to the present worker
	base, last  uint64 // Seq of the first and of the newest frame
	begun       bool
	dropped     uint64
}

// largestGap is how many missing frames are filled with silence; more make a new start.
const largestGap = 50

// put appends a frame at its place in time and tells how many wait to be sent.
func (r *recall) put(f *audio.Frame, now time.Time) int {
	if !r.begun {
		r.begun, r.base, r.last = true, f.Seq-r.next, f.Seq
	} else if f.Seq <= r.last || f.Seq-r.last > 3600*50 {
		r.base += f.Seq - r.last - 1 // the leg's clock jumped or is not kept: the next tick
	}
	r.last = f.Seq
	index := f.Seq - r.base
	if gap := index - r.next; gap > largestGap {
		r.dropped += r.next - max(r.sent, r.first)
		r.first, r.next = index, index
	}
	for r.next < index {
		s := r.push()
		s.at, s.flags = now, audio.Concealed
		clear(s.pcm[:])
	}
	s := r.push()
	s.at, s.flags, s.pcm = now, f.Flags, f.PCM
	return int(r.next - min(r.sent, r.next))
}

// push makes room for one more frame, over the oldest if need be.
func (r *recall) push() *slot {
	if r.next-r.first == uint64(len(r.slots)) {
		if r.first >= r.sent {
			r.dropped++
		}
		r.first++
	}
	s := &r.slots[r.next%uint64(len(r.slots))]
	r.next++
	return s
}

// at gives frame i, nil when it is not remembered.
func (r *recall) at(i uint64) *slot {
	if i < r.first || i >= r.next {
		return nil
	}
	return &r.slots[i%uint64(len(r.slots))]
}
