package main

import (
	"context"
	"io"
	"log/slog"
	"time"

	"tingxin/call"
	"tingxin/ivr"
	"tingxin/queue"
)

var (
	_ call.CallbackQueues = queues{}
	_ ivr.Hours           = queues{}
)

// Listen implements call.CallbackQueues.
func (q queues) Listen(id queue.WorkID) (<-chan queue.Update, error) {
	t, err := q.Watch(id)
	if err != nil {
		return nil, err
	}
	return t.C, nil
}

// Hours implements ivr.Hours.
func (q queues) Hours(ctx context.Context, calendar, of string) (string, error) {
	hours := q.Service.Hours()
	c, err := hours.Calendar(ctx, calendar)
	if of != "" {
		if c, err = hours.OfQueue(ctx, queue.QueueID(of)); err == nil && c == nil {
			return ivr.OpenNow, nil // without a calendar it never closes
		}
	}
	if err != nil {
		return "", err
	}
	return c.Now(time.Now()), nil
}

// listensForPhrases says whether recognition needs its graphs for phrase lists: a route or a flow's question has some.
func (c *Config) listensForPhrases() bool {
	for _, r := range c.Call.Routes {
		if len(r.Phrases) > 0 {
			return true
		}
	}
	flows := ivr.NewLibrary(c.IVR, slog.New(slog.NewTextHandler(io.Discard, nil)))
	return flows.Load() == nil && flows.Hears() // a mistake in them is told when they are really loaded
}
