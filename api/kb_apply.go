package api

import (
	"context"
	"errors"
	"time"

	"tingxin/kb"
	"tingxin/pg"
)

// ImportArticles brings a batch in beside a running server, with one audit row when
// anything changed. name is who did it. Running servers see it by themselves.
func ImportArticles(ctx context.Context, db *pg.DB, b *kb.Batch, o kb.ImportOptions, name string) (kb.Report, error) {
	r, err := kb.NewStore(db).Import(ctx, kb.Actor{Name: name, Edit: true, Approve: true}, b, o)
	if o.Check || r.Created+r.Updated+r.Published+r.Questions == 0 {
		return r, err
	}
	log := &auditLog{db, time.Now}
	return r, errors.Join(err, log.write(ctx, entry{Actor: name, Action: actArticlesImported, Subject: "kb",
		Detail: map[string]any{"created": r.Created, "updated": r.Updated, "published": r.Published, "questions": r.Questions, "failed": r.Failed}}))
}
