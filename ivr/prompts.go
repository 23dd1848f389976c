package ivr

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"tingxin/audio"
)

// maxDynamic is how many prompts with a caller's own words stay in memory.
const maxDynamic = 512

// Prompts makes prompts and keeps them: spoken texts as WAV files named by the
// hash of text and voice, all of them decoded once and held in memory. Safe for
// concurrent use.
type Prompts struct {
	dir   string // of synthesised files
	files string // of given WAV files
	synth Synthesiser

	mu    sync.Mutex
	named map[string]Named
	ready map[string]*entry
	order []string // of dynamic entries, oldest first
}

// entry is one prompt, being made or made.
type entry struct {
	done   chan struct{}
	prompt *Prompt
	err    error
}

// NewPrompts keeps synthesised prompts in dir and finds given WAV files in files.
func NewPrompts(dir, files string, synth Synthesiser) *Prompts {
	return &Prompts{dir: dir, files: files, synth: synth, ready: make(map[string]*entry)}
}

// Prepare makes every prompt of the flow that does not depend on variables, so
// that no caller waits for it. All failures are told, joined.
func (p *Prompts) Prepare(ctx context.Context, f *Flow) error {
	var errs []error
	for _, s := range f.Speeches() {
		if _, err := p.get(ctx, s, true); err != nil {
			errs = append(errs, fmt.Errorf("flow %s: %w", f.Name, err))
		}
	}
	return errors.Join(errs...)
}

// Prompt implements Voice.
func (p *Prompts) Prompt(ctx context.Context, s Speech) (*Prompt, error) { return p.get(ctx, s, false) }

func (p *Prompts) get(ctx context.Context, s Speech, keep bool) (*Prompt, error) {
	if s.Prompt != "" {
		var err error
		if s, err = p.resolve(s); err != nil {
			return nil, err
		}
	}
	if s.Private {
		return p.once(ctx, s)
	}
	key := p.key(s)
	p.mu.Lock()
	e, found := p.ready[key]
	if !found {
		e = &entry{done: make(chan struct{})}
		p.ready[key] = e
		if !keep {
			p.order = append(p.order, key)
			p.trim()
		}
	}
	p.mu.Unlock()
	if !found {
		e.prompt, e.err = p.make(context.WithoutCancel(ctx), key, s) // others may wait for it too
		if e.err != nil {
			p.forget(key, e)
		}
		close(e.done)
	}
	select {
	case <-e.done:
		return e.prompt, e.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// once speaks a text and keeps nothing of it, neither in memory nor as a file.
func (p *Prompts) once(ctx context.Context, s Speech) (*Prompt, error) {
	if err := os.MkdirAll(p.dir, 0o755); err != nil {
		return nil, fmt.Errorf("prompts: %w", err)
	}
	dir, err := os.MkdirTemp(p.dir, "once-")
	if err != nil {
		return nil, fmt.Errorf("prompts: %w", err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "said.wav")
	if err := p.synth.Synthesise(ctx, s.Text, s.Language, path); err != nil {
		return nil, err
	}
	if err := convert(path); err != nil {
		return nil, err
	}
	pcm, err := audio.ReadWAV(path)
	if err != nil {
		return nil, fmt.Errorf("prompt: %w", err)
	}
	return &Prompt{Text: s.Text, Language: s.Language, PCM: pcm}, nil
}

// trim drops the oldest dynamic prompts; the caller holds the lock.
func (p *Prompts) trim() {
	for len(p.order) > maxDynamic {
		delete(p.ready, p.order[0])
		p.order = p.order[1:]
	}
}

func (p *Prompts) forget(key string, e *entry) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ready[key] == e {
		delete(p.ready, key)
	}
}

func (p *Prompts) key(s Speech) string {
	if s.File != "" {
		return "file\x00" + s.File
	}
	sum := sha256.Sum256([]byte(p.synth.Key(s.Language) + "\x00" + s.Language + "\x00" + s.Text))
	return hex.EncodeToString(sum[:16])
}

func (p *Prompts) make(ctx context.Context, key string, s Speech) (*Prompt, error) {
	path := filepath.Join(p.files, s.File)
	if filepath.IsAbs(s.File) { // a sound of a named prompt; flows name none
		path = s.File
	}
	if s.File == "" {
		path = filepath.Join(p.dir, key+".wav")
		if err := p.speak(ctx, path, s); err != nil {
			return nil, err
		}
	}
	pcm, err := audio.ReadWAV(path)
	if err != nil {
		return nil, fmt.Errorf("prompt: %w", err)
	}
	return &Prompt{Text: s.Text, Language: s.Language, PCM: pcm}, nil
}

// speak synthesises into path unless the file is there; it appears whole or not at all.
func (p *Prompts) speak(ctx context.Context, path string, s Speech) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	if err := os.MkdirAll(p.dir, 0o755); err != nil {
		return fmt.Errorf("prompts: %w", err)
	}
	tmp, err := os.CreateTemp(p.dir, "new-*.wav")
	if err != nil {
		return fmt.Errorf("prompts: %w", err)
	}
	tmp.Close()
	defer os.Remove(tmp.Name())
	if err := p.synth.Synthesise(ctx, s.Text, s.Language, tmp.Name()); err != nil {
		return err
	}
	if err := convert(tmp.Name()); err != nil {
		return err
	}
	if err := os.Rename(tmp.Name(), path); err != nil {
		return fmt.Errorf("prompts: %w", err)
	}
	return nil
}

// convert makes the WAV file one of 16 kHz mono, so that later starts need not.
func convert(path string) error {
	pcm, err := audio.ReadWAV(path)
	if err != nil {
		return fmt.Errorf("the speech synthesiser's output %w", err)
	}
	w, err := audio.CreateWAV(path, audio.Rate, 1)
	if err != nil {
		return fmt.Errorf("prompts: %w", err)
	}
	return errors.Join(w.Write(pcm), w.Close())
}
