package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"tingxin/admin"
	"tingxin/api"
	"tingxin/call"
	"tingxin/ivr"
	"tingxin/media"
	"tingxin/pg"
	"tingxin/queue"
	"tingxin/rules"
	"tingxin/sip"
)

// runtime is what runs by the settings of administrators: admin.Runtime.
type runtime struct {
	cfg   Config
	log   *slog.Logger
	flows *ivr.Library
	store *admin.Store
	// queues and calendars are the rows of the queues.
	queues *queue.Store
	// planned are queues and calendars that a dry run would add.
	planned map[string]bool
	db      *pg.DB
	// automation, calls and sip take over; nil where only checks are made.
	automation *rules.Service
	calls      *call.Manager
	sip        *sip.Server
	// running is what media was made of.
	running media.Config

	mu   sync.Mutex
	late []admin.Kind // changed since the start, and not yet in use
}

var _ admin.Runtime = (*runtime)(nil)

// openVault reads the key of the stored secrets, in the data folder.
func openVault(cfg Config) (*admin.Vault, error) {
	return admin.OpenVault(filepath.Join(cfg.DataDir, "secrets.key"))
}

// startSettings reads what administrators set, before the parts that are made of it once.
func (s *server) startSettings(ctx context.Context) (func() error, error) {
	vault, err := openVault(s.cfg)
	if err != nil {
		return nil, err
	}
	s.vault = vault
	store := admin.NewStore(s.db, vault)
	s.flows = ivr.NewLibrary(s.cfg.IVR, s.log)
	s.rules = &runtime{cfg: s.cfg, log: s.log, flows: s.flows, store: store, queues: queue.NewStore(s.db), db: s.db}
	s.admin = admin.NewService(store, s.rules, s.log)
	now, err := s.admin.Load(ctx)
	if err != nil {
		return nil, err
	}
	cfg := relayOf(s.cfg.Media, now)
	if err := cfg.Check(); err != nil { // it was right when it was set, on this machine or another
		s.log.Error("stored settings of media cannot be used, those of the file hold", "error", err)
		cfg = s.cfg.Media
	}
	s.cfg.Media, s.rules.running = cfg, cfg
	if err := s.flows.Start(ctx); err != nil {
		return nil, err
	}
	err = errors.Join(s.rules.usePrompts(ctx, now), s.rules.useFlows(ctx, now)) // routes of the file may name stored flows
	return nil, errors.Join(err, s.store.FillScales(ctx, s.flows.Scales()))
}

// startAdmin makes the settings count and follows what changes.
func (s *server) startAdmin(ctx context.Context) (func() error, error) {
	s.rules.calls, s.rules.sip = s.calls, s.sip
	if err := s.admin.Start(ctx); err != nil {
		return nil, err
	}
	watch := admin.NewWatch(s.db, func() map[string]*admin.AlertRule { return s.admin.Now().Alerts }, s.figures, s.log)
	if err := watch.Start(ctx); err != nil {
		return nil, err
	}
	return func() error { return errors.Join(watch.Close(), s.admin.Close()) }, nil
}

// figures are the boards of the queues as rules of alerts see them.
func (s *server) figures(ctx context.Context) ([]admin.Figures, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	boards, err := s.queues.Boards(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]admin.Figures, len(boards))
	for i := range boards {
		b := &boards[i]
		v := map[string]float64{admin.MetricWaiting: float64(b.Waiting), admin.MetricOldest: b.Oldest.Seconds(), admin.MetricAbandoned: float64(b.Recent.Abandoned),
			admin.MetricFree: float64(b.Free), admin.MetricAgents: float64(b.Agents)}
		if b.Recent.Level >= 0 {
			v[admin.MetricLevel] = b.Recent.Level
		}
		if b.Estimate >= 0 {
			v[admin.MetricEstimate] = b.Estimate.Seconds()
		}
		out[i] = admin.Figures{Queue: string(b.Queue), Values: v}
	}
	return out, nil
}

// setup is the settings as the API sees them.
func (s *server) setup() *api.Setup {
	return &api.Setup{Service: s.admin, Flows: s.flows, Restart: s.rules.waiting}
}

// waiting are the kinds that were changed since the start and count from the next one on.
func (r *runtime) waiting() []admin.Kind {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.late
}

// lookLate compares what media was made of with what is set now.
func (r *runtime) lookLate(s *admin.Settings) {
	now := relayOf(r.cfg.Media, s)
	var late []admin.Kind
	if !slices.Equal(now.WebRTC.Codecs, r.running.WebRTC.Codecs) {
		late = append(late, admin.KindCodecs)
	}
	if now.TURN != r.running.TURN {
		late = append(late, admin.KindRelay)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.late = late
}

// Use implements admin.Runtime. What cannot be used any more is left out and told in the log.
func (r *runtime) Use(ctx context.Context, s *admin.Settings) error {
	if err := errors.Join(r.usePrompts(ctx, s), r.useFlows(ctx, s)); err != nil {
		return err
	}
	r.lookLate(s)
	if r.automation != nil {
		r.automation.Use(bookOf(s))
	}
	if r.calls != nil {
		if err := r.calls.SetRoutes(numbersOf(r.usable(s))); err != nil {
			return err
		}
	}
	if r.sip != nil {
		trunks, outbound := r.signalling(s)
		return r.sip.SetTrunks(trunks, outbound)
	}
	return nil
}

// usable are the numbers whose flows are there.
func (r *runtime) usable(s *admin.Settings) map[string]*admin.Number {
	out := map[string]*admin.Number{}
	for name, n := range s.Numbers {
		route := routeOf(name, n)
		missing := ""
		for _, flow := range []string{route.Flow, route.Then, route.Closed} {
			if _, ok := r.flows.Flow(flow); flow != "" && !ok {
				missing = flow
			}
		}
		if missing != "" {
			r.log.Error("a stored number is left out: its flow is not there", "number", name, "flow", missing)
			continue
		}
		out[name] = n
	}
	return out
}

// signalling joins the trunks and outbound routes of the file with the stored ones.
// Outbound routes have an order of their own, so theirs here does not matter.
func (r *runtime) signalling(s *admin.Settings) ([]sip.Trunk, []sip.OutboundRoute) {
	trunks := slices.Clone(r.cfg.SIP.WithDefaults().Trunks)
	var usual []string
	if s.Codecs != nil {
		usual = s.Codecs.Trunks
	}
	for i := range trunks {
		if len(trunks[i].Codecs) == 0 {
			trunks[i].Codecs = usual
		}
	}
	for _, name := range admin.Names(s.Trunks) {
		if f := s.Trunks[name].Judge(); len(f) > 0 { // its secrets may be lost
			r.log.Error("a stored trunk is left out", "trunk", name, "error", f)
			continue
		}
		trunks = append(trunks, trunkOf(name, s.Trunks[name], usual))
	}
	outbound := slices.Clone(r.cfg.SIP.Outbound)
	for _, name := range admin.Names(s.Routes) {
		o := outboundOf(s.Routes[name])
		if !slices.ContainsFunc(trunks, func(t sip.Trunk) bool { return t.Name == o.Trunk }) {
			r.log.Error("a stored outbound route is left out: its trunk is not there", "route", name, "trunk", o.Trunk)
			continue
		}
		outbound = append(outbound, o)
	}
	return trunks, outbound
}

// soundDir is where stored sounds lie as files, named by their sums.
func (r *runtime) soundDir() string { return filepath.Join(r.cfg.IVR.Cache, "sounds") }

// usePrompts makes the stored prompts those that flows say.
func (r *runtime) usePrompts(ctx context.Context, s *admin.Settings) error {
	named := map[string]ivr.Named{}
	for name, p := range s.Prompts {
		n, err := r.namedPrompt(ctx, p)
		if err != nil {
			r.log.Error("a stored prompt is left out", "prompt", name, "error", err)
			continue
		}
		named[name] = n
	}
	r.flows.Prompts.SetNamed(named)
	return nil
}

// namedPrompt brings the sounds of a prompt onto this machine.
func (r *runtime) namedPrompt(ctx context.Context, p *admin.Prompt) (ivr.Named, error) {
	n := ivr.Named{Texts: p.Texts, Files: map[string]string{}}
	dir, err := filepath.Abs(r.soundDir())
	if err != nil {
		return n, err
	}
	for language, sound := range p.Sounds {
		path := filepath.Join(dir, sound.Sum+".wav") // a sum is hexadecimal: Judge
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			data, err := r.store.Sound(ctx, sound.Sum)
			if err != nil {
				return n, fmt.Errorf("sound of %s: %w", language, err)
			}
			if err := writeWhole(path, data); err != nil {
				return n, fmt.Errorf("sound of %s: %w", language, err)
			}
		}
		n.Files[language] = path
	}
	return n, nil
}

// writeWhole makes a file appear whole or not at all.
func writeWhole(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), "new-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(data)
	if err := errors.Join(err, tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}

// useFlows makes the stored flows and those of numbers that lead to a queue the ones that calls find.
func (r *runtime) useFlows(ctx context.Context, s *admin.Settings) error {
	var flows []*ivr.Flow
	keep := func(name string, f *ivr.Flow, err error) {
		if err == nil {
			err = r.flows.Prompts.Prepare(ctx, f)
		}
		if err != nil {
			r.log.Error("a stored flow is left out", "flow", name, "error", err)
			return
		}
		flows = append(flows, f)
	}
	for name, doc := range s.Flows {
		f, err := ivr.Parse(name, []byte(doc.Text))
		keep(name, f, err)
	}
	direct := map[string]bool{}
	for _, n := range s.Numbers {
		if n.Queue == "" {
			continue
		}
		f, err := directOf(n)
		if err != nil || !direct[f.Name] {
			keep(n.Queue, f, err)
		}
		if err == nil {
			direct[f.Name] = true
		}
	}
	r.flows.SetStored(flows)
	return ctx.Err()
}

func directOf(n *admin.Number) (*ivr.Flow, error) {
	language := n.Language
	if language == "" {
		language = "en"
	}
	return ivr.Direct(n.Queue, language, n.Record)
}

// hours are the queues' calendars as routes ask for them.
type hours struct{ *queue.Hours }

var _ call.Hours = hours{}

// Open implements call.Hours: what nobody knows is open.
func (h hours) Open(ctx context.Context, name string) bool {
	c, err := h.Calendar(ctx, name)
	return err != nil || c.Open(time.Now())
}
