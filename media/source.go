package media

import "tingxin/audio"

// Source is sound to play, pulled one frame per 20 ms by the clock. ReadFrame
// fills f.PCM, must neither block nor allocate, and returns io.EOF at the end
// (f is then not played).
type Source interface {
	ReadFrame(f *audio.Frame) error
}
