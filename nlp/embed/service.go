package embed

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Stats of a Service since its start.
type Stats struct {
	// Asked counts Embed and EmbedLater, Cached those that the cache answered, Refused
	// those that found the queue full, Dropped those whose caller had gone.
	Asked, Cached, Refused, Dropped atomic.Int64
	// Embedded counts runs of a model, Busy their time in nanoseconds.
	Embedded, Busy atomic.Int64
}

// Service embeds sentences for the whole process.
type Service struct {
	cfg    Config
	models map[string]*model
	cache  *cache
	now    chan *job // a person waits for these
	later  chan *job // index work, taken when nobody waits
	stats  Stats
	wg     sync.WaitGroup
	stop   context.CancelFunc
	ctx    context.Context

	mu              sync.Mutex
	started, closed bool
}

// job is one sentence under way. done is buffered, so a worker never waits for a
// caller that has gone.
type job struct {
	ctx   context.Context
	model *model
	key   key
	done  chan result
}

type result struct {
	v   Vectors
	err error
}

// New stores the configuration.
func New(cfg Config) *Service {
	cfg = cfg.withDefaults()
	return &Service{
		cfg:    cfg,
		models: make(map[string]*model),
		cache:  newCache(cfg.Cache),
		now:    make(chan *job, max(cfg.Queue, 0)),
		later:  make(chan *job),
	}
}

// Start loads the runtime and both models, under a second, and starts the workers.
// What is missing is named in one sentence (ErrMissing).
func (s *Service) Start(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.started || s.closed {
		return errors.New("the embedding service can be started once")
	}
	if err := s.cfg.Check(); err != nil {
		return err
	}
	if err := openLibrary(s.cfg.Runtime); err != nil {
		return err
	}
	for _, lang := range Languages {
		m, err := openModel(s.cfg.dir(lang), lang, sizes[lang])
		if err != nil {
			return errors.Join(err, s.destroy())
		}
		s.models[lang] = m
	}
	s.ctx, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	s.started = true
	for range s.cfg.Workers {
		s.wg.Go(s.work) // ends when Close cancels s.ctx
	}
	return nil
}

// Close ends the workers, and with them what still waits (ErrClosed).
func (s *Service) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.started || s.closed {
		s.closed = true
		return nil
	}
	s.closed = true
	s.stop()
	s.wg.Wait()
	return s.destroy()
}

func (s *Service) destroy() error {
	var errs []error
	for lang, m := range s.models {
		errs = append(errs, m.session.Destroy())
		delete(s.models, lang)
	}
	return errors.Join(errs...)
}

// Stats may be read at any time.
func (s *Service) Stats() *Stats { return &s.stats }

// Counts are the Stats as plain numbers, with what waits now.
type Counts struct {
	Asked, Cached, Refused, Dropped, Embedded uint64
	Busy                                      time.Duration `metric:",total"` // of the models, since the start
	Waiting                                   int           // sentences that somebody waits for
}

// Counts may be read at any time.
func (s *Service) Counts() Counts {
	return Counts{Asked: uint64(s.stats.Asked.Load()), Cached: uint64(s.stats.Cached.Load()), Refused: uint64(s.stats.Refused.Load()), Dropped: uint64(s.stats.Dropped.Load()),
		Embedded: uint64(s.stats.Embedded.Load()), Busy: time.Duration(s.stats.Busy.Load()), Waiting: len(s.now)}
}

// Version names the model and runtime behind a language's vectors. Vectors of
// different versions must not be compared: index again when it changes.
func (s *Service) Version(lang string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := s.models[lang]; m != nil {
		return m.version
	}
	return ""
}

// Size is the length of a language's vectors, 0 for a language without a model.
func Size(lang string) int { return sizes[lang] }

// knownRank is how many pieces of a vocabulary count as words: behind them stand names, other languages and mistakes.
const knownRank = 24000

// Known tells whether a folded word is one that the model of a language met often, so that it is hardly a typing mistake.
func (s *Service) Known(lang, word string) bool {
	s.mu.Lock()
	m := s.models[lang]
	s.mu.Unlock()
	return m != nil && m.tokens.Whole(word, knownRank)
}

// Knowing is Known of a language where an embedder has it; nil otherwise.
func Knowing(embedder any, lang string) func(word string) bool {
	if k, ok := embedder.(interface{ Known(lang, word string) bool }); ok {
		return func(word string) bool { return k.Known(lang, word) }
	}
	return nil
}

// Embed gives the vectors of a sentence that somebody waits for. It folds the text
// itself. A full queue is ErrBusy at once.
func (s *Service) Embed(ctx context.Context, lang, text string) (Vectors, error) {
	return s.embed(ctx, lang, text, false)
}

// EmbedLater is Embed for index work: it waits for a worker as long as ctx lives and
// lets every sentence of Embed go first.
func (s *Service) EmbedLater(ctx context.Context, lang, text string) (Vectors, error) {
	return s.embed(ctx, lang, text, true)
}

func (s *Service) embed(ctx context.Context, lang, text string, later bool) (Vectors, error) {
	s.stats.Asked.Add(1)
	m, life, err := s.model(lang)
	if err != nil {
		return Vectors{}, err
	}
	k := key{lang, prepare(text)}
	if v, ok := s.cache.get(k); ok {
		s.stats.Cached.Add(1)
		return v, nil
	}
	j := &job{ctx: ctx, model: m, key: k, done: make(chan result, 1)}
	if later {
		select {
		case s.later <- j:
		case <-ctx.Done():
			return Vectors{}, context.Cause(ctx)
		case <-life.Done():
			return Vectors{}, ErrClosed
		}
	} else {
		select {
		case s.now <- j:
		default:
			s.stats.Refused.Add(1)
			return Vectors{}, ErrBusy
		}
	}
	select {
	case r := <-j.done:
		return r.v, r.err
	case <-ctx.Done():
		return Vectors{}, context.Cause(ctx)
	case <-life.Done():
		return Vectors{}, ErrClosed
	}
}

func (s *Service) model(lang string) (*model, context.Context, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.started || s.closed {
		return nil, nil, ErrClosed
	}
	if m := s.models[lang]; m != nil {
		return m, s.ctx, nil
	}
	return nil, nil, fmt.Errorf("%w: %q", ErrLanguage, lang)
}

// work takes sentences until the service closes: first those that somebody waits for.
func (s *Service) work() {
	for {
		select {
		case j := <-s.now:
			s.run(j)
			continue
		case <-s.ctx.Done():
			return
		default:
		}
		select {
		case j := <-s.now:
			s.run(j)
		case j := <-s.later:
			s.run(j)
		case <-s.ctx.Done():
			return
		}
	}
}

func (s *Service) run(j *job) {
	if j.ctx.Err() != nil {
		s.stats.Dropped.Add(1)
		j.done <- result{err: context.Cause(j.ctx)}
		return
	}
	begun := time.Now()
	v, err := j.model.embed(j.key.text)
	s.stats.Busy.Add(int64(time.Since(begun)))
	s.stats.Embedded.Add(1)
	if err == nil {
		s.cache.put(j.key, v)
	}
	j.done <- result{v, err}
}
