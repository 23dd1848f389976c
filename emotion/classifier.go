package emotion

import (
	"cmp"
	"errors"
	"math"
	"slices"
)

// Classifier maps z-scores of functionals to calibrated probabilities: the z-scores are
// projected on their principal components, and kernel ridge regression gives a score
// per class, all classes weighing the same. The kernel is the mean of a Gaussian and an
// exponential one: the one did better on known voices, the other on strangers. It is immutable.
type Classifier struct {
	classes int
	basis   [][]float32 // a direction per component
	support [][]float32 // the examples, projected
	square  []float32   // their squared lengths
	alpha   []float32   // a weight per example and class
	gamma   float32     // 1 / mean squared distance of examples
	width   float32     // exponent of the kernel at that distance
	sharp   float32     // probabilities: softmax of sharp * score + shift
	shift   []float32   // a number per class
	tilt    *tilt       // of examples of several domains, or nil
}

// FitOptions direct Fit; zero values stand for the defaults.
type FitOptions struct {
	// Components is how many principal components are kept, at most 256; 0 keeps the
	// z-scores as they are. A model with 100 is a tenth as large and as slow, and costs
	// about a point.
	Components int
	// Width is the kernel's exponent at the root mean square distance of two examples (1).
	Width float64
	// Ridge is the weight of the penalty (0.12).
	Ridge float64
	// Domain tells for each example which corpus, language or line it comes from, Anger is
	// the class of anger. When there are at least two domains, anger is also judged by what
	// departs in the same direction in all of them, which carries over to others.
	Domain []string
	Anger  int
}

func (o *FitOptions) complete() {
	if o.Width <= 0 {
		o.Width = 1
	}
	if o.Ridge <= 0 {
		o.Ridge = 0.12
	}
}

// Fit trains a classifier for classes classes on z-scores x (equally long), their classes y
// and the speakers they come from. Probabilities are calibrated on speakers left out. The
// same input gives the same classifier. held are the probabilities of each example by a
// classifier that has not heard its speaker, nil when there is one speaker only.
func Fit(x [][]float32, y []int, speaker []string, classes int, opts FitOptions) (c *Classifier, held [][]float32, err error) {
	if len(x) == 0 || len(x) != len(y) || len(x) != len(speaker) {
		return nil, nil, errors.New("emotion: no examples to learn from")
	}
	opts.complete()
	c = &Classifier{classes: classes, sharp: 4, shift: make([]float32, classes)}
	if opts.Components > 0 {
		c.basis = principal(x, opts.Components)
	}
	for _, v := range x {
		p := slices.Clone(c.project(v, make([]float32, len(c.basis))))
		c.support = append(c.support, p)
		c.square = append(c.square, dot(p, p))
	}
	n := len(x)
	k := c.kernel(opts.Width)
	count := make([]float64, classes)
	for _, v := range y {
		count[v]++
	}
	for i := range n {
		k[i*n+i] += opts.Ridge * count[y[i]] * float64(classes) / float64(n)
	}
	if err := cholesky(k, n); err != nil {
		return nil, nil, err
	}
	alpha := make([][]float64, classes)
	c.alpha = make([]float32, n*classes)
	for j := range classes {
		a := target(y, j, count)
		solve(k, n, a)
		for i, v := range a {
			c.alpha[i*classes+j] = float32(v)
		}
		alpha[j] = a
	}
	held = leaveOut(k, n, y, alpha, count, speaker)
	if held == nil {
		return c, nil, nil
	}
	c.sharp, c.shift = calibrate(held, y, speaker, classes)
	c.tilt = newTilt(x, y, held, opts)
	for i, s := range held {
		if s != nil {
			c.probabilities(s, x[i])
		}
	}
	return c, held, nil
}

// target is what regression aims at for class j: 1 less the mean over the classes that occur.
func target(y []int, j int, count []float64) []float64 {
	there := 0.0
	for _, c := range count {
		if c > 0 {
			there++
		}
	}
	t := make([]float64, len(y))
	for i, v := range y {
		t[i] = -1 / there
		if v == j {
			t[i]++
		}
		if count[j] == 0 {
			t[i] = -2 / there // a class without examples never wins
		}
	}
	return t
}

// kernel fills gamma and returns the matrix of the examples.
func (c *Classifier) kernel(width float64) []float64 {
	n := len(c.support)
	k := make([]float64, n*n)
	for row := 0; row < n; row += blockSize { // blocks of examples stay in the cache
		for col := 0; col <= row; col += blockSize {
			for i := row; i < min(n, row+blockSize); i++ {
				for j := col; j < min(i, col+blockSize); j++ {
					d := float64(c.square[i]+c.square[j]) - 2*float64(dot(c.support[i], c.support[j]))
					k[i*n+j] = max(0, d)
				}
			}
		}
	}
	sum := 0.0
	for i := range n {
		for _, d := range k[i*n : i*n+i] {
			sum += d
		}
	}
	c.width = float32(width)
	c.gamma = float32(1 / max(1e-9, sum/max(1, float64(n*(n-1)/2))))
	for i := range n {
		k[i*n+i] = 1
		for j := range i {
			v := float64(c.similar(float32(k[i*n+j])))
			k[i*n+j], k[j*n+i] = v, v
		}
	}
	return k
}

// similar is the kernel of two examples at a squared distance.
func (c *Classifier) similar(square float32) float32 {
	d := max(0, min(1e4, square*c.gamma))
	return (expf(max(-80, -c.width*d)) + expf(max(-80, -c.width*sqrtf(d)))) / 2
}

// mostLeftOut is how many speakers are left out in turn to calibrate; of more, so many are
// picked evenly.
const mostLeftOut = 24

// leaveOut gives the scores that each speaker's examples would get from a regression
// without that speaker (nil for speakers that are not picked), from the factor l of the whole one: with B the speaker's block
// of the inverse, they are target - B^-1 alpha.
func leaveOut(l []float64, n int, y []int, alpha [][]float64, count []float64, speaker []string) [][]float32 {
	names := slices.Compact(slices.Sorted(slices.Values(speaker)))
	if len(names) < 2 {
		return nil
	}
	if len(names) > mostLeftOut {
		step := float64(len(names)) / mostLeftOut
		for i := range mostLeftOut {
			names[i] = names[int(float64(i)*step)]
		}
		names = names[:mostLeftOut]
	}
	out := make([][]float32, n)
	for _, name := range names {
		var group []int
		for i, s := range speaker {
			if s == name {
				group = append(group, i)
			}
		}
		block := inverseBlock(l, n, group)
		g := len(group)
		if cholesky(block, g) != nil {
			return nil
		}
		for _, i := range group {
			out[i] = make([]float32, len(alpha))
		}
		for j, a := range alpha {
			t := target(y, j, count)
			b := make([]float64, g)
			for k, i := range group {
				b[k] = a[i]
			}
			solve(block, g, b)
			for k, i := range group {
				out[i][j] = float32(t[i] - b[k])
			}
		}
	}
	return out
}

// AngerPrecision is how often what a model calls anger has to be right on speakers it has
// not heard; less probable anger falls into the abstain band.
const AngerPrecision = 0.8

// Threshold is the least probability at which class, when it is the most probable one, is
// right with the given precision on the held-out probabilities of Fit, in each domain (see
// FitOptions; nil is one): the most doubtful one decides. It is at least 0.4, and 1 when that
// is never reached.
func Threshold(held [][]float32, y []int, domain []string, class int, precision float64) float32 {
	by := map[string][]called{}
	for i, s := range held {
		if s != nil && s[class] == slices.Max(s) {
			name := ""
			if len(domain) == len(held) {
				name = domain[i]
			}
			by[name] = append(by[name], called{s[class], y[i] == class})
		}
	}
	if len(by) == 0 {
		return 1
	}
	least := float32(leastSure)
	for _, list := range by {
		least = max(least, trusted(list, precision))
	}
	return least
}

// called is one held-out example that was given a class.
type called struct {
	p     float32
	right bool
}

// trusted is the least probability down to which the list is right with the given precision, 1 when there is none.
func trusted(list []called, precision float64) float32 {
	slices.SortFunc(list, func(a, b called) int { return cmp.Compare(b.p, a.p) })
	right, least := 0, float32(1)
	for i, s := range list {
		if s.right {
			right++
		}
		if float64(right) >= precision*float64(i+1) {
			least = s.p
		}
	}
	return least
}

// temper finds the sharpness under which held-out scores are likeliest, by golden section.
func temper(score [][]float32, y []int) float32 {
	loss := func(log float64) float64 {
		sum, k := 0.0, math.Exp(log)
		for i, s := range score {
			if s == nil {
				continue
			}
			top, total := math.Inf(-1), 0.0
			for _, v := range s {
				top = max(top, float64(v))
			}
			for _, v := range s {
				total += math.Exp(k * (float64(v) - top))
			}
			sum += math.Log(total) - k*(float64(s[y[i]])-top)
		}
		return sum
	}
	const golden = 0.6180339887
	a, b := math.Log(0.5), math.Log(30)
	for range 40 {
		p, q := b-golden*(b-a), a+golden*(b-a)
		if loss(p) < loss(q) {
			b = q
		} else {
			a = p
		}
	}
	return float32(math.Exp((a + b) / 2))
}

// project writes the components of z to p, which it returns; without components it returns z.
func (c *Classifier) project(z, p []float32) []float32 {
	if c.basis == nil {
		return z
	}
	for k, b := range c.basis {
		p[k] = dot(b, z)
	}
	return p
}

// Classes is how many probabilities Predict writes.
func (c *Classifier) Classes() int { return c.classes }

// Predict writes the probabilities of the classes for z.
func (c *Classifier) Predict(z []float32, p []float32) {
	var room [maxComponents]float32
	v := c.project(z, room[:len(c.basis)])
	p = p[:c.classes]
	clear(p)
	own := dot(v, v)
	for i, s := range c.support {
		k := c.similar(own + c.square[i] - 2*dot(v, s))
		for j, a := range c.alpha[i*c.classes : (i+1)*c.classes] {
			p[j] += k * a
		}
	}
	c.probabilities(p, z)
}

// probabilities makes them of the scores of z, in place.
func (c *Classifier) probabilities(p, z []float32) {
	if c.tilt == nil {
		c.softmax(p)
		return
	}
	anger := c.tilt.anger(p, z)
	c.softmax(p)
	c.tilt.share(p, anger)
}
