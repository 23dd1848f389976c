package emotion

import "math"

// The spectral window is 25 ms, its transform 256 points: bins of 31.25 Hz.
const (
	specLen  = 200
	specFFT  = 256
	specBins = specFFT/2 + 1
	specHz   = float64(rate) / specFFT
	topHz    = 3800 // nothing above is used
)

// tables are shared by all channels and never written.
type tables struct {
	spec, pitch []float32 // windows
	correct     []float32 // 1 / autocorrelation of the pitch window, by lag
	mel         [melBands]melBand
	dct         [mfccs][melBands]float32
}

// melBand is one triangle over the power spectrum.
type melBand struct {
	first  int
	weight []float32
}

var shared = newTables()

func newTables() *tables {
	t := &tables{spec: hamming(specLen), pitch: hann(pitchLen)}
	t.correct = windowCorrection(t.pitch, maxLag+lagMargin+1)
	mel := func(hz float64) float64 { return 1127 * math.Log(1+hz/700) }
	hz := func(mel float64) float64 { return 700 * (math.Exp(mel/1127) - 1) }
	low, high := mel(100), mel(topHz)
	edge := func(i int) float64 { return hz(low+(high-low)*float64(i)/(melBands+1)) / specHz }
	for i := range t.mel {
		a, b, c := edge(i), edge(i+1), edge(i+2)
		m := melBand{first: int(math.Ceil(a))}
		for k := m.first; float64(k) < c; k++ {
			w := min((float64(k)-a)/(b-a), (c-float64(k))/(c-b))
			m.weight = append(m.weight, float32(max(w, 0)))
		}
		t.mel[i] = m
	}
	for i := range t.dct {
		for j := range t.dct[i] {
			t.dct[i][j] = float32(math.Sqrt(2.0/melBands) * math.Cos(math.Pi*float64(i+1)*(float64(j)+0.5)/melBands))
		}
	}
	return t
}

// spectrum measures what one window of 25 ms has without regard to pitch.
type spectrum struct {
	fft   *fft
	power [specBins]float32
	last  [melBands]float32 // of the hop before, normalised
	bins  [bin3800]float32  // of the hop before, normalised magnitudes
}

// measure fills the spectral contours of r from specLen samples (-1..1).
func (s *spectrum) measure(x []float32, r *row) {
	s.fft.power(x, shared.spec, s.power[:])
	sum, crossings := float32(1e-10), 0
	for i, v := range x {
		sum += v * v
		if i > 0 && (v >= 0) != (x[i-1] >= 0) {
			crossings++
		}
	}
	r.v[cEnergy] = decibel(sum / specLen)
	r.v[cCrossings] = float32(crossings) / specLen
	s.mel(r)
	s.balance(r)
	s.shape(r)
	s.flux(r)
	r.v[cSlopeLow] = s.slope(1, 16)
	r.v[cSlopeMid] = s.slope(16, 48)
}

// floorPower keeps the logarithm of silence finite: about the step of 16 bits.
const floorPower = 1e-7

func (s *spectrum) mel(r *row) {
	var band, norm [melBands]float32
	loud, total := float32(0), float32(1e-12)
	for i := range shared.mel {
		m := &shared.mel[i]
		sum := float32(0)
		bins := s.power[m.first : m.first+len(m.weight)]
		for k, w := range m.weight {
			sum += w * bins[k]
		}
		sum += floorPower
		band[i] = logf(sum)
		norm[i] = expf(0.33 * band[i])
		loud += norm[i]
		total += sum
	}
	r.v[cLoudness] = logf(loud)
	copy(r.v[cMel:], band[:])
	flux, entropy := float32(0), float32(0)
	inv := 1 / loud
	for i := range norm {
		norm[i] *= inv
		d := norm[i] - s.last[i]
		flux += d * d
		entropy -= norm[i] * logf(norm[i]+1e-9)
	}
	s.last = norm
	r.v[cFlux] = sqrtf(flux)
	r.v[cEntropy] = entropy / 2.9957 // of 20 equal bands
	for i := range shared.dct {
		sum := float32(0)
		for j, w := range shared.dct[i] {
			sum += w * band[j]
		}
		r.v[cMFCC+i] = sum
	}
}

// Bins of the borders: 50 Hz, 1, 2 and 3.8 kHz.
const (
	bin50   = 2
	bin1000 = 32
	bin2000 = 64
	bin3800 = 122
)

func (s *spectrum) balance(r *row) {
	low, high, peakLow, peakHigh := float32(1e-10), float32(1e-10), float32(1e-10), float32(1e-10)
	for _, p := range s.power[bin50:bin1000] {
		low += p
		peakLow = max(peakLow, p)
	}
	for _, p := range s.power[bin1000:bin2000] {
		high += p
		peakLow = max(peakLow, p)
	}
	for _, p := range s.power[bin2000:bin3800] {
		high += p
		peakHigh = max(peakHigh, p)
	}
	r.v[cAlpha] = decibel((low + floorPower) / (high + floorPower))
	r.v[cHammarberg] = decibel((peakLow + floorPower) / (peakHigh + floorPower))
}

func (s *spectrum) shape(r *row) {
	sum, first, second := float32(1e-12), float32(0), float32(0)
	for k := bin50; k < bin3800; k++ {
		f := float32(k) * float32(specHz/1000)
		p := s.power[k]
		sum += p
		first += p * f
		second += p * f * f
	}
	c := first / sum
	r.v[cCentroid] = c
	r.v[cSpread] = sqrtf(max(0, second/sum-c*c))
	part := float32(0)
	for k := bin50; k < bin3800; k++ {
		if part += s.power[k]; part >= 0.85*sum {
			r.v[cRolloff] = float32(k) * float32(specHz/1000)
			break
		}
	}
}

// flux is the distance of the magnitude spectra, each of length 1, of this hop and the last.
func (s *spectrum) flux(r *row) {
	total := float32(1e-12)
	for _, p := range s.power[bin50:bin3800] {
		total += p
	}
	inv, sum := 1/total, float32(0)
	for k := bin50; k < bin3800; k++ {
		m := sqrtf(s.power[k] * inv)
		d := m - s.bins[k]
		sum += d * d
		s.bins[k] = m
	}
	r.flux = sqrtf(sum)
}

// slope is the regression of the power in dB over the bins a to b, in dB/kHz.
func (s *spectrum) slope(a, b int) float32 {
	mid := float32(a+b-1) / 2
	var sxy, sxx float32
	for k := a; k < b; k++ {
		x := float32(k) - mid
		sxy += x * logf(s.power[k]+floorPower)
		sxx += x * x
	}
	return sxy / sxx * (4.342945 * 1000 / float32(specHz))
}

func decibel(power float32) float32 { return 4.342945 * logf(power) }

func sqrtf(x float32) float32 { return float32(math.Sqrt(float64(x))) }

// logf is the natural logarithm of a positive normal number, within 1e-5: the exponent, and
// a series of atanh on the mantissa. It takes a fifth of the time of math.Log.
func logf(x float32) float32 {
	bits := math.Float32bits(x)
	e := float32(int(bits>>23) - 127)
	m := math.Float32frombits(bits&0x7fffff | 0x3f800000)
	if m > math.Sqrt2 {
		m *= 0.5
		e++
	}
	z := (m - 1) / (m + 1)
	y := z * z
	return e*math.Ln2 + z*(2+y*(2.0/3+y*(2.0/5+y*2.0/7)))
}

// expf is e^x within 1e-6 relative for |x| < 80.
func expf(x float32) float32 {
	t := x * math.Log2E
	n := float32(math.Floor(float64(t + 0.5)))
	f := (t - n) * math.Ln2
	p := 1 + f*(1+f*(0.5+f*(1.0/6+f*(1.0/24+f*(1.0/120+f/720)))))
	return p * math.Float32frombits(uint32(int(n)+127)<<23)
}
