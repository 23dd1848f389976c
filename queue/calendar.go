package queue

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Clock is a time of day in minutes since midnight, 0 to 1440. It is written "09:30"; "24:00" is the end of the day.
type Clock int

// MarshalText writes "09:30".
func (c Clock) MarshalText() ([]byte, error) {
	return fmt.Appendf(nil, "%02d:%02d", c/60, c%60), nil
}

// UnmarshalText reads "9:30", "09:30" or "24:00".
func (c *Clock) UnmarshalText(b []byte) error {
	h, m, ok := strings.Cut(string(b), ":")
	hours, err1 := strconv.ParseUint(h, 10, 8)
	minutes, err2 := strconv.ParseUint(m, 10, 8)
	if !ok || err1 != nil || err2 != nil || len(m) != 2 || minutes > 59 || hours*60+minutes > 24*60 {
		return &badValue{string(b), fmt.Sprintf("time of day %.32q: write it as 09:30, at most 24:00", b)}
	}
	*c = Clock(hours*60 + minutes)
	return nil
}

// Span is a time of day in which somebody is there: From included, To not. It ends on its own day.
type Span struct {
	From Clock `json:"from" yaml:"from"`
	To   Clock `json:"to" yaml:"to"`
}

// Date is a day without a time, written 2026-10-01.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// DateOf is the day of a moment in its own zone.
func DateOf(t time.Time) Date {
	y, m, d := t.Date()
	return Date{y, m, d}
}

// MarshalText writes 2026-10-01.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// String is 2026-10-01.
func (d Date) String() string { return fmt.Sprintf("%04d-%02d-%02d", d.Year, d.Month, d.Day) }

// UnmarshalText reads 2026-10-01.
func (d *Date) UnmarshalText(b []byte) error {
	t, err := time.Parse(time.DateOnly, string(b))
	if err != nil {
		return &badValue{string(b), fmt.Sprintf("date %.32q: write it as 2026-10-01", b)}
	}
	*d = DateOf(t)
	return nil
}

// Day is an exception to the week: a holiday without Spans, a day with other
// hours, or a make-up workday (调休), which has the hours of another weekday.
type Day struct {
	Date  Date   `json:"date" yaml:"date"`
	Name  string `json:"name,omitempty" yaml:"name"`
	Spans []Span `json:"spans,omitempty" yaml:"spans"` // open; none is closed all day
	// As gives the day the hours of a weekday, "monday" for a working Saturday. It excludes Spans.
	As string `json:"as,omitempty" yaml:"as"`
}

// Calendar is opening hours: several spans on each weekday, in one time zone,
// with exceptions. All times are those of the zone's clocks, so a span that the
// clocks jump over is shorter and one that they repeat is longer.
type Calendar struct {
	Name string `json:"name" yaml:"name"`
	Zone string `json:"zone" yaml:"zone"` // IANA, such as Asia/Shanghai
	// Week has the spans of each weekday by its English name in small letters.
	Week map[string][]Span `json:"week" yaml:"week"`
	Days []Day             `json:"days" yaml:"days"`

	zone *time.Location
	week [7][]Span
	days map[Date][]Span
}

var weekdays = [...]string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"}

const (
	maxSpans = 24   // of one day
	maxDays  = 5000 // exceptions
	horizon  = 3660 // days that NextOpen and Add look ahead
)

// Prepare checks a calendar and makes it ready; call it once before the others.
func (c *Calendar) Prepare() error {
	if err := CheckName("calendar", c.Name); err != nil {
		return err
	}
	if err := c.prepare(); err != nil {
		return wrong("calendar %s: %w", c.Name, err)
	}
	return nil
}

func (c *Calendar) prepare() error {
	if c.Zone == "" || c.Zone == "Local" {
		return errors.New("zone is missing: write one such as Asia/Shanghai")
	}
	zone, err := time.LoadLocation(c.Zone)
	if err != nil {
		return fmt.Errorf("there is no time zone %q", c.Zone)
	}
	c.zone, c.week, c.days = zone, [7][]Span{}, make(map[Date][]Span, len(c.Days))
	for name, spans := range c.Week {
		i := slices.Index(weekdays[:], name)
		if i < 0 {
			return fmt.Errorf("weekday %q is none of %v", name, weekdays)
		}
		if c.week[i], err = inOrder(spans); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	if len(c.Days) > maxDays {
		return fmt.Errorf("more than %d exceptions", maxDays)
	}
	for i := range c.Days {
		if err := c.prepareDay(&c.Days[i]); err != nil {
			return fmt.Errorf("%s: %w", c.Days[i].Date, err)
		}
	}
	return nil
}

func (c *Calendar) prepareDay(d *Day) error {
	if d.Date.Year < 1970 || d.Date.Year > 2200 || len(d.Name) > 200 {
		return errors.New("the year is not between 1970 and 2200, or the name longer than 200 characters")
	}
	if _, twice := c.days[d.Date]; twice {
		return errors.New("it is there twice")
	}
	spans, err := inOrder(d.Spans)
	if err != nil {
		return err
	}
	if d.As != "" {
		i := slices.Index(weekdays[:], d.As)
		if i < 0 || len(spans) > 0 {
			return fmt.Errorf("as is %q: it is a weekday, and excludes spans", d.As)
		}
		spans = c.week[i]
	}
	c.days[d.Date] = spans
	return nil
}

// inOrder checks spans, sorts a copy and joins what touches.
func inOrder(spans []Span) ([]Span, error) {
	if len(spans) > maxSpans {
		return nil, fmt.Errorf("more than %d spans", maxSpans)
	}
	sorted := slices.Clone(spans)
	slices.SortFunc(sorted, func(a, b Span) int { return int(a.From - b.From) })
	var joined []Span
	for _, s := range sorted {
		if s.From < 0 || s.To > 24*60 || s.From >= s.To {
			from, _ := s.From.MarshalText()
			to, _ := s.To.MarshalText()
			return nil, fmt.Errorf("span %s to %s: it ends after it begins, on the same day", from, to)
		}
		last := len(joined) - 1
		switch {
		case last >= 0 && s.From < joined[last].To:
			return nil, errors.New("two spans overlap")
		case last >= 0 && s.From == joined[last].To:
			joined[last].To = s.To
		default:
			joined = append(joined, s)
		}
	}
	return joined, nil
}

// spans are the open spans of a day.
func (c *Calendar) spans(d Date) []Span {
	if s, exception := c.days[d]; exception {
		return s
	}
	return c.week[time.Date(d.Year, d.Month, d.Day, 12, 0, 0, 0, time.UTC).Weekday()]
}

func (d Date) next() Date { return DateOf(time.Date(d.Year, d.Month, d.Day+1, 12, 0, 0, 0, time.UTC)) }

// Open tells whether the clocks of the zone show an open minute.
func (c *Calendar) Open(t time.Time) bool {
	t = t.In(c.zone)
	minute := Clock(t.Hour()*60 + t.Minute())
	for _, s := range c.spans(DateOf(t)) {
		if minute >= s.From && minute < s.To {
			return true
		}
	}
	return false
}

// Now is "open", "closed", or "holiday" when it is closed because of an exception for that day.
func (c *Calendar) Now(t time.Time) string {
	switch spans, exception := c.days[DateOf(t.In(c.zone))]; {
	case c.Open(t):
		return "open"
	case exception && len(spans) == 0:
		return "holiday"
	}
	return "closed"
}

// NextOpen is t when it is open then, else the next moment it is; ok is false
// when it is closed for ten years.
func (c *Calendar) NextOpen(t time.Time) (open time.Time, ok bool) {
	for from := range c.intervals(t) {
		return from, true
	}
	return time.Time{}, false
}

// NextClose is when it closes next, counted from an open t; t itself when it is
// closed then; ok is false when it never closes within ten years.
func (c *Calendar) NextClose(t time.Time) (closed time.Time, ok bool) {
	end := t
	for from, to := range c.intervals(t) {
		if !from.Equal(end) {
			return end, true
		}
		end = to
	}
	return end, end.Equal(t)
}

// Between is how much open time lies between two moments; 0 when b is not after a.
func (c *Calendar) Between(a, b time.Time) time.Duration {
	var sum time.Duration
	for from, to := range c.intervals(a) {
		if !from.Before(b) {
			break
		}
		if to.After(b) {
			to = b
		}
		sum += to.Sub(from)
	}
	return sum
}

// Add is the moment at which d of open time has passed since t; ok is false when
// that is not within ten years. With d of zero or less it is t.
func (c *Calendar) Add(t time.Time, d time.Duration) (due time.Time, ok bool) {
	if d <= 0 {
		return t, true
	}
	for from, to := range c.intervals(t) {
		if open := to.Sub(from); open < d {
			d -= open
			continue
		}
		return from.Add(d), true
	}
	return time.Time{}, false
}

// intervals yields the open intervals from t on, as moments, in order. Where the
// clocks are set back, a span covers the repeated hour as often as it is shown.
func (c *Calendar) intervals(t time.Time) func(func(from, to time.Time) bool) {
	return func(yield func(from, to time.Time) bool) {
		day := DateOf(t.In(c.zone))
		for range horizon {
			for _, part := range c.steady(day) {
				for _, s := range c.spans(day) {
					from, to := part.at(s.From), part.at(s.To)
					if from.Before(part.from) {
						from = part.from
					}
					if to.After(part.to) {
						to = part.to
					}
					if from.Before(t) {
						from = t
					}
					if from.Before(to) && !yield(from, to) {
						return
					}
				}
			}
			day = day.next()
		}
	}
}

// part is a piece of a day during which the zone's clocks run without a jump.
type part struct {
	from, to time.Time
	offset   time.Duration
	day      Date
}

// at is the moment at which clocks of the part's offset show a time of the day.
func (p *part) at(c Clock) time.Time {
	return time.Date(p.day.Year, p.day.Month, p.day.Day, 0, int(c), 0, 0, time.UTC).Add(-p.offset)
}

// steady cuts a day at the jumps of its zone's clocks; most have none.
func (c *Calendar) steady(day Date) []part {
	next := day.next()
	// Midnight may not exist or exist twice: a day's moments lie within 26 hours around it.
	t := time.Date(day.Year, day.Month, day.Day, 0, 0, 0, 0, time.UTC).Add(-15 * time.Hour)
	end := time.Date(next.Year, next.Month, next.Day, 0, 0, 0, 0, time.UTC).Add(15 * time.Hour)
	var parts []part
	for t.Before(end) {
		_, seconds := t.In(c.zone).Zone()
		_, until := t.In(c.zone).ZoneBounds()
		if until.IsZero() || until.After(end) {
			until = end
		}
		p := part{offset: time.Duration(seconds) * time.Second, day: day}
		p.from, p.to = p.at(0), p.at(24*60)
		if p.from.Before(t) {
			p.from = t
		}
		if p.to.After(until) {
			p.to = until
		}
		if p.from.Before(p.to) {
			parts = append(parts, p)
		}
		t = until
	}
	return parts
}
