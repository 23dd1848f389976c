package media

import "encoding/binary"

// rtpHeader is the fixed part of an RTP packet (RFC 3550 section 5.1).
type rtpHeader struct {
	marker bool
	pt     uint8
	seq    uint16
	ts     uint32
	ssrc   uint32
}

const rtpHeaderLen = 12

// parseRTP checks a packet and returns its header and payload. It allocates nothing.
func parseRTP(b []byte) (h rtpHeader, payload []byte, ok bool) {
	if len(b) < rtpHeaderLen || b[0]>>6 != 2 {
		return h, nil, false
	}
	h = rtpHeader{
		marker: b[1]&0x80 != 0,
		pt:     b[1] & 0x7f,
		seq:    binary.BigEndian.Uint16(b[2:]),
		ts:     binary.BigEndian.Uint32(b[4:]),
		ssrc:   binary.BigEndian.Uint32(b[8:]),
	}
	off := rtpHeaderLen + 4*int(b[0]&15)
	if b[0]&0x10 != 0 { // extension: 16 bits of profile, 16 of length in words
		if len(b) < off+4 {
			return h, nil, false
		}
		off += 4 + 4*int(binary.BigEndian.Uint16(b[off+2:]))
	}
	end := len(b)
	if b[0]&0x20 != 0 && end > 0 { // padding: the last byte counts it
		pad := int(b[end-1])
		if pad == 0 || pad > end {
			return h, nil, false
		}
		end -= pad
	}
	if off > end {
		return h, nil, false
	}
	return h, b[off:end], true
}

// put writes the header over b[:12].
func (h *rtpHeader) put(b []byte) {
	b[0] = 2 << 6
	b[1] = h.pt
	if h.marker {
		b[1] |= 0x80
	}
	binary.BigEndian.PutUint16(b[2:], h.seq)
	binary.BigEndian.PutUint32(b[4:], h.ts)
	binary.BigEndian.PutUint32(b[8:], h.ssrc)
}

// isRTCP tells RTCP from RTP on one port by the packet type 192 to 223 (RFC 5761 section 4).
func isRTCP(b []byte) bool { return len(b) >= 2 && b[1] >= 192 && b[1] <= 223 }

// reception keeps the numbers of RFC 3550 appendix A about one sender.
type reception struct {
	ssrc     uint32
	known    bool
	maxSeq   uint16
	cycles   uint32 // times 65536
	baseSeq  uint32
	received uint32
	window   uint64 // the last 64 sequence numbers seen, bit 0 is maxSeq
	transit  int64  // of the last packet, in timestamp units
	jitter   float64

	lastExpected, lastReceived uint32 // at the last report
}

// begin starts counting a new sender.
func (r *reception) begin(h *rtpHeader) {
	*r = reception{ssrc: h.ssrc, known: true, maxSeq: h.seq, baseSeq: uint32(h.seq), window: 1, received: 1}
}

// add counts a packet of the known sender. It reports a duplicate, and a jump of the
// sequence numbers so large that the sender must have begun anew.
func (r *reception) add(seq uint16) (duplicate, jump bool) {
	d := int16(seq - r.maxSeq)
	switch {
	case d > 0 && d < 3000:
		if seq < r.maxSeq {
			r.cycles += 1 << 16
		}
		r.maxSeq = seq
		r.window = r.window<<min(uint(d), 64) | 1
		if d >= 64 {
			r.window = 1
		}
	case d > -64 && d <= 0:
		bit := uint64(1) << uint(-d)
		if r.window&bit != 0 {
			return true, false
		}
		r.window |= bit
	case d > -1000 && d <= -64: // very late
	default:
		return false, true
	}
	r.received++
	return false, false
}

// arrive updates the jitter estimate (RFC 3550 A.8) with a packet of timestamp ts
// that arrived at the given time in nanoseconds. Clock 8000 Hz.
func (r *reception) arrive(ts uint32, at int64) {
	transit := int64(int32(uint32(at/125000) - ts))
	if r.transit != 0 {
		d := transit - r.transit
		if d < 0 {
			d = -d
		}
		if d < 8000 {
			r.jitter += (float64(d) - r.jitter) / 16
		}
	}
	r.transit = transit
}

func (r *reception) extended() uint32 { return r.cycles + uint32(r.maxSeq) }

func (r *reception) expected() uint32 {
	if !r.known {
		return 0
	}
	return r.extended() - r.baseSeq + 1
}

// lost is expected minus received; duplicates are not counted as received.
func (r *reception) lost() int64 { return int64(r.expected()) - int64(r.received) }

// fraction is the share of packets lost since the last call, times 256 (RFC 3550 A.3).
func (r *reception) fraction() uint8 {
	expected, received := r.expected()-r.lastExpected, r.received-r.lastReceived
	r.lastExpected, r.lastReceived = r.expected(), r.received
	if expected == 0 || received >= expected {
		return 0
	}
	return uint8(min(255, (expected-received)*256/expected))
}
