package emotion

import "math"

// voice measures what needs a pitch: periods, harmonics and formants. Once per frame.
type voice struct {
	marks [24]float32 // places of periods, in samples
	amps  [24]float32
	burg  burg
}

// measure fills the voiced contours of r. x is the last voiceLen samples, power the pitch
// window's spectrum, spec the spectral window.
func (v *voice) measure(x []float32, power *[pitchBins]float32, spec []float32, r *row) {
	r.fine = false
	if r.n == 0 || r.cand[0].strength < voicingThreshold {
		return
	}
	if !v.periods(x, float32(rate)/r.local, r) {
		return
	}
	r.fine = true
	v.burg.formants(spec, r)
	v.harmonics(power, r)
}

// voiceLen is the stretch searched for periods: 50 ms.
const voiceLen = 400

// periods walks from the middle to both sides from period to period by the largest
// normalised cross-correlation within 10 % of the expected length, at least 0.5.
func (v *voice) periods(x []float32, period float32, r *row) bool {
	p := int(period + 0.5)
	mid := voiceLen / 2
	at := mid
	for i := mid - p/2; i < mid+p/2; i++ {
		if abs(x[i]) > abs(x[at]) {
			at = i
		}
	}
	const middle = len(v.marks) / 2
	lo, hi := middle, middle
	v.marks[middle] = float32(at)
	for hi+1 < len(v.marks) {
		next, ok := step(x, v.marks[hi], period, 1)
		if !ok {
			break
		}
		hi++
		v.marks[hi] = next
	}
	for lo > 0 {
		next, ok := step(x, v.marks[lo], period, -1)
		if !ok {
			break
		}
		lo--
		v.marks[lo] = next
	}
	if hi-lo < 2 {
		return false
	}
	for i := lo; i <= hi; i++ {
		v.amps[i] = peakNear(x, v.marks[i], p/4, x[at] >= 0)
	}
	v.perturbation(lo, hi, r)
	return true
}

// Neighbours that differ more than by these factors are no neighbours: a period was
// missed or the voice broke. They are Praat's.
const (
	mostPeriodFactor    = 1.3
	mostAmplitudeFactor = 1.6
)

// perturbation writes jitter and shimmer of the marks lo to hi.
func (v *voice) perturbation(lo, hi int, r *row) {
	mean := (v.marks[hi] - v.marks[lo]) / float32(hi-lo)
	jitter, shimmer, nj, ns := float32(0), float32(0), float32(0), float32(0)
	for i := lo + 1; i <= hi; i++ {
		if i > lo+1 {
			a, b := v.marks[i-1]-v.marks[i-2], v.marks[i]-v.marks[i-1]
			if a < b*mostPeriodFactor && b < a*mostPeriodFactor {
				jitter, nj = jitter+abs(b-a), nj+1
			}
		}
		a, b := v.amps[i-1]+1e-6, v.amps[i]+1e-6
		if a < b*mostAmplitudeFactor && b < a*mostAmplitudeFactor {
			shimmer, ns = shimmer+abs(logf(b/a)), ns+1
		}
	}
	r.v[cJitter] = jitter / max(1, nj) / mean
	r.v[cShimmer] = shimmer / max(1, ns) * 8.68589
}

// step finds the next period from at in a direction of +1 or -1, between samples.
func step(x []float32, at, period float32, dir int) (float32, bool) {
	half := int(period/2 + 0.5)
	centre := int(at + 0.5)
	reach := max(2, int(period*0.1+0.5))
	lag0 := int(period + 0.5)
	far := centre + dir*(lag0+reach+1)
	if centre-half < 0 || centre+half >= len(x) || far-half < 0 || far+half >= len(x) {
		return 0, false
	}
	base := x[centre-half : centre+half]
	energy := float32(1e-12)
	for _, v := range base {
		energy += v * v
	}
	var score [64]float32
	best := -1
	for i := range 2*reach + 3 {
		if i >= len(score) {
			break
		}
		from := centre + dir*(lag0-reach-1+i) - half
		other := x[from : from+len(base)]
		dot, e := float32(0), float32(1e-12)
		for k, b := range base {
			o := other[k]
			dot += b * o
			e += o * o
		}
		score[i] = dot / sqrtf(e*energy)
		if inside := i > 0 && i < 2*reach+2; inside && (best < 0 || score[i] > score[best]) {
			best = i
		}
	}
	if score[best] < 0.5 {
		return 0, false
	}
	lag := float32(lag0 - reach - 1 + best)
	a, b, c := score[best-1], score[best], score[best+1]
	if d := a - 2*b + c; d < 0 {
		lag += max(-0.5, min(0.5, 0.5*(a-c)/d))
	}
	return at + float32(dir)*lag, true
}

// peakNear is the height of the largest sample of the given sign within reach, by a parabola.
func peakNear(x []float32, at float32, reach int, positive bool) float32 {
	centre := int(at + 0.5)
	sign := float32(1)
	if !positive {
		sign = -1
	}
	best, where := float32(0), -1
	for i := max(1, centre-reach); i < min(len(x)-1, centre+reach+1); i++ {
		if v := sign * x[i]; v > best {
			best, where = v, i
		}
	}
	if where < 0 {
		return 0
	}
	a, b, c := sign*x[where-1], best, sign*x[where+1]
	if d := a - 2*b + c; d < 0 {
		return b - (a-c)*(a-c)/(8*d)
	}
	return best
}

// harmonics compares the first harmonic with the second and with those near the formants.
func (v *voice) harmonics(power *[pitchBins]float32, r *row) {
	const hz = float32(rate) / pitchFFT
	strongest := func(from, to float32) float32 {
		best := float32(1e-10)
		for k := max(1, int(from/hz)); k <= min(pitchBins-1, int(to/hz+0.5)); k++ {
			best = max(best, power[k])
		}
		return best
	}
	f := r.local
	h1 := decibel(strongest(0.8*f, 1.2*f))
	r.v[cH1H2] = h1 - decibel(strongest(1.8*f, 2.2*f))
	for i := range 3 {
		centre := 1000 * r.v[cF1+i]
		width := max(0.2*centre, 0.6*f)
		r.v[cA1+i] = decibel(strongest(centre-width, centre+width)) - h1
	}
	r.v[cH1A3] = -r.v[cA1+2]
}

func abs(x float32) float32 { return float32(math.Abs(float64(x))) }
