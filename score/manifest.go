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

// ReadAudio reads a FLAC or WAV file, of whatever name, as 16 kHz mono; narrow says that it
// was recorded at 8 kHz or less. The error is a sentence that names the file.
func ReadAudio(path string) (pcm []int16, narrow bool, err error) {
	rate := 0
	if isFLAC(path) {
		pcm, rate, err = readFLAC(path)
	} else {
		var w *audio.WAV
		if w, err = audio.LoadWAV(path); err == nil {
			pcm, rate = w.Mono(), w.Rate
		}
	}
	if err != nil {
		return nil, false, err
	}
	return audio.Resample(pcm, rate, audio.Rate), rate <= 8000, nil
}

// isFLAC looks at how a file begins; one that is not there counts by its name.
func isFLAC(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return strings.EqualFold(filepath.Ext(path), ".flac")
	}
	defer f.Close()
	head := make([]byte, 4)
	_, err = io.ReadFull(f, head)
	return err == nil && (string(head) == "fLaC" || string(head[:3]) == "ID3" && strings.EqualFold(filepath.Ext(path), ".flac"))
}

// readFLAC reads a FLAC file at its own rate, mixed to one channel.
func readFLAC(path string) (pcm []int16, rate int, err error) {
	s, err := flac.ParseFile(path)
	if err != nil {
		return nil, 0, fmt.Errorf("%s is no FLAC file that can be read: %w", path, err)
	}
	defer s.Close()
	if rate = int(s.Info.SampleRate); rate < 1000 {
		return nil, 0, fmt.Errorf("%s has a sample rate of %d Hz: at least 1000 can be read", path, rate)
	}
	shift := int(s.Info.BitsPerSample) - 16
	for {
		frame, err := s.ParseNext()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, 0, fmt.Errorf("%s is cut off or damaged after %.1f s: copy it again (%w)", path, float64(len(pcm))/float64(rate), err)
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
	if len(pcm) == 0 {
		return nil, 0, fmt.Errorf("%s holds no sound: it is a FLAC file without samples", path)
	}
	if want := s.Info.NSamples; want > uint64(len(pcm)) {
		return nil, 0, fmt.Errorf("%s is cut off: its header promises %.1f s of sound and %.1f s are there; copy it again", path, float64(want)/float64(rate), float64(len(pcm))/float64(rate))
	}
	return pcm, rate, nil
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
