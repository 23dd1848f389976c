package vosk

import (
	"encoding/json"
	"errors"
	"fmt"
	"unsafe"

	native "github.com/alphacep/vosk-api/go"
)

// Rate is the sample rate of the audio in Hz; the models take no other.
const Rate = 16000

// Errors of a Recognizer.
var (
	// ErrEnded means that audio came after Last: the library may abort on it.
	ErrEnded = errors.New("audio after the last result")
	// ErrStarted means that the phrase list was to change after the first audio.
	ErrStarted = errors.New("phrase list after the first audio")
	// ErrDecode means that the library failed on the audio; the recogniser is of no more use.
	ErrDecode = errors.New("decoding failed")
)

// Word is one word of a Result. Start and End are seconds of the audio fed to
// the recogniser since it was made, Conf is 0..1.
type Word struct {
	Text  string  `json:"word"`
	Start float64 `json:"start"`
	End   float64 `json:"end"`
	Conf  float32 `json:"conf"`
}

// Result is what was recognised in one utterance; it may be empty.
type Result struct {
	Text  string `json:"text"`
	Words []Word `json:"result"`
}

type state uint8

const (
	fresh state = iota
	running
	ended
	failed
	freed
)

// Recognizer turns audio into words. It belongs to one goroutine at a time,
// from making to Free.
type Recognizer struct {
	model *Model
	ptr   *native.VoskRecognizer
	state state
}

// NewRecognizer makes a recogniser for free speech (no phrases) or for a phrase list.
func (m *Model) NewRecognizer(phrases ...string) (*Recognizer, error) {
	grammar := ""
	if len(phrases) > 0 {
		g, err := m.grammar(phrases)
		if err != nil {
			return nil, err
		}
		grammar = g
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.ptr == nil {
		return nil, fmt.Errorf("model %s: %w", m.dir, ErrFreed)
	}
	var ptr *native.VoskRecognizer
	var err error
	if grammar == "" {
		ptr, err = native.NewRecognizer(m.ptr, Rate)
	} else {
		ptr, err = native.NewRecognizerGrm(m.ptr, Rate, grammar)
	}
	if err != nil {
		return nil, fmt.Errorf("new recogniser: %w", err)
	}
	if null(ptr, "rec") {
		return nil, errors.New("new recogniser: the library gave none")
	}
	ptr.SetWords(1)
	return &Recognizer{model: m, ptr: ptr}, nil
}

// SetPhrases replaces the phrase list; only before the first audio.
func (r *Recognizer) SetPhrases(phrases []string) error {
	switch r.state {
	case fresh:
	case freed:
		return ErrFreed
	default:
		return ErrStarted
	}
	g, err := r.model.grammar(phrases)
	if err != nil {
		return err
	}
	r.ptr.SetGrm(g)
	return nil
}

// Accept takes 16 kHz samples, 20 to 200 ms of them. True means that the
// library's own rules see the end of an utterance: a hint, the recogniser goes
// on until Result is called. After an error only Free may follow.
func (r *Recognizer) Accept(pcm []int16) (endpoint bool, err error) {
	switch r.state {
	case ended:
		return false, ErrEnded
	case failed:
		return false, ErrDecode
	case freed:
		return false, ErrFreed
	}
	if len(pcm) == 0 {
		return false, nil
	}
	r.state = running
	// The library reads host-order 16 bit samples; every supported machine is little-endian.
	b := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(pcm))), 2*len(pcm))
	switch n := r.ptr.AcceptWaveform(b); n {
	case 0:
		return false, nil
	case 1:
		return true, nil
	default:
		r.state = failed
		return false, fmt.Errorf("%w: the library returned %d", ErrDecode, n)
	}
}

// Partial gives the best guess for the utterance so far.
func (r *Recognizer) Partial() (string, error) {
	if err := r.usable(); err != nil {
		return "", err
	}
	if r.state == fresh {
		return "", nil
	}
	var p struct {
		Partial string `json:"partial"`
	}
	if err := json.Unmarshal([]byte(r.ptr.PartialResult()), &p); err != nil {
		return "", fmt.Errorf("read partial: %w", err)
	}
	return p.Partial, nil
}

// Result ends the utterance with what has been decoded so far and starts the
// next one; the adaptation to the voice stays. Audio still inside the
// network's context (about 0.4 s) is not in it: feed silence before.
func (r *Recognizer) Result() (Result, error) {
	if err := r.usable(); err != nil {
		return Result{}, err
	}
	if r.state == fresh {
		return Result{}, nil
	}
	return parse(r.ptr.Result())
}

// Last flushes everything and gives the last Result; no audio may follow.
func (r *Recognizer) Last() (Result, error) {
	if err := r.usable(); err != nil {
		return Result{}, err
	}
	was := r.state
	r.state = ended
	if was == fresh {
		return Result{}, nil
	}
	return parse(r.ptr.FinalResult())
}

// Free releases the recogniser. Twice is fine.
func (r *Recognizer) Free() {
	if r.state != freed {
		r.state = freed
		r.ptr.Free()
		r.ptr = nil
	}
}

func (r *Recognizer) usable() error {
	switch r.state {
	case ended:
		return ErrEnded
	case failed:
		return ErrDecode
	case freed:
		return ErrFreed
	}
	return nil
}

func parse(s string) (Result, error) {
	var res Result
	if err := json.Unmarshal([]byte(s), &res); err != nil {
		return Result{}, fmt.Errorf("read result: %w", err)
	}
	return res, nil
}
