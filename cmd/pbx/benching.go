package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"go.yaml.in/yaml/v3"

	"tingxin/bench"
	"tingxin/sip"
)

// runBench is "pbx bench asr", "pbx bench calls", "pbx bench emotion", "pbx bench bot" and "pbx bench chat".
func runBench(args []string, out, errOut io.Writer) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	switch {
	case len(args) > 0 && args[0] == "calls":
		return benchCalls(ctx, args[1:], out, errOut)
	case len(args) > 0 && args[0] == "asr":
		return benchASR(ctx, args[1:], out, errOut)
	case len(args) > 0 && args[0] == "emotion":
		return benchEmotion(ctx, args[1:], out, errOut)
	case len(args) > 0 && args[0] == "bot":
		return benchBot(ctx, args[1:], out, errOut)
	case len(args) > 0 && args[0] == "chat":
		return benchChat(ctx, args[1:], out, errOut)
	case len(args) > 0 && args[0] == "data":
		return benchData(ctx, args[1:], out, errOut)
	}
	return usage{errors.New("bench what? It can be asr, calls, emotion, bot, chat or data; \"pbx bench calls --help\" tells more")}
}

func benchCalls(ctx context.Context, args []string, out, errOut io.Writer) error {
	fs := newFlags("bench calls", "Place many SIP calls and measure them, and what they cost the server.", errOut)
	opts := bench.CallsOptions{Serve: serveCalls}
	opts.Register(fs)
	addFigures(fs, errOut, bench.CallsFigures)
	if err := parse(fs, args); err != nil {
		return err
	}
	return bench.Calls(ctx, opts, out)
}

// serveCalls starts this program as a server of its own process, so that its CPU
// time is its own.
func serveCalls(ctx context.Context, callee string, legs int) (served bench.Served, err error) {
	dir, err := os.MkdirTemp("", "tingxin-bench-")
	if err != nil {
		return served, err
	}
	defer func() {
		if err != nil {
			os.RemoveAll(dir)
		}
	}()
	path, err := benchConfig(dir, callee, legs)
	if err != nil {
		return served, err
	}
	line, pid, stop, err := startServer(ctx, path)
	if err != nil {
		return served, err
	}
	end := func() {
		stop()
		os.RemoveAll(dir)
	}
	address, err := udpAddress(line)
	if err != nil {
		stop()
		return served, err
	}
	return bench.Served{Address: address, PID: pid, Stop: end}, nil
}

// startServer starts this program as a server and waits for its line.
func startServer(ctx context.Context, config string) (line string, pid int, stop func(), err error) {
	self, err := os.Executable()
	if err != nil {
		return "", 0, nil, err
	}
	cmd := exec.Command(self, "serve", "--config", config)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM, Setpgid: true}
	lines, err := cmd.StdoutPipe()
	if err != nil {
		return "", 0, nil, err
	}
	if err := cmd.Start(); err != nil {
		return "", 0, nil, err
	}
	stop = func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait() // its exit code says nothing about the run
	}
	if line, err = readyLine(ctx, lines); err != nil {
		stop()
		return "", 0, nil, err
	}
	return line, cmd.Process.Pid, stop, nil
}

// benchConfig writes the configuration of a server that only carries calls.
func benchConfig(dir, callee string, legs int) (string, error) {
	if err := os.Chmod(dir, 0o755); err != nil {
		return "", err
	}
	cfg, err := demoConfig(filepath.Join(dir, "data"), nil)
	if err != nil {
		return "", err
	}
	cfg.Bot.Off, cfg.Emotion.Enabled = true, false
	cfg.ASR.Off, cfg.Call.MaxCalls, cfg.Log.Level, cfg.DrainTimeout = true, 5000, "warn", time.Second
	cfg.API.Listen, cfg.API.Profiles, cfg.Call.Routes = "127.0.0.1:0", true, bench.CallRoutes(callee)
	cfg.SIP.MaxCalls = 5000
	cfg.SIP.Trunks = []sip.Trunk{{Name: "bench", Addresses: []string{"127.0.0.0/8"}, Codecs: []string{"PCMU", "PCMA", "G722", "OPUS"}}}
	if lo, hi, err := bench.FreePorts(); err == nil && 4*legs > (hi-lo)/2 { // the caller takes as many
		cfg.Media.PortMin, cfg.Media.PortMax = 10000, 31999
	}
	text, err := yaml.Marshal(cfg)
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "pbx.yaml")
	return path, os.WriteFile(path, text, 0o600)
}

// udpAddress takes the UDP address from the line of a server that is ready.
func udpAddress(ready string) (string, error) {
	_, rest, ok := strings.Cut(ready, " udp:")
	if !ok {
		return "", fmt.Errorf("the server has no UDP address: %s", ready)
	}
	address, _, _ := strings.Cut(rest, " ")
	return address, nil
}

// readyLine waits for the line that says that a server is ready, and reads on behind it.
func readyLine(ctx context.Context, out io.Reader) (string, error) {
	found := make(chan string, 1)
	go func() { // ends when the server's output does
		defer close(found)
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if strings.HasPrefix(lines.Text(), "ready: ") {
				select {
				case found <- lines.Text():
				default:
				}
			}
		}
	}()
	select {
	case line, ok := <-found:
		if !ok {
			return "", errors.New("the server did not start, see its message above")
		}
		return line, nil
	case <-ctx.Done():
		return "", context.Cause(ctx)
	case <-time.After(2 * time.Minute):
		return "", fmt.Errorf("the server was not ready within two minutes")
	}
}
