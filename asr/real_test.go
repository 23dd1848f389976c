package asr

import (
	"encoding/binary"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
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
	t.Parallel()
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

// TestRealKill kills a real worker under 20 calls in real time and prints when
// words come again. Set KILL=1 to run it; the machine should be idle.
func TestRealKill(t *testing.T) {
	if os.Getenv("KILL") == "" {
		t.Skip("set KILL=1")
	}
	p := realPool(t, Config{Workers: 2, Threads: 1})
	waitFor(t, "both workers", func() bool { return len(p.candidates()) == 2 })
	var speech []int16
	for _, f := range []string{"1", "2", "3", "4", "5"} {
		speech = append(speech, readPCM(t, "../build/caller/sense-"+f+".wav")...)
		speech = append(speech, make([]int16, 4*audio.Rate)...)
	}
	const calls = 20
	var mu sync.Mutex
	var killed time.Time
	again := make([]time.Duration, calls)
	moved, finals := make([]bool, calls), 0
	var streams []*Stream
	var reading sync.WaitGroup
	for i := range calls {
		s, err := p.Open(t.Context(), StreamConfig{Language: "en"})
		if err != nil {
			t.Fatal(i, err)
		}
		streams = append(streams, s)
		reading.Go(func() {
			for r := range s.Results() {
				mu.Lock()
				switch {
				case r.Kind == Gap:
					moved[i] = true
				case (r.Kind == Partial || r.Kind == Final) && moved[i] && again[i] == 0:
					again[i] = time.Since(killed)
				}
				if r.Kind == Final {
					finals++
				}
				mu.Unlock()
			}
		})
	}
	begin := time.Now()
	var f audio.Frame
	for tick := range 15 * 50 {
		f.Seq = uint64(tick)
		for i, s := range streams {
			at := (len(speech)/calls*i + tick*audio.FrameLen) % (len(speech) - audio.FrameLen)
			copy(f.PCM[:], speech[at:])
			s.WriteFrame(&f)
		}
		if tick == 8*50 {
			mu.Lock()
			killed = time.Now()
			mu.Unlock()
			_ = syscall.Kill(p.Stats().Workers[0].PID, syscall.SIGKILL)
		}
		time.Sleep(time.Until(begin.Add(time.Duration(tick+1) * audio.FrameDur)))
	}
	for _, s := range streams {
		s.Finish()
	}
	reading.Wait()
	n := 0
	for i := range calls {
		if moved[i] {
			n++
			t.Log("moved call", i, "words again after", again[i].Round(time.Millisecond))
		}
	}
	p50, p99, _ := p.Lateness(false)
	t.Logf("%d of %d calls moved; %d finals; lateness p50 %v p99 %v; dropped %d", n, calls, finals, p50, p99, p.Stats().DroppedFrames)
}
