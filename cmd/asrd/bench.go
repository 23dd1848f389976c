package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"time"

	"tingxin/asr/vosk"
	"tingxin/asr/worker"
	"tingxin/audio"
)

// rawFigures is what bench-raw prints as JSON.
type rawFigures struct {
	Graph    string  `json:"graph"`
	AudioS   float64 `json:"audio_s"`
	CPUS     float64 `json:"cpu_s"`
	WallS    float64 `json:"wall_s"`
	RSSMB    float64 `json:"rss_mb"`     // with the model loaded
	RSSRecMB float64 `json:"rss_rec_mb"` // more after the first file
}

// benchRaw runs plain libvosk over files as it is commonly used: one recogniser
// at a time and a new one for each file, which stands for a call; 100 ms at a
// time, a partial each time, the model as it is.
func benchRaw(ctx context.Context, args []string) error {
	fs := flag.NewFlagSet("asrd bench-raw", flag.ContinueOnError)
	dir := fs.String("model", "models/vosk-en", "model folder")
	seconds := fs.Float64("seconds", 30, "audio to go through; the files are repeated")
	if err := fs.Parse(args); err != nil {
		return err
	}
	var calls [][]int16
	for _, f := range fs.Args() {
		pcm, err := audio.ReadWAV(f)
		if err != nil {
			return err
		}
		if len(pcm) >= rawChunk {
			calls = append(calls, pcm)
		}
	}
	if len(calls) == 0 {
		return errors.New("give files with speech")
	}
	m, err := vosk.Open(*dir)
	if err != nil {
		return err
	}
	defer m.Free()
	res := rawFigures{Graph: string(m.Graph()), RSSMB: float64(worker.ResidentBytes()) / (1 << 20)}
	begin, cpu := time.Now(), worker.ProcessCPU()
	for i := 0; res.AudioS < *seconds && ctx.Err() == nil; i++ {
		n, err := rawCall(m, calls[i%len(calls)], *seconds-res.AudioS)
		if err != nil {
			return err
		}
		res.AudioS += n
		if rss := float64(worker.ResidentBytes())/(1<<20) - res.RSSMB; i == 0 {
			res.RSSRecMB = rss
		}
	}
	res.WallS, res.CPUS = time.Since(begin).Seconds(), (worker.ProcessCPU() - cpu).Seconds()
	return json.NewEncoder(os.Stdout).Encode(res)
}

// rawChunk is 100 ms.
const rawChunk = audio.Rate / 10

// rawCall hears one file, but at most limit seconds, and gives the seconds heard.
func rawCall(m *vosk.Model, pcm []int16, limit float64) (heard float64, err error) {
	rec, err := m.NewRecognizer()
	if err != nil {
		return 0, err
	}
	defer rec.Free()
	for ; len(pcm) >= rawChunk && heard < limit; pcm = pcm[rawChunk:] {
		done, err := rec.Accept(pcm[:rawChunk])
		if err == nil && done {
			_, err = rec.Result()
		} else if err == nil {
			_, err = rec.Partial()
		}
		if err != nil {
			return heard, err
		}
		heard += 0.1
	}
	_, err = rec.Last()
	return heard, err
}
