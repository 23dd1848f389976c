package main

import (
	"context"

	"github.com/jackc/pgx/v5"

	"tingxin/assist"
	"tingxin/contact"
	"tingxin/kb"
)

// startAssist makes and starts what helps agents: cards, scripts, snippets, and the learning behind them.
func (s *server) startAssist(ctx context.Context) (func() error, error) {
	if s.cfg.Assist.Off {
		return nil, nil
	}
	a, err := s.newAssist()
	if err != nil {
		return nil, err
	}
	if err := a.Start(ctx); err != nil {
		return nil, err
	}
	a.AddJobs(s.jobs)
	s.persons.Register(contact.Noun{Name: "assist", Eraser: helps{a.Store()}})
	s.assist = a
	return a.Close, nil
}

func (s *server) newAssist() (*assist.Service, error) {
	parts := assist.Parts{DB: s.db, Bus: s.bus, Calls: s.store, Articles: s.kb, Chat: s.chat, Tickets: s.tickets, Contacts: s.persons, Bot: s.bot}
	if s.embed != nil {
		parts.Embed = kb.Model(s.embed)
	}
	return assist.New(s.cfg.Assist, parts, s.log)
}

// helps are the cards, questions and practice made of what a person said.
type helps struct{ store *assist.Store }

// Erase implements contact.Eraser.
func (h helps) Erase(ctx context.Context, tx pgx.Tx, p *contact.Person) (map[string]int64, []string, error) {
	counts, err := h.store.ErasePerson(ctx, tx, p.Ints())
	return counts, nil, err
}

// Hits implements contact.Eraser.
func (h helps) Hits(ctx context.Context, tx pgx.Tx, p *contact.Person) (map[string]int64, error) {
	return h.store.PersonHits(ctx, tx, p.Ints())
}
