package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"sort"
	"strconv"
	"strings"
	"sync"

	"tingxin/asr/vosk"
	"tingxin/asr/worker"
)

// modelDirs are the folders of one model: static for free speech, dynamic for
// phrase lists (and for free speech when there is no static one).
type modelDirs struct {
	Language string `json:"language"`
	Static   string `json:"static"`
	Dynamic  string `json:"dynamic"`
}

// parseModels reads the --models value: JSON by model name, or @file with it.
func parseModels(arg string) (map[string]modelDirs, error) {
	if arg == "" {
		return nil, errors.New(`no models: give --models '{"en": {"static": "models/vosk-en-static", "dynamic": "models/vosk-en"}}'`)
	}
	if f, ok := strings.CutPrefix(arg, "@"); ok {
		b, err := os.ReadFile(f)
		if err != nil {
			return nil, fmt.Errorf("--models: %w", err)
		}
		arg = string(b)
	}
	var m map[string]modelDirs
	dec := json.NewDecoder(strings.NewReader(arg))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&m); err != nil {
		return nil, fmt.Errorf("--models: %w", err)
	}
	for name, d := range m {
		if d.Language == "" {
			d.Language, _, _ = strings.Cut(name, "-")
			m[name] = d
		}
		if d.Static == "" && d.Dynamic == "" {
			return nil, fmt.Errorf("--models: %s has no folder", name)
		}
	}
	return m, nil
}

// engine holds the models of this worker and makes recognisers from them.
type engine struct {
	log    *slog.Logger
	chunk  int
	tmp    string
	models []*model
}

// model is one named model with up to two graphs, each loaded at first use.
type model struct {
	name, language  string
	static, dynamic *lazy
}

// lazy is a model folder that is loaded once.
type lazy struct {
	dir  string
	load func() (*vosk.Model, error)

	mu sync.Mutex
	m  *vosk.Model
}

func (l *lazy) get() (*vosk.Model, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.m == nil {
		m, err := l.load()
		if err != nil {
			return nil, err
		}
		l.m = m
	}
	return l.m, nil
}

func (l *lazy) loaded() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.m != nil
}

// newEngine checks all folders and loads the free-speech graph of each model.
func newEngine(models map[string]modelDirs, chunk int, log *slog.Logger) (*engine, error) {
	if chunk == 0 {
		chunk = defaultChunk
	}
	tmp, err := os.MkdirTemp("", "asrd-models-")
	if err != nil {
		return nil, fmt.Errorf("folder for model settings: %w", err)
	}
	e := &engine{log: log, chunk: chunk, tmp: tmp}
	vosk.TuneHeap()
	for name, d := range models {
		m := &model{name: name, language: d.Language}
		for _, dir := range []string{d.Static, d.Dynamic} {
			if dir == "" {
				continue
			}
			if err := e.add(m, dir); err != nil {
				e.close()
				return nil, fmt.Errorf("model %s: %w", name, err)
			}
		}
		e.models = append(e.models, m)
	}
	sort.Slice(e.models, func(i, j int) bool { return e.models[i].name < e.models[j].name })
	for _, m := range e.models {
		if m.static == nil {
			log.Warn("no static graph: free speech runs on the dynamic one at five times the work", "model", m.name)
		}
		if _, err := m.free().get(); err != nil {
			e.close()
			return nil, fmt.Errorf("model %s: %w", m.name, err)
		}
	}
	return e, nil
}

// add takes a folder in by the kind of graph that is really in it.
func (e *engine) add(m *model, dir string) error {
	graph, err := vosk.DetectGraph(dir)
	if err != nil {
		return err
	}
	l := &lazy{dir: dir}
	l.load = func() (*vosk.Model, error) {
		tuned, err := e.overlay(m.name+"-"+string(graph), dir)
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(tuned) // read once, at loading
		v, err := vosk.Open(tuned)
		if err == nil {
			e.log.Info("model loaded", "model", m.name, "graph", graph, "dir", dir)
		}
		return v, err
	}
	if graph == vosk.Static {
		m.static = l
	} else {
		m.dynamic = l
	}
	return nil
}

// warm loads the graphs for phrase lists, which are not needed before a stream has
// one. What cannot be loaded is told to that stream too.
func (e *engine) warm() {
	for _, m := range e.models {
		if m.dynamic == nil {
			continue
		}
		if _, err := m.dynamic.get(); err != nil {
			e.log.Error("graph for phrase lists", "model", m.name, "error", err)
		}
	}
}

// free is the graph for free speech.
func (m *model) free() *lazy {
	if m.static != nil {
		return m.static
	}
	return m.dynamic
}

// defaultChunk is the network's block in frames of 10 ms. The library's own is
// 20; 30 costs a fifth less and brings words 30 ms later, 10 costs 40 % more and
// brings them 60 ms earlier.
const defaultChunk = 30

// overlay makes a folder that looks like the model but has our settings: a
// block of our choice for the network, and endpoint rules that only tell
// what we cannot see from outside, that the words found make a whole.
func (e *engine) overlay(name, dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	out := filepath.Join(e.tmp, name)
	if err := os.MkdirAll(filepath.Join(out, "conf"), 0o700); err != nil {
		return "", err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	for _, f := range entries {
		if f.Name() == "conf" {
			continue
		}
		if err := os.Symlink(filepath.Join(dir, f.Name()), filepath.Join(out, f.Name())); err != nil {
			return "", err
		}
	}
	confs, err := os.ReadDir(filepath.Join(dir, "conf"))
	if err != nil {
		return "", err
	}
	for _, f := range confs {
		b, err := os.ReadFile(filepath.Join(dir, "conf", f.Name()))
		if err != nil {
			return "", err
		}
		if f.Name() == "model.conf" {
			b = []byte(tune(string(b), e.chunk))
		}
		if err := os.WriteFile(filepath.Join(out, "conf", f.Name()), b, 0o600); err != nil {
			return "", err
		}
	}
	return out, nil
}

// tune sets our options in the text of a model.conf.
func tune(conf string, chunk int) string {
	ours := [][2]string{
		{"--frames-per-chunk", strconv.Itoa(chunk)},
		{"--endpoint.rule1.min-trailing-silence", "60"},
		{"--endpoint.rule2.min-trailing-silence", "0.15"},
		{"--endpoint.rule3.min-trailing-silence", "60"},
		{"--endpoint.rule4.min-trailing-silence", "60"},
		{"--endpoint.rule5.min-utterance-length", "600"},
	}
	var out []string
next:
	for line := range strings.Lines(conf) {
		line = strings.TrimSpace(line)
		key, _, _ := strings.Cut(line, "=")
		for _, o := range ours {
			if key == o[0] {
				continue next
			}
		}
		if line != "" {
			out = append(out, line)
		}
	}
	for _, o := range ours {
		out = append(out, o[0]+"="+o[1])
	}
	return strings.Join(out, "\n") + "\n"
}

// Open makes a recogniser.
func (e *engine) Open(language, name string, phrases []string) (worker.Recognizer, string, error) {
	for _, m := range e.models {
		if (name != "" && m.name != name) || (name == "" && m.language != language) {
			continue
		}
		l := m.free()
		if len(phrases) > 0 {
			if m.dynamic == nil {
				return nil, "", fmt.Errorf("model %s has no dynamic graph: it takes no phrase list", m.name)
			}
			l = m.dynamic
		}
		v, err := l.get()
		if err != nil {
			return nil, "", err
		}
		r, err := v.NewRecognizer(phrases...)
		if err != nil {
			return nil, "", err
		}
		return recognizer{r}, m.name + "/" + string(v.Graph()), nil
	}
	return nil, "", fmt.Errorf("language %q, model %q: %w", language, name, worker.ErrNoModel)
}

// Models lists the models.
func (e *engine) Models() []worker.Model {
	var out []worker.Model
	for _, m := range e.models {
		if m.static != nil {
			out = append(out, worker.Model{Language: m.language, Name: m.name, Graph: string(vosk.Static), Loaded: m.static.loaded()})
		}
		if m.dynamic != nil {
			out = append(out, worker.Model{Language: m.language, Name: m.name, Graph: string(vosk.Dynamic), Loaded: m.dynamic.loaded()})
		}
	}
	return out
}

func (e *engine) close() {
	for _, m := range e.models {
		for _, l := range []*lazy{m.static, m.dynamic} {
			if l != nil && l.loaded() {
				l.m.Free()
			}
		}
	}
	_ = os.RemoveAll(e.tmp)
}

func (e *engine) rssMB() int {
	debug.FreeOSMemory()
	return int(worker.ResidentBytes() >> 20)
}

// recognizer shows a vosk recogniser in the worker's words.
type recognizer struct{ *vosk.Recognizer }

// Result ends the utterance.
func (r recognizer) Result() (worker.Utterance, error) {
	res, err := r.Recognizer.Result()
	u := worker.Utterance{Text: res.Text}
	for _, w := range res.Words {
		u.Words = append(u.Words, worker.Word{Text: w.Text, Start: w.Start, End: w.End, Conf: w.Conf})
	}
	return u, err
}
