package kb

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"

	"tingxin/pg/pgtest"
)

func TestTrainOnLabelledQuestions(t *testing.T) {
	t.Parallel()
	s, _ := stocked(t, newVersioned("1"))
	var questions []Question
	for i := range 60 {
		for key, text := range map[string]string{"refund": "my refund number %d is not received", "invoice": "invoice %d download please", "": "the weather on day %d"} {
			questions = append(questions, Question{Lang: "en", Text: fmt.Sprintf(text, i), Article: key})
		}
	}
	must(t, s.store.db.Tx(t.Context(), func(tx pgx.Tx) error { return s.store.Label(t.Context(), tx, "mei", "human", questions...) }))
	must(t, s.Train(t.Context(), "en", "mei"))
	settled(t, s)
	all, err := s.Judgements(t.Context())
	must(t, err)
	en := all[1]
	if en.Lang != "en" || en.Questions != len(questions) || len(en.Judgements) < 2 || len(en.Curve) == 0 {
		t.Fatalf("%+v", en)
	}
	// The server may have learnt by itself too, because there was so much more to learn from.
	i := slices.IndexFunc(en.Judgements, func(l Learnt) bool { return l.By == "mei" })
	if i < 0 {
		t.Fatalf("%+v", en.Judgements)
	}
	last := en.Judgements[i]
	if last.Learnt == 0 || last.Learnt >= len(questions) || last.Own.Questions < MinReplay || last.Before == nil || last.Learnt+last.Own.Questions != len(questions) {
		t.Errorf("%+v", last)
	}
	if last.Active && last.Reason != "" {
		t.Errorf("taken although %q", last.Reason)
	}
	if a := asked(t, s, Query{Text: "my refund number 99 is not received", Lang: "en"}); a.Candidates[0].Article.Key != "refund" {
		t.Errorf("%+v", a)
	}
	if err := s.Train(t.Context(), "fr", "mei"); !errors.Is(err, ErrTrain) {
		t.Errorf("%v", err)
	}
	none := startService(t, pgtest.New(t), nil)
	if err := none.Train(t.Context(), "en", "mei"); !errors.Is(err, ErrTrain) {
		t.Errorf("%v", err)
	}
}

func TestShiftMovesThresholds(t *testing.T) {
	t.Parallel()
	s, _ := stocked(t, newVersioned("1"))
	q := Query{Text: "is there a refund somewhere", Lang: "en"}
	before := asked(t, s, q)
	must(t, s.store.db.Tx(t.Context(), func(tx pgx.Tx) error {
		return s.store.SetShift(t.Context(), tx, "mei", "en", Shift{Answer: -0.1, Clarify: -0.05})
	}))
	must(t, s.Changed(t.Context()))
	after := asked(t, s, q)
	if math.Abs(before.TauA-0.1-after.TauA) > 1e-9 || after.TauC > before.TauC || after.TauC > after.TauA {
		t.Errorf("%v %v became %v %v", before.TauA, before.TauC, after.TauA, after.TauC)
	}
	for _, bad := range []Shift{{Answer: 0.11}, {Clarify: -0.2}, {Answer: math.NaN()}} {
		if err := s.store.db.Tx(t.Context(), func(tx pgx.Tx) error { return s.store.SetShift(t.Context(), tx, "mei", "en", bad) }); err == nil {
			t.Errorf("%+v was taken", bad)
		}
	}
}

// A judgement comes back from its row as it was, and one of another program is refused.
func TestJudgementIsKept(t *testing.T) {
	x := learnt(t)
	doc, err := json.Marshal(x.judge)
	must(t, err)
	var again judge
	must(t, json.Unmarshal(doc, &again))
	before := ask(t, x, "refund my item")
	x.judge = &again
	if after := ask(t, x, "refund my item"); after.Hits[0].P != before.Hits[0].P || after.Decision != before.Decision || after.Thresholds != before.Thresholds {
		t.Errorf("%+v became %+v", before.Hits[0], after.Hits[0])
	}
	for _, bad := range []string{`{}`, `{"model":{"mean":[0],"scale":[1],"weight":[1],"bias":0},"isotonic":{"at":[],"p":[]}}`, `{"model":{"mean":[0],"scale":[],"weight":[1]}}`} {
		if json.Unmarshal([]byte(bad), &again) == nil {
			t.Errorf("%s was read", bad)
		}
	}
}

// A server learns while articles come in: the judgement of the first few, which answers hardly anything and
// so is never wrong, gives way to that of all of them. It stayed for ever.
func TestJudgementOfHalfAnImportGivesWay(t *testing.T) {
	better := Figures{Questions: 80, MRR: 0.88, Wrong: 1.2, Right: 46}
	makeshift := Figures{Questions: 80, MRR: 0.66, Wrong: 0, Right: 7}
	if better.Worse(&makeshift) == "" || better.worseThanMakeshift(&makeshift) != "" {
		t.Errorf("%q %q", better.Worse(&makeshift), better.worseThanMakeshift(&makeshift))
	}
	if known := (Figures{Questions: 80, MRR: 0.89, Right: 45}); better.worseThanMakeshift(&known) != "" {
		t.Errorf("%q", better.worseThanMakeshift(&known))
	}
	for _, bad := range []Figures{{Questions: 80, MRR: 0.6, Right: 46}, {Questions: 80, MRR: 0.9, Wrong: 5.1}} {
		if bad.worseThanMakeshift(&makeshift) == "" {
			t.Errorf("%+v was taken", bad)
		}
	}
	// An index that is built before the judgement of the one before it is known is judged anew afterwards.
	s := &Service{progress: map[string]Progress{"en": {hash: "all", judge: 0}}}
	sh := &shelf{langs: map[string]*stack{"en": {hash: "all", articles: make([]Article, 63)}}, judges: map[string]judged{"en": {id: 2, articles: 12, labels: 355}}, labels: map[string]int{"en": 355}}
	if !s.due(sh, "en") {
		t.Error("it is not learnt anew though it was never tried with all articles")
	}
	s.progress["en"] = Progress{hash: "all", judge: 2, tried: "all", labels: 355}
	if s.due(sh, "en") {
		t.Error("it is learnt again and again")
	}
}
