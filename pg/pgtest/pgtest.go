// Package pgtest gives each test its own fresh, migrated PostgreSQL database.
//
// All test processes of one user share one private cluster. The first one starts
// it through a keeper, a copy of the test binary that does nothing else; the
// keeper ends it and itself when no test process has been there for a minute.
// Nothing is fsynced. A database is a copy of a template that was migrated once.
//
//	test process --shared lock on "users"--> cluster <--owns-- keeper (ends when it gets the lock alone)
//	     '--create database t_.. template tpl_<schema>--> pg.DB --t.Cleanup--> dropped
//
// It refuses to be used outside of tests.
package pgtest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"tingxin/pg"
)

// startLimit is how long a test waits for the cluster or a database.
const startLimit = 60 * time.Second

var (
	shared    = sync.OnceValues(openShared)
	databases atomic.Int64
)

// New is a fresh, migrated database for one test, closed and dropped when the test ends.
func New(t testing.TB) *pg.DB {
	t.Helper()
	return NewWith(t, pg.Config{})
}

// NewWith is New with a pool of another size or other time limits.
func NewWith(t testing.TB, cfg pg.Config) *pg.DB {
	t.Helper()
	if cfg.MaxConns == 0 {
		cfg.MaxConns = 8
	}
	db, err := pg.Attach(context.Background(), URL(t), cfg)
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// URL is the address of a fresh, migrated database, for a program under test. It
// is dropped when the test ends, whoever is still connected.
func URL(t testing.TB) string {
	t.Helper()
	s, err := shared()
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	name := fmt.Sprintf("t_%d_%d", os.Getpid(), databases.Add(1))
	if err := s.create(name); err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	t.Cleanup(func() {
		if err := s.exec("drop database if exists " + name + " with (force)"); err != nil {
			t.Errorf("pgtest: drop the test's database: %v", err)
		}
	})
	return s.dsn(name)
}

// Private is the config of a private cluster for this test alone, for tests that
// stop the server. Its folder is removed when the test ends; close the cluster before.
func Private(t testing.TB) pg.Config {
	t.Helper()
	dir, err := os.MkdirTemp("", "tingxin-cluster-")
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil { // the account that runs the server for root must pass
		t.Fatalf("pgtest: %v", err)
	}
	return pg.Config{Dir: filepath.Join(dir, "postgres"), Settings: unsafeSettings()}
}

// unsafeSettings trade safety after a power cut, which no test has, for speed.
func unsafeSettings() map[string]string {
	return map[string]string{"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "wal_level": "minimal", "max_wal_senders": "0"}
}

// server is the shared cluster as a test process sees it.
type server struct {
	base  string   // DSN with the database left out
	copy  string   // how to copy a template fast
	users *os.File // shared lock, held until the process ends
}

func (s *server) dsn(name string) string { return s.base + " dbname=" + name }

// exec runs one statement in the maintenance database.
func (s *server) exec(sql string) error {
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	conn, err := pgconn.Connect(ctx, s.dsn("postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	return conn.Exec(ctx, sql).Close()
}

// create copies the template, making it first when this schema has none yet.
func (s *server) create(name string) error {
	template := "tpl_" + pg.SchemaHash()
	sql := "create database " + name + " template " + template + s.copy
	err := s.exec(sql)
	if err == nil || !strings.Contains(err.Error(), "3D000") { // invalid_catalog_name: no template
		return err
	}
	if err := s.makeTemplate(template); err != nil {
		return err
	}
	return s.exec(sql)
}

// makeTemplate migrates a database once per schema; test processes that start together take turns.
func (s *server) makeTemplate(template string) error {
	lock, err := takeLock(filepath.Join(home(), "template"), exclusive)
	if err != nil {
		return err
	}
	defer lock.Close()
	making := template + "_new"
	if err := s.exec("drop database if exists " + making + " with (force)"); err != nil {
		return err
	}
	if err := s.exec("create database " + making); err != nil {
		return err
	}
	db, err := pg.Open(context.Background(), pg.Config{URL: s.dsn(making)}, discard())
	if err != nil {
		return fmt.Errorf("make the template: %w", err)
	}
	if err := db.Close(); err != nil {
		return err
	}
	err = s.exec("alter database " + making + " rename to " + template)
	if err != nil && strings.Contains(err.Error(), "42P04") { // another process was faster
		return s.exec("drop database " + making)
	}
	return err
}
