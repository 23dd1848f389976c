package rules

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/chat"
	"tingxin/pg"
	"tingxin/queue"
	"tingxin/rules/plan"
	"tingxin/ticket"
)

// What macros refuse. Callers branch on these.
var (
	ErrMacro    = errors.New("there is no such macro, or it is not for you")
	ErrMany     = errors.New("too many objects at once")
	ErrUndo     = errors.New("it cannot be undone any more")
	ErrNotYours = errors.New("somebody else ran it")
)

const (
	// MaxObjects bounds what a macro is run on at once.
	MaxObjects = 200
	// undoWithin is how long a run can be undone.
	undoWithin = 24 * time.Hour
)

// Object is what a macro is run on.
type Object struct {
	Kind string `json:"kind" enum:"conversation,ticket"`
	ID   string `json:"id" maxLength:"20"`
}

// Agent is who runs a macro.
type Agent struct {
	User     int64
	Username string
	Name     string // customers see it
	// May tells whether the agent's role is enough for what needs at least another: agent, supervisor, admin.
	May func(least string) bool
	// Queues are those that the agent is a member of.
	Queues []string
}

const (
	roleAgent      = "agent"
	roleSupervisor = "supervisor"
)

func (a *Agent) may(m *plan.Macro) bool {
	return !m.Off && a.May(cmp.Or(m.Role, roleAgent)) && (len(m.Queues) == 0 || a.May(roleSupervisor) || slices.ContainsFunc(m.Queues, func(q string) bool { return slices.Contains(a.Queues, q) }))
}

// AgentOf finds the queues of a user.
func (s *Service) AgentOf(ctx context.Context, a Agent) (Agent, error) {
	var err error
	a.Queues, err = pg.Rows(ctx, s.db, pgx.RowTo[string], `select queue_id from queue_members where user_id = $1 order by queue_id`, a.User)
	return a, err
}

// NamedMacro is a macro with its name.
type NamedMacro struct {
	Name string `json:"name"`
	plan.Macro
}

// Macros are those that an agent may run on objects of a kind (all kinds when empty).
func (s *Service) Macros(a Agent, kind string) []NamedMacro {
	b := s.book.Load()
	out := []NamedMacro{}
	for name, m := range b.Macros {
		if a.may(m) && (kind == "" || slices.Contains(m.For, kind)) {
			out = append(out, NamedMacro{name, *m})
		}
	}
	slices.SortFunc(out, func(x, y NamedMacro) int {
		if x.Label+"\x00"+x.Name < y.Label+"\x00"+y.Name {
			return -1
		}
		return 1
	})
	return out
}

// RunMacro runs a macro on objects, one after the other, or with dry only tells what it would do. An
// object that refuses an action keeps the others from nothing. With an error it returns what was done before.
func (s *Service) RunMacro(ctx context.Context, name string, objects []Object, a Agent, dry bool) ([]Run, error) {
	b := s.book.Load()
	m := b.Macros[name]
	if m == nil || !a.may(m) {
		return nil, ErrMacro
	}
	if len(objects) == 0 || len(objects) > MaxObjects {
		return nil, ErrMany
	}
	out := make([]Run, 0, len(objects))
	for _, o := range objects {
		r, err := s.runOn(ctx, b, name, m, o, a, dry)
		if err != nil {
			if r.ID != 0 { // nobody goes on with it
				again, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
				_, err2 := s.db.Exec(again, `update rule_runs set state = 'refused', reason = 'cut', done_at = $2 where id = $1 and state = 'running'`, r.ID, s.now().UTC())
				cancel()
				err = errors.Join(err, err2)
			}
			return out, fmt.Errorf("macro %s on %s %s: %w", name, o.Kind, o.ID, err)
		}
		out = append(out, r)
	}
	if !dry {
		s.macros.Add(1)
	}
	return out, nil
}

func (s *Service) runOn(ctx context.Context, b *book, name string, m *plan.Macro, o Object, a Agent, dry bool) (Run, error) {
	run := Run{Kind: "macro", Name: name, Object: o.Kind, ObjectID: o.ID, Actor: a.Username, State: "running", Matched: []string{}, Steps: []ActionResult{}, At: s.now().UTC()}
	if _, err := strconv.ParseInt(o.ID, 10, 64); err != nil || !slices.Contains(m.For, o.Kind) {
		run.State, run.Reason = "refused", "not for a "+o.Kind
		return run, nil
	}
	e := &happened{Type: "macro.run", Object: o.Kind, ObjectID: o.ID, Actor: a.Username, At: run.At, Facts: snapshot{}}
	f := s.factsOf(ctx, e)
	f.who, f.rule = a.Name, name
	if f.loadTicket() == nil && f.loadConversation() == nil {
		run.State, run.Reason = "refused", "gone"
		return run, f.err
	}
	if !dry {
		if err := s.db.Tx(ctx, func(tx pgx.Tx) error { return s.beginRun(ctx, tx, &run) }); err != nil {
			return run, err
		}
	}
	d := &doer{s: s, run: &run, facts: f, book: b, user: a.User, dry: dry, actions: m.Actions}
	return run, d.perform(ctx)
}

// Undo takes back what a run of a macro changed, as far as nobody has changed it since: assignee,
// priority, labels, state, snooze, followers. Words that were said stay.
func (s *Service) Undo(ctx context.Context, id int64, a Agent) (Run, error) {
	r, err := s.RunByID(ctx, id)
	if err != nil {
		return r, err
	}
	switch {
	case r.Kind != "macro" || r.State != "done" || s.now().Sub(r.At) > undoWithin:
		return r, ErrUndo
	case r.Actor != a.Username && !a.May(roleSupervisor):
		return r, ErrNotYours
	}
	e := &happened{Type: "macro.run", Object: r.Object, ObjectID: r.ObjectID, Actor: a.Username, At: s.now(), Facts: snapshot{}}
	f := s.factsOf(ctx, e)
	f.who = a.Name
	if t := f.loadTicket(); t != nil && t.State == ticket.Closed { // it takes no change any more
		return r, ErrUndo
	}
	n, err := s.db.Exec(ctx, `update rule_runs set state = 'undone', done_at = $2 where id = $1 and state = 'done'`, id, s.now().UTC()) // once
	if err != nil || n == 0 {
		return r, errors.Join(err, ErrUndo)
	}
	r.State = "undone"
	d := &doer{s: s, run: &r, facts: f, book: s.book.Load(), user: a.User}
	for i := range slices.Backward(r.Steps) {
		if step := &r.Steps[i]; step.Result == Done {
			err := known(d.back(ctx, step))
			var why *refusal
			switch {
			case errors.As(err, &why):
				step.Reason = "not undone: " + why.reason
			case err != nil: // the rest may be tried again
				again, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
				defer cancel()
				_, err2 := s.db.Exec(again, `update rule_runs set state = 'done' where id = $1`, id)
				r.State = "done"
				return r, errors.Join(err, err2, s.saveSteps(again, s.db, &r))
			default:
				step.Result, step.Reason = Same, "undone"
			}
			f.changed()
		}
	}
	return r, s.saveSteps(ctx, s.db, &r)
}

// back undoes one step.
func (d *doer) back(ctx context.Context, st *ActionResult) error {
	if st.Do == "follow" {
		return d.unfollow(ctx, st)
	}
	if len(st.Was) == 0 {
		return refuse("it is said")
	}
	if d.run.Object == "ticket" {
		return d.ticketBack(ctx, st)
	}
	return d.conversationBack(ctx, st)
}

func (d *doer) unfollow(ctx context.Context, st *ActionResult) error {
	var user int64
	if err := json.Unmarshal(st.To, &user); err != nil {
		return refuse("unreadable")
	}
	n, _ := strconv.ParseInt(d.run.ObjectID, 10, 64)
	if d.run.Object == "ticket" {
		return d.s.tickets.Follow(ctx, ticket.ID(n), user, false)
	}
	return d.s.chat.Follow(ctx, chat.ID(n), user, false)
}

// still refuses when a value is not any more what the step made of it.
func still(now any, st *ActionResult) error {
	if string(raw(now)) != string(compact(st.To)) {
		return refuse("changed since")
	}
	return nil
}

// compact brings JSON as the database wrote it into the form of raw.
func compact(doc json.RawMessage) json.RawMessage {
	var v any
	if json.Unmarshal(doc, &v) != nil {
		return doc
	}
	return raw(v)
}

func (d *doer) ticketBack(ctx context.Context, st *ActionResult) error {
	t := d.facts.loadTicket()
	if t == nil {
		return d.missing()
	}
	var p ticket.Patch
	var err error
	read := func(v any) { err = errors.Join(err, json.Unmarshal(st.Was, v)) }
	switch st.Do {
	case "assign":
		p.Assignee = new(int64)
		read(p.Assignee)
		err = errors.Join(err, still(t.Assignee, st))
	case "priority":
		p.Priority = new(queue.Urgency)
		read(p.Priority)
		err = errors.Join(err, still(t.Priority.String(), st))
	case "state", "close":
		p.State = new(ticket.State)
		read(p.State)
		err = errors.Join(err, still(t.State, st))
		if *p.State == ticket.New || *p.State == ticket.OnHold { // people do not go there
			*p.State = ticket.Open
		}
	case "add_labels", "remove_labels":
		p.Tags = new([]string)
		read(p.Tags)
		err = errors.Join(err, still(t.Tags, st))
	case "queue":
		p.Queue = new(string)
		read(p.Queue)
		err = errors.Join(err, still(t.Queue, st))
	default:
		return refuse("it is said")
	}
	if err != nil {
		return err
	}
	_, err = d.s.tickets.Change(ctx, t.ID, p, d.ticketActor())
	return err
}

func (d *doer) conversationBack(ctx context.Context, st *ActionResult) error {
	c := d.facts.loadConversation()
	if c == nil {
		return d.missing()
	}
	by := d.chatActor()
	switch st.Do {
	case "assign":
		var was, is int64
		if c.Assignee != nil {
			is = *c.Assignee
		}
		if err := errors.Join(json.Unmarshal(st.Was, &was), still(is, st)); err != nil {
			return err
		}
		return d.s.chat.Assign(ctx, c.ID, was, by)
	case "priority":
		var was string
		if err := errors.Join(json.Unmarshal(st.Was, &was), still(priorityName(c.Urgency), st)); err != nil {
			return err
		}
		return d.s.chat.SetUrgency(ctx, c.ID, chat.Urgency(slices.Index(plan.Priorities, was)), by)
	case "add_labels", "remove_labels":
		var was []string
		if err := errors.Join(json.Unmarshal(st.Was, &was), still(c.Labels, st)); err != nil {
			return err
		}
		return d.s.chat.Label(ctx, c.ID, was, by)
	case "snooze", "close":
		if err := still(c.State, st); err != nil {
			return err
		}
		return d.s.chat.Reopen(ctx, c.ID, by)
	}
	return refuse("it is said")
}
