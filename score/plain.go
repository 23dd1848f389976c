package score

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"tingxin/asr"
	"tingxin/audio"
)

// plain lets libvosk alone hear the recordings that were scored, in the same
// band: no gate, no front end, one new recogniser per recording. It fills
// outcome.plain. Recordings in languages without a model stay without.
func (r *run) plain(ctx context.Context, results []outcome) error {
	byLang := map[string][]int{}
	for i, o := range results {
		if o.err == nil {
			byLang[lang(o.item)] = append(byLang[lang(o.item)], i)
		}
	}
	dir, err := os.MkdirTemp("", "tingxin-plain-")
	if err != nil {
		return fmt.Errorf("folder for plain libvosk: %w", err)
	}
	defer os.RemoveAll(dir)
	for language, which := range byLang {
		texts, err := r.plainTexts(ctx, language, results, which, dir)
		if errors.Is(err, asr.ErrNoModel) {
			continue
		}
		if err != nil {
			return fmt.Errorf("plain libvosk: %w", err)
		}
		for k, i := range which {
			results[i].plain = &texts[k]
		}
	}
	return nil
}

// plainTexts runs one process over the recordings of one language.
func (r *run) plainTexts(ctx context.Context, language string, results []outcome, which []int, dir string) ([]string, error) {
	bin, model, err := r.opts.ASR.Locate(language)
	if err != nil {
		return nil, err
	}
	folder := model.Static
	if folder == "" {
		folder = model.Dynamic
	}
	var names strings.Builder
	for _, i := range which {
		path := filepath.Join(dir, fmt.Sprintf("%d.wav", i))
		if err := r.writeLine(results[i].item, path); err != nil {
			return nil, err
		}
		names.WriteString(path + "\n")
	}
	cmd := exec.CommandContext(ctx, bin, "plain", "--model", folder)
	cmd.Stdin, cmd.Stderr = strings.NewReader(names.String()), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, err
	}
	texts := make([]string, 0, len(which))
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var l struct{ Text, Error string }
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			return nil, err
		}
		if l.Error != "" {
			return nil, errors.New(l.Error)
		}
		texts = append(texts, l.Text)
	}
	if len(texts) != len(which) {
		return nil, fmt.Errorf("%d texts for %d recordings", len(texts), len(which))
	}
	return texts, lines.Err()
}

// writeLine writes a recording as it comes out of the line, at 16 kHz, with the
// silence before and after it that every path has.
func (r *run) writeLine(it Item, path string) error {
	pcm, _, err := ReadAudio(it.Audio)
	if err != nil {
		return err
	}
	if r.opts.Band == "telephone" {
		pcm = telephone(pcm)
	}
	w, err := audio.CreateWAV(path, audio.Rate, 1)
	if err != nil {
		return err
	}
	lead := make([]int16, int(leadTime.Seconds()*audio.Rate))
	tail := make([]int16, int(tailTime.Seconds()*audio.Rate))
	return errors.Join(w.Write(lead), w.Write(pcm), w.Write(tail), w.Close())
}
