package api

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

const (
	// peakRate is how many loudness values a second the cached file holds.
	peakRate = 50
	// peaksSuffix is added to the recording's name; retention removes both.
	peaksSuffix = ".peaks"
	// peakReaders bounds how many recordings are read for their peaks at once.
	peakReaders = 2
	peaksMagic  = "TXPK1\n"
)

// waveform is the loudest sample of each 20 ms, per side, 0..255.
type waveform struct {
	left, right []byte
}

// peakFiles makes waveforms and keeps each beside its recording.
type peakFiles struct {
	slots chan struct{}
}

func newPeakFiles() *peakFiles { return &peakFiles{make(chan struct{}, peakReaders)} }

// of is the waveform of an open recording: from the file beside it when that
// belongs to the same size and time, else read from the sound.
func (p *peakFiles) of(ctx context.Context, f *os.File) (*waveform, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	stamp := binary.LittleEndian.AppendUint64(nil, uint64(info.Size()))
	stamp = binary.LittleEndian.AppendUint64(stamp, uint64(info.ModTime().UnixNano()))
	if w := cachedPeaks(f.Name()+peaksSuffix, stamp); w != nil {
		return w, nil
	}
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	w, err := readWaveform(ctx, bufio.NewReaderSize(f, 256<<10))
	if err != nil {
		return nil, fmt.Errorf("peaks of a recording: %w", err)
	}
	if time.Since(info.ModTime()) > 5*time.Second { // still growing otherwise
		keepPeaks(f.Name()+peaksSuffix, stamp, w)
	}
	return w, nil
}

func cachedPeaks(name string, stamp []byte) *waveform {
	b, err := os.ReadFile(name)
	head := len(peaksMagic) + len(stamp)
	if err != nil || len(b) < head || string(b[:len(peaksMagic)]) != peaksMagic || !bytes.Equal(b[len(peaksMagic):head], stamp) {
		return nil
	}
	half := (len(b) - head) / 2
	return &waveform{b[head : head+half], b[head+half : head+2*half]}
}

// keepPeaks writes the cache aside and moves it in place; a folder that cannot be written costs time only.
func keepPeaks(name string, stamp []byte, w *waveform) {
	tmp, err := os.CreateTemp(filepath.Dir(name), ".peaks-*")
	if err != nil {
		return
	}
	_, err = tmp.Write(bytes.Join([][]byte{[]byte(peaksMagic), stamp, w.left, w.right}, nil))
	if err = errors.Join(err, tmp.Close()); err == nil {
		err = os.Rename(tmp.Name(), name)
	}
	if err != nil {
		_ = os.Remove(tmp.Name())
	}
}

// errNoWave: the file is no 16-bit PCM WAV.
var errNoWave = errors.New("the recording is no 16-bit PCM WAV file")

// readWaveform reads a WAV file of one or two channels. The length in its header
// is not believed: a file that is being written, or was when we were killed, has an old one.
func readWaveform(ctx context.Context, r io.Reader) (*waveform, error) {
	channels, rate, err := readWaveHeader(r)
	if err != nil {
		return nil, err
	}
	step := rate / peakRate
	buf := make([]byte, step*channels*2)
	w := &waveform{}
	for ctx.Err() == nil {
		n, err := io.ReadFull(r, buf)
		if n >= channels*2 {
			w.add(buf[:n-n%(channels*2)], channels)
		}
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return w, nil
		}
		if err != nil {
			return nil, err
		}
	}
	return nil, ctx.Err()
}

// add appends the peaks of one step.
func (w *waveform) add(pcm []byte, channels int) {
	var peak [2]int
	for i := 0; i+1 < len(pcm); i += 2 {
		v := int(int16(binary.LittleEndian.Uint16(pcm[i:])))
		if v < 0 {
			v = -v
		}
		side := (i / 2) % channels
		peak[side] = max(peak[side], v)
	}
	w.left = append(w.left, byte(min(peak[0]>>7, 255)))
	w.right = append(w.right, byte(min(peak[1]>>7, 255)))
}

// readWaveHeader reads up to the first sample.
func readWaveHeader(r io.Reader) (channels, rate int, err error) {
	head := make([]byte, 12)
	if _, err := io.ReadFull(r, head); err != nil || string(head[:4]) != "RIFF" || string(head[8:]) != "WAVE" {
		return 0, 0, errNoWave
	}
	for {
		chunk := make([]byte, 8)
		if _, err := io.ReadFull(r, chunk); err != nil {
			return 0, 0, errNoWave
		}
		size := int64(binary.LittleEndian.Uint32(chunk[4:]))
		switch name := string(chunk[:4]); {
		case name == "data" && channels > 0:
			return channels, rate, nil
		case name == "data":
			return 0, 0, errNoWave
		case name == "fmt " && size >= 16 && size < 256:
			format := make([]byte, size+size%2)
			if _, err := io.ReadFull(r, format); err != nil {
				return 0, 0, errNoWave
			}
			channels, rate = int(binary.LittleEndian.Uint16(format[2:])), int(binary.LittleEndian.Uint32(format[4:]))
			if channels < 1 || channels > 2 || rate < peakRate || rate > 192000 || binary.LittleEndian.Uint16(format[14:]) != 16 {
				return 0, 0, errNoWave
			}
		default:
			if _, err := io.CopyN(io.Discard, r, size+size%2); err != nil {
				return 0, 0, errNoWave
			}
		}
	}
}

// reduce is the waveform in at most n values a side, each the loudest of its stretch.
func (w *waveform) reduce(n int) Peaks {
	total := len(w.left)
	n = min(n, total)
	p := Peaks{Left: make([]float64, n), Right: make([]float64, n), DurationMS: int64(total) * 1000 / peakRate}
	if total == 0 {
		return p
	}
	p.Rate = float64(n) * peakRate / float64(total)
	for i := range n {
		from, to := i*total/n, (i+1)*total/n
		p.Left[i], p.Right[i] = loudest(w.left[from:to]), loudest(w.right[from:to])
	}
	return p
}

// loudest is 0..1 with three digits.
func loudest(b []byte) float64 {
	var top byte
	for _, v := range b {
		top = max(top, v)
	}
	return float64(int(top)*1000/255) / 1000
}
