package main

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"

	"tingxin/bot"
	"tingxin/call"
	"tingxin/queue"
	"tingxin/ticket"
)

// botPromises keeps what customers of the bot choose instead of waiting: a message
// becomes a ticket, a call-back a place in the queue or, while it is closed or full, a ticket too.
type botPromises struct {
	tickets *ticket.Service
	calls   *atomic.Pointer[call.Manager]
}

var _ bot.Promises = botPromises{}

// Message implements bot.Promises.
func (b botPromises) Message(ctx context.Context, p bot.Promise) (int64, error) {
	t, err := b.ticket(ctx, "question", p, p.Text)
	return int64(t.ID), err
}

// CallBack implements bot.Promises.
func (b botPromises) CallBack(ctx context.Context, p bot.Promise) error {
	made, err := b.tickets.Made(ctx, p.Key)
	if err != nil || made {
		return err
	}
	if m := b.calls.Load(); m != nil {
		urgency := queue.Normal
		if p.Urgent {
			urgency = queue.Urgent
		}
		_, err := m.AddCallbackOnce(ctx, p.Key, queue.QueueID(p.Queue), p.Number, urgency)
		if err == nil {
			return nil
		}
		if !errors.As(err, new(*queue.ClosedError)) && !errors.Is(err, queue.ErrFull) && !errors.Is(err, queue.ErrNoQueue) && !errors.Is(err, call.ErrTarget) {
			return err
		}
	}
	_, err = b.ticket(ctx, "callback", p, p.Number)
	return err
}

func (b botPromises) ticket(ctx context.Context, typ string, p bot.Promise, text string) (ticket.Ticket, error) {
	subject := p.Title
	if subject == "" {
		subject = text
	}
	if typ == "callback" {
		subject = strings.TrimSpace(p.Title + " " + p.Number)
	}
	if r := []rune(subject); len(r) > 100 {
		subject = string(r[:99]) + "…"
	}
	d := ticket.Draft{Type: typ, Subject: subject, Body: strings.Join(append([]string{text}, p.Summary...), "\n"), Language: p.Lang, Contact: p.Contact, Queue: p.Queue, Source: "bot", SourceRef: p.Ref}
	if p.Urgent {
		d.Priority = new(queue.Urgency)
		*d.Priority = queue.Urgent
	}
	return b.tickets.CreateOnce(ctx, p.Key, d, ticket.Actor{Name: "bot"})
}

// callable is a caller's number when it can be called.
func callable(from string) string {
	if strings.Trim(from, "+0123456789") != "" || len(from) < 3 {
		return ""
	}
	return from
}
