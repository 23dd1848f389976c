package emotion

import (
	"maps"
	"math"
	"slices"
)

// tilt judges anger against the rest by a sum of z-scores, each weighed by how clearly anger
// departs in it in the domain where it does so least, and by nothing when domains disagree
// about the direction. Corpora, languages and lines differ in almost everything that a kernel
// can learn; what they agree on carries over to the next one.
type tilt struct {
	class  int
	weight []float32 // over z; anger lies 1 above the mean of the other classes
	bias   float32
	// The probability of anger is the logistic function of slope * score + offset.
	slope, offset float32
}

// tiltShare is the weight of the sum beside the kernel's score.
const tiltShare = 0.4

// newTilt makes one of z-scores x, classes y and held-out scores; nil with fewer than two domains.
func newTilt(x [][]float32, y []int, held [][]float32, opts FitOptions) *tilt {
	if len(opts.Domain) != len(x) {
		return nil
	}
	t := &tilt{class: opts.Anger, weight: make([]float32, len(x[0]))}
	domains := 0
	for _, name := range slices.Compact(slices.Sorted(slices.Values(opts.Domain))) {
		by := map[int][]int{}
		for i, d := range opts.Domain {
			if d == name {
				by[y[i]] = append(by[y[i]], i)
			}
		}
		if len(by[opts.Anger]) < 2 || len(by) < 2 {
			continue
		}
		domains++
		for j, d := range departures(x, by, opts.Anger) {
			switch w := t.weight[j]; {
			case domains == 1:
				t.weight[j] = d
			case w*d <= 0:
				t.weight[j] = 0
			case abs(d) < abs(w):
				t.weight[j] = d
			}
		}
	}
	if domains < 2 || !t.scale(x, y) {
		return nil
	}
	t.calibrate(x, y, held)
	return t
}

// departures are the effect sizes of anger: its mean less that of the other classes, all
// weighing the same, over the deviation inside the classes.
func departures(x [][]float32, by map[int][]int, anger int) []float32 {
	classes := slices.Sorted(maps.Keys(by)) // sums in one order: the same input gives the same numbers
	out := make([]float32, len(x[0]))
	for j := range out {
		var own, rest, square float64
		for _, class := range classes {
			sum, sq := 0.0, 0.0
			for _, i := range by[class] {
				v := float64(x[i][j])
				sum += v
				sq += v * v
			}
			n := float64(len(by[class]))
			square += max(0, sq/n-sum/n*sum/n)
			if class == anger {
				own = sum / n
			} else {
				rest += sum / n
			}
		}
		n := float64(len(by))
		out[j] = float32((own - rest/(n-1)) / (math.Sqrt(square/n) + 1e-3))
	}
	return out
}

// scale puts anger 1 above the others, whose mean it puts at a score of 0; false when nothing is left.
func (t *tilt) scale(x [][]float32, y []int) bool {
	var sum [2]float64
	var n [2]float64
	for i, v := range x {
		k := 0
		if y[i] == t.class {
			k = 1
		}
		sum[k] += float64(dot(t.weight, v))
		n[k]++
	}
	low, high := sum[0]/n[0], sum[1]/n[1]
	if !(high-low > 1e-6) {
		return false
	}
	for j := range t.weight {
		t.weight[j] /= float32(high - low)
	}
	t.bias = float32(-low / (high - low))
	return true
}

// anger is the score of anger, of the kernel's scores p of z.
func (t *tilt) anger(p, z []float32) float32 {
	return p[t.class] + tiltShare*(dot(t.weight, z)+t.bias)
}

// calibrate finds slope and offset under which held-out classes are likeliest (Platt 1999),
// by Newton's method.
func (t *tilt) calibrate(x [][]float32, y []int, held [][]float32) {
	a, b := 4.0, -2.0
	for range 30 {
		ga, gb, haa, hab, hbb := 0.0, 0.0, 1e-6, 0.0, 1e-6
		for i, s := range held {
			if s == nil {
				continue
			}
			v := float64(t.anger(s, x[i]))
			p := sigmoid(a*v + b)
			d, w := p, p*(1-p)
			if y[i] == t.class {
				d--
			}
			ga, gb = ga+d*v, gb+d
			haa, hab, hbb = haa+w*v*v, hab+w*v, hbb+w
		}
		det := haa*hbb - hab*hab
		if !(det > 1e-12) {
			break
		}
		da, db := (ga*hbb-gb*hab)/det, (gb*haa-ga*hab)/det
		a, b = a-max(-2, min(2, da)), b-max(-2, min(2, db))
	}
	t.slope, t.offset = float32(max(0.1, min(50, a))), float32(max(-50, min(50, b)))
}

// share gives anger its probability; the other classes share the rest as they did.
func (t *tilt) share(p []float32, anger float32) {
	own := float32(sigmoid(float64(t.slope*anger + t.offset)))
	k := (1 - own) / max(1e-6, 1-p[t.class])
	for j := range p {
		p[j] *= k
	}
	p[t.class] = own
}
