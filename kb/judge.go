package kb

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"

	"tingxin/nlp/learn"
)

// Decision is what to do with a question.
type Decision string

// Decisions.
const (
	DecideAnswer   Decision = "answer"
	DecideClarify  Decision = "clarify"
	DecideFallback Decision = "fallback"
)

// Verdict is a decision with what it rests on.
type Verdict struct {
	Decision Decision
	// Rule is the kind of the rule that decided, else ""; RuleText and Tool are its own.
	Rule, RuleText, Tool string
	// Hits are the articles, likeliest first; the first is the answer, the first three
	// are what to offer when asking back.
	Hits []Hit
	// Thresholds that were applied.
	Thresholds Thresholds
	// Read is the folded question as it was read, "" as it was written: its typing mistakes hid what it is about.
	Read string
}

// Thresholds of a language.
type Thresholds struct {
	// Answer is the lowest probability at which the first article is given.
	Answer float64 `json:"answer"`
	// Clarify is the lowest probability that one of the first three is right at which these are offered.
	Clarify float64 `json:"clarify"`
	// Margin is how far the second must be behind for an answer.
	Margin float64 `json:"margin"`
}

// What thresholds are drawn for.
const (
	wrongAllowed = 0.04 // of answers on held-out questions; 5 % is the promise
	rightShown   = 0.85 // of offers that must hold the right article; a fifth of the lessons have none
	leastShown   = 0.15 // nothing less likely is offered
	margin       = 0.10
)

// Point of the curve behind a threshold.
type Point struct {
	// P is the threshold.
	P float64 `json:"p"`
	// Answered is the share of questions with that or more.
	Answered float64 `json:"answered"`
	// Wrong is the share of those answers that were wrong.
	Wrong float64 `json:"wrong"`
	// Shown is how often the right article was among three, of questions in which one of them was right with that probability or more.
	Shown float64 `json:"shown"`
}

// judge weighs features.
type judge struct {
	model      *learn.Binary
	iso        *learn.Isotonic
	thresholds Thresholds
	curve      []Point
}

// judgeJSON is how a judge is kept.
type judgeJSON struct {
	Model      *learn.Binary   `json:"model"`
	Iso        *learn.Isotonic `json:"isotonic"`
	Thresholds Thresholds      `json:"thresholds"`
	Curve      []Point         `json:"curve"`
}

// MarshalJSON keeps weights, calibration, thresholds and curve.
func (j judge) MarshalJSON() ([]byte, error) {
	return json.Marshal(judgeJSON{j.model, j.iso, j.thresholds, j.curve})
}

// UnmarshalJSON reads what MarshalJSON wrote; another number of features is refused.
func (j *judge) UnmarshalJSON(b []byte) error {
	var v judgeJSON
	if err := json.Unmarshal(b, &v); err != nil {
		return err
	}
	if v.Model == nil || v.Iso == nil || v.Model.Features() != len(featureNames) {
		return errors.New("a judgement does not fit the features of this program")
	}
	*j = judge{v.Model, v.Iso, v.Thresholds, v.Curve}
	return nil
}

// lesson is one question with what was found for it.
type lesson struct {
	hits    []Hit
	article string
	fold    int
	weight  int
}

const (
	lessons     = 5 // folds
	peopleCount = 4 // how much a question of a person counts beside a phrasing
)

// Learn trains the judgement from the articles themselves and from questions that
// people have labelled (those of other languages are left out), and draws the
// thresholds on what was held out. The same input gives the same result.
func (x *Index) Learn(ctx context.Context, questions []Question) error {
	x.prepareParts()
	all, err := x.lessons(ctx, questions)
	if err != nil {
		return err
	}
	var scores []float64
	var right []bool
	judged := make([][]Hit, len(all))
	for k := range lessons {
		m, err := fit(all, func(l lesson) bool { return l.fold != k })
		if err != nil {
			return fmt.Errorf("learn %s: %w", x.lang, err)
		}
		for i, l := range all {
			if l.fold != k {
				continue
			}
			judged[i] = rank(m, l.hits)
			for _, h := range judged[i] {
				scores, right = append(scores, h.score), append(right, h.Article.ID == l.article)
			}
		}
	}
	j := &judge{iso: learn.TrainIsotonic(scores, right)}
	if j.model, err = fit(all, func(lesson) bool { return true }); err != nil {
		return fmt.Errorf("learn %s: %w", x.lang, err)
	}
	j.draw(all, judged)
	x.judge = j
	return nil
}

// lessons finds articles for every phrasing with itself hidden, for every title with
// its article hidden, and for the questions.
func (x *Index) lessons(ctx context.Context, questions []Question) ([]lesson, error) {
	var all []lesson
	add := func(text, article string, hide hidden, weight int) error {
		q, err := x.query(ctx, text, true)
		if err == nil {
			all = append(all, lesson{hits: x.find(q, hide), article: article, weight: weight})
		}
		return err
	}
	labelled := 0
	for _, q := range questions {
		if q.Lang != x.lang {
			continue
		}
		labelled++
		if err := add(q.Text, q.Article, nothing, peopleCount); err != nil {
			return nil, fmt.Errorf("question %q: %w", q.Text, err)
		}
	}
	last := -1
	for i, v := range x.variants {
		if err := add(v.text, x.articles[v.article].ID, hidden{i, -1, nil}, 1); err != nil {
			return nil, err
		}
		if v.article != last {
			last = v.article
			if err := add(v.text, "", hidden{-1, v.article, nil}, 1); err != nil {
				return nil, err
			}
		}
	}
	for k, i := range rand.New(rand.NewPCG(1, 8)).Perm(len(all)) {
		all[i].fold = k % lessons
	}
	return all, nil
}

func fit(all []lesson, use func(lesson) bool) (*learn.Binary, error) {
	var rows [][]float64
	var right []bool
	for _, l := range all {
		if !use(l) {
			continue
		}
		for range l.weight {
			for _, h := range l.hits[:min(len(l.hits), 8)] {
				rows, right = append(rows, h.features), append(right, h.Article.ID == l.article)
			}
		}
	}
	return learn.TrainBinary(rows, right, 3, false)
}

// rank orders hits by the model's score.
func rank(m *learn.Binary, hits []Hit) []Hit {
	out := slices.Clone(hits)
	for i := range out {
		out[i].score = m.Score(out[i].features)
	}
	slices.SortStableFunc(out, func(a, b Hit) int { return cmp.Compare(b.score, a.score) })
	return out
}

// draw finds the thresholds. People's questions count where there are some: phrasings
// of articles are easier to find than what people write.
func (j *judge) draw(all []lesson, judged [][]Hit) {
	people := 0
	for _, l := range all {
		if l.weight > 1 {
			people++
		}
	}
	type top struct {
		p, gap, any  float64
		right, shown bool
	}
	var tops []top
	for i, l := range all {
		if people >= 50 && l.weight == 1 || len(judged[i]) == 0 {
			continue
		}
		h := judged[i]
		t := top{p: j.iso.P(h[0].score), right: h[0].Article.ID == l.article}
		t.gap = t.p
		if len(h) > 1 {
			t.gap = t.p - j.iso.P(h[1].score)
		}
		t.any = AnyOf(h, func(h Hit) float64 { return j.iso.P(h.score) })
		t.shown = slices.ContainsFunc(h[:min(len(h), Offered)], func(h Hit) bool { return h.Article.ID == l.article })
		tops = append(tops, t)
	}
	slices.SortStableFunc(tops, func(a, b top) int { return cmp.Compare(b.any, a.any) })
	j.thresholds = Thresholds{Answer: 0.75, Clarify: 0.40, Margin: margin}
	answered, wrong, shown := 0, 0, 0
	lowest, offered := 1.0, 1.0
	offers := make([]float64, len(tops)+1) // how often the right one was shown, of so many questions
	for i, t := range tops {
		if t.shown {
			shown++
		}
		offers[i+1] = float64(shown) / float64(i+1)
		if (i+1 == len(tops) || tops[i+1].any < t.any) && offers[i+1] >= rightShown {
			offered = t.any
		}
	}
	anys := make([]float64, len(tops))
	for i, t := range tops {
		anys[i] = t.any
	}
	slices.SortStableFunc(tops, func(a, b top) int { return cmp.Compare(b.p, a.p) })
	for i, t := range tops {
		if t.gap >= margin {
			answered++
			if !t.right {
				wrong++
			}
		}
		if i+1 < len(tops) && tops[i+1].p == t.p {
			continue // a threshold cannot part equals
		}
		share := float64(wrong) / float64(max(answered, 1))
		n, _ := slices.BinarySearchFunc(anys, t.p, func(any, p float64) int { // how many have that or more
			if any >= p {
				return -1
			}
			return 1
		})
		j.curve = append(j.curve, Point{t.p, float64(answered) / float64(len(tops)), share, offers[n]})
		if share <= wrongAllowed {
			lowest = t.p
		}
	}
	if len(tops) > 0 {
		j.thresholds.Answer = lowest
		j.thresholds.Clarify = min(max(offered, leastShown), lowest)
	}
}

// Thresholds of the index and the curve they were read from.
func (x *Index) Thresholds() (Thresholds, []Point) {
	if x.judge == nil {
		return Thresholds{}, nil
	}
	return x.judge.thresholds, slices.Clone(x.judge.curve)
}

// Ask judges a question. Before Learn it only ranks, and every decision but a rule's
// is DecideFallback.
func (x *Index) Ask(ctx context.Context, question string) (Verdict, error) {
	return x.ask(ctx, question, nil)
}

// ask is Ask over the articles that may be seen; nil is every one.
func (x *Index) ask(ctx context.Context, question string, may func(article int) bool) (Verdict, error) {
	v, folded, err := x.weigh(ctx, question, may)
	if err != nil {
		return v, err
	}
	if may == nil {
		may = everyone
	}
	if r := x.rules.find(folded, may); r != nil {
		v.byRule(x.articles[r.article], r)
	} else if r := x.rules.find(v.Read, may); r != nil && v.Read != "" {
		v.byRule(x.articles[r.article], r)
	}
	return v, nil
}

// weigh is ask without rules. A question with words in it that look like mistakes is read without them, if that gives more.
func (x *Index) weigh(ctx context.Context, question string, may func(article int) bool) (Verdict, string, error) {
	v, q, err := x.verdict(ctx, question, may)
	if err != nil {
		return v, q.folded, err
	}
	right := x.spell.Mend(q.folded)
	if right == q.folded {
		return v, q.folded, nil
	}
	w, _, err := x.verdict(ctx, right, may)
	if err != nil {
		return v, q.folded, err
	}
	if w.tells(&v) {
		w.Read = right
		v = w
	}
	return v, q.folded, nil
}

// mendedGain is how much likelier offers must become for a question to be read in another way than it is written.
const mendedGain = 0.1

// tells whether a verdict says more than another one of the same question.
func (v *Verdict) tells(other *Verdict) bool {
	rank := []Decision{DecideFallback, DecideClarify, DecideAnswer}
	if v.Decision != other.Decision {
		return slices.Index(rank, v.Decision) > slices.Index(rank, other.Decision)
	}
	if v.Decision == DecideAnswer {
		return v.Hits[0].P > other.Hits[0].P
	}
	likely := func(h Hit) float64 { return h.P }
	return AnyOf(v.Hits, likely) > AnyOf(other.Hits, likely)+mendedGain
}

func (x *Index) verdict(ctx context.Context, question string, may func(article int) bool) (Verdict, query, error) {
	q, err := x.query(ctx, question, false)
	if err != nil {
		return Verdict{}, q, err
	}
	v := Verdict{Decision: DecideFallback, Hits: x.find(q, hidden{-1, -1, may})}
	if j := x.judge; j != nil {
		v.Thresholds = j.thresholds
		v.Hits = rank(j.model, v.Hits)
		for i := range v.Hits {
			v.Hits[i].P = j.iso.P(v.Hits[i].score)
		}
		v.Decision = j.thresholds.decide(v.Hits)
	}
	return v, q, nil
}

func (t Thresholds) decide(hits []Hit) Decision {
	if len(hits) == 0 {
		return DecideFallback
	}
	second := 0.0
	if len(hits) > 1 {
		second = hits[1].P
	}
	switch p := hits[0].P; {
	case p >= t.Answer && p-second >= t.Margin:
		return DecideAnswer
	case AnyOf(hits, func(h Hit) float64 { return h.P }) >= t.Clarify:
		return DecideClarify
	}
	return DecideFallback
}

// Offered is how many articles are offered when asking back.
const Offered = 3

// AnyOf is the probability that one of those that would be offered answers the question: of articles that are about as
// likely none is likely by itself.
func AnyOf[T any](all []T, p func(T) float64) float64 {
	sum := 0.0
	for _, one := range all[:min(len(all), Offered)] {
		sum += p(one)
	}
	return min(sum, 1)
}

// byRule puts the rule's article first with p = 1.
func (v *Verdict) byRule(a Article, r *ruled) {
	at := r.article
	v.Decision, v.Rule, v.RuleText, v.Tool = DecideAnswer, r.kind, r.text, r.tool
	first := Hit{Article: a, at: at}
	if i := slices.IndexFunc(v.Hits, func(h Hit) bool { return h.at == at }); i >= 0 {
		first = v.Hits[i]
		v.Hits = slices.Delete(v.Hits, i, i+1)
	}
	first.P = 1
	v.Hits = slices.Insert(v.Hits, 0, first)
}
