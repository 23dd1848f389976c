package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"tingxin/audio"
)

// readings are the demo's human voices with what they say, brought by make setup.
const readings = "build/caller"

// voice is what the demo's caller says.
type voice struct {
	name  string
	pcm   []int16
	words string // what is said, empty when unknown
}

func (v *voice) seconds() float64 { return float64(len(v.pcm)) / audio.Rate }

// loadVoice reads the given file, or the readings in order with a pause between them.
func loadVoice(file string) (*voice, error) {
	if file != "" {
		pcm, err := audio.ReadWAV(file)
		if err != nil {
			return nil, err
		}
		return &voice{name: filepath.Base(file), pcm: pcm}, nil
	}
	f, err := os.Open(filepath.Join(readings, "transcript.txt"))
	if err != nil {
		return nil, fmt.Errorf("the caller's recordings are not in %s: run make setup in the project's folder, or give a WAV file with --call", readings)
	}
	defer f.Close()
	v := &voice{name: "a reading of " + readings}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		name, words, ok := strings.Cut(lines.Text(), "\t")
		if !ok {
			continue
		}
		pcm, err := audio.ReadWAV(filepath.Join(readings, name))
		if err != nil {
			return nil, err
		}
		if len(v.pcm) > 0 {
			v.pcm = append(v.pcm, make([]int16, audio.Rate)...)
			v.words += " "
		}
		v.pcm = append(v.pcm, pcm...)
		v.words += words
	}
	if len(v.pcm) == 0 {
		return nil, errors.New(readings + " holds no recordings: run make setup again, or give a WAV file with --call")
	}
	return v, lines.Err()
}
