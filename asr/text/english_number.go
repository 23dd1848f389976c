package text

import (
	"strconv"
	"strings"
)

// tokens are the lower-case words of one utterance; reads beyond either end give "".
type tokens []string

func (t tokens) at(i int) string {
	if i < 0 || i >= len(t) {
		return ""
	}
	return t[i]
}

// is tells whether token i is one of the words in set (see wordSet).
func (t tokens) is(i int, set map[string]bool) bool { return set[t.at(i)] }

// near tells whether one of the back tokens before i is in set.
func (t tokens) near(i, back int, set map[string]bool) bool {
	for k := i - 1; k >= 0 && k >= i-back; k-- {
		if set[t[k]] {
			return true
		}
	}
	return false
}

var units = map[string]int64{
	"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
}

var teens = map[string]int64{
	"ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15,
	"sixteen": 16, "seventeen": 17, "eighteen": 18, "nineteen": 19,
}

var tens = map[string]int64{
	"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90,
}

var scales = map[string]int64{
	"thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12,
}

var ordinalUnits = map[string]int64{
	"first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8, "ninth": 9,
}

var ordinalTens = map[string]int64{
	"tenth": 10, "eleventh": 11, "twelfth": 12, "thirteenth": 13, "fourteenth": 14, "fifteenth": 15,
	"sixteenth": 16, "seventeenth": 17, "eighteenth": 18, "nineteenth": 19, "twentieth": 20, "thirtieth": 30,
	"fortieth": 40, "fiftieth": 50, "sixtieth": 60, "seventieth": 70, "eightieth": 80, "ninetieth": 90,
}

// digit reads a single digit word; "oh" and "o" are zero.
func digit(s string) (byte, bool) {
	if v, ok := units[s]; ok {
		return byte('0' + v), true
	}
	switch s {
	case "zero", "oh", "o":
		return '0', true
	}
	return 0, false
}

// below100 reads "seven", "seventeen", "seventy" or "seventy seven" at i and
// returns the value and the position after it; after == i means none.
func (t tokens) below100(i int) (v int64, after int) {
	w := t.at(i)
	if v, ok := units[w]; ok {
		return v, i + 1
	}
	if v, ok := teens[w]; ok {
		return v, i + 1
	}
	if v, ok := tens[w]; ok {
		if u, ok := units[t.at(i+1)]; ok {
			return v + u, i + 2
		}
		return v, i + 1
	}
	return 0, i
}

// below1000 reads up to "nine hundred and ninety nine", and "fifteen hundred".
func (t tokens) below1000(i int) (v int64, after int) {
	v, after = t.below100(i)
	if after == i && t.at(i) == "a" && t.at(i+1) == "hundred" {
		v, after = 1, i+1
	}
	if after == i || t.at(after) != "hundred" || v >= 20 && v%10 == 0 {
		return v, after
	}
	v, after = v*100, after+1
	rest := after
	if t.at(rest) == "and" {
		rest++
	}
	if r, end := t.below100(rest); end > rest {
		v, after = v+r, end
	}
	return v, after
}

// cardinal reads the longest cardinal at i.
func (t tokens) cardinal(i int) (v int64, after int) {
	after = i
	if t.at(i) == "zero" {
		return 0, i + 1
	}
	limit := int64(1e15)
	for {
		at := after
		if after > i && t.at(at) == "and" {
			at++
		}
		group, end := t.below1000(at)
		if end == at && after == i && t.at(i) == "a" && scales[t.at(i+1)] > 0 {
			group, end = 1, i+1
		}
		if end == at {
			return v, after
		}
		scale := scales[t.at(end)]
		if scale == 0 {
			scale = 1
		} else {
			end++
		}
		if scale >= limit || after > i && group*scale >= limit {
			return v, after
		}
		v, after, limit = v+group*scale, end, scale
		if scale == 1 {
			return v, after
		}
	}
}

// decimal reads "three point one four" at i as "3.14"; the part before the point
// may be "oh" or missing.
func (t tokens) decimal(i int) (s string, after int) {
	v, at := t.cardinal(i)
	if at == i && (t.at(i) == "oh" || t.at(i) == "o") {
		at = i + 1
	}
	if t.at(at) != "point" || at == i && t.near(i, 1, noPointAfter) {
		return "", i
	}
	fraction, end := t.fraction(at + 1)
	if end == at+1 {
		return "", i
	}
	s = strconv.FormatInt(v, 10) + "." + fraction
	for t.at(end) == "point" && at > i { // version 2.1.3
		more, next := t.fraction(end + 1)
		if next == end+1 {
			break
		}
		s, end = s+"."+more, next
	}
	return s, end
}

// fraction reads what stands after the point: single digits, or one number below 100.
func (t tokens) fraction(i int) (s string, after int) {
	var b strings.Builder
	after = i
	for {
		d, ok := digit(t.at(after))
		if !ok {
			break
		}
		b.WriteByte(d)
		after++
	}
	if after > i {
		return b.String(), after
	}
	if v, end := t.below100(i); end > i {
		return strconv.FormatInt(v, 10), end
	}
	return "", i
}

// ordinal reads "tenth", "twenty first" or "one hundred and third" at i.
func (t tokens) ordinal(i int) (v int64, after int) {
	if v, ok := ordinalUnits[t.at(i)]; ok {
		return v, i + 1
	}
	if v, ok := ordinalTens[t.at(i)]; ok {
		return v, i + 1
	}
	if v, ok := tens[t.at(i)]; ok {
		if u, ok := ordinalUnits[t.at(i+1)]; ok {
			return v + u, i + 2
		}
		return 0, i
	}
	v, after = t.below1000(i)
	switch {
	case after == i:
		return 0, i
	case t.at(after) == "hundredth" && v < 10:
		return v * 100, after + 1
	case t.at(after) == "thousandth":
		return v * 1000, after + 1
	case v%100 != 0:
		return 0, i
	}
	if t.at(after) == "and" {
		after++
	}
	if u, end := t.ordinal(after); end > after && u < 100 {
		return v + u, end
	}
	return 0, i
}

// year reads a year: "nineteen eighty four", "nineteen oh five", "twenty ten",
// "two thousand and five". low is the smallest first half of the paired form.
func (t tokens) year(i int, low int64) (v int64, after int) {
	first, at := t.below100(i)
	if at == i+1 && first >= low && first <= 20 {
		if z := t.at(at); z == "oh" || z == "o" {
			if u, ok := units[t.at(at+1)]; ok {
				return first*100 + u, at + 2
			}
		}
		if second, end := t.below100(at); end > at && second >= 10 {
			return first*100 + second, end
		}
	}
	if v, at = t.cardinal(i); at > i+1 && v >= 1900 && v < 2100 {
		return v, at
	}
	return 0, i
}

// group3 writes v with a comma between thousands.
func group3(v int64) string {
	s := strconv.FormatInt(v, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// printCardinal writes a number as read: whole millions keep their word, and
// commas start at 10,000 (or at 1,000 in money).
func printCardinal(v int64, lastWord string, commaFrom int64) string {
	if s := scales[lastWord]; s >= 1e6 && v%s == 0 && v/s < 1000 {
		return strconv.FormatInt(v/s, 10) + " " + lastWord
	}
	if v >= commaFrom {
		return group3(v)
	}
	return strconv.FormatInt(v, 10)
}

// printOrdinal writes 1st, 2nd, 3rd, 11th.
func printOrdinal(v int64) string {
	suffix := "th"
	if v%100 < 11 || v%100 > 13 {
		switch v % 10 {
		case 1:
			suffix = "st"
		case 2:
			suffix = "nd"
		case 3:
			suffix = "rd"
		}
	}
	return strconv.FormatInt(v, 10) + suffix
}
