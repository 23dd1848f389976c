package pgtest

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"tingxin/pg"
)

const (
	keeperEnv = "TINGXIN_PGTEST_KEEPER"
	// idle is how long the keeper waits for the next test process.
	idle      = time.Minute
	shareable = syscall.LOCK_SH
	exclusive = syscall.LOCK_EX
)

// A test binary started with keeperEnv is the keeper and never gets to its tests.
func init() {
	if dir := os.Getenv(keeperEnv); dir != "" {
		if err := keep(dir); err != nil {
			_ = os.WriteFile(filepath.Join(dir, "error"), []byte(err.Error()), 0o600) // the waiting test shows it
			os.Exit(1)
		}
		os.Exit(0)
	}
}

func discard() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// home is the folder of the shared cluster of this user.
func home() string {
	return filepath.Join(os.TempDir(), "tingxin-pgtest-"+strconv.Itoa(os.Getuid()))
}

// openShared joins the running cluster or has it started.
func openShared() (*server, error) {
	dir := home()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	users, err := takeLock(filepath.Join(dir, "users"), shareable)
	if err != nil {
		return nil, err
	}
	s := &server{users: users}
	if s.join(dir) {
		return s, nil
	}
	starting, err := takeLock(filepath.Join(dir, "starting"), exclusive)
	if err != nil {
		return nil, err
	}
	defer starting.Close()
	if s.join(dir) { // another process was faster
		return s, nil
	}
	if err := startKeeper(dir); err != nil {
		return nil, err
	}
	return s, s.await(dir)
}

// join reads the address of the cluster and tries it.
func (s *server) join(dir string) bool {
	b, err := os.ReadFile(filepath.Join(dir, "dsn"))
	if err != nil {
		return false
	}
	s.base = strings.TrimSpace(string(b))
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	conn, err := pgconn.Connect(ctx, s.dsn("postgres"))
	if err != nil {
		return false
	}
	defer conn.Close(ctx)
	if version, _, _ := strings.Cut(conn.ParameterStatus("server_version"), "."); version >= "15" {
		s.copy = " strategy file_copy"
	}
	return true
}

func (s *server) await(dir string) error {
	for end := time.Now().Add(startLimit); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if s.join(dir) {
			return nil
		}
		if b, err := os.ReadFile(filepath.Join(dir, "error")); err == nil {
			return fmt.Errorf("shared cluster: %s", b)
		}
	}
	return fmt.Errorf("the shared cluster in %s was not ready after %v", dir, startLimit)
}

// startKeeper starts a copy of this binary with nothing of ours open, so that
// go test does not wait for it.
func startKeeper(dir string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	_ = os.Remove(filepath.Join(dir, "error"))
	cmd := exec.Command(self)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), keeperEnv+"="+dir, "GOCOVERDIR="+dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the keeper: %w", err)
	}
	return cmd.Process.Release()
}

// keep runs the cluster until no test process has been there for a while.
func keep(dir string) error {
	cfg := pg.Config{Dir: filepath.Join(dir, "cluster"), MaxConns: 300, Settings: unsafeSettings()}
	c := pg.NewCluster(cfg, discard())
	if err := c.Start(context.Background()); err != nil {
		// Nothing was fsynced: after a power cut it may be broken, and nobody misses it.
		if os.RemoveAll(filepath.Join(cfg.Dir, "data")) != nil {
			return err
		}
		if c = pg.NewCluster(cfg, discard()); c.Start(context.Background()) != nil {
			return err
		}
	}
	defer c.Close()
	base, _, _ := strings.Cut(c.DSN("x"), "dbname=")
	base += "sslmode=disable"
	if err := dropLeftovers(base); err != nil {
		return err
	}
	address := filepath.Join(dir, "dsn")
	if err := os.WriteFile(address+".new", []byte(base), 0o600); err != nil {
		return err
	}
	if err := os.Rename(address+".new", address); err != nil {
		return err
	}
	users, err := awaitAlone(filepath.Join(dir, "users"))
	if err != nil {
		return err
	}
	defer users.Close() // after the cluster's end: a new test process waits for this lock
	defer os.Remove(address)
	return c.Close()
}

// awaitAlone returns with the lock when nobody else has held it for the idle time.
func awaitAlone(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	last := time.Now()
	for {
		alone := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil
		switch {
		case alone && time.Since(last) > idle:
			return f, nil
		case alone:
			_ = syscall.Flock(int(f.Fd()), syscall.LOCK_UN)
		default:
			last = time.Now()
		}
		time.Sleep(time.Second)
	}
}

// dropLeftovers removes the databases of tests that were killed.
func dropLeftovers(base string) error {
	ctx := context.Background()
	conn, err := pgconn.Connect(ctx, base+" dbname=postgres")
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	results, err := conn.Exec(ctx, `select datname from pg_database where datname like 't\_%'`).ReadAll()
	if err != nil {
		return err
	}
	for _, row := range results[0].Rows {
		if err := conn.Exec(ctx, "drop database "+string(row[0])).Close(); err != nil {
			return err
		}
	}
	return nil
}

// takeLock opens a file and locks it; closing it, or the end of the process, gives it back.
func takeLock(path string, how int) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), how); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
