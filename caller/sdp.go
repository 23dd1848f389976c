package caller

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// eventPT is the payload type we offer for RFC 4733.
const eventPT = 101

// offer is our session description for one stream at addr.
func offer(addr netip.AddrPort, codec Codec, version int) string {
	return describe(addr, codec, int(codec.payloadType()), eventPT, version)
}

// describe is a session description with these numbers; without events when event is -1.
func describe(addr netip.AddrPort, codec Codec, pt, event, version int) string {
	family := "IP4"
	if addr.Addr().Is6() {
		family = "IP6"
	}
	encoding, keys, formats := codecName(codec), "", strconv.Itoa(pt)
	if event >= 0 {
		formats += " " + strconv.Itoa(event)
		keys = fmt.Sprintf("a=rtpmap:%d telephone-event/%d\r\na=fmtp:%d 0-15\r\n", event, codec.clock(), event)
	}
	return fmt.Sprintf("v=0\r\no=- 1 %d IN %s %s\r\ns=-\r\nc=IN %s %s\r\nt=0 0\r\nm=audio %d RTP/AVP %s\r\n"+
		"a=rtpmap:%d %s\r\n%sa=ptime:20\r\na=sendrecv\r\n",
		version, family, addr.Addr(), family, addr.Addr(), addr.Port(), formats, pt, encoding, keys)
}

// codecName is the encoding of a=rtpmap.
func codecName(c Codec) string {
	switch c {
	case "":
		return string(PCMU) + "/8000"
	case Opus:
		return "opus/48000/2"
	}
	return string(c) + "/8000"
}

var errSDP = errors.New("no usable audio in the answer")

// answer is what we take from the far end's session description.
type answer struct {
	remote netip.AddrPort
	pt     uint8
	event  int // payload type of telephone-event, -1 when refused

	formats []uint8
	maps    map[uint8]string // upper case
}

// number is the payload type that a description gives to an encoding.
func (a *answer) number(encoding string, static uint8) (uint8, bool) {
	for _, pt := range a.formats {
		if m, mapped := a.maps[pt]; mapped && m == strings.ToUpper(encoding) || !mapped && pt == static && pt < 96 {
			return pt, true
		}
	}
	return 0, false
}

// speaks says whether the far end chose the codec; an answer's numbers are its own.
func (a *answer) speaks(c Codec) bool {
	pt, ok := a.number(codecName(c), c.payloadType())
	return ok && pt == a.pt
}

// readOffer takes a codec from an offer of the far end, false when it is not in it.
func readOffer(body []byte, codec Codec) (answer, bool) {
	a, err := readAnswer(body)
	if err != nil {
		return a, false
	}
	pt, ok := a.number(codecName(codec), codec.payloadType())
	if !ok {
		return a, false
	}
	a.pt, a.event = pt, -1
	if event, ok := a.number("telephone-event/"+strconv.Itoa(int(codec.clock())), 255); ok {
		a.event = int(event)
	}
	return a, true
}

// readAnswer reads the first audio line of an SDP answer (RFC 3264).
func readAnswer(body []byte) (answer, error) {
	a := answer{event: -1, maps: map[uint8]string{}}
	var session, media netip.Addr
	port, inAudio := 0, false
	for line := range strings.Lines(string(body)) {
		line = strings.TrimRight(line, "\r\n")
		switch {
		case strings.HasPrefix(line, "c="):
			f := strings.Fields(line[2:])
			if len(f) != 3 {
				return a, errSDP
			}
			host, _, _ := strings.Cut(f[2], "/")
			ip, err := netip.ParseAddr(host)
			if err != nil {
				return a, errSDP
			}
			if inAudio {
				media = ip
			} else if port == 0 {
				session = ip
			}
		case strings.HasPrefix(line, "m="):
			inAudio = false
			f := strings.Fields(line[2:])
			if port != 0 || len(f) < 4 || f[0] != "audio" {
				continue
			}
			p, err1 := strconv.ParseUint(f[1], 10, 16)
			pt, err2 := strconv.ParseUint(f[3], 10, 7)
			if err1 != nil || err2 != nil || p == 0 {
				return a, errSDP
			}
			port, a.pt, inAudio = int(p), uint8(pt), true
			for _, format := range f[3:] {
				if pt, err := strconv.ParseUint(format, 10, 7); err == nil {
					a.formats = append(a.formats, uint8(pt))
				}
			}
		case inAudio && strings.HasPrefix(line, "a=rtpmap:"):
			n, encoding, _ := strings.Cut(line[len("a=rtpmap:"):], " ")
			v, err := strconv.ParseUint(n, 10, 7)
			if err != nil {
				continue
			}
			a.maps[uint8(v)] = strings.TrimSuffix(strings.ToUpper(strings.TrimSpace(encoding)), "/1")
			if strings.Contains(encoding, "telephone-event") {
				a.event = int(v)
			}
		}
	}
	if media.IsValid() {
		session = media
	}
	if port == 0 || !session.IsValid() {
		return a, errSDP
	}
	a.remote = netip.AddrPortFrom(session, uint16(port))
	return a, nil
}
