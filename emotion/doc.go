// Package emotion reads prosody: how something is said, never what. Frames of one
// side of a call go in, Readings come out: once a second over the last three seconds
// and once over each turn.
//
//	Frame 16 kHz -> 8 kHz -> hop (10 ms): spectrum, pitch candidates, periods, formants -> row
//	rows of a turn -> pitch track (Viterbi, two passes) -> functionals -> z-scores against
//	the speaker's Baseline -> Model -> calibrated probabilities -> Reading
//	manifest of labelled recordings -> Train -> Model file
//
// Everything is measured below 3.8 kHz, so that a telephone and a headset give the same
// figures. A channel allocates when it is made; a frame allocates nothing. The package
// starts no goroutine, keeps no sound, and refuses to read less than a second of voice.
package emotion
