// Command train makes asr/vad/weights.bin: a small recurrent network that tells
// speech from everything else on the telephone band. It learns from clean
// recordings whose speech is found by level, mixed with made noise, tones,
// music, clicks and breath, partly through G.711.
//
//	go run ./asr/vad/train -out asr/vad/weights.bin 'DIR/*.wav' 'DIR/*.flac' ...
//
// The weights in the repository come from EMO-DB (CC0) and the recordings of
// pocketsphinx-testdata (BSD).
package main

import (
	"encoding/binary"
	"flag"
	"fmt"
	"log"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"sync"

	"tingxin/asr/vad"
)

func main() {
	out := flag.String("out", "asr/vad/weights.bin", "file to write")
	scenes := flag.Int("scenes", 150, "scenes of 20 s per set")
	epochs := flag.Int("epochs", 30, "passes")
	seed := flag.Uint64("seed", 7, "seed")
	flag.Parse()
	var voices []voice
	for _, pattern := range flag.Args() {
		files, _ := filepath.Glob(pattern)
		for _, f := range files {
			if v, err := readVoice(f); err == nil {
				voices = append(voices, v)
			} else {
				log.Printf("%s: %v", f, err)
			}
		}
	}
	if len(voices) < 10 {
		log.Fatalf("only %d recordings", len(voices))
	}
	r := rand.New(rand.NewPCG(*seed, 1))
	r.Shuffle(len(voices), func(i, j int) { voices[i], voices[j] = voices[j], voices[i] })
	held := voices[:len(voices)/10]
	set := makeSet(r, voices[len(voices)/10:], *scenes)
	test := makeSet(r, held, *scenes/8)
	fmt.Printf("%d recordings, %d scenes\n", len(voices), len(set))

	m := newModel(r)
	for e := range *epochs {
		rate := 0.004 * math.Pow(0.03, float64(e)/float64(*epochs))
		loss := m.epoch(r, set, rate)
		if e%5 == 4 || e == *epochs-1 {
			miss, alarm := m.score(test)
			fmt.Printf("epoch %d loss %.4f held out: missed %.2f %% of speech, false %.2f %% of the rest\n", e+1, loss, miss, alarm)
		}
	}
	if err := os.WriteFile(*out, m.bytes(), 0o644); err != nil {
		log.Fatal(err)
	}
}

// sequence is a scene as features and labels.
type sequence struct {
	x [][vad.Inputs]float32
	y []float32
}

func makeSet(r *rand.Rand, voices []voice, n int) []sequence {
	out := make([]sequence, n)
	var wg sync.WaitGroup
	gate := make(chan struct{}, max(1, runtime.NumCPU()/2))
	for i := range out {
		rr := rand.New(rand.NewPCG(r.Uint64(), 3))
		gate <- struct{}{}
		// Ends when its scene is made.
		wg.Go(func() {
			defer func() { <-gate }()
			pcm, y := scene(rr, voices)
			ex := vad.NewExtractor()
			for k := range y {
				out[i].x = append(out[i].x, ex.Next(pcm[k*vad.FrameLen:(k+1)*vad.FrameLen]))
			}
			out[i].y = y
		})
	}
	wg.Wait()
	return out
}

func (m *model) bytes() []byte {
	b := make([]byte, 0, 4*len(m.w))
	for _, v := range m.w {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}
