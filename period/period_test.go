package period

import (
	"errors"
	"testing"
	"time"
)

func TestPeriodsAreReadAndWritten(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{"": 0, "20s": 20 * time.Second, "1m30s": 90 * time.Second, "90s": 90 * time.Second, "2h": 2 * time.Hour, "10m": 10 * time.Minute} {
		var p Period
		if err := p.UnmarshalText([]byte(text)); err != nil || time.Duration(p) != want {
			t.Errorf("%q is read as %v, %v", text, time.Duration(p), err)
		}
		written, err := p.MarshalText()
		if text == "90s" {
			text = "1m30s"
		}
		if err != nil || string(written) != text {
			t.Errorf("%v is written %q, %v", want, written, err)
		}
	}
	for _, text := range []string{"-1s", "soon", "5", "1 s"} {
		p := Period(time.Second)
		var wrong *Error
		if err := p.UnmarshalText([]byte(text)); !errors.As(err, &wrong) || wrong.Text != text || time.Duration(p) != time.Second {
			t.Errorf("%q: %v, %v", text, time.Duration(p), err)
		}
	}
}
