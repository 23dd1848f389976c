package kb

import (
	"cmp"
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"time"

	"tingxin/nlp"
	"tingxin/nlp/embed"
)

// Query is a question with who asks.
type Query struct {
	Text string
	// Lang is "zh" or "en"; empty is found out, and a mixed question is asked in both.
	Lang string
	// Audience is Public when empty; Agents see everything.
	Audience Audience
	// Category limits the articles to it and what is under it; empty is all.
	Category string
	// Slots are values that are known already, by name; what an article needs beyond
	// them stands in Candidate.Missing.
	Slots map[string]string
	// Explain weighs the articles even when a rule decides.
	Explain bool
}

// Reasons why no model judged a question.
const (
	NoModel  = "no_model" // no sentence model on this machine
	Indexing = "indexing" // its index is being built
	TooFew   = "too_few"  // fewer than two articles, or nothing learnt yet
	Busy     = "busy"     // too many questions at once, or the model failed
)

// Answer is what to do with a question, and what that rests on.
type Answer struct {
	Decision Decision `json:"decision" enum:"answer,clarify,fallback"`
	Lang     string   `json:"lang" doc:"in which it was answered"`
	// P1 and P2 are the probabilities of the first two candidates.
	P1 float64 `json:"p1"`
	P2 float64 `json:"p2"`
	// PAny is the probability that one of the first three is right.
	PAny float64 `json:"p_any" doc:"that one of the first three candidates is right"`
	// TauA is the threshold of P1 for an answer, TauC that of PAny for asking back, Margin is how
	// far the second must be behind.
	TauA   float64 `json:"tau_a"`
	TauC   float64 `json:"tau_c"`
	Margin float64 `json:"margin"`
	// Rule is the kind of the rule that decided, "" when the model did; Tool is who
	// answers for a rule of the kind "interface".
	Rule     string `json:"rule,omitempty"`
	RuleText string `json:"rule_text,omitempty"`
	Tool     string `json:"tool,omitempty"`
	// Degraded says why no model judged; then only rules answer and the candidates are
	// found by words, without a probability.
	Degraded string `json:"degraded,omitempty" enum:"no_model,indexing,too_few,busy"`
	// Candidates are the articles, likeliest first, at most ten. The first is the
	// answer; the first three are what to offer when asking back.
	Candidates []Candidate `json:"candidates"`
	// Read is the question as it was read where typing mistakes hid what it is about; "" as it was written.
	Read   string  `json:"read,omitempty" doc:"the question as it was read, where it has typing mistakes"`
	Model  string  `json:"model,omitempty" doc:"weights and runtime of the vectors"`
	TookMS float64 `json:"took_ms"`
}

// Candidate is one article with what speaks for it.
type Candidate struct {
	Article *Published `json:"article"`
	P       float64    `json:"p" doc:"calibrated probability that it answers, votes counted"`
	ModelP  float64    `json:"model_p" doc:"the same before votes"`
	Lift    float64    `json:"lift" doc:"what votes added to the log odds"`
	Votes   Votes      `json:"votes"`
	Variant string     `json:"variant,omitempty" doc:"nearest phrasing"`
	Passage string     `json:"passage,omitempty" doc:"nearest passage of the text"`
	// Missing are slots that the article needs and the query does not have.
	Missing  []string           `json:"missing,omitempty"`
	Features map[string]float64 `json:"features,omitempty" doc:"what was weighed"`
}

// maxCandidates of an Answer.
const maxCandidates = 10

// Ask decides about a question. The error is ErrQuestion for one that is empty or too
// long, or the context's; trouble with the model is no error but Answer.Degraded.
func (s *Service) Ask(ctx context.Context, q Query) (Answer, error) {
	begun := time.Now()
	folded := nlp.SpokenDigits(nlp.Fold(q.Text))
	if folded == "" || len(q.Text) > MaxQuestion {
		return Answer{}, ErrQuestion
	}
	s.asked.Add(1)
	var best Answer
	for i, lang := range s.languages(q.Lang, folded) {
		a, err := s.askIn(ctx, lang, folded, q)
		if err != nil {
			return Answer{}, err
		}
		if i == 0 || better(&a, &best) {
			best = a
		}
	}
	s.count(&best)
	took := time.Since(begun)
	s.latency.Observe(took)
	best.TookMS = float64(took.Microseconds()) / 1000
	return best, nil
}

// languages to ask in.
func (s *Service) languages(given, folded string) []string {
	if slices.Contains(Languages, given) {
		return []string{given}
	}
	found := nlp.Detect(folded)
	switch {
	case found.Code == "":
		return []string{s.cfg.Lang}
	case found.Mixed && found.Code == "zh":
		return []string{"zh", "en"}
	case found.Mixed:
		return []string{"en", "zh"}
	}
	return []string{found.Code}
}

func better(a, b *Answer) bool {
	rank := map[Decision]int{DecideFallback: 0, DecideClarify: 1, DecideAnswer: 2}
	if a.Decision != b.Decision {
		return rank[a.Decision] > rank[b.Decision]
	}
	return a.P1 > b.P1
}

func (s *Service) count(a *Answer) {
	switch a.Decision {
	case DecideAnswer:
		s.answered.Add(1)
	case DecideClarify:
		s.clarified.Add(1)
	default:
		s.fellBack.Add(1)
	}
	if a.Rule != "" {
		s.byRule.Add(1)
	}
	if a.Degraded != "" {
		s.degraded.Add(1)
	}
}

// askIn asks in one language: rules, then the model, then words.
func (s *Service) askIn(ctx context.Context, lang, folded string, q Query) (Answer, error) {
	sh := s.shelf.Load()
	return s.askOn(ctx, sh, sh.stack(lang), (*s.indexes.Load())[lang], lang, folded, q)
}

// askOn is askIn over a stack and an index, which may be a draft's.
func (s *Service) askOn(ctx context.Context, sh *shelf, st *stack, x *Index, lang, folded string, q Query) (Answer, error) {
	a := Answer{Decision: DecideFallback, Lang: lang, Candidates: []Candidate{}}
	may := func(at int) bool { return q.may(st.live[st.articles[at].ID]) }
	rule := st.rules.find(folded, may)
	if rule == nil || q.Explain {
		if err := s.byModel(ctx, sh, st, x, q, &a); err != nil {
			return a, err
		}
	}
	if rule == nil && a.Read != "" {
		rule = st.rules.find(a.Read, may)
	}
	if a.Degraded != "" {
		a.Candidates = s.byWords(sh, st, folded, q)
	}
	if rule != nil {
		a.byRule(sh, st, rule)
	}
	a.Candidates = a.Candidates[:min(len(a.Candidates), maxCandidates)]
	for i := range a.Candidates {
		for _, slot := range a.Candidates[i].Article.Needs {
			if strings.TrimSpace(q.Slots[slot]) == "" {
				a.Candidates[i].Missing = append(a.Candidates[i].Missing, slot)
			}
		}
	}
	if len(a.Candidates) > 0 {
		a.P1 = a.Candidates[0].P
	}
	if len(a.Candidates) > 1 {
		a.P2 = a.Candidates[1].P
	}
	a.PAny = AnyOf(a.Candidates, func(c Candidate) float64 { return c.P })
	return a, nil
}

// may tells whether the asker may see an article.
func (q *Query) may(p *Published) bool {
	return p != nil && (p.Audience == Public || q.Audience == Agents) && within(p.Category, CategoryPath(q.Category))
}

func (s *Service) byModel(ctx context.Context, sh *shelf, st *stack, x *Index, q Query, a *Answer) error {
	switch {
	case s.model == nil:
		a.Degraded = NoModel
		return nil
	case x == nil && len(st.articles) < 2, x != nil && x.judge == nil:
		a.Degraded = TooFew
		return nil
	case x == nil:
		a.Degraded = Indexing
		return nil
	}
	v, _, err := x.weigh(ctx, q.Text, func(at int) bool { return q.may(st.live[x.articles[at].ID]) })
	switch {
	case errors.Is(err, ErrQuestion):
		return err
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		if !errors.Is(err, embed.ErrBusy) {
			s.log.Warn("a question could not be judged", "error", err)
		}
		a.Degraded = Busy
		return nil
	}
	for _, h := range v.Hits {
		a.Candidates = append(a.Candidates, sh.candidate(st.live[h.Article.ID], h))
	}
	slices.SortStableFunc(a.Candidates, func(a, b Candidate) int { return cmp.Compare(b.P, a.P) })
	t := sh.shifts[a.Lang].apply(v.Thresholds)
	a.Read = v.Read
	a.TauA, a.TauC, a.Margin, a.Model = t.Answer, t.Clarify, t.Margin, s.model.Version(a.Lang)
	a.Decision = t.decideP(a.Candidates)
	return nil
}

func (t Thresholds) decideP(candidates []Candidate) Decision {
	hits := make([]Hit, min(len(candidates), Offered))
	for i := range hits {
		hits[i].P = candidates[i].P
	}
	return t.decide(hits)
}

func (sh *shelf) candidate(p *Published, h Hit) Candidate {
	c := Candidate{Article: p, ModelP: h.P, Variant: h.Variant, Passage: h.Text, Features: h.Features(), Votes: sh.votes[p.ID]}
	c.Lift = lift(c.Votes, sh.prior)
	c.P = lifted(h.P, c.Lift)
	return c
}

func (a *Answer) byRule(sh *shelf, st *stack, r *ruled) {
	p := st.live[st.articles[r.article].ID]
	first := Candidate{Article: p, Votes: sh.votes[p.ID]}
	if i := slices.IndexFunc(a.Candidates, func(c Candidate) bool { return c.Article.ID == p.ID }); i >= 0 {
		first = a.Candidates[i]
		a.Candidates = slices.Delete(a.Candidates, i, i+1)
	}
	first.P = 1
	a.Decision, a.Rule, a.RuleText, a.Tool, a.Degraded = DecideAnswer, r.kind, r.text, r.tool, ""
	a.Candidates = slices.Insert(a.Candidates, 0, first)
}

// byWords finds articles by the words they share with the question.
func (s *Service) byWords(sh *shelf, st *stack, folded string, q Query) []Candidate {
	scores, self := st.words.Scores(nlp.Words(folded))
	type found struct {
		at    int
		score float32
	}
	var all []found
	for at, score := range scores {
		if score > 0 && q.may(st.live[st.articles[at].ID]) {
			all = append(all, found{at, score})
		}
	}
	slices.SortStableFunc(all, func(a, b found) int { return cmp.Compare(b.score, a.score) })
	out := []Candidate{}
	for _, f := range all[:min(len(all), ranked)] {
		p := st.live[st.articles[f.at].ID]
		out = append(out, Candidate{Article: p, Votes: sh.votes[p.ID], Passage: firstPassage(p.Text),
			Features: map[string]float64{"words": math.Round(float64(f.score)/math.Max(float64(self), 1e-6)*1e4) / 1e4}})
	}
	return out
}

func firstPassage(text string) string {
	if parts := passages(text); len(parts) > 0 {
		return parts[0]
	}
	return ""
}

// Found is what a search gives.
type Found struct {
	Items    []Candidate `json:"items"`
	Lang     string      `json:"lang"`
	Degraded string      `json:"degraded,omitempty" enum:"no_model,indexing,too_few,busy"`
}

// minFound is the least probability of what a search shows that shares no word.
const minFound = 0.02

// Search finds articles for people who look for something: by meaning and by words,
// with what speaks for each. limit is at most 50.
func (s *Service) Search(ctx context.Context, q Query, limit int) (Found, error) {
	folded := nlp.SpokenDigits(nlp.Fold(q.Text))
	if folded == "" || len(q.Text) > MaxQuestion {
		return Found{}, ErrQuestion
	}
	lang := s.languages(q.Lang, folded)[0]
	sh := s.shelf.Load()
	st := sh.stack(lang)
	a := Answer{Lang: lang}
	if err := s.byModel(ctx, sh, st, (*s.indexes.Load())[lang], q, &a); err != nil {
		return Found{}, err
	}
	words := s.byWords(sh, st, cmp.Or(a.Read, folded), q)
	items := slices.DeleteFunc(a.Candidates, func(c Candidate) bool {
		return c.P < minFound && !slices.ContainsFunc(words[:min(len(words), 5)], func(w Candidate) bool { return w.Article.ID == c.Article.ID })
	})
	for _, w := range words { // a word that stands in an article always finds it
		if !slices.ContainsFunc(items, func(c Candidate) bool { return c.Article.ID == w.Article.ID }) {
			items = append(items, w)
		}
	}
	limit = min(max(limit, 1), 50)
	return Found{Items: append([]Candidate{}, items[:min(len(items), limit)]...), Lang: lang, Degraded: a.Degraded}, nil
}

// Suggest is Ask for an agent's desktop: candidates that are about as likely take
// turns by Thompson sampling of their votes, so that new articles get their chance.
// Customers always get the order of Ask.
func (s *Service) Suggest(ctx context.Context, q Query) (Answer, error) {
	q.Audience = Agents
	a, err := s.Ask(ctx, q)
	if err != nil || a.Rule != "" {
		return a, err
	}
	type drawn struct {
		c     Candidate
		score float64
	}
	list := make([]drawn, len(a.Candidates))
	for i, c := range a.Candidates {
		list[i] = drawn{c, c.P * (0.5 + sampleBeta(1+c.Votes.Up, 1+c.Votes.Down))}
	}
	slices.SortStableFunc(list, func(a, b drawn) int { return cmp.Compare(b.score, a.score) })
	for i := range list {
		a.Candidates[i] = list[i].c
	}
	return a, nil
}

// Get is an article that is live, for whoever may see it; nil otherwise.
func (s *Service) Get(id int64, audience Audience) *Published {
	q := Query{Audience: audience}
	if p := s.shelf.Load().byID[id]; q.may(p) {
		return p
	}
	return nil
}

// Find is Get by key and language.
func (s *Service) Find(key, lang string, audience Audience) *Published {
	q := Query{Audience: audience}
	if p := s.shelf.Load().stack(lang).live[key]; q.may(p) {
		return p
	}
	return nil
}

// Published lists what is live in a language and category for an audience, by title.
func (s *Service) Published(lang, category string, audience Audience) []*Published {
	q := Query{Audience: audience, Category: category}
	var out []*Published
	for _, p := range s.shelf.Load().stack(lang).live {
		if q.may(p) {
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(a, b *Published) int { return cmp.Or(cmp.Compare(a.Title, b.Title), cmp.Compare(a.ID, b.ID)) })
	return out
}

// CategoryName is what the last level of a path is called in a language.
func (s *Service) CategoryName(path, lang string) string {
	if name := s.shelf.Load().names[[2]string{path, lang}]; name != "" {
		return name
	}
	return path[strings.LastIndexByte(path, '/')+1:]
}

// CategoryOrder is the place among its like that an editor gave to a category.
func (s *Service) CategoryOrder(path string) int { return s.shelf.Load().order[path] }

// Popular are the public articles of a language that helped most often, then those
// that are new.
func (s *Service) Popular(lang string, n int) []*Published {
	sh := s.shelf.Load()
	out := s.Published(lang, "", Public)
	slices.SortStableFunc(out, func(a, b *Published) int {
		return cmp.Or(cmp.Compare(sh.votes[b.ID].Up-sh.votes[b.ID].Down, sh.votes[a.ID].Up-sh.votes[a.ID].Down), b.UpdatedAt.Compare(a.UpdatedAt))
	})
	return out[:min(len(out), n)]
}
