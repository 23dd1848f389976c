package queue

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Bounds on an iCalendar file.
const (
	maxICal      = 2 << 20 // bytes
	maxICalLine  = 8 << 10 // unfolded
	maxICalEvent = 20_000
	maxICalSpan  = 400 // days of one event
)

// HolidaysFromICal reads the whole-day events of an iCalendar document (RFC 5545)
// as closed days: one Day per date from DTSTART to before DTEND, or the days of
// DURATION in whole days or weeks. An event whose title says that it is a workday,
// as Chinese holiday calendars mark 调休 by "班", becomes an open day with the
// hours of Monday. Of two events on one date the workday counts, otherwise the
// first. Rules of repetition are only understood when they are yearly without
// parts besides COUNT and UNTIL, and then for years up to lastYear; of others the
// first time counts. Events with a time of day are left out; skipped counts them,
// those cancelled and those whose repetition was not understood.
func HolidaysFromICal(in io.Reader, lastYear int) (days []Day, skipped int, err error) {
	p := icalParser{days: map[Date]Day{}, lastYear: min(lastYear, 2200)}
	lines := bufio.NewScanner(io.LimitReader(in, maxICal+1))
	lines.Buffer(make([]byte, 4096), maxICalLine)
	line, n, size := "", 0, 0
	for lines.Scan() {
		n++
		text := strings.TrimSuffix(lines.Text(), "\r")
		if size += len(text) + 1; size > maxICal {
			return nil, 0, fmt.Errorf("iCalendar: more than %d bytes", maxICal)
		}
		if rest, folded := cutFold(text); folded && n > 1 { // RFC 5545, 3.1
			if line += rest; len(line) > maxICalLine {
				return nil, 0, fmt.Errorf("iCalendar line %d: longer than %d bytes", n, maxICalLine)
			}
			continue
		}
		if err := p.line(line); err != nil {
			return nil, 0, fmt.Errorf("iCalendar line %d: %w", n-1, err)
		}
		line = text
	}
	if err := lines.Err(); err != nil {
		return nil, 0, fmt.Errorf("iCalendar line %d: %w", n+1, err)
	}
	if err := p.line(line); err != nil {
		return nil, 0, fmt.Errorf("iCalendar line %d: %w", n, err)
	}
	if !p.seen || p.inEvent || p.open {
		return nil, 0, errors.New("iCalendar: no whole VCALENDAR is in it")
	}
	for _, d := range p.days {
		days = append(days, d)
	}
	slices.SortFunc(days, func(a, b Day) int { return strings.Compare(a.Date.String(), b.Date.String()) })
	return days, p.skipped, nil
}

func cutFold(text string) (rest string, folded bool) {
	if text != "" && (text[0] == ' ' || text[0] == '\t') {
		return text[1:], true
	}
	return text, false
}

type icalParser struct {
	days     map[Date]Day
	lastYear int
	skipped  int
	events   int

	seen, open, inEvent bool
	nested              string // a component within the event, such as VALARM, is skipped
	e                   icalEvent
}

type icalEvent struct {
	start, end       Date
	started, ended   bool
	timed, cancelled bool
	summary          string
	yearly           bool
	odd              bool // a repetition that is not understood
	count            int
	until            Date
	length           int // days of DURATION
}

// line takes one unfolded content line.
func (p *icalParser) line(line string) error {
	if strings.TrimSpace(line) == "" {
		return nil
	}
	name, value, ok := cutProperty(strings.TrimPrefix(line, "\ufeff"))
	if !ok {
		return errors.New("a line without a colon")
	}
	name, _, _ = strings.Cut(name, ";")
	name = strings.ToUpper(name)
	if !p.seen && (name != "BEGIN" || !strings.EqualFold(value, "VCALENDAR")) {
		return errors.New("it does not begin with BEGIN:VCALENDAR")
	}
	switch {
	case p.nested != "":
		if name == "END" && strings.EqualFold(value, p.nested) {
			p.nested = ""
		}
		return nil
	case name == "BEGIN":
		return p.begin(strings.ToUpper(value))
	case name == "END":
		return p.end(strings.ToUpper(value))
	case p.inEvent:
		return p.e.property(name, value)
	}
	return nil
}

// cutProperty parts a line at the first colon outside of quotes.
func cutProperty(line string) (name, value string, ok bool) {
	quoted := false
	for i := range len(line) {
		switch line[i] {
		case '"':
			quoted = !quoted
		case ':':
			if !quoted {
				return line[:i], line[i+1:], true
			}
		}
	}
	return "", "", false
}

func (p *icalParser) begin(what string) error {
	switch {
	case what == "VCALENDAR" && !p.open && !p.inEvent:
		p.seen, p.open = true, true
	case what == "VEVENT" && p.open && !p.inEvent:
		if p.events++; p.events > maxICalEvent {
			return fmt.Errorf("more than %d events", maxICalEvent)
		}
		p.inEvent, p.e = true, icalEvent{}
	case p.open:
		p.nested = what
	default:
		return fmt.Errorf("BEGIN:%.32s does not belong here", what)
	}
	return nil
}

func (p *icalParser) end(what string) error {
	switch {
	case what == "VEVENT" && p.inEvent:
		p.inEvent = false
		return p.add()
	case what == "VCALENDAR" && p.open && !p.inEvent:
		p.open = false
	default:
		return fmt.Errorf("END:%.32s without its beginning", what)
	}
	return nil
}

func (e *icalEvent) property(name, value string) (err error) {
	switch name {
	case "DTSTART":
		e.started, e.timed = true, len(value) != 8
		if !e.timed {
			e.start, err = icalDate(value)
		}
	case "DTEND":
		if len(value) == 8 {
			e.ended = true
			e.end, err = icalDate(value)
		}
	case "DURATION":
		e.length = icalDays(value)
	case "SUMMARY":
		if len(e.summary) == 0 {
			e.summary = icalText(value)
		}
	case "STATUS":
		e.cancelled = strings.EqualFold(value, "CANCELLED")
	case "RRULE":
		err = e.rule(strings.ToUpper(value))
	case "RDATE", "EXDATE":
		e.odd = true
	}
	return err
}

func icalDate(value string) (Date, error) {
	t, err := time.Parse("20060102", value)
	if err != nil || t.Year() < 1970 || t.Year() > 2200 {
		return Date{}, fmt.Errorf("%.32q is no date between 1970 and 2200", value)
	}
	return DateOf(t), nil
}

// icalDays reads whole days or weeks, P1D or P2W; 0 for others.
func icalDays(value string) int {
	var n int
	var unit rune
	if _, err := fmt.Sscanf(strings.ToUpper(value), "P%d%c", &n, &unit); err != nil || n < 0 || n > maxICalSpan {
		return 0
	}
	switch unit {
	case 'W':
		return min(7*n, maxICalSpan)
	case 'D':
		return n
	}
	return 0
}

func icalText(value string) string {
	text := strings.NewReplacer(`\n`, " ", `\N`, " ", `\,`, ",", `\;`, ";", `\\`, `\`).Replace(value)
	text = strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", ""), "")
	if len(text) > 200 {
		text = strings.ToValidUTF8(text[:200], "")
	}
	return text
}

func (e *icalEvent) rule(value string) (err error) {
	for part := range strings.SplitSeq(value, ";") {
		key, v, _ := strings.Cut(part, "=")
		switch key {
		case "FREQ":
			e.yearly = v == "YEARLY"
			e.odd = e.odd || !e.yearly
		case "COUNT":
			if _, err := fmt.Sscanf(v, "%d", &e.count); err != nil || e.count < 1 {
				return fmt.Errorf("COUNT %.32q of a repetition", v)
			}
		case "UNTIL":
			if e.until, err = icalDate(v[:min(8, len(v))]); err != nil {
				return err
			}
		case "INTERVAL":
			e.odd = e.odd || v != "1"
		case "WKST", "":
		default:
			e.odd = true
		}
	}
	return nil
}

// add takes the event just read.
func (p *icalParser) add() error {
	e := &p.e
	if !e.started {
		return errors.New("an event without DTSTART")
	}
	if e.timed || e.cancelled {
		p.skipped++
		return nil
	}
	length := e.length
	if e.ended {
		length = int(e.end.utc().Sub(e.start.utc()).Hours() / 24)
	}
	length = max(length, 1)
	if length > maxICalSpan {
		return fmt.Errorf("an event of %d days", length)
	}
	if e.odd {
		p.skipped++ // only its first time is known
	}
	years := 1
	if e.yearly && !e.odd {
		years = max(p.lastYear-e.start.Year+1, 1)
		if e.count > 0 {
			years = min(years, e.count)
		}
	}
	for y := range years {
		begin := e.start.utc().AddDate(y, 0, 0)
		if begin.Day() != e.start.Day || e.until != (Date{}) && begin.After(e.until.utc()) {
			continue // 29 February, or past the end
		}
		for d := range length {
			p.day(DateOf(begin.AddDate(0, 0, d)), e.summary)
		}
		if len(p.days) > maxDays {
			return fmt.Errorf("more than %d days", maxDays)
		}
	}
	return nil
}

func (d Date) utc() time.Time { return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC) }

func (p *icalParser) day(date Date, summary string) {
	d := Day{Date: date, Name: summary}
	if workday(summary) {
		d.As = "monday"
	}
	if old, there := p.days[date]; there && (old.As != "" || d.As == "") {
		return
	}
	p.days[date] = d
}

// workday recognises how holiday calendars mark make-up workdays: "班" for work,
// as in "国庆节(班)", "补班", "上班", or the English words.
func workday(summary string) bool {
	low := strings.ToLower(summary)
	return strings.Contains(summary, "班") || strings.Contains(low, "make-up workday") || strings.Contains(low, "makeup workday") || strings.Contains(low, "working day") && !strings.Contains(low, "non-working")
}
