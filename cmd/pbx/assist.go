package main

import (
	"context"

	"github.com/jackc/pgx/v5"

	"tingxin/assist"
	"tingxin/bot"
	"tingxin/contact"
	"tingxin/kb"
)

// startAssist makes and starts what helps agents: cards, scripts, snippets, and the learning behind them.
func (s *server) startAssist(ctx context.Context) (func() error, error) {
	a, err := s.newAssist()
	if err != nil {
		return nil, err
	}
	if s.cfg.Assist.Off {
		a.AddJobs(s.jobs) // what was kept before expires
		return nil, nil
	}
	if err := a.Start(ctx); err != nil {
		return nil, err
	}
	a.AddJobs(s.jobs)
	s.assist = a
	return a.Close, nil
}

// startLearningBot makes a bot that nobody talks with: its turns are learnt from.
func (s *server) startLearningBot(ctx context.Context) (func() error, error) {
	if s.cfg.Bot.Off {
		return nil, nil
	}
	parts := bot.Parts{DB: s.db, Knowledge: bot.Articles{Service: s.kb}}
	if s.embed != nil {
		parts.Embed = s.embed
	}
	e, err := bot.New(s.cfg.Bot, parts, s.log)
	if err != nil {
		return nil, err
	}
	if err := e.Start(ctx); err != nil {
		return nil, err
	}
	s.bot = e
	return e.Close, nil
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
