package media

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/sdp/v3"
)

// UnacceptableError says why a browser's SDP cannot be agreed to; a SIP server
// answers 488 Not Acceptable Here.
type UnacceptableError struct {
	// Reason is what the SDP lacks, in one short sentence.
	Reason string
}

func (e *UnacceptableError) Error() string { return "sdp not acceptable: " + e.Reason }

func unacceptable(format string, args ...any) error {
	return &UnacceptableError{Reason: fmt.Sprintf(format, args...)}
}

// maxSDP bounds a session description; browsers with many candidates write 10 KiB.
const maxSDP = 64 << 10

// rtpFormat is one payload format of an m-line.
type rtpFormat struct {
	pt    uint8
	name  string // lower case
	clock int
	fmtp  string
}

// remoteSDP is what we need of a browser's session description.
type remoteSDP struct {
	sections     []remoteSection
	audio        int // index of the audio section used
	bundled      bool
	ufrag, pwd   string
	lite         bool
	fingerprints []fingerprint
	setup        string // active, passive, actpass
	direction    Direction
	formats      []rtpFormat
	ptime        time.Duration
	candidates   []ice.Candidate
}

// remoteSection is an m-line to be answered in its place.
type remoteSection struct {
	kind, proto, formats, mid string
}

// parseWebRTC reads an offer or answer and refuses what a browser's leg cannot do without.
func parseWebRTC(raw []byte) (*remoteSDP, error) {
	if len(raw) > maxSDP {
		return nil, unacceptable("longer than %d bytes", maxSDP)
	}
	var d sdp.SessionDescription
	if err := d.UnmarshalString(string(raw)); err != nil {
		return nil, unacceptable("%v", err)
	}
	r := &remoteSDP{audio: -1}
	for i, m := range d.MediaDescriptions {
		mid, _ := m.Attribute("mid")
		r.sections = append(r.sections, remoteSection{
			kind: m.MediaName.Media, proto: strings.Join(m.MediaName.Protos, "/"),
			formats: strings.Join(m.MediaName.Formats, " "), mid: mid,
		})
		if m.MediaName.Media == "audio" && m.MediaName.Port.Value != 0 && r.audio < 0 {
			r.audio = i
		}
	}
	if r.audio < 0 {
		return nil, unacceptable("no audio")
	}
	if group, ok := d.Attribute("group"); ok {
		words := strings.Fields(group)
		r.bundled = len(words) > 1 && words[0] == "BUNDLE" && slices.Contains(words[1:], r.sections[r.audio].mid)
	}
	return r, r.read(&d, d.MediaDescriptions[r.audio])
}

// read takes the audio section; what it lacks may stand at session level.
func (r *remoteSDP) read(d *sdp.SessionDescription, m *sdp.MediaDescription) error {
	attr := func(key string) string {
		if v, ok := m.Attribute(key); ok {
			return v
		}
		v, _ := d.Attribute(key)
		return v
	}
	if p := r.sections[r.audio].proto; p != "UDP/TLS/RTP/SAVPF" && p != "UDP/TLS/RTP/SAVP" {
		return unacceptable("audio over %q instead of UDP/TLS/RTP/SAVPF", p)
	}
	if _, mux := m.Attribute("rtcp-mux"); !mux {
		return unacceptable("no rtcp-mux")
	}
	r.ufrag, r.pwd = attr("ice-ufrag"), attr("ice-pwd")
	if len(r.ufrag) < 4 || len(r.pwd) < 22 || len(r.ufrag) > 256 || len(r.pwd) > 256 {
		return unacceptable("no ICE credentials")
	}
	_, r.lite = d.Attribute("ice-lite")
	for _, a := range append(slices.Clone(d.Attributes), m.Attributes...) {
		if hash, value, ok := strings.Cut(a.Value, " "); ok && a.Key == "fingerprint" {
			r.fingerprints = append(r.fingerprints, fingerprint{hash, strings.TrimSpace(value)})
		}
	}
	if len(r.fingerprints) == 0 {
		return unacceptable("no fingerprint")
	}
	if r.setup = attr("setup"); r.setup == "" {
		r.setup = "actpass"
	}
	if !slices.Contains([]string{"active", "passive", "actpass"}, r.setup) {
		return unacceptable("setup %q", r.setup)
	}
	r.direction = readDirection(d, m)
	if ms, err := strconv.Atoi(attr("ptime")); err == nil {
		r.ptime = time.Duration(ms) * time.Millisecond
	}
	r.readFormats(m)
	for _, a := range m.Attributes {
		if a.Key != "candidate" || len(r.candidates) >= 64 {
			continue
		}
		if c, err := ice.UnmarshalCandidate(a.Value); err == nil && c.Component() == ice.ComponentRTP && !c.NetworkType().IsTCP() {
			r.candidates = append(r.candidates, c)
		}
	}
	return nil
}

func readDirection(d *sdp.SessionDescription, m *sdp.MediaDescription) Direction {
	for _, has := range []func(string) (string, bool){m.Attribute, d.Attribute} {
		for dir := SendRecv; dir <= Inactive; dir++ {
			if _, ok := has(dir.String()); ok {
				return dir
			}
		}
	}
	return SendRecv
}

// static are the formats whose numbers need no rtpmap (RFC 3551).
var static = map[uint8]string{0: "pcmu", 8: "pcma", 9: "g722", 13: "cn"}

func (r *remoteSDP) readFormats(m *sdp.MediaDescription) {
	maps, fmtps := map[string]string{}, map[string]string{}
	for _, a := range m.Attributes {
		pt, value, _ := strings.Cut(a.Value, " ")
		switch a.Key {
		case "rtpmap":
			maps[pt] = strings.ToLower(value)
		case "fmtp":
			fmtps[pt] = value
		}
	}
	for _, word := range m.MediaName.Formats {
		pt, err := strconv.ParseUint(word, 10, 7)
		if err != nil {
			continue
		}
		f := rtpFormat{pt: uint8(pt), name: static[uint8(pt)], clock: 8000, fmtp: fmtps[word]}
		if parts := strings.Split(maps[word], "/"); len(parts) > 1 {
			f.name = parts[0]
			f.clock, _ = strconv.Atoi(parts[1])
		}
		if f.name != "" {
			r.formats = append(r.formats, f)
		}
	}
}

// find returns the format of a name and clock, -1 when absent.
func find(formats []rtpFormat, name string, clock int) int {
	return slices.IndexFunc(formats, func(f rtpFormat) bool { return f.name == name && f.clock == clock })
}

// localSDP is what we say of ourselves.
type localSDP struct {
	session     uint64
	version     uint64
	sections    []remoteSection // every m-line; the audio one is written from the rest
	audio       int
	bundled     bool
	ufrag, pwd  string
	fingerprint string
	setup       string
	direction   Direction
	formats     []rtpFormat
	ptime       time.Duration
	candidates  []string // the values of a=candidate
	host        string   // of the default candidate
	port        int
	ssrc        uint32
	cname       string
}

// String writes the session description with complete candidates.
func (s *localSDP) String() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\r\n", args...) }
	line("v=0")
	line("o=- %d %d IN %s", s.session, s.version, s.address())
	line("s=-")
	line("t=0 0")
	if s.bundled {
		line("a=group:BUNDLE %s", s.sections[s.audio].mid)
	}
	line("a=msid-semantic: WMS tingxin")
	for i, m := range s.sections {
		if i == s.audio {
			s.writeAudio(line, m)
			continue
		}
		line("m=%s 0 %s %s", m.kind, m.proto, m.formats)
		line("c=IN IP4 0.0.0.0")
		if m.mid != "" {
			line("a=mid:%s", m.mid)
		}
		line("a=inactive")
	}
	return b.String()
}

func (s *localSDP) address() string {
	if strings.Contains(s.host, ":") {
		return "IP6 " + s.host
	}
	return "IP4 " + s.host
}

func (s *localSDP) writeAudio(line func(string, ...any), m remoteSection) {
	var numbers []string
	for _, f := range s.formats {
		numbers = append(numbers, strconv.Itoa(int(f.pt)))
	}
	line("m=audio %d UDP/TLS/RTP/SAVPF %s", s.port, strings.Join(numbers, " "))
	line("c=IN %s", s.address())
	line("a=rtcp:%d IN %s", s.port, s.address())
	if m.mid != "" {
		line("a=mid:%s", m.mid)
	}
	line("a=ice-ufrag:%s", s.ufrag)
	line("a=ice-pwd:%s", s.pwd)
	line("a=fingerprint:sha-256 %s", s.fingerprint)
	line("a=setup:%s", s.setup)
	line("a=rtcp-mux")
	line("a=%s", s.direction)
	for _, f := range s.formats {
		channels := ""
		if f.name == "opus" {
			channels = "/2"
		}
		line("a=rtpmap:%d %s/%d%s", f.pt, sdpName(f.name), f.clock, channels)
		if f.fmtp != "" {
			line("a=fmtp:%d %s", f.pt, f.fmtp)
		}
	}
	if s.ptime != 0 {
		line("a=ptime:%d", s.ptime/time.Millisecond)
	}
	line("a=msid:tingxin audio")
	line("a=ssrc:%d cname:%s", s.ssrc, s.cname)
	for _, c := range s.candidates {
		line("a=candidate:%s", c)
	}
	line("a=end-of-candidates")
}

// sdpName is a format's name as others write it.
func sdpName(name string) string {
	switch name {
	case "pcmu", "pcma", "g722", "cn":
		return strings.ToUpper(name)
	}
	return name
}
