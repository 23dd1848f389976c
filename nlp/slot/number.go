package slot

import (
	"strconv"
	"strings"
)

// chinese reads a number up to 99,999,999 in digits or Chinese words ("三百五十",
// "一万二", "二零二六"); false when it is none.
func chinese(s string) (int, bool) {
	if n, err := strconv.Atoi(s); err == nil {
		return n, len(s) <= 8
	}
	total, section, last, unit, plain := 0, 0, -1, 1, 0
	for _, r := range s {
		if d := strings.IndexRune("零一二三四五六七八九", r) / 3; strings.ContainsRune("零一二三四五六七八九", r) {
			if last >= 0 && unit == 1 && section+total == 0 {
				plain = plain*10 + last
			}
			last = d
			if d == 0 && section+total > 0 {
				last, unit = -1, 10 // "一千零八": eight alone, not eight hundred
			}
			continue
		}
		switch r {
		case '〇':
			if last >= 0 {
				plain = plain*10 + last
			}
			last = 0
		case '两':
			last = 2
		case '十', '百', '千':
			unit = map[rune]int{'十': 10, '百': 100, '千': 1000}[r]
			section += max(last, 1-min(last+1, 1)) * unit
			last = -1
		case '万':
			total = (total + section + max(last, 0)) * 10000
			section, last, unit = 0, -1, 10000
		default:
			return 0, false
		}
	}
	if plain > 0 || last >= 0 && unit == 1 && section+total == 0 {
		return plain*10 + max(last, 0), plain < 1e7
	}
	if last > 0 {
		if strings.Contains(s, "零") || unit <= 10 {
			section += last
		} else {
			section += last * unit / 10 // "三百五": three hundred and fifty
		}
	}
	return total + section, total+section > 0 && total < 1e9
}

var englishNumbers = map[string]int{
	"a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
	"eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16, "seventeen": 17, "eighteen": 18,
	"nineteen": 19, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90,
}

// english reads digits or English words up to 999,999.
func english(s string) (int, bool) {
	if n, err := strconv.Atoi(strings.TrimSpace(s)); err == nil {
		return n, n < 1e8
	}
	total, section := 0, 0
	for word := range strings.FieldsFuncSeq(s, func(r rune) bool { return r == ' ' || r == '-' }) {
		switch {
		case word == "and":
		case word == "hundred":
			section = max(section, 1) * 100
		case word == "thousand":
			total, section = total+max(section, 1)*1000, 0
		case englishNumbers[word] > 0:
			section += englishNumbers[word]
		default:
			return 0, false
		}
		if section > 99999 || total > 99999999 {
			return 0, false
		}
	}
	return total + section, total+section > 0
}

var ordinals = map[string]int{
	"first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8, "ninth": 9, "tenth": 10,
	"eleventh": 11, "twelfth": 12, "thirteenth": 13, "fourteenth": 14, "fifteenth": 15, "sixteenth": 16, "seventeenth": 17,
	"eighteenth": 18, "nineteenth": 19, "twentieth": 20, "thirtieth": 30, "twenty": 20, "thirty": 30,
}

// ordinal reads "twenty eighth" as 28.
func ordinal(s string) int {
	n := 0
	for word := range strings.FieldsFuncSeq(s, func(r rune) bool { return r == ' ' || r == '-' }) {
		n += ordinals[word]
	}
	return n
}
