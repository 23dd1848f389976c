package vad

import (
	"errors"
	"io"
	"path/filepath"
	"testing"

	"github.com/mewkiz/flac"

	"tingxin/audio"
)

// Single spoken digits at 8 kHz with digital silence around them, as a caller
// answers a menu: the network alone, which learned from sentences, missed three of ten.
func TestWordsThatStandAloneAreFound(t *testing.T) {
	files, _ := filepath.Glob("../../../shared/data/speech/fsdd-8k/*.flac")
	if len(files) == 0 {
		t.Skip("the spoken digits are not beside the project")
	}
	found, tried := 0, 0
	for i := 0; i < len(files); i += 4 {
		pcm := append(make([]int16, rate/2), readFLAC(t, files[i])...)
		tried++
		for _, s := range frames(append(pcm, make([]int16, rate)...)) {
			if s.Speech {
				found++
				break
			}
		}
	}
	t.Logf("%d of %d digits found", found, tried)
	if 100*found < 97*tried {
		t.Errorf("%d of %d digits found, want 97 %%", found, tried)
	}
}

func readFLAC(t *testing.T, path string) []int16 {
	t.Helper()
	s, err := flac.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var pcm []int16
	for {
		f, err := s.ParseNext()
		if errors.Is(err, io.EOF) {
			return audio.Resample(pcm, int(s.Info.SampleRate), rate)
		}
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		for _, v := range f.Subframes[0].Samples {
			pcm = append(pcm, int16(v))
		}
	}
}
