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
	seconds float64     // of voice
	length  float64     // seconds of sound
	copies  [][]float32 // functionals of the recording played slower and faster, for training
	variant string      // tells a copy's voice from the speaker's own
}

// voice is whose norm a recording belongs to.
func (m measured) voice() string { return m.Who() + m.variant }

// speeds at which the recordings of a corpus of few speakers are heard once more in
// training: pitch, formants and tempo of somebody a little larger or smaller.
var speeds = [...]float64{0.9, 1.1}

// fewSpeakers is how many make copies needless.
const fewSpeakers = 12

// few tells which corpora have few speakers.
func few(list []Spoken) map[string]bool {
	who := map[string]map[string]bool{}
	for _, s := range list {
		if who[s.Corpus] == nil {
			who[s.Corpus] = map[string]bool{}
		}
		who[s.Corpus][s.Speaker] = true
	}
	out := map[string]bool{}
	for corpus, speakers := range who {
		out[corpus] = len(speakers) < fewSpeakers
	}
	return out
}

// faster plays a recording at another speed.
func faster(pcm []int16, speed float64) []int16 {
	return audio.Resample(pcm, int(audio.Rate*speed), audio.Rate)
}

// measureAll measures the recordings on several goroutines, with copies for the corpora
// given; it fails when one cannot be read. What the cache has is taken from there.
func measureAll(ctx context.Context, list []Spoken, set *emotion.Set, band string, copies map[string]bool, cache *measureCache, parallel int) ([]measured, error) {
	out := make([]measured, len(list))
	err := hearEach(ctx, list, parallel, func(i int) (err error) {
		out[i], err = measureOne(list[i], set, band, copies[list[i].Corpus], cache)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, cache.save()
}

// hearEach calls hear for each recording, on several goroutines, until one fails; the error
// names its line in the manifest.
func hearEach(ctx context.Context, list []Spoken, parallel int, hear func(i int) error) error {
	if err := allThere(list); err != nil {
		return err
	}
	if parallel <= 0 {
		parallel = runtime.NumCPU()
	}
	errs := make([]error, len(list))
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	next := make(chan int)
	var wg sync.WaitGroup
	for range parallel {
		// Ends when next is closed.
		wg.Go(func() {
			for i := range next {
				if errs[i] = hear(i); errs[i] != nil {
					stop()
				}
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
	for i, err := range errs {
		if err != nil {
			return fmt.Errorf("manifest line %d: %w", list[i].Line, err)
		}
	}
	return ctx.Err()
}

func measureOne(s Spoken, set *emotion.Set, band string, copies bool, cache *measureCache) (measured, error) {
	m := measured{Spoken: s}
	key := cache.key(s, band, copies)
	k, ok := cache.find(key)
	if !ok && !copies {
		k, ok = cache.find(cache.key(s, band, true)) // what has copies has the rest too
		k.Copies = nil
	}
	if ok {
		m.x, m.seconds, m.length, m.copies = k.X, k.Voiced, k.Seconds, k.Copies
		return m, nil
	}
	pcm, _, err := ReadAudio(s.Path)
	if err != nil {
		return m, err
	}
	m.length = float64(len(pcm)) / audio.Rate
	got := set.Measure(through(pcm, band))
	m.x, m.seconds = got.X, got.Voiced.Seconds()
	if copies {
		for _, speed := range speeds {
			m.copies = append(m.copies, set.Measure(through(faster(pcm, speed), band)).X)
		}
	}
	cache.keep(key, kept{m.x, m.seconds, m.length, m.copies})
	return m, nil
}

// through passes audio through a band.
func through(pcm []int16, band string) []int16 {
	if band == "telephone" {
		return telephone(pcm)
	}
	return pcm
}
