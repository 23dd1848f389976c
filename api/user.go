package api

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
)

// User is somebody who may sign in.
type User struct {
	ID        string    `json:"id"`
	Username  string    `json:"username"`
	Name      string    `json:"name"`
	Role      Role      `json:"role" enum:"agent,senior,editor,supervisor,quality,analyst,auditor,admin"`
	Language  string    `json:"language" doc:"BCP 47; empty follows the browser"`
	Disabled  bool      `json:"disabled"`
	CreatedAt time.Time `json:"created_at"`
}

// errLastAdmin keeps the door open: somebody must be able to let others in.
var errLastAdmin = errors.New("the last administrator must stay one")

// users is the table of users.
type users struct {
	db *pg.DB
}

const userColumns = `id::text, username, name, role, language, disabled, created_at`

func scanUser(row pgx.CollectableRow) (User, error) {
	var u User
	err := row.Scan(&u.ID, &u.Username, &u.Name, &u.Role, &u.Language, &u.Disabled, &u.CreatedAt)
	return u, err
}

// withHash is a user and the hash of the password.
type withHash struct {
	User
	hash string
}

// byName finds an account that may sign in; ErrNotFound for unknown and disabled ones.
func (t users) byName(ctx context.Context, username string) (withHash, error) {
	return pg.Row(ctx, t.db, func(row pgx.CollectableRow) (withHash, error) {
		var u withHash
		err := row.Scan(&u.ID, &u.Username, &u.Name, &u.Role, &u.Language, &u.Disabled, &u.CreatedAt, &u.hash)
		return u, err
	}, `select `+userColumns+`, password_hash from users where username = $1 and not disabled`, canonical(username))
}

// canonical is how a user name is kept: lower case without space around it.
func canonical(username string) string {
	return strings.ToLower(strings.TrimSpace(strings.ToValidUTF8(strings.ReplaceAll(username, "\x00", ""), "")))
}

func (t users) all(ctx context.Context) ([]User, error) {
	return pg.Rows(ctx, t.db, scanUser, `select `+userColumns+` from users order by username`)
}

func (t users) count(ctx context.Context) (int, error) {
	return pg.Row(ctx, t.db, pgx.RowTo[int], `select count(*)::int from users`)
}

// change is what a PATCH may set; nil leaves it.
type change struct {
	name, language, hash *string
	role                 *Role
	disabled             *bool
}

// ends tells whether the change ends the user's sessions.
func (c *change) ends() bool { return c.hash != nil || c.role != nil || c.disabled != nil }

// update changes a user in tx and never leaves the house without an administrator.
func (t users) update(ctx context.Context, tx pgx.Tx, id string, c change) (User, error) {
	// One lock for all: two administrators may not demote each other at once.
	if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock(hashtext('tingxin.users'))`); err != nil {
		return User{}, err
	}
	var role *string
	if c.role != nil {
		r := string(*c.role)
		role = &r
	}
	rows, err := tx.Query(ctx, `update users set name = coalesce($2, name), language = coalesce($3, language), role = coalesce($4, role),
		disabled = coalesce($5, disabled), password_hash = coalesce($6, password_hash), updated_at = now()
		where id = $1::bigint returning `+userColumns, id, c.name, c.language, role, c.disabled, c.hash)
	if err != nil {
		return User{}, err
	}
	u, err := pgx.CollectExactlyOneRow(rows, scanUser)
	if err != nil {
		return User{}, err
	}
	if c.role == nil && c.disabled == nil {
		return u, nil
	}
	var admins int
	if err := tx.QueryRow(ctx, `select count(*)::int from users where role = 'admin' and not disabled`).Scan(&admins); err != nil {
		return User{}, err
	}
	if admins == 0 {
		return User{}, errLastAdmin
	}
	return u, nil
}

func (t users) insert(ctx context.Context, tx pgx.Tx, u User, hash string) (User, error) {
	rows, err := tx.Query(ctx, `insert into users (username, name, role, language, password_hash) values ($1, $2, $3, $4, $5) returning `+userColumns,
		canonical(u.Username), u.Name, string(u.Role), u.Language, hash)
	if err != nil {
		return User{}, err
	}
	return pgx.CollectExactlyOneRow(rows, scanUser)
}

// EnsureAdmin makes the first administrator when there is no user at all. The
// password is the configured one or random; the caller shows it once, it is kept
// nowhere. created is false when somebody is there already.
func (s *Server) EnsureAdmin(ctx context.Context) (username, password string, created bool, err error) {
	n, err := s.users.count(ctx)
	if err != nil || n > 0 {
		return "", "", false, err
	}
	username, password = canonical(s.cfg.Admin.Username), s.cfg.Admin.Password
	if password == "" {
		password = randomText(15)
	}
	if wrong := acceptable(password); wrong != "" {
		return "", "", false, fmt.Errorf("api.admin.password: %s", wrong)
	}
	hash, err := s.passwords.hash(ctx, password)
	if err != nil {
		return "", "", false, err
	}
	err = s.db.Tx(ctx, func(tx pgx.Tx) error {
		u, err := s.users.insert(ctx, tx, User{Username: username, Name: "Administrator", Role: RoleAdmin}, hash)
		if err != nil {
			return err
		}
		return s.audit.add(ctx, tx, entry{Actor: systemActor, Action: actUserCreated, Subject: userSubject(u.ID), Detail: map[string]any{"role": u.Role}})
	})
	if err == nil {
		s.people.changed(ctx)
	}
	if errors.Is(err, pg.ErrConflict) { // another server of the same database was faster
		return "", "", false, nil
	}
	return username, password, err == nil, err
}
