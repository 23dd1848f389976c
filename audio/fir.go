package audio

// The 8 <-> 16 kHz converters share one linear-phase half-band low-pass of 47 taps
// (Kaiser, beta 5.3): flat within 0.02 dB to 3.4 kHz, down 55 dB from 4.6 kHz,
// 11.5 samples of delay at 8 kHz. Every other tap is zero and the rest is symmetric,
// so one half of the samples is a copy and the other costs twelve products.

const (
	halfHistory = 23  // samples of the past the filter needs
	halfBlock   = 160 // samples at 8 kHz worked on at once
)

// fold is the sum over the odd taps, centred between w[11] and w[12], with a gain of
// two (up; going down it is halved). The taps, from the outside in, are times 2^14 and
// add up to half of that. Written out, it takes half the time of a loop over a table.
func fold(w *[24]int16) int32 {
	return (1<<13 +
		10393*(int32(w[11])+int32(w[12])) - 3351*(int32(w[10])+int32(w[13])) +
		1880*(int32(w[9])+int32(w[14])) - 1212*(int32(w[8])+int32(w[15])) +
		820*(int32(w[7])+int32(w[16])) - 560*(int32(w[6])+int32(w[17])) +
		378*(int32(w[5])+int32(w[18])) - 248*(int32(w[4])+int32(w[19])) +
		156*(int32(w[3])+int32(w[20])) - 91*(int32(w[2])+int32(w[21])) +
		48*(int32(w[1])+int32(w[22])) - 21*(int32(w[0])+int32(w[23]))) >> 14
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
