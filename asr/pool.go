package asr

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const openTimeout = 5 * time.Second // a phrase list may have to load its model first

// Pool holds the workers and the open streams.
type Pool struct {
	cfg   Config
	log   *slog.Logger
	stats counters
	late  lateness

	ctx    context.Context
	cancel context.CancelFunc
	dir    string
	slots  sync.WaitGroup // one per worker slot and health poll

	mu      sync.Mutex
	started bool
	closed  bool
	members []*member
	streams map[*Stream]struct{}
	changed chan struct{} // closed and replaced when a worker's state changes
	serial  int
}

// counters are the pool's own figures.
type counters struct {
	opened, refused, moved, gaps   atomic.Uint64
	droppedFrames, droppedPartials atomic.Uint64
	restarts, recycled             atomic.Uint64
}

// New makes a Pool; nothing runs before Start.
func New(cfg Config, log *slog.Logger) (*Pool, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	return &Pool{cfg: cfg.withDefaults(), log: log, ctx: ctx, cancel: cancel,
		streams: map[*Stream]struct{}{}, changed: make(chan struct{})}, nil
}

// Start starts the workers, or connects to the addresses, and returns when the
// first one is ready; the others follow. It fails when none gets ready.
func (p *Pool) Start(ctx context.Context) error {
	p.mu.Lock()
	if p.started || p.closed {
		p.mu.Unlock()
		return errors.New("speech pool started twice or after close")
	}
	p.started = true
	p.mu.Unlock()
	if len(p.cfg.Addresses) > 0 {
		for i, addr := range p.cfg.Addresses {
			m, err := p.newMember(fmt.Sprintf("a%d", i+1), addr)
			if err != nil {
				return err
			}
			p.add(m)
			// Ends when the pool is closed.
			p.slots.Go(func() { p.watch(m) })
		}
		return p.awaitReady(ctx)
	}
	if err := p.startProcesses(); err != nil {
		return err
	}
	return p.awaitReady(ctx)
}

func (p *Pool) startProcesses() error {
	dir, err := os.MkdirTemp("", "tingxin-asr-")
	if err != nil {
		return fmt.Errorf("folder for worker sockets: %w", err)
	}
	p.dir = dir
	bin, err := p.cfg.findBinary()
	if err != nil {
		return err
	}
	for i := range p.cfg.Workers {
		sl := &workerSlot{pool: p, bin: bin, number: i + 1}
		// Ends when the pool is closed and its process has ended.
		p.slots.Go(sl.run)
	}
	return nil
}

// awaitReady waits for the first ready worker.
func (p *Pool) awaitReady(ctx context.Context) error {
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	for {
		changed := p.changes()
		if p.anyReady() {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		case <-p.ctx.Done():
			return ErrClosed
		case <-deadline.C:
			return fmt.Errorf("%w after 30 s: see the worker's messages above", ErrNoWorker)
		}
	}
}

// Close ends all streams at once, then the workers.
func (p *Pool) Close() error {
	p.mu.Lock()
	p.closed = true
	open := make([]*Stream, 0, len(p.streams))
	for s := range p.streams {
		open = append(open, s)
	}
	p.mu.Unlock()
	for _, s := range open {
		_ = s.Close()
	}
	p.cancel()
	p.slots.Wait()
	p.mu.Lock()
	members := p.members
	p.members = nil
	p.mu.Unlock()
	for _, m := range members {
		m.close()
	}
	if p.dir != "" {
		_ = os.RemoveAll(p.dir)
	}
	return nil
}

// Open opens a stream on the worker with the most room. The error is ErrFull,
// ErrNoWorker or ErrNoModel, or says what is wrong with the phrase list.
func (p *Pool) Open(ctx context.Context, cfg StreamConfig) (*Stream, error) {
	s := newStream(p, cfg)
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		s.cancel()
		return nil, ErrClosed
	}
	p.streams[s] = struct{}{}
	p.mu.Unlock()
	l, err := p.connect(ctx, s, false)
	if err != nil {
		s.cancel()
		close(s.done)
		p.remove(s)
		if errors.Is(err, ErrFull) {
			p.stats.refused.Add(1)
		}
		return nil, err
	}
	p.stats.opened.Add(1)
	// Ends when the stream is finished or closed.
	go s.run(l)
	return s, nil
}

func (p *Pool) remove(s *Stream) {
	p.mu.Lock()
	delete(p.streams, s)
	p.mu.Unlock()
}

// connect opens the stream on one of the ready workers.
func (p *Pool) connect(ctx context.Context, s *Stream, moved bool) (*link, error) {
	tried := map[*member]bool{}
	l, err := p.tryWorkers(ctx, s, moved, tried)
	if errors.Is(err, ErrNoWorker) && len(tried) > 0 {
		// A worker that was replaced while we asked it may have a successor by now.
		l, err = p.tryWorkers(ctx, s, moved, tried)
	}
	return l, err
}

// tryWorkers asks the ready workers not tried yet, the one with the most room first.
func (p *Pool) tryWorkers(ctx context.Context, s *Stream, moved bool, tried map[*member]bool) (*link, error) {
	best := error(ErrNoWorker)
	for _, m := range p.candidates() {
		if tried[m] {
			continue
		}
		tried[m] = true
		if !moved && !s.cfg.Batch && m.isFull() {
			best = ErrFull
			continue
		}
		l, err := s.open(ctx, m)
		if err == nil {
			return l, nil
		}
		switch status.Code(err) {
		case codes.ResourceExhausted:
			m.setFull()
			best = ErrFull
		case codes.NotFound:
			if !errors.Is(best, ErrFull) {
				best = fmt.Errorf("%w: language %q, model %q", ErrNoModel, s.cfg.Language, s.cfg.Model)
			}
		case codes.InvalidArgument:
			return nil, fmt.Errorf("open stream: %s", status.Convert(err).Message())
		default:
			level := slog.LevelWarn
			if moved {
				level = slog.LevelDebug // the lost worker itself, most likely
			}
			p.log.Log(ctx, level, "speech worker did not open a stream", "worker", m.id, "error", err)
		}
	}
	if p.ctx.Err() != nil {
		return nil, ErrClosed
	}
	return nil, best
}

// candidates are the ready workers, the least loaded first.
func (p *Pool) candidates() []*member {
	p.mu.Lock()
	list := make([]*member, 0, len(p.members))
	for _, m := range p.members {
		if m.usable() {
			list = append(list, m)
		}
	}
	p.mu.Unlock()
	slices.SortStableFunc(list, func(a, b *member) int { return int(1000 * (a.weight() - b.weight())) })
	return list
}

func (p *Pool) anyReady() bool { return len(p.candidates()) > 0 }

// changes gives a channel that is closed at the next change of a worker's state.
func (p *Pool) changes() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.changed
}

func (p *Pool) announce() {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.changed)
	p.changed = make(chan struct{})
}

func (p *Pool) add(m *member) {
	p.mu.Lock()
	p.members = append(p.members, m)
	p.mu.Unlock()
	p.announce()
}

func (p *Pool) drop(m *member) {
	p.mu.Lock()
	p.members = slices.DeleteFunc(p.members, func(x *member) bool { return x == m })
	p.mu.Unlock()
	m.close()
	p.announce()
}

// socket names a fresh socket for a process.
func (p *Pool) socket(number int) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.serial++
	return filepath.Join(p.dir, fmt.Sprintf("w%d-%d.sock", number, p.serial))
}
