// Package worker is what a speech worker (asrd) runs: it hears many channels at
// once and tells their words.
//
// It owns the detector gate, the clock map over the gaps, the turn end, the
// committed prefix of partials, the decoding threads with their order, and the
// measured load from which it refuses channels. It refuses to know libvosk:
// recognisers come through Engine. It keeps nothing after a stream has ended.
//
//	gRPC stream -> session queue -> scheduler: oldest audio first -> channel:
//	   detector -> gate -> recogniser -> Partial / Final / TurnEnd -> gRPC stream
package worker

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"tingxin/asr/asrpb"
)

// Config of a worker; the zero value is the default.
type Config struct {
	// Threads is the number of decoding threads (default 1).
	Threads int `json:"threads" yaml:"threads" koanf:"threads"`
	// Spare is the number of further threads that do nothing but replays after another worker was lost (default: the other cores).
	Spare int `json:"spare" yaml:"spare" koanf:"spare"`
	// MaxChannels is a ceiling above the measured load (0: none).
	MaxChannels int `json:"max_channels" yaml:"max_channels" koanf:"max_channels"`
	// AdmitAll takes every channel whatever the load.
	AdmitAll bool `json:"admit_all" yaml:"admit_all" koanf:"admit_all"`
	// Turn sets the silences that end a turn.
	Turn Turn `json:"turn" yaml:"turn" koanf:"turn"`
}

// Server answers the Speech service.
type Server struct {
	asrpb.UnimplementedSpeechServer
	cfg    Config
	engine Engine
	log    *slog.Logger
	load   *load
	sched  *scheduler

	draining atomic.Bool
	ready    atomic.Bool
	stop     chan struct{}
	once     sync.Once
	ticker   sync.WaitGroup
}

// New makes a Server.
func New(cfg Config, engine Engine, log *slog.Logger) *Server {
	cfg.Threads = max(cfg.Threads, 1)
	if cfg.Spare == 0 {
		cfg.Spare = max(runtime.NumCPU()-cfg.Threads, 0)
	}
	cfg.Turn = cfg.Turn.withDefaults()
	l := newLoad(cfg.Threads, cfg.MaxChannels)
	return &Server{cfg: cfg, engine: engine, log: log, load: l, sched: newScheduler(l), stop: make(chan struct{})}
}

// Start begins with the decoding threads and the load measurement.
func (s *Server) Start(context.Context) error {
	s.sched.start(s.cfg.Threads, s.cfg.Spare)
	// Ends when Close closes stop.
	s.ticker.Go(s.measure)
	s.ready.Store(true)
	return nil
}

// Close ends the threads; the gRPC server that calls in has to be stopped before.
func (s *Server) Close() error {
	s.once.Do(func() {
		s.ready.Store(false)
		close(s.stop)
		s.ticker.Wait()
		s.sched.close()
	})
	return nil
}

func (s *Server) measure() {
	t := time.NewTicker(sampleEvery)
	defer t.Stop()
	for {
		select {
		case now := <-t.C:
			s.load.sample(now)
		case <-s.stop:
			return
		}
	}
}

// Recognize serves one channel.
func (s *Server) Recognize(stream asrpb.Speech_RecognizeServer) error {
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	open := first.GetOpen()
	if open == nil {
		return status.Error(codes.InvalidArgument, "the first message has to be open")
	}
	sess, err := s.open(open)
	if err != nil {
		return err
	}
	defer s.load.leave(open.Batch)
	s.log.Debug("channel opened", "tag", open.Tag, "from_frame", open.FirstFrame, "batch", open.Batch)

	var sending sync.WaitGroup
	var sendErr error
	// Ends when the session is over or the stream's context is done.
	sending.Go(func() { sendErr = s.send(stream, sess) })
	recvErr := s.receive(stream, sess)
	if recvErr != nil {
		sess.abort()
	}
	sending.Wait()
	s.release(sess)
	if recvErr != nil {
		return recvErr
	}
	return sendErr
}

// open admits the channel and makes its recogniser.
func (s *Server) open(o *asrpb.Open) (*session, error) {
	if s.draining.Load() {
		return nil, status.Error(codes.Unavailable, "draining")
	}
	if !s.load.admit(o.Batch, s.cfg.AdmitAll || o.FirstFrame > 0, time.Now()) {
		return nil, status.Error(codes.ResourceExhausted, "full")
	}
	rec, name, err := s.engine.Open(o.Language, o.Model, o.Phrases)
	if err != nil {
		s.load.leave(o.Batch)
		code := codes.InvalidArgument
		if errors.Is(err, ErrNoModel) {
			code = codes.NotFound
		}
		return nil, status.Error(code, err.Error())
	}
	ch := NewChannel(rec, Params{Narrow: o.Narrow, Expect: o.Expect, Turn: s.cfg.Turn,
		FirstFrame: o.FirstFrame, LastSegment: o.LastSegment, TurnOpen: o.TurnOpen}, nil)
	sess := newSession(ch, s.sched, s.load, o.Batch, o.FirstFrame > 0)
	sess.emit(&asrpb.Event{Kind: asrpb.Kind_OPENED, Model: name})
	return sess, nil
}

// receive reads the client's messages until Finish or the end of the stream.
func (s *Server) receive(stream asrpb.Speech_RecognizeServer, sess *session) error {
	for {
		m, err := stream.Recv()
		switch {
		case errors.Is(err, io.EOF):
			sess.end(time.Now())
			return nil
		case err != nil:
			return err
		case m.GetFinish() != nil:
			sess.end(time.Now())
			return nil
		case m.GetAudio() != nil:
			if err := sess.audio(m.GetAudio(), time.Now()); err != nil {
				return status.Error(codes.InvalidArgument, err.Error())
			}
		default:
			return status.Error(codes.InvalidArgument, "unexpected message")
		}
	}
}

// send passes the session's events on.
func (s *Server) send(stream asrpb.Speech_RecognizeServer, sess *session) error {
	ctx := stream.Context()
	var buf []*asrpb.Event
	for {
		select {
		case <-sess.notify:
		case <-ctx.Done():
			return ctx.Err()
		case <-s.stop:
			return status.Error(codes.Unavailable, "worker stops")
		}
		events, over, err := sess.events(buf)
		for _, e := range events {
			if err := stream.Send(e); err != nil {
				return err
			}
		}
		clear(events)
		buf = events
		if over {
			if err != nil {
				return status.Error(codes.Aborted, err.Error())
			}
			return nil
		}
	}
}

// release waits until no decoding thread has the session any more and frees
// its recogniser.
func (s *Server) release(sess *session) {
	sess.abort()
	for {
		sess.mu.Lock()
		over := sess.over
		sess.mu.Unlock()
		if over {
			return
		}
		select {
		case <-sess.notify:
		case <-s.stop:
			s.sched.close() // threads have ended: nobody else holds the recogniser
			sess.ch.Free()
			return
		}
	}
}

// Health tells state and load.
func (s *Server) Health(context.Context, *asrpb.HealthRequest) (*asrpb.HealthReply, error) {
	f := s.load.figures()
	f.full = f.full && !s.cfg.AdmitAll
	r := &asrpb.HealthReply{Ready: s.ready.Load(), Draining: s.draining.Load(), Full: f.full,
		Channels: uint32(f.channels), BatchChannels: uint32(f.batches), Capacity: uint32(f.capacity), Threads: uint32(s.cfg.Threads),
		Busy: float32(f.busy), LatenessP99Ms: float32(f.lateMS), RssBytes: ResidentBytes(), CpuPct: float32(f.cpuPct),
		DroppedFrames: s.load.dropped.Load(), Failures: s.load.failures.Load(), Pid: int32(os.Getpid()),
		HeardFrames: s.load.heard.Load(), DecodedFrames: s.load.decoded.Load()}
	for _, m := range s.engine.Models() {
		r.Models = append(r.Models, &asrpb.ModelInfo{Language: m.Language, Name: m.Name, Graph: m.Graph, Loaded: m.Loaded})
	}
	return r, nil
}

// Drain refuses new channels from now on.
func (s *Server) Drain(context.Context, *asrpb.DrainRequest) (*asrpb.DrainReply, error) {
	s.draining.Store(true)
	s.log.Info("draining")
	return &asrpb.DrainReply{}, nil
}
