package vosk

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"

	native "github.com/alphacep/vosk-api/go"
)

// Graph tells how a model's decoding graph is stored.
type Graph string

const (
	// Dynamic graphs are composed while decoding (Gr.fst, HCLr.fst); only they take phrase lists.
	Dynamic Graph = "dynamic"
	// Static graphs are composed once (HCLG.fst): five times less work, no phrase lists.
	Static Graph = "static"
)

// Errors of models and phrase lists.
var (
	// ErrNoModel means that the folder is not a model; the message says what is missing.
	ErrNoModel = errors.New("not a vosk model")
	// ErrPhrases means that a phrase list is empty, blank or holds no word the model knows.
	ErrPhrases = errors.New("unusable phrase list")
	// ErrNoPhrases means that the model's graph is static and takes no phrase list.
	ErrNoPhrases = errors.New("model takes no phrase list")
	// ErrFreed means that the object was freed before.
	ErrFreed = errors.New("already freed")
)

// Unknown is the token that stands for speech outside a phrase list.
const Unknown = "[unk]"

// silence keeps the library's own messages, which may hold phrases, off stderr.
var silence = sync.OnceFunc(func() { native.SetLogLevel(-1) })

// Model is a loaded model. Any number of recognisers may use it at once.
type Model struct {
	dir   string
	graph Graph

	mu  sync.RWMutex
	ptr *native.VoskModel // nil after Free
}

// DetectGraph looks into a model folder and tells its kind, without loading
// it. The error wraps ErrNoModel and names the missing file.
func DetectGraph(dir string) (Graph, error) {
	has := func(parts ...string) bool {
		st, err := os.Stat(filepath.Join(append([]string{dir}, parts...)...))
		return err == nil && !st.IsDir() && st.Size() > 0
	}
	if st, err := os.Stat(dir); err != nil || !st.IsDir() {
		return "", fmt.Errorf("%w: there is no folder %s", ErrNoModel, dir)
	}
	for _, f := range []string{"am/final.mdl", "conf/mfcc.conf", "conf/model.conf"} {
		if !has(f) {
			return "", fmt.Errorf("%w: %s lacks %s", ErrNoModel, dir, f)
		}
	}
	switch {
	case has("graph", "Gr.fst") && has("graph", "HCLr.fst"):
		return Dynamic, nil
	case has("graph", "HCLG.fst") && has("graph", "words.txt"):
		return Static, nil
	}
	return "", fmt.Errorf("%w: %s has neither graph/HCLG.fst with graph/words.txt nor graph/Gr.fst with graph/HCLr.fst", ErrNoModel, dir)
}

// Open loads the model in dir, which takes about a second.
func Open(dir string) (*Model, error) {
	graph, err := DetectGraph(dir)
	if err != nil {
		return nil, err
	}
	silence()
	ptr, err := native.NewModel(dir)
	if err != nil {
		return nil, fmt.Errorf("load model %s: %w", dir, err)
	}
	if null(ptr, "model") {
		return nil, fmt.Errorf("load model %s: the library could not read it", dir)
	}
	return &Model{dir: dir, graph: graph, ptr: ptr}, nil
}

// Graph tells whether phrase lists are possible.
func (m *Model) Graph() Graph { return m.graph }

// Dir is the folder the model was loaded from.
func (m *Model) Dir() string { return m.dir }

// Knows tells whether the model's vocabulary holds the word.
func (m *Model) Knows(word string) bool {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.ptr == nil || word == "" || strings.IndexByte(word, 0) >= 0 {
		return false
	}
	return m.ptr.FindWord(word) >= 0
}

// Free releases the model; recognisers made from it stay usable. Twice is fine.
func (m *Model) Free() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ptr != nil {
		m.ptr.Free()
		m.ptr = nil
	}
}

// grammar turns a phrase list into the library's JSON. Words the model does
// not know are left out (the library would drop them with a log line), and a
// phrase without any known word with them; [unk] is added for all the rest.
func (m *Model) grammar(phrases []string) (string, error) {
	if m.graph != Dynamic {
		return "", fmt.Errorf("%w: %s has a static graph", ErrNoPhrases, m.dir)
	}
	if len(phrases) == 0 {
		return "", fmt.Errorf("%w: it is empty", ErrPhrases)
	}
	var list []string
	unk := false
	for _, p := range phrases {
		var known []string
		for w := range strings.FieldsSeq(strings.ToLower(p)) {
			if w == Unknown {
				unk = true
			} else if m.Knows(w) {
				known = append(known, w)
			}
		}
		if len(known) > 0 {
			list = append(list, strings.Join(known, " "))
		}
	}
	if len(list) == 0 {
		return "", fmt.Errorf("%w: the model knows none of its words", ErrPhrases)
	}
	if unk || m.Knows(Unknown) {
		list = append(list, Unknown)
	}
	b, err := json.Marshal(list)
	return string(b), err
}

// null tells whether the C pointer inside one of the module's structs is NULL:
// its constructors do not look and return no error.
func null(holder any, field string) bool {
	v := reflect.ValueOf(holder)
	if v.IsNil() {
		return true
	}
	f := v.Elem().FieldByName(field)
	return !f.IsValid() || f.IsNil()
}
