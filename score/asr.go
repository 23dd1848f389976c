package score

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"tingxin/asr"
)

// outcome is one recording after it was run.
type outcome struct {
	item  Item
	heard Heard
	words []asr.Word // reference words with times, when latency is measured
	plain *string    // what libvosk alone heard, when it was asked
	err   error
}

// run is one scored run.
type run struct {
	opts Options
	pool *asr.Pool
}

// ASR runs the recordings of a manifest through recognition and prints error
// rates per corpus, and latencies when it ran in real time.
func ASR(ctx context.Context, opts Options, out io.Writer) error {
	if err := opts.check(); err != nil {
		return err
	}
	items, skipped, err := ReadManifest(opts.Manifest, opts.Corpus, opts.Limit)
	if err != nil {
		return err
	}
	r := &run{opts: opts}
	if opts.Path == "call" {
		// Reference words only: one worker beside the server's own is enough.
		r.opts.ASR.Workers = 1
	}
	if r.pool, err = startPool(ctx, r.opts.ASR); err != nil {
		return err
	}
	defer r.pool.Close()
	begun := time.Now()
	results, err := r.all(ctx, items)
	if err != nil {
		return err
	}
	took := time.Since(begun)
	if opts.Plain {
		if err := r.plain(ctx, results); err != nil {
			return err
		}
	}
	rep := newReport(opts, results, skipped, took)
	rep.print(out)
	return WriteJSON(opts.JSON, rep.figures)
}

func startPool(ctx context.Context, cfg asr.Config) (*asr.Pool, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	pool, err := asr.New(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	if err := pool.Start(ctx); err != nil {
		return nil, fmt.Errorf("speech workers: %w", errors.Join(err, pool.Close()))
	}
	return pool, nil
}

// all runs the items on opts.Parallel goroutines. It fails only when ctx ends; what
// fails for one recording is in its outcome.
func (r *run) all(ctx context.Context, items []Item) ([]outcome, error) {
	results := make([]outcome, len(items))
	next := make(chan int)
	var wg sync.WaitGroup
	for range r.opts.Parallel {
		// Ends when next is closed.
		wg.Go(func() {
			for i := range next {
				results[i] = r.one(ctx, items[i])
			}
		})
	}
	for i := range items {
		select {
		case next <- i:
		case <-ctx.Done():
		}
	}
	close(next)
	wg.Wait()
	return results, ctx.Err()
}

// one runs one recording.
func (r *run) one(ctx context.Context, it Item) outcome {
	o := outcome{item: it}
	pcm, narrow, err := ReadAudio(it.Audio)
	if err != nil {
		o.err = err
		return o
	}
	if r.opts.live() {
		h, err := hear(ctx, r.pool, asr.StreamConfig{Language: lang(it), Narrow: narrow, Batch: true}, pcm, false)
		if err != nil {
			o.err = err
			return o
		}
		for _, res := range h.Results {
			if res.Kind == asr.Final {
				o.words = append(o.words, res.Words...)
			}
		}
	}
	if r.opts.Path == "call" {
		o.heard, o.err = r.opts.Line.Call(ctx, Utterance{PCM: pcm, Lang: lang(it), Wide: r.opts.Band == "wide"})
		return o
	}
	if r.opts.Band == "telephone" {
		pcm, narrow = telephone(pcm), true
	}
	cfg := asr.StreamConfig{Language: lang(it), Narrow: narrow && !r.opts.NoFront, Batch: !r.opts.Realtime}
	o.heard, o.err = hear(ctx, r.pool, cfg, pcm, r.opts.Realtime)
	return o
}

func lang(it Item) string {
	if it.Lang == "" {
		return "en"
	}
	return strings.ToLower(it.Lang)
}

// group is one corpus.
type group struct {
	name             string
	chinese          bool
	files, failed    int
	raw, norm, shown Counts
	plain            Counts // libvosk alone
	bySpeaker        map[string]Counts
	speakers         []string
	missing          string // why nothing could be recognised
}

// add counts one outcome.
func (g *group) add(o outcome) {
	if o.err != nil {
		g.failed++
		g.missing = o.err.Error()
		return
	}
	g.files++
	split, normalise := RawEnglish, NormaliseEnglish
	if g.chinese = o.item.chinese(); g.chinese {
		split, normalise = RawChinese, NormaliseChinese
	}
	_, raw := Align(split(o.item.Text), split(o.heard.raw()))
	_, norm := Align(normalise(o.item.Text), normalise(o.heard.raw()))
	_, shown := Align(normalise(o.item.Text), normalise(o.heard.shown()))
	g.raw, g.norm, g.shown = g.raw.Add(raw), g.norm.Add(norm), g.shown.Add(shown)
	if o.plain != nil {
		_, plain := Align(split(o.item.Text), split(*o.plain))
		g.plain = g.plain.Add(plain)
	}
	who := o.item.Corpus + "/" + o.item.Speaker
	if o.item.Speaker == "" {
		who += o.item.ID

	}
	if _, ok := g.bySpeaker[who]; !ok {
		g.speakers = append(g.speakers, who)
	}
	g.bySpeaker[who] = g.bySpeaker[who].Add(raw)
}

// interval is the bootstrap over speakers, in the order they came.
func (g *group) interval() (low, high float64) {
	var counts []Counts
	for _, s := range g.speakers {
		counts = append(counts, g.bySpeaker[s])
	}
	return Interval(counts)
}

// groups sorts the outcomes into their corpora and, when there are several of one
// kind, a sum. Recordings for which there is no speech model are counted as skipped.
func groups(results []outcome) (list []*group, skipped int) {
	byName := map[string]*group{}
	get := func(name string) *group {
		g := byName[name]
		if g == nil {
			g = &group{name: name, bySpeaker: map[string]Counts{}}
			byName[name] = g
			list = append(list, g)
		}
		return g
	}
	for _, o := range results {
		if errors.Is(o.err, asr.ErrNoModel) {
			skipped++
			continue
		}
		get(o.item.Corpus).add(o)
	}
	if len(list) < 2 || slices.ContainsFunc(list, func(g *group) bool { return g.chinese }) {
		return list, skipped
	}
	for _, o := range results {
		if !errors.Is(o.err, asr.ErrNoModel) {
			get("all").add(o)
		}
	}
	return list, skipped
}
