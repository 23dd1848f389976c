package wire

import (
	"errors"
	"strings"
)

// Replaces names the dialog that an INVITE takes the place of (RFC 3891 6.1).
type Replaces struct {
	CallID    string
	ToTag     string // of whoever reads the header
	FromTag   string
	EarlyOnly bool
}

var errReplaces = errors.New("malformed replaces")

// ParseReplaces reads a Replaces value.
func ParseReplaces(s string) (Replaces, error) {
	id, rest, _ := strings.Cut(s, ";")
	r := Replaces{CallID: strings.Trim(id, " \t")}
	if r.CallID == "" || strings.ContainsAny(r.CallID, " \t,\"<>\r\n") {
		return Replaces{}, errReplaces
	}
	p, err := parseParams(";"+rest, true)
	if err != nil {
		return Replaces{}, errReplaces
	}
	for _, q := range p {
		var to *string
		switch strings.ToLower(q.Name) {
		case "to-tag":
			to = &r.ToTag
		case "from-tag":
			to = &r.FromTag
		case "early-only":
			r.EarlyOnly = true
			continue
		default:
			continue
		}
		if *to != "" || !isToken(q.Value) { // twice, or none
			return Replaces{}, errReplaces
		}
		*to = q.Value
	}
	if r.ToTag == "" || r.FromTag == "" {
		return Replaces{}, errReplaces
	}
	return r, nil
}

// String renders the value.
func (r Replaces) String() string {
	s := r.CallID + ";to-tag=" + r.ToTag + ";from-tag=" + r.FromTag
	if r.EarlyOnly {
		s += ";early-only"
	}
	return s
}

// ReferTo is whom a party wants to be connected with (RFC 3515 2.1).
type ReferTo struct {
	URI      string    // without method and headers
	Method   string    // "INVITE" when nothing is said
	Replaces *Replaces // of an attended transfer
}

var errReferTo = errors.New("malformed refer-to")

// ParseReferTo reads a Refer-To value. Headers besides Replaces are dropped:
// the request that follows is ours.
func ParseReferTo(s string) (ReferTo, error) {
	a, err := ParseAddress(s)
	if err != nil {
		return ReferTo{}, errReferTo
	}
	u, err := ParseURI(a.URI)
	if err != nil {
		return ReferTo{}, errReferTo
	}
	r := ReferTo{Method: "INVITE"}
	r.URI, _, _ = strings.Cut(a.URI, "?")
	if m, ok := u.Params.Get("method"); ok {
		r.Method = m
		r.URI = cutParam(r.URI, "method")
	}
	for _, h := range strings.Split(u.Headers, "&") {
		name, value, _ := strings.Cut(h, "=")
		if !strings.EqualFold(name, "Replaces") {
			continue
		}
		rep, err := ParseReplaces(unescape(value))
		if err != nil || r.Replaces != nil {
			return ReferTo{}, errReferTo
		}
		r.Replaces = &rep
	}
	return r, nil
}

// cutParam takes a parameter out of a URI.
func cutParam(uri, name string) string {
	parts := strings.Split(uri, ";")
	out := parts[:1]
	for _, p := range parts[1:] {
		if n, _, _ := strings.Cut(p, "="); !strings.EqualFold(n, name) {
			out = append(out, p)
		}
	}
	return strings.Join(out, ";")
}
