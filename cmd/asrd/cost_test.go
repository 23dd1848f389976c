package main

import (
	"os"
	"testing"
	"time"

	"tingxin/asr/asrpb"
	"tingxin/asr/worker"
)

// TestCost prints what the pipeline costs when channels take turns on one
// thread, block by block, next to one after the other. Set COST=1.
func TestCost(t *testing.T) {
	if os.Getenv("COST") == "" {
		t.Skip("set COST=1")
	}
	eng, err := newEngine(map[string]modelDirs{"en": {Language: "en", Static: "../../models/vosk-en-static"}}, chunkEnv(), newLog(false))
	if err != nil {
		t.Fatal(err)
	}
	defer eng.close()
	files := load(t, "librispeech-test-other")
	for _, n := range []int{1, 10, 1, 10} {
		var chs []*worker.Channel
		for range n {
			rec, _, err := eng.Open("en", "", nil)
			if err != nil {
				t.Fatal(err)
			}
			chs = append(chs, worker.NewChannel(rec, worker.Params{}, func(*asrpb.Event) {}))
		}
		seconds, begin := 0.0, cpuNow()
		for k := 0; k < 10; k += n {
			for at := 0; at+640 <= 6*16000; at += 640 {
				for i, ch := range chs {
					pcm := files[(k+i)*5].pcm
					if at+640 > len(pcm) {
						continue
					}
					ch.Write(pcm[at : at+320])
					ch.Write(pcm[at+320 : at+640])
					ch.Flush()
					seconds += 0.04
				}
			}
		}
		used := cpuNow() - begin
		for _, ch := range chs {
			ch.Finish()
			ch.Free()
		}
		t.Logf("%2d channels at a time: %.1f s of audio, %.1f channels per core", n, seconds, seconds/used.Seconds())
	}
}

func cpuNow() time.Duration { return worker.ProcessCPU() }
