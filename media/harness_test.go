package media

import (
	"encoding/binary"
	"math"
	"net/netip"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"tingxin/audio"
	"tingxin/media/opus"
)

func TestMain(m *testing.M) {
	if path := os.Getenv("TINGXIN_TEST_RECORD"); path != "" {
		recordUntilKilled(path)
	}
	goleak.VerifyTestMain(m)
}

// rig is an engine whose clock is stepped by hand: packets arrive when their tick is due.
type rig struct {
	*Engine
	t *testing.T
	n int64
}

func newRig(t *testing.T) *rig { return newRigWith(t, Config{}) }

func newRigWith(t *testing.T, cfg Config) *rig {
	t.Helper()
	cfg.Listen = "127.0.0.1"
	if cfg.PortMin == 0 {
		cfg.PortMin = -1
	}
	cfg.WebRTC.Port = -1
	e, err := New(cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	e.clock.begin(time.Now())
	e.clock.walk.virtual = true
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return &rig{Engine: e, t: t}
}

// tick walks one tick.
func (c *clock) tick(n int64) {
	for s := range slots {
		c.step(n, s, true)
	}
}

// step walks n ticks.
func (r *rig) step(n int) {
	for range n {
		r.n++
		r.clock.tick(r.n)
	}
}

func (r *rig) leg(p Params) *Leg {
	r.t.Helper()
	l, err := r.NewLeg("test", nil)
	if err != nil {
		r.t.Fatal(err)
	}
	if p.EventPT == 0 {
		p.EventPT, p.EventRecvPT = -1, -1
	}
	if err := l.Configure(p); err != nil {
		r.t.Fatal(err)
	}
	return l
}

// plain are parameters for a codec with its usual number.
func plain(c Codec, remote netip.AddrPort) Params {
	pt := map[Codec]uint8{PCMU: 0, PCMA: 8, G722: 9, Opus: 111}[c]
	return Params{Remote: remote, Codec: c, SendPT: pt, RecvPT: pt, EventPT: -1, EventRecvPT: -1, CNPT: -1}
}

// party is a far end on a socket of its own.
type party struct {
	t        *testing.T
	rtp, ctl *socket
	batch    *batch
	seq      uint16
	ts, ssrc uint32
	pt       uint8
	codec    Codec
	enc      sender
	dec      decoder
}

func newParty(t *testing.T, c Codec) *party { return newPartyAt(t, c, "127.0.0.1") }

func newPartyAt(t *testing.T, c Codec, host string) *party {
	t.Helper()
	pool := newPortPool(&Config{PortMin: -1, SocketBuffer: 1 << 20}, netip.MustParseAddr(host))
	rtp, ctl, err := pool.open(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	p := &party{t: t, rtp: rtp, ctl: ctl, batch: newBatch(), ts: 1000, ssrc: 77, codec: c, pt: plain(c, netip.AddrPort{}).SendPT}
	params := plain(c, netip.AddrPort{}).clean()
	p.enc.init()
	must(t, p.enc.set(&params, testConfig))
	must(t, p.dec.set(c))
	t.Cleanup(func() { rtp.close(); ctl.close() })
	return p
}

func (p *party) addr() netip.AddrPort {
	host := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	return netip.AddrPortFrom(host, p.rtp.port)
}

// packet builds the next packet; its timestamp moves on by the payload's length.
func (p *party) packet(payload []byte) []byte {
	b := make([]byte, rtpHeaderLen+len(payload))
	h := rtpHeader{pt: p.pt, seq: p.seq, ts: p.ts, ssrc: p.ssrc}
	h.put(b)
	copy(b[rtpHeaderLen:], payload)
	p.seq++
	if p.ts += uint32(len(payload)); p.codec == Opus {
		p.ts += uint32(opus.Samples(payload, 48000) - len(payload))
	}
	return b
}

func (p *party) raw(b []byte, to netip.AddrPort) {
	p.t.Helper()
	sa := newSockaddr(to)
	if !p.rtp.send(b, &sa) {
		p.t.Fatal("send failed")
	}
}

func (p *party) send(payload []byte, l *Leg) { p.raw(p.packet(payload), l.Local()) }

// talk sends 20 ms of a source.
func (p *party) talk(src Source, l *Leg) {
	var f audio.Frame
	if err := src.ReadFrame(&f); err != nil {
		p.t.Fatal(err)
	}
	p.enc.encode(&f)
	p.send(p.enc.made(), l)
}

var testConfig = &Config{OpusComplexity: 5, OpusBitrate: 32000}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// made is the payload that was encoded last.
func (s *sender) made() []byte {
	if s.codec == Opus {
		return s.out[rtpHeaderLen : rtpHeaderLen+s.opus.n]
	}
	return s.code[:]
}

// decoded is the sound of a payload at the codec's rate.
func (d *decoder) decoded(pcm []int16, payload []byte) int {
	if d.codec == Opus {
		n, _ := d.opus.dec.Decode(pcm, payload)
		return n
	}
	return d.bytes(pcm, payload)
}

type heard struct {
	h       rtpHeader
	payload []byte
	from    netip.AddrPort
}

// listen takes what has come.
func (p *party) listen() (out []heard) {
	for {
		n := p.batch.read(p.rtp)
		if n == 0 {
			return out
		}
		for i := range n {
			b, from, _ := p.batch.take(i, p.rtp)
			h, payload, ok := parseRTP(b)
			if !ok {
				p.t.Fatalf("not RTP: %x", b)
			}
			out = append(out, heard{h, append([]byte(nil), payload...), from})
		}
	}
}

// sound decodes the audio packets to 16 kHz.
func (p *party) sound(in []heard) (pcm []int16) {
	var up audio.Up8to16
	buf := make([]int16, 960)
	for _, h := range in {
		if h.h.pt != p.pt {
			continue
		}
		n := p.dec.decoded(buf, h.payload)
		if !p.codec.narrow() {
			pcm = append(pcm, buf[:n]...)
			continue
		}
		wide := make([]int16, 2*n)
		up.Process(wide, buf[:n])
		pcm = append(pcm, wide...)
	}
	return pcm
}

// toneDB is the level of freq in pcm at 16 kHz in dB of full scale amplitude, and of everything else.
func toneDB(pcm []int16, freq float64) (tone, rest float64) {
	var re, im, total float64
	for i, s := range pcm {
		v := float64(s) / 32768
		sn, cs := math.Sincos(2 * math.Pi * freq * float64(i) / 16000)
		re += v * cs
		im += v * sn
		total += v * v
	}
	n := float64(len(pcm))
	at := 2 * (re*re + im*im) / (n * n)
	return 10 * math.Log10(2*at+1e-12), 10 * math.Log10(2*max(0, total/n-at)+1e-12)
}

// collector keeps the frames written to it.
type collector struct{ frames []audio.Frame }

func (c *collector) WriteFrame(f *audio.Frame) { c.frames = append(c.frames, *f) }

func (c *collector) pcm() (out []int16) {
	for i := range c.frames {
		out = append(out, c.frames[i].PCM[:]...)
	}
	return out
}

// last second of pcm.
func last(pcm []int16, n int) []int16 { return pcm[max(0, len(pcm)-n):] }

func eventPayload(code byte, end bool, dur int) []byte {
	b := []byte{code, 10, 0, 0}
	if end {
		b[1] |= 0x80
	}
	binary.BigEndian.PutUint16(b[2:], uint16(min(dur, 65535)))
	return b
}

func loopback(port uint16) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), port)
}
