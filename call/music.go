package call

import (
	"context"
	"fmt"
	"math"
	"sync"

	"tingxin/audio"
	"tingxin/ivr"
	"tingxin/media"
)

// tunes are the pieces of music on hold, each decoded once for all listeners.
type tunes struct {
	flows *ivr.Library

	mu   sync.Mutex
	main *media.Music
	more map[string]*media.Music // by file
}

// load reads the music of the configuration; without one it is a few soft notes.
func (t *tunes) load(path string) error {
	var err error
	if path != "" {
		t.main, err = media.LoadMusic(path)
	} else {
		t.main, err = media.NewMusic(chime())
	}
	if err != nil {
		return fmt.Errorf("call.music: %w", err)
	}
	return nil
}

// of is the music of a file in the folder of prompts; the usual one when the name is empty.
func (t *tunes) of(ctx context.Context, file string) (*media.Music, error) {
	t.mu.Lock()
	m := t.more[file]
	t.mu.Unlock()
	if file == "" {
		return t.main, nil
	}
	if m != nil {
		return m, nil
	}
	p, err := t.flows.Prompts.Prompt(ctx, ivr.Speech{File: file})
	if err != nil {
		return nil, err
	}
	if m, err = media.NewMusic(p.PCM); err != nil {
		return nil, fmt.Errorf("music %s: %w", file, err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if old := t.more[file]; old != nil {
		return old, nil
	}
	t.more[file] = m
	return m, nil
}

// chime is eight soft notes of an open fifth and rest, 6.4 s at 16 kHz and about
// -26 dBFS: plainly no speech, and nobody's property.
func chime() []int16 {
	const note = audio.Rate * 8 / 10
	steps := []float64{0, 7, 12, 14, 12, 7, 4, 7} // semitones above A3
	pcm := make([]int16, note*len(steps))
	for i, step := range steps {
		f := 220 * math.Pow(2, step/12)
		for k := range note {
			at := float64(k) / audio.Rate
			swell := math.Min(at/0.03, 1) * math.Exp(-3*at) * math.Min(float64(note-k)/800, 1)
			pcm[i*note+k] = int16(2400 * swell * (math.Sin(2*math.Pi*f*at) + 0.3*math.Sin(4*math.Pi*f*at)))
		}
	}
	return pcm
}
