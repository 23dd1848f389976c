package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"tingxin/call"
	"tingxin/caller"
	"tingxin/event"
)

// The login of the demo, which listens on this machine only.
const (
	demoUser     = "admin"
	demoPassword = "tingxin-demo"
)

const (
	demoPause = time.Minute      // between two calls
	demoWords = 20 * time.Second // for the last words and the record after a call
)

// errNoFinal says that the demo's call left no words in the database.
var errNoFinal = errors.New("no final transcript of the caller was read back from the database")

// demo is "pbx demo" while it runs.
type demo struct {
	s     *server
	out   io.Writer
	view  *view
	agent *caller.Agent
	voice *voice
}

// runDemo starts a whole server and lets a recorded voice call it.
func runDemo(args []string, out, errOut io.Writer) error {
	fs := newFlags("demo", "Start a server of its own, let a recorded human voice call it, and show the words as they are heard.", errOut)
	once := fs.Bool("once", false, "end after one call; exit code 0 only if a final was read back from the database")
	file := fs.String("call", "", "call with this WAV `file` instead of the readings in build/caller")
	dir := fs.String("data", "data/demo", "`folder` of the demo's database and recordings")
	verbose := fs.Bool("verbose", false, "show the server's log")
	if err := parse(fs, args); err != nil {
		return err
	}
	v, err := loadVoice(*file)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	log := slog.New(slog.DiscardHandler)
	if *verbose {
		log = slog.New(slog.NewTextHandler(errOut, nil))
	}
	cfg, err := demoConfig(*dir, os.Environ())
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "Starting a server: database, speech workers, telephony, pages ...")
	s := newServer(cfg, log)
	if err := s.cfg.check(); err != nil {
		return err
	}
	if err := s.start(ctx); err != nil {
		return interrupted(ctx, err)
	}
	err = runDemoCalls(ctx, s, v, out, *once)
	return errors.Join(interrupted(ctx, err), s.close(cancelled()))
}

// interrupted makes the end by Ctrl-C no error.
func interrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// demoConfig is the demo's server: everything on this machine, on ports that are
// free, with a database of its own; other settings may come from the environment.
func demoConfig(dir string, environ []string) (Config, error) {
	cfg, err := load("", environ)
	if err != nil {
		return cfg, err
	}
	cfg.DataDir, cfg.PG.URL = dir, ""
	cfg.SIP.Listen = []string{"udp:127.0.0.1:0", "tcp:127.0.0.1:0"}
	cfg.Media.Listen, cfg.Media.PortMin = "127.0.0.1", -1
	if cfg.Media.WebRTCPortFree() != nil { // another server has it
		cfg.Media.WebRTC.Port = -1
	}
	cfg.API.Listen = "127.0.0.1:8080"
	if bindable("tcp", cfg.API.Listen) != nil {
		cfg.API.Listen = "127.0.0.1:0"
	}
	cfg.API.Admin.Username, cfg.API.Admin.Password = demoUser, demoPassword
	cfg.Emotion.Enabled = true // the flow announces it
	cfg.WebChat.DemoShop = true
	return cfg, nil
}

func runDemoCalls(ctx context.Context, s *server, v *voice, out io.Writer, once bool) error {
	agent := caller.New(caller.Config{}, s.log)
	if err := agent.Start(ctx); err != nil {
		return err
	}
	defer agent.Close()
	d := &demo{s: s, out: out, view: newView(out), agent: agent, voice: v}
	fmt.Fprintf(out, "\n  Pages   %s   login %s / %s\n  Shop    %s   with the chat for customers\n  SIP     %s\n\n", s.web.URL(), demoUser, demoPassword, s.web.URL()+shopPath, strings.Join(s.sip.Addresses(), "  "))
	for {
		err := d.call(ctx)
		if once || ctx.Err() != nil {
			return err
		}
		if err != nil {
			fmt.Fprintln(out, "This call failed:", err)
		}
		fmt.Fprintf(out, "\nThe pages stay open at %s; the next call comes in %v. Ctrl-C ends.\n", s.web.URL(), demoPause)
		if !sleep(ctx, demoPause) {
			return nil
		}
	}
}

// sleep waits; false when ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// call places one call, shows it, and reads it back.
func (d *demo) call(ctx context.Context) error {
	events := d.s.bus.Subscribe(4096)
	defer events.Close()
	target, err := d.s.address("4000")
	if err != nil {
		return err
	}
	fmt.Fprintf(d.out, "A caller dials in with %s (%.0f s of speech).\n", d.voice.name, d.voice.seconds())
	ended := make(chan error, 1)
	calling, hangUp := context.WithCancel(ctx)
	defer hangUp()
	go func() { ended <- d.dial(calling, target) }() // ends with the call, which hangUp ends at the latest
	timing, err := d.watch(ctx, events.C, ended)
	hangUp()
	if err != nil {
		return err
	}
	return d.readBack(timing)
}

// address is the SIP address of a number here.
func (s *server) address(number string) (string, error) {
	for _, a := range s.sip.Addresses() {
		if host, ok := strings.CutPrefix(a, "udp:"); ok {
			return "sip:" + number + "@" + host, nil
		}
	}
	return "", &net.AddrError{Err: "the server has no UDP address", Addr: strings.Join(s.sip.Addresses(), " ")}
}

func (d *demo) dial(ctx context.Context, target string) error {
	report, err := d.agent.Call(ctx, caller.CallConfig{
		To: target, From: "13800138000", Audio: d.voice.pcm, LeadQuiet: 1200 * time.Millisecond, Lead: 15 * time.Second, Tail: 2500 * time.Millisecond,
	})
	if err != nil {
		return err
	}
	if !report.OK() {
		return fmt.Errorf("the call ended as %q (SIP status %d)", report.Cause, report.Status)
	}
	return nil
}

// watch shows the call's events until its record is written.
func (d *demo) watch(ctx context.Context, events <-chan event.Event, ended <-chan error) (*timing, error) {
	t := &timing{}
	var late <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return t, context.Cause(ctx)
		case err := <-ended:
			if err != nil {
				return t, err
			}
			ended, late = nil, time.After(demoWords)
		case <-late:
			return t, errors.New("the call's record was not written in time")
		case e, open := <-events:
			if !open {
				return t, errors.New("the server stopped")
			}
			t.note(e)
			d.view.show(e)
			if e.Type == "call.ended" && e.Call == t.call {
				return t, nil
			}
		}
	}
}

// record is the call as the database has it.
func (d *demo) record(id string) (call.Record, []call.Utterance, error) {
	ctx, cancel := context.WithTimeout(context.Background(), demoWords)
	defer cancel()
	r, err := d.s.store.Get(ctx, id)
	if err != nil {
		return r, nil, err
	}
	said, err := d.s.store.Utterances(ctx, id)
	return r, said, err
}
