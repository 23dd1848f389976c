// Package slot finds the values in a customer's message that nobody should have to
// say twice: order and tracking numbers, phones, e-mail addresses, identity and bank
// card numbers, amounts, dates and times, typed or spoken, in Chinese and English.
//
//	raw -> nlp.FoldText -> spoken digits -> patterns by priority, each span used once -> checks -> Value
//
// It remembers nothing and asks nothing back; a value that may be read in two ways
// says so. Dates are resolved against the time of the message in a zone.
package slot

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"

	"tingxin/nlp"
)

// Type of a value.
type Type string

// Types in the order in which spans are given out.
const (
	Email    Type = "email"     // lower case
	Tracking Type = "tracking"  // upper case, as printed on the parcel
	Order    Type = "order"     // upper case
	ID18     Type = "id18"      // GB 11643-1999, check digit right
	BankCard Type = "bank_card" // digits, ISO/IEC 7812 check digit right
	Mobile   Type = "mobile"    // mainland China, eleven digits
	Tel      Type = "tel"       // "010-62345678", "400-820-8820", "+14155550132"
	Amount   Type = "amount"    // "35.5 CNY"
	Date     Type = "date"      // "2026-03-11", "2026-W11", "2026-03", "2026-03-11T14:30"
	Time     Type = "time"      // "15:30"; "03:30?" may be afternoon too
)

// Types lists all of them by priority.
var Types = []Type{Email, Tracking, Order, ID18, BankCard, Mobile, Tel, Amount, Date, Time}

// Value is one value found.
type Value struct {
	Type  Type
	Value string
	// Raw is the customer's own spelling, Start and End its bytes in the message.
	Raw        string
	Start, End int
	// P is how far the pattern alone can be trusted; below 0.8 it should be confirmed.
	P float64
	// Ambiguous values have a second reading: a time that may be afternoon.
	Ambiguous bool
}

// MaxText is the length in bytes of the longest message that is searched.
const MaxText = 16 << 10

// ErrLong is the answer to a longer one.
var ErrLong = errors.New("the message is too long to look for values in it")

// Config of a Finder; the zero value is the default.
type Config struct {
	// Zone is where "tomorrow" is resolved; UTC when nil.
	Zone *time.Location
	// Patterns replace the default ones of Order and Tracking: RE2, matched against
	// folded text (lower case, half width); the first group is the value.
	Patterns map[Type]string
}

// Finder finds values. It is read-only after New.
type Finder struct {
	zone  *time.Location
	rules []rule
}

// rule finds one type. read makes the value out of the groups of a match, or refuses.
type rule struct {
	kind    Type
	pattern *regexp.Regexp
	p       float64
	read    func(m match) (string, bool)
}

// match is one match of a pattern with what a reader may look at.
type match struct {
	text   string // the whole folded text
	groups []int
	now    time.Time
	dated  bool // a date was found in the message
}

// group n of the match, "" when it took no part.
func (m match) group(n int) string {
	if 2*n+1 >= len(m.groups) || m.groups[2*n] < 0 {
		return ""
	}
	return m.text[m.groups[2*n]:m.groups[2*n+1]]
}

// New checks the configuration.
func New(cfg Config) (*Finder, error) {
	f := &Finder{zone: cfg.Zone, rules: slices.Clone(rules)}
	if f.zone == nil {
		f.zone = time.UTC
	}
	for kind, text := range cfg.Patterns {
		if kind != Order && kind != Tracking {
			return nil, fmt.Errorf("slot: %s has a check of its own, its pattern cannot be replaced", kind)
		}
		pattern, err := regexp.Compile(text)
		if err != nil {
			return nil, fmt.Errorf("slot: pattern of %s: %w", kind, err)
		}
		at := slices.IndexFunc(f.rules, func(r rule) bool { return r.kind == kind })
		f.rules = slices.DeleteFunc(f.rules, func(r rule) bool { return r.kind == kind })
		f.rules = slices.Insert(f.rules, at, rule{kind, pattern, 0.95, upperGroup})
	}
	return f, nil
}

// span of bytes.
type span struct{ start, end int }

// Find gives the values of a message in the order of the text. now is when the
// message was written.
func (f *Finder) Find(raw string, now time.Time) ([]Value, error) {
	if len(raw) > MaxText {
		return nil, ErrLong
	}
	text := nlp.FoldText(raw).SpokenDigits()
	var used []span
	var out []Value
	now = now.In(f.zone)
	for _, r := range f.rules {
		for _, groups := range r.pattern.FindAllStringSubmatchIndex(text.String, -1) {
			at := span{groups[0], groups[1]}
			if len(groups) >= 4 && groups[2] >= 0 && (r.kind == Order || r.kind == Tracking) {
				at = span{groups[2], groups[3]} // the word before it stays free
			}
			if at.start == at.end || slices.ContainsFunc(used, func(s span) bool { return at.start < s.end && s.start < at.end }) {
				continue
			}
			dated := slices.ContainsFunc(out, func(v Value) bool { return v.Type == Date })
			value, ok := r.read(match{text.String, groups, now, dated})
			if !ok {
				continue
			}
			used = append(used, at)
			out = append(out, f.value(r, raw, text, at, value))
		}
	}
	slices.SortFunc(out, func(a, b Value) int { return a.Start - b.Start })
	return out, nil
}

func (f *Finder) value(r rule, raw string, text nlp.Text, at span, value string) Value {
	start, end := text.Raw(at.start, at.end)
	v := Value{Type: r.kind, Value: value, Start: start, End: max(end, start), P: r.p}
	v.Raw = raw[v.Start:v.End]
	if n := len(value); r.kind == Time && value[n-1] == '?' {
		v.Ambiguous, v.P = true, 0.6
	}
	return v
}
