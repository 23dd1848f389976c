package queue

import (
	"math"
	"slices"
	"time"
)

// State is what an agent does, as others see it. It follows from the presence
// that the agent chose and from what is on hand.
type State string

// The states.
const (
	Available State = "available"
	Ringing   State = "ringing"
	Talking   State = "talking" // a call on hand, or all capacity in use
	Wrapping  State = "wrap_up"
	Away      State = "away" // with a reason
	Offline   State = "offline"
)

// States are all of them.
var States = []State{Available, Ringing, Talking, Wrapping, Away, Offline}

// Reasons are the usual reasons of Away; an agent may give no others.
var Reasons = []string{"break", "lunch", "meeting", "training", "coaching", "back_office", "system", "other"}

// Reasons that only the router gives.
const (
	AwayUnanswered = "unanswered" // two offers in a row were not answered
	AwayForced     = "forced"     // by a supervisor
)

// Profile is who an agent is and what the agent can take.
type Profile struct {
	ID        AgentID            `json:"id"`
	Name      string             `json:"name"`
	Skills    map[string]float64 `json:"skills"`    // proficiency 0..1
	Languages []string           `json:"languages"` // empty speaks all
	Capacity  int                `json:"capacity"`  // units; 10 when zero
	// Desk marks an agent with a telephone and no browser open: presence needs no heartbeat.
	Desk bool `json:"desk"`
}

func (p Profile) check() error {
	switch {
	case p.ID == "":
		return wrong("an agent needs an id")
	case p.Capacity < 0 || p.Capacity > 1000:
		return wrong("agent %s: the capacity is not between 0 and 1000 units", p.ID)
	case len(p.Skills) > 500 || len(p.Languages) > 50:
		return wrong("agent %s: more than 500 skills or 50 languages", p.ID)
	}
	for name, level := range p.Skills {
		if level < 0 || level > 1 || math.IsNaN(level) {
			return wrong("agent %s: skill %s is %v, not between 0 and 1", p.ID, name, level)
		}
	}
	return nil
}

// skill is the lowest proficiency over what is needed, 1 when nothing is.
func (p *Profile) skill(needed ...[]string) float64 {
	lowest := 1.0
	for _, list := range needed {
		for _, name := range list {
			lowest = min(lowest, p.Skills[name])
		}
	}
	return lowest
}

func (p *Profile) speaks(language string) bool {
	return language == "" || len(p.Languages) == 0 || slices.Contains(p.Languages, language)
}

// Wrap is one wrap-up under way.
type Wrap struct {
	Work     WorkID    `json:"work"`
	Queue    QueueID   `json:"queue"`
	Kind     Kind      `json:"kind"`
	Units    int       `json:"units"`
	Mode     WrapMode  `json:"mode"`
	Since    time.Time `json:"since"`
	Deadline time.Time `json:"deadline"`
	Began    time.Time `json:"began"` // of the contact, for the handle time
}

// Agent is an agent as the Router keeps it.
type Agent struct {
	Profile
	Presence  State                 `json:"presence"`          // chosen: Available, Away or Offline
	Reason    string                `json:"reason,omitempty"`  // of Away
	Chosen    time.Time             `json:"chosen"`            // when
	SeenAt    time.Time             `json:"seen_at"`           // last heartbeat
	State     State                 `json:"state"`             // what follows from all
	Since     time.Time             `json:"since"`             // of State
	Deadline  time.Time             `json:"deadline,omitzero"` // of State; none when offline
	Offer     Token                 `json:"offer,omitempty"`   // ringing now
	Work      []WorkID              `json:"work,omitempty"`    // assigned and active
	Wraps     []Wrap                `json:"wraps,omitempty"`   //
	CoolUntil time.Time             `json:"cool_until,omitzero"`
	Missed    int                   `json:"missed"`             // offers in a row that timed out
	IdleSince time.Time             `json:"idle_since"`         // nothing on hand
	LastEnd   map[QueueID]time.Time `json:"last_end,omitempty"` // of a contact per queue
	Handled   int                   `json:"handled"`            // since midnight
	Talk      time.Duration         `json:"talk"`               // with customers since midnight
}

// holds tells whether anything is on hand.
func (a *Agent) holds() bool { return len(a.Work) > 0 || len(a.Wraps) > 0 }
