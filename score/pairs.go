package score

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
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
  pairs.auc                              area under the ROC curve
  pairs.spearman                         rank correlation of score and label
  pairs.accuracy_pct accuracy_low_pct accuracy_high_pct   at probability 0.5, 95 % interval (bootstrap)
  pairs.f1 pairs.precision pairs.recall  of "same", at the threshold that made F1 highest on held-out training pairs
  pairs.test pairs.train pairs.same_pct  pairs, and the share of "same" in the test
`

// SentencePair is one labelled pair; Label is 0 or 1, or a degree of likeness.
type SentencePair struct {
	A, B  string
	Label float64
}

// ReadPairs reads JSON lines or columns between tabs; a heading is left out.
func ReadPairs(path string) ([]SentencePair, error) {
	lines, err := readLines(path)
	if err != nil {
		return nil, err
	}
	var out []SentencePair
	for i, line := range lines {
		if strings.TrimSpace(line) == "" {
			continue
		}
		p, err := parsePair(strings.TrimPrefix(line, "\ufeff"))
		if err != nil {
			if i == 0 {
				continue
			}
			return nil, fmt.Errorf("%s: line %d: %w", path, i+1, err)
		}
		out = append(out, p)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s holds no pair", path)
	}
	return out, nil
}

func parsePair(line string) (SentencePair, error) {
	if strings.HasPrefix(line, "{") {
		var p struct {
			A     string `json:"sentence1"`
			B     string `json:"sentence2"`
			Label any    `json:"label"`
		}
		if err := json.Unmarshal([]byte(line), &p); err != nil {
			return SentencePair{}, err
		}
		label, err := strconv.ParseFloat(fmt.Sprint(p.Label), 64)
		return SentencePair{p.A, p.B, label}, err
	}
	fields := strings.Split(line, "\t")
	n := len(fields)
	if n != 3 && n != 4 {
		return SentencePair{}, fmt.Errorf("%d columns, three or four are needed", n)
	}
	label, err := strconv.ParseFloat(strings.TrimSpace(fields[n-1]), 64)
	return SentencePair{fields[n-3], fields[n-2], label}, err
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
	lang := languageOf(func(yield func(string) bool) {
		for _, p := range test {
			if !yield(p.A) {
				return
			}
		}
	})
	e, err := openEmbedder(ctx, opts.TextOptions)
	if err != nil {
		return err
	}
	defer e.close()
	tests, err := e.pairs(ctx, lang, test)
	if err != nil {
		return err
	}
	scores, same := make([]float64, len(tests)), make([]bool, len(tests))
	alike := make([]bool, len(tests))
	if len(train) > 0 {
		trains, err := e.pairs(ctx, lang, train)
		if err != nil {
			return err
		}
		m, err := learn.TrainPairs(trains, 1)
		if err != nil {
			return err
		}
		for i, p := range tests {
			scores[i] = m.Score(p)
			same[i], alike[i] = m.P(scores[i]) >= 0.5, m.Alike(scores[i])
		}
	} else {
		for i, p := range tests {
			scores[i] = p.Likeness()
		}
		limit := otsu(scores)
		for i, s := range scores {
			same[i], alike[i] = s >= limit, s >= limit
		}
	}
	figures := append(pairFigures(test, tests, scores, same, alike), Figure{"pairs.train", float64(len(train))})
	fmt.Fprintf(out, "pairs, language %s, %d to learn from\n\n", lang, len(train))
	printFigures(out, figures)
	return WriteJSON(opts.JSON, figures)
}

// pairs adds vectors to sentences; a degree of likeness counts as "same" above the middle.
func (e *embedder) pairs(ctx context.Context, lang string, set []SentencePair) ([]learn.Pair, error) {
	var texts []string
	top := 1.0
	for _, p := range set {
		texts = append(texts, p.A, p.B)
		top = max(top, p.Label)
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

func pairFigures(set []SentencePair, pairs []learn.Pair, scores []float64, same, alike []bool) []Figure {
	var yes, no, labels []float64
	var groups []Counts
	hit, got := 0, 0
	for i, p := range pairs {
		labels = append(labels, set[i].Label)
		c := Counts{Words: 1}
		if same[i] != p.Same {
			c.Sub = 1
		}
		groups = append(groups, c)
		if p.Same {
			yes = append(yes, scores[i])
		} else {
			no = append(no, scores[i])
		}
		if alike[i] {
			if got++; p.Same {
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
	return []Figure{
		{"pairs.auc", AUC(yes, no)}, {"pairs.spearman", Spearman(scores, labels)},
		{"pairs.accuracy_pct", 100 - sum.Rate()}, {"pairs.accuracy_low_pct", 100 - high}, {"pairs.accuracy_high_pct", 100 - low},
		{"pairs.f1", f1}, {"pairs.precision", share(hit, got) / 100}, {"pairs.recall", share(hit, len(yes)) / 100},
		{"pairs.test", float64(len(pairs))}, {"pairs.same_pct", share(len(yes), len(pairs))},
	}
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
