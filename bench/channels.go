package bench

import (
	"context"
	"fmt"
	"sync"
	"time"

	"tingxin/asr"
	"tingxin/audio"
)

// channels are streams that speak in real time, each from another place of the
// same audio.
type channels struct {
	pool    *asr.Pool
	pcm     []int16
	narrow  bool
	streams []*asr.Stream
	at      []int // next sample of each
	reading sync.WaitGroup
	frame   uint64
}

// open opens n streams.
func (c *channels) open(ctx context.Context, n int) error {
	for i := range n {
		s, err := c.pool.Open(ctx, asr.StreamConfig{Language: "en", Narrow: c.narrow})
		if err != nil {
			return fmt.Errorf("channel %d of %d: %w", i+1, n, err)
		}
		c.streams = append(c.streams, s)
		c.at = append(c.at, len(c.pcm)/n*i/audio.FrameLen*audio.FrameLen)
		// Ends when the stream does.
		c.reading.Go(func() {
			for range s.Results() {
			}
		})
	}
	return nil
}

// play writes one frame to each stream every 20 ms, on an absolute schedule;
// the streams' frames are spread over the 20 ms in four groups, as calls' are.
func (c *channels) play(ctx context.Context, d time.Duration) {
	const groups = 4
	begin := time.Now()
	var f audio.Frame
	if c.narrow {
		f.Flags = audio.Narrow
	}
	for tick := 0; time.Duration(tick)*audio.FrameDur/groups < d && ctx.Err() == nil; tick++ {
		if tick%groups == 0 {
			c.frame++
		}
		for i := tick % groups; i < len(c.streams); i += groups {
			f.Seq = c.frame
			copy(f.PCM[:], c.pcm[c.at[i]:])
			if c.at[i] += audio.FrameLen; c.at[i]+audio.FrameLen > len(c.pcm) {
				c.at[i] = 0
			}
			c.streams[i].WriteFrame(&f)
		}
		if wait := time.Until(begin.Add(time.Duration(tick+1) * audio.FrameDur / groups)); wait > 0 {
			time.Sleep(wait)
		}
	}
}

func (c *channels) close() {
	for _, s := range c.streams {
		_ = s.Close()
	}
	c.reading.Wait()
}

// converse spreads speech so that it fills talkShare of the time: pieces of 2
// to 6 s with the other party's time between them.
func converse(speech []int16) []int16 {
	var out []int16
	for i := 0; len(speech) > 0; i++ {
		n := min(len(speech), (2+i*3%5)*audio.Rate)
		out = append(out, speech[:n]...)
		out = append(out, make([]int16, int(float64(n)*(1-talkShare)/talkShare))...)
		speech = speech[n:]
	}
	return out
}
