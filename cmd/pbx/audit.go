package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"tingxin/api"
	"tingxin/pg"
)

// runAudit is "pbx audit": of messages, or of the audit log itself.
func runAudit(args []string, out, errOut io.Writer) error {
	if len(args) > 0 && args[0] == "verify" {
		return runAuditVerify(args[1:], out, errOut)
	}
	return runAuditMessages(args, out, errOut)
}

// runAuditVerify is "pbx audit verify": does each row of the log follow from the one before.
func runAuditVerify(args []string, out, errOut io.Writer) error {
	fs := newFlags("audit verify", "Walk the audit log: each row holds the hash of the one before. The exit code tells whether it is whole.", errOut)
	path := fs.String("config", "", "configuration `file` (YAML) that names the database (pg.url); DATABASE_URL when not given")
	if err := parse(fs, args); err != nil {
		return err
	}
	cfg, err := loadDatabase("audit", *path)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	db, err := pg.Open(ctx, cfg.PG, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer db.Close()
	rows, head, err := api.AuditIsWhole(ctx, db)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "rows %d\nhead %x\nthe log is whole\n", rows, head)
	return nil
}
