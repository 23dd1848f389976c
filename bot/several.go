package bot

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// mostPieces of a message are looked at one by one; who writes more tells a story.
const mostPieces = 3

var (
	pieceEnds = regexp.MustCompile(`[?!。;]+|\.(?: |$)`)
	joined    = regexp.MustCompile(`,? (?:and|also|plus)(?: also)? (?:how|what|when|where|why|can|could|do|does|is|are|who|which|will)\b|,?(?:还有|另外|顺便问|再问)`)
	// tasks are joined by less: "cancel it and change my address", "查一下订单,顺便开个发票"; each part must be understood by itself.
	taskJoined = regexp.MustCompile(`,? (?:and|then|also|plus)(?: also| then| please)?(?: (?:i(?:'d| would)(?: also)? like to|i(?: also)? (?:want|need)(?: to)?|you can|let me))? ` +
		`(?:cancel|change|refund|return|track|check|update|get|send|give|tell|add|remove|find|exchange|replace|apply|pay|download|issue|request|make|see|show|look|a refund)\b|` +
		`,?(?:顺便|同时|然后|并且|以及)(?:再|也|把|给我|帮我|请)?|,(?:也|再|把|帮我|给我)(?:再|帮我|给我|要)?`)
	joiners = regexp.MustCompile(`^(?:,|and |also |plus |then |please |还有|另外|顺便问一下|顺便问|再问一下|再问|顺便|同时|然后|并且|以及|就是| )+`)
)

// pieces are the questions of a folded message.
func pieces(folded string) []string { return cut(folded, joined) }

// errands are the pieces of a message that may ask for more than one thing to be done.
func errands(folded string) []string { return cut(folded, joined, taskJoined) }

// cut a message into its sentences, and these before what joins two.
func cut(folded string, joints ...*regexp.Regexp) []string {
	parts := pieceEnds.Split(folded, -1)
	for _, joint := range joints {
		var finer []string
		for _, part := range parts {
			from := 0
			for _, at := range joint.FindAllStringIndex(part, -1) {
				finer = append(finer, part[from:at[0]])
				from = at[0]
			}
			finer = append(finer, part[from:])
		}
		parts = finer
	}
	for i, p := range parts {
		parts[i] = strings.TrimSpace(joiners.ReplaceAllString(p, ""))
	}
	return slices.DeleteFunc(parts, func(p string) bool { return utf8.RuneCountInString(p) < 2 })
}

// tokens stand for values.
var tokens = regexp.MustCompile(`<(?:order|tracking|email|id18|card|phone)>`)

// matter is what a piece of a message is about: something to do, an article, or one of some.
type matter struct {
	intent  string
	article Article
	offers  []Article
	values  []int64 // slot rows that the piece names
}

func (m *matter) sure() bool { return m.intent != "" || m.article.ID != "" }

// several answers a message with more than one question, when each by itself is understood well enough.
func (t *turn) several(ctx context.Context) (bool, error) {
	if t.st.top() != nil {
		return false, nil
	}
	asked, wanted := pieces(t.folded), errands(t.folded)
	if len(wanted) > len(asked) { // cut finer, every piece must be sure
		matters, err := t.matters(ctx, wanted)
		if err != nil {
			return false, err
		}
		unsure := func(m matter) bool { return !m.sure() && len(matters) > 2 }
		task := func(m matter) bool { return m.intent != "" }
		if len(matters) == len(wanted) && !slices.ContainsFunc(matters, unsure) && slices.ContainsFunc(matters, task) {
			if done, err := t.together(ctx, matters); done || err != nil {
				return done, err
			}
		}
	}
	matters, err := t.matters(ctx, asked)
	if err != nil {
		return false, err
	}
	return t.together(ctx, matters)
}

// matters of pieces; what is said twice, or is not clear, is left out. There are none when the pieces are too many or too few.
func (t *turn) matters(ctx context.Context, all []string) ([]matter, error) {
	if len(all) < 2 || len(all) > mostPieces {
		return nil, nil
	}
	var matters []matter
	var rows []int64 // of the tokens, in the order of the message
	for i, v := range t.values {
		if tokenOf(v.Type) != "" && i < len(t.fresh) {
			rows = append(rows, t.fresh[i].ID)
		}
	}
	for _, piece := range all {
		m, err := t.matter(ctx, piece)
		if err != nil {
			return nil, err
		}
		n := min(len(tokens.FindAllString(piece, -1)), len(rows))
		m.values, rows = rows[:n], rows[n:]
		same := func(o matter) bool { return o.intent == m.intent && o.article.ID == m.article.ID }
		if (m.sure() || len(m.offers) > 0) && !slices.ContainsFunc(matters, same) {
			matters = append(matters, m)
		}
	}
	return matters, nil
}

// together does what two matters say, or tasks alone one after another.
func (t *turn) together(ctx context.Context, matters []matter) (bool, error) {
	question := func(m matter) bool { return m.intent == "" }
	switch {
	case len(matters) < 2:
		return false, nil
	case !slices.ContainsFunc(matters, question):
		t.step("tasks in one message")
		for i := len(matters) - 1; i > 0; i-- {
			f := t.st.push(matters[i].intent)
			f.Queued = true
			t.named(f, matters[i].values)
		}
		t.step("frame: " + matters[0].intent)
		t.named(t.st.push(matters[0].intent), matters[0].values)
		t.st.Intent, t.reply.Intent, t.st.Clarify = matters[0].intent, matters[0].intent, 0
		return true, t.advance(ctx, "")
	case len(matters) != 2:
		return false, nil
	}
	rank := func(m matter) int { return 2*min(len(m.intent), 1) + min(len(m.article.ID), 1) }
	slices.SortStableFunc(matters, func(a, b matter) int { return rank(b) - rank(a) }) // what is to be done first, what is asked back last
	if !matters[0].sure() {
		return false, nil
	}
	t.step("two questions in one message")
	return true, t.both(ctx, matters[0], matters[1])
}

// matter of a piece; none when it is small talk, or not clear.
func (t *turn) matter(ctx context.Context, piece string) (matter, error) {
	g, err := t.b.guess(ctx, t.e.embed, t.lang, piece)
	if err != nil || g.foreign {
		return matter{}, err
	}
	task := t.active(g.intent) && t.b.intents[g.intent].Kind == KindTask
	if g.intent != "" && !task {
		return matter{}, nil
	}
	if err := t.search(ctx, piece); err != nil {
		return matter{}, err
	}
	p1, _ := t.verdict.top()
	decision := judge(&t.verdict, false)
	answers := decision == DoAnswer && t.verdict.Rule != "interface"
	switch {
	case task && (!answers || g.p >= p1 || tokens.MatchString(piece) && t.gives(g.intent, t.values)):
		return matter{intent: g.intent}, nil
	case answers:
		return matter{article: t.verdict.Articles[0]}, nil
	case decision == DoClarify:
		return matter{offers: t.verdict.Articles}, nil
	}
	return matter{}, nil
}

// named gives a frame the values that its own piece of the message names.
func (t *turn) named(f *frameState, values []int64) {
	for _, id := range values {
		r := t.held.byID(id)
		if r == nil {
			continue
		}
		if t.in.Channel != ChannelCall && !r.unsure() {
			r.P = max(r.P, t.b.policy.Sure)
			t.sync(r)
		}
		for k := range t.b.intents[f.Intent].Frame.Slots {
			if s := &t.b.intents[f.Intent].Frame.Slots[k]; s.key() == r.Name && s.fits(r.plain) && f.Chosen[s.Name] == 0 {
				f.choose(s.Name, id)
				break
			}
		}
	}
}

// both says two things; what is asked back comes last.
func (t *turn) both(ctx context.Context, first, second matter) error {
	if first.intent == "" {
		t.give(first.article)
	} else if err := t.begin(ctx, first.intent); err != nil || t.reason != "" {
		return err
	}
	asks, decision := t.reply.Parts, t.reply.Decision
	switch {
	case !second.sure() && (decision == DoAsk || decision == DoConfirm): // one question back at a time
		t.st.Later = nil
		for _, a := range second.offers[:min(len(second.offers), offered)] {
			t.st.Later = append(t.st.Later, offer{ID: a.ID, Lang: a.Lang, Title: a.Title})
		}
	case !second.sure():
		if l := t.b.policy.line(ReasonUnclear); !l.On || float64(t.st.Clarify) < l.Number {
			t.withoutButtons()
			t.st.Answered = nil
			t.clarify(second.offers)
		}
	case decision == DoAsk || decision == DoConfirm:
		t.reply.Parts, t.reply.Decision = nil, ""
		t.give(second.article)
		t.withoutButtons()
		t.st.Answered = nil
		t.say(decision, asks...)
	default:
		t.withoutButtons()
		t.give(second.article)
	}
	return nil
}

// later asks which article the second question of a message meant, now that its task is done.
func (t *turn) later() {
	all := make([]Article, len(t.st.Later))
	for i, o := range t.st.Later {
		all[i] = Article{ID: o.ID, Lang: o.Lang, Title: o.Title}
	}
	t.st.Later = nil
	t.st.Clarify = 0
	t.offer(all, "also")
}

func (t *turn) withoutButtons() {
	t.reply.Parts = slices.DeleteFunc(t.reply.Parts, func(p Part) bool { return p.Kind == "buttons" })
}
