package main

import (
	"context"
	"errors"
	"time"

	"tingxin/api"
	"tingxin/pg"
	"tingxin/report"
	"tingxin/sip"
	"tingxin/web"
)

// startWeb starts the pages, the API, the live feed and the jobs behind them.
func (s *server) startWeb(ctx context.Context) (func() error, error) {
	jobs := s.jobs
	s.kb.AddJobs(jobs)
	s.addLinking(jobs)
	reports, err := report.New(s.cfg.Report, s.db, s.log)
	if err != nil {
		return nil, err
	}
	reports.AddJobs(jobs)
	parts := s.apiParts(jobs)
	parts.Reports = reports
	w, err := api.New(s.cfg.API, parts, s.log)
	if err != nil {
		return nil, err
	}
	user, password, created, err := w.EnsureAdmin(ctx)
	if err != nil {
		return nil, err
	}
	if created {
		s.login = &login{user, password}
	}
	// The jobs outlive the start; Close ends them.
	if err := jobs.Start(context.WithoutCancel(ctx)); err != nil {
		return nil, err
	}
	stopChat, err := s.runChat(ctx)
	if err != nil {
		return nil, errors.Join(err, jobs.Close())
	}
	if err := s.automation.Start(ctx); err != nil {
		return nil, errors.Join(err, stopChat(), jobs.Close())
	}
	if err := w.Start(ctx); err != nil {
		return nil, errors.Join(err, w.Close(), s.automation.Close(), stopChat(), jobs.Close())
	}
	s.web = w
	return func() error {
		// Visitors who wait for words are answered first: their requests would hold the end of the pages up.
		return errors.Join(s.webchat.Close(), w.Close(), s.automation.Close(), stopChat(), jobs.Close())
	}, nil
}

// login is the first administrator's, known only in the run that made it.
type login struct{ user, password string }

func (s *server) apiParts(jobs *pg.Jobs) api.Parts {
	p := api.Parts{DB: s.db, Calls: s.store, Bus: s.bus, Live: s.calls, Control: s.calls, Line: s.calls, Moods: s.calls, Queues: s.queues, Bot: s.bot, Tickets: s.tickets, Feedback: s.feedback, Triage: s.triage, Rules: s.automation, Jobs: jobs, SIP: s.sip.WebSocketHandler(), Version: buildVersion()}
	p.People, p.Phones, p.Setup, p.Contacts = s.people, s.phones, s.setup(), s.persons
	p.Vault, p.Callouts = s.vault, s.callouts
	s.chatParts(&p)
	if s.nodes != nil {
		p.Nodes = others{s.nodes}
	}
	p.KB, p.Assist = s.kb, s.assist
	if files, built := web.FS(); built {
		p.Web = files
	}
	p.Sources = api.Sources{
		Calls: s.calls.Stats, Media: s.engine.Stats, Trunks: s.trunks,
		SIP: func() any { return s.sip.Stats() },
		More: map[string]func() any{
			"chat": func() any { return s.chat.Stats() }, "webchat": func() any { return s.webchat.Stats() },
			"webhook": func() any { return s.hooks.Stats() }, "tickets": func() any { return s.tickets.Stats() },
			"feedback": func() any { return s.feedback.Stats() }, "triage": func() any { return s.triage.Stats() },
			"flows_http": func() any { return s.flows.Web.Stats() },
		},
	}
	if s.nodes != nil {
		p.Sources.More["nodes"] = func() any { return s.nodes.Stats() }
	}
	if s.embed != nil {
		p.Sources.Embed = func() any { return s.embed.Counts() }
	}
	if s.pool != nil {
		p.Sources.ASR = s.pool.Stats
		p.Sources.Ready = map[string]func(context.Context) error{"speech": s.speechReady}
	}
	return p
}

var errNoWorkers = errors.New("no speech worker is ready")

// speechReady says whether some worker could take a channel, full or not.
func (s *server) speechReady(context.Context) error {
	for _, w := range s.pool.Stats().Workers {
		if w.State == "ready" || w.State == "full" {
			return nil
		}
	}
	return errNoWorkers
}

// trunks are signalling's trunks as the system page shows them.
func (s *server) trunks() []api.TrunkView {
	list := s.sip.Stats().Trunks
	out := make([]api.TrunkView, len(list))
	for i, t := range list {
		out[i] = trunkView(t)
	}
	return out
}

func trunkView(t sip.TrunkStats) api.TrunkView {
	v := api.TrunkView{Name: t.Name, State: t.State, Calls: int(t.Calls), MaxCalls: t.MaxCalls, CPS: t.CPS, Rejected: int64(t.Rejected)}
	if !t.LastOptionsAt.IsZero() {
		at := t.LastOptionsAt.UTC().Truncate(time.Second)
		v.LastOptionsAt = &at
	}
	return v
}
