package caller

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// message is a SIP request or response, as much of it as a caller needs.
type message struct {
	method string // requests
	uri    string
	status int // responses
	reason string
	header map[string][]string // by lower-case long name
	body   []byte
}

var errMessage = errors.New("not a sip message")

// compact forms of RFC 3261 section 7.3.3.
var compact = map[string]string{
	"v": "via", "f": "from", "t": "to", "i": "call-id", "m": "contact", "l": "content-length", "c": "content-type",
}

// parse reads one datagram.
func parse(data []byte) (*message, error) {
	head, body, ok := bytes.Cut(data, []byte("\r\n\r\n"))
	if !ok {
		return nil, errMessage
	}
	lines := strings.Split(string(head), "\r\n")
	m := &message{header: make(map[string][]string, len(lines))}
	if err := m.startLine(lines[0]); err != nil {
		return nil, err
	}
	last := ""
	for _, line := range lines[1:] {
		if line != "" && (line[0] == ' ' || line[0] == '\t') && last != "" { // folded
			v := m.header[last]
			v[len(v)-1] += " " + strings.TrimSpace(line)
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			return nil, errMessage
		}
		name = strings.ToLower(strings.TrimSpace(name))
		if long := compact[name]; long != "" {
			name = long
		}
		m.header[name], last = append(m.header[name], strings.TrimSpace(value)), name
	}
	if m.get("call-id") == "" || m.get("cseq") == "" {
		return nil, errMessage
	}
	m.body = append(m.body, body...)
	return m, nil
}

func (m *message) startLine(line string) error {
	if rest, ok := strings.CutPrefix(line, "SIP/2.0 "); ok {
		code, reason, _ := strings.Cut(rest, " ")
		status, err := strconv.Atoi(code)
		if err != nil || status < 100 || status > 699 {
			return errMessage
		}
		m.status, m.reason = status, reason
		return nil
	}
	f := strings.Split(line, " ")
	if len(f) != 3 || f[2] != "SIP/2.0" || f[0] == "" {
		return errMessage
	}
	m.method, m.uri = f[0], f[1]
	return nil
}

// get is the first value of a header.
func (m *message) get(name string) string {
	if v := m.header[name]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// cseq gives number and method of the CSeq header.
func (m *message) cseq() (int, string) {
	n, method, _ := strings.Cut(m.get("cseq"), " ")
	v, _ := strconv.Atoi(n)
	return v, strings.TrimSpace(method)
}

// tag is the tag parameter of a From or To value.
func tag(value string) string {
	if i := strings.LastIndexByte(value, '>'); i >= 0 {
		value = value[i+1:]
	}
	for _, p := range strings.Split(value, ";")[1:] {
		if k, v, _ := strings.Cut(strings.TrimSpace(p), "="); strings.EqualFold(k, "tag") {
			return v
		}
	}
	return ""
}

// address is the URI in a Contact or Record-Route value.
func address(value string) string {
	if i := strings.IndexByte(value, '<'); i >= 0 {
		if j := strings.IndexByte(value[i:], '>'); j > 0 {
			return value[i+1 : i+j]
		}
	}
	uri, _, _ := strings.Cut(value, ";")
	return strings.TrimSpace(uri)
}

// reply writes a response to request m with our tag and an optional SDP body.
func (m *message) reply(status int, reason, toTag, contact, sdp string) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "SIP/2.0 %d %s\r\n", status, reason)
	for _, v := range m.header["via"] {
		fmt.Fprintf(&b, "Via: %s\r\n", v)
	}
	to := m.get("to")
	if tag(to) == "" && toTag != "" {
		to += ";tag=" + toTag
	}
	fmt.Fprintf(&b, "From: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %s\r\n", m.get("from"), to, m.get("call-id"), m.get("cseq"))
	if contact != "" {
		fmt.Fprintf(&b, "Contact: <%s>\r\n", contact)
	}
	if sdp != "" {
		b.WriteString("Content-Type: application/sdp\r\n")
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(sdp), sdp)
	return []byte(b.String())
}
