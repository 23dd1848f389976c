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
	pt := codec.payloadType()
	family := "IP4"
	if addr.Addr().Is6() {
		family = "IP6"
	}
	return fmt.Sprintf("v=0\r\no=- 1 %d IN %s %s\r\ns=-\r\nc=IN %s %s\r\nt=0 0\r\nm=audio %d RTP/AVP %d %d\r\n"+
		"a=rtpmap:%d %s/8000\r\na=rtpmap:%d telephone-event/8000\r\na=fmtp:%d 0-15\r\na=ptime:20\r\na=sendrecv\r\n",
		version, family, addr.Addr(), family, addr.Addr(), addr.Port(), pt, eventPT, pt, codecName(codec), eventPT, eventPT)
}

func codecName(c Codec) string {
	if c == "" {
		return string(PCMU)
	}
	return string(c)
}

var errSDP = errors.New("no usable audio in the answer")

// answer is what we take from the far end's session description.
type answer struct {
	remote netip.AddrPort
	pt     uint8
	event  int // payload type of telephone-event, -1 when refused
}

// readAnswer reads the first audio line of an SDP answer (RFC 3264).
func readAnswer(body []byte) (answer, error) {
	a := answer{event: -1}
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
		case inAudio && strings.HasPrefix(line, "a=rtpmap:") && strings.Contains(line, "telephone-event"):
			n, _, _ := strings.Cut(line[len("a=rtpmap:"):], " ")
			if v, err := strconv.ParseUint(n, 10, 7); err == nil {
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
