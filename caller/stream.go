package caller

import (
	"encoding/binary"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync/atomic"
	"time"
)

// stream is the RTP side of one call: the clock sends through it, its own read
// loop measures.
type stream struct {
	conn, rtcp *net.UDPConn
	codec      Codec
	phase      int
	sound      *Clip
	quiet      []byte
	loop       bool
	lead, tail int // ticks of silence
	leadQuiet  time.Duration
	keys       keypad
	onAudio    func(time.Time)
	say        chan *Clip    // pieces that follow the sound; nil for none
	finished   chan struct{} // closed by the clock when audio and tail are over

	remote atomic.Pointer[answer]
	level  atomic.Int64 // when the far end was last heard, as UnixNano
	spoke  atomic.Bool

	// Owned by the clock.
	packet    [12 + maxPayload]byte
	seq       uint16
	ts        uint32
	ticks     int
	pos       int
	silent    int // ticks since say was closed
	over      bool
	lastDue   time.Time
	sent      int
	unsent    int
	firstSent time.Time
	audioAt   time.Time
	sentSound int // ticks from firstSent to audioAt
	log       *ledger

	in   meter
	done chan struct{} // closed when the read loop has ended
}

// openStream binds an RTP port and, if it can, the RTCP port above it, so that
// nobody else gets what is sent there.
func openStream(ip netip.Addr) (*stream, error) {
	s := &stream{finished: make(chan struct{}), done: make(chan struct{})}
	for try := 0; ; try++ {
		conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(ip, 0)))
		if err != nil {
			return nil, err
		}
		port := conn.LocalAddr().(*net.UDPAddr).AddrPort().Port()
		if port%2 == 0 && port < 65535 {
			if s.rtcp, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(ip, port+1))); err == nil {
				s.conn = conn
				break
			}
		}
		if try == 20 {
			s.conn = conn
			break
		}
		conn.Close()
	}
	_ = s.conn.SetReadBuffer(256 << 10)
	s.seq, s.ts = uint16(rand.Uint32()), rand.Uint32()
	binary.BigEndian.PutUint32(s.packet[8:], rand.Uint32())
	s.in.stamp(s.conn)
	return s, nil
}

func (s *stream) local() netip.AddrPort { return s.conn.LocalAddr().(*net.UDPAddr).AddrPort() }

// close ends the read loop and waits for it; the clock must have let go before.
func (s *stream) close(reading bool) {
	s.conn.Close()
	if s.rtcp != nil {
		s.rtcp.Close()
	}
	if reading {
		<-s.done
	}
}

// send is one tick of 20 ms. It does not allocate.
func (s *stream) send(due time.Time) {
	remote := s.remote.Load()
	if remote == nil {
		return
	}
	if s.ticks == 0 {
		s.firstSent = due
	} else if missed := int(due.Sub(s.lastDue)/ptime) - 1; missed > 0 {
		s.unsent += missed
		s.ts += uint32(missed) * s.codec.step()
	}
	s.lastDue = due
	frame := s.next(due)
	payload := s.quiet
	if frame >= 0 {
		payload = s.sound.frame(frame)
	}
	pt, marker, stamp := remote.pt, s.ticks == 0, s.ts
	length := 12
	if n, mark, start, ok := s.keys.press(s.ticks, s.ts, s.codec.step(), s.packet[12:]); ok && remote.event >= 0 {
		pt, marker, stamp, length = uint8(remote.event), mark, start, 12+n
	} else {
		length += copy(s.packet[12:], payload)
	}
	if s.log != nil {
		s.log.note(s.ticks, frame)
	}
	s.packet[0], s.packet[1] = 0x80, pt
	if marker {
		s.packet[1] |= 0x80
	}
	binary.BigEndian.PutUint16(s.packet[2:], s.seq)
	binary.BigEndian.PutUint32(s.packet[4:], stamp)
	if _, err := s.conn.WriteToUDPAddrPort(s.packet[:length], remote.remote); err == nil {
		s.sent++
	}
	s.seq++
	s.ts += s.codec.step()
	s.ticks++
}

// next is the frame of the sound for this tick, -1 for lead and tail silence.
func (s *stream) next(due time.Time) int {
	if s.say != nil {
		return s.nextSaid(due)
	}
	if s.audioAt.IsZero() {
		if s.ticks < s.lead && !s.farQuiet(due) {
			return -1
		}
		if s.sound == nil || s.sound.frames() == 0 {
			s.endAfter(s.ticks - s.lead)
			return -1
		}
		s.audioAt, s.sentSound = due, s.ticks
		if s.onAudio != nil {
			s.onAudio(due)
		}
	}
	if s.pos == s.sound.frames() && s.loop {
		s.pos = 0
	}
	if s.pos < s.sound.frames() {
		s.pos++
		return s.pos - 1
	}
	s.endAfter(s.ticks - s.sentSound - s.sound.frames())
	return -1
}

// nextSaid is the frame of the piece that is said, and begins the next one that is there.
func (s *stream) nextSaid(due time.Time) int {
	if s.sound != nil && s.pos < s.sound.frames() {
		s.pos++
		return s.pos - 1
	}
	select {
	case clip, ok := <-s.say:
		if !ok {
			s.silent++
			s.endAfter(s.silent)
			return -1
		}
		s.sound, s.pos = clip, 0
		if s.audioAt.IsZero() {
			s.audioAt, s.sentSound = due, s.ticks
		}
		if s.onAudio != nil {
			s.onAudio(due)
		}
	default:
	}
	return -1
}

// endAfter closes finished when the tail is over.
func (s *stream) endAfter(ticks int) {
	if ticks >= s.tail && !s.over && !s.loop {
		s.over = true
		close(s.finished)
	}
}

// farQuiet tells whether the far end has spoken and is silent for leadQuiet.
func (s *stream) farQuiet(now time.Time) bool {
	return s.leadQuiet > 0 && s.spoke.Load() && now.UnixNano()-s.level.Load() > int64(s.leadQuiet)
}

// keypad sends keys by RFC 4733: 100 ms each, 100 ms apart.
type keypad struct {
	keys  string
	after int // ticks
	start uint32
}

const (
	keyTicks = 5
	keySpan  = 2 * keyTicks
)

// press writes the event payload of this tick; ok is false between keys.
func (k *keypad) press(ticks int, ts, step uint32, payload []byte) (n int, marker bool, start uint32, ok bool) {
	at := ticks - k.after
	if k.keys == "" || at < 0 || at/keySpan >= len(k.keys) || at%keySpan >= keyTicks+2 {
		return 0, false, 0, false
	}
	phase := at % keySpan
	if phase == 0 {
		k.start = ts
	}
	payload[0] = keyCode(k.keys[at/keySpan])
	payload[1] = 10 // level -10 dBm0
	if phase >= keyTicks-1 {
		payload[1] |= 0x80 // the end, said three times
	}
	binary.BigEndian.PutUint16(payload[2:], uint16(min(phase+1, keyTicks)*int(step)))
	return 4, phase == 0, k.start, true
}

// keyCode is the event number of RFC 4733 section 3.2.
func keyCode(key byte) byte {
	switch {
	case key >= '0' && key <= '9':
		return key - '0'
	case key == '*':
		return 10
	case key == '#':
		return 11
	case key >= 'A' && key <= 'D':
		return key - 'A' + 12
	case key >= 'a' && key <= 'd':
		return key - 'a' + 12
	}
	return 11
}
