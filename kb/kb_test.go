package kb

import (
	"context"
	"errors"
	"math"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"tingxin/nlp/embed"
	"tingxin/nlp/embed/embedtest"
)

// bag stands for the model; TestRealModel has the real one.
type bag struct {
	embedtest.Bag
	fail bool
}

func (b bag) Embed(ctx context.Context, lang, text string) (embed.Vectors, error) {
	if b.fail {
		return embed.Vectors{}, embed.ErrBusy
	}
	return b.Bag.Embed(ctx, lang, text)
}

func (b bag) EmbedLater(ctx context.Context, lang, text string) (embed.Vectors, error) {
	return b.Embed(ctx, lang, text)
}

func articles() []Article {
	return []Article{
		{ID: "return", Lang: "en", Title: "How do I return an item?", Variants: []string{"return process", "send an item back", "give back an item"}, Answer: "Choose After-sales in the order. We collect it.",
			Rules: []Rule{{Kind: "contains", Text: "ＲＭＡ"}, {Kind: "regexp", Text: `\brt-\d+\b`}}},
		{ID: "refund", Lang: "en", Title: "When do I get my refund?", Variants: []string{"refund time", "refund not received", "how long for a refund"}, Answer: "Within five working days."},
		{ID: "ship", Lang: "en", Title: "When will my order ship?", Variants: []string{"shipping time", "ship my order", "order not shipped"}, Answer: "Within 24 hours of payment."},
		{ID: "invoice", Lang: "en", Title: "How do I get an invoice?", Variants: []string{"electronic invoice", "download invoice", "invoice for my company"}, Answer: "In the order, choose Invoice."},
		{ID: "return", Lang: "zh", Title: "怎么退货", Variants: []string{"退货流程"}, Answer: "点申请售后。"},
		{ID: "ship", Lang: "zh", Title: "什么时候发货", Answer: "24 小时内。"},
	}
}

func learnt(t testing.TB) *Index {
	t.Helper()
	x, err := NewIndex(t.Context(), "en", articles(), bag{})
	if err != nil {
		t.Fatal(err)
	}
	if err := x.Learn(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	return x
}

func TestTypingMistakesFindTheArticle(t *testing.T) {
	x := learnt(t)
	for question, want := range map[string]string{"refnud not recieved": "refund", "donwload invocie": "invoice"} {
		v := ask(t, x, question)
		if v.Read == "" || v.Hits[0].Article.ID != want {
			t.Errorf("%q is read as %q and finds %s", question, v.Read, v.Hits[0].Article.ID)
		}
	}
	if v := ask(t, x, "download invoice"); v.Read != "" {
		t.Errorf("a question without a mistake is read as %q", v.Read)
	}
}

func ask(t testing.TB, x *Index, question string) Verdict {
	t.Helper()
	v, err := x.Ask(t.Context(), question)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestRulesDecideBeforeTheModel(t *testing.T) {
	x := learnt(t)
	for question, want := range map[string]struct{ id, rule string }{
		"HOW DO I RETURN AN ITEM": {"return", "exact"},
		"refund　time!!":           {"refund", "exact"},
		"what is an rma?":         {"return", "contains"},
		"about RT-55 please":      {"return", "regexp"},
	} {
		v := ask(t, x, question)
		if v.Decision != DecideAnswer || v.Rule != want.rule || v.Hits[0].Article.ID != want.id || v.Hits[0].P != 1 {
			t.Errorf("%q: %s by %q, %+v", question, v.Decision, v.Rule, v.Hits[0].Article.ID)
		}
		for _, h := range v.Hits[1:] {
			if h.at == v.Hits[0].at {
				t.Errorf("%q: the article stands there twice", question)
			}
		}
	}
}

func TestSearchFindsAndRanks(t *testing.T) {
	x := learnt(t)
	for question, want := range map[string]string{
		"i would like to send my item back": "return", "my refund is not received yet": "refund", "please ship the order": "ship", "where to download an invoice": "invoice",
	} {
		v := ask(t, x, question)
		if v.Hits[0].Article.ID != want {
			t.Errorf("%q found %s", question, v.Hits[0].Article.ID)
		}
		last := 1.0
		for _, h := range v.Hits {
			if h.P > last || h.P <= 0 || math.IsNaN(h.P) {
				t.Errorf("%q: probabilities do not fall: %v after %v", question, h.P, last)
			}
			last = h.P
			if h.Article.Lang != "en" {
				t.Errorf("an article in %q", h.Article.Lang)
			}
		}
	}
	if v := ask(t, x, "zzz qqq xxx"); v.Decision == DecideAnswer {
		t.Errorf("nonsense was answered: %+v", v.Hits[0])
	}
}

func TestLearningIsTheSameEachTime(t *testing.T) {
	a, b := learnt(t), learnt(t)
	ta, ca := a.Thresholds()
	tb, cb := b.Thresholds()
	if ta != tb || len(ca) != len(cb) || len(ca) == 0 {
		t.Errorf("%+v and %+v", ta, tb)
	}
	va, vb := ask(t, a, "refund my item"), ask(t, b, "refund my item")
	if va.Hits[0].P != vb.Hits[0].P || va.Decision != vb.Decision {
		t.Error("two verdicts")
	}
	for i, p := range ca {
		if p.Answered < 0 || p.Answered > 1 || p.Wrong < 0 || p.Wrong > 1 || i > 0 && p.P >= ca[i-1].P {
			t.Errorf("curve %+v", p)
		}
	}
}

func TestBeforeLearningOnlyRulesAnswer(t *testing.T) {
	x, err := NewIndex(t.Context(), "en", articles(), bag{})
	if err != nil {
		t.Fatal(err)
	}
	if v := ask(t, x, "refund please"); v.Decision != DecideFallback || len(v.Hits) == 0 {
		t.Errorf("%+v", v)
	}
	if v := ask(t, x, "refund time"); v.Decision != DecideAnswer {
		t.Errorf("%+v", v)
	}
}

func TestDecide(t *testing.T) {
	limits := Thresholds{Answer: 0.7, Clarify: 0.4, Margin: 0.1}
	for _, c := range []struct {
		p    []float64
		want Decision
	}{{nil, DecideFallback}, {[]float64{0.9}, DecideAnswer}, {[]float64{0.75, 0.6}, DecideAnswer}, {[]float64{0.75, 0.7}, DecideClarify}, {[]float64{0.69, 0}, DecideClarify}, {[]float64{0.4}, DecideClarify}, {[]float64{0.39}, DecideFallback}} {
		var hits []Hit
		for _, p := range c.p {
			hits = append(hits, Hit{P: p})
		}
		if got := limits.decide(hits); got != c.want {
			t.Errorf("%v: %s, want %s", c.p, got, c.want)
		}
	}
}

func TestRefusals(t *testing.T) {
	x := learnt(t)
	for _, question := range []string{"", "   ", "\u200b", strings.Repeat("a", MaxQuestion+1)} {
		if _, err := x.Ask(t.Context(), question); !errors.Is(err, ErrQuestion) {
			t.Errorf("%.10q: %v", question, err)
		}
	}
	x.embed = bag{fail: true}
	if _, err := x.Ask(t.Context(), "refund"); !errors.Is(err, embed.ErrBusy) {
		t.Errorf("busy: %v", err)
	}
	for _, a := range []Article{
		{ID: "a", Lang: "en", Title: " "}, {Lang: "en", Title: "x"}, {ID: "a", Title: "x"}, {ID: "a", Lang: "en", Title: "x", Rules: []Rule{{Kind: "regexp", Text: "("}}},
		{ID: "a", Lang: "en", Title: "x", Rules: []Rule{{Kind: "contains", Text: " "}}}, {ID: "a", Lang: "en", Title: "x", Rules: []Rule{{Kind: "magic", Text: "x"}}},
		{ID: "a", Lang: "en", Title: "x", Variants: make([]string, MaxVariants+1)},
	} {
		if a.Check() == nil {
			t.Errorf("%+.60v was taken", a)
		}
	}
	if _, err := NewIndex(t.Context(), "en", articles()[:1], bag{}); err == nil {
		t.Error("an index of one article")
	}
	if _, err := NewIndex(t.Context(), "en", articles(), bag{fail: true}); !errors.Is(err, embed.ErrBusy) {
		t.Errorf("busy: %v", err)
	}
}

func TestPassages(t *testing.T) {
	long := strings.Repeat("这是一句话。", 100) + strings.Repeat("字", 800)
	var joined strings.Builder
	parts := passages(long)
	for _, p := range parts {
		if n := utf8.RuneCountInString(p); n > MaxPassage || n == 0 {
			t.Errorf("a passage of %d characters", n)
		}
		joined.WriteString(p)
	}
	if joined.String() != long || len(parts) < 4 {
		t.Errorf("%d passages, %d of %d bytes", len(parts), joined.Len(), len(long))
	}
	if got := passages("  "); len(got) != 0 {
		t.Errorf("%q", got)
	}
}

func FuzzPassages(f *testing.F) {
	f.Add("a. b. c", 3)
	f.Add(strings.Repeat("x", 400), 0)
	f.Add("\xff。\n", 200)
	f.Fuzz(func(t *testing.T, s string, n int) {
		s = strings.Repeat(s, max(n%300, 1))
		for _, p := range passages(s) {
			if c := utf8.RuneCountInString(p); c > MaxPassage || c == 0 {
				t.Fatalf("a passage of %d characters", c)
			}
		}
	})
}

// TestRealModel shows that meaning counts: the questions share hardly a word with
// the articles. How well that goes is measured by "pbx score faq".
func TestRealModel(t *testing.T) {
	cfg := embed.Config{Runtime: filepath.Join("..", "build/onnxruntime/libonnxruntime.so"), Models: filepath.Join("..", "models")}
	if err := cfg.Check(); err != nil {
		t.Skip(err)
	}
	s := embed.New(cfg)
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	x, err := NewIndex(t.Context(), "zh", articles(), s)
	if err != nil {
		t.Fatal(err)
	}
	for question, want := range map[string]string{"我要把东西退回去": "return", "货物几时寄出": "ship", "訂單幾時發貨": "ship"} {
		if v := ask(t, x, question); v.Hits[0].Article.ID != want {
			t.Errorf("%q found %s", question, v.Hits[0].Article.ID)
		}
	}
}
