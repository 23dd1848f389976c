package pg

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"log/slog"

	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

// The schema's history. A file that was released is never changed; a new one is added.
//
//go:embed migrations/*.sql
var migrations embed.FS

// riverMigration is the number of the step that makes River's tables. It is a
// step in Go, outside of a transaction: River's own steps use new enum values,
// which PostgreSQL refuses in the transaction that made them (55P04).
const riverMigration = 1

// migrate brings the schema up to date. Servers that start together take turns.
func (d *DB) migrate(ctx context.Context, log *slog.Logger) error {
	db := stdlib.OpenDBFromPool(d.pool)
	defer db.Close()
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	turns, err := lock.NewPostgresSessionLocker()
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	river := goose.NewGoMigration(riverMigration, &goose.GoFunc{RunDB: func(ctx context.Context, _ *sql.DB) error {
		m, err := rivermigrate.New(riverpgxv5.New(d.pool), &rivermigrate.Config{Logger: log})
		if err != nil {
			return err
		}
		_, err = m.Migrate(ctx, rivermigrate.DirectionUp, nil)
		return err
	}}, nil)
	p, err := goose.NewProvider(goose.DialectPostgres, db, files, goose.WithGoMigrations(river), goose.WithSessionLocker(turns), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	done, err := p.Up(ctx)
	if err != nil {
		return fmt.Errorf("bring the database's schema up to date: %w", Map(err))
	}
	if len(done) > 0 {
		log.Info("database schema brought up to date", "steps", len(done), "version", done[len(done)-1].Source.Version)
	}
	return nil
}

// SchemaHash names the schema that this program makes: pgtest keeps one template per hash.
func SchemaHash() string {
	h := sha256.New()
	files, _ := fs.Glob(migrations, "migrations/*.sql") // the pattern is fixed and valid
	for _, name := range files {
		b, _ := migrations.ReadFile(name) // embedded, cannot fail
		h.Write([]byte(name))             // its number counts too
		h.Write(b)
	}
	return hex.EncodeToString(h.Sum(nil)[:6])
}
