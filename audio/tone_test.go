package audio

import (
	"errors"
	"io"
	"math"
	"testing"
	"time"
)

func drain(t *testing.T, src interface{ ReadFrame(*Frame) error }, limit int) []int16 {
	t.Helper()
	var out []int16
	var f Frame
	for range limit {
		err := src.ReadFrame(&f)
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, f.PCM[:]...)
	}
	return out
}

func TestSineIsPureAndEnds(t *testing.T) {
	pcm := drain(t, Sine(1000, -6, time.Second), 100)
	if len(pcm) != 16000 {
		t.Fatalf("%d samples", len(pcm))
	}
	total, at := power(pcm[1600:14400], 1000, 16000)
	if db := 10 * math.Log10(at*2/(32767*32767)); math.Abs(db+6) > 0.1 {
		t.Errorf("level %.2f dB", db)
	}
	if snr := 10 * math.Log10(at/(total-at)); snr < 70 {
		t.Errorf("SNR %.1f", snr)
	}
	if pcm[0] != 0 || pcm[15999] != 0 {
		t.Error("edges click")
	}
}

func TestCadences(t *testing.T) {
	pcm := drain(t, Ringback("cn"), 300) // 6 s
	on := func(sec float64) bool { return RMS(pcm[int(sec*16000):int(sec*16000)+800]) > 100 }
	if !on(0.5) || on(1.1) || on(4.9) || !on(5.1) {
		t.Error("ringback of China is 1 s on, 4 s off")
	}
	pcm = drain(t, Busy("us"), 100)
	if _, at := power(pcm[:8000], 620, 16000); at < 1e5 || on(0.6) || !on(1.1) {
		t.Error("busy of the USA is 480+620 Hz, 0.5 s on and off")
	}
}

func TestClip(t *testing.T) {
	pcm := make([]int16, 500)
	for i := range pcm {
		pcm[i] = int16(i + 1)
	}
	got := drain(t, NewClip(pcm), 10)
	if len(got) != 640 || got[499] != 500 || got[500] != 0 {
		t.Fatalf("%d samples, %v", len(got), got[498:502])
	}
	loop := drain(t, NewLoop(pcm), 4)
	if len(loop) != 1280 || loop[500] != 1 || loop[1000] != 1 || loop[1279] != 280 {
		t.Fatalf("loop: %d %v", len(loop), loop[1279])
	}
	if n := len(drain(t, NewLoop(nil), 3)); n != 0 {
		t.Fatal("an empty loop must end")
	}
}

func TestDTMFDetectorHearsEveryKey(t *testing.T) {
	var noise Noise
	for _, dur := range []time.Duration{60, 80, 100, 300} {
		for off := range 8 { // tones that begin anywhere in a block
			var det DTMFDetector
			var pcm []int16
			pcm = append(pcm, make([]int16, off*40)...)
			for i := range len(dtmfKeys) {
				pcm = append(pcm, drain(t, DTMF(dtmfKeys[i], dur*time.Millisecond, 100*time.Millisecond), 50)...)
			}
			pcm = append(pcm, make([]int16, 3*FrameLen)...)
			noise.Add(pcm, 60)
			var got []byte
			var f Frame
			for i := 0; i+FrameLen <= len(pcm); i += FrameLen {
				copy(f.PCM[:], pcm[i:])
				if k, n := det.Write(&f); k != 0 {
					got = append(got, k)
					if d := time.Duration(n) * FrameDur; d < dur*time.Millisecond-30*time.Millisecond || d > dur*time.Millisecond+30*time.Millisecond {
						t.Errorf("key %c of %v ms lasted %v", k, int(dur), d)
					}
				}
			}
			if string(got) != dtmfKeys {
				t.Errorf("%d ms, offset %d: heard %q", int(dur), off, got)
			}
		}
	}
}

func TestNoiseLevel(t *testing.T) {
	var n Noise
	pcm := make([]int16, 16000)
	n.Fill(pcm, 500)
	if rms := RMS(pcm); math.Abs(rms-500) > 15 {
		t.Errorf("rms %.1f", rms)
	}
	if db := DBov(FromDBov(-40)); math.Abs(db+40) > 0.01 {
		t.Errorf("level %.2f", db)
	}
}
