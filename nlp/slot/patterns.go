package slot

import (
	"regexp"
	"strings"
	"time"
)

// Numbers in words, as patterns use them.
const (
	zhNum  = `[零〇一二两三四五六七八九十百千万]`
	enNum  = `(?:(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|thousand)(?:\s+and\s+|[\s-]+)?)+`
	number = `\d+(?:,\d{3})*(?:\.\d{1,2})?`
	months = `(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)(?:uary|ruary|ch|il|e|y|ust|t|tember|ober|ember)?\.?`
	ords   = `((?:twenty|thirty)?[\s-]?(?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth)|tenth|eleventh|twelfth|thirteenth|fourteenth|fifteenth|sixteenth|seventeenth|eighteenth|nineteenth|twentieth|thirtieth)`
	days   = `(mon|tues|tue|wednes|wed|thurs|thur|thu|fri|satur|sat|sun)(?:day)?`
)

// rules by priority: what stands higher gets a span first.
var rules = []rule{
	{Email, regexp.MustCompile(`\b[a-z0-9._%+\-]+@[a-z0-9\-]+(?:\.[a-z0-9\-]+)*\.[a-z]{2,}\b`), 0.98, whole},
	{Tracking, regexp.MustCompile(`\b(sf\d{12,15}|yt\d{13,15}|jd[a-z]{0,2}\d[a-z0-9]{9,17}|zto?\d{10,14}|sto\d{10,13}|[a-z]{2}\d{9}[a-z]{2})\b`), 0.97, upperGroup},
	{Order, regexp.MustCompile(`(?:订单(?:编号|号码|号)?|单号|\border(?:\s*(?:number|no\b\.?|id\b))?|#)(?:\s*(?:是|为|号|'s\b|is\b|like\b|it\b|no\b\.?|[:,#]))*\s*([a-z]{0,4}[-_]?\d[a-z0-9\-_]{4,30})`), 0.95, order},
	{Order, regexp.MustCompile(`(?:订单(?:编号|号码|号)?|单号|\border\s*(?:number|no\b\.?|id\b)|#)(?:\s*(?:是|为|号|'s\b|is\b|it\b|[:,#]))*\s*([a-z]{0,4} ?\d{1,4}(?: \d{1,4})+|[a-z]{1,4} \d{6,24})(?:$|[^\da-z ]| [^\d])`), 0.9, spacedOrder},
	{ID18, regexp.MustCompile(`\b[1-9]\d{5}(?:18|19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[0-9x]\b`), 0.99, identity},
	{BankCard, regexp.MustCompile(`\b(?:62|4\d|5[1-5]|3[457])\d{2}(?:[ -]?\d{4}){2,3}[ -]?\d{3,4}\b`), 0.97, card},
	{Mobile, regexp.MustCompile(`(?:\+?\b86[- ]?1|\b1)[3-9]\d(?:[- ]?\d{4}){2}\b`), 0.95, mobile},
	{Tel, regexp.MustCompile(`\b(0\d{2,3})[- ](\d{7,8})(?:(?:[- ]|\s*转\s*)(\d{1,5}))?\b`), 0.9, landline},
	{Tel, regexp.MustCompile(`\b([48]00)[- ]?(\d{3})[- ]?(\d{4})\b`), 0.85, landline},
	{Tel, regexp.MustCompile(`\+\d{1,3}(?:[- ]?\d){6,12}\b`), 0.9, international},
	{Order, regexp.MustCompile(`\b([a-z]{1,4}-\d{8}-\d{4,8}|[a-z]{1,4}[-_]?\d{6,24}|\d{12,24})\b`), 0.7, bareOrder},
	{Amount, regexp.MustCompile(`([¥$€£]|\b(?:rmb|usd|cny)\b)\s*(` + number + `)(万)?`), 0.95, amountBefore},
	{Amount, regexp.MustCompile(`(` + number + `|` + zhNum + `+)\s*(万)?(元|块钱|块)([\d一二三四五六七八九]?)`), 0.9, amountAfter},
	{Amount, regexp.MustCompile(`(\b` + number + `|\b` + enNum + `)\s*(rmb|yuan|dollars?|usd|euros?|pounds?)\b(?:\s+and\s+(\d{1,2}|` + enNum + `)\s*cents)?`), 0.9, amountWords},
	{Date, regexp.MustCompile(`(\d{4}|[零〇一二三四五六七八九]{4})[-/.年]\s?(\d{1,2}|[一二三四五六七八九十]{1,2})[-/.月]\s?(\d{1,2}|[一二三四五六七八九十]{1,3})(?:日|号)?`), 0.95, dateYMD},
	{Date, regexp.MustCompile(`()(\d{1,2}|[一二三四五六七八九十]{1,2})月(\d{1,2}|[一二三四五六七八九十]{1,3})(?:日|号)`), 0.9, dateYMD},
	{Date, regexp.MustCompile(`\b` + months + `\s+(?:(\d{1,2})(?:st|nd|rd|th)?|` + ords + `)(?:,?\s+(\d{4}))?\b`), 0.9, dateMonthFirst},
	{Date, regexp.MustCompile(`\b(?:(\d{1,2})(?:st|nd|rd|th)?|` + ords + `)\s+(?:of\s+)?` + months + `(?:,?\s+(\d{4}))?\b`), 0.9, dateDayFirst},
	{Date, regexp.MustCompile(`大前天|大后天|前天|昨天|今天|明天|后天|昨晚|今早|今晚|明早|明晚|\bday after tomorrow\b|\bday before yesterday\b|\byesterday\b|\btoday\b|\btomorrow\b`), 0.95, dateNamed},
	{Date, regexp.MustCompile(`(上上|上|这|本|下下|下)个?(?:周|星期|礼拜)([一二三四五六日天])`), 0.95, dateWeekday},
	{Date, regexp.MustCompile(`(上上|上|这|本|下下|下)个?(周|星期|礼拜|月)`), 0.85, dateSpan},
	{Date, regexp.MustCompile(`(\d+|[一二两三四五六七八九十百半]+)个?(半)?(分钟|小时|天|周|星期|礼拜|月|年)(以?前|之前|以?后|之后)`), 0.9, dateDistance},
	{Date, regexp.MustCompile(`\b(last|this|next)\s+(?:(week|month)|` + days + `)\b`), 0.9, dateNext},
	{Date, regexp.MustCompile(`\b(\d+|an?|` + enNum + `)\s*(minute|hour|day|week|month|year)s?\s+(ago|later|from now)\b`), 0.9, dateAgo},
	{Date, regexp.MustCompile(`\bin\s+(\d+|an?|` + enNum + `)\s*(minute|hour|day|week|month)s?\b()`), 0.9, dateAgo},
	{Time, regexp.MustCompile(`(凌晨|早上|上午|中午|下午|傍晚|晚上)?\s?(\d{1,2}|[一二两三四五六七八九十]{1,3})点(半|一刻|三刻|(?:\d{1,2}|[一二三四五六七八九十]{1,3})分?)?`), 0.9, timeChinese},
	{Time, regexp.MustCompile(`(凌晨|早上|上午|中午|下午|傍晚|晚上|\b)\s?(\d{1,2}):(\d{2})(?:\s?([ap])\.?m\b\.?|\b)`), 0.9, timeClock},
	{Time, regexp.MustCompile(`()\b(\d{1,2}|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)()\s?([ap])\.?m\b\.?`), 0.9, timeClock},
	{Time, regexp.MustCompile(`\bat (noon|midnight)\b`), 0.9, timeNoon},
}

func whole(m match) (string, bool) { return m.group(0), true }

func upperGroup(m match) (string, bool) {
	if v := m.group(1); v != "" {
		return strings.ToUpper(v), true
	}
	return strings.ToUpper(m.group(0)), true
}

// order takes what follows the word, unless that is the day of the order.
func order(m match) (string, bool) {
	v := strings.TrimRight(m.group(1), "-_")
	for _, layout := range []string{"2006-01-02", "2006-1-2"} {
		if _, err := time.Parse(layout, v); err == nil {
			return "", false
		}
	}
	return strings.ToUpper(v), true
}

// spacedOrder was written in groups ("A2025 0701 01"); few digits are a number of things.
func spacedOrder(m match) (string, bool) {
	v := strings.ToUpper(strings.ReplaceAll(m.group(1), " ", ""))
	return v, len(digits(v)) >= 8
}

// bareOrder refuses what is shaped like an identity or a card number: such a number
// is a mistyped one rather than an order.
func bareOrder(m match) (string, bool) {
	v := m.group(1)
	if identityShape.MatchString(v) || cardShape.MatchString(v) {
		return "", false
	}
	return strings.ToUpper(v), true
}

var (
	identityShape = regexp.MustCompile(`^[1-9]\d{5}(?:18|19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[0-9x]$`)
	cardShape     = regexp.MustCompile(`^(?:62|4\d|5[1-5]|3[457])\d{13,17}$`)
)

func identity(m match) (string, bool) {
	v := strings.ToUpper(m.group(0))
	return v, ValidID(v)
}

func card(m match) (string, bool) {
	v := digits(m.group(0))
	return v, Luhn(v)
}

func mobile(m match) (string, bool) {
	v := digits(m.group(0))
	return v[len(v)-11:], true
}

func landline(m match) (string, bool) {
	v := m.group(1) + "-" + m.group(2)
	if ext := m.group(3); ext != "" {
		v += "-" + ext
	}
	return v, true
}

func international(m match) (string, bool) {
	return "+" + digits(m.group(0)), true
}

func digits(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s)
}

// ValidID tells whether an 18-character identity number has a real birthday and the
// right check character (GB 11643-1999, ISO 7064 MOD 11-2).
func ValidID(id string) bool {
	if len(id) != 18 {
		return false
	}
	if _, err := time.Parse("20060102", id[6:14]); err != nil {
		return false
	}
	sum := 0
	for i, w := range [17]int{7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2} {
		if id[i] < '0' || id[i] > '9' {
			return false
		}
		sum += w * int(id[i]-'0')
	}
	return id[17] == "10X98765432"[sum%11]
}

// Luhn tells whether the last digit fits the others (ISO/IEC 7812-1 annex B).
func Luhn(number string) bool {
	sum := 0
	for i := range len(number) {
		d := int(number[len(number)-1-i] - '0')
		if d < 0 || d > 9 {
			return false
		}
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return len(number) > 1 && sum%10 == 0
}
