package pg

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
)

// Jobs runs work that must survive a restart: it is inserted in the same
// transaction as the fact that caused it and tried again until it is done (River).
// Add workers and periods between NewJobs and Start.
type Jobs struct {
	db       *DB
	log      *slog.Logger
	workers  *river.Workers
	periodic []*river.PeriodicJob
	queues   map[string]river.QueueConfig
	inserter *river.Client[pgx.Tx] // knows no work, so it can be there before Start
	client   *river.Client[pgx.Tx]
	once     sync.Once

	// Patience is how long Close lets running jobs go on: what is cancelled is done again after the next start.
	Patience time.Duration
}

// JobWorkers bounds how many jobs run at once.
const JobWorkers = 4

// jobTime bounds one try of a job that names no time of its own. One that runs for longer is of a server that was killed.
const jobTime = 10 * time.Minute

// NewJobs makes a runner without work.
func NewJobs(db *DB, log *slog.Logger) *Jobs {
	inserter, err := river.NewClient(riverpgxv5.New(db.pool), &river.Config{Logger: quiet(log)})
	if err != nil {
		panic("pg: a client that only inserts has nothing to refuse: " + err.Error())
	}
	return &Jobs{db: db, inserter: inserter, log: log.With("part", "jobs"), workers: river.NewWorkers(),
		queues: map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: JobWorkers}}, Patience: 3 * time.Second}
}

// AddQueue gives jobs whose InsertOpts name that queue workers of their own, so
// that slow ones, such as sending to other machines, do not hold up the rest.
func (j *Jobs) AddQueue(name string, workers int) {
	j.queues[name] = river.QueueConfig{MaxWorkers: workers}
}

// AddWorker says who does the jobs with arguments of type T.
func AddWorker[T river.JobArgs](j *Jobs, w river.Worker[T]) { river.AddWorker(j.workers, w) }

// Every inserts a job each period, one at a time over all servers of the
// database, and once at the start.
func (j *Jobs) Every(period time.Duration, args func() river.JobArgs) {
	make := func() (river.JobArgs, *river.InsertOpts) {
		return args(), &river.InsertOpts{MaxAttempts: 5, UniqueOpts: river.UniqueOpts{ByArgs: true, ByPeriod: min(period, time.Minute)}}
	}
	j.periodic = append(j.periodic, river.NewPeriodicJob(river.PeriodicInterval(period), make, &river.PeriodicJobOpts{RunOnStart: true}))
}

// Start begins to work jobs off. ctx ends what runs at once; Close lets it finish.
func (j *Jobs) Start(ctx context.Context) error {
	config := &river.Config{Logger: quiet(j.log), JobTimeout: jobTime, RescueStuckJobsAfter: jobTime + time.Minute, Workers: j.workers, PeriodicJobs: j.periodic,
		Queues: j.queues}
	client, err := river.NewClient(riverpgxv5.New(j.db.pool), config)
	if err != nil {
		return fmt.Errorf("jobs: %w", err)
	}
	if err := client.Start(ctx); err != nil {
		return fmt.Errorf("start jobs: %w", Map(err))
	}
	j.client = client
	return nil
}

// Insert adds a job that runs after tx is committed, here or on another server,
// once jobs are started.
func (j *Jobs) Insert(ctx context.Context, tx pgx.Tx, args river.JobArgs) error {
	_, err := j.inserter.InsertTx(ctx, tx, args, nil)
	return Map(err)
}

// Close waits for the running jobs, cancels them after Patience and returns
// when none runs, or five seconds later. Twice is fine.
func (j *Jobs) Close() error {
	j.once.Do(func() {
		if j.client == nil {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), j.Patience)
		defer cancel()
		if j.client.Stop(ctx) != nil {
			late, cancel := context.WithTimeout(context.Background(), 5*time.Second)
			defer cancel()
			_ = j.client.StopAndCancel(late) // what still runs will be rescued at the next start
		}
	})
	return nil
}

// quiet drops River's routine lines: it logs its own comings and goings at Info.
func quiet(log *slog.Logger) *slog.Logger { return slog.New(warnOnly{log.Handler()}) }

type warnOnly struct{ slog.Handler }

func (h warnOnly) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelWarn && h.Handler.Enabled(ctx, l)
}

func (h warnOnly) WithAttrs(a []slog.Attr) slog.Handler { return warnOnly{h.Handler.WithAttrs(a)} }
func (h warnOnly) WithGroup(n string) slog.Handler      { return warnOnly{h.Handler.WithGroup(n)} }
