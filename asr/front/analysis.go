package front

import "math"

// Shape of the analysis, at 8 kHz.
const (
	bands     = 20  // mel bands from 60 to 3900 Hz
	window    = 200 // 25 ms
	hop       = Block / 2
	fftLen    = 256
	halfLen   = fftLen / 2
	levelRise = 0.3  // per frame
	levelFall = 0.05 // dB per frame
)

// levelStart is where the level tracker begins, in dB of the sum of the bands: the usual level of speech, so
// that the first word of a call is not taken for the loudest.
const levelStart = 90

// analysis turns blocks into mel levels in dB.
type analysis struct {
	sound    [window]float32 // the last 25 ms, every second sample
	features [bands]float32
	re, im   [halfLen]float32
	power    [halfLen + 1]float32
}

// Tables that depend on the shape only.
var (
	hann    [window]float32
	cosines [halfLen]float32 // cos and sin of 2 pi k / fftLen
	sines   [halfLen]float32
	swapped [halfLen]uint8
	mel     [bands]triangle
)

// triangle is one mel band: weights of the bins from first on.
type triangle struct {
	first   int
	weights []float32
}

func init() {
	var sum float64
	for i := range hann {
		w := 0.5 - 0.5*math.Cos(2*math.Pi*float64(i+1)/float64(window+1))
		hann[i] = float32(w)
		sum += w * w
	}
	for i := range hann {
		hann[i] /= float32(math.Sqrt(sum))
	}
	for k := range cosines {
		cosines[k] = float32(math.Cos(2 * math.Pi * float64(k) / fftLen))
		sines[k] = float32(math.Sin(2 * math.Pi * float64(k) / fftLen))
	}
	for i := range swapped {
		r := 0
		for b := 0; b < 7; b++ {
			r |= i >> b & 1 << (6 - b)
		}
		swapped[i] = uint8(r)
	}
	for b := range mel {
		mel[b] = melBand(b)
	}
}

// melBand is triangle b of the bands between 60 and 3900 Hz.
func melBand(b int) triangle {
	toMel := func(f float64) float64 { return 1127 * math.Log(1+f/700) }
	toHz := func(m float64) float64 { return 700 * (math.Exp(m/1127) - 1) }
	low, high := toMel(60), toMel(3900)
	edge := func(i int) float64 { return toHz(low + (high-low)*float64(i)/(bands+1)) }
	t := triangle{first: -1}
	for bin := 0; bin <= halfLen; bin++ {
		f := float64(bin) * 8000 / fftLen
		w := min((f-edge(b))/(edge(b+1)-edge(b)), (edge(b+2)-f)/(edge(b+2)-edge(b+1)))
		if w <= 0 {
			continue
		}
		if t.first < 0 {
			t.first = bin
		}
		t.weights = append(t.weights, float32(w))
	}
	return t
}

// push takes one block of 16 kHz and returns the levels of the frame that ends
// with it, in dB, and their sum in dB.
func (a *analysis) push(pcm []int16) (features *[bands]float32, total float32) {
	copy(a.sound[:], a.sound[hop:])
	tail := a.sound[window-hop:]
	for i := range tail {
		tail[i] = float32(pcm[2*i])
	}
	a.spectrum()
	var sum float32
	for b := range mel {
		var e float32
		t := &mel[b]
		p := a.power[t.first:]
		for i, w := range t.weights {
			e += w * p[i]
		}
		e++
		sum += e
		a.features[b] = decibel(e)
	}
	return &a.features, decibel(sum)
}

// spectrum is the power of the windowed sound: a real transform of 256 by a
// complex one of 128.
func (a *analysis) spectrum() {
	for i := range a.re {
		var even, odd float32
		if 2*i < window {
			even = a.sound[2*i] * hann[2*i]
			odd = a.sound[2*i+1] * hann[2*i+1]
		}
		k := swapped[i]
		a.re[k], a.im[k] = even, odd
	}
	for size := 2; size <= halfLen; size *= 2 {
		half, stride := size/2, fftLen/size
		for start := 0; start < halfLen; start += size {
			for k := 0; k < half; k++ {
				c, s := cosines[k*stride], sines[k*stride]
				i, j := start+k, start+k+half
				re := a.re[j]*c + a.im[j]*s
				im := a.im[j]*c - a.re[j]*s
				a.re[j], a.im[j] = a.re[i]-re, a.im[i]-im
				a.re[i], a.im[i] = a.re[i]+re, a.im[i]+im
			}
		}
	}
	a.split()
}

// split takes the spectrum of the real sound out of the complex transform.
func (a *analysis) split() {
	square := func(x float32) float32 { return x * x }
	a.power[0] = square(a.re[0] + a.im[0])
	a.power[halfLen] = square(a.re[0] - a.im[0])
	for k := 1; k < halfLen; k++ {
		m := halfLen - k
		er, ei := (a.re[k]+a.re[m])/2, (a.im[k]-a.im[m])/2
		or, oi := (a.im[k]+a.im[m])/2, (a.re[m]-a.re[k])/2
		c, s := cosines[k], sines[k]
		a.power[k] = square(er+or*c+oi*s) + square(ei+oi*c-or*s)
	}
}

// tracker follows the level of speech: fast up, slowly down.
type tracker struct{ db float32 }

func (t *tracker) push(db float32) float32 {
	if db < t.db {
		t.db = max(db, t.db-levelFall)
	} else {
		t.db += levelRise * (db - t.db)
	}
	return t.db
}

func decibel(power float32) float32 { return float32(10 * math.Log10(float64(power))) }
func amplitude(db float32) float32  { return float32(math.Pow(10, float64(min(db, 90))/20)) }
