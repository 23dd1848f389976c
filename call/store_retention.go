package call

import (
	"context"
	"time"

	"tingxin/pg"

	"github.com/jackc/pgx/v5"
)

// Kept is a recording that is still there.
type Kept struct {
	CallID string
	Path   string
}

// OldRecordings are kept recordings of ended calls that began before, oldest first, at most limit.
func (s *Store) OldRecordings(ctx context.Context, before time.Time, limit int) ([]Kept, error) {
	all, err := pg.Rows(ctx, s.db, pgx.RowToStructByPos[Kept], `select id::text, recording_path from calls
		where recording_state = 'kept' and state = 'ended' and started_at < $1 order by started_at limit $2`, before, limit)
	return all, wrap("before "+before.Format(time.DateOnly), "old recordings", err)
}

// RecordingsDeleted notes that the files of these calls are gone.
func (s *Store) RecordingsDeleted(ctx context.Context, ids []string) error {
	_, err := s.db.Exec(ctx, `update calls set recording_state = 'deleted', recording_path = '', recording_sha256 = '' where id = any($1::uuid[])`, ids)
	return wrap("many", "recordings deleted", err)
}

// DeleteWords removes the utterances, emotion readings, flow variables and agents' notes of at most limit ended
// calls that began before and tells how many calls it did and utterances it
// removed. Zero calls means that all is done.
func (s *Store) DeleteWords(ctx context.Context, before time.Time, limit int) (calls, utterances int64, err error) {
	err = s.db.Tx(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `update calls set words_deleted_at = now(), data = '{}' where id in
			(select id from calls where words_deleted_at is null and state = 'ended' and started_at < $1 order by started_at limit $2 for update skip locked)
			returning id::text`, before, limit)
		if err != nil {
			return err
		}
		ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, `delete from utterances where call_id = any($1::uuid[])`, ids)
		calls, utterances = int64(len(ids)), tag.RowsAffected()
		if err == nil {
			_, err = tx.Exec(ctx, `delete from readings where call_id = any($1::uuid[])`, ids)
		}
		if err == nil {
			_, err = tx.Exec(ctx, `update voice_messages set transcript = '', transcription = 'off' where call_id = any($1::uuid[])`, ids)
		}
		if err == nil {
			_, err = tx.Exec(ctx, `update wrap_ups set notes = '', tags = '{}' where call_id = any($1::uuid[])`, ids)
		}
		return err
	})
	return calls, utterances, wrap("before "+before.Format(time.DateOnly), "delete words", err)
}

// DeleteRecords removes at most limit ended calls that began before, with their
// legs and words. Calls whose recording is still on disk stay until it is gone.
func (s *Store) DeleteRecords(ctx context.Context, before time.Time, limit int) (int64, error) {
	n, err := s.db.Exec(ctx, `delete from calls where id in
		(select id from calls where state = 'ended' and started_at < $1 and recording_state not in ('open', 'kept')
			and not exists (select 1 from voice_messages v where v.call_id = calls.id and v.state in ('open', 'kept')) order by started_at limit $2)`, before, limit)
	return n, wrap("before "+before.Format(time.DateOnly), "delete records", err)
}
