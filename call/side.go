package call

import (
	"cmp"
	"context"
	"strings"
	"sync/atomic"
	"time"
	"unicode"
	"unicode/utf8"

	"tingxin/asr"
	"tingxin/audio"
	"tingxin/ivr"
	"tingxin/media"
)

// reopenAfter is how long a side without a stream waits before it asks for one again.
const reopenAfter = 2 * time.Second

// side is what one party says.
type side struct {
	name    string
	seq     int // of the last utterance or gap
	partial *PartialItem
	ear     *hearing   // nil when nothing is recognised
	lost    time.Time  // when the stream broke off, while another is waited for
	gap     time.Time  // from when on nothing was heard
	source  *media.Leg // to hear again after a lost stream
	feeling *feeling   // nil when the voice is not read
	spoke   span       // when it last did
}

// TurnItem is the payload of transcript.turn: a party has finished speaking. The
// last final of the turn may follow it while the database is slow.
type TurnItem struct {
	Side   string `json:"side"`
	EndMS  int64  `json:"end_ms"`
	Reason string `json:"reason"`
}

// hearing is one stream of recognition over the sound of one side.
type hearing struct {
	stream   Stream
	remove   func() // the tap
	ended    chan struct{}
	language string
	model    string
	quiet    audio.Frame  // stands in then; only the tap's goroutine
	muted    atomic.Bool  // the party is not in the talk: silence is heard
	began    atomic.Int64 // unix nanoseconds of the first frame
}

// WriteFrame implements audio.Writer.
func (h *hearing) WriteFrame(f *audio.Frame) {
	if h.began.Load() == 0 {
		h.began.Store(time.Now().UnixNano())
	}
	if h.muted.Load() {
		h.quiet.Seq, h.quiet.Flags = f.Seq, f.Flags&audio.Narrow|audio.Silent
		f = &h.quiet
	}
	h.stream.WriteFrame(f)
}

// hear opens recognition of one side; without room the side is left for afterwards.
func (c *Call) hear(ctx context.Context, name string, l *media.Leg) error {
	if c.m.parts.Recogniser == nil || l == nil {
		return nil
	}
	cfg := asr.StreamConfig{Call: c.id, Side: name, Model: c.route.Model, Phrases: c.route.Phrases}
	if err := c.ask(ctx, func() {
		c.sides[name].source = l
		cfg.Language = c.record.Language
		cfg.Narrow = l.Params().Codec != media.G722
	}); err != nil {
		return err
	}
	stream, err := c.m.parts.Recogniser.Open(ctx, cfg)
	if err != nil {
		return c.ask(ctx, func() { c.postpone(name, err) })
	}
	attached := false
	h := &hearing{stream: stream, language: cfg.Language, model: cfg.Model, ended: make(chan struct{})}
	err = c.ask(ctx, func() {
		attached = true
		c.attach(name, l, h)
	})
	if !attached {
		_ = stream.Close()
	}
	return err
}

// attach lets the stream hear the leg.
func (c *Call) attach(name string, l *media.Leg, h *hearing) {
	sd := c.sides[name]
	if now := c.place[name]; sd.ear != nil || now != nil && now.media != l { // somebody else stands there by now
		h.remove = func() {}
		close(h.ended)
		h.stream.Finish()
		_ = h.stream.Close()
		return
	}
	c.markGap(sd)
	sd.ear, sd.source, sd.lost = h, l, time.Time{}
	h.muted.Store(!c.hidden.IsZero())
	h.remove = l.AddTap(h)
	if sd.feeling != nil {
		sd.feeling.voice.alone.Store(false)
	}
	c.record.Transcription[name] = TranscriptionLive
	c.update()
	c.wg.Go(func() { c.pump(sd, h) }) // ends when the stream's results do
}

// postpone leaves a side to be recognised from the recording after the call.
func (c *Call) postpone(name string, why error) {
	sd := c.sides[name]
	if c.record.Transcription[name] == TranscriptionLive { // the start is there already: go on with it when there is room
		sd.lost = time.Now()
		return
	}
	c.log.Warn("no room to recognise now", "side", name, "error", why)
	c.m.stats.deferred.Add(1)
	c.record.Transcription[name] = TranscriptionDeferred
	c.update()
}

// pump carries results from the stream to the inbox.
func (c *Call) pump(sd *side, h *hearing) {
	defer close(h.ended)
	for r := range h.stream.Results() {
		c.post(func() { c.result(sd, h, r) })
	}
	c.post(func() { c.deaf(sd, h) })
}

// deaf notes that a stream ended; while the call goes on, a new one is opened by supervise.
func (c *Call) deaf(sd *side, h *hearing) {
	h.remove()
	sd.partial = nil
	if c.ctx.Err() == nil && sd.ear == h {
		c.log.Warn("recognition ended in the middle of the call", "side", sd.name)
		sd.ear, sd.lost, sd.gap = nil, time.Now(), time.Now()
		if sd.feeling != nil {
			sd.feeling.voice.alone.Store(true)
		}
	}
}

// markGap keeps what could not be heard while a side had no stream.
func (c *Call) markGap(sd *side) {
	if sd.gap.IsZero() {
		return
	}
	c.keep(&Utterance{CallID: c.id, Side: sd.name, Start: frameTime(sd.gap.Sub(c.zero)), End: frameTime(time.Since(c.zero)),
		Language: c.record.Language, Gap: true, Reason: "recognition was away"})
	sd.gap = time.Time{}
}

// rehear opens a new stream for every side that lost its own.
func (c *Call) rehear(now time.Time) {
	for _, sd := range c.sides {
		if sd.lost.IsZero() || now.Sub(sd.lost) < reopenAfter {
			continue
		}
		sd.lost = time.Time{}
		c.wg.Go(func() { _ = c.hear(c.ctx, sd.name, sd.source) }) // ends with ctx
	}
}

// callTime turns the stream's time into call time.
func (c *Call) callTime(h *hearing, d time.Duration) time.Duration {
	began := h.began.Load()
	if began == 0 {
		return d
	}
	return max(d+frameTime(time.Unix(0, began).Sub(c.zero)), 0)
}

// result takes one result of recognition.
func (c *Call) result(sd *side, h *hearing, r asr.Result) {
	switch r.Kind {
	case asr.SpeechStart:
		c.heardAnswer(sd, r)
	case asr.Partial:
		c.heardAnswer(sd, r)
		sd.partial = &PartialItem{
			Side: sd.name, Segment: r.Segment, Text: r.Text, Stable: Characters(r.Text, r.Stable),
			StartMS: c.callTime(h, r.Start).Milliseconds(), EndMS: c.callTime(h, r.End).Milliseconds(),
		}
		c.bargesIn(sd, r.Text)
		c.refresh()
		c.m.parts.Bus.Publish("transcript.partial", c.id, *sd.partial)
	case asr.Final:
		sd.partial = nil
		c.heardAnswer(sd, r)
		if strings.TrimSpace(r.Text) != "" {
			c.keep(c.utterance(sd, h, r))
			c.bargesIn(sd, r.Text)
			c.dialogue.final(sd, r.Text, c.callTime(h, r.End))
		}
	case asr.TurnEnd:
		c.m.parts.Bus.Publish("transcript.turn", c.id, TurnItem{Side: sd.name, EndMS: c.callTime(h, r.End).Milliseconds(), Reason: r.Reason})
		c.turnEnded(sd, h, r)
		c.dialogue.turnEnded(sd)
	case asr.Gap:
		u := c.utterance(sd, h, r)
		u.Gap, u.Reason, u.Text, u.Raw = true, r.Reason, "", ""
		c.keep(u)
	}
}

func (c *Call) utterance(sd *side, h *hearing, r asr.Result) *Utterance {
	u := &Utterance{
		CallID: c.id, Side: sd.name, Segment: r.Segment, Start: c.callTime(h, r.Start), End: c.callTime(h, r.End),
		Text: r.Text, Raw: r.Raw, Spans: r.Spans, Language: h.language, Model: cmp.Or(h.stream.Model(), h.model),
		Words: make([]asr.Word, len(r.Words)), Conf: meanConf(r.Words),
	}
	for i, w := range r.Words {
		w.Start, w.End = c.callTime(h, w.Start), c.callTime(h, w.End)
		u.Words[i] = w
	}
	return u
}

func meanConf(words []asr.Word) float32 {
	if len(words) == 0 {
		return 0
	}
	var sum float32
	for _, w := range words {
		sum += w.Conf
	}
	return sum / float32(len(words))
}

// keep numbers an utterance, has it written, and publishes it when it is safe.
func (c *Call) keep(u *Utterance) {
	sd := c.sides[u.Side]
	sd.seq++
	u.Seq = sd.seq
	if !u.Gap && c.turnSide != u.Side {
		c.turn++
		c.turnSide = u.Side
	}
	u.Turn = max(c.turn, 1)
	if !u.Gap {
		c.feelWords(sd, u)
	}
	c.m.writer.Put(&entry{Utterance: u}, func() { c.post(func() { c.kept(u) }) })
}

// kept tells the world of an utterance that is safe.
func (c *Call) kept(u *Utterance) {
	if u.Gap {
		c.m.parts.Bus.Publish("transcript.gap", c.id,
			GapItem{Side: u.Side, StartMS: u.Start.Milliseconds(), EndMS: u.End.Milliseconds(), Reason: u.Reason})
		return
	}
	c.m.parts.Bus.Publish("transcript.final", c.id, u.Item())
	c.last = &LastWords{Side: u.Side, Text: u.Text}
	if c.record.State == StateActive {
		c.publish("call.updated")
	}
}

// said keeps the words of a prompt as far as it was played: our side's words are known.
func (c *Call) said(p *ivr.Prompt, began time.Time, played time.Duration) {
	if p.Text == "" || played <= 0 || c.record.Consent == ConsentRefused {
		return
	}
	start := max(frameTime(began.Sub(c.zero)), 0)
	u := &Utterance{CallID: c.id, Side: SideAgent, Start: start, End: start + played, Language: p.Language, Model: "prompt", Conf: 1}
	u.Words, u.Spans = spread(p.Text, start, p.Duration(), start+played)
	if len(u.Words) == 0 {
		return
	}
	u.Text = p.Text[:u.Spans[len(u.Spans)-1].TextEnd]
	u.Raw = u.Text
	c.keep(u)
}

// spread lays the words of a text over the time of its prompt by their length,
// up to the moment heard. Chinese characters are words of their own.
func spread(text string, start, whole time.Duration, heard time.Duration) ([]asr.Word, []asr.Span) {
	var words []asr.Word
	var spans []asr.Span
	total := max(utf8.RuneCountInString(text), 1)
	at := func(offset int) time.Duration {
		return start + whole*time.Duration(utf8.RuneCountInString(text[:offset]))/time.Duration(total)
	}
	for _, s := range split(text) {
		if at(s[0]) >= heard {
			break
		}
		spans = append(spans, asr.Span{TextStart: s[0], TextEnd: s[1], From: len(words), To: len(words) + 1})
		words = append(words, asr.Word{Text: text[s[0]:s[1]], Start: at(s[0]), End: min(at(s[1]), heard), Conf: 1})
	}
	return words, spans
}

// split cuts a text at spaces and around each Han character; the result holds byte offsets.
func split(text string) [][2]int {
	var out [][2]int
	begin := -1
	flush := func(end int) {
		if begin >= 0 {
			out = append(out, [2]int{begin, end})
			begin = -1
		}
	}
	for i, r := range text {
		switch {
		case unicode.IsSpace(r):
			flush(i)
		case unicode.Is(unicode.Han, r):
			flush(i)
			begin = i
		case begin < 0:
			begin = i
		}
	}
	flush(len(text))
	return out
}
