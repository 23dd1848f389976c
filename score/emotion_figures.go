package score

import (
	"cmp"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
)

// guess is what a classifier said of one recording.
type guess struct {
	speaker string
	path    string
	truth   int
	p       []float32 // of each class
	unsure  bool
}

// class is the most probable one.
func (g guess) class() int {
	best := 0
	for k, v := range g.p {
		if v > g.p[best] {
			best = k
		}
	}
	return best
}

// oneAnger joins the probabilities of several classes of anger in the first of them.
func oneAnger(p []float32, anger []int) []float32 {
	if len(anger) < 2 || p == nil {
		return p
	}
	p = slices.Clone(p)
	for _, k := range anger[1:] {
		p[anger[0]] += p[k]
		p[k] = 0
	}
	return p
}

// anger is the probability of anger of any kind, angry whether that is the most probable.
func (g guess) anger(anger []int) float32 { return oneAnger(g.p, anger)[anger[0]] }

func (g guess) angry(anger []int) bool {
	return guess{p: oneAnger(g.p, anger)}.class() == anger[0]
}

// verdict sums guesses up. Rates are in per cent, the rest between 0 and 1.
type verdict struct {
	files     int
	speakers  int
	uar       float64
	low, high float64   // 95 % over speakers, when there are several
	recall    []float64 // of each class, -1 when it does not occur
	accuracy  float64
	f1        float64 // mean over classes
	auc       float64 // anger against the rest, -1 without anger
	aucLow    float64
	aucHigh   float64
	ece       float64
	brier     float64
	// Of the readings that said anger and were sure enough: how many were right, and how
	// many of the angry recordings they found.
	angerPrecision, angerCoverage float64
	angerSaid, angry              int
	// angerFalse is how many of all other recordings were so called angry.
	angerFalse float64
}

// judge sums up; anger are the indexes of its classes.
func judge(list []guess, classes int, anger []int) verdict {
	v := verdict{files: len(list), auc: -1, aucLow: -1, aucHigh: -1}
	v.uar, v.recall = uarOf(list, classes)
	v.f1, v.accuracy = f1Of(list, classes)
	v.ece, v.brier = calibration(list)
	names, by := bySpeaker(list)
	v.speakers = len(names)
	v.low, v.high = resample(names, by, func(l []guess) float64 { u, _ := uarOf(l, classes); return u })
	if len(anger) > 0 {
		v.alarms(list, anger)
		if v.angry > 0 && v.angry < v.files {
			v.auc = aucOf(list, anger)
			v.aucLow, v.aucHigh = resample(names, by, func(l []guess) float64 { return aucOf(l, anger) })
		}
	}
	return v
}

func (v *verdict) alarms(list []guess, anger []int) {
	right := 0
	for _, g := range list {
		angry := slices.Contains(anger, g.truth)
		if angry {
			v.angry++
		}
		if g.angry(anger) && !g.unsure {
			v.angerSaid++
			if angry {
				right++
			}
		}
	}
	v.angerPrecision, v.angerCoverage = share(right, v.angerSaid), share(right, v.angry)
	v.angerFalse = share(v.angerSaid-right, v.files-v.angry)
}

// bySpeaker sorts guesses by speaker; names are in order.
func bySpeaker(list []guess) (names []string, by map[string][]guess) {
	by = map[string][]guess{}
	for _, g := range list {
		by[g.speaker] = append(by[g.speaker], g)
	}
	return slices.Sorted(maps.Keys(by)), by
}

// difference is by how much the UAR of b is above that of a, both over the same speakers,
// who are drawn together for the interval.
func difference(a, b []guess, classes int) points {
	names, as := bySpeaker(a)
	_, bs := bySpeaker(b)
	of := func(pick func(int) string) float64 {
		var x, y []guess
		for i := range names {
			name := pick(i)
			x, y = append(x, as[name]...), append(y, bs[name]...)
		}
		before, _ := uarOf(x, classes)
		after, _ := uarOf(y, classes)
		return after - before
	}
	p := points{value: of(func(i int) string { return names[i] })}
	rng := rand.New(rand.NewPCG(1, 2))
	values := make([]float64, 0, rounds/2)
	for range rounds / 2 {
		values = append(values, of(func(int) string { return names[rng.IntN(len(names))] }))
	}
	slices.Sort(values)
	p.low, p.high = values[len(values)*25/1000], values[len(values)*975/1000]
	return p
}

// resample is the 95 % interval of a figure when speakers are drawn with replacement.
func resample(names []string, by map[string][]guess, figure func([]guess) float64) (low, high float64) {
	rng := rand.New(rand.NewPCG(1, 2))
	values := make([]float64, 0, rounds/2)
	var drawn []guess
	for range rounds / 2 {
		drawn = drawn[:0]
		for range names {
			drawn = append(drawn, by[names[rng.IntN(len(names))]]...)
		}
		values = append(values, figure(drawn))
	}
	slices.Sort(values)
	return values[len(values)*25/1000], values[len(values)*975/1000]
}

// uarOf is the mean of the recalls of the classes that occur, in per cent.
func uarOf(list []guess, classes int) (uar float64, recall []float64) {
	right, count := make([]int, classes), make([]int, classes)
	for _, g := range list {
		count[g.truth]++
		if g.class() == g.truth {
			right[g.truth]++
		}
	}
	recall = make([]float64, classes)
	n := 0
	for k := range classes {
		recall[k] = -1
		if count[k] > 0 {
			recall[k] = share(right[k], count[k])
			uar += recall[k]
			n++
		}
	}
	return uar / float64(max(1, n)), recall
}

// f1Of is the mean F1 over the classes that occur, and the accuracy, in per cent.
func f1Of(list []guess, classes int) (f1, accuracy float64) {
	right, count, said := make([]int, classes), make([]int, classes), make([]int, classes)
	all := 0
	for _, g := range list {
		c := g.class()
		count[g.truth]++
		said[c]++
		if c == g.truth {
			right[c]++
			all++
		}
	}
	n := 0
	for k := range classes {
		if count[k] > 0 {
			f1 += share(2*right[k], count[k]+said[k])
			n++
		}
	}
	return f1 / float64(max(1, n)), share(all, len(list))
}

// aucOf is the probability that a recording of anger scores higher than another one.
func aucOf(list []guess, anger []int) float64 {
	type scored struct {
		p   float32
		yes bool
	}
	s := make([]scored, len(list))
	for i, g := range list {
		s[i] = scored{g.anger(anger), slices.Contains(anger, g.truth)}
	}
	slices.SortFunc(s, func(a, b scored) int { return cmp.Compare(a.p, b.p) })
	yes, no, sum := 0.0, 0.0, 0.0
	for i := 0; i < len(s); {
		j, y := i, 0.0
		for ; j < len(s) && s[j].p == s[i].p; j++ {
			if s[j].yes {
				y++
			}
		}
		n := float64(j-i) - y
		sum += y * (no + n/2)
		yes, no, i = yes+y, no+n, j
	}
	if yes == 0 || no == 0 {
		return 0
	}
	return sum / (yes * no)
}

// calibration is the expected calibration error of the most probable class over ten bins
// of equal width, and the Brier score (mean squared distance of the probabilities, 0..2).
func calibration(list []guess) (ece, brier float64) {
	var count, sure, right [10]float64
	for _, g := range list {
		c := g.class()
		bin := min(9, int(g.p[c]*10))
		count[bin]++
		sure[bin] += float64(g.p[c])
		if c == g.truth {
			right[bin]++
		}
		for k, p := range g.p {
			d := float64(p)
			if k == g.truth {
				d--
			}
			brier += d * d
		}
	}
	n := float64(max(1, len(list)))
	for b := range count {
		ece += math.Abs(sure[b]-right[b]) / n
	}
	return ece, brier / n
}
