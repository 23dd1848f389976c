package media

import (
	"fmt"
	"math"
	"testing"
	"time"

	"tingxin/audio"
)

// Tones of both parties are found at the other end, and nothing else, for every pair of codecs.
func TestBridgeCarriesToneBothWays(t *testing.T) {
	for _, ca := range []Codec{PCMU, PCMA, G722, Opus} {
		for _, cb := range []Codec{PCMU, PCMA, G722, Opus} {
			t.Run(fmt.Sprintf("%v-%v", ca, cb), func(t *testing.T) {
				r := newRig(t)
				pa, pb := newParty(t, ca), newParty(t, cb)
				la, lb := r.leg(plain(ca, pa.addr())), r.leg(plain(cb, pb.addr()))
				b := Join(la, lb)
				defer b.Close()
				ta, tb := audio.Sine(1000, -10, 0), audio.Sine(600, -10, 0)
				var ha, hb []heard
				for range 150 {
					pa.talk(ta, la)
					pb.talk(tb, lb)
					r.step(1)
					ha, hb = append(ha, pa.listen()...), append(hb, pb.listen()...)
				}
				checkTone(t, "b hears a", last(pb.sound(hb), 16000), 1000, 600)
				checkTone(t, "a hears b", last(pa.sound(ha), 16000), 600, 1000)
				if len(ha) != 150 || len(hb) != 150 {
					t.Errorf("packets %d and %d of 150", len(ha), len(hb))
				}
			})
		}
	}
}

func checkTone(t *testing.T, who string, pcm []int16, want, unwanted float64) {
	t.Helper()
	tone, rest := toneDB(pcm, want)
	other, _ := toneDB(pcm, unwanted)
	if math.Abs(tone+10) > 1 || rest > -38 || other > -50 {
		t.Errorf("%s: tone %.1f dB, rest %.1f dB, unwanted %.1f dB", who, tone, rest, other)
	}
}

func TestEchoReturnsThePayload(t *testing.T) {
	for _, c := range []Codec{PCMU, PCMA, G722, Opus} {
		r := newRig(t)
		p := newParty(t, c)
		l := r.leg(plain(c, p.addr()))
		l.Echo(true)
		tone := audio.Sine(1000, -10, 0)
		var got []heard
		for range 100 {
			p.talk(tone, l)
			r.step(1)
			got = append(got, p.listen()...)
		}
		tone1k, rest := toneDB(last(p.sound(got), 16000), 1000)
		if math.Abs(tone1k+10) > 1 || rest > -38 {
			t.Errorf("%v: tone %.1f, rest %.1f", c, tone1k, rest)
		}
		for i := 1; i < len(got); i++ {
			if got[i].h.seq != got[i-1].h.seq+1 || got[i].h.ts != got[i-1].h.ts+160*c.scale() || got[i].h.ssrc != got[0].h.ssrc {
				t.Fatalf("%v: packet %d: %+v after %+v", c, i, got[i].h, got[i-1].h)
			}
		}
		if !got[0].h.marker || got[1].h.marker {
			t.Error("the marker belongs on the first packet")
		}
	}
}

// 4 x 4 directions: sound passes from a to b when a's peer may send to us and we may send to b's.
func TestDirections(t *testing.T) {
	all := []Direction{SendRecv, SendOnly, RecvOnly, Inactive}
	for _, da := range all {
		for _, db := range all {
			t.Run(da.String()+"-"+db.String(), func(t *testing.T) {
				r := newRig(t)
				pa, pb := newParty(t, PCMA), newParty(t, PCMA)
				xa, xb := plain(PCMA, pa.addr()), plain(PCMA, pb.addr())
				xa.Direction, xb.Direction = da, db
				la, lb := r.leg(xa), r.leg(xb)
				defer Join(la, lb).Close()
				ta, tb := audio.Sine(1000, -10, 0), audio.Sine(600, -10, 0)
				var ha, hb []heard
				for range 60 {
					pa.talk(ta, la)
					pb.talk(tb, lb)
					r.step(1)
					ha, hb = append(ha, pa.listen()...), append(hb, pb.listen()...)
				}
				for _, c := range []struct {
					name         string
					sends, hears bool
					got          []heard
					p            *party
					freq         float64
				}{{"to a", da.Sends(), db.Receives(), ha, pa, 600}, {"to b", db.Sends(), da.Receives(), hb, pb, 1000}} {
					if !c.sends {
						if len(c.got) != 0 {
							t.Errorf("%s: %d packets though not sending", c.name, len(c.got))
						}
						continue
					}
					if len(c.got) != 60 {
						t.Errorf("%s: %d packets of 60", c.name, len(c.got))
					}
					tone, _ := toneDB(last(c.p.sound(c.got), 8000), c.freq)
					if c.hears != (tone > -11) || !c.hears && tone > -60 {
						t.Errorf("%s: tone %.1f dB, should be heard: %v", c.name, tone, c.hears)
					}
				}
			})
		}
	}
}

// The taps of a leg get 50 frames a second from Configure on, come what may, numbered one by one.
func TestTapIsSteady(t *testing.T) {
	r := newRig(t)
	p := newParty(t, PCMU)
	l := r.leg(plain(PCMU, p.addr()))
	var got, sent collector
	defer l.AddTap(&got)()
	defer l.AddSentTap(&sent)()
	tone := audio.Sine(500, -10, 0)
	r.step(20) // nothing comes
	for i := range 200 {
		if i%10 != 3 {
			p.talk(tone, l)
		} else {
			p.seq++
			p.ts += 160
		}
		r.step(1)
	}
	r.step(50) // the peer fell silent
	if len(got.frames) != 270 || len(sent.frames) != 270 {
		t.Fatalf("%d and %d frames of 270", len(got.frames), len(sent.frames))
	}
	var concealed, silent int
	for i, f := range got.frames {
		if f.Seq != uint64(i) || sent.frames[i].Seq != uint64(i) {
			t.Fatalf("frame %d has number %d, sent %d", i, f.Seq, sent.frames[i].Seq)
		}
		if f.Flags&audio.Narrow == 0 {
			t.Fatalf("frame %d is not marked narrow", i)
		}
		if f.Flags&audio.Concealed != 0 {
			concealed++
		}
		if f.Flags&audio.Silent != 0 {
			silent++
		}
	}
	if concealed < 20 || concealed > 40 || silent < 40 || silent > 70 {
		t.Errorf("concealed %d, silent %d", concealed, silent)
	}
	s := l.Stats()
	if s.Lost != 20 || s.PacketsIn != 180 || s.ConcealedMS < 400 || s.MOS < 1 || s.MOS > 4.4 {
		t.Errorf("stats %+v", s)
	}
}

func TestPlayout(t *testing.T) {
	r := newRig(t)
	p := newParty(t, PCMA)
	l := r.leg(plain(PCMA, p.addr()))
	first := l.Play(audio.Sine(1000, -10, 0))
	r.step(10)
	second := l.Play(audio.Sine(600, -10, 200*time.Millisecond))
	select {
	case <-first.Done():
	default:
		t.Fatal("a replaced playout is done")
	}
	if first.Played() != 200*time.Millisecond || first.Finished() {
		t.Errorf("played %v, finished %v", first.Played(), first.Finished())
	}
	p.listen()
	r.step(11)
	select {
	case <-second.Done():
	default:
		t.Fatal("the source ended and the playout is not done")
	}
	if second.Played() != 200*time.Millisecond || !second.Finished() {
		t.Errorf("played %v, finished %v", second.Played(), second.Finished())
	}
	got := p.listen()
	if len(got) != 11 {
		t.Fatalf("%d packets", len(got))
	}
	if tone, _ := toneDB(p.sound(got[3:9]), 600); tone < -11 {
		t.Errorf("tone %.1f", tone)
	}
	third := l.Play(audio.Sine(800, -10, 0))
	r.step(5)
	p.listen()
	third.Stop()
	r.step(10)
	if rms := audio.RMS(p.sound(p.listen())[640:]); rms > 20 {
		t.Errorf("after Stop rms %.1f", rms)
	}
}

// A peer may be given the packet time it asked for, and send any.
func TestPacketTimes(t *testing.T) {
	for _, ms := range []int{10, 20, 30, 40, 60} {
		r := newRig(t)
		p := newParty(t, PCMU)
		x := plain(PCMU, p.addr())
		x.PTime = time.Duration(ms) * time.Millisecond
		l := r.leg(x)
		l.Echo(true)
		tone := audio.Sine(1000, -10, 0)
		var code []byte
		var got []heard
		for range 300 {
			var f audio.Frame
			if err := tone.ReadFrame(&f); err != nil {
				t.Fatal(err)
			}
			p.enc.encode(&f)
			code = append(code, p.enc.code[:]...)
			for len(code) >= ms*8 {
				p.send(code[:ms*8], l)
				code = code[ms*8:]
			}
			r.step(1)
			got = append(got, p.listen()...)
		}
		if want := 6000 / ms; len(got) < want-1 || len(got) > want {
			t.Errorf("%d ms: %d packets, want %d", ms, len(got), want)
		}
		for i, h := range got {
			if len(h.payload) != ms*8 || i > 0 && h.h.ts != got[i-1].h.ts+uint32(ms*8) {
				t.Fatalf("%d ms: packet %d has %d bytes", ms, i, len(h.payload))
			}
		}
		pcm := p.sound(got)
		if tone, rest := toneDB(pcm[len(pcm)-32000:], 1000); math.Abs(tone+10) > 0.5 || rest > -38 {
			t.Errorf("%d ms: tone %.1f, rest %.1f", ms, tone, rest)
		}
		if s := l.Stats(); s.ConcealedMS > 40 || s.Lost != 0 {
			t.Errorf("%d ms: %+v", ms, s)
		}
	}
}

// From one party's packet to the other's takes one tick of buffer and the filters.
func TestBridgeLatency(t *testing.T) {
	for _, cb := range []Codec{PCMA, PCMU, G722, Opus} {
		r := newRig(t)
		pa, pb := newParty(t, PCMA), newParty(t, cb)
		la, lb := r.leg(plain(PCMA, pa.addr())), r.leg(plain(cb, pb.addr()))
		defer Join(la, lb).Close()
		src := &clicks{period: 50}
		var got []heard
		for range 500 {
			pa.talk(src, la)
			r.step(1)
			got = append(got, pb.listen()...)
		}
		at := onsets(pb.sound(got), 16000)
		if len(at) < 9 {
			t.Fatalf("%v: %d clicks", cb, len(at))
		}
		// Click k is in frame 50*k+25, sent in its tick; the party's own coder and our decoder take up to 4.5 ms.
		for i, ms := range at[len(at)-5:] {
			delay := ms - float64((len(at)-5+i)*1000+500)
			most := 26.0
			if cb == Opus { // its coder looks ahead
				most = 32
			}
			if delay < 15 || delay > most {
				t.Errorf("%v: click %.1f ms after it was sent", cb, delay)
			}
		}
	}
}

// A sender that stood still for a while and goes on as if nothing had been (its timestamps
// did not move) was late for ever after, and nobody heard it again.
func TestSenderThatPausedIsHeardAgain(t *testing.T) {
	for _, c := range []Codec{PCMU, G722, Opus} {
		for _, pause := range []int{15, 40, 75, 120} {
			r := newRig(t)
			p := newParty(t, c)
			l := r.leg(plain(c, p.addr()))
			var tap collector
			defer l.AddTap(&tap)()
			tone := audio.Sine(500, -10, 0)
			for range 50 {
				p.talk(tone, l)
				r.step(1)
			}
			r.step(pause)
			for range 60 {
				p.talk(tone, l)
				r.step(1)
			}
			s := l.Stats()
			if at, rest := toneDB(last(tap.pcm(), 8000), 500); math.Abs(at+10) > 1 || rest > -30 || s.DelayMS > 100 {
				t.Errorf("%v after %d ms: tone %.1f dB, rest %.1f dB, %+v", c, pause*20, at, rest, s)
			}
		}
	}
}

// levels keeps the levels written to it.
type levels struct {
	power []int64
	flags []audio.Flags
}

func (l *levels) WriteLevel(power int64, flags audio.Flags) {
	l.power, l.flags = append(l.power, power), append(l.flags, flags)
}

// Levels are those of what is received, every tick, and nobody makes frames of 16 kHz for them.
func TestLevels(t *testing.T) {
	for _, c := range []Codec{PCMA, G722, Opus} {
		r := newRig(t)
		p := newParty(t, c)
		l := r.leg(plain(c, p.addr()))
		var got levels
		remove := l.AddLevels(&got)
		tone := audio.Sine(1000, -10, 0)
		for range 50 {
			p.talk(tone, l)
			r.step(1)
		}
		if l.rx.isWide {
			t.Errorf("%v: frames were made", c)
		}
		want := 32768 * 32768 / 10 / 2. // of a sine with a peak 10 dB below the largest
		if n := len(got.power); n != 50 || got.flags[0]&audio.Silent == 0 || got.flags[49]&^audio.Narrow != 0 || math.Abs(float64(got.power[49])/want-1) > 0.2 {
			t.Errorf("%v: %d levels, %.2f of what it should be, flags %b to %b", c, n, float64(got.power[49])/want, got.flags[0], got.flags[49])
		}
		remove()
		p.talk(tone, l)
		r.step(1)
		if len(got.power) != 50 {
			t.Errorf("%v: levels go on", c)
		}
	}
}
