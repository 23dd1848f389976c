package media

import (
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"tingxin/audio"
)

var testTime = time.Now()

// discard is a tap that only counts.
type discard struct{ n int }

func (d *discard) WriteFrame(*audio.Frame) { d.n++ }

// Everything a call may do, from several goroutines at once on a running clock.
func TestLegsUnderFire(t *testing.T) {
	e := started(t)
	dir := t.TempDir()
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Add(1)
		// Ends after its calls.
		go func() {
			defer wg.Done()
			for i := range 6 {
				fire(t, e, filepath.Join(dir, strconv.Itoa(g)+"-"+strconv.Itoa(i)+".wav"))
			}
		}()
	}
	wg.Wait()
	if s := e.Stats(); s.Legs != 0 || s.Bridges != 0 || s.Recordings != 0 || s.PortsUsed != 0 {
		t.Errorf("left over: %+v", s)
	}
}

func fire(t *testing.T, e *Engine, path string) {
	a, err := e.NewLeg("a", nil)
	if err != nil {
		t.Error(err)
		return
	}
	b, err := e.NewLeg("b", nil)
	if err != nil {
		t.Error(err)
		return
	}
	for _, c := range []Codec{PCMU, G722, PCMA} {
		if a.Configure(plain(c, b.Local())) != nil || b.Configure(plain(c, a.Local())) != nil {
			t.Error("configure")
		}
	}
	rec, err := e.Record(path, RecordOptions{})
	if err != nil {
		t.Error(err)
		return
	}
	removeL, removeR := a.AddTap(rec.Left()), a.AddSentTap(rec.Right())
	br := Join(a, b)
	play := a.Play(audio.Sine(1000, -10, 40*time.Millisecond))
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	_ = b.SendDigits(ctx, "12")
	<-play.Done()
	br.Close()
	a.Echo(true)
	b.DetectInband(true)
	_ = a.Stats()
	_ = a.Activity()
	removeL()
	removeR()
	if _, err := rec.Close(); err != nil {
		t.Error(err)
	}
	last := b.Play(audio.NewSilence(-1))
	if a.Close() != nil || b.Close() != nil || a.Close() != nil {
		t.Error("close")
	}
	<-last.Done()
	if err := a.Configure(plain(PCMU, b.Local())); err == nil {
		t.Error("a closed leg was configured")
	}
	if p := a.Play(audio.NewSilence(-1)); p.Finished() {
		t.Error("finished on a closed leg")
	}
	for range a.Digits() {
	}
}

// Garbage on both ports of a leg is counted, and the call goes on.
func TestGarbage(t *testing.T) {
	r := newRig(t)
	p := newParty(t, PCMU)
	l := r.leg(plain(PCMU, p.addr()))
	var tap discard
	defer l.AddTap(&tap)()
	tone := audio.Sine(1000, -10, 0)
	noise := audio.NewNoise(3)
	var pcm [700]int16
	noise.Fill(pcm[:], 20000)
	for i := range 200 {
		junk := make([]byte, 1+i*7)
		for k := range junk {
			junk[k] = byte(pcm[(k/2+i)%700] >> (k % 2 * 8))
		}
		p.raw(junk, l.Local())
		sa := newSockaddr(l.LocalRTCP())
		p.ctl.send(junk, &sa)
		p.talk(tone, l)
		r.step(1)
	}
	r.step(10)
	s := l.Stats()
	if tap.n != 210 || s.PacketsIn < 200 || s.PacketsIn > 205 || s.Malformed+s.Rejected < 380 {
		t.Errorf("%d frames, %+v", tap.n, s)
	}
}

// A flood is read within bounds and the rest shows as kernel drops; nobody else suffers.
func TestFlood(t *testing.T) {
	r := newRigWith(t, Config{SocketBuffer: 4096})
	p, q := newParty(t, PCMU), newParty(t, PCMU)
	l, other := r.leg(plain(PCMU, p.addr())), r.leg(plain(PCMU, q.addr()))
	tone := audio.Sine(1000, -10, 0)
	const rounds, burst = 20, 200
	for range rounds {
		for range burst {
			p.send(make([]byte, 160), l)
		}
		q.talk(tone, other)
		r.step(1)
	}
	r.step(1)
	p.talk(tone, l) // the kernel tells its count with the next packet
	r.step(1)
	s := l.Stats()
	if s.KernelDrops == 0 || s.KernelDrops+s.PacketsIn+s.Duplicates != rounds*burst+1 {
		t.Errorf("%d sent, %+v", rounds*burst+1, s)
	}
	if o := other.Stats(); o.PacketsIn != rounds || o.KernelDrops != 0 {
		t.Errorf("the other leg: %+v", o)
	}
	if e := r.Stats(); e.KernelDrops != s.KernelDrops {
		t.Errorf("engine counts %d", e.KernelDrops)
	}
}

// c=0.0.0.0 holds: nothing is sent, nobody else may latch meanwhile, and it goes on after.
func TestOldHold(t *testing.T) {
	r := newRig(t)
	p, evil := newParty(t, PCMU), newPartyAt(t, PCMU, "127.0.0.66")
	l := r.leg(plain(PCMU, p.addr()))
	tone := audio.Sine(1000, -10, 0)
	p.talk(tone, l)
	r.step(10)
	p.listen()
	x := plain(PCMU, netip.MustParseAddrPort("0.0.0.0:4000"))
	x.Direction, x.Relatch = SendOnly, true
	configure(t, l, x)
	evil.talk(tone, l)
	r.step(10)
	if n := len(p.listen()); n != 0 || l.Stats().Rejected != 1 || !l.Activity().Held {
		t.Errorf("held: %d packets, %+v", n, l.Stats())
	}
	configure(t, l, plain(PCMU, p.addr()))
	p.talk(tone, l)
	r.step(10)
	if n := len(p.listen()); n != 10 {
		t.Errorf("after the hold %d packets of 10", n)
	}
}

// Many short calls leave no descriptor behind.
func TestNoDescriptorLeaks(t *testing.T) {
	r := newRig(t)
	count := func() int {
		d, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Skip("no /proc here")
		}
		return len(d)
	}
	before := count()
	for range 200 {
		a, b := r.leg(plain(PCMU, netip.AddrPort{})), r.leg(plain(PCMU, netip.AddrPort{}))
		Join(a, b).Close()
		r.step(1)
		if a.Close() != nil || b.Close() != nil {
			t.Fatal("close")
		}
	}
	if after := count(); after > before {
		t.Errorf("%d descriptors, %d before", after, before)
	}
	if s := r.Stats(); s.Legs != 0 || s.PortsUsed != 0 {
		t.Errorf("%+v", s)
	}
}
