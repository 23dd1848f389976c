package pg

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
)

// Running is the address of the private cluster of cfg while a server of this
// machine runs it, for a tool beside that server. It starts and changes nothing.
func Running(cfg Config) (dsn string, running bool) {
	cfg = cfg.withDefaults()
	dir, err := filepath.Abs(cfg.Dir)
	if err != nil {
		return "", false
	}
	if moved, err := os.ReadFile(filepath.Join(dir, "LOCATION")); err == nil { // the account could not reach it
		dir = strings.TrimSpace(string(moved))
	}
	c := NewCluster(cfg, slog.New(slog.DiscardHandler))
	c.dir = dir
	if _, err := os.Stat(filepath.Join(c.data(), "postmaster.pid")); err != nil {
		return "", false
	}
	pid, err := postmasterPID(filepath.Join(c.data(), "postmaster.pid"))
	if err != nil || pid == 0 || !isPostmaster(pid, c.data()) {
		return "", false
	}
	account, err := clusterAccount(cfg.User)
	if err != nil {
		return "", false
	}
	if c.run, err = socketDir(dir, account); err != nil {
		return "", false
	}
	return c.DSN(""), true
}
