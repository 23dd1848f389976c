package call

import (
	"context"
	"encoding/json"
	"strings"
	"time"
	"unicode/utf8"

	"tingxin/ivr"
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
	maxPacket    = 15 << 10                // bytes; Work.Data takes 16 KiB
)

// dialogue gathers the caller's words into turns for the script. Only the call's
// goroutine writes; the channel drops the oldest turn when nobody takes them.
type dialogue struct {
	words chan string
	parts []string
	last  time.Time // of the last Final
}

// final takes a Final of a side; a nil dialogue takes nothing.
func (d *dialogue) final(sd *side, text string) {
	if d == nil || sd.name != SideCaller {
		return
	}
	d.parts = append(d.parts, strings.TrimSpace(text))
	d.last = time.Now()
}

func (d *dialogue) turnEnded(sd *side) {
	if d == nil || sd.name != SideCaller || len(d.parts) == 0 {
		return
	}
	text := strings.Join(d.parts, " ")
	d.parts = nil
	for {
		select {
		case d.words <- text:
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
	if sd.name == SideCaller && c.playing != nil && c.playing.byWords && utf8.RuneCountInString(strings.TrimSpace(text)) >= 2 {
		c.playing.out.Stop()
	}
}

// SetBot gives the bot that flows talk with; call it before Start. Without it they go on at their node for failures.
func (m *Manager) SetBot(b Bot) { m.bot = b }

// Listening implements ivr.Talker.
func (c *Call) Listening(ctx context.Context, on bool) error {
	if !on {
		return c.ask(ctx, func() { c.dialogue = nil })
	}
	if c.m.bot == nil || c.m.parts.Recogniser == nil {
		return ivr.ErrNoBot
	}
	var heard bool
	if err := c.ask(ctx, func() {
		c.dialogue = &dialogue{words: make(chan string, wordsWaiting)}
		heard = c.sides[SideCaller].ear != nil
	}); err != nil || heard {
		return err
	}
	return c.hear(ctx, SideCaller, c.in.Leg)
}

// Words implements ivr.Talker.
func (c *Call) Words(ctx context.Context, silence time.Duration) (ivr.Said, bool, error) {
	var d *dialogue
	if err := c.ask(ctx, func() { d = c.dialogue }); err != nil || d == nil {
		return ivr.Said{}, false, err
	}
	began := time.Now()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ivr.Said{}, false, context.Cause(ctx)
		case text := <-d.words:
			return ivr.Said{Text: text}, true, nil
		case k := <-c.keys:
			keys, err := c.number(ctx, k)
			return ivr.Said{Text: keys, Keys: true}, err == nil && keys != "", err
		case now := <-tick.C:
			if err := c.ask(ctx, func() { // a turn end that was lost with its stream
				if len(d.parts) > 0 && now.Sub(d.last) > afterFinal {
					d.turnEnded(c.sides[SideCaller])
				}
			}); err != nil {
				return ivr.Said{}, false, err
			}
			quiet := now.Sub(began)
			if heard := c.ear.heard(); heard.After(began) {
				quiet = now.Sub(heard)
			}
			if quiet >= silence {
				return ivr.Said{}, false, nil
			}
		}
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
