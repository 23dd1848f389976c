package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mewkiz/flac"

	"tingxin/asr/asrpb"
	"tingxin/asr/vosk"
	"tingxin/asr/worker"
)

// speechData is the folder of recordings beside the repository.
const speechData = "../../../shared/data/speech"

type sample struct {
	Corpus, ID, Audio, Text string
	pcm                     []int16
}

// load reads the samples of a corpus, raised to 16 kHz where needed.
func load(t *testing.T, corpus string) []sample {
	t.Helper()
	f, err := os.Open(filepath.Join(speechData, "manifest.jsonl"))
	if err != nil {
		t.Skipf("recordings are not there: %v", err)
	}
	defer f.Close()
	var out []sample
	for sc := bufio.NewScanner(f); sc.Scan(); {
		var s sample
		if json.Unmarshal(sc.Bytes(), &s) != nil || s.Corpus != corpus {
			continue
		}
		st, err := flac.ParseFile(filepath.Join(speechData, s.Audio))
		if err != nil {
			t.Fatal(err)
		}
		for {
			fr, err := st.ParseNext()
			if err != nil {
				break
			}
			for _, v := range fr.Subframes[0].Samples {
				s.pcm = append(s.pcm, int16(v))
			}
		}
		out = append(out, s)
	}
	return out
}

// tailNoise bounds the noise around the recordings; TAIL=30 makes it a hard test.
var tailNoise = func() float64 { v, _ := strconv.ParseFloat(os.Getenv("TAIL"), 64); return v }()

func chunkEnv() int { n, _ := strconv.Atoi(os.Getenv("CHUNK")); return n }

// surround puts 0.5 s of the file's own noise level before and 2.5 s after it.
func surround(pcm []int16) (out []int16, lead int, end int) {
	n := len(pcm) / 320
	e := make([]float64, n)
	for i := range n {
		for _, v := range pcm[i*320 : i*320+320] {
			e[i] += float64(v) * float64(v)
		}
		e[i] = math.Sqrt(e[i] / 320)
	}
	s := slices.Clone(e)
	slices.Sort(s)
	low, high := max(s[n/100], 2), s[n*95/100]
	end = n
	for end > 0 && e[end-1] < max(high/30, low*2.5) {
		end--
	}
	r := rand.New(rand.NewPCG(1, uint64(n)))
	noise := func(k int) {
		for range k {
			out = append(out, int16(r.NormFloat64()*min(low, tailNoise)))
		}
	}
	lead = 8000
	noise(lead)
	out = append(out, pcm...)
	noise(40000)
	return out, lead, (lead + end*320) / 16
}

func wordErrors(ref, hyp []string) int {
	d := make([]int, len(hyp)+1)
	for j := range d {
		d[j] = j
	}
	for i, r := range ref {
		prev := d[0]
		d[0] = i + 1
		for j, h := range hyp {
			c := prev
			if r != h {
				c++
			}
			prev = d[j+1]
			d[j+1] = min(c, d[j]+1, d[j+1]+1)
		}
	}
	return d[len(hyp)]
}

func pct(v []float64, p float64) float64 {
	if len(v) == 0 {
		return math.NaN()
	}
	slices.Sort(v)
	return v[min(int(p*float64(len(v))), len(v)-1)]
}

// TestMeasure prints word errors, latencies in audio time and cut turns of the
// worker's pipeline next to plain libvosk. Set MEASURE=corpus to run it.
func TestMeasure(t *testing.T) {
	corpus := os.Getenv("MEASURE")
	if corpus == "" {
		t.Skip("set MEASURE=librispeech-test-other")
	}
	eng, err := newEngine(map[string]modelDirs{"en": {Language: "en", Static: "../../models/vosk-en-static"}}, chunkEnv(), newLog(false))
	if err != nil {
		t.Fatal(err)
	}
	defer eng.close()
	plain, err := vosk.Open("../../models/vosk-en-static")
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Free()
	var refs, mine, raws, cuts, finals, early int
	var lat, flat, first []float64
	var cpuMine, cpuRaw time.Duration
	reasons := map[string]int{}
	for _, s := range load(t, corpus) {
		pcm, _, end := surround(s.pcm)
		ref := strings.Fields(s.Text)
		refs += len(ref)

		rec, _, err := eng.Open("en", "", nil)
		if err != nil {
			t.Fatal(err)
		}
		var hyp []string
		var words []*asrpb.Word
		seen := map[int]float64{}
		shown := 0
		lastEnd := math.NaN()
		var lastFinal float64
		var log []string
		begin := cpuNow()
		var ch *worker.Channel
		ch = worker.NewChannel(rec, worker.Params{}, func(e *asrpb.Event) {
			now := float64(ch.Heard()) * 20
			switch e.Kind {
			case asrpb.Kind_PARTIAL:
				for n := len(strings.Fields(e.Text)); shown < n; shown++ {
					seen[len(words)+shown] = float64(e.EndMs)
				}
			case asrpb.Kind_FINAL:
				finals++
				lastFinal = now
				shown = 0
				hyp = append(hyp, strings.Fields(e.Text)...)
				words = append(words, e.Words...)
			case asrpb.Kind_TURN_END:
				log = append(log, fmt.Sprintf("end at %d (quiet from %d, %s) true %d: ..%s", e.EndMs, e.StartMs, e.Reason, end, strings.Join(hyp[max(0, len(hyp)-3):], " ")))
				if int(e.EndMs) < end-100 {
					early++
					reasons[e.Reason+" early"]++
				} else if math.IsNaN(lastEnd) {
					lastEnd = float64(e.EndMs)
					reasons[e.Reason]++
				}
			}
		})
		feed(ch, pcm, 2)
		if ch.Err() != nil {
			t.Error(ch.Err())
		}
		ch.Free()
		cpuMine += cpuNow() - begin
		if len(log) > 1 || lastEnd > float64(end)+800 {
			if len(log) > 1 {
				cuts++
			}
			if testing.Verbose() {
				t.Logf("%s\n\t%s", s.ID, strings.Join(log, "\n\t"))
			}
		}
		if !math.IsNaN(lastEnd) {
			lat = append(lat, lastEnd-float64(end))
		}
		for i, w := range words {
			if at, ok := seen[i]; ok {
				first = append(first, at-float64(w.EndMs))
			}
		}
		if lastFinal > 0 {
			flat = append(flat, lastFinal-float64(end))
		}
		mine += wordErrors(ref, hyp)

		r, err := plain.NewRecognizer()
		if err != nil {
			t.Fatal(err)
		}
		begin = cpuNow()
		var raw []string
		for x := pcm; len(x) >= 1600; x = x[1600:] {
			if done, _ := r.Accept(x[:1600]); done {
				res, _ := r.Result()
				raw = append(raw, strings.Fields(res.Text)...)
			}
		}
		res, _ := r.Last()
		raw = append(raw, strings.Fields(res.Text)...)
		r.Free()
		cpuRaw += cpuNow() - begin
		raws += wordErrors(ref, raw)
		if wordErrors(ref, hyp) > wordErrors(ref, raw)+1 && testing.Verbose() {
			t.Logf("worse %s\n\tref %s\n\traw %s\n\tour %s", s.ID, s.Text, strings.Join(raw, " "), strings.Join(hyp, " "))
		}
	}
	t.Logf("%s: WER ours %.2f raw %.2f (%d words); %v against %v", corpus, 100*float64(mine)/float64(refs), 100*float64(raws)/float64(refs), refs, cpuMine.Round(time.Millisecond), cpuRaw.Round(time.Millisecond))
	t.Logf("turn end after true end p50 %.0f p90 %.0f max %.0f; turns cut %d of %d; %v; finals %d", pct(lat, .5), pct(lat, .9), pct(lat, 1), cuts, len(lat), reasons, finals)
	t.Logf("final after true end p50 %.0f p90 %.0f", pct(flat, .5), pct(flat, .9))
	t.Logf("word first seen p50 %.0f p90 %.0f p99 %.0f (%d words)", pct(first, .5), pct(first, .9), pct(first, .99), len(first))
}
