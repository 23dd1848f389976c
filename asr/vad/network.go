package vad

import (
	_ "embed"
	"encoding/binary"
	"math"
	"sync"
)

// Hidden is the number of units of the recurrent layer, Inputs that of features.
const (
	Hidden = 20
	Inputs = numFeat
	// Params is the number of weights: three gates over inputs, state and bias, the bias inside
	// the candidate's state term, the output layer.
	Params = 3*Hidden*(Inputs+Hidden+1) + Hidden + Hidden + 1
)

//go:embed weights.bin
var weightFile []byte

// weights are the trained ones; train/ makes them. Read once, shared by all.
var weights = sync.OnceValue(func() *[Params]float32 {
	var w [Params]float32
	for i := range w {
		if 4*i+4 <= len(weightFile) {
			w[i] = math.Float32frombits(binary.LittleEndian.Uint32(weightFile[4*i:]))
		}
	}
	return &w
})

// network is one gated recurrent layer of Hidden units and one output.
type network struct {
	w *[Params]float32
	h [Hidden]float32
}

func (n *network) init() { n.w = weights() }

// next maps the features of a frame to the probability of speech.
func (n *network) next(x *[Inputs]float32) float32 {
	const row = Inputs + Hidden + 1
	w := n.w
	var old = n.h
	for j := range Hidden {
		z := gate(w[j*row:(j+1)*row], x, &old)
		r := gate(w[(Hidden+j)*row:(Hidden+j+1)*row], x, &old)
		c := w[(2*Hidden+j)*row : (2*Hidden+j+1)*row]
		in, st := c[Inputs+Hidden], w[3*Hidden*row+j]
		for i, v := range x {
			in += c[i] * v
		}
		for i, v := range old {
			st += c[Inputs+i] * v
		}
		z, r = sigmoid(z), sigmoid(r)
		n.h[j] = (1-z)*tanh(in+r*st) + z*old[j]
	}
	out := w[Params-1]
	for j, v := range n.h {
		out += w[Params-1-Hidden+j] * v
	}
	return sigmoid(out)
}

func gate(w []float32, x *[Inputs]float32, h *[Hidden]float32) float32 {
	s := w[Inputs+Hidden]
	for i, v := range x {
		s += w[i] * v
	}
	for i, v := range h {
		s += w[Inputs+i] * v
	}
	return s
}

func sigmoid(x float32) float32 { return float32(1 / (1 + math.Exp(-float64(x)))) }
func tanh(x float32) float32    { return 2*sigmoid(2*x) - 1 }

// Extractor gives the features alone, for training.
type Extractor struct{ f features }

// NewExtractor makes one.
func NewExtractor() *Extractor {
	e := &Extractor{}
	e.f.init()
	return e
}

// Next gives the features of the next frame of FrameLen samples.
func (e *Extractor) Next(pcm []int16) [Inputs]float32 { return *e.f.next(pcm) }
