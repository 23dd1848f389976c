package score

import (
	"context"
	"math"
	"math/rand/v2"

	"tingxin/audio"
	"tingxin/emotion"
)

// condition is one way in which a recording is heard in training, so that a model knows
// other levels, lines and voices than those of a studio.
type condition struct {
	name     string
	speed    float64 // 1 is as recorded
	gain     float64 // dB, drawn once for each speaker from -gain to gain
	noise    float64 // dB under the speech, 0 none
	narrow   bool    // an old line: 300 to 3400 Hz
	coded, a bool    // G.711: mu-law, or A-law with a
}

var conditions = []condition{
	{name: "as recorded", speed: 1, gain: 6},
	{name: "mu-law", speed: 1, coded: true},
	{name: "slower, noise", speed: 0.92, gain: 12, noise: 18, coded: true, a: true},
	{name: "faster, old line", speed: 1.08, gain: 12, noise: 30, narrow: true, coded: true},
}

// mostExamples bounds what a model is trained on: memory grows with its square (1.2 GB), time with its cube.
const mostExamples = 12000

// ways is under how many conditions each of n recordings can be heard.
func ways(n int) int { return min(len(conditions), mostExamples/max(1, n)) }

// examplesOf measures every recording under every condition, or, of many recordings, each under
// some, in turn. mute are those without any voice, which are left out: silence is nobody's anger.
func examplesOf(ctx context.Context, list []Spoken, set *emotion.Set, parallel int) (out []emotion.Example, mute int, err error) {
	all := make([][]emotion.Example, len(list))
	err = hearEach(ctx, list, parallel, func(i int) (err error) {
		all[i], err = hearAll(list[i], set, i, ways(len(list)))
		return err
	})
	for _, of := range all {
		if of == nil {
			mute++
		}
		out = append(out, of...)
	}
	return out, mute, err
}

// hearAll measures recording number i under ways conditions, nil when there is no voice in it.
func hearAll(s Spoken, set *emotion.Set, i, ways int) ([]emotion.Example, error) {
	pcm, _, err := ReadAudio(s.Path)
	if err != nil {
		return nil, err
	}
	var out []emotion.Example
	for k := range ways {
		c := conditions[k]
		if ways < len(conditions) {
			c = conditions[(i+k)%len(conditions)]
		}
		m := set.Measure(c.hear(pcm, s.Who(), uint64(i)))
		if out == nil && m.Voiced == 0 {
			return nil, nil
		}
		out = append(out, emotion.Example{X: m.X, Seconds: m.Voiced.Seconds(), Class: s.Class, Label: s.Label, Speaker: s.Who(), Variant: "/" + c.name, Domain: s.Corpus})
	}
	return out, nil
}

// hear gives the recording as the condition has it; it is the same each time.
func (c condition) hear(pcm []int16, speaker string, seed uint64) []int16 {
	out := append([]int16(nil), pcm...)
	if c.speed != 1 {
		out = faster(out, c.speed)
	}
	level := c.level(speaker)
	for i, v := range out {
		out[i] = int16(max(-32768, min(32767, float64(v)*level)))
	}
	if c.noise > 0 {
		audio.NewNoise(seed).Add(out, float32(audio.RMS(out)*math.Pow(10, -c.noise/20)))
	}
	if c.narrow {
		oldLine(out)
	}
	if c.coded {
		return coded(out, c.a)
	}
	return out
}

// level is a speaker's gain as a factor.
func (c condition) level(speaker string) float64 {
	h := uint64(14695981039346656037) // FNV-1a
	for _, b := range []byte(speaker + c.name) {
		h = (h ^ uint64(b)) * 1099511628211
	}
	rng := rand.New(rand.NewPCG(h, 1))
	return math.Pow(10, c.gain*(2*rng.Float64()-1)/20)
}

// coded passes 16 kHz audio through G.711 at 8 kHz and back.
func coded(pcm []int16, alaw bool) []int16 {
	if !alaw {
		return telephone(pcm)
	}
	narrow := audio.Resample(pcm, audio.Rate, audio.Rate/2)
	code := make([]byte, len(narrow))
	audio.EncodeA(code, narrow)
	audio.DecodeA(narrow, code)
	var up audio.Up8to16
	out := make([]int16, 2*len(narrow))
	up.Process(out, narrow)
	return out
}

// oldLine keeps 300 to 3400 Hz, in place: a high-pass and a low-pass of two poles each
// (Butterworth, bilinear transform).
func oldLine(pcm []int16) {
	biquad(pcm, 300, true)
	biquad(pcm, 3400, false)
}

func biquad(pcm []int16, hz float64, high bool) {
	k := math.Tan(math.Pi * hz / audio.Rate)
	norm := 1 / (1 + math.Sqrt2*k + k*k)
	b0, b1 := k*k*norm, 2*k*k*norm
	if high {
		b0, b1 = norm, -2*norm
	}
	a1, a2 := 2*(k*k-1)*norm, (1-math.Sqrt2*k+k*k)*norm
	var x1, x2, y1, y2 float64
	for i, v := range pcm {
		x := float64(v)
		y := b0*x + b1*x1 + b0*x2 - a1*y1 - a2*y2
		x1, x2, y1, y2 = x, x1, y, y1
		pcm[i] = int16(max(-32768, min(32767, math.Round(y))))
	}
}
