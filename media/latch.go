package media

import "net/netip"

// latch decides who may be heard (symmetric RTP). It begins with the address of
// the SDP. A packet from exactly that address locks it. A packet from another
// allowed address (same host, or the host the signalling came from, or any when the
// SDP names a private address that cannot be reached from here) is followed at
// first and locked after a second, unless the SDP's own address speaks up. After
// the lock nobody else is heard until the peer sends a re-INVITE.
type latch struct {
	sdp       netip.AddrPort
	signal    netip.Addr
	peer      netip.AddrPort // heard now, invalid while nobody was
	old       netip.AddrPort // heard before a relatch, still good while nobody else comes
	stay      bool           // send to old until another is heard: the SDP names the same address as before
	locked    bool
	confirmed int
}

// latchConfirm is how many packets an address that is not the SDP's needs to be locked.
const latchConfirm = 50

// open begins again with new addresses. The one heard so far stays good until another comes.
func (l *latch) open(sdp netip.AddrPort, signal netip.Addr) {
	old, same := l.peer, l.sdp == sdp
	*l = latch{sdp: sdp, signal: signal, old: old, stay: same && old.IsValid()}
}

// accept says whether a valid packet from this address may be heard; changed that
// it is now the one to send to.
func (l *latch) accept(from netip.AddrPort) (ok, changed bool) {
	if l.locked {
		return from == l.peer, false
	}
	switch {
	case from == l.sdp:
		changed = l.peer != from
		l.peer, l.locked = from, true
		return true, changed
	case l.peer.IsValid():
		if from != l.peer {
			return false, false
		}
	case from == l.old: // wait a while for a new address before this one is locked
		if l.confirmed++; l.confirmed >= latchConfirm {
			l.peer, l.locked = from, true
		}
		return true, false
	case !l.allowed(from.Addr()):
		return false, false
	default:
		l.peer, l.confirmed, changed = from, 0, true
	}
	if l.confirmed++; l.confirmed >= latchConfirm {
		l.locked = true
	}
	return true, changed
}

func (l *latch) allowed(a netip.Addr) bool {
	if a == l.sdp.Addr() || l.signal.IsValid() && a == l.signal {
		return true
	}
	if !l.sdp.IsValid() || l.sdp.Addr().IsUnspecified() {
		return !l.signal.IsValid()
	}
	return !l.signal.IsValid() && unreachable(l.sdp.Addr())
}

var carrierNAT = netip.MustParsePrefix("100.64.0.0/10")

// unreachable tells addresses that say nothing about where packets will come from.
func unreachable(a netip.Addr) bool {
	return a.IsPrivate() || a.IsLinkLocalUnicast() || carrierNAT.Contains(a)
}

// target is where to send: the address heard, or the one of the SDP.
func (l *latch) target() netip.AddrPort {
	switch {
	case l.peer.IsValid():
		return l.peer
	case l.stay:
		return l.old
	case l.sdp.IsValid() && l.sdp.Port() != 0:
		return l.sdp
	}
	return l.old
}

// refuses says that the lock keeps this address out; it is asked before any work is spent on a packet.
func (l *latch) refuses(from netip.AddrPort) bool { return l.locked && from != l.peer }
