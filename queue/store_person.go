package queue

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// ErrOpen says that work of the person is not ended yet.
var ErrOpen = errors.New("work of this person is not ended")

const (
	// personal are the parts of a piece of work that say whose it is.
	personal = `item - 'number' - 'contact' - 'data' - 'callback'`
	ofPerson = ` (item ->> 'contact' = any($1) or item ->> 'number' = any($1) or item -> 'callback' ->> 'number' = any($1)) `
)

// ErasePerson takes a person out of ended work, in tx: keys are the person's ids of contacts and numbers.
// It returns how many rows it changed; ErrOpen while some of the work goes on.
func (s *Store) ErasePerson(ctx context.Context, tx pgx.Tx, keys []string) (int64, error) {
	var open bool
	err := tx.QueryRow(ctx, `select exists (select 1 from queue_work where phase <> 'ended' and`+ofPerson+`)`, keys).Scan(&open)
	if err != nil {
		return 0, fmt.Errorf("queue_work: %w", err)
	}
	if open {
		return 0, ErrOpen
	}
	tag, err := tx.Exec(ctx, `update queue_work set item = `+personal+` where`+ofPerson, keys)
	if err != nil {
		return 0, fmt.Errorf("queue_work: %w", err)
	}
	return tag.RowsAffected(), nil
}

// PersonHits is how much work still tells of the person.
func (s *Store) PersonHits(ctx context.Context, tx pgx.Tx, keys []string) (int64, error) {
	var n int64
	if err := tx.QueryRow(ctx, `select count(*) from queue_work where`+ofPerson, keys).Scan(&n); err != nil {
		return 0, fmt.Errorf("queue_work: %w", err)
	}
	return n, nil
}
