package media

import (
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// Playout is one Source being played on a leg.
type Playout struct {
	src      Source
	stopped  atomic.Bool
	finished atomic.Bool
	frames   atomic.Int64
	once     sync.Once
	done     chan struct{}
}

// Play plays src instead of what is being played and over a bridge. On a closed leg
// the playout is done at once.
func (l *Leg) Play(src Source) *Playout {
	p := &Playout{src: src, done: make(chan struct{})}
	if old := l.playout.Swap(p); old != nil {
		old.finish(false)
	}
	if l.gone.Load() {
		l.playout.CompareAndSwap(p, nil)
		p.finish(false)
	}
	return p
}

// pull reads the next 20 ms of what is being played: into w.frame, or as it is sent into
// w.code when the source has that and nobody taps it. Clock goroutine, mu not held.
func (l *Leg) pull(w *walker) soundKind {
	p := l.playout.Load()
	if p == nil {
		return soundNone
	}
	if !p.stopped.Load() {
		kind := soundFrame
		codec := Codec(l.codec.Load())
		coded, ok := p.src.(codeSource)
		var err error
		if ok && codec.narrow() && !l.sent.any() {
			kind = soundCode
			w.coded = codec
			err = coded.ReadCode(&w.code, codec)
		} else {
			err = p.src.ReadFrame(&w.frame)
		}
		if err == nil {
			p.frames.Add(1)
			return kind
		}
		p.finished.Store(errors.Is(err, io.EOF))
	}
	l.playout.CompareAndSwap(p, nil)
	p.finish(p.finished.Load())
	return soundNone
}

func (p *Playout) finish(finished bool) {
	p.once.Do(func() {
		p.stopped.Store(true)
		p.finished.Store(finished)
		close(p.done)
	})
}

// Done is closed when the source ended, was stopped or replaced, or the leg closed.
func (p *Playout) Done() <-chan struct{} { return p.done }

// Stop silences the playout within one frame. Twice is fine.
func (p *Playout) Stop() { p.finish(false) }

// Played is how much of the source was sent.
func (p *Playout) Played() time.Duration { return time.Duration(p.frames.Load()) * tick }

// Finished says that the source was played to its end.
func (p *Playout) Finished() bool {
	select {
	case <-p.done:
		return p.finished.Load()
	default:
		return false
	}
}
