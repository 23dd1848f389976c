package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/admin"
	"tingxin/contact"
	"tingxin/outbound"
	"tingxin/pg"
	"tingxin/queue"
	"tingxin/rules"
	"tingxin/rules/plan"
)

// startAutomation makes the rules, macros and webhooks; they run from "web" on, with the jobs.
func (s *server) startAutomation(context.Context) (func() error, error) {
	auto, err := rules.New(s.cfg.Rules, rules.Parts{DB: s.db, Bus: s.bus, Jobs: s.jobs, Chat: s.chat, Tickets: s.tickets, Surveys: askers{s.feedback}}, s.log)
	if err != nil {
		return nil, err
	}
	s.automation, s.rules.automation = auto, auto
	s.persons.Register(contact.Noun{Name: "notices", Eraser: notices{auto}})
	return auto.Close, nil
}

// notices are what rules told people about a person.
type notices struct{ rules *rules.Service }

// Erase implements contact.Eraser.
func (n notices) Erase(ctx context.Context, tx pgx.Tx, p *contact.Person) (map[string]int64, []string, error) {
	gone, err := n.rules.EraseContact(ctx, tx, p.Ints())
	if gone == 0 {
		return nil, nil, err
	}
	return map[string]int64{"rule_notices": gone}, nil, err
}

// Hits implements contact.Eraser.
func (n notices) Hits(ctx context.Context, tx pgx.Tx, p *contact.Person) (map[string]int64, error) {
	hits, err := n.rules.ContactHits(ctx, tx, p.Ints())
	return map[string]int64{"rule_notices": hits}, err
}

// bookOf are the stored plans as package rules takes them.
func bookOf(s *admin.Settings) rules.Book {
	b := rules.Book{Rules: map[string]*plan.Rule{}, Macros: map[string]*plan.Macro{}, Templates: map[string]*plan.Template{}, Targets: map[string]*plan.Target{}}
	for name, d := range s.Rules {
		b.Rules[name] = (*plan.Rule)(d)
	}
	for name, d := range s.Macros {
		b.Macros[name] = (*plan.Macro)(d)
	}
	for name, d := range s.Templates {
		b.Templates[name] = (*plan.Template)(d)
	}
	for name, d := range s.Webhooks {
		b.Targets[name] = (*plan.Target)(d)
	}
	return b
}

// names are what plans may name beside each other.
type names struct{ users, labels, types map[string]bool }

func readNames(ctx context.Context, db *pg.DB) (names, error) {
	var n names
	var errs []error
	set := func(sql string) map[string]bool {
		all, err := pg.Rows(ctx, db, pgx.RowTo[string], sql)
		errs = append(errs, err)
		out := map[string]bool{}
		for _, v := range all {
			out[v] = true
		}
		return out
	}
	n.users = set(`select username from users where not disabled`)
	n.labels = set(`select name from conversation_labels`)
	n.types = set(`select name from ticket_types where not disabled`)
	return n, errors.Join(errs...)
}

// plans judges rules, macros, templates and webhooks beside all other settings.
func (j *judge) plans(ctx context.Context) error {
	if !slices.ContainsFunc(j.changed, func(r admin.Ref) bool {
		return slices.Contains([]admin.Kind{admin.KindRule, admin.KindMacro, admin.KindTemplate, admin.KindWebhook}, r.Kind)
	}) {
		return nil
	}
	n, err := readNames(ctx, j.db)
	if err != nil {
		return err
	}
	guard, err := outbound.ParseGuard(j.cfg.Rules.Private)
	if err != nil {
		return err
	}
	for _, name := range admin.Names(j.s.Webhooks) {
		if err := guard.CheckURL(j.s.Webhooks[name].URL); err != nil && j.was(admin.KindWebhook, name) {
			j.wrong(admin.KindWebhook, name, "url", admin.Refused, "%v", err)
		}
	}
	for _, name := range admin.Names(j.s.Templates) {
		t := j.s.Templates[name]
		if !j.was(admin.KindTemplate, name) {
			continue
		}
		if !n.types[t.Type] {
			j.wrong(admin.KindTemplate, name, "type", admin.Unknown, "there is no type of tickets %q", t.Type)
		}
		j.planQueue(admin.KindTemplate, name, "queue", t.Queue)
	}
	for _, name := range admin.Names(j.s.Macros) {
		m := j.s.Macros[name]
		j.actions(admin.KindMacro, name, "actions", m.Actions, n, slices.Contains(m.For, "conversation") && len(m.For) == 1)
		for i, q := range m.Queues {
			j.planQueue(admin.KindMacro, name, fmt.Sprintf("queues[%d]", i), q)
		}
	}
	keep := j.cfg.Rules.Keep
	if keep == 0 {
		keep = 14 * 24 * time.Hour
	}
	for _, name := range admin.Names(j.s.Rules) {
		r := j.s.Rules[name]
		j.actions(admin.KindRule, name, "then", r.Then, n, slices.Contains(plan.Groups(r.When), "conversation"))
		if !j.was(admin.KindRule, name) {
			continue
		}
		if (*plan.Rule)(r).Delay() > keep {
			j.wrong(admin.KindRule, name, "after", admin.Range, "events are kept for %v (rules.keep)", keep)
		}
		j.conditions(name, "if", &r.If)
	}
	return nil
}

// alerts judges the queues that rules of alerts name.
func (j *judge) alerts() {
	for _, name := range admin.Names(j.s.Alerts) {
		for i, q := range j.s.Alerts[name].Queues {
			j.planQueue(admin.KindAlert, name, fmt.Sprintf("queues[%d]", i), q)
		}
	}
}

// noQueue says that a queue is not there, and which are.
func (j *judge) noQueue(name string) string {
	return (&queue.MissingError{Queue: name, There: slices.Collect(maps.Keys(j.queue))}).Error()
}

func (j *judge) planQueue(kind admin.Kind, name, field, q string) {
	if q != "" && j.was(kind, name) && !j.queue[q] && !j.planned["queue:"+q] {
		j.wrong(kind, name, field, admin.Unknown, "%s", j.noQueue(q))
	}
}

// actions judges what actions name. Other plans are looked for in all documents, so that none goes
// away under another; users, queues and labels in the changed ones only.
func (j *judge) actions(kind admin.Kind, name, field string, all []plan.Action, n names, talk bool) {
	for i := range all {
		a := &all[i]
		at := func(f string) string { return fmt.Sprintf("%s[%d].%s", field, i, f) }
		if t := j.s.Templates[a.Template]; a.Template != "" && t == nil {
			j.wrong(kind, name, at("template"), admin.Unknown, "there is no template %q", a.Template)
		}
		if m := j.s.Macros[a.Macro]; a.Macro != "" && m == nil {
			j.wrong(kind, name, at("macro"), admin.Unknown, "there is no macro %q", a.Macro)
		}
		if w := j.s.Webhooks[a.Target]; a.Target != "" && w == nil {
			j.wrong(kind, name, at("target"), admin.Unknown, "there is no webhook %q", a.Target)
		}
		if !j.was(kind, name) {
			continue
		}
		j.planQueue(kind, name, at("queue"), a.Queue)
		if a.User != "" && a.User != "me" && a.User != "nobody" && !n.users[a.User] {
			j.wrong(kind, name, at("user"), admin.Unknown, "there is no user %q", a.User)
		}
		for k, u := range a.Users {
			if !n.users[u] {
				j.wrong(kind, name, at(fmt.Sprintf("users[%d]", k)), admin.Unknown, "there is no user %q", u)
			}
		}
		for k, l := range a.Labels {
			if talk && !n.labels[l] {
				j.wrong(kind, name, at(fmt.Sprintf("labels[%d]", k)), admin.Unknown, "%q is not in the list of labels", l)
			}
		}
	}
}

// queueFields are those of conditions whose words name queues.
var queueFields = []string{"conversation.queue", "ticket.queue", "call.queue", "queue.id"}

// conditions looks for the calendars, and the queues, that conditions name.
func (j *judge) conditions(name, at string, c *plan.Condition) {
	if v, ok := c.Value.(string); ok && c.Field == "time.calendar" && !j.hours[v] && !j.planned["calendar:"+v] {
		j.wrong(admin.KindRule, name, at, admin.Unknown, "there are no opening hours %q", v)
	}
	if slices.Contains(queueFields, c.Field) {
		switch v := c.Value.(type) {
		case string:
			j.planQueue(admin.KindRule, name, at, v)
		case []any:
			for _, one := range v {
				q, _ := one.(string) // the plan itself says when it is none
				j.planQueue(admin.KindRule, name, at, q)
			}
		}
	}
	for i := range c.All {
		j.conditions(name, fmt.Sprintf("%s.all[%d]", at, i), &c.All[i])
	}
	for i := range c.Any {
		j.conditions(name, fmt.Sprintf("%s.any[%d]", at, i), &c.Any[i])
	}
	if c.Not != nil {
		j.conditions(name, at+".not", c.Not)
	}
}
