// Program fronttrain makes the weights of the telephone front end (asr/front) from
// wide-band recordings: each is passed through simulated G.711, and a network of one
// hidden layer learns to tell the level above 4 kHz from what is left. It is run by
// hand when the front end changes; the result is the same for the same recordings.
//
//	go run ./score/fronttrain --manifest F.jsonl --use librivox=3,other=0.2 --out asr/front/weights.bin
//
// Corpora are weighted by --use; those not named are left out, so that they can be
// scored without the network having heard their speakers.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"tingxin/asr/front"
	"tingxin/audio"
	"tingxin/score"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "fronttrain:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	fs := flag.NewFlagSet("fronttrain", flag.ContinueOnError)
	manifests := fs.String("manifest", "", "JSON-lines `files` with corpus and audio, separated by commas")
	use := fs.String("use", "", "corpora and their weights, as `a=3,b=0.2`")
	out := fs.String("out", "asr/front/weights.bin", "`file` to write")
	epochs := fs.Int("epochs", 8, "rounds over the examples")
	quantile := fs.Float64("quantile", 0.5, "0.5 learns the mean; above it errs to the loud side")
	if err := fs.Parse(args); err != nil {
		return err
	}
	weights, err := parseUse(*use)
	if err != nil {
		return err
	}
	rng := rand.New(rand.NewPCG(1, 1))
	var examples []front.Example
	for _, m := range strings.Split(*manifests, ",") {
		more, err := read(m, weights, rng)
		if err != nil {
			return err
		}
		examples = append(examples, more...)
	}
	if len(examples) == 0 {
		return errors.New("no recording was read: name --manifest and --use")
	}
	fmt.Printf("%d examples of 10 ms\n", len(examples))
	n := newNetwork(rng)
	for e := range *epochs {
		loss := n.epoch(examples, *quantile, float64(e)/float64(*epochs), 1/float64(*epochs), rng)
		fmt.Printf("epoch %d: root mean square error %.2f dB\n", e+1, loss)
	}
	return os.WriteFile(*out, n.bytes(), 0o644)
}

func parseUse(s string) (map[string]float64, error) {
	m := map[string]float64{}
	for _, part := range strings.Split(s, ",") {
		name, value, ok := strings.Cut(part, "=")
		w, err := strconv.ParseFloat(value, 64)
		if !ok || err != nil || w <= 0 {
			return nil, fmt.Errorf("--use %q: give corpora and weights as a=3,b=0.2", s)
		}
		m[name] = w
	}
	return m, nil
}

// read turns the recordings of one manifest into examples, each recording as it is
// and once more quieter or louder. A weight below 1 keeps that part of the examples,
// above 1 repeats them.
func read(path string, weights map[string]float64, rng *rand.Rand) ([]front.Example, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var out []front.Example
	scan := bufio.NewScanner(f)
	scan.Buffer(nil, 16<<20)
	for scan.Scan() {
		var it struct{ Corpus, Audio string }
		if err := json.Unmarshal(scan.Bytes(), &it); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		w := weights[it.Corpus]
		if w == 0 {
			continue
		}
		pcm, narrow, err := score.ReadAudio(filepath.Join(filepath.Dir(path), it.Audio))
		if err != nil {
			return nil, err
		}
		if narrow {
			return nil, fmt.Errorf("%s is a telephone recording: nothing can be learned from it", it.Audio)
		}
		for _, gain := range []float64{1, gainOf(rng)} {
			out = append(out, weigh(pair(pcm, gain), w, rng)...)
		}
	}
	return out, scan.Err()
}

// gainOf is between -12 and +6 dB.
func gainOf(rng *rand.Rand) float64 {
	g := 0.25
	for range 3 {
		g *= 1 + rng.Float64()
	}
	return g
}

// pair makes the telephone version of a recording and the examples of both.
func pair(pcm []int16, gain float64) []front.Example {
	wide := make([]int16, len(pcm)/2*2)
	for i := range wide {
		wide[i] = int16(min(max(float64(pcm[i])*gain, -32000), 32000))
	}
	narrow := audio.Resample(wide, 16000, 8000)
	coded := make([]byte, len(narrow))
	audio.EncodeMu(coded, narrow)
	audio.DecodeMu(narrow, coded)
	return front.Examples(audio.Resample(narrow, 8000, 16000), wide)
}

func weigh(e []front.Example, w float64, rng *rand.Rand) []front.Example {
	if w < 1 {
		kept := e[:0]
		for _, x := range e {
			if rng.Float64() < w {
				kept = append(kept, x)
			}
		}
		return kept
	}
	out := e
	for range int(w) - 1 {
		out = append(out, e...)
	}
	return out
}
