package media

import (
	"math"

	"tingxin/audio"
)

// concealer invents sound for lost packets at the codec's own rate, after the idea of
// G.711 Appendix I: the last pitch period is repeated, fades from 10 ms on and
// has become comfort noise by 60 ms. When packets come again the two are cross-faded.
type concealer struct {
	rate  int // 8 or 16: samples per millisecond
	hist  [concealHist]int16
	lag   int // of the pitch period being repeated
	pos   int
	cycle [concealLag]int16
	gone  int // samples invented since the last good one
	floor float64
	noise audio.Noise
	tail  [80]int16 // what would have followed, for the cross-fade
}

const (
	concealHist = 960 // 60 ms at 16 kHz
	concealLag  = 240 // longest period: 15 ms, 66 Hz
)

func (c *concealer) reset(samplesPerMS int) {
	*c = concealer{rate: samplesPerMS, noise: c.noise}
}

// hist window in use, oldest first.
func (c *concealer) window() []int16 { return c.hist[concealHist-60*c.rate:] }

// good takes a frame that was decoded, smooths its beginning after a loss, and
// tells whether it is a pause: near the noise floor.
func (c *concealer) good(pcm []int16) (quiet bool) {
	if c.gone > 0 {
		n := min(5*c.rate, len(pcm))
		c.synthesize(c.tail[:n])
		for i := range n {
			pcm[i] = int16((int(c.tail[i])*(n-i) + int(pcm[i])*i) / n)
		}
		c.gone = 0
	}
	c.remember(pcm)
	rms := audio.RMS(pcm)
	switch {
	case c.floor == 0 || rms < c.floor:
		c.floor = 0.7*c.floor + 0.3*rms
	default:
		c.floor = min(c.floor*1.01+0.05, 400)
	}
	return rms < max(2.5*c.floor, 60)
}

func (c *concealer) remember(pcm []int16) {
	h := c.window()
	if len(pcm) >= len(h) {
		copy(h, pcm[len(pcm)-len(h):])
		return
	}
	copy(h, h[len(pcm):])
	copy(h[len(h)-len(pcm):], pcm)
}

// conceal fills out with invented sound.
func (c *concealer) conceal(out []int16) {
	if c.gone == 0 {
		c.begin()
	}
	c.synthesize(out)
	c.remember(out)
}

// begin cuts the last pitch period out of the past and makes it join itself.
func (c *concealer) begin() {
	h := c.window()
	c.lag = pitch(h, c.rate)
	c.pos = 0
	n := len(h)
	copy(c.cycle[:c.lag], h[n-c.lag:])
	fade := c.lag / 4
	for i := range fade { // the end of the cycle turns into what came before its beginning
		k := c.lag - fade + i
		before := h[n-c.lag-fade+i]
		c.cycle[k] = int16((int(c.cycle[k])*(fade-i) + int(before)*i) / fade)
	}
}

func (c *concealer) synthesize(out []int16) {
	flat, end := 10*c.rate, 60*c.rate
	c.noise.Fill(out, float32(c.floor))
	for i := range out {
		if c.gone >= end {
			c.gone += len(out) - i
			return
		}
		gain := 256
		if c.gone > flat {
			gain = 256 * (end - c.gone) / (end - flat)
		}
		out[i] = int16((int(c.cycle[c.pos])*gain + int(out[i])*(256-gain)) >> 8)
		if c.pos++; c.pos == c.lag {
			c.pos = 0
		}
		c.gone++
	}
}

// silent fills out with comfort noise at the noise floor of the speaker.
func (c *concealer) silent(out []int16) {
	if c.gone > 0 && c.gone < 60*c.rate { // finish the fade of a loss first
		c.conceal(out)
		return
	}
	c.noise.Fill(out, float32(c.floor))
	c.remember(out)
	c.gone = 60 * c.rate
}

// pitch returns the lag between 2.5 and 15 ms at which the newest 15 ms of h repeat
// best: coarsely at 4 kHz, then sample by sample around the best.
func pitch(h []int16, rate int) int {
	lo, hi := 5*rate/2, 15*rate
	step := rate / 4
	best := bestLag(h, lo, hi, step, step, 15*rate)
	return bestLag(h, max(lo, best-step), min(hi, best+step), 1, max(1, rate/8), 15*rate)
}

// bestLag compares every thin-th sample of the last n with those lag before, for lags from lo to hi.
func bestLag(h []int16, lo, hi, step, thin, n int) int {
	end := len(h)
	best, score := lo, math.Inf(-1)
	for lag := lo; lag <= hi; lag += step {
		var xy, yy int64
		for i := end - n; i < end; i += thin {
			x, y := int64(h[i]), int64(h[i-lag])
			xy += x * y
			yy += y * y
		}
		if s := float64(xy) / math.Sqrt(float64(yy)+1); s > score {
			best, score = lag, s
		}
	}
	return best
}

// squeeze turns 30 ms of sound into 20 ms by overlapping 10 ms, at the place where
// the two fit best. in holds 30 ms, out 20 ms.
func squeeze(out, in []int16, rate int) {
	cut := len(in) - len(out) // 10 ms
	fade := 5 * rate
	best, score := 0, math.Inf(-1)
	for at := 0; at+cut+fade <= len(in); at += rate { // every millisecond
		var xy, xx, yy int64
		for i := 0; i < fade; i += 2 {
			x, y := int64(in[at+i]), int64(in[at+cut+i])
			xy += x * y
			xx += x * x
			yy += y * y
		}
		if s := float64(xy) / (math.Sqrt(float64(xx)*float64(yy)) + 1); s > score {
			best, score = at, s
		}
	}
	copy(out[:best], in)
	for i := range fade {
		out[best+i] = int16((int(in[best+i])*(fade-i) + int(in[best+cut+i])*i) / fade)
	}
	copy(out[best+fade:], in[best+cut+fade:])
}
