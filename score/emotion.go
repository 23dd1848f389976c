package score

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"tingxin/emotion"
)

// EmotionOptions of a scored run of emotion recognition.
type EmotionOptions struct {
	// Manifest is read by ReadSpoken, Corpus keeps one of its corpora.
	Manifest, Corpus string
	// Pool names corpora of the manifest, separated by commas, that are trained on beside the
	// one that is tested and are not tested themselves; for protocol loso.
	Pool string
	// Task keeps one task (see EmotionFigures).
	Task string
	// Classes choose and rename labels (see parseClasses).
	Classes string
	// Band is "wide" (as recorded), "telephone" (8 kHz G.711 and back) or "both", which also
	// says what the telephone costs.
	Band string
	// Protocol is "loso", "cross" or "model".
	Protocol string
	// Model is a model file for the protocol "model"; empty is the shipped one.
	Model string
	// Features is the set of features, large or 88; with a model its own.
	Features string
	// JSON is the file for the figures, Cache one that keeps what recordings measured.
	JSON, Cache string
	// Parallel is how many goroutines work (cores).
	Parallel int
}

// Register adds the command's flags to fs.
func (o *EmotionOptions) Register(fs *flag.FlagSet) {
	fs.StringVar(&o.Manifest, "manifest", "", "labelled recordings: `file` of tab-separated values with columns path, speaker, label")
	fs.StringVar(&o.Band, "band", "telephone", "`wide` (as recorded), telephone (simulated: 8 kHz, G.711) or both")
	fs.StringVar(&o.Protocol, "protocol", "loso", "`loso` (train without the speaker that is tested), cross (without the corpus) or model (a given model on unseen data)")
	fs.StringVar(&o.Corpus, "corpus", "", "only this `corpus`")
	fs.StringVar(&o.Pool, "pool", "", "train on these `corpora` too and test them not (tasks four and five)")
	fs.StringVar(&o.Task, "task", "", "only this `task`: labels, four or five")
	fs.StringVar(&o.Classes, "classes", "", "which `labels` count and as what, such as anger=angry,calm=neutral,fear (default: all, as they are)")
	fs.StringVar(&o.Cache, "cache", "", "keep what recordings measured in this `file`, for the next run")
	fs.StringVar(&o.Model, "model", "", "model `file` for --protocol model (default: the shipped one)")
	fs.StringVar(&o.Features, "features", "large", "`set` of functionals: large or 88")
	fs.IntVar(&o.Parallel, "parallel", 0, "goroutines (default: cores)")
	fs.StringVar(&o.JSON, "json", "", "write the figures to this `file`")
}

// EmotionFigures is the list of names for --help.
const EmotionFigures = `Figures in --json: CORPUS.TASK.NORM.FIGURE
  TASK   labels (the manifest's own) | four (neutral, angry, happy, sad; others left out) | five (with other)
  NORM   none   z-scores from the training speakers
         first  shifted by the speaker's first neutral seconds, which are not tested
         full   z-scores over all of the speaker's recordings
  uar_pct uar_low_pct uar_high_pct      mean recall of the classes, 95 % interval over speakers
  recall.CLASS_pct accuracy_pct f1_pct
  anger_auc anger_auc_low anger_auc_high  anger against the rest
  ece brier                             calibration of the probabilities
  anger_precision_pct anger_coverage_pct anger_false_pct  readings of anger outside the abstain band: how
                                        many are right, how much of all anger they find, and of all else they wrongly name
  files speakers
CORPUS.TASK.gain.{full,first}_points    UAR gained over none on the recordings that first tests;
                                        with _low and _high the 95 % interval over speakers
loss.CORPUS.TASK.NORM_points            by --band both: UAR that the telephone costs, with _low and
                                        _high; all other names then begin with wide. or telephone.
features.seconds features.x_realtime run.seconds
`

func (o *EmotionOptions) check() error {
	switch {
	case o.Manifest == "":
		return errors.New("score emotion needs --manifest FILE: tab-separated values with columns path, speaker, label")
	case o.Band != "wide" && o.Band != "telephone" && o.Band != "both":
		return fmt.Errorf("band %q is unknown: wide, telephone or both", o.Band)
	case o.Task != "" && o.Task != "labels" && o.Task != "four" && o.Task != "five":
		return fmt.Errorf("task %q is unknown: labels, four or five", o.Task)
	case o.Protocol != "loso" && o.Protocol != "cross" && o.Protocol != "model":
		return fmt.Errorf("protocol %q is unknown: loso, cross or model", o.Protocol)
	case o.Protocol != "loso" && o.Pool != "":
		return errors.New("--pool is for --protocol loso")
	case o.Protocol != "model" && o.Model != "":
		return errors.New("--model is for --protocol model")
	}
	if o.Features == "" {
		o.Features = emotion.Large.Name()
	}
	if o.Parallel <= 0 {
		o.Parallel = runtime.NumCPU()
	}
	return nil
}

// emotionResult is one line of the table.
type emotionResult struct {
	task *task
	norm string
	v    verdict
	list []guess
}

// Emotion scores the recognition of emotion and prints a table.
func Emotion(ctx context.Context, opts EmotionOptions, out io.Writer) error {
	if err := opts.check(); err != nil {
		return err
	}
	classes, err := parseClasses(opts.Classes)
	if err != nil {
		return err
	}
	list, err := opts.read()
	if err != nil {
		return err
	}
	if list, err = choose(list, classes); err != nil {
		return err
	}
	set, err := emotion.SetOf(opts.Features)
	if err != nil {
		return err
	}
	var model *emotion.Model
	if opts.Protocol == "model" {
		if model, err = opts.model(); err != nil {
			return err
		}
		set = model.Set()
	}
	cache, err := openCache(opts.Cache, set)
	if err != nil {
		return err
	}
	bands := []string{opts.Band}
	if opts.Band == "both" {
		bands = []string{"wide", "telephone"}
	}
	fmt.Fprintf(out, "classes: %s\n", mapping(list))
	var reports []*emotionReport
	var figures []Figure
	for _, band := range bands {
		rep := &emotionReport{opts: opts, band: band}
		if err := rep.run(ctx, list, set, model, cache); err != nil {
			return err
		}
		rep.print(out)
		reports = append(reports, rep)
		for _, f := range rep.figures() {
			if len(bands) > 1 {
				f.Name = band + "." + f.Name
			}
			figures = append(figures, f)
		}
	}
	if len(reports) == 2 {
		figures = append(figures, printLoss(out, reports[0], reports[1])...)
	}
	return WriteJSON(opts.JSON, figures)
}

// pooled are the corpora of Pool.
func (o *EmotionOptions) pooled() []string {
	var names []string
	for _, name := range strings.Split(o.Pool, ",") {
		if name = strings.TrimSpace(name); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// read reads the recordings of the corpus, or of all, and of those that are pooled.
func (o *EmotionOptions) read() ([]Spoken, error) {
	list, err := ReadSpoken(o.Manifest, o.Corpus)
	if err != nil {
		return nil, err
	}
	for _, name := range o.pooled() {
		more, err := ReadSpoken(o.Manifest, name)
		switch {
		case err != nil:
			return nil, fmt.Errorf("--pool: %w", err)
		case name == o.Corpus:
			return nil, fmt.Errorf("--pool %s: it is what is tested", name)
		case o.Corpus != "":
			list = append(list, more...)
		}
	}
	return list, nil
}

// run measures the recordings through the report's band and scores them by its protocol.
func (r *emotionReport) run(ctx context.Context, list []Spoken, set *emotion.Set, model *emotion.Model, cache *measureCache) error {
	begun := time.Now()
	var copies map[string]bool
	if r.opts.Protocol == "loso" {
		copies = few(list)
	}
	all, err := measureAll(ctx, list, set, r.band, copies, cache, r.opts.Parallel)
	if err != nil {
		return err
	}
	r.features = time.Since(begun)
	mute := 0
	for _, m := range all {
		r.audio += m.length
		if m.seconds == 0 {
			mute++
		}
	}
	if mute > 0 {
		r.notes = append(r.notes, fmt.Sprintf("%d of %d recordings have no voice in them", mute, len(all)))
	}
	switch r.opts.Protocol {
	case "model":
		r.model(model, all)
	case "cross":
		err = r.cross(ctx, all)
	default:
		err = r.loso(ctx, all)
	}
	r.took = time.Since(begun)
	if err == nil && len(r.results) == 0 {
		if r.notes == nil {
			r.notes = []string{"no corpus has recordings for this task"}
		}
		err = fmt.Errorf("nothing to score: %s", strings.Join(r.notes, "; "))
	}
	return err
}

// loso trains and tests each corpus by itself, leaving one speaker out.
func (r *emotionReport) loso(ctx context.Context, all []measured) error {
	pool := r.opts.pooled()
	var own, others []measured
	for _, m := range all {
		if slices.Contains(pool, m.Corpus) {
			others = append(others, m)
		} else {
			own = append(own, m)
		}
	}
	for _, t := range tasks(own, r.opts.Task) {
		if t.name != "labels" {
			t.learnFrom(others)
		}
		if why := t.hopeless(); why != "" {
			r.notes = append(r.notes, fmt.Sprintf("%s %s: %s", t.corpus, t.title(), why))
			continue
		}
		for _, norm := range []string{"none", "first", "full"} {
			guesses, err := t.loso(ctx, norm, r.opts.Parallel)
			if err != nil {
				return fmt.Errorf("%s %s: %w", t.corpus, t.name, err)
			}
			r.add(t, norm, guesses)
		}
	}
	return nil
}

// cross tests each corpus with what all others taught.
func (r *emotionReport) cross(ctx context.Context, all []measured) error {
	var names []string
	for _, m := range all {
		if !slices.Contains(names, m.Corpus) {
			names = append(names, m.Corpus)
		}
	}
	if len(names) < 2 {
		return errors.New("protocol cross needs a manifest of at least two corpora")
	}
	for _, name := range names {
		t := crossTask(all, name)
		if t == nil {
			continue
		}
		for _, norm := range []string{"none", "first", "full"} {
			if err := ctx.Err(); err != nil {
				return err
			}
			guesses, err := t.cross(norm)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			r.add(t, norm, guesses)
		}
	}
	return nil
}

// model reads the model to score.
func (o *EmotionOptions) model() (*emotion.Model, error) {
	if o.Model == "" {
		return emotion.Default(), nil
	}
	f, err := os.Open(o.Model)
	if err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	defer f.Close()
	m, err := emotion.ReadModel(f)
	if err != nil {
		return nil, fmt.Errorf("model %s: %w", o.Model, err)
	}
	return m, nil
}

// model applies a model as a call does, without and with a baseline of neutral speech.
func (r *emotionReport) model(m *emotion.Model, all []measured) {
	r.version = m.Version()
	for _, t := range tasks(all, r.opts.Task) {
		if t.name == "labels" {
			continue
		}
		for _, norm := range []string{"none", "first"} {
			r.add(t, norm, t.apply(m, norm))
		}
	}
}

func (r *emotionReport) add(t *task, norm string, list []guess) {
	if n := t.strangers(); norm == "first" && n > 0 {
		r.notes = append(r.notes, fmt.Sprintf("%s %s: %d of %d speakers have fewer than two neutral recordings; to norm \"first\" they are strangers", t.corpus, t.title(), n, t.speakers()))
	}
	r.results = append(r.results, emotionResult{t, norm, judge(list, len(t.names), t.anger), list})
}
