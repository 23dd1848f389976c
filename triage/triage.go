package triage

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/nlp"
	"tingxin/nlp/embed"
	"tingxin/nlp/learn"
	"tingxin/pg"
	"tingxin/ticket"
)

// Kind is what is told of a text.
type Kind string

// The kinds.
const (
	Complaint Kind = "complaint" // complaint or none
	Type      Kind = "type"      // of a ticket
	Urgency   Kind = "urgency"   // low, normal, high or urgent
)

// Kinds are all of them.
var Kinds = []Kind{Complaint, Type, Urgency}

const (
	applyFrom   = 0.85
	suggestFrom = 0.5
)

// Embedder gives vectors; *embed.Service is one.
type Embedder interface {
	Embed(ctx context.Context, lang, text string) (embed.Vectors, error)
	EmbedLater(ctx context.Context, lang, text string) (embed.Vectors, error)
}

// Example is one labelled text.
type Example struct{ Lang, Text, Label string }

// Parse reads a file of examples: split, language, label, text by tabs; lines that begin with # are notes.
// It gives the lines of one split.
func Parse(doc []byte, split string) ([]Example, error) {
	var out []Example
	sc := bufio.NewScanner(bytes.NewReader(doc))
	for n := 1; sc.Scan(); n++ {
		if sc.Text() == "" || sc.Text()[0] == '#' {
			continue
		}
		f := strings.Split(sc.Text(), "\t")
		if len(f) != 4 || f[1] != "zh" && f[1] != "en" || f[2] == "" || strings.TrimSpace(f[3]) == "" {
			return nil, fmt.Errorf("line %d of the examples is not split, language, label and text", n)
		}
		if f[0] == split {
			out = append(out, Example{f[1], f[3], f[2]})
		}
	}
	return out, sc.Err()
}

// Parts is what a Service works with; DB must be there.
type Parts struct {
	DB         *pg.DB
	Embed      Embedder        // nil: pieces and word lists only
	Tickets    *ticket.Service // nil: no tickets are looked at
	Complaints []Example       // labels are complaint and none
	Now        func() time.Time
}

// Stats counts what happened since the start.
type Stats struct{ Guessed, Applied, Trained, Failures uint64 }

// Service tells what texts are. Safe for concurrent use.
type Service struct {
	parts Parts
	db    *pg.DB
	log   *slog.Logger
	now   func() time.Time

	guessed, applied, trained, failures atomic.Uint64

	mu       sync.Mutex
	minds    map[place]*mind     // guarded by mu
	read     map[place]time.Time // guarded by mu: when it was looked whether there is a newer one
	learning map[place]bool      // guarded by mu
	closed   bool                // guarded by mu

	life context.Context
	stop context.CancelFunc
	done sync.WaitGroup
	once sync.Once
}

// place is one model's.
type place struct {
	kind Kind
	lang string
}

type mind struct {
	text    *learn.Text
	version string
}

// New checks and stores.
func New(parts Parts, log *slog.Logger) *Service {
	s := &Service{parts: parts, db: parts.DB, log: log.With("part", "triage"), now: parts.Now, minds: map[place]*mind{}, read: map[place]time.Time{}, learning: map[place]bool{}}
	if s.now == nil {
		s.now = time.Now
	}
	s.life, s.stop = context.WithCancel(context.Background())
	return s
}

const tendEvery = 10 * time.Second

// Start begins to look at tickets. Close ends it.
func (s *Service) Start(context.Context) error {
	if s.parts.Tickets != nil {
		s.done.Go(s.run) // ends with Close
	}
	return nil
}

// Close returns when nothing is learnt or looked at any more. Twice is fine.
func (s *Service) Close() error {
	s.once.Do(func() {
		s.mu.Lock()
		s.closed = true
		s.mu.Unlock()
		s.stop()
	})
	s.done.Wait()
	return nil
}

func (s *Service) run() {
	tick := time.NewTicker(tendEvery)
	defer tick.Stop()
	for {
		select {
		case <-s.life.Done():
			return
		case <-tick.C:
		}
		if err := s.Tend(s.life); err != nil && s.life.Err() == nil {
			s.failures.Add(1)
			s.log.Warn("tickets were not looked at", "error", err)
		}
	}
}

// Stats reads the counters.
func (s *Service) Stats() Stats {
	return Stats{s.guessed.Load(), s.applied.Load(), s.trained.Load(), s.failures.Load()}
}

// ErrLearning says that the model is being learnt.
var ErrLearning = errors.New("it is being learnt")

// Guess is what a text is.
type Guess struct {
	Value   string
	P       float64
	Version string
	Top     []learn.Choice
}

// languageOf is "zh", "en", or "" for what neither model knows.
func languageOf(folded string) string { return nlp.Detect(folded).Code }

// Guess tells the label of a text; ErrLearning while there is no model, pg.ErrNotFound for a language
// without one.
func (s *Service) Guess(ctx context.Context, kind Kind, text string) (Guess, error) {
	folded := nlp.Fold(text)
	lang := languageOf(folded)
	if lang == "" {
		return Guess{}, pg.ErrNotFound
	}
	m, err := s.mind(ctx, place{kind, lang})
	if err != nil {
		return Guess{}, err
	}
	e, err := s.example(ctx, kind, lang, folded, false)
	if err != nil {
		return Guess{}, err
	}
	if m.text.Vectors() == 0 {
		e.Vector = nil
	}
	top, err := m.text.Guess(e)
	if err != nil {
		return Guess{}, err
	}
	s.guessed.Add(1)
	return Guess{top[0].Label, top[0].P, m.version, top[:min(3, len(top))]}, nil
}

// maxGuessed bounds what of a text is looked at.
const maxGuessed = 600 // characters

func (s *Service) example(ctx context.Context, kind Kind, lang, folded string, later bool) (learn.TextExample, error) {
	folded = head(folded)
	e := learn.TextExample{Text: folded, Extra: extras(kind, lang, folded)}
	if s.parts.Embed == nil {
		return e, nil
	}
	ask := s.parts.Embed.Embed
	if later {
		ask = s.parts.Embed.EmbedLater
	}
	v, err := ask(ctx, lang, folded)
	if err != nil {
		return e, err
	}
	e.Vector = append(append(make([]float32, 0, len(v.CLS)+len(v.Mean)), v.CLS...), v.Mean...)
	return e, nil
}

// head is as much of a text as is looked at.
func head(folded string) string {
	if r := []rune(folded); len(r) > maxGuessed {
		return string(r[:maxGuessed])
	}
	return folded
}

// readFor is how long a model is used before it is looked whether another server has learnt a newer one.
const readFor = 5 * time.Minute

// mind finds a model in memory, in the database, or begins to learn it.
func (s *Service) mind(ctx context.Context, at place) (*mind, error) {
	now := s.now()
	s.mu.Lock()
	m := s.minds[at]
	due := now.Sub(s.read[at]) > readFor
	if m != nil && due {
		s.read[at] = now // one looks
	}
	s.mu.Unlock()
	if m != nil && !due {
		return m, nil
	}
	if m != nil {
		latest, err := pg.Row(ctx, s.db, pgx.RowTo[string], `select version from text_models where kind = $1 and lang = $2 order by trained_at desc limit 1`, at.kind, at.lang)
		if err == nil && latest != m.version {
			var fresh *mind
			if fresh, err = s.load(ctx, at); err == nil {
				s.put(at, fresh)
				return fresh, nil
			}
		}
		if err != nil && !errors.Is(err, pg.ErrNotFound) && ctx.Err() == nil {
			s.failures.Add(1)
			s.log.Warn("whether there is a newer model is not known", "kind", at.kind, "lang", at.lang, "error", err)
		}
		return m, nil
	}
	m, err := s.load(ctx, at)
	if err == nil {
		s.put(at, m)
		return m, nil
	}
	if !errors.Is(err, pg.ErrNotFound) {
		return nil, err
	}
	s.mu.Lock()
	if !s.learning[at] && !s.closed {
		s.learning[at] = true
		s.done.Go(func() { // ends with what it learns, or with Close
			if _, err := s.Train(s.life, at.kind, at.lang); err != nil && s.life.Err() == nil {
				s.failures.Add(1)
				s.log.Warn("a model was not learnt", "kind", at.kind, "lang", at.lang, "error", err)
			}
			s.mu.Lock()
			delete(s.learning, at)
			s.mu.Unlock()
		})
	}
	s.mu.Unlock()
	return nil, ErrLearning
}

func (s *Service) load(ctx context.Context, at place) (*mind, error) {
	type row struct {
		Version string
		Doc     []byte
	}
	r, err := pg.Row(ctx, s.db, pgx.RowToStructByPos[row], `select version, doc from text_models where kind = $1 and lang = $2 order by trained_at desc limit 1`, at.kind, at.lang)
	if err != nil {
		return nil, err
	}
	m := &mind{text: &learn.Text{}, version: r.Version}
	if err := m.text.UnmarshalBinary(r.Doc); err != nil {
		return nil, errors.Join(pg.ErrNotFound, err) // learnt anew
	}
	if m.text.Vectors() > 0 && s.parts.Embed == nil || m.text.Vectors() == 0 && s.parts.Embed != nil {
		return nil, pg.ErrNotFound // the sentence models came or went
	}
	return m, nil
}

//go:embed tickets.tsv
var ticketExamples []byte

//go:embed urgency.tsv
var urgencyExamples []byte

// examples are what a model learns from: those written by hand, and labels.
func (s *Service) examples(ctx context.Context, at place) ([]Example, error) {
	var all []Example
	var err error
	switch at.kind {
	case Complaint:
		all = s.parts.Complaints
	case Type:
		all, err = Parse(ticketExamples, "train")
	case Urgency:
		all, err = Parse(urgencyExamples, "train")
	}
	if err != nil {
		return nil, err
	}
	var out []Example
	for _, e := range all {
		if e.Lang == at.lang {
			out = append(out, e)
		}
	}
	labelled, err := s.labelled(ctx, at.kind)
	for _, e := range labelled {
		if e.Lang = languageOf(nlp.Fold(e.Text)); e.Lang == at.lang {
			out = append(out, e)
		}
	}
	return out, err
}

// maxLabelled bounds what is learnt from labels; the latest count.
const maxLabelled = 4000

func (s *Service) labelled(ctx context.Context, kind Kind) ([]Example, error) {
	sql := `select '', t.subject || E'\n' || t.body, l.value from labels l join predictions p on p.id = l.prediction_id join tickets t on t.id::text = p.object_id
		where p.object_type = 'ticket' and p.kind = $1 and t.subject <> '–' order by l.id desc limit $2`
	if kind == Complaint {
		sql = `select '', f.text, l.value from labels l join predictions p on p.id = l.prediction_id join feedback f on f.id::text = p.object_id
			where p.object_type = 'feedback' and p.kind = $1 and f.text <> '' order by l.id desc limit $2`
	}
	all, err := pg.Rows(ctx, s.db, pgx.RowToStructByPos[Example], sql, kind, maxLabelled)
	if err != nil {
		err = fmt.Errorf("labels of %s: %w", kind, err)
	}
	return all, err
}

// Trained is one model, as the page of models shows it.
type Trained struct {
	Kind      string           `json:"kind" enum:"complaint,type,urgency"`
	Lang      string           `json:"lang" enum:"zh,en"`
	Version   string           `json:"version"`
	Examples  int              `json:"examples"`
	Metrics   learn.TextReport `json:"metrics" doc:"on what was held out"`
	TookMS    int              `json:"took_ms"`
	TrainedAt time.Time        `json:"trained_at"`
}

// Models are the latest of each kind and language.
func (s *Service) Models(ctx context.Context) ([]Trained, error) {
	all, err := pg.Rows(ctx, s.db, pgx.RowToStructByPos[Trained], `select distinct on (kind, lang) kind, lang, version, examples, metrics, took_ms, trained_at from text_models order by kind, lang, trained_at desc`)
	if err != nil {
		err = fmt.Errorf("models: %w", err)
	}
	return all, err
}

// Train learns a model and puts it to use, unless it does worse on what was held out than the one that is
// there. The same examples give the same model, which is then not learnt again.
func (s *Service) Train(ctx context.Context, kind Kind, lang string) (Trained, error) {
	at := place{kind, lang}
	examples, err := s.examples(ctx, at)
	if err != nil {
		return Trained{}, err
	}
	begun := time.Now()
	h := sha256.New()
	for _, e := range examples {
		fmt.Fprintf(h, "%s\t%s\n", e.Label, e.Text)
	}
	vectors := 0
	if len(examples) > 0 {
		first, err := s.example(ctx, kind, lang, nlp.Fold(examples[0].Text), true)
		if err != nil {
			return Trained{}, err
		}
		vectors = len(first.Vector)
	}
	fmt.Fprintf(h, "%d", vectors)
	version := hex.EncodeToString(h.Sum(nil)[:6])
	old, err := s.load(ctx, at)
	if err == nil && old.version == version {
		s.put(at, old)
		return s.one(ctx, at, version)
	}
	lessons := make([]learn.TextExample, 0, len(examples))
	for _, e := range examples {
		l, err := s.example(ctx, kind, lang, nlp.Fold(e.Text), true)
		if err != nil {
			return Trained{}, err
		}
		l.Label = e.Label
		lessons = append(lessons, l)
	}
	m, err := learn.TrainText(lessons, 1)
	if err != nil {
		return Trained{}, fmt.Errorf("learn %s in %s: %w", kind, lang, err)
	}
	if old != nil && m.Report().Accuracy < old.text.Report().Accuracy-0.02 {
		s.put(at, old)
		return s.one(ctx, at, old.version)
	}
	doc, err := m.MarshalBinary()
	if err != nil {
		return Trained{}, err
	}
	metrics, err := json.Marshal(m.Report())
	if err != nil {
		return Trained{}, err
	}
	_, err = s.db.Exec(ctx, `insert into text_models (kind, lang, version, examples, metrics, doc, took_ms, trained_at) values ($1, $2, $3, $4, $5, $6, $7, $8)
		on conflict (kind, lang, version) do update set trained_at = $8, metrics = $5, doc = $6`, kind, lang, version, len(examples), metrics, doc, time.Since(begun).Milliseconds(), s.now().UTC())
	if err != nil {
		return Trained{}, fmt.Errorf("keep what was learnt: %w", err)
	}
	s.trained.Add(1)
	s.put(at, &mind{m, version})
	return s.one(ctx, at, version)
}

func (s *Service) put(at place, m *mind) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.minds[at], s.read[at] = m, s.now()
}

func (s *Service) one(ctx context.Context, at place, version string) (Trained, error) {
	return pg.Row(ctx, s.db, pgx.RowToStructByPos[Trained], `select kind, lang, version, examples, metrics, took_ms, trained_at from text_models where kind = $1 and lang = $2 and version = $3`, at.kind, at.lang, version)
}
