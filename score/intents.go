package score

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"time"

	"tingxin/nlp/learn"
)

// IntentOptions of a scored run of the intent classifier.
type IntentOptions struct {
	TextOptions
	// Train, Test and Valid are folders as ReadLabelled reads them; Valid is the folder
	// valid beside Train when empty, there, and not the one to test on.
	Train, Test, Valid string
	// Shots are the examples of each label that are learnt from; 0 for all.
	Shots int
	// Seed chooses the shots.
	Seed uint64
}

// Register adds the command's flags to fs.
func (o *IntentOptions) Register(fs *flag.FlagSet) {
	fs.StringVar(&o.Train, "train", "", "learn from this `folder`: seq.in and label, line by line; oos/NAME beside it is read too")
	fs.StringVar(&o.Test, "test", "", "measure on this `folder`, never learnt from")
	fs.StringVar(&o.Valid, "valid", "", "`folder` for thresholds (default: valid beside --train, if it is not --test; \"-\" for none)")
	fs.IntVar(&o.Shots, "shots", 0, "learn from `N` examples of each label only")
	fs.Uint64Var(&o.Seed, "seed", 1, "seed of the choice of shots")
	o.register(fs)
}

// IntentFigures is the list of names for --help.
const IntentFigures = `Figures in --json:
  intents.accuracy_pct accuracy_low_pct accuracy_high_pct   texts with an intent: label right, 95 % interval (bootstrap)
  intents.macro_f1_pct                   mean F1 over the labels, oos left out
  intents.accuracy_all_pct               all texts, oos as one more label, after the threshold
  intents.oos_recall_pct                 texts without an intent that were found, by the threshold from train and valid
  intents.false_rejects_pct              texts with an intent that were taken for oos
  intents.oos_auroc                      area under the curve of that decision, whatever the threshold
  intents.train intents.test intents.labels intents.oos   numbers of texts and labels
  intents.unseen                         texts to test whose label is in no example: they count as wrong
  intents.calibration_error_pct          expected calibration error, ten bins
  intents.train_s intents.ms_per_text    without the time of embedding
`

func (o *IntentOptions) check() error {
	switch {
	case o.Train == "" || o.Test == "":
		return errors.New("score intents needs --train DIR and --test DIR, each with the files seq.in and label")
	case filepath.Clean(o.Train) == filepath.Clean(o.Test):
		return errors.New("--train and --test are the same folder")
	case o.Shots < 0:
		return errors.New("--shots cannot be negative")
	}
	if o.Valid == "" {
		beside := filepath.Join(filepath.Dir(filepath.Clean(o.Train)), "valid")
		if _, err := os.Stat(filepath.Join(beside, "seq.in")); err == nil && beside != filepath.Clean(o.Test) && beside != filepath.Clean(o.Train) {
			o.Valid = beside
		}
	}
	if o.Valid == "-" {
		o.Valid = ""
	}
	if o.Valid != "" && filepath.Clean(o.Valid) == filepath.Clean(o.Test) {
		return errors.New("--valid and --test are the same folder")
	}
	return nil
}

// Intents learns intents, measures them and prints the figures.
func Intents(ctx context.Context, opts IntentOptions, out io.Writer) error {
	if err := opts.check(); err != nil {
		return err
	}
	train, err := readWithForeign(opts.Train)
	if err != nil {
		return err
	}
	test, err := readWithForeign(opts.Test)
	if err != nil {
		return err
	}
	var valid []Labelled
	if opts.Valid != "" {
		if valid, err = readWithForeign(opts.Valid); err != nil {
			return err
		}
	}
	train = shots(train, opts.Shots, opts.Seed)
	e, err := openEmbedder(ctx, opts.TextOptions)
	if err != nil {
		return err
	}
	defer e.close()
	r := intentRun{train: train, test: test, guesses: make([]learn.Guess, len(test))}
	langs := r.tongues()
	for _, lang := range langs {
		if err := r.run(ctx, e, lang, langs, valid); err != nil {
			return err
		}
	}
	slices.Sort(r.labels)
	r.labels = slices.Compact(r.labels)
	fmt.Fprintf(out, "intents, %s, language %s, threshold from %s\n\n", opts.Test, langs, thresholdSource(opts.Valid))
	figures := r.figures()
	printFigures(out, figures)
	return WriteJSON(opts.JSON, figures)
}

func thresholdSource(valid string) string {
	if valid == "" {
		return "a held-out part of train"
	}
	return valid
}

func printFigures(out io.Writer, figures []Figure) {
	for _, f := range figures {
		fmt.Fprintf(out, "  %-36s %.3f\n", f.Name, f.Value)
	}
}

func textsOf(set []Labelled) func(func(string) bool) {
	return func(yield func(string) bool) {
		for _, l := range set {
			if !yield(l.Text) {
				return
			}
		}
	}
}

// shots keeps n examples of each label, drawn by seed; foreign ones are all kept.
func shots(set []Labelled, n int, seed uint64) []Labelled {
	if n == 0 {
		return set
	}
	count := make(map[string]int)
	var keep []int
	for _, i := range rand.New(rand.NewPCG(seed, 3)).Perm(len(set)) {
		label := set[i].Label
		if count[label]++; count[label] <= n || label == learn.Foreign {
			keep = append(keep, i)
		}
	}
	slices.Sort(keep)
	out := make([]Labelled, len(keep))
	for k, i := range keep {
		out[k] = set[i]
	}
	return out
}

type intentRun struct {
	train, test []Labelled
	labels      []string
	guesses     []learn.Guess // of test
	trainTook   time.Duration
	guessTook   time.Duration
}

// tongues of the examples; a second language with fewer than two labels has nothing to tell apart.
func (r *intentRun) tongues() tongues {
	langs := tonguesOf(textsOf(r.train))
	if len(langs) < 2 {
		return langs
	}
	for _, lang := range langs {
		labels := make(map[string]bool)
		for _, l := range r.train {
			if l.Label != learn.Foreign && langs.of(l.Text) == lang {
				labels[l.Label] = true
			}
		}
		if len(labels) < 2 {
			return langs[:1]
		}
	}
	return langs
}

// run learns a language and guesses the texts of the test that are in it.
func (r *intentRun) run(ctx context.Context, e *embedder, lang string, langs tongues, valid []Labelled) error {
	mine := func(set []Labelled) (out []Labelled, at []int) {
		for i, l := range set {
			if langs.of(l.Text) == lang {
				out, at = append(out, l), append(at, i)
			}
		}
		return out, at
	}
	train, _ := mine(r.train)
	apart, _ := mine(valid)
	test, at := mine(r.test)
	examples, _, err := e.examples(ctx, lang, train)
	if err != nil {
		return err
	}
	held, _, err := e.examples(ctx, lang, apart)
	if err != nil {
		return err
	}
	for _, x := range held {
		if x.Label == learn.Foreign {
			examples = append(examples, x)
		}
	}
	_, rows, err := e.examples(ctx, lang, test)
	if err != nil {
		return err
	}
	begun := time.Now()
	m, err := learn.TrainIntents(examples, learn.IntentsConfig{Valid: held})
	if err != nil {
		return err
	}
	r.trainTook += time.Since(begun)
	r.labels = append(r.labels, m.Labels()...)
	begun = time.Now()
	guesses, err := m.Guess(rows)
	r.guessTook += time.Since(begun)
	if err != nil {
		return err
	}
	for k, i := range at {
		r.guesses[i] = guesses[k]
	}
	return nil
}

func (e *embedder) examples(ctx context.Context, lang string, set []Labelled) ([]learn.Example, learn.Matrix, error) {
	rows, err := e.vectors(ctx, lang, slices.Collect(textsOf(set)))
	out := make([]learn.Example, 0, len(set))
	if err != nil {
		return nil, rows, err
	}
	for i, l := range set {
		out = append(out, learn.Example{Vector: rows.Row(i), Label: l.Label})
	}
	return out, rows, nil
}

func (r *intentRun) figures() []Figure {
	var groups []Counts
	var strange, strangeForeign []float64
	var sure []float64
	var right []bool
	found, rejected, all, unseen := 0, 0, 0, 0
	counts := newConfusion()
	for i, l := range r.test {
		g := r.guesses[i]
		shown := g.Label
		if g.Foreign {
			shown = learn.Foreign
		}
		if shown == l.Label {
			all++
		}
		if l.Label == learn.Foreign {
			strangeForeign = append(strangeForeign, g.Strange)
			if g.Foreign {
				found++
			}
			continue
		}
		strange = append(strange, g.Strange)
		if g.Foreign {
			rejected++
		}
		if _, known := slices.BinarySearch(r.labels, l.Label); !known {
			unseen++
		}
		c := Counts{Words: 1}
		if g.Label != l.Label {
			c.Sub = 1
		}
		groups = append(groups, c)
		counts.add(l.Label, g.Label)
		sure, right = append(sure, g.P), append(right, g.Label == l.Label)
	}
	var sum Counts
	for _, c := range groups {
		sum = sum.Add(c)
	}
	low, high := Interval(groups)
	var f []Figure
	if len(groups) > 0 {
		f = []Figure{
			{"intents.accuracy_pct", 100 - sum.Rate()}, {"intents.accuracy_low_pct", 100 - high}, {"intents.accuracy_high_pct", 100 - low},
			{"intents.macro_f1_pct", 100 * counts.macroF1()}, {"intents.calibration_error_pct", 100 * calibrationError(sure, right)},
		}
	}
	if len(strangeForeign) > 0 {
		f = append(f, Figure{"intents.accuracy_all_pct", share(all, len(r.test))}, Figure{"intents.oos_recall_pct", share(found, len(strangeForeign))})
	}
	if len(groups) > 0 && len(strangeForeign) > 0 { // one kind alone has no curve
		f = append(f, Figure{"intents.false_rejects_pct", share(rejected, len(groups))}, Figure{"intents.oos_auroc", AUC(strangeForeign, strange)})
	}
	return append(f, Figure{"intents.train", float64(len(r.train))}, Figure{"intents.test", float64(len(r.test))},
		Figure{"intents.labels", float64(len(r.labels))}, Figure{"intents.oos", float64(len(strangeForeign))}, Figure{"intents.unseen", float64(unseen)},
		Figure{"intents.train_s", r.trainTook.Seconds()}, Figure{"intents.ms_per_text", float64(r.guessTook.Microseconds()) / 1000 / float64(max(len(r.test), 1))})
}
