package media

import (
	"fmt"
	"net/netip"
	"time"
)

// Codec is an RTP audio encoding.
type Codec uint8

const (
	// PCMU is G.711 mu-law at 8 kHz (RFC 3551 section 4.5.14).
	PCMU Codec = iota
	// PCMA is G.711 A-law at 8 kHz (RFC 3551 section 4.5.14).
	PCMA
	// G722 is G.722 at 64 kbit/s: sound at 16 kHz, RTP clock 8000 (RFC 3551 section 4.5.2).
	G722
	// Opus is RFC 6716 and 7587 in mono: sound at 16 kHz here, RTP clock 48000, 20 ms packets sent, any received.
	Opus
)

// String is the encoding name of SDP.
func (c Codec) String() string {
	switch c {
	case PCMU:
		return "PCMU"
	case PCMA:
		return "PCMA"
	case G722:
		return "G722"
	case Opus:
		return "opus"
	}
	return "unknown"
}

// clock is the RTP clock in Hz (G.722's is 8000 by an old mistake, RFC 3551 section 4.5.2).
func (c Codec) clock() int {
	if c == Opus {
		return 48000
	}
	return 8000
}

// scale is how many ticks of the RTP clock go into one of ours of 8000 Hz.
func (c Codec) scale() uint32 { return uint32(c.clock() / 8000) }

// narrow says that the codec carries 8 kHz: one byte per sample of G.711.
func (c Codec) narrow() bool { return c == PCMU || c == PCMA }

// passes says that a leg of codec c may forward to one of codec o without frames of 16 kHz.
func (c Codec) passes(o Codec) bool { return c.narrow() && o != G722 || c == G722 && o == G722 }

// Direction is which way media flows, seen from us (RFC 3264 section 5.1).
type Direction uint8

const (
	// SendRecv sends and receives.
	SendRecv Direction = iota
	// SendOnly sends; what arrives is counted and not heard.
	SendOnly
	// RecvOnly receives; nothing is sent but RTCP.
	RecvOnly
	// Inactive does neither; RTCP goes on.
	Inactive
)

// String is the SDP attribute.
func (d Direction) String() string {
	switch d {
	case SendRecv:
		return "sendrecv"
	case SendOnly:
		return "sendonly"
	case RecvOnly:
		return "recvonly"
	case Inactive:
		return "inactive"
	}
	return "unknown"
}

// Sends says whether this direction sends.
func (d Direction) Sends() bool { return d == SendRecv || d == SendOnly }

// Receives says whether this direction hears what arrives.
func (d Direction) Receives() bool { return d == SendRecv || d == RecvOnly }

// SRTP protection profiles, named as in SDP "a=crypto" (RFC 4568 section 6.2, RFC 7714 section 14.2).
const (
	AESCM128SHA180 = "AES_CM_128_HMAC_SHA1_80"
	AESCM128SHA132 = "AES_CM_128_HMAC_SHA1_32"
	AEADAES128GCM  = "AEAD_AES_128_GCM"
	AEADAES256GCM  = "AEAD_AES_256_GCM"
)

// SRTPParams are the keys of both directions, each master key followed by
// master salt as in the decoded "inline:" value of SDES: 30 bytes for AES-CM-128,
// 28 for AEAD-AES-128-GCM, 44 for AEAD-AES-256-GCM.
type SRTPParams struct {
	// Profile is one of the names above; both directions use it.
	Profile string
	// SendKey protects what we send: the key we wrote into our SDP.
	SendKey []byte
	// RecvKey opens what we receive: the key of the peer's SDP.
	RecvKey []byte
}

// SRTPKeyLen returns the length in bytes of master key plus salt for a profile
// name, 0 when the profile is not supported.
func SRTPKeyLen(profile string) int {
	switch profile {
	case AESCM128SHA180, AESCM128SHA132:
		return 30
	case AEADAES128GCM:
		return 28
	case AEADAES256GCM:
		return 44
	}
	return 0
}

// Params tell a Leg what was agreed with the peer. Payload type numbers may
// differ per direction: we send with the peer's numbers and hear our own.
type Params struct {
	// Remote is the peer's RTP address from its SDP. Invalid means not yet known: the first valid packet tells.
	Remote netip.AddrPort
	// RemoteRTCP is the peer's RTCP address; invalid means Remote's port + 1 (or Remote itself with RTCPMux).
	RemoteRTCP netip.AddrPort
	// RTCPMux sends RTCP on the RTP port (RFC 5761).
	RTCPMux bool
	// Signalling is the address the peer's SIP message came from. Besides the
	// SDP address it may latch; zero means only the SDP's address may (any address when the SDP's is private).
	Signalling netip.Addr
	// Codec is the agreed audio encoding of both directions.
	Codec Codec
	// SendPT is the payload type we send, RecvPT the one we expect.
	SendPT, RecvPT uint8
	// EventPT and EventRecvPT are the telephone-event numbers (RFC 4733) at the codec's clock; -1 when not agreed.
	// A zero value of both with Codec PCMU would be the codec's own number and therefore also means none.
	EventPT, EventRecvPT int
	// CNPT is the comfort noise number (RFC 3389), normally 13; -1 (or 0) when not agreed.
	CNPT int
	// PTime is the packet time to send: 10, 20, 30, 40 or 60 ms; 0 means 20 ms. Any of them is received. With Opus it is 20 ms.
	PTime time.Duration
	// DTX lets Opus send nothing in pauses; set it when the peer asked for it (usedtx=1).
	DTX bool
	// Direction is ours.
	Direction Direction
	// SRTP holds the SDES keys, nil for plain RTP.
	SRTP *SRTPParams
	// Relatch lets the peer's address be learned again; set it when the peer sent a re-INVITE.
	Relatch bool
}

// clean gives every "not agreed" one form and every optional value its default.
func (p Params) clean() Params {
	none := func(pt *int) {
		if *pt <= 0 || *pt > 127 {
			*pt = -1
		}
	}
	none(&p.EventPT)
	none(&p.EventRecvPT)
	none(&p.CNPT)
	if p.PTime == 0 {
		p.PTime = 20 * time.Millisecond
	}
	if p.Codec == Opus {
		p.PTime = opusFrame
	}
	p.Remote = netip.AddrPortFrom(p.Remote.Addr().Unmap(), p.Remote.Port())
	p.RemoteRTCP = netip.AddrPortFrom(p.RemoteRTCP.Addr().Unmap(), p.RemoteRTCP.Port())
	p.Signalling = p.Signalling.Unmap()
	return p
}

func (p *Params) check() error {
	if p.Codec > Opus {
		return fmt.Errorf("unknown codec %d", p.Codec)
	}
	if p.SendPT > 127 || p.RecvPT > 127 {
		return fmt.Errorf("payload types %d and %d must be below 128", p.SendPT, p.RecvPT)
	}
	if p.Direction > Inactive {
		return fmt.Errorf("unknown direction %d", p.Direction)
	}
	switch p.PTime {
	case 10 * time.Millisecond, 20 * time.Millisecond, 30 * time.Millisecond, 40 * time.Millisecond, 60 * time.Millisecond:
		return nil
	}
	return fmt.Errorf("packet time %v is not 10, 20, 30, 40 or 60 ms", p.PTime)
}
