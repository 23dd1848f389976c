package audio

// The 8 <-> 16 kHz converters share one linear-phase half-band low-pass of 47 taps
// (Kaiser, beta 5.3): flat within 0.02 dB to 3.4 kHz, down 55 dB from 4.6 kHz,
// 11.5 samples of delay at 8 kHz. Every other tap is zero and the rest is symmetric,
// so one half of the samples is a copy and the other costs twelve products.

// halfTaps holds the odd taps of the filter from the outside in, times 2^14, for
// a gain of two (up); going down they are halved. Twice their sum is 2^14.
var halfTaps = [12]int32{-21, 48, -91, 156, -248, 378, -560, 820, -1212, 1880, -3351, 10393}

const (
	halfHistory = 23  // samples of the past the filter needs
	halfBlock   = 160 // samples at 8 kHz worked on at once
)

// fold is the sum over the odd taps, centred between w[11] and w[12].
func fold(w *[24]int16) int32 {
	acc := int32(1 << 13)
	for j, c := range halfTaps {
		acc += c * (int32(w[j]) + int32(w[23-j]))
	}
	return acc >> 14
}

// Up8to16 doubles the sample rate. The zero value is ready.
type Up8to16 struct {
	x [halfHistory + halfBlock]int16
}

// Process turns src at 8 kHz into dst at 16 kHz; dst is twice as long as src.
func (u *Up8to16) Process(dst, src []int16) {
	for len(src) > 0 {
		n := min(len(src), halfBlock)
		u.block(dst[:2*n], src[:n])
		dst, src = dst[2*n:], src[n:]
	}
}

func (u *Up8to16) block(dst, src []int16) {
	n := len(src)
	copy(u.x[halfHistory:], src)
	for k := range n {
		w := (*[24]int16)(u.x[k:])
		dst[2*k] = w[11]
		dst[2*k+1] = int16(sat16(fold(w)))
	}
	copy(u.x[:halfHistory], u.x[n:n+halfHistory])
}

// Reset forgets the past.
func (u *Up8to16) Reset() { *u = Up8to16{} }

// Down16to8 halves the sample rate. The zero value is ready.
type Down16to8 struct {
	even, odd [halfHistory + halfBlock]int16
}

// Process turns src at 16 kHz into dst at 8 kHz; len(src) is even and twice len(dst).
func (d *Down16to8) Process(dst, src []int16) {
	for len(dst) > 0 {
		n := min(len(dst), halfBlock)
		d.block(dst[:n], src[:2*n])
		dst, src = dst[n:], src[2*n:]
	}
}

func (d *Down16to8) block(dst, src []int16) {
	n := len(dst)
	for k := range n {
		d.even[halfHistory+k] = src[2*k]
		d.odd[halfHistory+k] = src[2*k+1]
	}
	for k := range n {
		w := (*[24]int16)(d.odd[k:])
		dst[k] = int16(sat16((fold(w) + int32(d.even[k+12]) + 1) >> 1))
	}
	copy(d.even[:halfHistory], d.even[n:n+halfHistory])
	copy(d.odd[:halfHistory], d.odd[n:n+halfHistory])
}

// Reset forgets the past.
func (d *Down16to8) Reset() { *d = Down16to8{} }
