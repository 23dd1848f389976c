package pg

import (
	"context"
	"time"
)

// Listen hands the payload of each notification of a channel to f, in order, until ctx ends or the
// connection breaks, and returns why. It takes a connection of its own out of the pool. channel is
// a name of the program, not of anybody's input. What is told while nobody listens is lost: whoever
// must not miss anything looks at the rows as well.
func (d *DB) Listen(ctx context.Context, channel string, f func(payload string)) error {
	conn, err := d.pool.Acquire(ctx)
	if err != nil {
		return Map(err)
	}
	raw := conn.Hijack() // it listens, so nobody else may have it
	defer func() {
		last, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = raw.Close(last) // it is broken or not needed
	}()
	if _, err := raw.Exec(ctx, "listen "+channel); err != nil {
		return Map(err)
	}
	for {
		n, err := raw.WaitForNotification(ctx)
		if err != nil {
			return Map(err)
		}
		f(n.Payload)
	}
}
