package front

import "math"

// Inputs and Outputs are the sizes of an Example; Hidden is the network's inner layer.
const (
	Inputs  = inputs
	Outputs = outputs
	Hidden  = hidden
)

// Example is what the network sees at one moment and what it ought to say, for
// training: levels are relative to the speech level, in units of 20 dB.
type Example struct {
	In  [Inputs]float32
	Out [Outputs]float32
}

// Examples makes one Example per 10 ms. telephone and wide are the same recording
// at 16 kHz, with and without the loss of the band above 4 kHz, aligned in time.
func Examples(telephone, wide []int16) []Example {
	n := min(len(telephone), len(wide)) / Block
	truth := upperLevels(wide[:n*Block])
	f := New(Fill)
	out := make([]Example, 0, n)
	for i := range n {
		reference := f.observe(telephone[i*Block : (i+1)*Block])
		e := Example{In: f.input(reference)}
		for b := range e.Out {
			e.Out[b] = (max(truth[i][b], silenceLevel) - reference) / 20
		}
		out = append(out, e)
	}
	return out
}

// silenceLevel in dB is below what the recogniser's own dither hides.
const silenceLevel = -6

// upperLevels are the true levels in dB of the four bands, in the windows of the analysis.
func upperLevels(wide []int16) [][outputs]float32 {
	const half, long = 64, 2 * window
	levels := make([][outputs]float32, len(wide)/Block)
	energy := make([]float64, len(wide))
	for b := range outputs {
		taps := bandPass(edges[b], edges[b+1], half)
		for i := range energy {
			var v float64
			for k, t := range taps {
				if j := i + k - half; j >= 0 && j < len(wide) {
					v += t * float64(wide[j])
				}
			}
			energy[i] = v * v
		}
		for n := range levels {
			var sum, weight float64
			for k := range long {
				w := math.Sin(math.Pi * float64(k+1) / float64(long+1))
				w *= w * w * w
				weight += w
				if j := (n+1)*Block - long + k; j >= 0 {
					sum += w * energy[j]
				}
			}
			levels[n][b] = float32(10 * math.Log10(sum/weight+0.05))
		}
	}
	return levels
}
