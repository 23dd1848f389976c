package emotion

import (
	"math"
	"slices"
)

// The functionals of one contour, over the rows of one kind. Percentiles are relative
// to the mean, so that only the mean itself depends on level.
var statNames = [...]string{"mean", "sd", "p5", "p20", "p50", "p80", "p95", "slope", "dsd", "dabs", "rise", "fall"}

const stats = len(statNames)

// Features is the number of functionals of the set Large.
var Features = len(featureNames)

var rhythmNames = [...]string{
	"voiced_rate", "voiced_mean", "voiced_sd", "unvoiced_mean", "unvoiced_sd", "voiced_share", "active_share",
	"pause_rate", "pause_mean", "syllable_rate", "articulation_rate", "syllable_sd", "syllable_npvi", "peak_rise", "seconds",
	"f0_final_slope", "f0_end_start", "f0_range", "level_end_start",
}

// Modulation: how strongly a contour goes up and down, by bands of 1-2, 2-4, 4-8 and 8-16 Hz.
var (
	modNames = [...]string{"loudness", "f0", "mel_low", "mel_mid", "mel_high"}
	modEdges = [...]int{1, 2, 4, 8, 17}
)

const modBands = len(modEdges) - 1

var featureNames = func() []string {
	var names []string
	for _, kind := range []string{"active", "voiced"} {
		for c := range cF0 {
			for _, s := range statNames {
				names = append(names, contourNames[c]+"."+kind+"."+s)
			}
		}
	}
	for c := cF0; c < contours; c++ {
		for _, s := range statNames {
			names = append(names, contourNames[c]+".voiced."+s)
		}
	}
	for c := range cMel {
		names = append(names, contourNames[c]+".unvoiced.mean")
	}
	for _, n := range rhythmNames {
		names = append(names, "rhythm."+n)
	}
	for _, n := range modNames {
		for b := range modBands {
			names = append(names, "modulation."+n+"."+string(rune('1'+b)))
		}
	}
	return names
}()

// workspace holds what reading a segment needs; see borrow.
type workspace struct {
	all      []row // room for the rows of a segment
	rows     []row // what of them is measured
	tracker  *tracker
	values   []float32
	sorted   []float32
	index    []int32
	active   []int32
	voiced   []int32
	unvoiced []int32
	fine     []int32
	smooth   []float32
	quiet    float32 // energy under which an unvoiced row is not active
	other    []int32
	x, z     []float32 // the functionals and their z-scores
	raw      []float32 // a copy of the z-scores
	own      []float32 // what a classifier of known voices takes: see Beside
}

func newWorkspace(rows int) *workspace {
	ints := func() []int32 { return make([]int32, 0, rows) }
	return &workspace{
		all: make([]row, 0, rows), tracker: newTracker(rows), values: make([]float32, rows), sorted: make([]float32, rows),
		index: ints(), other: ints(), active: ints(), voiced: ints(), unvoiced: ints(), fine: ints(), smooth: make([]float32, rows),
		x: make([]float32, Features), z: make([]float32, Features), own: make([]float32, 2*Features), raw: make([]float32, 0, Features),
	}
}

// measure tracks the pitch of w.rows, cuts long silence off their ends and fills w.x with the set's functionals. It returns
// how many rows are voiced.
func (w *workspace) measure(set *Set) int {
	w.tracker.track(w.rows)
	w.trim()
	w.sort()
	w.x, w.z = w.x[:len(set.names)], w.z[:len(set.names)]
	set.fill(w, w.x)
	for i, v := range w.x {
		if v != v || v > 1e6 || v < -1e6 {
			w.x[i] = 0
		}
	}
	return len(w.voiced)
}

// Silence before the first voice and behind the last is cut down to restEnd rows when there are
// more than mostEnd: it is the recording's, not the speaker's.
const restEnd, mostEnd = 25, 50

// trim cuts long silence off the ends.
func (w *workspace) trim() {
	first, last := 0, len(w.rows)-1
	for first < len(w.rows) && w.rows[first].hz == 0 {
		first++
	}
	if first == len(w.rows) {
		return
	}
	for w.rows[last].hz == 0 {
		last--
	}
	if len(w.rows)-1-last > mostEnd {
		w.rows = w.rows[:last+1+restEnd]
	}
	if first > mostEnd {
		w.rows = w.rows[first-restEnd:]
	}
}

// large writes the functionals of all contours, rhythm and modulation.
func (w *workspace) large(out []float32) {
	for _, kind := range [][]int32{w.active, w.voiced} {
		for c := range cF0 {
			w.contour(out[:stats], kind, c)
			out = out[stats:]
		}
	}
	for c := cF0; c < contours; c++ {
		kind := w.voiced
		if c > cHNR {
			kind = w.fine
		}
		w.contour(out[:stats], kind, c)
		out = out[stats:]
	}
	for c := range cMel {
		sum := float32(0)
		for _, i := range w.unvoiced {
			sum += w.rows[i].v[c]
		}
		out[c] = sum / float32(max(1, len(w.unvoiced)))
	}
	out = out[cMel:]
	w.rhythm(out[:len(rhythmNames)])
	w.modulation(out[len(rhythmNames):])
}

// sort puts the rows into kinds. Active is what lies less than 30 dB under the loud parts.
func (w *workspace) sort() {
	w.active, w.voiced, w.unvoiced, w.fine = w.active[:0], w.voiced[:0], w.unvoiced[:0], w.fine[:0]
	n := len(w.rows)
	if n == 0 {
		return
	}
	s := w.sorted[:n]
	for i := range w.rows {
		s[i] = w.rows[i].v[cEnergy]
	}
	sortFloats(s)
	w.quiet = s[n*95/100] - 30
	for i := range w.rows {
		r := &w.rows[i]
		if r.hz == 0 && r.v[cEnergy] < w.quiet {
			continue
		}
		w.active = append(w.active, int32(i))
		if r.hz == 0 {
			w.unvoiced = append(w.unvoiced, int32(i))
			continue
		}
		w.voiced = append(w.voiced, int32(i))
		if d := r.local - r.hz; r.fine && d < 0.1*r.hz && d > -0.1*r.hz {
			w.fine = append(w.fine, int32(i))
		}
	}
}

// contour writes the functionals of contour c over the rows of kind.
func (w *workspace) contour(out []float32, kind []int32, c int) {
	n := len(kind)
	if n < 3 {
		clear(out)
		return
	}
	v := w.values[:n]
	sum := float32(0)
	for k, i := range kind {
		v[k] = w.rows[i].v[c]
		sum += v[k]
	}
	mean := sum / float32(n)
	var square, sxy, sxx float32
	mid := float32(n-1) / 2
	for k, x := range v {
		d := x - mean
		square += d * d
		t := float32(k) - mid
		sxy += t * d
		sxx += t * t
	}
	out[0], out[1] = mean, sqrtf(square/float32(n))
	w.quantiles(out[2:7], v, mean)
	out[7] = sxy / sxx * float32(n) // over the whole
	w.changes(out[8:12], kind, v)
}

// quantiles writes the percentiles 5, 20, 50, 80 and 95 of v less the mean. They are read
// off a histogram of 128 bins, evenly filled each: a tenth of the time of sorting.
func (w *workspace) quantiles(out, v []float32, mean float32) {
	low, high := v[0], v[0]
	for _, x := range v {
		low, high = min(low, x), max(high, x)
	}
	var bins [128]int32
	width := (high - low) / float32(len(bins))
	if width <= 0 {
		clear(out)
		return
	}
	inv := 1 / width
	for _, x := range v {
		bins[min(len(bins)-1, int((x-low)*inv))]++
	}
	below, bin := int32(0), 0
	for k, p := range [...]float32{0.05, 0.20, 0.50, 0.80, 0.95} {
		want := p * float32(len(v))
		for bin < len(bins)-1 && float32(below+bins[bin]) < want {
			below += bins[bin]
			bin++
		}
		inside := (want - float32(below)) / float32(max(1, bins[bin]))
		out[k] = low + (float32(bin)+min(1, inside))*width - mean
	}
}

// changes are of successive values of adjoining rows.
func (w *workspace) changes(out []float32, kind []int32, v []float32) {
	var sq, up, down, total float32
	var nUp, nDown, n float32
	for k := 1; k < len(v); k++ {
		if kind[k]-kind[k-1] > 2 {
			continue
		}
		d := v[k] - v[k-1]
		sq += d * d
		n++
		if d > 0 {
			up += d
			nUp++
		} else {
			down -= d
			nDown++
		}
	}
	total = up + down
	out[0], out[1] = sqrtf(sq/max(1, n)), total/max(1, n)
	out[2], out[3] = up/max(1, nUp), down/max(1, nDown)
}

// quantile interpolates in sorted values; p is 0..1.
func quantile(s []float32, p float32) float32 {
	at := p * float32(len(s)-1)
	i := int(at)
	if i+1 >= len(s) {
		return s[len(s)-1]
	}
	f := at - float32(i)
	return s[i] + f*(s[i+1]-s[i])
}

func sortFloats(x []float32) { slices.Sort(x) }

// modulation writes, for a few contours over the whole segment, the logarithm of the
// power that each band of frequencies contributes. Three rows are one value.
func (w *workspace) modulation(out []float32) {
	n := len(w.rows) / 3
	y := w.smooth[:n]
	for m := range modNames {
		mean, last := float32(0), float32(0)
		for i := range y {
			sum := float32(0)
			for j := range 3 {
				last = w.modulated(m, &w.rows[3*i+j], last)
				sum += last
			}
			y[i] = sum / 3
			mean += y[i]
		}
		mean /= float32(max(1, n))
		for b := range modBands {
			sum := float32(0)
			for hz := modEdges[b]; hz < modEdges[b+1]; hz++ {
				sum += tone(y, mean, float64(hz)*0.03)
			}
			out[m*modBands+b] = logf(sum + 1e-6)
		}
	}
}

// modulated is the value of modulation contour m in row r; last is that of the row before.
func (w *workspace) modulated(m int, r *row, last float32) float32 {
	sum := float32(0)
	switch m {
	case 0:
		return r.v[cLoudness]
	case 1:
		if r.hz == 0 {
			return last
		}
		return r.v[cF0]
	case 2:
		for _, v := range r.v[cMel : cMel+6] {
			sum += v
		}
		return sum / 6
	case 3:
		for _, v := range r.v[cMel+6 : cMel+13] {
			sum += v
		}
		return sum / 7
	}
	for _, v := range r.v[cMel+13 : cMel+melBands] {
		sum += v
	}
	return sum / 7
}

// tone is the power of y - mean at a frequency in cycles per value (Goertzel).
func tone(y []float32, mean float32, cycles float64) float32 {
	c := float32(2 * math.Cos(2*math.Pi*cycles))
	var s1, s2 float32
	for _, v := range y {
		s1, s2 = v-mean+c*s1-s2, s1
	}
	n := float32(len(y))
	return (s1*s1 + s2*s2 - c*s1*s2) / (n*n + 1)
}
