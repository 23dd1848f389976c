package kb

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"tingxin/pg"
)

// Bounds of learning.
const (
	// MaxQuestions is how many labelled questions a language may have.
	MaxQuestions = 20000
	// maxShift is how far people may move a threshold.
	maxShift = 0.10
	// replayShare is one of how many questions is kept for comparing judgements, once
	// there are MinReplay of them.
	replayShare = 4
	keepModels  = 20
)

// MinReplay is from how many questions on two judgements are compared.
const MinReplay = 40

// Shift is how far people moved the thresholds of a language.
type Shift struct {
	Answer  float64 `json:"answer" minimum:"-0.1" maximum:"0.1"`
	Clarify float64 `json:"clarify" minimum:"-0.1" maximum:"0.1"`
}

// apply moves thresholds; asking back is never harder than answering.
func (s Shift) apply(t Thresholds) Thresholds {
	t.Answer = math.Max(0.01, math.Min(0.999, t.Answer+s.Answer))
	t.Clarify = math.Min(t.Answer, math.Max(0.01, t.Clarify+s.Clarify))
	return t
}

// Figures of a judgement on questions that it did not learn from.
type Figures struct {
	Questions int     `json:"questions" doc:"of the replay; 0: there are too few labelled ones"`
	MRR       float64 `json:"mrr10"`
	Wrong     float64 `json:"wrong_pct" doc:"answers that were wrong, of all questions"`
	Right     float64 `json:"answered_pct" doc:"questions with an article that were answered rightly"`
	Passed    float64 `json:"passed_pct" doc:"questions without an article that were not answered"`
}

// trained is a judgement with its figures beside those of the one before.
type trained struct {
	judge  *judge
	Own    Figures  `json:"own"`
	Before *Figures `json:"before,omitempty"`
	// Learnt is how many labelled questions it learnt from.
	Learnt int `json:"learnt"`
	// Articles and Labels are how much there was in all.
	Articles int    `json:"articles"`
	Labels   int    `json:"labels"`
	Reason   string `json:"reason,omitempty"` // why it was not taken
}

// Replayed tells whether a text is kept for comparing: always the same ones.
func Replayed(text string) bool {
	h := fnv.New32a()
	h.Write([]byte(text))
	return h.Sum32()%replayShare == 0
}

// Worse tells why what was learnt anew must not be taken: it finds worse, or is wrong more often. "" is no worse.
func (f *Figures) Worse(before *Figures) string {
	switch {
	case f.MRR < before.MRR-0.005:
		return fmt.Sprintf("it finds worse: MRR@10 %.3f after %.3f", f.MRR, before.MRR)
	case f.Wrong > before.Wrong:
		return fmt.Sprintf("it answers more wrongly: %.1f %% after %.1f %%", f.Wrong, before.Wrong)
	}
	return ""
}

// promised is the share of questions that may be answered wrongly, in percent.
const promised = 5

// makeshiftLead is what MRR@10 may fall by after a makeshift, which may know the questions of the replay:
// there were too few to keep them apart.
const makeshiftLead = 0.05

// worseThanMakeshift is Worse than a judgement that was learnt from less than half of what there is now,
// perhaps in the middle of an import: one that hardly answers is never wrong, and would stay for ever. To be
// wrong no more often than is promised is enough then.
func (f *Figures) worseThanMakeshift(before *Figures) string {
	allowed := *before
	allowed.Wrong, allowed.MRR = max(before.Wrong, promised), before.MRR-makeshiftLead
	return f.Worse(&allowed)
}

// learntFrom is how much the active judgement of a language learnt from.
func (s *Store) learntFrom(ctx context.Context, lang, version string) (judged, error) {
	rows, err := pg.Rows(ctx, s.db, func(r pgx.CollectableRow) (j judged, err error) {
		return j, r.Scan(&j.id, &j.articles, &j.labels)
	}, `select id, coalesce((figures->>'articles')::int, 0), coalesce((figures->>'labels')::int, 0) from kb_models where lang = $1 and active and embed = $2`, lang, version)
	if err != nil || len(rows) == 0 {
		return judged{}, err
	}
	return rows[0], nil
}

// Tally counts how labelled questions are answered.
type Tally struct {
	all, asked, foreign, wrong, right, passed int
	found                                     float64
}

// Add counts a question: place is where the right answer stands, from 0 on, or -1; foreign ones have none.
func (t *Tally) Add(place int, foreign, answered bool) {
	t.all++
	if foreign {
		t.foreign++
		if !answered {
			t.passed++
		}
	} else if t.asked++; place >= 0 && place < 10 {
		t.found += 1 / float64(place+1)
	}
	switch {
	case answered && place == 0:
		t.right++
	case answered:
		t.wrong++
	}
}

// Figures are the shares of what was counted.
func (t *Tally) Figures() Figures {
	share := func(n, of int) float64 { return math.Round(1000*float64(n)/float64(max(of, 1))) / 10 }
	return Figures{Questions: t.all, MRR: t.found / float64(max(t.asked, 1)), Wrong: share(t.wrong, t.all), Right: share(t.right, t.asked), Passed: share(t.passed, t.foreign)}
}

// Questions are the labelled ones of a language.
func (s *Store) Questions(ctx context.Context, lang string) ([]Question, error) {
	list, err := pg.Rows(ctx, s.db, pgx.RowToStructByPos[Question], `select lang, text, article_key from kb_questions where lang = $1 order by id limit $2`, lang, MaxQuestions)
	if err != nil {
		return nil, fmt.Errorf("labelled questions of %s: %w", lang, err)
	}
	return list, nil
}

// Label keeps what article answers a question ("": none does). The last word counts.
func (s *Store) Label(ctx context.Context, tx pgx.Tx, by, source string, questions ...Question) error {
	rows := &pgx.Batch{}
	for _, q := range questions {
		q.Text = line(q.Text)
		if q.Text == "" || len(q.Text) > MaxQuestion || !slices.Contains(Languages, q.Lang) || len(q.Article) > 100 {
			return wrong("question %.40q: a text of at most %d bytes, a language and the key of an article", q.Text, MaxQuestion)
		}
		rows.Queue(`insert into kb_questions (lang, text, article_key, source, at, by_user) values ($1, $2, $3, $4, $5, $6)
			on conflict (lang, text) do update set article_key = $3, source = $4, at = $5, by_user = $6`, q.Lang, q.Text, q.Article, source, s.now(), by)
	}
	return tx.SendBatch(ctx, rows).Close()
}

// trainOn learns a judgement for an index and compares it with the active one. The
// index keeps the new one only when Train puts it there.
func (s *Service) trainOn(ctx context.Context, x *Index) (*trained, error) {
	questions, err := s.store.Questions(ctx, x.lang)
	if err != nil {
		return nil, err
	}
	t := &trained{Articles: len(x.articles), Labels: len(questions)}
	var learn, replay []Question
	for _, q := range questions {
		if q.Article != "" && !slices.ContainsFunc(x.articles, func(a Article) bool { return a.ID == q.Article }) {
			continue // its article is not live
		}
		if Replayed(q.Text) {
			replay = append(replay, q)
		} else {
			learn = append(learn, q)
		}
	}
	if len(replay) < MinReplay {
		learn, replay = append(learn, replay...), nil
	}
	t.Learnt = len(learn)
	before := x.judge
	if before != nil && len(replay) > 0 {
		f, err := x.figures(ctx, replay)
		if err != nil {
			return nil, err
		}
		t.Before = &f
	}
	err = x.Learn(ctx, learn)
	if err == nil && len(replay) > 0 {
		t.Own, err = x.figures(ctx, replay)
	}
	t.judge, x.judge = x.judge, before
	if err != nil {
		return nil, err
	}
	if t.Before == nil {
		return t, nil
	}
	was, err := s.store.learntFrom(ctx, x.lang, s.model.Version(x.lang))
	if err != nil {
		return nil, err
	}
	if was.outgrown(t.Articles, t.Labels) {
		t.Reason = t.Own.worseThanMakeshift(t.Before)
	} else {
		t.Reason = t.Own.Worse(t.Before)
	}
	return t, nil
}

// figures of the index's judgement on questions.
func (x *Index) figures(ctx context.Context, questions []Question) (Figures, error) {
	var t Tally
	for _, q := range questions {
		query, err := x.query(ctx, q.Text, true)
		if err != nil {
			return Figures{}, err
		}
		hits := rank(x.judge.model, x.find(query, nothing))
		for i := range hits {
			hits[i].P = x.judge.iso.P(hits[i].score)
		}
		at := slices.IndexFunc(hits, func(h Hit) bool { return h.Article.ID == q.Article })
		t.Add(at, q.Article == "", x.judge.thresholds.decide(hits) == DecideAnswer)
	}
	return t.Figures(), nil
}

// saveModel keeps a judgement; active puts it in the place of the one before.
func (s *Store) saveModel(ctx context.Context, lang, version, by string, t *trained, active bool) error {
	doc, err := json.Marshal(t.judge)
	if err != nil {
		return fmt.Errorf("judgement of %s: %w", lang, err)
	}
	figures, err := json.Marshal(t)
	if err != nil {
		return fmt.Errorf("judgement of %s: %w", lang, err)
	}
	err = s.db.Tx(ctx, func(tx pgx.Tx) error {
		if active {
			if _, err := tx.Exec(ctx, `update kb_models set active = false where lang = $1 and active`, lang); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(ctx, `insert into kb_models (lang, embed, active, at, by_user, doc, figures, activated_at) values ($1, $2, $3, $4, $5, $6, $7, case when $3 then $4::timestamptz end)`, lang, version, active, s.now(), by, doc, figures); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `delete from kb_models where lang = $1 and not active and id not in (select id from kb_models where lang = $1 order by id desc limit $2)`, lang, keepModels)
		return err
	})
	if err != nil {
		return fmt.Errorf("keep the judgement of %s: %w", lang, err)
	}
	return nil
}

// ErrTrain: there is nothing to train on.
var ErrTrain = errors.New("nothing to learn from: two live articles and a sentence model are needed")

// Train learns a language's judgement anew from articles and labelled questions and
// takes it when it is no worse on questions that neither learnt from.
func (s *Service) Train(ctx context.Context, lang, by string) error {
	s.trains.Lock()
	defer s.trains.Unlock()
	sh := s.shelf.Load()
	st := sh.langs[lang]
	if s.model == nil || st == nil || len(st.articles) < 2 {
		return ErrTrain
	}
	x, err := s.indexOf(ctx, lang, st.articles)
	if err != nil {
		return err
	}
	if x.judge, err = s.store.loadModel(ctx, lang, s.model.Version(lang)); err != nil {
		return err
	}
	t, err := s.trainOn(ctx, x)
	if err != nil {
		return err
	}
	if err := s.store.saveModel(ctx, lang, s.model.Version(lang), by, t, t.Reason == ""); err != nil {
		return err
	}
	s.log.Info("learnt to judge questions", "lang", lang, "questions", t.Learnt, "taken", t.Reason == "")
	if t.Reason == "" {
		return s.store.Touch(ctx, lang)
	}
	return nil
}

// Touch makes every server read a language's judgement and shifts again.
func (s *Store) Touch(ctx context.Context, lang string) error {
	err := s.db.Tx(ctx, func(tx pgx.Tx) error { return changed(ctx, tx) })
	if err != nil {
		return fmt.Errorf("tell of a judgement of %s: %w", lang, err)
	}
	return nil
}

// SetShift moves a language's thresholds in tx.
func (s *Store) SetShift(ctx context.Context, tx pgx.Tx, by, lang string, shift Shift) error {
	if !slices.Contains(Languages, lang) || !(math.Abs(shift.Answer) <= maxShift && math.Abs(shift.Clarify) <= maxShift) {
		return wrong("thresholds can be moved by %.2f in a language that there is", maxShift)
	}
	_, err := tx.Exec(ctx, `insert into kb_thresholds (lang, answer, clarify, at, by_user) values ($1, $2, $3, $4, $5)
		on conflict (lang) do update set answer = $2, clarify = $3, at = $4, by_user = $5`, lang, shift.Answer, shift.Clarify, s.now(), by)
	if err != nil {
		return err
	}
	return changed(ctx, tx)
}

// Judgement is what the thresholds' page shows of a language.
type Judgement struct {
	Lang       string     `json:"lang"`
	Drawn      Thresholds `json:"drawn" doc:"as they came out of the curve"`
	Shift      Shift      `json:"shift" doc:"how far people moved them"`
	Applied    Thresholds `json:"applied"`
	Curve      []Point    `json:"curve" doc:"on held-out questions, from sure to unsure, at most 200 points"`
	Questions  int        `json:"questions" doc:"labelled ones"`
	Progress   Progress   `json:"progress"`
	Judgements []Learnt   `json:"judgements" doc:"newest first"`
}

// Learnt is a judgement in the list of them.
type Learnt struct {
	ID      int64           `json:"id"`
	At      time.Time       `json:"at"`
	By      string          `json:"by"`
	Active  bool            `json:"active"`
	Embed   string          `json:"embed"`
	Figures json.RawMessage `json:"-"`
	Own     Figures         `json:"own"`
	Before  *Figures        `json:"before,omitempty"`
	Learnt  int             `json:"learnt" doc:"labelled questions it learnt from"`
	Reason  string          `json:"reason,omitempty" doc:"why it was not taken"`
}

// Judgements of every language.
func (s *Service) Judgements(ctx context.Context) ([]Judgement, error) {
	sh := s.shelf.Load()
	out := []Judgement{}
	for _, lang := range Languages {
		j := Judgement{Lang: lang, Shift: sh.shifts[lang], Curve: []Point{}, Judgements: []Learnt{}}
		if x := (*s.indexes.Load())[lang]; x != nil && x.judge != nil {
			j.Drawn, j.Curve = x.judge.thresholds, thinned(x.judge.curve, 200)
			j.Applied = j.Shift.apply(j.Drawn)
		}
		for _, p := range s.Progress() {
			if p.Lang == lang {
				j.Progress = p
			}
		}
		n, err := pg.Row(ctx, s.store.db, pgx.RowTo[int], `select count(*)::int from kb_questions where lang = $1`, lang)
		if err != nil {
			return nil, err
		}
		j.Questions = n
		learnt, err := pg.Rows(ctx, s.store.db, func(row pgx.CollectableRow) (Learnt, error) {
			var l Learnt
			var t trained
			err := row.Scan(&l.ID, &l.At, &l.By, &l.Active, &l.Embed, &t)
			l.Own, l.Before, l.Learnt, l.Reason = t.Own, t.Before, t.Learnt, t.Reason
			return l, err
		}, `select id, at, by_user, active, embed, figures from kb_models where lang = $1 order by id desc limit 20`, lang)
		if err != nil {
			return nil, fmt.Errorf("judgements of %s: %w", lang, err)
		}
		j.Judgements = append(j.Judgements, learnt...)
		out = append(out, j)
	}
	return out, nil
}

// thinned keeps at most n points of a curve, its ends among them.
func thinned(curve []Point, n int) []Point {
	if len(curve) <= n {
		return append([]Point{}, curve...)
	}
	out := make([]Point, 0, n)
	for i := range n {
		out = append(out, curve[i*(len(curve)-1)/(n-1)])
	}
	return out
}

// TrainArgs are the arguments of the job that learns.
type TrainArgs struct {
	Lang string `json:"lang"`
	By   string `json:"by"`
}

// Kind names the job in the table of jobs.
func (TrainArgs) Kind() string { return "kb_train" }

// nightlyArgs are of the job that looks every hour whether a day has passed.
type nightlyArgs struct{}

// Kind names the job in the table of jobs.
func (nightlyArgs) Kind() string { return "kb_nightly" }

type trainWorker struct {
	river.WorkerDefaults[TrainArgs]
	s *Service
}

// Work learns; too little to learn from is no reason to try again.
func (w *trainWorker) Work(ctx context.Context, job *river.Job[TrainArgs]) error {
	err := w.s.Train(ctx, job.Args.Lang, job.Args.By)
	if errors.Is(err, ErrTrain) {
		return river.JobCancel(err)
	}
	return err
}

// Timeout leaves time for many articles.
func (w *trainWorker) Timeout(*river.Job[TrainArgs]) time.Duration { return 30 * time.Minute }

type nightlyWorker struct {
	river.WorkerDefaults[nightlyArgs]
	s *Service
}

// Work removes old events and learns again in languages that were labelled since.
func (w *nightlyWorker) Work(ctx context.Context, _ *river.Job[nightlyArgs]) error {
	s := w.s
	_, err := s.store.ExpireEvents(ctx, s.store.now().Add(-s.cfg.Keep))
	for _, lang := range Languages {
		due, errDue := pg.Row(ctx, s.store.db, pgx.RowTo[bool], `select exists (select from kb_questions where lang = $1 and at > coalesce((select max(at) from kb_models where lang = $1), '-infinity'))
			and coalesce((select max(at) from kb_models where lang = $1) < $2, false)`, lang, s.store.now().Add(-20*time.Hour))
		if err = cmp.Or(err, errDue); due && errDue == nil {
			if e := s.Train(ctx, lang, ""); e != nil && !errors.Is(e, ErrTrain) {
				err = errors.Join(err, e)
			}
		}
	}
	return err
}

// Timeout leaves time for learning.
func (w *nightlyWorker) Timeout(*river.Job[nightlyArgs]) time.Duration { return time.Hour }

// AddJobs adds learning to the jobs; call it before they start.
func (s *Service) AddJobs(jobs *pg.Jobs) {
	pg.AddWorker(jobs, &trainWorker{s: s})
	pg.AddWorker(jobs, &nightlyWorker{s: s})
	jobs.Every(time.Hour, func() river.JobArgs { return nightlyArgs{} })
}
