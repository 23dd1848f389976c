package audio

import "math"

// Tune is the music on hold that Tingxin brings along, 16 kHz mono, 24 seconds that
// end where they begin. It is made here, by this function: slow broken chords on the
// five notes of the gong scale with a plucked bell that rings on over the end into the
// beginning. No recording and no other work is in it.
func Tune() []int16 {
	const (
		beat = 0.5 // seconds
		bars = 12
	)
	mix := make([]float64, int(bars*4*beat*Rate))
	// Degrees of the scale on D, two bells to each beat of a bar and a low note under it.
	scale := []float64{0, 2, 4, 7, 9}
	note := func(degree int) float64 {
		octave := math.Floor(float64(degree) / 5)
		return 293.66 * math.Pow(2, (scale[degree-int(octave)*5]+12*octave)/12)
	}
	roots := [bars]int{0, 2, -1, 3, 0, -2, 1, -1, 0, 2, 3, 1}
	steps := [8]int{0, 2, 4, 5, 4, 7, 5, 2}
	for bar, root := range roots {
		at := float64(bar) * 4 * beat
		ring(mix, at, note(root-5), 0.16, 2.4)
		for k, step := range steps {
			if (bar+k)%7 == 6 { // a breath now and then
				continue
			}
			ring(mix, at+float64(k)*beat/2, note(root+step), 0.09, 1.1)
			if k == 4 {
				ring(mix, at+float64(k)*beat/2, note(root+step+5), 0.03, 0.8)
			}
		}
	}
	pcm := make([]int16, len(mix))
	for i, v := range mix {
		pcm[i] = int16(32767 * math.Tanh(v*0.9))
	}
	return pcm
}

// ring adds a plucked bell of the given pitch in Hz to a loop at a time in seconds. It
// dies away with the given time constant and goes round the end of the loop.
func ring(loop []float64, at, freq, gain, decay float64) {
	n := int(decay * 5 * Rate)
	start := int(at * Rate)
	for i := range n {
		t := float64(i) / Rate
		rise := min(1, t/0.006)
		env := gain * rise * math.Exp(-t/decay)
		w := 2 * math.Pi * freq * t
		v := math.Sin(w) + 0.35*math.Exp(-t/(decay*0.4))*math.Sin(2*w) + 0.12*math.Exp(-t/(decay*0.2))*math.Sin(3.01*w)
		loop[(start+i)%len(loop)] += env * v
	}
}
