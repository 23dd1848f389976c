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

	"tingxin/admin"
	"tingxin/api"
	"tingxin/ivr"
	"tingxin/pg"
	"tingxin/queue"
)

// runApply is "pbx apply": everything that administrators set, from a file.
func runApply(args []string, out, errOut io.Writer) error {
	fs := newFlags("apply", "Bring users, queues, agents, skills, calendars, teams, rules of roles, trunks, outbound routes, numbers, flows, prompts,\n"+
		"codecs, the TURN relay, alert rules, rules, macros, templates of tickets and webhooks in line with a\n"+
		"file. What the file does not name stays; an entry with \"remove: true\" goes. A running server takes the settings over within 2 seconds.", errOut)
	path := fs.String("config", "", "configuration `file` (YAML) of the server; defaults when not given")
	file := fs.String("f", "", "the settings `file` (YAML)")
	check := fs.Bool("check", false, "only look for mistakes in the file")
	dry := fs.Bool("dry-run", false, "tell what would change, and change nothing")
	if err := parse(fs, args); err != nil {
		return err
	}
	if *file == "" {
		return usage{errors.New("apply what? give a file with -f")}
	}
	wishes, err := readWishes(*file)
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
	cfg = cfg.withDefaults()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	db, err := openBeside(ctx, cfg.PG)
	if err != nil {
		return err
	}
	return errors.Join(wishes.apply(ctx, cfg, db, *dry, out), db.Close())
}

// wishes are what a settings file holds.
type wishes struct {
	queues  *queue.Document // nil: none
	changes []admin.Change
}

// readWishes reads a settings file.
func readWishes(path string) (wishes, error) {
	var w wishes
	text, err := os.ReadFile(path)
	if err != nil {
		return w, err
	}
	changes, rest, err := admin.Parse(text)
	if err != nil {
		return w, err
	}
	w.changes = changes
	if admin.Holds(rest) || len(changes) == 0 {
		doc, err := queue.ParseDocument(rest)
		if err != nil {
			return w, err
		}
		if err := errors.Join(api.CheckUsers(doc.Users), api.CheckRoleRules(doc.RoleRules)); err != nil {
			return w, err
		}
		w.queues = &doc
	}
	return w, nil
}

func (w *wishes) apply(ctx context.Context, cfg Config, db *pg.DB, dry bool, out io.Writer) error {
	tally := map[string]int{}
	tell := func(did, name, more string) {
		if tally[did]++; did != "same" {
			fmt.Fprintf(out, "%-7s %s%s\n", did, name, more)
		}
	}
	if w.queues != nil {
		if err := w.applyQueues(ctx, db, dry, tell, tally); err != nil {
			return err
		}
	}
	if len(w.changes) > 0 {
		if err := w.applySettings(ctx, cfg, db, dry, tell); err != nil {
			return err
		}
	}
	would := ""
	if dry {
		would = "would be: "
	}
	fmt.Fprintf(out, "%s%d added, %d changed, %d as they were", would, tally["added"], tally["changed"]+tally["live"], tally["same"])
	if n := tally["removed"]; n > 0 {
		fmt.Fprintf(out, ", %d removed", n)
	}
	fmt.Fprintln(out)
	return nil
}

func (w *wishes) applyQueues(ctx context.Context, db *pg.DB, dry bool, tell func(did, name, more string), tally map[string]int) error {
	do := api.ApplyQueues
	if dry {
		do = api.PlanQueues
	}
	done, err := do(ctx, db, *w.queues, "pbx apply")
	if err != nil {
		return err
	}
	for _, name := range done.Added {
		tell("added", name, "")
	}
	for _, name := range done.Changed {
		tell("changed", name, "")
	}
	tally["same"] += done.Same
	if dry || !done.Any() {
		return nil
	}
	return queue.NewStore(db).TellReload(ctx)
}

func (w *wishes) applySettings(ctx context.Context, cfg Config, db *pg.DB, dry bool, tell func(did, name, more string)) error {
	vault, err := openVault(cfg)
	if err != nil {
		return err
	}
	quiet := slog.New(slog.DiscardHandler)
	store := admin.NewStore(db, vault)
	rules := &runtime{cfg: cfg, log: quiet, flows: ivr.NewLibrary(cfg.IVR, quiet), store: store, queues: queue.NewStore(db), db: db, planned: w.planned()}
	if err := rules.flows.Load(); err != nil {
		return err
	}
	service := admin.NewService(store, rules, quiet)
	now, err := service.Load(ctx)
	if err != nil {
		return err
	}
	if err := rules.usePrompts(ctx, now); err != nil {
		return err
	}
	done, err := service.Apply(ctx, w.changes, "pbx apply", dry, api.SettingsAudit(ctx, db, "pbx apply"))
	if err != nil {
		return err
	}
	for _, o := range done {
		more := ""
		if len(o.Fields) > 0 {
			more = fmt.Sprintf("  %v", o.Fields)
		}
		if o.Restart && o.Did != "same" {
			more += "  (counts from the next start on)"
		}
		tell(o.Did, o.Ref.String(), more)
	}
	return nil
}

// planned are the queues and calendars of the file: a dry run does not have them yet.
func (w *wishes) planned() map[string]bool {
	all := map[string]bool{}
	if w.queues == nil {
		return all
	}
	for i := range w.queues.Queues {
		all["queue:"+string(w.queues.Queues[i].ID)] = true
	}
	for i := range w.queues.Calendars {
		all["calendar:"+w.queues.Calendars[i].Name] = true
	}
	return all
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
