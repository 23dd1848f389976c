package call

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"tingxin/audio"
)

// errSound says that a file is not a recording of ours.
var errSound = errors.New("not a stereo recording of this server")

// recordingHeader is the length of a recording's header.
const recordingHeader = 44

// sound reads one channel of a recording frame by frame; a long call never has to fit into memory.
type sound struct {
	f       *os.File
	r       *bufio.Reader
	channel int // 0 left, 1 right
	narrow  bool
	raw     []byte
	half    [audio.FrameLen / 2]int16
	up      audio.Up8to16
}

// openSound opens a stereo recording of 8 or 16 kHz.
func openSound(path string, channel int) (*sound, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("recording: %w", err)
	}
	var head [recordingHeader]byte
	if _, err := io.ReadFull(f, head[:]); err != nil || string(head[:4]) != "RIFF" || string(head[36:40]) != "data" {
		f.Close()
		return nil, errSound
	}
	channels, bits := binary.LittleEndian.Uint16(head[22:]), binary.LittleEndian.Uint16(head[34:])
	rate := binary.LittleEndian.Uint32(head[24:])
	if channels != 2 || bits != 16 || rate != audio.Rate && rate != audio.Rate/2 {
		f.Close()
		return nil, errSound
	}
	s := &sound{f: f, r: bufio.NewReaderSize(f, 64<<10), channel: channel, narrow: rate == audio.Rate/2}
	s.raw = make([]byte, 4*audio.FrameLen)
	if s.narrow {
		s.raw = s.raw[:len(s.raw)/2]
	}
	return s, nil
}

// skip goes on at d from the start; only before the first frame.
func (s *sound) skip(d time.Duration) error {
	_, err := s.f.Seek(recordingHeader+int64(d/audio.FrameDur)*int64(len(s.raw)), io.SeekStart)
	return err
}

// ReadFrame fills f.PCM, the last frame up with silence; io.EOF after it.
func (s *sound) ReadFrame(f *audio.Frame) error {
	n, err := io.ReadFull(s.r, s.raw)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		clear(s.raw[n:])
	} else if err != nil {
		return err
	}
	dst := f.PCM[:]
	if s.narrow {
		dst = s.half[:]
	}
	for i := range dst {
		dst[i] = int16(binary.LittleEndian.Uint16(s.raw[4*i+2*s.channel:]))
	}
	if s.narrow {
		s.up.Process(f.PCM[:], dst)
		f.Flags = audio.Narrow
	}
	return nil
}

// Close closes the file.
func (s *sound) Close() error { return s.f.Close() }
