package media

import (
	"net/netip"
	"time"
)

// wire carries the datagrams of one leg: a pair of UDP sockets, or ICE. Everything
// above it (jitter buffer, decoding, clock, taps) is the same for both. All methods
// but close are called with the leg's mu held and never block.
type wire interface {
	// receive hands what came since the last tick to the leg.
	receive(l *Leg, w *walker)
	// send sends one RTP datagram, or with control one of RTCP.
	send(b []byte, control bool) bool
	// drops counts datagrams that were lost before the leg saw them.
	drops() uint64
	// close gives back what the wire holds; mu is not held.
	close()
}

// pair is the wire of a SIP trunk or phone: an even RTP port and the odd RTCP port above it.
type pair struct {
	ports     *portPool
	rtp, rtcp *socket
	to        sockaddr // of the peer's RTP
	controlTo sockaddr // of the peer's RTCP
	mux       bool     // RTCP goes out on the RTP port
}

// maxBatches bounds what one leg may read in one tick, so that a flood on its port
// costs the other legs nothing; what it leaves overflows in the kernel and is counted there.
const maxBatches = 4

func (p *pair) receive(l *Leg, w *walker) {
	for range maxBatches {
		n := w.batch.read(p.rtp)
		for i := range n {
			b, from, stamp := w.batch.take(i, p.rtp)
			l.datagram(w, b, from, w.arrival(stamp))
		}
		if n < batchSize {
			break
		}
	}
	if (w.tick+int64(p.rtcp.port>>1))%5 != 0 {
		return
	}
	n := w.batch.read(p.rtcp)
	for i := range n {
		b, from, stamp := w.batch.take(i, p.rtcp)
		l.receiveControl(w, b, from, w.arrival(stamp))
	}
}

func (p *pair) send(b []byte, control bool) bool {
	switch {
	case !control:
		return p.rtp.send(b, &p.to)
	case p.mux:
		return p.rtp.send(b, &p.controlTo)
	}
	return p.rtcp.send(b, &p.controlTo)
}

func (p *pair) drops() uint64 { return uint64(p.rtp.drops) + uint64(p.rtcp.drops) }

func (p *pair) close() { p.ports.close(p.rtp, p.rtcp, time.Now()) }

// aim sets where RTP and RTCP go.
func (p *pair) aim(rtp, rtcp netip.AddrPort, mux bool) {
	p.to, p.controlTo, p.mux = p.rtp.address(rtp), p.rtcp.address(rtcp), mux
}
