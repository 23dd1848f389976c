package vad

import "math"

const (
	window  = 256 // samples at 8 kHz: 32 ms
	hop     = 160 // samples at 8 kHz: 20 ms
	bins    = window/2 + 1
	bands   = 10
	numFeat = 2*bands + 6

	minLen     = 20 // frames of a stretch whose least energy is remembered
	minNum     = 8  // stretches
	firstFloor = 50 // dB taken as the floor before anything is known
)

// edges are the band limits in bins of 31.25 Hz: 94 Hz to 3.75 kHz.
var edges = [bands + 1]int{3, 7, 12, 18, 25, 34, 45, 58, 75, 96, 120}

// features turns frames into a vector of numFeat numbers around 0..1.
type features struct {
	half  halfBand
	buf   [window]float32
	win   [window]float32
	fft   realFFT
	re    [bins]float32
	im    [bins]float32
	power [bins]float32
	corr  [window]float32
	prev  [bands]float32 // log energies of the frame before
	floor [bands]float32 // noise floor, dB
	low   [bands]float32 // smoothed log energies from which the floor is followed
	least [bands]float32 // least of low in the present stretch
	mins  [minNum][bands]float32
	slow  [bands]float32 // mean over about 300 ms
	dev   [bands]float32 // mean distance from it
	seen  int
	out   [numFeat]float32
	db    [bands]float32
}

func (f *features) init() {
	for i := range f.win {
		f.win[i] = float32(0.5 - 0.5*math.Cos(2*math.Pi*(float64(i)+0.5)/window))
	}
	f.fft.init()
}

// next computes the features of one frame.
func (f *features) next(pcm []int16) *[numFeat]float32 {
	copy(f.buf[:window-hop], f.buf[hop:])
	f.half.down(f.buf[window-hop:], pcm)
	f.fft.forward(&f.buf, &f.win, &f.re, &f.im)
	var total float32
	for k := range f.power {
		f.power[k] = f.re[k]*f.re[k] + f.im[k]*f.im[k]
	}
	for b := range bands {
		var e float32
		for k := edges[b]; k < edges[b+1]; k++ {
			e += f.power[k]
		}
		total += e
		f.db[b] = decibel(e/float32(edges[b+1]-edges[b]) + 40)
	}
	f.follow()
	f.fill(total)
	return &f.out
}

// follow tracks the noise floor of each band: the least of the smoothed
// energies of the last 3 s, whatever the decisions were, so that a wrong one
// cannot keep itself alive.
func (f *features) follow() {
	if f.seen == 0 {
		for b := range bands {
			f.low[b], f.least[b] = f.db[b], f.db[b]
			f.slow[b], f.prev[b] = f.db[b], f.db[b]
			for i := range f.mins {
				f.mins[i][b] = firstFloor
			}
		}
	}
	f.seen++
	turn := f.seen%minLen == 0
	for b := range bands {
		f.low[b] += 0.3 * (f.db[b] - f.low[b])
		f.least[b] = min(f.least[b], f.low[b])
		f.floor[b] = f.least[b]
		for i := range f.mins {
			f.floor[b] = min(f.floor[b], f.mins[i][b])
		}
		if turn {
			f.mins[f.seen/minLen%minNum][b] = f.least[b]
			f.least[b] = f.low[b]
		}
		d := f.db[b] - f.slow[b]
		f.slow[b] += 0.07 * d
		f.dev[b] += 0.07 * (abs(d) - f.dev[b])
	}
}

func (f *features) fill(total float32) {
	var snr, flux, dev float32
	for b := range bands {
		s := f.db[b] - f.floor[b]
		f.out[b] = clamp(s/30, -0.2, 1.5)
		f.out[bands+b] = clamp((f.db[b]-f.slow[b])/20, -1.5, 1.5)
		snr += clamp(s, 0, 40)
		flux += abs(f.db[b] - f.prev[b])
		dev += f.dev[b]
		f.prev[b] = f.db[b]
	}
	i := 2 * bands
	f.out[i] = snr / (30 * bands)
	f.out[i+1] = clamp(flux/(10*bands), 0, 1.5)
	f.out[i+2] = clamp(dev/(8*bands), 0, 1.5)
	f.out[i+3] = f.pitch()
	f.out[i+4] = f.tone(total)
	f.out[i+5] = clamp((decibel(total+40)-60)/40, -1, 1)
}

// pitch is the height of the highest peak of the autocorrelation between 62
// and 400 Hz, 0..1, corrected for the window.
func (f *features) pitch() float32 {
	f.fft.autocorrelate(&f.power, &f.corr)
	r0 := f.corr[0] + 1
	var best float32
	for lag := 20; lag <= 128; lag++ {
		// The Hann window's own autocorrelation falls about like this.
		u := 1 - float32(lag)/window
		if r := f.corr[lag] / (r0 * u * u * (1 + 0.6*(1-u))); r > best && f.corr[lag] >= f.corr[lag-1] && f.corr[lag] >= f.corr[lag+1] {
			best = r
		}
	}
	return clamp(best, 0, 1.2)
}

// tone is the share of the energy in the two strongest peaks, 0..1: near 1 for
// DTMF and ring-back, far below for speech.
func (f *features) tone(total float32) float32 {
	var a, b float32
	at := -10
	for k := edges[0]; k < edges[bands]-1; k++ {
		e := f.power[k-1] + f.power[k] + f.power[k+1]
		if e > a {
			if k > at+3 {
				b = a
			}
			a, at = e, k
		} else if e > b && k > at+3 {
			b = e
		}
	}
	return clamp((a+b)/(total+1), 0, 1)
}

func decibel(e float32) float32 { return 10 * float32(math.Log10(float64(e))) }

func clamp(x, lo, hi float32) float32 { return max(lo, min(hi, x)) }

func abs(x float32) float32 {
	if x < 0 {
		return -x
	}
	return x
}
