package media

import (
	"time"

	"tingxin/audio"
)

// RecordOptions change one recording.
type RecordOptions struct {
	// Rate is the sample rate, 8000 or 16000 Hz; 0 means the engine's.
	Rate int
}

// RecordInfo describes a finished recording.
type RecordInfo struct {
	Path     string
	Duration time.Duration
	Bytes    int64
}

// Recorder writes a stereo 16 bit WAV file, left the caller, right our side,
// placed by the master clock: what was not written is silence.
type Recorder struct{}

// Record starts a recording. It is written to path + ".part" and renamed to path
// by Close (or RepairRecording after a crash).
func (e *Engine) Record(path string, opt RecordOptions) (*Recorder, error) { return nil, ErrClosed }

// Left takes the caller's frames: leg.AddTap(rec.Left()).
func (r *Recorder) Left() audio.Writer { return nil }

// Right takes the frames of our side: leg.AddSentTap(rec.Right()).
func (r *Recorder) Right() audio.Writer { return nil }

// Pause writes silence on both sides, keeping time, until Pause(false).
func (r *Recorder) Pause(on bool) {}

// Close writes the rest, syncs the file and gives it its name.
func (r *Recorder) Close() (RecordInfo, error) { return RecordInfo{}, ErrClosed }

// RepairRecording finishes a recording that a killed process left: path is the
// final name (the ".part" file beside it is used) or the ".part" file itself.
// A file that is already whole is returned as it is.
func RepairRecording(path string) (RecordInfo, error) { return RecordInfo{}, ErrClosed }
