package media

import (
	"net/netip"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tingxin/audio"
)

// load is n calls stepped by hand, with far ends that send a packet per tick.
type load struct {
	*rig
	parties []*party
	legs    []*Leg
	packet  [][]byte
}

func (x *load) add(t *testing.T, c Codec, params func(*Params)) *Leg {
	p := newParty(t, c)
	pp := plain(c, p.addr())
	if params != nil {
		params(&pp)
	}
	l := x.leg(pp)
	x.parties = append(x.parties, p)
	x.legs = append(x.legs, l)
	return l
}

// talk sends one packet to every leg without allocating.
func (x *load) talk() {
	for i, p := range x.parties {
		h := rtpHeader{pt: p.pt, seq: p.seq, ts: p.ts, ssrc: p.ssrc}
		if x.packet == nil || len(x.packet) < len(x.parties) {
			x.packet = make([][]byte, len(x.parties))
			for k := range x.packet {
				x.packet[k] = make([]byte, rtpHeaderLen+frameUnits)
				for j := range x.packet[k] {
					x.packet[k][j] = byte(j * 7)
				}
			}
		}
		h.put(x.packet[i])
		p.seq++
		p.ts += frameUnits
		sa := newSockaddr(netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), x.legs[i].pair.rtp.port))
		p.rtp.send(x.packet[i], &sa)
	}
}

// hear empties the sockets of the far ends.
func (x *load) hear() {
	for _, p := range x.parties {
		p.batch.read(p.rtp)
		for i := range batchSize {
			p.batch.ready(i)
		}
	}
}

// One tick of legs in every kind of work allocates nothing.
func TestTickDoesNotAllocate(t *testing.T) {
	dir := t.TempDir() // before the rig, so that it outlives it
	x := &load{rig: newRig(t)}
	for _, c := range []Codec{PCMU, PCMA, G722} {
		x.add(t, c, nil).Echo(true)
		a, b := x.add(t, c, nil), x.add(t, PCMA, nil)
		defer Join(a, b).Close()
		p := x.add(t, c, func(p *Params) { p.CNPT, p.EventPT, p.EventRecvPT = 13, 101, 101 })
		p.Play(audio.Sine(1000, -10, 0))
		p.DetectInband(true)
		rec, err := x.Record(filepath.Join(dir, c.String()+".wav"), RecordOptions{})
		if err != nil {
			t.Fatal(err)
		}
		a.AddTap(rec.Left())
		a.AddSentTap(rec.Right())
	}
	key := make([]byte, 28)
	var secure []*Leg // two that talk to each other
	for range 2 {
		secure = append(secure, x.leg(plain(PCMU, netip.AddrPort{})))
	}
	for i, l := range secure {
		p := plain(PCMU, secure[1-i].Local())
		p.SRTP = &SRTPParams{Profile: AEADAES128GCM, SendKey: key, RecvKey: key}
		configure(t, l, p)
		l.control.due = 1 << 62
	}
	x.talk()
	x.step(10)
	for _, l := range x.legs { // reports every 5 s may allocate
		l.control.due = 1 << 62
	}
	n := testing.AllocsPerRun(200, func() {
		x.talk()
		x.step(1)
		x.hear()
		for _, r := range *x.recorders.Load() {
			r.tail.Store(r.head.Load())
		}
	})
	if n != 0 {
		t.Errorf("%v allocations per tick of %d legs", n, len(x.legs))
	}
	if s := x.Stats(); s.PacketsIn < 1000 || s.SendErrors > 0 || secure[0].Stats().PacketsIn < 200 {
		t.Errorf("%+v", s)
	}
}

// What one frame costs on its way, by part.
func TestPartsDoNotAllocate(t *testing.T) {
	var j jitter
	j.init(60*ms64, 20*ms64, 200*ms64)
	var d decoder
	must(t, d.set(PCMU))
	var s sender
	s.init()
	payload := make([]byte, 160)
	var f audio.Frame
	now := int64(0)
	for name, fn := range map[string]func(){
		"jitter": func() {
			now += 20 * ms
			j.put(uint32(now/unit), payload, now)
			j.get(now, false)
		},
		"conceal": func() { d.plc.conceal(f.PCM[:160]); d.plc.good(f.PCM[:160]) },
		"encode":  func() { s.encode(&f) },
	} {
		if n := testing.AllocsPerRun(100, fn); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

const ms64 = 1000000

// cpu is what this thread has used.
func cpu() time.Duration {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts)
	return time.Duration(ts.Nano())
}

func benchLegs(b *testing.B, n int, make func(x *load, t *testing.T)) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	t := &testing.T{}
	e, err := New(Config{Listen: "127.0.0.1", PortMin: -1}, nil)
	if err != nil {
		b.Fatal(err)
	}
	x := &load{rig: &rig{Engine: e, t: t}}
	e.clock.walk.virtual = true
	for range n {
		make(x, t)
	}
	var used time.Duration
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		x.talk()
		x.hear()
		b.StartTimer()
		before := cpu()
		x.step(1)
		used += cpu() - before
	}
	perTick := float64(used.Nanoseconds()) / float64(b.N) / float64(n)
	b.ReportMetric(perTick/20e6*100, "%core/call")
	b.ReportMetric(perTick, "cpu-ns/call-tick")
	_ = e.Close()
}

// The server's own cost per call, the far ends' work not counted.
func BenchmarkEchoCall(b *testing.B) {
	benchLegs(b, 100, func(x *load, t *testing.T) { x.add(t, PCMA, nil).Echo(true) })
}

func BenchmarkBridgedCall(b *testing.B) {
	benchLegs(b, 100, func(x *load, t *testing.T) { Join(x.add(t, PCMA, nil), x.add(t, PCMA, nil)) })
}

func BenchmarkTranscodedCall(b *testing.B) {
	benchLegs(b, 100, func(x *load, t *testing.T) { Join(x.add(t, PCMA, nil), x.add(t, PCMU, nil)) })
}

func BenchmarkRecordedEchoCall(b *testing.B) {
	dir := b.TempDir()
	benchLegs(b, 50, func(x *load, t *testing.T) {
		l := x.add(t, PCMA, nil)
		l.Echo(true)
		rec, err := x.Record(dir+"/"+l.Local().String()+".wav", RecordOptions{})
		if err != nil {
			b.Fatal(err)
		}
		l.AddTap(rec.Left())
		l.AddSentTap(rec.Right())
	})
}

func BenchmarkWideBridgedCall(b *testing.B) {
	benchLegs(b, 50, func(x *load, t *testing.T) { Join(x.add(t, G722, nil), x.add(t, PCMA, nil)) })
}
