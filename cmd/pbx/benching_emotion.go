package main

import (
	"context"
	"errors"
	"flag"
	"io"

	"tingxin/bench"
)

func benchEmotion(ctx context.Context, args []string, out, errOut io.Writer) error {
	fs := newFlags("bench emotion", "Measure what reading prosody costs per channel, and how late readings are with many channels.", errOut)
	var opts bench.EmotionOptions
	opts.Register(fs)
	addFigures(fs, errOut, bench.EmotionFigures)
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return err
		}
		return usage{err}
	}
	opts.Files = fs.Args()
	return bench.Emotion(ctx, opts, out)
}
