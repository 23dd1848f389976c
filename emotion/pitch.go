package emotion

import "math"

// Pitch by the autocorrelation of the windowed signal divided by that of the window
// (Boersma 1993, "Accurate short-term analysis of the fundamental frequency and the
// harmonics-to-noise ratio of a sampled sound"), here over 40 ms at 8 kHz, with the
// track chosen by the Viterbi algorithm in two passes (De Looze and Rauzy: the second
// between limits that the speaker's own quartiles set).
const (
	pitchLen  = 320
	pitchFFT  = 512
	pitchBins = pitchFFT/2 + 1
	minPitch  = 60.0
	maxPitch  = 500.0
	minLag    = rate / 500
	maxLag    = rate/60 + 1
	lagMargin = 9             // samples either side that the interpolation reads
	meanLen   = 2 * rate / 75 // what is taken for the zero line: two periods of a deep voice
	// The second pass looks between these shares of the first one's lower and upper quartile.
	// De Looze and Rauzy give 0.75 for the lower, under which voices that fall at the end of
	// a phrase lie.
	lowShare, highShare = 0.6, 1.5
)

// Costs of a path, as in the paper; per step of 10 ms.
const (
	silenceThreshold = 0.03
	voicingThreshold = 0.45
	octaveCost       = 0.01
	octaveJumpCost   = 0.35
	voicingCost      = 0.14
)

// windowCorrection is the inverse of the window's normalised autocorrelation.
func windowCorrection(w []float32, lags int) []float32 {
	out := make([]float32, lags)
	var zero float64
	for lag := range out {
		sum := 0.0
		for i := range len(w) - lag {
			sum += float64(w[i]) * float64(w[i+lag])
		}
		if lag == 0 {
			zero = sum
		}
		out[lag] = float32(zero / max(sum, 1e-9))
	}
	return out
}

// pitcher finds the pitch candidates of one hop.
type pitcher struct {
	fft   *fft
	x     [pitchLen]float32
	power [pitchBins]float32
	corr  [maxLag + lagMargin + 1]float32
}

// measure fills the candidates of r from pitchLen samples (-1..1), strongest first.
func (p *pitcher) measure(x []float32, r *row) {
	mean, peak := float32(0), float32(0)
	for _, v := range x[(pitchLen-meanLen)/2 : (pitchLen+meanLen)/2] {
		mean += v
	}
	mean /= meanLen
	for i, v := range x {
		v -= mean
		p.x[i] = v
	}
	for i := pitchLen/2 - maxLag/2; i < pitchLen/2+maxLag/2; i++ { // the longest period
		v := p.x[i] * shared.pitch[i]
		peak = max(peak, v, -v)
	}
	r.n, r.peak, r.local = 0, peak, 0
	if peak < 1.5e-4 { // five steps of 16 bits
		return
	}
	p.fft.power(p.x[:], shared.pitch, p.power[:])
	p.fft.correlate(p.power[:], p.corr[:])
	if p.corr[0] <= 0 {
		return
	}
	inv := 1 / p.corr[0]
	for lag := range p.corr {
		p.corr[lag] *= inv * shared.correct[lag]
	}
	for lag := minLag; lag <= maxLag; lag++ {
		c := p.corr[lag]
		if c > 0.25 && c > p.corr[lag-1] && c >= p.corr[lag+1] {
			p.propose(r, lag)
		}
	}
	if r.n > 0 {
		r.local = r.cand[0].hz
	}
}

// propose keeps the peak at lag when it is among the best.
func (p *pitcher) propose(r *row, lag int) {
	at, height := p.refine(lag)
	if height > 1 {
		height = 1 / height // as in the paper, for windows of few periods
	}
	c := candidate{hz: float32(rate) / at, strength: height, octave: log2f(float32(rate) / (minPitch * at))}
	i := int(r.n)
	if i == maxCandidates {
		i--
		if c.worth() <= r.cand[i].worth() {
			return
		}
	} else {
		r.n++
	}
	for ; i > 0 && r.cand[i-1].worth() < c.worth(); i-- {
		r.cand[i] = r.cand[i-1]
	}
	r.cand[i] = c
}

// worth is the strength with a small favour for high pitches, so that a period wins over its multiples.
func (c candidate) worth() float32 {
	return c.strength + octaveCost*c.octave
}

// refine places a peak between samples: a parabola gives a first place, a windowed
// sinc around it the height.
func (p *pitcher) refine(lag int) (at, height float32) {
	a, b, c := p.corr[lag-1], p.corr[lag], p.corr[lag+1]
	d := a - 2*b + c
	if d >= 0 {
		return float32(lag), b
	}
	shift := max(-0.5, min(0.5, 0.5*(a-c)/d))
	const step = 0.2
	l, m, h := p.between(lag, shift-step), p.between(lag, shift), p.between(lag, shift+step)
	if d = l - 2*m + h; d < 0 {
		s := max(-1, min(1, 0.5*(l-h)/d))
		return float32(lag) + shift + s*step, m - 0.25*(l-h)*s
	}
	return float32(lag) + shift, m
}

// between interpolates the autocorrelation at lag+shift with a Hann-windowed sinc of 16 points.
func (p *pitcher) between(lag int, shift float32) float32 {
	if shift < 0 {
		lag--
		shift++
	}
	if shift < 1e-4 {
		return p.corr[lag]
	}
	const half = 8
	first := lag - half + 1
	s := float32(math.Sin(math.Pi*float64(shift))) / math.Pi
	sum := float32(0)
	for i := range 2 * half {
		d := shift - float32(i-half+1)
		k := max(first+i, -(first + i))
		if k >= len(p.corr) {
			break
		}
		w := sincTaper(d / half)
		v := p.corr[k] * w / d
		if (i-half+1)&1 != 0 {
			v = -v
		}
		sum += v
	}
	return sum * s
}

// sincTaper is cos^2(pi x / 2) for |x| <= 1 by a polynomial that is exact at 0, 1/2 and 1.
func sincTaper(x float32) float32 {
	y := 1 - x*x
	return y * y * (1 - 0.111*x*x*(1-x*x))
}

func log2f(x float32) float32 { return logf(x) * math.Log2E }

// tracker chooses the pitch of each row of a segment.
type tracker struct {
	cost [2][maxCandidates + 1]float32
	back [][maxCandidates + 1]uint8
	sort []float32
}

func newTracker(rows int) *tracker {
	return &tracker{back: make([][maxCandidates + 1]uint8, rows), sort: make([]float32, rows)}
}

// track sets hz of the rows: once between the widest limits, and once more between those
// that its quartiles set.
func (t *tracker) track(rows []row) {
	t.pass(rows, minPitch, maxPitch)
	n := 0
	for i := range rows {
		if rows[i].hz > 0 {
			t.sort[n] = rows[i].hz
			n++
		}
	}
	if n < 20 {
		return
	}
	sortFloats(t.sort[:n])
	low, high := lowShare*t.sort[n/4], highShare*t.sort[3*n/4]
	t.pass(rows, max(minPitch, low), min(maxPitch, high))
}

// pass is one Viterbi search; state 0 is unvoiced, i+1 is candidate i.
func (t *tracker) pass(rows []row, low, high float32) {
	peak := float32(0)
	for i := range rows {
		peak = max(peak, rows[i].peak)
	}
	top := octaveCost * log2f(high/minPitch) // the paper counts octaves down from the highest pitch
	now, last := &t.cost[0], &t.cost[1]
	for i := range rows {
		r := &rows[i]
		level := float32(0)
		if peak > 0 {
			level = r.peak / peak
		}
		for j := range int(r.n) + 1 {
			local := voicingThreshold + max(0, 2-level*((1+voicingThreshold)/silenceThreshold))
			if j > 0 {
				c := r.cand[j-1]
				local = c.worth() - top
				if c.hz < low || c.hz > high {
					local = -10
				}
			}
			now[j] = local
			if i > 0 {
				best, from := t.best(&rows[i-1], last, r, j)
				now[j] += best
				t.back[i][j] = from
			}
		}
		now, last = last, now
	}
	t.trace(rows, last)
}

// best is the dearest way into state j of r.
func (t *tracker) best(before *row, cost *[maxCandidates + 1]float32, r *row, j int) (value float32, from uint8) {
	value = -1e30
	for k := range int(before.n) + 1 {
		v := cost[k]
		switch {
		case j == 0 && k == 0:
		case j == 0 || k == 0:
			v -= voicingCost
		default:
			d := r.cand[j-1].octave - before.cand[k-1].octave
			v -= octaveJumpCost * max(d, -d)
		}
		if v > value {
			value, from = v, uint8(k)
		}
	}
	return value, from
}

func (t *tracker) trace(rows []row, cost *[maxCandidates + 1]float32) {
	if len(rows) == 0 {
		return
	}
	end := len(rows) - 1
	state := 0
	for k := range int(rows[end].n) + 1 {
		if cost[k] > cost[state] {
			state = k
		}
	}
	for i := end; i >= 0; i-- {
		r := &rows[i]
		r.hz = 0
		if state > 0 {
			c := r.cand[state-1]
			r.hz = c.hz
			r.v[cF0] = 12*c.octave + 13.5062 // minPitch over 27.5 Hz
			r.v[cHNR] = harmonicity(c.strength)
		}
		state = int(t.back[i][state])
	}
}

// harmonicity is the ratio of periodic to other energy in dB that a peak stands for.
func harmonicity(strength float32) float32 {
	s := max(1e-4, min(0.9999, strength))
	return decibel(s / (1 - s))
}
