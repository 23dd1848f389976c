package sip

import (
	"strings"

	"github.com/nyaruka/phonenumbers"
)

// How a trunk wants its numbers.
const (
	formatDialled  = ""         // as they were dialled
	formatE164     = "e164"     // +8613800138000
	formatPlain    = "plain"    // 8613800138000
	formatNational = "national" // 13800138000, 030123456
)

// Number is a dialled number in the forms that routes and trunks want.
type Number struct {
	Dialled string // digits, + * # as they were dialled, without blanks and signs
	E164    string // "+" and digits, "" when it is none: an extension, an emergency number
	parsed  *phonenumbers.PhoneNumber
}

// ParseNumber reads a number as people write it; region is the country of those
// without an international prefix (ISO 3166-1, "CN"), "" for none.
func ParseNumber(s, region string) Number {
	var b strings.Builder
	for i, r := range s {
		if r >= '0' && r <= '9' || r == '*' || r == '#' || r == '+' && i == 0 {
			b.WriteRune(r)
		}
	}
	n := Number{Dialled: b.String()}
	if len(n.Dialled) > 24 || strings.ContainsAny(n.Dialled, "*#") {
		return n
	}
	if p, err := phonenumbers.Parse(n.Dialled, region); err == nil && phonenumbers.IsValidNumber(p) {
		n.E164, n.parsed = phonenumbers.Format(p, phonenumbers.E164), p
	}
	return n
}

// in is the number in the form of a trunk; what has no such form goes as dialled.
func (n Number) in(format string) string {
	if n.parsed == nil {
		return n.Dialled
	}
	switch format {
	case formatE164:
		return n.E164
	case formatPlain:
		return strings.TrimPrefix(n.E164, "+")
	case formatNational:
		return ParseNumber(phonenumbers.Format(n.parsed, phonenumbers.NATIONAL), "").Dialled
	}
	return n.Dialled
}

// under reports whether the number begins with a prefix: one with "+" looks at
// the international form, another at the digits as dialled.
func (n Number) under(prefix string) bool {
	if strings.HasPrefix(prefix, "+") {
		return strings.HasPrefix(n.E164, prefix)
	}
	return strings.HasPrefix(n.Dialled, prefix)
}

// CallerID says under which numbers a trunk lets us call.
type CallerID struct {
	// Numbers allowed: exact, or a prefix with "*"; empty = all. A "+" compares the international form.
	Numbers []string `yaml:"numbers" koanf:"numbers"`
	// Default stands in for a number that is not allowed or is none; empty = anonymous.
	Default string `yaml:"default" koanf:"default"`
	// Assert adds P-Asserted-Identity (RFC 3325), with Privacy when the caller is anonymous.
	Assert bool `yaml:"assert" koanf:"assert"`
}

const anonymous = "anonymous"

// caller is the user part of our From on a trunk, and the identity to assert.
func (t *trunk) caller(from, region string) (shown, asserted string) {
	if t.Name == "" { // a plain address or a user: no rules
		return or(from, anonymous), ""
	}
	n := ParseNumber(from, region)
	hidden := from == "" || strings.EqualFold(from, anonymous)
	switch {
	case hidden:
		shown, asserted = anonymous, t.CallerID.Default
	case t.allowsCaller(from, n):
		shown = n.in(t.Format)
		if n.Dialled == "" || !onlyNumber(from) { // a name
			shown = from
		}
		asserted = shown
	default:
		shown = or(t.CallerID.Default, anonymous)
		asserted = t.CallerID.Default
	}
	if !t.CallerID.Assert {
		asserted = ""
	}
	return shown, asserted
}

func onlyNumber(s string) bool { return strings.Trim(s, "0123456789+*#-() ./") == "" }

func (t *trunk) allowsCaller(from string, n Number) bool {
	if len(t.CallerID.Numbers) == 0 {
		return true
	}
	for _, a := range t.CallerID.Numbers {
		prefix, wild := strings.CutSuffix(a, "*")
		switch {
		case wild && n.under(prefix), a == from, a == n.Dialled, n.E164 != "" && a == n.E164:
			return true
		}
	}
	return false
}
