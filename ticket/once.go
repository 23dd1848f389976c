package ticket

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
)

// CreateOnce is Create, unless a ticket was made with this key before: then it is that one.
func (s *Service) CreateOnce(ctx context.Context, key string, d Draft, by Actor) (Ticket, error) {
	if key == "" {
		return s.Create(ctx, d, by)
	}
	hours, err := s.calendars(ctx)
	if err != nil {
		return Ticket{}, err
	}
	var t Ticket
	var before ID
	err = s.db.Tx(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock(hashtextextended('tingxin.ticket:' || $1, 7))`, key); err != nil {
			return err
		}
		var err error
		if before, err = pg.TxRow(ctx, tx, pgx.RowTo[ID], `select ticket_id from ticket_keys where key = $1`, key); !errors.Is(err, pg.ErrNotFound) {
			return err
		}
		if t, err = s.create(ctx, tx, hours, d, by); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `insert into ticket_keys (key, ticket_id) values ($1, $2)`, key, t.ID)
		return err
	})
	if err != nil {
		return t, failed("create", 0, err)
	}
	if before != 0 {
		return s.Get(ctx, before)
	}
	s.Announce(t, by)
	return t, nil
}

// Made tells whether a ticket was made with this key.
func (s *Service) Made(ctx context.Context, key string) (bool, error) {
	made, err := pg.Row(ctx, s.db, pgx.RowTo[bool], `select exists (select from ticket_keys where key = $1)`, key)
	if err != nil {
		return false, fmt.Errorf("look for a ticket by its key: %w", err)
	}
	return made, nil
}
