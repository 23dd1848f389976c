package worker

import (
	"encoding/binary"
	"fmt"
	"sync"
	"time"

	"tingxin/asr/asrpb"
)

const (
	liveQueue  = 750 // frames that may wait: 15 s, room for a replay
	batchQueue = 150
	outQueue   = 2048
	spokeAfter = time.Second
	stillFirst = 200 * time.Millisecond
)

// session is one stream on the worker: frames wait in it until a decoding
// thread takes them, events until the sender does.
type session struct {
	ch    *Channel
	load  *load
	sched *scheduler
	task  task
	batch bool

	mu       sync.Mutex
	room     *sync.Cond
	wait     []waiting // ring
	head, n  int
	next     uint64 // position the next received frame should have
	lost     uint64 // frames dropped since the last one taken
	finish   bool
	aborted  bool
	over     bool // no more events come
	spoke    bool // words have been told
	still    bool // the gate was closed at the end of the last piece
	err      error
	out      []*asrpb.Event
	notify   chan struct{}
	progress uint64

	latest time.Time // arrival of the newest frame of the piece in work
}

// waiting is a frame in the queue.
type waiting struct {
	gap uint64 // frames missing before this one
	at  time.Time
	pcm [FrameLen]int16
}

// newSession makes a session; moved says that another worker has heard the
// channel before, so that what comes first is a replay.
func newSession(ch *Channel, sched *scheduler, l *load, batch, moved bool) *session {
	n := liveQueue
	if batch {
		n = batchQueue
	}
	s := &session{ch: ch, load: l, sched: sched, batch: batch, wait: make([]waiting, n), next: ch.pos, notify: make(chan struct{}, 1)}
	s.room = sync.NewCond(&s.mu)
	s.task.batch, s.task.run = batch, s.run
	s.task.replay.Store(moved && !batch)
	ch.emit = s.emit
	return s
}

// audio takes a message of frames. Live: the oldest waiting frame is dropped
// and counted when the queue is full. Batch: waits for room.
func (s *session) audio(a *asrpb.Audio, now time.Time) error {
	n := len(a.Pcm) / (2 * FrameLen)
	if n == 0 || len(a.Pcm)%(2*FrameLen) != 0 || len(a.Flags) != n {
		return fmt.Errorf("audio message of %d bytes with %d flags", len(a.Pcm), len(a.Flags))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if a.FirstFrame < s.next {
		return fmt.Errorf("audio goes back from frame %d to %d", s.next, a.FirstFrame)
	}
	gap := a.FirstFrame - s.next
	for i := range n {
		for s.batch && s.n == len(s.wait) && !s.aborted {
			s.room.Wait()
		}
		if s.aborted {
			return nil
		}
		s.put(a.Pcm[2*FrameLen*i:], gap, now)
		gap = 0
		if s.batch && s.n == len(s.wait) {
			s.sched.wake(&s.task, now)
		}
	}
	s.next = a.FirstFrame + uint64(n)
	s.sched.wake(&s.task, s.due())
	return nil
}

// put appends one frame; s.mu is held.
func (s *session) put(pcm []byte, gap uint64, now time.Time) {
	if s.n == len(s.wait) {
		s.lost += s.wait[s.head].gap + 1
		s.head = (s.head + 1) % len(s.wait)
		s.n--
		s.load.dropped.Add(1)
	}
	if s.n == 0 {
		s.head = 0 // an empty queue starts at the front again, so that little of it is ever touched
	}
	w := &s.wait[(s.head+s.n)%len(s.wait)]
	w.gap, w.at = gap, now
	for j := range w.pcm {
		w.pcm[j] = int16(binary.LittleEndian.Uint16(pcm[2*j:]))
	}
	s.n++
}

// end says that no more audio comes.
func (s *session) end(now time.Time) {
	s.mu.Lock()
	s.finish = true
	s.mu.Unlock()
	s.sched.wake(&s.task, now)
}

// abort gives everything up; the recogniser is freed by a decoding thread or
// by close.
func (s *session) abort() {
	s.mu.Lock()
	s.aborted = true
	s.room.Broadcast()
	s.mu.Unlock()
	s.sched.wake(&s.task, time.Now())
}

// run is one piece of work: up to chunkMax frames, then their consequences.
func (s *session) run() time.Time {
	late := time.Duration(0)
	taken := 0
	before := s.ch.decoded
	for taken < chunkMax && s.ch.err == nil {
		w, ok := s.take()
		if !ok {
			break
		}
		if w.gap > 0 {
			s.ch.skip(w.gap, "overload")
		}
		s.ch.Write(w.pcm[:])
		s.latest = w.at
		taken++
	}
	if taken > 0 {
		s.ch.Flush()
		late = time.Since(s.latest)
		s.load.heard.Add(uint64(taken))
		s.load.decoded.Add(s.ch.decoded - before)
		if !s.batch {
			s.load.dealt(late)
		}
	}
	return s.after(late)
}

// due is when the oldest waiting frame came. Where nobody speaks, which costs
// next to nothing, the start of speech is looked for first. A replay that has
// told words again lets those go first that have not. s.mu is held.
func (s *session) due() time.Time {
	at := s.wait[s.head].at
	if s.still && !s.batch {
		at = at.Add(-stillFirst)
	}
	if s.spoke && s.task.replay.Load() {
		at = at.Add(spokeAfter)
	}
	return at
}

// take pops the oldest frame.
func (s *session) take() (waiting, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.n == 0 || s.aborted {
		return waiting{}, false
	}
	if s.n == 1 && s.task.replay.Load() {
		s.task.replay.Store(false) // caught up
	}
	w := s.wait[s.head]
	w.gap += s.lost
	s.lost = 0
	s.head = (s.head + 1) % len(s.wait)
	s.n--
	s.room.Signal()
	return w, true
}

// after tells progress, ends the session when it is time and says when the
// next piece was due.
func (s *session) after(late time.Duration) time.Time {
	s.mu.Lock()
	s.still = !s.ch.open
	left, finish, aborted, over := s.n, s.finish, s.aborted, s.over
	var due time.Time
	if left > 0 {
		due = s.due()
	}
	s.mu.Unlock()
	switch {
	case over:
		return time.Time{}
	case aborted:
		s.conclude(nil)
		return time.Time{}
	case s.ch.err != nil:
		s.load.failures.Add(1)
		s.conclude(s.ch.err)
		return time.Time{}
	case left > 0:
	case finish:
		s.ch.Finish()
		s.emit(&asrpb.Event{Kind: asrpb.Kind_PROGRESS})
		s.conclude(s.ch.err)
		return time.Time{}
	}
	if s.ch.pos >= s.progress+10 {
		s.emit(&asrpb.Event{Kind: asrpb.Kind_PROGRESS, LatenessUs: uint32(min(late.Microseconds(), 1e9))})
	}
	return due
}

// conclude frees the recogniser and lets the sender end.
func (s *session) conclude(err error) {
	s.ch.Free()
	s.mu.Lock()
	s.over, s.aborted = true, true
	if s.err == nil {
		s.err = err
	}
	s.room.Broadcast()
	s.mu.Unlock()
	s.poke()
}

// emit completes an event with positions and queues it. A client that reads
// nothing is cut off.
func (s *session) emit(e *asrpb.Event) {
	e.Heard, e.Settled, e.TurnOpen = s.ch.pos, s.ch.settled(), s.ch.turnOpen
	s.progress = s.ch.pos
	s.mu.Lock()
	s.spoke = s.spoke || e.Kind == asrpb.Kind_PARTIAL || e.Kind == asrpb.Kind_FINAL
	if len(s.out) < outQueue {
		s.out = append(s.out, e)
	} else {
		s.aborted = true
		s.err = fmt.Errorf("client does not read: %d events wait", outQueue)
	}
	s.mu.Unlock()
	s.poke()
}

func (s *session) poke() {
	select {
	case s.notify <- struct{}{}:
	default:
	}
}

// events takes what is to be sent; over means that nothing will follow.
func (s *session) events(buf []*asrpb.Event) (out []*asrpb.Event, over bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out, s.out = s.out, buf[:0]
	return out, s.over, s.err
}
