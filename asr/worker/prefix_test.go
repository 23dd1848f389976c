package worker

import (
	"strings"
	"testing"
)

func TestCommittedWordsStay(t *testing.T) {
	var p prefix
	steps := []struct {
		ms           int64
		partial      string
		text, stable string
	}{
		{300, "i would", "i would", ""},
		{400, "i would like", "i would like", ""},
		{500, "i would like to", "i would like to", "i would"},       // three times, 200 ms, not the last
		{600, "i wood like two", "i would like two", "i would like"}, // a committed word is not taken back
		{700, "i would like two by", "i would like two by", "i would like"},
		{800, "i would", "i would like", "i would like"}, // nor does the text get shorter than it
		{900, "i would like to buy", "i would like to buy", "i would like"},
		{1850, "i would like to buy", "i would like to buy", "i would like to buy"}, // old words count, even the last
	}
	last := ""
	for _, s := range steps {
		p.next(s.partial, s.ms)
		if p.text != s.text || p.text[:p.bytes] != s.stable {
			t.Fatalf("%d ms %q: text %q stable %q, want %q and %q", s.ms, s.partial, p.text, p.text[:p.bytes], s.text, s.stable)
		}
		if !strings.HasPrefix(p.text, last) {
			t.Fatalf("%d ms: %q was committed and is not in %q", s.ms, last, p.text)
		}
		last = p.text[:p.bytes]
	}
	if p.next("i would like to buy", 1900) {
		t.Error("no change reported as one")
	}
	p.reset()
	if p.next("yes", 2000); p.text != "yes" || p.bytes != 0 {
		t.Errorf("after reset: %q %d", p.text, p.bytes)
	}
}
