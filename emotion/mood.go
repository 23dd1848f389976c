package emotion

import "time"

// Mood is the running mood of one side of a call: how angry or distressed they
// are now, and how the call went so far. The zero value with an Alpha is ready.
// It has no clock; times are call time.
type Mood struct {
	// Alpha is the weight of the newest turn, 0.4 when zero.
	Alpha float32

	now      float32
	count    int
	weighted float64 // sum of index times e
	weights  float64 // sum of indexes
	values   []float32
	span     int // turns behind one value
	rest     []float32
	peak     float32
	peakAt   Span
}

// Span is a stretch of call time to listen to.
type Span struct{ Start, End time.Duration }

// Summary is a mood over a whole call.
type Summary struct {
	Turns int
	// Now is the smoothed value after the last turn, 0 to 1.
	Now float32
	// Value is the mean of all turns in which later ones weigh more (weight = index / turns): what a report shows.
	Value float32
	// Trend is half of the difference between the mean of the last and of the first third, -0.5 to 0.5; positive is getting worse.
	Trend float32
	// Peak is the worst turn, at PeakAt.
	Peak   float32
	PeakAt Span
}

// mostValues bounds what is remembered for the trend; longer calls are thinned out.
const mostValues = 512

// Add takes the next turn and returns the smoothed mood. The first turn is the mood itself.
func (m *Mood) Add(e float32, at Span) float32 {
	if e != e || e < 0 { // NaN
		e = 0
	}
	e = min(e, 1)
	m.count++
	if m.count == 1 {
		m.now = e
	} else {
		a := m.alpha()
		m.now += a * (e - m.now)
	}
	m.weighted += float64(m.count) * float64(e)
	m.weights += float64(m.count)
	if m.count == 1 || e > m.peak {
		m.peak, m.peakAt = e, at
	}
	m.remember(e)
	return m.now
}

func (m *Mood) alpha() float32 {
	if m.Alpha == 0 {
		return 0.4
	}
	return m.Alpha
}

// remember keeps e for the trend; when full, neighbours are joined.
func (m *Mood) remember(e float32) {
	m.span = max(m.span, 1)
	m.rest = append(m.rest, e)
	if len(m.rest) < m.span {
		return
	}
	m.values = append(m.values, mean(m.rest))
	m.rest = m.rest[:0]
	if len(m.values) < mostValues {
		return
	}
	for i := range mostValues / 2 {
		m.values[i] = (m.values[2*i] + m.values[2*i+1]) / 2
	}
	m.values, m.span = m.values[:mostValues/2], 2*m.span
}

// Now is the smoothed mood; ok is false before the first turn.
func (m *Mood) Now() (now float32, ok bool) { return m.now, m.count > 0 }

// Calm lowers the smoothed mood to at most to: what was heard turned out to be wrong.
func (m *Mood) Calm(to float32) { m.now = min(m.now, to) }

// Summary is the mood of the call so far.
func (m *Mood) Summary() Summary {
	s := Summary{Turns: m.count, Now: m.now, Peak: m.peak, PeakAt: m.peakAt}
	if m.count == 0 {
		return s
	}
	s.Value = float32(m.weighted / m.weights)
	if n := len(m.values); n > 1 {
		third := max(n/3, 1)
		s.Trend = (mean(m.values[n-third:]) - mean(m.values[:third])) / 2
	}
	return s
}

func mean(v []float32) float32 {
	var sum float32
	for _, x := range v {
		sum += x
	}
	return sum / float32(max(len(v), 1))
}
