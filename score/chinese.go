package score

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

const zhDigits = "零一二三四五六七八九"

// RawChinese splits text into characters without spaces and punctuation, Latin
// letters in lower case.
func RawChinese(s string) []string {
	var out []string
	for _, r := range strings.ToLower(norm.NFKC.String(s)) {
		if unicode.IsLetter(r) || unicode.IsNumber(r) {
			out = append(out, string(r))
		}
	}
	return out
}

// NormaliseChinese is RawChinese with digits verbalised: 25% is 百分之二十五, 2024年 is
// 二零二四年, telephone numbers are read digit by digit, and 幺 is 一.
func NormaliseChinese(s string) []string {
	r := []rune(norm.NFKC.String(s))
	var b strings.Builder
	for i := 0; i < len(r); {
		if r[i] < '0' || r[i] > '9' {
			b.WriteRune(zhPlain(r, i))
			i++
			continue
		}
		start := i
		for i < len(r) && (r[i] >= '0' && r[i] <= '9' || (r[i] == '.' || r[i] == ',') && i+1 < len(r) && r[i+1] >= '0' && r[i+1] <= '9') {
			i++
		}
		var after rune
		if i < len(r) {
			after = r[i]
		}
		whole, fraction, _ := strings.Cut(strings.ReplaceAll(string(r[start:i]), ",", ""), ".")
		if after == '%' {
			b.WriteString("百分之")
		}
		if fraction == "" && after == ':' && i+1 < len(r) && r[i+1] >= '0' && r[i+1] <= '9' {
			b.WriteString(zhNumber(whole) + "点")
			continue
		}
		if len(whole) >= 8 || whole[0] == '0' && len(whole) > 1 || len(whole) == 4 && after == '年' {
			b.WriteString(zhSpell(whole))
		} else {
			b.WriteString(zhNumber(whole))
		}
		if fraction != "" {
			b.WriteString("点" + zhSpell(fraction))
		}
	}
	return RawChinese(b.String())
}

// zhPlain joins variants of one character.
func zhPlain(r []rune, i int) rune {
	switch r[i] {
	case '幺':
		return '一'
	case '〇':
		return '零'
	}
	return r[i]
}

// zhSpell reads digits one by one.
func zhSpell(digits string) string {
	names := []rune(zhDigits)
	var b strings.Builder
	for _, d := range digits {
		b.WriteRune(names[d-'0'])
	}
	return b.String()
}

// zhNumber reads up to 7 digits as a cardinal: 10500 is 一万零五百.
func zhNumber(digits string) string {
	digits = strings.TrimLeft(digits, "0")
	if digits == "" {
		return "零"
	}
	if len(digits) > 4 {
		high, low := digits[:len(digits)-4], digits[len(digits)-4:]
		s := zhNumber(high) + "万"
		rest := strings.TrimLeft(low, "0")
		switch {
		case rest == "":
			return s
		case len(rest) < 4:
			s += "零"
		}
		tail := zhNumber(rest)
		if len(rest) == 2 && rest[0] == '1' {
			tail = "一" + tail
		}
		return s + tail
	}
	names, units := []rune(zhDigits), []string{"", "十", "百", "千"}
	var b strings.Builder
	zero := false
	for i, d := range digits {
		unit := len(digits) - 1 - i
		if d == '0' {
			zero = true
			continue
		}
		if zero && b.Len() > 0 {
			b.WriteRune('零')
		}
		zero = false
		if d != '1' || unit != 1 || i > 0 {
			b.WriteRune(names[d-'0'])
		}
		b.WriteString(units[unit])
	}
	return b.String()
}
