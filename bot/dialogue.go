package bot

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"tingxin/nlp"
)

// maxAsked is how often a value is asked for before a person helps.
const maxAsked = 3

// maxTextValue is the longest text that is taken as a value, in characters.
const maxTextValue = 200

// references to what was mentioned last, by slot name; "it" may be any of them.
var references = regexp.MustCompile(`那个|这个|刚才|上面|它|该订单|\b(?:it|its|that one|this one|(?:that|this|the) (?:order|parcel|package|number))\b`)

// fillTop takes what the frame on top waits for. done tells that the turn is answered.
func (t *turn) fillTop(ctx context.Context, f *frameState) (done bool, err error) {
	i := t.b.intents[f.Intent]
	if i == nil || i.Frame == nil || !t.active(f.Intent) { // it was changed meanwhile
		t.st.pop()
		return false, nil
	}
	if f.Asks == "" && f.Confirm == "" && !f.Sure {
		return false, nil
	}
	agrees := f.Sure && t.saysYesTo(inLang(i.Frame.Sure, t.lang))
	if !agrees && t.drops() && !i.Frame.chooses(f.Asks, t.plain) {
		t.step("dropped: " + f.Intent)
		return true, t.dropTop(ctx)
	}
	t.reply.Intent = f.Intent
	switch {
	case f.Confirm != "":
		done, err = t.confirming(ctx, f, i.Frame)
	case f.Sure:
		switch {
		case agrees:
			f.Sure, f.Agreed, done = false, true, true
		case t.saysNo():
			t.step("not agreed: " + f.Intent)
			return true, t.dropTop(ctx)
		}
	default:
		done, err = t.filling(ctx, f, i.Frame)
	}
	if err != nil || !done {
		t.reply.Intent = ""
		return false, err
	}
	return true, t.advance(ctx, "")
}

// dropTop leaves the frame on top, and goes on with what was asked for beside it.
func (t *turn) dropTop(ctx context.Context) error {
	t.st.pop()
	if next := t.st.top(); next != nil && next.Queued && t.active(next.Intent) {
		t.say(DoTalk, text(word(t.lang, "dropped_next")))
		return t.queued(ctx, next)
	}
	if len(t.st.Later) > 0 {
		t.say(DoTalk, text(word(t.lang, "dropped_next")))
		t.later()
		return nil
	}
	t.say(DoTalk, text(word(t.lang, "dropped")))
	return nil
}

// queued begins what was asked for together with what is done now.
func (t *turn) queued(ctx context.Context, f *frameState) error {
	t.step("next: " + f.Intent)
	t.st.Intent = f.Intent
	return t.advance(ctx, word(t.lang, "next", inLang(t.b.intents[f.Intent].Title, t.lang)))
}

// chooses tells whether a refusal may be meant as one of a slot's choices: "不要了" is a reason for a refund.
func (f *Frame) chooses(name, plain string) bool {
	s := f.slot(name)
	return s != nil && s.Type == "choice" && strings.HasPrefix(plain, "不要了")
}

// slotOf a frame by name.
func (f *Frame) slot(name string) *FrameSlot {
	if i := slices.IndexFunc(f.Slots, func(s FrameSlot) bool { return s.Name == name }); i >= 0 {
		return &f.Slots[i]
	}
	return nil
}

// confirming takes a yes, a no, a choice, or another value.
func (t *turn) confirming(ctx context.Context, f *frameState, frame *Frame) (bool, error) {
	s := frame.slot(f.Confirm)
	if s == nil {
		f.Confirm = ""
		return true, nil
	}
	kind, arg, _ := strings.Cut(t.choice, ":")
	label, _ := t.label(s)
	if s.Type == "choice" && label == "" && t.choice == "" && !t.saysYes() && !t.saysNo() {
		near, err := t.nearest(ctx, f, s) // more of the same instead of a yes
		if err != nil {
			return false, err
		}
		if r := t.held.byID(f.Chosen[s.Name]); r != nil && r.plain == near {
			label = near
		}
	}
	switch {
	case len(s.found(t.values)) > 0: // another value says it all
		t.step("another value instead of a yes")
		f.Confirm, f.Options = "", nil
		delete(f.Chosen, s.Name)
		return true, t.asAsked(ctx, f, s)
	case kind == "slot":
		id, _ := strconv.ParseInt(arg, 10, 64) // 0 is no row
		if !slices.Contains(f.Options, id) || t.held.byID(id) == nil {
			return false, nil
		}
		t.confirm(id)
		f.choose(s.Name, id)
	case s.Type == "choice" && label != "":
		f.Confirm, f.Options = "", nil
		return true, t.take(ctx, f, s, label)
	case len(f.Options) == 1 && t.saysYes():
		t.confirm(f.Options[0])
		f.choose(s.Name, f.Options[0])
	case t.choice == "other" || t.saysNo():
		for _, id := range f.Options {
			if len(f.Options) == 1 { // wrong is only what was read out
				t.refuse(id)
			}
		}
		f.Confirm, f.Options = "", nil
		delete(f.Chosen, s.Name)
		t.promptFor(f, s, word(t.lang, "again")+" ")
		return true, nil
	default:
		return false, nil
	}
	f.Confirm, f.Options = "", nil
	return true, nil
}

func (t *turn) confirm(id int64) {
	if r := t.held.byID(id); r != nil {
		t.step("confirmed: " + r.Name)
		r.Confirmed, r.P = true, 1
		t.confirmed = append(t.confirmed, id)
		t.st.mention(r.Name, id)
		t.sync(r)
	}
}

func (t *turn) refuse(id int64) {
	if r := t.held.byID(id); r != nil {
		t.step("wrong: " + r.Name)
		r.refused = true
		t.refused = append(t.refused, id)
		t.sync(r)
	}
}

// sync carries what was settled over to a row that is not written yet.
func (t *turn) sync(r *row) {
	if i := slices.IndexFunc(t.fresh, func(x row) bool { return x.ID == r.ID }); i >= 0 {
		t.fresh[i].Confirmed, t.fresh[i].P, t.fresh[i].refused = r.Confirmed, r.P, r.refused
	}
}

// filling takes the value that was asked for.
func (t *turn) filling(ctx context.Context, f *frameState, frame *Frame) (bool, error) {
	s := frame.slot(f.Asks)
	if s == nil {
		f.Asks = ""
		return true, nil
	}
	if len(s.found(t.values)) > 0 {
		return true, t.asAsked(ctx, f, s)
	}
	switch s.Type {
	case "choice":
		if label, ok := t.label(s); ok {
			return true, t.take(ctx, f, s, label)
		}
		label, err := t.nearest(ctx, f, s)
		if label == "" || err != nil {
			return false, err
		}
		t.step("nearest choice: " + label)
		if err := t.add(ctx, "customer", newRow(s.key(), label, t.shown, t.b.policy.Sure/2)); err != nil {
			return false, err
		}
		f.Asks, t.why.Took = "", s.Name
		f.choose(s.Name, t.held[0].ID)
		return true, nil
	case "text":
		if err := t.understand(ctx); err != nil {
			return false, err
		}
		other := t.guess.exact || t.guess.intent != "" && t.guess.p > 0.9
		if n := len([]rune(t.in.Text)); !other && n > 0 && n <= maxTextValue && s.fits(strings.TrimSpace(t.in.Text)) {
			return true, t.take(ctx, f, s, strings.TrimSpace(t.shown))
		}
	case "order", "tracking": // an answer to a question for it may be shorter than the pattern dares
		if v := plainNumber(t.plain); v != "" && s.fits(v) {
			return true, t.take(ctx, f, s, v)
		}
	}
	if t.choice == "" && s.Type != "choice" && s.Type != "text" && lacks.MatchString(t.plain) {
		t.step("has no: " + s.Name)
		if f.Asked[s.Name] >= maxAsked {
			t.hand(ReasonLost, s.Name)
			return true, nil
		}
		f.ask(s.Name)
		t.prompted = true
		t.say(DoAsk, text(word(t.lang, "lacks")), buttons(Button{word(t.lang, "human"), "human"}))
		return true, nil
	}
	if looksLikeNumber(t.plain) { // an answer, but no valid one
		t.step("no valid: " + s.Type)
		t.promptFor(f, s, "")
		return true, nil
	}
	return false, nil
}

// label is the choice of a slot that was pressed or named.
func (t *turn) label(s *FrameSlot) (string, bool) {
	if arg, ok := strings.CutPrefix(t.choice, "choice:"); ok {
		return arg, slices.ContainsFunc(s.Choices, func(c map[string]string) bool { return inLang(c, "en") == arg })
	}
	if t.choice != "" {
		return "", false
	}
	return s.choice(t.plain, nlp.Fold)
}

// unlikeliest a choice may be that is asked about, by the cosine; a yes confirms it in any case.
const leastLike = 0.4

// nearest is the choice that an answer in other words may mean, to be asked about; "" for questions and
// other wishes, which are no answers.
func (t *turn) nearest(ctx context.Context, f *frameState, s *FrameSlot) (string, error) {
	if t.e.embed == nil || t.choice != "" || t.plain == "" || asksBack.MatchString(t.plain) || nods.MatchString(t.plain) || waves.MatchString(t.plain) || holdsOn.MatchString(t.plain) {
		return "", nil
	}
	if err := t.understand(ctx); err != nil {
		return "", err
	}
	if t.guess.exact || t.guess.foreign || t.guess.intent != "" && t.guess.intent != f.Intent && t.guess.p > 0.9 {
		return "", nil
	}
	said, err := t.e.embed.Embed(ctx, t.lang, t.folded)
	if err != nil {
		return "", err
	}
	best, label := float32(leastLike), ""
	for _, c := range s.Choices {
		v, err := t.e.embed.Embed(ctx, t.lang, nlp.Fold(inLang(c, t.lang)))
		if err != nil {
			return "", err
		}
		if like := nlp.Dot(said.CLS, v.CLS); like > best {
			best, label = like, inLang(c, "en")
		}
	}
	return label, nil
}

var (
	numberSpaced = regexp.MustCompile(`^(?:是|it'?s|it is|no\.?|#|[a-z ]*\border(?: number| no\.?)?(?: is)?|订单号?(?:码)?(?:是)?)? ?([a-z]{0,4})[ \-_.]*((?:\d+[ \-_.]*)+)(?:[。.,! ]|谢谢|吧|thanks|thank you|please)*$`)
	numberOnly   = regexp.MustCompile(`^(?:是|it'?s)? ?([a-z]{0,4}[-_]?\d[a-z0-9\-_]{3,30})[。.]?$`)
	numberAlone  = regexp.MustCompile(`^[a-z]{0,4}[ \-_.]*(?:\d+[ \-_.]*)+$`)
	manyDigits   = regexp.MustCompile(`^[a-z0-9 \-_.]{1,40}$`)
	digitsInRow  = regexp.MustCompile(`\d{3,}`)
)

// leadIn is said before a number that was looked for.
var leadIn = regexp.MustCompile(`^(?:好的?|嗯+|呃+|哦+|啊|找到了|有了|那个|ok(?:ay)?\b|um+\b|uh+\b|here(?: it is| you go)?\b|found it\b|got it\b|[,.!。 ])+`)

func plainNumber(folded string) string {
	folded = leadIn.ReplaceAllString(folded, "")
	if m := numberOnly.FindStringSubmatch(nlp.SpokenDigits(folded)); m != nil {
		return strings.ToUpper(m[1])
	}
	if m := numberSpaced.FindStringSubmatch(nlp.SpokenDigits(folded)); m != nil { // "A 2025 0701 01", an answer in groups
		if v := strings.NewReplacer(" ", "", "-", "", "_", "", ".", "").Replace(m[2]); len(v) >= 4 && len(v) <= 30 {
			return strings.ToUpper(m[1]) + v
		}
	}
	return ""
}

func looksLikeNumber(folded string) bool {
	f := nlp.SpokenDigits(folded)
	return manyDigits.MatchString(f) && digitsInRow.MatchString(f)
}

// asAsked trusts a value more when it answers a question for it, and corrects a
// dictated one by what the contact is known to have.
func (t *turn) asAsked(ctx context.Context, f *frameState, s *FrameSlot) error {
	for i := range t.held {
		r := &t.held[i]
		if !r.fresh || r.Name != s.Type || r.Turn != t.n {
			continue
		}
		if t.in.Channel == ChannelCall && !t.in.Keys || r.unsure() {
			continue // what was heard is read back
		}
		r.P = max(r.P, 0.95)
		t.sync(r)
	}
	if s.Name != s.Type {
		v := s.found(t.values)[0]
		return t.take(ctx, f, s, v.Value)
	}
	f.Asks = ""
	return nil
}

// take keeps a value under the slot's own name and uses it.
func (t *turn) take(ctx context.Context, f *frameState, s *FrameSlot, value string) error {
	name := s.key()
	r := newRow(name, value, value, 0.95)
	if t.in.Channel == ChannelCall && !t.in.Keys && (s.Type == "order" || s.Type == "tracking") {
		r.P = 0.7
	}
	if err := t.add(ctx, "customer", r); err != nil {
		return err
	}
	f.Asks, t.why.Took = "", s.Name
	f.choose(s.Name, t.held[0].ID)
	return nil
}

// key is the name under which the slot's values are kept.
func (s *FrameSlot) key() string {
	if s.Type == "text" || s.Type == "choice" {
		return s.Name
	}
	if s.Name != s.Type {
		return s.Name
	}
	return s.Type
}

// advance goes on with the frame on top: the next value that is missing or not sure,
// the question whether to act, or the answer. lead is said before a question.
func (t *turn) advance(ctx context.Context, lead string) error {
	if t.reply.Decision != "" && lead == "" { // the turn is answered already
		return nil
	}
	f := t.st.top()
	i := t.b.intents[f.Intent]
	if lead == "" {
		t.reply.Intent = f.Intent
	}
	begun := lead == "" || f.Queued
	f.Queued = false
	for k := range i.Frame.Slots {
		s := &i.Frame.Slots[k]
		r, options := t.choose(f, s)
		switch {
		case r != nil && (r.Confirmed || r.P >= t.b.policy.Sure):
			f.choose(s.Name, r.ID)
			t.st.mention(r.Name, r.ID)
		case s.Optional:
		case r != nil:
			t.askWhether(f, s, []*row{r}, lead)
			return nil
		case len(options) > 0:
			t.askWhether(f, s, options, lead)
			return nil
		default:
			t.promptFor(f, s, lead)
			return nil
		}
	}
	if !begun {
		return nil // everything is there: it is not done behind another answer
	}
	if len(i.Frame.Sure) > 0 && !f.Agreed {
		f.Sure = true
		t.step("asks before it acts")
		t.say(DoConfirm, text(lead+fill(inLang(i.Frame.Sure, t.lang), t.frameValues(f))), t.yesNo())
		return nil
	}
	return t.complete(ctx, f, i)
}

func (t *turn) yesNo() Part {
	return buttons(Button{word(t.lang, "yes"), "yes"}, Button{word(t.lang, "no"), "no"})
}

// choose finds the value for a slot: chosen before, said just now, referred to, held in
// this conversation, held for the contact. More than one gives options.
func (t *turn) choose(f *frameState, s *FrameSlot) (*row, []*row) {
	if r := t.held.byID(f.Chosen[s.Name]); r != nil && !r.refused {
		return r, nil
	}
	if s.Type == "text" || s.Type == "choice" { // belongs to this frame alone
		return nil, nil
	}
	all := slices.DeleteFunc(t.held.of(s.key()), func(r *row) bool { return !s.fits(r.plain) })
	pick := func(keep func(*row) bool) (*row, []*row) {
		var some []*row
		for _, r := range all {
			if keep(r) {
				some = append(some, r)
			}
		}
		switch {
		case len(some) == 0:
			return nil, nil
		case len(some) == 1 || some[0].Confirmed:
			return some[0], nil
		}
		return nil, some[:min(len(some), offered)]
	}
	if r, options := pick(func(r *row) bool { return r.fresh && r.Turn == t.n }); r != nil || options != nil {
		switch {
		case r != nil && t.in.Channel == ChannelCall && !t.in.Keys:
			return t.heardAs(r), nil
		case r != nil && !r.unsure(): // written in the very message that needs it
			r.P = max(r.P, t.b.policy.Sure)
			t.sync(r)
		}
		return r, options
	}
	if references.MatchString(t.plain) {
		if r := t.held.byID(t.st.Mentioned[s.key()]); r != nil && !r.refused {
			return r, nil
		}
	}
	if r, options := pick(func(r *row) bool { return r.Session == t.s.id }); r != nil || options != nil {
		return r, options
	}
	return pick(func(r *row) bool { return r.Scope == scopeContact })
}

// heardAs is what a dictated value most likely was.
func (t *turn) heardAs(r *row) *row {
	rest := slices.DeleteFunc(slices.Clone(t.held), func(x row) bool { return x.ID == r.ID })
	if near, ok := held(rest).near(r.Name, r.plain); ok {
		t.step("heard one place off a known: " + r.Name)
		if known := t.held.byID(near.ID); known != nil {
			known.Confirmed, known.P = false, 0.7 // ask
			return known
		}
	}
	return r
}

// askWhether asks for a yes, or which of several.
func (t *turn) askWhether(f *frameState, s *FrameSlot, options []*row, lead string) {
	f.Asks, f.Confirm, f.Options = "", s.Name, nil
	kind := kindWord(t.lang, s.Type)
	var all []Button
	for _, r := range options {
		f.Options = append(f.Options, r.ID)
		all = append(all, Button{r.Value, fmt.Sprintf("slot:%d", r.ID)})
	}
	t.step("not sure of: " + s.Name)
	if len(options) == 1 {
		ask := word(t.lang, "confirm", tail(options[0].Value), kind)
		if s.Type == "choice" {
			i := slices.IndexFunc(s.Choices, func(c map[string]string) bool { return inLang(c, "en") == options[0].plain })
			ask = word(t.lang, "confirm_choice", inLang(s.Choices[max(i, 0)], t.lang))
		} else if t.in.Channel == ChannelCall {
			ask = word(t.lang, "confirm_call", kind, grouped(options[0].Value))
		}
		t.say(DoConfirm, text(lead+ask), t.yesNo())
		return
	}
	all = append(all, Button{word(t.lang, "other"), "other"})
	t.say(DoConfirm, text(lead+word(t.lang, "which", kind)), buttons(all...))
}

// promptFor asks for a value. Asking for one that is held is a defect and counted.
func (t *turn) promptFor(f *frameState, s *FrameSlot, lead string) {
	if f.Asked[s.Name] >= maxAsked && t.reply.Decision == "" {
		t.step("asked for often enough: " + s.Name)
		t.hand(ReasonLost, s.Name)
		return
	}
	if len(t.held.of(s.key())) > 0 && s.Type != "text" && s.Type != "choice" && f.Asked[s.Name] == 0 {
		t.reask = true
	}
	f.Confirm, f.Options = "", nil
	if f.Asks = s.Name; t.reply.Decision == "" { // behind another answer it is only called to mind
		f.ask(s.Name)
	}
	t.prompted = true
	t.step("asks for: " + s.Name)
	t.say(DoAsk, text(lead+inLang(s.Prompt, t.lang)))
	if f.Asked[s.Name] > 1 && s.Type != "choice" && t.in.Channel != ChannelCall && t.b.policy.line(ReasonAsked).On { // callers know the key
		t.say(DoAsk, text(word(t.lang, "cannot_find")), buttons(Button{word(t.lang, "human"), "human"}))
	}
	if s.Type == "choice" {
		var all []Button
		for _, c := range s.Choices {
			all = append(all, Button{inLang(c, t.lang), "choice:" + inLang(c, "en")})
		}
		t.say(DoAsk, buttons(all...))
	}
}

// complete acts with all values there, and takes the frame off.
func (t *turn) complete(ctx context.Context, f *frameState, i *Intent) error {
	values := t.frameValues(f)
	if i.Frame.Handover {
		t.st.pop()
		t.step("a person finishes it")
		t.hand(ReasonAsked, i.Name)
		return nil
	}
	if i.Frame.Tool != "" {
		tool := t.b.tools[i.Frame.Tool]
		got, err := t.e.tools.call(ctx, tool, values)
		if errors.Is(err, ErrMissing) && tool.Method == http.MethodGet {
			got, err = t.respelled(ctx, f, i.Frame, tool, values)
		}
		t.stage("tool")
		if errors.Is(err, ErrMissing) {
			return t.unknown(f, i, values)
		}
		if err != nil {
			return err
		}
		t.step("tool: " + tool.Name)
		if err := t.learnt(ctx, f, tool, got); err != nil {
			return err
		}
		for name, v := range tool.speak(got, t.lang) {
			values[name] = v
		}
	}
	t.st.pop()
	t.st.Question, t.st.Rejected = t.folded, 0
	t.st.Answered = &answered{Turn: t.n}
	t.say(DoTool, text(fill(inLang(i.Frame.Answer, t.lang), values)))
	if under := t.st.top(); under != nil && under.Queued && t.active(under.Intent) {
		t.st.Answered = nil
		return t.queued(ctx, under)
	} else if under != nil && t.active(under.Intent) {
		t.step("back to: " + under.Intent)
		t.st.Answered = nil
		return t.advance(ctx, word(t.lang, "back"))
	}
	if len(t.st.Later) > 0 {
		t.st.Answered = nil
		t.later()
		return nil
	}
	t.say(DoTool, buttons(Button{word(t.lang, "helpful"), "helpful"}, Button{word(t.lang, "unhelpful"), "unhelpful"}))
	return nil
}

// respelled asks a tool that only reads once more, by a number as it may have been meant: without signs between its
// groups, with digits for the letters that look like them. Another number than the customer's is never acted upon.
func (t *turn) respelled(ctx context.Context, f *frameState, frame *Frame, tool *Tool, values map[string]string) (map[string]string, error) {
	for k := range frame.Slots {
		s := &frame.Slots[k]
		old := values[s.Name]
		if s.Type != "order" && s.Type != "tracking" || old == "" {
			continue
		}
		value := respell(old)
		if value == old || !s.fits(value) {
			continue
		}
		next := maps.Clone(values)
		next[s.Name] = value
		got, err := t.e.tools.call(ctx, tool, next)
		if err != nil {
			return nil, err
		}
		t.step("read as: " + s.Name)
		t.refuse(f.Chosen[s.Name])
		if err := t.add(ctx, "customer", newRow(s.key(), value, old, 0.95)); err != nil {
			return nil, err
		}
		f.choose(s.Name, t.held[0].ID)
		values[s.Name] = value
		return got, nil
	}
	return nil, ErrMissing
}

// respell a number: the letters in front stay, behind them there are only digits.
func respell(number string) string {
	plain := strings.NewReplacer("-", "", "_", "", ".", "", " ", "").Replace(number)
	at := strings.IndexFunc(plain, unicode.IsDigit)
	if at < 0 {
		return number
	}
	digits := strings.NewReplacer("O", "0", "I", "1", "L", "1").Replace(plain[at:])
	if strings.ContainsFunc(digits, func(r rune) bool { return !unicode.IsDigit(r) }) { // letters belong into it
		return plain
	}
	return plain[:at] + digits
}

// learnt: what the tool knew is right, and what it told is remembered.
func (t *turn) learnt(ctx context.Context, f *frameState, tool *Tool, got map[string]string) error {
	for _, id := range f.Chosen {
		if r := t.held.byID(id); r != nil && !r.Confirmed && keeps[r.Name].scope == scopeContact {
			t.confirm(id)
		}
	}
	var rows []row
	for name, value := range tool.Remember {
		if v := got[value]; v != "" && nameForm.MatchString(name) && len(t.held.of(name)) == 0 {
			rows = append(rows, newRow(name, v, "", 1))
		}
	}
	return t.add(ctx, "tool", rows...)
}

// unknown: the tool knows nothing of the values, so the customer is asked for them again.
func (t *turn) unknown(f *frameState, i *Intent, values map[string]string) error {
	said := fill(inLang(i.Frame.Missing, t.lang), values)
	if said == "" {
		said = word(t.lang, "missing")
	}
	t.step("the tool knows nothing of it")
	for k := range i.Frame.Slots {
		s := &i.Frame.Slots[k]
		if id := f.Chosen[s.Name]; id != 0 && !s.Optional {
			t.refuse(id)
			delete(f.Chosen, s.Name)
			f.ask(s.Name)
			f.Agreed = false
			if f.Asked[s.Name] > maxAsked {
				t.hand(ReasonLost, s.Name)
				return nil
			}
			break
		}
	}
	t.prompted = true
	t.say(DoAsk, text(said))
	return nil
}

// frameValues are the values that the frame uses, by slot name.
func (t *turn) frameValues(f *frameState) map[string]string {
	out := make(map[string]string)
	for name, id := range f.Chosen {
		if r := t.held.byID(id); r != nil {
			out[name] = r.plain
		}
	}
	return out
}

// plainValues are the newest values by name, without identity and card numbers.
func (t *turn) plainValues() map[string]string {
	out := make(map[string]string)
	for i := range t.held {
		r := &t.held[i]
		if _, there := out[r.Name]; !there && !r.refused && !sealedName(r.Name) {
			out[r.Name] = r.plain
		}
	}
	return out
}

// spoken are the values as they may be said aloud.
func (t *turn) spoken() map[string]string {
	out := make(map[string]string)
	for _, h := range t.held.shown() {
		out[h.Name] = h.Value
	}
	return out
}

// grouped cuts a number into groups of three or four for reading back: "2025 0702 001".
func grouped(value string) string {
	r := []rune(value)
	var out []string
	for len(r) > 0 {
		n := 4
		switch len(r) {
		case 5, 6, 9:
			n = 3
		}
		n = min(n, len(r))
		out = append(out, string(r[:n]))
		r = r[n:]
	}
	return strings.Join(out, " ")
}
