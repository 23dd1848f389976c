package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"tingxin/ivr"
	"tingxin/media"
	"tingxin/pg"
)

// probe tries one thing that the server needs. ok is what to say when it is there.
type probe struct {
	name string
	try  func(ctx context.Context) (ok string, err error)
}

// errCheck says that a probe failed; the sentences are printed already.
var errCheck = errors.New("something is missing, see above")

// runCheck is "pbx check": the configuration with secrets hidden, then one line per probe.
func runCheck(args []string, out, errOut io.Writer) error {
	fs := newFlags("check", "Show the configuration, try everything the server needs, change nothing.", errOut)
	path := fs.String("config", "", "configuration `file` (YAML); defaults when not given")
	short := fs.Bool("quiet", false, "do not print the configuration")
	if err := parse(fs, args); err != nil {
		return err
	}
	cfg, err := load(*path, os.Environ())
	if err != nil {
		return err
	}
	cfg = cfg.withDefaults()
	if !*short {
		text, err := show(cfg)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%s\n", text)
	}
	if err := cfg.check(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	failed := false
	for _, p := range probes(cfg) {
		ok, err := p.try(ctx)
		if err != nil {
			failed = true
			fmt.Fprintf(out, "FAIL  %-10s %s\n", p.name, oneLine(err.Error()))
			continue
		}
		fmt.Fprintf(out, "ok    %-10s %s\n", p.name, ok)
	}
	if failed {
		return errCheck
	}
	return nil
}

func probes(cfg Config) []probe {
	return []probe{
		{"data", cfg.probeData}, {"database", cfg.probeDatabase}, {"speech", cfg.probeSpeech},
		{"media", cfg.probeMedia}, {"flows", cfg.probeFlows}, {"ports", cfg.probePorts},
	}
}

// probeData finds out whether the folder, or the nearest one above it, can be written.
func (c Config) probeData(context.Context) (string, error) {
	dir, err := filepath.Abs(c.DataDir)
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(filepath.Join(dir, "lock")); err == nil {
		f, err := lockFolder(dir)
		if err != nil {
			return "", err
		}
		return dir + " is free", f.Close()
	}
	for above := dir; ; above = filepath.Dir(above) {
		st, err := os.Stat(above)
		if errors.Is(err, os.ErrNotExist) && above != filepath.Dir(above) {
			continue
		}
		if err != nil || !st.IsDir() {
			return "", fmt.Errorf("%s is no folder: give another one in data_dir", above)
		}
		f, err := os.CreateTemp(above, ".pbx-check-")
		if err != nil {
			return "", fmt.Errorf("%s cannot be written: make it writable, or give another folder in data_dir", above)
		}
		return dir + " can be used", errors.Join(f.Close(), os.Remove(f.Name()))
	}
}

// probeDatabase connects to the given database, or starts a private one and stops it again.
func (c Config) probeDatabase(ctx context.Context) (string, error) {
	cfg := c.PG
	if cfg.URL == "" {
		if _, err := os.Stat(cfg.Dir); errors.Is(err, os.ErrNotExist) {
			dir, err := os.MkdirTemp("", "pbx-check-")
			if err != nil {
				return "", err
			}
			defer os.RemoveAll(dir)
			if err := os.Chmod(dir, 0o755); err != nil {
				return "", err
			}
			cfg.Dir = filepath.Join(dir, "postgres")
		}
		cluster := pg.NewCluster(cfg, slog.New(slog.DiscardHandler))
		if err := cluster.Start(ctx); err != nil {
			return "", err
		}
		return "a private PostgreSQL starts", cluster.Close()
	}
	db, err := pg.Attach(ctx, cfg.URL, cfg)
	if err != nil {
		return "", err
	}
	defer db.Close()
	took, err := db.Probe(ctx)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("PostgreSQL %d answers in %v", db.Version()/10000, took.Round(100*time.Microsecond)), nil
}

func (c Config) probeSpeech(ctx context.Context) (string, error) {
	if c.ASR.Off {
		return "is off", nil
	}
	if err := c.ASR.Check(); err != nil {
		return "", err
	}
	for _, address := range c.ASR.Addresses {
		network := "tcp"
		if rest, ok := strings.CutPrefix(address, "unix://"); ok {
			network, address = "unix", rest
		}
		conn, err := (&net.Dialer{Timeout: 3 * time.Second}).DialContext(ctx, network, address)
		if err != nil {
			return "", fmt.Errorf("asr.addresses: no worker answers at %s: start asrd there, or correct the address", address)
		}
		conn.Close()
	}
	if len(c.ASR.Addresses) > 0 {
		return fmt.Sprintf("%d workers answer", len(c.ASR.Addresses)), nil
	}
	return "models and worker program are there", nil
}

// probeMedia opens and closes one pair of ports, and the port of browsers.
func (c Config) probeMedia(ctx context.Context) (string, error) {
	log := slog.New(slog.DiscardHandler)
	if err := c.Media.WebRTCPortFree(); err != nil {
		return "", err
	}
	e, err := media.New(c.Media, log)
	if err != nil {
		return "", err
	}
	if err := e.Start(ctx); err != nil {
		return "", err
	}
	leg, err := e.NewLeg("check", log)
	if err != nil {
		return "", errors.Join(err, e.Close())
	}
	local := leg.Local()
	if err := errors.Join(leg.Close(), e.Close()); err != nil {
		return "", err
	}
	return fmt.Sprintf("a port pair opens at %s", local), nil
}

// probeFlows checks every flow and route and makes every prompt.
func (c Config) probeFlows(ctx context.Context) (string, error) {
	cfg := c.IVR
	if _, err := os.Stat(cfg.Cache); errors.Is(err, os.ErrNotExist) {
		dir, err := os.MkdirTemp("", "pbx-check-")
		if err != nil {
			return "", err
		}
		defer os.RemoveAll(dir)
		cfg.Cache = dir
	}
	flows := ivr.NewLibrary(cfg, slog.New(slog.DiscardHandler))
	if err := flows.Start(ctx); err != nil {
		return "", err
	}
	err := c.Call.Check(func(name string) bool { _, ok := flows.Flow(name); return ok })
	return "are valid and all prompts can be spoken: " + strings.Join(flows.Names(), ", "), err
}

// probePorts binds every address that the server will listen on.
func (c Config) probePorts(context.Context) (string, error) {
	listen := slices.Clone(c.SIP.Listen)
	if len(listen) == 0 {
		listen = []string{"udp:0.0.0.0:5060", "tcp:0.0.0.0:5060"}
	}
	listen = append(listen, "tcp:"+c.httpListen())
	for _, l := range listen {
		network, address, _ := strings.Cut(l, ":")
		if err := bindable(network, address); err != nil {
			if errors.Is(err, syscall.EADDRINUSE) {
				return "", fmt.Errorf("%s port %s is taken by another program: stop that one, or give another port in sip.listen or api.listen", network, address)
			}
			return "", fmt.Errorf("%s %s cannot be listened on: %w; correct sip.listen or api.listen", network, address, err)
		}
	}
	return "are free: " + strings.Join(listen, ", "), nil
}

func bindable(network, address string) error {
	if network == "udp" {
		c, err := net.ListenPacket("udp", address)
		if err != nil {
			return err
		}
		return c.Close()
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	return l.Close()
}
