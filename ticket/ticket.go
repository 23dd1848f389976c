package ticket

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"tingxin/queue"
)

// ID is the number of a ticket, as people say it.
type ID int64

// State is where a ticket stands.
type State string

const (
	New             State = "new" // not seen by a person
	Open            State = "open"
	PendingCustomer State = "pending_customer"
	PendingThird    State = "pending_third" // waits outside, or for a department's child ticket
	OnHold          State = "on_hold"       // until a moment
	Resolved        State = "resolved"
	Closed          State = "closed" // final
)

// States are all of them, in the order of a life.
var States = []State{New, Open, PendingCustomer, PendingThird, OnHold, Resolved, Closed}

// moves are the states that people may move a ticket to. A reply of the customer, a hold that is
// over and time move tickets by themselves, see Store.
var moves = map[State][]State{
	New:             {Open, PendingCustomer, PendingThird, OnHold, Resolved, Closed},
	Open:            {PendingCustomer, PendingThird, OnHold, Resolved, Closed},
	PendingCustomer: {Open, PendingThird, OnHold, Resolved, Closed},
	PendingThird:    {Open, PendingCustomer, OnHold, Resolved, Closed},
	OnHold:          {Open, PendingCustomer, PendingThird, Resolved, Closed},
	Resolved:        {Open, Closed},
	Closed:          {}, // a later reply opens a new ticket that follows it
}

// CanMove tells whether people may move a ticket from one state to another.
func CanMove(from, to State) bool { return slices.Contains(moves[from], to) }

// Over tells whether the work is done.
func (s State) Over() bool { return s == Resolved || s == Closed }

// What tickets refuse. Callers branch on these.
var (
	ErrMove     = errors.New("a ticket in this state does not go there")
	ErrStale    = errors.New("the ticket was changed meanwhile")
	ErrClosed   = errors.New("a closed ticket is final: open a new one that follows it")
	ErrChildren = errors.New("the ticket has child tickets that are still worked on")
	ErrMerged   = errors.New("the ticket is part of another one")
)

// InvalidError says which field of what was given is wrong, and how.
type InvalidError struct{ Field, Text string }

func (e *InvalidError) Error() string { return e.Field + ": " + e.Text }

func invalid(field, format string, args ...any) error {
	return &InvalidError{field, fmt.Sprintf(format, args...)}
}

// Ticket is a ticket as it stands.
type Ticket struct {
	ID        ID                         `json:"id"`
	Type      string                     `json:"type"`
	Subject   string                     `json:"subject"`
	Body      string                     `json:"body"`
	State     State                      `json:"state"`
	Priority  queue.Urgency              `json:"priority"`
	Language  string                     `json:"language"`
	Complaint bool                       `json:"complaint"`
	Fields    map[string]json.RawMessage `json:"fields"`
	Tags      []string                   `json:"tags"`
	Contact   int64                      `json:"contact,omitempty"`  // 0 is none
	Queue     string                     `json:"queue,omitempty"`    // the department that works on it
	Assignee  int64                      `json:"assignee,omitempty"` // a user; 0 is nobody
	Parent    ID                         `json:"parent,omitempty"`
	MergedTo  ID                         `json:"merged_into,omitempty"`
	Source    Source                     `json:"source"`
	SourceRef string                     `json:"source_ref,omitempty"`
	HoldUntil time.Time                  `json:"hold_until,omitzero"`
	Reopened  int                        `json:"reopened"`
	Version   int                        `json:"version"`
	CreatedBy string                     `json:"created_by"`
	CreatedAt time.Time                  `json:"created_at"`
	UpdatedAt time.Time                  `json:"updated_at"`
	StateAt   time.Time                  `json:"state_at"`
	Resolved  time.Time                  `json:"resolved_at,omitzero"`
	ClosedAt  time.Time                  `json:"closed_at,omitzero"`
}

// About is the contact that a rating of the ticket is about: what it came from, so that nobody is asked twice.
func (t *Ticket) About() string {
	if strings.HasPrefix(t.SourceRef, "conversation:") || strings.HasPrefix(t.SourceRef, "call:") {
		return t.SourceRef
	}
	return fmt.Sprintf("ticket:%d", t.ID)
}

// Source is what a ticket came from.
type Source string

// Sources are all of them.
var Sources = []Source{"agent", "customer", "bot", "rule", "call", "conversation", "feedback", "import"}

// Draft is what a ticket is made of. Type and Subject are needed; Priority is that of the type
// when not given, Queue too.
type Draft struct {
	Type      string
	Subject   string
	Body      string
	Priority  *queue.Urgency
	Language  string
	Complaint bool
	Fields    map[string]json.RawMessage
	Tags      []string
	Contact   int64
	Queue     string
	Assignee  int64
	Parent    ID
	Source    Source
	SourceRef string
	Tasks     []string
	Cap       time.Time // the end of the channel's reply window, for the first responses

	follows bool // a ticket of the same type, see FollowUp
}

const (
	maxSubject = 300
	maxBody    = 20_000
	maxTags    = 20
	maxTasks   = 50
	maxLinks   = 100
	maxDepth   = 3 // of parents
)

// check brings a draft into form and tells what is wrong with it.
func (d *Draft) check() error {
	d.Subject, d.Body = strings.Join(strings.Fields(d.Subject), " "), strings.TrimSpace(d.Body)
	switch {
	case d.Type == "":
		return invalid("type", "a ticket needs a type")
	case d.Subject == "" || utf8.RuneCountInString(d.Subject) > maxSubject:
		return invalid("subject", "1 to %d characters", maxSubject)
	case utf8.RuneCountInString(d.Body) > maxBody:
		return invalid("body", "at most %d characters", maxBody)
	case !slices.Contains(Sources, d.Source):
		return invalid("source", "%q is none of %v", d.Source, Sources)
	case d.Priority != nil && *d.Priority > queue.Urgent:
		return invalid("priority", "there is no %s", *d.Priority)
	case len(d.Tasks) > maxTasks:
		return invalid("tasks", "at most %d", maxTasks)
	case len(d.SourceRef) > 200:
		return invalid("source_ref", "at most 200 bytes")
	}
	for i, task := range d.Tasks {
		if d.Tasks[i] = strings.TrimSpace(task); d.Tasks[i] == "" || utf8.RuneCountInString(d.Tasks[i]) > maxSubject {
			return invalid("tasks", "each has 1 to %d characters", maxSubject)
		}
	}
	var err error
	d.Tags, err = tags(d.Tags)
	return err
}

func tags(list []string) ([]string, error) {
	out := make([]string, 0, len(list))
	for _, t := range list {
		t = strings.ToLower(strings.TrimSpace(t))
		if t == "" || utf8.RuneCountInString(t) > 40 {
			return nil, invalid("tags", "each has 1 to 40 characters")
		}
		out = append(out, t)
	}
	slices.Sort(out)
	if out = slices.Compact(out); len(out) > maxTags {
		return nil, invalid("tags", "at most %d", maxTags)
	}
	return out, nil
}

// Field is one question of a type's form.
type Field struct {
	Key      string   `json:"key"`
	LabelZH  string   `json:"label_zh"`
	LabelEN  string   `json:"label_en"`
	Type     string   `json:"type"` // text, number, date, boolean or choice
	Choices  []string `json:"choices,omitempty"`
	Required bool     `json:"required,omitempty"` // before the ticket can be resolved
}

// FieldTypes are all of them.
var FieldTypes = []string{"text", "number", "date", "boolean", "choice"}

// Type is a kind of ticket with its form and department.
type Type struct {
	Name     string        `json:"name"`
	LabelZH  string        `json:"label_zh"`
	LabelEN  string        `json:"label_en"`
	Queue    string        `json:"queue,omitempty"`
	Priority queue.Urgency `json:"priority"`
	Fields   []Field       `json:"fields"`
	Ord      int           `json:"ord"`
	Disabled bool          `json:"disabled,omitempty"`
}

// Check tells what is wrong with a type.
func (t *Type) Check() error {
	if err := queue.CheckName("type", t.Name); err != nil {
		return invalid("name", "%v", err)
	}
	if !label(t.LabelZH) || !label(t.LabelEN) {
		return invalid("label", "both languages, 1 to 60 characters each")
	}
	if t.Priority > queue.Urgent {
		return invalid("priority", "there is no %s", t.Priority)
	}
	if len(t.Fields) > 40 {
		return invalid("fields", "at most 40")
	}
	seen := make(map[string]bool)
	for i := range t.Fields {
		f := &t.Fields[i]
		if err := queue.CheckName("field", f.Key); err != nil || seen[f.Key] {
			return invalid("fields", "key %.40q is wrong or there twice", f.Key)
		}
		seen[f.Key] = true
		if !label(f.LabelZH) || !label(f.LabelEN) {
			return invalid("fields", "%s needs labels in both languages", f.Key)
		}
		if !slices.Contains(FieldTypes, f.Type) {
			return invalid("fields", "%s: type %.20q is none of %v", f.Key, f.Type, FieldTypes)
		}
		if (f.Type == "choice") != (len(f.Choices) > 0) || len(f.Choices) > 100 {
			return invalid("fields", "%s: a choice has 1 to 100 choices, other fields none", f.Key)
		}
	}
	return nil
}

func label(s string) bool { n := utf8.RuneCountInString(strings.TrimSpace(s)); return n > 0 && n <= 60 }

// checkFields tells what is wrong with values for a type's form. done says that the ticket is to be
// resolved, so what is required must be there.
func (t *Type) checkFields(values map[string]json.RawMessage, done bool) error {
	known := make(map[string]*Field, len(t.Fields))
	for i := range t.Fields {
		f := &t.Fields[i]
		known[f.Key] = f
		if _, there := values[f.Key]; done && f.Required && !there {
			return invalid("fields."+f.Key, "is needed before the ticket is resolved")
		}
	}
	for key, raw := range values {
		f := known[key]
		if f == nil {
			return invalid("fields."+key, "type %s has no such field", t.Name)
		}
		if err := f.check(raw); err != nil {
			return err
		}
	}
	return nil
}

func (f *Field) check(raw json.RawMessage) error {
	wrong := func(want string) error { return invalid("fields."+f.Key, "must be %s", want) }
	var v any
	if len(raw) > 2000 || json.Unmarshal(raw, &v) != nil {
		return wrong("a short JSON value")
	}
	s, isText := v.(string)
	switch f.Type {
	case "text":
		if !isText || utf8.RuneCountInString(s) > 500 {
			return wrong("a text of at most 500 characters")
		}
	case "number":
		if _, ok := v.(float64); !ok {
			return wrong("a number")
		}
	case "boolean":
		if _, ok := v.(bool); !ok {
			return wrong("true or false")
		}
	case "date":
		if _, err := time.Parse(time.DateOnly, s); !isText || err != nil {
			return wrong("a date such as 2026-11-28")
		}
	case "choice":
		if !isText || !slices.Contains(f.Choices, s) {
			return wrong("one of " + strings.Join(f.Choices, ", "))
		}
	}
	return nil
}
