package media

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"tingxin/audio"
)

// RecordOptions change one recording.
type RecordOptions struct {
	// Rate is the sample rate, 8000 or 16000 Hz; 0 means the engine's.
	Rate int
	// Lead is silence before the first sound, so that the time of the file is that of a call that began before it.
	Lead time.Duration
}

// RecordInfo describes a finished recording.
type RecordInfo struct {
	Path     string
	Duration time.Duration
	Bytes    int64
}

// Recorder writes a stereo 16 bit WAV file, left the caller, right our side,
// placed by the master clock: what was not written is silence.
//
// The clock puts 20 ms of both sides into a queue at the end of each tick; one
// goroutine of the engine writes all recordings. When the disk stands still longer
// than the queue is long, frames are lost and counted, and silence keeps their place.
type Recorder struct {
	engine *Engine
	path   string
	part   string
	rate   int
	left   recordSide
	right  recordSide

	mu     sync.Mutex // guards this group, left and right
	paused bool
	closed bool
	next   int64 // tick due next
	lead   int64 // ticks of silence before the first

	slots      []recordSlot
	head, tail atomic.Int64 // slots filled by the clock, emptied by the writer

	fileMu sync.Mutex // guards this group
	wav    *audio.WAVWriter
	buf    []int16
	flush  time.Time
	failed bool
	info   RecordInfo
	err    error

	sync time.Time // sync goroutine only
}

// recordQueue is how many ticks a recording may wait for the disk: 3 s.
const recordQueue = 150

// recordSlot is 20 ms of both sides, after gap ticks of silence.
type recordSlot struct {
	gap int64
	pcm [2 * audio.FrameLen]int16
}

type recordSide struct {
	rec  *Recorder
	down audio.Down16to8
	pcm  [audio.FrameLen]int16
	tmp  [audio.FrameLen]int16
	has  bool
}

// recordTotals are the engine's counters over all recordings.
type recordTotals struct{ dropped, errors, bytes atomic.Uint64 }

// partSuffix marks a recording that was not finished.
const partSuffix = ".part"

// Record starts a recording. It is written to path + ".part" and renamed to path
// by Close (or RepairRecording after a crash).
func (e *Engine) Record(path string, opt RecordOptions) (*Recorder, error) {
	if opt.Rate == 0 {
		opt.Rate = e.cfg.RecordRate
	}
	if opt.Rate != 8000 && opt.Rate != 16000 {
		return nil, fmt.Errorf("record %s: rate %d must be 8000 or 16000", path, opt.Rate)
	}
	wav, err := audio.CreateWAV(path+partSuffix, opt.Rate, 2)
	if err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	r := &Recorder{
		engine: e, path: path, part: path + partSuffix, rate: opt.Rate, wav: wav, lead: int64(max(opt.Lead, 0) / tick),
		slots: make([]recordSlot, recordQueue), buf: make([]int16, 2*opt.Rate/50), flush: time.Now(),
	}
	r.left.rec, r.right.rec = r, r
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil, errors.Join(fmt.Errorf("record %s: %w", path, ErrClosed), wav.Close(), os.Remove(r.part))
	}
	list := append(slices.Clone(*e.recorders.Load()), r)
	e.recorders.Store(&list)
	return r, nil
}

// Left takes the caller's frames: leg.AddTap(rec.Left()). Frames written by several
// writers in one tick are mixed.
func (r *Recorder) Left() audio.Writer { return &r.left }

// Right takes the frames of our side: leg.AddSentTap(rec.Right()).
func (r *Recorder) Right() audio.Writer { return &r.right }

// WriteFrame puts f at the present tick of the master clock.
func (s *recordSide) WriteFrame(f *audio.Frame) {
	r := s.rec
	r.mu.Lock()
	defer r.mu.Unlock()
	pcm := f.PCM[:]
	if r.rate == 8000 {
		s.down.Process(s.tmp[:narrowLen], pcm)
		pcm = s.tmp[:narrowLen]
	}
	if !s.has {
		copy(s.pcm[:], pcm)
		s.has = true
		return
	}
	for i, v := range pcm {
		s.pcm[i] = int16(max(-32768, min(32767, int32(s.pcm[i])+int32(v))))
	}
}

// tick queues what both sides wrote in tick n. Clock goroutine.
func (r *Recorder) tick(n int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return
	}
	if r.next == 0 {
		r.next = n - r.lead
	}
	head := r.head.Load()
	if head-r.tail.Load() == recordQueue {
		r.engine.record.dropped.Add(1)
		r.left.has, r.right.has = false, false
		return // next stays behind: the gap is told with the next slot
	}
	s := &r.slots[head%recordQueue]
	s.gap = max(0, n-r.next)
	r.next = n + 1
	r.left.take(s.pcm[:], 0, r.rate/50, r.paused)
	r.right.take(s.pcm[:], 1, r.rate/50, r.paused)
	r.head.Store(head + 1)
}

// take moves one side into its channel of the interleaved slot.
func (s *recordSide) take(out []int16, channel, n int, paused bool) {
	if !s.has || paused {
		for i := range n {
			out[2*i+channel] = 0
		}
	} else {
		for i, v := range s.pcm[:n] {
			out[2*i+channel] = v
		}
	}
	s.has = false
}

// Pause writes silence on both sides, keeping time, until Pause(false).
func (r *Recorder) Pause(on bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.paused = on
}

// drain writes the queue to the file. fileMu is held.
func (r *Recorder) drain() {
	n := 2 * r.rate / 50
	for t := r.tail.Load(); t < r.head.Load(); t++ {
		s := &r.slots[t%recordQueue]
		clear(r.buf)
		for range s.gap {
			r.note(r.wav.Write(r.buf))
		}
		r.note(r.wav.Write(s.pcm[:n]))
		r.engine.record.bytes.Add(uint64(2*n) * uint64(1+s.gap))
		r.tail.Store(t + 1)
	}
}

// note counts a failed write and logs the first. fileMu is held.
func (r *Recorder) note(err error) {
	if err == nil {
		return
	}
	r.engine.record.errors.Add(1)
	if !r.failed {
		r.failed = true
		r.engine.log.Error("recording cannot be written", "path", r.part, "error", err)
	}
	r.err = err
}

// writeRecordings writes all recordings until stop is closed.
func (e *Engine) writeRecordings(stop <-chan struct{}) {
	t := time.NewTicker(200 * time.Millisecond)
	defer t.Stop()
	for {
		select {
		case <-stop:
			return
		case now := <-t.C:
			for _, r := range *e.recorders.Load() {
				r.write(now)
			}
		}
	}
}

// write drains the queue, and every 0.8 s makes the file whole.
func (r *Recorder) write(now time.Time) {
	r.fileMu.Lock()
	defer r.fileMu.Unlock()
	if r.wav == nil {
		return
	}
	r.drain()
	if now.Sub(r.flush) >= 800*time.Millisecond {
		r.flush = now
		r.note(r.wav.Flush())
	}
}

// syncRecordings forces running recordings to disk now and then, apart from the
// writer because a busy disk may take its time.
func (e *Engine) syncRecordings(stop <-chan struct{}) {
	if e.cfg.RecordSync < 0 {
		return
	}
	t := time.NewTicker(e.cfg.RecordSync / 4)
	defer t.Stop()
	for {
		select {
		case <-stop:
			return
		case now := <-t.C:
			for _, r := range *e.recorders.Load() {
				if now.Sub(r.sync) >= e.cfg.RecordSync {
					r.sync = now
					r.syncFile()
				}
			}
		}
	}
}

func (r *Recorder) syncFile() {
	r.fileMu.Lock()
	wav := r.wav
	r.fileMu.Unlock()
	if wav == nil {
		return
	}
	if err := wav.Sync(); err != nil && !errors.Is(err, os.ErrClosed) {
		r.engine.record.errors.Add(1)
	}
}

// Close writes the rest, syncs the file and gives it its name. Twice is fine.
func (r *Recorder) Close() (RecordInfo, error) {
	e := r.engine
	e.mu.Lock()
	list := slices.DeleteFunc(slices.Clone(*e.recorders.Load()), func(o *Recorder) bool { return o == r })
	e.recorders.Store(&list)
	e.mu.Unlock()
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.fileMu.Lock()
	defer r.fileMu.Unlock()
	if r.wav == nil {
		return r.info, r.err
	}
	r.drain()
	r.info = RecordInfo{Path: r.path, Bytes: r.wav.Bytes(), Duration: time.Duration(r.wav.Frames()) * time.Second / time.Duration(r.rate)}
	err := errors.Join(r.err, r.wav.Close(), publish(r.part, r.path))
	r.wav = nil
	if r.err = nil; err != nil {
		r.err = fmt.Errorf("finish recording %s: %w", r.path, err)
	}
	return r.info, r.err
}

// publish renames a finished file and makes the new name last.
func publish(from, to string) error {
	if err := os.Rename(from, to); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(to))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// RepairRecording finishes a recording that a killed process left: path is the
// final name (the ".part" file beside it is used) or the ".part" file itself.
// A file that is already whole is returned as it is.
func RepairRecording(path string) (RecordInfo, error) {
	path = strings.TrimSuffix(path, partSuffix)
	part := path + partSuffix
	if _, err := os.Stat(part); errors.Is(err, os.ErrNotExist) {
		return describe(path, path)
	}
	info, err := describe(part, path)
	if err != nil {
		return RecordInfo{}, err
	}
	if err := publish(part, path); err != nil {
		return RecordInfo{}, fmt.Errorf("repair recording: %w", err)
	}
	return info, nil
}

// describe repairs the file at path and tells about it under the name it will have.
func describe(path, name string) (RecordInfo, error) {
	rate, frames, err := audio.RepairWAV(path)
	if err != nil {
		return RecordInfo{}, fmt.Errorf("repair recording: %w", err)
	}
	st, err := os.Stat(path)
	if err != nil {
		return RecordInfo{}, fmt.Errorf("repair recording: %w", err)
	}
	return RecordInfo{Path: name, Bytes: st.Size(), Duration: time.Duration(frames) * time.Second / time.Duration(rate)}, nil
}
