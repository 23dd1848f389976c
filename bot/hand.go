package bot

import (
	"context"
	"slices"
	"time"

	"tingxin/nlp"
)

// hand decides on a handover. The first reason of a turn stays.
func (t *turn) hand(why Reason, detail string) {
	if t.reason != "" {
		return
	}
	t.reason, t.detail = why, detail
	t.reply.Decision = DoHandover
}

// finish makes the rest of the reply and what the session carries on.
func (t *turn) finish(ctx context.Context, begun time.Time) {
	if t.reason != "" {
		t.handover(ctx)
	}
	switch t.reply.Decision {
	case DoFallback, DoNothing:
	case DoHandover:
		t.st.Fallback = 0
	default:
		t.st.Fallback = 0
	}
	if len(t.reply.Parts) > 0 {
		t.st.Last = nlp.Clip(plainText(onlyText(t.reply.Parts)), maxAction)
	}
	t.st.Buttons = nil
	for _, p := range t.reply.Parts {
		t.st.Buttons = append(t.st.Buttons, p.Buttons...)
	}
	t.st.say(said{Text: nlp.Clip(t.shown, maxTextValue), Folded: nlp.Clip(t.folded, maxTextValue), Lang: t.lang, Decision: t.reply.Decision, Question: t.question, Values: len(t.values) > 0})
	if t.reply.Parts == nil {
		t.reply.Parts = []Part{}
	}
	t.reply.Expect = t.expects()
	t.reply.Slots = t.held.shown()
	if t.reply.Handover != nil {
		t.reply.Handover.Slots = t.reply.Slots
	}
	t.stage("rest")
	t.reply.MS = float64(time.Since(begun).Microseconds()) / 1000
	t.reply.Why = &t.why
}

func onlyText(parts []Part) []Part {
	var out []Part
	for _, p := range parts {
		if p.Kind == "text" {
			out = append(out, p)
		}
	}
	return out
}

// handover makes the packet and tells the customer what happens now.
func (t *turn) handover(ctx context.Context) {
	again := t.st.Handover != ""
	t.reply.Decision = DoHandover
	t.reply.Parts = nil
	t.st.Handover, t.st.Urgent, t.st.Awaits, t.st.Back = t.reason, t.st.Urgent || t.urgent, "", false
	t.st.Muted = t.st.Muted || t.reason == ReasonEmotion
	t.st.Stack = slices.DeleteFunc(t.st.Stack, func(f frameState) bool { return f.Queued }) // a person does it
	intent := t.reply.Intent
	if intent == "" {
		intent = t.st.Intent
	}
	if intent == "" {
		intent = t.guess.intent
	}
	p := &Packet{Reason: t.reason, Detail: t.detail, Queue: t.e.cfg.Queue, Urgent: t.urgent, Session: t.s.id, Channel: t.in.Channel, Contact: t.s.contact, Lang: t.lang,
		Intent: intent, Slots: []Held{}, Articles: append([]Shown{}, t.st.Shown...), Action: t.st.Last, Emotion: t.st.Emotion, Trend: append([]float64{}, t.st.Trend...), Turns: t.n}
	if i := t.b.intents[intent]; i != nil {
		p.Title = inLang(i.Title, t.lang)
	}
	var turns []string
	for _, h := range t.st.History {
		turns = append(turns, h.Text)
	}
	if p.Summary = summarise(append(turns, nlp.Clip(t.shown, maxTextValue))); p.Summary == nil {
		p.Summary = []string{}
	}
	t.reply.Handover = p
	key := "handover"
	switch {
	case t.reason == ReasonEmotion:
		key = "handover_sad"
	case t.detail == "self_harm":
		key = "handover_sos"
	case t.detail == "message" || t.detail == "callback":
		key = "chose_" + t.detail
	}
	t.say(DoHandover, text(word(t.lang, key)))
	if !again {
		t.waiting(ctx)
	}
}

// waiting tells how long it takes, and offers what else can be done when nobody is there.
func (t *turn) waiting(ctx context.Context) {
	if t.e.desk == nil {
		return
	}
	w, err := t.e.desk.Waiting(ctx, t.e.cfg.Queue)
	if err != nil {
		t.e.log.Warn("how it looks at the queue is not known", "queue", t.e.cfg.Queue, "error", err)
		return
	}
	choose := []Button{{word(t.lang, "wait"), choiceWait}, {word(t.lang, "message"), choiceMessage}, {word(t.lang, "callback"), choiceCallback}}
	if t.in.Channel == ChannelCall { // the queue itself tells callers how long it takes
		if t.reply.Offers = t.e.promises != nil && (!w.Open || w.Agents == 0); t.reply.Offers {
			t.reply.Parts = nil
		} else {
			return
		}
	}
	defer func() {
		for _, p := range t.reply.Parts {
			t.st.Instead = t.st.Instead || slices.ContainsFunc(p.Buttons, func(b Button) bool { return b.Value == choiceCallback })
		}
	}()
	barred := t.st.Muted && t.in.Channel == ChannelChat // the bot would not hear what is chosen
	switch {
	case barred && !w.Open:
		t.say(DoHandover, text(word(t.lang, "closed_waits")))
	case barred && w.Agents == 0:
		t.say(DoHandover, text(word(t.lang, "nobody_waits")))
	case barred && (w.Free == 0 || w.Position > 0):
		t.say(DoHandover, text(word(t.lang, "position", w.Position, minutes(max(w.Estimate, 0)))))
	case !w.Open:
		t.say(DoHandover, text(word(t.lang, "closed")), buttons(choose[1:]...))
	case w.Agents == 0:
		t.say(DoHandover, text(word(t.lang, "nobody")), buttons(append(choose, Button{word(t.lang, "stay"), "stay"})...))
	case w.Free > 0 && w.Position == 0:
		t.say(DoHandover, text(word(t.lang, "soon")))
	default:
		t.say(DoHandover, text(word(t.lang, "position", w.Position, minutes(max(w.Estimate, 0)))), buttons(append(choose, Button{word(t.lang, "stay"), "stay"})...))
	}
}

// count bumps the statistics.
func (e *Engine) count(t *turn, took time.Duration) {
	s := &e.stats
	s.turns.Add(1)
	s.latency.Observe(took)
	switch t.reply.Decision {
	case DoAnswer:
		s.answers.Add(1)
	case DoTool:
		s.tools.Add(1)
	case DoAsk, DoConfirm:
		s.asks.Add(1)
	case DoClarify:
		s.clarifies.Add(1)
	case DoFallback:
		s.fallbacks.Add(1)
	case DoHandover:
		s.handovers.Add(1)
	case DoTalk:
		s.talks.Add(1)
	}
	if t.prompted {
		s.prompts.Add(1)
	}
	if t.reask {
		s.reasks.Add(1)
	}
}
