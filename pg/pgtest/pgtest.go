// Package pgtest gives each test its own fresh, migrated PostgreSQL database.
package pgtest

import (
	"testing"

	"tingxin/pg"
)

// New is a fresh, migrated database for one test, dropped when the test ends.
func New(t testing.TB) *pg.DB {
	t.Helper()
	t.Fatal("not there yet")
	return nil
}
