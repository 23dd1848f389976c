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
	RSSRecMB float64 `json:"rss_rec_mb"` // one recogniser more, after the audio
}

// benchRaw runs plain libvosk over files as it is commonly used: one
// recogniser, 100 ms at a time, a partial each time, the model as it is.
func benchRaw(ctx context.Context, args []string) error {
	fs := flag.NewFlagSet("asrd bench-raw", flag.ContinueOnError)
	dir := fs.String("model", "models/vosk-en", "model folder")
	seconds := fs.Float64("seconds", 30, "audio to go through; the files are repeated")
	if err := fs.Parse(args); err != nil {
		return err
	}
	var pcm []int16
	for _, f := range fs.Args() {
		p, err := audio.ReadWAV(f)
		if err != nil {
			return err
		}
		pcm = append(pcm, p...)
	}
	if len(pcm) < audio.Rate {
		return errors.New("give files with a second of audio or more")
	}
	m, err := vosk.Open(*dir)
	if err != nil {
		return err
	}
	defer m.Free()
	res := rawFigures{Graph: string(m.Graph()), RSSMB: float64(worker.ResidentBytes()) / (1 << 20)}
	rec, err := m.NewRecognizer()
	if err != nil {
		return err
	}
	defer rec.Free()
	const chunk = audio.Rate / 10
	begin, cpu := time.Now(), worker.ProcessCPU()
	for at := 0; res.AudioS < *seconds && ctx.Err() == nil; at += chunk {
		if at+chunk > len(pcm) {
			at = 0
		}
		done, err := rec.Accept(pcm[at : at+chunk])
		if err == nil && done {
			_, err = rec.Result()
		} else if err == nil {
			_, err = rec.Partial()
		}
		if err != nil {
			return err
		}
		res.AudioS += 0.1
	}
	res.WallS, res.CPUS = time.Since(begin).Seconds(), (worker.ProcessCPU() - cpu).Seconds()
	res.RSSRecMB = float64(worker.ResidentBytes())/(1<<20) - res.RSSMB
	return json.NewEncoder(os.Stdout).Encode(res)
}
