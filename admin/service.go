package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
)

// Settings are the documents that count, by name, secrets included.
type Settings struct {
	Trunks  map[string]*Trunk
	Routes  map[string]*Outbound
	Numbers map[string]*Number
	Flows   map[string]*Flow
	Prompts map[string]*Prompt
	Alerts  map[string]*AlertRule
	Codecs  *Codecs // nil: none was set
	Relay   *Relay

	Rules     map[string]*Automation
	Macros    map[string]*Macro
	Templates map[string]*TicketTemplate
	Webhooks  map[string]*Webhook
}

func newSettings() *Settings {
	return &Settings{Trunks: map[string]*Trunk{}, Routes: map[string]*Outbound{}, Numbers: map[string]*Number{}, Flows: map[string]*Flow{}, Prompts: map[string]*Prompt{}, Alerts: map[string]*AlertRule{},
		Rules: map[string]*Automation{}, Macros: map[string]*Macro{}, Templates: map[string]*TicketTemplate{}, Webhooks: map[string]*Webhook{}}
}

// set puts a document in its place; nil takes it away.
func (s *Settings) set(kind Kind, name string, d Doc) {
	switch kind {
	case KindTrunk:
		put(s.Trunks, name, d)
	case KindRoute:
		put(s.Routes, name, d)
	case KindNumber:
		put(s.Numbers, name, d)
	case KindFlow:
		put(s.Flows, name, d)
	case KindPrompt:
		put(s.Prompts, name, d)
	case KindAlert:
		put(s.Alerts, name, d)
	case KindRule:
		put(s.Rules, name, d)
	case KindMacro:
		put(s.Macros, name, d)
	case KindTemplate:
		put(s.Templates, name, d)
	case KindWebhook:
		put(s.Webhooks, name, d)
	case KindCodecs:
		s.Codecs, _ = d.(*Codecs)
	case KindRelay:
		s.Relay, _ = d.(*Relay)
	}
}

func put[T any](m map[string]*T, name string, d Doc) {
	if typed, ok := any(d).(*T); ok {
		m[name] = typed
		return
	}
	delete(m, name)
}

// Names are the names of a map of documents, in order.
func Names[T any](m map[string]*T) []string { return slices.Sorted(maps.Keys(m)) }

// Runtime is what runs by the settings; cmd/pbx has one.
type Runtime interface {
	// Check judges all settings together, beside those of the configuration file.
	// What is wrong with them are Faults; the first is of the thing that was changed.
	Check(ctx context.Context, s *Settings, changed []Ref) error
	// Use makes the settings count. It may be called with the same ones again.
	Use(ctx context.Context, s *Settings) error
	// File is what the configuration file sets, without secrets.
	File(kind Kind) map[string]Doc
}

// Ref names a thing.
type Ref struct {
	Kind Kind   `json:"kind"`
	Name string `json:"name"`
}

func (r Ref) String() string { return string(r.Kind) + ":" + r.Name }

// pollEvery is how often a server looks whether another one changed something.
const pollEvery = 2 * time.Second

// Service is the settings of a running server.
type Service struct {
	*Store
	runtime Runtime
	log     *slog.Logger

	turn sync.Mutex // one Use at a time, the newest last
	rev  int64
	now  *Settings

	cancel context.CancelFunc
	wg     sync.WaitGroup
}

// NewService checks and stores; Load reads, Start keeps reading.
func NewService(store *Store, runtime Runtime, log *slog.Logger) *Service {
	return &Service{Store: store, runtime: runtime, log: log.With("part", "admin"), now: newSettings(), cancel: func() {}}
}

// Load reads the settings that count, for parts that are made of them once.
func (s *Service) Load(ctx context.Context) (*Settings, error) {
	all, err := s.live(ctx, s.db.Pool())
	if err != nil {
		return nil, fmt.Errorf("settings: %w", err)
	}
	out := newSettings()
	for i := range all {
		out.set(all[i].Kind, all[i].Name, all[i].Doc)
	}
	return out, nil
}

// Start makes the settings count, and those that other servers change, until Close.
func (s *Service) Start(ctx context.Context) error {
	if err := s.Reload(ctx); err != nil {
		return err
	}
	ctx, s.cancel = context.WithCancel(context.WithoutCancel(ctx))
	s.wg.Go(func() { s.follow(ctx) }) // ends with ctx
	return nil
}

// Close returns when the last goroutine has ended. Twice is fine.
func (s *Service) Close() error {
	s.cancel()
	s.wg.Wait()
	return nil
}

func (s *Service) follow(ctx context.Context) {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		rev, err := s.revision(ctx)
		s.turn.Lock()
		same := rev == s.rev
		s.turn.Unlock()
		if err != nil || same {
			continue
		}
		if err := s.Reload(ctx); err != nil && ctx.Err() == nil {
			s.log.Error("changed settings could not be taken over, the old ones hold", "error", err)
		}
	}
}

// Reload reads the settings and makes them count.
func (s *Service) Reload(ctx context.Context) error {
	s.turn.Lock()
	defer s.turn.Unlock()
	rev, err := s.revision(ctx)
	if err != nil {
		return fmt.Errorf("settings: %w", err)
	}
	now, err := s.Load(ctx)
	if err != nil {
		return err
	}
	s.rev = rev // also when they cannot be used: trying the same again does not help
	if err := s.runtime.Use(ctx, now); err != nil {
		return err
	}
	s.now = now
	return nil
}

// Now are the settings that count; they are not changed.
func (s *Service) Now() *Settings {
	s.turn.Lock()
	defer s.turn.Unlock()
	return s.now
}

// File is what the configuration file sets.
func (s *Service) File(kind Kind) map[string]Doc { return s.runtime.File(kind) }

// Change is one wish of Apply.
type Change struct {
	Ref
	Doc     Doc    // nil takes the thing away
	Version int    // that the writer saw as the newest; 0 does not care
	Live    int    // makes this version count, instead of Doc
	Draft   bool   // do not make it count (kinds with drafts)
	Note    string // why
}

// Outcome is what became of a change.
type Outcome struct {
	Ref
	Did     string   `json:"did" enum:"added,changed,removed,same,live"`
	Version int      `json:"version,omitempty"`
	Fields  []string `json:"fields,omitempty" doc:"that differ; never their values"`
	Restart bool     `json:"restart,omitempty" doc:"it counts from the next start of the server on"`
}

// errDry ends the transaction of a dry run.
var errDry = errors.New("dry run")

// Apply makes changes, all or none. What is wrong with them are Faults. audit is
// called in the transaction with what was done, unless that is nothing; dry only tells it.
func (s *Service) Apply(ctx context.Context, changes []Change, by string, dry bool, audit func(pgx.Tx, []Outcome) error) ([]Outcome, error) {
	var done []Outcome
	err := s.db.Tx(ctx, func(tx pgx.Tx) (err error) {
		if done, err = s.change(ctx, tx, changes, by); err != nil {
			return err
		}
		if dry {
			return errDry
		}
		if !slices.ContainsFunc(done, func(o Outcome) bool { return o.Did != "same" }) {
			return nil
		}
		if err := s.revise(ctx, tx); err != nil {
			return err
		}
		return audit(tx, done)
	})
	if errors.Is(err, errDry) {
		return done, nil
	}
	if err != nil {
		return nil, err
	}
	return done, nil
}

func (s *Service) change(ctx context.Context, tx pgx.Tx, changes []Change, by string) ([]Outcome, error) {
	if err := s.lock(ctx, tx); err != nil {
		return nil, err
	}
	all, err := s.live(ctx, tx)
	if err != nil {
		return nil, err
	}
	now := newSettings()
	for i := range all {
		now.set(all[i].Kind, all[i].Name, all[i].Doc)
	}
	var done []Outcome
	var live []Ref // whose live version changes
	for i := range changes {
		o, counts, err := s.one(ctx, tx, &changes[i], now, by)
		if err != nil {
			return nil, err
		}
		done = append(done, o)
		if counts {
			live = append(live, o.Ref)
		}
	}
	if len(live) > 0 {
		if err := s.runtime.Check(ctx, now, live); err != nil {
			return nil, err
		}
	}
	return done, nil
}

// one makes a single change and puts its outcome into now; counts says whether what counts is another now.
func (s *Service) one(ctx context.Context, tx pgx.Tx, c *Change, now *Settings, by string) (o Outcome, counts bool, err error) {
	o = Outcome{Ref: c.Ref, Restart: c.Kind.Restart()}
	was, err := s.find(ctx, tx, c.Kind, c.Name, 0)
	if err != nil {
		return o, false, err
	}
	if was != nil && c.Version != 0 && c.Version != was.Newest {
		return o, false, ErrStale
	}
	switch {
	case c.Live != 0:
		return s.publish(ctx, tx, c, now)
	case c.Doc == nil && was == nil:
		return o, false, pg.ErrNotFound
	case c.Doc == nil:
		o.Did = "removed"
		now.set(c.Kind, c.Name, nil)
		return o, was.Live != 0, s.remove(ctx, tx, c.Kind, c.Name)
	}
	return s.write(ctx, tx, c, was, now, by)
}

func (s *Service) publish(ctx context.Context, tx pgx.Tx, c *Change, now *Settings) (o Outcome, counts bool, err error) {
	o = Outcome{Ref: c.Ref, Did: "live", Version: c.Live, Restart: c.Kind.Restart()}
	v, err := s.find(ctx, tx, c.Kind, c.Name, c.Live)
	switch {
	case err != nil:
		return o, false, err
	case v == nil:
		return o, false, pg.ErrNotFound
	case v.Live == c.Live:
		o.Did = "same"
		return o, false, nil
	}
	secrets, err := s.vault.open(v.where(), v.sealed)
	if err != nil {
		return o, false, err
	}
	join(v.Doc, secrets)
	if f := v.Doc.Judge(); len(f) > 0 {
		return o, false, f
	}
	now.set(c.Kind, c.Name, v.Doc)
	return o, true, s.setLive(ctx, tx, c.Kind, c.Name, c.Live)
}

func (s *Service) write(ctx context.Context, tx pgx.Tx, c *Change, was *Version, now *Settings, by string) (o Outcome, counts bool, err error) {
	o = Outcome{Ref: c.Ref, Did: "added", Restart: c.Kind.Restart()}
	var kept map[string]string
	if was != nil {
		o.Did = "changed"
		if kept, err = s.vault.open(was.where(), was.sealed); err != nil && !errors.Is(err, ErrSealed) {
			return o, false, err
		}
		join(c.Doc, kept)
		join(was.Doc, kept)
	}
	if err := s.judge(c); err != nil {
		return o, false, err
	}
	publish := !c.Draft || !c.Kind.Drafts()
	if was != nil {
		o.Fields = differ(was.Doc, c.Doc)
		if len(o.Fields) == 0 && (!publish || was.Live == was.Newest) {
			o.Did, o.Version = "same", was.Newest
			return o, false, nil
		}
	}
	if o.Version, err = s.put(ctx, tx, c.Kind, c.Name, c.Doc, was, c.Note, by); err != nil || !publish {
		return o, false, err
	}
	now.set(c.Kind, c.Name, c.Doc)
	return o, true, s.setLive(ctx, tx, c.Kind, c.Name, o.Version)
}

// judge checks a document alone, and that the file has not the same.
func (s *Service) judge(c *Change) error {
	f := c.Doc.Judge()
	f.name(c.Name)
	f.within("note", len(c.Note), 500, "bytes")
	if (c.Kind == KindCodecs || c.Kind == KindRelay) && c.Name != Single {
		f.add("name", Choice, "there is one of these, its name is %s", Single)
	}
	if _, there := s.runtime.File(c.Kind)[c.Name]; there {
		f.add("name", Taken, "the configuration file has one of that name, which is read-only here")
	}
	return f.err()
}

// Check judges a document as if it were to count, and changes nothing.
func (s *Service) Check(ctx context.Context, ref Ref, d Doc) error {
	_, err := s.Apply(ctx, []Change{{Ref: ref, Doc: d}}, "check", true, nil)
	return err
}

// differ names the top fields in which two documents differ.
func differ(a, b Doc) []string {
	fields := func(d Doc) (m map[string]any) {
		raw, _ := json.Marshal(d) // plain values
		_ = json.Unmarshal(raw, &m)
		return m
	}
	x, y := fields(a), fields(b)
	var out []string
	for name := range x {
		if !reflect.DeepEqual(x[name], y[name]) {
			out = append(out, name)
		}
	}
	for name := range y {
		if _, there := x[name]; !there {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}
