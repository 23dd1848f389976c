package media

import (
	"math"
	"runtime"
	"testing"
	"time"

	"tingxin/audio"
	"tingxin/media/opus"
)

// voice is a gliding buzz in syllables: what a speech coder takes for speech.
type voice struct {
	n     int
	phase float64
}

func (v *voice) ReadFrame(f *audio.Frame) error {
	for i := range f.PCM {
		t := float64(v.n) / 16000
		v.n++
		v.phase += 2 * math.Pi * (130 + 40*math.Sin(2*math.Pi*1.3*t)) / 16000
		s := 0.0
		for h := 1.0; h <= 16; h++ {
			s += math.Sin(h*v.phase) / h
		}
		f.PCM[i] = int16(5000 * s * math.Abs(math.Sin(2*math.Pi*2.1*t)))
	}
	return nil
}

// heardVoice is what a tap hears of a voice when every n-th packet is lost (0 for none).
func heardVoice(t *testing.T, delay time.Duration, every, told int) ([]int16, LegStats) {
	t.Helper()
	r := newRigWith(t, Config{JitterMin: delay})
	p := newParty(t, Opus)
	p.ts = ^uint32(0) - 48000 // wraps on the way
	p.enc.opus.lost(float64(told))
	l := r.leg(plain(Opus, p.addr()))
	var tap collector
	defer l.AddTap(&tap)()
	var f audio.Frame
	src := &voice{}
	for i := range 300 {
		_ = src.ReadFrame(&f)
		p.enc.encode(&f)
		b := p.packet(p.enc.made())
		if every == 0 || i%every != every-1 {
			p.raw(b, l.Local())
		}
		r.step(1)
	}
	for _, f := range tap.frames {
		if f.Flags&audio.Narrow != 0 {
			t.Fatal("Opus is not narrow")
		}
	}
	return last(tap.pcm(), 4*16000), l.Stats()
}

// A lost packet is invented, or, when the delay has room for the next one, made from
// what that repeats of it, which comes nearer to what was said.
func TestOpusLoss(t *testing.T) {
	for _, every := range []int{20, 10} {
		snr := map[string]float64{}
		for _, c := range []struct {
			name string
			told int
		}{{"invented", 0}, {"repeated", 20}} {
			clean, _ := heardVoice(t, 60*time.Millisecond, 0, c.told)
			lossy, s := heardVoice(t, 60*time.Millisecond, every, c.told)
			if want := uint64(300/every) - 2; s.Lost < want || s.ConcealedMS < 20*want {
				t.Errorf("%+v", s)
			}
			var signal, noise float64
			for i, v := range clean {
				signal += float64(v) * float64(v)
				noise += (float64(v) - float64(lossy[i])) * (float64(v) - float64(lossy[i]))
			}
			snr[c.name] = 10 * math.Log10(signal/noise)
		}
		t.Logf("every %d lost: %.1f dB invented, %.1f dB repeated", every, snr["invented"], snr["repeated"])
		if snr["invented"] < 3 || snr["repeated"] < snr["invented"]+2 {
			t.Errorf("every %d lost: %v", every, snr)
		}
	}
}

// Where packets get lost the playout waits for the next one, which repeats them; where
// they no longer do, the delay shrinks again.
func TestOpusLossMakesRoom(t *testing.T) {
	r := newRig(t)
	p := newParty(t, Opus)
	l := r.leg(plain(Opus, p.addr()))
	defer l.AddTap(&collector{})()
	src := &voice{}
	talk := func(ticks, every int) {
		for i := range ticks {
			if every > 0 && i%every == 0 {
				p.seq++
				p.ts += 960
			} else {
				p.talk(src, l)
			}
			r.step(1)
			p.listen()
		}
	}
	talk(300, 0)
	if s := l.Stats(); s.TargetMS != 20 {
		t.Errorf("without loss: %+v", s)
	}
	talk(700, 10)
	if s := l.Stats(); s.TargetMS != 40 || s.DelayMS < 35 {
		t.Errorf("a tenth lost: %+v", s)
	}
	talk(1000, 0)
	if s := l.Stats(); s.TargetMS != 20 || s.DelayMS > 41 {
		t.Errorf("no more loss: %+v", s)
	}
}

// A sender that is silent for two seconds (DTX) is followed again with the old delay.
func TestOpusPause(t *testing.T) {
	r := newRig(t)
	p := newParty(t, Opus)
	l := r.leg(plain(Opus, p.addr()))
	var tap collector
	defer l.AddTap(&tap)()
	tone := audio.Sine(440, -10, 0)
	for round := range 3 {
		for range 60 {
			p.talk(tone, l)
			r.step(1)
		}
		at, rest := toneDB(last(tap.pcm(), 8000), 440)
		if d := l.Stats().DelayMS; at < -11 || rest > -30 || d > 90 {
			t.Errorf("round %d: tone %.1f dB, rest %.1f dB, delay %.0f ms", round, at, rest, d)
		}
		for range 100 {
			p.ts += 960
			r.step(1)
		}
		if f := tap.frames[len(tap.frames)-1]; f.Flags&audio.Silent == 0 || audio.RMS(f.PCM[:]) > 300 {
			t.Errorf("round %d: the pause is not silent: flags %b, rms %.0f", round, f.Flags, audio.RMS(f.PCM[:]))
		}
	}
}

// Packets of 10, 40 and 60 ms are played like those of 20.
func TestOpusPacketTimes(t *testing.T) {
	for _, ms := range []int{10, 40, 60} {
		r := newRig(t)
		p := newParty(t, Opus)
		l := r.leg(plain(Opus, p.addr()))
		var tap collector
		defer l.AddTap(&tap)()
		tone := audio.Sine(440, -10, 0)
		var pcm []int16
		var f audio.Frame
		for range 240 {
			_ = tone.ReadFrame(&f)
			for pcm = append(pcm, f.PCM[:]...); len(pcm) >= ms*16; pcm = pcm[ms*16:] {
				p.enc.opus.encode(p.enc.out[rtpHeaderLen:], pcm[:ms*16], audio.Rate)
				p.send(p.enc.made(), l)
			}
			r.step(1)
		}
		at, rest := toneDB(last(tap.pcm(), 32000), 440)
		if at < -10.5 || rest > -30 || l.Stats().ConcealedMS > 120 {
			t.Errorf("%d ms: tone %.1f dB, rest %.1f dB, %+v", ms, at, rest, l.Stats())
		}
	}
}

// Events beside Opus run on its clock of 48000 Hz, both ways.
func TestOpusEvents(t *testing.T) {
	r := newRig(t)
	a, b := r.leg(plain(Opus, loopback(0))), r.leg(plain(Opus, loopback(0)))
	for _, l := range []*Leg{a, b} {
		p := plain(Opus, a.Local())
		if l == a {
			p.Remote = b.Local()
		}
		p.EventPT, p.EventRecvPT = 110, 110
		configure(t, l, p)
	}
	done := make(chan error, 1)
	go func() { done <- a.SendDigits(t.Context(), "42") }() // ends when both were sent
	for range 60 {
		r.step(1)
		time.Sleep(time.Millisecond)
	}
	must(t, <-done)
	for _, want := range []byte("42") {
		select {
		case d := <-b.Digits():
			if d.Key != want || d.Duration != 100*time.Millisecond {
				t.Errorf("%+v, want %c", d, want)
			}
		default:
			t.Errorf("no %c", want)
		}
	}
}

// What a telephone with G.711 says is coded at 8 kHz, a prompt at 16 kHz, a pause like what
// went before it; where one follows the other nothing cracks.
func TestOpusOfATelephoneIsNarrow(t *testing.T) {
	r := newRig(t)
	web, phone := newParty(t, Opus), newParty(t, PCMA)
	a, b := r.leg(plain(Opus, web.addr())), r.leg(plain(PCMA, phone.addr()))
	join := Join(a, b)
	defer join.Close()
	tone := audio.Sine(440, -10, 0)
	run := func(step string, ticks int, narrow, talks bool) {
		t.Helper()
		var got []heard
		for range ticks {
			if talks {
				phone.talk(tone, b)
			}
			r.step(1)
			got = append(got, web.listen()...)
		}
		pcm := web.sound(got)
		if n := len(got); n < ticks-1 {
			t.Fatalf("%s: %d packets in %d ticks", step, n, ticks)
		}
		for _, h := range got[5:] {
			if config := h.payload[0] >> 3; (config < 4) != narrow { // RFC 6716 section 3.1: 0 to 3 are narrowband
				t.Fatalf("%s: packet of configuration %d", step, config)
			}
		}
		peak := int16(0)
		for _, s := range pcm {
			peak = max(peak, s, -s)
		}
		if at, rest := toneDB(last(pcm, 16000), 440); peak > 16000 || talks && (at < -11 || rest > -30) {
			t.Errorf("%s: tone %.1f dB, rest %.1f dB, peak %d", step, at, rest, peak)
		}
	}
	run("before anybody speaks", 20, false, false)
	run("the telephone speaks", 100, true, true)
	prompt := a.Play(audio.Sine(440, -10, 0))
	run("prompt", 100, false, true)
	prompt.Stop()
	run("the telephone again", 100, true, true)
	join.Close()
	run("nobody", 50, true, false)
	defer a.AddSentTap(&collector{})()
	defer Join(a, b).Close()
	run("tapped", 100, true, true)
}

// A leg that carries Opus allocates nothing while it talks with a telephone.
func TestOpusDoesNotAllocate(t *testing.T) {
	x := &load{rig: newRig(t)}
	l := x.add(t, Opus, nil)
	phone := x.add(t, PCMA, nil)
	defer Join(l, phone).Close()
	packets, _ := spoken(t)
	p, q := x.parties[0], x.parties[1]
	buf, i := make([]byte, maxPacket), 0
	to, toPhone := newSockaddr(l.Local()), newSockaddr(phone.Local())
	tick := func() {
		h := rtpHeader{pt: 111, seq: uint16(i), ts: uint32(i * 960), ssrc: 7}
		h.put(buf)
		p.rtp.send(buf[:rtpHeaderLen+copy(buf[rtpHeaderLen:], packets[i%len(packets)])], &to)
		h = rtpHeader{pt: 8, seq: uint16(i), ts: uint32(i * frameUnits), ssrc: 8}
		h.put(buf)
		q.rtp.send(buf[:rtpHeaderLen+frameUnits], &toPhone)
		i++
		x.step(1)
		x.hear()
	}
	for range 20 {
		tick()
	}
	l.control.due, phone.control.due = 1<<62, 1<<62
	if n := testing.AllocsPerRun(300, tick); n != 0 {
		t.Errorf("%v allocations per tick", n)
	}
	if s := l.Stats(); s.PacketsIn < 300 || s.PacketsOut < 300 || s.ConcealedMS > 100 {
		t.Errorf("%+v", s)
	}
}

// spoken are packets and frames of ten seconds of voice.
func spoken(b testing.TB) (packets [][]byte, frames []audio.Frame) {
	p := plain(Opus, loopback(0)).clean()
	var s sender
	s.init()
	if err := s.set(&p, testConfig); err != nil {
		b.Fatal(err)
	}
	src := &voice{}
	for range 500 {
		var f audio.Frame
		_ = src.ReadFrame(&f)
		s.encode(&f)
		packets, frames = append(packets, append([]byte(nil), s.made()...)), append(frames, f)
	}
	return packets, frames
}

// What a call from Opus to G.711 and back costs: both legs, sockets, jitter buffers,
// rates. To be held against BenchmarkLibopusAlone.
func BenchmarkOpusCall(b *testing.B) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	const calls = 10
	packets, frames := spoken(b)
	t := &testing.T{}
	e, err := New(Config{Listen: "127.0.0.1", PortMin: -1}, nil)
	if err != nil {
		b.Fatal(err)
	}
	x := &load{rig: &rig{Engine: e, t: t}}
	e.clock.walk.virtual = true
	for range calls {
		Join(x.add(t, Opus, nil), x.add(t, PCMA, nil))
	}
	i := 0
	var used time.Duration
	for b.Loop() {
		for k, p := range x.parties {
			if p.codec == Opus {
				p.raw(p.packet(packets[i%500]), x.legs[k].Local())
				continue
			}
			p.enc.encode(&frames[i%500])
			p.raw(p.packet(p.enc.made()), x.legs[k].Local())
		}
		i++
		before := cpu()
		x.step(1)
		used += cpu() - before
		x.hear()
	}
	b.ReportMetric(float64(used.Nanoseconds())/float64(b.N)/calls, "cpu-ns/call-tick")
	b.ReportMetric(float64(used.Nanoseconds())/float64(b.N)/calls/20e6*100, "%core/call")
	_ = e.Close()
}

// What libopus takes of that: one frame decoded, one encoded.
func BenchmarkLibopusAlone(b *testing.B) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	packets, frames := spoken(b)
	enc, _ := opus.NewEncoder(opus.EncoderOptions{Rate: 16000, Bitrate: 24000, Complexity: 5})
	dec, _ := opus.NewDecoder(16000)
	out, pcm := make([]byte, 600), make([]int16, 320)
	i := 0
	before := cpu()
	for b.Loop() {
		_, _ = dec.Decode(pcm, packets[i%500])
		_, _ = enc.Encode(out, frames[i%500].PCM[:])
		i++
	}
	used := cpu() - before
	b.ReportMetric(float64(used.Nanoseconds())/float64(b.N), "cpu-ns/call-tick")
	b.ReportMetric(float64(used.Nanoseconds())/float64(b.N)/20e6*100, "%core/call")
}
