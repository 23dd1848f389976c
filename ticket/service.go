package ticket

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/event"
	"tingxin/pg"
	"tingxin/queue"
)

// Config of tickets; zero values are the defaults.
type Config struct {
	// ReopenFor is how long a reply opens a resolved ticket again; after it the ticket is closed. 7 days.
	ReopenFor time.Duration `koanf:"reopen_for" yaml:"reopen_for"`
	// RemindAfter is how long a ticket waits for the customer before a reminder is due, and after which it is
	// resolved when they stay silent for as long again. 72 h; negative: never.
	RemindAfter time.Duration `koanf:"remind_after" yaml:"remind_after"`
}

func (c Config) withDefaults() Config {
	if c.ReopenFor <= 0 {
		c.ReopenFor = 7 * 24 * time.Hour
	}
	if c.RemindAfter == 0 {
		c.RemindAfter = 72 * time.Hour
	}
	return c
}

// Router is the one router of all work; *queue.Service satisfies it.
type Router interface {
	Enqueue(ctx context.Context, w queue.Work) (*queue.Ticket, error)
	Assign(ctx context.Context, id queue.WorkID, agent queue.AgentID, by string) (over bool, err error)
	Transfer(ctx context.Context, id queue.WorkID, to queue.QueueID) error
	Pending(ctx context.Context, id queue.WorkID, pending bool) error
	Answered(ctx context.Context, id queue.WorkID) error
	Ended(ctx context.Context, id queue.WorkID, cause string) error
	Remove(ctx context.Context, id queue.WorkID) error
	Hours() *queue.Hours
}

// Stats counts what happened since the start.
type Stats struct {
	Created, Changed, Stale, Warned, Breached, Dispatched, Failures uint64
}

// Service is what keeps tickets. Errors are *InvalidError, the Err values of this package,
// pg.ErrNotFound, pg.ErrConflict, pg.ErrUnavailable, or others wrapped as they are. Safe for
// concurrent use; every change is one transaction with its trail and clocks, events follow it.
type Service struct {
	cfg    Config
	db     *pg.DB
	bus    *event.Bus
	router Router // nil: tickets are given out by hand only
	log    *slog.Logger
	now    func() time.Time

	created, changed, stale, warned, breached, dispatched, failures atomic.Uint64

	hours *queue.Hours

	wake chan struct{}
	stop context.CancelFunc
	done sync.WaitGroup
	once sync.Once
}

// NewService checks and stores; Start begins to keep.
func NewService(db *pg.DB, bus *event.Bus, router Router, cfg Config, log *slog.Logger) *Service {
	log = log.With("part", "ticket")
	s := &Service{cfg: cfg.withDefaults(), db: db, bus: bus, router: router, log: log,
		now: func() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }, wake: make(chan struct{}, 1)}
	if router != nil {
		s.hours = router.Hours()
	} else {
		s.hours = queue.NewHours(queue.NewStore(db), log)
	}
	return s
}

// Stats reads the counters.
func (s *Service) Stats() Stats {
	return Stats{Created: s.created.Load(), Changed: s.changed.Load(), Stale: s.stale.Load(), Warned: s.warned.Load(),
		Breached: s.breached.Load(), Dispatched: s.dispatched.Load(), Failures: s.failures.Load()}
}

// calendars are the hours by name; "" counts always.
func (s *Service) calendars(ctx context.Context) (map[string]Hours, error) {
	known, err := s.hours.Calendars(ctx)
	if err != nil {
		return nil, err
	}
	all := map[string]Hours{"": Always{}}
	for name, c := range known {
		all[name] = c
	}
	return all, nil
}

// Actor is who does something to a ticket.
type Actor struct {
	Name  string // user name, or what the kind is called
	Kind  string // agent, customer, bot or system; comments have it
	Human bool   // a person of ours: their word is a human response
}

// AgentActor is a user.
func AgentActor(username string) Actor { return Actor{Name: username, Kind: "agent", Human: true} }

// Others that act.
var (
	Customer = Actor{Name: "customer", Kind: "customer"}
	Bot      = Actor{Name: "bot", Kind: "bot"}
	System   = Actor{Name: "system", Kind: "system"}
)

// Types of events; Data is a Notice.
const (
	EventCreated   = "ticket.created"
	EventChanged   = "ticket.changed"
	EventCommented = "ticket.commented"
	EventWarned    = "ticket.warned" // a level of a clock was reached
	EventReminder  = "ticket.reminder_due"
)

// Notice is what events tell: ids only.
type Notice struct {
	Ticket   ID        `json:"ticket"`
	Version  int       `json:"version"`
	State    State     `json:"state"`
	Queue    string    `json:"queue,omitempty"`
	Assignee int64     `json:"assignee,omitempty"`
	Contact  int64     `json:"contact,omitempty"`
	By       string    `json:"by,omitempty"`
	Clock    ClockKind `json:"clock,omitempty"`  // of EventWarned
	Level    int       `json:"level,omitempty"`  // per cent, of EventWarned
	Public   bool      `json:"public,omitempty"` // of EventCommented
	Comment  int64     `json:"comment,omitempty"`
}

func (s *Service) publish(typ string, n Notice) {
	if s.bus != nil {
		s.bus.Publish(typ, "", n)
	}
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (t *Ticket) notice(by Actor) Notice {
	return Notice{Ticket: t.ID, Version: t.Version, State: t.State, Queue: t.Queue, Assignee: t.Assignee, Contact: t.Contact, By: by.Name}
}

// Create makes a ticket with its trail and clocks.
func (s *Service) Create(ctx context.Context, d Draft, by Actor) (Ticket, error) {
	var t Ticket
	hours, err := s.calendars(ctx)
	if err != nil {
		return t, err
	}
	err = s.db.Tx(ctx, func(tx pgx.Tx) error {
		t, err = s.create(ctx, tx, hours, d, by)
		return err
	})
	if err != nil {
		return t, failed("create", 0, err)
	}
	s.created.Add(1)
	s.publish(EventCreated, t.notice(by))
	return t, nil
}

// CreateTx is Create within a transaction of the fact that caused the ticket. Call Announce after the commit.
func (s *Service) CreateTx(ctx context.Context, tx pgx.Tx, d Draft, by Actor) (Ticket, error) {
	hours, err := s.calendars(ctx)
	if err != nil {
		return Ticket{}, err
	}
	t, err := s.create(ctx, tx, hours, d, by)
	return t, failed("create", 0, err)
}

// Announce tells of a ticket that CreateTx made, once it is committed.
func (s *Service) Announce(t Ticket, by Actor) {
	s.created.Add(1)
	s.publish(EventCreated, t.notice(by))
}

func (s *Service) create(ctx context.Context, tx pgx.Tx, hours map[string]Hours, d Draft, by Actor) (Ticket, error) {
	if err := d.check(); err != nil {
		return Ticket{}, err
	}
	typ, err := typeOf(ctx, tx, d.Type)
	if err != nil {
		return Ticket{}, err
	}
	if typ.Disabled && !d.follows {
		return Ticket{}, invalid("type", "%s is not used any more", d.Type)
	}
	if err := typ.checkFields(d.Fields, false); err != nil {
		return Ticket{}, err
	}
	now := s.now()
	t := Ticket{Type: d.Type, Subject: d.Subject, Body: d.Body, State: New, Priority: typ.Priority, Language: d.Language, Complaint: d.Complaint,
		Fields: d.Fields, Tags: d.Tags, Contact: d.Contact, Queue: d.Queue, Assignee: d.Assignee, Parent: d.Parent, Source: d.Source, SourceRef: d.SourceRef,
		Version: 1, CreatedBy: by.Name, CreatedAt: now, UpdatedAt: now, StateAt: now}
	if t.Fields == nil {
		t.Fields = map[string]json.RawMessage{}
	}
	if d.Priority != nil {
		t.Priority = *d.Priority
	}
	detail := map[string]any{"source": t.Source}
	if word, urgent := urgentWord(d.Subject + "\n" + d.Body); urgent && t.Priority < queue.Urgent {
		t.Priority = queue.Urgent
		detail["urgent_word"] = word
	}
	if t.Queue == "" {
		t.Queue = typ.Queue
	}
	if t.Assignee != 0 && by.Human {
		t.State = Open
	}
	if t.Parent != 0 {
		contact, err := checkParent(ctx, tx, t.Parent)
		if err != nil {
			return t, err
		}
		if t.Contact == 0 {
			t.Contact = contact
		}
	}
	if err := insertTicket(ctx, tx, &t); err != nil {
		return t, err
	}
	for i, title := range d.Tasks {
		if _, err := tx.Exec(ctx, `insert into ticket_tasks (ticket_id, title, ord) values ($1, $2, $3)`, t.ID, title, i); err != nil {
			return t, err
		}
	}
	if err := trail(ctx, tx, &t, by, "created", detail); err != nil {
		return t, err
	}
	if t.Parent != 0 {
		if err := trailOf(ctx, tx, t.Parent, now, by, "child_created", map[string]any{"child": t.ID}); err != nil {
			return t, err
		}
	}
	c, err := loadClocks(ctx, tx, &t, hours)
	if err != nil {
		return t, err
	}
	if err := c.begin(ctx, tx, d.Cap); err != nil {
		return t, err
	}
	return t, nil
}

// checkParent refuses a parent that is over, or that would make the family too deep. It tells whose ticket the parent is.
func checkParent(ctx context.Context, tx pgx.Tx, parent ID) (contact int64, err error) {
	for depth, at := 1, parent; at != 0; depth++ {
		p, err := lock(ctx, tx, at)
		if errors.Is(err, pg.ErrNotFound) {
			return 0, invalid("parent", "there is no ticket %d", at)
		}
		if err != nil {
			return 0, err
		}
		if at == parent {
			contact = p.Contact
			if p.State.Over() {
				return 0, invalid("parent", "ticket %d is over", parent)
			}
		}
		if depth >= maxDepth {
			return 0, invalid("parent", "a family has at most %d generations", maxDepth)
		}
		at = p.Parent
	}
	return contact, nil
}

// Patch is a change; what is nil stays.
type Patch struct {
	Version   int // of the ticket that was seen; 0 does not matter
	Type      *string
	Subject   *string
	Body      *string
	State     *State
	HoldUntil *time.Time // needed for on_hold
	Priority  *queue.Urgency
	Complaint *bool
	Fields    map[string]json.RawMessage // these only; null takes one away
	Tags      *[]string
	Contact   *int64
	Queue     *string
	Assignee  *int64
}

// Change changes a ticket.
func (s *Service) Change(ctx context.Context, id ID, p Patch, by Actor) (Ticket, error) {
	return s.mutate(ctx, "change", id, by, EventChanged, func(tx pgx.Tx, t *Ticket) (map[string]any, error) {
		if p.Version != 0 && p.Version != t.Version {
			s.stale.Add(1)
			return nil, ErrStale
		}
		return s.apply(ctx, tx, t, &p)
	})
}

// mutate locks a ticket, lets f change it and writes what is different, with its trail, its clocks
// and an event. f returns the detail of the trail; nil detail writes nothing.
func (s *Service) mutate(ctx context.Context, verb string, id ID, by Actor, typ string, f func(tx pgx.Tx, t *Ticket) (map[string]any, error)) (Ticket, error) {
	var t Ticket
	hours, err := s.calendars(ctx)
	if err != nil {
		return t, err
	}
	changed := false
	err = s.db.Tx(ctx, func(tx pgx.Tx) error {
		if t, err = lock(ctx, tx, id); err != nil {
			return err
		}
		if t.MergedTo != 0 {
			return fmt.Errorf("%w: %d", ErrMerged, t.MergedTo)
		}
		before := t
		detail, err := f(tx, &t)
		if err != nil || detail == nil {
			return err
		}
		changed = true
		return s.write(ctx, tx, hours, &before, &t, by, "changed", detail)
	})
	if err != nil {
		return t, failed(verb, id, err)
	}
	if changed {
		s.changed.Add(1)
		s.publish(typ, t.notice(by))
	}
	return t, nil
}

// write writes a changed ticket.
func (s *Service) write(ctx context.Context, tx pgx.Tx, hours map[string]Hours, before, t *Ticket, by Actor, kind string, detail map[string]any) error {
	now := s.now()
	t.Version++
	t.UpdatedAt = now
	if t.State != before.State {
		t.StateAt = now
		switch t.State {
		case Resolved:
			t.Resolved = now
		case Closed:
			t.ClosedAt = now
			if t.Resolved.IsZero() {
				t.Resolved = now
			}
		default:
			if before.State == Resolved {
				t.Reopened++
				t.Resolved = time.Time{}
			}
		}
	}
	if err := updateTicket(ctx, tx, t); err != nil {
		return err
	}
	if err := trail(ctx, tx, t, by, kind, detail); err != nil {
		return err
	}
	c, err := loadClocks(ctx, tx, t, hours)
	if err != nil {
		return err
	}
	if err := c.follow(ctx, tx, before); err != nil {
		return err
	}
	if t.Parent != 0 && t.State.Over() && !before.State.Over() {
		return trailOf(ctx, tx, t.Parent, now, by, "child_over", map[string]any{"child": t.ID, "state": t.State})
	}
	return nil
}

// apply puts a patch on a ticket and returns what is different, for the trail: [before, after] by field.
func (s *Service) apply(ctx context.Context, tx pgx.Tx, t *Ticket, p *Patch) (map[string]any, error) {
	if t.State == Closed {
		return nil, ErrClosed
	}
	diff := make(map[string]any)
	put(diff, "type", &t.Type, p.Type)
	put(diff, "subject", &t.Subject, p.Subject)
	put(diff, "body", &t.Body, p.Body)
	put(diff, "priority", &t.Priority, p.Priority)
	put(diff, "complaint", &t.Complaint, p.Complaint)
	put(diff, "contact", &t.Contact, p.Contact)
	put(diff, "queue", &t.Queue, p.Queue)
	put(diff, "assignee", &t.Assignee, p.Assignee)
	if err := t.moveTo(diff, p.State, p.HoldUntil, s.now()); err != nil {
		return nil, err
	}
	if p.Tags != nil {
		list, err := tags(*p.Tags)
		if err != nil {
			return nil, err
		}
		if fmt.Sprint(list) != fmt.Sprint(t.Tags) {
			diff["tags"] = [2]any{t.Tags, list}
			t.Tags = list
		}
	}
	t.patchFields(diff, p.Fields)
	if len(diff) == 0 {
		return nil, nil
	}
	// A patch is checked as a draft is.
	d := Draft{Type: t.Type, Subject: t.Subject, Body: t.Body, Priority: &t.Priority, Source: t.Source, SourceRef: t.SourceRef, Tags: t.Tags}
	if err := d.check(); err != nil {
		return nil, err
	}
	t.Subject, t.Body = d.Subject, d.Body
	typ, err := typeOf(ctx, tx, t.Type)
	if err != nil {
		return nil, err
	}
	_, retyped := diff["type"]
	if retyped && typ.Disabled {
		return nil, invalid("type", "%s is not used any more", t.Type)
	}
	if retyped { // the old form's answers that the new one does not ask for stay in the trail only
		for key := range t.Fields {
			if !typ.has(key) {
				diff["fields."+key] = [2]any{t.Fields[key], nil}
				delete(t.Fields, key)
			}
		}
	}
	if err := typ.checkFields(t.Fields, t.State.Over()); err != nil {
		return nil, err
	}
	if _, moved := diff["state"]; moved && t.State.Over() {
		if err := noOpenChildren(ctx, tx, t.ID); err != nil {
			return nil, err
		}
	}
	return diff, nil
}

// moveTo moves a ticket. An assignment opens a new one.
func (t *Ticket) moveTo(diff map[string]any, to *State, hold *time.Time, now time.Time) error {
	if _, assigned := diff["assignee"]; assigned && t.Assignee != 0 && t.State == New && to == nil {
		open := Open
		to = &open
	}
	if to == nil || *to == t.State && t.State != OnHold {
		if hold != nil && t.State != OnHold {
			return invalid("hold_until", "is for tickets on hold")
		}
		if hold == nil {
			return nil
		}
		to = &t.State
	}
	if *to != t.State && !CanMove(t.State, *to) {
		return fmt.Errorf("%w: from %s to %.20s", ErrMove, t.State, *to)
	}
	until := time.Time{}
	if *to == OnHold {
		if hold == nil || !hold.After(now) || hold.After(now.AddDate(2, 0, 0)) {
			return invalid("hold_until", "a ticket is on hold until a moment within two years")
		}
		until = hold.UTC().Truncate(time.Microsecond)
	}
	if *to != t.State {
		diff["state"] = [2]any{t.State, *to}
	}
	if !until.Equal(t.HoldUntil) {
		diff["hold_until"] = [2]any{t.HoldUntil, until}
	}
	t.State, t.HoldUntil = *to, until
	return nil
}

func (t *Ticket) patchFields(diff map[string]any, patch map[string]json.RawMessage) {
	fields := make(map[string]json.RawMessage, len(t.Fields)+len(patch))
	for k, v := range t.Fields {
		fields[k] = v
	}
	for k, v := range patch {
		old, there := fields[k]
		if string(v) == "null" {
			if there {
				diff["fields."+k] = [2]any{old, nil}
				delete(fields, k)
			}
			continue
		}
		if string(old) != string(v) {
			diff["fields."+k] = [2]any{old, v}
			fields[k] = v
		}
	}
	t.Fields = fields
}

func (t *Type) has(key string) bool {
	for i := range t.Fields {
		if t.Fields[i].Key == key {
			return true
		}
	}
	return false
}

// put sets a field when it is given and different.
func put[T comparable](diff map[string]any, name string, field *T, to *T) {
	if to != nil && *to != *field {
		diff[name] = [2]any{*field, *to}
		*field = *to
	}
}

// Comment writes what somebody said about a ticket. A public one of the customer opens the ticket
// again when it waits or is resolved, and in a closed one it is ErrClosed: FollowUp answers that.
func (s *Service) Comment(ctx context.Context, id ID, body string, public bool, by Actor) (Comment, Ticket, error) {
	c := Comment{ByKind: by.Kind, Author: by.Name, Public: public, Body: body}
	if err := c.check(); err != nil {
		return c, Ticket{}, err
	}
	var t Ticket
	hours, err := s.calendars(ctx)
	if err != nil {
		return c, t, err
	}
	err = s.db.Tx(ctx, func(tx pgx.Tx) error {
		if t, err = lock(ctx, tx, id); err != nil {
			return err
		}
		if t.MergedTo != 0 {
			return fmt.Errorf("%w: %d", ErrMerged, t.MergedTo)
		}
		if t.State == Closed {
			return ErrClosed
		}
		before := t
		if c.At = s.now(); by.Kind == "customer" && public {
			t.HoldUntil = time.Time{}
			switch t.State {
			case PendingCustomer, PendingThird, OnHold, Resolved:
				t.State = Open
			}
		} else if by.Human && public && t.State == New {
			t.State = Open // somebody has seen it
		}
		if err := tx.QueryRow(ctx, `insert into ticket_comments (ticket_id, by_kind, author, public, body, at) values ($1, $2, $3, $4, $5, $6) returning id`,
			id, c.ByKind, c.Author, c.Public, c.Body, c.At).Scan(&c.ID); err != nil {
			return err
		}
		detail := map[string]any{"comment": c.ID, "public": public}
		if t.State != before.State {
			detail["state"] = [2]any{before.State, t.State}
		}
		if err := s.write(ctx, tx, hours, &before, &t, by, "commented", detail); err != nil {
			return err
		}
		if !public {
			return nil
		}
		clocks, err := loadClocks(ctx, tx, &t, hours)
		if err != nil {
			return err
		}
		return clocks.said(ctx, tx, by)
	})
	if err != nil {
		return c, t, failed("comment on", id, err)
	}
	s.changed.Add(1)
	n := t.notice(by)
	n.Public, n.Comment = public, c.ID
	s.publish(EventCommented, n)
	return c, t, nil
}

// FollowUp makes a new ticket that follows a closed one, for a customer who writes again. It has the same type, also when
// nothing else gets that any more.
func (s *Service) FollowUp(ctx context.Context, old ID, body string, by Actor) (Ticket, error) {
	was, err := s.Get(ctx, old)
	if err != nil {
		return was, err
	}
	if was.State != Closed {
		return was, fmt.Errorf("%w: ticket %d is not closed", ErrMove, old)
	}
	priority := was.Priority
	t, err := s.Create(ctx, Draft{Type: was.Type, Subject: was.Subject, Body: body, Priority: &priority, Language: was.Language, Complaint: was.Complaint,
		Contact: was.Contact, Queue: was.Queue, Source: "customer", SourceRef: fmt.Sprintf("ticket:%d", old), follows: true}, by)
	if err != nil {
		return t, err
	}
	return t, s.Link(ctx, t.ID, old, "follow_up", System)
}

// FollowedBy is the latest ticket that follows a closed one; pg.ErrNotFound when none does.
func (s *Service) FollowedBy(ctx context.Context, old ID) (Ticket, error) {
	id, err := pg.Row(ctx, s.db, pgx.RowTo[ID], `select b from ticket_links where a = $1 and kind = 'follow_up' order by b desc limit 1`, old)
	if err != nil {
		return Ticket{}, failed("read what follows", old, err)
	}
	return s.Get(ctx, id)
}

// failed says what was tried; nil stays nil.
func failed(verb string, id ID, err error) error {
	if err == nil {
		return nil
	}
	var wrong *InvalidError
	if errors.As(err, &wrong) {
		return err
	}
	if id == 0 {
		return fmt.Errorf("%s ticket: %w", verb, pg.Map(err))
	}
	return fmt.Errorf("%s ticket %d: %w", verb, id, pg.Map(err))
}

// Hours are the open hours of a calendar; one that is gone, and "", count always.
func (s *Service) Hours(ctx context.Context, calendar string) (Hours, error) {
	all, err := s.calendars(ctx)
	if err != nil {
		return nil, err
	}
	if h, ok := all[calendar]; ok {
		return h, nil
	}
	return Always{}, nil
}
