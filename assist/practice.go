package assist

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"tingxin/chat"
	"tingxin/contact"
	"tingxin/nlp"
	"tingxin/pg"
)

// Case is a masked talk to answer again.
type Case struct {
	ID        int64     `json:"id"`
	Lang      string    `json:"lang" enum:"zh,en"`
	Title     string    `json:"title"`
	Turns     int       `json:"turns" doc:"answers that are asked for"`
	Script    string    `json:"script,omitempty"`
	Retired   bool      `json:"retired,omitempty"`
	CreatedAt time.Time `json:"created_at"`
	CreatedBy string    `json:"created_by"`
	Best      *float64  `json:"best,omitempty" doc:"one's own best score, 0 to 100"`
	Runs      int       `json:"runs" doc:"one's own that came to their end"`
}

// caseTurn is what a customer said, and how it was answered then.
type caseTurn struct {
	Customer string `json:"customer"`
	Answer   string `json:"answer"`
}

type caseDoc struct {
	Turns []caseTurn `json:"turns"`
}

// Bounds of practice.
const (
	maxCaseTurns = 20
	maxAnswer    = 2000
	quick        = 60 * time.Second  // an answer within it loses nothing
	slow         = 300 * time.Second // one after it has no points for time
)

// Weights of a score. Without a script its part goes to the likeness.
const (
	likeWeight  = 0.60
	checkWeight = 0.25
	timeWeight  = 0.15
)

// AddCase makes a case of a conversation that customers rated well: nothing that belongs to
// somebody stays in it. ErrSubject, *BadError when there is nothing to practise with.
func (s *Service) AddCase(ctx context.Context, sub Subject, title, script, by string) (Case, error) {
	if sub.Kind != OfConversation {
		return Case{}, bad("kind", "practice is made of conversations")
	}
	t, err := s.talk(ctx, sub)
	if err != nil {
		return Case{}, err
	}
	if rating, err := s.rating(ctx, sub); err != nil || rating < wellRated {
		return Case{}, cmp.Or[error](err, bad("id", "its customer did not rate it with %d stars or more", wellRated))
	}
	doc, err := s.caseOf(ctx, t)
	if err != nil {
		return Case{}, err
	}
	if len(doc.Turns) == 0 {
		return Case{}, bad("id", "nobody of us answered in it")
	}
	if title = tidy(title); title == "" {
		title = nlp.Clip(doc.Turns[0].Customer, 60)
	}
	if err := within("title", title, 1, 100); err != nil {
		return Case{}, err
	}
	version := 0
	if script != "" {
		if version, err = pg.Row(ctx, s.parts.DB, pgx.RowTo[int], `select version from assist_scripts where name = $1`, script); err != nil {
			if isMissing(err) {
				return Case{}, bad("script", "there is no such script")
			}
			return Case{}, err
		}
	}
	c := Case{Lang: t.Lang, Title: title, Turns: len(doc.Turns), Script: script, CreatedAt: s.parts.Now(), CreatedBy: by}
	c.ID, err = pg.Row(ctx, s.parts.DB, pgx.RowTo[int64], `insert into practice_cases (lang, title, doc, script, version, source, created_at, created_by, contact_id) values ($1, $2, $3, $4, $5, $6, $7, $8, nullif($9::bigint, 0)) returning id`,
		c.Lang, c.Title, doc, script, version, sub.ID, c.CreatedAt, by, t.Contact)
	if err != nil {
		return c, fmt.Errorf("add a case of practice: %w", err)
	}
	return c, nil
}

// rating are the stars of a conversation, 0 when its customer gave none.
func (s *Service) rating(ctx context.Context, sub Subject) (int, error) {
	n, err := strconv.ParseInt(sub.ID, 10, 64)
	if err != nil || s.parts.Chat == nil {
		return 0, ErrSubject
	}
	c, err := s.parts.Chat.Conversation(ctx, chat.ID(n))
	if err != nil || c.Rating == nil {
		return 0, err
	}
	return int(*c.Rating), nil
}

// caseOf masks a talk and puts what was said together by turns, the first maxCaseTurns of them.
func (s *Service) caseOf(ctx context.Context, t *Talk) (caseDoc, error) {
	names, err := s.namesOf(ctx, t.Name, t.Contact)
	if err != nil {
		return caseDoc{}, err
	}
	finder := s.finder(ctx)
	var doc caseDoc
	for i := range t.Lines {
		l := &t.Lines[i]
		masked, _ := finder.Mask(l.Text, l.At)
		masked = strings.TrimSpace(without(masked, names))
		if masked == "" {
			continue
		}
		last := len(doc.Turns) - 1
		next := l.Side == Customer && (last < 0 || doc.Turns[last].Answer != "")
		if next && len(doc.Turns) == maxCaseTurns {
			break
		}
		switch {
		case next:
			doc.Turns = append(doc.Turns, caseTurn{Customer: masked})
		case l.Side == Customer:
			doc.Turns[last].Customer += "\n" + masked
		case l.Side == Agent && last >= 0:
			doc.Turns[last].Answer = strings.TrimSpace(doc.Turns[last].Answer + "\n" + masked)
		}
	}
	doc.Turns = slices.DeleteFunc(doc.Turns, func(x caseTurn) bool { return x.Answer == "" })
	return doc, nil
}

// namesOf are the parts of what a customer is called, by us and by the channel, folded, long ones first.
func (s *Service) namesOf(ctx context.Context, called string, of int64) ([]string, error) {
	names := []string{called}
	if s.parts.Contacts != nil && of != 0 {
		c, err := s.parts.Contacts.Get(ctx, contact.ID(of))
		if err != nil && !isMissing(err) {
			return nil, fmt.Errorf("the name of a customer: %w", err)
		}
		names = append(names, c.Name)
	}
	var out []string
	for _, name := range names {
		name = nlp.Fold(name)
		for _, part := range append([]string{name}, strings.Fields(name)...) {
			if utf8.RuneCountInString(part) >= 2 && !slices.Contains(out, part) {
				out = append(out, part)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b string) int { return len(b) - len(a) })
	return out, nil
}

// without is a text with <name> in the place of folded names, in whatever case they are written.
func without(text string, names []string) string {
	for _, name := range names {
		folded := nlp.FoldText(text)
		var b strings.Builder
		last := 0
		for from := 0; ; {
			i := nlp.FindWord(folded.String, name, from)
			if i < 0 {
				break
			}
			from = i + len(name)
			start, end := folded.Raw(i, from)
			b.WriteString(text[last:start] + "<name>")
			last = end
		}
		text = b.String() + text[last:]
	}
	return text
}

// Cases are those one may practise, newest first; retired ones for who keeps them.
func (s *Store) Cases(ctx context.Context, user int64, all bool) ([]Case, error) {
	list, err := pg.Rows(ctx, s.db, pgx.RowToStructByPos[Case], `select c.id, c.lang, c.title, jsonb_array_length(c.doc->'turns'), c.script, c.retired, c.created_at, c.created_by,
			(select max(score)::float8 from practice_runs r where r.case_id = c.id and r.user_id = $1), (select count(*)::int from practice_runs r where r.case_id = c.id and r.user_id = $1 and r.ended_at is not null)
		from practice_cases c where $2 or not c.retired order by c.id desc limit 500`, user, all)
	if err != nil {
		return nil, fmt.Errorf("cases of practice: %w", err)
	}
	return list, nil
}

// RetireCase takes a case away, or brings it back, in tx.
func (s *Store) RetireCase(ctx context.Context, tx pgx.Tx, id int64, retired bool) error {
	tag, err := tx.Exec(ctx, `update practice_cases set retired = $2 where id = $1`, id, retired)
	if err == nil && tag.RowsAffected() == 0 {
		return pg.ErrNotFound
	}
	return err
}

// Marks are the parts of a score, each 0 to 1.
type Marks struct {
	Like  float64 `json:"like" doc:"how near the answer is to the one that was rated well"`
	Check float64 `json:"check" doc:"share of the script's items that were done"`
	Time  float64 `json:"time" doc:"1 within a minute, 0 after five"`
	// Scripted says whether there were items.
	Scripted bool `json:"scripted,omitempty"`
}

// Score is the sum, 0 to 100.
func (m *Marks) Score() float64 {
	x := likeWeight*m.Like + checkWeight*m.Check + timeWeight*m.Time
	if !m.Scripted {
		x = (likeWeight+checkWeight)*m.Like + timeWeight*m.Time
	}
	return math.Round(1000*x) / 10
}

// Answered is a turn of a trainee.
type Answered struct {
	Customer string  `json:"customer"`
	Answer   string  `json:"answer"`
	Model    string  `json:"model" doc:"what was answered then"`
	Like     float64 `json:"like"`
	Seconds  float64 `json:"seconds"`
}

// PracticeRun is one going through a case.
type PracticeRun struct {
	ID        int64      `json:"id"`
	Case      int64      `json:"case"`
	Title     string     `json:"title"`
	Lang      string     `json:"lang" enum:"zh,en"`
	Turns     int        `json:"turns"`
	Next      string     `json:"next,omitempty" doc:"what the customer says now; absent at the end"`
	Answers   []Answered `json:"answers" nullable:"false"`
	StartedAt time.Time  `json:"started_at"`
	EndedAt   *time.Time `json:"ended_at,omitempty"`
	Score     *float64   `json:"score,omitempty" doc:"0 to 100, at the end"`
	Marks     *Marks     `json:"marks,omitempty"`
}

type runRow struct {
	PracticeRun
	doc     caseDoc
	script  string
	version int
	asked   time.Time
}

func scanRun(row pgx.CollectableRow) (runRow, error) {
	var r runRow
	err := row.Scan(&r.ID, &r.Case, &r.Title, &r.Lang, &r.Answers, &r.StartedAt, &r.EndedAt, &r.Score, &r.Marks, &r.doc, &r.script, &r.version, &r.asked)
	r.Turns = len(r.doc.Turns)
	r.next()
	return r, err
}

func (r *runRow) next() {
	r.Next = ""
	if n := len(r.Answers); n < len(r.doc.Turns) {
		r.Next = r.doc.Turns[n].Customer
	}
}

const runQuery = `select r.id, r.case_id, c.title, c.lang, r.answers, r.started_at, r.ended_at, r.score::float8, r.parts, c.doc, c.script, c.version, r.asked_at from practice_runs r join practice_cases c on c.id = r.case_id `

// Practise begins a case. pg.ErrNotFound: there is none.
func (s *Service) Practise(ctx context.Context, id, user int64) (PracticeRun, error) {
	run, err := pg.Row(ctx, s.parts.DB, pgx.RowTo[int64], `insert into practice_runs (case_id, user_id, asked_at, started_at) select id, $2, $3, $3 from practice_cases where id = $1 and not retired returning id`, id, user, s.parts.Now())
	if err != nil {
		return PracticeRun{}, fmt.Errorf("practise case %d: %w", id, err)
	}
	r, err := pg.Row(ctx, s.parts.DB, scanRun, runQuery+`where r.id = $1`, run)
	return r.PracticeRun, err
}

// PracticeOf is a run of a user.
func (s *Service) PracticeOf(ctx context.Context, run, user int64) (PracticeRun, error) {
	r, err := pg.Row(ctx, s.parts.DB, scanRun, runQuery+`where r.id = $1 and r.user_id = $2`, run, user)
	if err != nil {
		return PracticeRun{}, fmt.Errorf("practice %d: %w", run, err)
	}
	return r.PracticeRun, nil
}

// AnswerPractice takes the answer to what the customer said; the last one ends the run
// with its score. turn is the number of answers that were there: ErrState when another
// came first, or the run is over.
func (s *Service) AnswerPractice(ctx context.Context, run, user int64, turn int, text string) (PracticeRun, error) {
	if text = strings.TrimSpace(text); text == "" || utf8.RuneCountInString(text) > maxAnswer {
		return PracticeRun{}, bad("text", "1 to %d characters", maxAnswer)
	}
	r, err := pg.Row(ctx, s.parts.DB, scanRun, runQuery+`where r.id = $1 and r.user_id = $2`, run, user)
	if err != nil {
		return PracticeRun{}, fmt.Errorf("practice %d: %w", run, err)
	}
	if r.EndedAt != nil || len(r.Answers) != turn || turn >= len(r.doc.Turns) {
		return PracticeRun{}, ErrState
	}
	then := &r.doc.Turns[turn]
	like, err := s.alike(ctx, r.Lang, then.Answer, text)
	if err != nil {
		return PracticeRun{}, err
	}
	now := s.parts.Now()
	r.Answers = append(r.Answers, Answered{Customer: then.Customer, Answer: text, Model: then.Answer, Like: round(like), Seconds: math.Round(now.Sub(r.asked).Seconds()*10) / 10})
	if r.next(); r.Next == "" {
		marks, err := s.marks(ctx, &r)
		if err != nil {
			return PracticeRun{}, err
		}
		score := marks.Score()
		r.EndedAt, r.Score, r.Marks = &now, &score, &marks
	}
	n, err := s.parts.DB.Exec(ctx, `update practice_runs set answers = $2, asked_at = $3, ended_at = $4, score = $5, parts = $6 where id = $1 and jsonb_array_length(answers) = $7 and ended_at is null`,
		run, r.Answers, now, r.EndedAt, r.Score, r.Marks, turn)
	if err == nil && n == 0 {
		err = ErrState
	}
	if err != nil {
		return PracticeRun{}, fmt.Errorf("practice %d: %w", run, err)
	}
	return r.PracticeRun, nil
}

// alike is how near an answer is to another, 0 to 1: what they mean where there is a
// model, which puts sentences of one language above a half whatever they say, else the
// words they share.
func (s *Service) alike(ctx context.Context, lang, a, b string) (float64, error) {
	a, b = nlp.Fold(a), nlp.Fold(b)
	if s.parts.Embed == nil {
		return common(nlp.Words(a), nlp.Words(b)), nil
	}
	x, err := s.parts.Embed.Embed(ctx, lang, nlp.Clip(a, maxQuestion))
	if err != nil {
		return 0, err
	}
	y, err := s.parts.Embed.Embed(ctx, lang, nlp.Clip(b, maxQuestion))
	if err != nil {
		return 0, err
	}
	return math.Min(1, math.Max(0, (float64(nlp.Dot(x.CLS, y.CLS))-0.5)/0.45)), nil
}

// common is the share of the words of a that are in b, and of b in a, in balance.
func common(a, b []string) float64 {
	x, y := map[string]bool{}, map[string]bool{}
	for _, w := range a {
		x[w] = true
	}
	n := 0
	for _, w := range b {
		if y[w] = true; x[w] {
			delete(x, w)
			n++
		}
	}
	return 2 * float64(n) / float64(max(len(x)+n+len(y), 1))
}

// marks of a run that came to its end.
func (s *Service) marks(ctx context.Context, r *runRow) (Marks, error) {
	var m Marks
	for _, a := range r.Answers {
		m.Like += a.Like / float64(len(r.Answers))
		late := (time.Duration(a.Seconds*float64(time.Second)) - quick).Seconds() / (slow - quick).Seconds()
		m.Time += (1 - math.Min(1, math.Max(0, late))) / float64(len(r.Answers))
	}
	m.Like, m.Time = round(m.Like), round(m.Time)
	if r.script == "" {
		return m, nil
	}
	d, err := s.store.script(ctx, r.script, r.version)
	if errors.Is(err, pg.ErrNotFound) {
		return m, nil
	}
	if err != nil {
		return m, err
	}
	items, err := d.compile()
	if err != nil {
		return m, err
	}
	ticks := Ticks{}
	var lines []Line
	for i, a := range r.Answers {
		lines = append(lines, Line{int64(2*i + 1), Customer, a.Customer, r.StartedAt}, Line{int64(2*i + 2), Agent, a.Answer, r.StartedAt})
	}
	ticks.hear(items, lines, 0)
	m.Check, m.Scripted = round(d.share(ticks)), true
	return m, nil
}

// Trained is how somebody does in practice.
type Trained struct {
	User     int64     `json:"user"`
	Username string    `json:"username"`
	Name     string    `json:"name"`
	Runs     int       `json:"runs"`
	Cases    int       `json:"cases" doc:"different ones"`
	Mean     float64   `json:"mean"`
	First    float64   `json:"first" doc:"mean of the first three"`
	Last     float64   `json:"last" doc:"mean of the last three"`
	LastAt   time.Time `json:"last_at"`
}

// Results are those of everybody, or of one user (0: all), in the last days.
func (s *Store) Results(ctx context.Context, user int64, since time.Time) ([]Trained, error) {
	all, err := pg.Rows(ctx, s.db, pgx.RowToStructByPos[Trained], `select u.id, u.username, u.name, count(*)::int, count(distinct r.case_id)::int, avg(r.score)::float8,
			avg(r.score) filter (where r.up <= 3)::float8, avg(r.score) filter (where r.down <= 3)::float8, max(r.ended_at)
		from (select *, row_number() over (partition by user_id order by started_at) as up, row_number() over (partition by user_id order by started_at desc) as down from practice_runs where ended_at >= $2 and ($1 = 0 or user_id = $1)) r
		join users u on u.id = r.user_id group by u.id order by avg(r.score) desc, u.id limit 1000`, user, since)
	if err != nil {
		return nil, fmt.Errorf("results of practice: %w", err)
	}
	return all, nil
}
