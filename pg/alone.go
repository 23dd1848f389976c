package pg

import (
	"context"
	"time"
)

// Alone runs f while it holds a lock of the database by this name; ok is false, and f did not run, when somebody
// else holds it. The lock is a connection of its own out of the pool: when that breaks while f runs, others may begin.
func (d *DB) Alone(ctx context.Context, name string, f func(context.Context) error) (ok bool, err error) {
	conn, err := d.pool.Acquire(ctx)
	if err != nil {
		return false, Map(err)
	}
	raw := conn.Hijack() // closing it frees the lock, whatever happened before
	defer func() {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		if ok { // at once: the server notices a closed connection some time later
			_, _ = raw.Exec(last, `select pg_advisory_unlock(hashtextextended('tingxin.alone:' || $1, 0))`, name)
		}
		_ = raw.Close(last)
	}()
	if err := raw.QueryRow(ctx, `select pg_try_advisory_lock(hashtextextended('tingxin.alone:' || $1, 0))`, name).Scan(&ok); err != nil || !ok {
		return false, Map(err)
	}
	return true, f(ctx)
}
