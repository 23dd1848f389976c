package audio

// G.722 at 64 kbit/s (ITU-T G.722, mode 1): two sub-bands of a 24 tap quadrature
// mirror filter, 6 bit ADPCM below 4 kHz and 2 bit above. Names of blocks follow
// section 6 of the recommendation.

var (
	g722QMF = [12]int32{3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11}
	g722Q6  = [30]int32{
		0, 35, 72, 110, 150, 190, 233, 276, 323, 370, 422, 473, 530, 587, 650,
		714, 786, 858, 940, 1023, 1121, 1219, 1339, 1458, 1612, 1765, 1980, 2195, 2557, 2919,
	}
	g722ILN = [31]uint8{
		0, 63, 62, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19,
		18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4,
	}
	g722ILP = [31]uint8{
		0, 61, 60, 59, 58, 57, 56, 55, 54, 53, 52, 51, 50, 49, 48, 47,
		46, 45, 44, 43, 42, 41, 40, 39, 38, 37, 36, 35, 34, 33, 32,
	}
	g722WL   = [8]int32{-60, -30, 58, 172, 334, 538, 1198, 3042}
	g722RL42 = [16]uint8{0, 7, 6, 5, 4, 3, 2, 1, 7, 6, 5, 4, 3, 2, 1, 0}
	g722ILB  = [32]int32{
		2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834,
		2896, 2960, 3025, 3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008,
	}
	g722QM4 = [16]int32{
		0, -20456, -12896, -8968, -6288, -4240, -2584, -1200,
		20456, 12896, 8968, 6288, 4240, 2584, 1200, 0,
	}
	g722QM2 = [4]int32{-7408, -1616, 7408, 1616}
	g722QM6 = [64]int32{
		-136, -136, -136, -136, -24808, -21904, -19008, -16704, -14984, -13512, -12280, -11192, -10232, -9360, -8576, -7856,
		-7192, -6576, -6000, -5456, -4944, -4464, -4008, -3576, -3168, -2776, -2400, -2032, -1688, -1360, -1040, -728,
		24808, 21904, 19008, 16704, 14984, 13512, 12280, 11192, 10232, 9360, 8576, 7856, 7192, 6576, 6000, 5456,
		4944, 4464, 4008, 3576, 3168, 2776, 2400, 2032, 1688, 1360, 1040, 728, 432, 136, -432, -136,
	}
	g722WH  = [3]int32{0, -214, 798}
	g722RH2 = [4]uint8{2, 1, 2, 1}
)

// g722Max is the longest piece coded at once, in 16 kHz samples (60 ms).
const g722Max = 960

func sat16(v int32) int32 { return max(-32768, min(32767, v)) }

// g722Band is the adaptive predictor and quantiser scale of one sub-band.
type g722Band struct {
	s, sz   int32 // prediction, zero section's share of it
	nb, det int32 // log scale factor, scale factor
	r1, r2  int32 // reconstructed signal, delayed
	a1, a2  int32 // pole section
	p1, p2  int32 // partially reconstructed signal, delayed
	d       [7]int32
	b       [7]int32
}

// adapt is BLOCK4: it updates both predictors for the quantised difference d.
func (g *g722Band) adapt(d int32) {
	r0 := sat16(g.s + d)
	p0 := sat16(g.sz + d)
	g.poles(p0)
	// UPZERO and DELAYA, from the oldest on.
	step := int32(128)
	if d == 0 {
		step = 0
	}
	var sz int32
	for i := 6; i >= 1; i-- {
		w := step
		if (g.d[i] ^ d) < 0 {
			w = -step
		}
		b := sat16(w + (g.b[i]*32640)>>15)
		prev := d
		if i > 1 {
			prev = g.d[i-1]
		}
		g.b[i], g.d[i] = b, prev
		sz += (b * sat16(prev+prev)) >> 15 // FILTEZ
	}
	g.sz = sat16(sz)
	g.r2, g.r1 = g.r1, r0
	g.p2, g.p1 = g.p1, p0
	sp := sat16((g.a1*sat16(g.r1+g.r1))>>15 + (g.a2*sat16(g.r2+g.r2))>>15) // FILTEP
	g.s = sat16(sp + g.sz)                                                 // PREDIC
}

// poles is UPPOL2 and UPPOL1.
func (g *g722Band) poles(p0 int32) {
	wd := sat16(g.a1 << 2)
	if (p0 ^ g.p1) >= 0 {
		wd = min(-wd, 32767)
	}
	a2 := int32(-128)
	if (p0 ^ g.p2) >= 0 {
		a2 = 128
	}
	a2 += wd>>7 + (g.a2*32512)>>15
	a2 = max(-12288, min(12288, a2))
	a1 := int32(-192)
	if (p0 ^ g.p1) >= 0 {
		a1 = 192
	}
	a1 = sat16(a1 + (g.a1*32640)>>15)
	limit := sat16(15360 - a2)
	g.a1, g.a2 = max(-limit, min(limit, a1)), a2
}

// g722Scale is SCALEL and SCALEH.
func g722Scale(nb, base int32) int32 {
	shift := base - nb>>11
	if shift < 0 {
		return g722ILB[nb>>6&31] << -shift << 2
	}
	return g722ILB[nb>>6&31] >> shift << 2
}

func (g *g722Band) low(ril uint8) {
	g.nb = max(0, min(18432, (g.nb*127)>>7+g722WL[g722RL42[ril]]))
	d := (g.det * g722QM4[ril]) >> 15
	g.det = g722Scale(g.nb, 8)
	g.adapt(d)
}

func (g *g722Band) high(ih uint8) {
	g.nb = max(0, min(22528, (g.nb*127)>>7+g722WH[g722RH2[ih]]))
	d := (g.det * g722QM2[ih]) >> 15
	g.det = g722Scale(g.nb, 10)
	g.adapt(d)
}

// G722Encoder turns sound at 16 kHz into G.722. The zero value is not ready: use NewG722Encoder.
type G722Encoder struct {
	lo, hi g722Band
	x      [22 + g722Max]int32
}

// NewG722Encoder returns an encoder in its reset state.
func NewG722Encoder() *G722Encoder {
	e := &G722Encoder{}
	e.lo.det, e.hi.det = 32, 8
	return e
}

// Encode writes len(pcm)/2 bytes to data. len(pcm) is even and at most 960.
func (e *G722Encoder) Encode(data []byte, pcm []int16) {
	n := len(pcm)
	x := e.x[:22+n]
	for i, s := range pcm {
		x[22+i] = int32(s)
	}
	data = data[:n/2]
	for k := range data {
		w := (*[24]int32)(x[2*k:])
		var even, odd int32
		for i, c := range g722QMF {
			even += w[2*i] * c
			odd += w[2*i+1] * g722QMF[11-i]
		}
		data[k] = e.code((even+odd)>>14, (odd-even)>>14) // the newest sample is the last
	}
	copy(e.x[:22], x[n:])
}

func (e *G722Encoder) code(xl, xh int32) byte {
	el := sat16(xl - e.lo.s)
	mag := el
	if el < 0 {
		mag = -(el + 1)
	}
	i, j := 1, 30 // QUANTL: the first threshold above mag
	for i < j {
		m := (i + j) / 2
		if mag < (g722Q6[m]*e.lo.det)>>12 {
			j = m
		} else {
			i = m + 1
		}
	}
	il := g722ILP[i]
	if el < 0 {
		il = g722ILN[i]
	}
	e.lo.low(il >> 2)

	eh := sat16(xh - e.hi.s)
	ih := uint8(2)
	mag = eh
	if eh < 0 {
		ih, mag = 0, -(eh + 1)
	}
	if mag < (564*e.hi.det)>>12 { // QUANTH
		ih++
	}
	e.hi.high(ih)
	return ih<<6 | il
}

// G722Decoder turns G.722 into sound at 16 kHz. The zero value is not ready: use NewG722Decoder.
type G722Decoder struct {
	lo, hi g722Band
	x      [22 + g722Max]int32
}

// NewG722Decoder returns a decoder in its reset state.
func NewG722Decoder() *G722Decoder {
	d := &G722Decoder{}
	d.Reset()
	return d
}

// Reset puts the decoder into its first state.
func (d *G722Decoder) Reset() {
	*d = G722Decoder{}
	d.lo.det, d.hi.det = 32, 8
}

// Decode writes 2*len(data) samples to pcm. len(data) is at most 480.
func (d *G722Decoder) Decode(pcm []int16, data []byte) {
	n := 2 * len(data)
	pcm = pcm[:n]
	x := d.x[:22+n]
	for k, b := range data {
		il, ih := b&63, b>>6
		rl := max(-16384, min(16383, d.lo.s+(d.lo.det*g722QM6[il])>>15))
		d.lo.low(il >> 2)
		rh := max(-16384, min(16383, d.hi.s+(d.hi.det*g722QM2[ih])>>15))
		d.hi.high(ih)
		x[22+2*k], x[23+2*k] = rl+rh, rl-rh
		w := (*[24]int32)(x[2*k:])
		var odd, even int32
		for i, c := range g722QMF {
			even += w[2*i] * c
			odd += w[2*i+1] * g722QMF[11-i]
		}
		pcm[2*k] = int16(sat16(odd >> 11))
		pcm[2*k+1] = int16(sat16(even >> 11))
	}
	copy(d.x[:22], x[n:])
}
