package ivr

import (
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
)

// The document as it is written; parse.go turns it into a Flow.

type document struct {
	Flow     at[string]         `yaml:"flow"`
	Version  at[int]            `yaml:"version"`
	Language at[string]         `yaml:"language"`
	Start    at[string]         `yaml:"start"`
	Nodes    at[[]at[nodeText]] `yaml:"nodes"`
}

type nodeText struct {
	ID       at[string]                 `yaml:"id"`
	Next     at[string]                 `yaml:"next"`
	BargeIn  *bool                      `yaml:"barge_in"`
	Say      *speechText                `yaml:"say"`
	Play     *at[string]                `yaml:"play"`
	Gather   *at[gatherText]            `yaml:"gather"`
	Menu     *at[menuText]              `yaml:"menu"`
	Record   *at[recordOrPause]         `yaml:"record"`
	Listen   *at[listenText]            `yaml:"listen"`
	Set      *at[map[string]at[scalar]] `yaml:"set"`
	Branch   *at[branchText]            `yaml:"branch"`
	Language *at[string]                `yaml:"language"`
	Queue    *at[queueText]             `yaml:"queue"`
	Transfer *at[transferText]          `yaml:"transfer"`
	Callback *at[callbackText]          `yaml:"callback"`
	Bot      *at[botText]               `yaml:"bot"`
	HTTP     *at[httpText]              `yaml:"http"`
	Message  *at[messageText]           `yaml:"voicemail"`
	Survey   *at[surveyText]            `yaml:"survey"`
	Hangup   *at[hangupText]            `yaml:"hangup"`
}

// recordOrPause is the record node, or "record: pause" beside another kind.
type recordOrPause struct {
	recordText
	pause bool
}

// UnmarshalYAML takes a mapping, or the word pause.
func (r *recordOrPause) UnmarshalYAML(n ast.Node) error {
	if s, ok := n.(*ast.StringNode); ok {
		if s.Value != "pause" {
			return posOf(n).errorf("record beside another kind of node is \"pause\": nothing of the node is recorded")
		}
		r.pause = true
		return nil
	}
	return yaml.NodeToValue(n, &r.recordText, yaml.Strict())
}

type httpText struct {
	Method  at[string]            `yaml:"method"`
	URL     at[string]            `yaml:"url"`
	Headers at[map[string]string] `yaml:"headers"`
	Body    at[map[string]scalar] `yaml:"body"`
	Into    at[map[string]string] `yaml:"into"`
	Timeout at[duration]          `yaml:"timeout"`
	Failed  at[string]            `yaml:"failed"`
}

type messageText struct {
	Queue    at[string]   `yaml:"queue"`
	Agent    at[string]   `yaml:"agent"`
	Announce *speechText  `yaml:"announce"`
	Beep     *bool        `yaml:"beep"`
	Silence  at[duration] `yaml:"silence"`
	Limit    at[duration] `yaml:"max"`
	Least    at[duration] `yaml:"min"`
}

type surveyText struct {
	AskText `yaml:",inline"`
	Name    at[string]       `yaml:"name"`
	Min     at[int]          `yaml:"min"`
	Max     at[int]          `yaml:"max"`
	Comment *at[messageText] `yaml:"comment"`
}

// wordList is one phrase or a list of them.
type wordList []string

// UnmarshalYAML takes both ways of writing it.
func (w *wordList) UnmarshalYAML(n ast.Node) error {
	list, ok := n.(*ast.SequenceNode)
	if !ok {
		var s scalar
		err := s.UnmarshalYAML(n)
		*w = wordList{string(s)}
		return err
	}
	for _, v := range list.Values {
		var s scalar
		if err := s.UnmarshalYAML(v); err != nil {
			return err
		}
		*w = append(*w, string(s))
	}
	return nil
}

// confirmText is true, "spoken", or words of one's own.
type confirmText struct {
	on, spoken bool
	prompt     *speechText
}

// UnmarshalYAML takes the three ways of writing it.
func (c *confirmText) UnmarshalYAML(n ast.Node) error {
	switch v := n.(type) {
	case *ast.BoolNode:
		c.on = v.Value
		return nil
	case *ast.StringNode:
		if v.Value == "spoken" {
			c.on, c.spoken = true, true
			return nil
		}
	}
	c.on, c.prompt = true, &speechText{}
	return c.prompt.UnmarshalYAML(n)
}

// AskText is what gather and menu share (the YAML library needs the name exported).
type AskText struct {
	Prompt  *speechText  `yaml:"prompt"`
	NoInput *speechText  `yaml:"no_input"`
	NoMatch *speechText  `yaml:"no_match"`
	Timeout at[duration] `yaml:"timeout"`
	Retries at[int]      `yaml:"retries"`
	Else    at[string]   `yaml:"else"`

	MaxNoInput at[int]    `yaml:"max_no_input"`
	MaxNoMatch at[int]    `yaml:"max_no_match"`
	Speech     at[scalar] `yaml:"speech"`
	BargeIn    at[string] `yaml:"barge_in_by"`
}

type gatherText struct {
	AskText    `yaml:",inline"`
	Into       at[string]   `yaml:"into"`
	Min        at[int]      `yaml:"min"`
	Max        at[int]      `yaml:"max"`
	Terminator at[scalar]   `yaml:"terminator"`
	Between    at[duration] `yaml:"between"`

	Words   at[map[string]wordList] `yaml:"words"`
	Phrases at[wordList]            `yaml:"phrases"`
	Confirm *at[confirmText]        `yaml:"confirm"`
	Secret  at[bool]                `yaml:"secret"`
}

type menuText struct {
	AskText `yaml:",inline"`
	Options at[map[string]at[string]] `yaml:"options"`
	Words   at[map[string]wordList]   `yaml:"words"`
}

type recordText struct {
	Announce *speechText  `yaml:"announce"`
	Consent  at[string]   `yaml:"consent"`
	Accept   at[scalar]   `yaml:"accept"`
	Refuse   at[scalar]   `yaml:"refuse"`
	Timeout  at[duration] `yaml:"timeout"`
	Refused  at[string]   `yaml:"refused"`

	Emotion         at[bool]    `yaml:"emotion"`
	EmotionAnnounce *speechText `yaml:"emotion_announce"`
}

type listenText struct {
	Silence at[duration] `yaml:"silence"`
	Limit   at[duration] `yaml:"limit"`
}

type branchText struct {
	On       at[string]                `yaml:"on"`
	Calendar at[string]                `yaml:"calendar"`
	Queue    at[string]                `yaml:"queue"`
	Cases    at[map[string]at[string]] `yaml:"cases"`
	Else     at[string]                `yaml:"else"`
}

// hangupText takes nothing: "hangup:" or "hangup: true" or "hangup: {}".
type hangupText struct{}

// UnmarshalYAML accepts an empty value, true or an empty mapping.
func (h *hangupText) UnmarshalYAML(n ast.Node) error {
	switch n.Type() {
	case ast.NullType:
		return nil
	case ast.BoolType:
		if n.String() == "true" {
			return nil
		}
	case ast.MappingType:
		if m, ok := n.(*ast.MappingNode); ok && len(m.Values) == 0 {
			return nil
		}
	}
	return posOf(n).errorf("hangup takes no value; write \"hangup: true\"")
}

// scalar is a text, number or truth value, taken as it is written.
type scalar string

// UnmarshalYAML takes the text of a single value.
func (s *scalar) UnmarshalYAML(n ast.Node) error {
	switch v := n.(type) {
	case *ast.StringNode:
		*s = scalar(v.Value)
	case *ast.LiteralNode:
		*s = scalar(v.Value.Value)
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		*s = scalar(n.GetToken().Value)
	default:
		return posOf(n).errorf("expected a single value here")
	}
	return nil
}

// duration is written "5s" or "1m30s", or as a number of seconds.
type duration time.Duration

// UnmarshalYAML parses the duration; it must not be negative nor above a day.
func (d *duration) UnmarshalYAML(n ast.Node) error {
	var s scalar
	if err := s.UnmarshalYAML(n); err != nil {
		return err
	}
	text := string(s)
	if text != "" && strings.Trim(text, "0123456789.") == "" {
		text += "s"
	}
	v, err := time.ParseDuration(text)
	if err != nil || v < 0 || v > 24*time.Hour {
		return posOf(n).errorf("%q is not a duration from 0s to 24h, such as 5s or 1m30s", string(s))
	}
	*d = duration(v)
	return nil
}

// speechText is a text, a mapping of one piece, or a list of either.
type speechText struct {
	pieces []pieceText
	pos
}

type pieceText struct {
	Text     string `yaml:"text"`
	File     string `yaml:"file"`
	Prompt   string `yaml:"prompt"`
	Language string `yaml:"language"`
	pos
}

// UnmarshalYAML takes the three ways of writing it.
func (s *speechText) UnmarshalYAML(n ast.Node) error {
	s.pos = posOf(n)
	list, ok := n.(*ast.SequenceNode)
	if !ok {
		p, err := pieceOf(n)
		s.pieces = []pieceText{p}
		return err
	}
	for _, v := range list.Values {
		p, err := pieceOf(v)
		if err != nil {
			return err
		}
		s.pieces = append(s.pieces, p)
	}
	return nil
}

func pieceOf(n ast.Node) (pieceText, error) {
	p := pieceText{pos: posOf(n)}
	switch n.Type() {
	case ast.MappingType, ast.MappingValueType:
		return p, yaml.NodeToValue(n, &p, yaml.Strict())
	default:
		var s scalar
		err := s.UnmarshalYAML(n)
		p.Text = string(s)
		return p, err
	}
}
