// Package wire is SIP as bytes (RFC 3261 section 7): it splits datagrams and
// streams into messages, keeps every header as it came, and judges requests.
//
// It owns the message, the URI, the Via and the name-addr, the stream framer
// and the validator. It refuses nothing it can represent: Parse is tolerant and
// leaves what is wrong to Check, which names the status of the answer.
//
//	datagram --Parse--> *Message --Check--> nil or *Fault{status, reason}
//	stream --Framer--> *Message   (ErrBroken: answer and close)
//
// Headers keep their raw value, so that From, To, Call-ID and CSeq go back into
// a response byte for byte.
package wire

import (
	"bytes"
	"strconv"
	"strings"
)

// Header is one header line: the long name in its usual spelling and the
// unfolded value.
type Header struct {
	Name, Value string
}

// Message is a request (Method set) or a response (Status set). It is not safe
// for concurrent change; the slices it holds belong to it.
type Message struct {
	Method  string // request method; empty in a response
	URI     string // raw Request-URI
	Status  int    // response status; 0 in a request
	Reason  string
	Version string // "SIP/2.0" as a rule
	Headers []Header
	Body    []byte

	fault *Fault // what Parse noticed
	via   *Via   // top Via, nil when unreadable
}

// IsRequest tells requests from responses.
func (m *Message) IsRequest() bool { return m.Status == 0 }

// Get returns the first value of a header, "" when absent. Name is the long
// name; comparison ignores case.
func (m *Message) Get(name string) string {
	for i := range m.Headers {
		if strings.EqualFold(m.Headers[i].Name, name) {
			return m.Headers[i].Value
		}
	}
	return ""
}

// Has reports whether a header is present, even if empty.
func (m *Message) Has(name string) bool { return m.count(name) > 0 }

func (m *Message) count(name string) (n int) {
	for i := range m.Headers {
		if strings.EqualFold(m.Headers[i].Name, name) {
			n++
		}
	}
	return n
}

// Values returns all values of a list header, split at commas outside quotes
// and angle brackets, trimmed, empty ones left out.
func (m *Message) Values(name string) []string {
	var out []string
	for i := range m.Headers {
		if strings.EqualFold(m.Headers[i].Name, name) {
			for _, v := range SplitList(m.Headers[i].Value) {
				if v != "" {
					out = append(out, v)
				}
			}
		}
	}
	return out
}

// HasToken reports whether a list header holds the token (without its
// parameters), in any case.
func (m *Message) HasToken(name, token string) bool {
	for _, v := range m.Values(name) {
		head, _, _ := strings.Cut(v, ";")
		if strings.EqualFold(strings.TrimSpace(head), token) {
			return true
		}
	}
	return false
}

// Add appends a header.
func (m *Message) Add(name, value string) *Message {
	m.Headers = append(m.Headers, Header{name, value})
	return m
}

// Set replaces the first header of that name and removes the others, or adds it.
func (m *Message) Set(name, value string) *Message {
	found := false
	kept := m.Headers[:0]
	for _, h := range m.Headers {
		if strings.EqualFold(h.Name, name) {
			if found {
				continue
			}
			h.Value, found = value, true
		}
		kept = append(kept, h)
	}
	m.Headers = kept
	if !found {
		m.Add(name, value)
	}
	return m
}

// Remove takes out every header of that name.
func (m *Message) Remove(name string) {
	kept := m.Headers[:0]
	for _, h := range m.Headers {
		if !strings.EqualFold(h.Name, name) {
			kept = append(kept, h)
		}
	}
	m.Headers = kept
}

// SetBody sets body and Content-Type.
func (m *Message) SetBody(contentType string, body []byte) *Message {
	m.Body = body
	if len(body) > 0 {
		m.Set("Content-Type", contentType)
	}
	return m
}

// Clone copies the message deeply enough for headers to be changed.
func (m *Message) Clone() *Message {
	c := *m
	c.Headers = append([]Header(nil), m.Headers...)
	return &c
}

// Bytes renders the message with CRLF lines and a right Content-Length.
func (m *Message) Bytes() []byte {
	var b bytes.Buffer
	b.Grow(512 + len(m.Body))
	if m.IsRequest() {
		b.WriteString(m.Method + " " + m.URI + " SIP/2.0\r\n")
	} else {
		b.WriteString("SIP/2.0 " + strconv.Itoa(m.Status) + " " + m.Reason + "\r\n")
	}
	for _, h := range m.Headers {
		if strings.EqualFold(h.Name, "Content-Length") {
			continue
		}
		b.WriteString(h.Name)
		b.WriteString(": ")
		b.WriteString(h.Value)
		b.WriteString("\r\n")
	}
	b.WriteString("Content-Length: " + strconv.Itoa(len(m.Body)) + "\r\n\r\n")
	b.Write(m.Body)
	return b.Bytes()
}

// CallID returns the Call-ID.
func (m *Message) CallID() string { return m.Get("Call-ID") }

// CSeq returns number and method of the CSeq header; ok is false when it
// cannot be read or the number passes 2^31-1 (RFC 3261 8.1.1.5).
func (m *Message) CSeq() (n uint32, method string, ok bool) {
	f := strings.Fields(m.Get("CSeq"))
	if len(f) != 2 || !digits(f[0]) {
		return 0, "", false
	}
	v, err := strconv.ParseUint(f[0], 10, 64)
	if err != nil || v > 1<<31-1 {
		return 0, f[1], false
	}
	return uint32(v), f[1], true
}

// FromTag and ToTag return the tag parameters, "" when absent.
func (m *Message) FromTag() string { return tagOf(m.Get("From")) }

// ToTag returns the tag of the To header, "" when absent.
func (m *Message) ToTag() string { return tagOf(m.Get("To")) }

func tagOf(value string) string {
	a, err := ParseAddress(value)
	if err != nil {
		return ""
	}
	tag, _ := a.Params.Get("tag")
	return tag
}

// Via returns the topmost Via, or nil when it cannot be read.
func (m *Message) Via() *Via { return m.via }

// SetVia puts v in the place of the topmost Via value (after received and
// rport were filled in); further values of the same line stay.
func (m *Message) SetVia(v *Via) {
	m.via = v
	for i := range m.Headers {
		if strings.EqualFold(m.Headers[i].Name, "Via") {
			rest := SplitList(m.Headers[i].Value)[1:]
			m.Headers[i].Value = strings.Join(append([]string{v.String()}, rest...), ", ")
			return
		}
	}
	m.Headers = append([]Header{{"Via", v.String()}}, m.Headers...)
}

func digits(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return len(s) > 0
}
