package main

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/contact"
	"tingxin/feedback"
	"tingxin/triage"
)

// startFeedback makes what looks after feedback; it runs from "web" on. It looks at messages of customers
// before the bot, whose hook it takes over.
func (s *server) startFeedback(ctx context.Context) (func() error, error) {
	examples, err := triage.Parse(feedback.Complaints(), "train")
	if err != nil {
		return nil, err
	}
	parts := triage.Parts{DB: s.db, Tickets: s.tickets, Complaints: examples}
	if s.embed != nil {
		parts.Embed = s.embed
	}
	s.triage = triage.New(parts, s.log)
	s.triage.AddJobs(s.jobs)
	f, err := feedback.NewService(s.cfg.Feedback, feedback.Parts{DB: s.db, Bus: s.bus, Tickets: s.tickets, Judge: s.triage, Rated: s.ratedInChat}, s.log)
	if err != nil {
		return nil, err
	}
	if err := s.triage.Start(ctx); err != nil {
		return nil, err
	}
	f.AddWay(feedback.NewChatWay(s.db, s.chat))
	f.AddJobs(s.jobs)
	s.feedback = f
	s.chat.OnLeave(f.Tail)
	s.persons.Register(contact.Noun{Name: "feedback", Source: opinions{f}, Eraser: opinions{f}, Exporter: opinions{f}})
	return s.triage.Close, nil
}

// opinions are feedback and cases in the timeline, the archive and the erasing of a person.
type opinions struct{ feedback *feedback.Service }

// Entries implements contact.Source.
func (o opinions) Entries(ctx context.Context, ids []contact.ID, until time.Time, limit int) ([]contact.Entry, error) {
	all, err := o.feedback.OfContacts(ctx, ints(ids), until, limit)
	if err != nil {
		return nil, err
	}
	out := make([]contact.Entry, len(all))
	for i := range all {
		f := &all[i]
		out[i] = contact.Entry{Kind: "feedback", ID: strconv.FormatInt(f.ID, 10), At: f.At, Data: f}
	}
	return out, nil
}

// Erase implements contact.Eraser.
func (o opinions) Erase(ctx context.Context, tx pgx.Tx, p *contact.Person) (map[string]int64, []string, error) {
	counts, err := o.feedback.ErasePerson(ctx, tx, p.Ints())
	return counts, nil, err
}

// Hits implements contact.Eraser.
func (o opinions) Hits(ctx context.Context, tx pgx.Tx, p *contact.Person) (map[string]int64, error) {
	return o.feedback.PersonHits(ctx, tx, p.Ints())
}

// mostCases is how many cases, items and questions one archive holds.
const mostCases = 10000

// Export implements contact.Exporter.
func (o opinions) Export(ctx context.Context, p *contact.Person, out *contact.Dump) error {
	items, err1 := o.feedback.OfContacts(ctx, p.Ints(), time.Time{}, mostCases)
	cases, err2 := o.feedback.CasesOf(ctx, p.Ints(), mostCases)
	surveys, err3 := o.feedback.SurveysOf(ctx, p.Ints(), mostCases)
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	return errors.Join(out.JSON("feedback.json", items), out.JSON("cases.json", cases), out.JSON("surveys.json", surveys))
}
