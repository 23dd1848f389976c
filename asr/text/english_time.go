package text

import (
	"strconv"
	"strings"
)

// yearRule: "nineteen eighty four" is 1984, "the nineteen nineties" 1990s.
func yearRule(t tokens, i int) []edge {
	low := int64(16)
	if t.is(i-1, yearCue) {
		low = 11
	}
	if first, at := t.below100(i); at == i+1 && first >= 16 && first <= 20 {
		if d, ok := decades[t.at(at)]; ok {
			return one(i, at+1, strconv.FormatInt(first, 10)+d+"s", costYear)
		}
	}
	v, after := t.year(i, low)
	if after == i || t.is(after, percentWords) {
		return nil
	}
	if _, money := currencies[t.at(after)]; money {
		return nil
	}
	return one(i, after, strconv.FormatInt(v, 10), costYear)
}

// dateRule: "march third twenty twenty four" is March 3, 2024; "the third of
// march" is the 3rd of March; "june nineteen eighty four" is June 1984.
func dateRule(t tokens, i int) []edge {
	if months[t.at(i)] {
		return monthFirst(t, i)
	}
	day, at := t.ordinal(i)
	if at == i || day > 31 || t.at(at) != "of" || !months[t.at(at+1)] {
		return nil
	}
	s := printOrdinal(day) + " of " + capital(t.at(at+1))
	if y, end := t.year(at+2, 11); end > at+2 {
		return append(one(i, at+2, s, costDate), one(i, end, s+" "+strconv.FormatInt(y, 10), costDate)...)
	}
	return one(i, at+2, s, costDate)
}

func monthFirst(t tokens, i int) []edge {
	month := capital(t.at(i))
	var out []edge
	if y, end := t.year(i+1, 11); end > i+1 {
		out = one(i, end, month+" "+strconv.FormatInt(y, 10), costDate+0.05)
	}
	at := i + 1
	if t.at(at) == "the" {
		at++
	}
	day, end := t.ordinal(at)
	if end == at && at == i+1 && !ambiguousMonths[t.at(i)] {
		day, end = t.below100(at)
		if next := t.at(end); end > at && (next == "hundred" || scales[next] > 0 || next == "point") {
			end = at
		}
	}
	if end == at || day < 1 || day > 31 {
		return out
	}
	s := month + " " + strconv.FormatInt(day, 10)
	out = append(out, one(i, end, s, costDate)...)
	if y, after := t.year(end, 11); after > end {
		out = append(out, one(i, after, s+", "+strconv.FormatInt(y, 10), costDate)...)
	}
	return out
}

// clockRule: "three thirty p m" is 3:30 PM, "quarter to five" 4:45. A bare "seven
// thirty" needs a word such as "at" before it or "in the morning" after it.
func clockRule(t tokens, i int) []edge {
	if out := relativeClock(t, i); out != nil {
		return out
	}
	hour, at := t.below100(i)
	if at != i+1 || hour < 1 || hour > 12 {
		return nil
	}
	h := strconv.FormatInt(hour, 10)
	if t.at(at) == "o'clock" {
		return one(i, at+1, h+" o'clock", costTime)
	}
	var out []edge
	if half, end := halfOfDay(t, at); end > at {
		out = one(i, end, h+" "+half, costTime)
	}
	minute, end := minutes(t, at)
	if end == at {
		return out
	}
	if half, after := halfOfDay(t, end); after > end {
		return append(out, one(i, after, h+":"+minute+" "+half, costTime)...)
	}
	if t.is(end, numberWords) || t.at(end) == "hundred" || t.is(end, percentWords) {
		return out
	}
	if _, money := currencies[t.at(end)]; money {
		return out
	}
	if t.is(i-1, clockCue) || t.is(end, clockTail) || t.at(end) == "in" && t.at(end+1) == "the" && t.is(end+2, clockTail) {
		out = append(out, one(i, end, h+":"+minute, costTime)...)
	}
	return out
}

// minutes reads "thirty", "thirty five" or "oh five".
func minutes(t tokens, i int) (s string, after int) {
	if z := t.at(i); z == "oh" || z == "o" {
		if u, ok := units[t.at(i+1)]; ok {
			return pad2(u), i + 2
		}
		return "", i
	}
	if v, end := t.below100(i); end > i && v >= 10 && v < 60 {
		return pad2(v), end
	}
	return "", i
}

// halfOfDay reads "a m", "pm" or "p.m.".
func halfOfDay(t tokens, i int) (s string, after int) {
	switch strings.ReplaceAll(t.at(i), ".", "") {
	case "am":
		return "AM", i + 1
	case "pm":
		return "PM", i + 1
	case "a", "p":
		if strings.TrimSuffix(t.at(i+1), ".") == "m" {
			return strings.ToUpper(t.at(i)[:1]) + "M", i + 2
		}
	}
	return "", i
}

// relativeClock reads "half past three", "a quarter to five" and, after a cue,
// "ten to eight".
func relativeClock(t tokens, i int) []edge {
	at := i
	if t.at(at) == "a" && t.at(at+1) == "quarter" {
		at++
	}
	var minute int64
	switch t.at(at) {
	case "half":
		minute, at = 30, at+1
	case "quarter":
		minute, at = 15, at+1
	default:
		if minute, at = t.below100(i); at == i || minute%5 != 0 && at != i || minute >= 30 || !t.is(i-1, clockCue) {
			return nil
		}
	}
	past := t.at(at) == "past" || t.at(at) == "after"
	if !past && (t.at(at) != "to" || minute == 30) {
		return nil
	}
	hour, end := t.below100(at + 1)
	if end != at+2 || hour < 1 || hour > 12 || t.is(end, measureWords) {
		return nil
	}
	if !past {
		minute = 60 - minute
		if hour--; hour == 0 {
			hour = 12
		}
	}
	return one(i, end, strconv.FormatInt(hour, 10)+":"+pad2(minute), costTime)
}
