package media

import (
	"math"
	"net/netip"
	"testing"

	"tingxin/audio"
)

// voiced is a tone rich in harmonics, 140 Hz, like a vowel, at 8 or 16 kHz.
func voiced(n, rate int) []int16 {
	pcm := make([]int16, n)
	for i := range pcm {
		var v float64
		for h := 1; h <= 12; h++ {
			v += math.Sin(2*math.Pi*140*float64(h)*float64(i)/float64(rate)+float64(h)) / float64(h)
		}
		pcm[i] = int16(4000 * v)
	}
	return pcm
}

// The first 10 ms of a lost frame go on as the vowel would have, and by 60 ms only noise is left.
func TestConcealment(t *testing.T) {
	for _, per := range []int{8, 16} {
		var c concealer
		c.reset(per)
		pcm := voiced(2000*per, 1000*per)
		n := 20 * per
		at := 0
		for ; at < 1000*per; at += n {
			c.good(append([]int16(nil), pcm[at:at+n]...))
		}
		c.floor = 20
		out := make([]int16, 5*n)
		for i := range 5 {
			c.conceal(out[i*n : (i+1)*n])
		}
		var s, e float64
		for i := range 10 * per {
			d := float64(out[i]) - float64(pcm[at+i])
			s += float64(pcm[at+i]) * float64(pcm[at+i])
			e += d * d
		}
		if snr := 10 * math.Log10(s/e); snr < 15 {
			t.Errorf("%d kHz: first 10 ms at %.1f dB SNR", per, snr)
		}
		if rms := audio.RMS(out[30*per : 50*per]); rms < 200 || rms > 3000 {
			t.Errorf("%d kHz: fading rms %.1f", per, rms)
		}
		if rms := audio.RMS(out[61*per:]); rms > 30 {
			t.Errorf("%d kHz: after 60 ms rms %.1f", per, rms)
		}
		// The sound that comes back is faded in: no jump larger than the vowel's own.
		back := append([]int16(nil), pcm[at+5*n:at+6*n]...)
		c.good(back)
		if d := math.Abs(float64(back[0]) - float64(out[len(out)-1])); d > 100 {
			t.Errorf("%d kHz: jump of %.0f", per, d)
		}
	}
}

// 5 and 10 % loss of a vowel: what is heard stays near the clean sound.
func TestConcealmentUnderLoss(t *testing.T) {
	for _, every := range []int{20, 10} {
		r := newRig(t)
		p := newParty(t, PCMU)
		l := r.leg(plain(PCMU, p.addr()))
		var tap collector
		defer l.AddTap(&tap)()
		clip := audio.NewLoop(voiced(16000, 16000)) // 140 periods, joins itself
		for i := range 500 {
			if i%every == 5 {
				var f audio.Frame
				_ = clip.ReadFrame(&f)
				p.seq++
				p.ts += 160
			} else {
				p.talk(clip, l)
			}
			r.step(1)
		}
		clean := voiced(16000, 16000)
		pcm := tap.pcm()[16000:]
		want, _ := toneDB(clean, 140)
		got, _ := toneDB(pcm, 140)
		if math.Abs(want-got) > 1 {
			t.Errorf("every %d lost: fundamental %.1f dB, clean %.1f", every, got, want)
		}
		loud := audio.RMS(pcm) / audio.RMS(clean)
		if loud < 0.85 || loud > 1.1 {
			t.Errorf("every %d lost: loudness %.2f of clean", every, loud)
		}
	}
}

func TestSqueezeKeepsPitch(t *testing.T) {
	for _, per := range []int{8, 16} {
		in := voiced(30*per, 1000*per)
		out := make([]int16, 20*per)
		squeeze(out, in, per)
		peak := 0.0
		for i := 1; i < len(out); i++ {
			peak = max(peak, math.Abs(float64(out[i])-float64(out[i-1])))
		}
		own := 0.0
		for i := 1; i < len(in); i++ {
			own = max(own, math.Abs(float64(in[i])-float64(in[i-1])))
		}
		if peak > own*1.3 {
			t.Errorf("%d kHz: jump %.0f, the vowel's own are %.0f", per, peak, own)
		}
	}
}

func TestIPv6(t *testing.T) {
	e, err := New(Config{Listen: "::1", PortMin: -1}, nil)
	if err != nil {
		t.Fatal(err)
	}
	e.clock.begin(testTime)
	e.clock.walk.virtual = true
	t.Cleanup(func() { _ = e.Close() })
	r := &rig{Engine: e, t: t}
	a, err := r.NewLeg("six", nil)
	if err != nil {
		t.Skip("no IPv6 here: ", err)
	}
	configure(t, a, plain(PCMU, netip.AddrPort{}))
	b := r.leg(plain(PCMU, a.Local()))
	configure(t, a, plain(PCMU, b.Local()))
	var tap collector
	b.AddTap(&tap)
	a.Play(audio.Sine(1000, -10, 0))
	r.step(100)
	if tone, _ := toneDB(last(tap.pcm(), 16000), 1000); tone < -11 {
		t.Errorf("tone %.1f", tone)
	}
}
