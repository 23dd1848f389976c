package assist

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/kb"
	"tingxin/nlp"
	"tingxin/nlp/embed"
	"tingxin/pg"
)

// Bounds of learning.
const (
	questionDays  = 60
	maxClustered  = 4000 // questions of a language
	nearArticle   = 0.75 // cosine of a cluster's label to a phrasing from which on it belongs to the article
	mergeDistance = 0.3  // cosine distance within which a cluster is one that is there
	doubtsAtOnce  = 1000
)

// Run is one learning and what came of it.
type Run struct {
	At     time.Time         `json:"at"`
	By     string            `json:"by" doc:"empty: the nightly one"`
	Langs  map[string]RunOf  `json:"langs"`
	Kinds  int               `json:"replies" doc:"replies of people that may be offered again"`
	TookMS int64             `json:"took_ms"`
	Gates  map[string]string `json:"gates,omitempty" doc:"why a judgement was taken back or not taken, by language"`
}

// RunOf is what came of a learning in a language.
type RunOf struct {
	Questions int `json:"questions"`
	Clusters  int `json:"clusters"`
	Fresh     int `json:"fresh" doc:"clusters that were not there before"`
	Cut       Cut `json:"cut"`
}

// ErrLearning: another server learns now.
var ErrLearning = errors.New("another server learns now")

// Learn gathers questions and replies, finds clusters and what to suggest about them, and
// writes the weeks. ErrLearning: another server does.
func (s *Service) Learn(ctx context.Context, by string) (Run, error) {
	done, err := s.alone(ctx)
	if err != nil {
		return Run{}, err
	}
	defer done()
	begun := time.Now()
	run := Run{At: s.parts.Now().UTC(), By: by, Langs: map[string]RunOf{}}
	free, err := s.parts.DB.Alone(ctx, "assist.learn", func(ctx context.Context) error { return s.learnAll(ctx, &run) })
	if err == nil && !free {
		return run, ErrLearning
	}
	run.TookMS = time.Since(begun).Milliseconds()
	if err != nil {
		return run, fmt.Errorf("learn from questions: %w", err)
	}
	doc, err := json.Marshal(run)
	if err != nil {
		return run, err
	}
	if _, err := s.parts.DB.Exec(ctx, `insert into assist_runs (at, by_user, doc) values ($1, $2, $3)`, run.At, by, doc); err != nil {
		return run, fmt.Errorf("keep a run of learning: %w", err)
	}
	s.runs.Add(1)
	return run, nil
}

// alone waits until nobody else learns in this server.
func (s *Service) alone(ctx context.Context) (done func(), err error) {
	select {
	case s.learning <- struct{}{}:
		return func() { <-s.learning }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func (s *Service) learnAll(ctx context.Context, run *Run) error {
	if err := s.expire(ctx); err != nil {
		return err
	}
	if err := s.gather(ctx); err != nil {
		return err
	}
	if err := s.writeWeeks(ctx); err != nil {
		return err
	}
	var err error
	if run.Kinds, err = s.gatherReplies(ctx); err != nil {
		return err
	}
	if s.parts.Embed != nil {
		for _, lang := range embed.Languages {
			of, err := s.learnIn(ctx, lang)
			if err != nil {
				return err
			}
			run.Langs[lang] = of
		}
		if err := s.learnOutcomes(ctx); err != nil {
			return err
		}
	}
	run.Gates, err = s.parts.Articles.Watch(ctx)
	return err
}

// gather takes over the bot's doubtful turns. Those of calls and conversations come as they are said.
func (s *Service) gather(ctx context.Context) error {
	if s.parts.Bot == nil {
		return nil
	}
	since := s.parts.Now().AddDate(0, 0, -questionDays)
	for after := int64(0); ; {
		all, err := s.parts.Bot.Store().Doubtful(ctx, since, after, doubtsAtOnce)
		if err != nil {
			return err
		}
		var list []Question
		for i := range all {
			d := &all[i]
			after = d.Turn
			if d.Text != "" {
				list = append(list, Question{Source: "bot", Ref: strconv.FormatInt(d.Turn, 10), Subject: d.Session, Contact: d.Contact, Lang: d.Lang, Text: d.Text, P: d.P, Why: d.Why, Handed: d.Handed, Solved: d.Handed && d.Why != "down", At: d.At})
			}
		}
		if err := s.store.addQuestions(ctx, list...); err != nil {
			return err
		}
		if len(all) < doubtsAtOnce {
			return nil
		}
	}
}

// learnIn finds the clusters of a language.
func (s *Service) learnIn(ctx context.Context, lang string) (RunOf, error) {
	out := RunOf{}
	all, err := pg.Rows(ctx, s.parts.DB, pgx.RowToStructByPos[Question], `select `+questionColumns+` from assist_questions where lang = $1 and at >= $2 order by at desc, id desc limit $3`,
		lang, s.parts.Now().AddDate(0, 0, -questionDays), maxClustered)
	if err != nil {
		return out, fmt.Errorf("questions of %s: %w", lang, err)
	}
	slices.Reverse(all)
	out.Questions = len(all)
	if out.Cut, err = s.cut(ctx, lang); err != nil || len(all) == 0 {
		return out, err
	}
	vectors, near := make([][]float32, len(all)), make([][]float32, len(all))
	for i := range all {
		v, err := s.parts.Embed.EmbedLater(ctx, lang, all[i].Text)
		if err != nil {
			return out, fmt.Errorf("embed questions of %s: %w", lang, err)
		}
		vectors[i], near[i] = v.CLS, out.Cut.centred(v.CLS)
	}
	groups := clusters(near, out.Cut.Near, out.Cut.Link)
	out.Clusters = len(groups)
	out.Fresh, err = s.putClusters(ctx, lang, all, vectors, groups)
	return out, err
}

// cut measures when two questions are one, on those that people labelled and on the
// phrasings of articles.
func (s *Service) cut(ctx context.Context, lang string) (Cut, error) {
	byArticle := map[string][]string{}
	questions, err := s.parts.Articles.Store().Questions(ctx, lang)
	if err != nil {
		return Cut{}, err
	}
	for _, q := range questions {
		if q.Article != "" {
			byArticle[q.Article] = append(byArticle[q.Article], q.Text)
		}
	}
	for _, p := range s.parts.Articles.Published(lang, "", kb.Agents) {
		byArticle[p.Key] = append(byArticle[p.Key], p.Phrasings()...)
	}
	keys := make([]string, 0, len(byArticle))
	for k := range byArticle {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	var texts []labelled
	for n, k := range keys {
		for _, text := range byArticle[k][:min(len(byArticle[k]), 8)] {
			if len(texts) >= 1200 {
				break
			}
			v, err := s.parts.Embed.EmbedLater(ctx, lang, nlp.Fold(text))
			if err != nil {
				return Cut{}, fmt.Errorf("embed phrasings of %s: %w", lang, err)
			}
			texts = append(texts, labelled{n, v.CLS})
		}
	}
	return measure(texts), nil
}

// Cluster is questions that are one, with what to do about it.
type Cluster struct {
	ID         int64      `json:"id"`
	Lang       string     `json:"lang" enum:"zh,en"`
	Label      string     `json:"label" doc:"the question in the middle, masked"`
	State      string     `json:"state" enum:"open,approved,dismissed,gone"`
	Kind       string     `json:"kind" enum:"variants,article" doc:"add phrasings to an article, or write one"`
	Article    int64      `json:"article,omitempty" doc:"the nearest one, or the one that was made"`
	Title      string     `json:"title,omitempty" doc:"of the article"`
	Draft      string     `json:"draft,omitempty" doc:"what people answered best; empty: nobody has"`
	N          int        `json:"n"`
	Month      int        `json:"month" doc:"in the last 30 days"`
	Week       int        `json:"week"`
	WeekBefore int        `json:"week_before"`
	SolveRate  float64    `json:"solve_rate" doc:"of them, solved by whoever took over"`
	HandRate   float64    `json:"hand_rate" doc:"of them, handed over to a person"`
	Impact     float64    `json:"impact"`
	Badge      string     `json:"badge,omitempty" enum:"new,rising"`
	FirstAt    time.Time  `json:"first_at"`
	LastAt     time.Time  `json:"last_at"`
	DecidedAt  *time.Time `json:"decided_at,omitempty"`
	DecidedBy  string     `json:"decided_by,omitempty"`
	Samples    []string   `json:"samples" nullable:"false" doc:"questions of it, masked, at most eight"`
}

// known is a cluster of before.
type known struct {
	ID      int64
	State   string
	Vector  []byte
	Decided int
}

// putClusters writes clusters: one that is near one of before is that one.
func (s *Service) putClusters(ctx context.Context, lang string, all []Question, vectors [][]float32, groups []group) (fresh int, err error) {
	version := s.parts.Embed.Version(lang)
	before, err := pg.Rows(ctx, s.parts.DB, pgx.RowToStructByPos[known], `select id, state, vector, decided_n from assist_clusters where lang = $1 and model = $2 and state <> 'gone' order by id`, lang, version)
	if err != nil {
		return 0, fmt.Errorf("clusters of %s: %w", lang, err)
	}
	used := map[int64]bool{}
	type made struct {
		group
		Cluster
		vector []byte
		reply  int64
	}
	var list []made
	for _, g := range groups {
		m := made{group: g, vector: nlp.Pack(vectors[g.lead])}
		m.Cluster = s.figures(all, g)
		m.Lang = lang
		best := float32(1 - mergeDistance)
		for _, k := range before {
			if c := nlp.Dot(vectors[g.lead], nlp.Unpack(k.Vector)); c >= best && !used[k.ID] {
				best, m.ID, m.State = c, k.ID, k.State
				if k.State == "dismissed" && m.N >= 2*max(k.Decided, minimumSize) {
					m.State = "open" // it was let go, and came back twice as large
				}
			}
		}
		if m.ID == 0 {
			m.State = "open"
			fresh++
		}
		used[m.ID] = true
		if m.State == "open" {
			if m.reply, err = s.suggest(ctx, lang, &m.Cluster); err != nil {
				return 0, err
			}
		}
		list = append(list, m)
	}
	err = s.parts.DB.Tx(ctx, func(tx pgx.Tx) error {
		for i := range list {
			m := &list[i]
			if err := m.Cluster.put(ctx, tx, m.vector, version, m.reply); err != nil {
				return err
			}
			ids := make([]int64, len(m.members))
			for k, at := range m.members {
				ids[k] = all[at].ID
			}
			if _, err := tx.Exec(ctx, `update assist_questions set cluster_id = $1 where id = any($2)`, m.ID, ids); err != nil {
				return err
			}
			used[m.ID] = true
		}
		kept := []int64{}
		for id := range used {
			kept = append(kept, id)
		}
		_, err := tx.Exec(ctx, `update assist_clusters set state = 'gone' where lang = $1 and state = 'open' and id <> all($2)`, lang, kept)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("keep clusters of %s: %w", lang, err)
	}
	return fresh, nil
}

// figures of a cluster.
func (s *Service) figures(all []Question, g group) Cluster {
	now := s.parts.Now()
	c := Cluster{Label: all[g.lead].Text, N: len(g.members), FirstAt: now}
	solved, handed := 0, 0
	for _, i := range g.members {
		q := &all[i]
		if q.Solved {
			solved++
		}
		if q.Handed {
			handed++
		}
		if q.At.Before(c.FirstAt) {
			c.FirstAt = q.At
		}
		if q.At.After(c.LastAt) {
			c.LastAt = q.At
		}
		switch age := now.Sub(q.At); {
		case age <= 7*24*time.Hour:
			c.Week++
			c.Month++
		case age <= 14*24*time.Hour:
			c.WeekBefore++
			c.Month++
		case age <= 30*24*time.Hour:
			c.Month++
		}
	}
	c.SolveRate, c.HandRate = float64(solved)/float64(c.N), float64(handed)/float64(c.N)
	c.Impact = impact(c.Month, c.SolveRate, now.Sub(c.LastAt).Hours()/24)
	return c
}

// suggest says what to do about a cluster: phrasings for the article that is near, or a
// new one from the reply that people gave.
func (s *Service) suggest(ctx context.Context, lang string, c *Cluster) (reply int64, err error) {
	c.Kind, c.Article, c.Draft = "article", 0, ""
	a, err := s.parts.Articles.Ask(ctx, kb.Query{Text: c.Label, Lang: lang, Audience: kb.Agents, Explain: true})
	if err != nil && !errors.Is(err, kb.ErrQuestion) {
		return 0, err
	}
	for i := range a.Candidates {
		if x := &a.Candidates[i]; x.Features["cosine"] >= nearArticle {
			c.Kind, c.Article = "variants", x.Article.ID
			return 0, nil
		}
	}
	r, err := s.nearReply(ctx, lang, c.Label, nil)
	if r != nil {
		c.Draft, reply = r.Text, r.Reply
	}
	return reply, err
}

func (c *Cluster) put(ctx context.Context, tx pgx.Tx, vector []byte, model string, reply int64) error {
	if c.ID == 0 {
		return tx.QueryRow(ctx, `insert into assist_clusters (lang, label, vector, model, state, kind, article_id, draft, reply_id, n, month, week, week_before, solve_rate, hand_rate, impact, first_at, last_at)
			values ($1, $2, $3, $4, $5, $6, nullif($7::bigint, 0), $8, nullif($9::bigint, 0), $10, $11, $12, $13, $14, $15, $16, $17, $18) returning id`,
			c.Lang, c.Label, vector, model, c.State, c.Kind, c.Article, c.Draft, reply, c.N, c.Month, c.Week, c.WeekBefore, c.SolveRate, c.HandRate, c.Impact, c.FirstAt, c.LastAt).Scan(&c.ID)
	}
	_, err := tx.Exec(ctx, `update assist_clusters set n = $2, month = $3, week = $4, week_before = $5, solve_rate = $6, hand_rate = $7, impact = $8, last_at = $9, first_at = least(first_at, $10), state = $11 where id = $1`,
		c.ID, c.N, c.Month, c.Week, c.WeekBefore, c.SolveRate, c.HandRate, c.Impact, c.LastAt, c.FirstAt, c.State)
	if err == nil && c.State == "open" {
		_, err = tx.Exec(ctx, `update assist_clusters set label = $2, vector = $3, kind = $4, article_id = nullif($5::bigint, 0), draft = $6, reply_id = nullif($7::bigint, 0) where id = $1`, c.ID, c.Label, vector, c.Kind, c.Article, c.Draft, reply)
	}
	return err
}

// writeWeeks keeps how questions were answered in the last weeks; those before stay as they are.
func (s *Service) writeWeeks(ctx context.Context) error {
	if s.parts.Bot == nil {
		return nil
	}
	now := s.parts.Now().UTC()
	monday := now.AddDate(0, 0, -(int(now.Weekday())+6)%7-21)
	monday = time.Date(monday.Year(), monday.Month(), monday.Day(), 0, 0, 0, 0, time.UTC)
	known, err := pg.Row(ctx, s.parts.DB, pgx.RowTo[bool], `select exists (select from assist_weeks)`)
	if err != nil {
		return err
	}
	if !known { // the first time: all that is there
		monday = time.Time{}
	}
	all, err := s.parts.Bot.Store().Weeks(ctx, monday)
	if err != nil {
		return err
	}
	rows := &pgx.Batch{}
	for _, w := range all {
		rows.Queue(`insert into assist_weeks (week, lang, questions, answered, solved, confirmed, refused, handed) values ($1, $2, $3, $4, $5, $6, $7, $8)
			on conflict (week, lang) do update set questions = $3, answered = $4, solved = $5, confirmed = $6, refused = $7, handed = $8`,
			w.Week, w.Lang, w.Questions, w.Answered, w.Solved, w.Confirmed, w.Refused, w.Handed)
	}
	if rows.Len() == 0 {
		return nil
	}
	return s.parts.DB.Tx(ctx, func(tx pgx.Tx) error { return tx.SendBatch(ctx, rows).Close() })
}
