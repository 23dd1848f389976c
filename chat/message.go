package chat

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"tingxin/nlp"
)

// Direction is which way a message goes.
type Direction string

// The directions. A note goes nowhere: it can never leave by a channel.
const (
	In   Direction = "in"
	Out  Direction = "out"
	None Direction = "none"
)

// AuthorKind is what sort of author.
type AuthorKind string

// The authors.
const (
	Customer AuthorKind = "customer"
	Bot      AuthorKind = "bot"
	Agent    AuthorKind = "agent"
	System   AuthorKind = "system"
)

// Author is who wrote.
type Author struct {
	Kind AuthorKind `json:"kind" enum:"customer,bot,agent,system"`
	User int64      `json:"user,omitempty" doc:"of an agent, the id of the user"`
	Name string     `json:"name,omitempty"`
}

// Shown is the name under which customers see the author; rules have none for them.
func (a Author) Shown() string {
	if a.Kind == System && strings.HasPrefix(a.Name, "rule:") {
		return ""
	}
	return a.Name
}

// Kind is what sort of message.
type Kind string

// The kinds. Text may have files and buttons with it.
const (
	Text      Kind = "text"
	Note      Kind = "note"      // private
	Event     Kind = "event"     // of the system or the channel: somebody took over, followed, unsubscribed
	Choice    Kind = "choice"    // the customer pressed a button
	Rating    Kind = "rating"    // data: Rated
	Complaint Kind = "complaint" // text of a complaint or an idea
	Agreement Kind = "consent"   // data: consent to a purpose
	Unknown   Kind = "unknown"   // a kind that the adapter does not know
)

// asks tells whether the customer waits for an answer to such a message.
func (k Kind) asks() bool { return k == Text || k == Choice || k == Complaint || k == Unknown }

// MessageState is how far a message got.
type MessageState string

// The states of messages.
const (
	Stored      MessageState = "stored" // what goes nowhere
	Waiting     MessageState = "waiting"
	Sending     MessageState = "sending"
	Sent        MessageState = "sent"
	Failed      MessageState = "failed"
	Unconfirmed MessageState = "unknown" // it may have arrived
)

// Message is one line of a conversation.
type Message struct {
	ID           MessageID       `json:"id"`
	Conversation ID              `json:"conversation" doc:"on whose wire it is"`
	Thread       ID              `json:"thread" doc:"in whose thread it stands"`
	Seq          int64           `json:"seq"`
	Direction    Direction       `json:"direction" enum:"in,out,none"`
	Author       Author          `json:"author"`
	Kind         Kind            `json:"kind" enum:"text,note,event,choice,rating,complaint,consent,unknown"`
	Text         string          `json:"text"`
	Data         json.RawMessage `json:"data,omitempty"`
	Files        []Attachment    `json:"files,omitempty"`
	Channel      string          `json:"channel"`
	Account      string          `json:"account,omitempty"`
	ClientID     string          `json:"client_id,omitempty"`
	State        MessageState    `json:"state" enum:"stored,waiting,sending,sent,failed,unknown"`
	Reason       string          `json:"reason,omitempty"`
	At           time.Time       `json:"at"`
}

const messageColumns = `m.id, m.conversation_id, m.thread_id, m.seq, m.direction, m.author, coalesce(m.user_id, 0), m.author_name, m.kind, m.text, m.data, m.channel, m.account,
	coalesce(m.client_id, ''), m.state, m.reason, m.at`

func (m *Message) targets() []any {
	return []any{&m.ID, &m.Conversation, &m.Thread, &m.Seq, &m.Direction, &m.Author.Kind, &m.Author.User, &m.Author.Name, &m.Kind, &m.Text, &m.Data, &m.Channel, &m.Account,
		&m.ClientID, &m.State, &m.Reason, &m.At}
}

// Data is what a message may carry beside its text, in Message.Data.
type Data struct {
	// Choices are buttons of the bot.
	Choices []Button `json:"choices,omitempty"`
	// Source is where an answer comes from, shown with it.
	Source *Source `json:"source,omitempty"`
	// Feedback asks for 解决了 / 没解决.
	Feedback bool `json:"feedback,omitempty"`
	// Of a Choice: which button of which message.
	MessageSeq int64  `json:"message_seq,omitempty"`
	Option     string `json:"option,omitempty"`
	// Of an Event.
	Event string            `json:"event,omitempty"`
	With  map[string]string `json:"with,omitempty"`
	// Of a Rating.
	Score int      `json:"score,omitempty"`
	Chips []string `json:"chips,omitempty"`
	// Of an Agreement.
	Purpose string `json:"purpose,omitempty"`
	Granted bool   `json:"granted,omitempty"`
	Version string `json:"version,omitempty"`
}

// Button is one answer to choose.
type Button struct {
	ID    string `json:"id" maxLength:"64"`
	Label string `json:"label" maxLength:"128"`
}

// Source names an article.
type Source struct {
	Title string `json:"title"`
	URL   string `json:"url,omitempty"`
	ID    string `json:"id,omitempty"`
}

// Opening says that a message opens a reply window (WeChat: 5 in 48 h).
type Opening struct {
	Event  string
	Quota  int // 0: without a count
	Life   time.Duration
	Human  int  // of the quota, kept for an agent
	Rating int  // and for the question how it was
	Adds   bool // several may be open; else it replaces the one before
}

// Inbound is one message as a channel's adapter understood it.
type Inbound struct {
	Channel, Account string
	// ExternalID is the platform's id of the message: the same one again is stored once.
	ExternalID string
	// User is who writes, Thread which thread of theirs, as the channel names them.
	User, Thread string
	Name         string // of the person, when the channel tells
	Language     string
	Subject      string // of a new conversation
	Kind         Kind   // Text when empty
	Text         string
	Data         *Data
	Files        []string  // ids of attachments kept before
	ClientID     string    // the sender's own id of the message
	At           time.Time // by the platform's clock; now when zero
	// Raw is the body as it came, RawID its row when Take has it already.
	Raw   []byte
	RawID int64
	Opens *Opening
}

const (
	// MaxText bounds a message, in bytes.
	MaxText = 32 << 10
	maxName = 200
	maxID   = 256
	// maxRaw bounds a body that is kept; the channels refuse longer ones before.
	maxRaw   = 1 << 20
	maxFiles = 10
	// ahead and behind are how far a platform's clock may be from ours.
	ahead  = 10 * time.Minute
	behind = 30 * 24 * time.Hour
)

// ErrBad is what cannot be stored; the text says why.
var ErrBad = errors.New("no proper message")

func bad(format string, args ...any) error {
	return fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), ErrBad)
}

func (in *Inbound) check(now time.Time) error {
	switch {
	case in.Channel == "" || in.User == "" || in.ExternalID == "":
		return bad("channel, user or id is missing")
	case len(in.User) > maxID || len(in.Thread) > maxID || len(in.ExternalID) > maxID || len(in.ClientID) > maxID:
		return bad("an id is longer than %d bytes", maxID)
	case len(in.Text) > MaxText:
		return bad("the text is longer than %d bytes", MaxText)
	case len(in.Raw) > maxRaw:
		return bad("the body is longer than %d bytes", maxRaw)
	case len(in.Files) > maxFiles:
		return bad("more than %d files", maxFiles)
	}
	if in.Kind == "" {
		in.Kind = Text
	}
	if in.Kind == Note {
		return bad("a note does not come in")
	}
	if in.Kind == Text && strings.TrimSpace(storable(in.Text)) == "" && len(in.Files) == 0 {
		return bad("the message is empty")
	}
	if in.At.IsZero() || in.At.After(now.Add(ahead)) || in.At.Before(now.Add(-behind)) {
		in.At = now
	}
	in.Text, in.Subject = storable(in.Text), clip(storable(in.Subject), maxName)
	in.Name, in.Language = clip(storable(in.Name), maxName), clip(storable(in.Language), 35)
	for _, id := range []*string{&in.User, &in.Thread, &in.ExternalID, &in.ClientID} {
		*id = storable(*id)
	}
	return nil
}

// storable takes out what PostgreSQL cannot hold.
func storable(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "")
}

// clip cuts at a rune, to at most n bytes.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// Cut is text cut to at most n bytes on a rune, with an ellipsis when it was longer.
func Cut(text string, n int) string {
	const dots = "…"
	if len(text) <= n || n < len(dots) {
		return clip(text, n)
	}
	return clip(text, n-len(dots)) + dots
}

// maxTerms bounds the index of one message.
const maxTerms = 2000

// Terms are the words under which the text of a message is found; they are kept beside it.
func Terms(text string) []string { return terms(text) }

// terms are the words under which a text is found.
func terms(text string) []string {
	words := nlp.Words(nlp.Fold(text))
	seen := make(map[string]bool, len(words))
	out := make([]string, 0, len(words))
	for _, w := range words {
		if !seen[w] && len(w) <= 100 && len(out) < maxTerms {
			seen[w] = true
			out = append(out, w)
		}
	}
	return out
}

// preview is the beginning of a message for lists.
func preview(text string) string {
	return Cut(strings.Join(strings.Fields(clip(text, 400)), " "), 200)
}

func dataJSON(d *Data) (json.RawMessage, error) {
	if d == nil {
		return json.RawMessage("{}"), nil
	}
	doc, err := json.Marshal(d)
	if err != nil {
		return nil, err
	}
	if len(doc) > 16<<10 {
		return nil, bad("the data is longer than 16 KiB")
	}
	return json.RawMessage(strings.ReplaceAll(string(doc), `\u0000`, "")), nil
}
