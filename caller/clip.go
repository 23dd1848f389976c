package caller

import (
	"tingxin/audio"
	"tingxin/media/opus"
)

// frameBytes is the payload of 20 ms in every codec we speak but Opus, and its
// samples at 8 kHz.
const frameBytes = 160

// maxPayload bounds a frame of Opus, bytes.
const maxPayload = 400

// OpusOptions is how the caller codes Opus; a load run that compares with libopus
// alone uses the same.
var OpusOptions = opus.EncoderOptions{Rate: audio.Rate, Bitrate: 24000, Complexity: 5}

// Clip is encoded audio that many calls may share.
type Clip struct {
	codec   Codec
	payload []byte
	ends    []int   // of the frames in payload
	narrow  []int16 // what is said, at 8 kHz
}

// frame is the payload of frame i.
func (c *Clip) frame(i int) []byte {
	from := 0
	if i > 0 {
		from = c.ends[i-1]
	}
	return c.payload[from:c.ends[i]]
}

// Encode prepares 16 kHz mono samples for a codec. The last frame is filled with silence.
func Encode(codec Codec, pcm []int16) *Clip {
	frames := (len(pcm) + audio.FrameLen - 1) / audio.FrameLen
	wide := make([]int16, frames*audio.FrameLen)
	copy(wide, pcm)
	c := &Clip{codec: codec, narrow: make([]int16, frames*frameBytes)}
	copy(c.narrow, audio.Resample(wide, 16000, 8000))
	if codec == Opus {
		c.encodeOpus(wide)
		return c
	}
	c.payload = make([]byte, frames*frameBytes)
	for i := range frames {
		c.ends = append(c.ends, (i+1)*frameBytes)
	}
	switch codec {
	case G722:
		enc := audio.NewG722Encoder()
		for i := range frames {
			enc.Encode(c.payload[i*frameBytes:(i+1)*frameBytes], wide[i*audio.FrameLen:(i+1)*audio.FrameLen])
		}
	case PCMA:
		audio.EncodeA(c.payload, c.narrow)
	default:
		audio.EncodeMu(c.payload, c.narrow)
	}
	return c
}

// encodeOpus cannot fail with the options above and whole frames.
func (c *Clip) encodeOpus(wide []int16) {
	enc, err := opus.NewEncoder(OpusOptions)
	if err != nil {
		panic(err)
	}
	var packet [maxPayload]byte
	for i := 0; i < len(wide); i += audio.FrameLen {
		n, err := enc.Encode(packet[:], wide[i:i+audio.FrameLen])
		if err != nil {
			panic(err)
		}
		c.payload = append(c.payload, packet[:n]...)
		c.ends = append(c.ends, len(c.payload))
	}
}

// frames is the length in ticks of 20 ms.
func (c *Clip) frames() int { return len(c.ends) }

// silence is one frame of silence in a codec.
func silence(codec Codec) []byte {
	if codec == Opus {
		return Encode(Opus, make([]int16, audio.FrameLen)).payload
	}
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
