package ivr

import (
	"cmp"
	"path/filepath"
	"strings"
	"time"
)

// Waiting times of nodes that do not say theirs.
const (
	defaultTimeout = 6 * time.Second
	defaultBetween = 3 * time.Second
)

func (c *checker) gather(t *at[gatherText]) *Gather {
	g := &Gather{
		Ask: c.ask(&t.v.AskText, t.pos), Into: t.v.Into.v, Min: t.v.Min.v, Max: t.v.Max.v,
		Between: cmp.Or(time.Duration(t.v.Between.v), defaultBetween),
	}
	if !variableForm.MatchString(g.Into) {
		c.failf(cmp.Or(t.v.Into.pos, t.pos), "gather needs \"into\": a variable of small letters, digits and _")
	}
	if !t.v.Min.set() {
		g.Min = 1
	}
	if !t.v.Max.set() {
		g.Max = maxKeys
	}
	if g.Min < 0 || g.Max < 1 || g.Max > maxKeys || g.Min > g.Max {
		c.failf(cmp.Or(t.v.Max.pos, t.v.Min.pos, t.pos), "gather takes min <= max keys, at most %d; has min %d, max %d", maxKeys, g.Min, g.Max)
	}
	g.Terminator = '#'
	if t.v.Terminator.set() {
		g.Terminator = 0
		if t.v.Terminator.v != "" && t.v.Terminator.v != "none" {
			g.Terminator = c.key(string(t.v.Terminator.v), t.v.Terminator.pos)
		}
	}
	return g
}

func (c *checker) menu(t *at[menuText]) *Menu {
	m := &Menu{Ask: c.ask(&t.v.AskText, t.pos), Options: make(map[byte]string)}
	if len(t.v.Options.v) == 0 {
		c.failf(t.pos, "menu needs options, such as {\"1\": sales}")
	}
	for k, to := range t.v.Options.v {
		m.Options[c.key(k, to.pos)] = c.ref(to)
	}
	return m
}

func (c *checker) ask(t *AskText, p pos) Ask {
	a := Ask{
		Prompt: c.speech(t.Prompt), NoInput: c.speech(t.NoInput), NoMatch: c.speech(t.NoMatch),
		Timeout: cmp.Or(time.Duration(t.Timeout.v), defaultTimeout), Retries: t.Retries.v,
	}
	if t.Prompt == nil {
		c.failf(p, "needs a prompt")
	}
	if a.Retries < 0 || a.Retries > maxRetries {
		c.failf(t.Retries.pos, "retries is a number from 0 to %d", maxRetries)
	}
	if t.Else.set() {
		a.Else = c.ref(t.Else)
	}
	return a
}

func (c *checker) record(t *at[recordText]) *Record {
	r := &Record{
		Announce: c.speech(t.v.Announce), Timeout: cmp.Or(time.Duration(t.v.Timeout.v), defaultTimeout),
		Consent: Consent(t.v.Consent.v), Emotion: t.v.Emotion.v, EmotionAnnounce: c.speech(t.v.EmotionAnnounce),
	}
	if t.v.EmotionAnnounce != nil && !r.Emotion {
		c.failf(t.v.EmotionAnnounce.pos, "emotion_announce is said only with \"emotion: true\"")
	}
	if r.Consent == "" {
		r.Consent = ConsentAnnounced
	}
	switch r.Consent {
	case ConsentAnnounced, "key":
		if t.v.Announce == nil {
			c.failf(t.pos, "record with consent %s needs the words to announce", r.Consent)
		}
	case ConsentNone:
	default:
		c.failf(t.v.Consent.pos, "consent is announced, key or none")
	}
	if r.Consent != "key" {
		for _, p := range []pos{t.v.Accept.pos, t.v.Refuse.pos, t.v.Refused.pos} {
			if p.line > 0 {
				c.failf(p, "only \"consent: key\" asks, so only it has accept, refuse and refused")
			}
		}
		return r
	}
	r.Consent, r.Accept, r.Refuse = ConsentGiven, '1', '2'
	if t.v.Accept.set() {
		r.Accept = c.key(string(t.v.Accept.v), t.v.Accept.pos)
	}
	if t.v.Refuse.set() {
		r.Refuse = c.key(string(t.v.Refuse.v), t.v.Refuse.pos)
	}
	if r.Accept == r.Refuse {
		c.failf(t.pos, "accept and refuse need different keys")
	}
	if t.v.Refused.set() {
		r.Refused = c.ref(t.v.Refused)
	}
	return r
}

func (c *checker) set(t *at[map[string]at[scalar]]) map[string]string {
	out := make(map[string]string, len(t.v))
	for name, v := range t.v {
		if !variableForm.MatchString(name) || builtins[name] {
			c.failf(v.pos, "set: %q is not a variable of small letters, digits and _ (caller, number, trunk and emotion are given)", name)
		}
		out[name] = c.text(string(v.v), v.pos)
	}
	return out
}

func (c *checker) branch(t *at[branchText]) *Branch {
	b := &Branch{On: t.v.On.v, Cases: make(map[string]string)}
	if !c.known(b.On) {
		c.failf(cmp.Or(t.v.On.pos, t.pos), "branch: nothing sets the variable %q", b.On)
	}
	if len(t.v.Cases.v) == 0 {
		c.failf(t.pos, "branch needs cases, such as {\"1234\": member}")
	}
	for value, to := range t.v.Cases.v {
		b.Cases[value] = c.ref(to)
	}
	if t.v.Else.set() {
		b.Else = c.ref(t.v.Else)
	}
	return b
}

func (c *checker) speech(t *speechText) []Speech {
	if t == nil {
		return nil
	}
	if len(t.pieces) == 0 {
		c.failf(t.pos, "nothing to say")
	}
	var out []Speech
	for _, p := range t.pieces {
		s := Speech{Text: strings.TrimSpace(p.Text), File: p.File, Prompt: p.Prompt, Language: p.Language}
		switch {
		case one(s.Text)+one(s.File)+one(s.Prompt) != 1:
			c.failf(p.pos, "needs exactly one of text, file and prompt")
		case s.Prompt != "":
			if !promptForm.MatchString(s.Prompt) {
				c.failf(p.pos, "prompt %q is no name of letters, digits, - _ and ., at most 64", s.Prompt)
			}
		case s.File != "":
			s.File = c.path(&at[string]{v: s.File, pos: p.pos})
		default:
			s.Text = c.text(s.Text, p.pos)
		}
		if s.Language != "" {
			c.language(s.Language, p.pos)
		}
		out = append(out, s)
	}
	return out
}

// one counts what is there.
func one(s string) int {
	if s == "" {
		return 0
	}
	return 1
}

// text checks the ${variables} of a text.
func (c *checker) text(s string, p pos) string {
	if len(s) > maxText {
		c.failf(p, "text longer than %d bytes", maxText)
	}
	for _, m := range variableUse.FindAllStringSubmatch(s, -1) {
		if !c.known(m[1]) {
			c.failf(p, "nothing sets the variable %q", m[1])
		}
	}
	return s
}

func (c *checker) known(name string) bool { return name != "" && (builtins[name] || c.vars[name]) }

// path checks that a WAV file stays within the folder of prompts.
func (c *checker) path(t *at[string]) string {
	if !filepath.IsLocal(t.v) {
		c.failf(t.pos, "file %q must be a path inside the folder of prompts", t.v)
	}
	return t.v
}

func (c *checker) key(s string, p pos) byte {
	if len(s) != 1 || !strings.Contains("0123456789*#ABCD", s) {
		c.failf(p, "%q is not a key: 0 to 9, *, #, A to D", s)
		return '0'
	}
	return s[0]
}

func (c *checker) ref(to at[string]) string {
	if _, ok := c.ids[to.v]; !ok {
		c.failf(to.pos, "there is no node %q", to.v)
	}
	return to.v
}

func (c *checker) language(tag string, p pos) {
	if !languageForm.MatchString(tag) {
		c.failf(p, "language %q is not a tag such as en, zh or en-GB", tag)
	}
}

// reachable reports nodes that no way leads to.
func (c *checker) reachable(f *Flow) {
	if len(c.errs) > 0 {
		return
	}
	seen := make([]bool, len(f.Nodes))
	for todo := []int{f.Start}; len(todo) > 0; {
		i := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if seen[i] {
			continue
		}
		seen[i] = true
		for _, id := range f.Nodes[i].exits() {
			if id != "" {
				todo = append(todo, f.byID[id])
			}
		}
	}
	for i, ok := range seen {
		if !ok {
			c.failf(c.doc.Nodes.v[i].v.ID.pos, "no way leads to node %q", f.Nodes[i].ID)
		}
	}
}

// exits are the ids of all nodes that may come next.
func (n *Node) exits() []string {
	var out []string
	if n.Menu == nil && !n.Hangup {
		out = append(out, n.Next)
	}
	switch {
	case n.Menu != nil:
		out = append(out, n.Menu.Else)
		for _, to := range n.Menu.Options {
			out = append(out, to)
		}
	case n.Gather != nil:
		out = append(out, n.Gather.Else)
	case n.Record != nil:
		out = append(out, n.Record.Refused)
	case n.Queue != nil:
		out = append(out, n.Queue.Timeout, n.Queue.Closed, n.Queue.NoAgents)
	case n.Bot != nil:
		out = append(out, n.Bot.Handover, n.Bot.Done, n.Bot.Failed)
	case n.Transfer != nil:
		out = append(out, n.Transfer.Failed)
	case n.Branch != nil:
		out = append(out, n.Branch.Else)
		for _, to := range n.Branch.Cases {
			out = append(out, to)
		}
	}
	return out
}
