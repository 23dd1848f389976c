package ticket

import (
	"fmt"
	"slices"
	"time"
)

// ClockKind is what a promise is about.
type ClockKind string

const (
	FirstAny   ClockKind = "first_any"   // first response of anybody, a bot included
	FirstHuman ClockKind = "first_human" // first response of a person
	Next       ClockKind = "next"        // response to the last unanswered message of the customer
	Update     ClockKind = "update"      // the customer hears from us at least so often
	Resolution ClockKind = "resolution"
)

// ClockKinds are all kinds, in the order in which pages show them.
var ClockKinds = []ClockKind{FirstAny, FirstHuman, Next, Update, Resolution}

// Hours counts time: the open hours of a calendar, or all of it (Always).
type Hours interface {
	// Add is the moment at which d of counted time has passed since t; ok is false when it never has.
	Add(t time.Time, d time.Duration) (time.Time, bool)
	// Between is the counted time from a to b; 0 when b is not after a.
	Between(a, b time.Time) time.Duration
	// Open tells whether t counts.
	Open(t time.Time) bool
}

// Always counts every minute.
type Always struct{}

// Add is t + d.
func (Always) Add(t time.Time, d time.Duration) (time.Time, bool) { return t.Add(max(d, 0)), true }

// Open is true.
func (Always) Open(time.Time) bool { return true }

// Between is b - a.
func (Always) Between(a, b time.Time) time.Duration { return max(b.Sub(a), 0) }

// Outcome is what came of a clock.
type Outcome string

const (
	Running   Outcome = ""
	Hit       Outcome = "hit"
	Missed    Outcome = "missed"
	Cancelled Outcome = "cancelled" // the promise fell away: the ticket was merged, its policy does not know the kind any more
)

// Run is a stretch of time during which a clock counts; To is zero while it does.
type Run struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to,omitzero"`
}

// Clock is one run of one promise, from its cause to its end. A stopped clock is never changed
// again, so a late answer stays a miss and reports are sums. Moments are exact to the microsecond,
// as rows are.
//
// The counted time of a clock is that of its Hours within its Runs: pausing states leave a gap.
type Clock struct {
	Kind   ClockKind
	Target time.Duration // counted
	Cap    time.Time     // the end of the channel's reply window: the promise cannot be kept after it; zero for none
	Runs   []Run         // in order, not overlapping, at least one

	StoppedAt time.Time
	Outcome   Outcome
	Over      time.Duration // counted time past the due moment when it was stopped
}

// StartClock begins to count.
func StartClock(kind ClockKind, target time.Duration, at time.Time) Clock {
	return Clock{Kind: kind, Target: target, Runs: []Run{{From: at}}}
}

// StartedAt is when it began.
func (c *Clock) StartedAt() time.Time { return c.Runs[0].From }

// Paused tells whether it does not count now.
func (c *Clock) Paused() bool { return c.StoppedAt.IsZero() && !c.Runs[len(c.Runs)-1].To.IsZero() }

// Pause ends the running stretch. A clock that is paused or stopped stays as it is, and so does one
// that has been paused maxRuns times: it goes on counting.
func (c *Clock) Pause(at time.Time) {
	if c.StoppedAt.IsZero() && len(c.Runs) < maxRuns {
		c.end(at)
	}
}

// end closes the last run.
func (c *Clock) end(at time.Time) {
	if last := &c.Runs[len(c.Runs)-1]; last.To.IsZero() {
		last.To = later(at, last.From)
	}
}

// Resume counts again.
func (c *Clock) Resume(at time.Time) {
	if last := c.Runs[len(c.Runs)-1]; c.Paused() {
		c.Runs = append(slices.Clip(c.Runs), Run{From: later(at, last.To)})
	}
}

// Stop ends the clock because what was promised has happened. It is a hit up to and including its due moment.
func (c *Clock) Stop(h Hours, at time.Time) {
	if !c.StoppedAt.IsZero() {
		return
	}
	at = later(at, c.Runs[len(c.Runs)-1].From)
	c.end(at)
	c.StoppedAt, c.Outcome = at, Hit
	if due, ok := c.Due(h); ok && at.After(due) {
		c.Outcome, c.Over = Missed, c.counted(h, due, at)
	}
}

// Cancel ends the clock without an outcome that counts. One that is late already stays a miss.
func (c *Clock) Cancel(h Hours, at time.Time) {
	if c.StoppedAt.IsZero() {
		if c.Stop(h, at); c.Outcome == Hit {
			c.Outcome = Cancelled
		}
	}
}

// Elapsed is the counted time until t.
func (c *Clock) Elapsed(h Hours, t time.Time) time.Duration { return c.counted(h, c.StartedAt(), t) }

// counted is the counted time from a to b.
func (c *Clock) counted(h Hours, a, b time.Time) time.Duration {
	var sum time.Duration
	for _, r := range c.Runs {
		to := b
		if !r.To.IsZero() && r.To.Before(b) {
			to = r.To
		}
		if from := later(a, r.From); from.Before(to) {
			sum += h.Between(from, to)
		}
	}
	return sum
}

// Due is when the promise is broken unless it is kept before; ok is false while a pause holds that
// moment off, or when the calendar never has that much open time.
func (c *Clock) Due(h Hours) (due time.Time, ok bool) {
	due, ok = c.moment(h, c.Target)
	if !c.Cap.IsZero() && (!ok || c.Cap.Before(due)) {
		return later(c.Cap, c.StartedAt()), true
	}
	return due, ok
}

// moment is when d of counted time is reached by the runs as they are.
func (c *Clock) moment(h Hours, d time.Duration) (time.Time, bool) {
	for _, r := range c.Runs {
		at, ok := h.Add(r.From, d)
		if r.To.IsZero() {
			return at, ok
		}
		if ok && !at.After(r.To) {
			return at, true
		}
		d -= h.Between(r.From, r.To)
	}
	return time.Time{}, false
}

// Levels are the shares of the target, in per cent, at which people are told.
var Levels = []int{50, 75, 90, 100, 200}

// LevelAt is the moment of one level by the runs as they are. Where the reply window ends first,
// levels up to 100 are shares of the time until then.
func (c *Clock) LevelAt(h Hours, level int) (time.Time, bool) {
	due, ok := c.Due(h)
	if level == 100 {
		return due, ok
	}
	whole := c.Target
	if ok && due.Equal(c.Cap) {
		whole = c.counted(h, c.StartedAt(), c.Cap)
	}
	if level < 100 || whole == c.Target {
		return c.moment(h, share(whole, level))
	}
	// Beyond the cap: as much again as there was until then.
	return c.moment(h, whole+share(whole, level-100))
}

// NextLevel is the first level above told, with its moment; ok is false when none is to come by the
// runs as they are.
func (c *Clock) NextLevel(h Hours, told int) (level int, at time.Time, ok bool) {
	if !c.StoppedAt.IsZero() {
		return 0, time.Time{}, false
	}
	for _, l := range Levels {
		if l > told {
			at, ok = c.LevelAt(h, l)
			return l, at, ok
		}
	}
	return 0, time.Time{}, false
}

// Spent is the share of the target that is used up at t, 1 at the due moment: x of the order of work.
func (c *Clock) Spent(h Hours, t time.Time) float64 {
	whole := c.Target
	if due, ok := c.Due(h); ok && due.Equal(c.Cap) {
		whole = c.counted(h, c.StartedAt(), c.Cap)
	}
	if whole <= 0 {
		return 1
	}
	return float64(c.Elapsed(h, t)) / float64(whole)
}

// check tells what is wrong with a clock that was read.
func (c *Clock) check() error {
	if len(c.Runs) == 0 || len(c.Runs) > maxRuns {
		return fmt.Errorf("clock %s has %d runs", c.Kind, len(c.Runs))
	}
	for i, r := range c.Runs {
		if i > 0 && (c.Runs[i-1].To.IsZero() || r.From.Before(c.Runs[i-1].To)) || !r.To.IsZero() && r.To.Before(r.From) {
			return fmt.Errorf("clock %s: run %d is out of order", c.Kind, i+1)
		}
	}
	return nil
}

// maxRuns bounds the runs of one clock.
const maxRuns = 1000

func share(d time.Duration, percent int) time.Duration {
	return time.Duration(float64(d) * float64(percent) / 100).Truncate(time.Microsecond)
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}
