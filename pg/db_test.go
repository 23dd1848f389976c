package pg_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"tingxin/pg"
	"tingxin/pg/pgtest"
)

var scanInt = pgx.RowTo[int]

func TestErrorsAreMapped(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	insertKey(t, db, "a")
	_, conflict := db.Exec(t.Context(), `insert into settings (key, value) values ('a', '{}')`)
	_, missing := pg.Row(t.Context(), db, scanInt, `select 1 from settings where key = 'b'`)
	_, orphan := db.Exec(t.Context(), `insert into sessions values ('x', 99, '', '', '', now(), now())`)
	inTx := db.Tx(t.Context(), func(tx pgx.Tx) error {
		_, err := tx.Exec(t.Context(), `insert into settings (key, value) values ('a', '{}')`)
		return err
	})
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, cancelled := db.Exec(gone, `select 1`)
	for name, tc := range map[string]struct{ got, want error }{
		"unique":         {conflict, pg.ErrConflict},
		"no row":         {missing, pg.ErrNotFound},
		"foreign key":    {orphan, pg.ErrNotFound},
		"in a tx":        {inTx, pg.ErrConflict},
		"caller gave up": {cancelled, context.Canceled},
	} {
		if !errors.Is(tc.got, tc.want) {
			t.Errorf("%s: got %v, want %v", name, tc.got, tc.want)
		}
	}
}

func TestTxRollsBack(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	mine := errors.New("mine")
	err := db.Tx(t.Context(), func(tx pgx.Tx) error {
		if _, err := tx.Exec(t.Context(), `insert into settings (key, value) values ('a', '{}')`); err != nil {
			return err
		}
		return mine
	})
	if !errors.Is(err, mine) {
		t.Fatalf("got %v", err)
	}
	if n, err := pg.Row(t.Context(), db, scanInt, `select count(*)::int from settings`); err != nil || n != 0 {
		t.Errorf("%d rows, %v; want none", n, err)
	}
}

// The server goes away and comes back: callers hear it quickly and the pool recovers by itself.
func TestDatabaseAway(t *testing.T) {
	t.Parallel()
	cfg := pgtest.Private(t)
	cluster := pg.NewCluster(cfg, quiet())
	if err := cluster.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	db, err := pg.Open(t.Context(), pg.Config{URL: cluster.DSN("")}, quiet())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	cluster.Close()
	for range 3 {
		start := time.Now()
		if _, err := db.Exec(t.Context(), `select 1`); !errors.Is(err, pg.ErrUnavailable) {
			t.Errorf("got %v, want %v", err, pg.ErrUnavailable)
		}
		if took := time.Since(start); took > time.Second {
			t.Errorf("took %v to say so", took)
		}
	}
	if _, err := db.Probe(t.Context()); !errors.Is(err, pg.ErrUnavailable) {
		t.Errorf("probe: got %v", err)
	}
	cluster = pg.NewCluster(cfg, quiet())
	if err := cluster.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	eventually(t, 5*time.Second, "the pool works again", func() bool {
		_, err := db.Probe(t.Context())
		return err == nil
	})
	if s := db.Stats(); s.Queries == 0 {
		t.Errorf("nothing counted: %+v", s)
	}
}

func TestStatementsAreBounded(t *testing.T) {
	t.Parallel()
	db := pgtest.NewWith(t, pg.Config{QueryTimeout: 200 * time.Millisecond})
	start := time.Now()
	_, err := db.Exec(t.Context(), `select pg_sleep(10)`)
	if !errors.Is(err, pg.ErrUnavailable) || time.Since(start) > 3*time.Second {
		t.Errorf("got %v after %v", err, time.Since(start))
	}
}

func TestConcurrentMigration(t *testing.T) {
	t.Parallel()
	cfg := pgtest.Private(t)
	cluster := pg.NewCluster(cfg, quiet())
	if err := cluster.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			db, err := pg.Open(t.Context(), pg.Config{URL: cluster.DSN("")}, quiet())
			if err != nil {
				t.Error(err)
				return
			}
			db.Close()
		})
	}
	wg.Wait()
}

type noteArgs struct {
	Note string `json:"note"`
}

func (noteArgs) Kind() string { return "note" }

type noteWorker struct {
	river.WorkerDefaults[noteArgs]
	notes chan string
}

func (w *noteWorker) Work(_ context.Context, job *river.Job[noteArgs]) error {
	w.notes <- job.Args.Note
	return nil
}

func TestJobsRunAfterCommitOnly(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	jobs := pg.NewJobs(db, quiet())
	w := &noteWorker{notes: make(chan string, 4)}
	pg.AddWorker(jobs, w)
	jobs.Every(time.Hour, func() river.JobArgs { return noteArgs{"periodic"} })
	if err := jobs.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer jobs.Close()
	if got := <-w.notes; got != "periodic" {
		t.Errorf("first job is %q", got)
	}
	errBack := errors.New("back")
	insert := func(note string, end error) {
		err := db.Tx(t.Context(), func(tx pgx.Tx) error {
			return errors.Join(jobs.Insert(t.Context(), tx, noteArgs{note}), end)
		})
		if !errors.Is(err, end) {
			t.Error(err)
		}
	}
	insert("rolled back", errBack)
	insert("kept", nil)
	if got := <-w.notes; got != "kept" {
		t.Errorf("got %q", got)
	}
}

// endless is a job that goes on until it is cancelled.
type endless struct {
	river.WorkerDefaults[noteArgs]
	begun, cancelled chan struct{}
}

func (w *endless) Work(ctx context.Context, _ *river.Job[noteArgs]) error {
	close(w.begun)
	<-ctx.Done()
	close(w.cancelled)
	return ctx.Err()
}

// A server that ends does not wait for a job that goes on and on.
func TestCloseCancelsAJobThatGoesOn(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	jobs := pg.NewJobs(db, quiet())
	jobs.Patience = 10 * time.Millisecond
	w := &endless{begun: make(chan struct{}), cancelled: make(chan struct{})}
	pg.AddWorker(jobs, w)
	if err := jobs.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := db.Tx(t.Context(), func(tx pgx.Tx) error { return jobs.Insert(t.Context(), tx, noteArgs{"on and on"}) }); err != nil {
		t.Fatal(err)
	}
	<-w.begun
	if err := jobs.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-w.cancelled:
	default:
		t.Error("closed while a job goes on")
	}
}

func BenchmarkNewDatabase(b *testing.B) {
	for b.Loop() {
		pgtest.URL(b)
	}
}
