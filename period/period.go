// Package period is a length of time as people write it in settings and files.
package period

import (
	"fmt"
	"strings"
	"time"
)

// Period is written "20s" or "1m30s"; empty is zero. It is never negative.
type Period time.Duration

// MarshalText writes "1m30s", and nothing for zero.
func (p Period) MarshalText() ([]byte, error) {
	if p == 0 {
		return []byte{}, nil
	}
	text := time.Duration(p).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return []byte(text), nil
}

// UnmarshalText reads "1m30s"; what is none is an *Error.
func (p *Period) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*p = 0
		return nil
	}
	d, err := time.ParseDuration(string(b))
	if err != nil || d < 0 {
		return &Error{string(b)}
	}
	*p = Period(d)
	return nil
}

// Error is a text that is no period. It keeps the text, so that its place in a file can be found.
type Error struct{ Text string }

func (e *Error) Error() string {
	return fmt.Sprintf("%.32q is no time: write 20s, 1m30s or 2h", e.Text)
}
