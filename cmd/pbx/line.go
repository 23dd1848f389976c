package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync"
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

// hoursFor is how long opening hours that were read are good for.
const hoursFor = 10 * time.Second

// openingHours are the calendars as flows ask for them: read every now and then, and
// as they were last known while the database is away.
type openingHours struct {
	mu        sync.Mutex
	read      time.Time
	calendars map[string]*queue.Calendar
	queues    map[string]string // queue -> calendar
}

// Hours implements ivr.Hours.
func (q queues) Hours(ctx context.Context, calendar, of string) (string, error) {
	h := q.hours
	h.mu.Lock()
	defer h.mu.Unlock()
	if time.Since(h.read) > hoursFor {
		if err := h.load(ctx, q.Store()); err != nil && h.read.IsZero() {
			return "", err
		}
	}
	if of != "" {
		name, there := h.queues[of]
		if !there {
			return "", fmt.Errorf("opening hours of queue %q: %w", of, queue.ErrNoQueue)
		}
		if name == "" {
			return ivr.OpenNow, nil // without a calendar it never closes
		}
		calendar = name
	}
	c := h.calendars[calendar]
	if c == nil {
		return "", fmt.Errorf("there is no calendar %q", calendar)
	}
	return c.Now(time.Now()), nil
}

func (h *openingHours) load(ctx context.Context, store *queue.Store) error {
	calendars, err := store.Calendars(ctx)
	if err != nil {
		return fmt.Errorf("opening hours: %w", err)
	}
	all, err := store.Queues(ctx)
	if err != nil {
		return fmt.Errorf("opening hours: %w", err)
	}
	h.calendars, h.queues = make(map[string]*queue.Calendar, len(calendars)), make(map[string]string, len(all))
	for i := range calendars {
		if err := calendars[i].Prepare(); err != nil {
			return err
		}
		h.calendars[calendars[i].Name] = &calendars[i]
	}
	for i := range all {
		h.queues[string(all[i].ID)] = all[i].Calendar
	}
	h.read = time.Now()
	return nil
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
