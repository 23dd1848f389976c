package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"

	"tingxin/score"
)

// runScoreEmotion is "pbx score emotion".
func runScoreEmotion(args []string, out, errOut io.Writer) error {
	fs := newFlags("score emotion", "Measure the recognition of emotion over labelled recordings, on speakers not heard in training.", errOut)
	var opts score.EmotionOptions
	opts.Register(fs)
	addFigures(fs, errOut, score.EmotionFigures)
	if err := parse(fs, args); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	return score.Emotion(ctx, opts, out)
}
