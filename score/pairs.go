package score

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"tingxin/nlp"
	"tingxin/nlp/learn"
)

// PairOptions of a scored run over pairs of sentences.
type PairOptions struct {
	TextOptions
	// Train and Test are files as ReadPairs reads them. Without Train nothing is learnt.
	Train, Test string
	// Holdout is the share of Train that is kept apart and measured when Test is empty.
	Holdout float64
}

// Register adds the command's flags to fs.
func (o *PairOptions) Register(fs *flag.FlagSet) {
	fs.StringVar(&o.Train, "train", "", "learn from this `file`: JSON lines with sentence1, sentence2, label, or columns [id] a b label between tabs")
	fs.StringVar(&o.Test, "test", "", "measure on this `file`, never learnt from")
	fs.Float64Var(&o.Holdout, "holdout", 0, "without --test: measure on this `share` of --train and learn from the rest")
	o.register(fs)
}

// PairFigures is the list of names for --help.
const PairFigures = `Without --train nothing is learnt: the cosine decides, the threshold is Otsu's over the scores, without labels.
Figures in --json:
  pairs.auc                              area under the ROC curve; not there when all pairs of the test have one label
  pairs.spearman                         rank correlation of score and label; likewise
  pairs.accuracy_pct accuracy_low_pct accuracy_high_pct   at probability 0.5, 95 % interval (bootstrap)
  pairs.f1 pairs.precision pairs.recall  of "same", at the threshold that made F1 highest on held-out training pairs
  pairs.test pairs.train pairs.same_pct  pairs, and the share of "same" in the test
`

// SentencePair is one labelled pair; Label is 0 or 1, or a degree of likeness.
type SentencePair struct {
	A, B  string
	Label float64
}

// errLabel: what should be the label is no number.
var errLabel = errors.New("the label is no number")

// ReadPairs reads JSON lines or columns between tabs. A first line whose last column is no number is a
// heading and left out.
func ReadPairs(path string) ([]SentencePair, error) {
	lines, err := readLines(path)
	if err != nil {
		return nil, err
	}
	var out []SentencePair
	first := true
	for i, line := range lines {
		if strings.TrimSpace(line) == "" {
			continue
		}
		heading := first && !strings.HasPrefix(line, "{")
		first = false
		p, err := parsePair(line)
		switch {
		case heading && errors.Is(err, errLabel):
		case err != nil:
			return nil, fmt.Errorf("%s: line %d: %w", path, i+1, err)
		default:
			out = append(out, p)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s holds no pair", path)
	}
	return out, nil
}

func parsePair(line string) (SentencePair, error) {
	if strings.HasPrefix(line, "{") {
		var p struct {
			A     *string `json:"sentence1"`
			B     *string `json:"sentence2"`
			Label any     `json:"label"`
		}
		if err := json.Unmarshal([]byte(line), &p); err != nil {
			return SentencePair{}, err
		}
		if p.A == nil || p.B == nil || p.Label == nil {
			return SentencePair{}, errors.New("sentence1, sentence2 and label are needed")
		}
		return pairOf(*p.A, *p.B, fmt.Sprint(p.Label))
	}
	fields := strings.Split(line, "\t")
	n := len(fields)
	if n != 3 && n != 4 {
		return SentencePair{}, fmt.Errorf("%d columns between tabs, three or four are needed", n)
	}
	return pairOf(fields[n-3], fields[n-2], fields[n-1])
}

func pairOf(a, b, label string) (SentencePair, error) {
	degree, err := strconv.ParseFloat(strings.TrimSpace(label), 64)
	if err != nil || math.IsNaN(degree) || math.IsInf(degree, 0) {
		return SentencePair{}, fmt.Errorf("%w: %.40q", errLabel, label)
	}
	return SentencePair{a, b, degree}, nil
}

func (o *PairOptions) read() (train, test []SentencePair, err error) {
	switch {
	case o.Test == "" && (o.Train == "" || o.Holdout <= 0 || o.Holdout >= 1):
		return nil, nil, errors.New("score pairs needs --test FILE, or --train FILE with --holdout between 0 and 1")
	case o.Test != "" && o.Holdout != 0:
		return nil, nil, errors.New("--holdout is for runs without --test")
	}
	if o.Train != "" {
		if train, err = ReadPairs(o.Train); err != nil {
			return nil, nil, err
		}
	}
	if o.Test != "" {
		test, err = ReadPairs(o.Test)
		return train, test, err
	}
	every := max(int(1/o.Holdout+0.5), 2)
	var rest []SentencePair
	for i, p := range train {
		if i%every == 0 {
			test = append(test, p)
		} else {
			rest = append(rest, p)
		}
	}
	return rest, test, nil
}

// Pairs measures how well pairs of the same meaning are told from others.
func Pairs(ctx context.Context, opts PairOptions, out io.Writer) error {
	train, test, err := opts.read()
	if err != nil {
		return err
	}
	langs := tonguesOfPairs(train, test)
	e, err := openEmbedder(ctx, opts.TextOptions)
	if err != nil {
		return err
	}
	defer e.close()
	r := pairRun{top: topLabel(train, test), scores: make([]float64, len(test)), same: make([]bool, len(test)), alike: make([]bool, len(test)), labels: make([]bool, len(test))}
	for _, lang := range langs {
		if err := r.run(ctx, e, lang, langs, train, test); err != nil {
			return err
		}
	}
	figures := append(r.figures(test), Figure{"pairs.train", float64(len(train))})
	fmt.Fprintf(out, "pairs, language %s, %d to learn from\n\n", langs, len(train))
	printFigures(out, figures)
	return WriteJSON(opts.JSON, figures)
}

// tonguesOfPairs are those of the pairs to learn from or, without any, to test.
func tonguesOfPairs(train, test []SentencePair) tongues {
	set := test
	if len(train) > 0 {
		set = train
	}
	langs := tonguesOf(func(yield func(string) bool) {
		for _, p := range set {
			if !yield(p.A) {
				return
			}
		}
	})
	if len(train) == 0 || len(langs) < 2 {
		return langs
	}
	second := 0
	for _, p := range train {
		if langs.of(p.A) == langs[1] {
			second++
		}
	}
	if second < learn.LeastPairs {
		return langs[:1]
	}
	return langs
}

// pairRun holds, for each pair of the test, what was found and what is right.
type pairRun struct {
	top    float64 // the highest degree of likeness
	scores []float64
	same   []bool // at probability 0.5
	alike  []bool // at the threshold of the best F1
	labels []bool
}

// run learns a language and judges the pairs of the test that are in it.
func (r *pairRun) run(ctx context.Context, e *embedder, lang string, langs tongues, train, test []SentencePair) error {
	mine := func(set []SentencePair) (out []SentencePair, at []int) {
		for i, p := range set {
			if langs.of(p.A) == lang {
				out, at = append(out, p), append(at, i)
			}
		}
		return out, at
	}
	part, at := mine(test)
	tests, err := e.pairs(ctx, lang, part, r.top)
	if err != nil {
		return err
	}
	for k, i := range at {
		r.labels[i] = tests[k].Same
	}
	if len(train) == 0 {
		scores := make([]float64, len(tests))
		for k, p := range tests {
			scores[k] = p.Likeness()
		}
		limit := otsu(scores)
		for k, i := range at {
			r.scores[i], r.same[i], r.alike[i] = scores[k], scores[k] >= limit, scores[k] >= limit
		}
		return nil
	}
	part, _ = mine(train)
	trains, err := e.pairs(ctx, lang, part, r.top)
	if err != nil {
		return err
	}
	m, err := learn.TrainPairs(trains, 1)
	if err != nil {
		return fmt.Errorf("to learn from in %q: %w", lang, err)
	}
	for k, i := range at {
		s := m.Score(tests[k])
		r.scores[i], r.same[i], r.alike[i] = s, m.P(s) >= 0.5, m.Alike(s)
	}
	return nil
}

// topLabel is the highest degree of likeness in the sets, at least 1.
func topLabel(sets ...[]SentencePair) float64 {
	top := 1.0
	for _, set := range sets {
		for _, p := range set {
			top = max(top, p.Label)
		}
	}
	return top
}

// pairs adds vectors to sentences; a degree of likeness counts as "same" above the middle of what there is.
func (e *embedder) pairs(ctx context.Context, lang string, set []SentencePair, top float64) ([]learn.Pair, error) {
	var texts []string
	for _, p := range set {
		texts = append(texts, p.A, p.B)
	}
	v, err := e.vectors(ctx, lang, texts)
	if err != nil {
		return nil, err
	}
	out := make([]learn.Pair, len(set))
	for i, p := range set {
		out[i] = learn.Pair{A: nlp.Fold(p.A), B: nlp.Fold(p.B), VectorA: v.Row(2 * i), VectorB: v.Row(2*i + 1), Same: p.Label > top/2}
	}
	return out, nil
}

func (r *pairRun) figures(set []SentencePair) []Figure {
	var yes, no, labels []float64
	var groups []Counts
	hit, got := 0, 0
	for i, same := range r.labels {
		labels = append(labels, set[i].Label)
		c := Counts{Words: 1}
		if r.same[i] != same {
			c.Sub = 1
		}
		groups = append(groups, c)
		if same {
			yes = append(yes, r.scores[i])
		} else {
			no = append(no, r.scores[i])
		}
		if r.alike[i] {
			if got++; same {
				hit++
			}
		}
	}
	var sum Counts
	for _, c := range groups {
		sum = sum.Add(c)
	}
	low, high := Interval(groups)
	f1 := 2 * float64(hit) / float64(max(got+len(yes), 1))
	var f []Figure
	if len(yes) > 0 && len(no) > 0 { // one kind alone has no curve
		f = append(f, Figure{"pairs.auc", AUC(yes, no)}, Figure{"pairs.spearman", Spearman(r.scores, labels)})
	}
	return append(f,
		Figure{"pairs.accuracy_pct", 100 - sum.Rate()}, Figure{"pairs.accuracy_low_pct", 100 - high}, Figure{"pairs.accuracy_high_pct", 100 - low},
		Figure{"pairs.f1", f1}, Figure{"pairs.precision", share(hit, got) / 100}, Figure{"pairs.recall", share(hit, len(yes)) / 100},
		Figure{"pairs.test", float64(len(set))}, Figure{"pairs.same_pct", share(len(yes), len(set))})
}

// otsu is the threshold that parts scores into two groups which differ most (Otsu 1979).
func otsu(scores []float64) float64 {
	s := slices.Clone(scores)
	slices.Sort(s)
	total := 0.0
	for _, v := range s {
		total += v
	}
	best, at, left := -1.0, 0.0, 0.0
	for i := 1; i < len(s); i++ {
		left += s[i-1]
		n, m := float64(i), float64(len(s)-i)
		d := left/n - (total-left)/m
		if v := n * m * d * d; v > best {
			best, at = v, s[i]
		}
	}
	return at
}
