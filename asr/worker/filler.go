package worker

import "tingxin/asr/front"

// newFiller makes the front end for audio that came at 8 kHz. What it gives is
// fillerDelay samples late.
func newFiller() filler { return front.New(front.Fill) }

// fillerDelay is how many samples late a channel's audio comes out of its filler.
const fillerDelay = front.Delay
