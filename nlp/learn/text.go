package learn

import (
	"bytes"
	"encoding/gob"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"slices"

	"tingxin/nlp"
)

// TextExample is one labelled text.
type TextExample struct {
	Text   string    // folded
	Vector []float32 // of the sentence; nil for all of them where there is no model
	Extra  []float32 // what else is known, such as hits of a word list, about -1 to 1
	Label  string
}

// Text tells which of a few labels a text has: logistic regression over its sentence vector, the pieces of
// its words, and what a word list says, with probabilities that are honest (a temperature, found on folds
// that were held out; Guo et al. 2017).
type Text struct {
	labels  []string
	softmax *Softmax
	heat    float64
	size    int // of the vectors
	extra   int
	report  TextReport
}

// TextReport is how well a Text did on what was held out while it learnt.
type TextReport struct {
	Examples int     `json:"examples"`
	Accuracy float64 `json:"accuracy"`
	High     float64 `json:"high" doc:"share of texts with a probability of 0.85 and more"`
	HighHit  float64 `json:"high_hit" doc:"share of them that are right"`
	Medium   float64 `json:"medium" doc:"share with 0.5 and more"`
	LogLoss  float64 `json:"log_loss"`
}

// Report is how well it did on what was held out.
func (m *Text) Report() TextReport { return m.report }

const (
	textGrams = 1024 // places of hashed pieces
	textFolds = 3
)

// TrainText learns from examples; it needs two labels, and of each at least two examples. The same examples
// and seed give the same.
func TrainText(examples []TextExample, seed uint64) (*Text, error) {
	m := &Text{heat: 1}
	for _, e := range examples {
		m.labels = append(m.labels, e.Label)
	}
	slices.Sort(m.labels)
	m.labels = slices.Compact(m.labels)
	if len(m.labels) < 2 {
		return nil, fmt.Errorf("%d labels: at least two are needed", len(m.labels))
	}
	m.size, m.extra = len(examples[0].Vector), len(examples[0].Extra)
	x := NewMatrix(len(examples), m.size+m.extra+textGrams)
	y := make([]int, len(examples))
	count := make([]int, len(m.labels))
	for i := range examples {
		if err := m.row(x.Row(i), &examples[i]); err != nil {
			return nil, fmt.Errorf("example %d: %w", i, err)
		}
		y[i], _ = slices.BinarySearch(m.labels, examples[i].Label)
		count[y[i]]++
	}
	if least := slices.Min(count); least < 2 {
		return nil, fmt.Errorf("a label has %d example, two are needed", least)
	}
	fold := folds(y, textFolds, seed)
	var held []float64 // scores of the right label and of the others, see heat
	var rows [][]float32
	var right []int
	for k := range textFolds {
		var in, out, yIn []int
		for i, f := range fold {
			if f == k {
				out = append(out, i)
			} else {
				in, yIn = append(in, i), append(yIn, y[i])
			}
		}
		if len(in) == 0 || len(out) == 0 {
			continue
		}
		scores := TrainSoftmax(x.Pick(in), yIn, len(m.labels), seed).Scores(x.Pick(out))
		for j, i := range out {
			rows, right = append(rows, slices.Clone(scores.Row(j))), append(right, y[i])
		}
	}
	best := math.Inf(1)
	for _, heat := range []float64{0.5, 0.7, 0.85, 1, 1.2, 1.5, 2, 2.7, 3.5, 5, 8} {
		loss := 0.0
		for i, row := range rows {
			held = spread(held, row, heat)
			loss -= math.Log(max(held[right[i]], 1e-9))
		}
		if loss < best {
			best, m.heat = loss, heat
		}
	}
	m.measure(rows, right)
	m.softmax = TrainSoftmax(x, y, len(m.labels), seed)
	return m, nil
}

func (m *Text) measure(rows [][]float32, right []int) {
	r := TextReport{Examples: len(rows)}
	var p []float64
	var hits, high, highHits, medium float64
	for i, row := range rows {
		p = spread(p, row, m.heat)
		at := 0
		for k := range p {
			if p[k] > p[at] {
				at = k
			}
		}
		hit := 0.0
		if at == right[i] {
			hit = 1
		}
		hits += hit
		if p[at] >= 0.85 {
			high++
			highHits += hit
		}
		if p[at] >= 0.5 {
			medium++
		}
		r.LogLoss -= math.Log(max(p[right[i]], 1e-9))
	}
	if n := float64(len(rows)); n > 0 {
		r.Accuracy, r.High, r.Medium, r.LogLoss = hits/n, high/n, medium/n, r.LogLoss/n
		r.HighHit = highHits / max(high, 1)
	}
	m.report = r
}

// spread turns scores into probabilities.
func spread(out []float64, scores []float32, heat float64) []float64 {
	out = out[:0]
	top := float64(slices.Max(scores))
	sum := 0.0
	for _, s := range scores {
		p := math.Exp((float64(s) - top) / heat)
		out = append(out, p)
		sum += p
	}
	for i := range out {
		out[i] /= sum
	}
	return out
}

// row fills in the features of a text.
func (m *Text) row(row []float32, e *TextExample) error {
	if len(e.Vector) != m.size || len(e.Extra) != m.extra {
		return fmt.Errorf("it has %d and %d numbers, the first has %d and %d", len(e.Vector), len(e.Extra), m.size, m.extra)
	}
	copy(row, e.Vector)
	copy(row[m.size:], e.Extra)
	grams := row[m.size+m.extra:]
	for _, g := range pieces(e.Text) {
		h := fnv.New32a()
		h.Write([]byte(g))
		sum := h.Sum32()
		sign := float32(1)
		if sum&(1<<31) != 0 {
			sign = -1
		}
		grams[sum%textGrams] += sign
	}
	nlp.Normalize(grams)
	return nil
}

// pieces of a text: its words, and runs of two and three characters of Han and of four of others.
func pieces(folded string) []string {
	out := nlp.Words(folded)
	r := []rune(folded)
	for i := range r {
		for n := 2; n <= 4; n++ {
			if i+n > len(r) {
				break
			}
			if han := r[i] >= 0x2e80; han != (n < 4) {
				continue
			}
			out = append(out, "~"+string(r[i:i+n]))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Guess gives the probability of each label, the likeliest first.
func (m *Text) Guess(e TextExample) ([]Choice, error) {
	x := NewMatrix(1, m.size+m.extra+textGrams)
	if err := m.row(x.Row(0), &e); err != nil {
		return nil, err
	}
	p := spread(nil, m.softmax.Scores(x).Row(0), m.heat)
	out := make([]Choice, len(p))
	for i := range p {
		out[i] = Choice{m.labels[i], p[i]}
	}
	slices.SortStableFunc(out, func(a, b Choice) int {
		switch {
		case a.P > b.P:
			return -1
		case a.P < b.P:
			return 1
		}
		return 0
	})
	return out, nil
}

// Vectors is the length of the sentence vectors that it learnt from, 0 when it had none.
func (m *Text) Vectors() int { return m.size }

// textForm is how a Text is kept.
type textForm struct {
	Labels       []string
	Heat         float64
	Size, Extra  int
	Mean, Weight []float32
	Scale        float32
	Bias         []float32
	Report       TextReport
}

// MarshalBinary keeps it.
func (m *Text) MarshalBinary() ([]byte, error) {
	var b bytes.Buffer
	err := gob.NewEncoder(&b).Encode(textForm{m.labels, m.heat, m.size, m.extra, m.softmax.mean, m.softmax.weight.Data, m.softmax.scale, m.softmax.bias, m.report})
	return b.Bytes(), err
}

// UnmarshalBinary reads what MarshalBinary wrote, and refuses what could not be guessed with.
func (m *Text) UnmarshalBinary(doc []byte) error {
	var f textForm
	if err := gob.NewDecoder(bytes.NewReader(doc)).Decode(&f); err != nil {
		return fmt.Errorf("a classifier of texts: %w", err)
	}
	cols := f.Size + f.Extra + textGrams
	if f.Size < 0 || f.Extra < 0 || len(f.Labels) < 2 || len(f.Mean) != cols || len(f.Weight) != cols*len(f.Labels) || len(f.Bias) != len(f.Labels) || !(f.Heat > 0) || !slices.IsSorted(f.Labels) {
		return errors.New("the parts of a classifier of texts do not fit together")
	}
	m.labels, m.heat, m.size, m.extra, m.report = f.Labels, f.Heat, f.Size, f.Extra, f.Report
	m.softmax = &Softmax{mean: f.Mean, scale: f.Scale, weight: Matrix{len(f.Labels), cols, f.Weight}, bias: f.Bias}
	return nil
}
