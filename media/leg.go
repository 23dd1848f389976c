package media

import (
	"context"
	"net/netip"

	"tingxin/audio"
)

// Leg is one media path to one party. Its methods may be called from any goroutine.
type Leg struct{}

// Local is the advertised RTP address and port for SDP.
func (l *Leg) Local() netip.AddrPort { return netip.AddrPort{} }

// LocalFor is Local as seen by the given peer: with no External address and an
// unspecified Listen address it is the address the route to the peer uses.
func (l *Leg) LocalFor(peer netip.Addr) netip.AddrPort { return netip.AddrPort{} }

// LocalRTCP is the advertised RTCP address and port: Local's port + 1.
func (l *Leg) LocalRTCP() netip.AddrPort { return netip.AddrPort{} }

// Configure applies what was agreed: the first answer and every later change
// (hold, new remote, codec, keys). Configuring the same twice changes nothing;
// the clock, sequence numbers and SSRC go on.
func (l *Leg) Configure(p Params) error { return ErrClosed }

// AddTap writes every received frame to w, a steady 50 per second from Configure
// to Close, lost and missing ones filled and flagged. remove ends it; a frame
// being written at that moment may still arrive.
func (l *Leg) AddTap(w audio.Writer) (remove func()) { return func() {} }

// AddSentTap writes every frame that we send on this leg to w (silence while we
// send nothing), on the same clock as AddTap.
func (l *Leg) AddSentTap(w audio.Writer) (remove func()) { return func() {} }

// Play plays src instead of what is being played and over a bridge.
func (l *Leg) Play(src Source) *Playout { return nil }

// Digits delivers one Digit per key press. It is closed by Close.
func (l *Leg) Digits() <-chan Digit { return nil }

// DetectInband turns the detection of DTMF tones in the received sound on or off.
func (l *Leg) DetectInband(on bool) {}

// SendDigits presses keys ("0123456789*#ABCD", ',' is a pause of 500 ms) one after the
// other, as RFC 4733 events or, when not agreed, as tones. It returns when the last was sent.
func (l *Leg) SendDigits(ctx context.Context, keys string) error { return ErrClosed }

// Echo sends back what is received.
func (l *Leg) Echo(on bool) {}

// Stats returns the leg's counters.
func (l *Leg) Stats() LegStats { return LegStats{} }

// Activity tells when packets came.
func (l *Leg) Activity() Activity { return Activity{} }

// Params returns what was last configured.
func (l *Leg) Params() Params { return Params{} }

// Close sends RTCP BYE, closes the sockets and lets the ports rest. Twice is fine.
func (l *Leg) Close() error { return nil }
