package media

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"tingxin/audio"
)

// Two of our legs talk over SRTP in every profile; a wrong key is not heard and counted.
func TestSRTP(t *testing.T) {
	for _, profile := range []string{AESCM128SHA180, AESCM128SHA132, AEADAES128GCM, AEADAES256GCM} {
		t.Run(profile, func(t *testing.T) {
			r := newRig(t)
			a, b := r.leg(plain(PCMA, netip.AddrPort{})), r.leg(plain(PCMA, netip.AddrPort{}))
			n := SRTPKeyLen(profile)
			ka, kb := bytes.Repeat([]byte{1}, n), bytes.Repeat([]byte{2}, n)
			xa, xb := plain(PCMA, b.Local()), plain(PCMA, a.Local())
			xa.SRTP = &SRTPParams{Profile: profile, SendKey: ka, RecvKey: kb}
			xb.SRTP = &SRTPParams{Profile: profile, SendKey: kb, RecvKey: ka}
			configure(t, a, xa)
			configure(t, b, xb)
			configure(t, a, xa) // the same again changes nothing
			var tap collector
			defer b.AddTap(&tap)()
			a.Play(audio.Sine(1000, -10, 0))
			r.step(400)
			if tone, rest := toneDB(last(tap.pcm(), 16000), 1000); math.Abs(tone+10) > 1 || rest > -38 {
				t.Errorf("tone %.1f, rest %.1f", tone, rest)
			}
			if s := b.Stats(); s.SRTPFailed != 0 || s.PacketsIn < 398 || s.RemoteJitterMS != 0 && s.RTTMS > 100 {
				t.Errorf("%+v", s)
			}
			if a.control.reports == 0 || b.control.reports == 0 {
				t.Error("no SRTCP report was understood")
			}
			xb.SRTP = &SRTPParams{Profile: profile, SendKey: kb, RecvKey: bytes.Repeat([]byte{9}, n)}
			configure(t, b, xb)
			in := b.Stats().PacketsIn
			r.step(20)
			if s := b.Stats(); s.SRTPFailed < 19 || s.PacketsIn != in {
				t.Errorf("with the wrong key: %+v", s)
			}
		})
	}
	if err := newRig(t).leg(plain(PCMA, netip.AddrPort{})).Configure(Params{SRTP: &SRTPParams{Profile: AESCM128SHA180}}); err == nil {
		t.Error("a missing key is an error")
	}
}

// Reports go out about every 5 s on port + 1, or muxed; loss, jitter and round trip come back.
func TestReports(t *testing.T) {
	for _, mux := range []bool{false, true} {
		r := newRig(t)
		p := newParty(t, PCMU)
		x := plain(PCMU, p.addr())
		x.RTCPMux = mux
		l := r.leg(x)
		tone := audio.Sine(1000, -10, 0)
		var reports []*rtcp.SenderReport
		sock := p.ctl
		if mux {
			sock = p.rtp
		}
		for i := range 1500 {
			if i%10 != 0 {
				p.talk(tone, l)
			} else {
				p.seq++
				p.ts += 160
			}
			r.step(1)
			for n := p.batch.read(sock); n > 0; n = p.batch.read(sock) {
				for k := range n {
					if b, _, _ := p.batch.take(k, sock); isRTCP(b) {
						reports = append(reports, readReport(t, b))
					}
				}
			}
			if i == 1000 {
				answerReport(t, p, sock, l, reports[len(reports)-1], mux)
			}
		}
		if n := len(reports); n < 4 || n > 12 {
			t.Fatalf("mux %v: %d reports in 30 s", mux, n)
		}
		last := reports[len(reports)-1]
		if len(last.Reports) != 1 || last.Reports[0].SSRC != p.ssrc || last.PacketCount < 1000 {
			t.Errorf("mux %v: %+v", mux, last)
		}
		if f := last.Reports[0].FractionLost; f < 20 || f > 32 { // a tenth of 256
			t.Errorf("mux %v: fraction lost %d", mux, f)
		}
		s := l.Stats()
		if s.RemoteLossPct != 25 || s.RemoteJitterMS != 10 || s.RTTMS < 100 || s.RTTMS > 400 {
			t.Errorf("mux %v: %+v", mux, s)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		bye := false
		for n := p.batch.read(sock); n > 0; n = p.batch.read(sock) {
			for k := range n {
				b, _, _ := p.batch.take(k, sock)
				bye = bye || isRTCP(b) && bytes.Contains(b, []byte{0x81, 203})
			}
		}
		if !bye {
			t.Errorf("mux %v: no BYE", mux)
		}
	}
}

func readReport(t *testing.T, b []byte) *rtcp.SenderReport {
	t.Helper()
	packets, err := rtcp.Unmarshal(b)
	if err != nil || len(packets) != 2 {
		t.Fatalf("%v %v", packets, err)
	}
	if _, ok := packets[1].(*rtcp.SourceDescription); !ok {
		t.Fatal("a compound packet carries SDES")
	}
	return packets[0].(*rtcp.SenderReport)
}

// answerReport tells of 25 % loss, 10 ms jitter and, by DLSR, of a round trip of about 0.2 s.
func answerReport(t *testing.T, p *party, sock *socket, l *Leg, sr *rtcp.SenderReport, mux bool) {
	t.Helper()
	now := uint32(ntp(time.Now().UnixNano()) >> 16)
	lsr := uint32(sr.NTPTime >> 16)
	trip := uint32(65536 / 5)
	b, err := rtcp.Marshal([]rtcp.Packet{&rtcp.ReceiverReport{SSRC: p.ssrc, Reports: []rtcp.ReceptionReport{{
		SSRC: sr.SSRC, FractionLost: 64, Jitter: 80, LastSenderReport: lsr, Delay: now - lsr - trip,
	}}}})
	if err != nil {
		t.Fatal(err)
	}
	to := l.LocalRTCP()
	if mux {
		to = l.Local()
	}
	sa := newSockaddr(to)
	if !sock.send(b, &sa) {
		t.Fatal("send")
	}
}

// RFC 3389: noise in is played at its level; a silent bridge sends descriptions instead of sound.
func TestComfortNoise(t *testing.T) {
	r := newRig(t)
	pa, pb := newParty(t, PCMU), newParty(t, PCMU)
	xa, xb := plain(PCMU, pa.addr()), plain(PCMU, pb.addr())
	xa.CNPT, xb.CNPT = 13, 13
	la, lb := r.leg(xa), r.leg(xb)
	var tap collector
	defer la.AddTap(&tap)()
	defer Join(la, lb).Close()
	tone := audio.Sine(1000, -10, 0)
	for range 50 {
		pa.talk(tone, la)
		r.step(1)
	}
	pb.listen()
	for i := range 100 { // a is silent and says how its room sounds
		if i%10 == 0 {
			pa.pt = 13
			pa.send([]byte{50, 120}, la)
			pa.ts -= 2
			pa.pt = 0
		}
		pa.ts += 160
		r.step(1)
	}
	room := audio.DBov(audio.RMS(last(tap.pcm(), 16000)))
	if room < -53 || room > -48 {
		t.Errorf("noise at %.1f dBov, want -50", room)
	}
	var cn, sound int
	for _, h := range pb.listen() {
		if h.h.pt == 13 && len(h.payload) == 1 {
			cn++
		} else {
			sound++
		}
	}
	if cn < 8 || cn > 11 || sound > 5 {
		t.Errorf("b got %d descriptions and %d packets of sound in 2 s", cn, sound)
	}
	pa.talk(tone, la)
	pa.talk(tone, la)
	r.step(4)
	got := pb.listen()
	if len(got) == 0 || got[len(got)-1].h.pt != 0 {
		t.Fatalf("talk does not go on: %v", got)
	}
	for _, h := range got {
		if h.h.pt == 0 {
			if !h.h.marker {
				t.Error("a spurt begins with a marker")
			}
			break
		}
	}
	for _, f := range tap.frames[60:140] {
		if f.Flags&audio.Silent == 0 {
			t.Fatal("comfort noise frames are silent ones")
		}
	}
}

// Without anything to send we send silence all the same: also while held, muted, or when the peer stops.
func TestNeverStopsSending(t *testing.T) {
	r := newRig(t)
	p := newParty(t, G722)
	l := r.leg(plain(G722, p.addr()))
	r.step(100)
	got := p.listen()
	if len(got) != 100 {
		t.Errorf("%d packets of 100", len(got))
	}
	if rms := audio.RMS(p.sound(got)); rms > 5 {
		t.Errorf("silence has rms %.1f", rms)
	}
	a := l.Activity()
	if !a.Never() || a.Held || a.Idle(a.Configured.Add(time.Minute)) != time.Minute {
		t.Errorf("%+v", a)
	}
	x := l.Params()
	x.Direction = SendOnly
	configure(t, l, x)
	if a := l.Activity(); !a.Held || a.Idle(time.Now().Add(time.Hour)) != 0 {
		t.Errorf("held: %+v", a)
	}
}

// New SSRC, new payload number, new remote: our numbers go on, theirs are followed.
func TestReconfigureKeepsTheClock(t *testing.T) {
	r := newRig(t)
	p, q := newParty(t, PCMU), newParty(t, PCMU)
	l := r.leg(plain(PCMU, p.addr()))
	var tap collector
	defer l.AddTap(&tap)()
	tone := audio.Sine(1000, -10, 0)
	for range 50 {
		p.talk(tone, l)
		r.step(1)
	}
	one := p.listen()
	x := plain(PCMU, q.addr())
	x.SendPT, x.RecvPT = 100, 101
	configure(t, l, x)
	q.pt, q.ssrc = 101, 4711
	for range 50 {
		q.talk(tone, l)
		r.step(1)
	}
	two := q.listen()
	if len(one) != 50 || len(two) != 50 || two[0].h.seq != one[49].h.seq+1 || two[0].h.ts != one[49].h.ts+160 || two[0].h.ssrc != one[0].h.ssrc || two[0].h.pt != 100 {
		t.Errorf("%d and %d packets, %+v then %+v", len(one), len(two), one[49].h, two[0].h)
	}
	breaks := 0
	for _, f := range tap.frames {
		if f.Flags&audio.Break != 0 {
			breaks++
		}
	}
	if breaks != 2 {
		t.Errorf("%d breaks: the first sound and the new source", breaks)
	}
	if level, _ := toneDB(last(tap.pcm(), 8000), 1000); math.Abs(level+10) > 1 {
		t.Errorf("tone %.1f", level)
	}
}

// Ports rest before they are used again, and a busy one is passed over.
func TestPorts(t *testing.T) {
	probe := newParty(t, PCMU)
	base := int(probe.rtp.port)&^1 + 20
	if base > 60000 {
		base -= 2000
	}
	r := newRigWith(t, Config{PortMin: base, PortMax: base + 7, PortRest: time.Hour})
	var legs []*Leg
	for {
		l, err := r.NewLeg("p", nil)
		if err != nil {
			if !errors.Is(err, ErrNoPorts) {
				t.Fatal(err)
			}
			break
		}
		if l.Local().Port()%2 != 0 {
			t.Error("RTP ports are even")
		}
		legs = append(legs, l)
	}
	if len(legs) == 0 || len(legs) > 4 {
		t.Fatalf("%d legs on 4 pairs", len(legs))
	}
	port := legs[0].Local().Port()
	for range 2 {
		if err := legs[0].Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.NewLeg("p", nil); !errors.Is(err, ErrNoPorts) {
		t.Error("a port that rests was used")
	}
	if s := r.Stats(); s.PortsTotal != 4 || s.PortsUsed != len(legs)-1 || s.PortsResting != 1 || s.ReceiveBuffer < 1<<17 {
		t.Errorf("%+v", s)
	}
	rtp, rtcp, err := r.ports.open(time.Now().Add(2 * time.Hour))
	if err != nil || rtp.port != port {
		t.Fatalf("after the rest: %v", err)
	}
	r.ports.close(rtp, rtcp, time.Now())
}

// Sound that came before the leg was configured, or for its port's last user, is not heard.
func TestNoStaleSound(t *testing.T) {
	r := newRig(t)
	p := newParty(t, PCMU)
	l, err := r.NewLeg("x", nil)
	if err != nil {
		t.Fatal(err)
	}
	tone := audio.Sine(1000, -10, 0)
	for range 10 {
		p.talk(tone, l)
		r.step(1)
	}
	configure(t, l, plain(PCMU, p.addr()))
	var tap collector
	defer l.AddTap(&tap)()
	r.step(10)
	if rms := audio.RMS(tap.pcm()); rms != 0 || l.Stats().Rejected != 10 {
		t.Errorf("rms %.1f, %+v", rms, l.Stats())
	}
}

func TestConfigCheck(t *testing.T) {
	if err := (Config{}).Check(); err != nil {
		t.Error(err)
	}
	for want, c := range map[string]Config{
		"media.listen":      {Listen: "here"},
		"media.external":    {External: "example"},
		"media.port_min":    {PortMin: 30000, PortMax: 20000},
		"media.jitter_min":  {JitterMin: -time.Millisecond},
		"media.record_rate": {RecordRate: 44100},
	} {
		if err := c.Check(); err == nil || !bytes.Contains([]byte(err.Error()), []byte(want)) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

func FuzzRTP(f *testing.F) {
	f.Add([]byte{0x80, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 2, 3})
	f.Add([]byte{0xb1, 0x80, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 9, 9, 9, 9, 0xbe, 0xde, 0, 1, 1, 2, 3, 4, 5, 6, 7, 2})
	f.Fuzz(func(t *testing.T, b []byte) {
		h, payload, ok := parseRTP(b)
		var p rtp.Packet
		err := p.Unmarshal(b)
		if !ok {
			return
		}
		if err != nil {
			// pion also reads the extension's inside; we skip it as a block.
			if b[0]&0x10 != 0 || b[0]&0x20 != 0 {
				return
			}
			t.Fatalf("we accept, pion says %v", err)
		}
		if h.pt != p.PayloadType || h.seq != p.SequenceNumber || h.ts != p.Timestamp || h.ssrc != p.SSRC || h.marker != p.Marker || !bytes.Equal(payload, p.Payload) {
			t.Fatalf("%+v %x, pion %+v", h, payload, p)
		}
	})
}

// Anything may come in on both ports: nothing panics, and the leg goes on.
func FuzzDatagram(f *testing.F) {
	f.Add([]byte{0x80, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 2, 3}, false)
	f.Add([]byte{0x80, 101, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 0x80, 3, 4}, false)
	f.Add([]byte{0x80, 13, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 40, 100, 200}, false)
	f.Add([]byte{0x81, 201, 0, 7, 0, 0, 0, 1, 0, 0, 0, 1, 1, 0x80, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, true)
	e, err := New(Config{Listen: "127.0.0.1", PortMin: -1}, nil)
	if err != nil {
		f.Fatal(err)
	}
	e.clock.begin(time.Now())
	e.clock.walk.virtual = true
	from := netip.MustParseAddrPort("127.0.0.1:4000")
	n := int64(0)
	f.Cleanup(func() { _ = e.Close() })
	f.Fuzz(func(t *testing.T, b []byte, control bool) {
		l, err := e.NewLeg("fuzz", nil)
		if err != nil {
			t.Fatal(err)
		}
		x := plain(PCMU, from)
		x.EventRecvPT, x.CNPT = 101, 13
		configure(t, l, x)
		var tap collector
		l.AddTap(&tap)
		w := &e.clock.walk
		for range 5 {
			l.mu.Lock()
			if control {
				l.receiveControl(w, b, from, w.mono)
			} else {
				l.datagram(w, b, from, w.mono)
			}
			l.mu.Unlock()
			n++
			e.clock.tick(n)
			if len(b) >= 8 {
				binary.BigEndian.PutUint16(b[2:], binary.BigEndian.Uint16(b[2:])+1)
				binary.BigEndian.PutUint32(b[4:], binary.BigEndian.Uint32(b[4:])+160)
			}
		}
		if len(tap.frames) == 0 {
			t.Fatal("the leg stopped")
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	})
}
