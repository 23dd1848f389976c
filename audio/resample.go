package audio

import "math"

// Resample converts a whole recording from one sample rate to another with a
// windowed sinc (Kaiser, 32 zero crossings a side, about 90 dB). It is meant for
// files: the ends are padded with silence and nothing is shifted in time.
func Resample(pcm []int16, from, to int) []int16 {
	if from == to || len(pcm) == 0 || from <= 0 || to <= 0 {
		return append([]int16(nil), pcm...)
	}
	step := float64(from) / float64(to)
	cut := min(1, 1/step) * 0.97 // leave room for the transition band
	half := sincZeros / cut
	kernel := sincKernel()
	out := make([]int16, int64(len(pcm))*int64(to)/int64(from))
	for i := range out {
		t := float64(i) * step
		first := max(0, int(math.Ceil(t-half)))
		last := min(len(pcm)-1, int(math.Floor(t+half)))
		var acc float64
		for j := first; j <= last; j++ {
			x := math.Abs(float64(j)-t) * cut * sincSteps
			k := int(x)
			f := float32(x - float64(k))
			acc += float64(pcm[j]) * float64(kernel[k]+f*(kernel[k+1]-kernel[k]))
		}
		out[i] = int16(max(-32768, min(32767, math.Round(acc*cut))))
	}
	return out
}

const (
	sincZeros = 32
	sincSteps = 512
)

// sincKernel tabulates one side of the windowed sinc, sincSteps values per zero crossing.
func sincKernel() []float32 {
	const beta = 9
	k := make([]float32, sincZeros*sincSteps+2)
	for i := range k[:sincZeros*sincSteps] {
		x := float64(i) / sincSteps
		r := x / sincZeros
		w := bessel0(beta*math.Sqrt(1-r*r)) / bessel0(beta)
		s := 1.0
		if i > 0 {
			s = math.Sin(math.Pi*x) / (math.Pi * x)
		}
		k[i] = float32(s * w)
	}
	return k
}

// bessel0 is the modified Bessel function of the first kind, order 0.
func bessel0(x float64) float64 {
	sum, term := 1.0, 1.0
	for k := 1; term > 1e-12*sum; k++ {
		term *= (x / 2) / float64(k) * (x / 2) / float64(k)
		sum += term
	}
	return sum
}
