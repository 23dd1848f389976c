package ivr

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Synthesiser speaks a text into a WAV file.
type Synthesiser interface {
	// Synthesise writes text, spoken in language, to the WAV file out.
	Synthesise(ctx context.Context, text, language, out string) error
	// Key tells apart two set-ups that would speak the same text differently.
	Key(language string) string
}

// DefaultCommand speaks with espeak-ng.
var DefaultCommand = []string{"espeak-ng", "-v", "{voice}", "-s", "150", "-g", "2", "--stdin", "-w", "{out}"}

// defaultVoices are espeak-ng's names of languages.
var defaultVoices = map[string]string{"en": "en-us", "zh": "cmn"}

// Command is a Synthesiser that runs a program for every text.
type Command struct {
	// Args are the program and its arguments. {out} is the WAV file to write (standard output when it does
	// not occur), {text} the text (standard input when it does not occur), {voice} and {language} the voice.
	Args []string
	// Voices maps a language ("en", "zh-TW") to {voice}; the language itself when it is not there.
	Voices map[string]string
	// Timeout ends a program that does not; 30 s when zero.
	Timeout time.Duration
}

// NewCommand makes a Command; empty args mean espeak-ng, voices add to its own.
func NewCommand(args []string, voices map[string]string) *Command {
	if len(args) == 0 {
		args = DefaultCommand
	}
	all := make(map[string]string)
	for _, m := range []map[string]string{defaultVoices, voices} {
		for k, v := range m {
			all[k] = v
		}
	}
	return &Command{Args: args, Voices: all}
}

// Key implements Synthesiser.
func (c *Command) Key(language string) string {
	return strings.Join(c.Args, "\x00") + "\x00" + c.voice(language)
}

// voice is the voice of a language, or of its main part ("en" for "en-GB").
func (c *Command) voice(language string) string {
	if v, ok := c.Voices[language]; ok {
		return v
	}
	main, _, _ := strings.Cut(language, "-")
	if v, ok := c.Voices[main]; ok {
		return v
	}
	return language
}

// Synthesise implements Synthesiser.
func (c *Command) Synthesise(ctx context.Context, text, language, out string) error {
	timeout := c.Timeout
	if timeout == 0 {
		timeout = 30 * time.Second
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	all := strings.Join(c.Args[1:], " ")
	fill := strings.NewReplacer("{out}", out, "{text}", text, "{voice}", c.voice(language), "{language}", language)
	args := make([]string, 0, len(c.Args)-1)
	for _, a := range c.Args[1:] {
		args = append(args, fill.Replace(a))
	}
	cmd := exec.CommandContext(ctx, c.Args[0], args...)
	cmd.WaitDelay = time.Second
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if !strings.Contains(all, "{text}") {
		cmd.Stdin = strings.NewReader(text)
	}
	if err := cmd.Run(); err != nil {
		return commandError(c.Args[0], err, stderr.String())
	}
	if !strings.Contains(all, "{out}") {
		return os.WriteFile(out, stdout.Bytes(), 0o644)
	}
	return nil
}

func commandError(name string, err error, stderr string) error {
	if errors.Is(err, exec.ErrNotFound) {
		return fmt.Errorf("the speech synthesiser %q is not installed: install it, or name another in ivr.synthesiser", name)
	}
	first, _, _ := strings.Cut(strings.TrimSpace(stderr), "\n")
	if first != "" {
		return fmt.Errorf("speech synthesiser %s: %w: %s", filepath.Base(name), err, first)
	}
	return fmt.Errorf("speech synthesiser %s: %w", filepath.Base(name), err)
}
