package slot

import (
	"strings"
	"time"
)

// Mask puts a token such as <order> in the place of every value that belongs to
// somebody, and tells what was there. Amounts, dates and times stay: they say what is
// meant. A text that is too long to be searched comes back empty.
func (f *Finder) Mask(raw string, now time.Time) (masked string, found []Type) {
	values, err := f.Find(raw, now)
	if err != nil {
		return "", nil
	}
	var b strings.Builder
	last := 0
	for _, v := range values {
		token := token(v.Type)
		if token == "" || v.Start < last {
			continue
		}
		b.WriteString(raw[last:v.Start])
		b.WriteString(token)
		last = v.End
		found = append(found, v.Type)
	}
	b.WriteString(raw[last:])
	return b.String(), found
}

// token stands for a value; "" for those that are nobody's own.
func token(t Type) string {
	switch t {
	case Amount, Date, Time:
		return ""
	case Mobile, Tel:
		return "<phone>"
	case BankCard:
		return "<card>"
	}
	return "<" + string(t) + ">"
}
