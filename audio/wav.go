package audio

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"

	goaudio "github.com/go-audio/audio"
	"github.com/go-audio/wav"
)

// maxWAV bounds the files that are read whole.
const maxWAV = 2 << 30

// WAV is a decoded file: one slice of samples per channel.
type WAV struct {
	Rate     int
	Channels [][]int16
}

// Duration in seconds.
func (w *WAV) Seconds() float64 { return float64(len(w.Channels[0])) / float64(w.Rate) }

// ReadWAV reads a WAV file of any rate and number of channels as 16 kHz mono.
// The error is one sentence for people: what is wrong with which file.
func ReadWAV(path string) ([]int16, error) {
	ch, err := ReadWAVChannels(path, Rate, 1)
	if err != nil {
		return nil, err
	}
	return ch[0], nil
}

// ReadWAVChannels reads a WAV file as the given sample rate and number of channels
// (1 mixes all, 2 doubles mono; 0 keeps what the file has).
func ReadWAVChannels(path string, rate, channels int) ([][]int16, error) {
	w, err := LoadWAV(path)
	if err != nil {
		return nil, err
	}
	out := w.as(channels)
	for i := range out {
		out[i] = Resample(out[i], w.Rate, rate)
	}
	return out, nil
}

// LoadWAV reads a WAV file as it is. The error is one sentence, as ReadWAV's.
func LoadWAV(path string) (*WAV, error) {
	st, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%s does not exist: give the path of a WAV file", path)
	case err != nil:
		return nil, fmt.Errorf("%s cannot be read: %w", path, err)
	case st.IsDir():
		return nil, fmt.Errorf("%s is a directory: give the path of a WAV file", path)
	case st.Size() > maxWAV:
		return nil, fmt.Errorf("%s is larger than 2 GiB: cut it into shorter files", path)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read: %w", path, err)
	}
	w, err := DecodeWAV(data)
	if err != nil {
		return nil, fmt.Errorf("%s %w", path, err)
	}
	return w, nil
}

// Mono is the mean of all channels.
func (w *WAV) Mono() []int16 { return w.as(1)[0] }

// as mixes or doubles to n channels.
func (w *WAV) as(n int) [][]int16 {
	have := len(w.Channels)
	switch {
	case n == 0 || n == have:
		return w.Channels
	case have == 1:
		out := make([][]int16, n)
		for i := range out {
			out[i] = w.Channels[0]
		}
		return out
	}
	mix := make([]int16, len(w.Channels[0]))
	for i := range mix {
		sum := 0
		for _, c := range w.Channels {
			sum += int(c[i])
		}
		mix[i] = int16(sum / have)
	}
	return (&WAV{Rate: w.Rate, Channels: [][]int16{mix}}).as(n)
}

// Format tags of the "fmt " chunk.
const (
	wavPCM        = 1
	wavFloat      = 3
	wavALaw       = 6
	wavMuLaw      = 7
	wavExtensible = 0xfffe
)

type wavFormat struct {
	tag, channels, bits int
	rate                int
}

// DecodeWAV reads a whole file from memory: PCM of 8, 16, 24 or 32 bits, 32 bit
// float, or G.711, any rate from 1 to 384 kHz, up to 32 channels.
func DecodeWAV(data []byte) (*WAV, error) {
	if len(data) == 0 {
		return nil, errors.New("is empty: it should be a WAV file")
	}
	if len(data) < 12 || string(data[:4]) != "RIFF" || string(data[8:12]) != "WAVE" {
		return nil, errors.New("is not a WAV file: it has no RIFF/WAVE header; convert it, for example with sox")
	}
	var format *wavFormat
	rest := data[12:]
	for len(rest) >= 8 {
		id, size := string(rest[:4]), int64(binary.LittleEndian.Uint32(rest[4:8]))
		body := rest[8:]
		if id == "data" {
			if format == nil {
				return nil, errors.New("is a broken WAV file: its sound comes before its format")
			}
			return format.decode(body, size)
		}
		if size > int64(len(body)) {
			return nil, errors.New("is cut off inside its header: copy it again")
		}
		if id == "fmt " {
			f, err := parseFormat(body[:size])
			if err != nil {
				return nil, err
			}
			format = f
		}
		rest = body[min(size+size&1, int64(len(body))):]
	}
	return nil, errors.New("holds no sound: it is a WAV file without a data chunk")
}

func parseFormat(b []byte) (*wavFormat, error) {
	if len(b) < 16 {
		return nil, errors.New("is a broken WAV file: its format chunk is too short")
	}
	f := &wavFormat{
		tag:      int(binary.LittleEndian.Uint16(b)),
		channels: int(binary.LittleEndian.Uint16(b[2:])),
		rate:     int(binary.LittleEndian.Uint32(b[4:])),
		bits:     int(binary.LittleEndian.Uint16(b[14:])),
	}
	if f.tag == wavExtensible && len(b) >= 26 {
		f.tag = int(binary.LittleEndian.Uint16(b[24:]))
	}
	if f.channels < 1 || f.channels > 32 {
		return nil, fmt.Errorf("has %d channels: 1 to 32 can be read", f.channels)
	}
	if f.rate < 1000 || f.rate > 384000 {
		return nil, fmt.Errorf("has a sample rate of %d Hz: 1000 to 384000 can be read", f.rate)
	}
	return f, f.check()
}

func (f *wavFormat) check() error {
	switch {
	case f.tag == wavPCM && (f.bits == 8 || f.bits == 16 || f.bits == 24 || f.bits == 32):
	case f.tag == wavFloat && f.bits == 32:
	case (f.tag == wavALaw || f.tag == wavMuLaw) && f.bits == 8:
	case f.tag == wavPCM || f.tag == wavFloat:
		return fmt.Errorf("has samples of %d bits: save it as 16 bit PCM", f.bits)
	default:
		return fmt.Errorf("is compressed (%s): save it as 16 bit PCM", wavName(f.tag))
	}
	return nil
}

func wavName(tag int) string {
	switch tag {
	case 2:
		return "Microsoft ADPCM"
	case 0x11:
		return "IMA ADPCM"
	case 0x31:
		return "GSM 6.10"
	case 0x55:
		return "MP3"
	}
	return fmt.Sprintf("format 0x%04x", tag)
}

// decode reads the data chunk. A size of 0 or near 2^31 or 2^32 comes from programs that
// could not go back to write the header: the sound then goes to the end of the file.
func (f *wavFormat) decode(b []byte, size int64) (*WAV, error) {
	frame := f.channels * f.bits / 8
	streamed := size == 0 || size >= 0x7fffff00
	if size > int64(len(b)) && !streamed {
		per := float64(frame * f.rate)
		return nil, fmt.Errorf("is cut off: its header promises %.1f s of sound and %.1f s are there; copy it again", float64(size)/per, float64(len(b))/per)
	}
	if !streamed {
		b = b[:size]
	}
	n := len(b) / frame
	if n == 0 {
		return nil, errors.New("holds no sound: its data chunk is empty")
	}
	w := &WAV{Rate: f.rate, Channels: make([][]int16, f.channels)}
	for c := range w.Channels {
		w.Channels[c] = make([]int16, n)
	}
	if f.tag == wavPCM {
		return w, f.decodePCM(w, b[:n*frame])
	}
	width := f.bits / 8
	for i := range n {
		for c := range w.Channels {
			w.Channels[c][i] = f.sample(b[i*frame+c*width:])
		}
	}
	return w, nil
}

// decodePCM lets go-audio read the samples, block by block. The format was
// checked before and gets a plain header here: that decoder believes the sizes
// a file claims and knows the plain PCM format alone.
func (f *wavFormat) decodePCM(w *WAV, b []byte) error {
	dec := wav.NewDecoder(bytes.NewReader(append(f.plainHeader(len(b)), b...)))
	buf := &goaudio.IntBuffer{Data: make([]int, 4096*f.channels)}
	for at := 0; at < len(w.Channels[0]); {
		got, err := dec.PCMBuffer(buf)
		if err != nil || got == 0 {
			return fmt.Errorf("cannot be decoded: %w", cmp.Or(err, io.ErrUnexpectedEOF))
		}
		for i := range got / f.channels {
			for c := range f.channels {
				w.Channels[c][at] = f.scale(buf.Data[i*f.channels+c])
			}
			at++
		}
	}
	return nil
}

// plainHeader is the canonical header of 44 bytes.
func (f *wavFormat) plainHeader(size int) []byte {
	frame := f.channels * f.bits / 8
	h := append(make([]byte, 0, 44+size+1), "RIFF"...)
	h = binary.LittleEndian.AppendUint32(h, uint32(36+size))
	h = append(h, "WAVEfmt "...)
	h = binary.LittleEndian.AppendUint32(h, 16)
	h = binary.LittleEndian.AppendUint16(h, wavPCM)
	h = binary.LittleEndian.AppendUint16(h, uint16(f.channels))
	h = binary.LittleEndian.AppendUint32(h, uint32(f.rate))
	h = binary.LittleEndian.AppendUint32(h, uint32(f.rate*frame))
	h = binary.LittleEndian.AppendUint16(h, uint16(frame))
	h = binary.LittleEndian.AppendUint16(h, uint16(f.bits))
	h = append(h, "data"...)
	return binary.LittleEndian.AppendUint32(h, uint32(size))
}

// scale takes the upper 16 bits of a PCM sample; 8 bit samples have their middle at 128.
func (f *wavFormat) scale(v int) int16 {
	if f.bits == 8 {
		return int16(v-128) << 8
	}
	return int16(v >> (f.bits - 16))
}

// sample reads what is not PCM.
func (f *wavFormat) sample(b []byte) int16 {
	switch f.tag {
	case wavALaw:
		return aDecode[b[0]]
	case wavMuLaw:
		return muDecode[b[0]]
	}
	v := float64(math.Float32frombits(binary.LittleEndian.Uint32(b)))
	if v != v {
		return 0
	}
	return int16(max(-32768, min(32767, math.Round(v*32768))))
}
