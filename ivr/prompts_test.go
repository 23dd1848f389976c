package ivr_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"tingxin/audio"
	"tingxin/ivr"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// tone is a Synthesiser that writes a tone as long as the text.
type tone struct{ made atomic.Int32 }

func (s *tone) Key(language string) string { return "tone" + language }

func (s *tone) Synthesise(_ context.Context, text, _, out string) error {
	s.made.Add(1)
	if strings.Contains(text, "fail") {
		return errors.New("no voice for that")
	}
	w, err := audio.CreateWAV(out, 8000, 1)
	if err != nil {
		return err
	}
	pcm := make([]int16, 80*len(text))
	for i := range pcm {
		pcm[i] = int16(i % 80 * 100)
	}
	return errors.Join(w.Write(pcm), w.Close())
}

func TestPromptIsMadeOnceAndKept(t *testing.T) {
	dir := t.TempDir()
	synth := &tone{}
	p := ivr.NewPrompts(dir, dir, synth)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			got, err := p.Prompt(context.Background(), ivr.Speech{Text: "hello there", Language: "en"})
			if err != nil || got.Duration().Milliseconds() != 110 {
				t.Errorf("prompt %v %v", got, err)
			}
		})
	}
	wg.Wait()
	if n := synth.made.Load(); n != 1 {
		t.Errorf("synthesised %d times", n)
	}
	again := ivr.NewPrompts(dir, dir, synth) // a new run finds the file
	if _, err := again.Prompt(context.Background(), ivr.Speech{Text: "hello there", Language: "en"}); err != nil || synth.made.Load() != 1 {
		t.Errorf("made again: %d, %v", synth.made.Load(), err)
	}
	if _, err := p.Prompt(context.Background(), ivr.Speech{Text: "fail", Language: "en"}); err == nil {
		t.Error("no error from the synthesiser")
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "new-*")); len(left) > 0 {
		t.Errorf("left over: %v", left)
	}
}

func TestPromptSourceEndsWithItsSamples(t *testing.T) {
	p := &ivr.Prompt{PCM: make([]int16, 3*audio.FrameLen/2)}
	src := p.Source()
	var f audio.Frame
	if err := errors.Join(src.ReadFrame(&f), src.ReadFrame(&f)); err != nil {
		t.Fatal(err)
	}
	if err := src.ReadFrame(&f); !errors.Is(err, io.EOF) {
		t.Errorf("after the end: %v", err)
	}
}

func TestLibraryFindsDoubleNamesAndMissingVoices(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a.yaml", "b.yml"} {
		doc := "flow: same\nversion: 1\nnodes:\n  - say: hi\n"
		if err := os.WriteFile(filepath.Join(dir, name), []byte(doc), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	log := slog.New(slog.DiscardHandler)
	if err := ivr.NewLibrary(ivr.Config{Flows: dir, Cache: dir}, log).Load(); err == nil || !strings.Contains(err.Error(), `flow "same" is in`) {
		t.Errorf("double name: %v", err)
	}
	l := ivr.NewLibrary(ivr.Config{Cache: dir, Synthesiser: []string{"no-such-program-anywhere"}}, log)
	if err := l.Start(context.Background()); err == nil || !strings.Contains(err.Error(), "not installed") {
		t.Errorf("missing synthesiser: %v", err)
	}
}

func TestEspeakSpeaksBothLanguages(t *testing.T) {
	if _, err := exec.LookPath("espeak-ng"); err != nil {
		t.Skip("espeak-ng is not installed: run make setup")
	}
	p := ivr.NewPrompts(t.TempDir(), "", ivr.NewCommand(nil, nil))
	for lang, text := range map[string]string{"en": "This call will be recorded.", "zh": "本次通话将被录音。", "en-GB": "Hello."} {
		got, err := p.Prompt(context.Background(), ivr.Speech{Text: text, Language: lang})
		if err != nil {
			t.Errorf("%s: %v", lang, err)
			continue
		}
		var sum int64
		for _, v := range got.PCM {
			sum += int64(v) * int64(v)
		}
		if d := got.Duration().Seconds(); d < 0.3 || d > 6 || sum/int64(len(got.PCM)) < 100*100 {
			t.Errorf("%s: %.1f s of mean square %d", lang, d, sum/int64(len(got.PCM)))
		}
	}
}

func TestCommandByStandardInputAndOutput(t *testing.T) {
	dir := t.TempDir()
	script := filepath.Join(dir, "speak")
	if err := os.WriteFile(script, []byte("#!/bin/sh\nprintf 'voice %s says ' \"$1\"\ncat\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	c := ivr.NewCommand([]string{script, "{voice}"}, map[string]string{"de": "german"})
	out := filepath.Join(dir, "out.wav")
	if err := c.Synthesise(context.Background(), "guten Tag", "de-AT", out); err != nil {
		t.Fatal(err)
	}
	if b, _ := os.ReadFile(out); string(b) != "voice german says guten Tag" {
		t.Errorf("wrote %q", b)
	}
}
