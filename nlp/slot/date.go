package slot

import (
	"fmt"
	"strings"
	"time"
)

// day writes a date that exists, within a century of the message.
func (m match) day(year, month, day int) (string, bool) {
	t := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	if t.Year() != year || int(t.Month()) != month || t.Day() != day || year < m.now.Year()-100 || year > m.now.Year()+100 {
		return "", false
	}
	return t.Format(time.DateOnly), true
}

// dateYMD: "2026年3月5日", "2026-03-05", "3月8号"; without a year it is this one.
func dateYMD(m match) (string, bool) {
	year := m.now.Year()
	if s := m.group(1); s != "" {
		n, ok := chinese(s)
		if !ok {
			return "", false
		}
		year = n
	}
	month, ok1 := chinese(m.group(2))
	day, ok2 := chinese(m.group(3))
	if !ok1 || !ok2 || m.groups[0] > 0 && isDigit(m.text[m.groups[0]-1]) || m.groups[1] < len(m.text) && isDigit(m.text[m.groups[1]]) {
		return "", false
	}
	return m.day(year, month, day)
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func dateMonthFirst(m match) (string, bool) {
	return m.englishDay(m.group(1), m.group(2), m.group(3), m.group(4))
}

func dateDayFirst(m match) (string, bool) {
	return m.englishDay(m.group(3), m.group(1), m.group(2), m.group(4))
}

func (m match) englishDay(month, day, word, year string) (string, bool) {
	at := strings.Index("jan feb mar apr may jun jul aug sep oct nov dec", month)
	d, y := 0, m.now.Year()
	if word != "" {
		d = ordinal(word)
	} else {
		d, _ = chinese(day)
	}
	if year != "" {
		y, _ = chinese(year)
	}
	return m.day(y, at/4+1, d)
}

var named = map[string]int{
	"大前天": -3, "前天": -2, "昨天": -1, "昨晚": -1, "今天": 0, "今早": 0, "今晚": 0, "明天": 1, "明早": 1, "明晚": 1, "后天": 2, "大后天": 3,
	"day before yesterday": -2, "yesterday": -1, "today": 0, "tomorrow": 1, "day after tomorrow": 2,
}

func dateNamed(m match) (string, bool) {
	return m.now.AddDate(0, 0, named[m.group(0)]).Format(time.DateOnly), true
}

var steps = map[string]int{"上上": -2, "上": -1, "last": -1, "这": 0, "本": 0, "this": 0, "下": 1, "next": 1, "下下": 2}

// monday of the week that is so many weeks away; weeks begin on Monday (ISO 8601).
func (m match) monday(weeks int) time.Time {
	back := (int(m.now.Weekday()) + 6) % 7
	return m.now.AddDate(0, 0, 7*weeks-back)
}

func dateWeekday(m match) (string, bool) {
	at := strings.Index("一二三四五六日", strings.ReplaceAll(m.group(2), "天", "日")) / len("一")
	return m.monday(steps[m.group(1)]).AddDate(0, 0, at).Format(time.DateOnly), true
}

// dateSpan: "上周", "下个月"; a part of one ("本月底") is neither a day nor the whole.
func dateSpan(m match) (string, bool) {
	for _, part := range []string{"底", "初", "末", "中旬"} {
		if strings.HasPrefix(m.text[m.groups[1]:], part) {
			return "", false
		}
	}
	return m.span(steps[m.group(1)], m.group(2) == "月")
}

// span writes a week or a month.
func (m match) span(n int, month bool) (string, bool) {
	if month {
		return time.Date(m.now.Year(), m.now.Month()+time.Month(n), 1, 0, 0, 0, 0, time.UTC).Format("2006-01"), true
	}
	year, week := m.monday(n).ISOWeek()
	return fmt.Sprintf("%d-W%02d", year, week), true
}

// dateNext: "next monday" is the Monday of next week, "last week" a week.
func dateNext(m match) (string, bool) {
	n := steps[m.group(1)]
	if unit := m.group(2); unit != "" {
		return m.span(n, unit == "month")
	}
	at := strings.Index("mon tue wed thu fri sat sun", m.group(3)[:3]) / 4
	return m.monday(n).AddDate(0, 0, at).Format(time.DateOnly), true
}

// dateDistance: "三天前", "半个月前", "两个半小时后".
func dateDistance(m match) (string, bool) {
	text, half := m.group(1), m.group(2) != ""
	n := 0
	if text == "半" {
		half = true
	} else {
		var ok bool
		if n, ok = chinese(text); !ok {
			return "", false
		}
	}
	sign := 1
	if strings.HasSuffix(m.group(4), "前") {
		sign = -1
	}
	unit := map[string]string{"分钟": "minute", "小时": "hour", "天": "day", "周": "week", "星期": "week", "礼拜": "week", "月": "month", "年": "year"}[m.group(3)]
	return m.away(n, half, unit, sign)
}

// dateAgo: "3 days ago", "in two hours".
func dateAgo(m match) (string, bool) {
	n, ok := english(strings.TrimSpace(m.group(1)))
	sign := 1
	if m.group(3) == "ago" {
		sign = -1
	}
	if !ok {
		return "", false
	}
	return m.away(n, false, m.group(2), sign)
}

// away writes the day so far from the message, for hours and minutes the minute.
func (m match) away(n int, half bool, unit string, sign int) (string, bool) {
	if n > 5000 {
		return "", false
	}
	n *= sign
	extra := 0
	if half {
		extra = sign
	}
	t := m.now
	switch unit {
	case "minute", "hour":
		step := time.Minute
		if unit == "hour" {
			step = time.Hour
		}
		return t.Add(time.Duration(n)*step + time.Duration(extra)*step/2).Format("2006-01-02T15:04"), true
	case "day":
		t = t.AddDate(0, 0, n)
	case "week":
		t = t.AddDate(0, 0, 7*n)
	case "month":
		t = t.AddDate(0, n, 15*extra)
	case "year":
		t = t.AddDate(n, 6*extra, 0)
	}
	return m.day(t.Year(), int(t.Month()), t.Day())
}
