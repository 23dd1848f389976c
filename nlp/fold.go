package nlp

import (
	_ "embed"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Text is a folded text that remembers where each of its bytes came from.
type Text struct {
	// String is the folded text.
	String string
	// at holds for every byte of String the offset of its source in the raw text, and
	// one more for the end.
	at []int32
}

// Raw turns a span of bytes of String into one of the raw text.
func (t Text) Raw(start, end int) (int, int) {
	return int(t.at[start]), int(t.at[end])
}

// Fold brings a text into the one form in which texts are compared: compatibility
// forms (NFKC, UAX #15), so full width becomes half width; lower case; traditional
// characters simplified; white space one space, none at the ends; control and
// format characters, unpaired bytes and U+FFFD gone. Folding a folded text changes
// nothing.
func Fold(raw string) string { return FoldText(raw).String }

// FoldText is Fold with the way back to the raw text.
func FoldText(raw string) Text {
	f := folder{buf: make([]byte, 0, len(raw)+8), at: make([]int32, 0, len(raw)+9)}
	for start := 0; start < len(raw); {
		end := segment(raw, start)
		f.segment(raw[start:end], int32(start))
		start = end
	}
	if n := len(f.buf); n > 0 && f.buf[n-1] == ' ' {
		f.buf, f.at = f.buf[:n-1], f.at[:n]
	} else {
		f.at = append(f.at, int32(len(raw)))
	}
	return Text{String: string(f.buf), at: f.at}
}

// segment finds the end of the characters from start on that normal forms may join:
// up to the next ASCII character or starter that joins with nothing before it.
func segment(raw string, start int) int {
	_, size := utf8.DecodeRuneInString(raw[start:])
	end := start + size
	for end < len(raw) {
		if raw[end] < utf8.RuneSelf && !dropped(rune(raw[end])) {
			return end
		}
		r, n := utf8.DecodeRuneInString(raw[end:])
		if !dropped(r) && norm.NFKC.PropertiesString(raw[end:]).BoundaryBefore() && norm.NFKD.PropertiesString(raw[end:]).BoundaryBefore() {
			return end
		}
		end += n
	}
	return end
}

type folder struct {
	buf []byte
	at  []int32
	raw []byte
}

func (f *folder) segment(raw string, start int32) {
	if len(raw) == 1 && raw[0] < utf8.RuneSelf {
		f.put(unicode.ToLower(rune(raw[0])), start)
		return
	}
	f.raw = f.raw[:0]
	for _, r := range raw {
		if !dropped(r) {
			f.raw = utf8.AppendRune(f.raw, unicode.ToLower(r))
		}
	}
	for _, r := range string(settle(f.raw)) {
		if !dropped(r) {
			f.put(r, start)
		}
	}
}

// settle applies lower case and NFKC until nothing moves: some small letters join
// with a mark that their capitals leave alone.
func settle(text []byte) []byte {
	for range 4 {
		next := norm.NFKC.Bytes(text)
		next = []byte(strings.Map(func(r rune) rune { return simplify(unicode.ToLower(r)) }, string(next)))
		if slices.Equal(next, text) {
			break
		}
		text = next
	}
	return text
}

func (f *folder) put(r rune, start int32) {
	switch {
	case unicode.IsSpace(r):
		if n := len(f.buf); n == 0 || f.buf[n-1] == ' ' {
			return
		}
		r = ' '
	case dropped(r):
		return
	}
	f.buf = utf8.AppendRune(f.buf, r)
	for len(f.at) < len(f.buf) {
		f.at = append(f.at, start)
	}
}

// dropped characters carry no text; line ends and tabs are white space instead.
func dropped(r rune) bool {
	if r == utf8.RuneError {
		return true
	}
	if unicode.IsSpace(r) {
		return false
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Variation_Selector)
}

//go:embed traditional.txt
var traditional string

// simplified maps traditional characters to simplified ones.
var simplified = sync.OnceValue(func() map[rune]rune {
	_, pairs, _ := strings.Cut(traditional, "Pairs follow.\n")
	runes := []rune(strings.ReplaceAll(pairs, "\n", ""))
	m := make(map[rune]rune, len(runes)/2)
	for i := 0; i+1 < len(runes); i += 2 {
		m[runes[i]] = runes[i+1]
	}
	for from, to := range m {
		if last, ok := m[to]; ok {
			m[from] = last
		}
	}
	return m
})

func simplify(r rune) rune {
	if r < 0x3400 {
		return r
	}
	if s, ok := simplified()[r]; ok {
		return s
	}
	return r
}
