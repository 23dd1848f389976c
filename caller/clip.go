package caller

import (
	"tingxin/audio"
)

// frameBytes is the payload of 20 ms in every codec we speak.
const frameBytes = 160

// Clip is encoded audio that many calls may share.
type Clip struct {
	codec   Codec
	payload []byte // a whole number of frames
}

// Encode prepares 16 kHz mono samples for a codec. The last frame is filled with silence.
func Encode(codec Codec, pcm []int16) *Clip {
	frames := (len(pcm) + audio.FrameLen - 1) / audio.FrameLen
	wide := make([]int16, frames*audio.FrameLen)
	copy(wide, pcm)
	c := &Clip{codec: codec, payload: make([]byte, frames*frameBytes)}
	if codec == G722 {
		enc := audio.NewG722Encoder()
		for i := range frames {
			enc.Encode(c.payload[i*frameBytes:(i+1)*frameBytes], wide[i*audio.FrameLen:(i+1)*audio.FrameLen])
		}
		return c
	}
	narrow := audio.Resample(wide, 16000, 8000)
	n := min(len(narrow), len(c.payload))
	fill(c.payload, codec)
	if codec == PCMA {
		audio.EncodeA(c.payload[:n], narrow[:n])
	} else {
		audio.EncodeMu(c.payload[:n], narrow[:n])
	}
	return c
}

// frames is the length in ticks of 20 ms.
func (c *Clip) frames() int { return len(c.payload) / frameBytes }

// silence is one frame of silence in a codec.
func silence(codec Codec) []byte {
	b := make([]byte, frameBytes)
	if codec == G722 {
		audio.NewG722Encoder().Encode(b, make([]int16, audio.FrameLen))
		return b
	}
	fill(b, codec)
	return b
}

func fill(b []byte, codec Codec) {
	v := byte(audio.MuSilence)
	if codec == PCMA {
		v = audio.ASilence
	}
	for i := range b {
		b[i] = v
	}
}

// decode turns recorded payload into samples: 8 kHz, for G722 16 kHz.
func decode(codec Codec, payload []byte) []int16 {
	switch codec {
	case G722:
		pcm := make([]int16, 2*len(payload))
		dec := audio.NewG722Decoder()
		for i := 0; i < len(payload); i += frameBytes {
			end := min(i+frameBytes, len(payload))
			dec.Decode(pcm[2*i:2*end], payload[i:end])
		}
		return pcm
	case PCMA:
		pcm := make([]int16, len(payload))
		audio.DecodeA(pcm, payload)
		return pcm
	}
	pcm := make([]int16, len(payload))
	audio.DecodeMu(pcm, payload)
	return pcm
}
