package score

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"tingxin/emotion"
)

// Spoken is one labelled recording of emotional speech.
type Spoken struct {
	Corpus, Path, Lang, Speaker, Gender string
	// Label is the maker's, Class what it counts as in a model.
	Label, Item string
	Class       emotion.Class
}

// Who tells speakers of different corpora apart.
func (s Spoken) Who() string { return s.Corpus + "/" + s.Speaker }

// ReadSpoken reads a manifest of emotional speech: tab-separated values whose first line
// names the columns. path, speaker and label are needed; corpus, lang, gender, label4 and
// item are read when there. Paths are relative to the manifest's folder or the one above.
// corpus, when given, keeps that one only.
func ReadSpoken(path, corpus string) ([]Spoken, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	defer f.Close()
	scan := bufio.NewScanner(f)
	scan.Buffer(nil, 1<<20)
	column := map[string]int{}
	var list []Spoken
	for line := 1; scan.Scan(); line++ {
		if strings.TrimSpace(scan.Text()) == "" {
			continue
		}
		cells := strings.Split(strings.TrimRight(scan.Text(), "\r"), "\t")
		if len(column) == 0 {
			for i, name := range cells {
				column[strings.ToLower(strings.TrimSpace(strings.TrimPrefix(name, "\ufeff")))] = i
			}
			for _, need := range []string{"path", "speaker", "label"} {
				if _, ok := column[need]; !ok {
					return nil, fmt.Errorf("manifest %s: its first line names no column %q", path, need)
				}
			}
			continue
		}
		s, err := spoken(cells, column)
		if err != nil {
			return nil, fmt.Errorf("manifest %s line %d: %w", path, line, err)
		}
		if corpus == "" || s.Corpus == corpus {
			s.Path = beside(path, s.Path)
			list = append(list, s)
		}
	}
	if err := scan.Err(); err != nil {
		return nil, fmt.Errorf("manifest %s: %w", path, err)
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("manifest %s has no recording for this choice", path)
	}
	return list, nil
}

func spoken(cells []string, column map[string]int) (Spoken, error) {
	at := func(name string) string {
		if i, ok := column[name]; ok && i < len(cells) {
			return strings.TrimSpace(cells[i])
		}
		return ""
	}
	s := Spoken{Corpus: at("corpus"), Path: at("path"), Lang: at("lang"), Speaker: at("speaker"), Gender: at("gender"), Label: at("label"), Item: at("item")}
	if s.Corpus == "" {
		s.Corpus = "all"
	}
	if s.Path == "" || s.Speaker == "" || s.Label == "" {
		return s, fmt.Errorf("path, speaker or label is missing")
	}
	known := false
	if s.Class, known = emotion.ParseClass(at("label4")); !known {
		s.Class, _ = emotion.ParseClass(s.Label)
	}
	return s, nil
}

// beside finds a path from the manifest's folder, or from the one above it.
func beside(manifest, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	dir := filepath.Dir(manifest)
	here := filepath.Join(dir, path)
	if _, err := os.Stat(here); err != nil {
		if above := filepath.Join(dir, "..", path); exists(above) {
			return above
		}
	}
	return here
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
