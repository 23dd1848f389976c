// Package score measures recognition over labelled recordings: word or character
// error rates as sclite counts them, with a bootstrap interval over speakers, and
// how soon words are seen, settle and are final.
//
//	manifest -> audio -> band (G.711 and back, or as it is)
//	         -> frames into asr.Pool, or a real call through a Line
//	         -> results with the time they were seen -> align, count -> table + flat JSON
//
// Emotion is scored by speakers left out, by corpora left out, or by a given model:
//
//	manifest -> audio -> band -> functionals -> norm -> emotion.Fit, Predict -> recall, AUC, calibration
//
// Word ends, from which latency is measured, come from the offline recogniser: the
// final words of the same recording at 16 kHz stand in for a forced alignment. A
// word that the live transcript does not share with it is left out. Telephone band
// is simulated: 16 kHz recordings are lowered to 8 kHz, G.711 mu-law coded and raised.
//
// It refuses to score what has no text (overlapping speakers) and says how many
// files that were. It asserts nothing: a scored run prints figures.
package score
