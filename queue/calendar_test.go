package queue

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// TestCalendarAgainstMinutes holds the arithmetic against looking at every
// minute, over random calendars in zones whose clocks jump.
func TestCalendarAgainstMinutes(t *testing.T) {
	zones := []string{"Asia/Shanghai", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo", "Asia/Kathmandu", "Pacific/Apia", "Africa/Cairo"}
	// Around jumps: Europe and America in spring and autumn, a date line crossing, a midnight jump.
	around := []string{"2026-03-28", "2026-10-24", "2026-03-07", "2026-10-31", "2011-12-29", "2018-11-03", "2026-04-04", "2010-05-01", "2026-09-30"}
	dice := rand.New(rand.NewPCG(11, 12))
	for i := range 400 {
		c := randomCalendar(dice, zones[i%len(zones)], around[i%len(around)])
		if err := c.Prepare(); err != nil {
			t.Fatal(err)
		}
		day, _ := time.Parse(time.DateOnly, around[i%len(around)])
		start := day.Add(time.Duration(dice.IntN(4*24*60)) * time.Minute)
		compareMinutes(t, &c, start, dice)
		if t.Failed() {
			b, _ := json.Marshal(c)
			t.Fatalf("calendar %s", b)
		}
	}
}

func randomCalendar(dice *rand.Rand, zone, around string) Calendar {
	c := Calendar{Name: "c", Zone: zone, Week: map[string][]Span{}}
	for _, d := range weekdays {
		c.Week[d] = randomSpans(dice)
	}
	day, _ := time.Parse(time.DateOnly, around)
	for k := range 5 {
		if dice.IntN(2) == 0 {
			continue
		}
		d := Day{Date: DateOf(day.AddDate(0, 0, k))}
		switch dice.IntN(3) {
		case 0:
			d.Spans = randomSpans(dice)
		case 1:
			d.As = weekdays[dice.IntN(7)]
		}
		c.Days = append(c.Days, d)
	}
	return c
}

func randomSpans(dice *rand.Rand) []Span {
	var spans []Span
	at := 0
	for range dice.IntN(4) {
		from := at + dice.IntN(300)
		to := from + 1 + dice.IntN(400)
		if to > 24*60 {
			break
		}
		spans, at = append(spans, Span{Clock(from), Clock(to)}), to
	}
	if len(spans) == 0 && dice.IntN(4) == 0 {
		return []Span{{0, 24 * 60}}
	}
	return spans
}

// compareMinutes looks at each minute of five days.
func compareMinutes(t *testing.T, c *Calendar, start time.Time, dice *rand.Rand) {
	const minutes = 5 * 24 * 60
	open := make([]bool, minutes)
	sum, first, closes := 0, -1, -1
	for m := range open {
		open[m] = c.Open(start.Add(time.Duration(m) * time.Minute))
		if open[m] {
			sum++
			if first < 0 {
				first = m
			}
		} else if closes < 0 {
			closes = m
		}
	}
	if got := c.Between(start, start.Add(minutes*time.Minute)); got != time.Duration(sum)*time.Minute {
		t.Errorf("%s from %v: %v open, by the minute %d min", c.Zone, start, got, sum)
	}
	if next, ok := c.NextOpen(start); first >= 0 && (!ok || !next.Equal(start.Add(time.Duration(first)*time.Minute))) {
		t.Errorf("%s from %v: next open %v, by the minute in %d min", c.Zone, start, next, first)
	}
	if shut, ok := c.NextClose(start); closes >= 0 && (!ok || !shut.Equal(start.Add(time.Duration(closes)*time.Minute))) {
		t.Errorf("%s from %v: closes %v, by the minute in %d min", c.Zone, start, shut, closes)
	}
	if sum == 0 {
		return
	}
	want := 1 + dice.IntN(sum)
	left, due := want, 0
	for m := range open {
		if open[m] {
			if left--; left == 0 {
				due = m + 1
				break
			}
		}
	}
	got, ok := c.Add(start, time.Duration(want)*time.Minute)
	if !ok || !got.Equal(start.Add(time.Duration(due)*time.Minute)) {
		t.Errorf("%s from %v: %d open minutes end %v, by the minute after %d min", c.Zone, start, want, got, due)
	}
	if back := c.Between(start, got); back != time.Duration(want)*time.Minute {
		t.Errorf("%s from %v: Add and Between differ: %v, %d min", c.Zone, start, back, want)
	}
}

func TestMakeUpWorkday(t *testing.T) {
	c := Calendar{Name: "cn", Zone: "Asia/Shanghai", Week: map[string][]Span{}}
	for _, d := range weekdays[1:6] {
		c.Week[d] = []Span{{9 * 60, 12 * 60}, {13 * 60, 18 * 60}}
	}
	c.Days = []Day{{Date: Date{2026, 10, 1}, Name: "国庆节"}, {Date: Date{2026, 10, 10}, Name: "国庆节(班)", As: "monday"}}
	if err := c.Prepare(); err != nil {
		t.Fatal(err)
	}
	zone, _ := time.LoadLocation("Asia/Shanghai")
	for _, tc := range []struct {
		at   string
		open bool
	}{
		{"2026-09-30 11:59", true}, {"2026-09-30 12:00", false}, {"2026-09-30 13:00", true}, {"2026-10-01 10:00", false},
		{"2026-10-10 10:00", true}, {"2026-10-11 10:00", false}, {"2026-10-09 18:00", false},
	} {
		at, err := time.ParseInLocation("2006-01-02 15:04", tc.at, zone)
		if err != nil {
			t.Fatal(err)
		}
		if c.Open(at) != tc.open {
			t.Errorf("%s: open %v", tc.at, !tc.open)
		}
	}
	friday := time.Date(2026, 10, 9, 17, 0, 0, 0, zone)
	if due, ok := c.Add(friday, 2*time.Hour); !ok || !due.Equal(time.Date(2026, 10, 10, 10, 0, 0, 0, zone)) {
		t.Errorf("two working hours from Friday 17:00 end %v, want the working Saturday at 10:00", due)
	}
}

func TestClosedForEver(t *testing.T) {
	c := Calendar{Name: "never", Zone: "UTC"}
	if err := c.Prepare(); err != nil {
		t.Fatal(err)
	}
	if _, ok := c.NextOpen(monday); ok {
		t.Error("it opens")
	}
	if _, ok := c.Add(monday, time.Minute); ok {
		t.Error("a minute passes")
	}
	if d := c.Between(monday, monday.AddDate(1, 0, 0)); d != 0 {
		t.Errorf("%v are open", d)
	}
}

func TestBadCalendars(t *testing.T) {
	for name, doc := range map[string]string{
		"no zone":       `{"name":"c"}`,
		"zone":          `{"name":"c","zone":"Asia/Nowhere"}`,
		"weekday":       `{"name":"c","zone":"UTC","week":{"funday":[]}}`,
		"backwards":     `{"name":"c","zone":"UTC","week":{"monday":[{"from":"10:00","to":"09:00"}]}}`,
		"overlap":       `{"name":"c","zone":"UTC","week":{"monday":[{"from":"09:00","to":"11:00"},{"from":"10:00","to":"12:00"}]}}`,
		"twice":         `{"name":"c","zone":"UTC","days":[{"date":"2026-01-01"},{"date":"2026-01-01"}]}`,
		"as and spans":  `{"name":"c","zone":"UTC","days":[{"date":"2026-01-01","as":"monday","spans":[{"from":"09:00","to":"10:00"}]}]}`,
		"time":          `{"name":"c","zone":"UTC","week":{"monday":[{"from":"9","to":"10:00"}]}}`,
		"past midnight": `{"name":"c","zone":"UTC","week":{"monday":[{"from":"22:00","to":"24:01"}]}}`,
		"date":          `{"name":"c","zone":"UTC","days":[{"date":"2026-02-30"}]}`,
		"name":          `{"name":"My Hours","zone":"UTC"}`,
	} {
		var c Calendar
		err := json.Unmarshal([]byte(doc), &c)
		if err == nil {
			err = c.Prepare()
		}
		if err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

const holidays = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\n" +
	"BEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20261001\r\nDTEND;VALUE=DATE:20261008\r\nSUMMARY:国庆\r\n 节\r\nBEGIN:VALARM\r\nTRIGGER:-P1D\r\nEND:VALARM\r\nEND:VEVENT\r\n" +
	"BEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20261010\r\nSUMMARY:国庆节(班)\r\nEND:VEVENT\r\n" +
	"BEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20251225\r\nRRULE:FREQ=YEARLY;COUNT=3\r\nSUMMARY:Christmas\\, Day\r\nEND:VEVENT\r\n" +
	"BEGIN:VEVENT\r\nDTSTART:20260101T100000Z\r\nSUMMARY:Meeting\r\nEND:VEVENT\r\n" +
	"BEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20260501\r\nDURATION:P1D\r\nSTATUS:CANCELLED\r\nEND:VEVENT\r\n" +
	"END:VCALENDAR\r\n"

func TestHolidaysFromICal(t *testing.T) {
	days, skipped, err := HolidaysFromICal(strings.NewReader(holidays), 2030)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, d := range days {
		got = append(got, strings.TrimSpace(fmt.Sprint(d.Date, " ", d.Name, " ", d.As)))
	}
	want := "2025-12-25 Christmas, Day|2026-10-01 国庆节|2026-10-02 国庆节|2026-10-03 国庆节|2026-10-04 国庆节|2026-10-05 国庆节|2026-10-06 国庆节|2026-10-07 国庆节|2026-10-10 国庆节(班) monday|2026-12-25 Christmas, Day|2027-12-25 Christmas, Day"
	if s := strings.Join(got, "|"); s != want || skipped != 2 {
		t.Errorf("skipped %d, days\n%s, want\n%s", skipped, s, want)
	}
	c := Calendar{Name: "c", Zone: "Asia/Shanghai", Days: days}
	if err := c.Prepare(); err != nil {
		t.Error(err)
	}
}

func TestBadICal(t *testing.T) {
	for _, doc := range []string{"", "hello", "BEGIN:VEVENT\n", "BEGIN:VCALENDAR\n", "BEGIN:VCALENDAR\nEND:VEVENT\n", "BEGIN:VCALENDAR\nBEGIN:VEVENT\nEND:VEVENT\nEND:VCALENDAR\n",
		"BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20261301\nEND:VEVENT\nEND:VCALENDAR\n", "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20260101\nDTEND:20290101\nEND:VEVENT\nEND:VCALENDAR\n",
		"BEGIN:VCALENDAR\nX:" + strings.Repeat("x", maxICalLine) + "\nEND:VCALENDAR\n"} {
		if days, _, err := HolidaysFromICal(strings.NewReader(doc), 2030); err == nil {
			t.Errorf("%.40q gave %d days", doc, len(days))
		}
	}
}

func FuzzHolidaysFromICal(f *testing.F) {
	f.Add(holidays)
	f.Add("BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20240229\nRRULE:FREQ=YEARLY\nEND:VEVENT\nEND:VCALENDAR")
	f.Fuzz(func(t *testing.T, doc string) {
		days, _, err := HolidaysFromICal(strings.NewReader(doc), 2100)
		if err != nil {
			return
		}
		c := Calendar{Name: "c", Zone: "UTC", Days: days}
		if err := c.Prepare(); err != nil {
			t.Errorf("what was read cannot be used: %v", err)
		}
	})
}
