package media

import "time"

// Playout is one Source being played on a leg.
type Playout struct{}

// Done is closed when the source ended, was stopped or replaced, or the leg closed.
func (p *Playout) Done() <-chan struct{} { return nil }

// Stop silences the playout within one frame. Twice is fine.
func (p *Playout) Stop() {}

// Played is how much of the source was sent.
func (p *Playout) Played() time.Duration { return 0 }

// Finished says that the source was played to its end.
func (p *Playout) Finished() bool { return false }
