package emotion

import (
	"bytes"
	_ "embed" // the shipped model
	"fmt"
	"hash/crc32"
	"sync"
)

// Model is a trained model: the norm of all speakers, a classifier for a speaker whose
// baseline is known and one for a stranger, and the plane of arousal and valence. It is
// immutable and shared by all channels.
type Model struct {
	version  string
	name     string
	set      *Set // what it reads
	norm     Norm
	prior    Prior // of a speaker's norm
	own      Norm  // of z-scores less the speaker's norm
	stranger *Classifier
	known    *Classifier
	plane    [2][]float32     // arousal, valence: weights over z, bias last
	unsure   [Classes]float32 // least probabilities
	strange  float32          // the largest strangeness of speech
	foreign  float32          // and of a line that is still known
	asHeard  float32          // what known takes: see Beside
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
func (m *Model) Version() string { return m.version }

// seal sets the version, once all numbers are there.
func (m *Model) seal() error {
	h := crc32.NewIEEE()
	if _, err := m.WriteTo(h); err != nil {
		return err
	}
	m.version = fmt.Sprintf("%s-%08x", m.name, h.Sum32())
	return nil
}

// Set is the set of functionals that the model reads.
func (m *Model) Set() *Set { return m.set }

// Classify reads the functionals x of a recording of a speaker with baseline b, nil for a
// stranger. Only what follows from them is filled.
func (m *Model) Classify(x []float32, b *Baseline) Reading {
	var r Reading
	z := make([]float32, len(m.set.names))
	m.norm.Apply(x, z)
	if b == nil {
		b = &Baseline{}
	}
	m.read(z, make([]float32, 2*len(z)), b, &r)
	return r
}

// Learn teaches b the functionals x of a neutral recording with so many seconds of voice.
func (m *Model) Learn(b *Baseline, x []float32, seconds float64) {
	z := make([]float32, len(m.set.names))
	m.norm.Apply(x, z)
	b.Learn(z, seconds)
}

// read fills the probabilities, class and plane of r from z, which it leaves less the
// speaker's norm; b is the speaker's baseline, room twice as long as z. It tells whether the sound
// is like speech at all.
func (m *Model) read(z, room []float32, b *Baseline, r *Reading) bool {
	r.Learned = b.Learned()
	speech := strangeness(z, m.set.time) <= m.strange
	foreign := r.Learned < leastLearned && strangeness(z, m.set.line) > m.foreign
	var p, q [Classes]float32
	if r.Learned < 1 {
		m.stranger.Predict(z, p[:])
	}
	own := room[len(z):]
	copy(room, z)
	b.Apply(z, m.prior)
	m.own.Apply(z, own)
	beside(room, m.asHeard)
	if r.Learned > 0 {
		m.known.Predict(room, q[:])
	}
	for k := range p {
		r.P[k] = (1-r.Learned)*p[k] + r.Learned*q[k]
	}
	r.Class = m.Decide(r.P)
	if foreign || !speech {
		r.Class = Unsure
	}
	r.Arousal, r.Valence = along(m.plane[0], own), along(m.plane[1], own)
	return speech
}

// leastLearned is how much of a speaker has to be known on a foreign line.
const leastLearned = 0.5

// strangeness is the mean square of some z-scores.
func strangeness(z []float32, features []int) float32 {
	sum := float32(0)
	for _, i := range features {
		sum += z[i] * z[i]
	}
	return sum / float32(len(features))
}

// Decide is the most probable class, or Unsure when its probability lies in the band in
// which the model was wrong too often on speakers it had not heard.
func (m *Model) Decide(p [Classes]float32) Class {
	best := 0
	for k, v := range p {
		if v > p[best] {
			best = k
		}
	}
	if p[best] < m.unsure[best] {
		return Unsure
	}
	return Class(best)
}

func along(w, z []float32) float32 {
	return max(-1, min(1, w[len(z)]+dot(w[:len(z)], z)))
}
