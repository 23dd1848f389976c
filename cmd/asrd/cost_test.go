package main

import (
	"fmt"
	"os"
	"syscall"
	"testing"
	"time"
)

func cpuNow() time.Duration {
	var ru syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &ru)
	return time.Duration(ru.Utime.Nano() + ru.Stime.Nano())
}

func TestCost(t *testing.T) {
	if os.Getenv("COST") == "" {
		t.Skip("set COST=1")
	}
	var pcm []int16
	for _, s := range load(t, "librispeech-test-other")[10:18] {
		pcm = append(pcm, s.pcm...)
	}
	for _, chunk := range []int{20, 30, 40} {
		eng, err := newEngine(map[string]modelDirs{"en": {Language: "en", Static: "../../models/vosk-en-static"}}, chunk, newLog(false))
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range []struct{ feed, partial int }{{640, 0}, {640, 0}, {640, 3200}} {
			rec, _, _ := eng.Open("en", "", nil)
			begin := cpuNow()
			since := 0
			for x := pcm; len(x) >= v.feed; x = x[v.feed:] {
				_, _ = rec.Accept(x[:v.feed])
				if since += v.feed; v.partial > 0 && since >= v.partial {
					since = 0
					_, _ = rec.Partial()
				}
			}
			_, _ = rec.Result()
			used := cpuNow() - begin
			rec.Free()
			fmt.Printf("chunk %d feed %d partial %d: %.1f x real time\n", chunk, v.feed, v.partial, float64(len(pcm))/16000/used.Seconds())
		}
		eng.close()
	}
}
