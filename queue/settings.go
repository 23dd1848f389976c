package queue

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"time"
)

// Strategy is how a queue chooses among the agents that can take a piece of work.
type Strategy string

// The strategies.
const (
	Best          Strategy = "best"               // highest S(a,w); the default
	LongestIdle   Strategy = "longest_idle"       // nothing on hand for the longest time
	LeastRecent   Strategy = "least_recent"       // whose last contact of this queue ended longest ago
	FewestCalls   Strategy = "fewest_calls"       // fewest contacts since midnight
	LeastTalk     Strategy = "least_talk"         // least time with customers since midnight
	RoundRobinOf  Strategy = "round_robin"        // in turn, the turn remembered
	RingAll       Strategy = "ring_all"           // everybody at once, the first to accept has it
	RingOneByOne  Strategy = "ring_progressively" // in the order of the members: another one rings too after each Step
	Bullseye      Strategy = "bullseye"           // the best of the members within the ring (their Order) that the age has reached, a Step each
	Linear        Strategy = "linear"             // by the order of the members
	Random        Strategy = "random"             //
	Weighted      Strategy = "weighted"           // random by the weights of the members
	SkillWeighted Strategy = "skill"              // the most proficient, then the longest idle
	PreferredOf   Strategy = "preferred"          // the preferred or last agent of the customer, then the best
)

// Strategies are all of them.
var Strategies = []Strategy{Best, LongestIdle, LeastRecent, FewestCalls, LeastTalk, RoundRobinOf, RingAll, RingOneByOne, Bullseye, Linear, Random, Weighted, SkillWeighted, PreferredOf}

// WrapMode is what an agent gets after a contact.
type WrapMode string

// The modes.
const (
	WrapNone     WrapMode = "none"     // free at once
	WrapOptional WrapMode = "optional" // only when the agent asked for it during the contact; ends by the agent
	WrapManual   WrapMode = "manual"   // until the agent ends it
	WrapFixed    WrapMode = "fixed"    // a fixed time that the agent may cut short
	WrapExact    WrapMode = "exact"    // a fixed time without early exit
)

// WrapModes are all of them.
var WrapModes = []WrapMode{WrapNone, WrapOptional, WrapManual, WrapFixed, WrapExact}

// WrapUp is the time after a contact.
type WrapUp struct {
	Mode WrapMode `json:"mode"`
	// Time is how long the fixed modes last, and the most that the others do; 15 min when zero.
	Time time.Duration `json:"time"`
}

const maxWrap = 15 * time.Minute

func (w WrapUp) limit() time.Duration {
	if w.Time <= 0 || w.Time > maxWrap {
		return maxWrap
	}
	return w.Time
}

// Ring says from what age on who may be asked.
type Ring struct {
	After   time.Duration `json:"after"`
	Floor   float64       `json:"floor"`             // least proficiency, 0..1
	Sisters bool          `json:"sisters,omitempty"` // also members of the sister queues
	Anyone  bool          `json:"anyone,omitempty"`  // everybody signed in who speaks the language; the work is marked as overflow
}

// DefaultRings relax over two minutes.
var DefaultRings = []Ring{{0, .7, false, false}, {30 * time.Second, .4, false, false}, {time.Minute, .4, true, false}, {2 * time.Minute, 0, true, true}}

// Targets are how soon each class should be answered.
type Targets struct {
	Low    time.Duration `json:"low"`    // 4 h when zero
	Normal time.Duration `json:"normal"` // 60 min
	High   time.Duration `json:"high"`   // 10 min
	Urgent time.Duration `json:"urgent"` // 2 min
}

// Of is the target of a class.
func (t *Targets) Of(u Urgency) time.Duration {
	return [...]time.Duration{t.Low, t.Normal, t.High, t.Urgent}[u]
}

// Level is the promise of a queue: Percent of the work answered Within.
type Level struct {
	Percent int           `json:"percent"` // 80 when zero
	Within  time.Duration `json:"within"`  // 20 s when zero
	// Abandons tells whether customers who gave up after Within count as missed. Who gave up before it counts for nothing.
	Abandons bool `json:"abandons"`
}

// Member is an agent of a queue.
type Member struct {
	Agent  AgentID `json:"agent"`
	Order  int     `json:"order"`  // for Linear, RingOneByOne and Bullseye, and between equals
	Weight float64 `json:"weight"` // for Weighted; 1 when zero
}

// Queue is the settings of one queue. The zero value of each field is its default.
type Queue struct {
	ID       QueueID  `json:"id"`
	Name     string   `json:"name"`
	Strategy Strategy `json:"strategy"`
	Members  []Member `json:"members"`
	// Skills and Language are added to what each piece of work needs.
	Skills   []string      `json:"skills,omitempty"`
	Language string        `json:"language,omitempty"`
	Step     time.Duration `json:"step,omitempty"`     // of RingOneByOne and Bullseye; 10 s when zero
	Rings    []Ring        `json:"rings,omitempty"`    // DefaultRings when empty
	Sisters  []QueueID     `json:"sisters,omitempty"`  // whose members help
	Overflow QueueID       `json:"overflow,omitempty"` // whose members take what waited too long
	Targets  Targets       `json:"targets"`
	// MaxWait is the hard guard: three times the class target, at least 10 min, when zero.
	MaxWait       time.Duration `json:"max_wait"`
	MaxWaiting    int           `json:"max_waiting"`     // more are refused; 10,000 when zero
	RingTime      time.Duration `json:"ring_time"`       // of an offer; 20 s when zero
	Bar           time.Duration `json:"bar"`             // who declined is not asked for the same work; 60 s when zero
	RejectDelay   time.Duration `json:"reject_delay"`    // no offer at all after a decline
	BusyDelay     time.Duration `json:"busy_delay"`      // after the agent's device was busy; 10 s when zero
	NoAnswerDelay time.Duration `json:"no_answer_delay"` // after an offer timed out
	ConnectTime   time.Duration `json:"connect_time"`    // from acceptance to a joined call; 15 s when zero
	PreferredWait time.Duration `json:"preferred_wait"`  // only the preferred agent is asked for so long, if signed in
	WrapUp        WrapUp        `json:"wrap_up"`         // none when zero
	Level         Level         `json:"level"`
	ShortAbandon  time.Duration `json:"short_abandon"`      // who hangs up sooner is not counted; 5 s when zero
	Handle        time.Duration `json:"handle"`             // mean handle time until it is measured; 3 min when zero
	CallbackTries int           `json:"callback_tries"`     // 3 when zero
	CallbackRetry time.Duration `json:"callback_retry"`     // between tries; 10 min when zero
	CallbackLost  bool          `json:"callback_lost"`      // keep the place of callers lost with their server, to call them back
	Calendar      string        `json:"calendar,omitempty"` // opening hours; always open when empty
	OnClose       OnClose       `json:"on_close,omitempty"` // of callers who wait then; CloseServe when empty
	// EmptyAfter is how long callers wait while nobody is at work who may be asked, before the queue counts as closed for them; 10 min when zero.
	EmptyAfter time.Duration `json:"empty_after,omitempty"`
	// ClosedFlow is the flow of callers whom the queue sends on and no flow waits for: a colleague had put them through into it. Words say it when empty.
	ClosedFlow string `json:"closed_flow,omitempty"`
}

// WithDefaults fills what is zero.
func (q Queue) WithDefaults() Queue {
	or(&q.Strategy, Best)
	or(&q.Name, string(q.ID))
	if len(q.Rings) == 0 {
		q.Rings = DefaultRings
	}
	or(&q.Targets.Low, 4*time.Hour)
	or(&q.Targets.Normal, time.Hour)
	or(&q.Targets.High, 10*time.Minute)
	or(&q.Targets.Urgent, 2*time.Minute)
	or(&q.MaxWaiting, 10_000)
	or(&q.RingTime, 20*time.Second)
	or(&q.Step, 10*time.Second)
	or(&q.Bar, time.Minute)
	or(&q.BusyDelay, 10*time.Second)
	or(&q.ConnectTime, 15*time.Second)
	or(&q.WrapUp.Mode, WrapNone)
	or(&q.Level.Percent, 80)
	or(&q.Level.Within, 20*time.Second)
	or(&q.ShortAbandon, 5*time.Second)
	or(&q.Handle, 3*time.Minute)
	or(&q.CallbackTries, 3)
	or(&q.CallbackRetry, 10*time.Minute)
	or(&q.OnClose, CloseServe)
	or(&q.EmptyAfter, 10*time.Minute)
	q.Members = slices.Clone(q.Members)
	slices.SortStableFunc(q.Members, func(a, b Member) int { return a.Order - b.Order })
	return q
}

func or[T comparable](v *T, def T) {
	var zero T
	if *v == zero {
		*v = def
	}
}

var nameRule = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,63}$`)

// CheckName says whether a text can name a queue, a skill or a calendar.
func CheckName(what, name string) error {
	if !nameRule.MatchString(name) {
		return wrong("%s name %.64q: it is 1 to 64 of a-z, 0-9, - and _, and begins with a letter or digit", what, name)
	}
	return nil
}

// SettingError says what is wrong with settings that somebody wrote.
type SettingError struct{ text string }

func (e *SettingError) Error() string { return e.text }

// wrong makes a SettingError.
func wrong(format string, args ...any) error {
	return &SettingError{fmt.Errorf(format, args...).Error()}
}

// Check says what cannot work.
func (q Queue) Check() error {
	if err := CheckName("queue", string(q.ID)); err != nil {
		return err
	}
	if err := q.check(); err != nil {
		return wrong("queue %s: %w", q.ID, err)
	}
	return nil
}

func (q Queue) check() error {
	q = q.WithDefaults()
	switch {
	case !slices.Contains(Strategies, q.Strategy):
		return fmt.Errorf("strategy %q is none of %v", q.Strategy, Strategies)
	case !slices.Contains(WrapModes, q.WrapUp.Mode):
		return fmt.Errorf("wrap-up mode %q is none of %v", q.WrapUp.Mode, WrapModes)
	case !slices.Contains(OnCloses, q.OnClose):
		return fmt.Errorf("on_close %.40q is none of %v", q.OnClose, OnCloses)
	case q.WrapUp.Time < 0 || q.WrapUp.Time > maxWrap:
		return fmt.Errorf("wrap-up time must be between 0 and %v", maxWrap)
	case (q.WrapUp.Mode == WrapFixed || q.WrapUp.Mode == WrapExact) && q.WrapUp.Time == 0:
		return fmt.Errorf("wrap-up mode %s needs a time", q.WrapUp.Mode)
	case q.Level.Percent < 1 || q.Level.Percent > 100:
		return fmt.Errorf("service level: %d %% is not between 1 and 100", q.Level.Percent)
	case q.MaxWaiting < 1 || q.MaxWaiting > 100_000:
		return fmt.Errorf("max_waiting must be between 1 and 100000")
	case len(q.ClosedFlow) > 64:
		return fmt.Errorf("closed_flow is longer than 64 characters")
	case len(q.Name) > 200 || len(q.Members) > 10_000 || len(q.Sisters) > 32 || len(q.Skills) > 16 || len(q.Rings) > 16:
		return fmt.Errorf("too much: at most 200 characters of name, 10000 members, 32 sisters, 16 skills, 16 rings")
	case slices.Contains(q.Sisters, q.ID) || q.Overflow == q.ID:
		return fmt.Errorf("it cannot be its own sister or overflow")
	}
	for _, d := range []time.Duration{q.Targets.Low, q.Targets.Normal, q.Targets.High, q.Targets.Urgent, q.RingTime, q.Bar, q.ConnectTime, q.Level.Within, q.Handle, q.CallbackRetry,
		q.MaxWait, q.RejectDelay, q.BusyDelay, q.NoAnswerDelay, q.PreferredWait, q.ShortAbandon, q.EmptyAfter} {
		if d < 0 || d > 31*24*time.Hour {
			return fmt.Errorf("a time of %v is not between 0 and 31 days", d)
		}
	}
	if q.Step < time.Second || q.Step > time.Hour {
		return fmt.Errorf("step must be between a second and an hour")
	}
	if q.RingTime < time.Second || q.CallbackTries < 0 || q.CallbackTries > 100 {
		return fmt.Errorf("ring_time must be a second or more, callback_tries at most 100")
	}
	return checkRings(q.Rings, q.Members)
}

func checkRings(rings []Ring, members []Member) error {
	for i, r := range rings {
		if r.Floor < 0 || r.Floor > 1 || math.IsNaN(r.Floor) {
			return fmt.Errorf("ring %d: the floor %v is not between 0 and 1", i+1, r.Floor)
		}
		if i == 0 && r.After != 0 || i > 0 && r.After <= rings[i-1].After {
			return fmt.Errorf("ring %d: the first ring begins at 0, each later one after the one before", i+1)
		}
	}
	seen := map[AgentID]bool{}
	for _, m := range members {
		if m.Agent == "" || seen[m.Agent] {
			return fmt.Errorf("agent %q is a member twice, or has no id", m.Agent)
		}
		if m.Weight < 0 || m.Weight > 1000 || math.IsNaN(m.Weight) {
			return fmt.Errorf("agent %s: the weight %v is not between 0 and 1000", m.Agent, m.Weight)
		}
		seen[m.Agent] = true
	}
	return nil
}

// guard is the age at which work of a class has waited too long.
func (q *Queue) guard(target time.Duration) time.Duration {
	if q.MaxWait > 0 {
		return q.MaxWait
	}
	return max(3*target, 10*time.Minute)
}
