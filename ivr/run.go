package ivr

import (
	"context"
	"errors"
	"fmt"
	"maps"
)

// Voice turns what a flow wants to say into something to play; *Prompts does.
type Voice interface {
	Prompt(ctx context.Context, s Speech) (*Prompt, error)
}

// ErrCircle says that a flow goes round without ever waiting for the caller.
var ErrCircle = errors.New("the flow goes round in a circle without waiting for the caller")

// maxIdle is how many nodes may follow each other without sound or a key.
const maxIdle = 1000

// maxSteps is how many nodes one call may walk through.
const maxSteps = 100_000

// Result is how a flow ended.
type Result struct {
	Node string            // the last node
	Vars map[string]string // all variables
}

// Run answers the line and walks f until a hangup node, a way that ends, or the
// end of ctx, whose cause is then the error. vars are caller, number and trunk.
func Run(ctx context.Context, line Line, f *Flow, voice Voice, vars map[string]string) (Result, error) {
	r := &run{line: line, flow: f, voice: voice, language: f.Language, vars: maps.Clone(vars), secret: make(map[string]bool)}
	if r.vars == nil {
		r.vars = make(map[string]string)
	}
	if err := line.Answer(ctx); err != nil {
		return Result{Vars: r.vars}, fmt.Errorf("answer: %w", err)
	}
	node, err := r.walk(ctx)
	for name := range r.secret {
		r.vars[name] = masked(r.vars[name])
	}
	return Result{Node: node, Vars: r.vars}, err
}

// run is one caller in one flow.
type run struct {
	line     Line
	flow     *Flow
	voice    Voice
	language string
	vars     map[string]string
	secret   map[string]bool   // variables that are shown masked
	readBack map[string]string // what a confirmation says of a variable
}

func (r *run) walk(ctx context.Context) (last string, err error) {
	idle := 0
	at := r.flow.Nodes[r.flow.Start].ID
	for range maxSteps {
		n, ok := r.flow.Node(at)
		if !ok {
			return last, nil
		}
		if ctx.Err() != nil {
			return last, context.Cause(ctx)
		}
		last = n.ID
		r.line.Note(Note{Flow: r.flow.Name, Node: n.ID})
		if idle++; n.waits() {
			idle = 0
		}
		if idle > maxIdle {
			return last, ErrCircle
		}
		if n.Hangup {
			return last, nil
		}
		step := func() (string, error) { return r.step(ctx, n) }
		if n.Pause || n.Gather != nil && n.Gather.Secret {
			at, err = r.concealed(ctx, step)
		} else {
			at, err = step()
		}
		if err != nil {
			return last, fmt.Errorf("node %s: %w", n.ID, err)
		}
	}
	return last, ErrCircle
}

// waits tells nodes that take the caller's time from those that do not.
func (n *Node) waits() bool {
	return n.Message != nil || n.Survey != nil || n.Say != nil || n.Gather != nil || n.Menu != nil || n.Listen != nil || n.Queue != nil || n.Transfer != nil || n.Bot != nil
}

// step does one node and names the next one, "" at the end.
func (r *run) step(ctx context.Context, n *Node) (next string, err error) {
	switch {
	case n.Say != nil:
		_, err = r.say(ctx, n.Say.What, n.Say.BargeIn)
	case n.Listen != nil:
		_, err = r.line.Listen(ctx, n.Listen.Silence, n.Listen.Limit)
	case n.Gather != nil:
		return r.gather(ctx, n)
	case n.Menu != nil:
		return r.menu(ctx, n)
	case n.Record != nil:
		return r.record(ctx, n)
	case n.Queue != nil:
		return r.queue(ctx, n, n.Queue)
	case n.Transfer != nil:
		return r.transfer(ctx, n, n.Transfer)
	case n.Callback != nil:
		return r.callback(ctx, n, n.Callback)
	case n.Bot != nil:
		return r.bot(ctx, n, n.Bot)
	case n.HTTP != nil:
		return r.fetch(ctx, n, n.HTTP)
	case n.Message != nil:
		return r.message(ctx, n, n.Message)
	case n.Survey != nil:
		return r.survey(ctx, n, n.Survey)
	case n.Set != nil:
		for name, value := range n.Set {
			delete(r.secret, name) // what fill gives of a secret is masked
			r.set(name, r.fill(value))
		}
	case n.Branch != nil:
		return r.branch(ctx, n, n.Branch)
	case n.Language != "":
		r.language = n.Language
		r.line.Note(Note{Flow: r.flow.Name, Language: n.Language})
	}
	return n.Next, err
}

// say plays the pieces until the end or, with bargeIn, until a key.
func (r *run) say(ctx context.Context, what []Speech, bargeIn bool) (interrupted bool, err error) {
	for _, s := range what {
		s.Text = r.fill(s.Text)
		s.Language = firstOf(s.Language, r.language)
		p, err := r.voice.Prompt(ctx, s)
		if err != nil {
			return false, err
		}
		if interrupted, err = r.line.Play(ctx, p, bargeIn); interrupted || err != nil {
			return interrupted, err
		}
	}
	return false, nil
}

// record announces, asks when it has to, and tells the line the answer.
func (r *run) record(ctx context.Context, n *Node) (string, error) {
	rec := n.Record
	asks := rec.Consent == ConsentGiven
	notice := r.emotionNotice(ctx, rec)
	if _, err := r.say(ctx, notice, false); err != nil { // before the question, which a key may cut short
		return "", err
	}
	if _, err := r.say(ctx, rec.Announce, asks); err != nil {
		return "", err
	}
	if !asks {
		return n.Next, r.settle(ctx, rec.Consent, notice != nil)
	}
	for {
		k, pressed, err := r.line.Key(ctx, rec.Timeout)
		if err != nil {
			return "", err
		}
		if pressed && k == rec.Accept {
			return n.Next, r.settle(ctx, ConsentGiven, notice != nil)
		}
		if !pressed || k == rec.Refuse {
			return firstOf(rec.Refused, n.Next), r.settle(ctx, ConsentRefused, notice != nil)
		}
	}
}

func (r *run) set(name, value string) {
	r.vars[name] = value
	r.line.Note(Note{Flow: r.flow.Name, Variable: name, Value: value})
}

// fill puts the values of variables into a text that is said or written; secrets are masked.
func (r *run) fill(s string) string {
	return variableUse.ReplaceAllStringFunc(s, func(use string) string {
		name := use[2 : len(use)-1]
		if v, ok := r.readBack[name]; ok {
			return v
		}
		if r.secret[name] {
			return masked(r.vars[name])
		}
		return r.value(name)
	})
}

func hasVariable(s string) bool { return variableUse.MatchString(s) }
