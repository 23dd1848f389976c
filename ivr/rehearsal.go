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
// as the flow waits for one, a comma lets one wait run out. Prompts end without
// interruption, nothing is synthesised, listening ends at once.
func Rehearse(ctx context.Context, f *Flow, keys string, vars map[string]string) ([]Step, Result, error) {
	l := &rehearsal{keys: keys}
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
} = (*rehearsal)(nil)

// rehearsal is the Line of a rehearsal.
type rehearsal struct {
	keys  string
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

// Queue finds no agent in time when a wait is typed next, and otherwise ends the flow with one.
func (l *rehearsal) Queue(ctx context.Context, q *Queue, _ string) (QueueEnd, error) {
	l.did("queue", q.Name)
	if l.comma() {
		return QueueTimeout, ctx.Err()
	}
	return "", ctx.Err()
}

// Transfer reaches nobody when a wait is typed next.
func (l *rehearsal) Transfer(ctx context.Context, t *Transfer) (bool, error) {
	l.did("transfer", t.User+t.Number)
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
	case n.Node != "":
		l.node = n.Node
		l.did("node", n.Node)
	case n.Language != "":
		l.did("language", n.Language)
	default:
		l.did("set", n.Variable+"="+n.Value)
	}
}
