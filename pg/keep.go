package pg

import (
	"context"
	"time"
)

const (
	keepEvery = 5 * time.Second
	keepPause = 200 * time.Millisecond // after a wake: one busy minute is no busy loop
)

// Keep calls tend now, every five seconds, and soon after wake, until ctx ends. It is for what
// looks after rows: a lost wake costs seconds, never the work.
func Keep(ctx context.Context, wake <-chan struct{}, tend func(context.Context)) {
	tick := time.NewTicker(keepEvery)
	defer tick.Stop()
	for {
		tend(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-wake:
			select {
			case <-ctx.Done():
				return
			case <-time.After(keepPause):
			}
		}
	}
}
