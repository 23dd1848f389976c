package bot

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"tingxin/kb"
	"tingxin/nlp"
	"tingxin/nlp/embed"
	"tingxin/nlp/slot"
	"tingxin/pg"
)

// turn is one turn under way. Only its goroutine touches it.
type turn struct {
	e   *Engine
	b   *brain
	in  Input
	s   sessionRow
	st  *state
	n   int
	now time.Time

	lang       string
	mixed      bool
	folded     string // as the models see it
	plain      string // folded, with the values as they were said
	shown      string // as people may read it
	values     []slot.Value
	choice     string
	held       held
	fresh      []row
	person     Person
	identified bool
	amended    bool // a number was corrected without being said again
	leant      bool // read with the question before

	guess   guess
	guessed bool
	verdict Verdict

	reply       Reply
	why         Why
	reason      Reason // of a handover
	detail      string
	urgent      bool
	prompted    bool
	reask       bool
	question    bool // the turn asked something
	confirmed   []int64
	refused     []int64
	reactions   []reaction
	predictions []prediction
	noted       []Noted
	lap         time.Time
}

// reaction of the customer to an earlier turn.
type reaction struct {
	turn            int
	reaction, label string
}

func (e *Engine) turn(ctx context.Context, b *brain, who Session, in Input, refused string, begun time.Time) (Reply, error) {
	s, err := e.session(ctx, who, in.Channel)
	if err != nil {
		return Reply{}, err
	}
	if in.ID != "" {
		if r, err := e.replied(ctx, s.id, in.ID); !errors.Is(err, pg.ErrNotFound) {
			return r, err
		}
	}
	t := &turn{e: e, b: b, in: in, s: s, st: &s.state, n: s.turns + 1, now: e.now(), lap: begun}
	t.why = Why{Values: []Found{}, Intents: []Candidate{}, Articles: []Candidate{}, Steps: []string{}, Stages: []Stage{}}
	if who.Contact != 0 && s.contact != who.Contact {
		t.identified = s.contact == 0
		t.s.contact = who.Contact
	}
	if who.Held && t.st.Handover != "" {
		t.st.takeBack()
	}
	t.read()
	t.reply = Reply{Session: s.id, Turn: t.n, Lang: t.lang, At: t.now.UTC(), Slots: []Held{}}
	if refused == "" && s.pace != nil && t.now.Sub(*s.pace) < time.Minute {
		e.stats.refusedFast.Add(1)
		refused = "fast"
	}
	if refused != "" { // is answered and not kept: floods must not fill the database
		t.reply.Turn = s.turns
		t.say(DoRefuse, text(word(t.lang, refused)))
		return t.reply, nil
	}
	if t.held, err = e.memory.load(ctx, s.id, t.s.contact, t.now); err != nil {
		return Reply{}, err
	}
	if e.people != nil && t.s.contact != 0 {
		if t.person, err = e.people.Person(ctx, t.s.contact); err != nil {
			return Reply{}, fmt.Errorf("person of session %s: %w", s.id, err)
		}
	}
	if err := t.remember(ctx); err != nil {
		return Reply{}, err
	}
	t.stage("read")
	t.think(ctx, begun)
	t.finish(ctx, begun)
	if err := e.write(ctx, t); err != nil {
		return Reply{}, err
	}
	e.count(t, time.Since(begun))
	if len(t.noted) > 0 {
		if err := e.knowledge.Note(ctx, s.id, t.noted); err != nil {
			e.log.Warn("what became of an article was not kept", "session", s.id, "error", err)
		}
	}
	return t.reply, nil
}

// think decides, bounded in time; whatever fails inside is a handover.
func (t *turn) think(ctx context.Context, begun time.Time) {
	latency := t.b.policy.line(ReasonLatency)
	limit := mostTurn
	if latency.On {
		limit = time.Duration(latency.Number * float64(time.Second))
	}
	inner, cancel := context.WithDeadline(ctx, begun.Add(limit))
	defer cancel()
	err := t.guarded(inner)
	switch {
	case err == nil:
		t.st.Errors = 0
	case inner.Err() != nil && ctx.Err() == nil:
		t.failed(ReasonLatency, err)
	default:
		t.failed(ReasonError, err)
	}
	if latency.On && time.Since(begun) > limit && t.reason == "" {
		t.hand(ReasonLatency, "")
	}
}

// guarded keeps a fault of one turn from the others.
func (t *turn) guarded(ctx context.Context) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic in a turn: %v", r)
		}
	}()
	return t.decide(ctx)
}

// failed turns an error into a handover, or into an apology where that line is off.
func (t *turn) failed(why Reason, err error) {
	t.e.stats.errors.Add(1)
	t.e.log.Warn("a turn failed", "session", t.s.id, "reason", why, "error", err)
	t.step("failed: " + string(why))
	t.reply.Parts = nil
	t.st.Errors++
	if l := t.b.policy.line(why); l.On && (why != ReasonError || float64(t.st.Errors) >= l.Number) {
		t.hand(why, "")
		return
	}
	t.say(DoFallback, text(word(t.lang, "failed")))
}

func (t *turn) step(s string) { t.why.Steps = append(t.why.Steps, s) }

// stage adds the time since the last one to a part of the turn, and gives it in ms.
func (t *turn) stage(name string) float64 {
	now := time.Now()
	took := float64(now.Sub(t.lap).Microseconds()) / 1000
	t.lap = now
	if i := slices.IndexFunc(t.why.Stages, func(s Stage) bool { return s.Name == name }); i >= 0 {
		t.why.Stages[i].MS += took
		return took
	}
	t.why.Stages = append(t.why.Stages, Stage{name, took})
	return took
}

// say adds to the reply. What comes back to a question behind an answer stays an answer.
func (t *turn) say(d Decision, parts ...Part) {
	switch t.reply.Decision {
	case DoAnswer, DoTool, DoTalk:
		if d != DoAsk && d != DoConfirm {
			t.reply.Decision = d
		}
	default:
		t.reply.Decision = d
	}
	t.reply.Parts = append(t.reply.Parts, parts...)
}

// read folds the text, finds its values and its language.
func (t *turn) read() {
	at := t.in.At
	if at.IsZero() {
		at = t.now
	}
	t.values, _ = t.b.finder.Find(t.in.Text, at) // too long was refused before
	forModels, forPeople := mask(t.in.Text, t.values)
	t.folded, t.shown, t.plain = nlp.Fold(forModels), forPeople, nlp.Fold(t.in.Text)
	words := t.folded
	for _, v := range t.values {
		words = strings.ReplaceAll(words, tokenOf(v.Type), " ")
	}
	l := nlp.Detect(words)
	if numberAlone.MatchString(t.plain) { // the letter in "A 2025 0701 01" is no English
		l = nlp.Language{}
	}
	t.lang, t.mixed = l.Code, l.Mixed
	for _, fallback := range []string{t.s.lang, t.in.Lang, "zh"} {
		if t.lang != "zh" && t.lang != "en" {
			t.lang = fallback
		}
	}
	t.choice = t.st.unfold(t.in.Choice)
	if t.choice == "" {
		t.choice = t.st.pressed(t.plain)
	}
	if t.choice == "" && t.st.Handover != "" && t.st.Instead && t.st.Awaits == "" {
		t.choice = instead(t.plain)
	}
	t.why.Folded, t.why.Lang, t.why.Mixed, t.why.Emotion = t.folded, t.lang, t.mixed, t.st.Emotion
	for _, v := range t.values {
		t.why.Values = append(t.why.Values, Found{nameOf(v.Type), shownAs(nameOf(v.Type), v.Value), v.P})
	}
}

// pressed finds the button that a text means: its number or its label.
func (s *state) pressed(folded string) string {
	if folded == "" {
		return ""
	}
	bare := bareOf(folded)
	for i, b := range s.Buttons {
		if bare == strconv.Itoa(i+1) || bare != "" && bare == bareOf(nlp.Fold(b.Label)) {
			return b.Value
		}
	}
	if i := ordinal(bare); i >= 0 && i < len(s.Buttons) && s.Buttons[0].Value != "helpful" && s.Buttons[0].Value != "yes" {
		return s.Buttons[i].Value
	}
	if s.Answered != nil {
		switch strings.TrimSpace(folded) {
		case "👍", "👌", "解决了", "有用":
			return "helpful"
		case "👎", "没解决", "没用":
			return "unhelpful"
		}
	}
	return ""
}

// shortValue is a button's value for channels that take at most 64 bytes.
func shortValue(value string) string {
	if len(value) <= 64 {
		return value
	}
	sum := sha256.Sum256([]byte(value))
	return "h:" + hex.EncodeToString(sum[:16])
}

// unfold is the way back from shortValue, among the buttons that were shown last.
func (s *state) unfold(value string) string {
	if strings.HasPrefix(value, "h:") {
		for _, b := range s.Buttons {
			if shortValue(b.Value) == value {
				return b.Value
			}
		}
	}
	return value
}

// remember makes rows of the values that were found.
func (t *turn) remember(ctx context.Context) error {
	var found []row
	for _, v := range t.values {
		r := newRow(nameOf(v.Type), v.Value, v.Raw, v.P)
		if t.in.Channel == ChannelCall && !t.in.Keys {
			r.P *= 0.8 // heard, not read
		}
		found = append(found, r)
	}
	if len(found) == 0 && t.choice == "" {
		return t.corrected(ctx)
	}
	return t.add(ctx, "customer", found...)
}

// add takes rows in as the newest.
func (t *turn) add(ctx context.Context, source string, rows ...row) error {
	if len(rows) == 0 {
		return nil
	}
	ids, err := t.e.memory.ids(ctx, len(rows))
	if err != nil {
		return err
	}
	if source == "customer" && t.in.Keys {
		source = "keys"
	}
	for i := range rows {
		r := &rows[i]
		k, ok := keeps[r.Name]
		if !ok {
			k = keep{scopeConversation, t.e.cfg.SessionIdle + afterClose}
		}
		if k.scope == scopeContact && t.s.contact != 0 && !t.person.Remember {
			k = keep{scopeConversation, t.e.cfg.SessionIdle + afterClose}
		}
		r.ID, r.Session, r.Contact, r.Scope, r.Source = ids[i], t.s.id, t.s.contact, k.scope, source
		r.Channel, r.Turn, r.At, r.Expires = string(t.in.Channel), t.n, t.now.UTC(), t.now.Add(k.lasts).UTC()
		t.st.mention(r.Name, r.ID)
		t.fresh = append(t.fresh, *r)
		t.held = slices.Insert(t.held, 0, *r)
	}
	return nil
}

// decide is the order of everything.
func (t *turn) decide(ctx context.Context) error {
	t.feel()
	if done, err := t.chose(ctx); done || err != nil {
		return err
	}
	if done, err := t.awaited(ctx); done || err != nil {
		return err
	}
	if t.st.Muted {
		t.step("a person has it, for emotion")
		t.say(DoNothing)
		return nil
	}
	if t.wanted() {
		return nil
	}
	if done, err := t.pending(ctx); done || err != nil {
		return err
	}
	if done, err := t.nodded(ctx); done || err != nil {
		return err
	}
	if t.unreadable() {
		return nil
	}
	if err := t.understand(ctx); err != nil {
		return err
	}
	if hit, err := t.before(ctx); hit || err != nil {
		return err
	}
	return t.digress(ctx)
}

func (t *turn) feel() {
	e := 0.0
	if t.in.Emotion != nil {
		e = min(1, max(0, *t.in.Emotion))
	} else {
		e = emotionOf(t.lang, t.plain)
	}
	t.st.feel(e, t.b.policy.Smooth)
	t.why.Emotion = t.st.Emotion
}

// wanted is the first line: a person is asked for, or what to do meanwhile.
func (t *turn) wanted() bool {
	line := t.b.policy.line(ReasonAsked)
	switch t.choice {
	case "human":
		t.step("asked for a person")
		t.hand(ReasonAsked, "")
		return true
	case choiceStay:
		t.stays()
		return true
	}
	if line.On && t.choice == "" && (wantsPerson(t.plain) || wantsPerson(t.mended())) {
		t.step("asked for a person")
		t.hand(ReasonAsked, "")
		return true
	}
	return false
}

// stays goes on with a customer who does not want a person any more.
func (t *turn) stays() {
	t.reply.Kept = t.st.Handover != "" // nobody has to take it over any more
	t.st.Handover, t.st.Instead = "", false
	t.step("does not want a person any more")
	t.say(DoTalk, text(word(t.lang, "stayed")))
}

// mended is the message without typing mistakes.
func (t *turn) mended() string {
	m := t.b.minds[t.lang]
	if m == nil {
		return t.plain
	}
	return m.spell.Mend(t.plain)
}

// before tests the lines that do not need an answer, in their order.
func (t *turn) before(ctx context.Context) (bool, error) {
	p := &t.b.policy
	if l := p.line(ReasonRepeat); l.On && t.st.Handover == "" {
		again, err := t.repeats(ctx, l.Number)
		if err != nil {
			return false, err
		}
		if again {
			t.step("the same question again after an answer")
			t.hand(ReasonRepeat, "")
			return true, nil
		}
	}
	if p.line(ReasonEmotion).upset(t.st) {
		t.step("upset")
		t.hand(ReasonEmotion, "")
		return true, nil
	}
	if l := p.line(ReasonTopic); l.On {
		if topic, ok := p.topic(t.plain); ok {
			t.step("topic for people: " + topic.Name)
			t.urgent = topic.Urgent
			t.hand(ReasonTopic, topic.Name)
			return true, nil
		}
		if t.refundAbove(l.Number) {
			t.step("refund above the limit")
			t.hand(ReasonTopic, "refund_limit")
			return true, nil
		}
	}
	if t.person.VIP && p.line(ReasonVIP).On && t.st.Handover == "" && !t.st.Back {
		t.step("VIP")
		t.hand(ReasonVIP, "")
		return true, nil
	}
	return false, nil
}

// refundAbove tells whether more money is wanted back than the bot may deal with.
func (t *turn) refundAbove(limit float64) bool {
	if t.guess.intent != "refund_request" && !strings.Contains(t.plain, "退款") && !holds(t.plain, "refund") {
		return false
	}
	for _, v := range t.values {
		if v.Type == slot.Amount {
			number, _, _ := strings.Cut(v.Value, " ")
			if x, err := strconv.ParseFloat(number, 64); err == nil && x > limit {
				return true
			}
		}
	}
	return false
}

// repeats tells whether one of the last questions that were answered is asked again.
// Another value makes it another question.
func (t *turn) repeats(ctx context.Context, cosine float64) (bool, error) {
	if len(t.values) > 0 || t.guess.intent != "" && t.b.intents[t.guess.intent].Kind == KindTalk {
		return false, nil
	}
	var v embed.Vectors
	if t.e.embed != nil {
		var err error
		if v, err = t.e.embed.Embed(ctx, t.lang, t.folded); err != nil {
			return false, err
		}
	}
	for _, old := range t.st.History[max(0, len(t.st.History)-repeatBack):] {
		if old.Past || old.Lang != t.lang || !old.Question || old.Decision != DoAnswer && old.Decision != DoTool {
			continue
		}
		if old.Folded == t.folded {
			return true, nil
		}
		if t.e.embed == nil {
			continue
		}
		o, err := t.e.embed.Embed(ctx, old.Lang, old.Folded)
		if err != nil {
			return false, err
		}
		if float64(nlp.Dot(v.CLS, o.CLS)) > cosine {
			return true, nil
		}
	}
	return false, nil
}

// unreadable answers what has no words, or words of neither language.
func (t *turn) unreadable() bool {
	letters, foreign := 0, 0
	for _, r := range t.plain {
		switch {
		case unicode.IsLetter(r) && (r < 0x250 || unicode.Is(unicode.Han, r)):
			letters++
		case unicode.IsLetter(r):
			foreign++
		case unicode.IsDigit(r):
			letters++
		}
	}
	switch {
	case letters+foreign == 0:
		t.step("no words")
		key := "wordless"
		if strings.ContainsAny(t.plain, sad) {
			key = "wordless_sad"
		}
		t.fallback(key)
	case foreign > letters || nlp.Detect(t.plain).Code == "" && letters > 12 && len(t.values) == 0 && strings.Count(t.plain, " ") >= 2:
		t.step("neither Chinese nor English")
		t.fallback("unreadable")
	default:
		return false
	}
	return true
}

// understand asks the intents, once a turn.
func (t *turn) understand(ctx context.Context) error {
	if t.guessed {
		return nil
	}
	g, err := t.b.guess(ctx, t.e.embed, t.lang, t.folded)
	if err != nil {
		return err
	}
	if t.mixed && !g.exact { // the words that matter may be in the other language
		other, err := t.b.guess(ctx, t.e.embed, otherLang(t.lang), t.folded)
		if err != nil && !errors.Is(err, ErrNotReady) {
			return err
		}
		if other.intent != "" && (g.intent == "" || other.p > g.p) {
			g = other
		}
	}
	t.guess, t.guessed = g, true
	if g.read != "" {
		t.step("read without fillers and typing mistakes")
		t.folded, t.why.Folded = g.read, g.read
	}
	t.why.Exact, t.why.Foreign, t.why.Strange, t.why.Model = g.exact, g.foreign, g.strange, g.version
	t.why.Intents = append(t.why.Intents, g.top...)
	took := t.stage("intent")
	if len(g.top) > 0 && !g.exact {
		value := g.top[0].ID
		if g.foreign {
			value = "oos"
		}
		t.predictions = append(t.predictions, prediction{"intent", value, g.top[0].P, g.version, g.hash, took})
	}
	return nil
}

// digress answers a question while something may be under way, and comes back to it.
func (t *turn) digress(ctx context.Context) error {
	under := t.st.top()
	intent := ""
	if under != nil {
		intent = under.Intent
	}
	if err := t.answer(ctx); err != nil || under == nil || t.reason != "" {
		return err
	}
	if top := t.st.top(); top == nil || top.Intent != intent || top.Asks == "" && top.Confirm == "" && !top.Sure {
		return nil
	}
	switch t.reply.Decision {
	case DoAnswer, DoTalk, DoTool:
		t.step("back to: " + intent)
		t.withoutButtons()
		t.st.Answered = nil
		return t.advance(ctx, word(t.lang, "back"))
	}
	return nil
}

// short is the number of characters under which an utterance without an intent leans on the last one.
const short = 6

// answer finds what a question is about: a frame, small talk, an article, or nothing.
func (t *turn) answer(ctx context.Context) error {
	t.question = true
	rest, maybe := t.words(), t.st.Maybe
	t.st.Maybe = ""
	if t.tells(maybe, rest) {
		t.step("the value tells what was meant before: " + maybe)
		return t.begin(ctx, maybe)
	}
	if name, ok := t.sameAgain(rest); ok {
		t.step("the last intent with another value")
		return t.begin(ctx, name)
	}
	if rest == "" && len(t.values) > 0 {
		t.question = false
		t.step("a value and nothing else")
		t.takesNote()
		return nil
	}
	if t.guess.exact && t.active(t.guess.intent) {
		return t.act(ctx, t.guess.intent)
	}
	if done, err := t.several(ctx); done || err != nil {
		return err
	}
	if err := t.search(ctx, t.folded); err != nil {
		return err
	}
	p1, _ := t.verdict.top()
	decision := judge(&t.verdict, t.guess.foreign)
	if name := t.b.answers(t.verdict.Tool); t.verdict.Rule == "interface" && t.active(name) {
		t.step("rule: interface " + t.verdict.Tool)
		return t.act(ctx, name)
	}
	if t.guess.intent != "" && t.active(t.guess.intent) && t.verdict.Rule == "" && (decision != DoAnswer || t.guess.p >= p1 || t.gives(t.guess.intent, t.values) || t.turnsTo(t.guess.intent)) {
		return t.act(ctx, t.guess.intent)
	}
	if decision != DoAnswer && t.guess.intent == "" && t.leans(rest) && t.st.Question != "" {
		t.step("short: read with the question before")
		t.leant = true
		alone, back := t.verdict, decision
		if err := t.search(ctx, t.st.Question+" "+t.folded); err != nil {
			return err
		}
		decision = judge(&t.verdict, false)
		if n := len(t.st.Shown); decision == DoAnswer && n > 0 && t.st.Shown[n-1].Turn == t.n-1 && t.st.Shown[n-1].Article == t.verdict.Articles[0].ID {
			t.step("that was the answer before")
			t.verdict.Articles, t.verdict.Rule = t.verdict.Articles[1:], ""
			if decision = judge(&t.verdict, false); decision != DoAnswer && len(t.verdict.Articles) > 0 {
				decision = DoClarify
			}
		}
		if decision != DoAnswer && back == DoClarify { // what it may mean by itself goes first
			t.verdict, decision = alone, back
		}
	}
	if decision != DoAnswer && len(t.values) > 0 && !t.guess.foreign && len(t.guess.top) > 0 {
		if i := t.b.intents[t.guess.top[0].ID]; i != nil && i.Kind == KindTalk { // rather a number than a question
			t.step("a value and hardly anything else")
			t.question = false
			t.takesNote()
			return nil
		}
	}
	return t.byArticle(decision)
}

var (
	leading  = regexp.MustCompile(`^(?:and|or|but|also|then|what about|how about|what if)\b`)
	trailing = regexp.MustCompile(`^(?:那|那么|还有|如果|要是).*(?:呢|吗)[?]?$`)
)

// leans tells whether a message is too short to be understood without the question before it: "那运费呢",
// "and to canada?".
func (t *turn) leans(rest string) bool {
	switch n := len(strings.Fields(t.folded)); {
	case utf8.RuneCountInString(rest) < short:
		return true
	case t.lang == "en":
		return n <= 2 || n < short && leading.MatchString(t.folded)
	}
	return utf8.RuneCountInString(rest) < 2*short && trailing.MatchString(t.folded)
}

// words are what is left of a message without its values.
func (t *turn) words() string {
	rest := t.folded
	for _, v := range t.values {
		if token := tokenOf(v.Type); token != "" {
			rest = strings.ReplaceAll(rest, token, " ")
		}
	}
	return bareOf(rest)
}

// takesNote of a value; what it is for is asked only when nothing is under way.
func (t *turn) takesNote() {
	key := "noted"
	if t.st.top() != nil {
		key = "noted_only"
	}
	t.say(DoTalk, text(word(t.lang, key)))
}

// leastMaybe is the lowest probability at which an intent may have been meant by what was not understood.
const leastMaybe = 0.3

// doubt notes what a turn that was not understood was perhaps about.
func (t *turn) doubt() {
	if t.guess.foreign || len(t.guess.top) == 0 || t.guess.top[0].P < leastMaybe {
		return
	}
	if i := t.b.intents[t.guess.top[0].ID]; i != nil && i.Kind == KindTask && t.active(i.Name) {
		t.st.Maybe = i.Name
	}
}

// tells whether a message with a value and hardly anything else is about what was perhaps meant before:
// "where is my stuff?" - not understood - "order A1".
func (t *turn) tells(maybe, rest string) bool {
	if maybe == "" || len(t.values) == 0 || !t.active(maybe) || t.b.intents[maybe].Frame == nil {
		return false
	}
	talk := t.guess.intent == "" || t.b.intents[t.guess.intent].Kind == KindTalk
	return talk && utf8.RuneCountInString(rest) < 2*short && slices.ContainsFunc(t.b.intents[maybe].Frame.Slots, func(s FrameSlot) bool { return len(s.found(t.values)) > 0 })
}

// replaces says that another task is wanted in place of the one under way.
var replaces = regexp.MustCompile(`\binstead\b|\brather\b|^(?:no|wait|actually)\b|改成|改为|换成|还是.*吧|^(?:算了|不对|不是)`)

// turnsTo tells whether a task is wanted while another one is under way: who is about to do something does not ask how it is
// done in general. What it takes the place of is dropped.
func (t *turn) turnsTo(intent string) bool {
	top, i := t.st.top(), t.b.intents[intent]
	if top == nil || i == nil || i.Kind != KindTask || top.Intent == intent || asksBack.MatchString(t.plain) {
		return false
	}
	if replaces.MatchString(t.plain) {
		t.step("in place of: " + top.Intent)
		t.st.pop()
	}
	return true
}

// gives tells whether values are some that a task works on: who names an order number does not ask how it is done in general.
func (t *turn) gives(intent string, values []slot.Value) bool {
	i := t.b.intents[intent]
	return i != nil && i.Frame != nil && slices.ContainsFunc(i.Frame.Slots, func(s FrameSlot) bool { return len(s.found(values)) > 0 })
}

// sameAgain: "A2 呢?" after an answer about A1.
func (t *turn) sameAgain(rest string) (string, bool) {
	if len(t.values) == 0 || !t.active(t.st.Intent) || len(t.st.History) == 0 {
		return "", false
	}
	talk := t.guess.intent != "" && t.b.intents[t.guess.intent].Kind == KindTalk // "sorry, my order number is A2"
	if !t.amended && !talk && utf8.RuneCountInString(rest) >= short {
		return "", false
	}
	last := t.st.History[len(t.st.History)-1].Decision
	frame := t.b.intents[t.st.Intent].Frame
	if frame == nil || last != DoTool && last != DoAsk && last != DoConfirm {
		return "", false
	}
	return t.st.Intent, slices.ContainsFunc(frame.Slots, func(s FrameSlot) bool { return len(s.found(t.values)) > 0 })
}

// active tells whether an intent can do something: its tool must be there.
func (t *turn) active(name string) bool {
	i := t.b.intents[name]
	switch {
	case i == nil || i.Kind == KindForeign:
		return false
	case i.Kind == KindTalk:
		return name != "give_value" || len(t.values) > 0
	}
	return i.Frame.Tool == "" || t.b.tools[i.Frame.Tool] != nil
}

// answers is the intent that a rule "interface" names: itself, or by its tool.
func (b *brain) answers(name string) string {
	if b.intents[name] != nil {
		return name
	}
	found := ""
	for k, i := range b.intents {
		if name != "" && i.Frame != nil && i.Frame.Tool == name && (found == "" || k < found) {
			found = k
		}
	}
	return found
}

// act does what an intent says.
func (t *turn) act(ctx context.Context, name string) error {
	i := t.b.intents[name]
	t.reply.Intent = name
	if i.Kind == KindTalk {
		t.question = false
		t.step("small talk: " + name)
		if len(t.values) > 0 && t.st.top() != nil {
			t.takesNote()
			return nil
		}
		answer := fill(inLang(i.Answer, t.lang), t.spoken())
		if answer == t.st.Last {
			answer = t.talkAgain(name)
		}
		t.say(DoTalk, text(answer))
		return nil
	}
	return t.begin(ctx, name)
}

// begin starts a frame.
func (t *turn) begin(ctx context.Context, name string) error {
	t.step("frame: " + name)
	t.st.push(name)
	t.st.Intent, t.reply.Intent = name, name
	t.st.Clarify = 0
	return t.advance(ctx, "")
}

// search asks the articles, in both languages for a mixed message.
func (t *turn) search(ctx context.Context, question string) error {
	q := Question{Text: question, Lang: t.lang, Slots: t.plainValues()}
	v, err := t.e.knowledge.Ask(ctx, q)
	if err != nil {
		return err
	}
	if t.mixed && v.Rule == "" {
		q.Lang = otherLang(t.lang)
		other, err := t.e.knowledge.Ask(ctx, q)
		if err != nil {
			return err
		}
		p1, _ := v.top()
		if p2, _ := other.top(); other.Rule != "" || p2 > p1 {
			v = other
			if err := t.twins(ctx, v.Articles); err != nil {
				return err
			}
		}
	}
	t.verdict = v
	t.why.Rule, t.why.TauA, t.why.TauC, t.why.Margin = v.Rule, v.TauA, v.TauC, v.Margin
	t.why.P1, t.why.P2 = v.top()
	t.why.PAny = v.any()
	t.why.Articles = t.why.Articles[:0]
	for _, a := range v.Articles {
		t.why.Articles = append(t.why.Articles, Candidate{a.ID, a.Title, a.P})
	}
	took := t.stage("articles")
	t.predictions = slices.DeleteFunc(t.predictions, func(p prediction) bool { return p.kind == "article" })
	if len(v.Articles) > 0 {
		t.predictions = append(t.predictions, prediction{"article", v.Articles[0].ID, v.Articles[0].P, v.Version, "", took})
	}
	return nil
}

func otherLang(lang string) string { return map[string]string{"zh": "en", "en": "zh"}[lang] }

// twins puts the articles that may be shown into the language of the reply where they are in it as well.
func (t *turn) twins(ctx context.Context, articles []Article) error {
	for i := range articles[:min(len(articles), offered)] {
		a := &articles[i]
		twin, err := t.e.knowledge.Article(ctx, t.lang, a.ID)
		if errors.Is(err, ErrMissing) {
			continue
		}
		if err != nil {
			return err
		}
		a.Lang, a.Title, a.Text = twin.Lang, twin.Title, twin.Text
	}
	return nil
}

func (t *turn) byArticle(d Decision) error {
	v := &t.verdict
	switch d {
	case DoAnswer:
		if v.Rule != "" {
			t.step("rule: " + v.Rule)
		} else {
			t.step("sure of the first article")
			t.doubt()
		}
		t.give(v.Articles[0])
	case DoClarify:
		t.doubt()
		t.clarify(v.Articles)
	default:
		t.doubt()
		if t.b.learning && t.b.policy.line(ReasonLatency).On {
			t.step("nothing is learnt yet")
			t.hand(ReasonLatency, "")
			return nil
		}
		key := "rephrase"
		if t.guess.foreign {
			t.step("out of scope")
			key = "scope"
		} else {
			t.step("no article is likely enough")
		}
		t.fallback(key)
	}
	return nil
}

// give answers with an article.
func (t *turn) give(a Article) {
	t.reply.Article = a.ID
	if !t.leant { // what leans on the question before leaves it to lean on
		t.st.Question = t.folded
	}
	t.st.Clarify, t.st.Rejected = 0, 0
	t.st.Answered = &answered{t.n, a.ID, a.Lang}
	t.noted = append(t.noted, Noted{a.ID, a.Lang, "shown", min(max(a.P, 0), 1)})
	t.st.show(Shown{Article: a.ID, Title: a.Title, Turn: t.n})
	t.say(DoAnswer, text(a.Text), Part{Kind: "source", Article: a.ID, Title: a.Title},
		buttons(Button{word(t.lang, "helpful"), "helpful"}, Button{word(t.lang, "unhelpful"), "unhelpful"}))
}

const offered = kb.Offered // choices when asking back

// clarify offers the first articles, unless that was done too often.
func (t *turn) clarify(articles []Article) {
	if l := t.b.policy.line(ReasonUnclear); l.On && float64(t.st.Clarify) >= l.Number {
		t.step("asked back often enough")
		t.hand(ReasonUnclear, "")
		return
	}
	t.offer(articles, "clarify")
}

// offer asks which of the first articles is meant.
func (t *turn) offer(articles []Article, key string) {
	t.step("ask back")
	t.st.Clarify++
	t.st.Offered = nil
	var all []Button
	for _, a := range articles[:min(len(articles), offered)] {
		t.st.Offered = append(t.st.Offered, offer{ID: a.ID, Lang: a.Lang, Title: a.Title})
		all = append(all, Button{a.Title, "article:" + a.ID})
	}
	all = append(all, Button{word(t.lang, "none"), "none"}, Button{word(t.lang, "human"), "human"})
	t.say(DoClarify, text(word(t.lang, key)), buttons(all...))
}

// fallback asks for other words, or hands over when that was done often enough.
func (t *turn) fallback(key string) {
	t.st.Fallback++
	if l := t.b.policy.line(ReasonLost); l.On && float64(t.st.Fallback) >= l.Number {
		t.step("not understood in a row: " + strconv.Itoa(t.st.Fallback))
		t.hand(ReasonLost, "")
		return
	}
	t.say(DoFallback, text(word(t.lang, key)), buttons(Button{word(t.lang, "human"), "human"}))
}

// pending takes what was asked for before: a reaction, a choice, a confirmation, a value.
func (t *turn) pending(ctx context.Context) (bool, error) {
	offers, answer := t.st.Offered, t.st.Answered
	t.st.Offered, t.st.Answered = nil, nil
	if answer != nil {
		t.st.Earlier = answer
	}
	switch kind, arg, _ := strings.Cut(t.choice, ":"); kind {
	case "helpful", "unhelpful":
		if answer = t.st.Earlier; answer != nil { // words came between when it is not the last one
			t.st.Earlier = nil
			t.thumb(answer, kind == "helpful")
			return true, nil
		}
	case "none":
		if len(offers) > 0 {
			t.noneOf()
			return true, nil
		}
	case "article":
		if i := slices.IndexFunc(offers, func(o offer) bool { return o.ID == arg }); i >= 0 {
			return true, t.chosen(ctx, offers[i])
		}
	}
	if f := t.st.top(); f != nil {
		return t.fillTop(ctx, f)
	}
	switch {
	case len(offers) == 0:
	case t.choice == "" && waves.MatchString(t.plain):
		t.noneOf()
		return true, nil
	case t.saysYes() && len(offers) == 1:
		return true, t.chosen(ctx, offers[0])
	case t.saysYes() && nods.MatchString(t.plain):
		t.step("yes, but which")
		t.st.Offered = offers
		t.say(DoClarify, text(word(t.lang, "pick")), buttons(t.st.Buttons...))
		return true, nil
	}
	return false, nil
}

// thumb takes 解决了 or 没解决.
func (t *turn) thumb(a *answered, up bool) {
	mark, key, label := "up", "glad", a.Article
	if !up {
		mark, key, label = "down", "sorry", "not:"+a.Article
	}
	if a.Article == "" {
		label = ""
	} else {
		t.noted = append(t.noted, Noted{a.Article, a.Lang, mark, 0})
	}
	t.step("reaction: " + mark)
	t.reactions = append(t.reactions, reaction{a.Turn, mark, label})
	for i := range t.st.Shown {
		if t.st.Shown[i].Turn == a.Turn {
			t.st.Shown[i].Reaction = mark
		}
	}
	t.say(DoTalk, text(word(t.lang, key)))
	if !up {
		t.say(DoTalk, buttons(Button{word(t.lang, "human"), "human"}))
	}
}

// noneOf takes 都不是.
func (t *turn) noneOf() {
	t.st.Rejected++
	t.step("none of the articles")
	t.reactions = append(t.reactions, reaction{t.n - 1, "none", "none"})
	if l := t.b.policy.line(ReasonUnclear); l.On && float64(t.st.Rejected) >= l.Number {
		t.hand(ReasonUnclear, "")
		return
	}
	t.say(DoClarify, text(word(t.lang, "rephrase")), buttons(Button{word(t.lang, "human"), "human"}))
}

// chosen gives the article that was picked.
func (t *turn) chosen(ctx context.Context, o offer) error {
	a, err := t.e.knowledge.Article(ctx, o.Lang, o.ID)
	if errors.Is(err, ErrMissing) { // it was retired meanwhile
		t.fallback("rephrase")
		return nil
	}
	if err != nil {
		return err
	}
	t.step("picked an article")
	t.noted = append(t.noted, Noted{a.ID, a.Lang, "clicked", 0})
	t.reactions = append(t.reactions, reaction{t.n - 1, "chosen", o.ID})
	t.give(a)
	return nil
}

// cancels are ways to drop what is under way.
var cancels = regexp.MustCompile(`^(?:取消|cancel|stop|不要了)(?:吧|[!。. ])*$|^(?:算了|不用了|不查了|不办了|不退了|不需要了|没事了|先不|never ?mind|forget it|drop it|leave it|no thanks|no thank you)(?:$|[^\p{Han}\w]|不|吧|谢|再见|先|我)`)

// otherWish stands behind a refusal.
var otherWish = regexp.MustCompile(`还是[^不算别]|\binstead\b`)

// drops tells whether the customer wants nothing of it any more.
func (t *turn) drops() bool {
	return t.choice == "cancel" || t.choice == "" && len(t.values) == 0 && cancels.MatchString(t.plain) && !otherWish.MatchString(t.plain) && !asksBack.MatchString(t.plain) && utf8.RuneCountInString(t.plain) <= longestNo
}

// A yes is made of nothing but words of agreement, a no of few words after one of refusal: "yes, but how
// much is it" and "不好意思,运费多少" are neither.
var (
	yesBegins = regexp.MustCompile(`^(?:是|对|嗯|好|没错|正确|确认|可以|行|要|同意|yes|yeah|yep|yup|correct|right|sure|ok|okay|please do|go ahead|that'?s right|that'?s it|that is right|confirm|absolutely|definitely|of course|exactly|do it|fine)`)
	yesWords  = regexp.MustCompile(`^(?:是的?|对的?|嗯|好的?|没错|正确|确认|可以|行|要的?|同意|吧|啊|呀|的|哦|呢|就是|这个|那个|它|取消|订单|请|麻烦|了|您|你|我|帮我|谢谢|谢|\b(?:yes|yeah|yep|yup|correct|right|sure|ok|okay|please|do|it|that|is|that'?s|go|ahead|confirm|confirmed|absolutely|definitely|of|course|exactly|thanks|thank|you|cancel|the|this|my|order|one|fine|i|am|i'?m|agree)\b|[ ,!。.~、])+$`)
	noWords   = regexp.MustCompile(`^(?:不是|不对|不要|不用|不行|不可以|不确认|不同意|不了|不,|不$|别|先不|算了|错|否|没有|等等|等一下|等下|no\b|nope\b|nah\b|not (?:that|this|yet|now|the)\b|wrong\b|incorrect\b|don'?t\b|do not\b|wait\b|hold on\b|never ?mind\b|stop\b|forget it\b)|` +
		`改(?:变)?主意|(?:不|别|不要|不用|不想|先不)(?:再)?(?:取消|退|办理|提交)了?(?:$|[,。!吧])|\bchanged my mind\b|\b(?:don'?t|do not) (?:cancel|do|want)\b`)
	asksBack = regexp.MustCompile(`[?]|吗|怎么|什么|多少|多久|为什么|哪|几|\b(?:how|what|when|why|where|which|who|does|is it|can i|could)\b`)
)

// longest no, in characters.
const longestNo = 40

// saysYesTo a question whether to act: who was asked "要取消订单吗" and says "取消吧" agrees.
func (t *turn) saysYesTo(question string) bool {
	for _, act := range []string{"取消", "cancel"} {
		if t.choice == "" && strings.HasPrefix(t.plain, act) && strings.Contains(nlp.Fold(question), act) && yesWords.MatchString(t.plain) {
			return true
		}
	}
	return t.saysYes()
}

func (t *turn) saysYes() bool {
	return t.choice == "yes" || t.choice == "" && yesBegins.MatchString(t.plain) && yesWords.MatchString(t.plain)
}

func (t *turn) saysNo() bool {
	return t.choice == "no" || t.choice == "" && len(t.values) == 0 && noWords.MatchString(t.plain) && !asksBack.MatchString(t.plain) && utf8.RuneCountInString(t.plain) <= longestNo
}
