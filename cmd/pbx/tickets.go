package main

import (
	"context"

	"tingxin/contact"
	"tingxin/ticket"
)

// startTickets makes and starts the tickets: their promises are kept in view, and the queues give them out.
func (s *server) startTickets(ctx context.Context) (func() error, error) {
	s.tickets = ticket.NewService(s.db, s.bus, s.queues, s.cfg.Tickets, s.log)
	s.persons.Register(contact.Noun{Name: "tickets", Source: todos{s.tickets}, Eraser: todos{s.tickets}, Exporter: todos{s.tickets}})
	if err := s.tickets.Start(ctx); err != nil {
		return nil, err
	}
	return s.tickets.Close, nil
}
