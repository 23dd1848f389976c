package call

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"tingxin/ivr"
	"tingxin/pg"
	"tingxin/team"
)

// PutLeg writes what is known of a leg of a running call; an ended call's stay as they are.
func (s *Store) PutLeg(ctx context.Context, l LegRecord) error {
	direction := l.Direction
	if direction == "" {
		direction = DirectionIn
	}
	_, err := s.db.Exec(ctx, `insert into legs (call_id, n, side, direction, peer, codec, transport, secure, sip_call_id, started_at, answered_at, ended_at, cause, role, user_name)
		select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15 from calls where id = $1 and state <> 'ended'
		on conflict (call_id, n) do update set side = $3, peer = $5, codec = $6, transport = $7, secure = $8, sip_call_id = $9,
			started_at = $10, answered_at = $11, ended_at = $12, cause = $13, role = $14, user_name = $15`,
		l.CallID, l.N, l.Side, direction, storable(l.Peer), l.Codec, l.Transport, l.Secure, storable(l.SIPCallID),
		pg.OrNull(l.StartedAt), pg.OrNull(l.AnsweredAt), pg.OrNull(l.EndedAt), string(l.Cause), string(l.Role), storable(l.User))
	return wrap(l.CallID, "leg", err)
}

const messageColumns = `id::text, call_id::text, box_kind, box, from_number, from_name, language, at, duration_ms, bytes, path, state, ended, transcript, transcription, heard_at, heard_by, done_at, done_by, node`

func scanMessage(row pgx.CollectableRow) (Message, error) {
	var m Message
	var ms int64
	var heard, done *time.Time
	err := row.Scan(&m.ID, &m.CallID, &m.Kind, &m.Box, &m.From, &m.FromName, &m.Language, &m.At, &ms, &m.Bytes, &m.Path, &m.State, &m.Ended,
		&m.Transcript, &m.Transcription, &heard, &m.HeardBy, &done, &m.DoneBy, &m.Node)
	m.At, m.Duration, m.HeardAt, m.DoneAt = m.At.UTC(), time.Duration(ms)*time.Millisecond, pg.Moment(heard), pg.Moment(done)
	return m, err
}

// MessagesOf are the messages that were left in a call and are kept.
func (s *Store) MessagesOf(ctx context.Context, call string) ([]Message, error) {
	all, err := pg.Rows(ctx, s.db, scanMessage, `select `+messageColumns+` from voice_messages where call_id = $1 and state = 'kept' order by at, id`, call)
	return all, wrap(call, "messages", err)
}

// PutMessage writes a message as it is now; without a state it takes the row away. Who
// has heard it, and a transcript that is done, stay.
func (s *Store) PutMessage(ctx context.Context, m Message) error {
	if m.State == "" {
		_, err := s.db.Exec(ctx, `delete from voice_messages where id = $1`, m.ID)
		return wrap(m.CallID, "message", err)
	}
	_, err := s.db.Exec(ctx, `insert into voice_messages (id, call_id, box_kind, box, from_number, from_name, language, at, duration_ms, bytes, path, state, ended, transcription, node)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
		on conflict (id) do update set duration_ms = $9, bytes = $10, state = $12, ended = $13, transcription = $14 where voice_messages.state = 'open'`,
		m.ID, m.CallID, m.Kind, storable(m.Box), storable(m.From), storable(m.FromName), m.Language, m.At, m.Duration.Milliseconds(), m.Bytes, m.Path, m.State, m.Ended, m.Transcription, m.Node)
	return wrap(m.CallID, "message", err)
}

// MessageFilter narrows Messages. Zero fields do not narrow, but that a kind of box needs its name, and surveys' comments are asked for by kind.
type MessageFilter struct {
	Kind, Box string
	Agent     string // box of this user, or of one of the queues
	Queues    []string
	Unheard   bool
	Undone    bool // nobody has seen to it yet
	CallID    string
	Before    *Message // of the page before: its last one
	Limit     int      // 1..200, 50 when zero
}

// seenBoxes are the messages that a sight sees: in boxes of its people and queues, and comments of surveys about their calls.
const seenBoxes = `box_kind = 'agent' and box = any(?n) or box_kind = 'queue' and box = any(?q)
	or box_kind = 'survey' and exists (select from survey_answers sa where sa.comment = voice_messages.id and (sa.agent = any(?n) or sa.queue = any(?q)))`

// Messages are kept or deleted messages, the newest first.
func (s *Store) Messages(ctx context.Context, f MessageFilter) ([]Message, error) {
	w := &conditions{}
	w.add(`state <> 'open'`)
	if f.Kind != "" {
		w.add(`box_kind = ?`, f.Kind)
	} else {
		w.add(`box_kind <> 'survey'`)
	}
	if f.Box != "" {
		w.add(`box = ?`, f.Box)
	}
	if f.Agent != "" {
		w.add(`(box_kind = 'agent' and box = ? or box_kind = 'queue' and box = any(?))`, f.Agent, append([]string{}, f.Queues...))
	}
	if f.Unheard {
		w.add(`heard_at is null`)
	}
	if f.Undone {
		w.add(`done_at is null`)
	}
	if f.CallID != "" {
		if !validID(f.CallID) {
			return []Message{}, nil
		}
		w.add(`call_id = ?`, f.CallID)
	}
	if f.Before != nil {
		w.add(`(at, id) < (?, ?)`, f.Before.At, f.Before.ID)
	}
	w.held(ctx, team.Calls, seenBoxes)
	limit := f.Limit
	if limit <= 0 {
		limit = defaultLimit
	}
	all, err := pg.Rows(ctx, s.db, scanMessage, `select `+messageColumns+` from voice_messages`+w.String()+fmt.Sprintf(` order by at desc, id desc limit %d`, min(limit, maxLimit)), w.args...)
	return all, named("messages of", f.Kind+" "+f.Box, err)
}

// Message is one message, or pg.ErrNotFound.
func (s *Store) Message(ctx context.Context, id string) (Message, error) {
	if !validID(id) {
		return Message{}, named("message", id, pg.ErrNotFound)
	}
	w := &conditions{}
	w.add(`id = ? and state <> 'open'`, id)
	w.held(ctx, team.Calls, seenBoxes)
	m, err := pg.Row(ctx, s.db, scanMessage, `select `+messageColumns+` from voice_messages`+w.String(), w.args...)
	return m, named("message", id, err)
}

// MarkHeard notes, in tx, that somebody has heard a message, or takes that back.
func (s *Store) MarkHeard(ctx context.Context, tx pgx.Tx, id, by string, heard bool) error {
	if _, err := uuid.Parse(id); err != nil {
		return named("message", id, pg.ErrNotFound)
	}
	tag, err := tx.Exec(ctx, `update voice_messages set heard_at = case when $3 then coalesce(heard_at, now()) end, heard_by = case when $3 then case when heard_at is null then $2 else heard_by end else '' end
		where id = $1 and state <> 'open'`, id, by, heard)
	if err == nil && tag.RowsAffected() == 0 {
		err = pg.ErrNotFound
	}
	return named("message", id, err)
}

// MarkDone notes, in tx, that what a message asked for is done, or takes that back.
func (s *Store) MarkDone(ctx context.Context, tx pgx.Tx, id, by string, done bool) error {
	tag, err := tx.Exec(ctx, `update voice_messages set done_at = case when $3 then coalesce(done_at, now()) end, done_by = case when not $3 then '' when done_at is null then $2 else done_by end
		where id = $1 and state <> 'open'`, id, by, done)
	if err == nil && tag.RowsAffected() == 0 {
		err = pg.ErrNotFound
	}
	return named("message", id, err)
}

// DeleteMessage notes, in tx, that the sound and the words of a message are gone.
func (s *Store) DeleteMessage(ctx context.Context, tx pgx.Tx, id string) error {
	tag, err := tx.Exec(ctx, `update voice_messages set state = 'deleted', path = '', transcript = '', transcription = 'off' where id = $1 and state = 'kept'`, id)
	if err == nil && tag.RowsAffected() == 0 {
		err = pg.ErrNotFound
	}
	return named("message", id, err)
}

// OldMessages are kept messages from before, oldest first, at most limit.
func (s *Store) OldMessages(ctx context.Context, before time.Time, limit int) ([]Kept, error) {
	all, err := pg.Rows(ctx, s.db, pgx.RowToStructByPos[Kept], `select id::text, path from voice_messages where state = 'kept' and at < $1 order by at limit $2`, before, limit)
	return all, named("old messages", before.Format(time.DateOnly), err)
}

// MessagesDeleted notes that the files of these messages are gone, and takes their words away.
func (s *Store) MessagesDeleted(ctx context.Context, ids []string) error {
	_, err := s.db.Exec(ctx, `update voice_messages set state = 'deleted', path = '', transcript = '', transcription = 'off' where id = any($1::uuid[])`, ids)
	return named("messages deleted", "", err)
}

// pendingMessages are those of a node that a killed server left open, or that wait for their words; those behind the message
// after, all when that is empty, and in none of the languages without.
func (s *Store) pendingMessages(ctx context.Context, node, state, after string, without []string, limit int) ([]Message, error) {
	where := `state = 'open'`
	if state != RecordingOpen {
		where = `state = 'kept' and transcription = 'deferred'`
	}
	all, err := pg.Rows(ctx, s.db, scanMessage, `select `+messageColumns+` from voice_messages where node = $1 and `+where+`
		and ($3 = '' or (at, id) > (select at, id from voice_messages where id = nullif($3, '')::uuid))
		and language <> all(coalesce($4::text[], '{}')) order by at, id limit $2`, node, limit, after, without)
	return all, named("pending messages of", node, err)
}

// setTranscript writes the words of a message; state is TranscriptionDone or TranscriptionOff.
func (s *Store) setTranscript(ctx context.Context, id, text, state string) error {
	_, err := s.db.Exec(ctx, `update voice_messages set transcript = $2, transcription = $3 where id = $1 and transcription = 'deferred'`, id, storable(text), state)
	return named("message", id, err)
}

// AddAnswer writes an answer to a survey; one that is there already stays.
func (s *Store) AddAnswer(ctx context.Context, a Answer) error {
	_, err := s.db.Exec(ctx, `insert into survey_answers (call_id, n, survey, question, score, by, queue, agent, comment, at, least, most)
		values ($1, $2, $3, $4, $5, $6, $7, $8, nullif($9, '')::uuid, $10, case when $12::int > 0 then $11::int end, nullif($12::int, 0)) on conflict do nothing`,
		a.CallID, a.N, storable(a.Survey), storable(a.Question), a.Score, a.By, storable(a.Queue), storable(a.Agent), a.Comment, a.At, a.Least, a.Most)
	return wrap(a.CallID, "answer", err)
}

// FillScales gives answers of before their scale, by survey.
func (s *Store) FillScales(ctx context.Context, scales map[string][2]int) error {
	for survey, of := range scales {
		if _, err := s.db.Exec(ctx, `update survey_answers set least = $2, most = $3 where survey = $1 and most is null and (score is null or score between $2 and $3)`, survey, of[0], of[1]); err != nil {
			return named("scale of", survey, err)
		}
	}
	return nil
}

// AnswerItem is an item of GET /surveys and the payload of survey.answered.
type AnswerItem struct {
	CallID   string    `json:"call_id"`
	N        int       `json:"n"`
	Survey   string    `json:"survey"`
	Question string    `json:"question"`
	Score    *int      `json:"score" nullable:"true" doc:"null without an answer"`
	Least    *int      `json:"least,omitempty" doc:"of the scale, when it is known"`
	Most     *int      `json:"most,omitempty"`
	By       string    `json:"by" enum:",key,voice"`
	Queue    string    `json:"queue"`
	Agent    string    `json:"agent"`
	Comment  string    `json:"comment,omitempty" doc:"id of the recorded comment, for GET /voicemail/{id}/audio"`
	Words    string    `json:"comment_text,omitempty"`
	At       time.Time `json:"at"`
}

// Item is the answer as browsers see it.
func (a *Answer) Item() AnswerItem {
	out := AnswerItem{CallID: a.CallID, N: a.N, Survey: a.Survey, Question: a.Question, Score: a.Score, By: a.By, Queue: a.Queue, Agent: a.Agent, Comment: a.Comment, At: a.At}
	if a.Most > 0 {
		out.Least, out.Most = &a.Least, &a.Most
	}
	return out
}

// AnswerFilter narrows Answers. Zero fields do not narrow.
type AnswerFilter struct {
	Survey, Queue, Agent, CallID string
	Since, Until                 time.Time
	Limit                        int // 1..500, 100 when zero
}

func (f *AnswerFilter) conditions() *conditions {
	w := &conditions{}
	for column, v := range map[string]string{"a.survey": f.Survey, "a.queue": f.Queue, "a.agent": f.Agent} {
		if v != "" {
			w.add(column+` = ?`, v)
		}
	}
	if f.CallID != "" {
		w.add(`a.call_id = ?`, f.CallID)
	}
	if !f.Since.IsZero() {
		w.add(`a.at >= ?`, f.Since)
	}
	if !f.Until.IsZero() {
		w.add(`a.at < ?`, f.Until)
	}
	return w
}

// seenAnswers are those about calls of people and queues that a sight sees.
const seenAnswers = `a.agent = any(?n) or a.queue = any(?q)`

// Answers are the newest first.
func (s *Store) Answers(ctx context.Context, f AnswerFilter) ([]AnswerItem, error) {
	if f.CallID != "" && !validID(f.CallID) {
		return []AnswerItem{}, nil
	}
	w := f.conditions()
	w.held(ctx, team.Calls, seenAnswers)
	limit := f.Limit
	if limit <= 0 {
		limit = 100
	}
	all, err := pg.Rows(ctx, s.db, pgx.RowToStructByPos[AnswerItem], `select a.call_id::text, a.n, a.survey, a.question, a.score, a.least, a.most, a.by, a.queue, a.agent, coalesce(a.comment::text, ''), coalesce(m.transcript, ''), a.at
		from survey_answers a left join voice_messages m on m.id = a.comment`+w.String()+fmt.Sprintf(` order by a.at desc, a.call_id desc, a.n desc limit %d`, min(limit, 500)), w.args...)
	return all, named("answers to", f.Survey, err)
}

// AnswerRow is one line of the report on surveys.
type AnswerRow struct {
	Survey   string   `json:"survey"`
	Queue    string   `json:"queue"`
	Agent    string   `json:"agent"`
	Asked    int      `json:"asked"`
	Answered int      `json:"answered"`
	Mean     *float64 `json:"mean" nullable:"true" doc:"of those who answered"`
	Least    *int     `json:"least" nullable:"true"`
	Most     *int     `json:"most" nullable:"true"`
}

// AnswerReport sums up answers by survey, queue and agent, at most 500 lines.
func (s *Store) AnswerReport(ctx context.Context, f AnswerFilter) ([]AnswerRow, error) {
	w := f.conditions()
	w.held(ctx, team.Reports, seenAnswers)
	all, err := pg.Rows(ctx, s.db, pgx.RowToStructByPos[AnswerRow], `select a.survey, a.queue, a.agent, count(*)::int, count(a.score)::int, avg(a.score)::float8, min(a.score), max(a.score)
		from survey_answers a`+w.String()+` group by a.survey, a.queue, a.agent order by a.survey, a.queue, a.agent limit 500`, w.args...)
	return all, named("report on", f.Survey, err)
}

// For says whether a message is for one of these: an agent's own, or of a queue in which they work.
func (m *Message) For(agent string, queues []string) bool {
	switch m.Kind {
	case ivr.BoxAgent:
		return m.Box == agent
	case ivr.BoxQueue:
		for _, q := range queues {
			if q == m.Box {
				return true
			}
		}
	}
	return false
}
