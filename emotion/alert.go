package emotion

import (
	"errors"
	"fmt"
	"time"
)

// Rules say when somebody is told. The zero value is the default; all are
// starting values, to be measured again on a company's own calls.
type Rules struct {
	// Alpha smooths the mood over turns; 0.4 when zero.
	Alpha float32 `yaml:"alpha" koanf:"alpha"`
	// Raise is the mood from which on somebody is angry, and which alerts after two turns; 0.65 when zero.
	Raise float32 `yaml:"raise" koanf:"raise"`
	// Jump alerts when the mood rose by this much within JumpIn; 0.3 in 15 s when zero.
	Jump   float32       `yaml:"jump" koanf:"jump"`
	JumpIn time.Duration `yaml:"jump_in" koanf:"jump_in"`
	// Clear ends an alert when the mood has come down to it, above it somebody is tense; 0.45 when zero.
	Clear float32 `yaml:"clear" koanf:"clear"`
	// CoolDown is how long no further alert comes after one has ended; 60 s when zero.
	CoolDown time.Duration `yaml:"cool_down" koanf:"cool_down"`
	// Supervise is the mood at which the supervisor is asked in, when it lasts for SuperviseFor; 0.8 for 20 s when zero.
	Supervise    float32       `yaml:"supervise" koanf:"supervise"`
	SuperviseFor time.Duration `yaml:"supervise_for" koanf:"supervise_for"`
}

// turnsToRaise is how many turns in a row the mood must be at Raise.
const turnsToRaise = 2

// chunk is how long somebody talks without an end of turn until what was heard counts as a turn.
const chunk = 8 * time.Second

// dismissedMood is the most that is left of a mood that a person called wrong.
const dismissedMood = 0.3

// WithDefaults is r with every zero field replaced by its default.
func (r Rules) WithDefaults() Rules {
	def := func(p *float32, v float32) {
		if *p == 0 {
			*p = v
		}
	}
	duration := func(p *time.Duration, v time.Duration) {
		if *p == 0 {
			*p = v
		}
	}
	def(&r.Alpha, 0.4)
	def(&r.Raise, 0.65)
	def(&r.Jump, 0.3)
	def(&r.Clear, 0.45)
	def(&r.Supervise, 0.8)
	duration(&r.JumpIn, 15*time.Second)
	duration(&r.CoolDown, time.Minute)
	duration(&r.SuperviseFor, 20*time.Second)
	return r
}

// Check says what cannot work.
func (r Rules) Check() error {
	r = r.WithDefaults()
	for _, v := range []struct {
		name  string
		value float32
	}{{"alpha", r.Alpha}, {"raise", r.Raise}, {"jump", r.Jump}, {"clear", r.Clear}, {"supervise", r.Supervise}} {
		if !(v.value > 0 && v.value <= 1) {
			return fmt.Errorf("%s is %g: it is a number above 0, at most 1", v.name, v.value)
		}
	}
	switch {
	case r.Clear >= r.Raise:
		return fmt.Errorf("clear (%g) must lie below raise (%g), or an alert would end as it begins", r.Clear, r.Raise)
	case r.Supervise < r.Raise:
		return fmt.Errorf("supervise (%g) must not lie below raise (%g)", r.Supervise, r.Raise)
	case r.JumpIn < 0, r.CoolDown < 0, r.SuperviseFor < 0:
		return errors.New("jump_in, cool_down and supervise_for are durations such as 15s")
	}
	return nil
}

// Level is who is told.
type Level string

// The levels of an alert.
const (
	LevelNone       Level = ""
	LevelAgent      Level = "agent"      // one line of advice
	LevelSupervisor Level = "supervisor" // somebody should come in
)

// Cause is why an alert came.
type Cause string

// The causes of an alert.
const (
	CauseSustained Cause = "sustained" // the mood stayed high over two turns
	CauseJump      Cause = "jump"      // it rose fast
	CauseWords     Cause = "words"     // something was said that needs a person
)

// Change is what a turn or a moment did to the alert.
type Change uint8

// The changes.
const (
	Unchanged Change = iota
	Raised
	Escalated
	Cleared
)

// Watch is the mood of one side and the alert that comes of it. It has no clock
// of its own: every call says what time it is, in call time. Not safe for
// concurrent use.
type Watch struct {
	rules   Rules
	mood    Mood
	level   Level
	cause   Cause
	high    int           // turns in a row at Raise
	rested  time.Duration // from when on an alert may come again
	hotFrom time.Duration // since when the mood is at Supervise, -1 when it is not
	recent  []moment      // moods within JumpIn, oldest first
	slides  []float32     // sliding readings since the last turn
	since   time.Duration // of the first of them
	lastE   float32       // of the last turn
	lastAt  Span
	counted time.Duration // until when sliding readings have counted as a turn
}

type moment struct {
	at   time.Duration
	mood float32
}

// NewWatch begins with rules whose zero fields are the defaults.
func NewWatch(r Rules) *Watch {
	r = r.WithDefaults()
	return &Watch{rules: r, mood: Mood{Alpha: r.Alpha}, hotFrom: -1}
}

// Turn takes the next finished turn of this side.
func (w *Watch) Turn(est Estimate, strong bool, at Span) Change {
	w.slides = w.slides[:0]
	return w.add(est.E, strong, at)
}

// Slide takes a sliding reading, one each second of speech. Only when somebody
// talks on without an end of turn does it count like one.
func (w *Watch) Slide(voice float32, at Span) Change {
	if len(w.slides) == 0 || at.Start-w.since > 2*chunk {
		w.slides, w.since = w.slides[:0], max(at.Start, w.counted)
	}
	w.slides = append(w.slides, voice)
	if at.End-w.since < chunk || len(w.slides) < int(chunk/time.Second)/2 {
		return w.Tick(at.End)
	}
	e := min(mean(w.slides), VoiceCap)
	whole := Span{w.since, at.End}
	w.slides, w.counted = w.slides[:0], at.End
	return w.add(e, false, whole)
}

func (w *Watch) add(e float32, strong bool, at Span) Change {
	now := at.End
	w.lastE, w.lastAt = e, at
	mood := w.mood.Add(e, at)
	if w.high++; mood < w.rules.Raise {
		w.high = 0
	}
	if mood < w.rules.Supervise {
		w.hotFrom = -1
	} else if w.hotFrom < 0 {
		w.hotFrom = now
	}
	lowest := w.lowest(now)
	w.recent = append(w.recent, moment{now, mood})
	if w.level != LevelNone {
		if mood <= w.rules.Clear && !strong {
			w.end(now)
			return Cleared
		}
		return w.Tick(now)
	}
	cause := Cause("")
	switch {
	case strong:
		cause = CauseWords
	case w.high >= turnsToRaise:
		cause = CauseSustained
	case mood-lowest >= w.rules.Jump && mood > w.rules.Clear:
		cause = CauseJump
	}
	if cause == "" || now < w.rested {
		return Unchanged
	}
	w.level, w.cause = LevelAgent, cause
	return Raised
}

// Tick tells the time, so that what lasts is noticed while nobody speaks.
func (w *Watch) Tick(now time.Duration) Change {
	if w.level == LevelAgent && w.hotFrom >= 0 && now-w.hotFrom >= w.rules.SuperviseFor {
		w.level = LevelSupervisor
		return Escalated
	}
	return Unchanged
}

// lowest is the lowest mood within JumpIn before now; 1 when there was none.
func (w *Watch) lowest(now time.Duration) float32 {
	keep := w.recent[:0]
	low := float32(1)
	for _, m := range w.recent {
		if now-m.at <= w.rules.JumpIn {
			keep = append(keep, m)
			low = min(low, m.mood)
		}
	}
	w.recent = keep
	return low
}

func (w *Watch) end(now time.Duration) {
	w.level, w.cause, w.high, w.rested = LevelNone, "", 0, now+w.rules.CoolDown
}

// Dismiss ends the alert because a person says that it is wrong. The mood is
// calmed, so that the same voice does not bring it back at once.
func (w *Watch) Dismiss(now time.Duration) Change {
	if w.level == LevelNone {
		return Unchanged
	}
	w.mood.Calm(dismissedMood)
	w.hotFrom, w.recent, w.slides = -1, w.recent[:0], w.slides[:0]
	w.end(now)
	return Cleared
}

// Last is the last turn that counted, also one made of sliding readings.
func (w *Watch) Last() (e float32, at Span) { return w.lastE, w.lastAt }

// Level is who is told now, LevelNone while nobody is.
func (w *Watch) Level() Level { return w.level }

// Cause is why, while there is an alert.
func (w *Watch) Cause() Cause { return w.cause }

// Mood is the mood of the call so far.
func (w *Watch) Mood() Summary { return w.mood.Summary() }

// State is a mood in one word for flows, routing and lists.
func (w *Watch) State() State {
	now, ok := w.mood.Now()
	switch {
	case !ok:
		return StateUnknown
	case w.level != LevelNone || now >= w.rules.Raise:
		return StateAngry
	case now > w.rules.Clear:
		return StateTense
	}
	return StateCalm
}

// State is a mood in one word.
type State string

// The states.
const (
	StateUnknown State = "unknown" // nothing was read
	StateCalm    State = "calm"
	StateTense   State = "tense"
	StateAngry   State = "angry"
)

// StateOf is the word for a mood alone, by the thresholds of r, zero ones being the defaults.
func (r Rules) StateOf(mood float32) State {
	r = r.WithDefaults()
	switch {
	case mood >= r.Raise:
		return StateAngry
	case mood > r.Clear:
		return StateTense
	}
	return StateCalm
}
