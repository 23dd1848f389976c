package text

import (
	"strconv"
	"strings"
)

// runes are the characters of one utterance; reads beyond either end give 0.
type runes []rune

func (r runes) at(i int) rune {
	if i < 0 || i >= len(r) {
		return 0
	}
	return r[i]
}

// has tells whether s stands at i.
func (r runes) has(i int, s string) bool {
	for _, c := range s {
		if r.at(i) != c {
			return false
		}
		i++
	}
	return true
}

// hasAny returns the length in characters of the first of list that stands at i.
func (r runes) hasAny(i int, list []string) int {
	for _, s := range list {
		if r.has(i, s) {
			return len([]rune(s))
		}
	}
	return 0
}

// endsAny tells whether one of list stands right before i.
func (r runes) endsAny(i int, list []string) bool {
	for _, s := range list {
		if n := len([]rune(s)); i >= n && r.has(i-n, s) {
			return true
		}
	}
	return false
}

var zhDigits = map[rune]int64{
	'零': 0, '〇': 0, '一': 1, '幺': 1, '二': 2, '两': 2, '三': 3, '四': 4, '五': 5, '六': 6, '七': 7, '八': 8, '九': 9,
}

var zhUnits = map[rune]int64{'十': 10, '百': 100, '千': 1000}

func zhDigit(c rune) (int64, bool) {
	v, ok := zhDigits[c]
	return v, ok
}

// digits reads digits said one by one at i ("零零七"); 两 is no such digit.
func (r runes) digits(i int) (s string, after int) {
	var b strings.Builder
	for after = i; ; after++ {
		v, ok := zhDigit(r.at(after))
		if !ok || r.at(after) == '两' || b.Len() >= maxDigits {
			return b.String(), after
		}
		b.WriteByte(byte('0' + v))
	}
}

// section reads a number below 10,000: 十二, 一百二十三, 三千五 (3500), 两千零五.
func (r runes) section(i int) (v int64, after int) {
	after = i
	limit, zero := int64(10000), false
	for {
		c := r.at(after)
		if c == '零' || c == '〇' {
			if _, next := zhDigit(r.at(after + 1)); after == i || zero || !next && r.at(after+1) != '十' {
				return v, trimZero(r, i, after)
			}
			zero, after = true, after+1
			continue
		}
		d, n := int64(1), 0 // 十 without a digit before it is ten
		if digit, ok := zhDigit(c); ok && c != '幺' {
			d, n = digit, 1
		} else if c != '十' || after > i && !zero {
			return v, trimZero(r, i, after)
		}
		unit := zhUnits[r.at(after+n)]
		switch {
		case unit == 0:
			return r.lastDigit(i, after, v, d, limit, zero)
		case unit >= limit:
			return v, trimZero(r, i, after)
		}
		v, limit, zero, after = v+d*unit, unit, false, after+n+1
	}
}

// lastDigit ends a section: 二十三 ends with 3, 三千五 with 5 hundreds.
func (r runes) lastDigit(i, at int, v, d, limit int64, zero bool) (int64, int) {
	if _, more := zhDigit(r.at(at + 1)); more && (v > 0 || at > i) {
		return v, trimZero(r, i, at) // a list of digits follows, not this number's last
	}
	if v > 0 && limit > 10 && !zero {
		return v + d*limit/10, at + 1
	}
	return v + d, at + 1
}

func trimZero(r runes, i, after int) int {
	for after > i && (r.at(after-1) == '零' || r.at(after-1) == '〇') {
		after--
	}
	return after
}

// number is a cardinal read at some place.
type zhNumber struct {
	value int64
	after int
	tail  rune // the large unit it ends with (万 or 亿), or 0
}

// number reads a cardinal with 万 and 亿 at i; after == i means none.
func (r runes) number(i int) zhNumber {
	n := zhNumber{after: i}
	var big int64 // what stands before 亿
	part, at := r.section(i)
	for at > n.after {
		n.value, n.after, n.tail = big+part, at, 0
		switch r.at(at) {
		case '万':
			part, n.tail, at = part*1e4, '万', at+1
			n.value, n.after = big+part, at
			low, end := r.afterBig(at, 1e4)
			if end > at {
				n.value, n.after, n.tail, at = n.value+low, end, 0, end
				part += low
			}
		}
		if r.at(at) != '亿' || big > 0 || part >= 1e8 {
			return n
		}
		big, n.tail, at = part*1e8, '亿', at+1
		n.value, n.after = big, at
		next := at
		if r.at(next) == '零' {
			next++
		}
		var end int
		if part, end = r.section(next); end == next || zhIsDigitOnly(r, next, end) && r.at(end) != '万' {
			return n
		}
		at = end
	}
	return n
}

// afterBig reads what follows 万: 五千 or 零五 as they are, a lone digit as
// thousands (一万二 is 12,000).
func (r runes) afterBig(i int, scale int64) (int64, int) {
	at := i
	zero := r.at(at) == '零'
	if zero {
		at++
	}
	v, end := r.section(at)
	if end == at {
		return 0, i
	}
	if end == at+1 && v < 10 {
		if _, more := zhDigit(r.at(end)); more || r.at(end) == '点' {
			return 0, i
		}
		if !zero {
			return v * scale / 10, end
		}
	}
	return v, end
}

func zhIsDigitOnly(r runes, i, end int) bool {
	_, ok := zhDigit(r.at(i))
	return ok && end == i+1
}

// String prints the number: whole 万 and 亿 keep their character.
func (n zhNumber) String() string {
	switch {
	case n.value >= 1e8 && n.value%1e6 == 0:
		return strconv.FormatFloat(float64(n.value)/1e8, 'f', -1, 64) + "亿"
	case n.tail == '万' && n.value%1e4 == 0 && n.value < 1e8:
		return strconv.FormatInt(n.value/1e4, 10) + "万"
	}
	return strconv.FormatInt(n.value, 10)
}

// decimal reads 三点一四 at i as 3.14; a large unit after it stays.
func (r runes) decimal(i int) (s string, after int) {
	n := r.number(i)
	if n.after == i || n.tail != 0 || r.at(n.after) != '点' {
		if r.at(i) != '零' || r.at(i+1) != '点' {
			return "", i
		}
		n = zhNumber{after: i + 1}
	}
	frac, end := r.digits(n.after + 1)
	if frac == "" {
		return "", i
	}
	return strconv.FormatInt(n.value, 10) + "." + frac, end
}
