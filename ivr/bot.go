package ivr

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"time"
)

// Bot lets the caller talk with the bot, in words and by keys, until a person is
// to take over, the caller has no more to say, or the bot fails.
type Bot struct {
	Greeting []Speech
	NoInput  []Speech      // said into a silence
	Silence  time.Duration // without words or keys that counts as one; 8 s when zero
	Retries  int           // silences in a row that are bridged; 2 when zero
	Handover string        // node for callers whom a person is to help; the next one when empty
	Done     string        // node for callers who have no more to say; the next one when empty
	Failed   string        // node when the bot cannot be asked; Handover's when empty
}

// Said is one turn of a caller.
type Said struct {
	Text string
	// Listed is what the list of the phrases that were expected made of the same sound,
	// "[unk]" for every other word; empty without a list.
	Listed string
	// Keys tells that it was typed.
	Keys bool
	// Language of the flow, "zh" or "en", for what does not tell its own.
	Language string
}

// Told is what the bot does with it.
type Told struct {
	Text     string
	Language string
	// Handover wants a person; Packet is JSON for that person.
	Handover bool
	Packet   json.RawMessage
	// Over tells that the caller said goodbye.
	Over bool
	// Message is the queue for which the caller wants to leave a message now; empty for none.
	Message string
	// Expect is what the caller is likely to say next.
	Expect Expectation
}

// Talker is what a Line offers besides when callers can talk with a bot.
type Talker interface {
	// Listening turns recognition on for words to come out of Words, or off.
	Listening(ctx context.Context, on bool) error
	// Expect says how the next words are listened to: with the phrases of h beside free
	// speech, and with free speech alone when it has none.
	Expect(ctx context.Context, h Hearing) error
	// Words waits for what the caller says next, whole turns, or for keys: a number is
	// ended by # or by a pause. ok is false after so long a silence.
	Words(ctx context.Context, silence time.Duration) (said Said, ok bool, err error)
	// PlayOver plays p to its end; words of the caller or a key silence it.
	PlayOver(ctx context.Context, p *Prompt) (interrupted bool, err error)
	// Ask gives the bot the caller's turn. ErrNoBot when there is none.
	Ask(ctx context.Context, said Said) (Told, error)
	// Packet keeps what the person shall see who takes over.
	Packet(ctx context.Context, packet json.RawMessage) error
}

// ErrNoBot says that nobody can answer callers here.
var ErrNoBot = errors.New("there is no bot here")

type botText struct {
	Greeting *speechText  `yaml:"greeting"`
	NoInput  *speechText  `yaml:"no_input"`
	Silence  at[duration] `yaml:"silence"`
	Retries  at[int]      `yaml:"retries"`
	Handover at[string]   `yaml:"handover"`
	Done     at[string]   `yaml:"done"`
	Failed   at[string]   `yaml:"failed"`
}

func (c *checker) bot(t *at[botText]) *Bot {
	b := &Bot{Greeting: c.speech(t.v.Greeting), NoInput: c.speech(t.v.NoInput), Silence: cmp.Or(time.Duration(t.v.Silence.v), 8*time.Second), Retries: 2}
	if t.v.Retries.set() {
		b.Retries = t.v.Retries.v
	}
	if b.Retries < 0 || b.Retries > maxRetries {
		c.failf(t.v.Retries.pos, "retries goes from 0 to %d", maxRetries)
	}
	if b.Silence < time.Second || b.Silence > time.Minute {
		c.failf(t.v.Silence.pos, "silence goes from 1s to 1m")
	}
	b.Handover, b.Done, b.Failed = c.maybe(t.v.Handover), c.maybe(t.v.Done), c.maybe(t.v.Failed)
	return b
}

// maxBotTurns bounds what one caller may say to the bot in one node.
const maxBotTurns = 100

// bot lets the caller talk and names the node to go on with.
func (r *run) bot(ctx context.Context, n *Node, b *Bot) (string, error) {
	handover := cmp.Or(b.Handover, n.Next)
	failed := cmp.Or(b.Failed, handover)
	line, ok := r.line.(Talker)
	if !ok {
		return failed, nil
	}
	if err := line.Listening(ctx, true); err != nil {
		return failed, gone(ctx)
	}
	defer func() { _ = line.Listening(ctx, false) }() // fails only at the call's end
	if err := r.over(ctx, line, b.Greeting); err != nil {
		return "", err
	}
	silences := 0
	var expect Expectation
	for range maxBotTurns {
		said, ok, err := line.Words(ctx, b.Silence)
		if err != nil {
			return "", err
		}
		if !ok {
			if silences++; silences > b.Retries {
				return cmp.Or(b.Done, n.Next), nil
			}
			if err := r.over(ctx, line, b.NoInput); err != nil {
				return "", err
			}
			continue
		}
		silences = 0
		said.Language = r.language
		said.Text, said.Listed = expect.pick(said), ""
		told, err := line.Ask(ctx, said)
		if err != nil {
			return failed, gone(ctx)
		}
		expect = told.Expect
		if err := line.Expect(ctx, expect.hearing(firstOf(told.Language, r.language))); err != nil {
			return "", err
		}
		if told.Handover {
			if err := line.Packet(ctx, told.Packet); err != nil {
				return "", err
			}
		}
		if told.Text != "" {
			if err := r.over(ctx, line, []Speech{{Text: told.Text, Language: told.Language, Private: true}}); err != nil {
				return "", err
			}
		}
		switch {
		case told.Handover:
			return handover, nil
		case told.Message != "":
			_ = line.Listening(ctx, false) // fails only at the call's end
			return cmp.Or(b.Done, n.Next), r.leave(ctx, told.Message)
		case told.Over:
			return cmp.Or(b.Done, n.Next), nil
		}
	}
	return handover, nil
}

// leave takes a message for a queue, on a line that can.
func (r *run) leave(ctx context.Context, queue string) error {
	_, err := r.message(ctx, &Node{}, &Message{Queue: queue, Silence: defaultSilence, Limit: defaultMessage, Least: leastMessage})
	if errors.Is(err, ErrNoMessages) {
		return nil
	}
	return err
}

// gone is the end of the call, nil while it goes on.
func gone(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// over plays the pieces; words or a key of the caller silence them all.
func (r *run) over(ctx context.Context, line Talker, what []Speech) error {
	for _, s := range what {
		if !s.Private { // the bot's own words hold no variables of the flow
			s.Text = r.fill(s.Text)
		}
		s.Language = firstOf(s.Language, r.language)
		p, err := r.voice.Prompt(ctx, s)
		if err != nil {
			return err
		}
		if interrupted, err := line.PlayOver(ctx, p); interrupted || err != nil {
			return err
		}
	}
	return nil
}
