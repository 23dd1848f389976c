package media

import "time"

// maxJitter is the largest ceiling the buffer has room for.
const maxJitter = 300 * time.Millisecond

const (
	unit       = int64(125000) // ns per RTP timestamp unit; one byte of G.711 and of G.722
	frameUnits = 160           // per 20 ms
	jitterSize = 4096          // units, 512 ms
	jitterMask = jitterSize - 1
	maxLateRun = 5  // late packets in a row, coming over maxLateTime, after which the stream begins anew
	stretch    = 80 // units taken out or put in at once when the delay changes
	gridTrust  = 10 // packets
	gridSlack  = int64(500 * time.Microsecond)
)

const maxLateTime = int64(200 * time.Millisecond)

// playKind says what the buffer has for one tick.
type playKind uint8

const (
	playNothing playKind = iota // no packet ever came
	playData                    // data[:160], where have says so
	playFast                    // data[:240] to be played in 20 ms: the delay shrinks
	playLost                    // a packet is missing: conceal
	playWait                    // nothing has come in time: conceal; time stands still in the buffer
	playGap                     // the sender is silent
)

// jitter is the playout buffer of one leg. It holds code bytes in a ring by RTP
// timestamp (G.711 and G.722 have one byte per unit of the 8000 Hz clock; for Opus it only
// notes what is there), so packets
// of any length, order and overlap lie where they belong and a copy is never kept
// of anything outside. Times are nanoseconds on the engine's clock.
type jitter struct {
	est     delayEstimator
	ceiling int64

	data [jitterSize]byte
	have [jitterSize]bool

	started  bool
	anchored bool
	heard    bool  // something of this stream was played
	play     int64 // next unit to play (timestamps unwrapped to 64 bits)
	newest   int64 // end of the newest packet
	last     int64 // timestamp of the last packet, for unwrapping
	held     int64 // units waited in the present underrun
	dry      int   // ticks of the present underrun
	dtx      bool  // the sender said it is silent (comfort noise packet)
	fast     int   // ticks since the last stretch

	jumpFrom int64 // arrival of the first of a row of packets with impossible timestamps
	jumps    int

	at int64 // delay at which the last tick was played

	lateRun        int   // packets that came after their time, in a row
	lateFrom       int64 // arrival of the first of them
	late, overflow uint64

	// grid is the spacing of places where packets begin, 160 or 80 units, and phase such a
	// place: frames that begin there need wait for one packet only. 0 when there is none.
	grid, phase int64
	uneven      int // packets still to come before a grid is believed again

	settled bool // a slot of the tick was chosen for this stream

	missed int // units of the last frame given that are not there

	out  [frameUnits + stretch]byte
	full [frameUnits + stretch]bool
}

func (j *jitter) init(start, floor, ceiling time.Duration) {
	j.est.start, j.est.min, j.est.max = int64(start), int64(floor), int64(ceiling)
	j.ceiling = int64(ceiling)
}

// reset forgets the stream but not the counters.
func (j *jitter) reset() {
	j.est.reset()
	clear(j.have[:])
	j.started, j.anchored, j.heard, j.dtx, j.settled = false, false, false, false, false
	j.held, j.dry, j.jumps, j.fast, j.lateRun = 0, 0, 0, 0, 0
	j.grid, j.uneven = 0, 0
}

// stamp unwraps a timestamp and reports whether it can belong to this stream. When
// a stream's timestamps jump for good the buffer begins anew and broke is true.
func (j *jitter) stamp(ts uint32, at int64) (ext int64, ok, broke bool) {
	if !j.started {
		j.started = true
		j.last = int64(ts)
		j.play, j.newest = j.last, j.last
		j.jumps = 0
		return j.last, true, false
	}
	ext = j.last + int64(int32(ts-uint32(j.last)))
	rel := at - ext*unit - j.est.base
	if j.est.known && (rel > 2e9 || rel < -1e9) {
		if j.jumps == 0 {
			j.jumpFrom = at
		}
		j.jumps++
		if j.jumps < 3 || at-j.jumpFrom < 100e6 {
			return 0, false, false
		}
		j.reset()
		ext, ok, _ = j.stamp(ts, at)
		return ext, ok, true
	}
	j.jumps = 0
	j.last = ext
	return ext, true, false
}

// put copies a packet's payload in. It reports whether the stream broke off and began anew.
func (j *jitter) put(ts uint32, payload []byte, at int64) (broke bool) {
	_, _, broke = j.hold(ts, len(payload), payload, at)
	return broke
}

// hold notes length units from ts on, and copies payload when there is one. It returns
// the time of the packet and whether it was taken.
func (j *jitter) hold(ts uint32, length int, payload []byte, at int64) (pos int64, taken, broke bool) {
	ext, ok, broke := j.stamp(ts, at)
	if !ok {
		j.late++
		return 0, false, false
	}
	if j.anchored && ext+int64(length) <= j.play {
		// A sender that paused without moving its timestamps on would be late for ever;
		// what a stalled network delivers at once is late just now.
		if j.lateRun == 0 {
			j.lateFrom = at
		}
		if j.lateRun++; j.lateRun >= maxLateRun && at-j.lateFrom >= maxLateTime {
			j.late++
			j.reset()
			ext, _, _ = j.stamp(ts, at)
			broke = true
		}
	} else {
		j.lateRun = 0
	}
	pos = ext
	j.dtx = false
	j.est.add(at-ext*unit, at)
	j.learn(ext, int64(length))
	end := ext + int64(length)
	if !j.anchored && ext < j.play { // reordered before the first tick
		j.play = ext
	}
	if end <= j.play || length > jitterSize/2 {
		j.late++
		return pos, false, broke
	}
	if ext < j.play {
		if payload != nil {
			payload = payload[j.play-ext:]
		}
		ext = j.play
	}
	if over := end - j.play - jitterSize; over > 0 {
		j.overflow++
		j.skip(over)
		if ext < j.play { // cannot be: a packet is shorter than the ring
			return pos, false, broke
		}
	}
	at0 := ext & jitterMask
	n := copy(j.data[at0:], payload)
	copy(j.data[:], payload[n:])
	for i := ext; i < end; i++ {
		j.have[i&jitterMask] = true
	}
	j.newest = max(j.newest, end)
	return pos, true, broke
}

// learn finds the grid of the packets' beginnings.
func (j *jitter) learn(ext, length int64) {
	grid := int64(frameUnits)
	if length%frameUnits != 0 {
		grid = stretch
	}
	switch {
	case length%stretch != 0 || length == 0:
		j.grid, j.uneven = 0, gridTrust
	case j.grid == grid && (ext-j.phase)%grid == 0:
	case j.uneven > 0:
		j.uneven--
	default:
		if j.grid != 0 {
			j.uneven = gridTrust
		}
		j.grid, j.phase = grid, ext
	}
}

// aim is where the frame played now should begin: on the grid, if there is one, and late
// enough for the packets that the estimator expects; else at the target.
func (j *jitter) aim(now int64) int64 {
	if j.grid == 0 {
		return (now - j.est.base - j.est.target()) / unit
	}
	late := j.est.lateness() + (frameUnits-j.grid)*unit // a frame of two packets waits for the second
	if (j.play-j.phase)%j.grid == 0 {
		if d := j.delay(now); d >= late-gridSlack && d < late+j.grid*unit+gridSlack {
			return j.play
		}
	}
	at := (now-j.est.base-late)/unit - j.phase
	return at - ((at%j.grid)+j.grid)%j.grid + j.phase
}

// wait is how long a frame has been whole when it is played at a time, up to the length of
// a packet, in nanoseconds. It is not known for streams without a grid.
func (j *jitter) wait(at int64) (wait int64, ok bool) {
	if j.grid == 0 || !j.anchored || j.est.packets < delayKnown {
		return 0, false
	}
	length := j.grid * unit
	wait = (at - j.est.base - j.est.lateness() - (frameUnits-j.grid)*unit - j.phase*unit) % length
	if wait < 0 {
		wait += length
	}
	return wait, true
}

// slot is the part of the tick in which frames that are played at a time in part now would wait least, or now itself
// where that is little longer. Next to the border, where aim may keep a frame either way, none is chosen. It is not
// known for streams without a grid.
func (j *jitter) slot(at int64, now int) (best int, ok bool) {
	least, ok := j.wait(at)
	if !ok || least >= gridSlack && least < slotNS+slotNS/2 {
		return now, ok
	}
	best, least = now, tickNS
	for s := range slots {
		if wait, _ := j.wait(at + int64(s-now)*slotNS); wait >= gridSlack && wait < least {
			best, least = s, wait
		}
	}
	return best, true
}

// silence notes a comfort noise packet: the sender is alive and silent.
func (j *jitter) silence(ts uint32, at int64) {
	if ext, ok, _ := j.stamp(ts, at); ok {
		j.est.add(at-ext*unit, at)
		j.dtx = true
	}
}

// skip moves the play position on by n units and forgets what it passes.
func (j *jitter) skip(n int64) {
	if n >= jitterSize {
		clear(j.have[:])
	} else {
		for i := j.play; i < j.play+n; i++ {
			j.have[i&jitterMask] = false
		}
	}
	j.play += n
	j.newest = max(j.newest, j.play)
}

// delay is how long after the fastest possible arrival the next unit is played, in nanoseconds.
func (j *jitter) delay(now int64) int64 { return now - j.est.base - j.play*unit }

// get decides what is played in the tick at now. quiet says that the last frame was
// a pause, where the delay may change unheard. For playData and playFast the bytes are
// in out, valid where full is set.
func (j *jitter) get(now int64, quiet bool) playKind {
	if !j.started || !j.est.known {
		return playNothing
	}
	if !j.anchored {
		j.anchored = true
		j.place(j.aim(now))
	}
	j.fast++
	if over := j.delay(now) - j.ceiling; over > 0 { // drop the oldest
		j.skip(over/unit + stretch)
		j.square()
	}
	if j.newest <= j.play {
		j.at = j.delay(now)
		return j.underrun(now)
	}
	kind, done := j.fill(now)
	if j.at = j.delay(now); done {
		j.at += int64(frameUnits) * unit
		return kind
	}
	return j.adapt(now, quiet)
}

// square passes over what lies before the next place of the grid.
func (j *jitter) square() {
	if j.grid == 0 {
		return
	}
	if off := ((j.play-j.phase)%j.grid + j.grid) % j.grid; off > 0 {
		j.skip(j.grid - off)
	}
}

// place moves the play position to begin a stream; earlier than its first packet is silence.
func (j *jitter) place(play int64) {
	if play > j.play {
		j.skip(play - j.play)
		return
	}
	j.play = max(play, j.newest-jitterSize+1)
}

// underrun: everything that came was played.
func (j *jitter) underrun(now int64) playKind {
	j.dry++
	if j.dtx || j.dry > 10 || !j.heard {
		j.play += frameUnits
		j.newest = max(j.newest, j.play)
		return playGap
	}
	if j.delay(now)+int64(frameUnits)*unit <= j.ceiling {
		j.held += frameUnits
		return playWait
	}
	j.play += frameUnits
	j.newest = max(j.newest, j.play)
	return playLost
}

// fill handles missing units at the play position. done is false when there is data to play.
func (j *jitter) fill(now int64) (kind playKind, done bool) {
	hole := int64(0)
	for hole < j.newest-j.play && !j.have[(j.play+hole)&jitterMask] {
		hole++
	}
	gap := j.dtx || j.dry > 3 || !j.heard
	if hole > 0 {
		// What was waited for never came, and in a pause of the sender time may
		// be passed over: both bring the delay down without a sound.
		pass := min(hole, j.held)
		if gap || hole > 3*frameUnits {
			pass = max(pass, min(hole, j.aim(now)-j.play))
		}
		if pass > 0 {
			j.skip(pass)
			hole -= pass
		}
	}
	j.held = 0
	if hole < frameUnits {
		j.dry, j.heard = 0, true
		return 0, false
	}
	j.skip(frameUnits)
	if gap || hole > 5*frameUnits {
		return playGap, true
	}
	return playLost, true
}

// adapt plays the next 20 ms, or a little more or less when the delay is off its target.
func (j *jitter) adapt(now int64, quiet bool) playKind {
	if quiet && j.grid != 0 && (j.play-j.phase)%stretch != 0 {
		j.square()
		if j.newest <= j.play {
			return j.underrun(now)
		}
	}
	excess := (j.aim(now) - j.play) * unit
	n := int64(frameUnits)
	kind := playData
	switch {
	case (excess < -10e6 || j.grid != 0 && excess < 0) && quiet && j.fast > 5:
		j.fast = 0
		return playWait
	case excess >= 10e6 && j.newest-j.play >= frameUnits+stretch && (quiet && j.fast > 1 || excess > 25e6 && j.fast > 8):
		if j.whole(frameUnits + stretch) {
			j.fast, n, kind = 0, frameUnits+stretch, playFast
		}
	}
	j.move(n)
	j.play += n
	j.newest = max(j.newest, j.play)
	return kind
}

// whole says whether the next n units are all there.
func (j *jitter) whole(n int64) bool {
	for i := range n {
		if !j.have[(j.play+i)&jitterMask] {
			return false
		}
	}
	return true
}

// move copies the next n units out and clears their places.
func (j *jitter) move(n int64) {
	at := j.play & jitterMask
	one := min(n, jitterSize-at)
	copy(j.out[:one], j.data[at:])
	copy(j.full[:one], j.have[at:at+one])
	clear(j.have[at : at+one])
	copy(j.out[one:n], j.data[:])
	copy(j.full[one:n], j.have[:n-one])
	clear(j.have[:n-one])
	j.missed = 0
	for _, f := range j.full[:frameUnits] {
		if !f {
			j.missed++
		}
	}
}

// missing counts the units of the last 20 ms given that were not received.
func (j *jitter) missing() int { return j.missed }
