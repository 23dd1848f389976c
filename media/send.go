package media

import (
	"math/rand/v2"
	"time"

	"tingxin/audio"
)

// sender makes the packets of one leg. Timestamps run with the clock, 160 a tick,
// whether packets leave or not; sequence numbers count packets.
type sender struct {
	codec  Codec
	pt     uint8
	event  int // payload type, -1 none
	cn     int // payload type, -1 none
	packet int // code bytes per packet
	sends  bool

	ready bool // there is somewhere to send to

	seq    uint16
	ts     uint32 // of the next code byte
	marker bool   // the next packet begins a spurt
	out    [rtpHeaderLen + 480 + frameUnits]byte
	n      int // code bytes waiting in out
	silent int // ticks of silence described by comfort noise packets

	g722   *audio.G722Encoder
	opus   opusSender
	down   audio.Down16to8
	native [narrowLen]int16
	code   [frameUnits]byte

	keys *keySend

	packets, octets uint32 // for sender reports
}

func (s *sender) init() {
	// In the lower half, so that the number does not wrap before the peer has heard the first
	// packet: an SRTP receiver that missed the wrap never opens another (RFC 3711 section 3.3.1).
	s.seq, s.ts = uint16(rand.Uint32()&0x7fff), rand.Uint32()
	s.event, s.cn, s.marker = -1, -1, true
}

// set takes over what was agreed.
func (s *sender) set(p *Params, cfg *Config) error {
	if p.Codec == Opus {
		if err := s.opus.set(cfg.OpusBitrate, cfg.OpusComplexity, p.DTX); err != nil {
			return err
		}
	}
	if p.Codec == G722 && s.g722 == nil {
		s.g722 = audio.NewG722Encoder()
	}
	if p.Codec != s.codec || p.SendPT != s.pt {
		s.n = 0
	}
	s.codec, s.pt, s.event, s.cn = p.Codec, p.SendPT, p.EventPT, p.CNPT
	s.packet = int(p.PTime / time.Millisecond * 8)
	s.sends = p.Direction.Sends()
	return nil
}

// soundKind says where this tick's sound to send comes from.
type soundKind uint8

const (
	soundNone    soundKind = iota // silence
	soundFrame                    // w.frame
	soundNarrow                   // w.narrow
	soundCode                     // w.code
	soundSilent                   // silence, whatever else there might be: nobody speaks in the room
	soundForward                  // another leg's (or, echoing, our own) received sound
)

// transmit sends one tick of sound: a digit being sent, else what is played, else the
// room, else the bridged leg's, else the echo, else silence.
func (l *Leg) transmit(w *walker) {
	if !l.live.Load() || w.tick < l.firstTick {
		return
	}
	kind := l.pull(w)
	if kind == soundNone {
		kind = l.mixed(w)
	}
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return
	}
	from := l.peer
	if from == nil && l.echo.Load() {
		from = l
	}
	if kind == soundNone && from != nil && !from.gone.Load() && from.live.Load() {
		kind = soundForward
	}
	if kind == soundForward {
		l.follow(w, from)
	} else if l.seat.Load() == nil {
		l.source = nil
	}
	if kind == soundSilent {
		kind, from = soundNone, nil
	}
	kind = l.sound(w, kind, from)
	l.control.tick(l, w)
	l.mu.Unlock()
	if l.sent.any() {
		l.writeSent(w, kind, from)
	}
}

// follow lets the leg send in the slot in which another receives, from the next tick on.
func (l *Leg) follow(w *walker, o *Leg) {
	if l.source = o; o != nil && o.hears.slot != l.sends {
		w.moved = true
	}
}

// sound encodes and sends; it returns what was really sent. mu is held.
func (l *Leg) sound(w *walker, kind soundKind, from *Leg) soundKind {
	s := &l.tx
	if s.keys == nil {
		select {
		case s.keys = <-l.relayed:
		default:
		}
	}
	if s.keys != nil {
		if tone, busy := s.keys.step(l, w); busy {
			if !tone {
				s.n = 0
				s.ts += frameUnits
				return soundNone
			}
			kind = soundFrame
		}
	}
	hole := false
	switch kind {
	case soundFrame:
		s.encode(&w.frame)
	case soundNarrow:
		s.compress(w.narrow[:])
	case soundCode:
		if s.codec != w.coded { // changed since it was read
			s.silence()
			break
		}
		s.code = w.code
	case soundForward:
		kind, hole = l.forward(&from.rx)
	}
	if kind == soundNone {
		if s.cn >= 0 && s.n == 0 {
			l.comfort(w, from)
			return kind
		}
		s.silence()
	}
	s.silent = 0
	l.append(w, hole)
	return kind
}

// forward takes the received sound of a leg into code: the payload as it came when
// the codecs are equal. hole says that nothing should be sent for this tick. mu is held.
func (l *Leg) forward(rx *rxFrame) (kind soundKind, hole bool) {
	s := &l.tx
	switch {
	case rx.kind == playNothing || rx.kind == playGap && s.cn >= 0:
		return soundNone, false
	case rx.code && rx.codec == s.codec:
		s.code = rx.data
	case rx.n == narrowLen && s.codec.narrow():
		s.compress(rx.native[:narrowLen])
	case rx.n == narrowLen && s.codec == Opus:
		s.opus.encode(s.out[rtpHeaderLen:], rx.native[:narrowLen], narrowRate)
	case rx.isWide:
		s.encode(&rx.frame)
	case rx.kind == playGap || rx.kind == playWait:
		return soundNone, false
	default: // a lost packet of a codec that nobody decodes: the far end conceals it
		return soundForward, true
	}
	return soundForward, false
}

// encode turns a frame into code.
func (s *sender) encode(f *audio.Frame) {
	switch s.codec {
	case G722:
		s.g722.Encode(s.code[:], f.PCM[:])
		return
	case Opus:
		s.opus.encode(s.out[rtpHeaderLen:], f.PCM[:], audio.Rate)
		return
	}
	s.down.Process(s.native[:], f.PCM[:])
	s.compress(s.native[:])
}

func (s *sender) compress(pcm []int16) {
	if s.codec == PCMA {
		audio.EncodeA(s.code[:], pcm)
		return
	}
	audio.EncodeMu(s.code[:], pcm)
}

var (
	silenceMu = fill(audio.MuSilence)
	silenceA  = fill(audio.ASilence)
	noSound   [wideLen]int16
)

func fill(b byte) (a [frameUnits]byte) {
	for i := range a {
		a[i] = b
	}
	return a
}

func (s *sender) silence() {
	switch s.codec {
	case PCMA:
		s.code = silenceA
	case PCMU:
		s.code = silenceMu
	case Opus:
		s.opus.silence(s.out[rtpHeaderLen:])
	default:
		s.g722.Encode(s.code[:], noSound[:])
	}
}

// append adds code to the packet being filled and sends what is full. mu is held.
func (l *Leg) append(w *walker, hole bool) {
	s := &l.tx
	if s.codec == Opus {
		l.appendOpus(w)
		return
	}
	if hole && s.packet == frameUnits {
		s.ts += frameUnits
		s.seq++
		return
	}
	copy(s.out[rtpHeaderLen+s.n:], s.code[:])
	s.n += frameUnits
	s.ts += frameUnits
	for s.n >= s.packet {
		h := rtpHeader{marker: s.marker, pt: s.pt, ts: s.ts - uint32(s.n)}
		rest := s.out[rtpHeaderLen+s.packet : rtpHeaderLen+s.n]
		l.emit(w, &h, s.out[:rtpHeaderLen+s.packet])
		s.marker = false
		s.n = copy(s.out[rtpHeaderLen:], rest)
	}
}

// appendOpus sends the packet that the encoder made; in a pause there may be none. mu is held.
func (l *Leg) appendOpus(w *walker) {
	s := &l.tx
	ts := s.ts
	s.ts += frameUnits
	if s.opus.n == 0 {
		s.marker = true
		return
	}
	h := rtpHeader{marker: s.marker, pt: s.pt, ts: ts}
	l.emit(w, &h, s.out[:rtpHeaderLen+s.opus.n])
	s.marker = false
}

// emit numbers, protects and sends a packet with room for its header. mu is held.
func (l *Leg) emit(w *walker, h *rtpHeader, b []byte) {
	s := &l.tx
	if !s.sends || !s.ready {
		return // the numbers go on where they stopped, or the peer would count a loss
	}
	h.seq, h.ssrc = s.seq, l.ssrc
	h.ts *= s.codec.scale() // ours wraps with the wire's, since both have 32 bits
	s.seq++
	if !w.send {
		return
	}
	h.put(b)
	size := len(b) - rtpHeaderLen
	if l.crypt != nil {
		var ok bool
		if b, ok = l.crypt.sealRTP(w.cipher[:0], b); !ok {
			l.counts.SendErrors++
			return
		}
	}
	if !l.wire.send(b, false) {
		l.counts.SendErrors++
		return
	}
	s.packets++
	s.octets += uint32(size)
	l.counts.PacketsOut++
	l.counts.BytesOut += uint64(size)
}

// comfort describes silence instead of sending it (RFC 3389): at its beginning and
// every 200 ms, so that the peer never hears nothing for long. mu is held.
func (l *Leg) comfort(w *walker, from *Leg) {
	s := &l.tx
	if s.silent%10 == 0 {
		level := byte(75) // dB below overload: a quiet room
		if from != nil && from.rx.noise > 1 {
			level = comfortLevel(from.rx.noise)
		}
		h := rtpHeader{pt: uint8(s.cn), ts: s.ts}
		s.out[rtpHeaderLen] = level
		l.emit(w, &h, s.out[:rtpHeaderLen+1])
	}
	s.silent++
	s.ts += frameUnits
	s.marker = true
}

// writeSent gives the frame that was sent to the taps. Clock goroutine, mu not held.
func (l *Leg) writeSent(w *walker, kind soundKind, from *Leg) {
	f := &w.frame
	switch {
	case kind == soundFrame:
		f.Flags = 0
	case kind == soundForward && from.rx.isWide:
		*f = from.rx.frame
	default:
		clear(f.PCM[:])
		f.Flags = audio.Silent
	}
	f.Seq = uint64(w.tick - l.firstTick)
	for _, t := range l.sent.all() {
		t.w.WriteFrame(f)
	}
}
