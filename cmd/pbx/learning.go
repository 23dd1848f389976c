package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"tingxin/chat"
	"tingxin/kb"
	"tingxin/pg"
)

// runLearn is "pbx learn": the nightly learning by hand, and the judgements behind it.
func runLearn(args []string, out, errOut io.Writer) error {
	fs := newFlags("learn", "Find clusters of questions without a good answer, gather replies that were rated well, write the weekly curve, and learn to judge questions anew; what is worse on the replay is not taken.", errOut)
	path := fs.String("config", "", "configuration `file` (YAML) that names the database (pg.url); DATABASE_URL when not given")
	judge := fs.Bool("judge", true, "learn the judgements of questions, too")
	if err := parse(fs, args); err != nil {
		return err
	}
	cfg, err := loadDatabase("learn", *path)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	s := newServer(cfg, slog.New(slog.NewTextHandler(errOut, &slog.HandlerOptions{Level: slog.LevelWarn})))
	return s.learn(ctx, *judge, out)
}

// learn starts what learning needs, and nothing that others could call.
func (s *server) learn(ctx context.Context, judge bool, out io.Writer) (err error) {
	stopDatabase, err := s.startDatabase(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stopDatabase()) }()
	for _, start := range []func(context.Context) (func() error, error){s.startEmbed, s.startKB, s.startLearningBot} {
		stop, err := start(ctx)
		if err != nil {
			return err
		}
		if stop != nil {
			defer func() { _ = stop() }() // what it learnt is kept already
		}
	}
	if s.chat, err = chat.New(s.cfg.Chat, chat.Parts{DB: s.db, Bus: s.bus, Jobs: pg.NewJobs(s.db, s.log)}, s.log); err != nil {
		return err
	}
	if err := s.kb.Wait(ctx); err != nil {
		return err
	}
	a, err := s.newAssist()
	if err != nil {
		return err
	}
	run, err := a.Learn(ctx, "pbx learn")
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "replies  %d that may be offered again\n", run.Kinds)
	for _, lang := range kb.Languages {
		of := run.Langs[lang]
		fmt.Fprintf(out, "%s       %d questions, %d clusters, %d new; near %.3f, link %.3f, measured on %d texts (precision %.3f, recall %.3f)\n", lang, of.Questions, of.Clusters, of.Fresh, of.Cut.Near, of.Cut.Link, of.Cut.Texts, of.Cut.Precision, of.Cut.Recall)
		if why := run.Gates[lang]; why != "" {
			fmt.Fprintf(out, "%s       judgement %s\n", lang, why)
		}
	}
	if !judge {
		return nil
	}
	return s.judge(ctx, out)
}

// judge learns the judgements anew and tells what the replay said.
func (s *server) judge(ctx context.Context, out io.Writer) error {
	for _, lang := range kb.Languages {
		err := s.kb.Train(ctx, lang, "pbx learn")
		if errors.Is(err, kb.ErrTrain) {
			fmt.Fprintf(out, "%s       no judgement: %v\n", lang, err)
			continue
		}
		if err != nil {
			return err
		}
	}
	all, err := s.kb.Judgements(ctx)
	if err != nil {
		return err
	}
	for _, j := range all {
		if len(j.Judgements) == 0 {
			continue
		}
		l := slices.MaxFunc(j.Judgements, func(a, b kb.Learnt) int { return int(a.ID - b.ID) })
		verdict := "taken"
		if l.Reason != "" {
			verdict = "not taken: " + l.Reason
		}
		if l.Own.Questions == 0 {
			fmt.Fprintf(out, "%s       judgement %d %s; there are too few labelled questions to replay\n", j.Lang, l.ID, verdict)
			continue
		}
		fmt.Fprintf(out, "%s       judgement %d on %d replayed questions: MRR@10 %.3f, wrong %.1f %%, answered right %.1f %%; %s\n", j.Lang, l.ID, l.Own.Questions, l.Own.MRR, l.Own.Wrong, l.Own.Right, verdict)
	}
	return nil
}
