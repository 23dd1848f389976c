package caller

import (
	"encoding/binary"
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"tingxin/audio"
)

// meter is what the read loop of one call knows about the packets it got. Only
// that loop writes it; it is read after the loop has ended.
type meter struct {
	record   []byte // payload by timestamp, from the first packet
	used     int
	silence  byte
	received int
	reorder  int
	first    time.Time
	baseTS   uint32
	ssrc     uint32
	lowest   uint16
	highest  uint32 // extended by 16 bits of cycles
	distinct uint32 // sequence numbers expected before the current source
	lastTS   uint32
	last     time.Time
	jitter   float64 // RFC 3550, in ms
	spread   Histogram
	pt       uint8  // what we said we hear
	clock    uint32 // of the time stamps, Hz
	tape     *tape  // packets of Opus to be recorded, nil for none
	marks    *tape  // packets by whose arrival the delay is measured, nil for none
}

// stamp asks the kernel for arrival times, so that a late reader does not look
// like a late packet.
func (m *meter) stamp(conn *net.UDPConn) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		_ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1)
	})
}

// read runs until the socket is closed.
func (s *stream) read() {
	defer close(s.done)
	var data [1600]byte
	var oob [64]byte
	for {
		n, on, _, _, err := s.conn.ReadMsgUDPAddrPort(data[:], oob[:])
		if err != nil {
			return
		}
		at := arrival(oob[:on])
		if payload := s.in.packet(data[:n], at, s.codec); payload != nil && audible(payload, s.codec) {
			s.level.Store(at.UnixNano())
			s.spoke.Store(true)
		}
	}
}

// arrival is the kernel's time of the packet, or now.
func arrival(oob []byte) time.Time {
	if len(oob) >= 32 && binary.NativeEndian.Uint32(oob[12:]) == unix.SCM_TIMESTAMPNS {
		return time.Unix(int64(binary.NativeEndian.Uint64(oob[16:])), int64(binary.NativeEndian.Uint64(oob[24:])))
	}
	return time.Now()
}

// packet counts one datagram and returns its payload when it is sound.
func (m *meter) packet(data []byte, at time.Time, codec Codec) []byte {
	if len(data) < 12 || data[0]>>6 != 2 || data[1]&0x7f != m.pt {
		return nil
	}
	seq := binary.BigEndian.Uint16(data[2:])
	ts := binary.BigEndian.Uint32(data[4:])
	ssrc := binary.BigEndian.Uint32(data[8:])
	head := 12 + 4*int(data[0]&0x0f)
	if head > len(data) {
		return nil
	}
	payload := data[head:]
	m.received++
	switch {
	case m.received == 1:
		m.first, m.baseTS, m.ssrc, m.lowest, m.highest = at, ts, ssrc, seq, uint32(seq)
	case ssrc != m.ssrc:
		m.distinct += m.highest - uint32(m.lowest) + 1
		m.baseTS = ts - uint32(at.Sub(m.first).Seconds()*float64(m.clock))
		m.ssrc, m.lowest, m.highest = ssrc, seq, uint32(seq)
	default:
		m.order(seq, ts, at)
	}
	m.lastTS, m.last = ts, at
	m.keep(ts, payload)
	m.tape.keep(at, ts, payload)
	m.marks.keep(at, ts, payload)
	return payload
}

// order follows sequence numbers and spacing (RFC 3550 appendix A.8).
func (m *meter) order(seq uint16, ts uint32, at time.Time) {
	step := int16(seq - uint16(m.highest))
	if step <= 0 {
		m.reorder++
		return
	}
	m.highest += uint32(step)
	d := (at.Sub(m.last).Seconds() - float64(int32(ts-m.lastTS))/float64(m.clock)) * 1000
	if d < 0 {
		d = -d
	}
	m.jitter += (d - m.jitter) / 16
	m.spread.Add(d)
}

// lost is the number of packets that never came.
func (m *meter) lost() int {
	if m.received == 0 {
		return 0
	}
	return max(0, int(m.distinct+m.highest-uint32(m.lowest)+1)-m.received)
}

// keep stores payload at its place in time.
func (m *meter) keep(ts uint32, payload []byte) {
	at := int(int32(ts - m.baseTS))
	if at < 0 || at >= len(m.record) {
		return
	}
	for ; m.used < at; m.used++ {
		m.record[m.used] = m.silence
	}
	m.used = max(m.used, at+copy(m.record[at:], payload))
}

// audible tells sound from silence and comfort noise: some sample of G.711 is
// above about -40 dBov, a frame of Opus is no short one.
func audible(payload []byte, codec Codec) bool {
	switch codec {
	case G722:
		return true
	case Opus:
		return len(payload) > 20
	}
	var pcm [frameBytes]int16
	n := min(len(payload), len(pcm))
	if codec == PCMA {
		audio.DecodeA(pcm[:n], payload[:n])
	} else {
		audio.DecodeMu(pcm[:n], payload[:n])
	}
	for _, v := range pcm[:n] {
		if v > 400 || v < -400 {
			return true
		}
	}
	return false
}
