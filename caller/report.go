package caller

import "time"

// Report is what one call was like, as its caller saw it.
type Report struct {
	// Status is the final SIP status, 0 if none came.
	Status int
	// Cause says why the call ended: "completed", "remote" (the far end hung up), "cancelled", "timeout",
	// "rejected" (Status says how) or "error".
	Cause string
	// Ringing and Setup are the times from INVITE to the first 18x and to the 200.
	Ringing, Setup time.Duration
	// FirstPacket is the time from the 200 to the first RTP packet received.
	FirstPacket time.Duration
	// Duration is from the answer to the end.
	Duration time.Duration
	// AnsweredAt and AudioAt are the moments of the answer and of the first sample of the audio sent.
	AnsweredAt, AudioAt time.Time
	// Sent and Received count RTP packets, Lost those that did not come back (gaps in sequence numbers),
	// Reordered those that came late, Unsent ticks that our own clock missed.
	Sent, Received, Lost, Reordered, Unsent int
	// Jitter is the interarrival jitter of RFC 3550 at the end, in ms; JitterP95 the 95th percentile
	// of the deviation from the packet spacing, in ms.
	Jitter, JitterP95 float64
	// Deviations is the histogram behind JitterP95, to be added over calls.
	Deviations Histogram
	// Audio is what the far end sent, 8 kHz (16 kHz for G722 and Opus), from its first packet.
	Audio []int16

	said  *ledger // of MeasureDelay
	heard *tape   // of MeasureDelay
}

// OK tells whether the call was answered and ended as planned.
func (r Report) OK() bool { return r.Cause == "completed" }

// Histogram counts times in steps of 0.1 ms up to 200 ms.
type Histogram [2000]uint32

// Add counts one value in ms.
func (h *Histogram) Add(ms float64) {
	i := int(ms * 10)
	h[min(max(i, 0), len(h)-1)]++
}

// Merge adds the counts of o.
func (h *Histogram) Merge(o *Histogram) {
	for i, n := range o {
		h[i] += n
	}
}

// Quantile returns the value in ms below which the part q (0..1) lies.
func (h *Histogram) Quantile(q float64) float64 {
	var total uint64
	for _, n := range h {
		total += uint64(n)
	}
	if total == 0 {
		return 0
	}
	want, seen := uint64(q*float64(total)), uint64(0)
	for i, n := range h {
		if seen += uint64(n); seen > want {
			return float64(i+1) / 10
		}
	}
	return float64(len(h)) / 10
}
