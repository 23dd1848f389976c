package emotion

import "tingxin/audio"

// extractor turns frames into rows, two a frame.
type extractor struct {
	down  audio.Down16to8
	pcm   [audio.FrameLen / 2]int16
	x     [voiceLen]float32 // the last samples at 8 kHz, -1..1
	spec  spectrum
	pitch pitcher
	voice voice
}

func newExtractor() *extractor {
	return &extractor{spec: spectrum{fft: newFFT(specFFT)}, pitch: pitcher{fft: newFFT(pitchFFT)}}
}

// reset forgets the past.
func (e *extractor) reset() {
	e.down.Reset()
	clear(e.x[:])
	e.spec.last, e.spec.bins = [melBands]float32{}, [bin3800]float32{}
	e.voice.burg.warm = false
}

// centre is how far the middle of a row's windows lies before the last sample of its hop.
const centre = hopTime * 5 / 2

// frame measures the two hops of a frame of 16 kHz.
func (e *extractor) frame(pcm []int16, rows *[2]row) {
	e.down.Process(e.pcm[:], pcm)
	e.hop(e.pcm[:hopLen], &rows[0], true)
	e.hop(e.pcm[hopLen:], &rows[1], false)
}

// hop measures hopLen new samples at 8 kHz. All windows end up centred on the same moment.
func (e *extractor) hop(pcm []int16, r *row, fine bool) {
	copy(e.x[:], e.x[hopLen:])
	for i, v := range pcm {
		e.x[voiceLen-hopLen+i] = float32(v) * (1.0 / 32768)
	}
	x := e.x[:]
	const p, s = (voiceLen - pitchLen) / 2, (voiceLen - specLen) / 2
	e.spec.measure(x[s:s+specLen], r)
	e.pitch.measure(x[p:p+pitchLen], r)
	r.fine = false
	if fine {
		e.voice.measure(x, &e.pitch.power, x[s:s+specLen], r)
	}
}
