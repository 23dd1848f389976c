package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"tingxin/chat"
)

const (
	// maxFrame bounds a frame and a body, maxWords the text of a visitor.
	maxFrame = 64 << 10
	maxWords = 8 << 10
)

// frame is what a visitor sends; which fields count depends on Type.
type frame struct {
	Type     string   `json:"type"`
	Token    string   `json:"token,omitempty"`         // of hello
	Conv     string   `json:"conv,omitempty"`          // of hello
	LastSeq  int64    `json:"last_seq,omitempty"`      // of hello
	Lang     string   `json:"lang,omitempty"`          // of hello
	Page     string   `json:"page,omitempty"`          // of hello and event
	Name     string   `json:"name,omitempty"`          // of hello: how the visitor wants to be called; of event
	ClientID string   `json:"client_msg_id,omitempty"` // of msg, choice, complaint
	Text     string   `json:"text,omitempty"`
	Files    []string `json:"files,omitempty"`
	On       bool     `json:"on,omitempty"`          // of typing
	Seq      int64    `json:"seq,omitempty"`         // of read
	To       int64    `json:"message_seq,omitempty"` // of choice
	Option   string   `json:"option,omitempty"`
	Score    int      `json:"score,omitempty"` // of rate
	Chips    []string `json:"chips,omitempty"`
	Reasons  []string `json:"reasons,omitempty"` // of rate: another word for chips
	Topic    string   `json:"kind,omitempty"`    // of complain: complaint, idea, bug
	Comment  string   `json:"comment,omitempty"`
	Purpose  string   `json:"purpose,omitempty"` // of consent
	State    bool     `json:"state,omitempty"`
	Version  string   `json:"version,omitempty"`
}

// topics are the kinds of complain.
var topics = []string{"complaint", "idea", "bug"}

var errFrame = errors.New("no frame that is known")

// readFrame reads one frame and checks its bounds.
func readFrame(body []byte) (frame, error) {
	var f frame
	if len(body) > maxFrame {
		return f, fmt.Errorf("longer than %d bytes: %w", maxFrame, errFrame)
	}
	if err := json.Unmarshal(body, &f); err != nil {
		return f, fmt.Errorf("no JSON: %w", errFrame)
	}
	short := func(s string, n int) bool { return len(s) <= n }
	switch {
	case !short(f.Token, maxToken), !short(f.Conv, 64), !short(f.Lang, 35), !short(f.Page, 2000), !short(f.Name, 200), !short(f.ClientID, 64), !short(f.Option, 64),
		!short(f.Comment, 4000), !short(f.Purpose, 40), !short(f.Version, 64), f.LastSeq < 0, f.Seq < 0, len(f.Files) > 10, len(f.Chips) > 10:
		return f, fmt.Errorf("a field is too long: %w", errFrame)
	}
	if len(f.Chips) == 0 {
		f.Chips = f.Reasons
	}
	if len(f.Chips) > 10 {
		return f, fmt.Errorf("more than 10 chips: %w", errFrame)
	}
	for _, c := range f.Chips {
		if !short(c, 64) {
			return f, fmt.Errorf("a chip is too long: %w", errFrame)
		}
	}
	switch f.Type {
	case "hello", "typing", "read", "event", "rate", "consent", "end", "ping":
	case "human":
		if f.ClientID == "" {
			return f, fmt.Errorf("asking for a person needs client_msg_id: %w", errFrame)
		}
	case "complain":
		if f.ClientID == "" || strings.TrimSpace(f.Text) == "" || len(f.Text) > maxWords || !slices.Contains(topics, f.Topic) {
			return f, fmt.Errorf("a complaint needs client_msg_id, a text and a kind out of %v: %w", topics, errFrame)
		}
	case "msg", "complaint":
		if len(f.Text) > maxWords {
			return f, fmt.Errorf("a text has at most %d bytes: %w", maxWords, errFrame)
		}
		if f.ClientID == "" || strings.TrimSpace(f.Text) == "" && len(f.Files) == 0 {
			return f, fmt.Errorf("a message needs client_msg_id and a text or files: %w", errFrame)
		}
	case "choice":
		if f.ClientID == "" || f.To <= 0 || f.Option == "" {
			return f, fmt.Errorf("a choice needs client_msg_id, message_seq and option: %w", errFrame)
		}
	default:
		return f, errFrame
	}
	return f, nil
}

// reply is what a visitor is sent.
type reply struct {
	Type     string        `json:"type"`
	Conv     string        `json:"conv,omitempty"`
	Seq      int64         `json:"seq,omitempty"`
	ClientID string        `json:"client_msg_id,omitempty"`
	From     string        `json:"from,omitempty"` // of msg: customer, bot, agent, system
	Name     string        `json:"name,omitempty"`
	Kind     chat.Kind     `json:"kind,omitempty"`
	Text     string        `json:"text,omitempty"`
	At       *time.Time    `json:"at,omitempty"`
	Files    []file        `json:"files,omitempty"`
	Choices  []chat.Button `json:"choices,omitempty"`
	Source   *chat.Source  `json:"source,omitempty"`
	Feedback bool          `json:"feedback,omitempty"`
	Event    string        `json:"event,omitempty"`
	On       *bool         `json:"on,omitempty"`       // of typing
	Place    int           `json:"position,omitempty"` // of queue
	ETA      *int          `json:"eta_s,omitempty"`
	State    string        `json:"state,omitempty"`   // of welcome and state: none, open, closed
	Handler  string        `json:"handler,omitempty"` // bot, queue, agent
	Agent    string        `json:"agent,omitempty"`
	Rated    bool          `json:"rated,omitempty"`
	Consent  *bool         `json:"consent,omitempty"` // of welcome: the notice is accepted
	Read     int64         `json:"read,omitempty"`
	Ref      string        `json:"ref,omitempty"`  // of ack: what a complaint is known by
	Code     string        `json:"code,omitempty"` // of error
	Detail   string        `json:"detail,omitempty"`
	Retry    bool          `json:"retry,omitempty"`
}

// file is an attachment as a visitor sees it; its address needs the token.
type file struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Type   string `json:"media_type"`
	Bytes  int64  `json:"bytes"`
	Width  int    `json:"width,omitempty"`
	Height int    `json:"height,omitempty"`
	Thumb  bool   `json:"thumb,omitempty"`
}

func fileOf(a chat.Attachment) file {
	return file{a.ID, a.Name, a.MediaType, a.Bytes, a.Width, a.Height, a.Thumb}
}

// show is a message as its visitor sees it.
func (s *Server) show(m *chat.Message) reply {
	var d chat.Data
	if len(m.Data) > 2 {
		_ = json.Unmarshal(m.Data, &d) // we wrote it
	}
	at := m.At.UTC().Truncate(time.Millisecond)
	r := reply{Type: "msg", Seq: m.Seq, ClientID: m.ClientID, From: string(m.Author.Kind), Kind: m.Kind, Text: m.Text, At: &at, Choices: d.Choices, Source: d.Source, Feedback: d.Feedback, Event: d.Event}
	if d.Source != nil && d.Source.URL == "" && d.Source.ID != "" && s.house.Home != nil {
		r.Source = &chat.Source{ID: d.Source.ID, Title: d.Source.Title, URL: s.house.Home.Article(d.Source.ID, d.Source.Title)}
	}
	if m.Direction == chat.Out {
		r.Name, r.ClientID = m.Author.Shown(), ""
	}
	for _, a := range m.Files {
		r.Files = append(r.Files, fileOf(a))
	}
	return r
}

// failure makes an error frame; detail is shown to developers, code is for programs.
func failure(code, detail, clientID string, retry bool) reply {
	return reply{Type: "error", Code: code, Detail: detail, ClientID: clientID, Retry: retry}
}
