package bot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"tingxin/queue"
)

// QueueDesk is the desk of the queues.
type QueueDesk struct{ queues *queue.Service }

// NewQueueDesk looks at queues.
func NewQueueDesk(q *queue.Service) *QueueDesk { return &QueueDesk{q} }

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
	c, err := d.queues.Hours().OfQueue(ctx, queue.QueueID(name))
	switch {
	case errors.Is(err, queue.ErrNoQueue), errors.Is(err, queue.ErrNoCalendar): // made a moment ago
		return true, nil
	case err != nil:
		return true, err
	}
	return c == nil || c.Open(time.Now()), nil
}
