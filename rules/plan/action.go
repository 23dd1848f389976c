package plan

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Action is one thing that is done. Which fields it has depends on Do.
type Action struct {
	Do       string   `json:"do" yaml:"do" enum:"assign,queue,add_labels,remove_labels,priority,state,set_field,note,reply,snooze,create_ticket,follow,notify,webhook,macro,survey,close"`
	User     string   `json:"user,omitempty" yaml:"user" doc:"of assign and follow: a user name; nobody; in macros me"`
	Queue    string   `json:"queue,omitempty" yaml:"queue"`
	Labels   []string `json:"labels,omitempty" yaml:"labels" doc:"of a conversation; tags of a ticket"`
	Priority string   `json:"priority,omitempty" yaml:"priority" enum:",low,normal,high,urgent"`
	State    string   `json:"state,omitempty" yaml:"state" enum:",open,pending_customer,pending_third,on_hold,resolved,closed"`
	For      string   `json:"for,omitempty" yaml:"for" doc:"of snooze and the state on_hold: 4h"`
	Key      string   `json:"key,omitempty" yaml:"key" doc:"of set_field: of the form of the ticket's type"`
	Value    any      `json:"value,omitempty" yaml:"value" doc:"of set_field: a text (with {{field}}), a number, true or false; nothing takes it away"`
	Text     string   `json:"text,omitempty" yaml:"text" doc:"of note, reply and notify; {{field}} is filled in"`
	TextZH   string   `json:"text_zh,omitempty" yaml:"text_zh" doc:"instead of text for customers who speak Chinese"`
	Template string   `json:"template,omitempty" yaml:"template" doc:"of create_ticket"`
	Users    []string `json:"users,omitempty" yaml:"users" doc:"of notify: user names"`
	Target   string   `json:"target,omitempty" yaml:"target" doc:"of webhook"`
	Macro    string   `json:"macro,omitempty" yaml:"macro"`
	Survey   string   `json:"survey,omitempty" yaml:"survey" enum:",csat,nps" doc:"of survey: csat asks how it was, nps whether the customer would recommend us"`
}

// kind says what an action is about and what it needs.
type kind struct {
	on    []string // kinds of objects; nil: all
	needs []string
	undo  bool // what it changed can be changed back
}

var actions = map[string]kind{
	"assign":        {both, []string{"user"}, true},
	"queue":         {both, []string{"queue"}, false},
	"add_labels":    {both, []string{"labels"}, true},
	"remove_labels": {both, []string{"labels"}, true},
	"priority":      {both, []string{"priority"}, true},
	"state":         {[]string{"ticket"}, []string{"state"}, true},
	"set_field":     {[]string{"ticket"}, []string{"key"}, false},
	"note":          {both, []string{"text"}, false},
	"reply":         {both, []string{"text"}, false},
	"snooze":        {[]string{"conversation"}, []string{"for"}, true},
	"create_ticket": {[]string{"conversation", "ticket", "call", "contact"}, []string{"template"}, false},
	"follow":        {both, []string{"user"}, true},
	"notify":        {nil, []string{"text", "users"}, false},
	"webhook":       {nil, []string{"target"}, false},
	"macro":         {both, []string{"macro"}, false},
	"survey":        {both, []string{"survey"}, false},
	"close":         {both, nil, true},
}

var both = []string{"conversation", "ticket"}

// ActionKind describes an action.
type ActionKind struct {
	Do    string   `json:"do"`
	On    []string `json:"on" doc:"kinds of objects that it is for"`
	Needs []string `json:"needs"`
	Undo  bool     `json:"undo"`
}

// Objects are the kinds of objects that things happen to.
var Objects = []string{"conversation", "ticket", "call", "contact", "queue"}

// Actions are all of them, by name.
func Actions() []ActionKind {
	var out []ActionKind
	for name, k := range actions {
		a := ActionKind{name, k.on, k.needs, k.undo}
		if a.On == nil {
			a.On = Objects
		}
		if a.Needs == nil {
			a.Needs = []string{}
		}
		out = append(out, a)
	}
	slices.SortFunc(out, func(a, b ActionKind) int { return strings.Compare(a.Do, b.Do) })
	return out
}

// Fits tells whether an action is for a kind of objects.
func (a *Action) Fits(object string) bool {
	k, known := actions[a.Do]
	return known && (k.on == nil || slices.Contains(k.on, object))
}

// actions judges a list. groups are the groups of fields that are there; macro says that an agent
// starts it.
func (f *faults) actions(field string, all []Action, groups []string, macro bool) {
	if len(all) == 0 {
		f.add(field, required, "at least one action")
	}
	if len(all) > maxActions {
		f.add(field, outside, "at most %d", maxActions)
	}
	for i := range all {
		all[i].check(f, fmt.Sprintf("%s[%d]", field, i), groups, macro)
	}
}

func (a *Action) check(f *faults, at string, groups []string, macro bool) {
	k, known := actions[a.Do]
	if !known {
		f.add(at+".do", choice, "there is no action %.40q", a.Do)
		return
	}
	given := map[string]bool{"user": a.User != "", "queue": a.Queue != "", "labels": len(a.Labels) > 0, "priority": a.Priority != "", "state": a.State != "", "for": a.For != "",
		"key": a.Key != "", "text": a.Text != "", "template": a.Template != "", "users": len(a.Users) > 0, "target": a.Target != "", "macro": a.Macro != "", "survey": a.Survey != ""}
	for _, need := range k.needs {
		if !given[need] {
			f.add(at+"."+need, required, "%s needs it", a.Do)
		}
	}
	if !macro && k.on != nil && len(groups) > 0 && !slices.ContainsFunc(k.on, func(o string) bool { return slices.Contains(groups, o) }) {
		f.add(at+".do", choice, "%s is not for what these events happen to", a.Do)
	}
	if a.Do == "macro" && macro {
		f.add(at+".do", choice, "a macro runs no other macro")
	}
	if a.User == "me" && !macro {
		f.add(at+".user", choice, "a rule is nobody: name the user")
	}
	if a.Priority != "" && !slices.Contains(Priorities, a.Priority) {
		f.add(at+".priority", choice, "%.20q is none of %s", a.Priority, strings.Join(Priorities, ", "))
	}
	if a.Survey != "" && a.Survey != "csat" && a.Survey != "nps" {
		f.add(at+".survey", choice, "%.20q is neither csat nor nps", a.Survey)
	}
	if a.State != "" && !slices.Contains([]string{"open", "pending_customer", "pending_third", "on_hold", "resolved", "closed"}, a.State) {
		f.add(at+".state", choice, "%.20q is no state that a ticket is moved to", a.State)
	}
	if a.State == "on_hold" && a.For == "" {
		f.add(at+".for", required, "a ticket is on hold for a time")
	}
	if a.For != "" {
		if d, err := time.ParseDuration(a.For); err != nil || d < time.Minute || d > maxAfter {
			f.add(at+".for", format, "a time such as 4h, from a minute to a year")
		}
	}
	if a.Value != nil && !plainValue(a.Value) {
		f.add(at+".value", format, "a text, a number, true or false")
	}
	f.list(at+".labels", a.Labels, maxLabels)
	f.list(at+".users", a.Users, maxPeople)
	f.text(at+".text", a.Text, maxText)
	f.text(at+".text_zh", a.TextZH, maxText)
	if s, ok := a.Value.(string); ok {
		f.text(at+".value", s, 500)
	}
}

// Time is For as a duration.
func (a *Action) Time() time.Duration {
	d, _ := time.ParseDuration(a.For) // checked when it was written
	return d
}

// Saying is the text for somebody who speaks a language.
func (a *Action) Saying(language string) string {
	if a.TextZH != "" && strings.HasPrefix(language, "zh") {
		return a.TextZH
	}
	return a.Text
}
