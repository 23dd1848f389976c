package learn

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// Foreign is the label of examples that belong to no intent.
const Foreign = "oos"

// Example is one labelled text by its vector (CLS and mean side by side do best).
type Example struct {
	Vector []float32
	Label  string
}

// IntentsConfig tells how to train; the zero value is the default.
type IntentsConfig struct {
	// Seed of the order of examples (1).
	Seed uint64
	// Rejects is the share of in-scope texts that may be taken for foreign (0.04).
	Rejects float64
	// Valid are examples kept apart for the threshold and the calibration. Without
	// them a part of the training examples is held out for that, and only half of
	// Rejects is spent, since people's texts differ more from what was collected than
	// that differs within itself.
	Valid []Example
}

// Intents tells which intent a text has, how sure that is, and whether it has none.
type Intents struct {
	labels  []string
	softmax *Softmax
	near    *neighbours
	blend   float32 // how much likeness counts beside the softmax
	heat    float32 // divides scores so that probabilities are honest
	scope   *Binary // nil when no foreign examples were given
	limit   float64
}

// Guess is the answer for one text.
type Guess struct {
	// Label is the likeliest intent even when the text is foreign.
	Label string
	// P is the probability of Label given that the text has an intent.
	P float64
	// Strange grows with the odds that the text has no intent; Foreign tells that it
	// is above the threshold.
	Strange float64
	Foreign bool
	// Top are the likeliest intents, best first, at most five.
	Top []Choice
}

// Choice is one intent with its probability.
type Choice struct {
	Label string
	P     float64
}

// TrainIntents learns from examples. Labels other than Foreign need one each at
// least and two labels together; all vectors must have one length.
func TrainIntents(examples []Example, cfg IntentsConfig) (*Intents, error) {
	if cfg.Seed == 0 {
		cfg.Seed = 1
	}
	if cfg.Rejects == 0 {
		cfg.Rejects = 0.04
	}
	m := &Intents{labels: labelsOf(examples)}
	if len(m.labels) < 2 {
		return nil, fmt.Errorf("%d intents: at least two are needed", len(m.labels))
	}
	x, y, foreign, err := m.split(examples, len(examples[0].Vector))
	if err != nil {
		return nil, err
	}
	held, err := m.holdOut(x, y, foreign, cfg)
	if err != nil {
		return nil, err
	}
	m.tune(held)
	m.softmax = TrainSoftmax(x, y, len(m.labels), cfg.Seed)
	m.near = newNeighbours(x, y, len(m.labels), foreign)
	if foreign.Rows > 0 {
		err = m.drawLine(held, cfg)
	}
	return m, err
}

func labelsOf(examples []Example) []string {
	var labels []string
	for _, e := range examples {
		if e.Label != Foreign {
			labels = append(labels, e.Label)
		}
	}
	slices.Sort(labels)
	return slices.Compact(labels)
}

// split sorts examples into classes and foreign ones. Labels that training has not
// seen are left out.
func (m *Intents) split(examples []Example, size int) (x Matrix, y []int, foreign Matrix, err error) {
	x, foreign = Matrix{Cols: size}, Matrix{Cols: size}
	for i, e := range examples {
		if len(e.Vector) != size || size == 0 {
			return x, nil, foreign, fmt.Errorf("example %d has a vector of %d numbers, the first of %d", i, len(e.Vector), size)
		}
		if e.Label == Foreign {
			foreign.Data, foreign.Rows = append(foreign.Data, e.Vector...), foreign.Rows+1
		} else if k, ok := slices.BinarySearch(m.labels, e.Label); ok {
			x.Data, x.Rows = append(x.Data, e.Vector...), x.Rows+1
			y = append(y, k)
		}
	}
	return x, y, foreign, nil
}

// evidence is what was seen of texts by a model that had not learnt from them.
type evidence struct {
	scores  Matrix // log probabilities of the softmax
	like    []likeness
	y       []int
	foreign evidenceOut
}

type evidenceOut struct {
	scores Matrix
	like   []likeness
}

// folds: few examples are used five times, of many a fifth is enough.
const fewExamples = 2500

// holdOut trains on a part and looks at the rest, or looks at the valid part.
func (m *Intents) holdOut(x Matrix, y []int, foreign Matrix, cfg IntentsConfig) (evidence, error) {
	if len(cfg.Valid) > 0 {
		vx, vy, _, err := m.split(cfg.Valid, x.Cols)
		if err != nil {
			return evidence{}, fmt.Errorf("valid part: %w", err)
		}
		if vx.Rows == 0 {
			return evidence{}, errors.New("the valid part has no known intent")
		}
		return m.look(x, y, vx, vy, foreign, cfg.Seed), nil
	}
	fold := folds(y, 5, cfg.Seed)
	rounds := 5
	if x.Rows > fewExamples {
		rounds = 1
	}
	var all evidence
	for k := range rounds {
		var in, out, yIn, yOut []int
		for i, f := range fold {
			if f == k {
				out, yOut = append(out, i), append(yOut, y[i])
			} else {
				in, yIn = append(in, i), append(yIn, y[i])
			}
		}
		if len(in) == 0 || len(out) == 0 {
			continue
		}
		e := m.look(x.Pick(in), yIn, x.Pick(out), yOut, foreign, cfg.Seed)
		all.scores.Cols, all.scores.Rows = e.scores.Cols, all.scores.Rows+e.scores.Rows
		all.scores.Data = append(all.scores.Data, e.scores.Data...)
		all.like, all.y = append(all.like, e.like...), append(all.y, e.y...)
		all.foreign = e.foreign
	}
	return all, nil
}

// folds deals the examples of each class out in turn.
func folds(y []int, k int, seed uint64) []int {
	fold := make([]int, len(y))
	next := make(map[int]int)
	for _, i := range rand.New(rand.NewPCG(seed, 2)).Perm(len(y)) {
		fold[i] = next[y[i]] % k
		next[y[i]]++
	}
	return fold
}

func (m *Intents) look(x Matrix, y []int, out Matrix, yOut []int, foreign Matrix, seed uint64) evidence {
	s := TrainSoftmax(x, y, len(m.labels), seed)
	n := newNeighbours(x, y, len(m.labels), foreign)
	return evidence{s.Scores(out), n.compare(out, false), yOut, evidenceOut{s.Scores(foreign), n.compare(foreign, true)}}
}

// tune chooses how much likeness counts, and the heat, by the likelihood of what
// was held out.
func (m *Intents) tune(held evidence) {
	best := math.Inf(1)
	row := make([]float32, len(m.labels))
	for _, blend := range []float32{0, 2.5, 5, 10, 15, 20} {
		for _, heat := range []float32{0.6, 0.8, 1, 1.25, 1.6, 2, 2.5, 3.2, 4} {
			loss := 0.0
			for i, y := range held.y {
				mix(row, held.scores.Row(i), held.like[i].class, blend, heat)
				loss -= float64(row[y])
			}
			if loss < best {
				best, m.blend, m.heat = loss, blend, heat
			}
		}
	}
}

// mix joins softmax and likeness into log probabilities.
func mix(out, scores, like []float32, blend, heat float32) {
	for k := range out {
		out[k] = (scores[k] + blend*like[k]) / heat
	}
	logSoftmax(out)
}

// drawLine trains what tells foreign texts and finds the threshold.
func (m *Intents) drawLine(held evidence, cfg IntentsConfig) error {
	var x [][]float64
	var y []bool
	for i := range held.y {
		x, y = append(x, m.strangeness(held.scores.Row(i), held.like[i])), append(y, false)
	}
	for i := range held.foreign.like {
		x, y = append(x, m.strangeness(held.foreign.scores.Row(i), held.foreign.like[i])), append(y, true)
	}
	var err error
	if m.scope, err = TrainBinary(x, y, 1, true); err != nil {
		return fmt.Errorf("out of scope: %w", err)
	}
	share := cfg.Rejects / 2
	if len(cfg.Valid) > 0 {
		share = cfg.Rejects * 0.85 // the valid part is a sample too
	}
	scores := make([]float64, len(held.y))
	for i := range scores {
		scores[i] = m.scope.Score(x[i])
	}
	slices.Sort(scores)
	m.limit = scores[min(int(float64(len(scores))*(1-share)), len(scores)-1)]
	return nil
}

// strangeness is what the scope is judged by.
func (m *Intents) strangeness(scores []float32, like likeness) []float64 {
	row := make([]float32, len(scores))
	mix(row, scores, like.class, m.blend, m.heat)
	first, second, entropy, at := -1e9, -1e9, 0.0, 0
	for k, v := range row {
		s := float64(v)
		entropy -= s * math.Exp(s)
		if s > first {
			first, second, at = s, first, k
		} else if s > second {
			second = s
		}
	}
	return []float64{first, math.Log(math.Exp(first) - math.Exp(second) + 1e-4), entropy, float64(like.best), float64(like.top),
		float64(like.class[at]), float64(like.foreign[0]), float64(like.foreign[1])}
}

// Guess judges rows of vectors.
func (m *Intents) Guess(x Matrix) ([]Guess, error) {
	if x.Cols != len(m.softmax.mean) {
		return nil, fmt.Errorf("vectors have %d numbers, the intents were learnt from %d", x.Cols, len(m.softmax.mean))
	}
	scores, like := m.softmax.Scores(x), m.near.compare(x, false)
	out := make([]Guess, x.Rows)
	row := make([]float32, len(m.labels))
	for i := range out {
		mix(row, scores.Row(i), like[i].class, m.blend, m.heat)
		g := &out[i]
		g.Top = m.top(row, 5)
		g.Label, g.P = g.Top[0].Label, g.Top[0].P
		g.Strange = -math.Log(math.Max(g.P, 1e-9))
		if m.scope != nil {
			g.Strange = m.scope.Score(m.strangeness(scores.Row(i), like[i]))
			g.Foreign = g.Strange > m.limit
		}
	}
	return out, nil
}

func (m *Intents) top(row []float32, k int) []Choice {
	order := make([]int, len(row))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case row[a] > row[b]:
			return -1
		case row[a] < row[b]:
			return 1
		}
		return 0
	})
	var out []Choice
	for _, i := range order[:min(k, len(order))] {
		out = append(out, Choice{m.labels[i], math.Exp(float64(row[i]))})
	}
	return out
}

// Labels are the intents in order.
func (m *Intents) Labels() []string { return slices.Clone(m.labels) }
