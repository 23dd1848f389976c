package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

// runServe is "pbx serve": it serves until SIGTERM or SIGINT, then drains; a second signal cuts.
func runServe(args []string, out, errOut io.Writer) error {
	fs := newFlags("serve", "Start the server and serve calls until SIGTERM or Ctrl-C.", errOut)
	path := fs.String("config", "", "configuration `file` (YAML); defaults when not given")
	if err := parse(fs, args); err != nil {
		return err
	}
	cfg, err := load(*path, os.Environ())
	if err != nil {
		return err
	}
	if err := cfg.check(); err != nil {
		return err
	}
	return serve(cfg, out, func() (Config, error) { return load(*path, os.Environ()) })
}

// serve runs a server; again reads its configuration once more.
func serve(cfg Config, out io.Writer, again func() (Config, error)) error {
	log, err := cfg.Log.logger()
	if err != nil {
		return err
	}
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, os.Interrupt)
	defer signal.Stop(signals)
	starting, stopStarting := context.WithCancel(context.Background())
	defer stopStarting()
	s := newServer(cfg, log)
	failed := make(chan error, 1)
	go func() { failed <- s.start(starting) }() // ends when started, failed, or starting is cancelled
	select {
	case err := <-failed:
		if err != nil {
			return err
		}
	case <-signals:
		stopStarting()
		if err := <-failed; err != nil && !errors.Is(err, context.Canceled) {
			return err
		}
		return s.close(cancelled())
	}
	hups := make(chan os.Signal, 1)
	signal.Notify(hups, syscall.SIGHUP)
	defer signal.Stop(hups)
	s.greet(out)
	if s.bot != nil {
		s.bot.Warm()
	}
	sig := s.run(signals, hups, again)
	log.Info("stopping", "signal", sig.String(), "drain", s.cfg.DrainTimeout)
	drain, cut := context.WithTimeout(context.Background(), s.cfg.DrainTimeout)
	defer cut()
	done := make(chan struct{})
	defer close(done)
	go func() { // ends with serve, or at the second signal
		select {
		case <-signals:
			log.Warn("second signal: calls are cut")
			cut()
		case <-done:
		}
	}()
	return s.close(drain)
}

// run waits for the signal to stop; SIGHUP reads sip.users again meanwhile.
func (s *server) run(signals, hups <-chan os.Signal, again func() (Config, error)) os.Signal {
	for {
		select {
		case sig := <-signals:
			return sig
		case <-hups:
			cfg, err := again()
			if err == nil {
				err = s.sip.SetUsers(cfg.SIP.Users)
			}
			if err != nil {
				s.log.Error("sip.users are as they were", "error", err)
				continue
			}
			s.log.Info("sip.users read again; other settings count from the next start", "users", len(cfg.SIP.Users))
		}
	}
}

// greet says where the server is and, in the run that made it, the first login.
func (s *server) greet(out io.Writer) {
	fmt.Fprintf(out, "ready: pages at %s, SIP at %s\n", s.web.URL(), strings.Join(s.sip.Addresses(), " "))
	if s.login != nil {
		fmt.Fprintf(out, "first login, shown only now: %s / %s\n", s.login.user, s.login.password)
	}
}

// cancelled is a context that is over.
func cancelled() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// newFlags makes the flags of a subcommand.
func newFlags(name, purpose string, errOut io.Writer) *flag.FlagSet {
	fs := flag.NewFlagSet("pbx "+name, flag.ContinueOnError)
	fs.SetOutput(errOut)
	fs.Usage = func() {
		fmt.Fprintf(errOut, "%s\n\nusage: pbx %s [flags]\n", purpose, name)
		fs.PrintDefaults()
	}
	return fs
}

// parse parses flags; a subcommand takes no other arguments.
func parse(fs *flag.FlagSet, args []string) error {
	if err := fs.Parse(args); err != nil {
		return flagError(err)
	}
	if fs.NArg() > 0 {
		return usage{fmt.Errorf("%s: unexpected argument %q", fs.Name(), fs.Arg(0))}
	}
	return nil
}

// flagError is an error of flags: asking for help is none of usage.
func flagError(err error) error {
	if errors.Is(err, flag.ErrHelp) {
		return err
	}
	return usage{err}
}

// usage is an error of the command line; its exit code is 2.
type usage struct{ error }
