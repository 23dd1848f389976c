package call

import (
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"tingxin/audio"
	"tingxin/media"
)

// tape is the recording of a call. Its time is call time; the caller's channel is
// silence until the gate opens, so nothing is kept before it may be.
type tape struct {
	rec    *media.Recorder
	path   string // absolute
	caller gate
	remove []func() // taps
}

// gate passes frames on while it is open.
type gate struct {
	dst  audio.Writer
	pass atomic.Bool
}

// WriteFrame implements audio.Writer.
func (g *gate) WriteFrame(f *audio.Frame) {
	if g.pass.Load() {
		g.dst.WriteFrame(f)
	}
}

// open lets the caller's sound onto the tape.
func (t *tape) open() {
	if t != nil {
		t.caller.pass.Store(true)
	}
}

// opened says whether the caller's sound was ever let in.
func (t *tape) opened() bool { return t.caller.pass.Load() }

// openTape starts the recording unless it runs. A disk that refuses costs the recording, not the call.
func (c *Call) openTape(now time.Time) {
	if c.tape != nil {
		return
	}
	name := filepath.Join(now.UTC().Format("2006/01/02"), c.id+".wav")
	path := filepath.Join(c.m.cfg.Recording.Dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		c.noTape(err)
		return
	}
	rec, err := c.m.parts.Engine.Record(path, media.RecordOptions{Lead: now.Sub(c.zero)})
	if err != nil {
		c.noTape(err)
		return
	}
	t := &tape{rec: rec, path: path}
	t.caller.dst = rec.Left()
	c.tape = t
	c.hush()
	c.retape(c.caller())
	c.record.Recording = Recording{Path: name, State: RecordingOpen}
	c.update()
}

// retape records another leg as the caller's: what it says is left, what it hears right.
func (c *Call) retape(l *leg) {
	t := c.tape
	if t == nil {
		return
	}
	for _, remove := range t.remove {
		remove()
	}
	t.remove = []func(){l.media.AddTap(&t.caller), l.media.AddSentTap(t.rec.Right())}
}

func (c *Call) noTape(err error) {
	c.m.stats.noRecording.Add(1)
	c.log.Error("recording cannot be started", "error", err)
}

// closeTape ends the recording and notes what came of it.
func (c *Call) closeTape() {
	t := c.tape
	if t == nil {
		return
	}
	if !t.opened() {
		c.dropTape()
		return
	}
	c.tape = nil
	for _, remove := range t.remove {
		remove()
	}
	info, err := t.rec.Close()
	if err != nil {
		c.m.stats.noRecording.Add(1)
		c.log.Error("recording is not complete", "error", err)
	}
	c.record.Recording.State = RecordingKept
	c.record.Recording.Duration, c.record.Recording.Bytes = info.Duration, info.Bytes
}

// dropTape ends the recording and removes it: the caller refused, or never got so far as to agree.
func (c *Call) dropTape() {
	t := c.tape
	if t == nil {
		return
	}
	c.tape = nil
	for _, remove := range t.remove {
		remove()
	}
	if _, err := t.rec.Close(); err != nil {
		c.log.Error("recording is not complete", "error", err)
	}
	if err := os.Remove(t.path); err != nil {
		c.log.Error("recording cannot be removed", "error", err)
	}
	c.record.Recording = Recording{}
}
