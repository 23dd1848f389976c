package main

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"tingxin/bot"
	"tingxin/call"
	"tingxin/chat"
	"tingxin/contact"
	"tingxin/queue"
	"tingxin/ticket"
)

// botPromises keeps what customers of the bot choose instead of waiting: a message
// becomes a ticket, a call-back a place in the queue or, while it is closed or full, a ticket too.
type botPromises struct{ s *server }

var _ bot.Promises = botPromises{}

// Message implements bot.Promises.
func (b botPromises) Message(ctx context.Context, p bot.Promise) (int64, error) {
	p.Queue = b.queueOf(ctx, p)
	t, err := b.ticket(ctx, "question", p, p.Text)
	return int64(t.ID), err
}

// CallBack implements bot.Promises.
func (b botPromises) CallBack(ctx context.Context, p bot.Promise) error {
	number, err := b.s.callable(p.Number)
	if err != nil {
		return err
	}
	p.Number, p.Queue = number, b.queueOf(ctx, p)
	made, err := b.s.tickets.Made(ctx, p.Key)
	if err != nil || made {
		return err
	}
	if m := b.s.alive.Load(); m != nil {
		urgency := queue.Normal
		if p.Urgent {
			urgency = queue.Urgent
		}
		_, err := m.AddCallbackOnce(ctx, p.Key, queue.QueueID(p.Queue), p.Number, urgency, call.Asked{About: p.Title, Said: p.Summary})
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

// queueOf is the queue of the site where somebody wrote, when it has one of its own.
func (b botPromises) queueOf(ctx context.Context, p bot.Promise) string {
	id, chats := strings.CutPrefix(p.Ref, "conversation:")
	n, err := strconv.ParseInt(id, 10, 64)
	if !chats || err != nil {
		return p.Queue
	}
	return siteChats{b.s.chat, b.s}.queueOf(ctx, chat.ID(n), p.Queue)
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
	return b.s.tickets.CreateOnce(ctx, p.Key, d, ticket.Actor{Name: "bot"})
}

// fewestDigits of a number to call back: shorter ones are services.
const fewestDigits = 7

// callable is a number that a customer gave, as it is dialled to call them back. The error is a bot.ErrNumber.
func (s *server) callable(number string) (string, error) {
	number, err := contact.Normalise(contact.KindPhone, number, s.cfg.Contact.Region)
	if err != nil || len(strings.TrimPrefix(number, "+")) < fewestDigits {
		return "", bot.ErrNumber
	}
	return number, nil
}

// dialled is a caller's number when it can be called.
func dialled(from string) string {
	if strings.Trim(from, "+0123456789") != "" || len(from) < 3 {
		return ""
	}
	return from
}
