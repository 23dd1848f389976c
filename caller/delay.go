package caller

import (
	"math"
	"time"
)

// Limits of the search for an echo.
const (
	delayWindow = 4000 // samples at 8 kHz that are compared
	delayMax    = 8000 // one second
)

// echoDelay finds sent in heard (both 8 kHz) and returns the delay of the sound:
// how much later a sample was heard than it was said. sentAt and heardAt are the
// times of their first samples. It returns 0 when there is no clear echo.
func echoDelay(sent, heard []int16, sentAt, heardAt time.Time) time.Duration {
	at := loudest(sent, delayWindow)
	if at < 0 {
		return 0
	}
	pattern := sent[at : at+delayWindow]
	shift := int(math.Round(sentAt.Add(samples(at)).Sub(heardAt).Seconds() * 8000)) // where it would be without delay
	best, where := 0.0, -1
	for lag := 0; lag < delayMax; lag++ {
		i := shift + lag
		if i < 0 || i+delayWindow > len(heard) {
			continue
		}
		if c := likeness(pattern, heard[i:i+delayWindow]); c > best {
			best, where = c, lag
		}
	}
	if best < 0.5 {
		return 0
	}
	return samples(where)
}

func samples(n int) time.Duration { return time.Duration(n) * time.Second / 8000 }

// likeness is the normalised correlation of two stretches, on every second sample.
func likeness(a, b []int16) float64 {
	var ab, aa, bb int64
	for i := 0; i < len(a); i += 2 {
		x, y := int64(a[i]), int64(b[i])
		ab += x * y
		aa += x * x
		bb += y * y
	}
	if aa == 0 || bb == 0 {
		return 0
	}
	return float64(ab) / math.Sqrt(float64(aa)*float64(bb))
}

// loudest is the start of the loudest stretch of n samples, -1 if there is none.
func loudest(pcm []int16, n int) int {
	best, where := int64(0), -1
	for i := 0; i+n <= len(pcm); i += n / 4 {
		var e int64
		for _, v := range pcm[i : i+n] {
			e += int64(v) * int64(v)
		}
		if e > best {
			best, where = e, i
		}
	}
	return where
}
