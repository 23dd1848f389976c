package media

import (
	"fmt"
	"math/rand/v2"
	"net/netip"

	"github.com/pion/rtcp"
)

// control is the RTCP side of a leg (RFC 3550 section 6): reports about every 5 s,
// what the peer reports, and the round trip from both.
type control struct {
	cname string
	due   int64          // of the next report, engine time
	peer  netip.Addr     // host that RTCP may come from
	heard netip.AddrPort // where RTCP came from

	srMid uint32 // middle of the NTP time of the last sender report received
	srAt  int64  // its arrival

	expected     uint64 // packets of former sources
	remoteLoss   float64
	remoteJitter float64 // ms
	rtt          float64 // ms
	reports      uint64
}

const controlInterval = int64(5e9)

func (c *control) init(ssrc uint32) { c.cname = fmt.Sprintf("%08x@tingxin", ssrc) }

// schedule sets the time of the next report: 0.5 to 1.5 intervals, corrected as in
// RFC 3550 section 6.3.1; the first one after half of that.
func (c *control) schedule(now int64, first bool) {
	interval := float64(controlInterval)
	if first {
		interval /= 2
	}
	c.due = now + int64(interval*(0.5+rand.Float64())/1.21828*1.2)
}

// tick sends a report when one is due. mu is held.
func (c *control) tick(l *Leg, w *walker) {
	if w.at < c.due {
		return
	}
	c.schedule(w.at, false)
	if l.tx.ready && w.send {
		l.sendControl(l.report(w), w.cipher[:0])
	}
}

// report builds SR or RR with SDES. mu is held.
func (l *Leg) report(w *walker) []rtcp.Packet {
	var blocks []rtcp.ReceptionReport
	if l.recv.known {
		r := rtcp.ReceptionReport{
			SSRC: l.recv.ssrc, FractionLost: l.recv.fraction(), TotalLost: uint32(max(0, min(l.recv.lost(), 0x7fffff))),
			LastSequenceNumber: l.recv.extended(), Jitter: uint32(l.recv.jitter) * l.params.Codec.scale(),
		}
		l.makeRoom(r.FractionLost)
		if l.control.srAt != 0 {
			r.LastSenderReport = l.control.srMid
			r.Delay = uint32((w.mono - l.control.srAt) * 65536 / 1e9)
		}
		blocks = append(blocks, r)
	}
	var p rtcp.Packet = &rtcp.ReceiverReport{SSRC: l.ssrc, Reports: blocks}
	if l.tx.packets > 0 {
		p = &rtcp.SenderReport{
			SSRC: l.ssrc, NTPTime: ntp(w.real), RTPTime: l.tx.ts * l.tx.codec.scale(),
			PacketCount: l.tx.packets, OctetCount: l.tx.octets, Reports: blocks,
		}
	}
	return []rtcp.Packet{p, rtcp.NewCNAMESourceDescription(l.ssrc, l.control.cname)}
}

// makeRoom lets an Opus stream that loses more than 3 of 100 packets be played late
// enough for the next packet to be there, which repeats the lost one. mu is held.
func (l *Leg) makeRoom(fraction uint8) {
	floor := int64(l.engine.cfg.JitterMin)
	if l.params.Codec == Opus && fraction > 3*256/100 {
		floor = max(floor, 2*tickNS)
	}
	l.jitter.est.min = min(floor, l.jitter.est.max)
}

// ntp is a wall clock in nanoseconds since 1970 as 32.32 bits of seconds since 1900.
func ntp(real int64) uint64 {
	sec, frac := uint64(real/1e9)+2208988800, uint64(real%1e9)
	return sec<<32 | frac<<32/1e9
}

// sendControl sends a compound packet. mu is held.
func (l *Leg) sendControl(packets []rtcp.Packet, scratch []byte) {
	b, err := rtcp.Marshal(packets)
	if err != nil {
		l.counts.SendErrors++
		return
	}
	if l.crypt != nil {
		var ok bool
		if b, ok = l.crypt.sealRTCP(scratch, b); !ok {
			l.counts.SendErrors++
			return
		}
	}
	if !l.wire.send(b, true) {
		l.counts.SendErrors++
	}
}

// bye says that this source ends. mu is held.
func (l *Leg) bye() {
	if l.configured.IsZero() || !l.tx.ready {
		return
	}
	packets := []rtcp.Packet{
		&rtcp.ReceiverReport{SSRC: l.ssrc},
		rtcp.NewCNAMESourceDescription(l.ssrc, l.control.cname),
		&rtcp.Goodbye{Sources: []uint32{l.ssrc}},
	}
	l.sendControl(packets, nil)
}

// receiveControl takes an RTCP datagram. mu is held.
func (l *Leg) receiveControl(w *walker, b []byte, from netip.AddrPort, at int64) {
	c := &l.control
	if l.configured.IsZero() || from.Addr() != c.peer {
		l.counts.Rejected++
		return
	}
	if l.crypt != nil {
		var ok bool
		if b, ok = l.crypt.openRTCP(w.plain[:0], b); !ok {
			l.counts.SRTPFailed++
			return
		}
	}
	packets, err := rtcp.Unmarshal(b)
	if err != nil || len(packets) == 0 {
		l.counts.Malformed++
		return
	}
	if !l.params.RTCPMux && from != c.heard {
		c.heard = from
		l.retarget()
	}
	real := w.real - (w.mono - at)
	for _, p := range packets {
		switch p := p.(type) {
		case *rtcp.SenderReport:
			c.srMid, c.srAt = uint32(p.NTPTime>>16), at
			c.feedback(l.ssrc, l.params.Codec.scale(), p.Reports, real)
		case *rtcp.ReceiverReport:
			c.feedback(l.ssrc, l.params.Codec.scale(), p.Reports, real)
		}
	}
	l.tx.opus.lost(c.remoteLoss)
}

// feedback takes what the peer says about our stream.
func (c *control) feedback(ssrc, scale uint32, reports []rtcp.ReceptionReport, real int64) {
	for _, r := range reports {
		if r.SSRC != ssrc {
			continue
		}
		c.reports++
		c.remoteLoss = float64(r.FractionLost) * 100 / 256
		c.remoteJitter = float64(r.Jitter) / float64(8*scale)
		if r.LastSenderReport == 0 {
			continue
		}
		trip := int32(uint32(ntp(real)>>16) - r.LastSenderReport - r.Delay)
		if trip >= 0 && trip < 10*65536 {
			c.rtt = float64(trip) * 1000 / 65536
		}
	}
}
