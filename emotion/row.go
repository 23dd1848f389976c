package emotion

import (
	"fmt"
	"time"
)

// One hop is 10 ms at 8 kHz; a frame of the house is two.
const (
	rate    = 8000
	hopLen  = rate / 100
	hopTime = 10 * time.Millisecond
)

const (
	mfccs    = 12
	melBands = 20
)

// The contours of a row: what is measured each hop. Those from cF0 on are of voiced hops.
const (
	cEnergy     = iota          // dB of the mean square, full scale is 0
	cLoudness                   // logarithm of the sum over mel bands of power^0.33
	cAlpha                      // dB, 50 Hz - 1 kHz over 1 - 3.8 kHz
	cHammarberg                 // dB, strongest bin below 2 kHz over the strongest of 2 - 3.8 kHz
	cSlopeLow                   // dB/kHz, regression over 0 - 500 Hz
	cSlopeMid                   // dB/kHz, 500 - 1500 Hz
	cFlux                       // distance of successive normalised mel spectra
	cCentroid                   // kHz
	cSpread                     // kHz
	cRolloff                    // kHz below which 85 % of the energy lies
	cEntropy                    // of the mel spectrum, 0..1
	cCrossings                  // zero crossings per sample
	cMFCC                       // MFCC 1 to 12
	cMel        = cMFCC + mfccs // log mel bands, 100 Hz - 3.8 kHz
	cF0         = cMel + melBands
	cHNR        = cF0 + 1  // dB
	cJitter     = cF0 + 2  // local, relative
	cShimmer    = cF0 + 3  // local, dB
	cH1H2       = cF0 + 4  // dB
	cH1A3       = cF0 + 5  // dB
	cF1         = cF0 + 6  // kHz; F2 and F3 follow
	cB1         = cF0 + 9  // kHz; B2 follows
	cA1         = cF0 + 11 // dB over harmonic 1; A2 and A3 follow
	contours    = cF0 + 14
)

// contourNames are the first part of the names of features.
var contourNames = func() (names [contours]string) {
	copy(names[:], []string{"energy", "loudness", "alpha", "hammarberg", "slope0500", "slope5001500", "flux", "centroid", "spread", "rolloff85", "entropy", "crossings"})
	for i := range mfccs {
		names[cMFCC+i] = fmt.Sprintf("mfcc%d", i+1)
	}
	for i := range melBands {
		names[cMel+i] = fmt.Sprintf("mel%d", i+1)
	}
	copy(names[cF0:], []string{"f0", "hnr", "jitter", "shimmer", "h1h2", "h1a3", "f1", "f2", "f3", "b1", "b2", "a1", "a2", "a3"})
	return names
}()

// maxCandidates bounds the pitches that one hop may propose.
const maxCandidates = 6

// candidate is one pitch that a hop proposes: a peak of the autocorrelation.
type candidate struct {
	hz       float32
	strength float32 // height of the peak, 0..1
	octave   float32 // log2 of hz over minPitch
}

// row is what is known of one hop.
type row struct {
	v    [contours]float32
	cand [maxCandidates]candidate
	n    uint8 // candidates
	fine bool  // jitter, shimmer, formants and harmonics were measured, at local
	// local is the pitch in Hz that they rest on, peak the largest sample of the window.
	local, peak float32
	// flux and b3 are of the set of 88 only: the distance of successive normalised spectra,
	// and the bandwidth of the third formant in kHz.
	flux, b3 float32
	// hz is the pitch of the track, 0 unvoiced; set for a whole segment at a time.
	hz float32
}
