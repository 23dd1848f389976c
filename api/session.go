package api

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
	"tingxin/team"
)

// cookieName is the session cookie. It holds 32 random bytes; the database holds their hash only.
const cookieName = "tingxin_session"

// seenEvery is how exactly the last request of a session is remembered.
const seenEvery = time.Minute

// session is one sign-in, or one key of a program.
type session struct {
	User    User
	CSRF    string
	hash    []byte
	created time.Time
	seen    time.Time
	address string // where it was opened
	agent   string // the browser's own name
	locked  bool   // idle: only the password opens it again
	outside bool   // opened by the identity provider
	factor  bool   // the user has a second factor

	reach  map[team.Noun]team.Reach // of the role; empty sees all
	hidden []team.Field             // from the role

	apiKey int64    // of a program; 0: a person at a browser
	scopes []string // of that key
}

// keyFeed begins the names of keys on the live feed.
const keyFeed = "key:"

// key names the session to the live feed; it is not the cookie.
func (s *session) key() string {
	if s.apiKey != 0 {
		return keyFeed + hex.EncodeToString(s.hash)
	}
	return hex.EncodeToString(s.hash)
}

// id names the session to its owner: the beginning of its hash.
func (s *session) id() string { return hex.EncodeToString(s.hash)[:sessionIDLen] }

const sessionIDLen = 16

// sessions is the table of sign-ins.
type sessions struct {
	db        *pg.DB
	idle, max time.Duration
	now       func() time.Time
}

func tokenHash(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}

// open makes a session and returns its cookie value.
func (t *sessions) open(ctx context.Context, tx pgx.Tx, u User, address, agent string, outside bool) (token string, s session, err error) {
	token = randomText(32)
	s = session{User: u, CSRF: randomText(18), hash: tokenHash(token), created: t.now(), seen: t.now(), outside: outside}
	err = tx.QueryRow(ctx, `insert into sessions (token_hash, user_id, csrf, address, user_agent, created_at, seen_at, outside) values ($1, $2::bigint, $3, $4, $5, $6, $6, $7)
		returning exists (select 1 from second_factors where user_id = $2::bigint and confirmed_at is not null),
			coalesce((select reach from role_rules where role = $8), '{}'), coalesce((select hidden from role_rules where role = $8), '{}')`,
		s.hash, u.ID, s.CSRF, address, agent, s.created, outside, string(u.Role)).Scan(&s.factor, &s.reach, &s.hidden)
	return token, s, err
}

// find is the living session of a cookie, or pg.ErrNotFound. It notes that it was seen.
func (t *sessions) find(ctx context.Context, token string) (*session, error) {
	s, err := t.byHash(ctx, tokenHash(token))
	if err != nil {
		return nil, err
	}
	if now := t.now(); now.Sub(s.seen) >= seenEvery {
		if _, err := t.db.Exec(ctx, `update sessions set seen_at = greatest(seen_at, $2) where token_hash = $1`, s.hash, now); err != nil {
			return nil, err
		}
		s.seen = now
	}
	return s, nil
}

// byHash is a living session, without noting that it was seen.
func (t *sessions) byHash(ctx context.Context, hash []byte) (*session, error) {
	s, err := pg.Row(ctx, t.db, func(row pgx.CollectableRow) (*session, error) {
		s := &session{hash: hash}
		u := &s.User
		err := row.Scan(&u.ID, &u.Username, &u.Name, &u.Role, &u.Language, &u.Disabled, &u.CreatedAt, &s.CSRF, &s.created, &s.seen, &s.locked, &s.outside, &s.factor, &s.reach, &s.hidden)
		return s, err
	}, `select u.id::text, u.username, u.name, u.role, u.language, u.disabled, u.created_at, s.csrf, s.created_at, s.seen_at, s.locked_at is not null, s.outside,
			exists (select 1 from second_factors f where f.user_id = u.id and f.confirmed_at is not null), coalesce(r.reach, '{}'), coalesce(r.hidden, '{}')
		from sessions s join users u on u.id = s.user_id left join role_rules r on r.role = u.role where s.token_hash = $1 and not u.disabled`, hash)
	if err != nil {
		return nil, err
	}
	now := t.now()
	if now.Sub(s.seen) > t.idle || now.Sub(s.created) > t.max {
		return nil, pg.ErrNotFound
	}
	return s, nil
}

// of are the living sessions of a user, the last seen first.
func (t *sessions) of(ctx context.Context, user string) ([]*session, error) {
	now := t.now()
	return pg.Rows(ctx, t.db, func(row pgx.CollectableRow) (*session, error) {
		s := &session{}
		err := row.Scan(&s.hash, &s.address, &s.agent, &s.created, &s.seen, &s.locked, &s.outside)
		return s, err
	}, `select token_hash, address, user_agent, created_at, seen_at, locked_at is not null, outside from sessions
		where user_id = $1::bigint and seen_at >= $2 and created_at >= $3 order by seen_at desc limit 200`, user, now.Add(-t.idle), now.Add(-t.max))
}

// endOne removes one session of a user by its id and returns its key; ErrNotFound when there is none.
func (t *sessions) endOne(ctx context.Context, tx pgx.Tx, user, id string) (string, error) {
	var key string
	err := tx.QueryRow(ctx, `delete from sessions where user_id = $1::bigint and left(encode(token_hash, 'hex'), $2) = $3 returning encode(token_hash, 'hex')`, user, sessionIDLen, id).Scan(&key)
	return key, pg.Map(err)
}

// lock shuts a session until the password is given again, or opens it.
func (t *sessions) lock(ctx context.Context, hash []byte, locked bool) error {
	var at *time.Time
	if now := t.now(); locked {
		at = &now
	}
	_, err := t.db.Exec(ctx, `update sessions set locked_at = $2 where token_hash = $1`, hash, at)
	return err
}

// end removes a session.
func (t *sessions) end(ctx context.Context, hash []byte) error {
	_, err := t.db.Exec(ctx, `delete from sessions where token_hash = $1`, hash)
	return err
}

// endAll removes the sessions of a user in tx but for one and returns their keys.
func (t *sessions) endAll(ctx context.Context, tx pgx.Tx, user string, except []byte) ([]string, error) {
	rows, err := tx.Query(ctx, `delete from sessions where user_id = $1::bigint and ($2::bytea is null or token_hash <> $2) returning encode(token_hash, 'hex')`, user, except)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// expire removes what is over; returns how many.
func (t *sessions) expire(ctx context.Context) (int64, error) {
	now := t.now()
	return t.db.Exec(ctx, `delete from sessions where seen_at < $1 or created_at < $2`, now.Add(-t.idle), now.Add(-t.max))
}

func sameText(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
