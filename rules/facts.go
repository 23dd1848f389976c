package rules

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"tingxin/chat"
	"tingxin/nlp"
	"tingxin/pg"
	"tingxin/ticket"
)

// happened is a row of rule_events.
type happened struct {
	ID       int64
	Type     string
	Object   string
	ObjectID string
	Ref      int64
	Changed  []string
	Facts    snapshot
	Actor    string
	Rule     string
	Depth    int
	OnlyRule string
	Basis    int64
	At       time.Time
	Attempts int
}

const eventColumns = `id, type, object, object_id, coalesce(ref, 0), changed, facts, actor, rule, depth, only_rule, coalesce(basis, 0), at, attempts`

func scanEvent(row pgx.CollectableRow) (happened, error) {
	var e happened
	err := row.Scan(&e.ID, &e.Type, &e.Object, &e.ObjectID, &e.Ref, &e.Changed, &e.Facts, &e.Actor, &e.Rule, &e.Depth, &e.OnlyRule, &e.Basis, &e.At, &e.Attempts)
	e.At = e.At.UTC()
	return e, err
}

// snapshot is how an object stood when the event was written.
type snapshot map[string]any

func (s snapshot) text(key string) string {
	switch v := s[key].(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return ""
}

func (s snapshot) flag(key string) bool {
	v, _ := s[key].(bool)
	return v
}

func (s snapshot) number(key string) int64 {
	v, _ := s[key].(float64)
	return int64(v)
}

// facts answer the conditions about one event: how things stand now, or, for a trial, how the object
// stood then as far as the event tells it. Rows are read when they are first asked for.
type facts struct {
	s    *Service
	ctx  context.Context
	e    *happened
	now  time.Time
	zone *time.Location
	then bool // a trial: the event's snapshot counts where it has a value
	rule string
	who  string // name of the agent who runs a macro

	err          error
	ticket       *ticket.Ticket
	conversation *chat.Conversation
	message      *chat.Message
	person       *person
	users        map[int64]string
	counts       map[string]float64
	reads        map[string]bool
}

type person struct {
	ID       int64
	Name     string
	Language string
	VIP      bool
	Tags     []string
	Fields   map[string]any
}

func (s *Service) factsOf(ctx context.Context, e *happened) *facts {
	return &facts{s: s, ctx: ctx, e: e, now: s.now(), zone: time.Local, users: map[int64]string{}, counts: map[string]float64{}, reads: map[string]bool{}}
}

// changed forgets what was read of the object, after something was done to it.
func (f *facts) changed() {
	f.ticket, f.conversation = nil, nil
	delete(f.reads, "ticket")
	delete(f.reads, "conversation")
	clear(f.counts)
}

// Open implements plan.Facts.
func (f *facts) Open(calendar string) bool {
	hours, err := f.s.tickets.Hours(f.ctx, calendar)
	return f.note(err) && hours.Open(f.now)
}

// note keeps the first error; what is not there is none.
func (f *facts) note(err error) bool {
	if err != nil && !errors.Is(err, pg.ErrNotFound) && f.err == nil {
		f.err = err
	}
	return err == nil
}

// Value implements plan.Facts.
func (f *facts) Value(field string) any {
	if f.then {
		if v, ok := f.was(field); ok {
			return v
		}
	}
	group, name, _ := strings.Cut(field, ".")
	switch group {
	case "rule":
		return f.rule
	case "agent":
		return f.who
	case "ticket":
		return f.ofTicket(name)
	case "conversation":
		return f.ofConversation(name)
	case "message":
		return f.ofMessage(name)
	case "event":
		return f.ofEvent(name)
	case "call":
		return f.ofCall(name)
	case "contact":
		return f.ofContact(name)
	case "queue":
		return f.ofQueue(name)
	case "time":
		return f.ofTime(name)
	}
	return nil
}

// was gives a value of the snapshot, for a trial.
func (f *facts) was(field string) (any, bool) {
	group, name, _ := strings.Cut(field, ".")
	if group != f.e.Object {
		return nil, false
	}
	snap := f.e.Facts
	switch name {
	case "type", "state", "handler", "queue", "priority", "channel", "account", "language", "source":
		return snap.text(name), true
	case "complaint":
		v, _ := snap[name].(bool)
		return v, true
	case "tags", "labels":
		return texts(snap[name]), true
	case "assignee":
		return f.user(snap.number(name)), true
	case "rating":
		if _, ok := snap[name]; !ok {
			return nil, true
		}
		return float64(snap.number(name)), true
	case "age", "in_state":
		key := "created_at"
		if name == "in_state" {
			key = "state_at"
		}
		if at, err := time.Parse(time.RFC3339, snap.text(key)); err == nil {
			return f.now.Sub(at), true
		}
	case "waiting":
		at, err := time.Parse(time.RFC3339, snap.text("waiting_since"))
		if err != nil {
			return nil, true
		}
		return f.now.Sub(at), true
	}
	return nil, false
}

func texts(v any) []string {
	list, _ := v.([]any)
	out := make([]string, 0, len(list))
	for _, one := range list {
		if s, ok := one.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

// user is a user's name; nobody for 0.
func (f *facts) user(id int64) string {
	if id == 0 {
		return "nobody"
	}
	if name, known := f.users[id]; known {
		return name
	}
	name, err := pg.Row(f.ctx, f.s.db, pgx.RowTo[string], `select username from users where id = $1`, id)
	f.note(err)
	f.users[id] = name
	return name
}

func (f *facts) loadTicket() *ticket.Ticket {
	if f.e.Object == "ticket" && !f.reads["ticket"] {
		f.reads["ticket"] = true
		n, _ := strconv.ParseInt(f.e.ObjectID, 10, 64)
		if t, err := f.s.tickets.Get(f.ctx, ticket.ID(n)); f.note(err) {
			f.ticket = &t
		}
	}
	return f.ticket
}

func (f *facts) loadConversation() *chat.Conversation {
	if f.e.Object == "conversation" && f.s.chat != nil && !f.reads["conversation"] {
		f.reads["conversation"] = true
		n, _ := strconv.ParseInt(f.e.ObjectID, 10, 64)
		if c, err := f.s.chat.Conversation(f.ctx, chat.ID(n)); f.note(err) {
			f.conversation = &c
		}
	}
	return f.conversation
}

func (f *facts) ofTicket(name string) any {
	t := f.loadTicket()
	if t == nil {
		return nil
	}
	if key, ok := strings.CutPrefix(name, "field."); ok {
		raw, there := t.Fields[key]
		if !there {
			return nil
		}
		var v any
		_ = json.Unmarshal(raw, &v) // the ticket has checked it
		if s, ok := v.(string); ok {
			return s
		}
		return fmt.Sprint(v)
	}
	switch name {
	case "id":
		return float64(t.ID)
	case "type":
		return t.Type
	case "state":
		return string(t.State)
	case "priority":
		return t.Priority.String()
	case "queue":
		return t.Queue
	case "assignee":
		return f.user(t.Assignee)
	case "tags":
		return t.Tags
	case "language":
		return t.Language
	case "source":
		return string(t.Source)
	case "complaint":
		return t.Complaint
	case "subject":
		return t.Subject
	case "text":
		return t.Subject + "\n" + t.Body
	case "age":
		return f.now.Sub(t.CreatedAt)
	case "in_state":
		return f.now.Sub(t.StateAt)
	case "reopened":
		return float64(t.Reopened)
	case "child":
		return t.Parent != 0
	}
	return nil
}

func (f *facts) ofConversation(name string) any {
	c := f.loadConversation()
	if c == nil {
		return nil
	}
	switch name {
	case "key":
		return c.Key
	case "channel":
		return c.Channel
	case "account":
		return c.Account
	case "state":
		return string(c.State)
	case "handler":
		return string(c.Handler)
	case "queue":
		return c.Queue
	case "language":
		return c.Language
	case "labels":
		return c.Labels
	case "assignee":
		if c.Assignee == nil {
			return "nobody"
		}
		return f.user(*c.Assignee)
	case "priority":
		return priorityName(c.Urgency)
	case "rating":
		if c.Rating == nil {
			return nil
		}
		return float64(*c.Rating)
	case "subject":
		return c.Subject
	case "messages":
		return float64(c.LastSeq)
	case "waiting":
		if c.WaitingSince == nil {
			return nil
		}
		return f.now.Sub(*c.WaitingSince)
	case "age":
		return f.now.Sub(c.CreatedAt)
	case "idle":
		return f.now.Sub(c.LastAt)
	case "answered":
		return c.FirstReplyAt != nil
	case "reason", "intent", "slots":
		return ofPacket(c.Packet, name)
	}
	return nil
}

// ofPacket reads what the bot handed over. Packets of agents are JSON of any form.
func ofPacket(doc chat.Packet, name string) any {
	var p struct {
		Reason string `json:"reason"`
		Intent string `json:"intent"`
		Slots  []struct {
			Name string `json:"name"`
		} `json:"slots"`
	}
	if len(doc) == 0 || json.Unmarshal(doc, &p) != nil {
		return nil
	}
	switch name {
	case "reason":
		return p.Reason
	case "intent":
		return p.Intent
	}
	out := []string{}
	for _, s := range p.Slots {
		out = append(out, s.Name)
	}
	return out
}

func (f *facts) ofMessage(name string) any {
	if f.message == nil {
		if f.e.Object != "conversation" || f.e.Ref == 0 || f.s.chat == nil || f.reads["message"] {
			return nil
		}
		f.reads["message"] = true
		m, err := f.s.chat.Message(f.ctx, chat.MessageID(f.e.Ref))
		if !f.note(err) {
			return nil
		}
		f.message = &m
	}
	switch name {
	case "text":
		return f.message.Text
	case "kind":
		return string(f.message.Kind)
	case "author":
		return string(f.message.Author.Kind)
	case "length":
		return float64(utf8.RuneCountInString(f.message.Text))
	}
	return nil
}

func (f *facts) ofEvent(name string) any {
	e := f.e
	switch name {
	case "actor":
		return e.Actor
	case "by_rule":
		return e.Rule != ""
	case "changed":
		return e.Changed
	case "clock":
		return e.Facts.text("clock")
	case "level":
		return float64(e.Facts.number("level"))
	case "public":
		v, _ := e.Facts["public"].(bool)
		return v
	case "was_state":
		was, _ := e.Facts["was"].(map[string]any)
		return snapshot(was).text("state")
	}
	return nil
}

func (f *facts) ofCall(name string) any {
	if f.e.Object != "call" {
		return nil
	}
	snap := f.e.Facts
	switch name {
	case "id":
		return f.e.ObjectID
	case "answered":
		v, _ := snap["answered"].(bool)
		return v
	case "seconds", "score":
		if v, ok := snap[name].(float64); ok {
			return v
		}
		return nil
	}
	return snap.text(name)
}

func (f *facts) ofQueue(name string) any {
	if f.e.Object != "queue" {
		return nil
	}
	if name == "value" {
		v, _ := f.e.Facts["value"].(float64)
		return v
	}
	return f.e.Facts.text(name)
}

// contactID is whose object it is, 0 for nobody's: as it is now, for a contact may be found late.
func (f *facts) contactID() int64 {
	if f.e.Object == "contact" {
		n, _ := strconv.ParseInt(f.e.ObjectID, 10, 64)
		return n
	}
	if t := f.loadTicket(); t != nil {
		return t.Contact
	}
	if c := f.loadConversation(); c != nil && c.ContactID != nil {
		return *c.ContactID
	}
	return f.e.Facts.number("contact")
}

func (f *facts) loadPerson() *person {
	if f.reads["contact"] {
		return f.person
	}
	f.reads["contact"] = true
	id := f.contactID()
	if id == 0 {
		return nil
	}
	p, err := pg.Row(f.ctx, f.s.db, pgx.RowToStructByPos[person], `select r.id, r.name, r.language, r.vip, r.tags, r.fields from contacts c join contacts r on r.id = c.root where c.id = $1 and r.erased_at is null`, id)
	if f.note(err) {
		f.person = &p
	}
	return f.person
}

func (f *facts) ofContact(name string) any {
	p := f.loadPerson()
	if name == "known" {
		return p != nil
	}
	if p == nil {
		return nil
	}
	if key, ok := strings.CutPrefix(name, "field."); ok {
		if v, there := p.Fields[key]; there {
			return fmt.Sprint(v)
		}
		return nil
	}
	switch name {
	case "id":
		return strconv.FormatInt(p.ID, 10)
	case "name":
		return p.Name
	case "vip":
		return p.VIP
	case "language":
		return p.Language
	case "tags":
		return p.Tags
	}
	return f.count(name, p.ID)
}

// countSQL counts over all that were merged into a contact; at most 1000, for more makes no difference.
var countSQL = map[string]string{
	"open_tickets":       `select 1 from tickets t join contacts c on c.id = t.contact_id where c.root = $1 and t.state not in ('resolved', 'closed') and $2::timestamptz is not null`,
	"tickets_week":       `select 1 from tickets t join contacts c on c.id = t.contact_id where c.root = $1 and t.created_at > $2`,
	"calls_week":         `select 1 from calls t join contacts c on c.id = t.contact_id where c.root = $1 and t.started_at > $2`,
	"conversations_week": `select 1 from conversations t join contacts c on c.id = t.contact_id where c.root = $1 and t.created_at > $2`,
}

func (f *facts) count(name string, contact int64) any {
	sql, known := countSQL[name]
	if !known {
		return nil
	}
	if n, counted := f.counts[name]; counted {
		return n
	}
	n, err := pg.Row(f.ctx, f.s.db, pgx.RowTo[int64], `select count(*) from (`+sql+` limit 1000) x`, contact, f.now.AddDate(0, 0, -7))
	f.note(err)
	f.counts[name] = float64(n)
	return float64(n)
}

func (f *facts) ofTime(name string) any {
	at := f.now.In(f.zone)
	switch name {
	case "weekday":
		return strings.ToLower(at.Weekday().String()[:3])
	case "clock":
		return at.Format("15:04")
	}
	return nil
}

// language is what the customer speaks, as far as it is known.
func (f *facts) language() string {
	if t := f.loadTicket(); t != nil && t.Language != "" {
		return t.Language
	}
	if c := f.loadConversation(); c != nil && c.Language != "" {
		return c.Language
	}
	if p := f.loadPerson(); p != nil && p.Language != "" {
		return p.Language
	}
	if l := f.e.Facts.text("language"); l != "" {
		return l
	}
	for _, field := range []string{"message.text", "ticket.text"} {
		if text, _ := f.Value(field).(string); text != "" {
			return nlp.Detect(nlp.Fold(text)).Code
		}
	}
	return ""
}
