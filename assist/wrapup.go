package assist

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/call"
	"tingxin/nlp"
	"tingxin/nlp/embed"
	"tingxin/nlp/learn"
)

// Proposal is a wrap-up that an agent may take as it is.
type Proposal struct {
	// Dispositions are the likeliest outcomes, at most three.
	Dispositions []Guess    `json:"dispositions" nullable:"false"`
	Summary      []string   `json:"summary" nullable:"false" doc:"at most three sentences of what was said"`
	Tags         []string   `json:"tags" nullable:"false"`
	FollowUpAt   *time.Time `json:"follow_up_at,omitempty" doc:"when somebody was promised to be called again"`
	By           string     `json:"by" enum:"model,words,none" doc:"what chose the outcomes: learnt from past wrap-ups, or words"`
}

// Guess is an outcome with its probability.
type Guess struct {
	Code string  `json:"code"`
	P    float64 `json:"p"`
}

// Bounds of proposals.
const (
	topGuesses    = 3
	summaryLines  = 3
	enoughWrapUps = 60 // of a language, to learn from
	enoughOfOne   = 8  // of a disposition
	mostWrapUps   = 3000
	heldOut       = 5 // every fifth is kept for measuring
	keepModel     = 24 * time.Hour
	retryModel    = time.Hour // after a learning that failed
)

// outcomeModel tells dispositions from what was said, by language.
type outcomeModel struct {
	langs map[string]*outcomeMind
	at    time.Time
}

type outcomeMind struct {
	codes    []string
	model    *learn.Softmax
	version  string
	accuracy float64 // on what it did not learn from
}

// Propose makes a wrap-up for a talk.
func (s *Service) Propose(ctx context.Context, sub Subject) (Proposal, error) {
	t, err := s.talk(ctx, sub)
	if err != nil {
		return Proposal{}, err
	}
	return s.propose(ctx, t)
}

func (s *Service) propose(ctx context.Context, t *Talk) (Proposal, error) {
	p := Proposal{Dispositions: []Guess{}, Summary: []string{}, Tags: []string{}, By: "none"}
	p.Summary = append(p.Summary, summaryOf(t)...)
	p.FollowUpAt = s.promised(ctx, t)
	offered, err := s.parts.Calls.Dispositions(ctx, t.Queue, false)
	if err != nil {
		return p, err
	}
	said := strings.Join(t.said(), "\n")
	if s.parts.Bot != nil && said != "" {
		if u, err := s.parts.Bot.Understand(ctx, t.Lang, nlp.Clip(said, maxQuestion)); err == nil && u.Title != "" && u.Kind == "task" {
			p.Tags = append(p.Tags, nlp.Clip(u.Title, 40))
		}
	}
	for _, topic := range topics {
		if holdsOne(nlp.Fold(said), topic.words) && len(p.Tags) < 5 {
			if name := topic.names[t.Lang]; !slices.Contains(p.Tags, name) {
				p.Tags = append(p.Tags, name)
			}
		}
	}
	if len(offered) == 0 || len(t.Lines) == 0 {
		return p, nil
	}
	if mind := s.outcomeMind(t.Lang); mind != nil {
		guesses, err := s.guessed(ctx, mind, t, offered)
		if err != nil {
			return p, err
		}
		if len(guesses) > 0 {
			p.Dispositions, p.By = guesses, "model"
			return p, s.predict(ctx, t, guesses[0], mind.version)
		}
	}
	if guesses := byWords(t, offered); len(guesses) > 0 {
		p.Dispositions, p.By = guesses, "words"
		return p, s.predict(ctx, t, guesses[0], "words")
	}
	return p, nil
}

// summaryOf are the customer's two sentences that say most, and what was promised at the end.
func summaryOf(t *Talk) []string {
	out := nlp.Summarise(t.said(), summaryLines-1)
	var ours []string
	for i := range t.Lines {
		if t.Lines[i].Side == Agent {
			ours = append(ours, nlp.Sentences(t.Lines[i].Text)...)
		}
	}
	for i := len(ours) - 1; i >= max(0, len(ours)-8); i-- {
		if holdsOne(nlp.Fold(ours[i]), promises) {
			return append(out, ours[i])
		}
	}
	if len(ours) > 0 {
		return append(out, nlp.Summarise(ours, 1)...)
	}
	return nlp.Summarise(t.said(), summaryLines)
}

// promises are words of what somebody will do.
var promises = []string{"会", "将", "为您", "帮您", "给您", "will ", "'ll ", "going to", "i have ", "we have "}

// topics are tags by words.
var topics = []struct {
	names map[string]string
	words []string
}{
	{map[string]string{"zh": "退款", "en": "refund"}, []string{"退款", "退钱", "refund", "money back"}},
	{map[string]string{"zh": "退换货", "en": "return"}, []string{"退货", "换货", "return", "exchange"}},
	{map[string]string{"zh": "物流", "en": "delivery"}, []string{"快递", "物流", "发货", "送到", "deliver", "shipping", "parcel"}},
	{map[string]string{"zh": "故障", "en": "fault"}, []string{"坏了", "故障", "不能用", "漏水", "broken", "does not work", "doesn't work", "faulty"}},
	{map[string]string{"zh": "发票", "en": "invoice"}, []string{"发票", "invoice"}},
	{map[string]string{"zh": "投诉", "en": "complaint"}, complaints},
}

// promised is when the customer was told that somebody comes back, if a day was named.
func (s *Service) promised(ctx context.Context, t *Talk) *time.Time {
	finder := s.finder(ctx)
	for i := len(t.Lines) - 1; i >= max(0, len(t.Lines)-12); i-- {
		l := &t.Lines[i]
		if l.Side != Agent || !holdsOne(nlp.Fold(l.Text), append([]string{"回复", "联系", "跟进", "get back", "follow up", "let you know"}, callMe...)) {
			continue
		}
		values, _ := finder.Find(l.Text, l.At)
		for _, v := range slices.Backward(values) { // "done today, we call you tomorrow": the last day is the promise
			for _, layout := range []string{"2006-01-02T15:04", time.DateOnly} {
				if at, err := time.ParseInLocation(layout, v.Value, s.zone); err == nil && at.After(l.At.Add(-24*time.Hour)) {
					if layout == time.DateOnly {
						at = at.Add(9 * time.Hour)
					}
					return &at
				}
			}
		}
	}
	return nil
}

// outcomeWords are the words of outcomes, found in codes and names of dispositions.
var outcomeWords = []struct {
	of    []string // in the code or a name
	words []string // in what was said
	p     float64
}{
	{[]string{"complain", "投诉"}, complaints, 0.7},
	{[]string{"callback", "call_back", "follow", "回电", "跟进", "回访"}, append([]string{"稍后", "明天", "get back to you", "follow up"}, callMe...), 0.6},
	{[]string{"refund", "退款"}, []string{"退款", "退钱", "refund", "money back"}, 0.6},
	{[]string{"return", "exchange", "退货", "换货"}, []string{"退货", "换货", "send it back", "return", "exchange"}, 0.55},
	{[]string{"transfer", "escalat", "转"}, []string{"转给", "转接", "transfer you", "put you through", "escalate"}, 0.5},
	{[]string{"wrong", "打错", "spam", "骚扰"}, []string{"打错", "wrong number"}, 0.8},
	{[]string{"sale", "order", "成交", "下单"}, []string{"下单", "我要买", "place an order", "i'd like to buy", "i would like to buy"}, 0.5},
	{[]string{"no_answer", "voicemail", "无人"}, []string{"没有人接", "leave a message after"}, 0.5},
	{[]string{"resolved", "solved", "done", "answered", "解决", "已答", "咨询"}, []string{"谢谢", "明白了", "好的", "解决", "thank", "that helps", "great", "perfect"}, 0.45},
}

// byWords guesses outcomes by words, before there is enough to learn from.
func byWords(t *Talk, offered []call.Disposition) []Guess {
	var b strings.Builder
	for i := range t.Lines {
		if t.Lines[i].Side != Machine {
			b.WriteString(t.Lines[i].Text + "\n")
		}
	}
	said := nlp.Fold(b.String())
	var out []Guess
	for _, d := range offered {
		name := strings.ToLower(d.Code + " " + d.NameZH + " " + d.NameEN)
		best := 0.0
		for _, w := range outcomeWords {
			if holdsOne(name, w.of) && holdsOne(said, w.words) {
				best = math.Max(best, w.p)
			}
		}
		if best > 0 {
			out = append(out, Guess{d.Code, best})
		}
	}
	slices.SortStableFunc(out, likelier)
	return out[:min(len(out), topGuesses)]
}

// likelier is the order of guesses.
func likelier(a, b Guess) int { return cmp.Compare(b.P, a.P) }

// guessed are the outcomes that past wrap-ups suggest, among those that may be chosen.
func (s *Service) guessed(ctx context.Context, mind *outcomeMind, t *Talk, offered []call.Disposition) ([]Guess, error) {
	v, err := s.talkVector(ctx, t)
	if err != nil || v == nil {
		return nil, err
	}
	scores := mind.model.Scores(learn.Matrix{Rows: 1, Cols: len(v), Data: v}).Row(0)
	var out []Guess
	for i, code := range mind.codes {
		if slices.ContainsFunc(offered, func(d call.Disposition) bool { return d.Code == code }) {
			out = append(out, Guess{code, round(math.Exp(float64(scores[i])))})
		}
	}
	slices.SortStableFunc(out, likelier)
	return out[:min(len(out), topGuesses)], nil
}

// talkVector is what a talk is learnt by: the mean of the customer's and of our last words.
func (s *Service) talkVector(ctx context.Context, t *Talk) ([]float32, error) {
	if s.parts.Embed == nil {
		return nil, nil
	}
	var theirs, ours []string
	for i := range t.Lines {
		switch t.Lines[i].Side {
		case Customer:
			theirs = append(theirs, t.Lines[i].Text)
		case Agent:
			ours = append(ours, t.Lines[i].Text)
		}
	}
	var out []float32
	for _, text := range []string{strings.Join(theirs[max(0, len(theirs)-12):], " "), strings.Join(ours[max(0, len(ours)-6):], " ")} {
		masked, _ := s.finder(ctx).Mask(nlp.Clip(text, 4*maxQuestion), s.parts.Now()) // what is too long is masked to nothing
		v, err := s.parts.Embed.EmbedLater(ctx, t.Lang, nlp.Clip(nlp.Fold(masked), maxQuestion))
		if errors.Is(err, embed.ErrBusy) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		out = append(out, v.CLS...)
	}
	return out, nil
}

// outcomeMind is the model of a language; nil while there is none. Whoever asks does not
// wait: what is missing or old is learnt by tend.
func (s *Service) outcomeMind(lang string) *outcomeMind {
	if s.outcomesDue() {
		s.rouse()
	}
	if m := s.outcomes.Load(); m != nil {
		return m.langs[lang]
	}
	return nil
}

// rouse wakes tend, which may be awake already.
func (s *Service) rouse() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *Service) outcomesDue() bool {
	m := s.outcomes.Load()
	return s.parts.Embed != nil && (m == nil || s.parts.Now().Sub(m.at) > keepModel)
}

// tend keeps the replies fresh, and learns outcomes when somebody asked for a model that is missing or old.
func (s *Service) tend(ctx context.Context) {
	tick := time.NewTicker(repliesFor)
	defer tick.Stop()
	var tried time.Time
	for {
		s.freshen(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			continue
		case <-s.wake:
		}
		if !s.outcomesDue() || time.Since(tried) < retryModel {
			continue
		}
		tried = time.Now()
		if err := s.learnOutcomesAlone(ctx); err != nil && ctx.Err() == nil {
			s.failed.Add(1)
			s.log.Warn("how calls end was not learnt", "error", err)
		}
	}
}

func (s *Service) learnOutcomesAlone(ctx context.Context) error {
	done, err := s.alone(ctx)
	if err != nil {
		return err
	}
	defer done()
	if !s.outcomesDue() { // the nightly learning was faster
		return nil
	}
	return s.learnOutcomes(ctx)
}

// learnOutcomes learns dispositions from past wrap-ups, and measures that on every fifth.
// The model is seen when it is whole. The caller is alone.
func (s *Service) learnOutcomes(ctx context.Context) error {
	m := &outcomeModel{langs: map[string]*outcomeMind{}, at: s.parts.Now()}
	all, err := s.parts.Calls.Outcomes(ctx, mostWrapUps)
	if err != nil {
		return err
	}
	if len(all) < enoughWrapUps {
		s.outcomes.Store(m)
		return nil
	}
	type lesson struct {
		v    []float32
		code string
	}
	byLang := map[string][]lesson{}
	for _, w := range all {
		t, err := s.talk(ctx, Subject{OfCall, w.CallID})
		if errors.Is(err, ErrSubject) {
			continue
		}
		if err != nil {
			return err
		}
		if len(t.said()) == 0 {
			continue
		}
		v, err := s.talkVector(ctx, t)
		if err != nil {
			return err
		}
		if v != nil {
			byLang[t.Lang] = append(byLang[t.Lang], lesson{v, w.Disposition})
		}
	}
	for lang, lessons := range byLang {
		count := map[string]int{}
		for _, l := range lessons {
			count[l.code]++
		}
		lessons = slices.DeleteFunc(lessons, func(l lesson) bool { return count[l.code] < enoughOfOne })
		mind := &outcomeMind{}
		for code, n := range count {
			if n >= enoughOfOne {
				mind.codes = append(mind.codes, code)
			}
		}
		if slices.Sort(mind.codes); len(lessons) < enoughWrapUps || len(mind.codes) < 2 {
			continue
		}
		train := func(keep func(i int) bool) *learn.Softmax {
			x := learn.Matrix{Cols: len(lessons[0].v)}
			var y []int
			for i, l := range lessons {
				if keep(i) {
					x.Rows++
					x.Data = append(x.Data, l.v...)
					y = append(y, slices.Index(mind.codes, l.code))
				}
			}
			return learn.TrainSoftmax(x, y, len(mind.codes), 1)
		}
		trial, right, asked := train(func(i int) bool { return i%heldOut != 0 }), 0, 0
		for i, l := range lessons {
			if i%heldOut != 0 {
				continue
			}
			asked++
			row := trial.Scores(learn.Matrix{Rows: 1, Cols: len(l.v), Data: l.v}).Row(0)
			best := 0
			for k := range row {
				if row[k] > row[best] {
					best = k
				}
			}
			if mind.codes[best] == l.code {
				right++
			}
		}
		mind.accuracy = float64(right) / float64(max(asked, 1))
		mind.model = train(func(int) bool { return true })
		mind.version = fmt.Sprintf("wrapup-%s-%d", s.parts.Embed.Version(lang), len(lessons))
		m.langs[lang] = mind
		s.log.Info("learnt how calls end", "lang", lang, "wrap_ups", len(lessons), "outcomes", len(mind.codes), "held_out_accuracy", round(mind.accuracy))
	}
	s.outcomes.Store(m)
	return nil
}

// predict keeps the first guess of a call, once.
func (s *Service) predict(ctx context.Context, t *Talk, g Guess, version string) error {
	if t.Kind != OfCall {
		return nil
	}
	_, err := s.parts.DB.Exec(ctx, `insert into predictions (object_type, object_id, kind, value, p, model_version, at)
		select 'call', $1, 'disposition', $2, $3, $4, $5 where not exists (select from predictions where object_type = 'call' and object_id = $1 and kind = 'disposition')`, t.ID, g.Code, g.P, version, s.parts.Now())
	if err != nil {
		return fmt.Errorf("keep the guess of call %s: %w", t.ID, err)
	}
	return nil
}

// LabelWrapUp says in tx how a call did end: a label on what was guessed.
func (s *Store) LabelWrapUp(ctx context.Context, tx pgx.Tx, id, disposition, by string) error {
	if disposition == "" {
		return nil
	}
	_, err := tx.Exec(ctx, `insert into labels (prediction_id, value, by, at) select id, $2, $3, $4 from predictions where object_type = 'call' and object_id = $1 and kind = 'disposition'`, id, disposition, by, s.now())
	return err
}
