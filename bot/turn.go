package bot

import (
	"errors"
	"time"
)

// Channel is how a customer talks with the bot.
type Channel string

// The channels.
const (
	ChannelChat Channel = "chat"
	ChannelCall Channel = "call"
	ChannelAPI  Channel = "api"
)

// Session names whom a turn belongs to.
type Session struct {
	// ID of a session; empty finds the open one of channel and Subject, or makes one.
	ID string
	// Subject is what the channel calls the conversation: its id, the call's id.
	Subject string
	// Contact is the person, 0 when unknown.
	Contact int64
	// Held: the bot has the conversation. One that it had handed over was given back.
	Held bool
}

// Input is one turn of a customer.
type Input struct {
	Text string
	// Lang is the language to assume when the text does not tell, "zh" or "en".
	Lang    string
	Channel Channel
	// At is when it was said; now when zero.
	At time.Time
	// Emotion is how upset the customer is, 0 to 1, by whoever can hear it; nil reads it from the words.
	Emotion *float64
	// Choice is the value of a button that was pressed instead of words.
	Choice string
	// Keys tells that the text was typed on a telephone.
	Keys bool
	// From is the number that a caller calls from; empty when it is not known.
	From string
	// ID is the channel's of the message, at most 128 characters: the same one again in a
	// session is not a turn but gives the reply that was given. Empty: always a turn.
	ID string
}

// Decision is what the bot did with a turn.
type Decision string

// The decisions.
const (
	DoAnswer   Decision = "answer"   // an article
	DoTool     Decision = "tool"     // a frame was filled and its tool answered
	DoAsk      Decision = "ask"      // a value is missing
	DoConfirm  Decision = "confirm"  // a value is not sure
	DoClarify  Decision = "clarify"  // which of these articles?
	DoTalk     Decision = "talk"     // small talk, thanks, a reaction
	DoFallback Decision = "fallback" // not understood
	DoHandover Decision = "handover" // a person takes over
	DoRefuse   Decision = "refused"  // too long, too fast
	DoNothing  Decision = "silent"   // a person has it; the bot says nothing
)

// Part is one piece of a reply. Texts are plain text: whoever shows them as HTML escapes them.
type Part struct {
	Kind    string   `json:"kind" enum:"text,buttons,source"`
	Text    string   `json:"text,omitempty"`
	Buttons []Button `json:"buttons,omitempty"`
	// Article and Title of a source.
	Article string `json:"article,omitempty"`
	Title   string `json:"title,omitempty"`
}

// Button is a choice; Value comes back as Input.Choice.
type Button struct {
	Label string `json:"label"`
	Value string `json:"value"`
}

// Reply is the bot's side of a turn.
type Reply struct {
	Session  string    `json:"session"`
	Turn     int       `json:"turn" doc:"number in the session, from 1"`
	Lang     string    `json:"lang" enum:"zh,en"`
	Parts    []Part    `json:"parts" nullable:"false"`
	Decision Decision  `json:"decision" enum:"answer,tool,ask,confirm,clarify,talk,fallback,handover,refused,silent"`
	Intent   string    `json:"intent,omitempty"`
	Article  string    `json:"article,omitempty"`
	Slots    []Held    `json:"slots" nullable:"false" doc:"values that are held now"`
	Handover *Packet   `json:"handover,omitempty" doc:"for the person who takes over"`
	Offers   bool      `json:"offers,omitempty" doc:"nobody is there now: the buttons are what can be done meanwhile"`
	Kept     bool      `json:"kept,omitempty" doc:"no person has to take over any more: a message or a call-back was promised, or the customer stays"`
	Over     bool      `json:"-"` // a caller has nothing more to say
	Message  string    `json:"-"` // queue for which a caller speaks a message now
	Expect   Expect    `json:"-"`
	Why      *Why      `json:"explanation,omitempty"`
	At       time.Time `json:"at"`
	MS       float64   `json:"ms"`
}

// Text is all texts of the reply, as a channel without buttons shows it: choices are numbered.
func (r *Reply) Text() string { return plainText(r.Parts) }

// Held is a value that the bot has, as people may see it.
type Held struct {
	ID        int64     `json:"id"`
	Name      string    `json:"name"`
	Value     string    `json:"value" doc:"masked when it is an identity or card number"`
	Scope     string    `json:"scope" enum:"turn,conversation,contact"`
	Source    string    `json:"source" enum:"customer,keys,tool,agent"`
	Channel   string    `json:"channel"`
	Session   string    `json:"session,omitempty" doc:"conversation in which it was said"`
	Turn      int       `json:"turn"`
	P         float64   `json:"p"`
	Confirmed bool      `json:"confirmed"`
	At        time.Time `json:"at"`
	Expires   time.Time `json:"expires"`
}

// Why is how a reply came about.
type Why struct {
	Folded   string      `json:"text" doc:"as the models saw it: folded, values replaced by their type"`
	Lang     string      `json:"lang"`
	Mixed    bool        `json:"mixed,omitempty"`
	Values   []Found     `json:"values" nullable:"false"`
	Intents  []Candidate `json:"intents" nullable:"false"`
	Took     string      `json:"took,omitempty" doc:"slot that was asked for and whose answer this message was"`
	Exact    bool        `json:"exact,omitempty" doc:"equal to a training phrase"`
	Foreign  bool        `json:"foreign,omitempty" doc:"out of scope by the trained class"`
	Strange  float64     `json:"strange"`
	Rule     string      `json:"rule,omitempty"`
	Articles []Candidate `json:"articles" nullable:"false"`
	P1       float64     `json:"p1"`
	P2       float64     `json:"p2"`
	PAny     float64     `json:"p_any" doc:"that one of the first three articles is right"`
	TauA     float64     `json:"tau_a"`
	TauC     float64     `json:"tau_c"`
	Margin   float64     `json:"margin"`
	Emotion  float64     `json:"emotion" doc:"smoothed"`
	Model    string      `json:"model"`
	Steps    []string    `json:"steps" nullable:"false" doc:"what was decided, in order"`
	Stages   []Stage     `json:"stages" nullable:"false"`
}

// Found is a value in the message.
type Found struct {
	Name  string  `json:"name"`
	Value string  `json:"value" doc:"masked when it is an identity or card number"`
	P     float64 `json:"p"`
}

// Candidate is an intent or an article with its probability.
type Candidate struct {
	ID    string  `json:"id"`
	Title string  `json:"title,omitempty"`
	P     float64 `json:"p"`
}

// Stage is the time that a part of the turn took.
type Stage struct {
	Name string  `json:"name"`
	MS   float64 `json:"ms"`
}

// Errors of Turn. Everything else that goes wrong inside is a handover.
var (
	// ErrSession: no such session, or it has ended.
	ErrSession = errors.New("there is no such open session")
	// ErrInput: channel or subject are missing or too long.
	ErrInput = errors.New("a turn needs a channel (chat, call, api) and a subject of at most 128 characters")
	// ErrBusy: too many turns at once, or two of one session.
	ErrBusy = errors.New("the bot is busy; try again in a moment")
	// ErrNotReady: the models are not there.
	ErrNotReady = errors.New("the bot has no models on this machine")
)

// MaxText is the longest message in bytes that is read.
const MaxText = 4 << 10
