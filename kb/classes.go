package kb

import (
	"math"

	"tingxin/nlp/learn"
)

// classes tells articles apart by what separates them, where a cosine only sees what
// is near: a classifier with one class per article, learnt from its phrasings and
// passages. There is one over all of them, and some that each leave a part of the
// phrasings out: a phrasing that is asked about must not have been learnt from.
type classes struct {
	all   *learn.Softmax
	parts [classParts]*learn.Softmax
}

const classParts = 3

// prepareParts makes the parts, which only learning needs.
func (x *Index) prepareParts() {
	for k := range x.classes.parts {
		if x.classes.parts[k] == nil {
			x.classes.parts[k] = x.softmax(k)
		}
	}
}

// softmax learns from all but the phrasings of one part.
func (x *Index) softmax(without int) *learn.Softmax {
	var rows learn.Matrix
	var class []int
	add := func(e entry) {
		rows.Cols = len(e.vector)
		rows.Rows++
		rows.Data = append(rows.Data, e.vector...)
		class = append(class, e.article)
	}
	for i, v := range x.variants {
		if i%classParts != without {
			add(v)
		}
	}
	for _, p := range x.passages {
		add(p)
	}
	return learn.TrainSoftmax(rows, class, len(x.articles), 1)
}

// scores are the log probabilities of the articles among those that are not hidden.
func (c *classes) scores(vector []float32, hide hidden) []float32 {
	m := c.all
	if hide.variant >= 0 {
		m = c.parts[hide.variant%classParts]
	}
	row := m.Scores(learn.Matrix{Rows: 1, Cols: len(vector), Data: vector}).Row(0)
	if hide.article < 0 && hide.may == nil {
		return row
	}
	away := 0.0
	for at := range row {
		if !hide.see(at) {
			away += math.Exp(float64(row[at]))
			row[at] = -30
		}
	}
	rest := math.Log(1 - math.Min(away, 1-1e-6))
	for at := range row {
		if hide.see(at) {
			row[at] -= float32(rest)
		}
	}
	return row
}
