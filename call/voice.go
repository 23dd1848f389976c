package call

import (
	"sync"
	"sync/atomic"
	"time"

	"tingxin/audio"
	"tingxin/emotion"
)

// Voice reads one channel; *emotion.Analyzer satisfies it. Its time is 20 ms for each frame written.
type Voice interface {
	WriteFrame(f *audio.Frame) (emotion.Reading, bool)
	EndTurn(start, end time.Duration) (emotion.Reading, bool)
}

// Emotion is how voices are read.
type Emotion struct {
	Rules emotion.Rules
	// Agents has our side of a bridged call read as well.
	Agents bool
	// Model names the model in the records.
	Model string
	// Open makes the reader of one channel.
	Open func() Voice
}

// Sizes of a voice's queues.
const (
	voiceRing  = 128 // frames between the clock and the reader; the oldest is dropped
	voiceTurns = 16  // ends of turns that wait to be read; the newest is dropped
	wakeEvery  = 10  // frames: a reader wakes five times a second
)

// heardTurn is the end of a turn on its way through the reader and back.
type heardTurn struct {
	start, end    time.Duration // call time
	words         *emotion.Sentiment
	interruptions int
	told          time.Time // when recognition said so
}

// felt is what comes of it.
type felt struct {
	heardTurn
	reading *emotion.Reading // nil when the turn was too short to read; call time
	turn    bool
}

// voice reads one side in a goroutine of its own, so that the clock only copies a
// frame into a ring and never waits for a reading.
//
//	clock -> WriteFrame -> ring -> run: Voice -> tell(felt) -> the call's inbox
//	recognition's turn end -> EndTurn -> turns -> run
type voice struct {
	in    Voice
	ring  *audio.Ring
	wake  chan struct{}
	turns chan heardTurn
	done  chan struct{}
	ended chan struct{}
	once  sync.Once
	began atomic.Int64 // unix nanoseconds of the first frame
	zero  time.Time    // where call time starts
	stats *voiceStats
	tell  func(felt)
	// remove takes the tap off.
	remove func()

	// From here on only run.
	next   uint64 // sequence number of the leg that is due
	first  bool
	shift  time.Duration // from the reader's time to call time
	pauses pauses
	alone  atomic.Bool // nobody else says when a turn ends
}

// voiceStats are the counters behind EmotionStats.
type voiceStats struct {
	open, turns, unread, slides, dropped, turnsDropped, alerts, escalated, dismissed, declined atomic.Int64
	late                                                                                       delays
}

// newVoice makes a reader; run must be started.
func newVoice(in Voice, zero time.Time, stats *voiceStats, tell func(felt)) *voice {
	return &voice{in: in, ring: audio.NewRing(voiceRing), wake: make(chan struct{}, 1), turns: make(chan heardTurn, voiceTurns),
		done: make(chan struct{}), ended: make(chan struct{}), zero: zero, stats: stats, tell: tell, first: true}
}

// WriteFrame implements audio.Writer. It allocates nothing and never waits.
func (v *voice) WriteFrame(f *audio.Frame) {
	if v.began.Load() == 0 {
		v.began.Store(time.Now().UnixNano())
	}
	if !v.ring.Push(f) {
		v.stats.dropped.Add(1)
	}
	if f.Seq%wakeEvery == 0 {
		select {
		case v.wake <- struct{}{}:
		default:
		}
	}
}

// EndTurn has a turn read; with a full queue it is dropped and counted.
func (v *voice) EndTurn(t heardTurn) {
	select {
	case v.turns <- t:
	default:
		v.stats.turnsDropped.Add(1)
	}
}

// Close ends run after what it has in hand; twice is fine.
func (v *voice) Close() {
	v.once.Do(func() { close(v.done) })
}

// run reads until Close.
func (v *voice) run() {
	defer close(v.ended)
	v.stats.open.Add(1)
	defer v.stats.open.Add(-1)
	for {
		select {
		case <-v.wake:
			v.drain()
		case t := <-v.turns:
			v.turn(t)
		case <-v.done:
			for {
				select {
				case t := <-v.turns:
					v.turn(t)
				default:
					return
				}
			}
		}
	}
}

// turn reads a turn over all sound that has come so far.
func (v *voice) turn(t heardTurn) {
	v.drain()
	out := felt{heardTurn: t, turn: true}
	if r, ok := v.in.EndTurn(max(t.start-v.shift, 0), max(t.end-v.shift, 0)); ok {
		v.move(&r)
		out.reading = &r
	}
	v.stats.late.add(time.Since(t.told))
	v.tell(out)
}

// move turns the reader's time into call time.
func (v *voice) move(r *emotion.Reading) {
	r.Start, r.End = r.Start+v.shift, r.End+v.shift
}

// drain gives the waiting frames to the reader.
func (v *voice) drain() {
	var f audio.Frame
	for v.ring.Pop(&f) {
		if v.first {
			v.first, v.next = false, f.Seq
			v.shift = max(frameTime(time.Unix(0, v.began.Load()).Sub(v.zero)), 0)
		}
		v.fill(f.Seq)
		v.frame(&f)
	}
}

// fill stands in for frames that were dropped, so that the reader's time stays call time.
func (v *voice) fill(seq uint64) {
	if seq < v.next || seq-v.next > uint64(time.Minute/audio.FrameDur) { // another clock
		v.next = seq
	}
	var silence audio.Frame
	for silence.Flags = audio.Silent | audio.Concealed; v.next < seq; {
		silence.Seq = v.next
		v.frame(&silence)
	}
}

func (v *voice) frame(f *audio.Frame) {
	v.next = f.Seq + 1
	if r, ok := v.in.WriteFrame(f); ok {
		v.stats.slides.Add(1)
		v.move(&r)
		v.tell(felt{reading: &r})
	}
	start, end, ok := v.pauses.frame(f)
	if ok && v.alone.Load() {
		v.turn(heardTurn{start: start + v.shift, end: end + v.shift, told: time.Now()})
	}
}

// pauses finds turns by level alone, for a side that is not recognised.
type pauses struct {
	ear   level
	at    time.Duration // of the frame that is due
	start time.Duration // of the first sound of the turn
	last  time.Duration // end of the last sound
	open  bool
}

// A turn by level alone ends after this much silence, and has at least this much sound around it.
const (
	pauseEnds = 900 * time.Millisecond
	turnLeast = time.Second
)

// frame takes the next frame; ok says that a turn from start to end is over.
func (p *pauses) frame(f *audio.Frame) (start, end time.Duration, ok bool) {
	loud := p.ear.loud(audio.Power(f.PCM[:]), f.Flags)
	p.at += audio.FrameDur
	if loud {
		if !p.open {
			p.open, p.start = true, p.at-audio.FrameDur
		}
		p.last = p.at
		return 0, 0, false
	}
	if !p.open || p.at-p.last < pauseEnds {
		return 0, 0, false
	}
	p.open = false
	return p.start, p.last, p.last-p.start >= turnLeast
}

// delays keeps the last few hundred delays for a percentile.
type delays struct {
	mu   sync.Mutex
	last [512]time.Duration
	n    int
}

func (d *delays) add(v time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.last[d.n%len(d.last)] = v
	d.n++
}
