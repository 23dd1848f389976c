package worker

import "errors"

// Rate is the sample rate of all audio in Hz; a frame is 20 ms of it.
const (
	Rate     = 16000
	FrameLen = 320
	frameMS  = 20
)

// ErrNoModel means that no model serves the wanted language or name.
var ErrNoModel = errors.New("no such model")

// Engine makes recognisers; its implementation over libvosk is in cmd/asrd.
type Engine interface {
	// Open makes a recogniser for a model by name, or else by language, and
	// for a phrase list if there is one. It tells which model and graph serve.
	Open(language, model string, phrases []string) (Recognizer, string, error)
	// Models lists what can be opened.
	Models() []Model
}

// Model describes what an Engine offers.
type Model struct {
	Language, Name, Graph string
	Loaded                bool
}

// Recognizer turns audio into words; it is used by one goroutine at a time.
type Recognizer interface {
	// Accept takes 16 kHz samples; true hints that an utterance is complete.
	Accept(pcm []int16) (complete bool, err error)
	// Partial is the best guess for the utterance so far.
	Partial() (string, error)
	// Result ends the utterance; the next one follows.
	Result() (Utterance, error)
	// Free releases it; twice is fine.
	Free()
}

// Utterance is what was heard between two Results.
type Utterance struct {
	Text  string
	Words []Word
}

// Word has its times in seconds of the audio fed to its Recognizer.
type Word struct {
	Text       string
	Start, End float64
	Conf       float32
}
