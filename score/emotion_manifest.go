package score

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"tingxin/emotion"
)

// Spoken is one labelled recording of emotional speech.
type Spoken struct {
	Corpus, Path, Lang, Speaker, Gender string
	// Label is the maker's, Class what it counts as in a model.
	Label, Item string
	Class       emotion.Class
	// Line of the manifest.
	Line int
	// Known tells that Class follows from the label, or from the column label4; a label that
	// says nothing to this program counts as Other.
	Known bool
}

// Who tells speakers of different corpora apart.
func (s Spoken) Who() string { return s.Corpus + "/" + s.Speaker }

// ReadSpoken reads a manifest of emotional speech: tab-separated values whose first line
// names the columns. path, speaker and label are needed; corpus, lang, gender, label4 and
// item are read when there. Paths are relative to the manifest's folder or the one above.
// corpus, when given, keeps that one only. Labels that differ in capitals only are one, spelt
// as it is first. A recording that is listed twice is refused: it could be trained on and
// tested at once.
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
	seen := map[string]int{}        // path to line
	spelling := map[string]string{} // of a label in lower case
	var corpora []string
	for line := 1; scan.Scan(); line++ {
		if strings.TrimSpace(scan.Text()) == "" {
			continue
		}
		cells := strings.Split(strings.TrimRight(scan.Text(), "\r"), "\t")
		if len(column) == 0 {
			if column, err = columns(cells); err != nil {
				return nil, fmt.Errorf("manifest %s: %w", path, err)
			}
			continue
		}
		s, err := spoken(cells, column)
		if err != nil {
			return nil, fmt.Errorf("manifest %s line %d: %w", path, line, err)
		}
		s.Line = line
		if first := spelling[strings.ToLower(s.Label)]; first != "" {
			s.Label = first
		} else {
			spelling[strings.ToLower(s.Label)] = s.Label
		}
		if !slices.Contains(corpora, s.Corpus) {
			corpora = append(corpora, s.Corpus)
		}
		if corpus == "" || s.Corpus == corpus {
			s.Path = beside(path, s.Path)
			if at := seen[s.Path]; at > 0 {
				return nil, fmt.Errorf("manifest %s line %d: %s is listed in line %d already", path, line, s.Path, at)
			}
			seen[s.Path] = line
			list = append(list, s)
		}
	}
	if err := scan.Err(); err != nil {
		return nil, fmt.Errorf("manifest %s: %w", path, err)
	}
	switch {
	case len(list) == 0 && len(corpora) > 0:
		return nil, fmt.Errorf("manifest %s has no corpus %q; it has %s", path, corpus, strings.Join(corpora, ", "))
	case len(list) == 0:
		return nil, fmt.Errorf("manifest %s lists no recording", path)
	}
	return list, nil
}

// columns finds what the first line of a manifest names.
func columns(cells []string) (map[string]int, error) {
	column := map[string]int{}
	if !utf8.ValidString(cells[0]) || strings.ContainsRune(cells[0], 0) {
		return nil, errors.New("it is no text in UTF-8: save it as such")
	}
	for i, name := range cells {
		name = strings.ToLower(strings.TrimSpace(strings.TrimPrefix(name, "\ufeff")))
		if _, ok := column[name]; ok && name != "" {
			return nil, fmt.Errorf("its first line names the column %q twice", name)
		}
		column[name] = i
	}
	for _, need := range []string{"path", "speaker", "label"} {
		if _, ok := column[need]; !ok {
			return nil, fmt.Errorf("its first line names no column %q (columns are separated by tabs)", need)
		}
	}
	return column, nil
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
	for _, need := range []string{"path", "speaker", "label"} {
		if at(need) == "" {
			return s, fmt.Errorf("it has no %s", need)
		}
	}
	if s.Class, s.Known = emotion.ParseClass(at("label4")); !s.Known {
		s.Class, s.Known = emotion.ParseClass(s.Label)
	}
	return s, nil
}

// mostNamed is how many recordings an error names.
const mostNamed = 5

// allThere fails when recordings are not there, and names them: nobody wants to be told of one
// after the others were heard.
func allThere(list []Spoken) error {
	var missing []string
	n := 0
	for _, s := range list {
		if exists(s.Path) {
			continue
		}
		if n++; n <= mostNamed {
			missing = append(missing, fmt.Sprintf("line %d: %s", s.Line, s.Path))
		}
	}
	switch {
	case n == 0:
		return nil
	case n > mostNamed:
		missing = append(missing, fmt.Sprintf("and %d more", n-mostNamed))
	}
	return fmt.Errorf("manifest: recordings that are not there (paths are relative to the manifest's folder, or the one above): %s", strings.Join(missing, "; "))
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
