package main

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"tingxin/bench"
)

func benchChat(ctx context.Context, args []string, out, errOut io.Writer) error {
	fs := newFlags("bench chat", "Connect many visitors to the web chat, let some of them write, and measure what they and an agent wait for.", errOut)
	opts := bench.ChatOptions{Serve: serveVisitors}
	opts.Register(fs)
	addFigures(fs, errOut, bench.ChatFigures)
	if err := parse(fs, args); err != nil {
		return err
	}
	return bench.Chat(ctx, opts, out)
}

// serveVisitors starts this program as a server that only chats, in a process of its own.
func serveVisitors(ctx context.Context) (served bench.ChatServed, err error) {
	dir, err := os.MkdirTemp("", "tingxin-bench-")
	if err != nil {
		return served, err
	}
	defer func() {
		if err != nil {
			os.RemoveAll(dir)
		}
	}()
	if err := os.Chmod(dir, 0o755); err != nil { // the database's account must pass
		return served, err
	}
	cfg, err := demoConfig(filepath.Join(dir, "data"), nil)
	if err != nil {
		return served, err
	}
	cfg.ASR.Off, cfg.Bot.Off, cfg.Assist.Off, cfg.Emotion.Enabled = true, true, true, false
	cfg.Log.Level, cfg.DrainTimeout, cfg.API.Listen = "warn", time.Second, "127.0.0.1:0"
	cfg.WebChat.Connects, cfg.WebChat.MaxSockets = 1_000_000, 200_000 // all come from one address
	text, err := yaml.Marshal(cfg)
	if err != nil {
		return served, err
	}
	path := filepath.Join(dir, "pbx.yaml")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		return served, err
	}
	line, pid, stop, err := startServer(ctx, path)
	if err != nil {
		return served, err
	}
	_, rest, ok := strings.Cut(line, "pages at ")
	if !ok {
		stop()
		return served, errors.New("the server names no address of its pages")
	}
	at, _, _ := strings.Cut(rest, ",")
	return bench.ChatServed{URL: at, User: demoUser, Password: demoPassword, PID: pid, Stop: func() {
		stop()
		os.RemoveAll(dir)
	}}, nil
}
