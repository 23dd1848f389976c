package score

import (
	"bytes"
	"encoding/gob"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"os"
	"path/filepath"
	"sync"

	"tingxin/audio"
	"tingxin/emotion"
)

// mostCache bounds the file of a measureCache, in bytes.
const mostCache = 2 << 30

// measureCache keeps what recordings measured, in one file, so that a second run over the
// same recordings need not hear them again. A nil one keeps nothing.
type measureCache struct {
	path, mark string

	mu    sync.Mutex
	items map[string]kept
	fresh int // items that the file does not have yet
}

// kept is what one recording measured through one band.
type kept struct {
	X               []float32
	Voiced, Seconds float64 // of voice, of sound
	Copies          [][]float32
}

// cacheFile is the file as a whole. Mark names the program's features.
type cacheFile struct {
	Mark  string
	Items map[string]kept
}

// openCache reads the file at path, which need not exist; "" gives no cache. A file of other
// features, or one that cannot be read as a cache, counts as empty and is written anew.
func openCache(path string, set *emotion.Set) (*measureCache, error) {
	if path == "" {
		return nil, nil
	}
	c := &measureCache{path: path, mark: fingerprint(set), items: map[string]kept{}}
	info, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) || err == nil && info.Size() > mostCache {
		return c, nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cache: %w", err)
	}
	var f cacheFile
	if gob.NewDecoder(bytes.NewReader(data)).Decode(&f) != nil || f.Mark != c.mark {
		return c, nil
	}
	for key, k := range f.Items {
		if k.fits(len(set.Names())) {
			c.items[key] = k
		}
	}
	return c, nil
}

func (k kept) fits(features int) bool {
	ok := len(k.X) == features && (len(k.Copies) == 0 || len(k.Copies) == len(speeds))
	for _, x := range k.Copies {
		ok = ok && len(x) == features
	}
	return ok
}

// fingerprint tells the features of this program from those of another: its set's
// functionals of two seconds of a made voice, as a checksum.
func fingerprint(set *emotion.Set) string {
	pcm := make([]int16, 2*audio.Rate)
	phase, state := 0.0, [2]float64{}
	for i := range pcm {
		at := float64(i) / audio.Rate
		x := 0.0
		if phase += (140 + 40*math.Sin(5*at)) / audio.Rate; phase >= 1 {
			phase--
			x = 1
		}
		y := x + 1.8*state[0] - 0.86*state[1]
		state[1], state[0] = state[0], y
		pcm[i] = int16(3000 * y * (0.3 + math.Abs(math.Sin(9*at))))
	}
	h := crc32.NewIEEE()
	for _, v := range set.Measure(pcm).X {
		b := math.Float32bits(v)
		h.Write([]byte{byte(b), byte(b >> 8), byte(b >> 16), byte(b >> 24)})
	}
	return fmt.Sprintf("%s-%08x", set.Name(), h.Sum32())
}

// key names a recording as it lies on disk now, "" when it cannot be looked at.
func (c *measureCache) key(s Spoken, band string, copies bool) string {
	if c == nil {
		return ""
	}
	path, err := filepath.Abs(s.Path)
	if err != nil {
		return ""
	}
	info, err := os.Stat(path)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%s\t%d\t%d\t%s\t%t", path, info.Size(), info.ModTime().UnixNano(), band, copies)
}

// find is what is kept under key.
func (c *measureCache) find(key string) (kept, bool) {
	if c == nil || key == "" {
		return kept{}, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	k, ok := c.items[key]
	return k, ok
}

// keep takes k under key.
func (c *measureCache) keep(key string, k kept) {
	if c == nil || key == "" {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.items[key] = k
	c.fresh++
}

// save writes the file when there is something new, whole or not at all.
func (c *measureCache) save() error {
	if c == nil || c.fresh == 0 {
		return nil
	}
	f, err := os.CreateTemp(filepath.Dir(c.path), ".features-")
	if err != nil {
		return fmt.Errorf("cache: %w", err)
	}
	err = gob.NewEncoder(f).Encode(cacheFile{c.mark, c.items})
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), c.path)
	}
	if err != nil {
		return fmt.Errorf("cache: %w", errors.Join(err, os.Remove(f.Name())))
	}
	c.fresh = 0
	return nil
}
