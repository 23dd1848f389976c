package slot

import (
	"fmt"
	"strings"
)

// timeChinese: "下午三点半". A bare "三点" is no time ("我有三点建议") unless a part of
// the day, minutes or a date in the message say so.
func timeChinese(m match) (string, bool) {
	hour, ok := chinese(m.group(2))
	if !ok {
		return "", false
	}
	part, tail := m.group(1), m.group(3)
	if part == "" {
		part = m.partBefore()
	}
	minute := 0
	switch tail {
	case "":
		if part == "" && !m.dated {
			return "", false
		}
	case "半":
		minute = 30
	case "一刻":
		minute = 15
	case "三刻":
		minute = 45
	default:
		if minute, ok = chinese(strings.TrimSuffix(tail, "分")); !ok {
			return "", false
		}
	}
	return clock(hour, minute, part)
}

// partBefore is the part of the day that stands before the time, perhaps as a part of
// a date: "昨晚八点", "今早九点", "晚8点".
func (m match) partBefore() string {
	before := strings.TrimRight(m.text[:m.groups[0]], " ")
	switch {
	case strings.HasSuffix(before, "晚"):
		return "晚上"
	case strings.HasSuffix(before, "早"):
		return "早上"
	}
	return ""
}

// timeClock: "14:30", "3:15 pm", "six p.m.", "晚上 8:30".
func timeClock(m match) (string, bool) {
	if i := m.groups[0]; i > 0 && (m.text[i-1] == ':' || m.text[i-1] == '.') {
		return "", false
	}
	hour, ok := english(m.group(2))
	if !ok && m.group(2) != "0" && m.group(2) != "00" {
		return "", false
	}
	minute := 0
	if s := m.group(3); s != "" {
		minute = int(s[0]-'0')*10 + int(s[1]-'0')
	}
	part := m.group(1)
	switch m.group(4) {
	case "a":
		part = "am"
	case "p":
		part = "pm"
	}
	return clock(hour, minute, part)
}

func timeNoon(m match) (string, bool) {
	if m.group(1) == "noon" {
		return "12:00", true
	}
	return "00:00", true
}

// clock writes a time; with a "?" when it may be after noon as well.
func clock(hour, minute int, part string) (string, bool) {
	if hour > 24 || hour == 24 && minute > 0 || minute > 59 || (part == "am" || part == "pm") && (hour > 12 || hour == 0) {
		return "", false
	}
	mark := ""
	switch part {
	case "":
		if hour >= 1 && hour <= 12 {
			mark = "?"
		}
	case "am", "凌晨":
		hour %= 12
	case "中午":
		if hour < 11 {
			hour += 12
		}
	case "下午", "傍晚", "pm":
		if hour < 12 {
			hour += 12
		}
	case "晚上", "晚":
		if hour == 12 {
			hour = 24
		} else if hour < 12 && hour > 3 {
			hour += 12
		}
	}
	return fmt.Sprintf("%02d:%02d%s", hour%24, minute, mark), true
}
