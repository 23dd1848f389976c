package call

import (
	"context"
	"errors"
	"math"
	"strings"
	"sync"
	"time"

	"tingxin/asr"
	"tingxin/audio"
	"tingxin/ivr"
	"tingxin/media"
)

var (
	_ ivr.Hearer    = (*Call)(nil)
	_ ivr.Concealer = (*Call)(nil)
)

// saidSize is how many things said in answer to a question may wait; the oldest is dropped.
const saidSize = 64

// deafAtFirst is how long a prompt cannot be cut by voice: its beginning meets the end of what was said before.
const deafAtFirst = 200 * time.Millisecond

// asked is a question that may be answered by voice: a stream of recognition of its
// own with the phrases that are expected, or the one that takes down the call.
//
//	caller -> tap -> stream -> SpeechStart, Partial -> (no echo of the prompt) -> the prompt stops
//	                           Final                -> Call.replies -> the script
type asked struct {
	stream  Stream // nil: the caller's own stream is listened to
	remove  func()
	ended   chan struct{}
	bargeIn bool
	turns   bool // the ends of turns are told too
	guard   *guard

	// Only the call's goroutine.
	began   time.Duration // of its stream, in the call's time
	segment uint64        // whose beginning was told
	echo    bool          // what is heard of it so far is the prompt itself
	told    bool          // that somebody speaks
}

// Hear implements ivr.Hearer.
func (c *Call) Hear(ctx context.Context, h ivr.Hearing) (bool, error) {
	c.Unhear()
	if c.m.parts.Recogniser == nil {
		return false, nil
	}
	a := &asked{bargeIn: h.BargeIn, ended: make(chan struct{}), remove: func() {}, guard: &guard{}}
	cfg := asr.StreamConfig{Call: c.id, Side: SideCaller, Language: h.Language, Model: c.route.Model, Phrases: h.Phrases}
	if h.Digits {
		cfg.Expect = "digits"
	}
	own := true
	if err := c.ask(ctx, func() {
		cfg.Narrow = c.caller().media.Params().Codec != media.G722
		own = len(h.Phrases) > 0 || !c.hidden.IsZero() || c.sides[SideCaller].ear == nil
	}); err != nil {
		return false, err
	}
	if own {
		var err error
		a.stream, err = c.openAnswer(ctx, cfg)
		if err != nil {
			c.log.Debug("no stream for a question", "error", err)
		}
	}
	ok := false
	err := c.ask(ctx, func() {
		if a.stream == nil && (c.sides[SideCaller].ear == nil || !c.hidden.IsZero()) {
			return // nobody hears
		}
		ok = true
		c.listen(a)
	})
	if a.stream != nil && !ok {
		_ = a.stream.Close()
	}
	return ok, err
}

// openAnswer opens a stream with phrases or, where the model takes none, without.
func (c *Call) openAnswer(ctx context.Context, cfg asr.StreamConfig) (Stream, error) {
	s, err := c.m.parts.Recogniser.Open(ctx, cfg)
	if err == nil || len(cfg.Phrases) == 0 || errors.Is(err, asr.ErrFull) || ctx.Err() != nil {
		return s, err
	}
	cfg.Phrases = nil
	return c.m.parts.Recogniser.Open(ctx, cfg)
}

// listen begins to take answers.
func (c *Call) listen(a *asked) {
	for len(c.replies) > 0 {
		<-c.replies
	}
	l := c.caller().media
	c.asked, a.began = a, frameTime(time.Since(c.zero))
	in, out := l.AddTap(&a.guard.in), l.AddSentTap(&a.guard.out)
	a.guard.in.g, a.guard.out.g = a.guard, a.guard
	a.remove = func() { in(); out() }
	if a.stream == nil {
		close(a.ended)
		return
	}
	tap := l.AddTap(a.stream)
	a.remove = func() { in(); out(); tap() }
	c.wg.Go(func() { // ends when the stream's results do, which Unhear or the end of the call closes
		defer close(a.ended)
		for r := range a.stream.Results() {
			c.post(func() { c.answer(a, r) })
		}
	})
	c.wg.Go(func() { // ends with the question or the call
		select {
		case <-a.ended:
		case <-c.ctx.Done():
			_ = a.stream.Close()
		}
	})
}

// Unhear implements ivr.Hearer.
func (c *Call) Unhear() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.ctx), hangupTimeout)
	defer cancel()
	var a *asked
	_ = c.ask(ctx, func() { // an error says that the call is over, which closes the stream
		if a, c.asked = c.asked, nil; a != nil {
			a.remove()
		}
	})
	if a != nil && a.stream != nil {
		_ = a.stream.Close()
	}
}

// Input implements ivr.Hearer.
func (c *Call) Input(ctx context.Context, wait time.Duration) (ivr.Input, error) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case k := <-c.keys: // keys first: whoever pressed one has decided
		return ivr.Input{Key: k}, nil
	default:
	}
	select {
	case k := <-c.keys:
		return ivr.Input{Key: k}, nil
	case in := <-c.replies:
		return in, nil
	case <-timer.C:
		return ivr.Input{}, nil
	case <-ctx.Done():
		return ivr.Input{}, context.Cause(ctx)
	}
}

// heardAnswer takes what the call's own recognition says while a question without a stream of its own is asked.
func (c *Call) heardAnswer(sd *side, r asr.Result) {
	if a := c.asked; a != nil && a.stream == nil && sd.name == SideCaller {
		c.answer(a, r)
	}
}

// answer takes one result for a question.
func (c *Call) answer(a *asked, r asr.Result) {
	if c.asked != a {
		return
	}
	switch r.Kind {
	case asr.SpeechStart:
		a.guard.spoke()
		a.segment, a.echo = r.Segment, true
		c.speaks(a, r)
	case asr.Partial:
		if r.Segment != a.segment {
			a.segment, a.echo = r.Segment, true
		}
		if a.echo && strings.TrimSpace(r.Text) != "" {
			c.speaks(a, r)
		}
	case asr.Final:
		text := strings.TrimSpace(r.Raw)
		if text == "" {
			text = strings.TrimSpace(r.Text)
		}
		if r.Segment != a.segment {
			a.segment, a.echo = r.Segment, true
		}
		if a.echo && text != "" {
			c.speaks(a, r)
		}
		if text != "" && !a.echo {
			c.tellSaid(ivr.Input{Said: text, Until: a.began + r.End})
		}
		a.echo = true
	case asr.TurnEnd:
		if a.turns && a.told {
			a.told = false
			c.tellSaid(ivr.Input{Ended: true})
		}
	}
}

// speaks decides whether it is the caller who speaks, and stops the prompt then.
func (c *Call) speaks(a *asked, r asr.Result) {
	p := c.playing
	if p != nil && !closed(p.out.Done()) {
		switch {
		case !p.voice, time.Since(p.began) < deafAtFirst, !a.guard.own(), saysPrompt(r.Text, p.words):
			return
		}
		p.out.Stop()
	}
	a.echo, a.told = false, true
	c.tellSaid(ivr.Input{Began: true})
}

// saysPrompt tells whether words are a part of the prompt's own, heard back over the line.
func saysPrompt(text, prompt string) bool {
	words := strings.Fields(plainWords(text))
	return len(words) > 1 && strings.Contains(" "+plainWords(prompt)+" ", " "+strings.Join(words, " ")+" ")
}

// plainWords is a text in small letters with single spaces; Han characters stand apart.
func plainWords(s string) string {
	var words []string
	for _, at := range split(strings.ToLower(s)) {
		if w := strings.Trim(s[at[0]:at[1]], ".,;:!?\"'，。？！、；："); w != "" {
			words = append(words, strings.ToLower(w))
		}
	}
	return strings.Join(words, " ")
}

func (c *Call) tellSaid(in ivr.Input) {
	for {
		select {
		case c.replies <- in:
			return
		default:
		}
		select {
		case <-c.replies:
		default:
		}
	}
}

// Conceal implements ivr.Concealer.
func (c *Call) Conceal(ctx context.Context, on bool) error {
	return c.ask(ctx, func() {
		switch {
		case on && c.hidden.IsZero():
			c.hidden = time.Now()
		case !on && !c.hidden.IsZero():
			from := c.hidden
			c.hidden = time.Time{}
			if c.sides[SideCaller].ear != nil {
				c.keep(&Utterance{CallID: c.id, Side: SideCaller, Start: frameTime(from.Sub(c.zero)), End: frameTime(time.Since(c.zero)),
					Language: c.record.Language, Gap: true, Reason: "concealed"})
			}
		default:
			return
		}
		c.hush()
		c.publish("call.updated")
	})
}

// hush keeps sound off the recording and words out of the transcript, or lets them in again.
func (c *Call) hush() {
	hidden := !c.hidden.IsZero()
	if c.tape != nil {
		c.tape.rec.Pause(c.paused || hidden)
	}
	for name, sd := range c.sides {
		if sd.ear != nil {
			l := c.place[name]
			sd.ear.muted.Store(hidden || l != nil && !l.open())
			if hidden {
				sd.partial = nil
			}
		}
	}
}

// guard tells a caller's voice from the prompt's echo by level. It learns, from the
// time before anybody speaks, how much of the prompt comes back; until then it
// takes -12 dB for possible.
type guard struct {
	in, out levels

	mu      sync.Mutex
	heard   [8]float64  // mean squares of what came, newest last
	sent    [25]float64 // of what went out
	waiting [25]float64 // ratios not yet learned: a caller may be speaking in them already
	n       int
	back    float64 // greatest ratio learned
	learned int
}

// levels is one tap of a guard.
type levels struct {
	g *guard
}

// WriteFrame implements audio.Writer.
func (l *levels) WriteFrame(f *audio.Frame) {
	var sum float64
	if f.Flags&(audio.Silent|audio.Concealed) == 0 {
		for _, v := range f.PCM {
			sum += float64(v) * float64(v)
		}
	}
	l.g.note(sum/audio.FrameLen, l == &l.g.in)
}

func (g *guard) note(power float64, in bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !in {
		copy(g.sent[:], g.sent[1:])
		g.sent[len(g.sent)-1] = power
		return
	}
	copy(g.heard[:], g.heard[1:])
	g.heard[len(g.heard)-1] = power
	loudest := g.loudest()
	if loudest < quietest {
		return
	}
	if old := g.waiting[0]; g.n >= len(g.waiting) {
		g.back = math.Max(g.back*0.999, old)
		g.learned++
	}
	copy(g.waiting[:], g.waiting[1:])
	g.waiting[len(g.waiting)-1] = g.mean() / loudest
	g.n++
}

func (g *guard) loudest() float64 {
	var most float64
	for _, p := range g.sent {
		most = math.Max(most, p)
	}
	return most
}

// mean is the power of the last 120 ms.
func (g *guard) mean() float64 {
	var sum float64
	for _, p := range g.heard[2:] {
		sum += p
	}
	return sum / float64(len(g.heard)-2)
}

// spoke says that somebody speaks: what was heard lately may be they and is not learned.
func (g *guard) spoke() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waiting, g.n = [25]float64{}, 0
}

// Ratios of power.
const (
	echoAtMost  = 0.126 // -9 dB: 3 dB above the strongest echo that is expected
	echoAtLeast = 0.002 // -27 dB
	enoughHeard = 10    // frames, to trust what was learned
)

// own says that what comes now is more than the prompt's echo.
func (g *guard) own() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	limit := echoAtMost
	if g.learned >= enoughHeard {
		limit = math.Min(math.Max(2*g.back, echoAtLeast), echoAtMost)
	}
	var loud float64 // a word may have ended just now
	for i := 0; i+3 <= len(g.heard); i++ {
		loud = math.Max(loud, (g.heard[i]+g.heard[i+1]+g.heard[i+2])/3)
	}
	return loud > limit*g.loudest()
}
