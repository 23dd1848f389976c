package main

import (
	"context"
	"io"

	"tingxin/bench"
)

func benchBot(ctx context.Context, args []string, out, errOut io.Writer) error {
	fs := newFlags("bench bot", "Ask a bot in this process, with a database of its own, questions at a rate and measure the replies.", errOut)
	var opts bench.BotOptions
	opts.Register(fs)
	addFigures(fs, errOut, bench.BotFigures)
	if err := parse(fs, args); err != nil {
		return err
	}
	return bench.Bot(ctx, opts, out)
}
