package asr

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"

	"tingxin/asr/asrpb"
	"tingxin/asr/worker"
	"tingxin/audio"
)

// fakeEngine hears a word wherever the sound holds the marker.
type fakeEngine struct{ refuse error }

// grown is memory that a test made the worker take, outside of Go's heap: the
// race detector would make it three times as much, and the clean-up slow.
var grown []byte

func (e fakeEngine) Open(lang, model string, phrases []string) (worker.Recognizer, string, error) {
	if model == "grow" {
		var err error
		if grown, err = syscall.Mmap(-1, 0, 150<<20, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE|syscall.MAP_POPULATE); err != nil {
			return nil, "", err
		}
	}
	if lang != "en" {
		return nil, "", worker.ErrNoModel
	}
	if len(phrases) == 1 && phrases[0] == "" {
		return nil, "", errors.New("unusable phrase list")
	}
	return &fakeRecognizer{}, "fake/static", e.refuse
}

func (e fakeEngine) Models() []worker.Model {
	return []worker.Model{{Language: "en", Name: "fake", Graph: "static", Loaded: true}}
}

// fakeRecognizer says the number after each marker.
type fakeRecognizer struct {
	fed  int
	loud []string
	at   []int
}

func (r *fakeRecognizer) Accept(pcm []int16) (bool, error) {
	for i := 0; i+320 <= len(pcm); i += 320 {
		r.fed += 320
		if k := pcm[i]; k == marker {
			r.loud = append(r.loud, fmt.Sprintf("w%d", pcm[i+1]))
			r.at = append(r.at, r.fed)
		}
	}
	return false, nil
}

func (r *fakeRecognizer) Partial() (string, error) { return strings.Join(r.loud, " "), nil }

func (r *fakeRecognizer) Result() (worker.Utterance, error) {
	u := worker.Utterance{Text: strings.Join(r.loud, " ")}
	for i, w := range r.loud {
		u.Words = append(u.Words, worker.Word{Text: w, Start: float64(r.at[i]-320) / 16000, End: float64(r.at[i]) / 16000, Conf: 1})
	}
	r.loud, r.at = nil, nil
	return u, nil
}

func (r *fakeRecognizer) Free() {}

// marker is the sample value that tells the fake recogniser where a word is.
const marker = 12345

// runFakeWorker is what the test binary does when it is started as a worker.
func runFakeWorker(args []string) {
	fs := flag.NewFlagSet("fake", flag.ExitOnError)
	listen := fs.String("listen", "", "")
	fs.String("models", "", "")
	fs.String("turn", "", "")
	threads := fs.Int("threads", 1, "")
	ceiling := fs.Int("max-channels", 0, "")
	fs.Int("frames-per-chunk", 0, "")
	fs.Bool("parent", false, "")
	fs.Bool("admit-all", false, "")
	fs.Bool("phrase-lists", false, "")
	_ = fs.Parse(args[1:])
	lis, err := net.Listen("unix", strings.TrimPrefix(*listen, "unix://"))
	if err != nil {
		fmt.Fprintln(os.Stderr, "asrd:", err)
		os.Exit(1)
	}
	w := worker.New(worker.Config{Threads: *threads, MaxChannels: *ceiling}, fakeEngine{}, slog.New(slog.DiscardHandler))
	_ = w.Start(context.Background())
	srv := grpc.NewServer()
	asrpb.RegisterSpeechServer(srv, w)
	_ = srv.Serve(lis)
}

// fakePool starts n processes of this test binary as workers.
func fakePool(t *testing.T, cfg Config) *Pool {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	model := t.TempDir()
	if err := os.MkdirAll(model+"/am", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(model+"/am/final.mdl", []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	cfg.Binary, cfg.Models = self, map[string]Model{"en": {Static: model}}
	p, err := New(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	if err := p.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "all workers ready", func() bool {
		n := 0
		for _, w := range p.Stats().Workers {
			if w.State == "ready" {
				n++
			}
		}
		return n == cfg.Workers
	})
	return p
}

// waitFor polls until a condition of another process holds.
func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within 30 s: %s", what)
		}
	}
}

// say makes frame i of a call: a voice in [from, to) of every period of
// frames, silence between, and a numbered marker every 25 frames of voice.
func say(f *audio.Frame, i int) {
	const period, from, to = 250, 50, 175
	f.Seq = uint64(i)
	f.PCM = [audio.FrameLen]int16{}
	k := i % period
	if k < from || k >= to {
		return
	}
	copy(f.PCM[:], voice()[(k-from)*audio.FrameLen:])
	if (k-from)%25 == 12 {
		f.PCM[0], f.PCM[1] = marker, int16(i/25)
	}
}

// voice is 2.5 s of somebody speaking.
var voice = sync.OnceValue(func() []int16 {
	pcm, err := readFile("../testdata/voice/sense-2.wav")
	if err != nil {
		panic(err)
	}
	return pcm[4800:]
})
