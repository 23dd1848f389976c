package ivr

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Retry says that a caller is asked again.
type Retry struct {
	Why string // "no_input", "no_match" or "refused" (the caller said that it was understood wrong)
	N   int    // how often so far, for that reason, from 1
}

// asking is one gather, menu or confirmation under way.
type asking struct {
	r       *run
	n       *Node
	a       *Ask
	heard   bool // the ear is open
	noInput int
	noMatch int
}

// ask opens the ear when a question may be answered by voice.
func (r *run) ask(ctx context.Context, n *Node, a *Ask, h Hearing) (*asking, error) {
	q := &asking{r: r, n: n, a: a}
	line, ok := r.line.(Hearer)
	if !a.Speech || !ok {
		return q, nil
	}
	h.Language = r.language
	h.BargeIn = a.BargeIn == "" || a.BargeIn == bargeAny
	var err error
	q.heard, err = line.Hear(ctx, h)
	return q, err
}

func (q *asking) close() {
	if q.heard {
		q.r.line.(Hearer).Unhear()
	}
}

// say asks; the answer may cut it short.
func (q *asking) say(ctx context.Context, what []Speech) error {
	_, err := q.r.say(ctx, what, q.a.BargeIn != bargeNone)
	return err
}

// input is the next key or sentence; nothing after wait in silence. Somebody who
// speaks is heard out.
func (q *asking) input(ctx context.Context, wait time.Duration) (Input, error) {
	if !q.heard {
		k, ok, err := q.r.line.Key(ctx, wait)
		if !ok {
			k = 0
		}
		return Input{Key: k}, err
	}
	line := q.r.line.(Hearer)
	in, err := line.Input(ctx, wait)
	for err == nil && in.Began {
		in, err = line.Input(ctx, speakLimit)
	}
	return in, err
}

// again says what went wrong and tells whether there is another try.
func (q *asking) again(ctx context.Context, answered bool) (bool, error) {
	words, retry, limit := q.a.NoInput, Retry{"no_input", 0}, q.a.MaxNoInput
	if answered {
		q.noMatch++
		words, retry, limit = q.a.NoMatch, Retry{"no_match", q.noMatch}, q.a.MaxNoMatch
	} else {
		q.noInput++
		retry.N = q.noInput
	}
	q.r.line.Note(Note{Flow: q.r.flow.Name, Node: q.n.ID, Retry: &retry})
	if err := q.say(ctx, words); err != nil {
		return false, err
	}
	return retry.N <= limit && q.noInput+q.noMatch <= q.a.Retries, nil
}

// gather takes an answer into its variable.
func (r *run) gather(ctx context.Context, n *Node) (string, error) {
	g := n.Gather
	h := Hearing{Phrases: g.Phrases, Digits: g.Digits}
	if len(g.Sayings) > 0 {
		h.Phrases = slices.Concat(h.Phrases, phrasesOf(g.Sayings))
		if g.Digits {
			h.Phrases = slices.Concat(h.Phrases, digitWords(r.language))
		}
	} else if g.Digits && len(h.Phrases) == 0 {
		h.Phrases = digitWords(r.language)
	}
	q, err := r.ask(ctx, n, &g.Ask, h)
	if err != nil {
		return "", err
	}
	defer q.close()
	for {
		if err := q.say(ctx, g.Prompt); err != nil {
			return "", err
		}
		a, err := q.answer(ctx, g)
		if err != nil {
			return "", err
		}
		if a.ok && g.Confirm != nil && (g.Confirm.Always || a.spoken) {
			right, err := q.confirm(ctx, g, a.value)
			if err != nil {
				return "", err
			}
			if !right {
				q.noMatch++
				r.line.Note(Note{Flow: r.flow.Name, Node: n.ID, Retry: &Retry{"refused", q.noMatch}})
				if q.noInput+q.noMatch > g.Retries {
					return g.Else, nil
				}
				continue
			}
		}
		if a.ok {
			r.keep(g.Into, a.value, g.Secret)
			return n.Next, nil
		}
		if again, err := q.again(ctx, a.any); !again || err != nil {
			return g.Else, err
		}
	}
}

// answer is what came of one question.
type answer struct {
	value       string
	ok          bool // it is a possible one
	any         bool // there was one at all
	spoken      bool
	unfinished  bool // spoken digits that are too few so far
	saidSoFar   string
	gatheredKey []byte
}

// answer collects keys, or takes a sentence.
func (q *asking) answer(ctx context.Context, g *Gather) (answer, error) {
	var a answer
	wait := g.Timeout
	for len(a.gatheredKey) < g.Max {
		in, err := q.input(ctx, wait)
		if err != nil {
			return a, err
		}
		if in.Said != "" && len(a.gatheredKey) == 0 {
			if q.sentence(g, in.Said, &a); !a.unfinished {
				return a, nil
			}
			wait = g.Between
			continue
		}
		if in.Key == 0 || in.Key == g.Terminator {
			if in.Key != 0 {
				a.any = true
			}
			break
		}
		a.any = true
		a.gatheredKey = append(a.gatheredKey, in.Key)
		wait = g.Between
	}
	if a.saidSoFar != "" && len(a.gatheredKey) == 0 { // too few digits, then silence
		return a, nil
	}
	a.value, a.spoken = string(a.gatheredKey), false
	a.any = a.any && len(a.gatheredKey) > 0
	a.ok = len(a.value) >= g.Min && len(a.value) > 0 || a.value == "" && g.Min == 0
	return a, nil
}

// sentence takes what was said: a phrase that means something, or digits.
func (q *asking) sentence(g *Gather, text string, a *answer) {
	a.any, a.spoken, a.unfinished = true, true, false
	if means, ok := g.sayings.of(text); ok {
		a.value, a.ok = means, true
		return
	}
	if !g.Digits {
		if len(g.Sayings) == 0 { // free words
			a.value, a.ok = strings.TrimSpace(text), true
		}
		return
	}
	digits, ok := spokenDigits(text)
	if !ok {
		return
	}
	all := a.saidSoFar + digits
	switch {
	case len(all) > g.Max:
	case len(all) >= g.Min:
		a.value, a.ok = all, true
	default:
		a.saidSoFar, a.unfinished = all, true
	}
}

// confirm reads the answer back. Silence twice is no.
func (q *asking) confirm(ctx context.Context, g *Gather, value string) (bool, error) {
	r := q.r
	shown := value
	if g.Secret {
		shown = value[max(0, len(value)-4):]
	}
	prompt := g.Confirm.Prompt
	if len(prompt) == 0 {
		prompt = []Speech{ConfirmNotice(r.language, spell(shown), g.Secret && len(value) > 4)}
	} else {
		r.readBack = map[string]string{g.Into: spell(shown)}
		defer func() { r.readBack = nil }()
	}
	for range 2 {
		if err := q.say(ctx, prompt); err != nil {
			return false, err
		}
		in, err := q.input(ctx, g.Timeout)
		switch {
		case err != nil:
			return false, err
		case in.Key == '1':
			return true, nil
		case in.Key != 0:
			return false, nil
		}
		if means, ok := yesNo.of(in.Said); ok {
			return means == "yes", nil
		}
	}
	return false, nil
}

// ConfirmNotice asks whether an answer was understood, for flows without words of their own.
func ConfirmNotice(language, value string, ending bool) Speech {
	if isChinese(language) {
		text := "您说的是 %s，对吗？对请说对，或按一；不对请说不对，或按二。"
		if ending {
			text = "尾号是 %s，对吗？对请说对，或按一；不对请说不对，或按二。"
		}
		return Speech{Text: fmt.Sprintf(text, value), Language: language}
	}
	text := "You said %s. Is that right? Say yes or press 1, say no or press 2."
	if ending {
		text = "It ends in %s. Is that right? Say yes or press 1, say no or press 2."
	}
	return Speech{Text: fmt.Sprintf(text, value), Language: language}
}

// menu takes one key, or one phrase, and goes to its node.
func (r *run) menu(ctx context.Context, n *Node) (string, error) {
	m := n.Menu
	h := Hearing{Phrases: phrasesOf(m.Sayings)}
	if len(h.Phrases) > 0 {
		h.Phrases = append(h.Phrases, digitWords(r.language)...)
	}
	q, err := r.ask(ctx, n, &m.Ask, h)
	if err != nil {
		return "", err
	}
	defer q.close()
	for {
		if err := q.say(ctx, m.Prompt); err != nil {
			return "", err
		}
		in, err := q.input(ctx, m.Timeout)
		if err != nil {
			return "", err
		}
		if key := m.key(in); key != 0 {
			return m.Options[key], nil
		}
		if again, err := q.again(ctx, in.Key != 0 || in.Said != ""); !again || err != nil {
			return m.Else, err
		}
	}
}

// key is the option that an input chose, 0 for none.
func (m *Menu) key(in Input) byte {
	key := in.Key
	if in.Said != "" {
		if means, ok := m.sayings.of(in.Said); ok {
			key = means[0]
		} else if digits, ok := spokenDigits(in.Said); ok && len(digits) == 1 {
			key = digits[0]
		}
	}
	if _, ok := m.Options[key]; !ok {
		return 0
	}
	return key
}

// keep sets a variable; a secret one is shown masked wherever it is written or said.
func (r *run) keep(name, value string, secret bool) {
	if secret {
		r.secret[name] = true
		r.vars[name] = value
		r.line.Note(Note{Flow: r.flow.Name, Variable: name, Value: masked(value)})
		return
	}
	delete(r.secret, name)
	r.set(name, value)
}

// concealed runs f while recording and transcript are paused.
func (r *run) concealed(ctx context.Context, f func() (string, error)) (string, error) {
	line, ok := r.line.(Concealer)
	if !ok {
		return f()
	}
	if err := line.Conceal(ctx, true); err != nil {
		return "", err
	}
	next, err := f()
	if reveal := line.Conceal(ctx, false); err == nil {
		err = reveal
	}
	return next, err
}
