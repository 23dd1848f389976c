package asr

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"tingxin/audio"
)

// Stream is one channel on its way through a worker. Frames are written by one
// goroutine; Results are read by one.
type Stream struct {
	pool    *Pool
	cfg     StreamConfig
	log     *slog.Logger
	results chan Result
	ctx     context.Context
	cancel  context.CancelFunc
	done    chan struct{} // closed when the last goroutine has ended
	wake    chan struct{} // frames or Finish are there
	room    chan struct{} // the worker has caught up a bit

	mu       sync.Mutex
	mem      recall
	finished bool

	heard     atomic.Uint64 // frames the worker has dealt with
	model     atomic.Value  // string: what recognises this channel
	lateFrame atomic.Int64  // worker's last lateness, µs

	// The rest belongs to the goroutine that receives.
	settled  uint64
	segment  uint64 // last segment that is finished
	shown    uint64 // last segment whose SpeechStart was given
	turnOpen bool
	lastEnd  time.Duration // end of the last Final's words
	stuck    int           // moves without anything settled in between
}

func newStream(p *Pool, cfg StreamConfig) *Stream {
	size := memory
	if cfg.Batch {
		size = batchMemory
	}
	ctx, cancel := context.WithCancel(context.Background())
	return &Stream{pool: p, cfg: cfg, log: p.log.With("call", cfg.Call, "side", cfg.Side),
		results: make(chan Result, resultQueue), ctx: ctx, cancel: cancel, done: make(chan struct{}),
		wake: make(chan struct{}, 1), room: make(chan struct{}, 1), mem: recall{slots: make([]slot, size)}}
}

// WriteFrame remembers a copy of the frame and lets it be sent. It never
// blocks and allocates nothing; when the worker is away for longer than the
// memory lasts, the oldest frames are dropped and counted.
func (s *Stream) WriteFrame(f *audio.Frame) {
	s.mu.Lock()
	if s.finished {
		s.mu.Unlock()
		return
	}
	before := s.mem.dropped
	waiting := s.mem.put(f, time.Now())
	lost := s.mem.dropped - before
	s.mu.Unlock()
	if lost > 0 {
		s.pool.stats.droppedFrames.Add(lost)
	}
	if waiting >= batchFrames {
		signal(s.wake)
	}
}

// WriteWait is WriteFrame for audio that is not live: it waits until the
// worker has caught up to within half of the memory.
func (s *Stream) WriteWait(ctx context.Context, f *audio.Frame) error {
	for {
		s.mu.Lock()
		ahead := s.mem.next - min(s.heard.Load(), s.mem.next)
		free := ahead < uint64(len(s.mem.slots)/2)
		s.mu.Unlock()
		if free {
			s.WriteFrame(f)
			return nil
		}
		select {
		case <-s.room:
		case <-ctx.Done():
			return ctx.Err()
		case <-s.ctx.Done():
			return ErrClosed
		}
	}
}

// Results gives what is recognised; it is closed after the last one.
func (s *Stream) Results() <-chan Result { return s.results }

// Model names the model and graph that serve the stream, as "en/static".
func (s *Stream) Model() string {
	m, _ := s.model.Load().(string)
	return m
}

// Finish says that no more audio comes: the last Final and TurnEnd arrive,
// then Results is closed.
func (s *Stream) Finish() {
	s.mu.Lock()
	s.finished = true
	s.mu.Unlock()
	signal(s.wake)
}

// Close ends the stream at once and returns when its goroutines have ended.
func (s *Stream) Close() error {
	s.cancel()
	<-s.done
	return nil
}

// deliver hands a Result over. A Partial is dropped when the reader is slow,
// anything else waits for it.
func (s *Stream) deliver(r Result) {
	if r.Kind == Partial && len(s.results) > resultQueue/2 {
		s.pool.stats.droppedPartials.Add(1)
		return
	}
	select {
	case s.results <- r:
	case <-s.ctx.Done():
	}
}

// writtenAt is the wall-clock time at which frame i was written.
func (s *Stream) writtenAt(i uint64) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if w := s.mem.at(i); w != nil {
		return w.at
	}
	return time.Time{}
}

// time is the call time of frame i.
func (s *Stream) time(i uint64) time.Duration {
	return s.cfg.Offset + time.Duration(i)*audio.FrameDur
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
