package audio

import (
	"sync"
	"testing"
)

func TestRingDropsTheOldest(t *testing.T) {
	r := NewRing(4)
	for i := range uint64(7) {
		if kept := r.Push(&Frame{Seq: i}); kept != (i < 4) {
			t.Fatalf("push %d: %v", i, kept)
		}
	}
	if r.Dropped() != 3 || r.Len() != 4 {
		t.Fatalf("dropped %d, len %d", r.Dropped(), r.Len())
	}
	var f Frame
	for want := uint64(3); want < 7; want++ {
		if !r.Pop(&f) || f.Seq != want {
			t.Fatalf("got %d, want %d", f.Seq, want)
		}
	}
	if r.Pop(&f) {
		t.Fatal("empty ring gave a frame")
	}
}

func TestRingAcrossGoroutines(t *testing.T) {
	const n = 50000
	r := NewRing(8)
	var wg sync.WaitGroup
	wg.Add(1)
	// Ends after n frames.
	go func() {
		defer wg.Done()
		var f Frame
		for i := range uint64(n) {
			f.Seq = i
			for j := range f.PCM {
				f.PCM[j] = int16(i)
			}
			r.Push(&f)
		}
	}()
	done := make(chan struct{})
	// Ends when the writer did.
	go func() { wg.Wait(); close(done) }()
	var f Frame
	var got uint64
	last := int64(-1)
	for open := true; open || r.Len() > 0; {
		select {
		case <-done:
			open = false
		default:
		}
		if !r.Pop(&f) {
			continue
		}
		got++
		if int64(f.Seq) <= last {
			t.Fatalf("%d after %d", f.Seq, last)
		}
		last = int64(f.Seq)
		for _, s := range f.PCM {
			if s != int16(f.Seq) {
				t.Fatal("torn frame")
			}
		}
	}
	if got+r.Dropped() != n {
		t.Fatalf("%d read + %d dropped of %d", got, r.Dropped(), n)
	}
}

func BenchmarkRing(b *testing.B) {
	r := NewRing(8)
	var f Frame
	b.ReportAllocs()
	for b.Loop() {
		r.Push(&f)
		r.Pop(&f)
	}
}
