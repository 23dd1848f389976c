package media

import (
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"tingxin/audio"
)

const (
	tick      = audio.FrameDur
	tickNS    = int64(tick)
	maxCatch  = 3   // packets per leg sent at once after a stall
	maxReplay = 250 // ticks made up for after a stall; beyond that the schedule begins anew
	slots     = 4   // parts of a tick
	slotNS    = tickNS / slots
)

// clock drives all legs on one absolute schedule: slot s of tick n is due at start + n*20 ms
// + s*5 ms, whatever happened before. A leg receives in the slot that follows its packets,
// and sends in the slot in which the one it is joined with receives, so that sound waits for
// 5 ms, and 7.5 before a leg moves (jitter.slot), but not for 20, and the work is spread.
// After a stall the missed ticks are walked at once, so that sound, timestamps and recordings
// keep their place, but only the last three send packets.
type clock struct {
	engine *Engine
	start  time.Time // of tick 0, with monotonic reading
	next   int64     // slot to walk next, counted from the start; clock goroutine only
	align  bool      // legs choose their slots, else all are in the first; set before the first tick
	now    atomic.Int64
	walk   walker
	lanes  lanes
	worked int64 // ns, in this tick

	ticks, stalls, skipped atomic.Uint64
	wakes                  atomic.Uint64
	late                   [512]atomic.Int32 // microseconds, the last ticks
	busy                   atomic.Int64      // ns of work per tick, smoothed
}

// walker is what the clock goroutine carries from leg to leg.
type walker struct {
	batch  *batch
	plain  [maxPacket]byte // an opened SRTP packet
	cipher [maxPacket + 64]byte
	frame  audio.Frame      // sound to send, at 16 kHz
	narrow [narrowLen]int16 // the same at 8 kHz
	code   [frameUnits]byte // the same in G.711
	coded  Codec            // of code

	tick    int64 // number of this tick
	at      int64 // when it was due, ns since the clock's start
	mono    int64 // time now on the same scale
	real    int64 // wall clock of mono, ns since 1970
	send    bool  // this tick may send packets
	virtual bool  // tests: packets arrive when their tick is due
	slot    int   // of this tick
	moved   bool  // a leg wants another slot
}

// lanes are the legs by the slots in which they receive and send.
type lanes struct {
	of     *[]*Leg // made of these
	rx, tx [slots][]*Leg
}

func (c *clock) init(e *Engine) {
	c.engine = e
	c.walk.batch = newBatch()
}

func (c *clock) begin(now time.Time) {
	c.start = now
	c.next = slots
}

// since is the present time in nanoseconds since the clock's start.
func (c *clock) since() int64 { return int64(time.Since(c.start)) }

// run sleeps and walks until stop is closed. The thread is its own, asks for
// priority, and sleeps in the kernel, not in a timer of the Go scheduler: a timer is
// served by whichever ordinary thread comes to it, on busy cores much later.
func (c *clock) run(stop <-chan struct{}) {
	runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine, its priority with it
	c.urge()
	for {
		select {
		case <-stop:
			return
		default:
		}
		for c.idle() {
			c.next++
		}
		if wait := c.next*slotNS - c.since(); wait > 0 {
			ts := unix.NsecToTimespec(min(wait, tickNS))
			_ = unix.Nanosleep(&ts, nil) // woken early it only looks again
			continue
		}
		c.catchUp(c.since())
	}
}

// urge asks for a real-time turn (the lowest there is), else for a better nice value,
// so that recognisers on the same cores do not delay packets. On two cores with a
// load of ten a 10 ms sleep ended 4.8 ms late in 1 of 100 without, 2.0 ms with a nice value
// of -15 and 0.1 ms with a real-time turn. Without the right to either nothing changes.
func (c *clock) urge() {
	if c.engine.cfg.NoRealtime {
		return
	}
	turn := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_RR, Flags: unix.SCHED_FLAG_RESET_ON_FORK, Priority: 1}
	if unix.SchedSetAttr(0, &turn, 0) != nil {
		_ = unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), -15)
	}
}

// idle says that nobody does anything in the next slot.
func (c *clock) idle() bool {
	s := c.next % slots
	return s != 0 && len(c.lanes.rx[s])+len(c.lanes.tx[s]) == 0 && (s != slots-1 || len(*c.engine.recorders.Load()) == 0)
}

// catchUp walks every slot that is due.
func (c *clock) catchUp(now int64) {
	due := now / slotNS
	if due < c.next {
		return
	}
	c.late[c.wakes.Add(1)%uint64(len(c.late))].Store(int32(min(now-c.next*slotNS, 2e12) / 1000))
	if due-c.next >= maxCatch*slots {
		c.stalls.Add(1)
	}
	if due-c.next > maxReplay*slots { // the machine slept: move the schedule
		c.next = (due/slots - maxReplay) * slots
	}
	for ; c.next <= due; c.next++ {
		send, slot := due-c.next < maxCatch*slots, int(c.next%slots)
		if slot == 0 {
			c.busy.Add((c.worked - c.busy.Load()) / 16)
			c.worked = 0
			if !send {
				c.skipped.Add(1)
			}
		}
		c.step(c.next/slots, slot, send)
	}
	c.worked += c.since() - now
}

// step is one slot of a tick: its legs receive, then its legs send; when all have, all recordings move on.
func (c *clock) step(n int64, slot int, send bool) {
	w := &c.walk
	w.tick, w.slot, w.at, w.send = n, slot, n*tickNS+int64(slot)*slotNS, send
	w.mono, w.real = c.since(), time.Now().UnixNano()
	if w.virtual {
		w.mono = w.at
	}
	if slot == 0 {
		c.now.Store(n)
		c.ticks.Add(1)
		c.arrange()
	}
	for _, l := range c.lanes.rx[slot] {
		l.receive(w)
	}
	for _, l := range c.lanes.tx[slot] {
		l.transmit(w)
	}
	if slot == slots-1 {
		for _, r := range *c.engine.recorders.Load() {
			r.tick(n)
		}
	}
}

// arrange puts legs into their slots, between two ticks: a leg that moves is heard by its
// listener in its old slot in one tick and in its new one in the next, since both move at once.
func (c *clock) arrange() {
	legs := c.engine.legs.Load()
	if legs == c.lanes.of && !c.walk.moved {
		return
	}
	c.walk.moved = false
	c.lanes.of = legs
	for s := range slots {
		clear(c.lanes.rx[s])
		clear(c.lanes.tx[s])
		c.lanes.rx[s], c.lanes.tx[s] = c.lanes.rx[s][:0], c.lanes.tx[s][:0]
	}
	for _, l := range *legs {
		l.hears.slot = l.hears.want
		c.lanes.rx[l.hears.slot] = append(c.lanes.rx[l.hears.slot], l)
	}
	for _, l := range *legs {
		if l.source != nil {
			l.sends = l.source.hears.slot
		}
		c.lanes.tx[l.sends] = append(c.lanes.tx[l.sends], l)
	}
}

// arrival turns the kernel's receive stamp into engine time.
func (w *walker) arrival(stamp int64) int64 {
	if stamp == 0 || w.virtual {
		return w.mono
	}
	age := w.real - stamp
	if age < 0 || age > 10e9 { // the wall clock was set
		age = 0
	}
	return w.mono - age
}

func (c *clock) stats(s *EngineStats) {
	s.Ticks, s.Stalls, s.Skipped = c.ticks.Load(), c.stalls.Load(), c.skipped.Load()
	late := make([]int32, min(uint64(len(c.late)), c.wakes.Load()+1))
	for i := range late {
		late[i] = c.late[i].Load()
	}
	slices.Sort(late)
	s.ClockLateP99MS = float64(late[len(late)*99/100]) / 1000
	s.BusyPct = float64(c.busy.Load()) * 100 / float64(tickNS)
}
