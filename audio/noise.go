package audio

import "math"

// Noise makes white noise from a small fast generator; equal seeds make equal noise.
type Noise struct{ state uint64 }

// NewNoise returns a generator; any seed will do.
func NewNoise(seed uint64) *Noise {
	return &Noise{state: seed*2685821657736338717 + 0x9e3779b97f4a7c15}
}

// next is xorshift64*, 31 bits of it as a number from -1 to 1.
func (n *Noise) next() float32 {
	x := n.state
	if x == 0 {
		x = 0x9e3779b97f4a7c15
	}
	x ^= x >> 12
	x ^= x << 25
	x ^= x >> 27
	n.state = x
	return float32(int32((x*2685821657736338717)>>32)) / (1 << 31)
}

// Fill writes noise with the given root mean square in sample units.
func (n *Noise) Fill(pcm []int16, rms float32) {
	peak := rms * 1.7320508 // of an even distribution
	for i := range pcm {
		pcm[i] = int16(max(-32768, min(32767, n.next()*peak)))
	}
}

// Add adds noise with the given root mean square.
func (n *Noise) Add(pcm []int16, rms float32) {
	peak := rms * 1.7320508
	for i, s := range pcm {
		pcm[i] = int16(max(-32768, min(32767, float32(s)+n.next()*peak)))
	}
}

// RMS is the root mean square of pcm in sample units.
func RMS(pcm []int16) float64 {
	if len(pcm) == 0 {
		return 0
	}
	return math.Sqrt(float64(squares(pcm)) / float64(len(pcm)))
}

// Power is the mean square of pcm.
func Power(pcm []int16) int64 {
	if len(pcm) == 0 {
		return 0
	}
	return squares(pcm) / int64(len(pcm))
}

func squares(pcm []int16) (sum int64) {
	for _, s := range pcm {
		sum += int64(s) * int64(s)
	}
	return sum
}

// DBov is a root mean square in dB relative to a full scale square wave (RFC 3389), at least -127.
func DBov(rms float64) float64 {
	if rms < 0.02 {
		return -127
	}
	return max(-127, 20*math.Log10(rms/32768))
}

// FromDBov is the root mean square of a level in dBov.
func FromDBov(db float64) float64 { return 32768 * math.Pow(10, db/20) }
