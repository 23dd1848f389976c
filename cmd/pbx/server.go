package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"tingxin/admin"
	"tingxin/api"
	"tingxin/asr"
	"tingxin/assist"
	"tingxin/bot"
	"tingxin/call"
	"tingxin/callout"
	"tingxin/chat"
	webchat "tingxin/chat/web"
	"tingxin/chat/webhook"
	"tingxin/contact"
	"tingxin/event"
	"tingxin/feedback"
	"tingxin/ivr"
	"tingxin/kb"
	"tingxin/media"
	"tingxin/nlp/embed"
	"tingxin/pg"
	"tingxin/queue"
	"tingxin/rules"
	"tingxin/sip"
	"tingxin/ticket"
	"tingxin/triage"
)

// server is the whole program but for its command line.
type server struct {
	cfg Config
	log *slog.Logger

	lock    *os.File // of the data folder
	db      *pg.DB
	pool    *asr.Pool
	engine  *media.Engine
	bus     *event.Bus
	flows   *ivr.Library
	store   *call.Store
	persons *contact.Store
	jobs    *pg.Jobs // started with the web side
	chat    *chat.Service
	tickets *ticket.Service
	queues  *queue.Service
	embed   *embed.Service // nil: this machine has no sentence models
	kb      *kb.Service
	bot     *bot.Engine     // nil: off
	assist  *assist.Service // nil: off
	calls   *call.Manager
	alive   atomic.Pointer[call.Manager] // for the queues, which start before it
	sip     *sip.Server
	web     *api.Server
	people  *api.People
	admin   *admin.Service
	vault   *admin.Vault
	rules   *runtime // what runs by the settings of administrators

	callouts   *callout.Service
	feedback   *feedback.Service
	triage     *triage.Service
	automation *rules.Service

	accounts  *chat.Accounts
	webchat   *webchat.Server
	hooks     *webhook.Channel
	chatQueue *chatQueue // between chat and queues
	phones    *phones
	nodes     *nodes // nil: this server is alone
	login     *login // of the administrator that this run made, else nil

	mu      sync.Mutex
	started []part // in order of starting
}

// part is something that was started and how it is stopped.
type part struct {
	name string
	stop func() error
}

// newServer stores; start begins.
func newServer(cfg Config, log *slog.Logger) *server {
	return &server{cfg: cfg.withDefaults(), log: log}
}

// start starts everything in the order in which one needs the other, and
// returns when calls can come in. What was started is stopped again when a part fails.
func (s *server) start(ctx context.Context) error {
	steps := []struct {
		name  string
		start func(context.Context) (stop func() error, err error)
	}{
		{"data folder", s.takeDataDir}, // one pbx per folder
		{"database", s.startDatabase},  // before anything that keeps something; migrates
		{"users", s.startPeople},       // before signalling, which asks it who somebody is
		{"nodes", s.startNodes},        // before signalling, which asks it where somebody is
		{"queues", s.startQueues},      // before calls, which wait in them
		{"tickets", s.startTickets},    // which the queues give out
		{"sentence models", s.startEmbed},
		{"articles", s.startKB},
		{"settings", s.startSettings},  // before media, which is made of them, and calls, which find its flows
		{"speech workers", s.startASR}, // before calls, which would otherwise be left for afterwards
		{"chat", s.startChat},          // before whoever looks at its messages; runs from "web" on
		{"feedback", s.startFeedback},  // before the bot, beside whom it looks at what chat gets
		{"bot", s.startBot},            // looks at what chat gets
		{"rules", s.startAutomation},   // before "administration", which gives it its plans; runs from "web" on
		{"assist", s.startAssist},      // asks articles and bot
		{"media", s.startMedia},
		{"lists of calls", s.makeCallouts}, // asked by calls; runs from "calling" on
		{"calls", s.startCalls},            // replays the journal, ends the calls of a crashed run
		{"calling", s.startCallouts},
		{"administration", s.startAdmin},
		{"sip", s.startSIP}, // from here on calls come
		{"web", s.startWeb},
	}
	for _, step := range steps {
		began := time.Now()
		stop, err := step.start(ctx)
		if err != nil {
			return errors.Join(fmt.Errorf("%s: %w", step.name, err), s.close(context.Background()))
		}
		s.mu.Lock()
		s.started = append(s.started, part{step.name, stop})
		s.mu.Unlock()
		s.log.Debug("started", "part", step.name, "took", time.Since(began).Round(time.Millisecond))
	}
	return nil
}

// close takes no more calls, lets the running ones end while ctx lasts, cuts the
// rest, and stops everything. Twice is fine.
func (s *server) close(ctx context.Context) error {
	s.mu.Lock()
	parts := s.started
	s.started = nil
	s.mu.Unlock()
	if len(parts) == 0 {
		return nil
	}
	if s.callouts != nil {
		_ = s.callouts.Close() // nobody else is called
	}
	if s.sip != nil {
		s.sip.Drain()
	}
	if s.calls != nil {
		if n := s.calls.Stats().Active; n > 0 {
			s.log.Info("waiting for calls to end", "calls", n)
		}
		_ = s.calls.Drain(ctx) // an error says that calls were cut
	}
	byName := make(map[string]part, len(parts))
	for _, p := range parts {
		byName[p.name] = p
	}
	var errs []error
	for _, name := range []string{"calling", "sip", "administration", "calls", "media", "speech workers", "web", "assist", "rules", "bot", "feedback", "articles", "sentence models", "tickets", "queues", "nodes", "users", "database", "data folder"} {
		p, ok := byName[name]
		if !ok || p.stop == nil {
			continue
		}
		if err := p.stop(); err != nil {
			errs = append(errs, fmt.Errorf("stop %s: %w", p.name, err))
		}
		s.log.Debug("stopped", "part", p.name)
	}
	return errors.Join(errs...)
}

func (s *server) takeDataDir(context.Context) (func() error, error) {
	dir, err := filepath.Abs(s.cfg.DataDir)
	if err != nil {
		return nil, err
	}
	f, err := lockFolder(dir)
	if err != nil {
		return nil, err
	}
	s.lock = f
	return f.Close, nil
}

func (s *server) startDatabase(ctx context.Context) (func() error, error) {
	db, err := pg.Open(ctx, s.cfg.PG, s.log)
	if err != nil {
		return nil, err
	}
	s.db, s.bus, s.store, s.jobs = db, s.cfg.newBus(), call.NewStore(db), pg.NewJobs(db, s.log)
	if err := s.store.SetMoods(ctx, s.cfg.Emotion.Rules); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	s.persons = s.contacts()
	return func() error {
		s.bus.Close()
		return db.Close()
	}, nil
}

// startQueues finds the waiting work of earlier runs and of other servers.
func (s *server) startQueues(ctx context.Context) (func() error, error) {
	if err := s.firstQueue(ctx); err != nil {
		return nil, err
	}
	queues, err := queue.New(s.cfg.Queues, s.db, s.bus, &dialogs{&s.alive}, s.log)
	if err != nil {
		return nil, err
	}
	if err := queues.Start(ctx); err != nil {
		return nil, err
	}
	s.queues = queues
	return queues.Close, nil
}

func (s *server) startASR(ctx context.Context) (func() error, error) {
	if s.cfg.ASR.Off {
		return nil, nil
	}
	speech := s.cfg.ASR.Config
	speech.PhraseLists = speech.PhraseLists || s.cfg.listensForPhrases()
	pool, err := asr.New(speech, s.log)
	if err != nil {
		return nil, err
	}
	if err := pool.Start(ctx); err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	s.pool = pool
	return pool.Close, nil
}

func (s *server) startMedia(ctx context.Context) (func() error, error) {
	engine, err := media.New(s.cfg.Media, s.log)
	if err != nil {
		return nil, err
	}
	if err := engine.Start(ctx); err != nil {
		return nil, err
	}
	s.engine, s.phones.engine = engine, engine
	return engine.Close, nil
}

func (s *server) startCalls(ctx context.Context) (func() error, error) {
	parts := call.Parts{Engine: s.engine, Store: s.store, Bus: s.bus, Flows: s.flows, People: visitors{people{s.persons}, s}}
	if s.pool != nil {
		parts.Recogniser = recogniser{s.pool}
	}
	var err error
	if parts.Emotion, err = voices(s.cfg.Emotion); err != nil {
		return nil, err
	}
	calls, err := call.NewManager(s.cfg.Call, parts, s.log)
	if err != nil {
		return nil, err
	}
	options := []sip.Option{sip.WithPages(directory{s.people, s.phones.domain, s.nodes}), sip.WithTokens(s.phones.tokens)}
	if s.nodes != nil {
		options = append(options, sip.WithNodes(s.nodes), sip.WithBindingStore(s.nodes))
		calls.SetSilent(s.nodes)
	}
	signalling, err := sip.New(s.cfg.SIP, s.engine, guests{calls, s}, s.log, options...)
	if err != nil {
		return nil, err
	}
	calls.SetDialer(signalling)
	calls.SetQueues(queues{s.queues, s.db})
	if s.bot != nil {
		calls.SetBot(callBot{s.bot, parts.People})
	}
	calls.SetCallouts(callouts{s.callouts})
	calls.SetHours(hours{s.queues.Hours()})
	if err := calls.Start(ctx); err != nil {
		return nil, err
	}
	s.calls, s.sip, s.phones.sip = calls, signalling, signalling
	s.alive.Store(calls)
	return calls.Close, nil
}

func (s *server) startSIP(ctx context.Context) (func() error, error) {
	if err := s.sip.Start(ctx); err != nil {
		return nil, err
	}
	s.log.Info("listening", "sip", s.sip.Addresses())
	return s.sip.Close, nil
}
