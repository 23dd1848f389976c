package media

import (
	"time"

	"tingxin/audio"
	"tingxin/media/opus"
)

// opusRatio is how often the RTP clock of Opus (48000, RFC 7587 section 4.1) goes into ours.
const opusRatio = 6

// opusStore holds the packets of the jitter buffer, which for Opus keeps only the
// book of what came: a packet lies here under its place in time until it is played.
type opusStore struct {
	slots [64]opusPacket
	next  int // slot to be used, the oldest
}

type opusPacket struct {
	pos   int64 // RTP time in units of 8000 Hz
	units int64 // length, 0 for none
	n     int
	data  [opusMax]byte
}

// opusMax is the longest packet taken: 60 ms at 85 kbit/s, 20 ms at 256.
const opusMax = 640

func (s *opusStore) put(pos, units int64, b []byte) {
	p := &s.slots[s.next]
	s.next = (s.next + 1) % len(s.slots)
	p.pos, p.units, p.n = pos, units, copy(p.data[:], b)
}

// at returns the packet that holds the given time, nil for none.
func (s *opusStore) at(pos int64) *opusPacket {
	for i := range s.slots { // the newest first: it is the one that is due, or nearly
		if p := &s.slots[(s.next+len(s.slots)-1-i)%len(s.slots)]; p.units > 0 && p.pos <= pos && pos < p.pos+p.units {
			return p
		}
	}
	return nil
}

func (s *opusStore) clear() {
	for i := range s.slots {
		s.slots[i].units = 0
	}
}

// opusDecoder turns stored packets into sound. Packets have lengths of their own and
// the buffer plays 20 or 30 ms from any place, so decoded sound waits in a short queue.
type opusDecoder struct {
	dec   *opus.Decoder
	store opusStore
	pcm   [480 + 1920]int16 // at 16 kHz: what is left, and room for 120 ms
	n     int
	end   int64 // time at which pcm ends, in units
	units int64 // length of the last packet
}

func (o *opusDecoder) reset() {
	o.dec.Reset()
	o.store.clear()
	o.n, o.end, o.units = 0, 0, frameUnits
}

// read fills out with the sound from pos on (units of 8000 Hz). Packets that did not
// come are made from what the next one repeats of them, or invented.
func (o *opusDecoder) read(out []int16, pos int64) {
	begin := o.end - int64(o.n/2)
	switch {
	case pos < begin || pos >= o.end: // another place: nothing of the queue is of use
		o.n, o.end = 0, pos
	case pos > begin:
		o.drop(int(pos-begin) * 2)
	}
	for o.n < len(out) {
		o.decode()
	}
	copy(out, o.pcm[:o.n])
	o.drop(len(out))
}

func (o *opusDecoder) drop(n int) {
	copy(o.pcm[:], o.pcm[n:o.n])
	o.n -= n
}

// decode appends the next packet's sound.
func (o *opusDecoder) decode() {
	room := o.pcm[o.n:]
	if p := o.store.at(o.end); p != nil {
		n, err := o.dec.Decode(room, p.data[:p.n])
		skip := int(o.end-p.pos) * 2 // its beginning was passed over
		if err == nil && n > skip {
			copy(room, room[skip:n])
			o.n += n - skip
			o.end, o.units = p.pos+p.units, p.units
			return
		}
	}
	lost := room[:min(o.units*2, int64(len(room)))]
	if p := o.store.at(o.end + o.units); p != nil && p.pos == o.end+o.units {
		if n, err := o.dec.DecodeFEC(lost, p.data[:p.n]); err == nil && n == len(lost) {
			o.advance(n)
			return
		}
	}
	o.conceal(lost)
	o.advance(len(lost))
}

func (o *opusDecoder) advance(n int) {
	o.n += n
	o.end += int64(n / 2)
}

// conceal invents sound; time does not move on.
func (o *opusDecoder) conceal(out []int16) {
	if n, err := o.dec.Conceal(out); err != nil || n != len(out) {
		clear(out)
	}
}

// play fills pcm (20 ms) with what the jitter buffer gave.
func (o *opusDecoder) play(kind playKind, j *jitter, pcm []int16, scratch []int16) (kept bool) {
	switch kind {
	case playData, playLost:
		o.read(pcm, j.play-frameUnits)
	case playFast:
		o.read(scratch[:480], j.play-frameUnits-stretch)
		squeeze(pcm, scratch[:480], 16)
	case playWait:
		o.conceal(pcm)
		return false
	case playGap: // the pause's noise
		o.conceal(pcm)
		o.n, o.end = 0, j.play
		return false
	default:
		clear(pcm)
		return false
	}
	return kind != playLost
}

// opusClock turns timestamps of 48000 Hz into ours of 8000, across their wrap.
type opusClock struct {
	known bool
	last  int64
}

func (c *opusClock) units(ts uint32) uint32 {
	if !c.known {
		c.known, c.last = true, int64(ts)
	}
	c.last += int64(int32(ts - uint32(c.last)))
	return uint32(c.last / opusRatio)
}

// opusSender codes what we send: at 8 kHz what a telephone with G.711 says, since libopus takes
// little more than half the time for that and there is nothing above to be coded, else at 16 kHz.
type opusSender struct {
	enc  *opus.Encoder
	dtx  bool
	n    int // bytes of the packet, 0 when it need not be sent
	loss int // percent told to the encoder
}

// set makes the encoder; bitrate and complexity are the engine's.
func (s *opusSender) set(bitrate, complexity int, dtx bool) error {
	if s.enc != nil && s.dtx == dtx {
		return nil
	}
	enc, err := opus.NewEncoder(opus.EncoderOptions{Rate: audio.Rate, Bitrate: bitrate, Complexity: complexity, DTX: dtx})
	if err != nil {
		return err
	}
	s.enc, s.dtx, s.loss = enc, dtx, 0
	return nil
}

// encode codes sound of the given rate.
func (s *opusSender) encode(out []byte, pcm []int16, rate int) {
	s.n = 0
	if s.enc.SetRate(rate) != nil {
		return
	}
	if n, err := s.enc.Encode(out, pcm); err == nil && (!s.dtx || n > 2) {
		s.n = n
	}
}

// silence codes a frame of nothing, at the rate of what was coded before.
func (s *opusSender) silence(out []byte) {
	rate := s.enc.Rate()
	s.encode(out, noSound[:rate/50], rate)
}

// lost hears what the peer reports: above 3 % every frame is repeated in the next packet.
func (s *opusSender) lost(percent float64) {
	loss := 0
	if percent > 3 {
		loss = min(30, int(percent+0.5))
	}
	if s.enc != nil && loss != s.loss {
		s.loss = loss
		s.enc.Loss(loss)
	}
}

// opusFrame is the only packet time we send with Opus.
const opusFrame = 20 * time.Millisecond
