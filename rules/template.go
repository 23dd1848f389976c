package rules

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strconv"

	"tingxin/rules/plan"
	"tingxin/ticket"
)

// ErrTemplate: there is no such template.
var ErrTemplate = errors.New("there is no such template")

// From is what a ticket from a template has of its own.
type From struct {
	Contact       int64
	SourceRef     string
	Subject, Body string // instead of the template's
	Fields        map[string]json.RawMessage
}

// Templates shows those that are in use, by name.
func (s *Service) Templates(f func(name string, t plan.Template)) {
	all := s.book.Load().Templates
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if t := all[name]; !t.Off {
			f(name, *t)
		}
	}
}

// TicketFrom makes a ticket from a template, for an agent.
func (s *Service) TicketFrom(ctx context.Context, name string, from From, a Agent) (ticket.Ticket, error) {
	t := s.book.Load().Templates[name]
	if t == nil || t.Off {
		return ticket.Ticket{}, ErrTemplate
	}
	f := s.factsOf(ctx, &happened{Object: "contact", ObjectID: strconv.FormatInt(from.Contact, 10), Actor: a.Username, At: s.now(), Facts: snapshot{}})
	f.who = a.Name
	d, err := draft(t, f)
	if err == nil {
		err = f.err
	}
	if err != nil {
		return ticket.Ticket{}, err
	}
	if from.Subject != "" {
		d.Subject = from.Subject
	}
	if from.Body != "" {
		d.Body = from.Body
	}
	if len(from.Fields) > 0 && d.Fields == nil {
		d.Fields = map[string]json.RawMessage{}
	}
	maps.Copy(d.Fields, from.Fields)
	d.Contact, d.Source, d.SourceRef = from.Contact, "agent", from.SourceRef
	if p := f.loadPerson(); p != nil {
		d.Language = p.Language
	}
	return s.tickets.Create(ctx, d, ticket.AgentActor(a.Username))
}
