package plan

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Fault is a mistake in one field of a document. Code is one of package admin's.
type Fault struct{ Field, Code, Text string }

type faults []Fault

func (f *faults) add(field, code, format string, args ...any) {
	*f = append(*f, Fault{field, code, fmt.Sprintf(format, args...)})
}

// Codes of faults.
const (
	required = "required"
	format   = "format"
	outside  = "range"
	unknown  = "unknown"
	choice   = "choice"
)

// Rule says what is done when something happens. Rules are asked in order of their positions,
// then of their names.
type Rule struct {
	Label    string    `json:"label,omitempty" yaml:"label"`
	Position int       `json:"position,omitempty" yaml:"position" doc:"small ones first"`
	When     []string  `json:"when" yaml:"when" doc:"types of events, one of them"`
	After    string    `json:"after,omitempty" yaml:"after" doc:"look so long after the event, unless another one of these has come meanwhile: 15m, 72h"`
	If       Condition `json:"if,omitzero" yaml:"if"`
	Then     []Action  `json:"then" yaml:"then"`
	Stop     bool      `json:"stop,omitempty" yaml:"stop" doc:"later rules are not asked about this event"`
	Zone     string    `json:"zone,omitempty" yaml:"zone" doc:"time zone of time.weekday and time.clock; the server's when empty"`
	Off      bool      `json:"off,omitempty" yaml:"off"`
}

// Macro is a list of actions that an agent has done at once.
type Macro struct {
	Label   string   `json:"label" yaml:"label"`
	For     []string `json:"for" yaml:"for" doc:"conversation, ticket"`
	Role    string   `json:"role,omitempty" yaml:"role" enum:",agent,supervisor,admin" doc:"the least role that may run it; agent when empty"`
	Queues  []string `json:"queues,omitempty" yaml:"queues" doc:"only their members may run it; everybody when empty"`
	Actions []Action `json:"actions" yaml:"actions"`
	Off     bool     `json:"off,omitempty" yaml:"off"`
}

// Template is what tickets are made of. Texts may hold {{field}}.
type Template struct {
	LabelZH   string         `json:"label_zh" yaml:"label_zh"`
	LabelEN   string         `json:"label_en" yaml:"label_en"`
	Type      string         `json:"type" yaml:"type"`
	Subject   string         `json:"subject" yaml:"subject"`
	Body      string         `json:"body,omitempty" yaml:"body"`
	Priority  string         `json:"priority,omitempty" yaml:"priority" enum:",low,normal,high,urgent" doc:"that of the type when empty"`
	Queue     string         `json:"queue,omitempty" yaml:"queue" doc:"that of the type when empty"`
	Complaint bool           `json:"complaint,omitempty" yaml:"complaint"`
	Tags      []string       `json:"tags,omitempty" yaml:"tags"`
	Fields    map[string]any `json:"fields,omitempty" yaml:"fields" doc:"answers of the type's form; texts may hold {{field}}"`
	Tasks     []string       `json:"tasks,omitempty" yaml:"tasks"`
	Off       bool           `json:"off,omitempty" yaml:"off"`
}

// Target is a program that is told of events.
type Target struct {
	Label  string   `json:"label,omitempty" yaml:"label"`
	URL    string   `json:"url" yaml:"url"`
	Events []string `json:"events,omitempty" yaml:"events" doc:"types of events; none: rules and macros only"`
	Secret string   `json:"secret,omitempty" yaml:"secret" doc:"write-only; empty keeps the one that is there"`
	Texts  bool     `json:"texts,omitempty" yaml:"texts" doc:"what people wrote goes with it, not only ids and states"`
	Rate   int      `json:"rate,omitempty" yaml:"rate" doc:"letters a second at most; 10 when 0"`
	Off    bool     `json:"off,omitempty" yaml:"off"`
}

// Bounds of documents.
const (
	maxLabel    = 200 // characters
	maxEvents   = 30
	maxActions  = 20
	maxText     = 4000 // characters
	maxLabels   = 20
	maxPeople   = 20
	MaxRate     = 100
	minSecret   = 16
	maxSecret   = 256
	maxAfter    = 365 * 24 * time.Hour
	minAfter    = 10 * time.Second
	maxSubject  = 300
	maxBody     = 10_000
	maxPosition = 100_000
)

// Check says what is wrong with a rule.
func (r *Rule) Check() []Fault {
	var f faults
	f.label("label", r.Label)
	if r.Position < 0 || r.Position > maxPosition {
		f.add("position", outside, "between 0 and %d", maxPosition)
	}
	f.events("when", r.When, true)
	if r.After != "" {
		if d, err := time.ParseDuration(r.After); err != nil || d < minAfter || d > maxAfter {
			f.add("after", format, "a time such as 15m or 72h, from 10s to a year")
		}
	}
	if r.Zone != "" {
		if _, err := time.LoadLocation(r.Zone); err != nil || r.Zone == "Local" {
			f.add("zone", unknown, "%.60q is no time zone such as Asia/Shanghai", r.Zone)
		}
	}
	groups := Groups(r.When)
	r.If.check(&f, groups)
	f.actions("then", r.Then, groups, false)
	return f
}

// Delay is After as a duration.
func (r *Rule) Delay() time.Duration {
	d, _ := time.ParseDuration(r.After) // checked when it was written
	return d
}

// Check says what is wrong with a macro.
func (m *Macro) Check() []Fault {
	var f faults
	if strings.TrimSpace(m.Label) == "" {
		f.add("label", required, "agents see it")
	}
	f.label("label", m.Label)
	if len(m.For) == 0 {
		f.add("for", required, "conversation, ticket or both")
	}
	var groups []string
	for i, kind := range m.For {
		if kind != "conversation" && kind != "ticket" {
			f.add(fmt.Sprintf("for[%d]", i), choice, "%.40q is neither conversation nor ticket", kind)
		}
	}
	if len(m.For) == 1 {
		groups = append(groups, m.For[0])
	}
	if m.Role != "" && !slices.Contains([]string{"agent", "supervisor", "admin"}, m.Role) {
		f.add("role", choice, "agent, supervisor or admin")
	}
	if len(m.Queues) > 100 {
		f.add("queues", outside, "at most 100")
	}
	f.actions("actions", m.Actions, append(groups, "contact"), true)
	for i, kind := range m.For {
		for j := range m.Actions {
			if on := actions[m.Actions[j].Do].on; on != nil && !slices.Contains(on, kind) {
				f.add(fmt.Sprintf("for[%d]", i), choice, "%s is not for a %s", m.Actions[j].Do, kind)
			}
		}
	}
	return f
}

// Check says what is wrong with a template.
func (t *Template) Check() []Fault {
	var f faults
	for field, v := range map[string]string{"label_zh": t.LabelZH, "label_en": t.LabelEN, "type": t.Type, "subject": t.Subject} {
		if strings.TrimSpace(v) == "" {
			f.add(field, required, "it is missing")
		}
	}
	f.label("label_zh", t.LabelZH)
	f.label("label_en", t.LabelEN)
	f.text("subject", t.Subject, maxSubject)
	f.text("body", t.Body, maxBody)
	if t.Priority != "" && !slices.Contains(Priorities, t.Priority) {
		f.add("priority", choice, "%.20q is none of %s", t.Priority, strings.Join(Priorities, ", "))
	}
	f.list("tags", t.Tags, maxLabels)
	f.list("tasks", t.Tasks, 50)
	if len(t.Fields) > 40 {
		f.add("fields", outside, "at most 40")
	}
	for key, v := range t.Fields {
		if s, ok := v.(string); ok {
			f.text("fields", s, 500)
		} else if !plainValue(v) {
			f.add("fields", format, "%s: a text, a number, true or false", key)
		}
	}
	return f
}

// Check says what is wrong with a target; what may be reached is judged by the server.
func (t *Target) Check() []Fault {
	var f faults
	f.label("label", t.Label)
	if t.URL == "" {
		f.add("url", required, "it is missing")
	}
	if len(t.URL) > 1000 {
		f.add("url", outside, "at most 1000 characters")
	}
	f.events("events", t.Events, false)
	if t.Secret == "" {
		f.add("secret", required, "receivers know us by it")
	} else if len(t.Secret) < minSecret || len(t.Secret) > maxSecret {
		f.add("secret", outside, "%d to %d characters", minSecret, maxSecret)
	}
	if t.Rate < 0 || t.Rate > MaxRate {
		f.add("rate", outside, "between 0 and %d", MaxRate)
	}
	return f
}

func (f *faults) label(field, text string) {
	if utf8.RuneCountInString(text) > maxLabel {
		f.add(field, outside, "at most %d characters", maxLabel)
	}
}

func (f *faults) events(field string, list []string, need bool) {
	if need && len(list) == 0 {
		f.add(field, required, "at least one event")
	}
	if len(list) > maxEvents {
		f.add(field, outside, "at most %d", maxEvents)
	}
	for i, name := range list {
		if _, known := events[name]; !known {
			f.add(fmt.Sprintf("%s[%d]", field, i), unknown, "there is no event %.60q", name)
		}
	}
}

func (f *faults) list(field string, list []string, most int) {
	if len(list) > most {
		f.add(field, outside, "at most %d", most)
	}
	for i, v := range list {
		if strings.TrimSpace(v) == "" || utf8.RuneCountInString(v) > maxSubject {
			f.add(fmt.Sprintf("%s[%d]", field, i), outside, "1 to %d characters", maxSubject)
		}
	}
}

// text judges a text with {{field}} in it.
func (f *faults) text(field, text string, most int) {
	if utf8.RuneCountInString(text) > most {
		f.add(field, outside, "at most %d characters", most)
	}
	for _, use := range use.FindAllStringSubmatch(text, 50) {
		if !Known(use[1]) {
			f.add(field, unknown, "there is no field %.60q", use[1])
		}
	}
	if strings.Count(text, "{{") != len(use.FindAllString(text, -1)) {
		f.add(field, format, "a field is written as {{contact.name}}")
	}
}

func plainValue(v any) bool {
	switch v.(type) {
	case string, bool, float64, int, int64, uint64:
		return true
	}
	return false
}

// Priorities from the least.
var Priorities = []string{"low", "normal", "high", "urgent"}
