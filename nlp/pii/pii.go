// Package pii hides what names or numbers a person: phones, e-mail addresses, identity and bank card
// numbers, typed or spoken. It is the one place that decides how they look when hidden; whoever shows
// something to somebody who may not see it whole asks here.
//
//	text -> slot.Finder (patterns, check digits, spoken digits) -> Phone, Email, Number -> text with stars
//
// It remembers nothing, and it knows no roles: who may see what is decided above.
package pii

import (
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"tingxin/nlp/slot"
)

// Phone is a phone number as those see it who may not see it whole: Chinese ones as people write them
// (138****8000), others with their country's code. Extensions of the house (four digits or fewer) stay.
func Phone(number string) string {
	shown := strings.TrimPrefix(number, "+86")
	prefix := ""
	if rest, ok := strings.CutPrefix(shown, "+"); ok {
		prefix, shown = "+", rest
	}
	switch n := len(shown); {
	case n == 0:
		return number
	case n <= 4:
		return prefix + shown
	case n < 8:
		return prefix + "****" + shown[n-2:]
	default:
		front := 3
		if n < 10 {
			front = n - 8 // of a short one four digits are hidden at least
		}
		return prefix + shown[:front] + strings.Repeat("*", max(n-4-front, 4)) + shown[n-4:]
	}
}

// Email is an address with the first letter of its name: l***@example.com.
func Email(address string) string {
	name, domain, ok := strings.Cut(address, "@")
	if !ok {
		return Short(address)
	}
	_, size := utf8.DecodeRuneInString(name)
	return name[:size] + "***@" + domain
}

// Number is an identity or card number with its first and last four digits.
func Number(value string) string {
	n := len(value)
	if n <= 8 {
		return strings.Repeat("*", n)
	}
	return value[:4] + strings.Repeat("*", n-8) + value[n-4:]
}

// Short is anything else: its first and last two characters when it is long enough.
func Short(value string) string {
	runes := []rune(value)
	if len(runes) < 8 {
		return "****"
	}
	return string(runes[:2]) + "****" + string(runes[len(runes)-2:])
}

// Name is a person's name with its first character: 李**, M***.
func Name(name string) string {
	runes := []rune(name)
	if len(runes) == 0 {
		return ""
	}
	return string(runes[0]) + strings.Repeat("*", min(max(len(runes)-1, 1), 3))
}

// finder looks for values; patterns of orders are no business of ours.
var finder, _ = slot.New(slot.Config{}) // the zero value is right

// leastDigits is how many digits, typed or spoken, a text must have before it is looked at.
const leastDigits = 7

// spoken are the digits as they are said.
var spoken = map[string]bool{"zero": true, "oh": true, "one": true, "two": true, "three": true, "four": true, "five": true, "six": true, "seven": true, "eight": true, "nine": true, "double": true}

// maybe tells cheaply whether a text can hold anything of a person at all.
func maybe(s string) bool {
	if strings.Contains(s, "@") || strings.Contains(s, "＠") {
		return true
	}
	digits, letters := 0, false
	for _, r := range s {
		switch {
		case r >= '0' && r <= '9', r >= '０' && r <= '９', strings.ContainsRune("零〇一二三四五六七八九幺两洞拐", r):
			digits++
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z':
			letters = true
		}
	}
	if digits < leastDigits && letters {
		for _, word := range strings.Fields(strings.ToLower(s)) {
			if spoken[strings.Trim(word, ".,;:!?-")] {
				digits++
			}
		}
	}
	return digits >= leastDigits
}

// Find gives the values of a text of any length, in its order.
func Find(s string) []slot.Value {
	var out []slot.Value
	for from := 0; from < len(s); {
		end := len(s)
		if end-from > slot.MaxText {
			end = from + max(cutOf(s[from:]), 1)
		}
		values, _ := finder.Find(s[from:end], time.Unix(0, 0)) // it is cut, so it is not too long
		for _, v := range values {
			v.Start, v.End = v.Start+from, v.End+from
			out = append(out, v)
		}
		from = end
	}
	return out
}

// Text is a text with what names a person hidden. The rest stays as it was written.
func Text(s string) string {
	if !maybe(s) {
		return s
	}
	if len(s) > slot.MaxText {
		cut := cutOf(s)
		return Text(s[:cut]) + Text(s[cut:])
	}
	values, err := finder.Find(s, time.Unix(0, 0))
	if err != nil {
		return strings.Repeat("*", 4) // too long: cut above, so it cannot be
	}
	var b strings.Builder
	last := 0
	for _, v := range values {
		hidden := Value(v.Type, v.Value)
		if hidden == "" {
			hidden = shaped(v.Value)
		}
		if hidden == "" || v.Start < last {
			continue
		}
		b.WriteString(shapes.ReplaceAllStringFunc(s[last:v.Start], shapedOr))
		b.WriteString(hidden)
		last = v.End
	}
	b.WriteString(shapes.ReplaceAllStringFunc(s[last:], shapedOr))
	return b.String()
}

// cutWindow is how far about the place of a cut is looked for something that would be hidden; longer than any such thing.
const cutWindow = 512

// cutOf is where a text that is too long to be looked at as a whole is cut: about the middle of what can be
// looked at, at a space or a stop where there is one, and in nothing that would be hidden.
func cutOf(s string) int {
	cut := slot.MaxText / 2
	if at := strings.LastIndexAny(s[cut-cutWindow:cut], " \n\t,.;。，；！？"); at > 0 {
		cut += at - cutWindow
	}
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	from, end := cut-cutWindow, cut+cutWindow
	for from > 0 && !utf8.RuneStart(s[from]) {
		from--
	}
	for end > cut && !utf8.RuneStart(s[end]) {
		end--
	}
	window := s[from:end]
	var spans [][]int
	if values, err := finder.Find(window, time.Unix(0, 0)); err == nil {
		for _, v := range values {
			spans = append(spans, []int{v.Start, v.End})
		}
	}
	spans = append(spans, shapes.FindAllStringIndex(window, -1)...)
	cut -= from
	for moved := true; moved; {
		moved = false
		for _, at := range spans {
			if at[0] > 0 && at[0] < cut && cut < at[1] {
				cut, moved = at[0], true
			}
		}
	}
	return max(from+cut, 1)
}

// shapes are numbers that look like somebody's though nothing proves it: land lines without a space, and
// identity and card numbers with a digit misheard or mistyped, whose other digits are right.
var (
	shapes   = regexp.MustCompile(`\b(?:0\d{9,11}|[1-9]\d{5}(?:18|19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[0-9Xx]|(?:62|4\d|5[1-5]|3[457])\d{2}(?:[ -]?\d{4}){2}[ -]?\d{3,7})\b|[零〇][一二三四五六七八九幺][零〇一二三四五六七八九幺]{8,10}`)
	landline = regexp.MustCompile(`^0\d{9,11}$`)
	said     = strings.NewReplacer("零", "0", "〇", "0", "幺", "1", "一", "1", "二", "2", "三", "3", "四", "4", "五", "5", "六", "6", "七", "7", "八", "8", "九", "9")
)

// shaped is a value of such a shape as it is shown, "" for another.
func shaped(value string) string {
	if shapes.FindString(value) != value || value == "" {
		return ""
	}
	return shapedOr(value)
}

func shapedOr(value string) string {
	value = said.Replace(value)
	if landline.MatchString(value) {
		return Phone(value)
	}
	return Number(strings.NewReplacer(" ", "", "-", "").Replace(value))
}

// Value is a found value as it is shown, "" when its type tells nothing of a person.
func Value(kind slot.Type, value string) string {
	switch kind {
	case slot.Mobile, slot.Tel:
		return Phone(value)
	case slot.Email:
		return Email(value)
	case slot.ID18, slot.BankCard:
		return Number(value)
	}
	return ""
}
