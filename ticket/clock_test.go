package ticket

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"tingxin/queue"
)

// minutes is how far the simulation below looks: a week.
const minutes = 7 * 24 * 60

// TestClockAgainstMinutes compares clocks with a simulation that walks minute by minute, over random
// calendars, zones, pauses, changes of the target and reply windows: 20,000 cases, or as many as
// TINGXIN_CASES says.
func TestClockAgainstMinutes(t *testing.T) {
	cases := 20_000
	if n, err := strconv.Atoi(os.Getenv("TINGXIN_CASES")); err == nil {
		cases = n
	}
	const perCalendar = 250
	dice := rand.New(rand.NewPCG(7, 9))
	var missed, capped, held, never int
	for n := 0; n < cases && !t.Failed(); n += perCalendar {
		w := randomWeek(t, dice)
		for range perCalendar {
			s := w.scenario(dice)
			got := s.play(w)
			want := s.simulate(w)
			if got != want {
				c, _ := json.Marshal(w.calendar)
				t.Fatalf("calendar %s from %v\n%+v\ngot  %+v\nwant %+v", c, w.start, s, got, want)
			}
			switch {
			case got.due < 0 && got.elapsed < s.target:
				held++
			case got.due == s.cap && s.cap > 0:
				capped++
			}
			if got.outcome == Missed {
				missed++
			}
			if !w.opens {
				never++
			}
		}
	}
	t.Logf("%d cases: %d missed, %d ended by the reply window, %d with no due moment, %d in calendars that do not open", cases, missed, capped, held, never)
	for what, n := range map[string]int{"missed": missed, "capped": capped, "held": held} {
		if n < cases/100 {
			t.Errorf("only %d of %d cases are %s: the test proves little", n, cases, what)
		}
	}
}

// week is a calendar and, for each minute from start, the open minutes before it.
type week struct {
	calendar queue.Calendar
	start    time.Time
	before   [minutes + 1]int
	opens    bool
}

func (w *week) at(m int) time.Time { return w.start.Add(time.Duration(m) * time.Minute) }

var zones = []string{"Asia/Shanghai", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Cairo"}
var names = []string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"}

// randomWeek lies around a jump of some zone's clocks as often as not.
func randomWeek(t *testing.T, dice *rand.Rand) *week {
	t.Helper()
	around := []string{"2026-03-26", "2026-10-22", "2026-03-05", "2026-10-29", "2026-04-02", "2026-09-28"}
	day, _ := time.Parse(time.DateOnly, around[dice.IntN(len(around))])
	w := &week{start: day.Add(time.Duration(dice.IntN(3*24*60)) * time.Minute)}
	w.calendar = queue.Calendar{Name: "c", Zone: zones[dice.IntN(len(zones))], Week: map[string][]queue.Span{}}
	for _, name := range names {
		w.calendar.Week[name] = randomSpans(dice)
	}
	for k := range 6 {
		if dice.IntN(2) == 0 {
			continue
		}
		d := queue.Day{Date: queue.DateOf(day.AddDate(0, 0, k))}
		if dice.IntN(2) == 0 {
			d.Spans = randomSpans(dice)
		} else {
			d.As = names[dice.IntN(7)] // a make-up workday
		}
		w.calendar.Days = append(w.calendar.Days, d)
	}
	if err := w.calendar.Prepare(); err != nil {
		t.Fatal(err)
	}
	for m := range minutes {
		w.before[m+1] = w.before[m]
		if w.calendar.Open(w.at(m)) {
			w.before[m+1]++
			w.opens = true
		}
	}
	return w
}

func randomSpans(dice *rand.Rand) []queue.Span {
	var spans []queue.Span
	at := 0
	for range dice.IntN(4) {
		from := at + dice.IntN(300)
		to := from + 1 + dice.IntN(400)
		if to > 24*60 {
			break
		}
		spans, at = append(spans, queue.Span{From: queue.Clock(from), To: queue.Clock(to)}), to
	}
	return spans
}

// scenario is the life of a clock; moments are minutes of the week.
type scenario struct {
	begin, stop int
	target      int // minutes
	retarget    int // at the minute change; 0 is no change
	change      int
	toggles     []int // pause, resume, pause, ...
	cap         int   // 0 is none
}

func (w *week) scenario(dice *rand.Rand) scenario {
	s := scenario{begin: dice.IntN(minutes / 4), target: 1 + dice.IntN(900)}
	s.stop = s.begin + dice.IntN(minutes-s.begin)
	for at := s.begin; len(s.toggles) < dice.IntN(7); {
		if at += dice.IntN(600); at >= s.stop {
			break
		}
		s.toggles = append(s.toggles, at)
	}
	if dice.IntN(3) == 0 && s.stop > s.begin {
		s.retarget, s.change = 1+dice.IntN(900), s.begin+dice.IntN(s.stop-s.begin)
	}
	if dice.IntN(4) == 0 {
		s.cap = s.begin + 1 + dice.IntN(2000)
	}
	return s
}

// ending is what a clock and the simulation must agree on, in minutes; due and warned are of the
// moment before the stop and -1 when there is none within the week.
type ending struct {
	outcome       Outcome
	due, warned   int
	elapsed, over int
}

func (s *scenario) play(w *week) ending {
	c := StartClock(Next, time.Duration(s.target)*time.Minute, w.at(s.begin))
	if s.cap > 0 {
		c.Cap = w.at(s.cap)
	}
	for i, m := range s.toggles {
		if i%2 == 0 {
			c.Pause(w.at(m))
		} else {
			c.Resume(w.at(m))
		}
	}
	if s.retarget > 0 {
		c.Target = time.Duration(s.retarget) * time.Minute
	}
	minute := func(at time.Time, ok bool) int {
		if m := int(at.Sub(w.start) / time.Minute); ok && m <= minutes {
			return m
		}
		return -1
	}
	e := ending{due: minute(c.Due(&w.calendar))}
	if s.cap == 0 { // shares of odd targets are no whole minutes
		c.Target *= 4
		e.warned = minute(c.LevelAt(&w.calendar, 75))
		c.Target /= 4
	}
	c.Stop(&w.calendar, w.at(s.stop))
	again := c
	again.Pause(w.at(minutes))
	again.Stop(&w.calendar, w.at(minutes))
	again.Cancel(&w.calendar, w.at(minutes))
	if again.StoppedAt != c.StoppedAt || again.Outcome != c.Outcome {
		return ending{outcome: "changed after its stop"}
	}
	e.outcome, e.over, e.elapsed = c.Outcome, int(c.Over/time.Minute), int(c.Elapsed(&w.calendar, w.at(s.stop))/time.Minute)
	return e
}

// simulate walks over the minutes. The last run goes on beyond the stop for due and warned, which
// say what would be if nothing happened.
func (s *scenario) simulate(w *week) ending {
	target := s.target
	if s.retarget > 0 {
		target = s.retarget
	}
	paused := make(map[int]bool)
	for _, m := range s.toggles {
		paused[m] = !paused[m]
	}
	e := ending{due: -1, warned: -1}
	running, count, next := true, 0, 0
	for m := s.begin; m < minutes; m++ {
		for next < len(s.toggles) && s.toggles[next] == m {
			running = !running
			next++
		}
		if running && w.before[m+1] > w.before[m] {
			count++
			if m < s.stop {
				e.elapsed++
			}
			if count == target && e.due < 0 {
				e.due = m + 1
			}
			if count == 3*target && e.warned < 0 {
				e.warned = m + 1
			}
			if e.due >= 0 && m >= e.due && m < s.stop && (s.cap == 0 || s.cap >= e.due) {
				e.over++
			}
		}
	}
	if s.cap > 0 {
		e.warned = 0
		if e.due < 0 || s.cap < e.due {
			e.due = s.cap
			e.over = 0
			running, next := true, 0
			for m := s.begin; m < s.stop; m++ {
				for next < len(s.toggles) && s.toggles[next] == m {
					running = !running
					next++
				}
				if running && m >= s.cap && w.before[m+1] > w.before[m] {
					e.over++
				}
			}
		}
	}
	e.outcome = Hit
	if e.due >= 0 && s.stop > e.due {
		e.outcome = Missed
	} else {
		e.over = 0
	}
	return e
}

func TestLevelsComeInOrder(t *testing.T) {
	start := time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)
	c := StartClock(Resolution, 100*time.Minute, start)
	told := 0
	for _, want := range []int{50, 75, 90, 100, 200} {
		level, at, ok := c.NextLevel(Always{}, told)
		if !ok || level != want || !at.Equal(start.Add(time.Duration(want)*time.Minute)) {
			t.Fatalf("after %d: level %d at %v %v", told, level, at, ok)
		}
		told = level
	}
	if _, _, ok := c.NextLevel(Always{}, told); ok {
		t.Error("a level after the last")
	}
	// The reply window ends at half of the time: levels are shares of that.
	c.Cap = start.Add(50 * time.Minute)
	for told, want := range map[int]int{0: 25, 50: 37, 90: 50, 100: 100} {
		if _, at, ok := c.NextLevel(Always{}, told); !ok || at.Truncate(time.Minute) != start.Add(time.Duration(want)*time.Minute) {
			t.Errorf("capped, after %d: %v %v, want minute %d", told, at, ok, want)
		}
	}
	if x := c.Spent(Always{}, start.Add(25*time.Minute)); x != .5 {
		t.Errorf("spent %v", x)
	}
	c.Cap = time.Time{}
	c.Pause(start.Add(10 * time.Minute))
	if _, _, ok := c.NextLevel(Always{}, 0); ok {
		t.Error("a paused clock warns")
	}
	c.Resume(start.Add(70 * time.Minute))
	if _, at, _ := c.NextLevel(Always{}, 0); !at.Equal(start.Add(110 * time.Minute)) {
		t.Errorf("after a pause of an hour: %v", at)
	}
}

func TestCancelledWhenLateIsAMiss(t *testing.T) {
	start := time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)
	late, early := StartClock(Next, time.Hour, start), StartClock(Next, time.Hour, start)
	late.Cancel(Always{}, start.Add(90*time.Minute))
	early.Cancel(Always{}, start.Add(30*time.Minute))
	if late.Outcome != Missed || late.Over != 30*time.Minute || early.Outcome != Cancelled {
		t.Errorf("%v %v, %v", late.Outcome, late.Over, early.Outcome)
	}
}

func TestAClockCannotBePausedForEver(t *testing.T) {
	at := time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)
	c := StartClock(Next, time.Hour, at)
	for range 2 * maxRuns {
		at = at.Add(time.Second)
		c.Pause(at)
		c.Resume(at)
	}
	if err := c.check(); err != nil {
		t.Error(err)
	}
	c.Stop(Always{}, at.Add(time.Second))
	if c.Paused() || c.Outcome != Hit {
		t.Errorf("%+v", c.Outcome)
	}
}
