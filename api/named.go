package api

import (
	"context"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
	"tingxin/queue"
)

// namesQueues is a problem when one of the names is of no queue; it says which there are.
func (s *Server) namesQueues(ctx context.Context, names ...string) error {
	return s.problem(ctx, queue.NewStore(s.db).Named(ctx, names...))
}

// notErased is a problem when a person was erased.
func (s *Server) notErased(ctx context.Context, person int64) error {
	if person == 0 {
		return nil
	}
	erased, err := pg.Row(ctx, s.db, pgx.RowTo[bool], `select exists (select from contacts where id = $1 and erased_at is not null)`, person)
	if err == nil && erased {
		err = pg.ErrErased
	}
	return s.problem(ctx, err)
}
