package caller

import (
	"math"
	"time"

	"tingxin/audio"
	"tingxin/media/opus"
)

// Delay is measured by the sound itself: said notes when each frame left, heard
// when each packet came; a stretch of what was heard is found again in what was
// said. So jitter buffers, mixing and codecs count, whatever the server does with
// sequence numbers and time stamps.
const (
	delaySpan   = 5 * time.Second
	delayWindow = 2000 // samples at 8 kHz that are compared
	delayMax    = 8000 // one second
	delayNear   = 320  // about the last delay found
)

// ledger is what was sent when: frame numbers of a clip, from one second before what is measured.
type ledger struct {
	clip   *Clip
	from   int     // first tick
	frames []int32 // -1 is silence
	at     []int64 // UnixNano
}

func newLedger(clip *Clip, after time.Duration) *ledger {
	n := int((delaySpan + 2*time.Second) / ptime)
	return &ledger{clip: clip, from: max(0, int((after-time.Second)/ptime)), frames: make([]int32, 0, n), at: make([]int64, 0, n)}
}

// note does not allocate.
func (l *ledger) note(tick, frame int) {
	if tick < l.from || len(l.frames) == cap(l.frames) {
		return
	}
	l.frames, l.at = append(l.frames, int32(frame)), append(l.at, time.Now().UnixNano())
}

// pcm is what was said, 8 kHz, a frame for each note.
func (l *ledger) pcm() []int16 {
	out := make([]int16, len(l.frames)*frameBytes)
	for i, f := range l.frames {
		if f >= 0 {
			copy(out[i*frameBytes:], l.clip.narrow[int(f)*frameBytes:(int(f)+1)*frameBytes])
		}
	}
	return out
}

// tape keeps packets as they come, from a time on and as many as have room.
type tape struct {
	codec   Codec
	from    time.Time
	packets []tapePacket
	data    []byte
}

type tapePacket struct {
	at  time.Time
	ts  uint32
	end int // in data
}

func newTape(codec Codec, from time.Time, span time.Duration) *tape {
	n := int(span/ptime) + 1
	room := frameBytes
	if codec == Opus {
		room = 120
	}
	return &tape{codec: codec, from: from, packets: make([]tapePacket, 0, n), data: make([]byte, 0, n*room)}
}

// keep does not allocate; a nil tape keeps nothing.
func (t *tape) keep(at time.Time, ts uint32, payload []byte) {
	if t == nil || len(t.packets) == cap(t.packets) || len(t.data)+len(payload) > cap(t.data) || at.Before(t.from) {
		return
	}
	t.data = append(t.data, payload...)
	t.packets = append(t.packets, tapePacket{at, ts, len(t.data)})
}

// tapeLimit bounds how far time stamps are believed, samples.
const tapeLimit = 600 * audio.Rate

// rate of what a codec is decoded to here, Hz.
func (c Codec) rate() int {
	if c == G722 || c == Opus {
		return audio.Rate
	}
	return 8000
}

// pcm is the sound at the codec's rate by time stamps, silence where packets are
// missing, and where in it each packet begins, -1 for those that were not believed.
func (t *tape) pcm() (out []int16, begins []int) {
	decodeOne := func(p []byte) []int16 { return decode(t.codec, p) }
	switch t.codec {
	case G722:
		dec := audio.NewG722Decoder()
		decodeOne = func(p []byte) []int16 {
			pcm := make([]int16, 2*len(p))
			dec.Decode(pcm, p)
			return pcm
		}
	case Opus:
		dec, err := opus.NewDecoder(audio.Rate)
		if err != nil {
			return nil, nil
		}
		decodeOne = func(p []byte) []int16 {
			pcm := make([]int16, 6*audio.FrameLen)
			n, err := dec.Decode(pcm, p)
			if err != nil {
				return nil
			}
			return pcm[:n]
		}
	}
	from := 0
	for i, p := range t.packets {
		at := int(int64(int32(p.ts-t.packets[0].ts)) * int64(t.codec.rate()) / int64(t.codec.clock()))
		payload := t.data[from:p.end]
		from = p.end
		if i > 0 && (at < 0 || at > tapeLimit) {
			at = -1
		}
		begins = append(begins, at)
		if at < 0 {
			continue
		}
		sound := decodeOne(payload)
		if n := at + len(sound); n > len(out) {
			out = append(out, make([]int16, n-len(out))...)
		}
		copy(out[at:], sound)
	}
	return out, begins
}

// Delays finds what one call said in what another heard, or the same for an echo,
// and returns the delay of each packet: how much later its sound came than it
// left. It needs MeasureDelay on both and takes some 50 ms of CPU, so call it after
// a load. Nil when nothing is found.
func Delays(said, heard *Report) []time.Duration {
	if said.said == nil || heard.heard == nil || len(said.said.frames) == 0 || len(heard.heard.packets) == 0 {
		return nil
	}
	voice := said.said.pcm()
	sound, begins := heard.heard.pcm()
	rate := heard.heard.codec.rate()
	sound = audio.Resample(sound, rate, 8000)
	for i := range begins {
		begins[i] = begins[i] * 8000 / rate
	}
	var out []time.Duration
	shift, known := 0, false // where in voice the heard sample 0 lies
	for i := 0; i < len(begins); i += delayWindow / frameBytes {
		at := begins[i]
		if at < 0 {
			continue
		}
		if at+delayWindow > len(sound) {
			break
		}
		if shift, known = find(said.said, voice, sound[at:at+delayWindow], at, heard.heard.packets[i].at, shift, known); !known {
			continue
		}
		for k := i; k < min(i+delayWindow/frameBytes, len(begins)); k++ {
			if s := begins[k] + shift; begins[k] >= 0 && s >= 0 && s/frameBytes < len(said.said.at) {
				left := said.said.at[s/frameBytes] + int64(samples(s%frameBytes))
				out = append(out, time.Duration(heard.heard.packets[k].at.UnixNano()-left))
			}
		}
	}
	return out
}

// find looks for a stretch that was heard, which came at a time and begins at sample
// where of the sound heard; first about the last place, then in all of a second before.
func find(l *ledger, voice, stretch []int16, where int, at time.Time, last int, known bool) (shift int, ok bool) {
	if known {
		if s, c := best(voice, stretch, where+last-delayNear, where+last+delayNear); c > 0.5 {
			return s - where, true
		}
	}
	// The latest frame that can be in it is the last that had left.
	n := len(l.at)
	for n > 0 && l.at[n-1] > at.UnixNano() {
		n--
	}
	s, c := best(voice, stretch, n*frameBytes-delayMax, n*frameBytes)
	return s - where, c > 0.5
}

// best is the place in voice, from..to, that is most like the stretch.
func best(voice, stretch []int16, from, to int) (at int, like float64) {
	for i := max(0, from); i <= min(to, len(voice)-len(stretch)); i++ {
		if c := likeness(stretch, voice[i:i+len(stretch)]); c > like {
			at, like = i, c
		}
	}
	return at, like
}

func samples(n int) time.Duration { return time.Duration(n) * time.Second / 8000 }

// likeness is the normalised correlation of two stretches, on every second sample.
func likeness(a, b []int16) float64 {
	var ab, aa, bb int64
	for i := 0; i < len(a); i += 2 {
		x, y := int64(a[i]), int64(b[i])
		ab += x * y
		aa += x * x
		bb += y * y
	}
	if aa == 0 || bb == 0 {
		return 0
	}
	return float64(ab) / math.Sqrt(float64(aa)*float64(bb))
}
