package asr

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"

	"tingxin/asr/asrpb"
	"tingxin/asr/worker"
	"tingxin/audio"
)

// write sends frames [from, to) of the made call at the given speed (1 is real time).
func write(s *Stream, from, to int, speed float64) {
	var f audio.Frame
	begin := time.Now()
	for i := from; i < to; i++ {
		say(&f, i)
		s.WriteFrame(&f)
		if d := time.Until(begin.Add(time.Duration(float64(i-from+1) * 20e6 / speed))); d > 0 {
			time.Sleep(d)
		}
	}
}

// wanted are the words of frames [0, n).
func wanted(n int) string {
	var out []string
	var f audio.Frame
	for i := range n {
		if say(&f, i); f.PCM[0] == marker {
			out = append(out, fmt.Sprintf("w%d", f.PCM[1]))
		}
	}
	return strings.Join(out, " ")
}

func TestStreamTellsWordsInCallTime(t *testing.T) {
	t.Parallel()
	p := fakePool(t, Config{Workers: 1})
	s, err := p.Open(t.Context(), StreamConfig{Language: "en", Offset: 100 * time.Second, Call: "c", Side: "caller"})
	if err != nil {
		t.Fatal(err)
	}
	go func() { write(s, 0, 500, 10); s.Finish() }() // ends after 1 s
	var raw []string
	starts, ends := 0, 0
	for r := range s.Results() {
		switch r.Kind {
		case SpeechStart:
			starts++
		case TurnEnd:
			ends++
		case Final:
			raw = append(raw, r.Raw)
			for _, w := range r.Words {
				var k int
				_, _ = fmt.Sscanf(w.Text, "w%d", &k)
				// Marker k stands in the frame before its 25-frame raster's middle.
				at := 100*time.Second + time.Duration(k*25+12)*audio.FrameDur
				if d := w.Start - at; d < -20*time.Millisecond || d > 20*time.Millisecond {
					t.Errorf("%s at %v want %v", w.Text, w.Start, at)
				}
			}
		}
	}
	if got := strings.Join(raw, " "); got != wanted(500) || starts != 2 || ends != 2 {
		t.Fatalf("got %q want %q; %d starts, %d turn ends", got, wanted(500), starts, ends)
	}
	waitFor(t, "the stream is given back", func() bool { return p.Stats().Streams == 0 })
	if st := p.Stats(); st.DroppedFrames != 0 {
		t.Fatalf("after the end: %+v", st)
	}
}

func TestKilledWorkerLosesNoWord(t *testing.T) {
	p := fakePool(t, Config{Workers: 2})
	const calls, frames = 20, 500
	type outcome struct {
		raw   string
		gaps  int
		after time.Duration // from the kill to the next Result but a Gap
	}
	results := make(chan outcome, calls)
	killed := make(chan time.Time, calls)
	victim := p.Stats().Workers[0].PID
	for range calls {
		s, err := p.Open(t.Context(), StreamConfig{Language: "en"})
		if err != nil {
			t.Fatal(err)
		}
		go func() { write(s, 0, frames, 2.5); s.Finish() }() // ends after 4 s
		go func() {                                          // ends with the stream
			var o outcome
			var raw []string
			var at time.Time
			for r := range s.Results() {
				if at.IsZero() {
					select {
					case at = <-killed:
					default:
					}
				}
				switch {
				case r.Kind == Gap:
					o.gaps++
				case r.Kind == Final:
					raw = append(raw, r.Raw)
				}
				if !at.IsZero() && o.after == 0 && o.gaps > 0 && r.Kind == Partial {
					o.after = time.Since(at)
				}
			}
			o.raw = strings.Join(raw, " ")
			results <- o
		}()
	}
	time.Sleep(900 * time.Millisecond) // all speak: frame 112 of the call
	now := time.Now()
	for range calls {
		killed <- now
	}
	if err := syscall.Kill(victim, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	moved, want := 0, wanted(frames)
	for range calls {
		o := <-results
		if o.raw != want {
			t.Errorf("words after the kill: %q want %q", o.raw, want)
		}
		if o.gaps > 0 {
			moved++
			if o.after == 0 || o.after > time.Second {
				t.Errorf("words again after %v", o.after)
			}
		}
	}
	if moved < calls/4 || p.Stats().Moved != uint64(moved) {
		t.Fatalf("%d calls moved, stats say %d", moved, p.Stats().Moved)
	}
	waitFor(t, "the worker is there again", func() bool {
		n := 0
		for _, w := range p.Stats().Workers {
			if w.State == "ready" {
				n++
			}
		}
		return n == 2
	})
}

func TestOpenSaysWhy(t *testing.T) {
	t.Parallel()
	p := fakePool(t, Config{Workers: 1, ChannelsPerWorker: 2})
	if _, err := p.Open(t.Context(), StreamConfig{Language: "xx"}); !errors.Is(err, ErrNoModel) {
		t.Errorf("unknown language: %v", err)
	}
	if _, err := p.Open(t.Context(), StreamConfig{Language: "en", Phrases: []string{""}}); err == nil || !strings.Contains(err.Error(), "phrase") {
		t.Errorf("bad phrase list: %v", err)
	}
	var open []*Stream
	for range 2 {
		s, err := p.Open(t.Context(), StreamConfig{Language: "en"})
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, s)
	}
	if _, err := p.Open(t.Context(), StreamConfig{Language: "en"}); !errors.Is(err, ErrFull) {
		t.Errorf("third channel of two: %v", err)
	}
	b, err := p.Open(t.Context(), StreamConfig{Language: "en", Batch: true})
	if err != nil {
		t.Errorf("batch channel on a full worker: %v", err)
	} else {
		_ = b.Close()
	}
	for _, s := range open {
		_ = s.Close()
	}
	waitFor(t, "room again", func() bool {
		s, err := p.Open(t.Context(), StreamConfig{Language: "en"})
		if err == nil {
			_ = s.Close()
		}
		return err == nil
	})
	if p.Stats().Refused == 0 {
		t.Error("refusal not counted")
	}
}

func TestCloseEndsEverything(t *testing.T) {
	t.Parallel()
	p := fakePool(t, Config{Workers: 1})
	s, err := p.Open(t.Context(), StreamConfig{Language: "en"})
	if err != nil {
		t.Fatal(err)
	}
	write(s, 0, 100, 50)
	pid := p.Stats().Workers[0].PID
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Fatal("second close:", err)
	}
	for range s.Results() {
	}
	if err := syscall.Kill(pid, 0); err == nil {
		t.Error("worker process lives on")
	}
	if _, err := p.Open(t.Context(), StreamConfig{Language: "en"}); !errors.Is(err, ErrClosed) {
		t.Errorf("open after close: %v", err)
	}
}

func TestWriteFrameAllocatesNothing(t *testing.T) {
	p := fakePool(t, Config{Workers: 1})
	s, err := p.Open(t.Context(), StreamConfig{Language: "en"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	// On a stream of its own, without the sender's allocations beside it.
	quiet := newStream(p, StreamConfig{})
	defer quiet.cancel()
	f := audio.Frame{}
	if n := testing.AllocsPerRun(2000, func() { f.Seq++; quiet.WriteFrame(&f) }); n != 0 {
		t.Fatalf("%v allocations per frame", n)
	}
	if p.Stats().DroppedFrames == 0 {
		t.Error("overrun of the memory not counted")
	}
}

func TestMissingThingsAreSaidPlainly(t *testing.T) {
	_, err := New(Config{Models: map[string]Model{"en": {Static: "/nowhere"}}}, nil)
	if err == nil || !strings.Contains(err.Error(), "make setup") {
		t.Errorf("missing model: %v", err)
	}
	_, err = New(Config{Models: map[string]Model{"en": {}}}, nil)
	if err == nil || !strings.Contains(err.Error(), "asr.models.en") {
		t.Errorf("empty model: %v", err)
	}
}

func TestGrownWorkerIsReplacedWithoutLoss(t *testing.T) {
	t.Parallel()
	p := fakePool(t, Config{Workers: 1, RSSLimitMB: 120})
	old := p.Stats().Workers[0].PID
	s, err := p.Open(t.Context(), StreamConfig{Language: "en", Model: "grow"})
	if err != nil {
		t.Fatalf("%v: %+v", err, p.Stats())
	}
	go func() { write(s, 0, 500, 2.5); s.Finish() }() // ends after 4 s
	waitFor(t, "another worker for new streams", func() bool {
		c := p.candidates()
		return len(c) == 1 && c[0].stats().PID != old
	})
	next, err := p.Open(t.Context(), StreamConfig{Language: "en"})
	if err != nil {
		t.Fatal(err)
	}
	_ = next.Close()
	var raw []string
	for r := range s.Results() {
		switch r.Kind {
		case Final:
			raw = append(raw, r.Raw)
		case Gap:
			t.Errorf("gap: %+v", r)
		}
	}
	if got := strings.Join(raw, " "); got != wanted(500) {
		t.Errorf("words over the replacement: %q want %q", got, wanted(500))
	}
	waitFor(t, "the old worker is gone", func() bool { return syscall.Kill(old, 0) != nil })
	if st := p.Stats(); st.Recycled != 1 || st.Moved != 0 || st.Restarts != 0 {
		t.Errorf("%+v", st)
	}
}

func TestWorkersAtAddresses(t *testing.T) {
	t.Parallel()
	sock := t.TempDir() + "/w.sock"
	lis, err := net.Listen("unix", sock)
	if err != nil {
		t.Fatal(err)
	}
	w := worker.New(worker.Config{}, fakeEngine{}, slog.New(slog.DiscardHandler))
	if err := w.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	srv := grpc.NewServer()
	asrpb.RegisterSpeechServer(srv, w)
	served := make(chan struct{})
	go func() { defer close(served); _ = srv.Serve(lis) }() // ends when srv stops
	defer func() { srv.Stop(); <-served; _ = w.Close() }()

	p, err := New(Config{Addresses: []string{"unix://" + sock, "127.0.0.1:1"}}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if err := p.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	s, err := p.Open(t.Context(), StreamConfig{Language: "en"})
	if err != nil {
		t.Fatal(err)
	}
	go func() { write(s, 0, 250, 20); s.Finish() }() // ends at once
	var raw string
	for r := range s.Results() {
		if r.Kind == Final {
			raw += r.Raw
		}
	}
	if raw != wanted(250) || s.Model() != "fake/static" {
		t.Errorf("heard %q by %q", raw, s.Model())
	}
}
