package bench

import (
	"testing"
	"time"

	"tingxin/audio"
)

func TestConverseFillsItsShare(t *testing.T) {
	speech := make([]int16, 60*audio.Rate)
	for i := range speech {
		speech[i] = 1
	}
	out := converse(speech)
	spoken := 0
	for _, v := range out {
		spoken += int(v)
	}
	if share := float64(spoken) / float64(len(out)); spoken != len(speech) || share < talkShare-0.01 || share > talkShare+0.01 {
		t.Fatalf("%d samples spoken, share %.3f", spoken, share)
	}
}

func TestPerCoreCountsAllCoresUsed(t *testing.T) {
	x := trial{channels: 20, cores: 1.25, p99: 100 * time.Millisecond}
	if x.perCore(1) != 16 || x.perCore(2) != 10 {
		t.Errorf("per core %v and %v", x.perCore(1), x.perCore(2))
	}
	if late := (trial{p99: lateLimit}); late.inTime() || !x.inTime() || (trial{p99: 1, dropped: 1}).inTime() {
		t.Error("what counts as real time")
	}
}
