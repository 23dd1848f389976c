package audio

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
)

// wavHeader is the length of the header that WAVWriter writes.
const wavHeader = 44

// WAVWriter writes 16 bit PCM to a file as it comes. After every Flush the header
// says what is in the file, so whatever kills the process leaves a readable file;
// what was written after the last Flush is found by RepairWAV.
// It is not safe for use by several goroutines.
type WAVWriter struct {
	f              *os.File
	rate, channels int
	bytes          int64 // of sound in the file
	buf            []byte
}

// CreateWAV creates (or empties) the file at path.
func CreateWAV(path string, rate, channels int) (*WAVWriter, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o640)
	if err != nil {
		return nil, fmt.Errorf("create wav: %w", err)
	}
	w := &WAVWriter{f: f, rate: rate, channels: channels, buf: make([]byte, 0, 32<<10)}
	head := wavHead(rate, channels, 0)
	if _, err := f.Write(head[:]); err != nil {
		return nil, errors.Join(fmt.Errorf("write wav header: %w", err), f.Close())
	}
	return w, nil
}

// wavHead is a canonical header for size bytes of sound.
func wavHead(rate, channels int, size int64) [wavHeader]byte {
	var h [wavHeader]byte
	le := binary.LittleEndian
	n := uint32(min(size, 0xffffffff-wavHeader))
	copy(h[0:], "RIFF")
	le.PutUint32(h[4:], n+wavHeader-8)
	copy(h[8:], "WAVEfmt ")
	le.PutUint32(h[16:], 16)
	le.PutUint16(h[20:], wavPCM)
	le.PutUint16(h[22:], uint16(channels))
	le.PutUint32(h[24:], uint32(rate))
	le.PutUint32(h[28:], uint32(rate*channels*2))
	le.PutUint16(h[32:], uint16(channels*2))
	le.PutUint16(h[34:], 16)
	copy(h[36:], "data")
	le.PutUint32(h[40:], n)
	return h
}

// Write appends interleaved samples; they reach the file when 32 KiB are together or at Flush.
func (w *WAVWriter) Write(pcm []int16) error {
	for len(pcm) > 0 {
		n := min(len(pcm), (cap(w.buf)-len(w.buf))/2)
		for _, s := range pcm[:n] {
			w.buf = append(w.buf, byte(s), byte(uint16(s)>>8))
		}
		pcm = pcm[n:]
		if cap(w.buf)-len(w.buf) < 2 {
			if err := w.drain(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *WAVWriter) drain() error {
	if len(w.buf) == 0 {
		return nil
	}
	// At a fixed place: after a failed or short write the next one does not shift the rest.
	_, err := w.f.WriteAt(w.buf, wavHeader+w.bytes)
	w.bytes += int64(len(w.buf))
	w.buf = w.buf[:0]
	if err != nil {
		return fmt.Errorf("write wav: %w", err)
	}
	return nil
}

// Flush writes what is buffered and the header that belongs to it.
func (w *WAVWriter) Flush() error {
	if err := w.drain(); err != nil {
		return err
	}
	head := wavHead(w.rate, w.channels, w.bytes)
	if _, err := w.f.WriteAt(head[:], 0); err != nil {
		return fmt.Errorf("write wav header: %w", err)
	}
	return nil
}

// Sync forces the file to disk.
func (w *WAVWriter) Sync() error { return w.f.Sync() }

// Bytes is the size of the file when all buffered samples are written.
func (w *WAVWriter) Bytes() int64 { return wavHeader + w.bytes + int64(len(w.buf)) }

// Frames is how many samples per channel were written.
func (w *WAVWriter) Frames() int64 {
	return (w.bytes + int64(len(w.buf))) / int64(2*w.channels)
}

// Close flushes, syncs and closes the file.
func (w *WAVWriter) Close() error {
	return errors.Join(w.Flush(), w.f.Sync(), w.f.Close())
}

// RepairWAV makes the header of a file of WAVWriter agree with its length, and
// returns its rate and samples per channel. A file that is right is left alone.
func RepairWAV(path string) (rate int, frames int64, err error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return 0, 0, fmt.Errorf("repair wav: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	var have [wavHeader]byte
	if _, err := f.ReadAt(have[:], 0); err != nil || string(have[:4]) != "RIFF" || string(have[36:40]) != "data" {
		return 0, 0, fmt.Errorf("repair wav: %s has no header of ours", path)
	}
	channels := int(binary.LittleEndian.Uint16(have[22:]))
	rate = int(binary.LittleEndian.Uint32(have[24:]))
	st, err := f.Stat()
	if err != nil {
		return 0, 0, fmt.Errorf("repair wav: %w", err)
	}
	if channels < 1 || rate < 1 {
		return 0, 0, fmt.Errorf("repair wav: %s has no header of ours", path)
	}
	frames = (st.Size() - wavHeader) / int64(2*channels)
	size := frames * int64(2*channels)
	want := wavHead(rate, channels, size)
	if want == have && st.Size() == wavHeader+size {
		return rate, frames, nil
	}
	if err := f.Truncate(wavHeader + size); err != nil {
		return 0, 0, fmt.Errorf("repair wav: %w", err)
	}
	if _, err := f.WriteAt(want[:], 0); err != nil {
		return 0, 0, fmt.Errorf("repair wav: %w", err)
	}
	return rate, frames, f.Sync()
}
