package feedback

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
)

// Link opens one ticket or one question to the customer who has its address.
type Link struct {
	ID        int64     `json:"id"`
	Kind      string    `json:"kind" enum:"ticket,case,survey"`
	Object    int64     `json:"object"`
	MadeBy    string    `json:"made_by"`
	MadeAt    time.Time `json:"made_at"`
	ExpiresAt time.Time `json:"expires_at"`
	RevokedAt time.Time `json:"revoked_at,omitzero"`
	UsedAt    time.Time `json:"used_at,omitzero"`
	Uses      int       `json:"uses"`
	Token     string    `json:"token,omitempty" doc:"shown once, when it is made"`
}

// Kinds of links.
const (
	LinkTicket = "ticket"
	LinkCase   = "case"
	LinkSurvey = "survey"
)

const (
	linkLife = 30 * 24 * time.Hour
	maxLinks = 50                  // open ones of one object
	linkKept = 90 * 24 * time.Hour // after it was over, for whoever asks who had opened it
)

const linkColumns = `id, kind, object_id, made_by, made_at, expires_at, revoked_at, used_at, uses`

func scanLink(row pgx.CollectableRow) (Link, error) {
	var l Link
	var revoked, used *time.Time
	err := row.Scan(&l.ID, &l.Kind, &l.Object, &l.MadeBy, &l.MadeAt, &l.ExpiresAt, &revoked, &used, &l.Uses)
	l.MadeAt, l.ExpiresAt, l.RevokedAt, l.UsedAt = l.MadeAt.UTC(), l.ExpiresAt.UTC(), pg.Moment(revoked), pg.Moment(used)
	return l, err
}

// MakeLink makes an address for 30 days. The token has 130 random bits; the database knows its hash only.
func (s *Service) MakeLink(ctx context.Context, kind string, object int64, by string) (Link, error) {
	token := rand.Text()
	sum := sha256.Sum256([]byte(token))
	now := s.now()
	var l Link
	err := s.db.Tx(ctx, func(tx pgx.Tx) error {
		var n int
		if err := tx.QueryRow(ctx, `select count(*) from customer_links where kind = $1 and object_id = $2 and revoked_at is null and expires_at > $3`, kind, object, now).Scan(&n); err != nil {
			return err
		}
		if n >= maxLinks {
			return invalid("link", "there are 50 open links already: revoke some")
		}
		var err error
		l, err = pg.TxRow(ctx, tx, scanLink, `insert into customer_links (hash, kind, object_id, made_by, made_at, expires_at) values ($1, $2, $3, $4, $5, $6) returning `+linkColumns,
			sum[:], kind, object, by, now, now.Add(linkLife))
		return err
	})
	if err != nil {
		return l, fmt.Errorf("make a link: %w", err)
	}
	l.Token = token
	return l, nil
}

// doors are where the pages of customers begin, by kind of link; package api serves them.
var doors = map[string]string{LinkTicket: "/t/", LinkCase: "/c/", LinkSurvey: "/q/"}

// OpenLink finds what a token opens; pg.ErrNotFound for one that never was, is over or was revoked.
func (s *Service) OpenLink(ctx context.Context, token string) (Link, error) {
	if len(token) != 26 { // of rand.Text
		return Link{}, pg.ErrNotFound
	}
	sum := sha256.Sum256([]byte(token))
	return pg.Row(ctx, s.db, scanLink, `update customer_links set used_at = $2, uses = uses + 1 where hash = $1 and revoked_at is null and expires_at > $2 returning `+linkColumns, sum[:], s.now())
}

// dropLinks removes links that were over long ago.
func (s *Service) dropLinks(ctx context.Context) error {
	_, err := s.db.Exec(ctx, `delete from customer_links where id in (select id from customer_links where expires_at < $1 order by expires_at limit $2)`, s.now().Add(-linkKept), batch)
	if err != nil {
		return fmt.Errorf("old links: %w", err)
	}
	return nil
}

// Links are those of an object, newest first.
func (s *Service) Links(ctx context.Context, kind string, object int64) ([]Link, error) {
	return pg.Rows(ctx, s.db, scanLink, `select `+linkColumns+` from customer_links where kind = $1 and object_id = $2 order by id desc limit 100`, kind, object)
}

// RevokeLink closes an address for good.
func (s *Service) RevokeLink(ctx context.Context, kind string, object, id int64) error {
	n, err := s.db.Exec(ctx, `update customer_links set revoked_at = coalesce(revoked_at, $4) where id = $3 and kind = $1 and object_id = $2`, kind, object, id, s.now())
	if err == nil && n == 0 {
		err = pg.ErrNotFound
	}
	return err
}
