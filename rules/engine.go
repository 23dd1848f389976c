package rules

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"tingxin/pg"
	"tingxin/rules/plan"
)

const (
	// claimTime is when another server may think that we died of an event.
	claimTime   = 2 * time.Minute
	maxAttempts = 10
	// MaxDepth is how many rules may lead to one another.
	MaxDepth = 5
	// skipBatch bounds the events that nobody asks for, in one statement.
	skipBatch = 2000
	// maxLater bounds what is looked through for an event that comes before a timer.
	maxLater = 500
)

// next works one event off; more says that there may be another.
func (s *Service) next(ctx context.Context) (more bool, err error) {
	b := s.book.Load()
	if err := s.skip(ctx, b); err != nil {
		return false, err
	}
	e, err := s.claim(ctx)
	if errors.Is(err, pg.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("claim an event: %w", err)
	}
	s.events.Add(1)
	if err := s.process(ctx, b, &e); err != nil {
		return false, errors.Join(fmt.Errorf("event %d: %w", e.ID, err), s.putBack(ctx, &e))
	}
	return true, nil
}

// wanted are the types of events that rules and targets ask for.
func (b *book) wanted() []string {
	types := map[string]bool{}
	add := func(names []string) {
		for _, n := range names {
			kept := plan.Kept(n)
			types[kept] = true
			if kept == "ticket.changed" { // answers change tickets too
				types["ticket.commented"] = true
			}
		}
	}
	for _, r := range b.rules {
		add(r.rule.When)
	}
	for _, t := range b.Targets {
		if !t.Off {
			add(t.Events)
		}
	}
	for _, typ := range followed { // followers are told of these
		types[typ] = true
	}
	return slices.Sorted(maps.Keys(types))
}

// skip marks what nobody asks for as done.
func (s *Service) skip(ctx context.Context, b *book) error {
	_, err := s.db.Exec(ctx, `update rule_events set state = 'done' where id in
		(select id from rule_events where state = 'new' and not (type = any($1)) order by id limit $2 for update skip locked)`, b.wanted(), skipBatch)
	return err
}

// claim takes the oldest event that waits, but for those of objects that have an older one.
func (s *Service) claim(ctx context.Context) (happened, error) {
	now := s.now().UTC()
	return pg.Row(ctx, s.db, scanEvent, `update rule_events set claimed_until = $2, attempts = attempts + 1 where id =
		(select o.id from rule_events o where o.state = 'new' and o.next_at <= $1 and o.claimed_until <= $1
			and not exists (select from rule_events b where b.state = 'new' and b.object = o.object and b.object_id = o.object_id and b.id < o.id)
			order by o.id limit 1 for update skip locked)
		returning `+eventColumns, now, now.Add(claimTime))
}

// putBack lets an event be tried again later, or gives it up.
func (s *Service) putBack(ctx context.Context, e *happened) error {
	state, wait := "new", min(time.Second<<min(e.Attempts, 9), 5*time.Minute)
	if e.Attempts >= maxAttempts {
		state = "failed"
		s.log.Error("an event was given up", "event", e.ID, "type", e.Type)
	}
	_, err := s.db.Exec(ctx, `update rule_events set state = $2, next_at = $3, claimed_until = '-infinity' where id = $1`, e.ID, state, s.now().UTC().Add(wait))
	return err
}

func (e *happened) seen() plan.Happened {
	return plan.Happened{Type: e.Type, Changed: e.Changed, State: e.Facts.text("state")}
}

// process asks the rules about an event, and then writes the letters, the timers and that it is done
// in one transaction.
func (s *Service) process(ctx context.Context, b *book, e *happened) error {
	runs, err := pg.Rows(ctx, s.db, scanRun, `select `+runColumns+` from rule_runs r join rule_events e on e.id = r.event_id where r.event_id = $1`, e.ID)
	if err != nil {
		return err
	}
	began := map[string]*Run{}
	for i := range runs {
		began[runs[i].Name] = &runs[i]
	}
	f := s.factsOf(ctx, e)
	var timers []named
	for _, n := range b.rules {
		switch {
		case e.OnlyRule != "" && n.name != e.OnlyRule, e.Rule == n.name, !plan.HearsAny(n.rule.When, e.seen()):
			continue // a rule is not asked about what it did itself
		case n.rule.After != "" && e.OnlyRule == "":
			timers = append(timers, n)
			continue
		}
		acted, err := s.ask(ctx, b, n, f, began[n.name])
		if err != nil {
			return fmt.Errorf("rule %s: %w", n.name, err)
		}
		if acted && n.rule.Stop {
			break
		}
	}
	var told []int64
	defer func() {
		for _, id := range told {
			s.bus.Publish(EventNotification, "", NotificationEvent{id})
		}
	}()
	defer poke(s.wakeHooks)
	return s.db.Tx(ctx, func(tx pgx.Tx) error {
		if e.OnlyRule == "" {
			var err error
			if told, err = s.tellFollowers(ctx, tx, e); err != nil {
				return err
			}
			for _, name := range slices.Sorted(maps.Keys(b.Targets)) {
				t := b.Targets[name]
				for _, typ := range t.Events {
					if !t.Off && plan.Hears(typ, e.seen()) {
						if err := s.post(ctx, tx, name, e, typ, ""); err != nil {
							return err
						}
					}
				}
			}
		}
		for _, n := range timers {
			if err := s.jobs.Insert(ctx, tx, TimerArgs{Rule: n.name, Event: e.ID, At: e.At.Add(n.rule.Delay())}); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, `update rule_events set state = 'done' where id = $1`, e.ID)
		return err
	})
}

// ask lets a rule act when its conditions hold; acted tells that it did, now or before a crash.
func (s *Service) ask(ctx context.Context, b *book, n named, f *facts, run *Run) (acted bool, err error) {
	e := f.e
	f.rule, f.zone = n.name, n.zone
	if run != nil && run.State != "running" {
		return run.State == "done", nil
	}
	if run == nil {
		if e.OnlyRule != "" {
			late, err := s.overtaken(ctx, n, e)
			if err != nil || late {
				return false, err
			}
		}
		var met []string
		holds := n.rule.If.Holds(f, &met)
		if f.err != nil || !holds {
			return false, f.err
		}
		run = &Run{Kind: "rule", Name: n.name, Event: e.ID, Object: e.Object, ObjectID: e.ObjectID, Actor: "rule:" + n.name, State: "running", Matched: met, Depth: e.Depth}
		if err := s.begin(ctx, run); err != nil || run.State == "refused" {
			return false, err
		}
		s.runs.Add(1)
	}
	d := &doer{s: s, run: run, facts: f, book: b, actions: b.expand(n.rule.Then)}
	if err := d.perform(ctx); err != nil {
		return false, err
	}
	return true, nil
}

// expand puts the actions of macros in their place.
func (b *book) expand(all []plan.Action) []plan.Action {
	var out []plan.Action
	for _, a := range all {
		if m := b.Macros[a.Macro]; a.Do == "macro" && m != nil && !m.Off {
			out = append(out, m.Actions...)
			continue
		}
		out = append(out, a)
	}
	return out
}

// begin writes a run, as refused when rules led to rules for too long or too often.
func (s *Service) begin(ctx context.Context, run *Run) error {
	return s.db.Tx(ctx, func(tx pgx.Tx) error {
		if run.Depth >= MaxDepth {
			run.State, run.Reason = "refused", "depth"
			s.deep.Add(1)
		} else {
			var n int
			if err := tx.QueryRow(ctx, `select count(*) from (select 1 from rule_runs where object = $1 and object_id = $2 and at > $3 and kind = 'rule' and state <> 'refused' limit $4) x`,
				run.Object, run.ObjectID, s.now().UTC().Add(-time.Hour), s.cfg.PerObject).Scan(&n); err != nil {
				return err
			}
			if n >= s.cfg.PerObject {
				run.State, run.Reason = "refused", "rate"
				s.often.Add(1)
			}
		}
		return s.beginRun(ctx, tx, run)
	})
}

// overtaken tells whether something of the kind has happened since a timer began.
func (s *Service) overtaken(ctx context.Context, n named, e *happened) (bool, error) {
	later, err := pg.Rows(ctx, s.db, scanEvent, `select `+eventColumns+` from rule_events where object = $1 and object_id = $2 and id > $3 and only_rule = '' order by id limit $4`,
		e.Object, e.ObjectID, e.Basis, maxLater)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(later, func(l happened) bool { return plan.HearsAny(n.rule.When, l.seen()) }), nil
}

// TimerArgs are the arguments of the job that asks a rule about an event after a time.
type TimerArgs struct {
	Rule  string    `json:"rule"`
	Event int64     `json:"event"`
	At    time.Time `json:"at"`
}

// Kind names the job in the table of jobs.
func (TimerArgs) Kind() string { return "rule_timer" }

// InsertOpts lets it wait for its time.
func (a TimerArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{ScheduledAt: a.At, MaxAttempts: 25}
}

type timerWorker struct {
	river.WorkerDefaults[TimerArgs]
	s *Service
}

func (w *timerWorker) Work(ctx context.Context, job *river.Job[TimerArgs]) error {
	return w.s.Ring(ctx, job.Args)
}

// Ring puts an event before one rule again: its time has come. Twice is once.
func (s *Service) Ring(ctx context.Context, a TimerArgs) error {
	n, err := s.db.Exec(ctx, `insert into rule_events (type, object, object_id, ref, changed, facts, actor, rule, depth, only_rule, basis, at)
		select type, object, object_id, ref, changed, facts, actor, '', depth, $2, id, $3 from rule_events where id = $1 on conflict do nothing`, a.Event, a.Rule, s.now().UTC())
	if err != nil {
		return fmt.Errorf("timer of rule %s: %w", a.Rule, err)
	}
	s.timers.Add(uint64(n))
	poke(s.wake)
	return nil
}

// TidyArgs are the arguments of the job that forgets what is old.
type TidyArgs struct{}

// Kind names the job in the table of jobs.
func (TidyArgs) Kind() string { return "rule_tidy" }

func tidyJob() river.JobArgs { return TidyArgs{} }

type tidyWorker struct {
	river.WorkerDefaults[TidyArgs]
	s *Service
}

func (w *tidyWorker) Work(ctx context.Context, _ *river.Job[TidyArgs]) error { return w.s.Tidy(ctx) }

// tidyBatch bounds one statement of Tidy.
const tidyBatch = 5000

// Tidy removes what is older than Config.Keep; runs and letters go with their events.
func (s *Service) Tidy(ctx context.Context) error {
	before := s.now().UTC().Add(-s.cfg.Keep)
	for _, sql := range []string{
		`delete from rule_events where id in (select id from rule_events where at < $1 and state <> 'new' order by at limit $2)`,
		`delete from rule_runs where id in (select id from rule_runs where at < $1 and event_id is null order by id limit $2)`,
		`delete from rule_notices where id in (select id from rule_notices where at < $1 order by at limit $2)`,
	} {
		for {
			n, err := s.db.Exec(ctx, sql, before, tidyBatch)
			if err != nil {
				return fmt.Errorf("forget old events: %w", err)
			}
			if n < tidyBatch {
				break
			}
		}
	}
	return nil
}

// EraseContact takes away what rules told people about a contact, and tags, labels and the name in what happened; the rest holds ids only.
func (s *Service) EraseContact(ctx context.Context, tx pgx.Tx, contacts []int64) (int64, error) {
	_, err := tx.Exec(ctx, `update rule_events set facts = facts - 'tags' - 'labels' #- '{was,tags}' #- '{was,labels}', actor = case when actor in (select name from contacts where id = any($1)) then 'customer' else actor end
		where facts ->> 'contact' in (select unnest($1::bigint[])::text)`, contacts)
	if err != nil {
		return 0, pg.Map(err)
	}
	tag, err := tx.Exec(ctx, `delete from rule_notices where contact_id = any($1)`, contacts)
	return tag.RowsAffected(), pg.Map(err)
}

// ContactHits counts what EraseContact would take away.
func (s *Service) ContactHits(ctx context.Context, tx pgx.Tx, contacts []int64) (n int64, err error) {
	err = tx.QueryRow(ctx, `select count(*) from rule_notices where contact_id = any($1)`, contacts).Scan(&n)
	return n, pg.Map(err)
}
