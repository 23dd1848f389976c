package pg

import (
	"context"

	"github.com/jackc/pgx/v5"
)

type causeKey struct{}

// WithCause has every transaction of DB.Tx under this context say why it is made, in the setting
// tingxin.cause, which triggers read.
func WithCause(ctx context.Context, cause string) context.Context {
	return context.WithValue(ctx, causeKey{}, cause)
}

// tellCause begins a transaction with its cause, if there is one.
func tellCause(ctx context.Context, tx pgx.Tx) error {
	cause, _ := ctx.Value(causeKey{}).(string)
	if cause == "" {
		return nil
	}
	_, err := tx.Exec(ctx, `select set_config('tingxin.cause', $1, true)`, cause)
	return err
}
