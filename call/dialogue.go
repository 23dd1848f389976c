package call

import (
	"context"
	"encoding/json"
	"strings"
	"time"
	"unicode/utf8"

	"tingxin/asr"
	"tingxin/ivr"
	"tingxin/media"
)

// Bot answers callers; cmd/pbx makes one of *bot.Engine.
type Bot interface {
	// Turn takes one turn of the caller of a call. emotion is 0 to 1, negative when the voice was not read.
	Turn(ctx context.Context, call, from string, said ivr.Said, emotion float64) (ivr.Told, error)
}

var _ ivr.Talker = (*Call)(nil)

const (
	wordsWaiting = 16                      // turns of the caller that wait for the script
	keysPause    = 3 * time.Second         // ends a number that is typed
	afterFinal   = 1500 * time.Millisecond // ends a turn whose end was not told
	otherStream  = 900 * time.Millisecond  // that the other stream may need longer
	sameWords    = 500 * time.Millisecond  // that two streams may be apart about the end of the same words
	maxPacket    = 15 << 10                // bytes; Work.Data takes 16 KiB
)

// dialogue gathers the caller's words into turns for the script. Only the call's
// goroutine writes; the channel drops the oldest turn when nobody takes them.
//
// While phrases are expected a second stream listens for them (Call.asked), and a turn
// ends when that one says so: it knows whether more digits may come.
//
//	free stream  Final, TurnEnd -> parts -> words  -+
//	list stream  Final, TurnEnd -> replies          +-> Words -> ivr.Said{Text, Listed}
type dialogue struct {
	words  chan freeWords
	parts  []string
	until  time.Duration // end of the last Final, in the call's time
	last   time.Time     // it came
	listed *asked        // listens for phrases; nil for none
}

// freeWords is what the free stream heard in one turn.
type freeWords struct {
	text  string
	until time.Duration // in the call's time
}

// final takes a Final of a side that ended at until; a nil dialogue takes nothing.
func (d *dialogue) final(sd *side, text string, until time.Duration) {
	if d == nil || sd.name != SideCaller {
		return
	}
	d.parts = append(d.parts, strings.TrimSpace(text))
	d.until, d.last = until, time.Now()
}

func (d *dialogue) turnEnded(sd *side) {
	if d == nil || sd.name != SideCaller || len(d.parts) == 0 {
		return
	}
	heard := freeWords{strings.Join(d.parts, " "), d.until}
	d.parts = nil
	for {
		select {
		case d.words <- heard:
			return
		default:
		}
		select {
		case <-d.words:
		default:
		}
	}
}

// bargesIn silences what the caller talks over: one short syllable may be a cough or the line's echo.
func (c *Call) bargesIn(sd *side, text string) {
	if sd.name == SideCaller && c.playing != nil && c.playing.byWords && utf8.RuneCountInString(strings.TrimSpace(text)) >= 2 && !saysPrompt(text, c.playing.words) {
		c.playing.out.Stop()
	}
}

// SetBot gives the bot that flows talk with; call it before Start. Without it they go on at their node for failures.
func (m *Manager) SetBot(b Bot) { m.bot = b }

// Listening implements ivr.Talker.
func (c *Call) Listening(ctx context.Context, on bool) error {
	if !on {
		c.Unhear()
		return c.ask(ctx, func() { c.dialogue = nil })
	}
	if c.m.bot == nil || c.m.parts.Recogniser == nil {
		return ivr.ErrNoBot
	}
	var heard bool
	if err := c.ask(ctx, func() {
		c.dialogue = &dialogue{words: make(chan freeWords, wordsWaiting)}
		heard = c.sides[SideCaller].ear != nil
	}); err != nil || heard {
		return err
	}
	return c.hear(ctx, SideCaller, c.in.Leg)
}

// Expect implements ivr.Talker. Where no stream for phrases can be had, free speech has to do.
func (c *Call) Expect(ctx context.Context, h ivr.Hearing) error {
	c.Unhear()
	var narrow, talks bool
	if err := c.ask(ctx, func() {
		if talks = c.dialogue != nil; talks {
			c.dialogue.listed = nil
		}
		narrow = c.caller().media.Params().Codec != media.G722
	}); err != nil || !talks || len(h.Phrases) == 0 || c.m.parts.Recogniser == nil {
		return err
	}
	cfg := asr.StreamConfig{Call: c.id, Side: SideCaller, Language: h.Language, Model: c.route.Model, Phrases: h.Phrases, Narrow: narrow}
	if h.Digits {
		cfg.Expect = "digits"
	}
	stream, err := c.m.parts.Recogniser.Open(ctx, cfg)
	if err != nil {
		c.log.Debug("no stream for what is expected", "error", err)
		return gone(ctx)
	}
	a := &asked{stream: stream, bargeIn: h.BargeIn, turns: true, ended: make(chan struct{}), remove: func() {}, guard: &guard{}}
	listens := false
	err = c.ask(ctx, func() {
		if c.dialogue != nil {
			listens = true
			c.dialogue.listed = a
			c.listen(a)
		}
	})
	if !listens {
		_ = stream.Close()
	}
	return err
}

func gone(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// dialogueTurn is what has come of one turn so far.
type dialogueTurn struct {
	free, listed           []string
	freeEnd, listedEnd     time.Time     // when each stream told the end of the turn
	freeUntil, listedUntil time.Duration // of the last words each has heard, in the call's time
	listing                bool          // the list hears somebody speak
}

// speaks takes what the free stream heard.
func (h *dialogueTurn) speaks(w freeWords) {
	h.free, h.freeUntil, h.freeEnd = append(h.free, w.text), w.until, time.Now()
}

// over tells whether both streams have said theirs, or one of them has been waited for long enough.
func (h *dialogueTurn) over(now time.Time, both bool) bool {
	switch {
	case !both:
		return len(h.free) > 0
	case h.listing || len(h.free)+len(h.listed) == 0:
		return false
	case !h.listedEnd.IsZero():
		return len(h.free) > 0 && h.freeUntil >= h.listedUntil-sameWords || now.Sub(h.listedEnd) > otherStream
	}
	return now.Sub(h.freeEnd) > afterFinal // the list heard nothing
}

func (h *dialogueTurn) said() ivr.Said {
	return ivr.Said{Text: strings.Join(h.free, " "), Listed: strings.Join(h.listed, " ")}
}

// Words implements ivr.Talker.
func (c *Call) Words(ctx context.Context, silence time.Duration) (ivr.Said, bool, error) {
	var d *dialogue
	var list *asked
	if err := c.ask(ctx, func() {
		if d = c.dialogue; d != nil && d.listed == c.asked {
			list = d.listed
		}
	}); err != nil || d == nil {
		return ivr.Said{}, false, err
	}
	began := time.Now()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	var turn dialogueTurn
	for {
		select {
		case <-ctx.Done():
			return ivr.Said{}, false, context.Cause(ctx)
		case w := <-d.words:
			turn.speaks(w)
		case in := <-c.replies:
			turn.listens(in)
			if in.Ended { // what was heard freely until now belongs to it
				if err := c.ask(ctx, func() { d.turnEnded(c.sides[SideCaller]) }); err != nil {
					return ivr.Said{}, false, err
				}
				for len(d.words) > 0 {
					turn.speaks(<-d.words)
				}
			}
		case k := <-c.keys:
			keys, err := c.number(ctx, k)
			return ivr.Said{Text: keys, Keys: true}, err == nil && keys != "", err
		case now := <-tick.C:
			if err := c.ask(ctx, func() { // a turn end that was lost with its stream
				if len(d.parts) > 0 && (now.Sub(d.last) > afterFinal || !turn.listedEnd.IsZero()) {
					d.turnEnded(c.sides[SideCaller])
				}
			}); err != nil {
				return ivr.Said{}, false, err
			}
			quiet := now.Sub(began)
			if heard := c.ear.heard(); heard.After(began) {
				quiet = now.Sub(heard)
			}
			if quiet >= silence && len(turn.free)+len(turn.listed) == 0 {
				return ivr.Said{}, false, nil
			}
		}
		if turn.over(time.Now(), list != nil && !closed(list.ended)) {
			return turn.said(), true, nil
		}
	}
}

// listens takes what the list heard.
func (h *dialogueTurn) listens(in ivr.Input) {
	switch {
	case in.Said != "":
		h.listed, h.listedUntil = append(h.listed, in.Said), in.Until
	case in.Ended:
		h.listing, h.listedEnd = false, time.Now()
	case in.Began:
		h.listing, h.listedEnd = true, time.Time{}
	}
}

// number gathers keys until # or a pause; a 0 alone asks for a person at once.
func (c *Call) number(ctx context.Context, first byte) (string, error) {
	keys := []byte{first}
	for len(keys) < keysSize && keys[len(keys)-1] != '#' {
		wait := keysPause
		if len(keys) == 1 && first == '0' {
			wait = keysPause / 3
		}
		k, ok, err := c.Key(ctx, wait)
		if err != nil {
			return "", err
		}
		if !ok {
			break
		}
		keys = append(keys, k)
	}
	return strings.TrimSuffix(string(keys), "#"), nil
}

// PlayOver implements ivr.Talker.
func (c *Call) PlayOver(ctx context.Context, p *ivr.Prompt) (bool, error) {
	return c.play(ctx, p, true, true)
}

// Ask implements ivr.Talker.
func (c *Call) Ask(ctx context.Context, said ivr.Said) (ivr.Told, error) {
	if c.m.bot == nil {
		return ivr.Told{}, ivr.ErrNoBot
	}
	var from string
	emotion := -1.0
	if err := c.ask(ctx, func() {
		from = c.record.From
		if now := c.moodItem(c.sides[SideCaller]); now != nil && now.Turns > 0 {
			emotion = float64(now.Now)
		}
	}); err != nil {
		return ivr.Told{}, err
	}
	return c.m.bot.Turn(ctx, c.id, from, said, emotion)
}

// Packet implements ivr.Talker: the agent's screen shows it with the offer, the record keeps why and what.
func (c *Call) Packet(ctx context.Context, packet json.RawMessage) error {
	var p struct {
		Reason  string   `json:"reason"`
		Title   string   `json:"title"`
		Summary []string `json:"summary"`
		Slots   []struct {
			Name  string `json:"name"`
			Value string `json:"value"`
		} `json:"slots"`
	}
	if err := json.Unmarshal(packet, &p); err != nil {
		return err
	}
	return c.ask(ctx, func() {
		c.packet = packet
		if c.record.Data == nil {
			c.record.Data = make(map[string]any)
		}
		c.record.Data["bot_reason"], c.record.Data["bot_intent"] = p.Reason, p.Title
		c.record.Data["bot_summary"] = strings.Join(p.Summary, " / ")
		for _, s := range p.Slots {
			c.record.Data["bot_"+s.Name] = s.Value
		}
		c.update()
	})
}
