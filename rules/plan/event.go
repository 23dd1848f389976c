package plan

import (
	"maps"
	"slices"
)

// EventType describes a type of events.
type EventType struct {
	Name   string `json:"name"`
	Object string `json:"object" enum:"conversation,ticket,call,contact,queue"`
	// Groups are the groups of fields that its conditions may ask for.
	Groups []string `json:"groups"`
	Text   string   `json:"text"`
	// stored is the type under which it is kept, change the field that must have changed, when it is
	// a case of a more general one.
	stored, change string
	// state is what conversations must have come to.
	state string
}

var events = func() map[string]EventType {
	all := map[string]EventType{}
	add := func(name, object, text string, groups ...string) {
		all[name] = EventType{Name: name, Object: object, Text: text, Groups: append(groups, "event", "time", object), stored: name}
	}
	part := func(name, of, change, state, text string) {
		e := all[of]
		e.Name, e.stored, e.change, e.state, e.Text = name, of, change, state, text
		all[name] = e
	}
	add("conversation.created", "conversation", "a conversation began", "contact")
	add("conversation.changed", "conversation", "state, handler, assignee, queue, labels, urgency, rating or contact of a conversation changed", "contact")
	add("message.received", "conversation", "a customer wrote", "message", "contact")
	add("message.sent", "conversation", "we wrote to a customer", "message", "contact")
	add("note.added", "conversation", "an agent wrote a note", "message", "contact")
	part("conversation.assigned", "conversation.changed", "assignee", "", "another agent, or nobody, has a conversation")
	part("conversation.queued", "conversation.changed", "queue", "", "a conversation came into a queue")
	part("conversation.labelled", "conversation.changed", "labels", "", "the labels of a conversation changed")
	part("conversation.rated", "conversation.changed", "rating", "", "a customer rated a conversation")
	part("conversation.closed", "conversation.changed", "state", "closed", "a conversation was closed")
	part("conversation.opened", "conversation.changed", "state", "open", "a conversation was opened again")
	add("ticket.created", "ticket", "a ticket was made", "contact")
	add("ticket.changed", "ticket", "something of a ticket changed", "contact")
	add("ticket.commented", "ticket", "somebody answered, or wrote a note", "contact")
	add("ticket.warned", "ticket", "a share of a promise was reached: 50, 75, 90, 100 (broken) or 200 per cent", "contact")
	add("ticket.reminded", "ticket", "a customer has been silent for long", "contact")
	part("ticket.state", "ticket.changed", "state", "", "a ticket came into another state")
	part("ticket.assigned", "ticket.changed", "assignee", "", "another agent, or nobody, has a ticket")
	part("ticket.queued", "ticket.changed", "queue", "", "a ticket came into another queue")
	part("ticket.priority", "ticket.changed", "priority", "", "the priority of a ticket changed")
	add("call.started", "call", "a call began", "contact")
	add("call.ended", "call", "a call ended", "contact")
	add("call.wrapped", "call", "an agent wrote down the outcome of a call", "contact")
	add("call.voicemail", "call", "a caller left a message", "contact")
	add("call.rated", "call", "a caller answered a question of a survey", "contact")
	add("contact.created", "contact", "somebody new is known")
	add("contact.changed", "contact", "name, language, tags, fields or the VIP mark of a contact changed")
	add("queue.alert", "queue", "a rule of alerts over the queues holds")
	add("queue.alert_over", "queue", "it holds no longer")
	return all
}()

// Events are all types, by name.
func Events() []EventType {
	return slices.SortedFunc(maps.Values(events), func(a, b EventType) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
}

// Kept is the type under which events of a name are stored.
func Kept(name string) string { return events[name].stored }

// Happened is an event as it is judged by name.
type Happened struct {
	Type    string   // as stored
	Changed []string // fields
	State   string   // of the object, after it
}

// Hears tells whether a name stands for an event.
func Hears(name string, h Happened) bool {
	e, known := events[name]
	if !known {
		return false
	}
	if e.change == "" {
		return e.stored == h.Type
	}
	if e.Object == "ticket" {
		if h.Type != "ticket.changed" && h.Type != "ticket.commented" {
			return false
		}
	} else if e.stored != h.Type {
		return false
	}
	return slices.Contains(h.Changed, e.change) && (e.state == "" || e.state == h.State)
}

// HearsAny tells whether one of the names stands for an event.
func HearsAny(names []string, h Happened) bool {
	return slices.ContainsFunc(names, func(n string) bool { return Hears(n, h) })
}

// Groups are the groups of fields that all the events have.
func Groups(names []string) []string {
	var out []string
	for i, n := range names {
		e, known := events[n]
		if !known {
			continue
		}
		if i == 0 || out == nil {
			out = slices.Clone(e.Groups)
			continue
		}
		out = slices.DeleteFunc(out, func(g string) bool { return !slices.Contains(e.Groups, g) })
	}
	return out
}
