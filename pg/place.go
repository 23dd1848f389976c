package pg

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// account is who runs the cluster. initdb and postgres refuse root, so root needs another.
type account struct {
	name     string
	uid, gid int
	switched bool // it is not us
}

// clusterAccount picks the account: ourselves, or for root the named one, postgres or nobody.
func clusterAccount(name string) (account, error) {
	if os.Geteuid() != 0 {
		return account{uid: os.Geteuid(), gid: os.Getegid()}, nil
	}
	names := []string{"postgres", "nobody"}
	if name != "" {
		names = []string{name}
	}
	for _, n := range names {
		u, err := user.Lookup(n)
		if err != nil {
			continue
		}
		uid, err1 := strconv.Atoi(u.Uid)
		gid, err2 := strconv.Atoi(u.Gid)
		if err1 == nil && err2 == nil && uid != 0 {
			return account{n, uid, gid, true}, nil
		}
	}
	return account{}, fmt.Errorf("PostgreSQL does not run as root and none of the accounts %v can take it over: set pg.user to an ordinary account", names)
}

// credential is how to start a process as the account, nil when that is us.
func (a account) credential() *syscall.Credential {
	if !a.switched {
		return nil
	}
	return &syscall.Credential{Uid: uint32(a.uid), Gid: uint32(a.gid)}
}

// own makes dir (0700) and gives it to the account.
func (a account) own(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := os.Chown(dir, a.uid, a.gid); err != nil {
		return err
	}
	return os.Chmod(dir, 0o700)
}

// canPass tells whether the account may walk through every existing folder above path.
func (a account) canPass(path string) bool {
	for dir := filepath.Dir(path); ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		switch {
		case errors.Is(err, fs.ErrNotExist): // made later by us with 0755
		case err != nil:
			return false
		case !a.mayEnter(info):
			return false
		}
		if dir == filepath.Dir(dir) {
			return true
		}
	}
}

func (a account) mayEnter(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return false
	}
	mode := info.Mode().Perm()
	switch {
	case int(st.Uid) == a.uid:
		return mode&0o100 != 0
	case int(st.Gid) == a.gid:
		return mode&0o010 != 0
	}
	return mode&0o001 != 0
}

// clusterDir is where the cluster of a wanted folder lives: there, or, when the
// account cannot reach it, at a place found again from the folder's name.
func clusterDir(wanted string, a account, log *slog.Logger) (string, error) {
	wanted, err := filepath.Abs(wanted)
	if err != nil {
		return "", fmt.Errorf("folder of the cluster: %w", err)
	}
	if a.canPass(wanted) {
		return wanted, makeClusterDir(wanted, a)
	}
	sum := sha256.Sum256([]byte(wanted))
	name := "postgres-" + hex.EncodeToString(sum[:4])
	for _, base := range []string{"/var/lib/tingxin", filepath.Join(os.TempDir(), "tingxin")} {
		dir := filepath.Join(base, name)
		if a.canPass(dir) && makeClusterDir(dir, a) == nil {
			log.Warn("database account cannot reach the data folder; the private cluster is kept elsewhere", "wanted", wanted, "dir", dir, "account", a.name)
			noteLocation(wanted, dir)
			return dir, nil
		}
	}
	return "", fmt.Errorf("the account %q, which runs PostgreSQL for root, cannot enter a folder above %s: set data_dir or pg.dir to a place open to it, such as /var/lib/tingxin", a.name, wanted)
}

func makeClusterDir(dir string, a account) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return fmt.Errorf("make the folder of the cluster: %w", err)
	}
	if err := a.own(dir); err != nil {
		return fmt.Errorf("make the folder of the cluster: %w", err)
	}
	return nil
}

// noteLocation leaves a line for whoever looks for the data; failing to is no harm.
func noteLocation(wanted, dir string) {
	if os.MkdirAll(wanted, 0o700) == nil {
		_ = os.WriteFile(filepath.Join(wanted, "LOCATION"), []byte(dir+"\n"), 0o600)
	}
}

// longestSocketDir leaves room for "/.s.PGSQL.5432" in the 107 bytes of sun_path.
const longestSocketDir = 107 - len("/.s.PGSQL.5432") - len(".lock")

// socketDir is the folder of the socket: inside the cluster's folder, or a short one when that is too long for the kernel.
func socketDir(dir string, a account) (string, error) {
	run := filepath.Join(dir, "run")
	if len(run) > longestSocketDir {
		sum := sha256.Sum256([]byte(dir))
		run = filepath.Join("/tmp", "tingxin-"+hex.EncodeToString(sum[:6]))
	}
	if err := a.own(run); err != nil {
		return "", fmt.Errorf("make the folder of the database socket: %w", err)
	}
	return run, nil
}
