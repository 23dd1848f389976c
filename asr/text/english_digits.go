package text

import (
	"strconv"
	"strings"
)

// maxDigits bounds one number, so that work stays linear in the words.
const maxDigits = 64

// digitRun is a stretch of digits said one by one.
type digitRun struct {
	digits  string
	after   int
	singles int  // digits said singly
	chunked bool // holds "eight hundred" or "twenty"
}

// run reads digits at i: "double five", "triple seven", "oh"; with chunks also
// "eight hundred" and "forty two" between single digits.
func (t tokens) run(i int, chunks bool) digitRun {
	var b strings.Builder
	r := digitRun{after: i}
	for {
		if b.Len() >= maxDigits {
			r.digits = b.String()
			return r
		}
		at := r.after
		n := 1
		switch t.at(at) {
		case "double":
			n, at = 2, at+1
		case "triple":
			n, at = 3, at+1
		}
		if d, ok := digit(t.at(at)); ok {
			if chunks && n == 1 && d != '0' && t.at(at+1) == "hundred" {
				b.WriteByte(d)
				b.WriteString("00")
				r.after, r.chunked = at+2, true
				continue
			}
			for range n {
				b.WriteByte(d)
			}
			r.after, r.singles = at+1, r.singles+n
			continue
		}
		if v, end := t.below100(at); chunks && n == 1 && end > at {
			b.WriteString(strconv.FormatInt(v, 10))
			r.after, r.chunked = end, true
			continue
		}
		r.digits = b.String()
		return r
	}
}

// digitsRule: telephone, account and code numbers.
func digitsRule(t tokens, i int) []edge {
	if t.at(i) == "plus" {
		if r := t.run(i+1, true); len(r.digits) >= 7 {
			return one(i, r.after, "+"+r.digits, costDigits)
		}
		return nil
	}
	cue := t.near(i, 4, codeCue) || t.near(i, 6, phoneCue)
	if r := t.run(i, true); r.chunked && r.singles >= 4 && (len(r.digits) == 7 || len(r.digits) == 10 || len(r.digits) == 11) {
		return one(i, r.after, phone(r.digits, true), costDigits)
	}
	r := t.run(i, false)
	n := len(r.digits)
	if n < 2 || n == 2 && !cue {
		return nil
	}
	if first := t.at(i); (first == "oh" || first == "o") && n < 4 && !cue {
		return nil
	}
	if s := t.at(r.after); n == 2 && (s == "hundred" || s == "point" || scales[s] > 0) {
		return nil
	}
	isPhone := t.near(i, 6, phoneCue) && !t.near(i, 6, accountCue)
	if n == 16 && t.near(i, 6, accountCue) {
		return one(i, r.after, r.digits[:4]+" "+r.digits[4:8]+" "+r.digits[8:12]+" "+r.digits[12:], costDigits)
	}
	return one(i, r.after, phone(r.digits, isPhone), costDigits)
}

// phone groups 7, 10 and 11 digits as North American numbers are printed.
func phone(d string, is bool) string {
	switch {
	case !is:
		return d
	case len(d) == 7:
		return d[:3] + "-" + d[3:]
	case len(d) == 10 && d[0] >= '2':
		return d[:3] + "-" + d[3:6] + "-" + d[6:]
	case len(d) == 11 && d[0] == '1':
		return d[:1] + "-" + d[1:4] + "-" + d[4:7] + "-" + d[7:]
	}
	return d
}

// letter reads a token that is one letter, as in spelling.
func letter(s string) (byte, bool) {
	s = strings.TrimSuffix(s, ".")
	if len(s) == 1 && s[0] >= 'a' && s[0] <= 'z' {
		return s[0] - 'a' + 'A', true
	}
	return 0, false
}

// codeRule: spelled letters. Known abbreviations and codes with digits are joined
// ("USA", "ABC123"); names that are spelled out stay apart ("J O H N").
func codeRule(t tokens, i int) []edge {
	if _, ok := letter(t.at(i)); !ok {
		return nil
	}
	var b strings.Builder
	at, letters, digits, real := i, 0, 0, 0
	lettersEnd := i
	for b.Len() < maxDigits {
		if c, ok := letter(t.at(at)); ok {
			b.WriteByte(c)
			if at++; digits == 0 {
				lettersEnd = at
			}
			letters++
			if c != 'A' && c != 'I' && c != 'O' {
				real++
			}
			continue
		}
		r := t.run(at, false)
		if r.after == at {
			break
		}
		b.WriteString(r.digits)
		at, digits = r.after, digits+len(r.digits)
	}
	code := b.String()
	if digits >= 2 && real >= 1 && letters+digits >= 3 {
		return one(i, at, code, costDigits)
	}
	code = code[:lettersEnd-i]
	if s, ok := abbreviations[code]; ok {
		return one(i, lettersEnd, s, costDigits)
	}
	return spelled(t, i, code, real)
}

// spelled gives the letter at i as a capital when its neighbours are letters too.
func spelled(t tokens, i int, code string, real int) []edge {
	c, _ := letter(t.at(i))
	_, before := letter(t.at(i - 1))
	if len(code) < 2 && !before || real == 0 && !before || c == 'A' && !before && len(code) < 3 {
		return nil
	}
	return one(i, i+1, string(c), costPlain-0.01)
}
