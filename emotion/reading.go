package emotion

import "time"

// Cue is one feature of a turn that departs from the speaker's norm.
type Cue struct {
	// Feature names it: pitch, pitch range, loudness, rate, pauses, brightness, roughness, ...
	Feature string
	// Z is by how many deviations; above zero is more.
	Z float32
}

// Reading is what the voice of one side was like over one stretch of speech.
type Reading struct {
	// Start and End bound the audio that it rests on, in stream time: 20 ms for each frame written.
	Start, End time.Duration
	// Voiced is how much of it is voice.
	Voiced time.Duration
	// Turn tells a reading of a whole turn from one of the last three seconds.
	Turn bool
	// P are calibrated probabilities by Class; they add up to 1.
	P [Classes]float32
	// Class is the most probable one, or Unsure when the model would be wrong too often.
	Class Class
	// Arousal and Valence are -1..1; 0 is neutral speech.
	Arousal, Valence float32
	// Learned is how far the speaker's Baseline is known, 0..1.
	Learned float32
	// Cues are at most three, strongest first; for turns only.
	Cues []Cue
}
