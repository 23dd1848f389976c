package ivr

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Step is one thing that happened in a rehearsal.
type Step struct {
	Node string // the node it happened in
	Did  string // "say", "key", "timeout", "record", "emotion", "listen", "set", "language", "queue", "transfer", "node"
	What string // the words, the key, the consent, "name=value", the tag
}

func (s Step) String() string { return s.Node + " " + s.Did + " " + s.What }

// ErrRehearsed says that the flow waited a hundred times more after the last key.
var ErrRehearsed = errors.New("the flow still waits after all keys were typed")

// Rehearse walks a flow without a call, with typed keys: each is pressed as soon
// as the flow waits for one, a comma lets one wait run out, and what stands in
// double quotes is said where the flow listens. Opening hours and answers of
// servers are given by vars: "hours" ("open" when not given), and one for each
// variable of an http node; without any of them the node fails. Prompts end without
// interruption, nothing is synthesised, listening ends at once.
func Rehearse(ctx context.Context, f *Flow, keys string, vars map[string]string) ([]Step, Result, error) {
	l := &rehearsal{keys: keys, vars: vars}
	result, err := Run(ctx, l, f, wordsOnly{}, vars)
	return l.steps, result, err
}

// wordsOnly is a Voice without sound.
type wordsOnly struct{}

func (wordsOnly) Prompt(_ context.Context, s Speech) (*Prompt, error) {
	return &Prompt{Text: firstOf(firstOf(s.Text, s.File), s.Prompt), Language: s.Language}, nil
}

var _ interface {
	Feeler
	Queuer
	Transferer
	Callbacker
	Hearer
	Concealer
	Hours
	Fetcher
	Messenger
	Surveyor
} = (*rehearsal)(nil)

// rehearsal is the Line of a rehearsal.
type rehearsal struct {
	keys  string
	vars  map[string]string
	waits int // that ran out after the last key
	node  string
	steps []Step
}

func (l *rehearsal) did(did, what string) {
	l.steps = append(l.steps, Step{Node: l.node, Did: did, What: what})
}

func (l *rehearsal) Answer(ctx context.Context) error { return ctx.Err() }

func (l *rehearsal) Play(ctx context.Context, p *Prompt, _ bool) (bool, error) {
	l.did("say", p.Text)
	return false, ctx.Err()
}

func (l *rehearsal) Key(ctx context.Context, wait time.Duration) (byte, bool, error) {
	if l.keys == "" {
		if l.waits++; l.waits > 100 {
			return 0, false, ErrRehearsed
		}
		l.did("timeout", wait.String())
		return 0, false, ctx.Err()
	}
	k := l.keys[0]
	l.keys = l.keys[1:]
	if k == '"' { // nobody listens for words now
		_, l.keys, _ = strings.Cut(l.keys, `"`)
		l.did("timeout", wait.String())
		return 0, false, ctx.Err()
	}
	if k == ',' {
		l.did("timeout", wait.String())
		return 0, false, ctx.Err()
	}
	l.did("key", string(k))
	return k, true, ctx.Err()
}

func (l *rehearsal) Record(ctx context.Context, c Consent) error {
	l.did("record", string(c))
	return ctx.Err()
}

// Feels lets the rehearsal of a flow that reads voices hold its announcement.
func (l *rehearsal) Feels(ctx context.Context) bool { return ctx.Err() == nil }

func (l *rehearsal) Feel(ctx context.Context, c Consent) error {
	l.did("emotion", string(c))
	return ctx.Err()
}

func (l *rehearsal) Emotion() string { return noEmotion }

// Hear implements Hearer.
func (l *rehearsal) Hear(ctx context.Context, h Hearing) (bool, error) { return true, ctx.Err() }

// Input is a quoted sentence or a key.
func (l *rehearsal) Input(ctx context.Context, wait time.Duration) (Input, error) {
	if said, rest, ok := strings.Cut(strings.TrimPrefix(l.keys, `"`), `"`); ok && strings.HasPrefix(l.keys, `"`) {
		l.keys = rest
		l.did("said", said)
		return Input{Said: said}, ctx.Err()
	}
	k, _, err := l.Key(ctx, wait)
	return Input{Key: k}, err
}

// Unhear implements Hearer.
func (l *rehearsal) Unhear() {}

// Conceal implements Concealer.
func (l *rehearsal) Conceal(ctx context.Context, on bool) error {
	what := "resumed"
	if on {
		what = "paused"
	}
	l.did("record", what)
	return ctx.Err()
}

// Hours implements Hours.
func (l *rehearsal) Hours(ctx context.Context, calendar, queue string) (string, error) {
	now := firstOf(l.vars["hours"], OpenNow)
	l.did("hours", calendar+queue+" "+now)
	return now, ctx.Err()
}

// Fetch implements Fetcher.
func (l *rehearsal) Fetch(ctx context.Context, h *HTTP, value func(string) string) (map[string]string, error) {
	u, err := h.parse(value)
	if err != nil {
		return nil, err
	}
	l.did("http", h.Method+" "+u.String())
	got := make(map[string]string)
	for name := range h.Into {
		if v, ok := l.vars[name]; ok {
			got[name] = v
		}
	}
	if len(got) == 0 {
		return nil, errors.New("no answer was given")
	}
	return got, ctx.Err()
}

// TakeMessage implements Messenger.
func (l *rehearsal) TakeMessage(ctx context.Context, b Mailbox, _ *Message) (string, MessageEnd, error) {
	l.did("message", b.Kind+" "+b.Name)
	return "1", MessageSilence, ctx.Err()
}

// Answered implements Surveyor.
func (l *rehearsal) Answered(_ context.Context, a SurveyAnswer) error {
	what := a.Survey + " none"
	if a.Score != nil {
		what = fmt.Sprintf("%s %d by %s", a.Survey, *a.Score, a.By)
	}
	l.did("answer", what)
	return nil
}

// Queue finds no agent in time when a wait is typed next, and otherwise ends the flow with one.
func (l *rehearsal) Queue(ctx context.Context, q *Queue, _ string) (QueueEnd, error) {
	l.did("queue", q.Name)
	switch {
	case l.comma():
		return QueueTimeout, ctx.Err()
	case q.Offer != nil && strings.HasPrefix(l.keys, string(q.Offer.Key)):
		l.keys = l.keys[1:]
		l.did("callback", q.Name)
		return QueueCallback, ctx.Err()
	case q.After != "":
		return QueueTalked, ctx.Err()
	}
	return "", ctx.Err()
}

// Transfer reaches nobody when a wait is typed next.
func (l *rehearsal) Transfer(ctx context.Context, t *Transfer) (bool, error) {
	l.did("transfer", t.User+t.Number)
	return !l.comma(), ctx.Err()
}

// CallBack keeps no place when a wait is typed next.
func (l *rehearsal) CallBack(ctx context.Context, c *Callback) (bool, error) {
	l.did("callback", c.Queue+" "+c.Number)
	return !l.comma(), ctx.Err()
}

func (l *rehearsal) comma() bool {
	rest, ok := strings.CutPrefix(l.keys, ",")
	if ok {
		l.keys = rest
		l.did("timeout", "")
	}
	return ok
}

func (l *rehearsal) Listen(ctx context.Context, silence, limit time.Duration) (End, error) {
	l.did("listen", fmt.Sprintf("%s %s", silence, limit))
	return EndSilence, ctx.Err()
}

func (l *rehearsal) Note(n Note) {
	switch {
	case n.Retry != nil:
		l.did("retry", fmt.Sprintf("%s %d", n.Retry.Why, n.Retry.N))
	case n.Node != "":
		l.node = n.Node
		l.did("node", n.Node)
	case n.Language != "":
		l.did("language", n.Language)
	default:
		l.did("set", n.Variable+"="+n.Value)
	}
}
