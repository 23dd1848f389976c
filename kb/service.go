package kb

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"tingxin/event"
	"tingxin/pg"
)

// Config of a Service; the zero value is the default.
type Config struct {
	// Lang is the language of questions that are in none we know; "zh" when empty.
	Lang string `yaml:"language" koanf:"language"`
	// FourEyes lets nobody approve the own text.
	FourEyes bool `yaml:"four_eyes" koanf:"four_eyes"`
	// Keep is how long events of articles are kept; 400 days when zero.
	Keep time.Duration `yaml:"keep" koanf:"keep"`
	// Site is the address of the help centre for the outside, such as "https://help.example.org"; it stands in the sitemap.
	Site string `yaml:"site" koanf:"site"`
	// Title is the help centre's heading; a plain one in the reader's language when empty.
	Title string `yaml:"title" koanf:"title"`
	// HelpOff closes the public help centre.
	HelpOff bool `yaml:"help_off" koanf:"help_off"`
}

// Check tells what cannot work.
func (c Config) Check() error {
	switch {
	case c.Lang != "" && c.Lang != "zh" && c.Lang != "en":
		return fmt.Errorf("kb.language is %q: it is zh or en", c.Lang)
	case c.Keep < 0:
		return errors.New("kb.keep is negative: write a duration such as 9600h")
	}
	return nil
}

// WithDefaults fills in what is empty.
func (c Config) WithDefaults() Config {
	if c.Lang == "" {
		c.Lang = "zh"
	}
	if c.Keep == 0 {
		c.Keep = 400 * 24 * time.Hour
	}
	return c
}

// Times of a Service.
const (
	pollEvery  = 5 * time.Second // for what notifications did not tell
	votesEvery = 5 * time.Minute
	retryAfter = 30 * time.Second // when an index could not be built
	settle     = 300 * time.Millisecond
)

// Stats of a Service since its start.
type Stats struct {
	Asked uint64
	// Decisions by their kind: answer, clarify, fallback.
	Decisions map[string]uint64
	ByRule    uint64
	// Degraded counts questions that no model could judge.
	Degraded uint64
	Reloads  uint64
	Builds   uint64
	Failures uint64 // of reloads and builds
	// Latency is of questions, from their coming in to the answer.
	Latency event.Buckets
}

// Service holds what is live in memory and answers from it. Changes of other servers
// are seen by LISTEN and, should that break off, within pollEvery.
type Service struct {
	cfg   Config
	store *Store
	model Model // nil: rules and words only
	log   *slog.Logger

	shelf   atomic.Pointer[shelf]
	indexes atomic.Pointer[map[string]*Index] // by language
	drafts  draftIndexes
	trains  sync.Mutex // one training at a time
	reads   sync.Mutex // one reload at a time: an older answer never comes last

	wake  chan struct{} // something changed
	build chan struct{} // the shelf changed

	asked, answered, clarified, fellBack, byRule, degraded, reloads, builds, failures atomic.Uint64
	latency                                                                           event.Histogram

	mu       sync.Mutex
	progress map[string]Progress // guarded by mu: of builds, by language
	settled  chan struct{}       // guarded by mu: closed when all indexes are of the present shelf
	onReload func()              // guarded by mu

	stop    context.CancelFunc
	running sync.WaitGroup
	once    sync.Once
}

// Progress is how far a language's index is.
type Progress struct {
	Lang     string    `json:"lang"`
	Articles int       `json:"articles" doc:"live ones"`
	Ready    bool      `json:"ready" doc:"the model judges questions"`
	Building bool      `json:"building" doc:"the index is behind the articles"`
	Done     int       `json:"done" doc:"of the vectors that are missing"`
	Of       int       `json:"of"`
	Model    string    `json:"model" doc:"weights and runtime of the vectors"`
	Error    string    `json:"error,omitempty" doc:"why the last attempt failed"`
	At       time.Time `json:"at"`
	hash     string    // of the articles that the index is of
	judge    int64     // that it judges by
	tried    string    // hash of the articles when a judgement was learnt last, taken or not
	labels   int       // labelled questions that were there then
}

// New checks and stores. model may be nil: then only rules answer.
func New(cfg Config, db *pg.DB, model Model, log *slog.Logger) (*Service, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	s := &Service{cfg: cfg.WithDefaults(), store: NewStore(db), model: model, log: log.With("part", "kb"), wake: make(chan struct{}, 1), build: make(chan struct{}, 1),
		progress: map[string]Progress{}, settled: make(chan struct{})}
	s.indexes.Store(&map[string]*Index{})
	return s, nil
}

// Store is where everything is kept.
func (s *Service) Store() *Store { return s.store }

// Config is what the service was made with, defaults filled in.
func (s *Service) Config() Config { return s.cfg }

// Start loads what is live and returns when rules and words answer. Vectors and
// indexes follow in the background; Wait waits for them.
func (s *Service) Start(ctx context.Context) error {
	if err := s.reload(ctx, true); err != nil {
		return err
	}
	own, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stop = stop
	s.running.Go(func() { s.watch(own) })     // ends when Close calls stop
	s.running.Go(func() { s.listen(own) })    // ends when Close calls stop
	s.running.Go(func() { s.buildLoop(own) }) // ends when Close calls stop
	return nil
}

// Close returns when the last goroutine has ended. Twice is fine.
func (s *Service) Close() error {
	s.once.Do(func() {
		if s.stop != nil {
			s.stop()
		}
		s.running.Wait()
	})
	return nil
}

// Stats reads the counters.
func (s *Service) Stats() Stats {
	return Stats{Asked: s.asked.Load(), Decisions: map[string]uint64{string(DecideAnswer): s.answered.Load(), string(DecideClarify): s.clarified.Load(), string(DecideFallback): s.fellBack.Load()},
		ByRule: s.byRule.Load(), Degraded: s.degraded.Load(), Reloads: s.reloads.Load(), Builds: s.builds.Load(), Failures: s.failures.Load(), Latency: s.latency.Buckets()}
}

// Progress of every language that has articles.
func (s *Service) Progress() []Progress {
	sh := s.shelf.Load()
	s.mu.Lock()
	defer s.mu.Unlock()
	out := []Progress{}
	for _, lang := range sh.languages() {
		p := s.progress[lang]
		p.Lang, p.Articles = lang, len(sh.langs[lang].articles)
		p.Building = s.model != nil && p.Articles >= 2 && p.hash != sh.langs[lang].hash
		x := (*s.indexes.Load())[lang]
		p.Ready = x != nil && x.judge != nil
		out = append(out, p)
	}
	return out
}

// Changed makes the next question see what was just committed; other servers hear of
// it by themselves.
func (s *Service) Changed(ctx context.Context) error { return s.reload(ctx, false) }

// Wait returns when every index is of the articles that are live now, or the last
// attempt to build one failed.
func (s *Service) Wait(ctx context.Context) error {
	for {
		s.mu.Lock()
		settled := s.settled
		s.mu.Unlock()
		select {
		case <-settled:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// reload reads what is live when the revision has moved, or always.
func (s *Service) reload(ctx context.Context, always bool) error {
	s.reads.Lock()
	defer s.reads.Unlock()
	old := s.shelf.Load()
	if !always && old != nil {
		revision, err := s.store.revision(ctx)
		if err != nil {
			return err
		}
		if revision == old.revision {
			return nil
		}
	}
	sh, err := s.store.load(ctx)
	if err != nil {
		s.failures.Add(1)
		return err
	}
	s.shelf.Store(sh)
	s.reloads.Add(1)
	s.mu.Lock()
	select {
	case <-s.settled:
		s.settled = make(chan struct{})
	default:
	}
	told := s.onReload
	s.mu.Unlock()
	poke(s.build)
	if told != nil {
		told()
	}
	return nil
}

// OnReload has f called whenever what is live was read anew; f must not wait. One f at a time.
func (s *Service) OnReload(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onReload = f
}

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default: // it was poked already
	}
}

// watch reloads at notifications, by the clock, and now and then for the votes.
func (s *Service) watch(ctx context.Context) {
	tick, votes := time.NewTicker(pollEvery), time.NewTicker(votesEvery)
	defer tick.Stop()
	defer votes.Stop()
	for {
		always := false
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
		case <-tick.C:
		case <-votes.C:
			always = true
		}
		if err := s.reload(ctx, always); err != nil && ctx.Err() == nil {
			s.log.Warn("articles not read again, the old ones hold", "error", err)
		}
	}
}

// listen wakes watch when another server changed something.
func (s *Service) listen(ctx context.Context) {
	for ctx.Err() == nil {
		if err := s.hear(ctx); ctx.Err() == nil {
			s.log.Warn("listening for changes of articles broke off", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(pollEvery):
		}
	}
}

func (s *Service) hear(ctx context.Context) error {
	return s.store.db.Listen(ctx, channel, func(string) { poke(s.wake) })
}

// buildLoop makes the indexes follow the shelf, one at a time.
func (s *Service) buildLoop(ctx context.Context) {
	retry := time.NewTimer(time.Hour)
	defer retry.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.build:
		case <-retry.C:
		}
		again := false
		sh := s.shelf.Load()
		for _, lang := range sh.languages() {
			if err := s.buildIndex(ctx, sh, lang); err != nil {
				if ctx.Err() != nil {
					return
				}
				again = true
				s.failures.Add(1)
				s.log.Warn("an index of articles was not built, the old one holds", "lang", lang, "error", err)
			}
		}
		if again {
			retry.Reset(retryAfter)
		}
		s.mu.Lock()
		if s.shelf.Load() == sh {
			select {
			case <-s.settled:
			default:
				close(s.settled)
			}
		}
		s.mu.Unlock()
	}
}

// note changes the progress of a language.
func (s *Service) note(lang string, f func(*Progress)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.progress[lang]
	f(&p)
	p.At = time.Now()
	s.progress[lang] = p
}

// buildIndex builds a language's index when its articles are others than the index's.
func (s *Service) buildIndex(ctx context.Context, sh *shelf, lang string) error {
	st := sh.langs[lang]
	s.mu.Lock()
	p := s.progress[lang]
	s.mu.Unlock()
	if s.model == nil || len(st.articles) < 2 || p.hash == st.hash && p.judge == sh.judges[lang].id && !s.due(sh, lang) {
		return nil
	}
	x, err := s.sameIndex(lang, p.hash == st.hash), error(nil)
	if x == nil {
		x, err = s.indexOf(ctx, lang, st.articles)
	}
	tried := false
	if err == nil {
		x.judge, tried, err = s.judgement(ctx, lang, x, s.due(sh, lang))
	}
	if err != nil {
		s.note(lang, func(p *Progress) { p.Error = "the index could not be built; the log says why" })
		return err
	}
	s.use(lang, x)
	s.builds.Add(1)
	s.note(lang, func(p *Progress) {
		p.hash, p.judge, p.Error, p.Model = st.hash, sh.judges[lang].id, "", s.model.Version(lang)
		if tried {
			p.tried, p.labels = st.hash, sh.labels[lang]
		}
	})
	return nil
}

// sameIndex is a copy of the index in service, for another judgement over it.
func (s *Service) sameIndex(lang string, same bool) *Index {
	if x := (*s.indexes.Load())[lang]; x != nil && same {
		again := *x
		again.judge = nil
		return &again
	}
	return nil
}

func (s *Service) indexOf(ctx context.Context, lang string, articles []Article) (*Index, error) {
	vectors, err := s.store.vectors(ctx, s.model, lang, func(n, of int) { s.note(lang, func(p *Progress) { p.Done, p.Of = n, of }) })
	if err != nil {
		return nil, err
	}
	return NewIndex(ctx, lang, articles, vectors)
}

// use puts an index into service.
func (s *Service) use(lang string, x *Index) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := maps.Clone(*s.indexes.Load())
	m[lang] = x
	s.indexes.Store(&m)
}

// due tells whether a language's judgement has to be learnt anew because there is so
// much more to learn from, and this was not tried with as much.
func (s *Service) due(sh *shelf, lang string) bool {
	s.mu.Lock()
	p := s.progress[lang]
	s.mu.Unlock()
	return sh.judges[lang].outgrown(len(sh.langs[lang].articles), sh.labels[lang]) && (p.tried != sh.langs[lang].hash || p.labels != sh.labels[lang])
}

// judgement is the stored one, or one learnt now when there is none for these vectors
// or it is due; tried tells whether it was attempted.
func (s *Service) judgement(ctx context.Context, lang string, x *Index, due bool) (_ *judge, tried bool, _ error) {
	s.trains.Lock()
	defer s.trains.Unlock()
	j, err := s.store.loadModel(ctx, lang, s.model.Version(lang))
	if err != nil || j != nil && !due {
		return j, false, err
	}
	x.judge = j
	t, err := s.trainOn(ctx, x)
	if err != nil {
		if ctx.Err() != nil {
			return nil, true, err
		}
		// Too little to learn from is no failure: rules and search work without.
		s.log.Info("no judgement could be learnt yet", "lang", lang, "error", err)
		return j, true, nil
	}
	if err := s.store.saveModel(ctx, lang, s.model.Version(lang), "", t, t.Reason == ""); err != nil {
		return nil, true, err
	}
	if t.Reason != "" {
		return j, true, nil
	}
	return t.judge, true, s.store.Touch(ctx, lang)
}
