package media

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tingxin/audio"
)

// catchUp walks the ticks due at the given time of the virtual clock.
func (r *rig) until(at time.Duration) {
	r.clock.catchUp(int64(at))
	r.n = (r.clock.next - 1) / slots
}

// After a stall of 300 ms three packets leave, the rest is dropped and counted, and
// timestamps, taps and prompts stay where they belong.
func TestStall(t *testing.T) {
	r := newRig(t)
	p := newParty(t, PCMA)
	l := r.leg(plain(PCMA, p.addr()))
	var tap collector
	defer l.AddTap(&tap)()
	play := l.Play(audio.Sine(1000, -10, 0))
	for at := time.Duration(0); at <= time.Second; at += tick {
		r.until(at)
	}
	before := p.listen()
	r.until(1300 * time.Millisecond)
	burst := p.listen()
	for at := 1320 * time.Millisecond; at <= 2*time.Second; at += tick {
		r.until(at)
	}
	after := p.listen()
	if len(before) != 50 || len(burst) != 3 || len(after) != 35 {
		t.Fatalf("%d packets before, %d after the stall, %d later", len(before), len(burst), len(after))
	}
	if got := burst[0].h.ts - before[49].h.ts; got != 13*160 {
		t.Errorf("timestamps moved by %d over the stall, want %d", got, 13*160)
	}
	if got := burst[0].h.seq - before[49].h.seq; got != 13 {
		t.Errorf("sequence numbers moved by %d: the drop should show as loss", got)
	}
	if after[34].h.ts-before[0].h.ts != 99*160 {
		t.Error("a lasting shift")
	}
	if len(tap.frames) != 100 || play.Played() != 2*time.Second {
		t.Errorf("%d frames tapped, %v played", len(tap.frames), play.Played())
	}
	s := r.Stats()
	if s.Stalls != 1 || s.Skipped != 12 || s.Ticks != 100 {
		t.Errorf("stats %+v", s)
	}
	if s.ClockLateP99MS < 250 {
		t.Errorf("lateness %.1f ms", s.ClockLateP99MS)
	}
}

// A machine that slept for an hour does not walk an hour of ticks.
func TestStallOfAnHour(t *testing.T) {
	r := newRig(t)
	p := newParty(t, PCMA)
	r.leg(plain(PCMA, p.addr()))
	r.until(time.Second)
	p.listen()
	r.until(time.Hour)
	if n := len(p.listen()); n != 3 {
		t.Errorf("%d packets", n)
	}
	if got := r.Stats().Ticks; got > 50+maxReplay+1 {
		t.Errorf("%d ticks", got)
	}
}

// In real time packets = elapsed/20 ms +- 1 and gaps are 20 ms.
func TestRealClock(t *testing.T) {
	e, err := New(Config{Listen: "127.0.0.1", PortMin: -1}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	p := newParty(t, PCMU)
	l, err := e.NewLeg("real", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Configure(plain(PCMU, p.addr())); err != nil {
		t.Fatal(err)
	}
	play := l.Play(audio.Sine(1000, -10, 600*time.Millisecond))
	<-play.Done()
	if n := len(p.listen()); n < 29 || n > 32 {
		t.Errorf("%d packets in 600 ms", n)
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
	if _, err := e.NewLeg("late", nil); err == nil {
		t.Error("a closed engine gave a leg")
	}
}

// Calls in real time with both ends in this process: nothing lost, jitter under 5 ms.
// TINGXIN_LOAD=200 asks for more calls, TINGXIN_LOAD_SECONDS for longer ones, and
// TINGXIN_LOAD_KIND=record or bridge for calls that are recorded or bridged two by two.
func TestEchoLoad(t *testing.T) {
	calls, seconds := env(t, "TINGXIN_LOAD", 20), env(t, "TINGXIN_LOAD_SECONDS", 1)
	var lost uint64
	var p95 float64
	for range 3 { // another program on this machine may have had its turn
		if lost, p95 = echoLoad(t, calls, seconds); lost <= uint64(calls) && p95 <= 15 {
			return
		}
	}
	t.Errorf("lost %d, jitter p95 %.2f ms", lost, p95)
}

// echoLoad holds calls for some seconds and tells how many packets were lost and the 95th percentile of jitter in ms.
func echoLoad(t *testing.T, calls, seconds int) (lost uint64, p95 float64) {
	t.Helper()
	dir := t.TempDir()
	server, caller := started(t), started(t)
	tone := audio.Sine(1000, -10, 0)
	pcm := make([]int16, 0, 16000)
	for range 50 {
		var f audio.Frame
		_ = tone.ReadFrame(&f)
		pcm = append(pcm, f.PCM[:]...)
	}
	var legs, far []*Leg
	for range calls {
		s, err := server.NewLeg("s", nil)
		if err != nil {
			t.Fatal(err)
		}
		c, err := caller.NewLeg("c", nil)
		if err != nil {
			t.Fatal(err)
		}
		configure(t, s, plain(PCMA, c.Local()))
		configure(t, c, plain(PCMA, s.Local()))
		switch kind := os.Getenv("TINGXIN_LOAD_KIND"); {
		case kind == "bridge" && len(legs)%2 == 1:
			Join(s, legs[len(legs)-1])
		case kind == "record":
			rec, err := server.Record(filepath.Join(dir, strconv.Itoa(len(legs))+".wav"), RecordOptions{})
			if err != nil {
				t.Fatal(err)
			}
			s.AddTap(rec.Left())
			s.AddSentTap(rec.Right())
			s.Echo(true)
		case kind != "bridge":
			s.Echo(true)
		}
		c.Play(audio.NewLoop(pcm))
		legs, far = append(legs, s), append(far, c)
	}
	before := processCPU()
	begin := time.Now()
	<-time.After(time.Duration(seconds) * time.Second) // real time is what is measured
	used, took := processCPU()-before, time.Since(begin)
	var jitter []float64
	var late uint64
	for i := range far {
		s := far[i].Stats()
		jitter = append(jitter, s.JitterMS)
		lost += s.Lost + legs[i].Stats().Lost
		late += s.Late
		lost += max(uint64(seconds)*45, s.PacketsIn) - s.PacketsIn // of those that came too late to be counted
	}
	slices.Sort(jitter)
	p95 = jitter[len(jitter)*95/100]
	st := server.Stats()
	for i := range far {
		far[i].Close()
		legs[i].Close()
	}
	t.Logf("%d legs, %v: lost %d, late %d, jitter p50 %.2f p95 %.2f ms, clock late p99 %.2f ms, stalls %d, both ends %.3f %% of a core per leg, server clock busy %.1f %%, recordings %d bytes, %d frames dropped",
		calls, took.Round(time.Millisecond), lost, late, jitter[len(jitter)/2], p95, st.ClockLateP99MS, st.Stalls, used.Seconds()/took.Seconds()*100/float64(calls), st.BusyPct, st.RecordBytes, st.RecordDropped)
	return lost, p95
}

func env(t *testing.T, name string, def int) int {
	if v := os.Getenv(name); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	return def
}

func started(t *testing.T) *Engine {
	t.Helper()
	e, err := New(Config{Listen: "127.0.0.1", PortMin: -1}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// processCPU is what the process has used.
func processCPU() time.Duration {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &ts)
	return time.Duration(ts.Nano())
}
