package front

import (
	_ "embed"
	"encoding/binary"
	"math"
)

// Shape of the network: features of four frames relative to the level, and the
// level; one hidden layer of rectified units; levels of the four bands.
const (
	outputs    = 4
	hidden     = 32
	contextLen = 5 // frames remembered
	inputs     = len(contextFrames)*bands + 1
)

// contextFrames are the frames the network sees, as indexes into the last contextLen.
var contextFrames = [4]int{4, 3, 2, 0}

// weightData holds the weights as little-endian float32: for each hidden unit its
// inputs and bias, then for each output the units and its bias. How they came about
// stands in weights.md.
//
//go:embed weights.bin
var weightData []byte

type weights struct {
	in  [hidden][inputs]float32
	inB [hidden]float32
	out [outputs][hidden]float32
	ouB [outputs]float32
}

var net = readWeights(weightData)

// readWeights panics when the file does not fit the shape: it is part of the program.
func readWeights(data []byte) *weights {
	if len(data) != 4*(hidden*(inputs+1)+outputs*(hidden+1)) {
		panic("front: weights.bin has the wrong size")
	}
	next := func() float32 {
		v := math.Float32frombits(binary.LittleEndian.Uint32(data))
		data = data[4:]
		return v
	}
	w := new(weights)
	for h := range hidden {
		for i := range inputs {
			w.in[h][i] = next()
		}
		w.inB[h] = next()
	}
	for o := range outputs {
		for h := range hidden {
			w.out[o][h] = next()
		}
		w.ouB[o] = next()
	}
	return w
}

// predict gives the levels in dB of the bands above 4 kHz.
func predict(x [inputs]float32, level float32, db *[outputs]float32) {
	var act [hidden]float32
	for h := range act {
		w := &net.in[h]
		var s0, s1, s2, s3 float32
		for k := 0; k+3 < inputs; k += 4 {
			s0 += w[k] * x[k]
			s1 += w[k+1] * x[k+1]
			s2 += w[k+2] * x[k+2]
			s3 += w[k+3] * x[k+3]
		}
		act[h] = max(0, net.inB[h]+s0+s1+s2+s3+w[inputs-1]*x[inputs-1])
	}
	for o := range db {
		s := net.ouB[o]
		for h, v := range act {
			s += net.out[o][h] * v
		}
		db[o] = s*20 + level
	}
}
