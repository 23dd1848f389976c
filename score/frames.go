package score

import (
	"context"
	"fmt"
	"time"

	"tingxin/asr"
	"tingxin/audio"
)

// A line is silent before somebody speaks and after. In real time the silence
// after lasts until turns have ended by themselves.
const (
	leadTime = 500 * time.Millisecond
	tailTime = 500 * time.Millisecond
	turnTime = 2 * time.Second
)

// hear sends one recording through a stream, at the pace of a call or as fast as
// the workers take it, and collects the results.
func hear(ctx context.Context, pool *asr.Pool, cfg asr.StreamConfig, pcm []int16, realtime bool) (Heard, error) {
	cfg.Call, cfg.Side, cfg.Offset = "score", "caller", -leadTime
	s, err := pool.Open(ctx, cfg)
	if err != nil {
		return Heard{}, err
	}
	defer s.Close()
	written := make(chan error, 1)
	h := Heard{AudioAt: time.Now().Add(leadTime)}
	wctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// Ends when all is written or the results have ended.
	go func() { written <- write(wctx, s, pcm, realtime) }()
	for r := range s.Results() {
		h.Results = append(h.Results, Timed{Result: r, At: time.Now()})
	}
	cancel()
	if err := <-written; err != nil {
		return h, fmt.Errorf("audio to the speech worker: %w", err)
	}
	for _, r := range h.Results {
		if r.Kind == asr.Gap {
			return h, fmt.Errorf("the speech worker left a gap: %s", r.Reason)
		}
	}
	return h, nil
}

// write cuts pcm into frames, with silence before and after.
func write(ctx context.Context, s *asr.Stream, pcm []int16, realtime bool) error {
	defer s.Finish()
	lead, tail := int(leadTime/audio.FrameDur), int(tailTime/audio.FrameDur)
	if realtime {
		tail = int(turnTime / audio.FrameDur)
	}
	total := lead + (len(pcm)+audio.FrameLen-1)/audio.FrameLen + tail
	var f audio.Frame
	due := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for i := range total {
		clear(f.PCM[:])
		if at := (i - lead) * audio.FrameLen; at >= 0 && at < len(pcm) {
			copy(f.PCM[:], pcm[at:])
		}
		f.Seq = uint64(i)
		if !realtime {
			if err := s.WriteWait(ctx, &f); err != nil {
				return err
			}
			continue
		}
		due = due.Add(audio.FrameDur) // a frame is there when its last sample is
		timer.Reset(time.Until(due))
		select {
		case <-timer.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		s.WriteFrame(&f)
	}
	return nil
}
