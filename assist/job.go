package assist

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"tingxin/pg"
)

// LearnArgs are the arguments of the job that learns from questions and replies. Hourly
// is the one that comes by itself and learns once a day.
type LearnArgs struct {
	By     string `json:"by"`
	Hourly bool   `json:"hourly"`
}

// Kind names the job in the table of jobs.
func (LearnArgs) Kind() string { return "assist_learn" }

type learnWorker struct {
	river.WorkerDefaults[LearnArgs]
	s *Service
}

// jobQueue is of learning, so that an hour of it holds up nothing else.
const jobQueue = "assist"

// snooze is how long learning waits while another server learns.
const snooze = time.Minute

// InsertOpts keeps a second one from waiting behind the first, whoever asks for it.
func (LearnArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: jobQueue, MaxAttempts: 3, UniqueOpts: river.UniqueOpts{ByPeriod: time.Minute}}
}

// Work learns, when it was asked for or a day has passed. Where it is off what was kept before expires all the same.
func (w *learnWorker) Work(ctx context.Context, job *river.Job[LearnArgs]) error {
	if w.s.cfg.Off {
		return w.s.expire(ctx)
	}
	if job.Args.Hourly {
		due, err := w.s.due(ctx)
		if err != nil || !due {
			return err
		}
	}
	_, err := w.s.Learn(ctx, job.Args.By)
	if errors.Is(err, ErrLearning) {
		return river.JobSnooze(snooze)
	}
	return err
}

// Timeout leaves time for a year of conversations.
func (*learnWorker) Timeout(*river.Job[LearnArgs]) time.Duration { return time.Hour }

// AddJobs adds learning to the jobs; call it before they start.
func (s *Service) AddJobs(jobs *pg.Jobs) {
	jobs.AddQueue(jobQueue, 1)
	pg.AddWorker(jobs, &learnWorker{s: s})
	jobs.Every(time.Hour, func() river.JobArgs { return LearnArgs{Hourly: true} })
}

// due tells whether it is time to learn: once a day, from the configured hour on.
func (s *Service) due(ctx context.Context) (bool, error) {
	now := s.parts.Now().UTC()
	if now.Hour() < *s.cfg.Hour {
		return false, nil
	}
	today := time.Date(now.Year(), now.Month(), now.Day(), *s.cfg.Hour, 0, 0, 0, time.UTC)
	done, err := pg.Row(ctx, s.parts.DB, pgx.RowTo[bool], `select exists (select from assist_runs where at >= $1)`, today)
	if err != nil {
		return false, fmt.Errorf("last learning: %w", err)
	}
	return !done, nil
}

// expire removes what is older than it is kept, and what stands beside calls whose words are gone. Whose a case of practice is may have become known since it was made.
func (s *Service) expire(ctx context.Context) error {
	before := s.parts.Now().Add(-s.cfg.Keep)
	_, err := s.parts.DB.Exec(ctx, `update practice_cases p set contact_id = c.contact_id from conversations c where c.id = p.source and p.contact_id is null and c.contact_id is not null`)
	errs := []error{err}
	_, err = s.parts.DB.Exec(ctx, `delete from assist_boards b where b.kind = 'call' and not exists (select from calls c where c.id = case when b.kind = 'call' then b.subject::uuid end and c.words_deleted_at is null)`)
	errs = append(errs, err)
	for _, sql := range []string{
		`delete from assist_boards where updated_at < $1`, `delete from assist_cards where at < $1`, `delete from assist_questions where at < $1`, `delete from practice_runs where started_at < $1`,
		`delete from assist_runs where at < $1`, `delete from assist_clusters c where state <> 'open' and coalesce(decided_at, last_at) < $1`,
	} {
		_, err := s.parts.DB.Exec(ctx, sql, before)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
