package emotion

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"tingxin/audio"
)

// Set is a set of functionals: what a recording is to a model. A model, and the baselines
// that belong to it, know one set. It is immutable.
type Set struct {
	name  string
	names []string
	fill  func(*workspace, []float32)
	// time are the features of pitch, voice and rhythm: they tell speech from music and
	// signals on any line.
	time []int
	// line are the means of spectral shape. The line decides on them as much as the voice
	// does: when they are far from what a model knows, it knows nothing of a speaker until
	// some of that speaker's own voice has been heard on that line.
	line []int
	// cues are the places of cueFeatures, -1 where the set has none.
	cues []int
}

// Large is the set of the shipped model: the functionals of all contours, rhythm and modulation.
var Large = newSet("large", featureNames, (*workspace).large)

// Eighty8 are the 88 functionals of Eyben et al. 2016 ("The Geneva minimalistic acoustic
// parameter set", extended), fitted to a telephone band: see functional88.go.
var Eighty8 = newSet("88", names88(), (*workspace).eighty8)

// sets are all there are; no two are equally long.
var sets = []*Set{Large, Eighty8}

func newSet(name string, names []string, fill func(*workspace, []float32)) *Set {
	s := &Set{name: name, names: names, fill: fill}
	for i, n := range names {
		if slices.ContainsFunc([]string{"f0.", "hnr.", "jitter.", "shimmer.", "rhythm.", "modulation."}, func(of string) bool { return strings.HasPrefix(n, of) }) {
			s.time = append(s.time, i)
		}
		if strings.HasPrefix(n, "mfcc") && strings.HasSuffix(n, ".mean") {
			s.line = append(s.line, i)
		}
	}
	for _, c := range cueFeatures {
		s.cues = append(s.cues, slices.IndexFunc(names, func(n string) bool { return n == c.feature || n == c.or }))
	}
	return s
}

// SetOf finds a set by its name: large or 88.
func SetOf(name string) (*Set, error) {
	for _, s := range sets {
		if s.name == name {
			return s, nil
		}
	}
	return nil, fmt.Errorf("emotion: %q is no set of features: large or 88", name)
}

// setLong is the set of n functionals, nil when there is none.
func setLong(n int) *Set {
	for _, s := range sets {
		if len(s.names) == n {
			return s
		}
	}
	return nil
}

// Name is what SetOf finds the set by.
func (s *Set) Name() string { return s.name }

// Names lists the functionals in their order: contour, kind of rows, functional.
func (s *Set) Names() []string { return slices.Clone(s.names) }

// Measure takes a whole recording of one speaker, 16 kHz mono, as one turn. It is made for
// files: it measures at most ten minutes and allocates.
func (s *Set) Measure(pcm []int16) *Measurement {
	const tail = int(centre/audio.FrameDur) + 1 // frames until the last hop is centred
	frames := min((len(pcm)+audio.FrameLen-1)/audio.FrameLen, int(longest/audio.FrameDur))
	w := newWorkspace(2 * (frames + tail))
	e := newExtractor()
	var two [2]row
	var frame [audio.FrameLen]int16
	w.rows = w.all
	for i := range frames + tail {
		clear(frame[:])
		if at := i * audio.FrameLen; at < len(pcm) {
			copy(frame[:], pcm[at:])
		}
		e.frame(frame[:], &two)
		w.rows = append(w.rows, two[0], two[1])
	}
	w.rows = w.rows[min(len(w.rows), int(centre/hopTime)):]
	all := w.rows
	m := &Measurement{Voiced: time.Duration(w.measure(s)) * hopTime, X: w.x}
	for i := range all {
		m.Track = append(m.Track, all[i].point(i))
	}
	return m
}
