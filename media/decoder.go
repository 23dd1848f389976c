package media

import (
	"tingxin/audio"
	"tingxin/media/opus"
)

// narrowLen and wideLen are samples per 20 ms at 8 (narrowRate) and 16 kHz.
const (
	narrowLen  = 160
	wideLen    = audio.FrameLen
	narrowRate = 8000
)

// decoder turns what the jitter buffer gives into sound at the codec's own rate and,
// when somebody listens, into frames.
type decoder struct {
	codec   Codec
	g722    *audio.G722Decoder
	opus    *opusDecoder
	up      audio.Up8to16
	plc     concealer
	comfort comfort
	quiet   bool
	idle    bool // nothing was decoded: the state is stale
	scratch [480 + 480]int16
}

func (d *decoder) set(c Codec) error {
	d.codec = c
	d.up.Reset()
	d.comfort.on = false
	d.idle = false
	d.plc.reset(d.samples() / 20)
	if c == G722 {
		if d.g722 == nil {
			d.g722 = audio.NewG722Decoder()
		}
		d.g722.Reset()
	}
	if c == Opus {
		if d.opus == nil {
			dec, err := opus.NewDecoder(16000)
			if err != nil {
				return err
			}
			d.opus = &opusDecoder{dec: dec}
		}
		d.opus.reset()
	}
	return nil
}

// forget drops what a codec remembers of the stream.
func (d *decoder) forget() {
	switch d.codec {
	case G722:
		d.g722.Reset()
	case Opus:
		d.opus.reset()
	}
}

// samples per 20 ms at the codec's rate.
func (d *decoder) samples() int {
	if d.codec.narrow() {
		return narrowLen
	}
	return wideLen
}

// bytes decodes code bytes to samples; it returns how many.
func (d *decoder) bytes(pcm []int16, code []byte) int {
	switch d.codec {
	case PCMA:
		audio.DecodeA(pcm[:len(code)], code)
	case G722:
		d.g722.Decode(pcm[:2*len(code)], code)
		return 2 * len(code)
	default:
		audio.DecodeMu(pcm[:len(code)], code)
	}
	return len(code)
}

// play fills pcm (20 ms) with what the buffer gave.
func (d *decoder) play(kind playKind, j *jitter, pcm []int16) {
	if d.codec == Opus { // conceals on its own; good only measures
		if d.opus.play(kind, j, pcm, d.scratch[:]) {
			d.quiet = d.plc.good(pcm)
		} else if kind == playGap {
			d.quiet = true
		}
		return
	}
	switch kind {
	case playData:
		d.data(j, pcm)
	case playFast:
		n := d.bytes(d.scratch[:], j.out[:frameUnits+stretch])
		squeeze(pcm, d.scratch[:n], d.plc.rate)
		d.quiet = d.plc.good(pcm)
		d.comfort.on = false
	case playLost, playWait:
		d.plc.conceal(pcm)
	case playGap:
		d.gap(pcm)
	default:
		clear(pcm)
	}
}

func (d *decoder) gap(pcm []int16) {
	d.quiet = true
	if !d.comfort.on {
		d.plc.silent(pcm)
		return
	}
	d.comfort.fill(pcm)
	d.plc.remember(pcm)
	d.plc.gone = 60 * d.plc.rate // fade over from the noise
	d.plc.floor = max(d.plc.floor, 1)
}

// data decodes a frame; runs of bytes that are not there are concealed.
func (d *decoder) data(j *jitter, pcm []int16) {
	d.comfort.on = false
	per := len(pcm) / frameUnits
	for i := 0; i < frameUnits; {
		k := i + 1
		for k < frameUnits && j.full[k] == j.full[i] {
			k++
		}
		run := pcm[i*per : k*per]
		if j.full[i] {
			d.bytes(run, j.out[i:k])
			d.quiet = d.plc.good(run)
		} else {
			d.plc.conceal(run)
		}
		i = k
	}
}
