package emotion

import "time"

// Point is one hop of a pitch track.
type Point struct {
	// At is the middle of the hop's windows.
	At time.Duration
	// Hz is the pitch, 0 where there is no voice.
	Hz float32
	// HNR is the harmonics-to-noise ratio in dB, where there is voice.
	HNR float32
	// Formants F1 to F3 in Hz, Jitter (relative) and Shimmer (dB) are measured in every
	// second hop at most; Fine tells.
	Fine            bool
	Formants        [3]float32
	Jitter, Shimmer float32
}

// Measurement is what the features of one recording are.
type Measurement struct {
	// X are the functionals, in the order of their Set.Names.
	X []float32
	// Voiced is how much of it is voice.
	Voiced time.Duration
	// Track is the pitch track, a point each 10 ms.
	Track []Point
}

// longest is the most of a recording that is measured at once.
const longest = 10 * time.Minute

// Measure takes a whole recording of one speaker, 16 kHz mono, as one turn, by the set Large.
func Measure(pcm []int16) *Measurement { return Large.Measure(pcm) }

func (r *row) point(i int) Point {
	p := Point{At: time.Duration(i)*hopTime + hopTime/2, Hz: r.hz}
	if r.hz == 0 {
		return p
	}
	p.HNR = r.v[cHNR]
	if d := r.local - r.hz; r.fine && abs(d) < 0.1*r.hz {
		p.Fine = true
		for k := range p.Formants {
			p.Formants[k] = 1000 * r.v[cF1+k]
		}
		p.Jitter, p.Shimmer = r.v[cJitter], r.v[cShimmer]
	}
	return p
}
