package media

import (
	"fmt"
	"io"
	"time"

	"tingxin/audio"
)

// Music is a loop for people who wait: decoded and coded once for any number of
// listeners, who all hear the same place of it, like a radio. A listener on G.711
// costs a copy of 160 bytes per tick.
type Music struct {
	pcm     []int16 // 16 kHz, an even number of samples
	mu, a   []byte  // the same at 8 kHz in G.711
	started time.Time
}

// NewMusic makes music of sound at 16 kHz, which is kept and must not change. The
// end should lead into the beginning.
func NewMusic(pcm []int16) (*Music, error) {
	pcm = pcm[:len(pcm)&^1]
	if len(pcm) < audio.FrameLen {
		return nil, fmt.Errorf("music of %d samples is shorter than a frame", len(pcm))
	}
	m := &Music{pcm: pcm, started: time.Now()}
	narrow := make([]int16, len(pcm)/2)
	var down audio.Down16to8
	step := audio.FrameLen
	lead := make([]int16, step) // the filter begins with the end of the loop, so that it has no seam
	for i := range lead {
		lead[i] = pcm[(len(pcm)-step+i)%len(pcm)]
	}
	down.Process(make([]int16, step/2), lead)
	for i := 0; i < len(pcm); i += step {
		end := min(i+step, len(pcm))
		down.Process(narrow[i/2:end/2], pcm[i:end])
	}
	m.mu, m.a = make([]byte, len(narrow)), make([]byte, len(narrow))
	audio.EncodeMu(m.mu, narrow)
	audio.EncodeA(m.a, narrow)
	return m, nil
}

// LoadMusic reads a WAV file of any rate and number of channels.
func LoadMusic(path string) (*Music, error) {
	pcm, err := audio.ReadWAV(path)
	if err != nil {
		return nil, fmt.Errorf("load music: %w", err)
	}
	m, err := NewMusic(pcm)
	if err != nil {
		return nil, fmt.Errorf("load music %s: %w", path, err)
	}
	return m, nil
}

// Listen is a Source for one listener, without end, beginning where the music is now.
func (m *Music) Listen() Source {
	frames := int(time.Since(m.started) / tick)
	return &listener{music: m, pos: frames * audio.FrameLen % len(m.pcm)}
}

type listener struct {
	music *Music
	pos   int // in samples at 16 kHz, even
}

// ReadFrame fills f.PCM with the next 20 ms.
func (l *listener) ReadFrame(f *audio.Frame) error {
	wrap(f.PCM[:], l.music.pcm, l.pos)
	l.advance()
	return nil
}

// ReadCode fills code with the next 20 ms in G.711.
func (l *listener) ReadCode(code *[frameUnits]byte, c Codec) error {
	switch c {
	case PCMU:
		wrap(code[:], l.music.mu, l.pos/2)
	case PCMA:
		wrap(code[:], l.music.a, l.pos/2)
	default:
		return io.ErrUnexpectedEOF
	}
	l.advance()
	return nil
}

func (l *listener) advance() { l.pos = (l.pos + audio.FrameLen) % len(l.music.pcm) }

// wrap fills dst from a loop, beginning at a place in it.
func wrap[T any](dst, loop []T, at int) {
	for n := copy(dst, loop[at:]); n < len(dst); {
		n += copy(dst[n:], loop)
	}
}

// codeSource is a Source that also has its sound in G.711.
type codeSource interface {
	ReadCode(code *[frameUnits]byte, c Codec) error
}
