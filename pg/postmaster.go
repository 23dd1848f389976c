package pg

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// lockDir takes the cluster's folder for this process. The kernel gives it back
// when the process ends, however it ends.
func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the cluster's folder: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("the private database in %s is in use by another running server: stop that one or give this one its own data_dir", dir)
	}
	return f, nil
}

// clearPostmaster makes room for a new server after a crash: a server that
// outlived its parent is told to stop and waited for; a pid file whose process is
// gone, or is by now somebody else's, is removed. Only call it with the lock held.
func clearPostmaster(ctx context.Context, data string) error {
	file := filepath.Join(data, "postmaster.pid")
	signal := syscall.SIGINT
	for tries := 0; ; tries++ {
		pid, err := postmasterPID(file)
		if err != nil {
			return err
		}
		if pid == 0 {
			return nil
		}
		if !isPostmaster(pid, data) {
			if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("remove the stale %s: %w", file, err)
			}
			return nil
		}
		if tries == 400 { // 10 s of a fast shutdown: now at once, recovery will do the rest
			signal = syscall.SIGQUIT
		}
		if tries%100 == 0 {
			_ = syscall.Kill(pid, signal) // gone in between: the next round sees it
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("a PostgreSQL server (pid %d) still runs in %s and does not stop: %w", pid, data, ctx.Err())
		case <-time.After(25 * time.Millisecond):
		}
	}
}

// postmasterPID reads the first line of a pid file; 0 when there is none or it says nothing.
func postmasterPID(file string) (int, error) {
	b, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read the database's pid file: %w", err)
	}
	line, _, _ := bytes.Cut(b, []byte("\n"))
	pid, err := strconv.Atoi(string(bytes.TrimSpace(line)))
	if err != nil || pid <= 0 {
		return 0, os.Remove(file) // torn by a crash while it was written
	}
	return pid, nil
}

// isPostmaster tells whether pid is a living PostgreSQL server over data; a pid used anew by another program is not.
func isPostmaster(pid int, data string) bool {
	cmdline, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		return false
	}
	args := bytes.Split(cmdline, []byte{0})
	return filepath.Base(string(args[0])) == "postgres" && bytes.Contains(cmdline, []byte(data))
}
