package triage

import (
	"context"
	"errors"
	"time"

	"github.com/riverqueue/river"

	"tingxin/pg"
)

type nightlyArgs struct{}

// Kind names the job in the table of jobs.
func (nightlyArgs) Kind() string { return "triage_nightly" }

type nightlyWorker struct {
	river.WorkerDefaults[nightlyArgs]
	s *Service
}

// Work learns again what has new labels; a model that was never needed is not learnt.
func (w *nightlyWorker) Work(ctx context.Context, _ *river.Job[nightlyArgs]) error {
	models, err := w.s.Models(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, m := range models {
		if w.s.now().Sub(m.TrainedAt) < 20*time.Hour {
			continue
		}
		if _, err := w.s.Train(ctx, Kind(m.Kind), m.Lang); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// Timeout implements river.Worker.
func (*nightlyWorker) Timeout(*river.Job[nightlyArgs]) time.Duration { return 30 * time.Minute }

// AddJobs adds learning from labels to the jobs; before they are started.
func (s *Service) AddJobs(jobs *pg.Jobs) {
	pg.AddWorker(jobs, &nightlyWorker{s: s})
	jobs.Every(24*time.Hour, func() river.JobArgs { return nightlyArgs{} })
}
