package audio

import (
	"io"
	"math"
	"time"
)

// Beat is one piece of a cadence: up to two sines, or silence when both are 0 Hz.
type Beat struct {
	Freq1, Freq2 float64 // Hz
	Dur          time.Duration
}

// Tone plays a cadence of sines. Edges are ramped over 2 ms so that they do not click.
type Tone struct {
	beats []Beat
	level float64 // amplitude of each sine
	loop  bool
	beat  int
	left  int // samples of the present beat still to come
	len   int // samples of the present beat
	osc   [2]oscillator
}

// oscillator turns a unit vector by one angle per sample.
type oscillator struct{ re, im, c, s float64 }

func (o *oscillator) set(freq float64) {
	o.re, o.im = 1, 0
	o.s, o.c = math.Sincos(2 * math.Pi * freq / Rate)
}

func (o *oscillator) next() float64 {
	v := o.im
	o.re, o.im = o.re*o.c-o.im*o.s, o.re*o.s+o.im*o.c
	return v
}

// NewTone plays beats once, or for ever with loop. level is the peak of each
// sine in dB below full scale, for example -12.
func NewTone(level float64, loop bool, beats ...Beat) *Tone {
	return &Tone{beats: beats, level: 32767 * math.Pow(10, level/20), loop: loop, beat: -1}
}

// Sine plays one frequency for d; d <= 0 means for ever.
func Sine(freq, level float64, d time.Duration) *Tone {
	if d <= 0 {
		return NewTone(level, true, Beat{Freq1: freq, Dur: time.Hour})
	}
	return NewTone(level, false, Beat{Freq1: freq, Dur: d})
}

// Ringback is what a caller hears while the other side rings. country is an ISO
// 3166 code ("cn", "us", "gb"); others get the European tone (ITU-T E.180).
func Ringback(country string) *Tone {
	const s = time.Second
	switch country {
	case "cn", "CN":
		return NewTone(-16, true, Beat{450, 0, s}, Beat{0, 0, 4 * s})
	case "us", "US", "ca", "CA":
		return NewTone(-19, true, Beat{440, 480, 2 * s}, Beat{0, 0, 4 * s})
	case "gb", "GB", "uk", "UK":
		return NewTone(-19, true, Beat{400, 450, 2 * s / 5}, Beat{0, 0, s / 5}, Beat{400, 450, 2 * s / 5}, Beat{0, 0, 2 * s})
	}
	return NewTone(-16, true, Beat{425, 0, s}, Beat{0, 0, 4 * s})
}

// Busy is the busy tone of a country, as for Ringback.
func Busy(country string) *Tone {
	const ms = time.Millisecond
	switch country {
	case "cn", "CN":
		return NewTone(-16, true, Beat{450, 0, 350 * ms}, Beat{0, 0, 350 * ms})
	case "us", "US", "ca", "CA":
		return NewTone(-19, true, Beat{480, 620, 500 * ms}, Beat{0, 0, 500 * ms})
	case "gb", "GB", "uk", "UK":
		return NewTone(-16, true, Beat{400, 0, 375 * ms}, Beat{0, 0, 375 * ms})
	}
	return NewTone(-16, true, Beat{425, 0, 500 * ms}, Beat{0, 0, 500 * ms})
}

var (
	dtmfRows = [4]float64{697, 770, 852, 941}
	dtmfCols = [4]float64{1209, 1336, 1477, 1633}
)

const dtmfKeys = "123A456B789C*0#D"

// dtmfIndex returns the place of key in dtmfKeys, or -1.
func dtmfIndex(key byte) int {
	if key >= 'a' && key <= 'd' {
		key -= 'a' - 'A'
	}
	for i := range dtmfKeys {
		if dtmfKeys[i] == key {
			return i
		}
	}
	return -1
}

// DTMF plays the tone of one key (ITU-T Q.23) for on, then silence for off. An
// unknown key plays silence.
func DTMF(key byte, on, off time.Duration) *Tone {
	b := Beat{Dur: on}
	if i := dtmfIndex(key); i >= 0 {
		b.Freq1, b.Freq2 = dtmfRows[i/4], dtmfCols[i%4]
	}
	return NewTone(-12, false, b, Beat{Dur: off})
}

// ReadFrame fills f.PCM with the next 20 ms.
func (t *Tone) ReadFrame(f *Frame) error {
	for n := 0; n < FrameLen; {
		if t.left == 0 && !t.nextBeat() {
			if n == 0 {
				return io.EOF
			}
			clear(f.PCM[n:])
			return nil
		}
		m := min(t.left, FrameLen-n)
		t.render(f.PCM[n : n+m])
		n += m
	}
	return nil
}

func (t *Tone) nextBeat() bool {
	for range t.beats {
		t.beat++
		if t.beat == len(t.beats) {
			if !t.loop {
				t.beat--
				return false
			}
			t.beat = 0
		}
		b := t.beats[t.beat]
		t.len = int(b.Dur * Rate / time.Second)
		t.left = t.len
		t.osc[0].set(b.Freq1)
		t.osc[1].set(b.Freq2)
		if t.left > 0 {
			return true
		}
	}
	return false
}

func (t *Tone) render(out []int16) {
	const ramp = Rate / 500
	for i := range out {
		v := t.osc[0].next() + t.osc[1].next()
		edge := min(t.len-t.left, t.left-1)
		if edge < ramp {
			v *= float64(edge) / ramp
		}
		out[i] = int16(max(-32768, min(32767, v*t.level)))
		t.left--
	}
}
