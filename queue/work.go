package queue

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Names of things. An AgentID is the id of the user's row, a QueueID a short
// name such as "support", a WorkID the id of the call, conversation or ticket.
type (
	AgentID string
	QueueID string
	WorkID  string
	// Token names one offer to one agent; only who holds it can answer the offer.
	Token string
)

// Kind is what sort of work it is.
type Kind string

// The kinds.
const (
	KindVoice   Kind = "voice"
	KindChat    Kind = "chat"
	KindMessage Kind = "message" // text that need not be answered at once: e-mail, WeChat message
	KindTicket  Kind = "ticket"
)

// Kinds are all of them.
var Kinds = []Kind{KindVoice, KindChat, KindMessage, KindTicket}

// live tells whether somebody waits at the other end; a ticket can be interrupted by live work.
func (k Kind) live() bool { return k != KindTicket }

// text tells whether the work can go on with another agent when the connection of the first is lost.
func (k Kind) text() bool { return k == KindChat || k == KindMessage }

// Work is what is given to Enqueue.
type Work struct {
	ID      WorkID  `json:"id"`
	Kind    Kind    `json:"kind"`
	Queue   QueueID `json:"queue"`
	Urgency Urgency `json:"urgency"`
	Signals Signals `json:"signals"`
	// Skills are all needed; the lowest of an agent's proficiencies counts.
	Skills []string `json:"skills,omitempty"`
	// Language is what the customer speaks (BCP 47, "zh", "en"); empty is any. It is never relaxed.
	Language string `json:"language,omitempty"`
	// Contact is who it comes from, for "the same agent as last time"; empty when unknown.
	Contact string `json:"contact,omitempty"`
	// Preferred is an agent that should have it, while the queue's PreferredWait lasts.
	Preferred AgentID `json:"preferred,omitempty"`
	// Since is when the waiting began; now when zero. It is kept over decline and requeue.
	Since time.Time `json:"since"`
	// Target is for the first answer, from Since; the queue's class target when zero.
	Target time.Duration `json:"target,omitempty"`
	// Callback is set when the customer hung up and wants to be called when it is their turn.
	Callback *Callback `json:"callback,omitempty"`
	// Number is who calls, to call back when the call is lost with its server (Queue.CallbackLost).
	Number string `json:"number,omitempty"`
	// Node is the server that holds the call or conversation; the Service sets it.
	Node string `json:"node,omitempty"`
	// Data belongs to whoever enqueued it, at most 16 KiB of JSON; the desktop gets it with the offer.
	Data json.RawMessage `json:"data,omitempty"`
}

// Callback is a place kept for somebody who is called back, or somebody of a list of calls to make.
type Callback struct {
	Number    string    `json:"number"`     // to dial
	Tries     int       `json:"tries"`      // that reached nobody
	NotBefore time.Time `json:"not_before"` // of the next one
	// Entry is set for an entry of a list of calls to make: nobody waits for it. It is in no promise of the queue
	// and in nobody's place, and it leaves the queue after each try.
	Entry int64 `json:"entry,omitempty"`
	// Preview is how long an agent may look at an entry before calling; zero rings the telephone at once.
	Preview time.Duration `json:"preview,omitempty"`
}

// Bounds of Callback.Preview.
const (
	LeastPreview = 10 * time.Second
	MostPreview  = 10 * time.Minute
)

// entryWork begins the ids of work for entries of lists.
const entryWork = "entry:"

// EntryWork is the id of the work for an entry of a list in its n-th round.
func EntryWork(entry int64, round int) WorkID {
	return WorkID(fmt.Sprint(entryWork, entry, ":", round))
}

// ours tells that we want to call, not the customer.
func (w *Work) ours() bool { return w.Callback != nil && w.Callback.Entry != 0 }

// previewed tells that an agent looks at it on the screen first.
func (w *Work) previewed() bool { return w.Callback != nil && w.Callback.Preview > 0 }

// maxData bounds Work.Data.
const maxData = 16 << 10

// check says what is wrong with work as it was given.
func (w *Work) check() error {
	switch w.Kind {
	case KindVoice, KindChat, KindMessage, KindTicket:
	default:
		return fmt.Errorf("work %s: kind %q is none of %v", w.ID, w.Kind, Kinds)
	}
	switch {
	case w.ID == "" || len(w.ID) > 128:
		return errors.New("work needs an id of at most 128 characters")
	case w.Urgency > Urgent:
		return fmt.Errorf("work %s: there is no %s", w.ID, w.Urgency)
	case len(w.Skills) > 16:
		return fmt.Errorf("work %s: more than 16 skills", w.ID)
	case len(w.Data) > maxData:
		return fmt.Errorf("work %s: data is longer than %d bytes", w.ID, maxData)
	case len(w.Data) > 0 && !json.Valid(w.Data):
		return fmt.Errorf("work %s: data is no JSON", w.ID)
	case w.Target < 0:
		return fmt.Errorf("work %s: the target is negative", w.ID)
	case w.Callback != nil && (w.Kind != KindVoice || w.Callback.Number == ""):
		return fmt.Errorf("work %s: a call-back is a voice contact and needs a number", w.ID)
	case w.ours() != strings.HasPrefix(string(w.ID), entryWork):
		return fmt.Errorf("work %s: ids that begin with %s are of entries of lists, and theirs do", w.ID, entryWork)
	case w.previewed() && (w.Callback.Entry == 0 || w.Callback.Preview < LeastPreview || w.Callback.Preview > MostPreview):
		return fmt.Errorf("work %s: entries of a list are looked at for %v to %v", w.ID, LeastPreview, MostPreview)
	}
	return nil
}

// Phase is where a piece of work stands.
type Phase string

// The phases.
const (
	Waiting  Phase = "waiting"  // in the queue
	Offered  Phase = "offered"  // rings at one agent, or at several
	Assigned Phase = "assigned" // accepted, not answered yet
	Active   Phase = "active"   // an agent works on it
	Ended    Phase = "ended"
)

// Item is a piece of work as the Router keeps it.
type Item struct {
	Work
	Phase       Phase                 `json:"phase"`
	EnteredAt   time.Time             `json:"entered_at"`            // names this stay, with the id
	QueuedAt    time.Time             `json:"queued_at"`             // entered this queue
	FirstAnswer time.Time             `json:"first_answer,omitzero"` // in this queue
	Offers      []Token               `json:"offers,omitempty"`      // ringing now
	RangAt      time.Time             `json:"rang_at,omitzero"`      // the last offer
	Agent       AgentID               `json:"agent,omitempty"`       // whose it is
	Deadline    time.Time             `json:"deadline,omitzero"`     // of Assigned and Active
	AssignedAt  time.Time             `json:"assigned_at,omitzero"`  // accepted by Agent
	AnsweredAt  time.Time             `json:"answered_at,omitzero"`  // joined with Agent
	Pending     bool                  `json:"pending,omitempty"`     // the customer's turn: it takes no capacity
	Manual      bool                  `json:"manual,omitempty"`      // assigned by hand, may exceed the capacity
	WantsWrap   bool                  `json:"wants_wrap,omitempty"`  // the agent asked for wrap-up (WrapOptional)
	Wrap        WrapUp                `json:"wrap"`                  // of the queue that gave it to Agent; a later move does not change it
	From        QueueID               `json:"from,omitempty"`        // that queue
	Barred      map[AgentID]time.Time `json:"barred,omitempty"`      // who declined, until when
	Overflow    bool                  `json:"overflow,omitempty"`    // went beyond its own group
	Guarded     bool                  `json:"guarded,omitempty"`     // waited longer than the hard limit; a supervisor knows
	WasWith     AgentID               `json:"was_with,omitempty"`    // agent who lost it
	Requeues    int                   `json:"requeues,omitempty"`    // how often it came back
	Cause       string                `json:"cause,omitempty"`       // why it ended
	EndedAt     time.Time             `json:"ended_at,omitzero"`     //
	Decision    *Decision             `json:"decision,omitempty"`    // the last one: "why me?"

	alone time.Time // since when nobody is at work for it, as far as this Router saw
}

// Offer is one ring at one agent.
type Offer struct {
	Token    Token     `json:"token"`
	Work     WorkID    `json:"work"`
	Queue    QueueID   `json:"queue"`
	Agent    AgentID   `json:"agent"`
	At       time.Time `json:"at"`
	Deadline time.Time `json:"deadline"`
}

// Causes of Item.Cause and reasons of Change.Reason.
const (
	CauseDone           = "done"
	CauseAbandoned      = "abandoned"
	CauseShortAbandon   = "short_abandon"
	CauseLimit          = "limit"           // longer than the longest contact
	CauseCallbackFailed = "callback_failed" // nobody answered the last try
	CauseRestart        = "server_restart"  // the server that held the call was restarted
	CauseNoDialog       = "dialog_gone"     // the call is not there any more
	CauseNodeLost       = "node_lost"       // the server that held the call is gone
	CauseRemoved        = "removed"         // by a supervisor, or with its queue
	CauseSkipped        = "skipped"         // by the agent who looked at it
	CauseUnreached      = "unreached"       // the customer of a list's entry did not answer
	CauseWithdrawn      = "withdrawn"       // its list was stopped before anybody had it

	ReasonAccepted   = "accepted"
	ReasonDeclined   = "declined"
	ReasonBusy       = "busy"
	ReasonTimeout    = "timeout"
	ReasonWithdrawn  = "withdrawn" // somebody else took it, or the customer left
	ReasonUnanswered = "unanswered"
	ReasonLost       = "connection_lost"
	ReasonSignedOut  = "signed_out"
	ReasonFailed     = "agent_failed"
	ReasonMoved      = "moved"
)
