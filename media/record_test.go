package media

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tingxin/audio"
	"tingxin/race"
)

// clicks are frames silent but for one loud 20 ms every period frames.
type clicks struct{ n, period int }

func (c *clicks) ReadFrame(f *audio.Frame) error {
	clear(f.PCM[:])
	if c.n%c.period == c.period/2 {
		for i := range f.PCM {
			f.PCM[i] = int16(12000 * math.Sin(2*math.Pi*1000*float64(i)/16000))
		}
	}
	c.n++
	return nil
}

// onsets are the times in ms at which the channel gets loud.
func onsets(pcm []int16, rate int) (out []float64) {
	quiet := 0
	for i, s := range pcm {
		if s > 3000 || s < -3000 {
			if quiet > rate/10 {
				out = append(out, float64(i)*1000/float64(rate))
			}
			quiet = 0
		} else {
			quiet++
		}
	}
	return out
}

// 30 minutes with 5 % loss, a hold and a codec change: clicks of both sides stay where
// the master clock put them, to the end. (Stepped by hand it takes seconds.)
func TestRecordingDoesNotSkew(t *testing.T) {
	t.Parallel()
	minutes := 30
	if testing.Short() || race.Enabled {
		minutes = 3
	}
	r := newRig(t)
	p := newParty(t, PCMU)
	l := r.leg(plain(PCMU, p.addr()))
	path := filepath.Join(t.TempDir(), "call.wav")
	rec, err := r.Record(path, RecordOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.AddTap(rec.Left())()
	defer l.AddSentTap(rec.Right())()
	l.Play(&clicks{period: 100})
	theirs := &clicks{period: 100}
	ticks := minutes * 60 * 50
	for i := range ticks {
		switch i {
		case ticks / 3: // hold for 10 s, as far as we are concerned
			x := l.Params()
			x.Direction = SendOnly
			configure(t, l, x)
		case ticks/3 + 500:
			x := l.Params()
			x.Direction = SendRecv
			configure(t, l, x)
		case ticks / 2:
			configure(t, l, plain(PCMA, p.addr()))
			p.pt, p.enc.codec = 8, PCMA
		}
		if i%20 == 7 {
			var f audio.Frame
			_ = theirs.ReadFrame(&f)
			p.seq++
			p.ts += 160
		} else {
			p.talk(theirs, l)
		}
		r.step(1)
		if i%50 == 0 {
			rec.write(time.Now())
			p.listen()
		}
	}
	info, err := rec.Close()
	if err != nil {
		t.Fatal(err)
	}
	if want := time.Duration(ticks) * tick; info.Duration != want {
		t.Errorf("duration %v, want %v", info.Duration, want)
	}
	ch, err := audio.ReadWAVChannels(path, 8000, 2)
	if err != nil {
		t.Fatal(err)
	}
	right := onsets(ch[1], 8000)
	if len(right) != minutes*30 {
		t.Errorf("%d clicks of ours of %d", len(right), minutes*30)
	}
	for i, at := range right { // prompt frame k is sent in tick k
		if want := float64(i*2000 + 1000); math.Abs(at-want) > 3 {
			t.Fatalf("our click %d at %.1f ms, want %.1f", i, at, want)
		}
	}
	left := onsets(ch[0], 8000)
	if len(left) < minutes*30*85/100 {
		t.Errorf("%d clicks of theirs", len(left))
	}
	for _, at := range left {
		// Played out 20 to 60 ms after it was sent, on the same clock.
		if d := math.Mod(at, 2000) - 1000; d < 0 || d > 80 {
			t.Fatalf("their click at %.1f ms is off by %.1f", at, d)
		}
	}
}

func configure(t *testing.T, l *Leg, p Params) {
	t.Helper()
	if err := l.Configure(p); err != nil {
		t.Fatal(err)
	}
}

// What is not written, paused, or lost by a standing disk becomes silence of the same length.
func TestRecordingKeepsTime(t *testing.T) {
	r := newRig(t)
	path := filepath.Join(t.TempDir(), "r.wav")
	rec, err := r.Record(path, RecordOptions{Rate: 16000})
	if err != nil {
		t.Fatal(err)
	}
	tone := audio.Sine(1000, -10, 0)
	var f audio.Frame
	for i := range 400 {
		_ = tone.ReadFrame(&f)
		if i < 50 || i >= 100 {
			rec.Left().WriteFrame(&f)
		}
		rec.Pause(i >= 120 && i < 140)
		r.step(1)
		if i == 149 { // then the disk stands still: 150 ticks fit, 100 are lost
			rec.write(time.Now())
		}
	}
	rec.write(time.Now())
	_ = tone.ReadFrame(&f)
	rec.Left().WriteFrame(&f)
	r.step(1)
	info, err := rec.Close()
	if err != nil || info.Duration != 401*tick {
		t.Fatalf("%+v, %v", info, err)
	}
	if s := r.Stats(); s.RecordDropped != 100 {
		t.Errorf("dropped %d", s.RecordDropped)
	}
	ch, err := audio.ReadWAVChannels(path, 16000, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		at   int
		loud bool
	}{{10, true}, {60, false}, {110, true}, {130, false}, {145, true}, {250, true}, {299, true}, {310, false}, {395, false}, {400, true}} {
		if got := audio.RMS(ch[0][c.at*320:][:320]) > 1000; got != c.loud {
			t.Errorf("tick %d loud: %v", c.at, got)
		}
		if audio.RMS(ch[1][c.at*320:][:320]) != 0 {
			t.Error("the right side is not silent")
		}
	}
}

// recordUntilKilled is the process that TestRecordingSurvivesKill kills.
func recordUntilKilled(path string) {
	e, err := New(Config{Listen: "127.0.0.1", PortMin: -1}, nil)
	if err == nil {
		err = e.Start(context.Background())
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	rec, err := e.Record(path, RecordOptions{})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	l, err := e.NewLeg("x", nil)
	if err == nil {
		err = l.Configure(plain(PCMU, l.Local()))
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	l.AddSentTap(rec.Right())
	l.Play(audio.Sine(440, -10, 0))
	for {
		time.Sleep(100 * time.Millisecond) // a live process, told when to die by its parent
		fmt.Println(l.playout.Load().Played().Milliseconds())
	}
}

// kill -9 leaves a file that is readable as it is and, repaired, whole to the last 2 s.
func TestRecordingSurvivesKill(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "k.wav")
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "TINGXIN_TEST_RECORD="+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	played := 0
	for s := bufio.NewScanner(out); s.Scan() && played < 2500; {
		if _, err := fmt.Sscan(s.Text(), &played); err != nil {
			t.Fatal(s.Text())
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) {
		t.Fatal(err)
	}
	asIs, err := audio.ReadWAVChannels(path+partSuffix, 8000, 0)
	if err != nil {
		t.Fatalf("as it is: %v", err)
	}
	info, err := RepairRecording(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := int(info.Duration.Milliseconds()); got < played-2000 || len(asIs[0])/8 < played-2000 {
		t.Errorf("%d ms played, %d ms in the file, %d as it was", played, got, len(asIs[0])/8)
	}
	ch, err := audio.ReadWAVChannels(path, 8000, 0)
	if err != nil || audio.RMS(ch[1][4000:8000]) < 1000 {
		t.Errorf("after repair: %v", err)
	}
	if again, err := RepairRecording(path + partSuffix); err != nil || again != info {
		t.Errorf("repaired again: %+v, %v", again, err)
	}
	if _, err := RepairRecording(path + "x"); err == nil || strings.Contains(err.Error(), "\n") {
		t.Errorf("missing: %v", err)
	}
}

func TestRecordErrors(t *testing.T) {
	r := newRig(t)
	if _, err := r.Record(filepath.Join(t.TempDir(), "no", "such", "dir.wav"), RecordOptions{}); err == nil {
		t.Error("no directory, no error")
	}
	if _, err := r.Record("x.wav", RecordOptions{Rate: 11025}); err == nil {
		t.Error("rate 11025 is not one of ours")
	}
	path := filepath.Join(t.TempDir(), "r.wav")
	rec, err := r.Record(path, RecordOptions{})
	if err != nil {
		t.Fatal(err)
	}
	one, err1 := rec.Close()
	two, err2 := rec.Close()
	if one != two || err1 != nil || err2 != nil {
		t.Errorf("closed twice: %v %v %v %v", one, two, err1, err2)
	}
}
