package event

import (
	"testing"
	"time"
)

func TestHistogramCounts(t *testing.T) {
	var h Histogram
	for _, d := range []time.Duration{0, 2 * time.Millisecond, 3 * time.Millisecond, time.Second, time.Minute} {
		h.Observe(d)
	}
	b := h.Buckets()
	if b.Count != 5 || b.UpTo[0.002] != 2 || b.UpTo[0.005] != 3 || b.UpTo[0.5] != 3 || b.UpTo[1] != 4 || b.UpTo[15] != 4 || b.Sum != 61*time.Second+5*time.Millisecond {
		t.Errorf("%+v", b)
	}
}
