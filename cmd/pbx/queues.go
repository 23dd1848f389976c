package main

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/jackc/pgx/v5"

	"tingxin/call"
	"tingxin/pg"
	"tingxin/queue"
)

// queues are the queues as calls see them.
type queues struct {
	*queue.Service
	db *pg.DB
}

var _ call.Queues = queues{}

// Enqueue implements call.Queues.
func (q queues) Enqueue(ctx context.Context, w queue.Work) (<-chan queue.Update, error) {
	t, err := q.Service.Enqueue(ctx, w)
	if err != nil {
		return nil, err
	}
	return t.C, nil
}

// firstQueue gives a server without any queue the one that the bot and chat hand over to:
// whoever is signed in as an agent is asked, until somebody says who works on what.
func (s *server) firstQueue(ctx context.Context) error {
	q := queue.Queue{ID: queue.QueueID(s.cfg.Bot.QueueName()), Name: "客服 Support", Rings: []queue.Ring{{Anyone: true}}}
	added, err := queue.NewStore(s.db).First(ctx, q)
	if added {
		s.log.Info("there was no queue: made one that asks every agent", "queue", q.ID)
	}
	return err
}

// UserOf implements call.Queues: an agent is a user, by the id of the row.
func (q queues) UserOf(ctx context.Context, agent queue.AgentID) (string, error) {
	name, err := pg.Row(ctx, q.db, pgx.RowTo[string], `select username from users where id::text = $1 and not disabled`, string(agent))
	if err != nil {
		return "", fmt.Errorf("user of agent %s: %w", agent, err)
	}
	return name, nil
}

// Owner is the agent who has a piece of work, empty while it waits.
func (q queues) Owner(ctx context.Context, id queue.WorkID) (queue.AgentID, error) {
	owner, err := pg.Row(ctx, q.db, pgx.RowTo[string], `select coalesce(agent_id::text, '') from queue_work where id = $1 and phase <> 'ended' order by entered_at desc limit 1`, string(id))
	return queue.AgentID(owner), err
}

// dialogs tells the queues which calls are alive; before there is a manager all are.
type dialogs struct{ calls *atomic.Pointer[call.Manager] }

// Alive implements queue.Dialogs.
func (d *dialogs) Alive(id queue.WorkID) bool {
	m := d.calls.Load()
	return m == nil || m.Alive(id)
}
