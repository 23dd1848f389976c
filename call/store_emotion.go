package call

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/emotion"
	"tingxin/pg"
	"tingxin/team"
)

// AddConsent writes one line of the consent ledger; the same one again does nothing.
func (s *Store) AddConsent(ctx context.Context, c ConsentRow) error {
	_, err := s.db.Exec(ctx, `insert into consents (call_id, identity, purpose, state, notice, source, at, contact_id)
		values (nullif($1, '')::uuid, $2, $3, $4, $5, $6, $7, $8) on conflict do nothing`,
		c.CallID, storable(c.Identity), c.Purpose, c.State, c.Notice, c.Source, c.At, idOrNil(c.Contact))
	return wrap(c.CallID, "add consent", err)
}

// Declined tells whether the last word of this caller on a purpose was no. An empty identity has said nothing.
func (s *Store) Declined(ctx context.Context, identity, purpose string) (bool, error) {
	return s.DeclinedBy(ctx, 0, identity, purpose)
}

// DeclinedBy is Declined for a caller who is known as a contact too: what the person said on another
// channel, or from another number, counts as well. Contact 0 is nobody.
func (s *Store) DeclinedBy(ctx context.Context, contact int64, identity, purpose string) (bool, error) {
	if identity == "" && contact == 0 {
		return false, nil
	}
	last, err := pg.Rows(ctx, s.db, pgx.RowTo[string], `select state from (`+lastWord+`) said order by id desc limit 1`, storable(identity), purpose, contact)
	return len(last) == 1 && declines(last[0]), wrap("of a caller", "consent", err)
}

// lastWord is what the number $1 and the contact $3 last said on the purpose $2: a row each.
const lastWord = `(select id, state from consents where identity = $1 and $1 <> '' and purpose = $2 order by id desc limit 1)
	union all (select id, state from consent_states where contact_id = (select root from contacts where id = $3) and purpose = $2)`

// declines tells whether a state of the ledger is a no.
func declines(state string) bool { return state == ConsentRefused || state == ConsentWithdrawn }

// Consented tells whether a call's voice may be read for purpose: its last line in the ledger allows it,
// and its caller has not declined since.
func (s *Store) Consented(ctx context.Context, id, purpose string) (bool, error) {
	if !validID(id) {
		return false, wrap(id, "consent", pg.ErrNotFound)
	}
	ok, err := pg.Row(ctx, s.db, pgx.RowTo[bool], `select coalesce((select state in ('announced', 'given') from consents
			where call_id = $1 and purpose = $2 order by id desc limit 1), false)
		and coalesce((select s.state not in ('refused', 'withdrawn') from calls c
			cross join lateral ((select n.id, n.state from consents n where n.identity = c.from_number and c.from_number <> '' and n.purpose = $2 order by n.id desc limit 1)
				union all (select v.id, v.state from consent_states v where v.contact_id = (select root from contacts where id = c.contact_id) and v.purpose = $2)) s
			where c.id = $1 order by s.id desc limit 1), true)`, id, purpose)
	return ok, wrap(id, "consent", err)
}

// recorded are ended calls with a kept recording that began at or after since, oldest first, behind
// the call after of that moment when it is given.
func (s *Store) recorded(ctx context.Context, since time.Time, after string, limit int) ([]Record, error) {
	all, err := pg.Rows(ctx, s.db, scanRecord, `select `+columns+` from calls where recording_state = 'kept' and state = 'ended'
		and started_at >= $1 and ($2 = '' or (started_at, id) > ($1, nullif($2, '')::uuid)) order by started_at, id limit $3`, since, after, limit)
	return all, wrap("since "+since.Format(time.DateOnly), "recorded", err)
}

// features are cues as columns.
func features(cues []emotion.Cue) (names []string, z []float32) {
	names, z = make([]string, len(cues)), make([]float32, len(cues))
	for i, c := range cues {
		names[i], z[i] = c.Feature, finite32(c.Z)
	}
	return names, z
}

// cuesOf is the reverse of features.
func cuesOf(names []string, z []float32) []emotion.Cue {
	out := make([]emotion.Cue, min(len(names), len(z)))
	for i := range out {
		out[i] = emotion.Cue{Feature: names[i], Z: z[i]}
	}
	return out
}

// kindTexts are kinds as a column; kindsFrom is the reverse.
func kindTexts(kinds []emotion.Kind) []string {
	out := make([]string, len(kinds))
	for i, k := range kinds {
		out[i] = string(k)
	}
	return out
}

func kindsFrom(texts []string) []emotion.Kind {
	out := make([]emotion.Kind, len(texts))
	for i, t := range texts {
		out[i] = emotion.Kind(t)
	}
	return out
}

const insertReading = `insert into readings (call_id, side, seq, start_ms, end_ms, voiced_ms, class, p, arousal, valence, learned,
	cue_feature, cue_z, voice, words, e, combined, strong, kinds, interruptions, mood, model, late)
	values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23)
	on conflict (call_id, side, seq) do nothing`

func (r *TurnReading) args() []any {
	names, z := features(r.Cues)
	p := make([]float32, len(r.P))
	for i, v := range r.P {
		p[i] = finite32(v)
	}
	est := r.Estimate
	return []any{r.CallID, r.Side, r.Seq, r.Start.Milliseconds(), r.End.Milliseconds(), r.Voiced.Milliseconds(), r.Class, p,
		finite32(r.Arousal), finite32(r.Valence), finite32(r.Learned), names, z, unlessNegative(finite32(est.Voice)), unlessNegative(finite32(est.Words)),
		finite32(est.E), est.Combined, r.Strong, kindTexts(r.Kinds), r.Interruptions, finite32(r.Mood), r.Model, r.Late}
}

// AddReading writes the reading of one turn; one that is there already stays.
func (s *Store) AddReading(ctx context.Context, r TurnReading) error {
	_, err := s.db.Exec(ctx, insertReading, r.args()...)
	return wrap(r.CallID, "add reading", err)
}

// ReplaceReadings puts readings, and the mood that comes of them, in the place of those that a
// side of a call has. Alerts and labels, which people have seen and made, stay.
func (s *Store) ReplaceReadings(ctx context.Context, mood SideMood, readings []TurnReading) error {
	err := s.db.Tx(ctx, func(tx pgx.Tx) error {
		batch := &pgx.Batch{}
		batch.Queue(`delete from readings where call_id = $1 and side = $2`, mood.CallID, mood.Side)
		for i := range readings {
			batch.Queue(insertReading, readings[i].args()...)
		}
		if mood.Turns > 0 {
			batch.Queue(upsertMood, mood.args()...)
		} else {
			batch.Queue(`delete from moods where call_id = $1 and side = $2`, mood.CallID, mood.Side)
		}
		return tx.SendBatch(ctx, batch).Close()
	})
	return wrap(mood.CallID, "replace readings", err)
}

func scanReading(row pgx.CollectableRow) (TurnReading, error) {
	var r TurnReading
	var start, end, voiced int64
	var names, kinds []string
	var z []float32
	var voice, words *float32
	err := row.Scan(&r.CallID, &r.Side, &r.Seq, &start, &end, &voiced, &r.Class, &r.P, &r.Arousal, &r.Valence, &r.Learned,
		&names, &z, &voice, &words, &r.Estimate.E, &r.Estimate.Combined, &r.Strong, &kinds, &r.Interruptions, &r.Mood, &r.Model, &r.Late)
	r.Start, r.End, r.Voiced = time.Duration(start)*time.Millisecond, time.Duration(end)*time.Millisecond, time.Duration(voiced)*time.Millisecond
	r.Cues, r.Kinds = cuesOf(names, z), kindsFrom(kinds)
	r.Estimate.Voice, r.Estimate.Words = orNegative(voice), orNegative(words)
	return r, err
}

func orNegative(v *float32) float32 {
	if v == nil {
		return -1
	}
	return *v
}

// Readings are the readings of all turns of a call in call time.
func (s *Store) Readings(ctx context.Context, id string) ([]TurnReading, error) {
	if !validID(id) {
		return nil, wrap(id, "readings", pg.ErrNotFound)
	}
	all, err := pg.Rows(ctx, s.db, scanReading, `select call_id, side, seq, start_ms, end_ms, voiced_ms, class, p, arousal, valence, learned,
		cue_feature, cue_z, voice, words, e, combined, strong, kinds, interruptions, mood, model, late
		from readings where call_id = $1 order by start_ms, side, seq`, id)
	return all, wrap(id, "readings", err)
}

// PutAlert writes an alert as it is now.
func (s *Store) PutAlert(ctx context.Context, a Alert) error {
	names, z := features(a.Why.Cues)
	_, err := s.db.Exec(ctx, `insert into alerts (call_id, n, side, state, level, cause, action, raised_at, raised_ms, escalated_ms, ended_ms,
		mood_from, mood_to, start_ms, end_ms, learned, cue_feature, cue_z, kinds, model, calm_turns)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)
		on conflict (call_id, n) do update set state = excluded.state, level = excluded.level, escalated_ms = excluded.escalated_ms, ended_ms = excluded.ended_ms`,
		a.CallID, a.N, a.Side, a.State, string(a.Level), string(a.Why.Cause), string(a.Why.Action()), a.RaisedAt, a.Raised.Milliseconds(),
		unlessZero(a.Escalated), unlessZero(a.Ended), finite32(a.Why.From), finite32(a.Why.To), a.Why.Listen.Start.Milliseconds(), a.Why.Listen.End.Milliseconds(),
		finite32(a.Why.Learned), names, z, kindTexts(a.Why.Kinds), a.Model, a.Why.Calm)
	return wrap(a.CallID, "alert", err)
}

const alertColumns = `call_id, n, side, state, level, cause, raised_at, raised_ms, escalated_ms, ended_ms, mood_from, mood_to, start_ms, end_ms, learned, cue_feature, cue_z, kinds, model, calm_turns`

func scanAlert(row pgx.CollectableRow) (Alert, error) {
	var a Alert
	var raised, start, end int64
	var escalated, ended *int64
	var names, kinds []string
	var z []float32
	w := &a.Why
	err := row.Scan(&a.CallID, &a.N, &a.Side, &a.State, &a.Level, &w.Cause, &a.RaisedAt, &raised, &escalated, &ended, &w.From, &w.To,
		&start, &end, &w.Learned, &names, &z, &kinds, &a.Model, &w.Calm)
	a.RaisedAt = a.RaisedAt.UTC()
	a.Raised, a.Escalated, a.Ended = time.Duration(raised)*time.Millisecond, sinceStart(escalated), sinceStart(ended)
	w.Listen = emotion.Span{Start: time.Duration(start) * time.Millisecond, End: time.Duration(end) * time.Millisecond}
	w.Cues, w.Kinds = cuesOf(names, z), kindsFrom(kinds)
	return a, err
}

func sinceStart(ms *int64) time.Duration {
	if ms == nil {
		return 0
	}
	return time.Duration(*ms) * time.Millisecond
}

// Alerts are the alerts of a call in order.
func (s *Store) Alerts(ctx context.Context, id string) ([]Alert, error) {
	if !validID(id) {
		return nil, wrap(id, "alerts", pg.ErrNotFound)
	}
	all, err := pg.Rows(ctx, s.db, scanAlert, `select `+alertColumns+` from alerts where call_id = $1 order by n`, id)
	return all, wrap(id, "alerts", err)
}

// RecentAlerts are the alerts of all calls raised at or after since, newest first, at most limit.
func (s *Store) RecentAlerts(ctx context.Context, since time.Time, limit int) ([]Alert, error) {
	w := &conditions{}
	w.add(`raised_at >= ?`, since)
	w.ofSeenCalls(ctx, team.Calls, "alerts.call_id")
	all, err := pg.Rows(ctx, s.db, scanAlert, `select `+alertColumns+` from alerts`+w.String()+` order by raised_at desc, call_id, n desc limit `+strconv.Itoa(limit), w.args...)
	return all, wrap("since "+since.Format(time.DateOnly), "alerts", err)
}

const upsertMood = `insert into moods (call_id, side, turns, now, value, trend, peak, peak_start_ms, peak_end_ms, alerts, model)
	values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
	on conflict (call_id, side) do update set turns = excluded.turns, now = excluded.now, value = excluded.value, trend = excluded.trend, peak = excluded.peak,
		peak_start_ms = excluded.peak_start_ms, peak_end_ms = excluded.peak_end_ms, alerts = excluded.alerts, model = excluded.model`

func (m *SideMood) args() []any {
	return []any{m.CallID, m.Side, m.Turns, finite32(m.Now), finite32(m.Value), finite32(m.Trend), finite32(m.Peak),
		m.PeakAt.Start.Milliseconds(), m.PeakAt.End.Milliseconds(), m.Alerts, m.Model}
}

// PutMood writes the mood of one side over the call.
func (s *Store) PutMood(ctx context.Context, m SideMood) error {
	_, err := s.db.Exec(ctx, upsertMood, m.args()...)
	return wrap(m.CallID, "mood", err)
}

func scanMood(row pgx.CollectableRow) (SideMood, error) {
	var m SideMood
	var start, end int64
	err := row.Scan(&m.CallID, &m.Side, &m.Turns, &m.Now, &m.Value, &m.Trend, &m.Peak, &start, &end, &m.Alerts, &m.Model)
	m.PeakAt = emotion.Span{Start: time.Duration(start) * time.Millisecond, End: time.Duration(end) * time.Millisecond}
	return m, err
}

// Moods are the moods of the sides of a call that were read.
func (s *Store) Moods(ctx context.Context, id string) ([]SideMood, error) {
	if !validID(id) {
		return nil, wrap(id, "moods", pg.ErrNotFound)
	}
	all, err := pg.Rows(ctx, s.db, scanMood, `select call_id, side, turns, now, value, trend, peak, peak_start_ms, peak_end_ms, alerts, model
		from moods where call_id = $1 order by side desc`, id)
	return all, wrap(id, "moods", err)
}

// AddLabel writes what a person said about a stretch of a call, in tx, so that its row in the
// audit log is there with it or not at all. An alert that the call does not have gives pg.ErrNotFound.
func (s *Store) AddLabel(ctx context.Context, tx pgx.Tx, l EmotionLabel) (EmotionLabel, error) {
	if l.Alert > 0 {
		var start, end int64
		err := tx.QueryRow(ctx, `select side, start_ms, end_ms from alerts where call_id = $1 and n = $2`, l.CallID, l.Alert).Scan(&l.Side, &start, &end)
		if err == pgx.ErrNoRows {
			err = pg.ErrNotFound
		}
		if err != nil {
			return l, wrap(l.CallID, "label", err)
		}
		l.Start, l.End = time.Duration(start)*time.Millisecond, time.Duration(end)*time.Millisecond
	}
	_, err := tx.Exec(ctx, `insert into emotion_labels (call_id, side, alert_n, start_ms, end_ms, label, by, at) values ($1, $2, nullif($3, 0), $4, $5, $6, $7, $8)`,
		l.CallID, l.Side, l.Alert, l.Start.Milliseconds(), l.End.Milliseconds(), l.Label, l.By, l.At)
	if err == nil && l.Alert > 0 && l.Label == LabelNotAngry { // also for a call that is over
		_, err = tx.Exec(ctx, `update alerts set state = 'dismissed', ended_ms = coalesce(ended_ms, end_ms) where call_id = $1 and n = $2`, l.CallID, l.Alert)
	}
	return l, wrap(l.CallID, "label", err)
}

// Labels are what people said about a call, in order.
func (s *Store) Labels(ctx context.Context, id string) ([]EmotionLabel, error) {
	if !validID(id) {
		return nil, wrap(id, "labels", pg.ErrNotFound)
	}
	all, err := pg.Rows(ctx, s.db, func(row pgx.CollectableRow) (EmotionLabel, error) {
		var l EmotionLabel
		var start, end int64
		err := row.Scan(&l.CallID, &l.Side, &l.Alert, &start, &end, &l.Label, &l.By, &l.At)
		l.Start, l.End = time.Duration(start)*time.Millisecond, time.Duration(end)*time.Millisecond
		return l, err
	}, `select call_id, side, coalesce(alert_n, 0), start_ms, end_ms, label, by, at from emotion_labels where call_id = $1 order by id`, id)
	return all, wrap(id, "labels", err)
}

// MoodRow is one bar of the mood report.
type MoodRow struct {
	Key      string  `json:"key"`
	Calls    int     `json:"calls" doc:"whose callers were read"`
	Value    float64 `json:"value" doc:"mean over calls of the weighted mood, 0 to 1"`
	Trend    float64 `json:"trend" doc:"mean; positive is getting worse"`
	Peak     float64 `json:"peak" doc:"mean of the worst turns"`
	Angry    int     `json:"angry" doc:"calls whose weighted mood is angry by emotion.rules"`
	Alerted  int     `json:"alerted" doc:"calls with an alert that nobody called wrong"`
	Alerts   int     `json:"alerts"`
	NotAngry int     `json:"not_angry" doc:"alerts that a person called wrong"`
}

// moodKeys are what the report can be cut by.
var moodKeys = map[string]string{
	"route":       `c.route`,
	"hour":        `to_char(c.started_at at time zone $3, 'HH24')`,
	"day":         `to_char(c.started_at at time zone $3, 'YYYY-MM-DD')`,
	"language":    `c.language`,
	"cause":       `c.cause`,
	"disposition": `coalesce((select w.disposition from wrap_ups w where w.call_id = c.id order by w.updated_at desc, w.username limit 1), '')`,
	"queue":       `coalesce(nullif(c.queue, ''), c.route)`,
}

// MoodReport sums up the moods of callers of calls begun in [since, until), by one of route,
// queue, hour, day, language, cause and disposition; hours and days are those of zone.
func (s *Store) MoodReport(ctx context.Context, by string, since, until time.Time, zone *time.Location) ([]MoodRow, error) {
	key, ok := moodKeys[by]
	if !ok {
		return nil, fmt.Errorf("mood report: no such cut %q", by)
	}
	w := &conditions{args: []any{since, until, zone.String()}}
	w.add(`c.started_at >= $1 and c.started_at < $2 and ($3 <> '')`)
	w.seen(ctx, team.Reports, "c")
	all, err := pg.Rows(ctx, s.db, pgx.RowToStructByPos[MoodRow], `select `+key+` as key, count(*), avg(m.value), avg(m.trend), avg(m.peak),
		count(*) filter (where `+isAngry+`), count(*) filter (where a.good > 0), coalesce(sum(a.n), 0)::bigint, coalesce(sum(a.n - a.good), 0)::bigint
		from calls c join moods m on m.call_id = c.id and m.side = 'caller'
		left join lateral (select count(*) as n, count(*) filter (where state <> 'dismissed') as good from alerts where call_id = c.id and side = 'caller') a on true
		`+w.String()+` group by key order by key limit 500`, w.args...)
	if err != nil {
		err = fmt.Errorf("mood report: %w", err)
	}
	return all, err
}
