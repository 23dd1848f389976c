package sdp

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Errors of a negotiation; the first two are answered with 488.
var (
	ErrNoAudio  = errors.New("no audio line that can be taken")
	ErrNoSecure = errors.New("srtp is required and not offered")
	ErrNoOffer  = errors.New("answer without offer")
)

// Local is what we bring to one call.
type Local struct {
	Addr   netip.AddrPort // where we receive RTP; never unspecified
	Codecs []string       // in the order we prefer; empty means PCMA, PCMU, G722
	SRTP   Policy         // "" means Off
}

// Agreed is the outcome of one offer/answer, enough to configure a leg.
type Agreed struct {
	Host      string         // peer's address as written, for names that need resolving
	Remote    netip.AddrPort // invalid while Host is a name or on c=0.0.0.0
	RTCP      netip.AddrPort // invalid: Remote's port + 1
	Port      int
	Mux       bool
	Codec     string
	SendPT    int // the peer's number, put into what we send
	RecvPT    int // our number, expected in what we receive
	EventSend int // telephone-event, -1 when not agreed
	EventRecv int
	Noise     int           // comfort noise, -1 when not agreed
	PTime     time.Duration // packet time to send
	Direction Direction     // ours
	Held      bool          // the peer does not want to hear us
	Keys      *Keys         // nil = plain RTP
}

// Negotiator keeps the offer/answer state of one dialog: our o= line, our
// numbers and keys. Not safe for concurrent use.
type Negotiator struct {
	local   Local
	id      uint32
	version uint64
	last    string // our last description without its version

	line    int    // index of the audio line, -1 before any
	lines   int    // how many m= lines the session has
	proto   string // of the audio line
	dead    []Media
	mine    numbers
	key     crypto // our key, kept while the suite stays
	pending bool   // an offer of ours waits for its answer
	agreed  *Agreed
	wish    Direction
}

// New returns a negotiator with a fresh small session id.
func New(local Local) *Negotiator {
	var b [4]byte
	rand.Read(b[:])
	if len(local.Codecs) == 0 {
		local.Codecs = []string{PCMA, PCMU, G722}
	}
	if local.SRTP == "" {
		local.SRTP = Off
	}
	return &Negotiator{local: local, id: binary.BigEndian.Uint32(b[:])>>1 + 1, line: -1}
}

// Agreed returns the last outcome, nil before the first.
func (n *Negotiator) Agreed() *Agreed { return n.agreed }

// Pending reports whether an offer of ours waits for its answer.
func (n *Negotiator) Pending() bool { return n.pending }

// Answer answers an offer; wish is the direction we would like. The outcome is
// in force from then on. On an error nothing has changed.
func (n *Negotiator) Answer(offer *Description, wish Direction) ([]byte, *Agreed, error) {
	i, c, err := n.choose(offer)
	if err != nil {
		return nil, nil, err
	}
	m := &offer.Media[i]
	theirs := payloads(m)
	codec := n.pick(theirs)
	a := n.outcome(offer, m, codec, theirs, theirs)
	a.Direction = offered(offer, m).Answer(wish)
	a.Held = !offered(offer, m).Receives()
	if c.suite != "" {
		n.useKey(c)
		a.Keys = &Keys{Suite: c.suite, Send: n.key.key, Recv: c.key}
	}
	_, a.Mux = get(m.Attributes, "rtcp-mux")
	n.line, n.lines, n.proto, n.mine, n.wish, n.pending = i, len(offer.Media), m.Proto, theirs, wish, false
	n.dead = offer.Media
	n.agreed = a
	return n.render(n.audio([]string{codec}, theirs, a.Direction, a.Mux, c.suite != "")), a, nil
}

// Offer makes an offer with the given direction: the first one, or a new one
// that keeps line, numbers and keys of the session.
func (n *Negotiator) Offer(wish Direction) []byte {
	secure := n.local.SRTP == Required
	codecs := n.local.Codecs
	if n.line < 0 {
		n.line, n.lines, n.proto = 0, 1, "RTP/AVP"
		n.mine = numbers{codec: map[string]int{}, event: -1, wide: -1, noise: -1}
		for _, c := range codecs {
			if c == Opus {
				n.mine.wide = 110
			} else {
				n.mine.event, n.mine.noise = 101, 13
			}
		}
		for _, c := range codecs {
			n.mine.codec[c] = staticNumber(c)
		}
		if secure {
			n.proto = "RTP/SAVP"
			n.key = crypto{tag: 1, suite: "AES_CM_128_HMAC_SHA1_80", key: newKey("AES_CM_128_HMAC_SHA1_80")}
		}
	} else if n.agreed != nil {
		secure = n.agreed.Keys != nil
		codecs = []string{n.agreed.Codec}
	}
	n.wish, n.pending = wish, true
	mux := n.agreed != nil && n.agreed.Mux
	return n.render(n.audio(codecs, n.mine, wish, mux, secure))
}

// Accept takes the answer to our offer.
func (n *Negotiator) Accept(answer *Description) (*Agreed, error) {
	if !n.pending {
		return nil, ErrNoOffer
	}
	if n.line >= len(answer.Media) {
		return nil, ErrNoAudio
	}
	m := &answer.Media[n.line]
	if m.Port == 0 || m.Kind != "audio" {
		return nil, ErrNoAudio
	}
	theirs := payloads(m)
	codec := ""
	for _, c := range theirs.order {
		if _, ok := n.mine.codec[c]; ok {
			codec = c
			break
		}
	}
	if codec == "" {
		return nil, ErrNoAudio
	}
	a := n.outcome(answer, m, codec, theirs, n.mine)
	dir := offered(answer, m)
	a.Direction = dir.Answer(n.wish)
	a.Held = !dir.Receives()
	if strings.Contains(n.proto, "SAVP") {
		c, ok := chooseCrypto(m)
		if !ok || c.suite != n.key.suite {
			return nil, ErrNoSecure
		}
		a.Keys = &Keys{Suite: c.suite, Send: n.key.key, Recv: c.key}
	}
	_, a.Mux = get(m.Attributes, "rtcp-mux")
	a.Mux = a.Mux && n.agreed != nil && n.agreed.Mux
	n.pending, n.agreed = false, a
	return a, nil
}

// Cancel forgets an offer that was refused; what was agreed before stays.
func (n *Negotiator) Cancel() { n.pending = false }

// offered is the direction of a line, with c=0.0.0.0 read as "do not send".
func offered(d *Description, m *Media) Direction {
	dir := d.direction(m)
	if zeroHost(d.host(m)) {
		return directionOf(dir.Sends(), false)
	}
	return dir
}

// choose finds the audio line to take: the one in use, else the best.
func (n *Negotiator) choose(d *Description) (int, crypto, error) {
	if n.line >= 0 && n.line < len(d.Media) {
		if c, err := n.usable(d, n.line); err == nil {
			return n.line, c, nil
		}
	}
	best, bestCrypto, err := -1, crypto{}, ErrNoAudio
	for i := range d.Media {
		c, e := n.usable(d, i)
		if e == ErrNoSecure {
			err = e
		}
		if e == nil && (best < 0 || c.suite != "" && bestCrypto.suite == "") {
			best, bestCrypto = i, c
		}
	}
	if best < 0 {
		return -1, crypto{}, err
	}
	return best, bestCrypto, nil
}

// usable judges one line of an offer by kind, transport, policy and codecs.
func (n *Negotiator) usable(d *Description, i int) (crypto, error) {
	m := &d.Media[i]
	if m.Kind != "audio" || m.Port == 0 || d.host(m) == "" || n.pick(payloads(m)) == "" {
		return crypto{}, ErrNoAudio
	}
	switch strings.ToUpper(m.Proto) {
	case "RTP/AVP", "RTP/AVPF":
		if n.local.SRTP == Required {
			return crypto{}, ErrNoSecure
		}
		return crypto{}, nil
	case "RTP/SAVP", "RTP/SAVPF":
		c, ok := chooseCrypto(m)
		if n.local.SRTP == Off || !ok {
			return crypto{}, ErrNoAudio
		}
		return c, nil
	}
	return crypto{}, ErrNoAudio
}

// pick is the codec to answer with: the offerer's order decides among ours.
func (n *Negotiator) pick(theirs numbers) string {
	if n.agreed != nil {
		if _, ok := theirs.codec[n.agreed.Codec]; ok {
			return n.agreed.Codec
		}
	}
	for _, c := range theirs.order {
		if slices.Contains(n.local.Codecs, c) {
			return c
		}
	}
	return ""
}

// useKey keeps our key while the suite stays and takes over the tag.
func (n *Negotiator) useKey(c crypto) {
	if n.key.suite != c.suite {
		n.key = crypto{suite: c.suite, key: newKey(c.suite)}
	}
	n.key.tag = c.tag
}

func (n *Negotiator) outcome(d *Description, m *Media, codec string, theirs, mine numbers) *Agreed {
	a := &Agreed{Codec: codec, SendPT: theirs.codec[codec], RecvPT: mine.codec[codec],
		EventSend: theirs.eventOf(codec), EventRecv: mine.eventOf(codec), Noise: theirs.noise, PTime: packetTime(m),
		Host: d.host(m), Port: m.Port}
	if a.EventSend < 0 || a.EventRecv < 0 {
		a.EventSend, a.EventRecv = -1, -1
	}
	if mine.noise < 0 || codec == Opus { // Opus has its own
		a.Noise = -1
	}
	addr, err := netip.ParseAddr(a.Host)
	if err != nil || addr.IsUnspecified() {
		return a
	}
	a.Remote = netip.AddrPortFrom(addr.Unmap(), uint16(m.Port))
	if v, ok := get(m.Attributes, "rtcp"); ok {
		a.RTCP = rtcpAddr(v, addr.Unmap())
	}
	return a
}

// rtcpAddr reads "port" or "port IN IP4 address" (RFC 3605).
func rtcpAddr(v string, host netip.Addr) netip.AddrPort {
	f := strings.Fields(v)
	if len(f) == 0 {
		return netip.AddrPort{}
	}
	port, err := strconv.ParseUint(f[0], 10, 16)
	if err != nil || port == 0 {
		return netip.AddrPort{}
	}
	if len(f) >= 4 {
		if a, err := netip.ParseAddr(f[3]); err == nil && !a.IsUnspecified() {
			host = a.Unmap()
		}
	}
	return netip.AddrPortFrom(host, uint16(port))
}

// audio renders our m= line with its attributes.
func (n *Negotiator) audio(codecs []string, num numbers, dir Direction, mux, secure bool) string {
	var formats, maps strings.Builder
	add := func(pt int, enc string) {
		formats.WriteString(" " + strconv.Itoa(pt))
		maps.WriteString("a=rtpmap:" + strconv.Itoa(pt) + " " + enc + "\r\n")
	}
	narrow, wide := false, false
	for _, c := range codecs {
		add(num.codec[c], encoding(c))
		if c == Opus {
			maps.WriteString("a=fmtp:" + strconv.Itoa(num.codec[c]) + " useinbandfec=1\r\n")
		}
		narrow, wide = narrow || c != Opus, wide || c == Opus
	}
	if num.noise >= 0 && narrow {
		add(num.noise, "CN/8000")
	}
	for _, e := range []struct{ pt, clock int }{{num.event, rtpClock}, {num.wide, opusClock}} {
		if e.pt >= 0 && (e.clock == rtpClock && narrow || e.clock == opusClock && wide) {
			add(e.pt, "telephone-event/"+strconv.Itoa(e.clock))
			maps.WriteString("a=fmtp:" + strconv.Itoa(e.pt) + " 0-15\r\n")
		}
	}
	s := "m=audio " + strconv.Itoa(int(n.local.Addr.Port())) + " " + n.proto + formats.String() + "\r\n" + maps.String()
	if secure {
		s += "a=crypto:" + n.key.String() + "\r\n"
	}
	if mux {
		s += "a=rtcp-mux\r\n"
	}
	return s + "a=ptime:20\r\na=" + dir.String() + "\r\n"
}

// render puts the session together: our audio line in its place, every other
// line refused with port 0. The version grows by 1 when anything changed.
func (n *Negotiator) render(audio string) []byte {
	addr := n.local.Addr.Addr().Unmap()
	body := "s=-\r\nc=IN " + family(addr) + " " + addr.String() + "\r\nt=0 0\r\n"
	for i := 0; i < n.lines; i++ {
		if i == n.line {
			body += audio
			continue
		}
		body += refused(n.dead, i)
	}
	if body != n.last {
		n.version++
		n.last = body
	}
	return []byte("v=0\r\no=- " + strconv.FormatUint(uint64(n.id), 10) + " " + strconv.FormatUint(n.version, 10) +
		" IN " + family(addr) + " " + addr.String() + "\r\n" + body)
}

// refused mirrors a line of the peer with port 0 (RFC 3264 6).
func refused(lines []Media, i int) string {
	if i >= len(lines) {
		return "m=audio 0 RTP/AVP 0\r\n"
	}
	formats := lines[i].Formats
	if len(formats) == 0 {
		formats = []string{"0"}
	}
	return "m=" + lines[i].Kind + " 0 " + lines[i].Proto + " " + formats[0] + "\r\n"
}

// RemotePort renders host and port of an outcome whose Host is a name.
func (a *Agreed) RemotePort() string { return net.JoinHostPort(a.Host, strconv.Itoa(a.Port)) }

// Reopen lets a second answer to the same offer be taken: a 200 whose
// description differs from that of the 183 before it, or another fork's.
func (n *Negotiator) Reopen() { n.pending = n.line >= 0 }
