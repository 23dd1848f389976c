// Package front is the front end for telephone audio. A recogniser of wide-band
// speech hears G.711, raised to 16 kHz, as speech whose upper half is missing, and
// takes it for other sounds. The Filler puts back what can be told from the lower
// half: noise above 4 kHz, as loud in four bands as a small network expects it.
//
//	16 kHz, empty above 4 kHz --every 2nd sample--> 10 ms: spectrum -> 20 bands -> network -> 4 levels in dB
//	     '-- 22 ms of delay --> + <-- noise in 4 bands, gains drawn from level to level <--'
//
// The sound itself is not changed but for the delay. It is deterministic, allocates
// nothing and costs under 0.1 % of a core. It refuses to touch wide-band audio:
// do not use it there.
package front

// Block is the step of the analysis in samples at 16 kHz: 10 ms. Process takes
// multiples of it.
const Block = 160

// Delay is how many samples later the sound comes out: 22.5 ms. A level stands for
// the middle of its 25 ms window, is averaged with its neighbours and reached from
// the one before.
const Delay = 2*Block + Block/4

// Mode says what a Filler does.
type Mode uint8

const (
	// Fill restores the band above 4 kHz; it is the default.
	Fill Mode = iota
	// Off passes the sound through unchanged and without delay.
	Off
)

// Filler is the front end of one channel. It is not for concurrent use.
type Filler struct {
	mode  Mode
	in    analysis
	level tracker
	past  [contextLen][bands]float32 // features of the last frames, newest at the end
	gains [3][outputs]float32        // levels in dB of the last three frames
	from  [outputs]float32           // amplitudes at the last frame centre
	delay [Delay]int16
	noise int // position in the noise
	seen  int // blocks so far, up to what the start needs
}

// New makes a Filler.
func New(mode Mode) *Filler {
	f := &Filler{mode: mode}
	f.Reset()
	return f
}

// Reset forgets the past, as for a new channel.
func (f *Filler) Reset() { *f = Filler{mode: f.mode, level: tracker{db: levelStart}} }

// Process replaces pcm, 16 kHz mono with nothing above 4 kHz, by the restored sound,
// Delay samples late. len(pcm) is a multiple of Block; what is over is left as it is.
func (f *Filler) Process(pcm []int16) {
	if f.mode == Off {
		return
	}
	for len(pcm) >= Block {
		f.block(pcm[:Block:Block])
		pcm = pcm[Block:]
	}
}

// block takes 10 ms: analysis of the frame whose window it completes, then the
// output of the 10 ms between two older frame centres.
func (f *Filler) block(pcm []int16) {
	reference := f.observe(pcm)
	var db [outputs]float32
	predict(f.input(reference), reference, &db)
	if f.seen == 1 {
		f.gains[1], f.gains[2] = db, db
	}
	f.gains[0], f.gains[1], f.gains[2] = f.gains[1], f.gains[2], db
	var to [outputs]float32
	for b := range to {
		to[b] = amplitude((f.gains[0][b]+f.gains[2][b])/4 + f.gains[1][b]/2)
	}
	f.mix(pcm, &to)
	f.from = to
}

// observe takes the features of one block and returns the level of speech in dB.
func (f *Filler) observe(pcm []int16) float32 {
	features, total := f.in.push(pcm)
	copy(f.past[:], f.past[1:])
	f.past[contextLen-1] = *features
	if f.seen < contextLen {
		if f.seen++; f.seen == 1 {
			for i := range f.past {
				f.past[i] = *features
			}
		}
	}
	return f.level.push(total)
}

// input is what the network sees now.
func (f *Filler) input(level float32) (x [inputs]float32) {
	i := 0
	for _, t := range contextFrames {
		for _, v := range f.past[t] {
			x[i] = (v - level) / 20
			i++
		}
	}
	x[i] = (level - 55) / 20
	return x
}

// mix delays the sound and adds the noise of one block.
func (f *Filler) mix(pcm []int16, to *[outputs]float32) {
	var block [Block]int16
	copy(block[:], f.delay[:Block])
	copy(f.delay[:], f.delay[Block:])
	copy(f.delay[Delay-Block:], pcm)
	table := bandNoise()
	var gain, step [outputs]float32
	for b := range gain {
		step[b] = (to[b] - f.from[b]) / Block
		gain[b] = f.from[b] + step[b]/2
	}
	noise := table[f.noise : f.noise+Block]
	if f.noise += Block; f.noise == noiseLen {
		f.noise = 0
	}
	for i := range block {
		n := &noise[i]
		v := float32(block[i]) + gain[0]*n[0] + gain[1]*n[1] + gain[2]*n[2] + gain[3]*n[3]
		for b := range gain {
			gain[b] += step[b]
		}
		pcm[i] = clip(v)
	}
}

func clip(v float32) int16 {
	switch {
	case v >= 32767:
		return 32767
	case v <= -32768:
		return -32768
	case v < 0:
		return int16(v - 0.5)
	}
	return int16(v + 0.5)
}
