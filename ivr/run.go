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
	r := &run{line: line, flow: f, voice: voice, language: f.Language, vars: maps.Clone(vars)}
	if r.vars == nil {
		r.vars = make(map[string]string)
	}
	if err := line.Answer(ctx); err != nil {
		return Result{Vars: r.vars}, fmt.Errorf("answer: %w", err)
	}
	node, err := r.walk(ctx)
	return Result{Node: node, Vars: r.vars}, err
}

// run is one caller in one flow.
type run struct {
	line     Line
	flow     *Flow
	voice    Voice
	language string
	vars     map[string]string
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
		if at, err = r.step(ctx, n); err != nil {
			return last, fmt.Errorf("node %s: %w", n.ID, err)
		}
	}
	return last, ErrCircle
}

// waits tells nodes that take the caller's time from those that do not.
func (n *Node) waits() bool {
	return n.Say != nil || n.Gather != nil || n.Menu != nil || n.Listen != nil || n.Queue != nil || n.Transfer != nil || n.Bot != nil
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
		return r.menu(ctx, n.Menu)
	case n.Record != nil:
		return r.record(ctx, n)
	case n.Queue != nil:
		return r.queue(ctx, n, n.Queue)
	case n.Transfer != nil:
		return r.transfer(ctx, n, n.Transfer)
	case n.Bot != nil:
		return r.bot(ctx, n, n.Bot)
	case n.Set != nil:
		for name, value := range n.Set {
			r.set(name, r.fill(value))
		}
	case n.Branch != nil:
		if to, ok := n.Branch.Cases[r.value(n.Branch.On)]; ok {
			return to, nil
		}
		return firstOf(n.Branch.Else, n.Next), nil
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

func (r *run) gather(ctx context.Context, n *Node) (string, error) {
	g := n.Gather
	for try := 0; ; try++ {
		keys, err := r.keys(ctx, g)
		if err != nil {
			return "", err
		}
		if len(keys) >= g.Min && len(keys) > 0 || keys == "" && g.Min == 0 {
			r.set(g.Into, keys)
			return n.Next, nil
		}
		if again, err := r.again(ctx, &g.Ask, try, keys != ""); !again || err != nil {
			return g.Else, err
		}
	}
}

// keys asks once and collects the keys of one input.
func (r *run) keys(ctx context.Context, g *Gather) (string, error) {
	if _, err := r.say(ctx, g.Prompt, true); err != nil {
		return "", err
	}
	var keys []byte
	wait := g.Timeout
	for len(keys) < g.Max {
		k, ok, err := r.line.Key(ctx, wait)
		if err != nil {
			return "", err
		}
		if !ok || k == g.Terminator {
			break
		}
		keys = append(keys, k)
		wait = g.Between
	}
	return string(keys), nil
}

func (r *run) menu(ctx context.Context, m *Menu) (string, error) {
	for try := 0; ; try++ {
		if _, err := r.say(ctx, m.Prompt, true); err != nil {
			return "", err
		}
		k, pressed, err := r.line.Key(ctx, m.Timeout)
		if err != nil {
			return "", err
		}
		if to, ok := m.Options[k]; pressed && ok {
			return to, nil
		}
		if again, err := r.again(ctx, &m.Ask, try, pressed); !again || err != nil {
			return m.Else, err
		}
	}
}

// again says what went wrong and tells whether there is another try.
func (r *run) again(ctx context.Context, a *Ask, try int, pressed bool) (bool, error) {
	words := a.NoInput
	if pressed {
		words = a.NoMatch
	}
	if _, err := r.say(ctx, words, true); err != nil {
		return false, err
	}
	return try < a.Retries, nil
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

// fill puts the values of variables into a text.
func (r *run) fill(s string) string {
	return variableUse.ReplaceAllStringFunc(s, func(use string) string { return r.value(use[2 : len(use)-1]) })
}

func hasVariable(s string) bool { return variableUse.MatchString(s) }
