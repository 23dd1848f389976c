package bot

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"tingxin/pg"
)

// SessionView is a session as lists show it.
type SessionView struct {
	ID         string     `json:"id"`
	Channel    Channel    `json:"channel" enum:"chat,call,api"`
	Subject    string     `json:"subject"`
	Contact    int64      `json:"contact,omitempty"`
	Lang       string     `json:"lang"`
	Turns      int        `json:"turns"`
	StartedAt  time.Time  `json:"started_at"`
	LastAt     time.Time  `json:"last_at"`
	EndedAt    *time.Time `json:"ended_at,omitempty"`
	Handover   string     `json:"handover,omitempty" doc:"reason of the first handover"`
	HandoverAt *time.Time `json:"handover_at,omitempty"`
}

const sessionColumns = `s.id::text, s.channel, s.subject, coalesce(s.contact_id, 0), s.lang, s.turns, s.started_at, s.last_at, s.ended_at, s.handover, s.handover_at`

// Sessions are the last ones, newest first, before a time.
func (s *Store) Sessions(ctx context.Context, before time.Time, limit int) ([]SessionView, error) {
	all, err := pg.Rows(ctx, s.db, pgx.RowToStructByPos[SessionView], `select `+sessionColumns+` from bot_sessions s where last_at < $1 order by last_at desc, id limit $2`, before, limit)
	if err != nil {
		return nil, fmt.Errorf("sessions: %w", err)
	}
	return all, nil
}

// TurnView is a turn as it was kept.
type TurnView struct {
	ID       int64     `json:"id"`
	Session  string    `json:"session"`
	N        int       `json:"n"`
	At       time.Time `json:"at"`
	Lang     string    `json:"lang"`
	Text     string    `json:"text" doc:"identity and card numbers are masked"`
	Parts    []Part    `json:"parts" nullable:"false"`
	Decision Decision  `json:"decision"`
	Intent   string    `json:"intent,omitempty"`
	Article  string    `json:"article,omitempty"`
	Handover string    `json:"handover,omitempty"`
	Reaction string    `json:"reaction,omitempty" enum:",up,down,none,chosen"`
	Reask    bool      `json:"reask,omitempty"`
	MS       float64   `json:"ms"`
	Why      *Why      `json:"explanation,omitempty"`
}

const turnColumns = `t.id, t.session_id::text, t.n, t.at, t.lang, t.text, t.reply->'parts', t.decision, t.intent, t.article, t.handover, t.reaction, t.reask, t.ms`

func scanTurn(r pgx.CollectableRow) (TurnView, error) {
	var v TurnView
	err := r.Scan(&v.ID, &v.Session, &v.N, &v.At, &v.Lang, &v.Text, &v.Parts, &v.Decision, &v.Intent, &v.Article, &v.Handover, &v.Reaction, &v.Reask, &v.MS, &v.Why)
	return v, err
}

// Took tells whether an input of a subject was the answer to what the bot had asked for.
func (s *Store) Took(ctx context.Context, channel Channel, subject, input string) (bool, error) {
	took, err := pg.Row(ctx, s.db, pgx.RowTo[bool], `select exists (select from bot_turns t join bot_sessions s on s.id = t.session_id
		where s.channel = $1 and s.subject = $2 and t.input_id = $3 and t.explanation ->> 'took' <> '')`, channel, subject, input)
	if err != nil {
		return false, fmt.Errorf("what %s of %s was taken for: %w", input, subject, err)
	}
	return took, nil
}

// Session is one session with its turns, at most the last 500.
func (s *Store) Session(ctx context.Context, id string) (SessionView, []TurnView, error) {
	if _, err := uuid.Parse(id); err != nil {
		return SessionView{}, nil, pg.ErrNotFound
	}
	v, err := pg.Row(ctx, s.db, pgx.RowToStructByPos[SessionView], `select `+sessionColumns+` from bot_sessions s where id = $1`, id)
	if err != nil {
		return v, nil, err
	}
	turns, err := pg.Rows(ctx, s.db, scanTurn, `select * from (select `+turnColumns+`, t.explanation from bot_turns t where t.session_id = $1 order by t.n desc limit 500) x order by n`, id)
	if err != nil {
		return v, nil, fmt.Errorf("turns of session %s: %w", id, err)
	}
	return v, turns, nil
}

// Unanswered are the last turns that the bot did not understand, or whose answer did not help: what to learn from.
func (s *Store) Unanswered(ctx context.Context, since time.Time, limit int) ([]TurnView, error) {
	all, err := pg.Rows(ctx, s.db, scanTurn, `select `+turnColumns+`, null::jsonb from bot_turns t
		where t.at >= $1 and t.text <> '' and (t.decision in ('fallback', 'clarify') or t.handover in ('fallbacks', 'clarification', 'repeat') or t.reaction in ('down', 'none'))
			and not exists (select from predictions p join labels l on l.prediction_id = p.id where p.object_type = 'bot_turn' and p.object_id = t.id::text and l.by <> 'customer')
		order by t.at desc, t.id desc limit $2`, since, limit)
	if err != nil {
		return nil, fmt.Errorf("unanswered turns: %w", err)
	}
	return all, nil
}

// LabelTurn says in tx what the customer wanted: a label on the model's guess, and a phrase to learn from.
func (s *Store) LabelTurn(ctx context.Context, tx pgx.Tx, turn int64, intent, by string) error {
	var lang, folded string
	err := tx.QueryRow(ctx, `select lang, coalesce(nullif(explanation->>'text', ''), text) from bot_turns where id = $1`, turn).Scan(&lang, &folded)
	if errors.Is(err, pgx.ErrNoRows) {
		return pg.ErrNotFound
	}
	if err != nil {
		return err
	}
	var there bool
	if err := tx.QueryRow(ctx, `select exists (select from bot_intents where name = $1)`, intent).Scan(&there); err != nil {
		return err
	}
	if !there {
		return pg.ErrNotFound
	}
	id := int64(0)
	err = tx.QueryRow(ctx, `select id from predictions where object_type = 'bot_turn' and object_id = $1 and kind = 'intent'`, fmt.Sprint(turn)).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) { // no model was asked: the label needs something to stand on
		err = tx.QueryRow(ctx, `insert into predictions (object_type, object_id, kind, value, p, model_version) values ('bot_turn', $1, 'intent', '', 0, '') returning id`, fmt.Sprint(turn)).Scan(&id)
	}
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `insert into labels (prediction_id, value, by) values ($1, $2, $3)`, id, intent, by); err != nil {
		return err
	}
	return s.AddPhrase(ctx, tx, intent, Phrase{Lang: lang, Text: folded, Source: "label"})
}

// Share is how much the bot did in a span of time.
type Share struct {
	Day       string         `json:"day,omitempty" doc:"UTC; empty in the sum"`
	Sessions  int            `json:"sessions"`
	Contained int            `json:"contained" doc:"sessions without a handover"`
	Turns     int            `json:"turns"`
	Decisions map[string]int `json:"decisions"`
	Handovers map[string]int `json:"handovers" doc:"sessions by the reason of their first handover"`
	Up        int            `json:"up" doc:"answers that helped"`
	Down      int            `json:"down"`
	Prompts   int            `json:"prompts" doc:"values that were asked for"`
	Reasks    int            `json:"reasks" doc:"of those, held already: defects"`
	MeanMS    float64        `json:"mean_ms"`
	P95MS     float64        `json:"p95_ms"`
}

// Report of the last days: the sum, and day by day.
type Report struct {
	Since     time.Time        `json:"since"`
	Sum       Share            `json:"sum"`
	Days      []Share          `json:"days" nullable:"false"`
	ByChannel map[string]Share `json:"by_channel"`
	ByLang    map[string]Share `json:"by_lang"`
}

// Report counts from a time on. channel "" is all of them; sessions of the API, which are tests mostly, count only when asked for.
func (s *Store) Report(ctx context.Context, since time.Time, channel Channel) (Report, error) {
	r := Report{Since: since.UTC(), ByChannel: map[string]Share{}, ByLang: map[string]Share{}, Days: []Share{}}
	for _, g := range []struct {
		by  string
		put func(key string, x Share)
	}{
		{`''`, func(_ string, x Share) { r.Sum = x }},
		{`to_char(t.at at time zone 'UTC', 'YYYY-MM-DD')`, func(key string, x Share) { x.Day = key; r.Days = append(r.Days, x) }},
		{`s.channel`, func(key string, x Share) { r.ByChannel[key] = x }},
		{`t.lang`, func(key string, x Share) { r.ByLang[key] = x }},
	} {
		if err := s.shares(ctx, since, channel, g.by, g.put); err != nil {
			return r, err
		}
	}
	if r.Sum.Decisions == nil {
		r.Sum.Decisions, r.Sum.Handovers = map[string]int{}, map[string]int{}
	}
	return r, nil
}

func (s *Store) shares(ctx context.Context, since time.Time, channel Channel, by string, put func(string, Share)) error {
	const where = ` from bot_turns t join bot_sessions s on s.id = t.session_id where t.at >= $1 and (s.channel = $2 or $2 = '' and s.channel <> 'api')`
	type keyed struct {
		key string
		Share
	}
	all, err := pg.Rows(ctx, s.db, func(row pgx.CollectableRow) (keyed, error) {
		var k keyed
		err := row.Scan(&k.key, &k.Sessions, &k.Contained, &k.Turns, &k.Up, &k.Down, &k.Prompts, &k.Reasks, &k.MeanMS, &k.P95MS)
		k.Decisions, k.Handovers = map[string]int{}, map[string]int{}
		return k, err
	}, `select `+by+` as key, count(distinct s.id)::int, (count(distinct s.id) filter (where s.handover = ''))::int, count(*)::int,
			(count(*) filter (where t.reaction = 'up'))::int, (count(*) filter (where t.reaction = 'down'))::int, (count(*) filter (where t.prompted))::int, (count(*) filter (where t.reask))::int,
			avg(t.ms)::float8, percentile_cont(0.95) within group (order by t.ms)::float8`+where+` group by 1 order by 1`, since, channel)
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	byKey := make(map[string]*keyed, len(all))
	for i := range all {
		byKey[all[i].key] = &all[i]
	}
	type counted struct {
		key, name string
		n         int
	}
	scan := func(row pgx.CollectableRow) (counted, error) {
		var c counted
		err := row.Scan(&c.key, &c.name, &c.n)
		return c, err
	}
	for _, q := range []struct {
		sql string
		to  func(*Share) map[string]int
	}{
		{`select ` + by + `, t.decision, count(*)::int` + where + ` group by 1, 2`, func(x *Share) map[string]int { return x.Decisions }},
		{`select ` + by + `, s.handover, count(distinct s.id)::int` + where + ` and s.handover <> '' group by 1, 2`, func(x *Share) map[string]int { return x.Handovers }},
	} {
		rows, err := pg.Rows(ctx, s.db, scan, q.sql, since, channel)
		if err != nil {
			return fmt.Errorf("report: %w", err)
		}
		for _, c := range rows {
			if k := byKey[c.key]; k != nil {
				q.to(&k.Share)[c.name] = c.n
			}
		}
	}
	for i := range all {
		put(all[i].key, all[i].Share)
	}
	return nil
}
