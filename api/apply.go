package api

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
	"tingxin/queue"
)

// ApplyQueues brings queues, agents, skills and calendars in line with a
// document, with one audit row when anything changed. actor is who did it. A
// running server has to be told to look (queue.Store.TellReload).
func ApplyQueues(ctx context.Context, db *pg.DB, d queue.Document, actor string) (queue.Applied, error) {
	log := &auditLog{db, time.Now}
	var a queue.Applied
	err := db.Tx(ctx, func(tx pgx.Tx) (err error) {
		if a, err = queue.NewStore(db).Apply(ctx, tx, d); err != nil || !a.Any() {
			return err
		}
		return log.add(ctx, tx, entry{Actor: actor, Action: "queues.applied", Subject: "settings:queues", Detail: map[string]any{"added": a.Added, "changed": a.Changed}})
	})
	return a, err
}
