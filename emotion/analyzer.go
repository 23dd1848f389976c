package emotion

import (
	"cmp"
	"math"
	"runtime"
	"slices"
	"time"

	"tingxin/audio"
)

const (
	// keptRows is how much of a turn is read: its last 15 s.
	keptRows = 1500
	// slideRows is the stretch of a sliding reading, slideEvery how often there is one.
	slideRows  = 300
	slideEvery = 100
	// leastVoiced is how much voice a reading needs, in rows.
	leastVoiced = 100
)

// Analyzer reads one channel: one side of one call. It is not safe for concurrent use.
type Analyzer struct {
	model    *Model
	baseline *Baseline
	extract  *extractor
	ring     []row  // keptRows
	hops     uint64 // rows written since the start
	two      [2]row
}

// NewAnalyzer makes a channel's analyzer. b is what is known of the speaker and is
// taught further; nil is somebody unknown.
func NewAnalyzer(m *Model, b *Baseline) *Analyzer {
	if b == nil {
		b = &Baseline{}
	}
	return &Analyzer{model: m, baseline: b, extract: newExtractor(), ring: make([]row, keptRows)}
}

// Baseline is the speaker's norm as learned so far; it belongs to the analyzer.
func (a *Analyzer) Baseline() *Baseline { return a.baseline }

// WriteFrame takes the next 20 ms and returns, once a second, a reading of the last three
// seconds when a second of them is voice. It allocates nothing.
func (a *Analyzer) WriteFrame(f *audio.Frame) (Reading, bool) {
	if f.Flags&audio.Break != 0 {
		a.extract.reset()
	}
	a.extract.frame(f.PCM[:], &a.two)
	for i := range a.two {
		r := &a.ring[a.hops%keptRows]
		*r = a.two[i]
		if f.Flags&(audio.Concealed|audio.Silent) != 0 {
			r.n, r.peak, r.fine = 0, 0, false // invented sound has no voice
		}
		a.hops++
	}
	if a.hops%slideEvery != 0 || a.hops < slideRows || !a.mayBeVoiced() {
		return Reading{}, false
	}
	w := borrow()
	defer w.release()
	return a.read(w, a.hops-slideRows, a.hops, nil)
}

// mayBeVoiced saves the work of a reading in silence: less than a second of the last
// three has a pitch at all.
func (a *Analyzer) mayBeVoiced() bool {
	n := 0
	for h := a.hops - slideRows; h < a.hops; h++ {
		if r := &a.ring[h%keptRows]; r.n > 0 && r.cand[0].strength > voicingThreshold {
			n++
		}
	}
	return n >= leastVoiced
}

// EndTurn reads a turn that has just ended, given in stream time; of a turn of more than
// 15 s the last 15 s. False: it has less than a second of voice. A turn that is judged neutral teaches the baseline.
func (a *Analyzer) EndTurn(start, end time.Duration) (Reading, bool) {
	from := uint64(max(0, (start+centre)/hopTime))
	to := min(a.hops, uint64(max(0, (end+centre)/hopTime)))
	if a.hops > keptRows {
		from = max(from, a.hops-keptRows)
	}
	if from+leastVoiced > to {
		return Reading{}, false
	}
	w := borrow()
	defer w.release()
	var z []float32
	r, ok := a.read(w, from, to, &z)
	if !ok {
		return r, false
	}
	r.Turn = true
	a.teach(w, &r, z)
	return r, true
}

// read reads the rows from to to. turn, when given, gets the z-scores before the baseline
// was applied, which stay w's.
func (a *Analyzer) read(w *workspace, from, to uint64, turn *[]float32) (Reading, bool) {
	w.rows = w.all[:0]
	for h := from; h < to; h++ {
		w.rows = append(w.rows, a.ring[h%keptRows])
	}
	voiced := w.measure(a.model.set)
	if voiced < leastVoiced {
		return Reading{}, false
	}
	r := Reading{
		Start: max(0, time.Duration(from)*hopTime-centre), End: max(0, time.Duration(to)*hopTime-centre),
		Voiced: time.Duration(voiced) * hopTime,
	}
	a.model.norm.Apply(w.x, w.z)
	if turn != nil {
		*turn = append(w.raw[:0], w.z...)
	}
	if !a.model.read(w.z, w.own[:2*len(w.z)], a.baseline, &r) {
		return Reading{}, false // music, signals, noise
	}
	return r, true
}

// teach takes a neutral turn into the baseline and names what stands out. While little is
// known of the speaker, a turn that the model is unsure of counts as neutral.
func (a *Analyzer) teach(w *workspace, r *Reading, z []float32) {
	r.Cues = a.model.set.standOut(w.z)
	if r.Class == Neutral || r.Class == Unsure && r.Learned < leastLearned {
		a.baseline.Learn(z, r.Voiced.Seconds())
	}
}

// cueFeatures are the features that mean something to a listener, in plain words; or names
// what stands for one in a set that lacks it.
var cueFeatures = []struct{ name, feature, or string }{
	{"pitch", "f0.voiced.mean", ""},
	{"pitch range", "rhythm.f0_range", "f0.voiced.range"},
	{"loudness", "loudness.active.mean", "loudness.all.mean"},
	{"loudness range", "loudness.active.sd", "loudness.all.cv"},
	{"speech rate", "rhythm.articulation_rate", "rhythm.peak_rate"},
	{"pauses", "rhythm.pause_rate", "rhythm.unvoiced_mean"},
	{"brightness", "centroid.voiced.mean", "slope5001500.voiced.mean"},
	{"roughness", "jitter.voiced.mean", ""},
	{"harmonicity", "hnr.voiced.mean", ""},
}

// standOut are the three strongest departures of more than one deviation.
func (s *Set) standOut(z []float32) []Cue {
	var list []Cue
	for i, c := range cueFeatures {
		if s.cues[i] < 0 {
			continue
		}
		if v := z[s.cues[i]]; math.Abs(float64(v)) > 1 {
			list = append(list, Cue{Feature: c.name, Z: v})
		}
	}
	slices.SortStableFunc(list, func(a, b Cue) int { return -cmp.Compare(math.Abs(float64(a.Z)), math.Abs(float64(b.Z))) })
	return list[:min(3, len(list))]
}

// free holds work spaces between readings, so that hundreds of channels share a few.
var free = make(chan *workspace, max(2, runtime.NumCPU()))

func borrow() *workspace {
	select {
	case w := <-free:
		return w
	default:
		return newWorkspace(keptRows)
	}
}

func (w *workspace) release() {
	select {
	case free <- w:
	default:
	}
}
