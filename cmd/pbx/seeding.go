package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"tingxin/api"
	"tingxin/bench"
	"tingxin/bench/seed"
	"tingxin/call"
	"tingxin/event"
	"tingxin/pg"
)

// databaseFlags let a command name its database by itself.
func databaseFlags(fs *flag.FlagSet) (config, url *string) {
	return fs.String("config", "", "configuration `file` (YAML) that names the database (pg.url)"),
		fs.String("database", "", "`URL` of the database; pg.url or DATABASE_URL when not given")
}

// openDatabase opens what the flags name, brought up to date.
func openDatabase(ctx context.Context, command, config, url string) (*pg.DB, error) {
	if url != "" {
		return pg.Open(ctx, pg.Config{URL: url}, slog.New(slog.DiscardHandler))
	}
	cfg, err := loadDatabase(command, config)
	if err != nil {
		return nil, err
	}
	return pg.Open(ctx, cfg.PG, slog.New(slog.DiscardHandler))
}

// runSeed is "pbx seed": a database full of made-up contacts.
func runSeed(args []string, out, errOut io.Writer) error {
	fs := newFlags("seed", "Fill an empty database with made-up conversations, calls, tickets and agents. The same seed makes the same rows. It takes no database that holds any already, unless --force is given.", errOut)
	var o seed.Options
	fs.IntVar(&o.Days, "days", 90, "`N` days until now that they lie in")
	fs.IntVar(&o.Messages, "messages", 100_000, "`N` messages, ten to a conversation")
	fs.IntVar(&o.Calls, "calls", 10_000, "`N` calls")
	fs.IntVar(&o.Agents, "agents", 100, "`N` agents")
	fs.Uint64Var(&o.Seed, "seed", 1, "`N` that the rows are made from")
	fs.BoolVar(&o.Force, "force", false, "also into a database that holds conversations, calls, contacts or tickets already; there is no way back")
	config, url := databaseFlags(fs)
	if err := parse(fs, args); err != nil {
		return err
	}
	if err := o.Check(); err != nil {
		return usage{err}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	db, err := openDatabase(ctx, "seed", *config, *url)
	if err != nil {
		return err
	}
	err = firstLogin(ctx, db, out)
	if err == nil {
		err = seed.Load(ctx, db, o, out)
	}
	return errors.Join(err, db.Close())
}

// firstLogin makes the administrator of a new database: the made-up agents would keep "serve" from doing so.
func firstLogin(ctx context.Context, db *pg.DB, out io.Writer) error {
	bus := event.NewBus()
	defer bus.Close()
	s, err := api.New(api.Config{}, api.Parts{DB: db, Calls: call.NewStore(db), Bus: bus}, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	user, password, created, err := s.EnsureAdmin(ctx)
	if created {
		fmt.Fprintf(out, "login    %s %s\n", user, password)
	}
	return errors.Join(err, s.Close())
}

func benchData(ctx context.Context, args []string, out, errOut io.Writer) error {
	fs := newFlags("bench data", "Measure reports, search and opening of conversations on a database that is full; it only reads. \"pbx seed\" fills one.", errOut)
	var o bench.DataOptions
	o.Register(fs)
	config, url := databaseFlags(fs)
	addFigures(fs, errOut, bench.DataFigures)
	if err := parse(fs, args); err != nil {
		return err
	}
	db, err := openDatabase(ctx, "bench data", *config, *url)
	if err != nil {
		return err
	}
	return errors.Join(bench.Data(ctx, db, o, out), db.Close())
}
