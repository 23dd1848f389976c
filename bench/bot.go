package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"tingxin/bot"
	"tingxin/kb"
	"tingxin/nlp/embed"
	"tingxin/pg"
	"tingxin/score"
)

// BotOptions of a bench of the bot.
type BotOptions struct {
	// Articles and Questions are files of JSON lines: what the bot knows, and what it is asked, in Chinese and English.
	Articles, Questions string
	// Rate of questions a second, for Time, over so many open conversations.
	Rate          float64
	Time          time.Duration
	Conversations int
	Embed         embed.Config
	// JSON is the file for the figures.
	JSON string
}

// Register adds the command's flags to fs.
func (o *BotOptions) Register(fs *flag.FlagSet) {
	fs.StringVar(&o.Articles, "articles", "kb/testdata/faq/articles.jsonl", "`file` of articles, one JSON object a line")
	fs.StringVar(&o.Questions, "questions", "kb/testdata/faq/questions-test.jsonl", "`file` of questions, one JSON object a line")
	fs.Float64Var(&o.Rate, "rate", 50, "`N` questions a second")
	fs.DurationVar(&o.Time, "time", 30*time.Second, "how long")
	fs.IntVar(&o.Conversations, "conversations", 1000, "`N` open conversations that the questions belong to")
	fs.StringVar(&o.Embed.Models, "models", "", "`folder` of the sentence models (default: models)")
	fs.StringVar(&o.Embed.Runtime, "runtime", "", "`path` of libonnxruntime.so (default: build/onnxruntime)")
	fs.StringVar(&o.JSON, "json", "", "write the figures to this `file`")
}

// BotFigures is the list of names for --help.
const BotFigures = `Figures in --json:
  bot.rate_wanted bot.rate_done          questions a second
  bot.p50_ms bot.p95_ms bot.p99_ms bot.max_ms   from when a question was due to its reply, rows written
  bot.failed_pct                         questions without a reply
  bot.answered_pct bot.fallback_pct      of the replies
  bot.cpu_ms                             CPU of this process per question, without PostgreSQL's
  bot.conversations bot.rss_mb           open ones, and the process with all of them
  bot.idle_rss_mb bot.conversation_kb    the process before any was open, and what each one added until the end
  bot.learn_s                            from articles and phrases to ready
`

func (o *BotOptions) check() error {
	switch {
	case o.Rate <= 0 || o.Rate > 100000:
		return errors.New("bench bot: --rate goes from above 0 to 100000")
	case o.Time < time.Second:
		return errors.New("bench bot: --time is at least 1s")
	case o.Conversations < 1 || o.Conversations > 1000000:
		return errors.New("bench bot: --conversations goes from 1 to 1000000")
	}
	return nil
}

// Bot asks a bot in this process, with a database of its own, a mix of questions at a rate.
func Bot(ctx context.Context, o BotOptions, out io.Writer) (err error) {
	if err := o.check(); err != nil {
		return err
	}
	questions, err := readLines[kb.Question](o.Questions)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "tingxin-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil { // the database's account must pass
		return err
	}
	log := slog.New(slog.DiscardHandler)
	db, err := pg.Open(ctx, pg.Config{Dir: filepath.Join(dir, "postgres")}, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	models := embed.New(o.Embed)
	if err := models.Start(ctx); err != nil {
		return err
	}
	defer models.Close()
	begun := time.Now()
	articles, err := o.shelf(ctx, db, models, log)
	if err != nil {
		return err
	}
	defer articles.Close()
	e, err := bot.New(bot.Config{KeyFile: filepath.Join(dir, "bot.key"), TurnsPerMinute: 1000000, MaxTurns: 256}, bot.Parts{DB: db, Embed: models, Knowledge: bot.Articles{Service: articles}}, log)
	if err != nil {
		return err
	}
	defer e.Close()
	if err := e.Start(ctx); err != nil {
		return err
	}
	if err := e.Reload(ctx); err != nil {
		return err
	}
	r := botRun{opts: o, engine: e, questions: questions}
	learn := time.Since(begun)
	runtime.GC()
	idle, err := usage(-1)
	if err != nil {
		return err
	}
	r.idleMB = idle.rssMB
	if err := r.open(ctx); err != nil {
		return err
	}
	if err := r.ask(ctx); err != nil {
		return err
	}
	figures := append(r.figures(), score.Figure{Name: "bot.learn_s", Value: learn.Seconds()})
	fmt.Fprintf(out, "bot, %d questions of %s, %d cores\n\n", len(questions), o.Questions, runtime.NumCPU())
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, f := range figures {
		fmt.Fprintf(w, "  %s\t%.3f\n", f.Name, f.Value)
	}
	return errors.Join(w.Flush(), score.WriteJSON(o.JSON, figures))
}

// shelf publishes the articles and waits until they are indexed.
func (o *BotOptions) shelf(ctx context.Context, db *pg.DB, models *embed.Service, log *slog.Logger) (*kb.Service, error) {
	all, err := readLines[kb.Article](o.Articles)
	if err != nil {
		return nil, err
	}
	store, by := kb.NewStore(db), kb.Actor{Name: "bench", Edit: true, Approve: true}
	for _, a := range all {
		c := kb.Content{Title: a.Title, Body: a.Answer, Category: a.Category, Rules: a.Rules, Audience: kb.Public}
		for _, v := range a.Variants {
			c.Variants = append(c.Variants, kb.Variant{Text: v})
		}
		r, err := store.Create(ctx, by, a.ID, a.Lang, kb.Edit{Content: c}, nil)
		if err == nil {
			_, err = store.Move(ctx, by, r.ID, r.Version, kb.Live, "", false, nil)
		}
		if err != nil {
			return nil, fmt.Errorf("article %s: %w", a.ID, err)
		}
	}
	s, err := kb.New(kb.Config{}, db, models, log)
	if err != nil {
		return nil, err
	}
	if err := s.Start(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if err := s.Wait(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func readLines[T any](path string) ([]T, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var out []T
	in := bufio.NewScanner(f)
	in.Buffer(nil, 1<<20)
	for n := 1; in.Scan(); n++ {
		line := in.Bytes()
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		var v T
		if err := json.Unmarshal(line, &v); err != nil {
			return nil, fmt.Errorf("%s line %d: %w", path, n, err)
		}
		out = append(out, v)
	}
	if len(out) == 0 && in.Err() == nil {
		return nil, fmt.Errorf("%s holds nothing", path)
	}
	return out, in.Err()
}

type botRun struct {
	opts      BotOptions
	engine    *bot.Engine
	questions []kb.Question

	mu     sync.Mutex
	waits  []time.Duration
	kinds  map[bot.Decision]int
	failed atomic.Int64
	took   time.Duration
	cpu    time.Duration
	rssMB  float64
	idleMB float64
}

func (r *botRun) turn(ctx context.Context, conversation, question int) (bot.Reply, error) {
	q := r.questions[question%len(r.questions)]
	return r.engine.Turn(ctx, bot.Session{Subject: fmt.Sprintf("bench-%d", conversation)}, bot.Input{Text: q.Text, Lang: q.Lang, Channel: bot.ChannelAPI})
}

// open begins all conversations, a few at a time.
func (r *botRun) open(ctx context.Context) error {
	next := make(chan int)
	failed := make(chan error, 1)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() { // ends when next is closed
			for i := range next {
				if _, err := r.turn(ctx, i, i); err != nil {
					select {
					case failed <- err:
					default:
					}
				}
			}
		})
	}
	for i := range r.opts.Conversations {
		next <- i
	}
	close(next)
	wg.Wait()
	select {
	case err := <-failed:
		return fmt.Errorf("open conversations: %w", err)
	default:
		return ctx.Err()
	}
}

// ask sends questions when they are due, whether or not earlier ones were answered.
func (r *botRun) ask(ctx context.Context) error {
	r.kinds = make(map[bot.Decision]int)
	n := int(r.opts.Rate * r.opts.Time.Seconds())
	rng := rand.New(rand.NewPCG(1, 9))
	before, err := usage(-1)
	if err != nil {
		return err
	}
	begun := time.Now()
	var wg sync.WaitGroup
	for i := range n {
		due := begun.Add(time.Duration(float64(i) / r.opts.Rate * float64(time.Second)))
		timer := time.NewTimer(time.Until(due))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			wg.Wait()
			return ctx.Err()
		}
		conversation, question := rng.IntN(r.opts.Conversations), rng.IntN(len(r.questions))
		wg.Go(func() { // ends with its turn, which is bounded
			reply, err := r.turn(ctx, conversation, question)
			took := time.Since(due)
			if err != nil {
				r.failed.Add(1)
				return
			}
			r.mu.Lock()
			r.waits = append(r.waits, took)
			r.kinds[reply.Decision]++
			r.mu.Unlock()
		})
	}
	wg.Wait()
	r.took = time.Since(begun)
	after, err := usage(-1)
	if err != nil {
		return err
	}
	r.cpu, r.rssMB = after.cpu-before.cpu, after.rssMB
	if len(r.waits) == 0 {
		return errors.New("bench bot: no question was answered")
	}
	return nil
}

func (r *botRun) figures() []score.Figure {
	slices.Sort(r.waits)
	at := func(q float64) float64 { return r.waits[int(q*float64(len(r.waits)-1))].Seconds() * 1000 }
	n := float64(len(r.waits))
	all := n + float64(r.failed.Load())
	share := func(d ...bot.Decision) float64 {
		sum := 0
		for _, k := range d {
			sum += r.kinds[k]
		}
		return 100 * float64(sum) / n
	}
	return []score.Figure{{Name: "bot.rate_wanted", Value: r.opts.Rate}, {Name: "bot.rate_done", Value: n / r.took.Seconds()},
		{Name: "bot.p50_ms", Value: at(0.5)}, {Name: "bot.p95_ms", Value: at(0.95)}, {Name: "bot.p99_ms", Value: at(0.99)}, {Name: "bot.max_ms", Value: at(1)},
		{Name: "bot.failed_pct", Value: 100 * float64(r.failed.Load()) / all}, {Name: "bot.answered_pct", Value: share(bot.DoAnswer, bot.DoTool, bot.DoTalk)},
		{Name: "bot.fallback_pct", Value: share(bot.DoFallback)}, {Name: "bot.cpu_ms", Value: r.cpu.Seconds() * 1000 / all},
		{Name: "bot.conversations", Value: float64(r.opts.Conversations)}, {Name: "bot.rss_mb", Value: r.rssMB},
		{Name: "bot.idle_rss_mb", Value: r.idleMB}, {Name: "bot.conversation_kb", Value: max(r.rssMB-r.idleMB, 0) * 1024 / float64(r.opts.Conversations)}}
}
