// Command asrd is the speech worker: it hears the channels that pbx sends and
// tells their words. libvosk ends the whole process on an internal error, so it
// lives here and never in the process that holds calls.
//
//	asrd serve --listen unix:///path | host:port --models JSON [--threads N]
//	asrd transcribe --model DIR file.wav     words of a file on stdout
//	asrd plain      --model DIR              what libvosk alone hears in the files named on stdin
//	asrd bench-raw  --model DIR file.wav...  plain single-recogniser libvosk, for comparison
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			os.Exit(2)
		}
		fmt.Fprintln(os.Stderr, "asrd:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	cmd := "serve"
	if len(args) > 0 && args[0] != "" && args[0][0] != '-' {
		cmd, args = args[0], args[1:]
	}
	switch cmd {
	case "serve":
		return serve(ctx, args)
	case "transcribe":
		return transcribe(ctx, args)
	case "plain":
		return plain(ctx, args)
	case "bench-raw":
		return benchRaw(ctx, args)
	}
	return fmt.Errorf("unknown command %q: serve, transcribe, plain or bench-raw", cmd)
}
