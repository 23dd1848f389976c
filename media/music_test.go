package media

import (
	"math"
	"path/filepath"
	"testing"

	"tingxin/audio"
)

// Legs of every codec on hold hear the same place of the music, over the seam without a
// click, and what they say is heard by nobody.
func TestMusicOnHold(t *testing.T) {
	r := newRig(t)
	loop := make([]int16, 16000) // a second: whole periods of 440 Hz, so any seam would be heard
	for i := range loop {
		loop[i] = int16(10362 * math.Sin(2*math.Pi*440*float64(i)/16000))
	}
	m, err := NewMusic(loop)
	must(t, err)
	var parties []*party
	var legs []*Leg
	var got [][]heard
	for _, c := range []Codec{PCMU, PCMA, G722, Opus, PCMA} {
		p := newParty(t, c)
		l := r.leg(plain(c, p.addr()))
		parties, legs, got = append(parties, p), append(legs, l), append(got, nil)
	}
	var tap collector
	defer legs[4].AddSentTap(&tap)() // the same codec with a tap: by frames
	defer Join(legs[0], legs[1]).Close()
	for _, l := range legs {
		l.Play(m.Listen())
	}
	talk := audio.Sine(1200, -10, 0)
	for range 200 {
		parties[0].talk(talk, legs[0])
		r.step(1)
		for i, p := range parties {
			got[i] = append(got[i], p.listen()...)
		}
	}
	for i, p := range parties {
		pcm := last(p.sound(got[i]), 3*16000)
		tone, rest := toneDB(pcm, 440)
		other, _ := toneDB(pcm, 1200)
		if math.Abs(tone+10) > 1 || rest > -38 || other > -60 {
			t.Errorf("%v: music %.1f dB, rest %.1f dB, the held party %.1f dB", p.codec, tone, rest, other)
		}
	}
	if tone, rest := toneDB(last(tap.pcm(), 32000), 440); math.Abs(tone+10) > 0.1 || rest > -50 {
		t.Errorf("sent tap: %.1f dB, rest %.1f dB", tone, rest)
	}
}

// Loops of any length go on without a step, and the tune that comes along has no seam.
func TestMusicHasNoSeam(t *testing.T) {
	tune := audio.Tune()
	if len(tune) != 24*16000 {
		t.Fatalf("%d samples", len(tune))
	}
	jump := 0
	for i := range tune {
		if d := int(tune[i]) - int(tune[(i+len(tune)-1)%len(tune)]); d > jump || -d > jump {
			jump = max(d, -d)
		}
	}
	seam := int(tune[0]) - int(tune[len(tune)-1])
	if rms := audio.RMS(tune); jump > 6000 || max(seam, -seam) > 2000 || rms < 1500 || rms > 6000 {
		t.Errorf("largest step %d, at the seam %d, rms %.0f", jump, seam, rms)
	}
	odd := make([]int16, 12345)
	for i := range odd {
		odd[i] = int16(i)
	}
	m, err := NewMusic(odd)
	must(t, err)
	src := m.Listen()
	var f audio.Frame
	want := -1
	for range 100 {
		must(t, src.ReadFrame(&f))
		for _, v := range f.PCM {
			if want >= 0 && int(v) != want {
				t.Fatalf("%d after %d", v, want-1)
			}
			want = (int(v) + 1) % 12344
		}
	}
	if _, err := NewMusic(nil); err == nil {
		t.Error("no music")
	}
}

func TestLoadMusic(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.wav")
	writeTone(t, path, 440) // 48 kHz
	m, err := LoadMusic(path)
	must(t, err)
	if len(m.pcm) != 32000 {
		t.Errorf("%d samples", len(m.pcm))
	}
	if _, err := LoadMusic(path + "x"); err == nil {
		t.Error("no file")
	}
	r := newRig(t)
	l := r.leg(plain(PCMA, loopback(9)))
	l.Play(m.Listen())
	l.control.due = 1 << 62
	if n := testing.AllocsPerRun(50, func() { r.step(1) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkMusicOnHold(b *testing.B) {
	m, err := NewMusic(audio.Tune())
	if err != nil {
		b.Fatal(err)
	}
	benchLegs(b, 100, func(x *load, t *testing.T) { x.add(t, PCMA, nil).Play(m.Listen()) })
}
