package text

import (
	"strconv"
	"strings"
	"unicode"
)

// utterance is one Chinese utterance as characters that remember their word.
type utterance struct {
	r    runes
	word []int // word[i] is the index of the word that r[i] is from
}

// chineseRules propose the alternatives that start at character i.
var chineseRules = []func(r runes, i int) []edge{
	zhIdiomRule, zhNumberRule, zhDecimalRule, zhDigitsRule, zhRatioRule, zhClockRule, zhSignRule,
}

func formatChinese(words []Word) (string, []Span) {
	var u utterance
	for k, w := range words {
		for _, c := range w.Text {
			u.r, u.word = append(u.r, c), append(u.word, k)
		}
	}
	edges := make([][]edge, len(u.r))
	for i, c := range u.r {
		edges[i] = append(edges[i], edge{from: i, to: i + 1, text: string(c), cost: costPlain})
		for _, rule := range chineseRules {
			edges[i] = append(edges[i], rule(u.r, i)...)
		}
	}
	return punctuateChinese(words, u, cheapest(len(u.r), edges))
}

// zhIdiomRule keeps words that only look like numbers.
func zhIdiomRule(r runes, i int) []edge {
	n := r.hasAny(i, zhIdioms)
	switch {
	case n == 0:
		return nil
	case r.has(i, "十分") && r.at(i+2) == '钟':
		return nil
	case r.has(i, "一块") && (r.at(i+2) == '钱' || zhNumeral(r.at(i+2))):
		return nil
	case r.has(i, "一点") && zhNumeral(r.at(i+2)), zhNumeral(r.at(i - 1)):
		return nil
	}
	return []edge{{from: i, to: i + n, text: string(r[i : i+n]), cost: costDate}}
}

func zhNumeral(c rune) bool {
	_, digit := zhDigits[c]
	return digit || zhUnits[c] > 0 || c == '万' || c == '亿'
}

// zhNumberRule: 一百二十三 is 123. Numbers below ten stay characters unless a unit
// such as 度 or 公里 follows; 十 alone needs a measure word.
func zhNumberRule(r runes, i int) []edge {
	n := r.number(i)
	if n.after == i || zhNumeral(r.at(i-1)) || r.at(n.after) == '几' || r.at(i) == '十' && (r.at(i-1) == '几' || r.at(i-1) == '数') {
		return nil
	}
	if n.value >= 10 && n.after > i+1 {
		return one(i, n.after, n.String(), costCardinal)
	}
	if n.after != i+1 || r.at(i) == '零' || !zhCounted(r, i) {
		return nil
	}
	return one(i, n.after, n.String(), costCardinal)
}

// zhCounted tells whether the single numeral at i is counted in something that
// is written with digits.
func zhCounted(r runes, i int) bool {
	switch {
	case r.endsAny(i, zhDigitCue):
		return true
	case r.at(i) == '十':
		return r.at(i-1) == '第' || r.hasAny(i+1, zhMeasures) > 0 || r.hasAny(i+1, zhHardMeasures) > 0
	case strings.ContainsRune("块元毛角", r.at(i-1)) && r.at(i-1) != 0 && zhNumeral(r.at(i-2)):
		return true // 三块五
	case r.at(i+1) == '日':
		return r.at(i-1) == '月'
	case r.at(i+1) == '月':
		return r.at(i) != '两'
	}
	return r.hasAny(i+1, zhHardMeasures) > 0
}

// zhDecimalRule: 三点一四 is 3.14.
func zhDecimalRule(r runes, i int) []edge {
	s, after := r.decimal(i)
	if after == i || zhNumeral(r.at(i-1)) || r.at(after) == '分' || zhUnits[r.at(after)] > 0 || r.at(after) == '刻' {
		return nil
	}
	return one(i, after, s, costDecimal)
}

// zhDigitsRule: digits said one by one, three or more, or two before 年.
func zhDigitsRule(r runes, i int) []edge {
	if _, before := zhDigit(r.at(i - 1)); before {
		return nil
	}
	s, after := r.digits(i)
	if zhUnits[r.at(after)] > 0 || r.at(after) == '万' || r.at(after) == '亿' {
		after--
		s = s[:max(0, len(s)-1)]
	}
	switch n := len(s); {
	case n >= 3:
	case n == 2 && (r.at(after) == '年' || r.at(i) == '零' || r.at(i) == '幺' || r.at(i+1) == '幺' || r.endsAny(i, zhDigitCue)):
	case n == 1 && r.at(i) == '幺':
	default:
		return nil
	}
	return one(i, after, s, costDigits)
}

// zhRatioRule: 百分之二十五 is 25%, 三分之一 is 1/3.
func zhRatioRule(r runes, i int) []edge {
	sign, at := "", i
	switch {
	case r.has(i, "百分之"):
		sign, at = "%", i+3
	case r.has(i, "千分之"):
		sign, at = "‰", i+3
	default:
		return zhFraction(r, i)
	}
	if r.at(at) == '百' {
		return one(i, at+1, "100"+sign, costMoney)
	}
	if s, after := r.decimal(at); after > at {
		return one(i, after, s+sign, costMoney)
	}
	n := r.number(at)
	if n.after == at {
		if r.at(at) != '零' {
			return nil
		}
		n.after++
	}
	return one(i, n.after, n.String()+sign, costMoney)
}

func zhFraction(r runes, i int) []edge {
	low := r.number(i)
	if low.after == i || !r.has(low.after, "分之") || zhNumeral(r.at(i-1)) {
		return nil
	}
	high := r.number(low.after + 2)
	if high.after == low.after+2 {
		return nil
	}
	return one(i, high.after, high.String()+"/"+low.String(), costMoney)
}

// zhClockRule: 三点二十 is 3:20, 下午三点 keeps its word with a digit.
func zhClockRule(r runes, i int) []edge {
	hour := r.number(i)
	at := hour.after
	if at == i || hour.value > 24 || r.at(at) != '点' || zhNumeral(r.at(i-1)) || hour.tail != 0 {
		return nil
	}
	h := strconv.FormatInt(hour.value, 10)
	var out []edge
	cue := r.endsAny(i, zhClockCue)
	if cue || r.hasAny(at+1, zhClockTail) > 0 {
		out = one(i, at+1, h+"点", costMoney-0.15)
	}
	minute, end := r.clockMinute(at + 1)
	switch {
	case end == at+1 || minute > 59:
		return out
	case r.at(end) == '分':
		return append(out, one(i, end, h+"点"+strconv.FormatInt(minute, 10), costTime)...)
	case !cue && r.at(at+1) == '零' && r.hasAny(end, zhHardMeasures) > 0:
		return out
	}
	return append(out, one(i, end, h+":"+pad2(minute), costTime)...)
}

// clockMinute reads 二十, 零五 or, before 分, 五.
func (r runes) clockMinute(i int) (v int64, after int) {
	if r.at(i) == '零' {
		d, ok := zhDigit(r.at(i + 1))
		if _, more := zhDigit(r.at(i + 2)); !ok || d == 0 || more || zhUnits[r.at(i+2)] > 0 {
			return 0, i
		}
		return d, i + 2
	}
	v, after = r.section(i)
	if after == i || v < 10 && r.at(after) != '分' {
		return 0, i
	}
	return v, after
}

// zhSignRule: 负五度 is -5度.
func zhSignRule(r runes, i int) []edge {
	if r.at(i) != '负' {
		return nil
	}
	if s, after := r.decimal(i + 1); after > i+1 {
		return one(i, after, "-"+s, costTime)
	}
	n := r.number(i + 1)
	if n.after == i+1 || n.value < 10 && r.hasAny(n.after, zhHardMeasures) == 0 {
		return nil
	}
	return one(i, n.after, "-"+n.String(), costTime)
}

// latin tells whether c belongs to a word of Latin letters.
func latin(c rune) bool { return c < 0x2e80 && unicode.IsLetter(c) }
