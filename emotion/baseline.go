package emotion

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
)

// Baseline is the running norm of one speaker: where the features lie when the voice is
// neutral, as deviations from the norm of all speakers. It starts as that norm, which is
// worth priorSeconds of the speaker's own voice, and one turn cannot pull it far.
// It holds no sound and no words. The zero value is an empty one.
type Baseline struct {
	seconds float64
	sum     []float32 // of z-scores times seconds
}

const (
	// priorSeconds of voice is what the norm of all speakers counts for where no Prior says
	// more. Five seconds cost up to six points of anger AUC on lines and languages that were
	// not trained on.
	priorSeconds = 2
	// fullSeconds of voice make Learned 1.
	fullSeconds = 10
	// mostSeconds bounds the memory: older turns fade.
	mostSeconds = 120
	// mostZ bounds what one turn may say of one feature.
	mostZ = 4
)

// Learned is how far the speaker is known, 0..1.
func (b *Baseline) Learned() float32 { return float32(min(1, b.seconds/fullSeconds)) }

// Seconds of neutral voice that it has heard, at most two minutes.
func (b *Baseline) Seconds() float64 { return b.seconds }

// Learn takes the z-scores of neutral speech with so many seconds of voice.
func (b *Baseline) Learn(z []float32, seconds float64) {
	if len(b.sum) != len(z) {
		b.sum, b.seconds = make([]float32, len(z)), 0
	}
	if over := b.seconds + seconds; over > mostSeconds {
		keep := float32(max(0, mostSeconds-seconds) / b.seconds)
		for i := range b.sum {
			b.sum[i] *= keep
		}
		b.seconds *= float64(keep)
	}
	for i, v := range z {
		b.sum[i] += max(-mostZ, min(mostZ, v)) * float32(seconds)
	}
	b.seconds += seconds
}

// Apply subtracts the speaker's norm from z, in place. p is what a nil one leaves to priorSeconds.
func (b *Baseline) Apply(z []float32, p Prior) {
	if b.seconds == 0 || len(b.sum) != len(z) {
		return
	}
	own, prior := float32(b.seconds), float32(priorSeconds)
	for i, s := range b.sum {
		if p != nil {
			prior = p[i]
		}
		z[i] -= s / (own + prior)
	}
}

// Prior is how many seconds of a speaker's own voice the norm of all speakers counts for, by
// feature: few where speakers differ more than one speaker's neutral recordings do, as in
// pitch, many where it is the other way round, so that a few seconds do not move the feature
// by what is chance. It is the best linear estimate of a speaker's mean (Efron and Morris
// 1973, "Stein's estimation rule and its competitors").
type Prior []float32

// Bounds of a Prior in seconds, and the voices that it takes to estimate one.
const (
	leastPrior  = 0.1
	mostPrior   = 1000
	priorVoices = 3
)

// NewPrior estimates it from z-scores of neutral recordings with so many seconds of voice;
// nil when there are too few voices.
func NewPrior(z [][]float32, seconds []float64, voice []string) Prior {
	by := map[string][]int{}
	for i, v := range voice {
		by[v] = append(by[v], i)
	}
	names := slices.Sorted(maps.Keys(by))
	free := len(z) - len(names)
	if len(names) < priorVoices || free < 1 {
		return nil
	}
	prior := make(Prior, len(z[0]))
	for j := range prior {
		var within, chance, sum, square float64
		for _, name := range names {
			var mean, total float64
			for _, i := range by[name] {
				mean += seconds[i] * float64(z[i][j])
				total += seconds[i]
			}
			mean /= total
			for _, i := range by[name] {
				d := float64(z[i][j]) - mean
				within += seconds[i] * d * d
			}
			chance += 1 / total
			sum += mean
			square += mean * mean
		}
		n := float64(len(names))
		within /= float64(free)
		between := (square-sum*sum/n)/(n-1) - within*chance/n
		prior[j] = float32(min(mostPrior, max(leastPrior, within/max(1e-9, between))))
	}
	return prior
}

// baselineMark starts the binary form; the last byte is its version.
const baselineMark = "TXB\x01"

// MarshalBinary is the form to keep: a mark, the seconds, and a number for each feature.
func (b *Baseline) MarshalBinary() ([]byte, error) {
	out := make([]byte, 0, 16+4*len(b.sum))
	out = append(out, baselineMark...)
	out = binary.LittleEndian.AppendUint64(out, math.Float64bits(b.seconds))
	out = binary.LittleEndian.AppendUint32(out, uint32(len(b.sum)))
	for _, v := range b.sum {
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(v))
	}
	return out, nil
}

var errBaseline = errors.New("emotion: not a baseline")

// UnmarshalBinary reads what MarshalBinary wrote. One of another set of features is
// refused: the speaker is then learned anew.
func (b *Baseline) UnmarshalBinary(data []byte) error {
	if len(data) < 16 || string(data[:4]) != baselineMark {
		return errBaseline
	}
	seconds := math.Float64frombits(binary.LittleEndian.Uint64(data[4:]))
	n := int(binary.LittleEndian.Uint32(data[12:]))
	if n != 0 && setLong(n) == nil {
		return fmt.Errorf("emotion: baseline of %d features, this program has %d or %d", n, Features, len(Eighty8.names))
	}
	if len(data) != 16+4*n || !(seconds >= 0 && seconds <= mostSeconds+1e-3) || (n == 0) != (seconds == 0) {
		return errBaseline
	}
	sum := make([]float32, n)
	for i := range sum {
		v := math.Float32frombits(binary.LittleEndian.Uint32(data[16+4*i:]))
		if !(v >= -2*mostZ*mostSeconds && v <= 2*mostZ*mostSeconds) {
			return errBaseline
		}
		sum[i] = v
	}
	b.seconds, b.sum = seconds, sum
	return nil
}
