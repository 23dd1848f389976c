package emotion

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
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
	// priorSeconds of voice is what the norm of all speakers counts for. Five seconds cost
	// up to six points of anger AUC on lines and languages that were not trained on.
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

// Apply subtracts the speaker's norm from z, in place.
func (b *Baseline) Apply(z []float32) {
	if b.seconds == 0 || len(b.sum) != len(z) {
		return
	}
	k := float32(1 / (b.seconds + priorSeconds))
	for i, s := range b.sum {
		z[i] -= s * k
	}
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
	if n != 0 && n != Features {
		return fmt.Errorf("emotion: baseline of %d features, this program has %d", n, Features)
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
