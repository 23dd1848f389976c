package queue

import "time"

// Change is one thing that happened in the Router, in order. It carries ids only.
type Change struct {
	Type     string    `json:"-"`
	At       time.Time `json:"at"`
	Work     WorkID    `json:"work,omitempty"`
	Kind     Kind      `json:"kind,omitempty"`
	Queue    QueueID   `json:"queue,omitempty"`
	Agent    AgentID   `json:"agent,omitempty"`
	Token    Token     `json:"token,omitempty"`
	State    State     `json:"state,omitempty"`
	Reason   string    `json:"reason,omitempty"`
	Deadline time.Time `json:"deadline,omitzero"`
	Node     string    `json:"node,omitempty"` // that holds the work
	Decision *Decision `json:"-"`              // of OfferMade and of Taken by hand
}

// Types of changes; they are the types of the events too.
const (
	Entered      = "queue.entered"       // work waits
	OfferMade    = "queue.offered"       // rings at Agent until Deadline
	OfferEnded   = "queue.offer_ended"   // by Reason
	Taken        = "queue.assigned"      // Agent has it
	Joined       = "queue.answered"      // Agent and customer are together
	Requeued     = "queue.requeued"      // waits again with its age, by Reason
	Moved        = "queue.moved"         // to another queue
	KeptPlace    = "queue.callback"      // the customer hung up and is called back
	Overflowed   = "queue.overflow"      // beyond its own group
	Alert        = "queue.alert"         // waited longer than the hard limit
	Left         = "queue.left"          // ended by Reason
	StateChanged = "agent.state"         // Agent is in State
	Notice       = "agent.notice"        // something to tell Agent: Reason
	WrapBegan    = "agent.wrap_up"       // until Deadline
	WrapEnded    = "agent.wrap_up_ended" //
)

// Decision is why a piece of work was offered to an agent: "why me?".
type Decision struct {
	Work     WorkID        `json:"work"`
	Queue    QueueID       `json:"queue"`
	At       time.Time     `json:"at"`
	Waited   time.Duration `json:"waited_ns"`
	Target   time.Duration `json:"target_ns"`
	Ring     int           `json:"ring"` // 1 is the first
	Overflow bool          `json:"overflow,omitempty"`
	Strategy Strategy      `json:"strategy"`
	Policy   int           `json:"policy_version"`
	Priority Priority      `json:"priority"`
	P        float64       `json:"p"`
	Agent    AgentID       `json:"agent"`
	Score    Score         `json:"score"`
	S        float64       `json:"s"`
	Losers   []Loser       `json:"losers,omitempty"`
	By       string        `json:"by,omitempty"` // who assigned it by hand
}

// Loser is an agent who did not get it.
type Loser struct {
	Agent  AgentID `json:"agent"`
	S      float64 `json:"s"`
	Reason string  `json:"reason"` // "strategy" for one who could have had it
}

// PolicyVersion names the rules of this build in decisions.
const PolicyVersion = 1

// maxLosers bounds Decision.Losers.
const maxLosers = 20
