package ivr

import (
	"context"
	"time"

	"tingxin/audio"
)

// Line is the caller's end of a call as a flow sees it; *call.Call satisfies it.
// Every method returns ctx's cause when the call has ended.
type Line interface {
	// Answer takes the call; on an answered call it does nothing.
	Answer(ctx context.Context) error
	// Play plays p to its end. With bargeIn a key, also one typed before,
	// silences it at once; interrupted tells.
	Play(ctx context.Context, p *Prompt, bargeIn bool) (interrupted bool, err error)
	// Key is the next key the caller pressed ('0'-'9', '*', '#', 'A'-'D'); ok is false after wait without one.
	Key(ctx context.Context, wait time.Duration) (key byte, ok bool, err error)
	// Record settles whether the call is recorded and transcribed from here on.
	Record(ctx context.Context, c Consent) error
	// Listen leaves the line to the caller until they were silent for silence,
	// or for at most limit; zero means no such end. A key ends it too.
	Listen(ctx context.Context, silence, limit time.Duration) (End, error)
	// Note tells what the flow did: entered a node, changed a variable or the language.
	Note(n Note)
}

// Consent is what a caller was told and said about being recorded.
type Consent string

// The answers to being recorded.
const (
	ConsentNone      Consent = "none"      // recorded without a word
	ConsentAnnounced Consent = "announced" // the announcement was heard
	ConsentGiven     Consent = "given"     // agreed by key
	ConsentRefused   Consent = "refused"   // declined by key
)

// End says why listening ended.
type End string

// Reasons of Line.Listen.
const (
	EndSilence End = "silence"
	EndLimit   End = "limit"
	EndKey     End = "key"
)

// Note is one thing a flow did. Exactly one of Node, Variable and Language is set;
// with Retry the node asks again.
type Note struct {
	Flow     string
	Node     string
	Retry    *Retry
	Variable string
	Value    string
	Language string
}

// Source gives the frames of a prompt; io.EOF after the last one.
type Source interface {
	ReadFrame(f *audio.Frame) error
}

// Prompt is something to play: 16 kHz mono samples in memory, shared and never changed.
type Prompt struct {
	Text     string // the words, empty for a WAV file without text
	Language string
	PCM      []int16
}

// Duration is how long the prompt plays.
func (p *Prompt) Duration() time.Duration {
	return time.Duration(len(p.PCM)) * time.Second / audio.Rate
}

// Source starts a new reading of the prompt; the last frame is filled up with silence.
func (p *Prompt) Source() Source { return audio.NewClip(p.PCM) }
