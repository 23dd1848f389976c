package ivr

import (
	"cmp"
	"context"
	"errors"
	"slices"
)

// Callback puts the caller, who does not wait on the line, into a queue to be called back when it is
// their turn: outside of the opening hours as well.
type Callback struct {
	Queue    string
	Number   string // to call; may hold ${variables}; the caller's when empty
	Priority string // low, normal, high or urgent
	Failed   string // node when that cannot be; the next one when empty
}

// Callbacker is what a Line offers besides when people can be called back.
type Callbacker interface {
	// CallBack keeps a place for the number; ok is false when it cannot be called or the queue takes nobody.
	CallBack(ctx context.Context, c *Callback) (ok bool, err error)
}

// ErrNoCallbacks says that nobody is called back from here.
var ErrNoCallbacks = errors.New("there are no call-backs here")

type callbackText struct {
	Queue    at[string] `yaml:"queue"`
	Number   at[scalar] `yaml:"number"`
	Priority at[string] `yaml:"priority"`
	Failed   at[string] `yaml:"failed"`
}

func (c *checker) callback(t *at[callbackText]) *Callback {
	out := &Callback{Queue: t.v.Queue.v, Number: string(t.v.Number.v), Priority: cmp.Or(t.v.Priority.v, "normal"), Failed: c.maybe(t.v.Failed)}
	if !nameForm.MatchString(out.Queue) {
		c.failf(cmp.Or(t.v.Queue.pos, t.pos), "callback needs the name of a queue")
	}
	if !slices.Contains(priorities, out.Priority) {
		c.failf(t.v.Priority.pos, "priority is low, normal, high or urgent, not %q", out.Priority)
	}
	out.Number = c.text(out.Number, t.v.Number.pos)
	return out
}

// callback keeps a place for the caller and names the node to go on with.
func (r *run) callback(ctx context.Context, n *Node, c *Callback) (string, error) {
	line, ok := r.line.(Callbacker)
	if !ok {
		return "", ErrNoCallbacks
	}
	filled := *c
	filled.Number = r.fill(cmp.Or(c.Number, "${caller}"))
	ok, err := line.CallBack(ctx, &filled)
	switch {
	case err != nil:
		return "", err
	case ok:
		return n.Next, nil
	}
	return cmp.Or(c.Failed, n.Next), nil
}
