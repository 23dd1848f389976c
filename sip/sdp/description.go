// Package sdp reads and writes session descriptions (RFC 8866) and runs the
// offer/answer of one audio call (RFC 3264).
//
// It owns the description, the direction table, the payload numbers, the SDES
// keys (RFC 4568) and the version of the o= line. It refuses video, DTLS (media reads
// what browsers offer, in webrtcsdp.go) and descriptions without a line it can take; it
// opens no socket and knows no SIP.
//
//	peer's offer  --Parse--> Description --Negotiator.Answer--> our SDP + Agreed
//	our offer     <--Negotiator.Offer     peer's answer --Negotiator.Accept--> Agreed
package sdp

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"
)

// Limits of a description, so that a hostile one costs little.
const (
	maxBytes = 64 << 10
	maxMedia = 32
	maxLines = 2000
)

// Attribute is one a= line: "name" or "name:value".
type Attribute struct {
	Name, Value string
}

// Description is a session description. Origin ids are strings: 64 bits and
// more come through untouched.
type Description struct {
	User, ID, Version string // of o=
	Host              string // address of the session c=, "" when absent
	Attributes        []Attribute
	Media             []Media
}

// Media is one m= line with what belongs to it.
type Media struct {
	Kind       string // "audio", "video", ...
	Port       int
	Proto      string
	Formats    []string
	Host       string // address of its own c=, "" when absent
	Attributes []Attribute
}

// Errors of Parse.
var (
	ErrTooLong   = errors.New("session description too long")
	ErrMalformed = errors.New("malformed session description")
)

// Parse reads a description. Lines may end in CRLF, LF or, the last, in
// nothing. Unknown lines are skipped; v=0 and a readable m= are demanded.
func Parse(data []byte) (*Description, error) {
	if len(data) > maxBytes {
		return nil, ErrTooLong
	}
	d := &Description{}
	seenVersion := false
	for n, rest := 0, string(data); rest != ""; n++ {
		if n == maxLines {
			return nil, ErrTooLong
		}
		var line string
		line, rest, _ = strings.Cut(rest, "\n")
		line = strings.TrimRight(line, "\r \t\x00")
		if line == "" {
			continue
		}
		kind, value, ok := strings.Cut(line, "=")
		if kind = strings.TrimSpace(kind); !ok || len(kind) != 1 {
			return nil, ErrMalformed
		}
		if kind == "v" {
			seenVersion = value == "0"
		}
		if err := d.line(kind[0], value); err != nil {
			return nil, err
		}
	}
	if !seenVersion {
		return nil, ErrMalformed
	}
	return d, nil
}

func (d *Description) line(kind byte, value string) error {
	switch kind {
	case 'o':
		if f := strings.Fields(value); len(f) >= 3 {
			d.User, d.ID, d.Version = f[0], f[1], f[2]
		}
	case 'c':
		host := connection(value)
		if n := len(d.Media); n > 0 {
			d.Media[n-1].Host = host
		} else {
			d.Host = host
		}
	case 'm':
		m, err := mediaLine(value)
		if err != nil {
			return err
		}
		if len(d.Media) == maxMedia {
			return ErrTooLong
		}
		d.Media = append(d.Media, m)
	case 'a':
		name, v, _ := strings.Cut(value, ":")
		a := Attribute{strings.TrimSpace(name), strings.TrimSpace(v)}
		if n := len(d.Media); n > 0 {
			d.Media[n-1].Attributes = append(d.Media[n-1].Attributes, a)
		} else {
			d.Attributes = append(d.Attributes, a)
		}
	}
	return nil
}

// connection takes the address out of "IN IP4 192.0.2.1/127".
func connection(value string) string {
	f := strings.Fields(value)
	if len(f) < 3 {
		return ""
	}
	host, _, _ := strings.Cut(f[2], "/")
	return host
}

func mediaLine(value string) (Media, error) {
	f := strings.Fields(value)
	if len(f) < 3 {
		return Media{}, ErrMalformed
	}
	port, _, _ := strings.Cut(f[1], "/")
	n, err := strconv.Atoi(port)
	if err != nil || n < 0 || n > 65535 {
		return Media{}, ErrMalformed
	}
	return Media{Kind: strings.ToLower(f[0]), Port: n, Proto: f[2], Formats: f[3:]}, nil
}

// get returns the first attribute of that name.
func get(attrs []Attribute, name string) (string, bool) {
	for _, a := range attrs {
		if strings.EqualFold(a.Name, name) {
			return a.Value, true
		}
	}
	return "", false
}

// Has reports whether a media line or the session has an attribute.
func (d *Description) Has(m *Media, name string) bool {
	_, line := get(m.Attributes, name)
	_, session := get(d.Attributes, name)
	return line || session
}

// DirectionOf is the direction of a media line as its sender wrote it. For a browser's
// line that is all: its c=0.0.0.0 says that no address was known yet (RFC 8829 section 5.2.1),
// and does not hold.
func (d *Description) DirectionOf(m *Media) Direction { return d.direction(m) }

// host returns the address that counts for a media line.
func (d *Description) host(m *Media) string {
	if m.Host != "" {
		return m.Host
	}
	return d.Host
}

// zeroHost reports the old way of holding, c=0.0.0.0 (RFC 2543 B.5) or "::".
func zeroHost(host string) bool {
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsUnspecified()
}

// direction returns the direction of a media line, sendrecv when unsaid.
func (d *Description) direction(m *Media) Direction {
	for _, attrs := range [...][]Attribute{m.Attributes, d.Attributes} {
		for _, a := range attrs {
			if dir, ok := parseDirection(a.Name); ok {
				return dir
			}
		}
	}
	return SendRecv
}

// family is "IP4" or "IP6".
func family(a netip.Addr) string {
	if a.Unmap().Is4() {
		return "IP4"
	}
	return "IP6"
}
