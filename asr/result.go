package asr

import "time"

// Kind tells what a Result is.
type Kind uint8

const (
	// SpeechStart says that the gate opened: the party began to speak.
	SpeechStart Kind = iota + 1
	// Partial is a guess that may change, but for its Stable prefix.
	Partial
	// Final is one finished utterance.
	Final
	// TurnEnd says that the party has finished speaking; it follows the Final of the turn's last utterance, some
	// hundred ms later: a Final after a short silence alone does not end a turn.
	TurnEnd
	// Gap says that [Start, End) was not, not completely or only late recognised; Reason says which.
	Gap
)

// Word is one recognised word. Start and End are call time, Conf is 0..1.
type Word struct {
	Text  string        `json:"text"`
	Start time.Duration `json:"start"`
	End   time.Duration `json:"end"`
	Conf  float32       `json:"conf"`
}

// Span maps Text[TextStart:TextEnd] (bytes of Result.Text) to Words[From:To), so
// that a normalised "$20" still lights up over "twenty dollars".
type Span struct {
	TextStart int `json:"text_start"`
	TextEnd   int `json:"text_end"`
	From      int `json:"from"`
	To        int `json:"to"`
}

// Result is what recognition says about one side of a call. All times are
// call time: offsets from the first frame written plus StreamConfig.Offset.
type Result struct {
	Kind Kind
	// Segment numbers the stretches of speech of this stream from 1; the Partials and the Final of one utterance share it.
	Segment uint64
	// Start and End of the speech in call time. End of a Partial is the audio heard so far.
	Start, End time.Duration
	// Text is the text to show: for a Final after number formatting, punctuation and case; for a Partial the raw words.
	Text string
	// Stable is how many leading bytes of Text will not change before the Final (Partial only).
	Stable int
	// Raw is the recogniser's own lower-case text.
	Raw string
	// Words are the raw words with times (Final only).
	Words []Word
	// Spans map Text to Words (Final only).
	Spans []Span
	// Reason says why a TurnEnd was decided: "complete" (the words make a whole), "silence", "flush" (Finish),
	// "gap" (frames are missing), "nothing" (the sound held no words: no Final came before). Or why a Gap is there:
	// "worker_replaced" (nothing is lost, the words of this time come late), "worker_lost" (a worker ended and the
	// audio was no longer remembered), "overload" (dropped unheard), "poison" (left out: it ended three workers).
	Reason string
	// Heard is the wall-clock time at which the last frame behind this Result was written; latency is measured from it.
	Heard time.Time
}
