package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"

	"tingxin/asr/asrpb"
	"tingxin/asr/worker"
)

// maxMessage is the largest message a client may send: a second of audio.
const maxMessage = 64 << 10

// serve runs the worker until the context ends or, with --parent, until stdin
// closes: then pbx is gone.
func serve(ctx context.Context, args []string) error {
	fs := flag.NewFlagSet("asrd serve", flag.ContinueOnError)
	listen := fs.String("listen", "127.0.0.1:7070", "unix:///path or host:port")
	modelsArg := fs.String("models", "", `JSON: {"en": {"static": "DIR", "dynamic": "DIR"}}, or @file`)
	threads := fs.Int("threads", 1, "decoding threads")
	ceiling := fs.Int("max-channels", 0, "most live channels, 0: by measured load only")
	chunk := fs.Int("frames-per-chunk", 0, "network block in frames of 10 ms, 0: the default")
	turnArg := fs.String("turn", "", "JSON: silences that end a turn, in ms")
	parent := fs.Bool("parent", false, "end when stdin closes")
	admitAll := fs.Bool("admit-all", false, "take every channel whatever the load")
	phraseLists := fs.Bool("phrase-lists", false, "load the graphs for phrase lists at the start")
	debug := fs.Bool("debug", false, "log more")
	if err := fs.Parse(args); err != nil {
		return err
	}
	log := newLog(*debug)
	var cfg worker.Config
	cfg.Threads, cfg.MaxChannels, cfg.AdmitAll = *threads, *ceiling, *admitAll
	if *turnArg != "" {
		if err := json.Unmarshal([]byte(*turnArg), &cfg.Turn); err != nil {
			return fmt.Errorf("--turn: %w", err)
		}
	}
	models, err := parseModels(*modelsArg)
	if err != nil {
		return err
	}
	eng, err := newEngine(models, *chunk, log)
	if err != nil {
		return err
	}
	defer eng.close()

	lis, err := listenOn(*listen)
	if err != nil {
		return err
	}
	w := worker.New(cfg, eng, log)
	if err := w.Start(ctx); err != nil {
		return err
	}
	defer w.Close()
	srv := grpc.NewServer(grpc.MaxRecvMsgSize(maxMessage), grpc.InitialWindowSize(1<<20), grpc.InitialConnWindowSize(8<<20),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: time.Second, PermitWithoutStream: true}))
	asrpb.RegisterSpeechServer(srv, w)
	log.Info("speech worker ready", "listen", *listen, "threads", *threads, "rss_mb", eng.rssMB())

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if *parent {
		// Ends with the process: reading stdin cannot be interrupted.
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			cancel()
		}()
	}
	var warming sync.WaitGroup
	defer warming.Wait()
	if *phraseLists {
		// Ends when the models are loaded, a second each.
		warming.Go(eng.warm)
	}
	done := make(chan error, 1)
	// Ends when srv stops.
	go func() { done <- srv.Serve(lis) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	log.Info("speech worker ends")
	srv.Stop()
	<-done
	return nil
}

func newLog(debug bool) *slog.Logger {
	level := slog.LevelInfo
	if debug {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
}

func listenOn(addr string) (net.Listener, error) {
	network, where := "tcp", addr
	if p, ok := strings.CutPrefix(addr, "unix://"); ok {
		network, where = "unix", p
	}
	lis, err := net.Listen(network, where)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w (is another worker there?)", addr, err)
	}
	return lis, nil
}
