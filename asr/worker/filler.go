package worker

// newFiller makes the front end for audio that came at 8 kHz.
func newFiller() filler { return nil }
