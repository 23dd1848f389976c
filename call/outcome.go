package call

import (
	"context"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
)

// Outcome is a call with how an agent said it went.
type Outcome struct{ CallID, Disposition string }

// Outcomes are the last ones that agents chose, newest first.
func (s *Store) Outcomes(ctx context.Context, limit int) ([]Outcome, error) {
	all, err := pg.Rows(ctx, s.db, pgx.RowToStructByPos[Outcome], `select call_id::text, disposition from wrap_ups where disposition <> '' order by updated_at desc limit $1`, limit)
	return all, named("outcomes of", "calls", err)
}
