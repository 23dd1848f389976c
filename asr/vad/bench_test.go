package vad

import (
	"math/rand/v2"
	"testing"
)

func BenchmarkFrame(b *testing.B) {
	d := New(Config{})
	r := rand.New(rand.NewPCG(1, 2))
	var pcm [FrameLen]int16
	for i := range pcm {
		pcm[i] = int16(r.NormFloat64() * 1000)
	}
	b.ReportAllocs()
	for b.Loop() {
		d.Write(pcm[:])
	}
}
