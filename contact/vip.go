package contact

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
)

// VIPs are those of ids whose person is to be served first.
func (s *Store) VIPs(ctx context.Context, ids []int64) (map[int64]bool, error) {
	out := map[int64]bool{}
	if len(ids) == 0 {
		return out, nil
	}
	vips, err := pg.Rows(ctx, s.db, pgx.RowTo[int64], `select k.id from contacts k join contacts r on r.id = k.root where k.id = any($1) and r.vip`, ids)
	if err != nil {
		return nil, fmt.Errorf("contacts to be served first: %w", err)
	}
	for _, id := range vips {
		out[id] = true
	}
	return out, nil
}
