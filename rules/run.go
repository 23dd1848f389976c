package rules

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
	"tingxin/rules/plan"
)

// ActionResult is what became of one action. It holds nothing that people wrote.
type ActionResult struct {
	Do     string          `json:"do"`
	Result Result          `json:"result" enum:"begun,done,same,refused,would"`
	Reason string          `json:"reason,omitempty" doc:"why it was refused"`
	Was    json.RawMessage `json:"was,omitempty" doc:"before, of what can be undone"`
	To     json.RawMessage `json:"to,omitempty"`
	Ref    string          `json:"ref,omitempty" doc:"of what was made: ticket:1001, message:17"`
}

// Result is how an action ended.
type Result string

// The results.
const (
	Begun   Result = "begun" // it may have been done or not
	Done    Result = "done"
	Same    Result = "same" // nothing was to be changed
	Refused Result = "refused"
	Would   Result = "would" // dry
)

// Run is one use of a rule or macro on an object.
type Run struct {
	ID       int64          `json:"id"`
	Kind     string         `json:"kind" enum:"rule,macro"`
	Name     string         `json:"name"`
	Event    int64          `json:"event,omitempty"`
	Type     string         `json:"type,omitempty" doc:"of the event"`
	Object   string         `json:"object" enum:"conversation,ticket,call,contact,queue"`
	ObjectID string         `json:"object_id"`
	Actor    string         `json:"actor"`
	State    string         `json:"state" enum:"running,done,refused,undone"`
	Reason   string         `json:"reason,omitempty" doc:"depth: rules led to rules for too long; rate: too many runs on the object"`
	Matched  []string       `json:"matched" doc:"conditions that held"`
	Steps    []ActionResult `json:"steps"`
	Depth    int            `json:"depth"`
	At       time.Time      `json:"at"`
	DoneAt   *time.Time     `json:"done_at,omitempty"`
}

const runColumns = `r.id, r.kind, r.name, coalesce(r.event_id, 0), coalesce(e.type, ''), r.object, r.object_id, r.actor, r.state, r.reason, r.matched, r.steps, r.depth, r.at, r.done_at`

func scanRun(row pgx.CollectableRow) (Run, error) {
	var r Run
	err := row.Scan(&r.ID, &r.Kind, &r.Name, &r.Event, &r.Type, &r.Object, &r.ObjectID, &r.Actor, &r.State, &r.Reason, &r.Matched, &r.Steps, &r.Depth, &r.At, &r.DoneAt)
	r.At = r.At.UTC()
	return r, err
}

// Runs are the latest runs, of one rule or macro when name is given, on one object when it is, older
// than before when that is not 0.
func (s *Service) Runs(ctx context.Context, kind, name, object, id string, before int64, limit int) ([]Run, error) {
	return pg.Rows(ctx, s.db, scanRun, `select `+runColumns+` from rule_runs r left join rule_events e on e.id = r.event_id
		where r.kind = $1 and ($2 = '' or r.name = $2) and ($3 = '' or r.object = $3 and r.object_id = $4) and ($5::bigint = 0 or r.id < $5) order by r.id desc limit $6`, kind, name, object, id, before, limit)
}

// RunByID is one run.
func (s *Service) RunByID(ctx context.Context, id int64) (Run, error) {
	return pg.Row(ctx, s.db, scanRun, `select `+runColumns+` from rule_runs r left join rule_events e on e.id = r.event_id where r.id = $1`, id)
}

// beginRun writes a run before anything is done.
func (s *Service) beginRun(ctx context.Context, tx pgx.Tx, r *Run) error {
	if r.Matched == nil {
		r.Matched = []string{}
	}
	r.Steps, r.At = []ActionResult{}, s.now().UTC()
	var done *time.Time
	if r.State != "running" {
		done = &r.At
	}
	return pg.Map(tx.QueryRow(ctx, `insert into rule_runs (kind, name, event_id, object, object_id, actor, state, reason, matched, depth, at, done_at)
		values ($1, $2, nullif($3::bigint, 0), $4, $5, $6, $7, $8, $9, $10, $11, $12) returning id`,
		r.Kind, r.Name, r.Event, r.Object, r.ObjectID, r.Actor, r.State, r.Reason, r.Matched, r.Depth, r.At, done).Scan(&r.ID))
}

type execer interface {
	Exec(ctx context.Context, sql string, args ...any) (int64, error)
}

type txExecer struct{ pgx.Tx }

func (t txExecer) Exec(ctx context.Context, sql string, args ...any) (int64, error) {
	tag, err := t.Tx.Exec(ctx, sql, args...)
	return tag.RowsAffected(), pg.Map(err)
}

// saveSteps marks how far a run is.
func (s *Service) saveSteps(ctx context.Context, db execer, r *Run) error {
	_, err := db.Exec(ctx, `update rule_runs set steps = $2 where id = $1`, r.ID, r.Steps)
	return err
}

func (s *Service) endRun(ctx context.Context, r *Run) error {
	r.State = "done"
	_, err := s.db.Exec(ctx, `update rule_runs set state = 'done', steps = $2, done_at = $3 where id = $1 and state = 'running'`, r.ID, r.Steps, s.now().UTC())
	return err
}

// doer is who acts, on what.
type doer struct {
	s       *Service
	run     *Run
	facts   *facts
	book    *book
	user    int64 // of a macro; 0 for a rule
	dry     bool
	again   bool // the step may have been done already
	key     string
	actions []plan.Action
}

// perform does the actions that are not done yet, each marked before the next. Only errors after
// which another try makes sense are returned.
func (d *doer) perform(ctx context.Context) error {
	if d.run.Kind == "rule" {
		ctx = pg.WithCause(ctx, fmt.Sprintf("%s/%d", d.run.Name, d.run.Depth+1))
	}
	d.facts.ctx = ctx
	at := len(d.run.Steps)
	if at > 0 && d.run.Steps[at-1].Result == Begun {
		at, d.again = at-1, true
	}
	for i := at; i < len(d.actions); i++ {
		d.key = fmt.Sprintf("run-%d-%d", d.run.ID, i)
		if !d.dry && !d.again {
			d.run.Steps = append(d.run.Steps, ActionResult{Do: d.actions[i].Do, Result: Begun})
			if err := d.s.saveSteps(ctx, d.s.db, d.run); err != nil {
				return err
			}
		}
		if d.dry {
			d.run.Steps = append(d.run.Steps, ActionResult{})
		}
		step, err := d.act(ctx, &d.actions[i])
		if err == nil && d.facts.err != nil {
			err = d.facts.err
		}
		if err != nil {
			var why *refusal
			if !errors.As(err, &why) {
				if errors.Is(err, pg.ErrUnavailable) || ctx.Err() != nil || !d.final() {
					return err
				}
				d.s.log.Error("an action failed", "rule", d.run.Name, "do", step.Do, "error", err)
				why = &refusal{"failed"}
			}
			step.Result, step.Reason = Refused, why.reason
			d.s.refused.Add(1)
		}
		if step.Result == Done {
			d.s.acts.Add(1)
			d.facts.changed()
		}
		d.run.Steps[i] = step
		d.again = false
		if !d.dry {
			if err := d.s.saveSteps(ctx, d.s.db, d.run); err != nil {
				return err
			}
		}
	}
	if d.dry {
		return nil
	}
	return d.s.endRun(ctx, d.run)
}

// final tells whether an unknown error ends the step: nobody tries a macro again, and a rule not for ever.
func (d *doer) final() bool { return d.run.Kind == "macro" || d.facts.e.Attempts >= maxAttempts }

// refusal says in a word why an action was not possible.
type refusal struct{ reason string }

func (r *refusal) Error() string { return r.reason }

func refuse(format string, args ...any) error { return &refusal{fmt.Sprintf(format, args...)} }
