package rules

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
	"tingxin/rules/plan"
)

const (
	// maxTrial is how many events a trial looks at, the latest first.
	maxTrial   = 5000
	maxSamples = 20
	// trialTime bounds a trial.
	trialTime = 8 * time.Second
)

// Sample is an event on which a rule would have acted.
type Sample struct {
	Event    int64          `json:"event"`
	Type     string         `json:"type"`
	Object   string         `json:"object" enum:"conversation,ticket,call,contact,queue"`
	ObjectID string         `json:"object_id"`
	At       time.Time      `json:"at"`
	Matched  []string       `json:"matched"`
	Steps    []ActionResult `json:"steps" doc:"what would be done now"`
}

// RuleTrial is how a rule would have fared.
type RuleTrial struct {
	Events   int      `json:"events" doc:"of its types"`
	Heard    int      `json:"heard" doc:"that it would have been asked about"`
	Matched  int      `json:"matched" doc:"on which it would have acted"`
	Objects  int      `json:"objects" doc:"to which they happened"`
	Actions  int      `json:"actions"`
	Acted    int      `json:"acted" doc:"runs that a rule of this name had in that time"`
	Whole    bool     `json:"whole" doc:"all events of that time were looked at"`
	Samples  []Sample `json:"samples"`
	Overtook int      `json:"overtaken" doc:"of a rule with a time: another such event came before it was over"`
}

// Trial looks how a rule would have fared with the events since a time, and does nothing. States are
// those that the events tell, texts are read as they are now.
func (s *Service) Trial(ctx context.Context, name string, r *plan.Rule, since time.Time) (RuleTrial, error) {
	out := RuleTrial{Samples: []Sample{}, Whole: true}
	n := makeReady(name, r)
	ctx, cancel := context.WithTimeout(ctx, trialTime)
	defer cancel()
	b := newBook(Book{Rules: map[string]*plan.Rule{name: r}})
	all, err := pg.Rows(ctx, s.db, scanEvent, `select `+eventColumns+` from rule_events where type = any($1) and at >= $2 and only_rule = '' order by id desc limit $3`, b.wanted(), since, maxTrial)
	if err != nil {
		return out, fmt.Errorf("trial of rule %s: %w", name, err)
	}
	out.Whole = len(all) < maxTrial
	whole := s.book.Load()
	objects := map[string]bool{}
	next := map[string]time.Time{} // of each object, the next such event: they come the latest first
	for i := range all {
		e := &all[i]
		out.Events++
		if !plan.HearsAny(r.When, e.seen()) {
			continue
		}
		out.Heard++
		if d := r.Delay(); d > 0 {
			key := e.Object + e.ObjectID
			later, came := next[key]
			next[key] = e.At
			if came && later.Before(e.At.Add(d)) || s.now().Before(e.At.Add(d)) {
				out.Overtook++
				continue
			}
		}
		f := s.factsOf(ctx, e)
		f.then, f.rule, f.zone, f.now = true, name, n.zone, e.At.Add(r.Delay())
		var met []string
		holds := n.rule.If.Holds(f, &met)
		if f.err != nil {
			if ctx.Err() != nil {
				out.Whole = false
				break
			}
			return out, f.err
		}
		if !holds {
			continue
		}
		out.Matched++
		out.Actions += len(whole.expand(r.Then))
		objects[e.Object+e.ObjectID] = true
		if len(out.Samples) < maxSamples {
			sample, err := s.sample(ctx, whole, n, f, met)
			if err != nil {
				return out, err
			}
			out.Samples = append(out.Samples, sample)
		}
	}
	out.Objects = len(objects)
	out.Acted, err = s.acted(context.WithoutCancel(ctx), name, since)
	return out, err
}

func (s *Service) acted(ctx context.Context, name string, since time.Time) (int, error) {
	return pg.Row(ctx, s.db, pgx.RowTo[int], `select count(*)::int from rule_runs where kind = 'rule' and name = $1 and at >= $2 and state <> 'refused'`, name, since)
}

// sample tells what would be done.
func (s *Service) sample(ctx context.Context, b *book, n named, f *facts, met []string) (Sample, error) {
	e := f.e
	out := Sample{Event: e.ID, Type: e.Type, Object: e.Object, ObjectID: e.ObjectID, At: e.At, Matched: slices.Clip(met)}
	if out.Matched == nil {
		out.Matched = []string{}
	}
	now := s.factsOf(ctx, e)
	now.rule = n.name
	run := &Run{Kind: "rule", Name: n.name, Object: e.Object, ObjectID: e.ObjectID, Actor: "rule:" + n.name, Steps: []ActionResult{}}
	d := &doer{s: s, run: run, facts: now, book: b, dry: true, actions: b.expand(n.rule.Then)}
	err := d.perform(ctx)
	out.Steps = run.Steps
	return out, err
}
