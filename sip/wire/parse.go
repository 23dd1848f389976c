package wire

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
)

// MaxHead and MaxBody bound one message in bytes.
const (
	MaxHead    = 32 << 10
	MaxBody    = 64 << 10
	maxHeaders = 256
)

// ErrUnreadable means that the bytes are no SIP message at all: nothing can be
// answered, the caller counts and drops.
var ErrUnreadable = errors.New("not a sip message")

// Fault is why a request is refused: the status RFC 3261 or RFC 4475 names.
type Fault struct {
	Status  int
	Reason  string   // reason phrase, also the label of the counter
	Headers []Header // what the answer must carry (Allow, Unsupported, Accept)
	Close   bool     // on a stream the connection cannot be used any further
}

func bad(reason string) *Fault { return &Fault{Status: 400, Reason: reason} }

// Parse reads one datagram (RFC 3261 18.3). Octets after the body are ignored.
// The data is copied where the message keeps it.
func Parse(data []byte) (*Message, error) {
	data = bytes.TrimLeft(data, "\r\n")
	head, body, complete := cutHead(data)
	m, err := parseHead(string(head))
	if err != nil {
		return nil, err
	}
	n, has := m.bodyLength()
	switch {
	case m.fault != nil && m.fault.Close:
	case !complete && has && n > 0, has && n > len(body):
		m.note(&Fault{Status: 400, Reason: "Body Shorter Than Content-Length", Close: true})
	case has:
		body = body[:n]
	}
	m.Body = bytes.Clone(body)
	return m, nil
}

// cutHead finds the empty line; complete is false when there is none and all
// data is head.
func cutHead(data []byte) (head, body []byte, complete bool) {
	i := headEnd(data)
	if i < 0 {
		return data, nil, false
	}
	return data[:i], data[i:], true
}

// headEnd returns the index after the empty line, or -1. Lone LF is accepted.
func headEnd(data []byte) int {
	for off := 0; ; {
		i := bytes.IndexByte(data[off:], '\n')
		if i < 0 {
			return -1
		}
		off += i + 1
		switch {
		case off < len(data) && data[off] == '\n':
			return off + 1
		case off+1 < len(data) && data[off] == '\r' && data[off+1] == '\n':
			return off + 2
		}
	}
}

// parseHead reads start line and headers.
func parseHead(head string) (*Message, error) {
	line, rest, _ := strings.Cut(head, "\n")
	m := &Message{}
	if err := m.startLine(strings.TrimSuffix(line, "\r")); err != nil {
		return nil, err
	}
	m.headerLines(rest)
	if v := m.Get("Via"); v != "" {
		if list := SplitList(v); len(list) > 0 {
			m.via, _ = ParseVia(list[0])
		}
	}
	return m, nil
}

func (m *Message) note(f *Fault) {
	if m.fault == nil || f.Close && !m.fault.Close {
		m.fault = f
	}
}

func (m *Message) startLine(line string) error {
	if len(line) >= 4 && strings.EqualFold(line[:4], "SIP/") {
		return m.statusLine(line)
	}
	trimmed := strings.TrimRight(line, " \t")
	end := strings.LastIndexAny(trimmed, " \t")
	if end < 0 {
		return ErrUnreadable
	}
	m.Version = trimmed[end+1:]
	if len(m.Version) < 4 || !strings.EqualFold(m.Version[:4], "SIP/") {
		return ErrUnreadable
	}
	first := strings.TrimLeft(trimmed[:end], " \t")
	method, uri, ok := strings.Cut(first, " ")
	if !ok || !isToken(method) {
		return ErrUnreadable
	}
	m.Method, m.URI = method, strings.Trim(uri, " \t")
	if line != m.Method+" "+m.URI+" "+m.Version || strings.ContainsAny(m.URI, " \t<>\"") {
		m.note(bad("Malformed Request-Line"))
	}
	return nil
}

func (m *Message) statusLine(line string) error {
	parts := strings.SplitN(line, " ", 3)
	if len(parts) < 2 || len(parts[1]) != 3 || !digits(parts[1]) {
		return ErrUnreadable
	}
	m.Version = parts[0]
	m.Status, _ = strconv.Atoi(parts[1])
	if m.Status < 100 || m.Status > 699 || !strings.EqualFold(m.Version, "SIP/2.0") {
		return ErrUnreadable
	}
	if len(parts) == 3 {
		m.Reason = parts[2]
	}
	return nil
}

// headerLines splits, unfolds and names the headers.
func (m *Message) headerLines(s string) {
	m.Headers = make([]Header, 0, 16)
	for s != "" {
		line, rest, _ := strings.Cut(s, "\n")
		s = rest
		line = strings.TrimSuffix(line, "\r")
		if line == "" {
			return
		}
		if line[0] == ' ' || line[0] == '\t' {
			m.fold(line)
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		name = strings.TrimRight(name, " \t")
		if !ok || !isToken(name) {
			m.note(bad("Malformed Header"))
			continue
		}
		if len(m.Headers) == maxHeaders {
			m.note(bad("Too Many Headers"))
			return
		}
		m.Headers = append(m.Headers, Header{canonical(name), strings.Trim(value, " \t\r")})
	}
}

func (m *Message) fold(line string) {
	if len(m.Headers) == 0 {
		m.note(bad("Malformed Header"))
		return
	}
	h := &m.Headers[len(m.Headers)-1]
	h.Value = strings.Trim(h.Value+" "+strings.Trim(line, " \t\r"), " ")
}

// bodyLength reads Content-Length; a wrong one is a closing fault.
func (m *Message) bodyLength() (n int, has bool) {
	switch m.count("Content-Length") {
	case 0:
		return 0, false
	case 1:
	default:
		m.note(&Fault{Status: 400, Reason: "Several Content-Length", Close: true})
		return 0, true
	}
	v := m.Get("Content-Length")
	n, err := strconv.Atoi(v)
	if err != nil || !digits(v) || n > MaxBody {
		m.note(&Fault{Status: 400, Reason: "Bad Content-Length", Close: true})
		return 0, true
	}
	return n, true
}

var longNames = map[string]string{
	"a": "Accept-Contact", "b": "Referred-By", "c": "Content-Type", "e": "Content-Encoding",
	"f": "From", "i": "Call-ID", "k": "Supported", "l": "Content-Length", "m": "Contact",
	"o": "Event", "r": "Refer-To", "s": "Subject", "t": "To", "u": "Allow-Events",
	"v": "Via", "x": "Session-Expires",
}

var spellings = func() map[string]string {
	names := []string{"Accept", "Allow", "Authorization", "CSeq", "Content-Disposition", "Date", "Expires",
		"Max-Forwards", "Min-Expires", "Min-SE", "Proxy-Authenticate", "Proxy-Authorization", "RAck", "RSeq",
		"Reason", "Record-Route", "Require", "Retry-After", "Route", "Server", "User-Agent", "WWW-Authenticate",
		"Unsupported", "Warning"}
	m := map[string]string{}
	for _, n := range names {
		m[strings.ToLower(n)] = n
	}
	for short, n := range longNames {
		m[short], m[strings.ToLower(n)] = n, n
	}
	return m
}()

func canonical(name string) string {
	if n, ok := spellings[name]; ok {
		return n
	}
	if n, ok := spellings[strings.ToLower(name)]; ok {
		return n
	}
	return name
}

func isToken(s string) bool {
	for i := 0; i < len(s); i++ {
		if !tokenByte(s[i]) {
			return false
		}
	}
	return len(s) > 0
}

// tokenByte is RFC 3261 25.1 token.
func tokenByte(c byte) bool {
	return alnum(c) || strings.IndexByte("-.!%*_+`'~", c) >= 0
}

func alnum(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

// SplitList splits at commas outside quotes and angle brackets and trims.
func SplitList(s string) []string { return splitOutside(s, ',') }

func splitOutside(s string, sep byte) []string {
	var out []string
	start, quoted, angled := 0, false, false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '<':
			angled = true
		case c == '>':
			angled = false
		case c == sep && !angled:
			out = append(out, strings.Trim(s[start:i], " \t"))
			start = i + 1
		}
	}
	return append(out, strings.Trim(s[start:], " \t"))
}
