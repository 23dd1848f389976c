package pg_test

import (
	"context"
	"testing"

	"tingxin/pg/pgtest"
)

// What one has done alone the next may do at once.
func TestAloneIsFreeAtOnce(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	for n := range 50 {
		held := false
		ok, err := db.Alone(t.Context(), "work", func(ctx context.Context) error {
			other, err := db.Alone(ctx, "work", func(context.Context) error { return nil })
			held = !other
			return err
		})
		if err != nil || !ok || !held {
			t.Fatalf("try %d: %t, held %t, %v", n, ok, held, err)
		}
	}
}
