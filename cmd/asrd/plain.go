package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"strings"

	"tingxin/asr/vosk"
	"tingxin/audio"
)

// plainText is a line that plain prints: what libvosk heard in one file.
type plainText struct {
	Text  string `json:"text"`
	Error string `json:"error,omitempty"`
}

// plain prints what libvosk alone hears in each WAV file named on a line of
// stdin: no gate, no front end, no turn end of ours; one new recogniser per
// file, 100 ms at a time. One JSON object per file, in order.
func plain(ctx context.Context, args []string) error {
	fs := flag.NewFlagSet("asrd plain", flag.ContinueOnError)
	dir := fs.String("model", "models/vosk-en-static", "model folder")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if fs.NArg() > 0 {
		return errors.New("plain reads the names of its files from stdin, one a line")
	}
	m, err := vosk.Open(*dir)
	if err != nil {
		return err
	}
	defer m.Free()
	out := json.NewEncoder(os.Stdout)
	names := bufio.NewScanner(os.Stdin)
	for names.Scan() && ctx.Err() == nil {
		var line plainText
		if line.Text, err = plainWords(m, names.Text()); err != nil {
			line.Error = err.Error()
		}
		if err := out.Encode(line); err != nil {
			return err
		}
	}
	return errors.Join(names.Err(), ctx.Err())
}

// plainWords are the words of one file.
func plainWords(m *vosk.Model, path string) (string, error) {
	pcm, err := audio.ReadWAV(path)
	if err != nil {
		return "", err
	}
	rec, err := m.NewRecognizer()
	if err != nil {
		return "", err
	}
	defer rec.Free()
	var words []string
	hear := func(r vosk.Result, err error) error {
		if r.Text != "" {
			words = append(words, r.Text)
		}
		return err
	}
	for len(pcm) > 0 {
		n := min(rawChunk, len(pcm))
		done, err := rec.Accept(pcm[:n])
		if err == nil && done {
			err = hear(rec.Result())
		}
		if err != nil {
			return "", err
		}
		pcm = pcm[n:]
	}
	if err := hear(rec.Last()); err != nil {
		return "", err
	}
	return strings.Join(words, " "), nil
}
