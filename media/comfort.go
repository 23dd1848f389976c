package media

import (
	"math"

	"tingxin/audio"
)

// comfort is the noise described by an RFC 3389 payload: a level, and reflection
// coefficients of an all-pole filter that colours it.
type comfort struct {
	on    bool
	rms   float32
	order int
	k     [12]float32
	b     [13]float32
	noise audio.Noise
}

// set reads a payload (RFC 3389 section 3). Bad ones give silence.
func (c *comfort) set(payload []byte) {
	c.on, c.rms, c.order = true, 0, 0
	if len(payload) == 0 {
		return
	}
	c.rms = float32(audio.FromDBov(-float64(payload[0] & 127)))
	gain := 1.0
	for _, q := range payload[1:] {
		if c.order == len(c.k) {
			break
		}
		k := float32(int(q)-127) / 128
		c.k[c.order] = max(-0.98, min(0.98, k))
		gain *= 1 - float64(c.k[c.order]*c.k[c.order])
		c.order++
	}
	c.rms *= float32(math.Sqrt(gain)) // so that the coloured noise has the level told
}

// fill makes the next samples: white noise through the lattice filter.
func (c *comfort) fill(out []int16) {
	c.noise.Fill(out, c.rms)
	if c.order == 0 {
		return
	}
	for i, s := range out {
		f := float32(s)
		for m := c.order - 1; m >= 0; m-- {
			f -= c.k[m] * c.b[m]
			c.b[m+1] = c.b[m] + c.k[m]*f
		}
		c.b[0] = f
		out[i] = int16(max(-32768, min(32767, f)))
	}
}

// comfortLevel is the payload byte for noise of the given root mean square.
func comfortLevel(rms float64) byte { return byte(min(127, max(0, -audio.DBov(rms)))) }
