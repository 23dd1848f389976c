package nlp

import (
	"strings"
	"unicode/utf8"
)

// Runs of spoken digits at least this long are joined. Shorter ones are mostly words
// ("一三五上班", "one two weeks").
const (
	minChineseRun = 5
	minEnglishRun = 4
)

var chineseDigit = map[rune]byte{
	'零': '0', '〇': '0', '洞': '0', '一': '1', '幺': '1', '二': '2', '两': '2', '三': '3', '四': '4',
	'五': '5', '六': '6', '七': '7', '拐': '7', '八': '8', '九': '9', '勾': '9',
}

var englishDigit = map[string]byte{
	"zero": '0', "oh": '0', "o": '0', "one": '1', "two": '2', "three": '3', "four": '4', "five": '5',
	"six": '6', "seven": '7', "eight": '8', "nine": '9',
}

// Digit is one digit as it is written or said alone, folded: "5", "五", "five"; "" for anything else.
func Digit(word string) string {
	if len(word) == 1 && digitsOnly(word) {
		return word
	}
	if d, ok := englishDigit[word]; ok {
		return string(rune(d))
	}
	if r, size := utf8.DecodeRuneInString(word); size == len(word) && chineseDigit[r] != 0 {
		return string(rune(chineseDigit[r]))
	}
	return ""
}

var times = map[string]int{"double": 2, "triple": 3}

// SpokenDigits writes digits that were said one by one as digits: at least five in
// Chinese ("幺三八零零一三八零零零", with or without spaces), at least four in English
// ("two oh two five", "double seven"; typed one by one, "5 5 6 6", too). The text must be folded. Everything else
// stays as it is, numbers in words ("twenty five", "三百") too.
func SpokenDigits(folded string) string {
	t := Text{String: folded, at: make([]int32, len(folded)+1)}
	return t.SpokenDigits().String
}

// SpokenDigits is the function of the same name with the way back to the raw text.
func (t Text) SpokenDigits() Text {
	s := t.String
	if !mayHoldDigits(s) {
		return t
	}
	out := Text{at: make([]int32, 0, len(t.at))}
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); {
		digits, end := spokenRun(s, i)
		if digits == "" {
			_, size := utf8.DecodeRuneInString(s[i:])
			digits, end = s[i:i+size], i+size
		}
		for range len(digits) {
			out.at = append(out.at, t.at[i])
		}
		b.WriteString(digits)
		i = end
	}
	out.at = append(out.at, t.at[len(s)])
	out.String = b.String()
	return out
}

// mayHoldDigits is a quick look that spares most texts the walk.
func mayHoldDigits(s string) bool {
	last := rune(0)
	for _, r := range s {
		if _, ok := chineseDigit[r]; ok {
			return true
		}
		if last == ' ' && r >= '0' && r <= '9' {
			return true
		}
		last = r
	}
	for word := range englishDigit {
		if len(word) > 1 && strings.Contains(s, word) {
			return true
		}
	}
	return false
}

// spokenRun reads a run that begins at i; "" when there is none that is long enough.
func spokenRun(s string, i int) (digits string, end int) {
	if r, _ := utf8.DecodeRuneInString(s[i:]); r >= utf8.RuneSelf {
		return chineseRun(s, i)
	}
	if i > 0 && wordByte(s[i-1]) {
		return "", i
	}
	return englishRun(s, i)
}

// chineseRun takes Chinese digits and plain ones between them; it begins with a
// Chinese one. A character before it that makes a word of the first digit ("第一")
// doesn't matter: the run has to be long.
func chineseRun(s string, i int) (string, int) {
	var b strings.Builder
	spoken, end := 0, i
	for at := i; at < len(s); {
		r, size := utf8.DecodeRuneInString(s[at:])
		if d, ok := chineseDigit[r]; ok {
			b.WriteByte(d)
			spoken++
		} else if r >= '0' && r <= '9' && spoken > 0 {
			b.WriteByte(byte(r))
		} else if (r == ' ' || r == '-' || r == ',' || r == '、') && spoken > 0 {
			at += size
			continue
		} else {
			break
		}
		at += size
		end = at
	}
	if spoken < minChineseRun {
		return "", i
	}
	return b.String(), end
}

// englishRun takes words for digits with spaces, commas or hyphens between them.
func englishRun(s string, i int) (string, int) {
	var b strings.Builder
	spoken, end := 0, i
	for at := i; at < len(s); {
		word := wordAt(s, at)
		n := 1
		if k, ok := times[word]; ok {
			rest := at + len(word)
			if rest >= len(s) || s[rest] != ' ' && s[rest] != '-' {
				break
			}
			n, at = k, rest+1
			word = wordAt(s, at)
		}
		d, ok := englishDigit[word]
		switch {
		case ok:
		case len(word) == 1 && digitsOnly(word) && n == 1: // "5 5 6 6": typed one by one
			b.WriteString(word)
			spoken++
		case len(word) > 0 && digitsOnly(word) && spoken > 0 && n == 1:
			b.WriteString(word)
		default:
			word = ""
		}
		if word == "" {
			break
		}
		if ok {
			for range n {
				b.WriteByte(d)
			}
			spoken += n
		}
		at += len(word)
		end = at
		for at < len(s) && (s[at] == ' ' || s[at] == ',' || s[at] == '-') && at-end < 2 {
			at++
		}
		if at == end {
			break
		}
	}
	// "one two three four" begins with a digit that is a word: "o" and "oh" alone never do.
	if spoken < minEnglishRun {
		return "", i
	}
	return b.String(), end
}

// wordAt is the ASCII word that begins at i.
func wordAt(s string, i int) string {
	end := i
	for end < len(s) && wordByte(s[end]) {
		end++
	}
	return s[i:end]
}

func wordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '\''
}

func digitsOnly(s string) bool {
	return strings.Trim(s, "0123456789") == ""
}
