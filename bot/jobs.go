package bot

import (
	"context"
	"time"

	"github.com/riverqueue/river"

	"tingxin/pg"
)

// TrainArgs are the arguments of the job that learns the intents anew.
type TrainArgs struct{}

// Kind names the job in the table of jobs.
func (TrainArgs) Kind() string { return "bot_train" }

// InsertOpts keeps a second one from waiting behind the first.
func (TrainArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{MaxAttempts: 3, UniqueOpts: river.UniqueOpts{ByArgs: true, ByPeriod: time.Minute}}
}

type trainWorker struct {
	river.WorkerDefaults[TrainArgs]
	e *Engine
}

// Work implements river.Worker.
func (w *trainWorker) Work(ctx context.Context, _ *river.Job[TrainArgs]) error {
	_, err := w.e.Train(ctx)
	return err
}

// Timeout leaves time for learning.
func (*trainWorker) Timeout(*river.Job[TrainArgs]) time.Duration { return 30 * time.Minute }

// AddJobs adds learning to the jobs; call it before they start.
func (e *Engine) AddJobs(jobs *pg.Jobs) { pg.AddWorker(jobs, &trainWorker{e: e}) }
