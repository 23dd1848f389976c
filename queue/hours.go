package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// ErrNoCalendar says that nobody knows opening hours by that name.
var ErrNoCalendar = errors.New("there is no such calendar")

const (
	hoursFor      = 5 * time.Second // opening hours that were read are good for so long
	hoursPatience = 3 * time.Second // of reading them, while somebody waits for an answer
)

// Hours are the opening hours as everybody asks for them: read every few seconds, and as they were last known
// while the database is away. Safe for concurrent use.
type Hours struct {
	store *Store
	log   *slog.Logger

	mu        sync.Mutex
	read      time.Time            // guarded, as the next ones
	calendars map[string]*Calendar // nil until they were read once
	queues    map[QueueID]string   // the calendar of each
}

// NewHours are the opening hours where no Service is; otherwise they are Service.Hours.
func NewHours(store *Store, log *slog.Logger) *Hours { return &Hours{store: store, log: log} }

// Calendars are all by their names. Why none could be read yet.
func (h *Hours) Calendars(ctx context.Context) (map[string]*Calendar, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.fresh(ctx); err != nil {
		return nil, err
	}
	return h.calendars, nil // a map that was read is never changed
}

// Calendar is one by its name. ErrNoCalendar, or why none could be read yet.
func (h *Hours) Calendar(ctx context.Context, name string) (*Calendar, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.fresh(ctx); err != nil {
		return nil, err
	}
	return h.named(name)
}

// OfQueue is a queue's calendar, nil for one that never closes. ErrNoQueue, or as Calendar.
func (h *Hours) OfQueue(ctx context.Context, id QueueID) (*Calendar, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.fresh(ctx); err != nil {
		return nil, err
	}
	name, there := h.queues[id]
	switch {
	case !there:
		return nil, fmt.Errorf("opening hours of queue %q: %w", id, ErrNoQueue)
	case name == "":
		return nil, nil
	}
	return h.named(name)
}

func (h *Hours) named(name string) (*Calendar, error) {
	c := h.calendars[name]
	if c == nil {
		return nil, fmt.Errorf("calendar %q: %w", name, ErrNoCalendar)
	}
	return c, nil
}

// fresh reads what is old. What cannot be read again stays for another while.
func (h *Hours) fresh(ctx context.Context) error {
	now := time.Now()
	if now.Sub(h.read) <= hoursFor {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, hoursPatience)
	defer cancel()
	calendars, err := h.store.loadCalendars(ctx)
	if err == nil {
		var all []Queue
		if all, err = h.store.Queues(ctx); err == nil {
			h.calendars, h.queues = calendars, make(map[QueueID]string, len(all))
			for i := range all {
				h.queues[all[i].ID] = all[i].Calendar
			}
		}
	}
	switch {
	case err == nil:
	case h.calendars == nil:
		return fmt.Errorf("opening hours: %w", err)
	default:
		h.log.Warn("opening hours not read again, the old ones hold", "error", err)
	}
	h.read = now
	return nil
}
