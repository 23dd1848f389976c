package opus

import (
	"errors"
	"math"
	"runtime"
	"testing"
)

const rate = 16000

func sine(n, at int) []int16 {
	pcm := make([]int16, n)
	for i := range pcm {
		pcm[i] = int16(8000 * math.Sin(2*math.Pi*440*float64(i+at)/rate))
	}
	return pcm
}

func pair(t testing.TB) (*Encoder, *Decoder) {
	t.Helper()
	e, err := NewEncoder(EncoderOptions{Rate: rate, Bitrate: 24000, Complexity: 5})
	if err != nil {
		t.Fatal(err)
	}
	d, err := NewDecoder(rate)
	if err != nil {
		t.Fatal(err)
	}
	return e, d
}

func rms(pcm []int16) float64 {
	var sum float64
	for _, s := range pcm {
		sum += float64(s) * float64(s)
	}
	return math.Sqrt(sum / float64(len(pcm)))
}

// A tone comes through, a lost frame is made up from the next packet or invented, nothing is allocated.
func TestRoundTrip(t *testing.T) {
	e, d := pair(t)
	e.Loss(20)
	packet, before, pcm := make([]byte, 600), make([]byte, 600), make([]int16, 320)
	var n, m int
	for i := range 50 {
		copy(before, packet[:n])
		m = n
		var err error
		if n, err = e.Encode(packet, sine(320, 320*i)); err != nil {
			t.Fatal(err)
		}
		if i == 30 { // the packet before was not decoded
			if k, err := d.DecodeFEC(pcm, packet[:n]); err != nil || k != 320 || rms(pcm) < 3000 {
				t.Errorf("fec: %d samples, rms %.0f, %v", k, rms(pcm), err)
			}
		}
		if i > 0 && i != 30 {
			if k, err := d.Decode(pcm, before[:m]); err != nil || k != 320 {
				t.Fatalf("%d samples, %v", k, err)
			}
		}
	}
	if r := rms(pcm); math.Abs(r-8000/math.Sqrt2) > 600 {
		t.Errorf("rms %.0f", r)
	}
	if k, err := d.Conceal(pcm); err != nil || k != 320 || rms(pcm) < 1000 {
		t.Errorf("conceal: %d samples, rms %.0f, %v", k, rms(pcm), err)
	}
	if s := Samples(packet[:n], 8000); s != 160 {
		t.Errorf("%d samples in a packet of 20 ms", s)
	}
	in := sine(320, 0)
	if a := testing.AllocsPerRun(100, func() {
		k, _ := e.Encode(packet, in)
		_, _ = d.Decode(pcm, packet[:k])
		_, _ = d.Conceal(pcm)
		_ = Samples(packet[:k], 8000)
	}); a != 0 {
		t.Errorf("%v allocations", a)
	}
}

func TestPausesShrink(t *testing.T) {
	e, err := NewEncoder(EncoderOptions{Rate: rate, Bitrate: 24000, Complexity: 5, DTX: true})
	if err != nil {
		t.Fatal(err)
	}
	packet, small := make([]byte, 600), 0
	for range 100 {
		if n, err := e.Encode(packet, make([]int16, 320)); err != nil {
			t.Fatal(err)
		} else if n <= 2 {
			small++
		}
	}
	if small < 60 {
		t.Errorf("%d of 100 silent packets are small", small)
	}
}

// A stream begun anew at another rate is coded as wide as that, and as safe against loss as before.
func TestSetRate(t *testing.T) {
	e, d := pair(t)
	e.Loss(20)
	packet, pcm := make([]byte, 600), make([]int16, 320)
	for _, c := range []struct{ rate, most int }{{8000, 3}, {16000, 11}, {8000, 3}} { // RFC 6716 section 3.1
		if err := e.SetRate(c.rate); err != nil || e.Rate() != c.rate {
			t.Fatal(e.Rate(), err)
		}
		var n int
		for i := range 30 {
			var err error
			in := sine(c.rate/50, c.rate/50*i)
			if n, err = e.Encode(packet, in); err != nil {
				t.Fatal(err)
			}
			if config := int(packet[0] >> 3); config > c.most || config < c.most-3 {
				t.Fatalf("%d Hz: configuration %d", c.rate, config)
			}
			switch i {
			case 28: // lost
			case 29:
				if _, err := d.DecodeFEC(pcm, packet[:n]); err != nil || rms(pcm) < 3000 {
					t.Errorf("%d Hz: rms %.0f of a frame that was repeated, %v", c.rate, rms(pcm), err)
				}
			default:
				if _, err := d.Decode(pcm, packet[:n]); err != nil || i > 1 && math.Abs(rms(pcm)-8000/math.Sqrt2) > 1000 {
					t.Errorf("%d Hz: rms %.0f of frame %d, %v", c.rate, rms(pcm), i, err)
				}
			}
		}
	}
	if a := testing.AllocsPerRun(20, func() { _ = e.SetRate(24000 - e.Rate()) }); a != 0 {
		t.Errorf("%v allocations", a)
	}
	if e.SetRate(1) == nil {
		t.Error("1 Hz")
	}
}

func TestErrors(t *testing.T) {
	if _, err := NewEncoder(EncoderOptions{Rate: 44100}); err == nil {
		t.Error("44100 Hz")
	}
	if _, err := NewDecoder(1); err == nil {
		t.Error("1 Hz")
	}
	e, d := pair(t)
	var bad Error
	if _, err := e.Encode(make([]byte, 100), make([]int16, 7)); !errors.As(err, &bad) || bad.Error() == "" {
		t.Errorf("%v", err)
	}
	if _, err := d.Decode(nil, nil); !errors.Is(err, ErrEmpty) {
		t.Errorf("%v", err)
	}
	if Samples(nil, 8000) != 0 || Samples([]byte{0xff}, 8000) != 0 {
		t.Error("no packet has no samples")
	}
}

// The collector must not take a state away from under C.
func TestStateOutlivesCollections(t *testing.T) {
	e, d := pair(t)
	packet, pcm, in := make([]byte, 600), make([]int16, 320), sine(320, 0)
	for range 20 {
		runtime.GC()
		n, err := e.Encode(packet, in)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Decode(pcm, packet[:n]); err != nil {
			t.Fatal(err)
		}
		for range 50 { // take what was freed
			garbage = append(garbage[:0], make([]uint64, len(e.state))...)
			garbage[0] = 1 << 63
		}
	}
}

var garbage []uint64

// Any bytes may come: an error or sound, never more than there is room for.
func FuzzDecode(f *testing.F) {
	e, _ := pair(f)
	packet := make([]byte, 600)
	n, _ := e.Encode(packet, sine(320, 0))
	f.Add(packet[:n])
	f.Add([]byte{0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		_, d := pair(t)
		pcm := make([]int16, 1920)
		if n, err := d.Decode(pcm, b); err == nil && (n > len(pcm) || Samples(b, rate) != n) {
			t.Fatalf("%d samples, the packet says %d", n, Samples(b, rate))
		}
		_, _ = d.DecodeFEC(pcm[:320], b)
	})
}

func BenchmarkEncode(b *testing.B) {
	e, _ := pair(b)
	packet, in := make([]byte, 600), sine(320, 0)
	b.ReportAllocs()
	for b.Loop() {
		_, _ = e.Encode(packet, in)
	}
}
