package main

import (
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"

	"github.com/mewkiz/flac"

	"tingxin/asr/vad"
)

const rate = 16000

// voice is a clean recording and where in it somebody speaks, by 10 ms.
type voice struct {
	pcm   []float32
	speak []bool
}

func readVoice(path string) (voice, error) {
	var v voice
	if strings.HasSuffix(path, ".flac") {
		st, err := flac.ParseFile(path)
		if err != nil {
			return v, err
		}
		if st.Info.SampleRate != rate {
			return v, errors.New("not 16 kHz")
		}
		for {
			f, err := st.ParseNext()
			if err != nil {
				break
			}
			for _, s := range f.Subframes[0].Samples {
				v.pcm = append(v.pcm, float32(s))
			}
		}
	} else {
		b, err := os.ReadFile(path)
		if err != nil {
			return v, err
		}
		if len(b) < 44 || binary.LittleEndian.Uint32(b[24:]) != rate {
			return v, errors.New("not 16 kHz")
		}
		for i := 44; i+1 < len(b); i += 2 {
			v.pcm = append(v.pcm, float32(int16(binary.LittleEndian.Uint16(b[i:]))))
		}
	}
	v.find()
	return v, nil
}

// find marks speech by level: 10 ms over a threshold between floor and peak,
// holes up to 120 ms filled.
func (v *voice) find() {
	n := len(v.pcm) / 160
	e := make([]float64, n)
	for i := range n {
		for _, s := range v.pcm[i*160 : i*160+160] {
			e[i] += float64(s) * float64(s)
		}
		e[i] = 10 * math.Log10(e[i]/160+1)
	}
	s := slices.Clone(e)
	slices.Sort(s)
	floor, peak := s[n/20], s[n*95/100]
	limit := max(peak-28, floor+8)
	v.speak = make([]bool, n)
	last := -100
	for i := range n {
		if e[i] < limit {
			continue
		}
		v.speak[i] = true
		if i-last <= 12 {
			for k := last + 1; k < i; k++ {
				v.speak[k] = true
			}
		}
		last = i
	}
}

// scene makes 20 s of a call and the label of each frame.
func scene(r *rand.Rand, voices []voice) ([]int16, []float32) {
	const n = 20 * rate
	mix, talk := make([]float32, n), make([]bool, n/160)
	level := math.Pow(10, -r.Float64()*1.4) // down to -28 dB
	talking := r.IntN(6) > 0
	if talking {
		for at := int(r.Float64() * 2 * rate); at < n; {
			v := voices[r.IntN(len(voices))]
			g := float32(level * math.Pow(10, (r.Float64()-0.5)*0.4))
			for i, s := range v.pcm {
				if at+i >= n {
					break
				}
				mix[at+i] += g * s
			}
			for i, t := range v.speak {
				if k := at/160 + i; t && k < len(talk) {
					talk[k] = true
				}
			}
			at += len(v.pcm) + int(r.ExpFloat64()*1.2*rate)
		}
	}
	if !talking && r.IntN(2) == 0 {
		level = 2 // nobody speaks: the noise may be loud
	}
	background(r, mix, level)
	events(r, mix, talk)
	if r.IntN(2) == 0 {
		telephone(mix)
	}
	pcm := make([]int16, n)
	for i, s := range mix {
		pcm[i] = int16(max(-32768, min(32767, s)))
	}
	y := make([]float32, n/vad.FrameLen)
	for i := range y {
		if talk[2*i] || talk[2*i+1] {
			y[i] = 1
		}
	}
	return pcm, y
}

// background adds lasting noise 5 to 45 dB under speech.
func background(r *rand.Rand, mix []float32, level float64) {
	amp := 3000 * level * math.Pow(10, -(5+45*r.Float64())/20)
	kind := r.IntN(5)
	var a, b float64
	steps, gain, next := r.IntN(2) == 0, 1.0, 0
	buzz := 0.3 * r.Float64() * r.Float64()
	hum := 50.0 + 10*float64(r.IntN(2))
	for i := range mix {
		if steps && i == next { // comfort noise, a muted line, another room
			next += int((0.5 + 4*r.Float64()) * rate)
			gain = math.Pow(10, -1.2*r.Float64()) * float64(min(1, r.IntN(4)))
		}
		w := gain * r.NormFloat64()
		switch kind {
		case 0: // white
			a = w
		case 1: // pink-like
			b += 0.05 * (w - b)
			a = 3*b + 0.3*w
		case 2: // low rumble
			b += 0.01 * (w - b)
			a = 12 * b
		case 3: // hum and a little white
			t := 2 * math.Pi * hum * float64(i) / rate
			a = gain*(math.Sin(t)+0.5*math.Sin(3*t)+0.3*math.Sin(5*t+1)) + buzz*w
		case 4: // noise that comes and goes slowly
			a = w * (0.6 + 0.4*math.Sin(2*math.Pi*0.3*float64(i)/rate))
		}
		mix[i] += float32(amp * a)
	}
}

// events puts sounds that are not speech where nobody speaks, mostly.
func events(r *rand.Rand, mix []float32, talk []bool) {
	for at := int(r.Float64() * 3 * rate); at < len(mix); at += int((0.5 + 3*r.Float64()) * rate) {
		if r.IntN(3) == 0 {
			continue
		}
		snd := sound(r)
		quiet := true
		for k := at / 160; k < min(len(talk), (at+len(snd))/160); k++ {
			quiet = quiet && !talk[k]
		}
		if !quiet && r.IntN(6) > 0 {
			continue
		}
		for i, s := range snd {
			if at+i < len(mix) {
				mix[at+i] += s
			}
		}
		at += len(snd)
	}
}

// sound makes one event.
func sound(r *rand.Rand) []float32 {
	amp := math.Pow(10, 2.2+1.6*r.Float64()) // 160 to 6300
	secs := func(lo, hi float64) []float32 { return make([]float32, int((lo+(hi-lo)*r.Float64())*rate)) }
	switch r.IntN(7) {
	case 0: // DTMF
		rows, cols := []float64{697, 770, 852, 941}, []float64{1209, 1336, 1477, 1633}
		out := secs(0.05, 0.4)
		tones(out, amp, rows[r.IntN(4)], cols[r.IntN(4)])
		for range r.IntN(8) { // a number is dialled
			key := make([]float32, len(out))
			tones(key, amp, rows[r.IntN(4)], cols[r.IntN(4)])
			out = append(append(out, make([]float32, int((0.04+0.2*r.Float64())*rate))...), key...)
		}
		return out
	case 1: // ring-back, busy, beeps
		f := [][]float64{{440, 480}, {425}, {400, 450}, {480, 620}, {1000}, {350, 440}}[r.IntN(6)]
		out := secs(0.2, 2)
		tones(out, amp, f...)
		return out
	case 2: // clicks
		out := secs(0.05, 0.8)
		for range 1 + r.IntN(6) {
			at := r.IntN(len(out))
			for i := at; i < min(at+10+r.IntN(100), len(out)); i++ {
				out[i] += float32(amp * 3 * r.NormFloat64() * math.Exp(-float64(i-at)/20))
			}
		}
		return out
	case 3: // breath, wind
		out := secs(0.15, 0.8)
		var lp float64
		for i := range out {
			lp += 0.3 * (r.NormFloat64() - lp)
			out[i] = float32(amp * 0.5 * lp * math.Sin(math.Pi*float64(i)/float64(len(out))))
		}
		return out
	case 4: // sweep
		out := secs(0.2, 1)
		f, step := 300+2000*r.Float64(), (r.Float64()-0.5)*0.1
		var ph float64
		for i := range out {
			f += step
			ph += 2 * math.Pi * f / rate
			out[i] = float32(amp * math.Sin(ph))
		}
		return out
	}
	out := secs(1.5, 6)
	music(r, out, amp)
	return out
}

func tones(out []float32, amp float64, f ...float64) {
	for i := range out {
		for _, hz := range f {
			out[i] += float32(amp / float64(len(f)) * math.Sin(2*math.Pi*hz*float64(i)/rate))
		}
	}
}

// music plays chords and a melody with harmonics, decay, some vibrato and a beat.
func music(r *rand.Rand, out []float32, amp float64) {
	beat := int((0.2 + 0.4*r.Float64()) * rate)
	root := 110 * math.Pow(2, r.Float64())
	scale := []int{0, 2, 4, 5, 7, 9, 11, 12}
	decay, vib := 0.5+3*r.Float64(), float64(r.IntN(2))*0.006
	bright, drums := 0.4+0.4*r.Float64(), r.IntN(2) == 0
	for at := 0; at < len(out); at += beat {
		notes := 1 + r.IntN(3)
		for range notes {
			f := root * math.Pow(2, float64(scale[r.IntN(8)]+12*r.IntN(3))/12)
			long := beat * (1 + r.IntN(3))
			for i := at; i < min(at+long, len(out)); i++ {
				t := float64(i-at) / rate
				env := math.Exp(-t*decay) * min(1, t*80)
				ph := 2 * math.Pi * f * (t + vib*math.Sin(2*math.Pi*5.5*t)/5.5)
				v := math.Sin(ph) + bright*math.Sin(2*ph) + bright*bright*math.Sin(3*ph) + bright*bright*bright*math.Sin(4*ph)
				out[i] += float32(amp * 0.4 * env * v)
			}
		}
		if drums {
			for i := at; i < min(at+1200, len(out)); i++ {
				out[i] += float32(amp * r.NormFloat64() * math.Exp(-float64(i-at)/250))
			}
		}
	}
}

// telephone is a rough 300-3400 Hz band and mu-law's steps.
func telephone(mix []float32) {
	var lo, l1, l2 float32
	for i, s := range mix {
		lo += 0.08 * (s - lo)
		s -= lo
		l1 += 0.75 * (s - l1)
		l2 += 0.75 * (l1 - l2)
		x := float64(l2) / 32768
		m := math.Copysign(math.Log1p(255*min(1, math.Abs(x)))/math.Log(256), x)
		m = math.Round(m*128) / 128
		mix[i] = float32(32768 * math.Copysign((math.Pow(256, math.Abs(m))-1)/255, m))
	}
}
