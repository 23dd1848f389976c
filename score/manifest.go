package score

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mewkiz/flac"

	"tingxin/audio"
)

// Item is one recording of a manifest, a JSON object per line.
type Item struct {
	Corpus string `json:"corpus"`
	ID     string `json:"id"`
	// Audio is the path of a FLAC or WAV file, relative to the manifest.
	Audio string `json:"audio"`
	Lang  string `json:"lang"`
	// Speaker may be null; the interval is then taken over utterances.
	Speaker    string  `json:"speaker"`
	Text       string  `json:"text"`
	SampleRate int     `json:"sample_rate"`
	Seconds    float64 `json:"seconds"`
	// Segments are what several speakers say, partly at once. Without a Text they
	// make it, in the order in which they begin.
	Segments []Segment `json:"segments"`
}

// Segment is what one speaker of several says at one time.
type Segment struct {
	Words   string  `json:"words"`
	Speaker string  `json:"speaker"`
	Start   float64 `json:"start_time"` // s
	End     float64 `json:"end_time"`   // s
}

// joinSegments makes the text of a recording that has segments only.
func (i *Item) joinSegments() {
	if strings.TrimSpace(i.Text) != "" || len(i.Segments) == 0 {
		return
	}
	slices.SortStableFunc(i.Segments, func(a, b Segment) int { return cmp.Compare(a.Start, b.Start) })
	words := make([]string, len(i.Segments))
	for k, s := range i.Segments {
		words[k] = s.Words
	}
	i.Text = strings.Join(words, " ")
}

// chinese tells whether errors are counted in characters.
func (i Item) chinese() bool { return strings.HasPrefix(strings.ToLower(i.Lang), "zh") }

// ReadManifest reads a manifest. Items of other corpora than corpus (if given) are
// left out, and of each corpus the first limit (if above 0) are kept. skipped counts
// items without a text.
func ReadManifest(path, corpus string, limit int) (items []Item, skipped int, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, fmt.Errorf("manifest: %w", err)
	}
	defer f.Close()
	scan := bufio.NewScanner(f)
	scan.Buffer(nil, 16<<20)
	count := map[string]int{}
	for line := 1; scan.Scan(); line++ {
		if strings.TrimSpace(scan.Text()) == "" {
			continue
		}
		var it Item
		if err := json.Unmarshal(scan.Bytes(), &it); err != nil {
			return nil, 0, fmt.Errorf("manifest %s line %d: %w", path, line, err)
		}
		if it.Audio == "" {
			return nil, 0, fmt.Errorf("manifest %s line %d: no audio file is named", path, line)
		}
		if it.Corpus == "" {
			it.Corpus = "all"
		}
		it.joinSegments()
		switch {
		case corpus != "" && it.Corpus != corpus:
			continue
		case limit > 0 && count[it.Corpus] >= limit:
			continue
		case strings.TrimSpace(it.Text) == "":
			skipped++
			continue
		}
		count[it.Corpus]++
		if !filepath.IsAbs(it.Audio) {
			it.Audio = filepath.Join(filepath.Dir(path), it.Audio)
		}
		items = append(items, it)
	}
	if err := scan.Err(); err != nil {
		return nil, 0, fmt.Errorf("manifest %s: %w", path, err)
	}
	if len(items) == 0 {
		return nil, skipped, fmt.Errorf("manifest %s has no recording with a text for this choice", path)
	}
	return items, skipped, nil
}

// ReadAudio reads a FLAC or WAV file as 16 kHz mono; narrow says that it was
// recorded at 8 kHz or less.
func ReadAudio(path string) (pcm []int16, narrow bool, err error) {
	if !strings.EqualFold(filepath.Ext(path), ".flac") {
		native, rate, err := readWAV(path)
		if err != nil {
			return nil, false, err
		}
		return audio.Resample(native, rate, audio.Rate), rate <= 8000, nil
	}
	s, err := flac.ParseFile(path)
	if err != nil {
		return nil, false, fmt.Errorf("%s is no FLAC file that can be read: %w", path, err)
	}
	defer s.Close()
	shift := int(s.Info.BitsPerSample) - 16
	for {
		frame, err := s.ParseNext()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, false, fmt.Errorf("%s: %w", path, err)
		}
		for i := range frame.Subframes[0].Samples {
			var sum int32
			for _, sub := range frame.Subframes {
				v := sub.Samples[i]
				if shift >= 0 {
					v >>= shift
				} else {
					v <<= -shift
				}
				sum += v
			}
			pcm = append(pcm, int16(sum/int32(len(frame.Subframes))))
		}
	}
	rate := int(s.Info.SampleRate)
	if rate != audio.Rate {
		pcm = audio.Resample(pcm, rate, audio.Rate)
	}
	return pcm, rate <= 8000, nil
}

// readWAV reads a WAV file at its own rate, mixed to one channel.
func readWAV(path string) (pcm []int16, rate int, err error) {
	wide, err := audio.ReadWAV(path)
	if err != nil {
		return nil, 0, err
	}
	head := make([]byte, 28)
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	if _, err := io.ReadFull(f, head); err == nil && string(head[12:16]) == "fmt " {
		if r := int(head[24]) | int(head[25])<<8 | int(head[26])<<16; r > 0 && r <= 8000 {
			return audio.Resample(wide, audio.Rate, 8000), 8000, nil
		}
	}
	return wide, audio.Rate, nil
}

// telephone passes 16 kHz audio through G.711 mu-law at 8 kHz and back, as a call
// would; it returns 16 kHz.
func telephone(pcm []int16) []int16 {
	narrow := audio.Resample(pcm, audio.Rate, 8000)
	coded := make([]byte, len(narrow))
	audio.EncodeMu(coded, narrow)
	audio.DecodeMu(narrow, coded)
	var up audio.Up8to16
	out := make([]int16, 2*len(narrow))
	up.Process(out, narrow)
	return out
}
