package bot

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"tingxin/nlp"
)

// Promise is what a customer chose instead of waiting for a person.
type Promise struct {
	// Key is of the turn in which it was made: the same again, when the turn is repeated.
	Key   string
	Queue string
	// Text is the message, or what the conversation was about.
	Text, Lang string
	// Number is where to call.
	Number  string
	Contact int64
	Urgent  bool
	// Ref names the conversation or call it came from: "conversation:12", "call:...".
	Ref string
	// Title of what it is about, empty when that is not known.
	Title string
	// Summary are sentences of the customer.
	Summary []string
}

// Promises keeps them; one whose Key was there before is kept already.
type Promises interface {
	// Message keeps what a customer wrote for whoever works on a queue, and gives the number under which.
	Message(ctx context.Context, p Promise) (ticket int64, err error)
	// CallBack lets an agent of a queue call a number, in its turn or when the queue opens. ErrNumber: it cannot be called.
	CallBack(ctx context.Context, p Promise) error
}

// ErrNumber: nobody can be called there.
var ErrNumber = errors.New("this is no number to call back")

// The choices of somebody who would have to wait.
const (
	choiceWait     = "wait"
	choiceMessage  = "message"
	choiceCallback = "callback"
	choiceStay     = "stay"
)

// insteads are ways to say the choices.
var insteads = []struct {
	form  *regexp.Regexp
	value string
}{
	{regexp.MustCompile(`(?:预约)?回电|回拨|回个?电话|给我打(?:个)?电话|打给我|打我(?:的)?(?:电话|手机)|\b(?:call|ring|phone) me\b|\bcall[ -]?back\b`), choiceCallback},
	{regexp.MustCompile(`^(?:我)?(?:要|想|那就?|就)?(?:给你们)?(?:留个?言|留个?(?:消息|信息))|\b(?:leave|send|write) (?:you |them )?(?:a |my )?message\b`), choiceMessage},
	{regexp.MustCompile(`^(?:那|好|好的|ok|okay|[ ,])*(?:我?(?:继续|就)?等(?:着|吧|待|一下|一会儿?)?|i(?:'ll| will| can) wait|wait)[ ,.!]*$`), choiceWait},
	{regexp.MustCompile(`^(?:(?:那|就)?(?:不用了|不用转了?|不转了|算了|没事了)|never ?mind|no need|forget it)[ ,.!吧]*(?:谢谢|thanks|thank you)?[ ,.!]*$`), choiceStay},
}

// instead is what a folded text chooses in place of the wait, "" when none.
func instead(folded string) string {
	if strings.ContainsAny(folded, "?") || strings.Contains(folded, "吗") {
		return ""
	}
	for _, c := range insteads {
		if c.form.MatchString(folded) {
			return c.value
		}
	}
	return ""
}

// chose takes a choice that was offered beside a handover.
func (t *turn) chose(ctx context.Context) (bool, error) {
	if t.st.Handover == "" {
		return false, nil
	}
	switch t.choice {
	case choiceWait:
		t.step("chose: wait")
		t.hand(t.st.Handover, choiceWait)
	case choiceMessage:
		t.step("chose: message")
		t.leaveMessage()
	case choiceCallback:
		t.step("chose: callback")
		return true, t.callBack(ctx)
	default:
		return false, nil
	}
	return true, nil
}

// leaveMessage asks for the message; a caller speaks it onto a machine.
func (t *turn) leaveMessage() {
	if t.in.Channel == ChannelCall {
		t.reply.Message = t.e.cfg.Queue
		t.say(DoTalk, text(word(t.lang, "chose_message_call")))
		return
	}
	if t.e.promises == nil { // whoever takes the conversation over reads it there
		t.hand(t.st.Handover, choiceMessage)
		return
	}
	t.st.Awaits = choiceMessage
	t.say(DoTalk, text(word(t.lang, "chose_message")))
}

// callBack has the customer called, at a number that is known for sure, or asks for one.
func (t *turn) callBack(ctx context.Context) error {
	if t.e.promises == nil {
		t.hand(t.st.Handover, choiceCallback)
		return nil
	}
	number := t.in.From
	if number == "" {
		if known := t.held.of("phone"); len(known) > 0 && (known[0].Confirmed || known[0].P >= t.b.policy.Sure) {
			number = known[0].plain
		}
	}
	if number == "" {
		t.askNumber()
		return nil
	}
	return t.promiseCall(ctx, number)
}

func (t *turn) askNumber() {
	t.st.Awaits = choiceCallback
	t.say(DoTalk, text(word(t.lang, "chose_callback")))
}

func (t *turn) promiseCall(ctx context.Context, number string) error {
	err := t.e.promises.CallBack(ctx, t.promise("", number))
	if errors.Is(err, ErrNumber) {
		t.step("no number to call back")
		t.askNumber()
		return nil
	}
	if err != nil {
		return err
	}
	t.kept()
	t.e.stats.callbacks.Add(1)
	t.step("call-back promised")
	t.reply.Over = t.in.Channel == ChannelCall
	t.say(DoTalk, text(word(t.lang, "callback_kept", tail(number))))
	return nil
}

// kept: nobody has to take the conversation over any more.
func (t *turn) kept() {
	t.st.Awaits, t.st.Instead = "", false
	t.reply.Kept = true
	if !t.st.Muted {
		t.st.Handover = ""
	}
}

func (t *turn) promise(said, number string) Promise {
	input := t.in.ID
	if input == "" {
		input = "#" + strconv.Itoa(t.n)
	}
	p := Promise{Key: t.s.id + ":" + input, Queue: t.e.cfg.Queue, Text: said, Lang: t.lang, Number: number, Contact: t.s.contact, Urgent: t.st.Urgent, Ref: t.s.subject}
	if i := t.b.intents[t.st.Intent]; i != nil {
		p.Title = inLang(i.Title, t.lang)
	}
	var turns []string
	for _, h := range t.st.History {
		if h.Decision != DoHandover {
			turns = append(turns, h.Text)
		}
	}
	p.Summary = summarise(turns)
	return p
}

// telephone is a number that may be called, as people write it.
var telephone = regexp.MustCompile(`^\+?[0-9][0-9 \-]{3,18}$`)

// awaited takes the message or the number that was asked for.
func (t *turn) awaited(ctx context.Context) (bool, error) {
	awaits := t.st.Awaits
	if awaits == "" || t.e.promises == nil {
		return false, nil
	}
	if t.drops() || t.choice != "" {
		t.st.Awaits = ""
		if t.choice == "" {
			t.step("dropped: " + awaits)
			t.say(DoTalk, text(word(t.lang, "dropped")))
		}
		return t.choice == "", nil
	}
	if awaits == choiceMessage {
		if utf8.RuneCountInString(t.shown) < 2 {
			t.say(DoTalk, text(word(t.lang, "chose_message")))
			return true, nil
		}
		n, err := t.e.promises.Message(ctx, t.promise(t.shown, ""))
		if err != nil {
			return true, err
		}
		t.kept()
		t.e.stats.messages.Add(1)
		t.step("message kept")
		t.say(DoTalk, text(word(t.lang, "message_kept", n)))
		return true, nil
	}
	number := ""
	for _, v := range t.values {
		if nameOf(v.Type) == "phone" {
			number = v.Value
		}
	}
	if said := strings.TrimSpace(nlp.SpokenDigits(t.plain)); number == "" && telephone.MatchString(said) {
		number = strings.NewReplacer(" ", "", "-", "").Replace(said)
	}
	if number == "" {
		t.askNumber()
		return true, nil
	}
	return true, t.promiseCall(ctx, number)
}

// Expect is what a customer is likely to say next, for whoever listens for it.
type Expect struct {
	Digits, Letters, YesNo, Date bool
	// Phrases are the names of choices.
	Phrases []string
}

// expects follows from what the state waits for.
func (t *turn) expects() Expect {
	var x Expect
	label := func() {
		for _, b := range t.st.Buttons {
			if b.Value != "yes" && b.Value != "no" {
				x.Phrases = append(x.Phrases, phraseOf(b.Label))
			}
		}
		x.Phrases = append(x.Phrases, ordinals(t.lang)...)
	}
	switch f := t.st.top(); {
	case t.reply.Offers, len(t.st.Offered) > 0:
		label()
	case t.st.Awaits == choiceCallback:
		x.Digits = true
	case t.st.Awaits != "", f == nil, t.reply.Decision == DoHandover:
	case f.Sure:
		x.YesNo = true
	case f.Confirm != "" && len(f.Options) == 1:
		x.YesNo, x.Digits = true, true // or another value
	case f.Confirm != "":
		x.Digits = true
		label()
	case f.Asks != "":
		t.expectsSlot(f, &x)
		if len(t.st.Buttons) > 0 {
			label()
		}
	}
	return x
}

func (t *turn) expectsSlot(f *frameState, x *Expect) {
	i := t.b.intents[f.Intent]
	if i == nil || i.Frame == nil {
		return
	}
	s := i.Frame.slot(f.Asks)
	if s == nil {
		return
	}
	switch s.Type {
	case "order", "tracking":
		x.Digits, x.Letters = true, t.lettered(s) || f.Asked[s.Name]%2 == 0
	case "phone", "id18", "bank_card":
		x.Digits = true
	case "amount":
		x.Digits = true
		x.Phrases = map[string][]string{"zh": {"元", "块", "块钱", "百", "千", "十"}, "en": {"dollars", "dollar", "yuan", "hundred", "thousand", "cents"}}[t.lang]
	case "date", "time":
		x.Date = true
	}
}

// lettered tells whether numbers of a slot are known to have letters. Where nothing is
// known they are listened for only after a number was misheard: they are easily heard in digits.
func (t *turn) lettered(s *FrameSlot) bool {
	letters := func(text string) bool { return strings.ContainsFunc(text, unicode.IsLetter) }
	for _, r := range t.held.of(s.key()) {
		if letters(r.plain) {
			return true
		}
	}
	house := map[string]string{"order": t.b.policy.Patterns.Order, "tracking": t.b.policy.Patterns.Tracking}[s.Type]
	return letters(escapes.ReplaceAllString(s.Pattern+house, ""))
}

// escapes are classes of a pattern such as \d, which are no letters.
var escapes = regexp.MustCompile(`\\.`)

// punctuation is not spoken.
var punctuation = regexp.MustCompile(`[^\p{L}\p{N}' ]+`)

func phraseOf(label string) string {
	return strings.Join(strings.Fields(punctuation.ReplaceAllString(strings.ToLower(label), " ")), " ")
}

// ordinalWords are what people call the buttons of a list, from the first on.
var ordinalWords = map[string][][]string{
	"zh": {{"第一个", "第一", "一"}, {"第二个", "第二", "二"}, {"第三个", "第三", "三"}, {"第四个", "第四", "四"}, {"第五个", "第五", "五"}},
	"en": {{"the first one", "the first", "first", "one", "number one"}, {"the second one", "the second", "second", "two", "number two"}, {"the third one", "the third", "third", "three", "number three"},
		{"the fourth one", "the fourth", "fourth", "four", "number four"}, {"the fifth one", "the fifth", "fifth", "five", "number five"}},
}

func ordinals(lang string) []string { return slices.Concat(ordinalWords[lang]...) }

// ordinal is the place in a list that a folded text without punctuation means, from 0; -1 for none.
func ordinal(bare string) int {
	for _, lists := range ordinalWords {
		for i, list := range lists {
			if slices.ContainsFunc(list, func(w string) bool { return bareOf(w) == bare }) {
				return i
			}
		}
	}
	return -1
}
