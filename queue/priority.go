package queue

import (
	"fmt"
	"time"
)

// Urgency is how pressing work is. Its number is the U of Priority.
type Urgency uint8

// The urgencies, from the least.
const (
	Low Urgency = iota
	Normal
	High
	Urgent
)

var urgencyNames = [...]string{"low", "normal", "high", "urgent"}

// String is the name as it stands in rows and documents.
func (u Urgency) String() string {
	if int(u) >= len(urgencyNames) {
		return fmt.Sprintf("urgency(%d)", uint8(u))
	}
	return urgencyNames[u]
}

// MarshalText writes the name.
func (u Urgency) MarshalText() ([]byte, error) {
	if int(u) >= len(urgencyNames) {
		return nil, fmt.Errorf("urgency %d does not exist", uint8(u))
	}
	return []byte(urgencyNames[u]), nil
}

// UnmarshalText reads a name; it is low, normal, high or urgent.
func (u *Urgency) UnmarshalText(b []byte) error {
	for i, name := range urgencyNames {
		if name == string(b) {
			*u = Urgency(i)
			return nil
		}
	}
	return fmt.Errorf("urgency %q is none of low, normal, high, urgent", b)
}

// Weights of Priority beside urgency and age.
const (
	slopeInTime   = 4   // per target while it can still be met
	startLate     = 1   // just after the target was missed
	slopeLate     = 0.5 // per target after that
	lateTargets   = 8   // where ageing of missed work ends
	weightEmotion = 1.5
	weightRepeat  = 0.5
)

// Signals are what is known about work beside its class and age.
type Signals struct {
	Emotion   float64 `json:"emotion,omitempty"`   // smoothed, 0 calm to 1 upset
	VIP       bool    `json:"vip,omitempty"`       // a customer to be served first
	Complaint bool    `json:"complaint,omitempty"` // the work is a complaint
	Repeat    bool    `json:"repeat,omitempty"`    // the same customer was here within 72 hours
}

// Priority is P(w,t), which orders waiting work over all queues, kept by its
// parts so that every assignment can be explained. The larger sum goes first,
// equal sums go first come first served.
//
// With x = elapsed / target, work that can still be answered in time rises by 4x
// and is served just before its target. Once the target is missed it falls back
// to 1 and rises by half a point per target, up to 8 of them: what can still be
// won goes first, and what was lost ages back up until nothing starves.
type Priority struct {
	Urgency   float64 `json:"urgency"`   // 3 urgent, 2 high, 1 normal, 0 low
	Age       float64 `json:"age"`       // 4x up to the target, 1 + (x-1)/2 behind it
	Emotion   float64 `json:"emotion"`   // 0 to 1.5
	VIP       float64 `json:"vip"`       // 0 or 1
	Complaint float64 `json:"complaint"` // 0 or 1
	Repeat    float64 `json:"repeat"`    // 0 or 0.5
}

// Sum is P(w,t).
func (p Priority) Sum() float64 {
	return p.Urgency + p.Age + p.Emotion + p.VIP + p.Complaint + p.Repeat
}

// PriorityOf is P(w,t) of work that waited elapsed of a target. A target of zero
// or less counts as missed at once.
func PriorityOf(u Urgency, elapsed, target time.Duration, s Signals) Priority {
	p := Priority{Urgency: float64(u), Age: age(elapsed, target), Emotion: weightEmotion * min(max(s.Emotion, 0), 1)}
	if s.VIP {
		p.VIP = 1
	}
	if s.Complaint {
		p.Complaint = 1
	}
	if s.Repeat {
		p.Repeat = weightRepeat
	}
	return p
}

func age(elapsed, target time.Duration) float64 {
	elapsed = max(elapsed, 0)
	if elapsed <= target {
		if target <= 0 {
			return 0
		}
		return slopeInTime * float64(elapsed) / float64(target)
	}
	late := float64(lateTargets)
	if target > 0 {
		late = min(float64(elapsed)/float64(target)-1, lateTargets)
	}
	return startLate + slopeLate*late
}
