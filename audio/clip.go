package audio

import "io"

// Clip is sound in memory, 16 kHz mono, played from its beginning to its end. A
// Clip is one playing; the samples may be shared by many.
type Clip struct {
	pcm  []int16
	pos  int
	loop bool
}

// NewClip plays pcm once.
func NewClip(pcm []int16) *Clip { return &Clip{pcm: pcm} }

// NewLoop plays pcm again and again (music on hold).
func NewLoop(pcm []int16) *Clip { return &Clip{pcm: pcm, loop: true} }

// ReadFrame fills f.PCM with the next 20 ms, the last one padded with silence, and returns io.EOF after it.
func (c *Clip) ReadFrame(f *Frame) error {
	if c.pos >= len(c.pcm) {
		if !c.loop || len(c.pcm) == 0 {
			return io.EOF
		}
		c.pos = 0
	}
	n := copy(f.PCM[:], c.pcm[c.pos:])
	c.pos += n
	for c.loop && n < FrameLen {
		m := copy(f.PCM[n:], c.pcm)
		c.pos = m
		n += m
	}
	clear(f.PCM[n:])
	return nil
}

// Silence plays nothing for n frames; n < 0 means for ever.
type Silence struct{ n int }

// NewSilence plays n frames of silence; n < 0 never ends.
func NewSilence(n int) *Silence { return &Silence{n: n} }

// ReadFrame fills f.PCM with silence.
func (s *Silence) ReadFrame(f *Frame) error {
	if s.n == 0 {
		return io.EOF
	}
	if s.n > 0 {
		s.n--
	}
	clear(f.PCM[:])
	return nil
}
