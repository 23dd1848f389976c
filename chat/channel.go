package chat

import (
	"context"
	"encoding/json"
	"time"
)

// Channel is one way in and out. Implementations pass the suite of chat/chattest.
type Channel interface {
	// Name is the channel's word in rows and addresses: "web", "webhook".
	Name() string
	// Decode makes messages of a body that Take has stored. The same body always
	// gives the same messages with the same ids; what it does not know is of kind
	// Unknown, not an error. An error means that the body is no message at all.
	Decode(ctx context.Context, raw Raw) ([]Inbound, error)
	// Send hands one message over to the customer's side. It ends with ctx.
	Send(ctx context.Context, m Outgoing) Result
	// Limits are what an account can take.
	Limits(account string) Limits
}

// Raw is a body as it came in.
type Raw struct {
	ID         int64
	Channel    string
	Account    string
	ExternalID string
	Body       []byte
	ReceivedAt time.Time
}

// Outgoing is one message on its way to the customer.
type Outgoing struct {
	Message
	User       string // who gets it, as the channel names them
	UserThread string // which thread of theirs
	Key        string // of the conversation
	// Repeat is the same for every attempt of this message, so that the other side can tell.
	Repeat  string
	Attempt int
}

// Outcome is how sending went.
type Outcome string

// The outcomes.
const (
	Delivered Outcome = "sent"
	Retry     Outcome = "retry"     // later, it certainly did not arrive
	Refused   Outcome = "permanent" // never
	Doubtful  Outcome = "unknown"   // it may have arrived
)

// Result is what came of sending.
type Result struct {
	Outcome    Outcome
	ExternalID string        // the platform's id, when it gave one
	After      time.Duration // of Retry: at least so long from now
	Reason     string        // shown to the agent, no text of the customer in it
	// CloseWindow says that the platform takes no more replies until the customer writes.
	CloseWindow bool
}

// Limits are a channel's.
type Limits struct {
	// TextBytes is the longest text; longer ones are cut. 0: MaxText.
	TextBytes int
	// Pull: the customer's side reads the rows itself, so nothing is put into the outbox.
	Pull bool
	// Repeatable: the other side removes duplicates, so a doubtful message is sent again.
	Repeatable bool
	// Windowed: replies leave only within a window that the customer opened.
	Windowed bool
	// Live: somebody waits at the other end, as in a chat; else it is like a letter.
	Live bool
	// Buttons: the customer sees and presses those of Data.Choices; else they must be told in words.
	Buttons bool
}

// Queue is the queue as a conversation needs it. Work that is there already is no error.
type Queue interface {
	// Enqueue puts a conversation into its queue.
	Enqueue(ctx context.Context, c Conversation, live bool) error
	// Absent tells that an agent is not there to have it: from who is offline it would go back at once.
	Absent(ctx context.Context, work, agent string, live bool) (bool, error)
	// Taken says that an agent has the conversation, by offer, by hand or by replying.
	Taken(ctx context.Context, work, agent, by string) error
	// Turn says that a message passed; customer tells that it is the customer's turn now.
	Turn(ctx context.Context, work string, customer bool) error
	// Left takes it out: it was closed, or the bot has it again.
	Left(ctx context.Context, work string) error
}

// Contacts finds out who a person is.
type Contacts interface {
	Resolve(ctx context.Context, c Conversation) (contact int64, err error)
}

// Packet is what an agent gets with a conversation: why, and what is known already.
type Packet = json.RawMessage
