package worker

import (
	"time"

	"tingxin/asr/asrpb"
	"tingxin/asr/vad"
)

const (
	preRoll    = 13 // frames (260 ms) given to the recogniser from before the first sound of speech
	history    = 40 // frames kept while nobody speaks: pre-roll and the time the detector takes
	chunkMax   = 5  // frames given to the recogniser at once
	holdBack   = 6  // frames that wait after the network has run: it will not run again at once, and every call costs
	pauseLen   = 18 // frames of quiet (360 ms) that count as a pause when speech goes on
	flushMS    = 80 // silence added to an utterance's own before its Result; the network needs no more
	lookAfter  = time.Millisecond
	lookMax    = 200 * Rate / 1000 // samples after which the partial is looked at in any case
	softLimit  = 15e3              // ms after which an utterance ends at the next pause
	hardLimit  = 20e3              // ms after which it ends anywhere
	trustStill = 1100              // ms without a change after which a complete text counts as silence
	idleLimit  = 5e3               // ms without any word after which the recogniser starts afresh
)

// filler is the front end for telephone audio; nil does nothing.
type filler interface{ Process(pcm []int16) }

// Channel hears one side of a call: detector, gate, recogniser, turn end. It
// has no goroutine and no timer: frames go in, events come out of emit. Only
// whether a look at the partial is worth its while (a tenth of all work) is
// told from how long the recogniser was busy: it decodes in blocks.
//
//	frame -> detector --quiet--> history (pre-roll)
//	             '-----speech--> chunk -> filler -> recogniser -> Partial, Final, TurnEnd
type Channel struct {
	rec    Recognizer
	det    *vad.Detector
	fill   filler
	delay  int64 // samples by which the filler's sound is late
	turn   Turn
	expect string
	emit   func(*asrpb.Event)

	pos      uint64 // frames dealt with
	hist     [history][FrameLen]int16
	open     bool
	first    uint64 // first frame fed of this utterance
	fed      uint64 // all frames before this one are fed or left out for good
	segment  uint64
	turnOpen bool
	turnNeed int // ms of silence that end the open turn
	turnWhy  string
	noisy    bool   // the gate is held open by sound that is no speech to the recogniser
	quietEnd uint64 // frame at which the last sound of speech ended

	chunk    []int16
	chunkPos uint64
	clock    clockMap
	pre      prefix
	complete bool
	worked   bool  // the last Accept took so long that the network must have run
	unseen   int   // samples fed since the last look at the partial
	pauses   int   // pauses of at least pauseLen in this turn
	changed  int64 // ms at which the partial last changed
	partial  string
	decoded  uint64 // frames given to the recogniser
	err      error
}

// Params open a Channel.
type Params struct {
	// Narrow says that the audio came at 8 kHz: the front end is used.
	Narrow bool
	// Expect is what the flow waits for: "", "digits" or "yesno".
	Expect string
	// Turn sets the silences that end a turn.
	Turn Turn
	// FirstFrame, LastSegment and TurnOpen continue a channel whose worker was lost.
	FirstFrame, LastSegment uint64
	TurnOpen                bool
}

// NewChannel makes a Channel over a fresh recogniser; it frees it in the end.
func NewChannel(rec Recognizer, p Params, emit func(*asrpb.Event)) *Channel {
	c := &Channel{rec: rec, det: vad.New(vad.Config{}), turn: p.Turn.withDefaults(), expect: p.Expect, emit: emit,
		pos: p.FirstFrame, fed: p.FirstFrame, quietEnd: p.FirstFrame, segment: p.LastSegment, turnOpen: p.TurnOpen, turnNeed: p.Turn.withDefaults().Usual, turnWhy: "silence",
		chunk: make([]int16, 0, 16*FrameLen)}
	if p.Narrow {
		c.fill, c.delay = newFiller(), fillerDelay
	}
	return c
}

// Write takes the next frame; its position is c.pos.
func (c *Channel) Write(pcm []int16) {
	s := c.det.Write(pcm)
	copy(c.hist[c.pos%history][:], pcm)
	c.pos++
	switch {
	case c.open:
		c.take(c.pos - 1)
		if s.Voice {
			if c.pos-c.quietEnd >= pauseLen {
				c.pauses++
			}
			c.quietEnd = c.pos
		}
	case s.Speech:
		c.begin(uint64(s.Since))
	default:
		if c.turnOpen && s.Prob < 0.3 {
			c.lateTurnEnd()
		}
	}
}

// begin opens the gate: the speech is since frames old.
func (c *Channel) begin(since uint64) {
	from := c.pos - min(c.pos, since+preRoll)
	from = max(from, c.fed, c.pos-min(c.pos, history))
	if c.turnOpen {
		c.pauses++
	} else {
		c.pauses = 0
	}
	c.open, c.noisy, c.first = true, false, from
	c.quietEnd = c.pos
	c.segment++
	c.changed, c.complete = c.ms(), false
	c.emit(&asrpb.Event{Kind: asrpb.Kind_SPEECH_START, Segment: c.segment,
		StartMs: int64(c.pos-min(c.pos, since)) * frameMS, EndMs: c.ms()})
	for p := from; p < c.pos; p++ {
		c.take(p)
	}
}

// take puts frame p of the history into the chunk.
func (c *Channel) take(p uint64) {
	if len(c.chunk) == 0 {
		c.chunkPos = p
	}
	c.chunk = append(c.chunk, c.hist[p%history][:]...)
	c.fed = p + 1
	if len(c.chunk) >= chunkMax*FrameLen && (!c.worked || len(c.chunk) >= holdBack*FrameLen) {
		c.Flush()
	}
}

// Flush gives the chunk to the recogniser and looks at what it makes of it.
// The caller calls it when it has no more frames for now.
func (c *Channel) Flush() {
	if held := c.worked && c.pos == c.quietEnd && len(c.chunk) < holdBack*FrameLen; !held {
		c.feed()
	}
	if c.open && c.err == nil {
		c.judge()
	}
}

// feed gives the recogniser all that waits.
func (c *Channel) feed() {
	if len(c.chunk) == 0 || c.err != nil {
		return
	}
	n := len(c.chunk)
	c.clock.audio(int64(c.chunkPos)*FrameLen, n)
	c.accept(c.chunk)
	c.chunk = c.chunk[:0]
	c.decoded += uint64(n / FrameLen)
	if c.unseen += n; c.worked || c.unseen >= lookMax {
		c.unseen = 0
		c.look()
	}
}

func (c *Channel) accept(pcm []int16) {
	if c.fill != nil {
		c.fill.Process(pcm)
	}
	begin := time.Now()
	c.complete, c.err = c.rec.Accept(pcm)
	c.worked = time.Since(begin) >= lookAfter
}

// look reads the partial and tells it when it changed.
func (c *Channel) look() {
	if c.err != nil {
		return
	}
	text, err := c.rec.Partial()
	if err != nil {
		c.err = err
		return
	}
	if text != c.partial {
		c.partial, c.changed = text, c.ms()
	}
	if c.pre.next(text, c.ms()) && c.pre.text != "" {
		c.emit(&asrpb.Event{Kind: asrpb.Kind_PARTIAL, Segment: c.segment, StartMs: int64(c.first) * frameMS, EndMs: c.ms(),
			Text: c.pre.text, Stable: uint32(c.pre.bytes)})
	}
}

// judge ends the utterance when it is time.
func (c *Channel) judge() {
	quiet := int(c.pos-c.quietEnd) * frameMS
	length := int(c.pos-c.first) * frameMS
	e := c.evidence(c.pre.words)
	switch {
	case quiet >= c.turn.final(e):
		c.shut()
	case c.complete && e.still >= trustStill && len(e.words) > 0:
		// The recogniser hears silence where the detector still hears something.
		c.propose(c.utter(false))
		c.noisy = true
	case c.noisy && len(e.words) > 0:
		c.noisy = false
	case c.noisy && c.turnOpen && int(e.still)+trustStill >= c.turn.Max:
		c.noisy = false
		c.endTurn(c.turnWhy)
	case length >= hardLimit, length >= softLimit && quiet >= 300:
		c.utter(false)
	case length >= idleLimit && len(c.pre.words) == 0:
		c.utter(false)
	}
}

func (c *Channel) evidence(words []string) evidence {
	return evidence{words: words, complete: c.complete, still: c.ms() - c.changed, expect: c.expect, pauses: c.pauses}
}

// shut closes the gate with a Final. The turn stays open until more silence
// has passed; speech before that opens the gate for its next utterance.
func (c *Channel) shut() {
	words := c.utter(true)
	c.open = false
	if c.err != nil {
		return
	}
	c.propose(words)
	if len(words) == 0 && !c.turnOpen {
		c.turnOpen, c.turnNeed, c.turnWhy = true, 0, "nothing"
	}
	c.lateTurnEnd()
}

// propose says when the turn that has come to these words will be over.
func (c *Channel) propose(words []string) {
	e := c.evidence(words)
	c.turnNeed, c.turnWhy = c.turn.needed(e), "silence"
	if e.complete {
		c.turnWhy = "complete"
	}
}

// lateTurnEnd ends the turn when its silence is over.
func (c *Channel) lateTurnEnd() {
	if c.turnOpen && int(c.pos-c.quietEnd)*frameMS >= c.turnNeed {
		c.endTurn(c.turnWhy)
	}
}

func (c *Channel) endTurn(reason string) {
	c.turnOpen, c.pauses = false, 0
	c.emit(&asrpb.Event{Kind: asrpb.Kind_TURN_END, Segment: c.segment, StartMs: int64(c.quietEnd) * frameMS, EndMs: c.ms(), Reason: reason})
}

// stop closes the gate and the turn at once.
func (c *Channel) stop(reason string) {
	if c.open && c.err == nil {
		c.utter(true)
		c.open, c.turnOpen = false, true
	}
	if c.turnOpen && c.err == nil {
		c.endTurn(reason)
	}
}

// utter takes the Result and tells it; flushing brings out the last word. It
// gives the words, and leaves in c.complete whether they make a whole.
func (c *Channel) utter(flushing bool) []string {
	c.feed()
	if flushing {
		c.pad(flushMS)
	}
	if c.err != nil {
		return nil
	}
	u, err := c.rec.Result()
	if err != nil {
		c.err = err
		return nil
	}
	first := c.first
	c.first = c.fed
	ev := &asrpb.Event{Kind: asrpb.Kind_FINAL, Segment: c.segment, Text: u.Text, Words: c.timed(u.Words)}
	c.pre.reset()
	c.partial, c.changed = "", c.ms()
	c.clock.forget(c.clock.fed)
	if len(ev.Words) == 0 {
		return nil
	}
	ev.StartMs = max(ev.Words[0].StartMs, int64(first)*frameMS)
	ev.EndMs = ev.Words[len(ev.Words)-1].EndMs
	c.turnOpen = true
	c.emit(ev)
	if !flushing {
		c.segment++
	}
	words := make([]string, len(u.Words))
	for i, w := range u.Words {
		words[i] = w.Text
	}
	return words
}

// pad feeds silence that is not in the call.
func (c *Channel) pad(ms int) {
	var still [FrameLen]int16
	c.clock.padding(ms / frameMS * FrameLen)
	buf := c.chunk[:0]
	for range ms / frameMS {
		buf = append(buf, still[:]...)
	}
	if c.err == nil {
		c.complete, c.err = c.rec.Accept(buf)
	}
	c.chunk = buf[:0]
}

// timed brings words into call time.
func (c *Channel) timed(words []Word) []*asrpb.Word {
	out := make([]*asrpb.Word, 0, len(words))
	last := int64(0)
	for _, w := range words {
		s := c.clock.start(int64(w.Start*Rate+0.5)-c.delay) * 1000 / Rate
		e := c.clock.call(int64(w.End*Rate+0.5)-c.delay) * 1000 / Rate
		s = max(s, last)
		e = max(min(e, c.ms()), s)
		out = append(out, &asrpb.Word{Text: w.Text, StartMs: s, EndMs: e, Conf: w.Conf})
		last = e
	}
	return out
}

// skip notes that n frames are missing before the next one.
func (c *Channel) skip(n uint64, reason string) {
	c.Flush()
	from := c.ms()
	c.stop("gap")
	c.pos += n
	c.fed = c.pos
	c.quietEnd = max(c.quietEnd, c.pos)
	c.emit(&asrpb.Event{Kind: asrpb.Kind_GAP, Segment: c.segment, StartMs: from, EndMs: c.ms(), Reason: reason})
}

// Finish ends it all: no more audio comes.
func (c *Channel) Finish() {
	c.Flush()
	c.stop("flush")
}

// settled is the frame from which another worker would have to hear again.
func (c *Channel) settled() uint64 {
	if c.open {
		return c.first
	}
	return max(c.fed, c.pos-min(c.pos, history-1))
}

// ms is the call time of everything heard so far.
func (c *Channel) ms() int64 { return int64(c.pos) * frameMS }

// Heard is the number of frames dealt with.
func (c *Channel) Heard() uint64 { return c.pos }

// Err is what ended the channel's recogniser, if anything.
func (c *Channel) Err() error { return c.err }

// Free releases the recogniser.
func (c *Channel) Free() { c.rec.Free() }
