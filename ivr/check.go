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
	g.Secret = t.v.Secret.v
	g.Phrases = t.v.Phrases.v
	switch how := string(t.v.Speech.v); how {
	case "", "false", "none":
	case "true", "digits":
		g.Speech, g.Digits = true, true
	case "words":
		g.Speech = true
	default:
		c.failf(t.v.Speech.pos, "speech is digits or words, not %q", how)
	}
	g.Sayings, g.sayings = c.sayings(t.v.Words.v, t.v.Words.pos)
	g.Speech = g.Speech || len(g.Sayings) > 0 || len(g.Phrases) > 0
	if t.v.Confirm != nil && t.v.Confirm.v.on {
		g.Confirm = &Confirm{Always: !t.v.Confirm.v.spoken, Prompt: c.speech(t.v.Confirm.v.prompt)}
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
	if how := string(t.v.Speech.v); how != "" && how != "true" && how != "false" {
		c.failf(t.v.Speech.pos, "speech of a menu is true or false, not %q", how)
	} else {
		m.Speech = how == "true"
	}
	m.Sayings, m.sayings = c.sayings(t.v.Words.v, t.v.Words.pos)
	m.Speech = m.Speech || len(m.Sayings) > 0
	for k := range t.v.Words.v {
		if _, ok := t.v.Options.v[k]; !ok {
			c.failf(t.v.Words.pos, "words for the key %q, which is no option", k)
		}
	}
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
	a.MaxNoInput, a.MaxNoMatch = a.Retries, a.Retries
	if t.MaxNoInput.set() {
		a.MaxNoInput = t.MaxNoInput.v
	}
	if t.MaxNoMatch.set() {
		a.MaxNoMatch = t.MaxNoMatch.v
	}
	for _, n := range []at[int]{t.Retries, t.MaxNoInput, t.MaxNoMatch} {
		if n.v < 0 || n.v > maxRetries {
			c.failf(n.pos, "retries is a number from 0 to %d", maxRetries)
		}
	}
	if !t.Retries.set() {
		a.Retries = min(a.MaxNoInput+a.MaxNoMatch, maxRetries)
	}
	switch a.BargeIn = t.BargeIn.v; a.BargeIn {
	case "", bargeAny, bargeKeys, bargeNone:
	default:
		c.failf(t.BargeIn.pos, "barge_in_by is any, keys or none, not %q", a.BargeIn)
	}
	if t.Else.set() {
		a.Else = c.ref(t.Else)
	}
	return a
}

// sayings are the phrases for each value.
func (c *checker) sayings(lists map[string]wordList, p pos) (map[string][]string, grammar) {
	if len(lists) == 0 {
		return nil, nil
	}
	out := make(map[string][]string, len(lists))
	var g grammar
	for value, phrases := range lists {
		if len(phrases) == 0 || len(phrases) > maxPhrases || value == "" || len(value) > maxValue {
			c.failf(p, "words needs 1 to %d phrases for each value", maxPhrases)
		}
		for _, phrase := range phrases {
			if len(wordsOf(phrase)) == 0 || len(phrase) > 200 {
				c.failf(p, "%q is no phrase", phrase)
			}
			g.add(phrase, value)
		}
		out[value] = phrases
	}
	return out, g
}

// maxPhrases is how many phrases one value may have.
const maxPhrases = 200

func (c *checker) http(t *at[httpText]) *HTTP {
	h := &HTTP{Method: cmp.Or(strings.ToUpper(t.v.Method.v), "GET"), URL: t.v.URL.v, Headers: t.v.Headers.v, Into: t.v.Into.v, Timeout: time.Duration(t.v.Timeout.v), Failed: c.maybe(t.v.Failed)}
	if h.Method != "GET" && h.Method != "POST" {
		c.failf(t.v.Method.pos, "method is GET or POST, not %q", h.Method)
	}
	c.text(h.URL, t.v.URL.pos)
	scheme, rest, _ := strings.Cut(h.URL, "://")
	host, _, _ := strings.Cut(rest, "/")
	if u, err := h.parse(func(string) string { return "" }); err != nil || scheme != "http" && scheme != "https" || host == "" || strings.ContainsAny(host, "$?#@") || u.Host != host || u.Fragment != "" {
		c.failf(cmp.Or(t.v.URL.pos, t.pos), "url needs http:// or https:// and a host without variables, such as https://crm.example/orders/${order}")
	}
	if len(t.v.Body.v) > 0 && h.Method != "POST" {
		c.failf(t.v.Body.pos, "only POST has a body")
	}
	h.Body = make(map[string]string, len(t.v.Body.v))
	for name, v := range t.v.Body.v {
		h.Body[name] = c.text(string(v), t.v.Body.pos)
	}
	for name, v := range h.Headers {
		c.text(v, t.v.Headers.pos)
		if strings.ContainsAny(name, " :\r\n\t") || name == "" || strings.EqualFold(name, "host") {
			c.failf(t.v.Headers.pos, "%q is no header", name)
		}
	}
	for name, place := range h.Into {
		if !variableForm.MatchString(name) || builtins[name] || place == "" {
			c.failf(t.v.Into.pos, "into: {variable: place.in.answer}; %q is not a variable of small letters, digits and _", name)
		}
	}
	if len(h.Into) > 50 || len(h.Body) > 50 || len(h.Headers) > 50 {
		c.failf(t.pos, "more than 50 entries")
	}
	return h
}

// Bounds of messages.
const (
	mostMessage    = 30 * time.Minute
	defaultSilence = 4 * time.Second
	defaultMessage = 2 * time.Minute
	leastMessage   = time.Second
)

func (c *checker) message(t *at[messageText], boxed bool) *Message {
	m := &Message{Queue: t.v.Queue.v, Agent: t.v.Agent.v, Announce: c.speech(t.v.Announce), NoBeep: t.v.Beep != nil && !*t.v.Beep,
		Silence: cmp.Or(time.Duration(t.v.Silence.v), defaultSilence), Limit: cmp.Or(time.Duration(t.v.Limit.v), defaultMessage), Least: cmp.Or(time.Duration(t.v.Least.v), leastMessage)}
	switch {
	case boxed && (m.Queue == "") == (m.Agent == ""):
		c.failf(t.pos, "voicemail needs exactly one of queue and agent")
	case !boxed && m.Queue+m.Agent != "":
		c.failf(t.pos, "a comment belongs to its survey")
	case m.Queue != "" && !nameForm.MatchString(m.Queue):
		c.failf(t.v.Queue.pos, "%q is not the name of a queue", m.Queue)
	}
	c.text(m.Agent, t.v.Agent.pos)
	if m.Limit > mostMessage {
		c.failf(t.v.Limit.pos, "a message lasts at most %v", mostMessage)
	}
	return m
}

func (c *checker) survey(t *at[surveyText]) *Survey {
	s := &Survey{Ask: c.ask(&t.v.AskText, t.pos), Name: t.v.Name.v, Min: t.v.Min.v, Max: t.v.Max.v}
	if !t.v.Min.set() {
		s.Min = 1
	}
	if !t.v.Max.set() {
		s.Max = 5
	}
	if s.Min < 0 || s.Max > 10 || s.Min >= s.Max {
		c.failf(cmp.Or(t.v.Max.pos, t.v.Min.pos, t.pos), "the score goes from min to max, 0 to 10")
	}
	if s.Name != "" && !nameForm.MatchString(s.Name) {
		c.failf(t.v.Name.pos, "name needs letters, digits, _ and -, at most 64")
	}
	if t.v.Else.set() {
		c.failf(t.v.Else.pos, "a survey goes on with the next node, answered or not")
	}
	s.Speech = string(t.v.Speech.v) == "true"
	if t.v.Comment != nil {
		s.Comment = c.message(t.v.Comment, false)
	}
	return s
}

func (c *checker) record(t *at[recordOrPause]) *Record {
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
	b := &Branch{On: t.v.On.v, Calendar: t.v.Calendar.v, Queue: t.v.Queue.v, Cases: make(map[string]string)}
	hours := b.Calendar != "" || b.Queue != ""
	switch {
	case hours && (b.On != "" || b.Calendar != "" && b.Queue != ""):
		c.failf(t.pos, "branch goes by one of on, calendar and queue")
	case !hours && !c.known(b.On):
		c.failf(cmp.Or(t.v.On.pos, t.pos), "branch: nothing sets the variable %q", b.On)
	}
	if len(t.v.Cases.v) == 0 {
		c.failf(t.pos, "branch needs cases, such as {\"1234\": member}")
	}
	for value, to := range t.v.Cases.v {
		if hours && value != OpenNow && value != ClosedNow && value != HolidayNow {
			c.failf(to.pos, "cases of opening hours are open, closed and holiday, not %q", value)
		}
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
		out = append(out, n.Queue.Timeout, n.Queue.Closed, n.Queue.NoAgents, n.Queue.After)
		if n.Queue.Offer != nil {
			out = append(out, n.Queue.Offer.Taken)
		}
	case n.Bot != nil:
		out = append(out, n.Bot.Handover, n.Bot.Done, n.Bot.Failed)
	case n.Transfer != nil:
		out = append(out, n.Transfer.Failed, n.Transfer.After)
	case n.Callback != nil:
		out = append(out, n.Callback.Failed)
	case n.HTTP != nil:
		out = append(out, n.HTTP.Failed)
	case n.Branch != nil:
		out = append(out, n.Branch.Else)
		for _, to := range n.Branch.Cases {
			out = append(out, to)
		}
	}
	return out
}
