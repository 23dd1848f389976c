package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"tingxin/api"
	"tingxin/pg"
	"tingxin/queue"
)

// runApply is "pbx apply": queues, agents, skills and calendars from a file.
func runApply(args []string, out, errOut io.Writer) error {
	fs := newFlags("apply", "Bring queues, agents, skills and opening hours in line with a file. What the file\ndoes not name stays. A running server takes the settings over at once.", errOut)
	path := fs.String("config", "", "configuration `file` (YAML), for its section pg; defaults when not given")
	file := fs.String("f", "", "the settings `file` (YAML)")
	check := fs.Bool("check", false, "only look for mistakes in the file")
	if err := parse(fs, args); err != nil {
		return err
	}
	if *file == "" {
		return usage{errors.New("apply what? give a file with -f")}
	}
	text, err := os.ReadFile(*file)
	if err != nil {
		return err
	}
	doc, err := queue.ParseDocument(text)
	if err != nil {
		return fmt.Errorf("%s: %w", *file, err)
	}
	if *check {
		fmt.Fprintln(out, "no mistakes were found")
		return nil
	}
	cfg, err := load(*path, os.Environ())
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	db, err := openBeside(ctx, cfg.withDefaults().PG)
	if err != nil {
		return err
	}
	return errors.Join(apply(ctx, db, doc, out), db.Close())
}

func apply(ctx context.Context, db *pg.DB, doc queue.Document, out io.Writer) error {
	done, err := api.ApplyQueues(ctx, db, doc, "pbx apply")
	if err != nil {
		return err
	}
	for _, name := range done.Added {
		fmt.Fprintln(out, "added  ", name)
	}
	for _, name := range done.Changed {
		fmt.Fprintln(out, "changed", name)
	}
	fmt.Fprintf(out, "%d added, %d changed, %d as they were\n", len(done.Added), len(done.Changed), done.Same)
	if !done.Any() {
		return nil
	}
	return queue.NewStore(db).TellReload(ctx)
}

// openBeside opens the database that a running server uses: the configured one,
// the private one where it runs, or the private one started for the moment.
func openBeside(ctx context.Context, cfg pg.Config) (*pg.DB, error) {
	if cfg.URL == "" {
		if dir, running := pg.Running(cfg); running {
			return pg.Attach(ctx, dir, cfg)
		}
		if _, err := os.Stat(filepath.Join(cfg.Dir)); errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("there is no database in %s: start the server once, or name the right configuration with -config", cfg.Dir)
		}
	}
	return pg.Open(ctx, cfg, slog.New(slog.DiscardHandler))
}
