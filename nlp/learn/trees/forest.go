package trees

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// Forest is what Train learnt. It is read from any goroutine.
type Forest struct {
	columns int
	base    []float64 // scores before any tree: one of two classes, else one per class
	trees   [][]node  // in turn for each score
	gain    []float64 // of the splits by each column
}

// node is a split, or a leaf when column is below 0. Children stand behind their parent.
type node struct {
	column      int32
	cut         float32 // at most so much goes left
	left, right int32
	value       float32 // of a leaf
}

// Columns is how many numbers a row has.
func (f *Forest) Columns() int { return f.columns }

// Classes that are told apart.
func (f *Forest) Classes() int {
	if len(f.base) == 1 {
		return 2
	}
	return len(f.base)
}

// Rounds that were kept.
func (f *Forest) Rounds() int { return len(f.trees) / len(f.base) }

// Gain is the share of what the loss lost by splits on each column, 0 to 1.
func (f *Forest) Gain() []float64 {
	sum := 0.0
	for _, g := range f.gain {
		sum += g
	}
	out := make([]float64, f.columns)
	for i, g := range f.gain {
		out[i] = g / math.Max(sum, 1e-12)
	}
	return out
}

// Scores appends to out the scores of a row of Columns numbers: of two classes the log odds of the second, else one log
// weight for each class.
func (f *Forest) Scores(out []float64, row []float32) []float64 {
	at := len(out)
	out = append(out, f.base...)
	for i, t := range f.trees {
		out[at+i%len(f.base)] += float64(leaf(t, row))
	}
	return out
}

func leaf(t []node, row []float32) float32 {
	n := &t[0]
	for n.column >= 0 {
		if row[n.column] > n.cut {
			n = &t[n.right]
		} else {
			n = &t[n.left]
		}
	}
	return n.value
}

// P appends to out the probabilities of the classes.
func (f *Forest) P(out []float64, row []float32) []float64 {
	at := len(out)
	out = f.Scores(out, row)
	if len(f.base) == 1 {
		p := sigmoid(out[at])
		out[at] = 1 - p
		return append(out, p)
	}
	softmax(out[at:])
	return out
}

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

func softmax(s []float64) {
	top, sum := s[0], 0.0
	for _, x := range s {
		top = math.Max(top, x)
	}
	for i, x := range s {
		s[i] = math.Exp(x - top)
		sum += s[i]
	}
	for i := range s {
		s[i] /= sum
	}
}

// form and what a kept forest may hold at most.
const (
	form       = "trees1"
	maxColumns = 1 << 16
	maxClasses = 1 << 10
	maxTrees   = 1 << 17
	maxNodes   = 1 << 12
)

// MarshalBinary keeps the forest: about 13 bytes for each split and leaf.
func (f *Forest) MarshalBinary() ([]byte, error) {
	b := []byte(form)
	b = binary.AppendUvarint(b, uint64(f.columns))
	b = binary.AppendUvarint(b, uint64(len(f.base)))
	for _, s := range f.base {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(s))
	}
	for _, g := range f.gain {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(g)))
	}
	b = binary.AppendUvarint(b, uint64(len(f.trees)))
	for _, t := range f.trees {
		b = binary.AppendUvarint(b, uint64(len(t)))
		for _, n := range t {
			b = binary.AppendUvarint(b, uint64(n.column+1))
			if n.column < 0 {
				b = binary.LittleEndian.AppendUint32(b, math.Float32bits(n.value))
				continue
			}
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(n.cut))
			b = binary.AppendUvarint(b, uint64(n.left))
			b = binary.AppendUvarint(b, uint64(n.right))
		}
	}
	return b, nil
}

// MarshalText is MarshalBinary for JSON.
func (f *Forest) MarshalText() ([]byte, error) {
	b, err := f.MarshalBinary()
	return base64.StdEncoding.AppendEncode(nil, b), err
}

// UnmarshalText reads what MarshalText wrote.
func (f *Forest) UnmarshalText(text []byte) error {
	b, err := base64.StdEncoding.AppendDecode(nil, text)
	if err != nil {
		return fmt.Errorf("trees: %w", err)
	}
	return f.UnmarshalBinary(b)
}

// UnmarshalBinary reads what MarshalBinary wrote and refuses what could not be scored with.
func (f *Forest) UnmarshalBinary(b []byte) error {
	rest, ok := bytes.CutPrefix(b, []byte(form))
	if !ok {
		return errors.New("trees: these are none, or of another version")
	}
	r := reader{b: rest}
	g := Forest{columns: r.count(maxColumns)}
	classes := r.count(maxClasses)
	if r.err == nil && (g.columns == 0 || classes == 0 || classes == 2) {
		return errors.New("trees: no columns, or no classes")
	}
	for range classes {
		g.base = append(g.base, math.Float64frombits(r.uint64()))
	}
	for range g.columns {
		g.gain = append(g.gain, float64(r.float32()))
	}
	trees := r.count(maxTrees)
	for i := 0; i < trees && r.err == nil; i++ {
		g.trees = append(g.trees, r.tree(g.columns))
	}
	switch {
	case r.err != nil:
		return fmt.Errorf("trees: %w", r.err)
	case len(r.b) > 0:
		return errors.New("trees: something follows the last one")
	case trees%classes != 0:
		return errors.New("trees: a class has fewer than another")
	}
	for _, s := range g.base {
		if math.IsNaN(s) || math.IsInf(s, 0) {
			return errors.New("trees: a score is not a number")
		}
	}
	*f = g
	return nil
}

// reader takes numbers off the front; after the first error all are 0.
type reader struct {
	b   []byte
	err error
}

func (r *reader) count(most int) int {
	v, n := binary.Uvarint(r.b)
	if r.err == nil && (n <= 0 || v > uint64(most)) {
		r.err = errors.New("a number is missing or too large")
	}
	if r.err != nil {
		return 0
	}
	r.b = r.b[n:]
	return int(v)
}

func (r *reader) take(n int) []byte {
	if r.err == nil && len(r.b) < n {
		r.err = errors.New("they are cut short")
	}
	if r.err != nil {
		return make([]byte, n)
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

func (r *reader) uint64() uint64 { return binary.LittleEndian.Uint64(r.take(8)) }
func (r *reader) float32() float32 {
	return math.Float32frombits(binary.LittleEndian.Uint32(r.take(4)))
}

func (r *reader) tree(columns int) []node {
	size := r.count(maxNodes)
	var t []node
	for i := 0; i < size && r.err == nil; i++ {
		n := node{column: int32(r.count(columns)) - 1}
		if n.column < 0 {
			if n.value = r.float32(); n.value-n.value != 0 {
				r.err = errors.New("a leaf is not a number")
			}
		} else {
			n.cut, n.left, n.right = r.float32(), int32(r.count(size-1)), int32(r.count(size-1))
			if r.err == nil && (n.cut != n.cut || int(n.left) <= i || int(n.right) <= i) {
				r.err = errors.New("a branch leads back")
			}
		}
		t = append(t, n)
	}
	if r.err == nil && size == 0 {
		r.err = errors.New("a tree is empty")
	}
	return t
}
