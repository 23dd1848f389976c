package audio

import "time"

// The one frame of the house: mono, 16 kHz, 16 bit, 20 ms.
const (
	// Rate is the sample rate of every Frame in Hz.
	Rate = 16000
	// FrameLen is the number of samples in a Frame.
	FrameLen = 320
	// FrameDur is the time one Frame covers.
	FrameDur = 20 * time.Millisecond
)

// Flags say what happened to a Frame on its way; they are set once, in media.
type Flags uint8

const (
	// Concealed marks audio invented for a lost packet.
	Concealed Flags = 1 << iota
	// Silent marks a frame for which the sender sent nothing (DTX, hold) and comfort noise or silence stands in.
	Silent
	// Break marks the first frame after the source changed (new SSRC, codec change, stall).
	Break
	// Narrow marks audio that reached us at 8 kHz: nothing above 4 kHz is real.
	Narrow
)

// Frame is 20 ms of sound. It is passed by pointer and borrowed: whoever gets a
// *Frame may read it until the call returns and copies it to keep it.
type Frame struct {
	// Seq counts 20 ms ticks since the start of the leg; it grows by one per frame, so Seq*FrameDur is leg time.
	Seq uint64
	// Flags say how the samples came about.
	Flags Flags
	// PCM holds the samples, oldest first.
	PCM [FrameLen]int16
}

// Time is the offset of the frame's first sample from the start of its leg.
func (f *Frame) Time() time.Duration { return time.Duration(f.Seq) * FrameDur }

// Writer takes frames. WriteFrame must not block and must not keep f.
type Writer interface {
	WriteFrame(f *Frame)
}
