package emotion

import "math"

// The 88 functionals of Eyben et al. 2016, "The Geneva Minimalistic Acoustic Parameter Set
// (GeMAPS) for Voice Research and Affective Computing", IEEE Transactions on Affective
// Computing 7(2), extended set, written from that definition. What a telephone leaves
// changes some contours: pitch, periods and formants are this package's; mel bands end at
// 3.8 kHz, as do alpha ratio and Hammarberg index; flux is of 50 Hz - 3.8 kHz; formants
// are of 8 kHz sound. They are therefore not the published parameters, nor so named.
//
// Every contour is averaged over three rows, unvoiced ones left out where it needs voice.
// cv is the deviation over the mean's absolute value, at most mostCV.

// contour88 is one contour of the set.
type contour88 struct {
	name string
	of   func(r *row) float32
}

func plain(c int) func(*row) float32 { return func(r *row) float32 { return r.v[c] } }

// lifted is a cepstral coefficient under a sine lifter of length 22.
func lifted(k int) func(*row) float32 {
	l := float32(1 + 11*math.Sin(math.Pi*float64(k)/22))
	return func(r *row) float32 { return l * r.v[cMFCC+k-1] }
}

var (
	pitch88    = contour88{"f0", plain(cF0)}
	loudness88 = contour88{"loudness", perceived}
	balance88  = []contour88{{"alpha", plain(cAlpha)}, {"hammarberg", plain(cHammarberg)}, {"slope0500", plain(cSlopeLow)}, {"slope5001500", plain(cSlopeMid)}}
	shape88    = []contour88{
		{"flux", func(r *row) float32 { return r.flux }},
		{"mfcc1", lifted(1)}, {"mfcc2", lifted(2)}, {"mfcc3", lifted(3)}, {"mfcc4", lifted(4)},
	}
	voice88 = []contour88{
		{"jitter", plain(cJitter)}, {"shimmer", plain(cShimmer)}, {"hnr", plain(cHNR)}, {"h1h2", plain(cH1H2)}, {"h1a3", plain(cH1A3)},
		{"f1", plain(cF1)}, {"b1", plain(cB1)}, {"a1", plain(cA1)},
		{"f2", plain(cF1 + 1)}, {"b2", plain(cB1 + 1)}, {"a2", plain(cA1 + 1)},
		{"f3", plain(cF1 + 2)}, {"b3", func(r *row) float32 { return r.b3 }}, {"a3", plain(cA1 + 2)},
	}
	ten88    = []string{"mean", "cv", "p20", "p50", "p80", "range", "rise_mean", "rise_sd", "fall_mean", "fall_sd"}
	rhythm88 = []string{"peak_rate", "voiced_rate", "voiced_mean", "voiced_sd", "unvoiced_mean", "unvoiced_sd"}
)

func names88() (names []string) {
	both := func(kind string, list ...contour88) {
		for _, c := range list {
			names = append(names, c.name+kind+".mean", c.name+kind+".cv")
		}
	}
	for _, n := range ten88 {
		names = append(names, pitch88.name+".voiced."+n)
	}
	for _, n := range ten88 {
		names = append(names, loudness88.name+".all."+n)
	}
	both(".all", shape88...)
	both(".voiced", voice88...)
	both(".voiced", balance88...)
	both(".voiced", shape88...)
	for _, c := range append(balance88[:len(balance88):len(balance88)], shape88[0]) {
		names = append(names, c.name+".unvoiced.mean")
	}
	for _, n := range rhythm88 {
		names = append(names, "rhythm."+n)
	}
	return append(names, "level.equivalent")
}

// equalLoudness weighs the mel bands as the ear does at 40 phon (Hermansky 1990,
// "Perceptual linear predictive analysis of speech", equation 7), as logarithms times 0.33.
var equalLoudness = func() (w [melBands]float32) {
	mel := func(hz float64) float64 { return 1127 * math.Log(1+hz/700) }
	low, high := mel(100), mel(topHz)
	for i := range w {
		hz := 700 * (math.Exp((low+(high-low)*float64(i+1)/(melBands+1))/1127) - 1)
		o := math.Pow(2*math.Pi*hz, 2)
		w[i] = float32(0.33 * math.Log(o*o*(o+56.8e6)/(math.Pow(o+6.3e6, 2)*(o+0.38e9))))
	}
	return w
}()

// perceived is the loudness of a row: mel bands weighed, compressed and summed.
func perceived(r *row) (sum float32) {
	for i, v := range r.v[cMel : cMel+melBands] {
		sum += expf(0.33*v + equalLoudness[i])
	}
	return sum
}

// eighty8 writes the 88 functionals of w.rows, whose pitch is tracked and which are sorted.
func (w *workspace) eighty8(out []float32) {
	n := len(w.rows)
	clear(out)
	if n == 0 {
		return
	}
	all, unvoiced := w.index[:0], w.other[:0]
	for i := range w.rows {
		all = append(all, int32(i))
		if w.rows[i].hz == 0 {
			unvoiced = append(unvoiced, int32(i))
		}
	}
	put := func(v ...float32) { out = out[copy(out, v):] }
	f := w.smoothed(w.voiced, pitch88)
	w.ten(f, w.voiced, out[:10])
	out = out[10:]
	l := w.smoothed(all, loudness88)
	peaks := w.ten(l, all, out[:10])
	out = out[10:]
	pairs := func(kind []int32, list ...contour88) {
		for _, c := range list {
			mean, sd := meanSD(w.smoothed(kind, c))
			put(mean, variation(mean, sd))
		}
	}
	pairs(all, shape88...)
	for _, c := range voice88 {
		kind := w.fine
		if c.name == "hnr" {
			kind = w.voiced
		}
		pairs(kind, c)
	}
	pairs(w.voiced, balance88...)
	pairs(w.voiced, shape88...)
	for _, c := range append(balance88[:len(balance88):len(balance88)], shape88[0]) {
		mean, _ := meanSD(w.smoothed(unvoiced, c))
		put(mean)
	}
	seconds := float32(n) / 100
	v := runs(w.rows, func(r *row) bool { return r.hz > 0 }, 1)
	u := runs(w.rows, func(r *row) bool { return r.hz == 0 }, 1)
	put(float32(peaks)/seconds, v.count/seconds, v.mean(), v.sd(), u.mean(), u.sd())
	power := 0.0
	for i := range w.rows {
		power += math.Pow(10, float64(w.rows[i].v[cEnergy])/10)
	}
	put(decibel(float32(max(1e-10, power/float64(n)))))
}

// smoothed is contour c over the rows of kind, each value averaged with those of adjoining
// rows of the kind. It lies in w.values until the next call.
func (w *workspace) smoothed(kind []int32, c contour88) []float32 {
	raw, out := w.smooth[:len(kind)], w.values[:len(kind)]
	for k, i := range kind {
		raw[k] = c.of(&w.rows[i])
	}
	for k := range kind {
		sum, n := raw[k], float32(1)
		if k > 0 && kind[k]-kind[k-1] == 1 {
			sum, n = sum+raw[k-1], n+1
		}
		if k+1 < len(kind) && kind[k+1]-kind[k] == 1 {
			sum, n = sum+raw[k+1], n+1
		}
		out[k] = sum / n
	}
	return out
}

func meanSD(y []float32) (mean, sd float32) {
	if len(y) == 0 {
		return 0, 0
	}
	for _, v := range y {
		mean += v
	}
	mean /= float32(len(y))
	for _, v := range y {
		sd += (v - mean) * (v - mean)
	}
	return mean, sqrtf(sd / float32(len(y)))
}

// mostCV bounds the coefficient of variation, which has no bound near a mean of 0.
const mostCV = 10

func variation(mean, sd float32) float32 {
	return min(mostCV, sd/max(1e-6, abs(mean)))
}

// ten writes the ten functionals of pitch and loudness: y over the rows of kind. Slopes
// are per second, between turning points that lie at least a tenth of the range apart,
// inside a run of adjoining rows. It returns how many peaks there are.
func (w *workspace) ten(y []float32, kind []int32, out []float32) (peaks int) {
	if len(y) < 3 {
		return 0
	}
	s := w.sorted[:len(y)]
	copy(s, y)
	sortFloats(s)
	mean, sd := meanSD(y)
	out[0], out[1] = mean, variation(mean, sd)
	for k, p := range [...]float32{0.2, 0.5, 0.8} {
		out[2+k] = quantile(s, p)
	}
	out[5] = out[4] - out[2]
	height := (s[len(s)-1] - s[0]) / 10
	if height <= 0 {
		return 0
	}
	var rise, fall spread
	for from := 0; from < len(y); {
		to := from + 1
		for to < len(y) && kind[to]-kind[to-1] == 1 {
			to++
		}
		peaks += turns(y[from:to], height, &rise, &fall)
		from = to
	}
	out[6], out[7], out[8], out[9] = rise.mean(), rise.sd(), fall.mean(), fall.sd()
	return peaks
}

// turns adds the slopes between the turning points of y, rows of 10 ms; falling ones count
// as positive too. It returns how many turning points are peaks.
func turns(y []float32, height float32, rise, fall *spread) (peaks int) {
	low, high, last := 0, 0, 0 // the lowest and highest since the last turning point
	up, known := false, false
	slope := func(s *spread, to int) {
		if to > last {
			v := abs(y[to]-y[last]) * 100 / float32(to-last)
			s.count, s.sum, s.square = s.count+1, s.sum+v, s.square+v*v
		}
		last = to
	}
	for i, v := range y {
		if v > y[high] {
			high = i
		}
		if v < y[low] {
			low = i
		}
		switch {
		case !known && v-y[low] >= height:
			known, up, last, high = true, true, low, i
		case !known && y[high]-v >= height:
			known, up, last, low = true, false, high, i
		case known && up && y[high]-v >= height:
			slope(rise, high)
			peaks++
			up, low = false, i
		case known && !up && v-y[low] >= height:
			slope(fall, low)
			up, high = true, i
		}
	}
	if known && up {
		slope(rise, high)
	} else if known {
		slope(fall, low)
	}
	return peaks
}
