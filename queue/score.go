package queue

import "time"

// Weights of Score; they sum to 1.
const (
	weightSkill    = .35
	weightRoom     = .35
	weightSame     = .15
	weightIdle     = .10
	weightFairness = .05

	idleFull     = 10 * time.Minute // idle this long counts in full
	handledMany  = 60               // pieces of work a day after which fairness is 0
	sameAgentFor = 72 * time.Hour   // how long an agent stays "the same" to a customer
)

// Score is S(a,w), how well an agent fits a piece of work, kept by its weighted
// parts so that every assignment can be explained.
//
//	S = .35 skill + .35 (1 - load/cap) + .15 same agent within 72 h + .10 idle + .05 fairness
type Score struct {
	Skill    float64 `json:"skill"`    // 0.35 times the lowest proficiency over the skills needed, 1 when none is
	Room     float64 `json:"room"`     // 0.35 times the free share of the capacity
	Same     float64 `json:"same"`     // 0.15 when the customer had this agent within 72 hours
	Idle     float64 `json:"idle"`     // 0.10 times idle minutes / 10, up to 1, when nothing is on hand
	Fairness float64 `json:"fairness"` // 0.05 times 1 - handled today / 60, not below 0
}

// Sum is S(a,w), from 0 to 1.
func (s Score) Sum() float64 { return s.Skill + s.Room + s.Same + s.Idle + s.Fairness }

// Fit is what Score is computed from.
type Fit struct {
	Skill   float64       // lowest proficiency 0..1 over the skills that the work needs
	Load    int           // units in use, as the work counts them
	Cap     int           // units of the agent
	Same    bool          // the customer had this agent within 72 hours
	Idle    time.Duration // since the agent had nothing on hand
	Handled int           // pieces of work since midnight
}

// ScoreOf is S(a,w).
func ScoreOf(f Fit) Score {
	s := Score{Skill: weightSkill * f.Skill}
	if f.Cap > 0 {
		s.Room = weightRoom * (1 - min(float64(f.Load)/float64(f.Cap), 1))
	}
	if f.Same {
		s.Same = weightSame
	}
	if f.Load == 0 {
		s.Idle = weightIdle * min(float64(max(f.Idle, 0))/float64(idleFull), 1)
	}
	s.Fairness = weightFairness * (1 - min(float64(f.Handled)/handledMany, 1))
	return s
}
