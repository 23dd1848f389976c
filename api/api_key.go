package api

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
)

const (
	// keyMark begins every key, so that scanners of secrets find one that was published.
	keyMark = "tx_"
	// keyPrefix is how many characters after the mark tell keys apart in lists.
	keyPrefix = 8
	// keyRandom is how many random bytes are in a key; that many need no slow hash.
	keyRandom = 32
	// maxKeys is how many living keys one user has.
	maxKeys = 20
)

// APIKey is a key by which a program does what its owner may, as far as its scopes go.
type APIKey struct {
	ID        int64      `json:"id"`
	Name      string     `json:"name"`
	Prefix    string     `json:"prefix" doc:"how the key begins"`
	Owner     string     `json:"owner" doc:"user name"`
	Scopes    []string   `json:"scopes"`
	CreatedBy string     `json:"created_by"`
	CreatedAt time.Time  `json:"created_at"`
	ExpiresAt *time.Time `json:"expires_at,omitempty" doc:"absent: never"`
	UsedAt    *time.Time `json:"used_at,omitempty" doc:"to the minute"`
	UsedFrom  string     `json:"used_from,omitempty" doc:"address"`
	RevokedAt *time.Time `json:"revoked_at,omitempty"`
	RevokedBy string     `json:"revoked_by,omitempty"`
}

// apiKeys is the table of them.
type apiKeys struct {
	db  *pg.DB
	now func() time.Time
}

const keyColumns = `k.id, k.name, k.prefix, u.username, k.scopes, k.created_by, k.created_at, k.expires_at, k.used_at, k.used_from, k.revoked_at, k.revoked_by`

func scanKey(row pgx.CollectableRow) (APIKey, error) {
	var k APIKey
	err := row.Scan(&k.ID, &k.Name, &k.Prefix, &k.Owner, &k.Scopes, &k.CreatedBy, &k.CreatedAt, &k.ExpiresAt, &k.UsedAt, &k.UsedFrom, &k.RevokedAt, &k.RevokedBy)
	k.CreatedAt = k.CreatedAt.UTC()
	for _, at := range []**time.Time{&k.ExpiresAt, &k.UsedAt, &k.RevokedAt} {
		if *at != nil {
			utc := (*at).UTC()
			*at = &utc
		}
	}
	return k, err
}

// make keeps a new key of a user and returns it whole, this once.
func (t apiKeys) make(ctx context.Context, tx pgx.Tx, owner User, name string, scopes []string, expires *time.Time, by string) (APIKey, string, error) {
	var living int
	// The owner's row is the lock: two requests at once do not both become the last one.
	if _, err := tx.Exec(ctx, `select 1 from users where id = $1::bigint for update`, owner.ID); err != nil {
		return APIKey{}, "", err
	}
	if err := tx.QueryRow(ctx, `select count(*) from api_keys where user_id = $1::bigint and revoked_at is null and (expires_at is null or expires_at > $2)`, owner.ID, t.now()).Scan(&living); err != nil {
		return APIKey{}, "", err
	}
	if living >= maxKeys {
		return APIKey{}, "", errManyKeys
	}
	token := keyMark + randomText(keyRandom)
	rows, err := tx.Query(ctx, `with k as (insert into api_keys (user_id, name, prefix, hash, scopes, created_by, created_at, expires_at)
		values ($1::bigint, $2, $3, $4, $5, $6, $7, $8) returning *) select `+keyColumns+` from k join users u on u.id = k.user_id`,
		owner.ID, name, token[:len(keyMark)+keyPrefix], tokenHash(token), scopes, by, t.now(), expires)
	if err != nil {
		return APIKey{}, "", err
	}
	k, err := pgx.CollectExactlyOneRow(rows, scanKey)
	return k, token, err
}

var errManyKeys = fmt.Errorf("a user has at most %d keys: revoke one first", maxKeys)

// list are the keys of one user, or of all when user is "", the newest first.
func (t apiKeys) list(ctx context.Context, user string) ([]APIKey, error) {
	return pg.Rows(ctx, t.db, scanKey, `select `+keyColumns+` from api_keys k join users u on u.id = k.user_id
		where $1 = '' or k.user_id = nullif($1, '')::bigint order by k.id desc limit 500`, user)
}

// revoke ends a key; of is the owner that it must have, any when "". ErrNotFound when there is no living one.
func (t apiKeys) revoke(ctx context.Context, tx pgx.Tx, id int64, of, by string) (APIKey, error) {
	rows, err := tx.Query(ctx, `with k as (update api_keys set revoked_at = $3, revoked_by = $4
		where id = $1 and ($2 = '' or user_id = nullif($2, '')::bigint) and revoked_at is null returning *)
		select `+keyColumns+` from k join users u on u.id = k.user_id`, id, of, t.now(), by)
	if err != nil {
		return APIKey{}, err
	}
	k, err := pgx.CollectExactlyOneRow(rows, scanKey)
	return k, pg.Map(err)
}

// find is a living key and its owner as a session, or pg.ErrNotFound. It notes the use, to the minute.
func (t apiKeys) find(ctx context.Context, token, address string) (*session, error) {
	if !strings.HasPrefix(token, keyMark) || len(token) > 128 {
		return nil, pg.ErrNotFound
	}
	s, err := t.byHash(ctx, tokenHash(token))
	if err != nil {
		return nil, err
	}
	if now := t.now(); s.seen.IsZero() || now.Sub(s.seen) >= seenEvery {
		if _, err := t.db.Exec(ctx, `update api_keys set used_at = greatest(used_at, $2), used_from = $3 where id = $1`, s.apiKey, now, address); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (t apiKeys) byHash(ctx context.Context, hash []byte) (*session, error) {
	return pg.Row(ctx, t.db, func(row pgx.CollectableRow) (*session, error) {
		s := &session{hash: hash}
		u := &s.User
		var used *time.Time
		err := row.Scan(&u.ID, &u.Username, &u.Name, &u.Role, &u.Language, &u.Disabled, &u.CreatedAt, &s.apiKey, &s.scopes, &s.created, &used, &s.reach, &s.hidden)
		if used != nil {
			s.seen = *used
		}
		return s, err
	}, `select u.id::text, u.username, u.name, u.role, u.language, u.disabled, u.created_at, k.id, k.scopes, k.created_at, k.used_at, coalesce(r.reach, '{}'), coalesce(r.hidden, '{}')
		from api_keys k join users u on u.id = k.user_id left join role_rules r on r.role = u.role
		where k.hash = $1 and k.revoked_at is null and (k.expires_at is null or k.expires_at > $2) and not u.disabled`, hash, t.now())
}
