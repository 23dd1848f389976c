package caller

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// Config of an Agent; the zero value calls from 127.0.0.1 on any port.
type Config struct {
	// Listen is the address of the SIP socket and, with port 0, of the RTP sockets ("127.0.0.1:0").
	Listen string
	// UserAgent is the name given in requests ("tingxin-caller").
	UserAgent string
	// T1 is the estimate of the round trip of RFC 3261 section 17 (500 ms).
	T1 time.Duration
	// Answer says how to take a call to a number of ours (the user part of the Request-URI); the call's To is not
	// used. Calls are refused with 404 when it returns false, and without it all are refused.
	Answer func(number string) (CallConfig, bool)
	// Answered is told of every call that was taken, after its end.
	Answered func(number string, r Report)
}

// Codec is a payload format of the caller.
type Codec string

// The codecs the caller speaks; the zero value is PCMU.
const (
	PCMU Codec = "PCMU"
	PCMA Codec = "PCMA"
	G722 Codec = "G722"
	// Opus is mono voice at 24 kbit/s (RFC 7587).
	Opus Codec = "opus"
)

// Codecs are all that the caller speaks.
func Codecs() []Codec { return []Codec{PCMU, PCMA, G722, Opus} }

// payloadType is the static number of RFC 3551; for Opus the one that we offer.
func (c Codec) payloadType() uint8 {
	switch c {
	case PCMA:
		return 8
	case G722:
		return 9
	case Opus:
		return 111
	}
	return 0
}

// clock is the rate of RTP time stamps in Hz; that of G722 is 8000 by history (RFC 3551 4.5.2).
func (c Codec) clock() uint32 {
	if c == Opus {
		return 48000
	}
	return 8000
}

// step is 20 ms of the clock.
func (c Codec) step() uint32 { return c.clock() / 50 }

// CallConfig describes one call.
type CallConfig struct {
	// To is the SIP URI to call, "sip:echo@127.0.0.1:5060"; the host is an address.
	To string
	// From is the user part of our own address ("caller").
	From string
	// Username and Password answer a digest challenge, if there is one.
	Username, Password string
	// Codec is offered; the zero value is PCMU.
	Codec Codec
	// Audio is what to say, 16 kHz mono. Clip, made by Encode, takes its place when many calls say the same.
	Audio []int16
	Clip  *Clip
	// Say is what to say piece by piece, 16 kHz mono, as it comes; between the pieces there is silence. It takes the
	// place of Audio and Lead; Tail begins when it is closed and the last piece is over.
	Say <-chan []int16
	// Loop says the audio again and again until Hold is over.
	Loop bool
	// Lead is silence before the audio. With LeadQuiet the audio starts sooner: as soon as the far end
	// has spoken and then been quiet for that long.
	Lead, LeadQuiet time.Duration
	// Tail is silence after the audio before we hang up.
	Tail time.Duration
	// Hold is how long the call lasts after the answer; 0 means until Audio and Tail are over.
	Hold time.Duration
	// Keys are pressed by RFC 4733, KeysAfter the answer.
	Keys      string
	KeysAfter time.Duration
	// Record keeps what the far end sent, up to RecordMax (5 minutes), in Report.Audio.
	Record    bool
	RecordMax time.Duration
	// MeasureDelay notes for 5 seconds, MeasureAfter the answer, when which sound left and came, for Delays.
	MeasureDelay bool
	MeasureAfter time.Duration
	// AnswerTimeout ends an unanswered call with CANCEL (60 s).
	AnswerTimeout time.Duration
	// OnAnswer is called when the call is answered, OnAudio when the first sample of Audio is sent.
	OnAnswer func(at time.Time)
	OnAudio  func(at time.Time)
}

// ErrTarget is returned for an address that cannot be called.
var ErrTarget = errors.New("not a SIP address with a numeric host, such as sip:echo@127.0.0.1:5060")

// target parses "sip:user@host:port".
func target(to string) (uri string, addr netip.AddrPort, err error) {
	rest, ok := strings.CutPrefix(to, "sip:")
	if !ok {
		return "", addr, fmt.Errorf("%q: %w", to, ErrTarget)
	}
	host := rest
	if i := strings.LastIndexByte(host, '@'); i >= 0 {
		host = host[i+1:]
	}
	host, _, _ = strings.Cut(host, ";")
	if addr, err = netip.ParseAddrPort(host); err == nil {
		return to, addr, nil
	}
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	if err != nil {
		return "", addr, fmt.Errorf("%q: %w", to, ErrTarget)
	}
	return to, netip.AddrPortFrom(ip, 5060), nil
}
