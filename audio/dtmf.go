package audio

import "math"

// DTMFDetector finds telephone keys in sound with eight Goertzel filters over
// blocks of 20 ms (ITU-T Q.24: 40 ms of tone is enough, twist of 8 dB either way).
// The zero value is ready.
type DTMFDetector struct {
	key    byte // pressed now, 0 when none
	frames int  // of the present press
	cand   byte // seen in the last block
	best   float64
	misses int
}

// dtmfCoef are 2*cos(2*pi*f/Rate) of the rows, then of the columns.
var dtmfCoef = func() (c [8]float32) {
	for i := range 4 {
		c[i] = float32(2 * math.Cos(2*math.Pi*dtmfRows[i]/Rate))
		c[4+i] = float32(2 * math.Cos(2*math.Pi*dtmfCols[i]/Rate))
	}
	return c
}()

// Write looks at one frame. It returns the key and its length in frames of 20 ms
// when a press has just ended, otherwise 0.
func (d *DTMFDetector) Write(f *Frame) (key byte, frames int) {
	hit, purity := dtmfBlock(&f.PCM)
	if d.key != 0 {
		if hit == d.key {
			d.frames += 1 + d.misses
			d.misses = 0
			return 0, 0
		}
		if d.misses++; d.misses < 2 {
			return 0, 0
		}
		key, frames = d.key, d.frames
		*d = DTMFDetector{cand: hit, best: purity}
		return key, frames
	}
	if hit != 0 && hit == d.cand && max(purity, d.best) > 0.8 {
		d.key, d.frames, d.misses = hit, 2, 0
		return 0, 0
	}
	d.cand, d.best = hit, purity
	return 0, 0
}

// Pressed is the key held down now, 0 when none.
func (d *DTMFDetector) Pressed() byte { return d.key }

// dtmfBlock returns the key whose two tones make up the block and their share of its energy.
func dtmfBlock(pcm *[FrameLen]int16) (key byte, purity float64) {
	var energy float64
	for _, s := range pcm {
		energy += float64(s) * float64(s)
	}
	if energy < FrameLen*60*60 { // about -55 dBov
		return 0, 0
	}
	var p [8]float64
	for i, c := range dtmfCoef {
		var s1, s2 float32
		for _, s := range pcm {
			s1, s2 = float32(s)+c*s1-s2, s1
		}
		p[i] = float64(s1)*float64(s1) + float64(s2)*float64(s2) - float64(c)*float64(s1)*float64(s2)
	}
	row, col := loudest(p[:4]), loudest(p[4:])
	if row < 0 || col < 0 {
		return 0, 0
	}
	pr, pc := p[row], p[4+col]
	if twist := pr / pc; twist > 6.5 || twist < 1/6.5 {
		return 0, 0
	}
	purity = (pr + pc) / (energy * FrameLen / 2)
	if purity < 0.4 {
		return 0, 0
	}
	return dtmfKeys[4*row+col], purity
}

// loudest returns the index of the largest power if it stands 6 dB over the others, else -1.
func loudest(p []float64) int {
	best := 0
	for i, v := range p {
		if v > p[best] {
			best = i
		}
	}
	for i, v := range p {
		if i != best && v*4 > p[best] {
			return -1
		}
	}
	return best
}
