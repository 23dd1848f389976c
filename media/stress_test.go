package media

import (
	"context"
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
