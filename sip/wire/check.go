package wire

import (
	"strconv"
	"strings"
)

// Rules is what a server can do; Check holds requests against it.
type Rules struct {
	Methods    map[string]bool // known methods; true = allowed, false = known but 405
	Extensions map[string]bool // option tags understood in Require
}

// Allow renders the Allow header.
func (r *Rules) Allow() string {
	var out []string
	for _, m := range []string{"INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "UPDATE", "INFO", "PRACK", "REGISTER", "REFER"} {
		if r.Methods[m] {
			out = append(out, m)
		}
	}
	return strings.Join(out, ", ")
}

// Check judges a request by RFC 3261 8.2 and 16.3 with the outcomes of RFC
// 4475 and returns nil when it may be processed. ACK is judged too; the caller
// never answers it. Requests without a readable Via never get here.
func (r *Rules) Check(m *Message) *Fault {
	if m.fault != nil {
		return m.fault
	}
	if !strings.EqualFold(m.Version, "SIP/2.0") {
		return &Fault{Status: 505, Reason: "Version Not Supported"}
	}
	for _, check := range []func(*Message) *Fault{checkPresent, r.checkMethodName, checkCSeq, checkVias, checkAddresses,
		checkRequestURI, checkNumbers, checkContacts, r.checkMethod, r.checkRequire, checkBody} {
		if f := check(m); f != nil {
			return f
		}
	}
	return nil
}

// checkPresent: mandatory headers, each exactly once (RFC 3261 8.1.1).
func checkPresent(m *Message) *Fault {
	for _, name := range [...]string{"To", "From", "Call-ID", "CSeq"} {
		switch n := m.count(name); {
		case n == 0 || m.Get(name) == "":
			return bad("Missing " + name)
		case n > 1:
			return bad("Several " + name)
		}
	}
	for _, name := range [...]string{"Max-Forwards", "Content-Type", "Expires", "Session-Expires", "Min-SE"} {
		if m.count(name) > 1 {
			return bad("Several " + name)
		}
	}
	return nil
}

func (r *Rules) checkMethodName(m *Message) *Fault {
	if _, known := r.Methods[m.Method]; !known {
		return &Fault{Status: 501, Reason: "Not Implemented", Headers: []Header{{"Allow", r.Allow()}}}
	}
	return nil
}

func checkCSeq(m *Message) *Fault {
	_, method, ok := m.CSeq()
	if !ok {
		return bad("Bad CSeq")
	}
	if method != m.Method {
		return bad("CSeq Method Mismatch")
	}
	return nil
}

func checkVias(m *Message) *Fault {
	for _, raw := range m.Values("Via") {
		v, err := ParseVia(raw)
		if err != nil || v.Malformed {
			return bad("Malformed Via")
		}
	}
	// An empty element between commas never parses.
	for i := range m.Headers {
		if strings.EqualFold(m.Headers[i].Name, "Via") {
			for _, v := range SplitList(m.Headers[i].Value) {
				if v == "" {
					return bad("Malformed Via")
				}
			}
		}
	}
	if v := m.Via(); v != nil && strings.EqualFold(v.Branch(), "z9hG4bK") {
		return bad("Empty Branch")
	}
	return nil
}

func checkAddresses(m *Message) *Fault {
	for _, name := range [...]string{"From", "To"} {
		a, err := ParseAddress(m.Get(name))
		if err != nil {
			return bad("Malformed " + name)
		}
		u, err := ParseURI(a.URI)
		if err != nil {
			return bad("Malformed " + name)
		}
		if m.Method == "REGISTER" && !sipScheme(u.Scheme) {
			return bad("Unknown Scheme In " + name)
		}
	}
	return nil
}

func sipScheme(s string) bool { return s == "sip" || s == "sips" || s == "tel" }

func checkRequestURI(m *Message) *Fault {
	scheme, _, ok := strings.Cut(m.URI, ":")
	if ok && schemeName(scheme) && !sipScheme(strings.ToLower(scheme)) {
		return &Fault{Status: 416, Reason: "Unsupported URI Scheme"}
	}
	u, err := ParseURI(m.URI)
	if err != nil || u.Headers != "" {
		return bad("Malformed Request-URI")
	}
	return nil
}

func checkNumbers(m *Message) *Fault {
	if v := m.Get("Max-Forwards"); m.Has("Max-Forwards") {
		if n, err := strconv.Atoi(v); err != nil || !digits(v) || n > 255 {
			return bad("Bad Max-Forwards")
		}
	}
	for _, name := range [...]string{"Expires", "Session-Expires", "Min-SE"} {
		v, _, _ := strings.Cut(m.Get(name), ";")
		v = strings.TrimRight(v, " \t")
		if _, err := strconv.ParseUint(v, 10, 32); m.Has(name) && (err != nil || !digits(v)) {
			return bad("Bad " + name)
		}
	}
	return nil
}

func checkContacts(m *Message) *Fault {
	contacts := m.Values("Contact")
	for _, raw := range contacts {
		if raw == "*" && m.Method == "REGISTER" {
			continue
		}
		a, err := ParseAddress(raw)
		if err != nil {
			return bad("Malformed Contact")
		}
		if u, err := ParseURI(a.URI); err != nil || m.Method == "INVITE" && !sipScheme(u.Scheme) {
			return bad("Malformed Contact")
		}
		if e, ok := a.Params.Get("expires"); ok {
			if _, err := strconv.ParseUint(e, 10, 32); err != nil {
				return bad("Bad Expires In Contact")
			}
		}
	}
	if m.Method == "INVITE" && len(contacts) > 1 {
		return bad("Several Contact")
	}
	for _, name := range [...]string{"Route", "Record-Route"} {
		for _, raw := range m.Values(name) {
			if _, err := ParseAddress(raw); err != nil {
				return bad("Malformed " + name)
			}
		}
	}
	return nil
}

func (r *Rules) checkMethod(m *Message) *Fault {
	if !r.Methods[m.Method] {
		return &Fault{Status: 405, Reason: "Method Not Allowed", Headers: []Header{{"Allow", r.Allow()}}}
	}
	return nil
}

func (r *Rules) checkRequire(m *Message) *Fault {
	if m.Method == "ACK" || m.Method == "CANCEL" {
		return nil
	}
	var unknown []string
	for _, tag := range m.Values("Require") {
		if !r.Extensions[strings.ToLower(tag)] {
			unknown = append(unknown, tag)
		}
	}
	if len(unknown) > 0 {
		return &Fault{Status: 420, Reason: "Bad Extension", Headers: []Header{{"Unsupported", strings.Join(unknown, ", ")}}}
	}
	return nil
}

// checkBody: what the body is and what the peer would take back.
func checkBody(m *Message) *Fault {
	if m.Method != "INVITE" && m.Method != "UPDATE" && m.Method != "PRACK" {
		return nil
	}
	if e := m.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") && len(m.Body) > 0 {
		return &Fault{Status: 415, Reason: "Unsupported Media Type", Headers: []Header{{"Accept-Encoding", "identity"}}}
	}
	if len(m.Body) > 0 && m.SDP() == nil && !optionalBody(m) {
		return &Fault{Status: 415, Reason: "Unsupported Media Type", Headers: []Header{{"Accept", "application/sdp"}}}
	}
	if m.Method == "INVITE" && m.Has("Accept") && !acceptsSDP(m) {
		return &Fault{Status: 406, Reason: "Not Acceptable"}
	}
	return nil
}

func optionalBody(m *Message) bool {
	return strings.Contains(strings.ToLower(m.Get("Content-Disposition")), "handling=optional")
}

func acceptsSDP(m *Message) bool {
	for _, v := range m.Values("Accept") {
		t, _, _ := strings.Cut(v, ";")
		switch strings.ToLower(strings.TrimSpace(t)) {
		case "application/sdp", "application/*", "*/*":
			return true
		}
	}
	return false
}

// SDP returns the session description of the body, also out of a multipart
// one (RFC 5621), or nil.
func (m *Message) SDP() []byte {
	ct := m.Get("Content-Type")
	kind, rest, _ := strings.Cut(ct, ";")
	switch kind = strings.ToLower(strings.TrimSpace(kind)); {
	case len(m.Body) == 0:
		return nil
	case kind == "application/sdp":
		return m.Body
	case kind == "" && strings.HasPrefix(string(m.Body), "v=0"):
		return m.Body
	case strings.HasPrefix(kind, "multipart/"):
		p, _ := parseParams(";"+rest, false)
		boundary, _ := p.Get("boundary")
		return partSDP(string(m.Body), boundary)
	}
	return nil
}

func partSDP(body, boundary string) []byte {
	if boundary == "" {
		return nil
	}
	for _, part := range strings.Split(body, "--"+boundary)[1:] {
		part = strings.TrimPrefix(strings.TrimPrefix(part, "\r"), "\n")
		end := headEnd([]byte(part))
		if end < 0 {
			continue
		}
		h := &Message{}
		h.headerLines(part[:end])
		if strings.HasPrefix(strings.ToLower(h.Get("Content-Type")), "application/sdp") {
			return []byte(strings.TrimSuffix(part[end:], "\r\n"))
		}
	}
	return nil
}
