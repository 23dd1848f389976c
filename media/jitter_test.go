package media

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

const ms = int64(time.Millisecond)

// trace plays packets with given arrival times through a buffer, one tick every 20 ms.
type trace struct {
	t                           *testing.T
	j                           jitter
	now                         int64
	row                         []arrival
	lost, gap, wait, data, fast int
	maxDelay                    int64
	missing                     int
	delays                      []int64
}

type arrival struct {
	at int64
	ts uint32
	n  int
	cn bool
}

func newTrace(t *testing.T) *trace {
	x := &trace{t: t}
	x.j.init(60*time.Millisecond, 20*time.Millisecond, 200*time.Millisecond)
	return x
}

// stream adds packets of 20 ms from sending time from to to, delayed by delay(sent).
func (x *trace) stream(from, to int64, ts uint32, ppm float64, delay func(i int, sent int64) int64) {
	period := float64(20*ms) * (1 - ppm/1e6)
	for i := 0; ; i++ {
		sent := from + int64(float64(i)*period)
		if sent >= to {
			return
		}
		if d := delay(i, sent); d >= 0 {
			x.row = append(x.row, arrival{at: sent + d + 5*ms, ts: ts + uint32(i)*160, n: 160})
		}
	}
}

// run plays until end. Every byte of a packet is the low byte of its timestamp
// divided by 8, so that misplaced sound shows.
func (x *trace) run(end int64) {
	x.t.Helper()
	sortArrivals(x.row)
	payload := make([]byte, 960)
	for ; x.now < end; x.now += 20 * ms {
		for len(x.row) > 0 && x.row[0].at <= x.now {
			a := x.row[0]
			x.row = x.row[1:]
			if a.cn {
				x.j.silence(a.ts, a.at)
				continue
			}
			for i := range a.n {
				payload[i] = byte((a.ts + uint32(i)) >> 3)
			}
			x.j.put(a.ts, payload[:a.n], a.at)
		}
		x.tick()
	}
}

func (x *trace) tick() {
	x.t.Helper()
	before := x.j.play
	kind := x.j.get(x.now, true)
	n := 160
	switch kind {
	case playLost:
		x.lost++
	case playWait:
		x.wait++
	case playGap:
		x.gap++
	case playFast:
		x.fast++
		n = 240
		fallthrough
	case playData:
		x.data++
		first := x.j.play - int64(n)
		if first < before {
			x.t.Fatalf("played %d before %d", first, before)
		}
		for i := range n {
			if !x.j.full[i] {
				x.missing++
			}
			if want := byte(uint32(first+int64(i)) >> 3); x.j.full[i] && x.j.out[i] != want {
				x.t.Fatalf("at %d ms: byte %d is %d, want %d", x.now/ms, i, x.j.out[i], want)
			}
		}
	}
	if kind == playNothing || !x.j.anchored {
		return
	}
	d := x.j.at
	x.delays = append(x.delays, d)
	x.maxDelay = max(x.maxDelay, d)
	if d > 200*ms {
		x.t.Fatalf("at %d ms: delay %d ms over the ceiling", x.now/ms, d/ms)
	}
}

// near wants the delay within 20 ms of the target now.
func (x *trace) near(what string) {
	x.t.Helper()
	d, target := x.j.at, x.j.est.target()
	if d > target+20*ms || d < target-20*ms {
		x.t.Errorf("%s: delay %.1f ms, target %.1f ms", what, float64(d)/1e6, float64(target)/1e6)
	}
}

func sortArrivals(r []arrival) {
	for i := 1; i < len(r); i++ {
		for k := i; k > 0 && r[k].at < r[k-1].at; k-- {
			r[k], r[k-1] = r[k-1], r[k]
		}
	}
}

func none(int, int64) int64 { return 0 }

func TestJitterSteady(t *testing.T) {
	x := newTrace(t)
	x.stream(0, 20e9, 5000, 0, none)
	x.run(20e9)
	x.near("steady")
	if x.lost+x.wait > 1 || x.j.late > 0 || x.j.est.target() != 20*ms {
		t.Errorf("lost %d, waited %d, late %d, target %d ms", x.lost, x.wait, x.j.late, x.j.est.target()/ms)
	}
}

func TestJitterOf50ms(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	x := newTrace(t)
	x.stream(0, 60e9, 5000, 0, func(int, int64) int64 { return rnd.Int64N(50 * ms) })
	x.run(60e9)
	x.near("50 ms jitter")
	if bad := x.lost + x.wait; bad > 3000/20 {
		t.Errorf("%d of 3000 frames concealed", bad)
	}
	if x.maxDelay > 100*ms {
		t.Errorf("delay reached %d ms", x.maxDelay/ms)
	}
}

// A stall of 500 ms: everything of it comes at once. The delay stays under the ceiling
// and is within 20 ms of its target 10 s later.
func TestJitterStall(t *testing.T) {
	x := newTrace(t)
	stall := func(_ int, sent int64) int64 {
		if sent >= 10e9 && sent < 10.5e9 {
			return int64(10.5e9) - sent
		}
		return 0
	}
	x.stream(0, 30e9, 5000, 0, stall)
	x.run(11e9)
	if d := x.j.at; d > 200*ms || d < 60*ms {
		t.Errorf("after the stall the delay is %d ms", d/ms)
	}
	x.run(20.6e9)
	x.near("10 s after")
	if x.j.est.target() > 40*ms {
		t.Errorf("target %d ms", x.j.est.target()/ms)
	}
	x.run(30e9)
	x.near("20 s after")
}

func TestJitterDrift(t *testing.T) {
	for _, ppm := range []float64{200, -200} {
		t.Run(fmt.Sprint(ppm), func(t *testing.T) {
			x := newTrace(t)
			x.stream(0, 1800e9, 0xffff0000, ppm, none)
			x.run(1800e9)
			x.near("30 min")
			for i, d := range x.delays[1000:] {
				if d > 60*ms || d < 0 {
					t.Fatalf("tick %d: delay %.1f ms", i+1000, float64(d)/1e6)
				}
			}
			if x.lost > 5 || x.wait > 60 {
				t.Errorf("lost %d, waited %d", x.lost, x.wait)
			}
		})
	}
}

// DTX: two seconds of talk, two of nothing, with and without comfort noise packets.
func TestJitterDTX(t *testing.T) {
	for _, cn := range []bool{false, true} {
		x := newTrace(t)
		for k := range int64(10) {
			from := k * 4e9
			x.stream(from, from+2e9, 5000+uint32(from/unit), 0, none)
			if cn {
				for i := range int64(10) {
					at := from + 2e9 + i*200*ms
					x.row = append(x.row, arrival{at: at + 5*ms, ts: 5000 + uint32(at/unit), cn: true})
				}
			}
		}
		x.run(38.5e9) // half a second into the last pause
		if x.data < 950 {
			t.Errorf("cn %v: %d frames of talk played of 1000", cn, x.data)
		}
		if cn && x.lost+x.wait > 1 || x.lost > 20 {
			t.Errorf("cn %v: lost %d, waited %d", cn, x.lost, x.wait)
		}
		x.run(40e9)
		for i, d := range x.delays[300:] {
			if d > 200*ms {
				t.Fatalf("cn %v: tick %d delay %d", cn, i, d/ms)
			}
		}
	}
}

func TestJitterWrap(t *testing.T) {
	x := newTrace(t)
	x.stream(0, 10e9, 0xffffffff-160*100+7, 0, none) // wraps after 2 s, not on a packet's border
	x.run(10e9)
	x.near("wrap")
	if x.lost+x.wait > 1 || x.j.late > 0 {
		t.Errorf("lost %d, waited %d, late %d", x.lost, x.wait, x.j.late)
	}
}

// Single losses are concealed once each and do not make the delay grow.
func TestJitterLoss(t *testing.T) {
	x := newTrace(t)
	x.stream(0, 20e9, 5000, 0, func(i int, _ int64) int64 {
		if i%17 == 5 {
			return -1
		}
		return 0
	})
	x.run(20e9)
	x.near("loss")
	if c := x.lost + x.wait + x.missing/160; c < 55 || c > 75 {
		t.Errorf("%d frames concealed, about 58 packets were lost", c)
	}
	if x.data < 930 {
		t.Errorf("%d frames played", x.data)
	}
}

// Reordered packets within the delay are played in order.
func TestJitterReorder(t *testing.T) {
	x := newTrace(t)
	x.stream(0, 20e9, 5000, 0, func(i int, _ int64) int64 {
		if i%7 == 3 {
			return 30 * ms
		}
		return 0
	})
	x.run(20e9)
	if x.lost+x.wait > 25 {
		t.Errorf("lost %d, waited %d", x.lost, x.wait)
	}
	if x.j.est.target() != 40*ms {
		t.Errorf("target %d ms", x.j.est.target()/ms)
	}
}

// A sender that begins its timestamps anew without a new SSRC is followed.
func TestJitterTimestampJump(t *testing.T) {
	x := newTrace(t)
	x.stream(0, 5e9, 5000, 0, none)
	x.stream(5e9, 10e9, 900000000, 0, none)
	x.run(10e9)
	x.near("jump")
	if x.data < 480 {
		t.Errorf("%d frames of 500", x.data)
	}
}

// Any length of packet is played at the same delay.
func TestJitterPacketTimes(t *testing.T) {
	for _, n := range []int{80, 160, 240, 320, 480} {
		x := newTrace(t)
		for i := range 20000 / (n / 8) {
			x.row = append(x.row, arrival{at: int64(i)*int64(n)*unit + 5*ms, ts: 77 + uint32(i*n), n: n})
		}
		x.run(19.5e9)
		x.near(fmt.Sprint(n))
		if x.lost+x.wait > 2 {
			t.Errorf("%d: lost %d, waited %d", n, x.lost, x.wait)
		}
	}
}

func BenchmarkJitter(b *testing.B) {
	var j jitter
	j.init(60*time.Millisecond, 20*time.Millisecond, 200*time.Millisecond)
	payload := make([]byte, 160)
	b.ReportAllocs()
	now := int64(0)
	for i := 0; b.Loop(); i++ {
		j.put(uint32(i*160), payload, now)
		now += 20 * ms
		j.get(now, false)
	}
}

// steady is a buffer without a floor that plays a stream whose packets come at a given
// time after the tick, up to late later.
func steady(t *testing.T, after, late int64, seed uint64) *trace {
	rnd := rand.New(rand.NewPCG(seed, 7))
	x := newTrace(t)
	x.j.init(60*time.Millisecond, 0, 200*time.Millisecond)
	x.stream(0, 20e9, 5000, 0, func(int, int64) int64 { return after - 5*ms + rnd.Int64N(late+1) })
	return x
}

// TestSteadyLineWaitsForItsPacketOnly: whatever the phase between the packets and our
// ticks, a frame is played in the first tick that is a margin behind its packet.
func TestSteadyLineWaitsForItsPacketOnly(t *testing.T) {
	for after := 5 * ms; after < 25*ms; after += ms {
		x := steady(t, after, ms/5, uint64(after))
		x.run(20e9)
		late := x.j.est.lateness()
		if late < ms || late > 13*ms/10 {
			t.Errorf("packets %d ms after a tick: lateness %.2f ms", after/ms, float64(late)/1e6)
		}
		if bad := x.lost + x.wait + x.missing/160; bad > 4 || x.j.late > 0 {
			t.Errorf("packets %d ms after a tick: %d frames concealed, %d late", after/ms, bad, x.j.late)
		}
		for _, d := range x.delays[500:] {
			if d < late-ms || d > late+21*ms {
				t.Fatalf("packets %d ms after a tick: delay %.1f ms, lateness %.2f", after/ms, float64(d)/1e6, float64(late)/1e6)
			}
		}
	}
}

// TestLineBecomesUneven: packets that begin to come up to 15 ms late cost a few concealed
// frames, and the delay is small again when they are on time for ten seconds.
func TestLineBecomesUneven(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	x := newTrace(t)
	x.j.init(60*time.Millisecond, 0, 200*time.Millisecond)
	x.stream(0, 40e9, 5000, 0, func(_ int, sent int64) int64 {
		if sent > 10e9 && sent < 20e9 {
			return rnd.Int64N(15 * ms)
		}
		return 0
	})
	x.run(10e9)
	before := x.lost + x.wait + x.missing/160
	x.run(20e9)
	if bad := x.lost + x.wait + x.missing/160 - before; bad > 5 {
		t.Errorf("%d of 500 frames concealed while the line was uneven", bad)
	}
	x.run(40e9)
	if x.j.at > 22*ms {
		t.Errorf("20 s later the delay is %.1f ms", float64(x.j.at)/1e6)
	}
}

// TestPacketsOfOtherLengths: 10, 30, 40 and 60 ms come whole and in time, and a change of
// the length on the way does not leave frames between two packets.
func TestPacketsOfOtherLengths(t *testing.T) {
	for _, n := range []int{80, 240, 320, 480, 100} {
		x := newTrace(t)
		x.j.init(60*time.Millisecond, 0, 200*time.Millisecond)
		ts := uint32(5000)
		for at := 3 * ms; at < 20e9; at += int64(n) * unit {
			size := n
			if at > 10e9 {
				size = 160
			}
			x.row = append(x.row, arrival{at: at + int64(size)*unit, ts: ts, n: size})
			ts += uint32(size)
			at += int64(size-n) * unit
		}
		x.run(9e9)
		if bad := x.lost + x.wait + x.missing/160; bad > 4 {
			t.Errorf("packets of %d units: %d frames concealed", n, bad)
		}
		if x.j.at > 45*ms {
			t.Errorf("packets of %d units: delay %.1f ms", n, float64(x.j.at)/1e6)
		}
		x.run(20e9)
		if bad := x.lost + x.wait + x.missing/160; bad > 8 {
			t.Errorf("packets of %d, then 160 units: %d frames concealed", n, bad)
		}
		if x.j.at > 22*ms || x.j.grid != 160 || (x.j.play-x.j.phase)%160 != 0 {
			t.Errorf("packets of %d, then 160 units: delay %.1f ms, grid %d", n, float64(x.j.at)/1e6, x.j.grid)
		}
	}
}
