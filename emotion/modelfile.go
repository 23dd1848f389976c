package emotion

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// modelMark starts a model file; the byte before the last is its version.
const modelMark = "TXEMO\x00\x03\x00"

// Bounds of a model file: the name, the file and the examples it may rest on.
const (
	maxName    = 64
	maxModel   = 256 << 20
	maxSupport = 1 << 17
)

var errModel = errors.New("emotion: not a model file of this version")

// WriteTo writes the model: a mark, the name, the number of features, and for each
// classifier the number of components, of examples and of weights of its tilt; then numbers of 32 bits, all
// little endian.
func (m *Model) WriteTo(w io.Writer) (int64, error) {
	var b bytes.Buffer
	b.WriteString(modelMark)
	b.WriteByte(byte(len(m.name)))
	b.WriteString(m.name)
	put := func(v ...float32) {
		var word [4]byte
		for _, x := range v {
			binary.LittleEndian.PutUint32(word[:], math.Float32bits(x))
			b.Write(word[:])
		}
	}
	count := func(n int) {
		var word [4]byte
		binary.LittleEndian.PutUint32(word[:], uint32(n))
		b.Write(word[:])
	}
	count(len(m.norm.Mean))
	put(m.norm.Mean...)
	put(m.norm.Scale...)
	put(m.prior...)
	put(m.own.Mean...)
	put(m.own.Scale...)
	for _, c := range []*Classifier{m.stranger, m.known} {
		count(len(c.basis))
		count(len(c.support))
		put(c.gamma, c.width, c.sharp)
		for _, v := range c.basis {
			put(v...)
		}
		for _, v := range c.support {
			put(v...)
		}
		put(c.alpha...)
		put(c.shift...)
		if c.tilt == nil {
			count(0)
			continue
		}
		count(len(c.tilt.weight))
		put(c.tilt.weight...)
		put(c.tilt.bias, c.tilt.slope, c.tilt.offset)
	}
	put(m.plane[0]...)
	put(m.plane[1]...)
	put(m.unsure[:]...)
	put(m.strange, m.foreign, m.asHeard)
	n, err := w.Write(b.Bytes())
	return int64(n), err
}

// modelReader reads numbers and remembers the first thing that was wrong.
type modelReader struct {
	in  *bufio.Reader
	err error
}

func (r *modelReader) count(most int) int {
	var word [4]byte
	if r.err == nil {
		_, r.err = io.ReadFull(r.in, word[:])
	}
	n := binary.LittleEndian.Uint32(word[:])
	if r.err == nil && n > uint32(most) {
		r.err = errModel
	}
	if r.err != nil {
		return 0
	}
	return int(n)
}

// numbers reads n numbers, growing only as they come, so that a short file that claims
// much takes little memory.
func (r *modelReader) numbers(n int) []float32 {
	out := make([]float32, 0, min(n, 4096))
	var word [4]byte
	for range n {
		if r.err != nil {
			return nil
		}
		if _, r.err = io.ReadFull(r.in, word[:]); r.err != nil {
			return nil
		}
		v := math.Float32frombits(binary.LittleEndian.Uint32(word[:]))
		if !(math.Abs(float64(v)) < 1e12) {
			r.err = errModel
		}
		out = append(out, v)
	}
	return out
}

func (r *modelReader) classifier(features int) *Classifier {
	components, support := r.count(maxComponents), r.count(maxSupport)
	c := &Classifier{classes: Classes}
	if head := r.numbers(3); r.err == nil {
		c.gamma, c.width, c.sharp = head[0], head[1], head[2]
	}
	if r.err == nil && !(c.gamma >= 0 && c.width >= 0 && c.sharp >= 0 && support > 0) {
		r.err = errModel
	}
	for i := 0; i < components && r.err == nil; i++ {
		c.basis = append(c.basis, r.numbers(features))
	}
	long := components
	if components == 0 {
		long = features
	}
	for i := 0; i < support && r.err == nil; i++ {
		v := r.numbers(long)
		c.support = append(c.support, v)
		c.square = append(c.square, dot(v, v))
	}
	c.alpha = r.numbers(support * Classes)
	c.shift = r.numbers(Classes)
	if n := r.count(features); n > 0 {
		t := &tilt{class: int(Angry), weight: r.numbers(n)}
		v := r.numbers(3)
		if n != features && r.err == nil {
			r.err = errModel
		}
		if r.err == nil {
			t.bias, t.slope, t.offset = v[0], v[1], v[2]
			c.tilt = t
		}
	}
	return c
}

// ReadModel reads what WriteTo wrote. A file of another set of features is refused.
func ReadModel(in io.Reader) (*Model, error) {
	r := &modelReader{in: bufio.NewReader(io.LimitReader(in, maxModel))}
	head := make([]byte, len(modelMark)+1)
	if _, err := io.ReadFull(r.in, head); err != nil || string(head[:len(modelMark)]) != modelMark || head[len(modelMark)] > maxName {
		return nil, errModel
	}
	name := make([]byte, head[len(modelMark)])
	if _, err := io.ReadFull(r.in, name); err != nil {
		return nil, errModel
	}
	n := r.count(1 << 20)
	set := setLong(n)
	if r.err == nil && set == nil {
		return nil, fmt.Errorf("emotion: model of %d features, this program has %d or %d: train it again", n, Features, len(Eighty8.names))
	}
	m := &Model{name: string(name), set: set, norm: Norm{Mean: r.numbers(n), Scale: r.numbers(n)}}
	m.prior, m.own = r.numbers(n), Norm{Mean: r.numbers(n), Scale: r.numbers(n)}
	for _, v := range m.prior {
		if v < 0 {
			return nil, errModel
		}
	}
	m.stranger, m.known = r.classifier(n), r.classifier(2*n)
	m.plane[0], m.plane[1] = r.numbers(n+1), r.numbers(n+1)
	copy(m.unsure[:], r.numbers(Classes))
	if v := r.numbers(3); r.err == nil {
		m.strange, m.foreign, m.asHeard = v[0], v[1], v[2]
		if m.asHeard < 0 || m.asHeard > 1 {
			r.err = errModel
		}
	}
	if r.err != nil || m.seal() != nil {
		return nil, errModel
	}
	return m, nil
}
