package chat

import (
	"encoding/json"
	"strconv"
	"time"
)

// ID names a conversation, MessageID a message; both grow and are never reused.
type (
	ID        int64
	MessageID int64
)

func (id ID) String() string { return strconv.FormatInt(int64(id), 10) }

// workPrefix marks the work of conversations among calls and tickets.
const workPrefix = "chat:"

// WorkID is the conversation as a queue knows it.
func (id ID) WorkID() string { return workPrefix + id.String() }

// IDOfWork is the way back; ok is false for work of another kind.
func IDOfWork(work string) (id ID, ok bool) {
	if len(work) <= len(workPrefix) || work[:len(workPrefix)] != workPrefix {
		return 0, false
	}
	n, err := strconv.ParseInt(work[len(workPrefix):], 10, 64)
	return ID(n), err == nil && n > 0
}

// State is where a conversation stands.
type State string

// The states.
const (
	Open    State = "open"
	Snoozed State = "snoozed" // until SnoozedUntil or the customer's next message
	Closed  State = "closed"
	Merged  State = "merged" // its messages stand in the thread of MergedInto
)

// Handler is whose turn it is on our side.
type Handler string

// The handlers.
const (
	ByBot   Handler = "bot"
	ByQueue Handler = "queue" // waits for an agent
	ByAgent Handler = "agent"
)

// Urgency is 0 low, 1 normal, 2 high, 3 urgent, as queues count it.
type Urgency int16

// Conversation is one text contact.
type Conversation struct {
	ID             ID              `json:"id"`
	Key            string          `json:"key" doc:"its name outside; random"`
	Channel        string          `json:"channel"`
	Account        string          `json:"account,omitempty"`
	ExternalUser   string          `json:"external_user" doc:"who the customer is to the channel"`
	ExternalThread string          `json:"external_thread,omitempty"`
	ContactID      *int64          `json:"contact_id,omitempty"`
	Name           string          `json:"name,omitempty" doc:"what the channel calls the customer"`
	Subject        string          `json:"subject,omitempty"`
	Language       string          `json:"language,omitempty"`
	State          State           `json:"state" enum:"open,snoozed,closed,merged"`
	Handler        Handler         `json:"handler" enum:"bot,queue,agent"`
	Assignee       *int64          `json:"assignee,omitempty" doc:"id of the user"`
	WasWith        *int64          `json:"was_with,omitempty" doc:"user who had it before it waited again"`
	Queue          string          `json:"queue,omitempty"`
	Packet         json.RawMessage `json:"packet,omitempty" doc:"of the last hand-over"`
	QueuedAt       *time.Time      `json:"queued_at,omitempty"`
	BotBarred      bool            `json:"bot_barred,omitempty" doc:"never goes back to the bot"`
	Urgency        Urgency         `json:"urgency" doc:"0 low, 1 normal, 2 high, 3 urgent"`
	Labels         []string        `json:"labels"`
	LastSeq        int64           `json:"last_seq"`
	LastText       string          `json:"last_text,omitempty" doc:"beginning of the last message"`
	LastAt         time.Time       `json:"last_at"`
	LastIn         MessageID       `json:"last_in"`
	LastOut        MessageID       `json:"last_out"`
	WaitingSince   *time.Time      `json:"waiting_since,omitempty" doc:"the oldest message of the customer that nobody has answered"`
	FirstReplyAt   *time.Time      `json:"first_reply_at,omitempty" doc:"by bot or agent"`
	FirstHumanAt   *time.Time      `json:"first_human_at,omitempty"`
	SnoozedUntil   *time.Time      `json:"snoozed_until,omitempty"`
	CustomerRead   int64           `json:"customer_read" doc:"seq that the customer has seen"`
	MergedInto     *ID             `json:"merged_into,omitempty"`
	SplitFrom      *ID             `json:"split_from,omitempty"`
	Rating         *int16          `json:"rating,omitempty"`
	RatedAt        *time.Time      `json:"rated_at,omitempty"`
	Consent        *Consent        `json:"consent,omitempty"`
	Page           string          `json:"page,omitempty" doc:"where the customer is on the site"`
	CreatedAt      time.Time       `json:"created_at"`
	ClosedAt       *time.Time      `json:"closed_at,omitempty"`
	ClosedBy       string          `json:"closed_by,omitempty"`
}

// Consent is what the customer accepted before the first message.
type Consent struct {
	Version  string    `json:"version"`
	Purposes []string  `json:"purposes"`
	At       time.Time `json:"at"`
}

// conversationColumns are in the order of scanConversation.
const conversationColumns = `c.id, c.key, c.channel, c.account, c.external_user, c.external_thread, c.contact_id, c.name, c.subject, c.language, c.state, c.handler, c.assignee, (c.data->>'was_with')::bigint, c.queue,
	c.packet, c.queued_at, c.bot_barred, c.urgency, c.labels, c.last_seq, c.last_text, c.last_at, c.last_in_id, c.last_out_id, c.waiting_since, c.first_reply_at, c.first_human_at,
	c.snoozed_until, c.customer_read, c.merged_into, c.split_from, c.rating, c.rated_at, c.consent, coalesce(c.data->>'page', ''), c.created_at, c.closed_at, c.closed_by`

func (c *Conversation) targets() []any {
	return []any{&c.ID, &c.Key, &c.Channel, &c.Account, &c.ExternalUser, &c.ExternalThread, &c.ContactID, &c.Name, &c.Subject, &c.Language, &c.State, &c.Handler, &c.Assignee, &c.WasWith, &c.Queue,
		&c.Packet, &c.QueuedAt, &c.BotBarred, &c.Urgency, &c.Labels, &c.LastSeq, &c.LastText, &c.LastAt, &c.LastIn, &c.LastOut, &c.WaitingSince, &c.FirstReplyAt, &c.FirstHumanAt,
		&c.SnoozedUntil, &c.CustomerRead, &c.MergedInto, &c.SplitFrom, &c.Rating, &c.RatedAt, &c.Consent, &c.Page, &c.CreatedAt, &c.ClosedAt, &c.ClosedBy}
}

// signedPrefix marks users whom the host page has proven, by a signature.
const signedPrefix = "user:"

// SignedUser is the host's id of a customer whom the host page has proven; ok is
// false for others. Only channels that check a proof may make such a name (see ProvenUser).
func SignedUser(externalUser string) (id string, ok bool) {
	if len(externalUser) > len(signedPrefix) && externalUser[:len(signedPrefix)] == signedPrefix {
		return externalUser[len(signedPrefix):], true
	}
	return "", false
}

// ProvenUser is what a channel calls a customer whose id of the host's it has verified.
func ProvenUser(id string) string { return signedPrefix + id }
