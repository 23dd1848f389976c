package pg_test

import (
	"bufio"
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
	"testing"
	"time"

	"go.uber.org/goleak"

	"tingxin/pg"
	"tingxin/pg/pgtest"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		child(dir)
	}
	goleak.VerifyTestMain(m)
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// postmaster is the pid of the cluster's server.
func postmaster(t *testing.T, c *pg.Cluster) int {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(c.Dir(), "data", "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	line, _, _ := strings.Cut(string(b), "\n")
	pid, err := strconv.Atoi(line)
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

func insertKey(t *testing.T, db *pg.DB, key string) {
	t.Helper()
	if _, err := db.Exec(t.Context(), `insert into settings (key, value) values ($1, '{}')`, key); err != nil {
		t.Fatal(err)
	}
}

// eventually polls what another process does; it fails after limit.
func eventually(t *testing.T, limit time.Duration, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("not within %v: %s", limit, what)
}

func TestPrivateCluster(t *testing.T) {
	t.Parallel()
	cfg := pgtest.Private(t)
	cfg.Settings = nil // safe, as users have it
	start := time.Now()
	db, err := pg.Open(t.Context(), cfg, quiet())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("from nothing to migrated in %v", time.Since(start))
	insertKey(t, db, "before")
	run, err := os.Stat(filepath.Join(db.Cluster().Dir(), "run"))
	if err != nil || run.Mode().Perm() != 0o700 {
		t.Errorf("socket folder is %v, %v; want 0700", run.Mode(), err)
	}

	t.Run("a second server is refused", func(t *testing.T) {
		_, err := pg.Open(t.Context(), cfg, quiet())
		if err == nil || !strings.Contains(err.Error(), "in use by another running server") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("killed server comes back with every commit", func(t *testing.T) {
		pid := postmaster(t, db.Cluster())
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		killed := time.Now()
		eventually(t, 20*time.Second, "a query works again", func() bool {
			n, err := pg.Row(t.Context(), db, scanInt, `select count(*)::int from settings where key = 'before'`)
			return err == nil && n == 1 && db.Stats().Restarts > 0
		})
		t.Logf("back %v after SIGKILL", time.Since(killed))
	})
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	start = time.Now()
	again, err := pg.Open(t.Context(), cfg, quiet())
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	t.Logf("opened again in %v", time.Since(start))
	if n, err := pg.Row(t.Context(), again, scanInt, `select count(*)::int from settings`); err != nil || n != 1 {
		t.Errorf("rows after restart: %d, %v; want 1", n, err)
	}
}

// A pid file left by a crash names a pid that another program has by now.
func TestStalePostmasterFile(t *testing.T) {
	t.Parallel()
	cfg := pgtest.Private(t)
	c := pg.NewCluster(cfg, quiet())
	if err := c.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.Close()
	file := filepath.Join(c.Dir(), "data", "postmaster.pid")
	stale := strconv.Itoa(os.Getpid()) + "\n" + filepath.Join(c.Dir(), "data") + "\n1700000000\n5432\n/nowhere\n\n  0  0\nready   \n"
	if err := os.WriteFile(file, []byte(stale), 0o644); err != nil {
		t.Fatal(err)
	}
	c = pg.NewCluster(cfg, quiet())
	if err := c.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.Close()
}

func TestClusterErrorsSayWhatToDo(t *testing.T) {
	t.Parallel()
	broken := pgtest.Private(t)
	broken.Settings["shared_buffers"] = "nonsense"
	foreign := pgtest.Private(t)
	if err := os.MkdirAll(filepath.Join(foreign.Dir, "data"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(foreign.Dir, "data", "PG_VERSION"), []byte("9\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		cfg  pg.Config
		want string
	}{
		"no programs":     {pg.Config{Dir: pgtest.Private(t).Dir, Bin: "/nonexistent"}, "pg.bin"},
		"bad URL":         {pg.Config{URL: "postgres://u:secret@h:port/x"}, "pg.url is no PostgreSQL address"},
		"nobody listens":  {pg.Config{URL: "postgres://u:secret@127.0.0.1:1/x"}, "check that it runs"},
		"unknown account": {pg.Config{Dir: pgtest.Private(t).Dir, User: "no-such-user"}, "pg.user"},
		"bad setting":     {broken, "shared_buffers"},
		"old cluster":     {foreign, "PostgreSQL 9"},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "unknown account" && os.Geteuid() != 0 {
				t.Skip("only root changes the account")
			}
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			_, err := pg.Open(ctx, tc.cfg, quiet())
			if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "secret") {
				t.Errorf("got %v; want it to say %q and no password", err, tc.want)
			}
		})
	}
}

// root keeps data under a folder that the database's account cannot enter.
func TestClusterMovesToReachableFolder(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root changes the account")
	}
	cfg := pgtest.Private(t)
	closed := filepath.Join(filepath.Dir(cfg.Dir), "closed")
	if err := os.Mkdir(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	cfg.Dir = filepath.Join(closed, "postgres")
	c := pg.NewCluster(cfg, quiet())
	if err := c.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(c.Dir())
	defer c.Close()
	note, err := os.ReadFile(filepath.Join(cfg.Dir, "LOCATION"))
	if err != nil || strings.TrimSpace(string(note)) != c.Dir() || c.Dir() == cfg.Dir {
		t.Errorf("cluster in %s, note %q, %v", c.Dir(), note, err)
	}
}

// kill -9 of the whole program: the next start waits for the old server to go and sees its commits.
func TestRestartRightAfterKill(t *testing.T) {
	t.Parallel()
	cfg := pgtest.Private(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	parent := exec.Command(self)
	parent.Env = append(os.Environ(), childEnv+"="+cfg.Dir)
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		t.Fatalf("the program said %q, %v", line, err)
	}
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait() // killed
	start := time.Now()
	db, err := pg.Open(t.Context(), cfg, quiet())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	t.Logf("open again %v after kill -9", time.Since(start))
	if n, err := pg.Row(t.Context(), db, scanInt, `select count(*)::int from settings where key = 'child'`); err != nil || n != 1 {
		t.Errorf("rows: %d, %v; want 1", n, err)
	}
}

const childEnv = "TINGXIN_PG_TEST_DIR"

// child is the program that gets killed.
func child(dir string) {
	db, err := pg.Open(context.Background(), pg.Config{Dir: dir, Settings: map[string]string{"fsync": "off"}}, quiet())
	if err == nil {
		_, err = db.Exec(context.Background(), `insert into settings (key, value) values ('child', '{}')`)
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("ready")
	select {}
}
