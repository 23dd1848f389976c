package bot

import (
	"tingxin/nlp"
)

// Packet is what a person gets who takes over: enough to ask nothing again.
type Packet struct {
	Reason   Reason    `json:"reason" enum:"asked,fallbacks,clarification,repeat,emotion,topic,vip,error,latency"`
	Detail   string    `json:"detail,omitempty" doc:"the topic, the tool"`
	Queue    string    `json:"queue"`
	Urgent   bool      `json:"urgent,omitempty"`
	Session  string    `json:"session"`
	Channel  Channel   `json:"channel" enum:"chat,call,api"`
	Contact  int64     `json:"contact,omitempty"`
	Lang     string    `json:"lang"`
	Intent   string    `json:"intent,omitempty"`
	Title    string    `json:"title,omitempty" doc:"of the intent"`
	Slots    []Held    `json:"slots" nullable:"false"`
	Articles []Shown   `json:"articles" nullable:"false" doc:"already shown, with the customer's reaction"`
	Summary  []string  `json:"summary" nullable:"false" doc:"at most three sentences of the customer"`
	Action   string    `json:"last_action,omitempty" doc:"what the bot said last"`
	Emotion  float64   `json:"emotion"`
	Trend    []float64 `json:"emotion_trend" nullable:"false"`
	Turns    int       `json:"turns"`
}

const (
	summarySentences = 3
	maxAction        = 200 // characters
)

// summarise picks the sentences of the customer that say most, in the order in which they were said.
func summarise(turns []string) []string { return nlp.Summarise(turns, summarySentences) }
