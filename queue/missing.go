package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
)

// MissingError says that a queue which somebody named is not there, and which are.
type MissingError struct {
	Queue string
	There []string
}

// mostNamed bounds how many queues an error names.
const mostNamed = 20

func (e *MissingError) Error() string {
	there := slices.Sorted(slices.Values(e.There))
	switch n := len(there); {
	case n == 0:
		return fmt.Sprintf("there is no queue %.64q, nor any other yet", e.Queue)
	case n > mostNamed:
		return fmt.Sprintf("there is no queue %.64q; there are %s and %d more", e.Queue, strings.Join(there[:mostNamed], ", "), n-mostNamed)
	case n == 1:
		return fmt.Sprintf("there is no queue %.64q; there is %s", e.Queue, there[0])
	}
	return fmt.Sprintf("there is no queue %.64q; there are %s", e.Queue, strings.Join(there, ", "))
}

// Named is a *MissingError when one of the names is of no queue. Empty names are of none in particular.
func (s *Store) Named(ctx context.Context, names ...string) error {
	if !slices.ContainsFunc(names, func(n string) bool { return n != "" }) {
		return nil
	}
	there, err := pg.Rows(ctx, s.db, pgx.RowTo[string], `select id from queues order by id`)
	if err != nil {
		return err
	}
	for _, n := range names {
		if n != "" && !slices.Contains(there, n) {
			return &MissingError{n, there}
		}
	}
	return nil
}

// Gone are those of the names that are of no queue now, each once.
func (s *Store) Gone(ctx context.Context, names ...string) ([]string, error) {
	return pg.Rows(ctx, s.db, pgx.RowTo[string], `select distinct n from unnest($1::text[]) n where n <> '' and not exists (select from queues q where q.id = n) order by n`, names)
}

// Known is Named for who asks about the past: queues that were taken away are known, too.
func (s *Store) Known(ctx context.Context, names ...string) error {
	err := s.Named(ctx, names...)
	var missing *MissingError
	if !errors.As(err, &missing) {
		return err
	}
	past, err := pg.Rows(ctx, s.db, pgx.RowTo[string], `select id from past_queues where id = any($1)`, names)
	if err != nil {
		return err
	}
	for _, n := range names {
		if n != "" && !slices.Contains(past, n) && !slices.Contains(missing.There, n) {
			return &MissingError{n, missing.There}
		}
	}
	return nil
}
