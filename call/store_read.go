package call

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
)

// Get is one call, or pg.ErrNotFound.
func (s *Store) Get(ctx context.Context, id string) (Record, error) {
	if !validID(id) {
		return Record{}, wrap(id, "get", pg.ErrNotFound)
	}
	r, err := pg.Row(ctx, s.db, scanRecord, `select `+columns+` from calls where id = $1`, id)
	return r, wrap(id, "get", err)
}

// Repeats counts the ended calls since then by each of these callers' numbers; who has none is left out.
func (s *Store) Repeats(ctx context.Context, numbers []string, since time.Time) (map[string]int, error) {
	type row struct {
		number string
		n      int
	}
	scan := func(r pgx.CollectableRow) (v row, err error) { return v, r.Scan(&v.number, &v.n) }
	all, err := pg.Rows(ctx, s.db, scan, `select from_number, count(*)::int from calls where from_number = any($1) and started_at >= $2 and state = 'ended' group by from_number`, numbers, since)
	out := make(map[string]int, len(all))
	for _, v := range all {
		out[v.number] = v.n
	}
	return out, wrap("of callers", "repeats", err)
}

// Orphans are the calls of node that have not ended, or whose sound file nobody
// closed, oldest first: after a crash they need a CDR.
func (s *Store) Orphans(ctx context.Context, node string) ([]Record, error) {
	all, err := pg.Rows(ctx, s.db, scanRecord, `select `+columns+` from calls where node = $1 and (state <> 'ended' or recording_state = 'open') order by started_at`, node)
	return all, wrap("of "+node, "orphans", err)
}

// Unfinished are the calls of node that have not ended, oldest first, at most limit.
func (s *Store) Unfinished(ctx context.Context, node string, limit int) ([]Record, error) {
	all, err := pg.Rows(ctx, s.db, scanRecord, `select `+columns+` from calls where node = $1 and state <> 'ended' order by started_at limit $2`, node, limit)
	return all, wrap("of "+node, "unfinished", err)
}

// Deferred are ended calls with a kept recording and a side still to be
// recognised from it, oldest first, at most limit; those behind the call after, all when that is empty, and in
// none of the languages without.
func (s *Store) Deferred(ctx context.Context, node, after string, without []string, limit int) ([]Record, error) {
	all, err := pg.Rows(ctx, s.db, scanRecord, `select `+columns+` from calls
		where node = $1 and state = 'ended' and (transcription ->> 'caller' = 'deferred' or transcription ->> 'agent' = 'deferred')
		and recording_state = 'kept' and ($3 = '' or (started_at, id) > (select started_at, id from calls where id = nullif($3, '')::uuid))
		and language <> all(coalesce($4::text[], '{}')) order by started_at, id limit $2`, node, limit, after, without)
	return all, wrap("of "+node, "deferred", err)
}

// Legs are the legs of an ended call by number.
func (s *Store) Legs(ctx context.Context, id string) ([]LegRecord, error) {
	if !validID(id) {
		return nil, wrap(id, "legs", pg.ErrNotFound)
	}
	all, err := pg.Rows(ctx, s.db, scanLeg, `select call_id, n, side, direction, peer, codec, transport, secure, sip_call_id, started_at, answered_at, ended_at,
		cause, packets_in, packets_out, lost, loss_pct, jitter_ms, rtt_ms, mos, role, user_name from legs where call_id = $1 order by n`, id)
	return all, wrap(id, "legs", err)
}

// Utterances are all Finals and gaps of a call in call time.
func (s *Store) Utterances(ctx context.Context, id string) ([]Utterance, error) {
	if !validID(id) {
		return nil, wrap(id, "utterances", pg.ErrNotFound)
	}
	all, err := pg.Rows(ctx, s.db, scanUtterance, `select call_id, side, seq, segment, start_ms, end_ms, text, raw,
		word_text, word_start_ms, word_end_ms, word_conf, spans, language, model, conf, turn, gap, reason, late
		from utterances where call_id = $1 order by start_ms, id`, id)
	return all, wrap(id, "utterances", err)
}

// Said is what was said in a call, without its words.
type Said struct {
	ID                int64 // grows as they are written; of two who speak at once the earlier may have the higher
	Side, Text, Model string
	End               time.Duration // call time
}

// LastSaid are the last Finals of a call that have a text, at most limit, in call time.
func (s *Store) LastSaid(ctx context.Context, id string, limit int) ([]Said, error) {
	if !validID(id) {
		return nil, wrap(id, "what was said", pg.ErrNotFound)
	}
	all, err := pg.Rows(ctx, s.db, func(r pgx.CollectableRow) (v Said, err error) {
		var end int64
		err = r.Scan(&v.ID, &v.Side, &v.Text, &v.Model, &end)
		v.End = time.Duration(end) * time.Millisecond
		return v, err
	}, `select id, side, text, model, end_ms from utterances where call_id = $1 and not gap and text <> '' order by start_ms desc, id desc limit $2`, id, limit)
	slices.Reverse(all)
	return all, wrap(id, "what was said", err)
}

// LastSeq is the greatest Seq of one side of a call, 0 when it has none.
func (s *Store) LastSeq(ctx context.Context, id, side string) (int, error) {
	n, err := pg.Row(ctx, s.db, pgx.RowTo[int], `select coalesce(max(seq), 0) from utterances where call_id = $1 and side = $2`, id, side)
	return n, wrap(id, "last utterance", err)
}
