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
	joiners   = regexp.MustCompile(`^(?:,|and |also |plus |还有|另外|顺便问一下|顺便问|再问一下|再问|就是| )+`)
)

// pieces are the questions of a folded message.
func pieces(folded string) []string {
	var out []string
	for _, sentence := range pieceEnds.Split(folded, -1) {
		from := 0
		for _, at := range joined.FindAllStringIndex(sentence, -1) {
			out = append(out, sentence[from:at[0]])
			from = at[0]
		}
		out = append(out, sentence[from:])
	}
	for i, p := range out {
		out[i] = strings.TrimSpace(joiners.ReplaceAllString(p, ""))
	}
	return slices.DeleteFunc(out, func(p string) bool { return utf8.RuneCountInString(p) < 2 })
}

// matter is what a piece of a message is about: something to do, an article, or one of some.
type matter struct {
	intent  string
	article Article
	offers  []Article
}

func (m *matter) sure() bool { return m.intent != "" || m.article.ID != "" }

// several answers a message with more than one question, when each by itself is understood well enough.
func (t *turn) several(ctx context.Context) (bool, error) {
	all := pieces(t.folded)
	if len(all) < 2 || len(all) > mostPieces || t.st.top() != nil {
		return false, nil
	}
	var matters []matter
	for _, piece := range all {
		m, err := t.matter(ctx, piece)
		if err != nil {
			return false, err
		}
		same := func(o matter) bool { return o.intent == m.intent && o.article.ID == m.article.ID }
		if (m.sure() || len(m.offers) > 0) && !slices.ContainsFunc(matters, same) {
			matters = append(matters, m)
		}
	}
	if len(matters) != 2 || matters[0].intent != "" && matters[1].intent != "" {
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
	case task && (!answers || g.p >= p1):
		return matter{intent: g.intent}, nil
	case answers:
		return matter{article: t.verdict.Articles[0]}, nil
	case decision == DoClarify:
		return matter{offers: t.verdict.Articles}, nil
	}
	return matter{}, nil
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

func (t *turn) withoutButtons() {
	t.reply.Parts = slices.DeleteFunc(t.reply.Parts, func(p Part) bool { return p.Kind == "buttons" })
}
