package ivr

import (
	"fmt"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
)

// Flow is a checked flow document. It is never changed after Parse and may be
// run by any number of calls at once.
type Flow struct {
	Name     string
	Version  int
	Language string
	// Start is the index of the first node.
	Start int
	Nodes []Node
	byID  map[string]int
}

// Node is one step of a flow: an id, exactly one kind, and where to go next.
type Node struct {
	ID   string
	Line int // in the document
	Next string
	// Pause keeps what happens in the node out of recording and transcript.
	Pause bool
	// Exactly one of these is set.
	Say      *Say
	Gather   *Gather
	Menu     *Menu
	Record   *Record
	Listen   *Listen
	Set      map[string]string
	Branch   *Branch
	Language string
	Queue    *Queue
	Transfer *Transfer
	Callback *Callback
	Bot      *Bot
	HTTP     *HTTP
	Message  *Message
	Survey   *Survey
	Hangup   bool
}

// Kind is the name of the node's kind as the document writes it.
func (n *Node) Kind() string {
	switch {
	case n.Say != nil:
		return "say"
	case n.Gather != nil:
		return "gather"
	case n.Menu != nil:
		return "menu"
	case n.Record != nil:
		return "record"
	case n.Listen != nil:
		return "listen"
	case n.Set != nil:
		return "set"
	case n.Branch != nil:
		return "branch"
	case n.Language != "":
		return "language"
	case n.Queue != nil:
		return "queue"
	case n.Transfer != nil:
		return "transfer"
	case n.Callback != nil:
		return "callback"
	case n.Bot != nil:
		return "bot"
	case n.HTTP != nil:
		return "http"
	case n.Message != nil:
		return "voicemail"
	case n.Survey != nil:
		return "survey"
	default:
		return "hangup"
	}
}

// Speech is one piece to play: text to be spoken, or a WAV file.
type Speech struct {
	// Private texts hold what belongs to one caller: they are spoken and not kept.
	Private  bool
	Text     string // may hold ${variables}
	File     string // WAV, relative to the folder of prompts
	Prompt   string // name of a prompt that is kept beside the flows (Prompts.SetNamed)
	Language string // of the text or the prompt, the call's own when empty
}

// Say plays its pieces one after the other.
type Say struct {
	What    []Speech
	BargeIn bool
}

// Ask is what gather and menu have in common: prompt, waiting and trying again.
type Ask struct {
	Prompt  []Speech
	NoInput []Speech      // said when nothing was pressed
	NoMatch []Speech      // said when the answer is not possible
	Timeout time.Duration // to the first key or word after the prompt; 6 s when zero
	Retries int           // tries after the first one
	Else    string        // node when all tries failed; empty hangs up
	// MaxNoInput and MaxNoMatch are how many of them may be for that reason.
	MaxNoInput, MaxNoMatch int
	Speech                 bool   // an answer may be spoken, where the line can hear
	BargeIn                string // what cuts the prompt short: "any", "keys" or "none"
}

// Gather takes keys, or what is said, into a variable.
type Gather struct {
	Ask
	Into       string
	Min, Max   int           // how many keys or digits
	Terminator byte          // ends the input and is not part of it, 0 for none
	Between    time.Duration // longest pause between two keys; 3 s when zero
	// Digits says that digits may be spoken; Sayings map a value to what may be said for
	// it. With neither, and Speech, the words themselves are the value.
	Digits  bool
	Sayings map[string][]string
	sayings grammar
	Phrases []string // to be favoured besides
	Confirm *Confirm
	Secret  bool // not recorded, not transcribed, masked wherever it is written
}

// Confirm reads an answer back and asks whether it is right.
type Confirm struct {
	Always bool     // keys too, not only what was said
	Prompt []Speech // ConfirmNotice when empty
}

// Menu takes one key, or phrase, and goes to its node.
type Menu struct {
	Ask
	Options map[byte]string
	Sayings map[string][]string // by key
	sayings grammar
}

// Record announces the recording and takes consent; then it starts, or does not.
type Record struct {
	Announce []Speech
	Consent  Consent // ConsentNone, ConsentAnnounced, or ConsentGiven when a key is asked for
	Accept   byte
	Refuse   byte
	Timeout  time.Duration // for the key; no key refuses
	Refused  string        // node after a refusal; the next one when empty
	// Emotion lets the caller's voice be read for emotion, if the server does so, under the same consent. It
	// is always announced first: with EmotionAnnounce, or with EmotionNotice in the call's language.
	Emotion         bool
	EmotionAnnounce []Speech
}

// Listen leaves the line to the caller.
type Listen struct {
	Silence time.Duration
	Limit   time.Duration
}

// Branch goes by the value of a variable, or by opening hours: open, closed or holiday.
type Branch struct {
	On       string // the variable
	Calendar string // by its name
	Queue    string // by its calendar
	// Cases are values, or comparisons of numbers such as ">=100".
	Cases map[string]string
	Else  string // the next node when empty
}

// Node finds a node by its id.
func (f *Flow) Node(id string) (*Node, bool) {
	i, ok := f.byID[id]
	if !ok {
		return nil, false
	}
	return &f.Nodes[i], true
}

// Speeches are all pieces of the flow that do not depend on variables, in order.
func (f *Flow) Speeches() []Speech {
	var all []Speech
	for i := range f.Nodes {
		for _, list := range f.Nodes[i].speeches(f.Language) {
			for _, s := range list {
				if !hasVariable(s.Text) {
					s.Language = firstOf(s.Language, f.Language)
					all = append(all, s)
				}
			}
		}
	}
	return all
}

// speeches are what the node may say in a call of that language.
func (n *Node) speeches(language string) [][]Speech {
	switch {
	case n.Say != nil:
		return [][]Speech{n.Say.What}
	case n.Gather != nil:
		list := [][]Speech{n.Gather.Prompt, n.Gather.NoInput, n.Gather.NoMatch}
		if n.Gather.Confirm != nil {
			list = append(list, n.Gather.Confirm.Prompt)
		}
		return list
	case n.Message != nil:
		return [][]Speech{n.Message.announcement(language)}
	case n.Survey != nil:
		return [][]Speech{n.Survey.Prompt, n.Survey.NoInput, n.Survey.NoMatch, n.Survey.commentPrompt(language)}
	case n.Queue != nil && n.Queue.Offer != nil:
		return [][]Speech{n.Queue.Offer.prompt(language)}
	case n.Menu != nil:
		return [][]Speech{n.Menu.Prompt, n.Menu.NoInput, n.Menu.NoMatch}
	case n.Bot != nil:
		return [][]Speech{n.Bot.Greeting, n.Bot.NoInput}
	case n.Record != nil:
		if n.Record.Emotion && len(n.Record.EmotionAnnounce) == 0 {
			return [][]Speech{n.Record.Announce, {EmotionNotice(language)}}
		}
		return [][]Speech{n.Record.Announce, n.Record.EmotionAnnounce}
	}
	return nil
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// Error is a mistake in a flow document. Line and Column count from 1; 0 when unknown.
type Error struct {
	File         string
	Line, Column int
	Message      string
}

func (e *Error) Error() string {
	file := e.File
	if file == "" {
		file = "flow"
	}
	if e.Line == 0 {
		return file + ": " + e.Message
	}
	return fmt.Sprintf("%s:%d:%d: %s", file, e.Line, e.Column, e.Message)
}

// pos is where something stands in the document.
type pos struct{ line, column int }

func (p pos) errorf(format string, args ...any) *Error {
	return &Error{Line: p.line, Column: p.column, Message: fmt.Sprintf(format, args...)}
}

// posOf is where a node begins; a mapping's own token is its first colon.
func posOf(n ast.Node) pos {
	switch m := n.(type) {
	case *ast.MappingNode:
		if len(m.Values) > 0 && !m.IsFlowStyle {
			n = m.Values[0].Key
		}
	case *ast.MappingValueNode:
		n = m.Key
	}
	if n == nil || n.GetToken() == nil || n.GetToken().Position == nil {
		return pos{}
	}
	p := n.GetToken().Position
	return pos{p.Line, p.Column}
}

// at is a value with its place in the document.
type at[T any] struct {
	v T
	pos
}

// UnmarshalYAML decodes strictly and remembers the place.
func (a *at[T]) UnmarshalYAML(n ast.Node) error {
	a.pos = posOf(n)
	return yaml.NodeToValue(n, &a.v, yaml.Strict())
}

func (a *at[T]) set() bool { return a != nil && a.line > 0 }
