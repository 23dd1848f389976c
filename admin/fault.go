package admin

import (
	"fmt"
	"regexp"
	"strings"
)

// Code says what kind of mistake a field has, so that a page can say it in its own language.
type Code string

// The codes.
const (
	Required Code = "required" // it is empty
	Format   Code = "format"   // it is not written as it must be
	Range    Code = "range"    // too small, too big, too long, too many
	Unknown  Code = "unknown"  // it names what is not there
	Taken    Code = "taken"    // somebody else has it
	Choice   Code = "choice"   // it is none of the values, or not exactly one of several fields
	InUse    Code = "in_use"   // something needs it
	Refused  Code = "refused"  // the part that would use it says why
)

// Fault is a mistake in one field of a document.
type Fault struct {
	Field   string // path in the JSON, "auth.password"; empty for the whole
	Code    Code
	Message string // one sentence
}

// Faults are the mistakes of a document; as an error they are all its sentences.
type Faults []Fault

func (f Faults) Error() string {
	var all []string
	for _, one := range f {
		text := one.Message
		if one.Field != "" {
			text = one.Field + ": " + text
		}
		all = append(all, text)
	}
	return strings.Join(all, "; ")
}

// err is nil for no faults.
func (f Faults) err() error {
	if len(f) == 0 {
		return nil
	}
	return f
}

func (f *Faults) add(field string, code Code, format string, args ...any) {
	*f = append(*f, Fault{field, code, fmt.Sprintf(format, args...)})
}

// within notes texts and lists that are too long.
func (f *Faults) within(field string, n, most int, what string) {
	if n > most {
		f.add(field, Range, "at most %d %s", most, what)
	}
}

// oneOf notes a value that is none of the choices; empty is fine.
func (f *Faults) oneOf(field, value string, choices ...string) {
	if value == "" {
		return
	}
	for _, c := range choices {
		if c == value {
			return
		}
	}
	f.add(field, Choice, "%.40q is none of %s", value, strings.Join(choices, ", "))
}

var (
	nameRule     = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$`)
	languageRule = regexp.MustCompile(`^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$`)
)

func (f *Faults) name(name string) {
	if !nameRule.MatchString(name) {
		f.add("name", Format, "a name is 1 to 64 letters, digits, - _ and ., and begins with a letter or digit")
	}
}
