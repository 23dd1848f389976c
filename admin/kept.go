package admin

import (
	"context"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
)

// Some things are kept and judged elsewhere and only their versions are here: their
// owner's change and the version are written in one transaction.

// Keep writes, in tx, a new version of a thing that counts from now on. Nothing is
// written when it is as it was.
func (s *Store) Keep(ctx context.Context, tx pgx.Tx, ref Ref, d Doc, note, by string) error {
	if err := s.lock(ctx, tx); err != nil {
		return err
	}
	was, err := s.find(ctx, tx, ref.Kind, ref.Name, 0)
	if err != nil {
		return err
	}
	if was != nil && was.Live == was.Newest && len(differ(was.Doc, d)) == 0 {
		return nil
	}
	version, err := s.put(ctx, tx, ref.Kind, ref.Name, d, was, note, by)
	if err != nil {
		return err
	}
	return s.setLive(ctx, tx, ref.Kind, ref.Name, version)
}

// Back makes, in tx, an older version of a thing count and returns it; ErrNotFound for none.
func (s *Store) Back(ctx context.Context, tx pgx.Tx, ref Ref, version int) (Doc, error) {
	if err := s.lock(ctx, tx); err != nil {
		return nil, err
	}
	v, err := s.find(ctx, tx, ref.Kind, ref.Name, version)
	if err != nil {
		return nil, err
	}
	if v == nil {
		return nil, pg.ErrNotFound
	}
	return v.Doc, s.setLive(ctx, tx, ref.Kind, ref.Name, version)
}

// Forget takes, in tx, all versions of a thing away; one without versions is no error.
func (s *Store) Forget(ctx context.Context, tx pgx.Tx, ref Ref) error {
	_, err := tx.Exec(ctx, `delete from admin_items where kind = $1 and name = $2`, ref.Kind, ref.Name)
	return pg.Map(err)
}
