package score

import (
	"context"
	"fmt"
	"runtime"
	"sync"

	"tingxin/audio"
	"tingxin/emotion"
)

// measured is a recording with its features.
type measured struct {
	Spoken
	x       []float32
	seconds float64 // of voice
	length  float64 // seconds of sound
	err     error
}

// measureAll measures the recordings on several goroutines; it fails when one cannot be read.
func measureAll(ctx context.Context, list []Spoken, band string, parallel int) ([]measured, error) {
	if parallel <= 0 {
		parallel = runtime.NumCPU()
	}
	out := make([]measured, len(list))
	next := make(chan int)
	var wg sync.WaitGroup
	for range parallel {
		// Ends when next is closed.
		wg.Go(func() {
			for i := range next {
				out[i] = measureOne(list[i], band)
			}
		})
	}
	for i := range list {
		select {
		case next <- i:
		case <-ctx.Done():
		}
	}
	close(next)
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for _, m := range out {
		if m.err != nil {
			return nil, m.err
		}
	}
	return out, nil
}

func measureOne(s Spoken, band string) measured {
	m := measured{Spoken: s}
	pcm, _, err := ReadAudio(s.Path)
	if err != nil {
		m.err = fmt.Errorf("features: %w", err)
		return m
	}
	if band == "telephone" {
		pcm = telephone(pcm)
	}
	m.length = float64(len(pcm)) / audio.Rate
	got := emotion.Measure(pcm)
	m.x, m.seconds = got.X, got.Voiced.Seconds()
	return m
}
