package call

import (
	"slices"
	"time"
)

// EmotionStats tell how voices are read.
type EmotionStats struct {
	Open          int     // sides being read now
	Turns         uint64  // turns read
	Unread        uint64  // turns with too little voice and no telling words
	Slides        uint64  // sliding readings
	DroppedFrames uint64  // frames a reader was too slow for
	DroppedTurns  uint64  // turns that found their queue full
	Alerts        uint64  // raised
	Escalated     uint64  // to the supervisor
	Dismissed     uint64  // called wrong by a person
	Declined      uint64  // callers who had declined, before or in the call
	LateP50MS     float64 `json:"late_p50_ms"` // from the end of a turn, as recognition tells it, to its reading: last 512 turns
	LateP95MS     float64 `json:"late_p95_ms"`
}

func (s *voiceStats) stats() EmotionStats {
	st := EmotionStats{Open: int(s.open.Load()), Turns: uint64(s.turns.Load()), Unread: uint64(s.unread.Load()), Slides: uint64(s.slides.Load()),
		DroppedFrames: uint64(s.dropped.Load()), DroppedTurns: uint64(s.turnsDropped.Load()), Alerts: uint64(s.alerts.Load()),
		Escalated: uint64(s.escalated.Load()), Dismissed: uint64(s.dismissed.Load()), Declined: uint64(s.declined.Load())}
	st.LateP50MS, st.LateP95MS = s.late.percentiles()
	return st
}

// percentiles are the median and the 95th percentile in milliseconds, 0 before the first.
func (d *delays) percentiles() (p50, p95 float64) {
	d.mu.Lock()
	all := slices.Clone(d.last[:min(d.n, len(d.last))])
	d.mu.Unlock()
	if len(all) == 0 {
		return 0, 0
	}
	slices.Sort(all)
	at := func(share float64) float64 {
		return float64(all[int(share*float64(len(all)-1))]) / float64(time.Millisecond)
	}
	return at(0.50), at(0.95)
}
