package asr

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// Config of a Pool; the zero value is the default.
type Config struct {
	// Workers is the number of asrd processes to start (default 2, and one per four cores from eight on).
	Workers int `yaml:"workers" koanf:"workers"`
	// Threads is the number of decoding threads per process (default: its share of the cores).
	Threads int `yaml:"threads" koanf:"threads"`
	// Addresses are workers that run elsewhere (host:port or unix:///path); none are started then.
	Addresses []string `yaml:"addresses" koanf:"addresses"`
	// Binary is the asrd program (default: asrd beside this program, else bin/asrd, else on the PATH).
	Binary string `yaml:"binary" koanf:"binary"`
	// LibraryPath is put before LD_LIBRARY_PATH of the processes, for a libvosk.so in a place of its own.
	LibraryPath string `yaml:"library_path" koanf:"library_path"`
	// Models by name (default: every models/vosk-LANG with its -static sister).
	Models map[string]Model `yaml:"models" koanf:"models"`
	// RSSLimitMB is the resident memory at which a process is replaced, drained first (default 1500).
	RSSLimitMB int `yaml:"rss_limit_mb" koanf:"rss_limit_mb"`
	// ChannelsPerWorker is a ceiling above the measured load (0: none).
	ChannelsPerWorker int `yaml:"channels_per_worker" koanf:"channels_per_worker"`
	// AdmitAll takes every channel whatever the load; for measurements.
	AdmitAll bool `yaml:"admit_all" koanf:"admit_all"`
	// FramesPerChunk is the recogniser's block in frames of 10 ms: smaller is earlier and dearer (0: the worker's default).
	FramesPerChunk int `yaml:"frames_per_chunk" koanf:"frames_per_chunk"`
	// PhraseLists loads the graphs that streams with phrases need when a worker starts, 140 MB each, and not at
	// the first such stream, which would wait for a second. pbx sets it when a route has phrases.
	PhraseLists bool `yaml:"phrase_lists" koanf:"phrase_lists"`
	// Turn sets the silences in ms that end a turn; zero values are the worker's defaults.
	Turn Turn `yaml:"turn" koanf:"turn"`
}

// Turn sets how much silence, in ms, ends a turn.
type Turn struct {
	// Min and Max bound it (300 and 1600).
	Min int `yaml:"min_ms" koanf:"min_ms" json:"min_ms,omitempty"`
	Max int `yaml:"max_ms" koanf:"max_ms" json:"max_ms,omitempty"`
	// Complete is needed when the words make a whole, Usual when nothing is known.
	Complete int `yaml:"complete_ms" koanf:"complete_ms" json:"complete_ms,omitempty"`
	Usual    int `yaml:"usual_ms" koanf:"usual_ms" json:"usual_ms,omitempty"`
	// Final is the silence after which words are final though the turn may go on.
	Final int `yaml:"final_ms" koanf:"final_ms" json:"final_ms,omitempty"`
}

// Model names the folders of a model. Free speech uses the static graph,
// phrase lists the dynamic one; either may be missing.
type Model struct {
	// Language is what streams ask for, as "en" or "zh" (default: the model's name up to a dash).
	Language string `yaml:"language" koanf:"language" json:"language,omitempty"`
	// Static is the folder with the graph composed once (HCLG.fst).
	Static string `yaml:"static" koanf:"static" json:"static,omitempty"`
	// Dynamic is the folder with the graphs as shipped (Gr.fst, HCLr.fst).
	Dynamic string `yaml:"dynamic" koanf:"dynamic" json:"dynamic,omitempty"`
}

// Errors that Open and Start give.
var (
	// ErrFull means that all workers are full by measured load: record and transcribe afterwards.
	ErrFull = errors.New("speech workers are full")
	// ErrNoWorker means that no worker is ready.
	ErrNoWorker = errors.New("no speech worker is ready")
	// ErrNoModel means that no worker has a model for the language or of the name.
	ErrNoModel = errors.New("no such speech model")
	// ErrClosed means that the pool or stream is closed.
	ErrClosed = errors.New("closed")
)

const (
	batchFrames = 3   // frames in a message: 60 ms
	burstFrames = 25  // most frames in a message when there is a backlog
	memory      = 600 // frames a live stream remembers: 12 s
	batchMemory = 1500
	resultQueue = 256
)

func (c Config) withDefaults() Config {
	cores := runtime.NumCPU()
	if c.Workers <= 0 {
		c.Workers = max(2, cores/4)
	}
	if c.Threads <= 0 {
		c.Threads = max(1, cores/c.Workers)
	}
	if c.RSSLimitMB <= 0 {
		c.RSSLimitMB = 1500
	}
	if len(c.Models) == 0 {
		c.Models = findModels("models")
	}
	return c
}

// findModels looks for folders vosk-NAME and vosk-NAME-static.
func findModels(dir string) map[string]Model {
	found := map[string]Model{}
	dirs, _ := filepath.Glob(filepath.Join(dir, "vosk-*"))
	for _, d := range dirs {
		name := strings.TrimPrefix(filepath.Base(d), "vosk-")
		base, static := strings.CutSuffix(name, "-static")
		m := found[base]
		if static {
			m.Static = d
		} else {
			m.Dynamic = d
		}
		found[base] = m
	}
	return found
}

// Check says in one sentence what is wrong with the configuration, before
// anything is started.
func (c Config) Check() error {
	c = c.withDefaults()
	if len(c.Addresses) > 0 {
		return nil
	}
	if len(c.Models) == 0 {
		return fmt.Errorf("%w: there is none under models/: run make setup or set asr.models", ErrNoModel)
	}
	for name, m := range c.Models {
		if m.Static == "" && m.Dynamic == "" {
			return fmt.Errorf("asr.models.%s names no folder: set static or dynamic", name)
		}
		for _, d := range []string{m.Static, m.Dynamic} {
			if d == "" {
				continue
			}
			if _, err := os.Stat(filepath.Join(d, "am", "final.mdl")); err != nil {
				return fmt.Errorf("asr.models.%s: %s holds no speech model (no am/final.mdl): run make setup or correct the path", name, d)
			}
		}
	}
	_, err := c.findBinary()
	return err
}

// Locate gives the worker program and the model for a language, for tools that
// run the worker's own commands.
func (c Config) Locate(language string) (binary string, m Model, err error) {
	c = c.withDefaults()
	binary, err = c.findBinary()
	if err != nil {
		return "", m, err
	}
	for name, m := range c.Models {
		base, _, _ := strings.Cut(name, "-")
		if m.Language == language || (m.Language == "" && base == language) {
			return binary, m, nil
		}
	}
	return "", m, fmt.Errorf("%w for language %q: set asr.models", ErrNoModel, language)
}

// findBinary gives the asrd program.
func (c Config) findBinary() (string, error) {
	if c.Binary != "" {
		if st, err := os.Stat(c.Binary); err != nil || st.IsDir() {
			return "", fmt.Errorf("asr.binary: there is no program %s: run make or correct the path", c.Binary)
		}
		return filepath.Abs(c.Binary)
	}
	var tried []string
	if self, err := os.Executable(); err == nil {
		tried = append(tried, filepath.Join(filepath.Dir(self), "asrd"))
	}
	tried = append(tried, filepath.Join("bin", "asrd"))
	for _, p := range filepath.SplitList(os.Getenv("PATH")) {
		tried = append(tried, filepath.Join(p, "asrd"))
	}
	for _, p := range tried {
		if st, err := os.Stat(p); err == nil && !st.IsDir() && st.Mode()&0o111 != 0 {
			return filepath.Abs(p)
		}
	}
	return "", errors.New("the speech worker asrd is neither beside this program nor on the PATH: run make or set asr.binary")
}

// StreamConfig describes one channel.
type StreamConfig struct {
	// Language chooses the model ("en", "zh"); Model chooses one by name instead.
	Language, Model string
	// Phrases limit what is recognised; a list costs five times the work of free speech.
	Phrases []string
	// Call and Side are for logs.
	Call, Side string
	// Offset is the call time of the first frame.
	Offset time.Duration
	// Narrow says that the audio came at 8 kHz.
	Narrow bool
	// Batch says that the audio is not live: it is worked off when no live channel waits. Write it with WriteWait.
	Batch bool
	// Expect is what the flow waits for: "", "digits", "yesno".
	Expect string
}
