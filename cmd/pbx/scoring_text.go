package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"

	"tingxin/score"
)

// textRuns are the scored runs over texts, by the word after "pbx score".
var textRuns = map[string]func(args []string, out, errOut io.Writer) error{
	"faq":     runScoreFAQ,
	"intents": runScoreIntents,
	"pairs":   runScorePairs,
	"slots":   runScoreSlots,
}

// runScoreIntents is "pbx score intents".
func runScoreIntents(args []string, out, errOut io.Writer) error {
	fs := newFlags("score intents", "Measure how well intents are told apart, after learning them from examples.", errOut)
	var opts score.IntentOptions
	opts.Register(fs)
	addFigures(fs, errOut, score.IntentFigures)
	if err := parse(fs, args); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	return score.Intents(ctx, opts, out)
}

// runScoreSlots is "pbx score slots".
func runScoreSlots(args []string, out, errOut io.Writer) error {
	fs := newFlags("score slots", "Measure how well values (order numbers, dates, amounts, ...) are found in messages.", errOut)
	var opts score.SlotOptions
	opts.Register(fs)
	addFigures(fs, errOut, score.SlotFigures)
	if err := parse(fs, args); err != nil {
		return err
	}
	return score.Slots(opts, out)
}

// runScorePairs is "pbx score pairs".
func runScorePairs(args []string, out, errOut io.Writer) error {
	fs := newFlags("score pairs", "Measure how well sentences of the same meaning are told from others.", errOut)
	var opts score.PairOptions
	opts.Register(fs)
	addFigures(fs, errOut, score.PairFigures)
	if err := parse(fs, args); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	return score.Pairs(ctx, opts, out)
}

// runScoreFAQ is "pbx score faq".
func runScoreFAQ(args []string, out, errOut io.Writer) error {
	fs := newFlags("score faq", "Measure how well questions find their articles, and what would be answered.", errOut)
	var opts score.FAQOptions
	opts.Register(fs)
	addFigures(fs, errOut, score.FAQFigures)
	if err := parse(fs, args); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	return score.FAQ(ctx, opts, out)
}
