package api

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
	"tingxin/queue"
)

// namesQueues is a problem when one of the names is of no queue; it says which there are.
func (s *Server) namesQueues(ctx context.Context, names ...string) error {
	return s.problem(ctx, queue.NewStore(s.db).Named(ctx, names...))
}

// knowsQueues is namesQueues for who looks at what was: queues that were taken away may be named, too.
func (s *Server) knowsQueues(ctx context.Context, names ...string) error {
	return s.problem(ctx, queue.NewStore(s.db).Known(ctx, names...))
}

// goneQueues finds the queues that are there no more in what each of n things names.
func (s *Server) goneQueues(ctx context.Context, n int, names func(i int) []string) ([][]string, error) {
	of, all := make([][]string, n), []string(nil)
	for i := range of {
		of[i] = names(i)
		all = append(all, of[i]...)
	}
	gone, err := queue.NewStore(s.db).Gone(ctx, all...)
	for i := range of {
		of[i] = slices.DeleteFunc(of[i], func(q string) bool { return !slices.Contains(gone, q) })
	}
	return of, err
}

// zoneOf is the time zone of the query parameter zone; the server's own is none that a client can name.
func zoneOf(name string) (*time.Location, error) {
	zone, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		return nil, unfitField("query.zone", "zone is no time zone; write one such as UTC or Asia/Shanghai")
	}
	return zone, nil
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
