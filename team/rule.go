package team

import (
	"fmt"
	"slices"
)

// Noun is what is seen or not.
type Noun string

// The nouns. Recordings are the sound of calls, Reports figures over them. Feedback is what customers say of us, with its cases.
const (
	Conversations Noun = "conversations"
	Calls         Noun = "calls"
	Recordings    Noun = "recordings"
	Tickets       Noun = "tickets"
	Contacts      Noun = "contacts" // through the work with them
	Feedback      Noun = "feedback"
	Reports       Noun = "reports"
)

// Nouns are all of them.
var Nouns = []Noun{Conversations, Calls, Recordings, Tickets, Contacts, Feedback, Reports}

// Reach is how far a role sees.
type Reach string

// The reaches. Own is what the user has or had, Team what members of the user's teams have or had, or what stands in
// a queue of theirs.
const (
	Own  Reach = "own"
	Team Reach = "team"
	All  Reach = "all"
)

// Field is what can be hidden from a role.
type Field string

// The fields. Text is what stands in texts and transcripts: numbers and addresses in words.
const (
	Phone    Field = "phone"
	Email    Field = "email"
	Name     Field = "name"
	External Field = "external" // what a channel calls a person
	Text     Field = "text"
)

// Fields are all of them.
var Fields = []Field{Phone, Email, Name, External, Text}

// Rule is how far a role sees, and what is hidden from it.
type Rule struct {
	Role   string         `json:"role" yaml:"role"`
	Reach  map[Noun]Reach `json:"reach" yaml:"reach"` // a noun that is not in it is seen wholly
	Hidden []Field        `json:"hidden" yaml:"hidden"`
}

// Check says what is wrong with a rule; All is taken out of it.
func (r *Rule) Check() error {
	for noun, reach := range r.Reach {
		if !slices.Contains(Nouns, noun) {
			return fmt.Errorf("%.40q can neither be seen nor hidden: one of %v", noun, Nouns)
		}
		switch reach {
		case All:
			delete(r.Reach, noun)
		case Own, Team:
		default:
			return fmt.Errorf("%s: %.20q is neither own, team nor all", noun, reach)
		}
	}
	if r.Reach == nil {
		r.Reach = map[Noun]Reach{}
	}
	hidden := []Field{}
	for _, f := range Fields { // in their order, each once
		if slices.Contains(r.Hidden, f) {
			hidden = append(hidden, f)
		}
	}
	for _, f := range r.Hidden {
		if !slices.Contains(Fields, f) {
			return fmt.Errorf("there is no field %.40q to hide: one of %v", f, Fields)
		}
	}
	r.Hidden = hidden
	return nil
}
