package bot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"tingxin/queue"
)

// QueueDesk is the desk of the queues.
type QueueDesk struct {
	queues *queue.Service

	mu    sync.Mutex
	at    time.Time                  // when hours were read
	hours map[string]*queue.Calendar // of each queue; nil is always open
}

// NewQueueDesk looks at queues.
func NewQueueDesk(q *queue.Service) *QueueDesk { return &QueueDesk{queues: q} }

// hoursFor is how long opening hours are believed.
const hoursFor = time.Minute

// Waiting implements Desk.
func (d *QueueDesk) Waiting(ctx context.Context, name string) (Waiting, error) {
	boards, err := d.queues.Boards(ctx)
	if err != nil {
		return Waiting{}, err
	}
	i := slices.IndexFunc(boards, func(b queue.Board) bool { return string(b.Queue) == name })
	if i < 0 {
		return Waiting{}, fmt.Errorf("queue %q: %w", name, queue.ErrNoQueue)
	}
	open, err := d.open(ctx, name)
	b := boards[i]
	return Waiting{Open: open, Agents: b.Agents, Free: b.Free, Position: b.Waiting, Estimate: b.Estimate}, err
}

// open tells whether a queue is within its opening hours.
func (d *QueueDesk) open(ctx context.Context, name string) (bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	if d.hours == nil || now.Sub(d.at) > hoursFor {
		hours, err := d.read(ctx)
		if err != nil {
			return true, err
		}
		d.hours, d.at = hours, now
	}
	c := d.hours[name]
	return c == nil || c.Open(now), nil
}

func (d *QueueDesk) read(ctx context.Context) (map[string]*queue.Calendar, error) {
	queues, errQueues := d.queues.Store().Queues(ctx)
	calendars, errCalendars := d.queues.Store().Calendars(ctx)
	if err := errors.Join(errQueues, errCalendars); err != nil {
		return nil, err
	}
	byName := make(map[string]*queue.Calendar, len(calendars))
	for i := range calendars {
		if err := calendars[i].Prepare(); err != nil {
			return nil, err
		}
		byName[calendars[i].Name] = &calendars[i]
	}
	out := make(map[string]*queue.Calendar, len(queues))
	for _, q := range queues {
		out[string(q.ID)] = byName[q.Calendar]
	}
	return out, nil
}
