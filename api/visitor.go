package api

import (
	"context"
	"errors"
	"io"

	"github.com/jackc/pgx/v5"

	"tingxin/contact"
	"tingxin/pg"
)

// What customers do with their own data without a login, by a channel that knows
// who they are. Each act has its audit row first: no row, no data.

// visitorActor stands in the audit log for a customer.
const visitorActor = "customer"

// ExportOwn writes the archive of a person who asked for it on a channel.
func (s *Server) ExportOwn(ctx context.Context, id contact.ID, address string, w io.Writer) error {
	e := entry{Actor: visitorActor, Action: actContactExported, Subject: contactSubject(id), Address: address, Detail: map[string]any{"own": true}}
	if err := s.audit.write(ctx, e); err != nil {
		return err
	}
	return s.contacts.Export(ctx, id, true, w)
}

// ErrNoJobs says that this server does no jobs.
var ErrNoJobs = errors.New("this server does no jobs")

// EraseOwn asks for a person to be erased who wants it. Asked twice, it is done once.
func (s *Server) EraseOwn(ctx context.Context, id contact.ID, address string) error {
	if s.parts.Jobs == nil {
		return ErrNoJobs
	}
	err := s.db.Tx(ctx, func(tx pgx.Tx) error {
		j, err := s.contacts.RequestErase(ctx, tx, id, visitorActor, "request")
		if err != nil {
			return err
		}
		e := entry{Actor: visitorActor, Action: actContactEraseRequested, Subject: contactSubject(id), Address: address, Detail: map[string]any{"job": j.ID, "reason": "request", "own": true}}
		if err := s.audit.add(ctx, tx, e); err != nil {
			return err
		}
		return s.parts.Jobs.Insert(ctx, tx, contact.EraseArgs{Job: j.ID})
	})
	if errors.Is(err, pg.ErrConflict) {
		return nil
	}
	return err
}

// AuditOwn writes an audit row for another act of a customer on the own data.
func (s *Server) AuditOwn(ctx context.Context, action act, id contact.ID, address string) error {
	return s.audit.write(ctx, entry{Actor: visitorActor, Action: action, Subject: contactSubject(id), Address: address, Detail: map[string]any{"own": true}})
}
