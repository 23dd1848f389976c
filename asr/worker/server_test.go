package worker

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"tingxin/asr/asrpb"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type scriptedEngine struct{}

func (scriptedEngine) Open(lang, _ string, _ []string) (Recognizer, string, error) {
	if lang != "en" {
		return nil, "", ErrNoModel
	}
	return &scripted{}, "scripted", nil
}

func (scriptedEngine) Models() []Model { return []Model{{Language: "en", Name: "scripted"}} }

// serve runs a worker and gives a client to it.
func serve(t *testing.T, cfg Config) (asrpb.SpeechClient, *Server) {
	t.Helper()
	w := New(cfg, scriptedEngine{}, slog.New(slog.DiscardHandler))
	if err := w.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	lis := bufconn.Listen(1 << 20)
	srv := grpc.NewServer()
	asrpb.RegisterSpeechServer(srv, w)
	done := make(chan struct{})
	// Ends when srv stops.
	go func() { defer close(done); _ = srv.Serve(lis) }()
	conn, err := grpc.NewClient("passthrough:buf", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return lis.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = conn.Close()
		srv.Stop()
		<-done
		_ = w.Close()
		_ = w.Close()
	})
	return asrpb.NewSpeechClient(conn), w
}

func open(o *asrpb.Open) *asrpb.Request {
	return &asrpb.Request{Kind: &asrpb.Request_Open{Open: o}}
}

func sound(first uint64, frames int) *asrpb.Request {
	return &asrpb.Request{Kind: &asrpb.Request_Audio{Audio: &asrpb.Audio{FirstFrame: first, Pcm: make([]byte, 2*FrameLen*frames), Flags: make([]byte, frames)}}}
}

// ending reads a stream to its end and gives the status.
func ending(s asrpb.Speech_RecognizeClient) (events int, code codes.Code) {
	for {
		_, err := s.Recv()
		if errors.Is(err, io.EOF) {
			return events, codes.OK
		}
		if err != nil {
			return events, status.Code(err)
		}
		events++
	}
}

func TestBrokenClientsAreRefusedPlainly(t *testing.T) {
	client, w := serve(t, Config{})
	good := open(&asrpb.Open{Language: "en"})
	for name, x := range map[string]struct {
		send []*asrpb.Request
		code codes.Code
	}{
		"audio first":       {[]*asrpb.Request{sound(0, 2)}, codes.InvalidArgument},
		"unknown language":  {[]*asrpb.Request{open(&asrpb.Open{Language: "xx"})}, codes.NotFound},
		"open twice":        {[]*asrpb.Request{good, good}, codes.InvalidArgument},
		"audio goes back":   {[]*asrpb.Request{good, sound(10, 2), sound(5, 2)}, codes.InvalidArgument},
		"flags are missing": {[]*asrpb.Request{good, {Kind: &asrpb.Request_Audio{Audio: &asrpb.Audio{Pcm: make([]byte, 640)}}}}, codes.InvalidArgument},
		"half a frame":      {[]*asrpb.Request{good, {Kind: &asrpb.Request_Audio{Audio: &asrpb.Audio{Pcm: make([]byte, 333), Flags: []byte{0}}}}}, codes.InvalidArgument},
		"empty message":     {[]*asrpb.Request{good, {}}, codes.InvalidArgument},
		"nothing said":      {[]*asrpb.Request{good}, codes.OK},
		"a far jump":        {[]*asrpb.Request{good, sound(1<<40, 2)}, codes.OK},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := client.Recognize(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range x.send {
				_ = s.Send(m)
			}
			_ = s.CloseSend()
			if _, code := ending(s); code != x.code {
				t.Errorf("status %v want %v", code, x.code)
			}
		})
	}
	if f := w.load.figures(); f.channels != 0 || f.batches != 0 {
		t.Errorf("channels are left: %+v", f)
	}
}

func TestClientThatGoesAwayFreesItsChannel(t *testing.T) {
	client, w := serve(t, Config{Threads: 2})
	for range 20 {
		ctx, cancel := context.WithCancel(t.Context())
		s, err := client.Recognize(ctx)
		if err != nil {
			t.Fatal(err)
		}
		_ = s.Send(open(&asrpb.Open{Language: "en", Batch: true}))
		if _, err := s.Recv(); err != nil {
			t.Fatal(err)
		}
		for i := range 30 { // more than the batch queue holds
			_ = s.Send(sound(uint64(20*i), 20))
		}
		cancel()
	}
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(2 * time.Millisecond) {
		if f := w.load.figures(); f.batches == 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("channels are left: %+v", w.load.figures())
		}
	}
}

func TestDrainingWorkerTakesNoMore(t *testing.T) {
	client, _ := serve(t, Config{})
	running, err := client.Recognize(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_ = running.Send(open(&asrpb.Open{Language: "en"}))
	if _, err := running.Recv(); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Drain(t.Context(), &asrpb.DrainRequest{}); err != nil {
		t.Fatal(err)
	}
	h, err := client.Health(t.Context(), &asrpb.HealthRequest{})
	if err != nil || !h.Draining || h.Channels != 1 || h.Pid == 0 || h.RssBytes == 0 {
		t.Fatalf("health %v %v", h, err)
	}
	next, err := client.Recognize(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_ = next.Send(open(&asrpb.Open{Language: "en"}))
	if _, code := ending(next); code != codes.Unavailable {
		t.Errorf("new channel on a draining worker: %v", code)
	}
	_ = running.Send(sound(0, 10))
	_ = running.CloseSend()
	if n, code := ending(running); code != codes.OK || n == 0 {
		t.Errorf("running channel ended with %v after %d events", code, n)
	}
}

func TestFullQueueDropsOldestAndTells(t *testing.T) {
	l := newLoad(1, 0)
	sched := newScheduler(l) // no threads: nothing is taken
	ch := NewChannel(&scripted{}, Params{}, nil)
	s := newSession(ch, sched, l, false, false)
	for i := range liveQueue/10 + 5 {
		if err := s.audio(sound(uint64(10*i), 10).GetAudio(), time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	if s.n != liveQueue || s.lost != 50 || l.dropped.Load() != 50 {
		t.Fatalf("%d wait, %d lost, %d counted", s.n, s.lost, l.dropped.Load())
	}
	s.run()
	if len(s.out) == 0 || s.out[0].Kind != asrpb.Kind_GAP || s.out[0].EndMs != 1000 {
		t.Fatalf("events %v", s.out)
	}
}

func FuzzAudioMessage(f *testing.F) {
	f.Add(uint64(0), make([]byte, 640), []byte{0})
	f.Add(uint64(1<<63), make([]byte, 1280), []byte{0, 1})
	f.Add(uint64(3), []byte{1, 2, 3}, []byte{})
	f.Fuzz(func(t *testing.T, first uint64, pcm, flags []byte) {
		l := newLoad(1, 0)
		s := newSession(NewChannel(&scripted{}, Params{}, nil), newScheduler(l), l, false, false)
		_ = s.audio(&asrpb.Audio{FirstFrame: first, Pcm: pcm, Flags: flags}, time.Now())
		for !s.run().IsZero() {
		}
	})
}
