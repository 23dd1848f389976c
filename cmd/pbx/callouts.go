package main

import (
	"context"
	"errors"

	"tingxin/call"
	"tingxin/callout"
	"tingxin/contact"
	"tingxin/queue"
)

// makeCallouts makes the lists of calls to make, which calls ask.
func (s *server) makeCallouts(context.Context) (func() error, error) {
	c, err := callout.New(s.cfg.Callouts, callout.Parts{DB: s.db, Queues: s.queues, Caller: callers{s}, People: s.persons, Region: s.cfg.Contact.Region}, s.log)
	if err != nil {
		return nil, err
	}
	s.callouts = c
	s.persons.Register(contact.Noun{Name: "call lists", Eraser: c, Exporter: c})
	return nil, nil
}

// startCallouts feeds the queues from them; before anything else is stopped it ends.
func (s *server) startCallouts(ctx context.Context) (func() error, error) {
	return s.callouts.Close, s.callouts.Start(ctx)
}

// callers are the manager of calls as lists see it.
type callers struct{ s *server }

// AddCallout implements callout.Caller.
func (c callers) AddCallout(ctx context.Context, w queue.Work) error {
	m := c.s.alive.Load()
	if m == nil {
		return call.ErrDraining
	}
	return m.AddCallout(ctx, w)
}

// callouts are the lists as calls see them.
type callouts struct{ *callout.Service }

var _ call.Callouts = callouts{}

// May implements call.Callouts.
func (c callouts) May(ctx context.Context, entry int64) error {
	err := c.Service.May(ctx, entry)
	if errors.Is(err, callout.ErrNotCalled) {
		return errors.Join(call.ErrNotCalled, err)
	}
	return err
}

// Begun implements call.Callouts.
func (c callouts) Begun(ctx context.Context, t call.Try) error { return c.Service.Begun(ctx, tryOf(t)) }

// Over implements call.Callouts.
func (c callouts) Over(ctx context.Context, t call.Try) error { return c.Service.Over(ctx, tryOf(t)) }

func tryOf(t call.Try) callout.Try {
	return callout.Try{Entry: t.Entry, Work: t.Work, Agent: t.Agent, Call: t.Call, At: t.At, How: string(t.How)}
}
