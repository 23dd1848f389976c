package asr

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"sync"
	"time"

	"tingxin/asr/asrpb"
	"tingxin/audio"
)

// link is a stream's connection to one worker.
type link struct {
	member *member
	rpc    asrpb.Speech_RecognizeClient
	cancel context.CancelFunc
}

// run carries the stream from worker to worker until it is finished or closed.
func (s *Stream) run(l *link) {
	defer close(s.done)
	defer s.pool.remove(s)
	defer close(s.results)
	defer s.cancel()
	for {
		err := s.serve(l)
		l.close()
		if err == nil || s.ctx.Err() != nil {
			return
		}
		lost := s.heard.Load()
		s.log.Warn("speech worker lost, moving", "worker", l.member.id, "error", err)
		s.pool.stats.moved.Add(1)
		if l = s.move(); l == nil {
			return
		}
		s.markMove(lost)
	}
}

// move opens the stream on another worker, as soon as there is one.
func (s *Stream) move() *link {
	s.skipPoison()
	for {
		changed := s.pool.changes()
		l, err := s.pool.connect(s.ctx, s, true)
		if err == nil {
			return l
		}
		if s.ctx.Err() != nil {
			return nil
		}
		select {
		case <-changed:
		case <-time.After(200 * time.Millisecond):
		case <-s.ctx.Done():
			return nil
		}
	}
}

// skipPoison leaves out audio that has already cost two workers.
func (s *Stream) skipPoison() {
	s.stuck++
	if s.stuck < 3 {
		return
	}
	s.mu.Lock()
	to := s.mem.next
	s.mu.Unlock()
	s.log.Error("audio left out after three lost workers")
	s.gap(s.settled, to, "poison")
	s.settled, s.stuck = to, 0
}

// markMove tells what the move did to the words.
func (s *Stream) markMove(lost uint64) {
	s.mu.Lock()
	first, next := s.mem.first, s.mem.next
	s.mu.Unlock()
	if first > s.settled {
		s.gap(s.settled, first, "worker_lost")
		s.settled = first
	}
	// Nothing is lost from here on, but its words come late.
	s.gap(min(max(lost, s.settled), next), next, "worker_replaced")
}

func (s *Stream) gap(from, to uint64, reason string) {
	s.pool.stats.gaps.Add(1)
	s.deliver(Result{Kind: Gap, Segment: s.segment + 1, Start: s.time(from), End: s.time(to), Reason: reason, Heard: time.Now()})
}

// open makes a link to a worker and waits for its answer.
func (s *Stream) open(ctx context.Context, m *member) (*link, error) {
	s.mu.Lock()
	from := max(s.settled, s.mem.first)
	s.mem.sent = from
	s.mu.Unlock()
	rctx, cancel := context.WithCancel(s.ctx)
	l := &link{member: m, cancel: cancel}
	stop := context.AfterFunc(ctx, cancel)
	defer stop()
	limit := time.AfterFunc(openTimeout, cancel)
	defer limit.Stop()
	err := func() (err error) {
		if l.rpc, err = m.client.Recognize(rctx); err != nil {
			return err
		}
		if err := l.rpc.Send(&asrpb.Request{Kind: &asrpb.Request_Open{Open: &asrpb.Open{
			Language: s.cfg.Language, Model: s.cfg.Model, Phrases: s.cfg.Phrases, Narrow: s.cfg.Narrow, Batch: s.cfg.Batch,
			Expect: s.cfg.Expect, FirstFrame: from, LastSegment: s.segment, TurnOpen: s.turnOpen, Tag: s.cfg.Call + "/" + s.cfg.Side,
		}}}); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		e, err := l.rpc.Recv()
		if err != nil {
			return err
		}
		s.model.Store(e.Model)
		return nil
	}()
	if err != nil {
		cancel()
		return nil, err
	}
	m.streams.Add(1)
	return l, nil
}

func (l *link) close() {
	l.cancel()
	l.member.streams.Add(-1)
}

// serve sends and receives on one link until it ends; nil means that the
// stream is finished.
func (s *Stream) serve(l *link) error {
	var receiving sync.WaitGroup
	var err error
	ended := make(chan struct{})
	// Ends when the RPC ends, which l.close and s.cancel make sure of.
	receiving.Go(func() {
		defer close(ended)
		err = s.receive(l)
	})
	s.send(l, ended)
	receiving.Wait()
	return err
}

// send passes frames on until all are sent and the stream is finished, or the
// link has ended.
func (s *Stream) send(l *link, ended <-chan struct{}) {
	audioMsg := &asrpb.Audio{Pcm: make([]byte, 0, burstFrames*2*audio.FrameLen), Flags: make([]byte, 0, burstFrames)}
	msg := &asrpb.Request{Kind: &asrpb.Request_Audio{Audio: audioMsg}}
	for {
		n, last := s.fill(audioMsg)
		if n > 0 {
			if l.rpc.Send(msg) != nil {
				return // the reason comes by Recv
			}
			continue
		}
		if last {
			_ = l.rpc.Send(&asrpb.Request{Kind: &asrpb.Request_Finish{Finish: &asrpb.Finish{}}})
			_ = l.rpc.CloseSend()
			return
		}
		select {
		case <-s.wake:
		case <-ended:
			return
		}
	}
}

// fill puts the next unsent frames into the message; last means that none will follow.
func (s *Stream) fill(a *asrpb.Audio) (n int, last bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a.Pcm, a.Flags = a.Pcm[:0], a.Flags[:0]
	r := &s.mem
	r.sent = max(r.sent, r.first)
	if int(r.next-r.sent) < batchFrames && !s.finished {
		return 0, false
	}
	a.FirstFrame = r.sent
	for ; n < burstFrames && r.sent < r.next; n++ {
		w := r.at(r.sent)
		for _, v := range w.pcm {
			a.Pcm = binary.LittleEndian.AppendUint16(a.Pcm, uint16(v))
		}
		a.Flags = append(a.Flags, byte(w.flags))
		r.sent++
	}
	return n, n == 0
}

// receive turns the worker's events into Results.
func (s *Stream) receive(l *link) error {
	for {
		e, err := l.rpc.Recv()
		if errors.Is(err, io.EOF) {
			s.mu.Lock()
			finished := s.finished
			s.mu.Unlock()
			if finished {
				return nil
			}
			return errors.New("worker ended the stream")
		}
		if err != nil {
			return err
		}
		s.handle(e)
	}
}

// handle takes one event.
func (s *Stream) handle(e *asrpb.Event) {
	if e.Settled > s.settled {
		s.settled, s.stuck = e.Settled, 0
	}
	s.heard.Store(e.Heard)
	s.turnOpen = e.TurnOpen
	if at := s.writtenAt(max(e.Heard, 1) - 1); !s.cfg.Batch && !at.IsZero() {
		s.pool.late.add(time.Since(at))
	}
	signal(s.room)
	if e.Kind == asrpb.Kind_PROGRESS || e.Kind == asrpb.Kind_OPENED {
		if e.LatenessUs > 0 {
			s.lateFrame.Store(int64(e.LatenessUs))
		}
		return
	}
	r := Result{Segment: e.Segment, Start: s.at(e.StartMs), End: s.at(e.EndMs), Text: e.Text, Raw: e.Text,
		Stable: int(e.Stable), Reason: e.Reason, Heard: s.writtenAt(max(e.Heard, 1) - 1)}
	switch e.Kind {
	case asrpb.Kind_SPEECH_START:
		if e.Segment <= s.shown {
			return // heard again after a move
		}
		s.shown = e.Segment
		r.Kind = SpeechStart
	case asrpb.Kind_PARTIAL:
		r.Kind = Partial
	case asrpb.Kind_FINAL:
		s.segment = max(s.segment, e.Segment)
		if !s.final(&r, e) {
			return
		}
	case asrpb.Kind_TURN_END:
		s.segment = max(s.segment, e.Segment)
		r.Kind = TurnEnd
	case asrpb.Kind_GAP:
		s.pool.stats.gaps.Add(1)
		r.Kind = Gap
	default:
		return
	}
	s.deliver(r)
}

// final fills in words and text. Words that an earlier Final has told (after
// a move the audio overlaps a little) are left out.
func (s *Stream) final(r *Result, e *asrpb.Event) bool {
	r.Kind = Final
	for _, w := range e.Words {
		word := Word{Text: w.Text, Start: s.at(w.StartMs), End: s.at(w.EndMs), Conf: w.Conf}
		if (word.Start+word.End)/2 < s.lastEnd {
			continue
		}
		r.Words = append(r.Words, word)
	}
	if len(r.Words) == 0 {
		return false
	}
	if len(r.Words) < len(e.Words) {
		r.Raw = join(r.Words)
		r.Start = r.Words[0].Start
	}
	s.lastEnd = r.Words[len(r.Words)-1].End
	r.Text, r.Spans = format(s.cfg.Language, r.Words)
	return true
}

// at turns the worker's milliseconds into call time.
func (s *Stream) at(ms int64) time.Duration {
	return s.cfg.Offset + time.Duration(ms)*time.Millisecond
}
