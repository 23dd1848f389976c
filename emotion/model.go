package emotion

import (
	"bufio"
	"bytes"
	_ "embed"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"sync"
)

// Model is a trained model: the norm of all speakers, a classifier for a speaker whose
// baseline is known and one for a stranger, and the plane of arousal and valence. It is
// immutable and shared by all channels.
type Model struct {
	name        string
	mean, scale []float32 // of each feature: z = (x - mean) * scale
	stranger    *Classifier
	known       *Classifier
	plane       [2][]float32 // arousal, valence: weights over z, bias last
	unsure      [Classes]float32
}

//go:embed emodb.model
var defaultFile []byte

// Default is the shipped model, trained on EMO-DB only, which is in the public domain (CC0).
func Default() *Model { return defaultModel() }

var defaultModel = sync.OnceValue(func() *Model {
	m, err := ReadModel(bytes.NewReader(defaultFile))
	if err != nil {
		panic("emotion: the built-in model: " + err.Error()) // a broken build, not bad input
	}
	return m
})

// Version names the model and its numbers: data it was trained on, then a checksum.
func (m *Model) Version() string {
	h := crc32.NewIEEE()
	if _, err := m.WriteTo(h); err != nil {
		return m.name
	}
	return fmt.Sprintf("%s-%08x", m.name, h.Sum32())
}

const modelMark = "TXEMO\x00\x01\x00"

// maxName bounds the name of a model, maxModel a model file.
const (
	maxName  = 64
	maxModel = 64 << 20
)

var errModel = errors.New("emotion: not a model file of this version")

// WriteTo writes the model: a mark, the name, the number of features and classes, then
// numbers of 32 bits, little endian.
func (m *Model) WriteTo(w io.Writer) (int64, error) {
	var b bytes.Buffer
	b.WriteString(modelMark)
	b.WriteByte(byte(len(m.name)))
	b.WriteString(m.name)
	put := func(v ...float32) {
		for _, x := range v {
			_ = binary.Write(&b, binary.LittleEndian, x) // a buffer takes everything
		}
	}
	_ = binary.Write(&b, binary.LittleEndian, uint32(len(m.mean)))
	put(m.mean...)
	put(m.scale...)
	for _, c := range []*Classifier{m.stranger, m.known} {
		put(c.sharp)
		for _, row := range c.w {
			put(row...)
		}
	}
	put(m.plane[0]...)
	put(m.plane[1]...)
	put(m.unsure[:]...)
	n, err := w.Write(b.Bytes())
	return int64(n), err
}

// ReadModel reads what WriteTo wrote. A file of another set of features is refused.
func ReadModel(r io.Reader) (*Model, error) {
	in := bufio.NewReader(io.LimitReader(r, maxModel))
	head := make([]byte, len(modelMark)+1)
	if _, err := io.ReadFull(in, head); err != nil || string(head[:len(modelMark)]) != modelMark || head[len(modelMark)] > maxName {
		return nil, errModel
	}
	name := make([]byte, head[len(modelMark)])
	var features uint32
	if _, err := io.ReadFull(in, name); err != nil {
		return nil, errModel
	}
	if err := binary.Read(in, binary.LittleEndian, &features); err != nil {
		return nil, errModel
	}
	if int(features) != Features {
		return nil, fmt.Errorf("emotion: model of %d features, this program has %d: train it again", features, Features)
	}
	m := &Model{name: string(name)}
	var err error
	get := func(n int) []float32 {
		v := make([]float32, n)
		if err == nil {
			err = binary.Read(in, binary.LittleEndian, v)
		}
		for _, x := range v {
			if err == nil && !(math.Abs(float64(x)) < 1e9) {
				err = errModel
			}
		}
		return v
	}
	m.mean, m.scale = get(Features), get(Features)
	for _, c := range []**Classifier{&m.stranger, &m.known} {
		*c = &Classifier{classes: Classes, sharp: get(1)[0]}
		for range Classes {
			(*c).w = append((*c).w, get(Features+1))
		}
	}
	m.plane[0], m.plane[1] = get(Features+1), get(Features+1)
	copy(m.unsure[:], get(Classes))
	if err != nil {
		return nil, errModel
	}
	return m, nil
}

// score turns functionals x into z-scores z against all speakers.
func (m *Model) score(x, z []float32) {
	for i, v := range x {
		z[i] = max(-8, min(8, (v-m.mean[i])*m.scale[i]))
	}
}

// read fills the probabilities, class and plane of r from z; b is the speaker's baseline.
func (m *Model) read(z []float32, b *Baseline, r *Reading) {
	r.Learned = b.Learned()
	var p, q [Classes]float32
	m.stranger.Predict(z, p[:])
	b.apply(z)
	m.known.Predict(z, q[:])
	for k := range p {
		r.P[k] = p[k] + r.Learned*(q[k]-p[k])
	}
	best := 0
	for k, v := range r.P {
		if v > r.P[best] {
			best = k
		}
	}
	r.Class = Class(best)
	if r.P[best] < m.unsure[best] {
		r.Class = Unsure
	}
	r.Arousal, r.Valence = along(m.plane[0], z), along(m.plane[1], z)
}

func along(w, z []float32) float32 {
	return max(-1, min(1, w[len(z)]+dot(w[:len(z)], z)))
}
