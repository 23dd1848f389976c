package score

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"tingxin/nlp"
	"tingxin/nlp/learn"
)

// maxLine bounds one line of a text set, in bytes.
const maxLine = 1 << 20

// Labelled is one text with its label.
type Labelled struct{ Text, Label string }

// ReadLabelled reads a folder with the files seq.in and label, line by line the text
// and its label. Blank texts are left out.
func ReadLabelled(dir string) ([]Labelled, error) {
	texts, err := readLines(filepath.Join(dir, "seq.in"))
	if err != nil {
		return nil, err
	}
	labels, err := readLines(filepath.Join(dir, "label"))
	if err != nil {
		return nil, err
	}
	if len(texts) != len(labels) {
		return nil, fmt.Errorf("%s: seq.in has %d lines, label %d", dir, len(texts), len(labels))
	}
	var out []Labelled
	for i, text := range texts {
		label := strings.TrimSpace(labels[i])
		switch {
		case strings.TrimSpace(text) == "":
		case label == "":
			return nil, fmt.Errorf("%s: line %d of label is empty", dir, i+1)
		default:
			out = append(out, Labelled{text, label})
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s holds no text", dir)
	}
	return out, nil
}

// readWithForeign reads a folder, and with it the folder oos/NAME beside it where
// there is one: that is how sets keep their texts that belong to no intent.
func readWithForeign(dir string) ([]Labelled, error) {
	all, err := ReadLabelled(dir)
	if err != nil {
		return nil, err
	}
	clean := filepath.Clean(dir)
	foreign := filepath.Join(filepath.Dir(clean), learn.Foreign, filepath.Base(clean))
	if _, err := os.Stat(foreign); errors.Is(err, os.ErrNotExist) {
		return all, nil
	}
	more, err := ReadLabelled(foreign)
	if err != nil {
		return nil, err
	}
	for _, l := range more {
		all = append(all, Labelled{l.Text, learn.Foreign})
	}
	return all, nil
}

// readLines reads UTF-8 with any ends of lines; the mark that some editors put in front is taken off.
func readLines(path string) ([]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var lines []string
	s := bufio.NewScanner(f)
	s.Buffer(nil, maxLine)
	for s.Scan() {
		line := s.Text()
		if len(lines) == 0 {
			line = strings.TrimPrefix(line, "\ufeff")
		}
		if !utf8.ValidString(line) {
			return nil, fmt.Errorf("%s: line %d is no UTF-8", path, len(lines)+1)
		}
		lines = append(lines, line)
	}
	if err := s.Err(); errors.Is(err, bufio.ErrTooLong) {
		return nil, fmt.Errorf("%s: line %d is longer than %d bytes", path, len(lines)+1, maxLine)
	} else if err != nil {
		return nil, fmt.Errorf("%s: line %d: %w", path, len(lines)+1, err)
	}
	return lines, nil
}

// leastApart is the share of a set from which on its texts in the other language are learnt apart.
const leastApart = 0.1

// tongues are the languages of a set, each learnt by a model of its own as the bot does. Texts that
// are in none of them belong to the first, which has most.
type tongues []string

// tonguesOf a set of texts; "en" when that is unclear.
func tonguesOf(texts func(yield func(string) bool)) tongues {
	zh, en, all := 0, 0, 0
	for text := range texts {
		all++
		switch nlp.Detect(nlp.Fold(text)).Code {
		case "zh":
			zh++
		case "en":
			en++
		}
	}
	most, second, few := "en", "zh", zh
	if zh > en {
		most, second, few = "zh", "en", en
	}
	if few > 0 && float64(few) >= leastApart*float64(all) {
		return tongues{most, second}
	}
	return tongues{most}
}

// of a text.
func (t tongues) of(text string) string {
	if len(t) == 2 && nlp.Detect(nlp.Fold(text)).Code == t[1] {
		return t[1]
	}
	return t[0]
}

func (t tongues) String() string { return strings.Join(t, " and ") }
