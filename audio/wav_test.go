package audio

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// wavBytes builds a file from its parts.
func wavBytes(tag, channels, rate, bits int, body []byte) []byte {
	h := wavHead(rate, channels, int64(len(body)))
	binary.LittleEndian.PutUint16(h[20:], uint16(tag))
	binary.LittleEndian.PutUint16(h[34:], uint16(bits))
	return append(h[:], body...)
}

func TestReadWAV(t *testing.T) {
	dir := t.TempDir()
	body := make([]byte, 8000*4)
	for i := range 8000 {
		binary.LittleEndian.PutUint16(body[4*i:], 1000)
		binary.LittleEndian.PutUint16(body[4*i+2:], 3000)
	}
	path := filepath.Join(dir, "a.wav")
	if err := os.WriteFile(path, wavBytes(1, 2, 8000, 16, body), 0o600); err != nil {
		t.Fatal(err)
	}
	pcm, err := ReadWAV(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(pcm) != 16000 || pcm[8000] < 1990 || pcm[8000] > 2010 {
		t.Fatalf("%d samples, middle %d", len(pcm), pcm[8000])
	}
	ch, err := ReadWAVChannels(path, 8000, 2)
	if err != nil || len(ch) != 2 || len(ch[0]) != 8000 || ch[0][5] != 1000 || ch[1][5] != 3000 {
		t.Fatalf("stereo: %v", err)
	}
}

func TestDecodeWAVFormats(t *testing.T) {
	for name, c := range map[string]struct {
		tag, bits int
		body      []byte
		want      int16
	}{
		"8":     {1, 8, []byte{192, 192}, 16384},
		"16":    {1, 16, []byte{0, 64}, 16384},
		"24":    {1, 24, []byte{9, 0, 64}, 16384},
		"32":    {1, 32, []byte{1, 2, 0, 64}, 16384},
		"float": {3, 32, []byte{0, 0, 0, 0x3f}, 16384},
		"a":     {6, 8, []byte{0xaa}, 32256},
		"mu":    {7, 8, []byte{0x80}, 32124},
	} {
		w, err := DecodeWAV(wavBytes(c.tag, 1, 16000, c.bits, c.body))
		if err != nil || w.Channels[0][0] != c.want {
			t.Errorf("%s: %v %v", name, w, err)
		}
	}
}

func TestWAVErrorsAreSentences(t *testing.T) {
	dir := t.TempDir()
	good := wavBytes(1, 1, 16000, 16, make([]byte, 3200))
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"empty.wav":      {nil, "is empty"},
		"text.wav":       {[]byte("hello there, this is text"), "is not a WAV file"},
		"short.wav":      {good[:1000], "is cut off: its header promises 0.1 s"},
		"head.wav":       {good[:30], "is cut off inside its header"},
		"nodata.wav":     {good[:36], "holds no sound"},
		"mp3.wav":        {wavBytes(0x55, 1, 16000, 0, make([]byte, 100)), "is compressed (MP3)"},
		"adpcm.wav":      {wavBytes(0x11, 1, 16000, 4, make([]byte, 100)), "is compressed (IMA ADPCM)"},
		"bits.wav":       {wavBytes(1, 1, 16000, 12, make([]byte, 100)), "samples of 12 bits"},
		"nochannels.wav": {wavBytes(1, 0, 16000, 16, make([]byte, 100)), "0 channels"},
		"rate.wav":       {wavBytes(1, 1, 0, 16, make([]byte, 100)), "sample rate of 0"},
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, c.data, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := ReadWAV(path)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), path) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	if _, err := ReadWAV(filepath.Join(dir, "none.wav")); err == nil || !strings.Contains(err.Error(), "does not exist") {
		t.Errorf("missing: %v", err)
	}
	if _, err := ReadWAV(dir); err == nil || !strings.Contains(err.Error(), "is a directory") {
		t.Errorf("directory: %v", err)
	}
}

// A file whose writer was killed is readable up to its last Flush as it is, and whole after RepairWAV.
func TestWAVWriterSurvivesAKill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.wav")
	w, err := CreateWAV(path, 8000, 2)
	if err != nil {
		t.Fatal(err)
	}
	pcm := make([]int16, 2*8000)
	for i := range pcm {
		pcm[i] = int16(i)
	}
	if err := w.Write(pcm); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := w.Write(pcm); err != nil { // 32 KiB: in the file, not in the header
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	got, err := DecodeWAV(data)
	if err != nil || len(got.Channels[0]) != 8000 || got.Channels[1][10] != 21 {
		t.Fatalf("after flush: %v", err)
	}
	if err := os.WriteFile(path, append(data, 7), 0o600); err != nil { // an odd byte, as a cut write leaves it
		t.Fatal(err)
	}
	rate, frames, err := RepairWAV(path)
	if err != nil || rate != 8000 || frames < 8000 || int64(len(data)-44)/4 != frames {
		t.Fatalf("repair: %d Hz, %d frames, %v", rate, frames, err)
	}
	if data, err = os.ReadFile(path); err != nil {
		t.Fatal(err)
	}
	if got, err = DecodeWAV(data); err != nil || int64(len(got.Channels[0])) != frames {
		t.Fatalf("after repair: %v", err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

func FuzzDecodeWAV(f *testing.F) {
	f.Add(wavBytes(1, 1, 16000, 16, make([]byte, 64)))
	f.Add(wavBytes(0xfffe, 2, 44100, 24, make([]byte, 60)))
	f.Add(wavBytes(7, 1, 8000, 8, []byte{1, 2, 3}))
	f.Add([]byte("RIFF\xff\xff\xff\xffWAVELIST\xff\xff\xff\xff"))
	f.Add([]byte("RIFF\x04\x00\x00\x00WAVEdata\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		w, err := DecodeWAV(data)
		if err != nil {
			if strings.ContainsAny(err.Error(), "\n") {
				t.Fatalf("not one line: %q", err)
			}
			return
		}
		if w.Rate < 1 || len(w.Channels) < 1 || len(w.Channels[0]) < 1 || len(w.Channels[0]) > len(data) {
			t.Fatalf("%d Hz, %d channels", w.Rate, len(w.Channels))
		}
	})
}
