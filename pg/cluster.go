package pg

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// database and role of the private cluster.
const (
	clusterRole     = "tingxin"
	clusterDatabase = "tingxin"
)

// Cluster is a PostgreSQL server of our own: made on first use, reachable by
// nobody but us through a socket in a folder with mode 0700, started again when
// it dies, ended with us even when we are killed.
type Cluster struct {
	cfg Config
	log *slog.Logger

	account  account
	programs programs
	dir      string // of everything
	run      string // of the socket
	lock     *os.File

	stop     context.CancelFunc
	stopOnce sync.Once
	done     chan struct{} // closed when the last server process was waited for
	starts   atomic.Int64
}

// NewCluster stores what to run; Start runs it.
func NewCluster(cfg Config, log *slog.Logger) *Cluster {
	return &Cluster{cfg: cfg.withDefaults(), log: log.With("part", "cluster")}
}

// Start makes the cluster if there is none, starts the server and returns when
// it takes connections.
func (c *Cluster) Start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.StartTimeout)
	defer cancel()
	if err := c.prepare(ctx); err != nil {
		c.release()
		return err
	}
	life, stop := context.WithCancel(context.Background())
	c.stop, c.done = stop, make(chan struct{})
	first := make(chan error, 1)
	// Ends when stop was called and the server process is gone.
	go c.supervise(life, first)
	if err := c.awaitReady(ctx, first); err != nil {
		return errors.Join(err, c.Close())
	}
	if err := c.ensureDatabase(ctx); err != nil {
		return errors.Join(err, c.Close())
	}
	return nil
}

// prepare finds programs, account and folder, takes the folder and makes the cluster in it.
func (c *Cluster) prepare(ctx context.Context) error {
	var err error
	if c.account, err = clusterAccount(c.cfg.User); err != nil {
		return err
	}
	if c.dir, err = clusterDir(c.cfg.Dir, c.account, c.log); err != nil {
		return err
	}
	if c.lock, err = lockDir(c.dir); err != nil {
		return err
	}
	if c.run, err = socketDir(c.dir, c.account); err != nil {
		return err
	}
	major, err := clusterVersion(c.data())
	if err != nil {
		return err
	}
	if c.programs, err = findPrograms(ctx, c.cfg.Bin, major); err != nil {
		return err
	}
	if major == 0 {
		if err := c.initialise(ctx); err != nil {
			return err
		}
	}
	return clearPostmaster(ctx, c.data())
}

func (c *Cluster) data() string    { return filepath.Join(c.dir, "data") }
func (c *Cluster) logFile() string { return filepath.Join(c.dir, "postgres.log") }

// clusterVersion is the major version that made the cluster in data, 0 when there is none.
func clusterVersion(data string) (int, error) {
	b, err := os.ReadFile(filepath.Join(data, "PG_VERSION"))
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read the cluster's version: %w", err)
	}
	major, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		return 0, fmt.Errorf("%s/PG_VERSION holds no version: the folder is no PostgreSQL cluster, move it away", data)
	}
	return major, nil
}

// initialise makes the cluster beside its place and moves it there, so that a
// kill in between leaves nothing half made.
func (c *Cluster) initialise(ctx context.Context) error {
	fresh := c.data() + ".new"
	if err := os.RemoveAll(fresh); err != nil {
		return fmt.Errorf("clear an unfinished cluster: %w", err)
	}
	args := []string{"-D", fresh, "-U", clusterRole, "-E", "UTF8", "--locale=C.UTF-8", "--auth-local=trust", "--auth-host=reject"}
	if c.cfg.Settings["fsync"] == "off" {
		args = append(args, "--no-sync")
	}
	cmd := exec.CommandContext(ctx, c.programs.path("initdb"), args...)
	cmd.Dir, cmd.Env = c.dir, c.environment()
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: c.account.credential(), Pdeathsig: syscall.SIGKILL, Setpgid: true}
	// Pdeathsig is bound to the thread that forks.
	runtime.LockOSThread()
	out, err := cmd.CombinedOutput()
	runtime.UnlockOSThread()
	if err != nil {
		return fmt.Errorf("make the private database with %s: %w: %s", cmd.Path, err, lastLine(out))
	}
	if err := os.Rename(fresh, c.data()); err != nil {
		return fmt.Errorf("put the new cluster in place: %w", err)
	}
	c.log.Info("private database made", "dir", c.dir, "version", c.programs.major)
	return nil
}

func (c *Cluster) environment() []string {
	return []string{"PATH=/usr/bin:/bin", "LANG=C.UTF-8", "LC_ALL=C.UTF-8", "TZ=UTC", "HOME=" + c.dir}
}

// settings are the server's, ours first. Statements and values stay out of its log: they hold what people said.
func (c *Cluster) settings() []string {
	all := map[string]string{
		"listen_addresses": "", "unix_socket_directories": c.run, "unix_socket_permissions": "0700", "port": "5432",
		"max_connections": strconv.Itoa(c.cfg.MaxConns + 24), "jit": "off", "timezone": "UTC", "log_timezone": "UTC",
		"log_min_error_statement": "panic", "log_error_verbosity": "terse", "log_parameter_max_length_on_error": "0",
		"logging_collector": "off", "log_destination": "stderr", "log_line_prefix": "%m [%p] ",
	}
	maps.Copy(all, c.cfg.Settings)
	var args []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		args = append(args, "-c", name+"="+all[name])
	}
	return args
}

// supervise runs the server until life ends and starts it again when it dies.
// It keeps one thread for itself: the kernel sends Pdeathsig when the thread that forked ends.
func (c *Cluster) supervise(life context.Context, first chan<- error) {
	defer close(c.done)
	runtime.LockOSThread() // never unlocked: the thread ends with the goroutine, after the server
	wait := 100 * time.Millisecond
	for {
		started := time.Now()
		err := c.serve(life)
		if life.Err() != nil {
			return
		}
		select {
		case first <- err:
		default:
		}
		c.log.Error("private database ended; starting it again", "error", err, "last", lastLine(tail(c.logFile())))
		if time.Since(started) > time.Minute {
			wait = 100 * time.Millisecond
		}
		select {
		case <-life.Done():
			return
		case <-time.After(wait):
		}
		wait = min(2*wait, 5*time.Second)
	}
}

// serve runs one server process to its end; when life ends it asks it to stop.
func (c *Cluster) serve(life context.Context) error {
	if err := clearPostmaster(life, c.data()); err != nil {
		return err
	}
	out, err := c.openLog()
	if err != nil {
		return err
	}
	defer out.Close()
	cmd := exec.Command(c.programs.path("postgres"), append([]string{"-D", c.data()}, c.settings()...)...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = c.dir, c.environment(), out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: c.account.credential(), Pdeathsig: syscall.SIGINT, Setpgid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	c.starts.Add(1)
	gone := make(chan struct{})
	ended := make(chan struct{})
	// Ends when the process is gone.
	go func() {
		defer close(ended)
		stopProcess(life, cmd.Process, gone)
	}()
	err = cmd.Wait()
	close(gone)
	<-ended
	return err
}

// stopProcess waits for life's end and then asks louder and louder: fast, at once, killed.
func stopProcess(life context.Context, p *os.Process, gone <-chan struct{}) {
	select {
	case <-gone:
		return
	case <-life.Done():
	}
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGQUIT, syscall.SIGKILL} {
		_ = p.Signal(sig) // already gone is fine
		select {
		case <-gone:
			return
		case <-time.After(10 * time.Second):
		}
	}
}

// maxLog is how big the server's log may have grown before a start begins it anew.
const maxLog = 8 << 20

func (c *Cluster) openLog() (*os.File, error) {
	if info, err := os.Stat(c.logFile()); err == nil && info.Size() > maxLog {
		_ = os.Rename(c.logFile(), c.logFile()+".1") // one old one is kept; failing keeps appending
	}
	f, err := os.OpenFile(c.logFile(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the database's log: %w", err)
	}
	return f, nil
}

// awaitReady returns when the server takes connections, or with what it said when it ended.
func (c *Cluster) awaitReady(ctx context.Context, first <-chan error) error {
	failures := 0
	for {
		conn, err := pgconn.Connect(ctx, c.dsn("postgres"))
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case died := <-first:
			if failures++; failures < 4 { // backends of a killed server may need a moment to go
				continue
			}
			return fmt.Errorf("the private database in %s does not start (%v): %s", c.dir, died, lastLine(tail(c.logFile())))
		case <-ctx.Done():
			return fmt.Errorf("the private database in %s is not ready: %w: %s", c.dir, ctx.Err(), lastLine(tail(c.logFile())))
		case <-time.After(15 * time.Millisecond):
		}
	}
}

// ensureDatabase makes our database in a new cluster.
func (c *Cluster) ensureDatabase(ctx context.Context) error {
	conn, err := pgconn.Connect(ctx, c.dsn("postgres"))
	if err != nil {
		return fmt.Errorf("connect to the private database: %w", err)
	}
	defer conn.Close(ctx)
	err = conn.Exec(ctx, "create database "+clusterDatabase).Close()
	if pgErr := new(pgconn.PgError); errors.As(err, &pgErr) && pgErr.Code == "42P04" { // duplicate_database
		return nil
	}
	return err
}

// DSN is how to connect to database name in this cluster; empty is the product's own.
func (c *Cluster) DSN(name string) string {
	if name == "" {
		name = clusterDatabase
	}
	return c.dsn(name)
}

func (c *Cluster) dsn(name string) string {
	return fmt.Sprintf("host='%s' port=5432 user=%s dbname='%s' sslmode=disable", strings.ReplaceAll(c.run, "'", `\'`), clusterRole, name)
}

// Dir is where the cluster really lives.
func (c *Cluster) Dir() string { return c.dir }

// Starts counts how often the server process was started.
func (c *Cluster) Starts() int64 { return c.starts.Load() }

// Close stops the server and waits for it. Twice is fine.
func (c *Cluster) Close() error {
	c.stopOnce.Do(func() {
		if c.stop != nil {
			c.stop()
			<-c.done
		}
		c.release()
	})
	return nil
}

func (c *Cluster) release() {
	if c.lock != nil {
		c.lock.Close()
		c.lock = nil
	}
}

// tail is the last 4 KB of a file, nothing when it cannot be read.
func tail(file string) []byte {
	f, err := os.Open(file)
	if err != nil {
		return nil
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Size() > 4096 {
		_, _ = f.Seek(-4096, io.SeekEnd) // failing reads from the start, which is fine too
	}
	b, _ := io.ReadAll(io.LimitReader(f, 4096)) // what could be read is enough
	return b
}

// lastLine is the last line that says something.
func lastLine(b []byte) string {
	b = bytes.TrimSpace(b)
	return string(bytes.TrimSpace(b[bytes.LastIndexByte(b, '\n')+1:]))
}
