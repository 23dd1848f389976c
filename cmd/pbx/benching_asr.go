package main

import (
	"context"
	"errors"
	"flag"
	"io"
	"os"

	"tingxin/bench"
)

func benchASR(ctx context.Context, args []string, out, errOut io.Writer) error {
	fs := newFlags("bench asr", "Find how many channels one speech worker recognises in real time, against plain libvosk on the same audio.", errOut)
	var opts bench.ASROptions
	opts.Register(fs)
	path := fs.String("config", "", "configuration `file`, for its section asr")
	addFigures(fs, errOut, bench.ASRFigures)
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return err
		}
		return usage{err}
	}
	cfg, err := load(*path, os.Environ())
	if err != nil {
		return err
	}
	opts.Files, opts.ASR = fs.Args(), cfg.ASR.Config
	return bench.ASR(ctx, opts, out)
}
