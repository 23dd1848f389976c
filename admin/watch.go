package admin

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
)

// Figures are a queue's metrics; one that cannot be told now is not there.
type Figures struct {
	Queue  string
	Values map[string]float64
}

// Raised is a rule that holds, or held, for a queue.
type Raised struct {
	ID           int64
	Rule, Queue  string
	Severity     string
	Metric       string
	Operator     string
	Bound, Value float64 // Value is the worst so far
	RaisedAt     time.Time
	EndedAt      *time.Time
	AckedBy      string
	AckedAt      *time.Time
	SnoozedUntil *time.Time
}

const (
	watchEvery = 2 * time.Second
	// keepRaised is how long ended alerts stay.
	keepRaised = 90 * 24 * time.Hour
	cleanEvery = time.Hour
)

// Watch looks at the figures of the queues every 2 seconds and keeps a row for each
// rule that holds. Several servers may watch: an alert is one row.
type Watch struct {
	db      *pg.DB
	rules   func() map[string]*AlertRule
	figures func(context.Context) ([]Figures, error)
	now     func() time.Time
	log     *slog.Logger

	since   map[string]time.Time // rule and queue that hold, from when on; of the goroutine
	cleaned time.Time
	blind   bool

	cancel context.CancelFunc
	wg     sync.WaitGroup
}

// NewWatch stores; Start begins. figures tells the queues' metrics.
func NewWatch(db *pg.DB, rules func() map[string]*AlertRule, figures func(context.Context) ([]Figures, error), log *slog.Logger) *Watch {
	return &Watch{db: db, rules: rules, figures: figures, now: time.Now, log: log.With("part", "watch"), since: map[string]time.Time{}, cancel: func() {}}
}

// Start watches until Close.
func (w *Watch) Start(ctx context.Context) error {
	ctx, w.cancel = context.WithCancel(context.WithoutCancel(ctx))
	w.wg.Go(func() { // ends with ctx
		tick := time.NewTicker(watchEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			err := w.Look(ctx)
			if blind := err != nil && ctx.Err() == nil; blind != w.blind {
				if w.blind = blind; blind {
					w.log.Warn("queues cannot be watched", "error", err)
				}
			}
		}
	})
	return nil
}

// Close returns when the last goroutine has ended. Twice is fine.
func (w *Watch) Close() error {
	w.cancel()
	w.wg.Wait()
	return nil
}

// Look judges all rules once.
func (w *Watch) Look(ctx context.Context) error {
	all, err := w.figures(ctx)
	if err != nil {
		return fmt.Errorf("figures of the queues: %w", err)
	}
	now := w.now()
	held := map[string]bool{}
	for name, rule := range w.rules() {
		for _, f := range all {
			if rule.Off || len(rule.Queues) > 0 && !slices.Contains(rule.Queues, f.Queue) {
				continue
			}
			value, known := f.Values[rule.Metric]
			if !known || !rule.holds(value) {
				continue
			}
			key := name + "\x00" + f.Queue
			held[key] = true
			if _, before := w.since[key]; !before {
				w.since[key] = now
			}
			if now.Sub(w.since[key]) >= time.Duration(rule.For) {
				if err := w.raise(ctx, name, rule, f.Queue, value, now); err != nil {
					return err
				}
			}
		}
	}
	for key := range w.since {
		if !held[key] {
			delete(w.since, key)
		}
	}
	return w.end(ctx, held, now)
}

func (a *AlertRule) holds(v float64) bool {
	switch a.Operator {
	case ">":
		return v > a.Value
	case ">=":
		return v >= a.Value
	case "<":
		return v < a.Value
	}
	return v <= a.Value
}

// raise makes the row, or notes a worse value in it.
func (w *Watch) raise(ctx context.Context, name string, a *AlertRule, queue string, value float64, now time.Time) error {
	worst := "greatest"
	if a.Operator[0] == '<' {
		worst = "least"
	}
	_, err := w.db.Exec(ctx, `insert into queue_alerts (rule, scope, severity, metric, operator, bound, value, raised_at) values ($1, $2, $3, $4, $5, $6, $7, $8)
		on conflict (rule, scope) where ended_at is null do update set value = `+worst+`(queue_alerts.value, excluded.value), severity = $3, metric = $4, operator = $5, bound = $6`,
		name, queue, a.Severity, a.Metric, a.Operator, a.Value, value, now)
	if err != nil {
		return fmt.Errorf("alert %s: %w", name, err)
	}
	return nil
}

// end closes what holds no longer, and removes what is old.
func (w *Watch) end(ctx context.Context, held map[string]bool, now time.Time) error {
	open, err := pg.Rows(ctx, w.db, pgx.RowToStructByPos[struct {
		ID          int64
		Rule, Scope string
	}], `select id, rule, scope from queue_alerts where ended_at is null`)
	if err != nil {
		return err
	}
	for _, o := range open {
		if !held[o.Rule+"\x00"+o.Scope] {
			if _, err := w.db.Exec(ctx, `update queue_alerts set ended_at = $2 where id = $1 and ended_at is null`, o.ID, now); err != nil {
				return err
			}
		}
	}
	if now.Sub(w.cleaned) < cleanEvery {
		return nil
	}
	w.cleaned = now
	_, err = w.db.Exec(ctx, `delete from queue_alerts where ended_at < $1 and raised_at < $1`, now.Add(-keepRaised))
	return err
}

const raisedColumns = `id, rule, scope, severity, metric, operator, bound, value, raised_at, ended_at, acked_by, acked_at, snoozed_until`

// Raised lists alerts: those that hold, the newest first, then those that ended since.
func (s *Store) Raised(ctx context.Context, since time.Time) ([]Raised, error) {
	return pg.Rows(ctx, s.db, pgx.RowToStructByPos[Raised], `select `+raisedColumns+` from queue_alerts where ended_at is null or raised_at >= $1 order by ended_at is not null, raised_at desc, id desc limit 500`, since)
}

// Acknowledge notes who saw an alert; until, when not zero, silences it so long.
// ErrNotFound for one that has ended.
func (s *Store) Acknowledge(ctx context.Context, tx pgx.Tx, id int64, by string, now time.Time, until *time.Time) error {
	tag, err := tx.Exec(ctx, `update queue_alerts set acked_by = $2, acked_at = $3, snoozed_until = coalesce($4, snoozed_until) where id = $1 and ended_at is null`, id, by, now, until)
	if err == nil && tag.RowsAffected() == 0 {
		return pg.ErrNotFound
	}
	return pg.Map(err)
}
