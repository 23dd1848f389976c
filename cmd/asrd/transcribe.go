package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"time"

	"tingxin/asr/asrpb"
	"tingxin/asr/vosk"
	"tingxin/asr/worker"
	"tingxin/audio"
)

// transcribe prints what the worker's own pipeline hears in files, faster than
// real time.
func transcribe(ctx context.Context, args []string) error {
	fs := flag.NewFlagSet("asrd transcribe", flag.ContinueOnError)
	dir := fs.String("model", "models/vosk-en-static", "model folder")
	chunk := fs.Int("frames-per-chunk", 0, "network block in frames of 10 ms")
	narrow := fs.Bool("narrow", false, "the audio came at 8 kHz")
	partials := fs.Bool("partials", false, "print partials too")
	if err := fs.Parse(args); err != nil {
		return err
	}
	eng, err := newEngine(map[string]modelDirs{"file": {Language: "file", Static: *dir}}, *chunk, newLog(false))
	if err != nil {
		return err
	}
	defer eng.close()
	for _, path := range fs.Args() {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		pcm, err := audio.ReadWAV(path)
		if err != nil {
			return err
		}
		rec, _, err := eng.Open("file", "", nil)
		if err != nil {
			return err
		}
		begin := time.Now()
		ch := worker.NewChannel(rec, worker.Params{Narrow: *narrow}, func(e *asrpb.Event) {
			if e.Kind != asrpb.Kind_PARTIAL || *partials {
				fmt.Printf("%8.2f %-12s %3d %8.2f-%8.2f %s %s\n", float64(e.EndMs)/1000, e.Kind, e.Segment,
					float64(e.StartMs)/1000, float64(e.EndMs)/1000, e.Text, e.Reason)
			}
		})
		feed(ch, pcm, 3)
		ch.Free()
		fmt.Fprintf(os.Stderr, "%s: %.2f s of audio in %.2f s\n", path, float64(len(pcm))/vosk.Rate, time.Since(begin).Seconds())
	}
	return nil
}

// feed writes samples as frames, with a Flush after every batch of them.
func feed(ch *worker.Channel, pcm []int16, batch int) {
	for n := 0; len(pcm) >= worker.FrameLen; n++ {
		ch.Write(pcm[:worker.FrameLen])
		pcm = pcm[worker.FrameLen:]
		if n%batch == batch-1 {
			ch.Flush()
		}
	}
	ch.Finish()
}
