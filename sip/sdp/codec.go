package sdp

import (
	"strconv"
	"strings"
	"time"
)

// Codec names; the first three have an RTP clock of 8000 (RFC 3551 4.5.2 for
// G722), Opus one of 48000 and is written with two channels whatever it carries
// (RFC 7587 7).
const (
	PCMU = "PCMU"
	PCMA = "PCMA"
	G722 = "G722"
	Opus = "OPUS"
)

const (
	rtpClock  = 8000
	opusClock = 48000
)

// encoding is what a=rtpmap says of a codec.
func encoding(codec string) string {
	if codec == Opus {
		return "opus/48000/2"
	}
	return codec + "/8000"
}

// static payload types (RFC 3551 table 4).
var static = map[int]string{0: PCMU, 8: PCMA, 9: G722, 13: "CN"}

// staticNumber is the number of a codec in our offers: the static one, for Opus
// the dynamic one that everybody uses.
func staticNumber(codec string) int {
	if codec == Opus {
		return 111
	}
	for n, name := range static {
		if name == codec {
			return n
		}
	}
	return -1
}

// numbers are the payload types one description gives to what we know; -1
// means absent.
type numbers struct {
	codec map[string]int
	order []string // codecs as the description prefers them
	event int      // telephone-event at 8000
	wide  int      // telephone-event at 48000, which goes with Opus (RFC 4733 2.1)
	noise int      // comfort noise
}

// eventOf is the telephone-event at the clock of a codec.
func (n *numbers) eventOf(codec string) int {
	if codec == Opus {
		return n.wide
	}
	return n.event
}

// payloads reads m= formats and a=rtpmap. A dynamic number without map and a
// telephone-event at another clock are not ours.
func payloads(m *Media) numbers {
	n := numbers{codec: map[string]int{}, event: -1, wide: -1, noise: -1}
	for _, f := range m.Formats {
		pt, err := strconv.Atoi(f)
		if err != nil || pt < 0 || pt > 127 {
			continue
		}
		name, clock, channels := rtpmap(m, pt)
		if clock == opusClock {
			n.wideband(name, pt, channels)
			continue
		}
		if clock != rtpClock || channels > 1 {
			continue
		}
		switch name {
		case PCMU, PCMA, G722:
			if _, twice := n.codec[name]; !twice {
				n.codec[name] = pt
				n.order = append(n.order, name)
			}
		case "TELEPHONE-EVENT":
			if n.event < 0 {
				n.event = pt
			}
		case "CN":
			if n.noise < 0 {
				n.noise = pt
			}
		}
	}
	return n
}

// wideband takes what has a clock of 48000.
func (n *numbers) wideband(name string, pt, channels int) {
	switch {
	case name == Opus && channels == 2:
		if _, twice := n.codec[Opus]; !twice {
			n.codec[Opus] = pt
			n.order = append(n.order, Opus)
		}
	case name == "TELEPHONE-EVENT" && n.wide < 0:
		n.wide = pt
	}
}

func rtpmap(m *Media, pt int) (name string, clock, channels int) {
	for _, a := range m.Attributes {
		if !strings.EqualFold(a.Name, "rtpmap") {
			continue
		}
		number, enc, ok := strings.Cut(a.Value, " ")
		if got, err := strconv.Atoi(number); !ok || err != nil || got != pt {
			continue
		}
		p := strings.Split(strings.TrimSpace(enc), "/")
		name, channels = strings.ToUpper(p[0]), 1
		if len(p) > 1 {
			clock, _ = strconv.Atoi(p[1])
		}
		if len(p) > 2 {
			channels, _ = strconv.Atoi(p[2])
		}
		return name, clock, channels
	}
	if name, ok := static[pt]; ok {
		return name, rtpClock, 1
	}
	return "", 0, 0
}

// packetTime returns the packet time to send: what the peer asks for when we
// can do it, never above its maxptime, 20 ms otherwise.
func packetTime(m *Media) time.Duration {
	want := 20
	if v, ok := get(m.Attributes, "ptime"); ok {
		if n, err := strconv.Atoi(v); err == nil {
			want = n
		}
	}
	limit := 60
	if v, ok := get(m.Attributes, "maxptime"); ok {
		if n, err := strconv.Atoi(v); err == nil && n >= 10 {
			limit = min(limit, n)
		}
	}
	best := 20
	if best > limit {
		best = 10
	}
	for _, ms := range [...]int{10, 20, 30, 40, 60} {
		if ms == want && ms <= limit {
			best = ms
		}
	}
	return time.Duration(best) * time.Millisecond
}
