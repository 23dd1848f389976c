package admin

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
)

// Kiosk is a wallboard that shows figures without a login. It can do nothing else.
type Kiosk struct {
	ID        int64
	Name      string
	Queues    []string // none shows all
	Names     bool     // of agents too
	CreatedBy string
	CreatedAt time.Time
	SeenAt    *time.Time
	RevokedAt *time.Time
}

const (
	maxKiosks    = 100
	kioskColumns = `id, name, queues, names, created_by, created_at, seen_at, revoked_at`
)

// Kiosks are all of them that were not revoked, by name.
func (s *Store) Kiosks(ctx context.Context) ([]Kiosk, error) {
	return pg.Rows(ctx, s.db, pgx.RowToStructByPos[Kiosk], `select `+kioskColumns+` from kiosks where revoked_at is null order by name, id`)
}

// AddKiosk makes a wallboard and its token, which is told this once and kept as a hash.
func (s *Store) AddKiosk(ctx context.Context, tx pgx.Tx, k Kiosk) (id int64, token string, err error) {
	var n int
	if err := tx.QueryRow(ctx, `select count(*)::int from kiosks where revoked_at is null`).Scan(&n); err != nil {
		return 0, "", pg.Map(err)
	}
	if n >= maxKiosks {
		return 0, "", Faults{{"", Range, "there are 100 wallboards already: revoke one first"}}
	}
	token = rand.Text() + rand.Text()
	sum := sha256.Sum256([]byte(token))
	if k.Queues == nil {
		k.Queues = []string{}
	}
	err = tx.QueryRow(ctx, `insert into kiosks (name, token_hash, queues, names, created_by, created_at) values ($1, $2, $3, $4, $5, $6) returning id`, k.Name, sum[:], k.Queues, k.Names, k.CreatedBy, k.CreatedAt).Scan(&id)
	return id, token, pg.Map(err)
}

// RevokeKiosk ends a wallboard at once.
func (s *Store) RevokeKiosk(ctx context.Context, tx pgx.Tx, id int64, now time.Time) error {
	tag, err := tx.Exec(ctx, `update kiosks set revoked_at = $2 where id = $1 and revoked_at is null`, id, now)
	if err == nil && tag.RowsAffected() == 0 {
		return pg.ErrNotFound
	}
	return pg.Map(err)
}

// FindKiosk is the wallboard of a token, ErrNotFound for none or a revoked one. It notes
// once a minute that it was seen.
func (s *Store) FindKiosk(ctx context.Context, token string, now time.Time) (Kiosk, error) {
	sum := sha256.Sum256([]byte(token))
	k, err := pg.Row(ctx, s.db, pgx.RowToStructByPos[Kiosk], `select `+kioskColumns+` from kiosks where token_hash = $1 and revoked_at is null`, sum[:])
	if err != nil {
		return k, err
	}
	if k.SeenAt == nil || now.Sub(*k.SeenAt) > time.Minute {
		_, err = s.db.Exec(ctx, `update kiosks set seen_at = $2 where id = $1`, k.ID, now)
	}
	return k, err
}

// SeeKiosk is a wallboard that is open; it notes that it was seen. ErrNotFound for a revoked one.
func (s *Store) SeeKiosk(ctx context.Context, id int64, now time.Time) (Kiosk, error) {
	return pg.Row(ctx, s.db, pgx.RowToStructByPos[Kiosk], `update kiosks set seen_at = $2 where id = $1 and revoked_at is null returning `+kioskColumns, id, now)
}
