package report

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"tingxin/pg"
)

// Config of reports.
type Config struct {
	// Zone is whose clocks hours and days of reports are, when a question names none (IANA); UTC when empty.
	Zone string `yaml:"zone" koanf:"zone"`
}

// Check says what cannot work.
func (c Config) Check() error {
	if _, err := time.LoadLocation(c.Zone); err != nil || c.Zone == "Local" {
		return fmt.Errorf("report.zone: there is no time zone %q", c.Zone)
	}
	return nil
}

// Stats of a Service.
type Stats struct {
	Hours  uint64 `metric:"hours_counted"` // counted anew since the start
	Failed uint64 // runs that ended with an error
}

// Service makes sums and answers questions. Safe for concurrent use; it has no goroutine of its own.
type Service struct {
	db     *pg.DB
	log    *slog.Logger
	zone   *time.Location
	hours  atomic.Uint64
	failed atomic.Uint64
}

// New checks the configuration.
func New(cfg Config, db *pg.DB, log *slog.Logger) (*Service, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	zone, err := time.LoadLocation(cfg.Zone)
	return &Service{db: db, log: log.With("part", "report"), zone: zone}, err
}

// Zone is of questions that name none.
func (s *Service) Zone() *time.Location { return s.zone }

// Stats are the counters.
func (s *Service) Stats() Stats { return Stats{s.hours.Load(), s.failed.Load()} }

const (
	// foldPeriod is how often touched hours are counted anew.
	foldPeriod = time.Minute
	// foldHours is how many hours of facts one transaction counts.
	foldHours = 200
	// foldLock keeps two servers from counting at once.
	foldLock = 0x7265706f7274
)

// FoldArgs are the arguments of the job that counts touched hours.
type FoldArgs struct{}

// Kind names the job in the table of jobs.
func (FoldArgs) Kind() string { return "report_fold" }

type foldWorker struct {
	river.WorkerDefaults[FoldArgs]
	s *Service
}

// Work implements river.Worker.
func (w *foldWorker) Work(ctx context.Context, _ *river.Job[FoldArgs]) error {
	_, err := w.s.Fold(ctx)
	return err
}

// Timeout leaves time for the first run over what there is already.
func (*foldWorker) Timeout(*river.Job[FoldArgs]) time.Duration { return 30 * time.Minute }

// AddJobs has the hours counted each minute and once at the start; call it before the jobs start.
func (s *Service) AddJobs(jobs *pg.Jobs) {
	pg.AddWorker(jobs, &foldWorker{s: s})
	jobs.Every(foldPeriod, func() river.JobArgs { return FoldArgs{} })
}

// Fold counts all touched hours that are over, and tells how many there were; it leaves them to whoever is counting already.
// It may be stopped and repeated at any point.
func (s *Service) Fold(ctx context.Context) (int, error) {
	sum := 0
	for {
		n, err := s.foldSome(ctx)
		sum += n
		s.hours.Add(uint64(n))
		if err != nil {
			s.failed.Add(1)
			return sum, fmt.Errorf("count hours of reports: %w", err)
		}
		if n == 0 {
			return sum, nil
		}
	}
}

// touched is an hour of a noun that must be counted.
type touched struct {
	Noun string
	Hour time.Time
}

func (s *Service) foldSome(ctx context.Context) (n int, err error) {
	err = s.db.Tx(ctx, func(tx pgx.Tx) error {
		n = 0
		// Who counts takes all there is. Waiting for them, each minute's job would hold a worker of all jobs.
		if mine, err := pg.TxRow(ctx, tx, pgx.RowTo[bool], `select pg_try_advisory_xact_lock($1)`, foldLock); err != nil || !mine {
			return err
		}
		if err := s.passed(ctx, tx); err != nil {
			return err
		}
		// A row that comes after this statement stays, and has its hour counted once more.
		hours, err := pg.TxRows(ctx, tx, pgx.RowToStructByPos[touched], `with due as (select noun, hour from report_touched where hour < date_trunc('hour', now(), 'UTC') group by noun, hour order by hour desc, noun limit $1),
			taken as (delete from report_touched t using due where t.noun = due.noun and t.hour = due.hour)
			select noun, hour from due`, foldHours)
		if err != nil {
			return err
		}
		n = len(hours)
		byNoun := map[string][]time.Time{}
		for _, h := range hours {
			byNoun[h.Noun] = append(byNoun[h.Noun], h.Hour)
		}
		for _, of := range nouns {
			list := byNoun[of.name]
			if of.aged && len(list) > 0 { // what rows are gone of keeps its sums, whatever touched it
				if list, err = pg.TxRows(ctx, tx, pgx.RowTo[time.Time], of.whole(), list); err != nil {
					return fmt.Errorf("%s: %w", of.name, err)
				}
			}
			if len(list) == 0 {
				continue
			}
			if _, err := tx.Exec(ctx, `delete from `+of.table+` where hour = any($1)`, list); err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, of.fold(), list); err != nil {
				return fmt.Errorf("%s: %w", of.name, err)
			}
		}
		return s.thin(ctx, tx)
	})
	return n, err
}

// passed touches the hours that are over and had nobody changing state in them: they have no row of their own.
func (s *Service) passed(ctx context.Context, tx pgx.Tx) error {
	var from time.Time
	if err := tx.QueryRow(ctx, `select until from report_mark where noun = 'state' for update`).Scan(&from); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `insert into report_touched select 'state', h from generate_series($1::timestamptz, date_trunc('hour', now(), 'UTC') - interval '1 hour', interval '1 hour') h`, from); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `update report_mark set until = greatest(until, date_trunc('hour', now(), 'UTC')) where noun = 'state'`)
	return err
}

// thin leaves one row per noun of the hours that still run.
func (s *Service) thin(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, `with taken as (delete from report_touched where hour >= date_trunc('hour', now(), 'UTC') returning noun, hour)
		insert into report_touched select distinct noun, hour from taken`)
	return err
}

// Rebuild has every hour of a span counted anew by the next Fold. Hours whose rows were taken by retention
// keep their sums. It tells how many hours that are.
func (s *Service) Rebuild(ctx context.Context, tx pgx.Tx, since, until time.Time) (int, error) {
	sum := 0
	for _, n := range nouns {
		tag, err := tx.Exec(ctx, `with first as (select date_trunc('hour', (`+n.oldest+`), 'UTC') as hour)
			insert into report_touched select $1, h from first, generate_series(
				greatest(date_trunc('hour', $2::timestamptz, 'UTC'), first.hour + case when exists (select from `+n.table+` x where x.hour < first.hour) then interval '1 hour' else interval '0' end),
				least($3::timestamptz, now()), interval '1 hour') h`, n.name, since, until)
		if err != nil {
			return sum, fmt.Errorf("rebuild %s: %w", n.name, pg.Map(err))
		}
		sum += int(tag.RowsAffected())
	}
	return sum, nil
}

// ErrQuery says what is wrong with a question.
var ErrQuery = errors.New("the report cannot be made")

// QueryError is an ErrQuery that names the field of the question.
type QueryError struct {
	Field string
	Text  string
}

func (e *QueryError) Error() string { return ErrQuery.Error() + ": " + e.Text }

// Unwrap makes it an ErrQuery.
func (e *QueryError) Unwrap() error { return ErrQuery }

func bad(field, format string, args ...any) error {
	return &QueryError{field, fmt.Sprintf(format, args...)}
}
