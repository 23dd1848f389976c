package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"tingxin/call"
	"tingxin/pg"
)

// runEmotion is "pbx emotion rescore".
func runEmotion(args []string, out, errOut io.Writer) error {
	if len(args) == 0 || args[0] != "rescore" {
		return usage{errors.New("emotion what? \"pbx emotion rescore --help\" tells more")}
	}
	fs := newFlags("emotion rescore", "Read the voices in stored recordings again, of calls whose callers allow it, and replace their readings and moods.\n"+
		"Alerts and labels stay. A server with a private database must be stopped first.", errOut)
	path := fs.String("config", "", "configuration `file` (YAML); defaults when not given")
	id := fs.String("call", "", "one call by its `id`")
	since := fs.String("since", "", "calls that began since a `day` such as 2026-11-01, or within a time such as 72h")
	model := fs.String("model", "", "model `file`; the one of the configuration when not given")
	if err := parse(fs, args[1:]); err != nil {
		return err
	}
	if (*id == "") == (*since == "") {
		return usage{errors.New("emotion rescore: give either --call or --since")}
	}
	from, err := moment(*since, time.Now())
	if err != nil {
		return usage{err}
	}
	cfg, err := load(*path, os.Environ())
	if err != nil {
		return err
	}
	cfg = cfg.withDefaults()
	cfg.Emotion.Enabled = true // the caller's consent stands with each call
	if *model != "" {
		cfg.Emotion.Model = *model
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	return rescore(ctx, cfg, *id, from, out)
}

// moment is the beginning of a day, or so long before now; zero for none.
func moment(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(text); err == nil && d > 0 {
		return now.Add(-d), nil
	}
	day, err := time.ParseInLocation(time.DateOnly, text, time.Local)
	if err != nil {
		return day, fmt.Errorf("--since %q is neither a day such as 2026-11-01 nor a time such as 72h", text)
	}
	return day, nil
}

func rescore(ctx context.Context, cfg Config, id string, since time.Time, out io.Writer) error {
	e, err := voices(cfg.Emotion)
	if err != nil {
		return err
	}
	log, err := cfg.Log.logger()
	if err != nil {
		return err
	}
	db, err := pg.Open(ctx, cfg.PG, log)
	if err != nil {
		return err
	}
	defer db.Close()
	r := call.Rescorer{Store: call.NewStore(db), Emotion: e, Recordings: cfg.Call.Recording.Dir}
	fmt.Fprintf(out, "model %s\n", e.Model)
	calls, turns, skipped := 0, 0, make(map[string]int)
	tell := func(d call.Rescored) {
		if d.Skipped != "" {
			skipped[d.Skipped]++
			return
		}
		calls++
		turns += d.Turns
		fmt.Fprintf(out, "%s  %3d turns  mood %s -> %s\n", d.CallID, d.Turns, share(d.Before), share(d.After))
	}
	if id != "" {
		var one call.Rescored
		if one, err = r.Call(ctx, id); err == nil {
			tell(one)
		}
	} else {
		err = r.All(ctx, since, tell)
	}
	fmt.Fprintf(out, "%d calls, %d turns read again", calls, turns)
	for _, why := range []string{"no recording", "no consent", "the recording cannot be read"} {
		if n := skipped[why]; n > 0 {
			fmt.Fprintf(out, "; %d skipped: %s", n, why)
		}
	}
	fmt.Fprintln(out)
	return err
}

// share is a mood in per cent, "-" for none.
func share(v float32) string {
	if v < 0 {
		return "-"
	}
	return fmt.Sprintf("%.0f", 100*v)
}
