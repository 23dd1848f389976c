package audio

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/mewkiz/flac"
)

// shared finds the folder of test recordings beside the repository.
func shared(t *testing.T, path string) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if p := filepath.Join(filepath.Dir(dir), "shared", "data", path); filepath.Dir(dir) != dir {
			if _, err := os.Stat(p); err == nil {
				return p
			}
			dir = filepath.Dir(dir)
			continue
		}
		t.Skip("the recordings of ../shared/data are not here")
	}
}

func readFLAC(t *testing.T, path string) (pcm []int16) {
	t.Helper()
	s, err := flac.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	for {
		f, err := s.ParseNext()
		if errors.Is(err, io.EOF) {
			return pcm
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range f.Subframes[0].Samples {
			pcm = append(pcm, int16(v))
		}
	}
}

// Speech is no key press: minutes of it through G.711 give no digit.
func TestDTMFDetectorIgnoresSpeech(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(shared(t, "speech/librispeech-test-other"), "*.flac"))
	if err != nil {
		t.Fatal(err)
	}
	var det DTMFDetector
	var up Up8to16
	var down Down16to8
	var f Frame
	var narrow [160]int16
	var code [160]byte
	frames, found := 0, 0
	for _, path := range files[:min(len(files), 40)] {
		pcm := readFLAC(t, path)
		for ; len(pcm) >= FrameLen; pcm = pcm[FrameLen:] {
			down.Process(narrow[:], pcm[:FrameLen])
			EncodeMu(code[:], narrow[:])
			DecodeMu(narrow[:], code[:])
			up.Process(f.PCM[:], narrow[:])
			if key, n := det.Write(&f); key != 0 {
				found++
				t.Logf("%s: key %c for %d frames", filepath.Base(path), key, n)
			}
			frames++
		}
	}
	t.Logf("%d s of speech, %d keys", frames/50, found)
	if found > 0 {
		t.Errorf("%d keys heard in speech", found)
	}
}
