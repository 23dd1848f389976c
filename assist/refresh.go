package assist

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"tingxin/bot"
	"tingxin/kb"
	"tingxin/nlp"
)

// What a card needs to come up.
const (
	minP       = 0.2 // of an article; agents judge for themselves
	minWords   = 0.3 // of an article found by words: the share of the question's weight
	minLead    = 0.1 // of intents
	moreOthers = 2
	whole      = 400 // characters up to which a whole article is inserted
)

// refreshing is one making of a board. Only its goroutine touches it.
type refreshing struct {
	s *Service
	t *Talk
	b *boardRow

	understood bot.Understood
	slots      []Slot
	question   string
	asked      time.Time
	changed    bool
	cards      []*card
	events     []kb.Event
	doubt      *Question
}

// all makes what is new of the three cards; what has not changed stays as it is.
func (r *refreshing) all(ctx context.Context) error {
	var err error
	if r.slots, err = r.s.slots(ctx, r.t); err != nil {
		return err
	}
	if r.t.turn() != r.b.turn || r.b.fresh {
		if err := r.listen(ctx); err != nil {
			return err
		}
	}
	if err := r.script(ctx); err != nil {
		return err
	}
	return r.do(ctx)
}

// listen finds what answers the customer's last words.
func (r *refreshing) listen(ctx context.Context) error {
	r.question, r.asked = r.t.question()
	if strings.TrimSpace(r.question) == "" {
		return nil
	}
	if r.s.parts.Bot != nil {
		u, err := r.s.parts.Bot.Understand(ctx, r.t.Lang, r.question)
		if err != nil && ctx.Err() != nil {
			return err
		}
		if err == nil { // without an intent the other cards stand all the same
			r.understood = u
		}
	}
	if r.understood.Kind == bot.KindTalk || utf8.RuneCountInString(nlp.Fold(r.question)) < 2 {
		return nil // thanks and good day: the answer that stands stays
	}
	return r.answer(ctx)
}

func (r *refreshing) answer(ctx context.Context) error {
	slots := map[string]string{}
	for _, s := range r.slots {
		slots[s.Name] = s.Value
	}
	a, err := r.s.parts.Articles.Suggest(ctx, kb.Query{Text: r.question, Lang: r.t.Lang, Slots: slots})
	if errors.Is(err, kb.ErrQuestion) {
		return nil
	}
	if err != nil {
		return err
	}
	r.b.doc.Degraded = a.Degraded
	reply, err := r.s.nearReply(ctx, r.t.Lang, r.question, r.b.doc.Replies)
	if err != nil {
		return err
	}
	found := slices.DeleteFunc(slices.Clone(a.Candidates), func(c kb.Candidate) bool {
		return slices.Contains(r.b.doc.Dismissed, c.Article.ID) || !good(&c, a.Degraded)
	})
	r.doubtful(ctx, &a)
	if len(found) == 0 && reply == nil {
		return nil // nothing better: what stands there stays
	}
	next := &Answer{}
	if len(found) > 0 {
		next, err = r.s.article(ctx, &a, &found[0])
		if err != nil {
			return err
		}
		for _, c := range found[1:min(len(found), 1+moreOthers)] {
			next.More = append(next.More, Other{c.Article.ID, c.Article.Title, passage(&c), round(c.P)})
		}
	}
	next.Reply = reply
	r.place(next)
	return nil
}

// good tells whether a candidate may come up.
func good(c *kb.Candidate, degraded string) bool {
	if degraded != "" {
		return c.P == 1 || c.Features["words"] >= minWords
	}
	return c.P >= minP
}

// passage is what would be inserted of an article.
func passage(c *kb.Candidate) string {
	if utf8.RuneCountInString(c.Article.Text) <= whole || c.Passage == "" {
		return strings.TrimSpace(c.Article.Text)
	}
	return c.Passage
}

func round(p float64) float64 { return math.Round(p*1e3) / 1e3 }

// article makes the card of a candidate.
func (s *Service) article(ctx context.Context, a *kb.Answer, c *kb.Candidate) (*Answer, error) {
	p := c.Article
	taken, shown, err := s.store.taken(ctx, p.ID, s.parts.Now().AddDate(0, 0, -180))
	if err != nil {
		return nil, err
	}
	out := &Answer{Article: p.ID, Key: p.Key, Title: p.Title, Text: passage(c), P: round(c.P), Audience: string(p.Audience), Owner: p.Owner, ReviewBy: p.ReviewBy,
		Overdue: p.ReviewBy != "" && p.ReviewBy < s.parts.Now().UTC().Format(time.DateOnly),
		Why:     &Why{Variant: c.Variant, Up: round(c.Votes.Up), Down: round(c.Votes.Down), Taken: taken, Shown: shown, Missing: c.Missing}}
	if a.Rule != "" && len(a.Candidates) > 0 && a.Candidates[0].Article.ID == p.ID {
		out.Why.Rule, out.Why.Words = a.Rule, a.RuleText
	}
	return out, nil
}

// place puts an answer where the old one stands, unless it says the same.
func (r *refreshing) place(next *Answer) {
	old := r.b.doc.Answer
	if old != nil && old.Article == next.Article && old.Text == next.Text {
		next.Card = old.Card
	} else if next.Article != 0 {
		r.cards = append(r.cards, &card{place: "answer", article: next.Article, p: next.P, text: next.Text, id: &next.Card})
		r.events = append(r.events, kb.Event{Article: next.Article, Kind: kb.Shown, Channel: "assist", Conversation: string(r.t.Kind) + ":" + r.t.ID, P: next.P})
	}
	if next.Reply != nil {
		if old != nil && old.Reply != nil && old.Reply.Reply == next.Reply.Reply {
			next.Reply.Card = old.Reply.Card
		} else {
			r.cards = append(r.cards, &card{place: "reply", reply: next.Reply.Reply, p: next.Reply.Like, text: next.Reply.Text, id: &next.Reply.Card})
		}
	}
	if old != nil && old.Card == next.Card && next.Card != 0 && (old.Reply == nil) == (next.Reply == nil) && (old.Reply == nil || old.Reply.Card == next.Reply.Card) {
		next.P, next.Why, next.More = old.P, old.Why, old.More // the same card does not move
	} else {
		r.changed = true
	}
	r.b.doc.Answer = next
}

// doubtful notes a question that no article answers surely: what to learn from.
func (r *refreshing) doubtful(ctx context.Context, a *kb.Answer) {
	if a.Degraded != "" || a.Rule != "" || a.P1 >= a.TauA || utf8.RuneCountInString(r.question) < shortLine {
		return
	}
	masked, _ := r.s.finder(ctx).Mask(r.question, r.asked)
	names, err := r.s.namesOf(ctx, r.t.Name, r.t.Contact) // how a customer is called is nobody's business
	text := without(nlp.Fold(masked), names)
	if err != nil || text == "" {
		return
	}
	r.doubt = &Question{Source: string(r.t.Kind), Ref: r.t.ID + "/" + itoa(r.t.turn()), Subject: r.t.ID, Contact: r.t.Contact, Lang: r.t.Lang, Text: text, P: a.P1, Why: "unsure", At: r.asked}
}

// script chooses one if there is none, and ticks what was said.
func (r *refreshing) script(ctx context.Context) error {
	b := r.b
	if b.script == "" || b.chosen == "queue" && len(b.ticks) == 0 {
		name, version, why, err := r.s.choose(ctx, r.t, r.understood.Intent)
		if err != nil {
			return err
		}
		if name != "" && (name != b.script || version != b.version) {
			b.script, b.version, b.chosen, b.ticks = name, version, why, Ticks{}
			r.begin()
		}
	}
	if b.script == "" {
		return nil
	}
	d, err := r.s.store.script(ctx, b.script, b.version)
	if err != nil {
		if isMissing(err) { // it was deleted: another one may come
			b.script, b.version, b.chosen, b.doc.Script = "", 0, "", 0
			r.changed = true
			return nil
		}
		return err
	}
	items, err := d.compile()
	if err != nil {
		return err
	}
	behind := b.seen
	if len(b.ticks) == 0 {
		behind = 0 // a script that comes late hears what was said before
	}
	if b.ticks.hear(items, r.t.Lines, behind) {
		r.changed = true
	}
	return nil
}

// begin logs that a script came up.
func (r *refreshing) begin() {
	r.changed = true
	r.cards = append(r.cards, &card{place: "script", action: r.b.script, id: &r.b.doc.Script})
}

// choose finds the script of a talk: by intent, else by queue; none is "".
func (s *Service) choose(ctx context.Context, t *Talk, intent string) (name string, version int, why string, err error) {
	all, err := s.store.Scripts(ctx)
	if err != nil {
		return "", 0, "", err
	}
	var best *Script
	for i := range all {
		sc := &all[i]
		if sc.Retired || sc.Doc.Lang != t.Lang {
			continue
		}
		switch {
		case intent != "" && slices.Contains(sc.Doc.Intents, intent):
			if why != "intent" {
				best, why = sc, "intent"
			}
		case t.Queue != "" && slices.Contains(sc.Doc.Queues, t.Queue) && why == "":
			best, why = sc, "queue"
		}
	}
	if best == nil {
		return "", 0, "", nil
	}
	return best.Name, best.Version, why, nil
}

// complaints are words after which a ticket is of that type.
var complaints = []string{"投诉", "举报", "曝光", "complain", "unacceptable", "legal action", "consumer protection"}

var callMe = []string{"回电", "打给我", "给我打电话", "回个电话", "call me back", "call back", "ring me"}

// do fills the third card.
func (r *refreshing) do(ctx context.Context) error {
	next, err := r.act(ctx)
	if err != nil {
		return err
	}
	old := r.b.doc.Do
	if next == nil || next.same(old) {
		return nil
	}
	if old != nil && old.Action == next.Action && r.t.turn() == r.b.turn && !r.b.fresh && r.t.Over == (old.Action == SetDisposition) {
		next.Card = old.Card // the same act, better filled in
	} else {
		r.cards = append(r.cards, &card{place: "do", action: next.Action, id: &next.Card})
	}
	r.changed = true
	r.b.doc.Do = next
	return nil
}

// act is the one thing to do now; nil leaves what stands there.
func (r *refreshing) act(ctx context.Context) (*Do, error) {
	t, old := r.t, r.b.doc.Do
	may := func(action string) bool { return !slices.Contains(r.b.doc.Acts, action) }
	if t.Kind == OfCall && t.Over && may(SetDisposition) {
		if d, err := r.disposition(ctx); d != nil || err != nil {
			return d, err
		}
	}
	if r.question == "" && old != nil {
		return r.again(old), nil
	}
	folded := nlp.Fold(r.question)
	u := &r.understood
	switch {
	case u.Tool != "" && r.holds(u.Needs) && may(LookUp):
		return &Do{Action: LookUp, Title: u.Title, Slots: r.only(u.Needs), Method: "POST", Path: "/assist/look-up",
			Body: map[string]any{"kind": t.Kind, "id": t.ID, "intent": u.Intent}}, nil
	case t.Queue != "" && r.value("phone") != "" && holdsOne(folded, callMe) && may(CallBack):
		title := u.Title
		if u.Kind == bot.KindTalk { // that a number was given is not what it is about
			title = ""
		}
		return &Do{Action: CallBack, Title: title, Slots: r.only([]string{"phone"}), Method: "POST", Path: "/callbacks",
			Body: map[string]any{"queue": t.Queue, "number": r.value("phone")}}, nil
	case u.Kind == bot.KindTalk && old != nil:
		return r.again(old), nil
	case t.Kind != OfTicket && may(CreateTicket) && len(t.said()) > 0:
		return r.newTicket(folded)
	}
	return nil, nil
}

// again is the old act with what became known since.
func (r *refreshing) again(old *Do) *Do {
	if old.Action != CreateTicket {
		return nil
	}
	next := *old
	next.Slots = r.only(nil)
	return &next
}

func (r *refreshing) newTicket(folded string) (*Do, error) {
	t, u := r.t, &r.understood
	kind := "question"
	switch {
	case holdsOne(folded, complaints):
		kind = "complaint"
	case strings.Contains(u.Intent, "refund"):
		kind = "refund"
	case strings.Contains(u.Intent, "return") || strings.Contains(u.Intent, "exchange"):
		kind = "return"
	case strings.Contains(u.Intent, "fault") || strings.Contains(u.Intent, "repair"):
		kind = "fault"
	}
	subject := u.Title
	summary := nlp.Summarise(t.said(), 3)
	if subject == "" && len(summary) > 0 {
		subject = summary[0]
	}
	body := map[string]any{"type": kind, "subject": nlp.Clip(subject, 100), "body": strings.Join(summary, "\n"), "language": t.Lang, "source": t.Kind, "source_ref": t.ID}
	if t.Contact != 0 {
		body["contact"] = t.Contact
	}
	if kind == "complaint" {
		body["complaint"] = true
	}
	if order := r.value("order"); order != "" && (kind == "return" || kind == "refund") {
		body["fields"] = map[string]any{"order": order}
	}
	return &Do{Action: CreateTicket, Title: nlp.Clip(subject, 100), Slots: r.only(nil), Method: "POST", Path: "/tickets", Body: body}, nil
}

// disposition proposes how a call went.
func (r *refreshing) disposition(ctx context.Context) (*Do, error) {
	p, err := r.s.propose(ctx, r.t)
	if err != nil || len(p.Dispositions) == 0 {
		return nil, err
	}
	first := p.Dispositions[0]
	return &Do{Action: SetDisposition, Title: first.Code, Slots: r.only(nil), Method: "PUT", Path: "/calls/" + r.t.ID + "/wrap-up",
		Body: map[string]any{"disposition": first.Code, "notes": strings.Join(p.Summary, "\n"), "tags": p.Tags}}, nil
}

func (r *refreshing) value(name string) string {
	for _, s := range r.slots {
		if s.Name == name {
			return s.Value
		}
	}
	if name == "phone" && r.t.Kind == OfCall {
		return r.t.Number
	}
	return ""
}

func (r *refreshing) holds(needs []string) bool {
	for _, n := range needs {
		if r.value(n) == "" {
			return false
		}
	}
	return true
}

// only are the slots of some names; of all when there are none.
func (r *refreshing) only(wanted []string) []Slot {
	out := []Slot{}
	for _, s := range r.slots {
		if wanted == nil || slices.Contains(wanted, s.Name) {
			out = append(out, s)
		}
	}
	for _, name := range wanted {
		if !slices.ContainsFunc(out, func(s Slot) bool { return s.Name == name }) {
			if v := r.value(name); v != "" {
				out = append(out, Slot{name, v})
			}
		}
	}
	return out
}

func holdsOne(folded string, words []string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(folded, w) })
}

// note keeps what the articles and the learning hear of a refreshing; losing it costs nobody an answer.
func (s *Service) note(ctx context.Context, r *refreshing) {
	if err := s.parts.Articles.Store().Record(ctx, r.events...); err != nil {
		s.log.Warn("an article that was shown was not noted", "error", err)
	}
	if r.doubt != nil {
		if err := s.store.addQuestions(ctx, *r.doubt); err != nil {
			s.log.Warn("a question without an answer was not noted", "error", err)
		}
	}
}
