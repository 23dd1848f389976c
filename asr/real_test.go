package asr

import (
	"encoding/binary"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"tingxin/audio"
)

// realPool starts real workers, or skips when the library or the model is not there.
func realPool(t *testing.T, cfg Config) *Pool {
	t.Helper()
	for _, f := range []string{"../build/vosk-api/src/libvosk.so", "../models/vosk-en-static/am/final.mdl", "../build/caller/sense-1.wav"} {
		if _, err := os.Stat(f); err != nil {
			t.Skipf("%s is not there: run make setup", f)
		}
	}
	bin, err := buildWorker()
	if err != nil {
		t.Fatal(err)
	}
	cfg.Binary = bin
	if cfg.Models == nil {
		cfg.Models = map[string]Model{"en": {Static: abs(t, "../models/vosk-en-static"), Dynamic: abs(t, "../models/vosk-en")}}
	}
	p, err := New(cfg, slog.New(slog.NewTextHandler(os.Stderr, nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	if err := p.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return p
}

// buildWorker builds asrd once per test run.
var buildWorker = sync.OnceValues(func() (string, error) {
	out := filepath.Join(os.TempDir(), "asrd-test-"+time.Now().Format("150405.000000"))
	cmd := exec.Command("go", "build", "-o", out, "tingxin/cmd/asrd")
	cmd.Dir = ".."
	b, err := cmd.CombinedOutput()
	if err != nil {
		return "", &exec.Error{Name: string(b), Err: err}
	}
	workerBinary = out
	return out, nil
})

var workerBinary string

func abs(t *testing.T, p string) string {
	a, err := filepath.Abs(p)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func readPCM(t *testing.T, path string) []int16 {
	pcm, err := readFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return pcm
}

func readFile(path string) ([]int16, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	b = b[44:]
	pcm := make([]int16, len(b)/2)
	for i := range pcm {
		pcm[i] = int16(binary.LittleEndian.Uint16(b[2*i:]))
	}
	return pcm, nil
}

func TestRealWorkerHearsWords(t *testing.T) {
	p := realPool(t, Config{Workers: 1})
	s, err := p.Open(t.Context(), StreamConfig{Language: "en", Batch: true, Offset: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	go func() { // ends with the file
		pcm := readPCM(t, "../build/caller/sense-1.wav")
		pcm = append(pcm, make([]int16, 2*audio.Rate)...)
		for i := 0; i+audio.FrameLen <= len(pcm); i += audio.FrameLen {
			f := audio.Frame{Seq: uint64(i / audio.FrameLen)}
			copy(f.PCM[:], pcm[i:])
			if s.WriteWait(t.Context(), &f) != nil {
				return
			}
		}
		s.Finish()
	}()
	var finals, partials, ends int
	var raw string
	for r := range s.Results() {
		t.Log(r.Kind, r.Segment, r.Start, r.End, r.Text, r.Reason)
		switch r.Kind {
		case Partial:
			partials++
		case Final:
			finals++
			raw += r.Raw
			if r.Start < 10*time.Second || r.End > 17500*time.Millisecond {
				t.Errorf("final at %v to %v", r.Start, r.End)
			}
		case TurnEnd:
			ends++
		}
	}
	if finals != 1 || ends != 1 || partials < 5 || !strings.Contains(raw, "leisure to consider how much") {
		t.Fatalf("finals %d, turn ends %d, partials %d, raw %q", finals, ends, partials, raw)
	}
}
