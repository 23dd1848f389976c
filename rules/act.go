package rules

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/chat"
	"tingxin/pg"
	"tingxin/queue"
	"tingxin/rules/plan"
	"tingxin/ticket"
)

// act does one action, or tells what it would do.
func (d *doer) act(ctx context.Context, a *plan.Action) (ActionResult, error) {
	step := ActionResult{Do: a.Do, Result: Would}
	if !a.Fits(d.run.Object) {
		return step, refuse("not for a %s", d.run.Object)
	}
	switch a.Do {
	case "notify":
		return d.notify(ctx, a, step)
	case "webhook":
		return d.webhook(ctx, a, step)
	case "create_ticket":
		return d.createTicket(ctx, a, step)
	case "survey":
		return d.survey(ctx, a, step)
	}
	var err error
	if d.run.Object == "ticket" {
		t := d.facts.loadTicket()
		if t == nil {
			return step, d.missing()
		}
		step, err = d.onTicket(ctx, a, t, step)
	} else {
		c := d.facts.loadConversation()
		if c == nil {
			return step, d.missing()
		}
		step, err = d.onConversation(ctx, a, c, step)
	}
	return step, known(err)
}

// missing is the error of an object that is not there, unless reading it failed.
func (d *doer) missing() error {
	if d.facts.err != nil {
		return d.facts.err
	}
	return refuse("gone")
}

// known turns what the nouns refuse into a word; what is worth another try stays an error.
func known(err error) error {
	var invalid *ticket.InvalidError
	var window *chat.WindowError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &invalid):
		return refuse("%s", invalid.Error())
	case errors.As(err, &window):
		return refuse("window %s", window.Reason)
	case errors.Is(err, ticket.ErrClosed):
		return refuse("closed")
	case errors.Is(err, ticket.ErrMove), errors.Is(err, chat.ErrState):
		return refuse("state")
	case errors.Is(err, ticket.ErrChildren):
		return refuse("children")
	case errors.Is(err, ticket.ErrMerged):
		return refuse("merged")
	case errors.Is(err, chat.ErrBad):
		return refuse("bad")
	case errors.Is(err, chat.ErrNoChannel):
		return refuse("no channel")
	case errors.Is(err, pg.ErrNotFound):
		return refuse("gone")
	}
	return err
}

func raw(v any) json.RawMessage {
	b, _ := json.Marshal(v) // plain values
	return b
}

// between notes what changes; false when nothing does.
func (st *ActionResult) between(was, to any) bool {
	st.Was, st.To = raw(was), raw(to)
	if string(st.Was) == string(st.To) {
		st.Result, st.Was = Same, nil
		return false
	}
	return true
}

// assignee finds who shall have it.
func (d *doer) assignee(ctx context.Context, name string) (int64, error) {
	switch name {
	case "nobody":
		return 0, nil
	case "me":
		return d.user, nil
	}
	id, err := d.s.userID(ctx, name)
	if err == nil && id == 0 {
		err = refuse("no user %s", name)
	}
	return id, err
}

func (d *doer) ticketActor() ticket.Actor {
	if d.user != 0 {
		return ticket.AgentActor(d.run.Actor)
	}
	return ticket.Actor{Name: d.run.Actor, Kind: "system"}
}

func (d *doer) chatActor() chat.Actor {
	if d.user != 0 {
		return chat.Actor{Kind: chat.Agent, User: d.user, Name: d.facts.who}
	}
	return chat.Actor{Kind: chat.System, Name: d.run.Actor}
}

func (d *doer) onTicket(ctx context.Context, a *plan.Action, t *ticket.Ticket, step ActionResult) (ActionResult, error) {
	var p ticket.Patch
	switch a.Do {
	case "assign":
		id, err := d.assignee(ctx, a.User)
		if err != nil || !step.between(t.Assignee, id) {
			return step, err
		}
		p.Assignee = &id
	case "queue":
		if !step.between(t.Queue, a.Queue) {
			return step, nil
		}
		nobody := int64(0)
		p.Queue, p.Assignee = &a.Queue, &nobody
	case "add_labels", "remove_labels":
		tags := labelled(t.Tags, a, strings.ToLower)
		if !step.between(t.Tags, tags) {
			return step, nil
		}
		p.Tags = &tags
	case "priority":
		var u queue.Urgency
		if err := u.UnmarshalText([]byte(a.Priority)); err != nil {
			return step, refuse("no such priority")
		}
		if !step.between(t.Priority.String(), a.Priority) {
			return step, nil
		}
		p.Priority = &u
	case "state", "close":
		to := ticket.State(a.State)
		if a.Do == "close" {
			to = ticket.Closed
		}
		if !step.between(t.State, to) {
			return step, nil
		}
		p.State = &to
		if to == ticket.OnHold {
			until := d.s.now().Add(a.Time())
			p.HoldUntil = &until
		}
	case "set_field":
		return d.setField(ctx, a, t, step)
	case "note", "reply":
		return d.comment(ctx, a, t, step)
	case "follow":
		return d.follow(ctx, a, step, func(id int64) error { return d.s.tickets.Follow(ctx, t.ID, id, true) }, func() ([]int64, error) { return d.s.tickets.Followers(ctx, t.ID) })
	}
	if d.dry {
		return step, nil
	}
	if _, err := d.s.tickets.Change(ctx, t.ID, p, d.ticketActor()); err != nil {
		return step, err
	}
	step.Result = Done
	return step, nil
}

// labelled adds or removes labels, and brings them in the order in which they are kept.
func labelled(have []string, a *plan.Action, form func(string) string) []string {
	out := slices.Clone(have)
	for _, l := range a.Labels {
		l = form(strings.TrimSpace(l))
		if a.Do == "remove_labels" {
			out = slices.DeleteFunc(out, func(h string) bool { return h == l })
		} else if !slices.Contains(out, l) {
			out = append(out, l)
		}
	}
	slices.Sort(out)
	if out == nil {
		out = []string{}
	}
	return out
}

func (d *doer) setField(ctx context.Context, a *plan.Action, t *ticket.Ticket, step ActionResult) (ActionResult, error) {
	v := a.Value
	if text, ok := v.(string); ok {
		v = plan.Fill(text, d.facts)
	}
	value := raw(v)
	if old, there := t.Fields[a.Key]; there && string(old) == string(value) || !there && v == nil {
		step.Result = Same
		return step, nil
	}
	if d.dry {
		return step, nil
	}
	_, err := d.s.tickets.Change(ctx, t.ID, ticket.Patch{Fields: map[string]json.RawMessage{a.Key: value}}, d.ticketActor())
	if err == nil {
		step.Result = Done
	}
	return step, err
}

func (d *doer) comment(ctx context.Context, a *plan.Action, t *ticket.Ticket, step ActionResult) (ActionResult, error) {
	body := strings.TrimSpace(plan.Fill(a.Saying(d.facts.language()), d.facts))
	if body == "" {
		return step, refuse("empty")
	}
	if t.State == ticket.Closed {
		return step, refuse("closed")
	}
	if d.dry {
		return step, nil
	}
	by := d.ticketActor()
	if d.again { // it may be there: the same words of this run's
		id, err := pg.Row(ctx, d.s.db, pgx.RowTo[int64], `select id from ticket_comments where ticket_id = $1 and author = $2 and body = $3 and at >= $4 order by id limit 1`, t.ID, by.Name, body, d.run.At)
		if err == nil {
			step.Result, step.Ref = Done, "comment:"+strconv.FormatInt(id, 10)
			return step, nil
		}
		if !errors.Is(err, pg.ErrNotFound) {
			return step, err
		}
	}
	c, _, err := d.s.tickets.Comment(ctx, t.ID, body, a.Do == "reply", by)
	if err == nil {
		step.Result, step.Ref = Done, "comment:"+strconv.FormatInt(c.ID, 10)
	}
	return step, err
}

func (d *doer) follow(ctx context.Context, a *plan.Action, step ActionResult, do func(int64) error, have func() ([]int64, error)) (ActionResult, error) {
	id, err := d.assignee(ctx, a.User)
	if err != nil {
		return step, err
	}
	if id == 0 {
		return step, refuse("nobody cannot follow")
	}
	all, err := have()
	if err != nil || slices.Contains(all, id) {
		step.Result = Same
		return step, err
	}
	step.To = raw(id)
	if d.dry {
		return step, nil
	}
	if err := do(id); err != nil {
		return step, err
	}
	step.Result = Done
	return step, nil
}

func priorityName(u chat.Urgency) string {
	if u < 0 || int(u) >= len(plan.Priorities) {
		return ""
	}
	return plan.Priorities[u]
}

func (d *doer) onConversation(ctx context.Context, a *plan.Action, c *chat.Conversation, step ActionResult) (ActionResult, error) {
	by := d.chatActor()
	var do func() error
	switch a.Do {
	case "assign":
		id, err := d.assignee(ctx, a.User)
		var was int64
		if c.Assignee != nil {
			was = *c.Assignee
		}
		if err != nil || !step.between(was, id) {
			return step, err
		}
		do = func() error { return d.s.chat.Assign(ctx, c.ID, id, by) }
	case "queue":
		if c.Handler == chat.ByAgent && d.user == 0 {
			return step, refuse("an agent has it")
		}
		if c.Handler == chat.ByQueue && c.Queue == a.Queue {
			step.Result = Same
			return step, nil
		}
		step.To = raw(a.Queue)
		do = func() error { return d.s.chat.Transfer(ctx, c.ID, a.Queue, nil, by) }
	case "add_labels", "remove_labels":
		labels := labelled(c.Labels, a, func(s string) string { return s })
		if !step.between(c.Labels, labels) {
			return step, nil
		}
		do = func() error { return d.s.chat.Label(ctx, c.ID, labels, by) }
	case "priority":
		if !step.between(priorityName(c.Urgency), a.Priority) {
			return step, nil
		}
		do = func() error {
			return d.s.chat.SetUrgency(ctx, c.ID, chat.Urgency(slices.Index(plan.Priorities, a.Priority)), by)
		}
	case "note", "reply":
		return d.say(ctx, a, c, step)
	case "snooze":
		if c.State == chat.Snoozed && d.again {
			step.Result = Done
			return step, nil
		}
		if !step.between(c.State, chat.Snoozed) {
			return step, nil
		}
		do = func() error { return d.s.chat.Snooze(ctx, c.ID, d.s.now().Add(a.Time()), by) }
	case "close":
		if !step.between(c.State, chat.Closed) {
			return step, nil
		}
		do = func() error { return d.s.chat.CloseConversation(ctx, c.ID, by) }
	case "follow":
		return d.follow(ctx, a, step, func(id int64) error { return d.s.chat.Follow(ctx, c.ID, id, true) }, func() ([]int64, error) { return d.s.chat.Followers(ctx, c.ID) })
	}
	if c.State == chat.Closed {
		return step, refuse("closed")
	}
	if d.dry {
		return step, nil
	}
	if err := do(); err != nil {
		return step, err
	}
	step.Result = Done
	return step, nil
}

func (d *doer) say(ctx context.Context, a *plan.Action, c *chat.Conversation, step ActionResult) (ActionResult, error) {
	text := strings.TrimSpace(plan.Fill(a.Saying(d.facts.language()), d.facts))
	if text == "" {
		return step, refuse("empty")
	}
	if c.State == chat.Closed && a.Do == "reply" {
		return step, refuse("closed")
	}
	if d.dry {
		return step, nil
	}
	draft := chat.Draft{Conversation: c.ID, Author: d.chatActor(), Text: text, ClientID: d.key} // the key makes sending it again harmless
	if a.Do == "note" {
		draft.Kind = chat.Note
	}
	m, err := d.s.chat.Send(ctx, draft)
	if err == nil {
		step.Result, step.Ref = Done, "message:"+strconv.FormatInt(int64(m.ID), 10)
	}
	return step, err
}

// clip shortens a text to a number of characters.
func clip(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n])
	}
	return s
}

// Draft makes what a ticket from a template is to be; facts fill its texts.
func draft(t *plan.Template, f plan.Facts) (ticket.Draft, error) {
	d := ticket.Draft{Type: t.Type, Subject: clip(plan.Fill(t.Subject, f), 300), Body: clip(plan.Fill(t.Body, f), 20_000), Complaint: t.Complaint, Tags: t.Tags, Queue: t.Queue, Tasks: t.Tasks}
	if strings.TrimSpace(d.Subject) == "" { // nothing of it was known
		d.Subject = t.LabelEN
	}
	if t.Priority != "" {
		var u queue.Urgency
		if err := u.UnmarshalText([]byte(t.Priority)); err != nil {
			return d, err
		}
		d.Priority = &u
	}
	if len(t.Fields) > 0 {
		d.Fields = map[string]json.RawMessage{}
	}
	for key, v := range t.Fields {
		if text, ok := v.(string); ok {
			if v = plan.Fill(text, f); v == "" {
				continue
			}
		}
		d.Fields[key] = raw(v)
	}
	return d, nil
}

// createTicket makes a ticket and marks the step in one transaction.
func (d *doer) createTicket(ctx context.Context, a *plan.Action, step ActionResult) (ActionResult, error) {
	t := d.book.Templates[a.Template]
	if t == nil || t.Off {
		return step, refuse("no template %s", a.Template)
	}
	w, err := draft(t, d.facts)
	if err != nil {
		return step, refuse("%v", err)
	}
	w.Contact, w.Language, w.Source, w.SourceRef = d.facts.contactID(), d.facts.language(), "rule", d.run.Object+":"+d.run.ObjectID
	if len(w.Language) > 16 {
		w.Language = ""
	}
	if d.user != 0 {
		w.Source = "agent"
	}
	if d.dry {
		return step, nil
	}
	by := d.ticketActor()
	var made ticket.Ticket
	at := len(d.run.Steps) - 1
	err = d.s.db.Tx(ctx, func(tx pgx.Tx) (err error) {
		if made, err = d.s.tickets.CreateTx(ctx, tx, w, by); err != nil {
			return err
		}
		step.Result, step.Ref = Done, fmt.Sprintf("ticket:%d", made.ID)
		d.run.Steps[at] = step
		return d.s.saveSteps(ctx, txExecer{tx}, d.run)
	})
	if err != nil {
		step.Result, step.Ref = Would, ""
		return step, known(err)
	}
	d.s.tickets.Announce(made, by)
	return step, nil
}

// EventNotification is told to the users whom a rule notifies; Data is a NotificationEvent.
const EventNotification = "rule.notification"

// NotificationEvent says that somebody has a new notice.
type NotificationEvent struct {
	User int64 `json:"user"`
}

// maxNotices bounds what lies unread before one user; the oldest goes.
const maxNotices = 500

func (d *doer) notify(ctx context.Context, a *plan.Action, step ActionResult) (ActionResult, error) {
	text := clip(strings.TrimSpace(plan.Fill(a.Text, d.facts)), 1000)
	var ids []int64
	for _, name := range a.Users {
		id, err := d.assignee(ctx, name)
		if why := (*refusal)(nil); errors.As(err, &why) {
			continue // the others are told
		}
		if err != nil {
			return step, err
		}
		if id != 0 {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 || text == "" {
		return step, refuse("nobody to tell")
	}
	step.To = raw(len(ids))
	if d.dry {
		return step, nil
	}
	at, about := len(d.run.Steps)-1, d.facts.contactID() // read before, which takes a connection
	err := d.s.db.Tx(ctx, func(tx pgx.Tx) error {
		for _, id := range ids {
			if _, err := tx.Exec(ctx, `insert into rule_notices (user_id, run_id, object, object_id, contact_id, text, at) values ($1, $2, $3, $4, nullif($5::bigint, 0), $6, $7)`,
				id, d.run.ID, d.run.Object, d.run.ObjectID, about, text, d.s.now().UTC()); err != nil {
				return err
			}
		}
		if err := dropNotices(ctx, tx, ids); err != nil {
			return err
		}
		step.Result = Done
		d.run.Steps[at] = step
		return d.s.saveSteps(ctx, txExecer{tx}, d.run)
	})
	if err != nil {
		return step, err
	}
	for _, id := range ids {
		d.s.bus.Publish(EventNotification, "", NotificationEvent{id})
	}
	return step, nil
}

// Notification is what a rule told a user.
type Notification struct {
	ID       int64      `json:"id"`
	Object   string     `json:"object" enum:"conversation,ticket,call,contact,queue"`
	ObjectID string     `json:"object_id"`
	Text     string     `json:"text"`
	At       time.Time  `json:"at"`
	SeenAt   *time.Time `json:"seen_at,omitempty"`
	Kind     string     `json:"kind,omitempty" enum:",replied,noted,changed,warned" doc:"what happened to a ticket that is followed, whose subject is the text; empty for the words of a rule"`
}

// dropNotices leaves the newest maxNotices of each of some users.
func dropNotices(ctx context.Context, tx pgx.Tx, users []int64) error {
	_, err := tx.Exec(ctx, `delete from rule_notices where id in (select n.id from unnest($1::bigint[]) as u(id)
		cross join lateral (select o.id from rule_notices o where o.user_id = u.id order by o.id desc offset $2) n)`, users, maxNotices)
	return err
}

// Notifications are the latest notices of a user.
func (s *Service) Notifications(ctx context.Context, user int64, limit int) ([]Notification, error) {
	return pg.Rows(ctx, s.db, pgx.RowToStructByPos[Notification], `select id, object, object_id, text, at, seen_at, kind from rule_notices where user_id = $1 order by id desc limit $2`, user, limit)
}

// SawNotifications marks a user's notices up to an id as seen.
func (s *Service) SawNotifications(ctx context.Context, user, until int64) error {
	_, err := s.db.Exec(ctx, `update rule_notices set seen_at = $3 where user_id = $1 and id <= $2 and seen_at is null`, user, until, s.now().UTC())
	return err
}

func (d *doer) webhook(ctx context.Context, a *plan.Action, step ActionResult) (ActionResult, error) {
	t := d.book.Targets[a.Target]
	if t == nil || t.Off {
		return step, refuse("no target %s", a.Target)
	}
	if d.dry {
		return step, nil
	}
	at := len(d.run.Steps) - 1
	err := d.s.db.Tx(ctx, func(tx pgx.Tx) error {
		e := *d.facts.e
		if e.ID == 0 { // a macro: what happened is that an agent ran it
			e.Type = "macro.run"
			if err := tx.QueryRow(ctx, `insert into rule_events (type, object, object_id, facts, actor, state) values ($1, $2, $3, $4, $5, 'done') returning id`,
				e.Type, e.Object, e.ObjectID, snapshot{"macro": d.run.Name}, d.run.Actor).Scan(&e.ID); err != nil {
				return err
			}
		}
		if err := d.s.post(ctx, tx, a.Target, &e, e.Type, d.run.Name); err != nil {
			return err
		}
		step.Result = Done
		d.run.Steps[at] = step
		return d.s.saveSteps(ctx, txExecer{tx}, d.run)
	})
	return step, err
}
