package feedback

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"tingxin/pg"
	"tingxin/team"
	"tingxin/ticket"
)

// Schedule is when customers are asked by itself whether they would recommend us.
type Schedule struct {
	On         bool   `json:"on"`
	EveryDays  int    `json:"every_days" minimum:"7" maximum:"730" doc:"a person is asked at most once in so many days, whoever asks"`
	Share      int    `json:"share" minimum:"1" maximum:"100" doc:"per cent of the people who could be asked; drawn anew each time"`
	AfterHours int    `json:"after_hours" minimum:"1" maximum:"720" doc:"after the last word of a conversation that is closed or that the bot has"`
	PerDay     int    `json:"per_day" minimum:"1" maximum:"10000" doc:"at most, over 24 hours"`
	Calendar   string `json:"calendar" maxLength:"64" doc:"opening hours in which people are asked; empty: at any hour"`
}

// defaultSchedule holds until somebody sets another.
var defaultSchedule = Schedule{EveryDays: 90, Share: 100, AfterHours: 24, PerDay: 200}

const (
	scheduleKey   = "feedback.nps"
	scheduleEvery = 10 * time.Minute
	// scheduleBack is how long ago a conversation may have ended after which its customer is asked.
	scheduleBack = 30 * 24 * time.Hour
)

// Schedule reads it.
func (s *Service) Schedule(ctx context.Context) (Schedule, error) {
	out := defaultSchedule
	raw, err := pg.Row(ctx, s.db, pgx.RowTo[[]byte], `select value from settings where key = $1`, scheduleKey)
	if errors.Is(err, pg.ErrNotFound) {
		return out, nil
	}
	if err == nil {
		err = json.Unmarshal(raw, &out)
	}
	if err != nil {
		err = fmt.Errorf("setting %s: %w", scheduleKey, err)
	}
	return out, err
}

// SetSchedule changes it in tx.
func (s *Service) SetSchedule(ctx context.Context, tx pgx.Tx, v Schedule, by string) error {
	for field, ok := range map[string]bool{"every_days": v.EveryDays >= 7 && v.EveryDays <= 730, "share": v.Share >= 1 && v.Share <= 100,
		"after_hours": v.AfterHours >= 1 && v.AfterHours <= 720, "per_day": v.PerDay >= 1 && v.PerDay <= 10_000} {
		if !ok {
			return invalid(field, "every 7 to 730 days, 1 to 100 per cent, after 1 to 720 hours, 1 to 10000 a day")
		}
	}
	if _, known, err := s.hoursOf(ctx, v.Calendar); err != nil || !known {
		return errors.Join(err, invalid("calendar", "there are no such opening hours"))
	}
	_, err := tx.Exec(ctx, `insert into settings (key, value, updated_by) values ($1, $2, $3) on conflict (key) do update set value = $2, updated_by = $3, updated_at = now()`, scheduleKey, v, by)
	return pg.Map(err)
}

// hoursOf are those of a calendar that is there, or all of them for "".
func (s *Service) hoursOf(ctx context.Context, calendar string) (h ticket.Hours, known bool, err error) {
	h, err = s.hours(ctx, calendar)
	_, always := h.(ticket.Always)
	return h, calendar == "" || !always, err
}

// every is the time between two questions whether somebody would recommend us.
func (s *Service) every(ctx context.Context) (time.Duration, error) {
	v, err := s.Schedule(ctx)
	return time.Duration(v.EveryDays) * 24 * time.Hour, err
}

// scheduleOpen tells whether people may be asked by itself now. Never when the opening hours are gone: nobody knows which they were.
func (s *Service) scheduleOpen(ctx context.Context) (bool, error) {
	v, err := s.Schedule(ctx)
	if err != nil || !v.On {
		return false, err
	}
	h, known, err := s.hoursOf(ctx, v.Calendar)
	return err == nil && known && h.Open(s.now()), err
}

// NPSArgs are the arguments of the job that asks whether people would recommend us.
type NPSArgs struct{}

// Kind names the job in the table of jobs.
func (NPSArgs) Kind() string { return "feedback_nps" }

type npsWorker struct {
	river.WorkerDefaults[NPSArgs]
	s *Service
}

func (w *npsWorker) Work(ctx context.Context, _ *river.Job[NPSArgs]) error {
	_, err := w.s.AskByItself(ctx)
	return err
}

// AddJobs gives j the work of the schedule; before j starts.
func (s *Service) AddJobs(j *pg.Jobs) {
	pg.AddWorker(j, &npsWorker{s: s})
	j.Every(scheduleEvery, func() river.JobArgs { return NPSArgs{} })
}

// candidate is somebody who could be asked.
type candidate struct {
	Contact, Conversation, Last int64
}

// candidates are people whose last conversation ended a while ago, or went silent with the bot, and who are due, those first who
// have waited longest. Each
// has a draw of its own in each period. One who was looked at and not asked is looked at again after writing again.
const candidates = `select r.id, c.id, c.last_in_id from conversations c join contacts k on k.id = c.contact_id join contacts r on r.id = k.root
	where (c.state = 'closed' or c.state = 'open' and c.handler = 'bot') and c.last_at > $1 and c.last_at <= $2 and c.last_in_id > 0 and r.erased_at is null
		and (hashtextextended(r.id || '/' || $3::bigint, 0) & 9223372036854775807) % 100 < $4
		and exists (select from consent_states s where s.contact_id = r.id and s.purpose = 'proactive' and s.state = 'given')
		and not exists (select from conversations d join contacts o on o.id = d.contact_id where o.root = r.id and (d.last_in_id > c.last_in_id or d.state in ('open', 'snoozed') and d.handler <> 'bot'))
		and not exists (select from feedback_cases f join contacts o on o.id = f.contact_id where o.root = r.id and f.state <> 'closed')
		and not exists (select from surveys v join contacts o on o.id = v.contact_id where o.root = r.id and v.kind = 'nps' and v.state <> 'dropped' and v.at > $5)
		and not exists (select from feedback f join contacts o on o.id = f.contact_id where o.root = r.id and f.kind = 'nps' and f.at > $5)
		and not exists (select from surveys v where v.origin = 'nps:' || r.id || ':' || c.last_in_id)
	order by c.last_at, c.id limit $6`

// AskByItself asks people whether they would recommend us, as the schedule says, at most a batch of them; several servers may do
// it at once. It returns how many were asked.
func (s *Service) AskByItself(ctx context.Context) (n int, err error) {
	open, err := s.scheduleOpen(ctx)
	if err != nil || !open {
		return 0, err
	}
	v, err := s.Schedule(ctx)
	if err != nil {
		return 0, err
	}
	now := s.now()
	today, err := pg.Row(ctx, s.db, pgx.RowTo[int], `select count(*)::int from surveys where kind = 'nps' and at > $1 and made_by = $2 and state <> 'dropped'`, now.Add(-24*time.Hour), bySchedule)
	if err != nil {
		return 0, fmt.Errorf("questions of a day: %w", err)
	}
	left := min(v.PerDay-today, batch)
	if left <= 0 {
		return 0, nil
	}
	every := time.Duration(v.EveryDays) * 24 * time.Hour
	all, err := pg.Rows(ctx, s.db, pgx.RowToStructByPos[candidate], candidates, now.Add(-scheduleBack), now.Add(-time.Duration(v.AfterHours)*time.Hour),
		now.Unix()/int64(every/time.Second), v.Share, now.Add(-every), left)
	if err != nil {
		return 0, fmt.Errorf("whom to ask: %w", err)
	}
	for _, c := range all {
		if ctx.Err() != nil {
			return n, context.Cause(ctx)
		}
		a := Asking{Kind: NPS, Contact: c.Contact, Conversation: c.Conversation, By: bySchedule, Key: fmt.Sprintf("nps:%d:%d", c.Contact, c.Last)}
		v, err := s.AskCustomer(ctx, a)
		switch {
		case err == nil && v.fresh:
			n++
		case err == nil: // another server asked
		case errors.As(err, new(*Refusal)): // it was so at once, by another server or a rule; or no way is open
		default:
			return n, err
		}
	}
	return n, nil
}

// NPSReport is what came of asking whether people would recommend us.
type NPSReport struct {
	Asked    int            `json:"asked" doc:"questions that left"`
	Answered int            `json:"answered"`
	Dropped  map[string]int `json:"dropped" doc:"not asked, by the reason"`
	Figures  NPSFigures     `json:"figures" doc:"of all answers, those given by telephone and on pages too"`
}

// NPSReport counts what was asked and answered from since until before until.
func (s *Service) NPSReport(ctx context.Context, since, until time.Time) (NPSReport, error) {
	out := NPSReport{Dropped: map[string]int{}}
	type count struct {
		State, Why string
		N          int
	}
	w := where{args: []any{since, until}, parts: []string{"kind = 'nps' and at >= $1 and at < $2"}}
	w.held(ctx, team.Feedback, seenSurveys)
	all, err := pg.Rows(ctx, s.db, pgx.RowToStructByPos[count], `select state, case when state = 'dropped' then why else '' end, count(*)::int from surveys`+w.String()+` group by 1, 2`, w.args...)
	if err != nil {
		return out, fmt.Errorf("report on questions: %w", err)
	}
	for _, c := range all {
		switch c.State {
		case surveyDropped:
			out.Dropped[c.Why] += c.N
		case surveyAnswered:
			out.Answered += c.N
			out.Asked += c.N
		case surveySent, surveyExpired:
			out.Asked += c.N
		}
	}
	sum, err := s.Summary(ctx, Query{Kinds: []Kind{NPS}, Since: since, Until: until})
	if err == nil && sum.Figures != nil {
		out.Figures = *sum.Figures
	}
	return out, err
}

// NPSFigures are the sums over answers from 0 to 10.
type NPSFigures struct {
	Promoters  int     `json:"promoters" doc:"9 and 10"`
	Passives   int     `json:"passives" doc:"7 and 8"`
	Detractors int     `json:"detractors" doc:"0 to 6"`
	Score      float64 `json:"score" doc:"promoters less detractors, per cent; -100 to 100"`
	Low        float64 `json:"low" doc:"95 per cent interval of the score"`
	High       float64 `json:"high"`
}
