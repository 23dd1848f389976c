package call

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"tingxin/emotion"
	"tingxin/pg"
)

// Store keeps calls, their legs and their words in PostgreSQL. Every method that
// writes may be repeated with the same values without harm, so a writer that is
// unsure whether the database heard it simply tries again. Errors are
// pg.ErrNotFound, pg.ErrConflict, pg.ErrUnavailable (try again later) or others
// wrapped as they are. Safe for concurrent use.
type Store struct {
	db    *pg.DB
	moods emotion.Rules
}

// SetMoods says by which thresholds moods are named, in lists and reports as on pages; the default ones otherwise.
// Lists and reports compare in SQL, so the row of mood_rules is theirs. Before the store is used.
func (s *Store) SetMoods(ctx context.Context, r emotion.Rules) error {
	s.moods = r
	_, err := s.db.Exec(ctx, `update mood_rules set angry = $1 where angry <> $1`, r.WithDefaults().Raise)
	if err != nil {
		return fmt.Errorf("rules of moods: %w", err)
	}
	return nil
}

// MoodRules are those by which moods are named, complete.
func (s *Store) MoodRules() emotion.Rules { return s.moods.WithDefaults() }

// isAngry is the condition that a row m of moods is of an angry call.
const isAngry = `m.value >= (select angry from mood_rules)`

// MoodOf names a mood.
func (s *Store) MoodOf(value float32) emotion.State { return s.moods.StateOf(value) }

// NewStore makes a store over an open, migrated database.
func NewStore(db *pg.DB) *Store { return &Store{db: db} }

// columns of a call in the order of Record's row.
const columns = `id, state, direction, from_number, from_name, to_number, number_grams, trunk, route, language,
	started_at, answered_at, ended_at, consent, cause, sip_status,
	recording_path, recording_ms, recording_bytes, recording_sha256, recording_state, transcription, node, data, queue, agent, contact_id`

const insertCall = `insert into calls (` + columns + `) values
	(@id, @state, @direction, @from, @from_name, @to, @grams, @trunk, @route, @language,
	 @started_at, @answered_at, @ended_at, @consent, @cause, @sip_status,
	 @rec_path, @rec_ms, @rec_bytes, @rec_sha256, @rec_state, @transcription, @node, @data, @queue, @agent, @contact) on conflict (id) do `

// args are the record's columns; what PostgreSQL cannot hold is taken out of texts.
func (r *Record) args() pgx.NamedArgs {
	state, direction, consent := r.State, r.Direction, r.Consent
	if state == "" {
		state = StateRinging
	}
	if direction == "" {
		direction = DirectionIn
	}
	if consent == "" {
		consent = ConsentNone
	}
	transcription := map[string]string{}
	for side, how := range r.Transcription {
		transcription[side] = how
	}
	from, to := storable(r.From), storable(r.To)
	return pgx.NamedArgs{
		"id": r.ID, "state": string(state), "direction": direction, "from": from, "from_name": storable(r.FromName), "to": to,
		"grams": numberGrams(from, to), "trunk": storable(r.Trunk), "route": storable(r.Route), "language": r.Language,
		"started_at": r.StartedAt, "answered_at": pg.OrNull(r.AnsweredAt), "ended_at": pg.OrNull(r.EndedAt),
		"consent": consent, "cause": string(r.Cause), "sip_status": r.SIPStatus,
		"rec_path": r.Recording.Path, "rec_ms": r.Recording.Duration.Milliseconds(), "rec_bytes": r.Recording.Bytes,
		"rec_sha256": r.Recording.SHA256, "rec_state": r.Recording.State,
		"transcription": transcription, "node": r.Node, "data": storableMap(r.Data), "queue": storable(r.Queue), "agent": storable(r.Agent), "contact": idOrNil(r.Contact),
	}
}

// Begin writes a new call down. A call that is already there stays as it is.
func (s *Store) Begin(ctx context.Context, r Record) error {
	_, err := s.db.Exec(ctx, insertCall+`nothing`, r.args())
	return wrap(r.ID, "begin", err)
}

// Answered sets the moment of the answer and makes a ringing call active.
func (s *Store) Answered(ctx context.Context, id string, at time.Time) error {
	n, err := s.db.Exec(ctx, `update calls set answered_at = coalesce(answered_at, $2),
		state = case state when 'ringing' then 'active' else state end where id = $1`, id, at)
	return wrap(id, "answered", touched(n, err))
}

// Update writes everything of a running call that may change: route, language,
// consent, recording, transcription, flow variables. An ended call stays as it is.
func (s *Store) Update(ctx context.Context, r Record) error {
	n, err := s.db.Exec(ctx, `update calls set route = @route, language = @language, consent = @consent, trunk = @trunk,
		recording_path = @rec_path, recording_ms = @rec_ms, recording_bytes = @rec_bytes, recording_sha256 = @rec_sha256,
		recording_state = @rec_state, transcription = @transcription, data = @data, queue = @queue, agent = @agent,
		contact_id = coalesce(@contact, contact_id) where id = @id and state <> 'ended'`, r.args())
	if err == nil && n == 0 {
		_, err = s.Get(ctx, r.ID)
	}
	return wrap(r.ID, "update", err)
}

// Finish writes the CDR in one transaction: the whole record and all legs. It
// makes the call when Begin was never heard. An ended call stays as it is,
// except that a real end replaces one made up at a restart (CauseRestart), and
// either replaces one that another server made up (CauseNodeLost).
func (s *Store) Finish(ctx context.Context, r Record, legs []LegRecord) error {
	r.State = StateEnded
	err := s.db.Tx(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, insertCall+`update set
			state = 'ended', direction = @direction, from_number = @from, from_name = @from_name, to_number = @to, number_grams = @grams,
			trunk = @trunk, route = @route, language = @language, started_at = @started_at, answered_at = @answered_at, ended_at = @ended_at,
			consent = @consent, cause = @cause, sip_status = @sip_status, recording_path = @rec_path, recording_ms = @rec_ms,
			recording_bytes = @rec_bytes, recording_sha256 = @rec_sha256, recording_state = @rec_state,
			transcription = @transcription, data = @data, queue = @queue, agent = @agent,
			contact_id = coalesce(@contact, calls.contact_id) where calls.state <> 'ended'
				or calls.cause = 'server_restart' and @cause not in ('server_restart', 'server_lost') or calls.cause = 'server_lost' and @cause <> 'server_lost'`, r.args())
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		return replaceLegs(ctx, tx, r.ID, legs)
	})
	return wrap(r.ID, "finish", err)
}

func replaceLegs(ctx context.Context, tx pgx.Tx, id string, legs []LegRecord) error {
	batch := &pgx.Batch{}
	batch.Queue(`delete from legs where call_id = $1`, id)
	for _, l := range legs {
		direction := l.Direction
		if direction == "" {
			direction = DirectionIn
		}
		q := l.Quality
		batch.Queue(`insert into legs (call_id, n, side, direction, peer, codec, transport, secure, sip_call_id, started_at, answered_at, ended_at,
			cause, packets_in, packets_out, lost, loss_pct, jitter_ms, rtt_ms, mos, role, user_name)
			values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)`,
			id, l.N, l.Side, direction, storable(l.Peer), l.Codec, l.Transport, l.Secure, storable(l.SIPCallID),
			pg.OrNull(l.StartedAt), pg.OrNull(l.AnsweredAt), pg.OrNull(l.EndedAt), string(l.Cause),
			q.PacketsIn, q.PacketsOut, q.Lost, finite(q.LossPct), finite(q.JitterMS), finite(q.RTTMS), finite(q.MOS), string(l.Role), storable(l.User))
	}
	return tx.SendBatch(ctx, batch).Close()
}

// AddUtterance writes one Final or gap. inserted is false when (CallID, Side,
// Seq) was there before. A call that does not exist gives pg.ErrNotFound.
func (s *Store) AddUtterance(ctx context.Context, u Utterance) (inserted bool, err error) {
	row := rowOf(&u)
	n, err := s.db.Exec(ctx, `insert into utterances (call_id, side, seq, segment, start_ms, end_ms, text, raw,
		word_text, word_start_ms, word_end_ms, word_conf, spans, language, model, conf, turn, gap, reason, late, grams, words)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, to_tsvector('english', $22))
		on conflict (call_id, side, seq) do nothing`,
		u.CallID, u.Side, u.Seq, int64(u.Segment), u.Start.Milliseconds(), u.End.Milliseconds(), row.Text, row.Raw,
		row.WordText, row.WordStart, row.WordEnd, row.WordConf, row.Spans, u.Language, u.Model, finite32(u.Conf), u.Turn, u.Gap, u.Reason, u.Late,
		distinct(append(textGrams(row.Text), textGrams(row.Raw)...)), withoutHan(row.Text+" "+row.Raw))
	return n == 1, wrap(u.CallID, "add utterance", err)
}

// SetTranscription sets how the words of one side come about; used when a
// deferred side is done after the call's end.
func (s *Store) SetTranscription(ctx context.Context, id, side, state string) error {
	n, err := s.db.Exec(ctx, `update calls set transcription = transcription || jsonb_build_object($2::text, $3::text) where id = $1`, id, side, state)
	return wrap(id, "set transcription", touched(n, err))
}

// SetRecording replaces what is known about the sound file, also after the end (a repaired file).
func (s *Store) SetRecording(ctx context.Context, id string, rec Recording) error {
	n, err := s.db.Exec(ctx, `update calls set recording_path = $2, recording_ms = $3, recording_bytes = $4, recording_sha256 = $5, recording_state = $6
		where id = $1`, id, rec.Path, rec.Duration.Milliseconds(), rec.Bytes, rec.SHA256, rec.State)
	return wrap(id, "set recording", touched(n, err))
}

// touched makes ErrNotFound of a write that found no row.
func touched(n int64, err error) error {
	if err == nil && n == 0 {
		return pg.ErrNotFound
	}
	return err
}

func wrap(id, what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("call %s: %s: %w", id, what, err)
}

// validID tells whether id can be a call's; others are simply not found.
func validID(id string) bool {
	_, err := uuid.Parse(id)
	return err == nil && len(id) == 36
}
