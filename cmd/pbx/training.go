package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"syscall"

	"tingxin/score"
)

// runTrain is "pbx train emotion".
func runTrain(args []string, out, errOut io.Writer) error {
	if len(args) == 0 || args[0] != "emotion" {
		return usage{errors.New("train what? \"pbx train emotion --help\" tells more")}
	}
	fs := newFlags("train emotion", "Train a model of prosody on labelled recordings.", errOut)
	var opts score.TrainOptions
	opts.Register(fs)
	if err := parse(fs, args[1:]); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	return score.TrainEmotion(ctx, opts, out)
}
