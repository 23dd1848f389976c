package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"tingxin/asr"
	"tingxin/call"
	"tingxin/caller"
	"tingxin/event"
	"tingxin/score"
)

// runScore is "pbx score asr", "pbx score emotion", or one of the runs over texts.
func runScore(args []string, out, errOut io.Writer) error {
	what := ""
	if len(args) > 0 {
		what = args[0]
	}
	switch {
	case what == "emotion":
		return runScoreEmotion(args[1:], out, errOut)
	case textRuns[what] != nil:
		return textRuns[what](args[1:], out, errOut)
	case what != "asr":
		return usage{errors.New("score what? \"pbx score WHAT --help\" tells more; WHAT is asr, emotion, faq, intents, pairs or slots")}
	}
	fs := newFlags("score asr", "Measure recognition over labelled recordings: error rates and latencies.", errOut)
	var opts score.Options
	opts.Register(fs)
	path := fs.String("config", "", "configuration `file`, for its section asr")
	addFigures(fs, errOut, score.Figures)
	if err := parse(fs, args[1:]); err != nil {
		return err
	}
	cfg, err := load(*path, os.Environ())
	if err != nil {
		return err
	}
	opts.ASR = cfg.ASR.Config
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if opts.Path != "call" {
		return score.ASR(ctx, opts, out)
	}
	line, err := openLine(ctx, cfg.ASR)
	if err != nil {
		return err
	}
	opts.Line = line
	return errors.Join(score.ASR(ctx, opts, out), line.close())
}

// addFigures puts the names of the figures under a command's flags.
func addFigures(fs *flag.FlagSet, errOut io.Writer, names string) {
	flags := fs.Usage
	fs.Usage = func() {
		flags()
		fmt.Fprint(errOut, "\n", names)
	}
}

// scoreFlow listens and says nothing, so that every word of a call is the recording's.
const scoreFlow = `flow: score
version: 1
nodes:
  - record: {consent: none}
  - listen: {}
`

// line is a server of our own that is called with recordings: the whole way from
// RTP to the events that a browser would see.
type line struct {
	s     *server
	agent *caller.Agent
	dir   string
	calls atomic.Int64
}

// openLine starts a server in a folder of its own.
func openLine(ctx context.Context, speech ASRConfig) (*line, error) {
	dir, err := os.MkdirTemp("", "tingxin-score-")
	if err != nil {
		return nil, err
	}
	l := &line{dir: dir}
	flows := filepath.Join(dir, "flows")
	err = errors.Join(os.Chmod(dir, 0o755), os.Mkdir(flows, 0o755), os.WriteFile(filepath.Join(flows, "score.yaml"), []byte(scoreFlow), 0o644))
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	cfg, err := demoConfig(filepath.Join(dir, "data"), nil)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	cfg.ASR, cfg.IVR.Flows = speech, flows
	for _, lang := range []string{"en", "zh"} {
		cfg.Call.Routes = append(cfg.Call.Routes, call.Route{Numbers: []string{lang}, Flow: "score", Language: lang})
	}
	l.s = newServer(cfg, log)
	if err := l.s.start(ctx); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	l.agent = caller.New(caller.Config{}, log)
	if err := l.agent.Start(ctx); err != nil {
		return nil, errors.Join(err, l.close())
	}
	return l, nil
}

func (l *line) close() error {
	return errors.Join(l.agent.Close(), l.s.close(cancelled()), os.RemoveAll(l.dir))
}

// Call implements score.Line.
func (l *line) Call(ctx context.Context, u score.Utterance) (score.Heard, error) {
	events := l.s.bus.Subscribe(16384)
	target, err := l.s.address(u.Lang)
	if err != nil {
		return score.Heard{}, err
	}
	cfg := caller.CallConfig{To: target, From: fmt.Sprintf("score-%d", l.calls.Add(1)), Audio: u.PCM, Lead: 300 * time.Millisecond, Tail: 2 * time.Second}
	if u.Wide {
		cfg.Codec = caller.G722
	}
	w := &witness{from: cfg.From, ended: make(chan struct{})}
	var wg sync.WaitGroup
	wg.Go(func() { w.watch(events.C) }) // ends when the subscription is closed
	report, err := l.agent.Call(ctx, cfg)
	if err == nil && report.OK() {
		select {
		case <-w.ended:
		case <-ctx.Done():
		case <-time.After(demoWords):
			err = errors.New("the call's record was not written in time")
		}
	}
	lost := events.Dropped()
	events.Close()
	wg.Wait()
	switch {
	case err != nil:
		return w.heard, err
	case !report.OK():
		return w.heard, fmt.Errorf("the call ended as %q (SIP status %d)", report.Cause, report.Status)
	case lost > 0:
		return w.heard, fmt.Errorf("%d events were lost", lost)
	case w.deferred:
		return w.heard, errors.New("the speech workers were full: call with less --parallel")
	}
	w.heard.AudioAt = report.AudioAt
	return w.heard, nil
}

// witness collects what the events of one call say of the caller's side.
type witness struct {
	from, id string
	heard    score.Heard
	deferred bool
	ended    chan struct{}
}

func (w *witness) watch(events <-chan event.Event) {
	for e := range events {
		if s, ok := e.Data.(call.Summary); ok && e.Type == "call.started" && s.From == w.from {
			w.id = e.Call
		}
		if w.id == "" || e.Call != w.id {
			continue
		}
		if e.Type == "call.ended" {
			s, ok := e.Data.(call.Summary)
			w.deferred = ok && s.Transcription[call.SideCaller] == call.TranscriptionDeferred
			close(w.ended)
			w.id = "-"
			continue
		}
		if r, ok := resultOf(e.Data); ok {
			w.heard.Results = append(w.heard.Results, score.Timed{Result: r, At: e.At})
		}
	}
}

// resultOf is the recogniser's result behind an event of the caller's side.
func resultOf(data any) (asr.Result, bool) {
	at := func(ms int64) time.Duration { return time.Duration(ms) * time.Millisecond }
	switch d := data.(type) {
	case call.PartialItem:
		return asr.Result{Kind: asr.Partial, Segment: d.Segment, Text: d.Text, Start: at(d.StartMS), End: at(d.EndMS)}, d.Side == call.SideCaller
	case call.TranscriptItem:
		r := asr.Result{Kind: asr.Final, Segment: d.Segment, Text: d.Text, Raw: d.Raw, Start: at(d.StartMS), End: at(d.EndMS)}
		for _, word := range d.Words {
			r.Words = append(r.Words, asr.Word{Text: word.Text, Start: at(word.StartMS), End: at(word.EndMS), Conf: word.Conf})
		}
		return r, d.Side == call.SideCaller
	case call.TurnItem:
		return asr.Result{Kind: asr.TurnEnd, End: at(d.EndMS), Reason: d.Reason}, d.Side == call.SideCaller
	case call.GapItem:
		return asr.Result{Kind: asr.Gap, Start: at(d.StartMS), End: at(d.EndMS), Reason: d.Reason}, d.Side == call.SideCaller
	}
	return asr.Result{}, false
}
