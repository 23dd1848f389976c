package admin

import (
	"fmt"
	"strings"
	"time"
)

// Period is a time written as people do, "20s" or "1m30s"; empty is zero.
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

// UnmarshalText reads "1m30s".
func (p *Period) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*p = 0
		return nil
	}
	d, err := time.ParseDuration(string(b))
	if err != nil || d < 0 {
		return fmt.Errorf("%.32q is no time: write 20s, 1m30s or 2h", b)
	}
	*p = Period(d)
	return nil
}
