package api

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
)

// Wrong guesses that are free within the window; each further one doubles the wait.
const (
	freePerAccount = 5
	freePerAddress = 20
	guessWindow    = 15 * time.Minute
	firstWait      = 15 * time.Second
	longestWait    = 15 * time.Minute
)

// throttle slows guessing down per account and per address. It counts before the
// password is looked at, so that many guesses at once are counted too, and it
// treats names that do not exist alike.
type throttle struct {
	db  *pg.DB
	now func() time.Time
}

func throttleKey(kind, value string) []byte {
	sum := sha256.Sum256([]byte(kind + ":" + value))
	return sum[:]
}

// take counts one guess and returns how long to wait when there were too many
// before; a guess that has to wait is not counted.
func (t *throttle) take(ctx context.Context, account, address string) (wait time.Duration, err error) {
	err = t.db.Tx(ctx, func(tx pgx.Tx) error {
		// Always account first: two guesses never wait for each other in a circle.
		byAccount, err := t.count(ctx, tx, throttleKey("account", account), freePerAccount)
		if err != nil || byAccount > 0 {
			wait = byAccount
			return err
		}
		wait, err = t.count(ctx, tx, throttleKey("address", address), freePerAddress)
		return err
	})
	return wait, err
}

// count adds a guess to one key under its row's lock.
func (t *throttle) count(ctx context.Context, tx pgx.Tx, key []byte, free int) (time.Duration, error) {
	now := t.now()
	if _, err := tx.Exec(ctx, `insert into login_failures (key, failures, last_at) values ($1, 0, $2) on conflict (key) do nothing`, key, now); err != nil {
		return 0, err
	}
	var failures int
	var last time.Time
	var until *time.Time
	if err := tx.QueryRow(ctx, `select failures, last_at, locked_until from login_failures where key = $1 for update`, key).Scan(&failures, &last, &until); err != nil {
		return 0, err
	}
	if until != nil && until.After(now) {
		return until.Sub(now), nil
	}
	if now.Sub(last) > guessWindow {
		failures = 0
	}
	failures++
	_, err := tx.Exec(ctx, `update login_failures set failures = $2, last_at = $3, locked_until = $4 where key = $1`, key, failures, now, lockedUntil(now, failures, free))
	return 0, err
}

// lockedUntil is when the next guess may come, nil for at once.
func lockedUntil(now time.Time, failures, free int) *time.Time {
	if failures < free {
		return nil
	}
	until := now.Add(min(firstWait<<min(failures-free, 10), longestWait))
	return &until
}

// forgive takes back what a right password had counted: all of the account's guesses, one of the address's.
func (t *throttle) forgive(ctx context.Context, account, address string) error {
	return t.db.Tx(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `delete from login_failures where key = $1`, throttleKey("account", account)); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `update login_failures set failures = greatest(failures - 1, 0),
			locked_until = case when failures - 1 < $2 then null else locked_until end where key = $1`, throttleKey("address", address), freePerAddress)
		return err
	})
}

// expire removes counts that no longer matter.
func (t *throttle) expire(ctx context.Context) (int64, error) {
	return t.db.Exec(ctx, `delete from login_failures where last_at < $1 and coalesce(locked_until, last_at) < $1`, t.now().Add(-guessWindow))
}
