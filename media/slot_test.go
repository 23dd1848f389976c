package media

import (
	"encoding/binary"
	"testing"
	"time"
)

// playSlots plays a stream of packets that come with a clock of its own (rate 1 is ours), moves as a leg would,
// and returns the waits of the frames, how many were not plain data, and how often the slot changed.
func playSlots(offset time.Duration, rate float64, late func(n int) time.Duration, seconds int) (waits []float64, odd, moves int) {
	var j jitter
	j.init(40*time.Millisecond, 0, 300*time.Millisecond)
	payload := make([]byte, frameUnits)
	slot, sent := 0, 0
	arrival := func(n int) int64 { return int64(offset) + int64(float64(n)*float64(tickNS)*rate) + int64(late(n)) }
	for n := int64(1); n < int64(seconds)*50; n++ {
		at := n*tickNS + int64(slot)*slotNS
		for arrival(sent) <= at {
			j.put(uint32(sent*frameUnits), payload, arrival(sent))
			sent++
		}
		kind := j.get(at, true)
		if n > 200 {
			if kind != playData {
				odd++
			}
			came := arrival(int(j.play/frameUnits) - 1)
			waits = append(waits, float64(at-came)/1e6)
		}
		if n%50 != 49 {
			continue
		}
		if best, ok := j.slot(at, slot); ok && best != slot {
			slot = best
			moves++
		}
	}
	return waits, odd, moves
}

// Whenever in the tick packets come, a frame waits for its slot and for the margin, not for a tick.
func TestFramesWaitForASlotOnly(t *testing.T) {
	even := func(int) time.Duration { return 0 }
	for ms := range 20 {
		waits, odd, moves := playSlots(time.Duration(ms)*time.Millisecond, 1, even, 20)
		for _, w := range waits {
			if w < 0.5 || w > 9 {
				t.Fatalf("offset %d ms: a frame waits for %.1f ms", ms, w)
			}
		}
		if odd > 0 || moves > 1 {
			t.Errorf("offset %d ms: %d frames not as they came, %d moves", ms, odd, moves)
		}
	}
}

// A line whose packets come up to 3 ms late keeps its slot, and nothing is lost.
func TestUnevenLineKeepsItsSlot(t *testing.T) {
	uneven := func(n int) time.Duration { return time.Duration(n*7919%31) * 100 * time.Microsecond }
	for ms := range 20 {
		waits, odd, moves := playSlots(time.Duration(ms)*time.Millisecond, 1, uneven, 60)
		sum := 0.0
		for _, w := range waits {
			sum += w
		}
		if mean := sum / float64(len(waits)); odd > 0 || moves > 2 || mean > 10 {
			t.Errorf("offset %d ms: %d frames not as they came, %d moves, mean wait %.1f ms", ms, odd, moves, mean)
		}
	}
}

// A phone whose clock is 100 ppm off drifts through a tick in 200 s: the slot follows, and a frame is put in or
// taken out once in that time, as it must.
func TestSlotFollowsTheSendersClock(t *testing.T) {
	even := func(int) time.Duration { return 0 }
	for _, rate := range []float64{1 - 1e-4, 1 + 1e-4} {
		waits, odd, moves := playSlots(3*time.Millisecond, rate, even, 900)
		worst := 0.0
		for _, w := range waits {
			worst = max(worst, w)
		}
		if turns := 900 * 1e-4 * 50; odd > int(4*turns) || moves < 10 || moves > 40 || worst > 30 {
			t.Errorf("rate %v: %d frames not as they came, %d moves, worst wait %.1f ms", rate, odd, moves, worst)
		}
	}
}

// Two joined legs move to other slots of the tick, in any order: the listener gets each frame once.
func TestMovingLegsLoseNothing(t *testing.T) {
	r := newRigWith(t, Config{JitterStart: 60 * time.Millisecond, JitterMin: 60 * time.Millisecond}) // packets are read when the slot is walked
	pa, pb := newParty(t, PCMU), newParty(t, PCMU)
	a, b := r.leg(plain(PCMU, pa.addr())), r.leg(plain(PCMU, pb.addr()))
	defer Join(a, b).Close()
	var got []uint32
	moves := map[int64][2]int{20: {3, 0}, 30: {0, 2}, 40: {1, 1}, 41: {2, 3}, 60: {0, 0}, 70: {3, 3}}
	for n := range 120 {
		var payload [frameUnits]byte
		for i := range payload {
			payload[i] = 0xa5
		}
		binary.BigEndian.PutUint32(payload[:], uint32(n))
		pa.send(payload[:], a)
		if m, ok := moves[int64(n)]; ok {
			a.hears.want, b.hears.want, r.clock.walk.moved = m[0], m[1], true
		}
		r.step(1)
		for _, p := range pb.listen() {
			if p.payload[8] == 0xa5 {
				got = append(got, binary.BigEndian.Uint32(p.payload))
			}
		}
	}
	if b.sends != a.hears.slot || a.sends != b.hears.slot {
		t.Errorf("sends in %d and %d, the other receives in %d and %d", a.sends, b.sends, b.hears.slot, a.hears.slot)
	}
	if len(got) < 100 {
		t.Fatalf("%d frames came", len(got))
	}
	for i := 1; i < len(got); i++ {
		if got[i] != got[i-1]+1 {
			t.Errorf("frame %d after %d", got[i], got[i-1])
		}
	}
}
