package media

import "time"

// Digit is one key press.
type Digit struct {
	// Key is one of "0123456789*#ABCD".
	Key byte
	// Duration is how long the key was held, 0 when not known.
	Duration time.Duration
	// Source is "rfc4733", "inband" or "info".
	Source string
	// At is when the press ended.
	At time.Time
}
