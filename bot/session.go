package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"tingxin/pg"
)

// errStale: another server wrote the session in between.
var errStale = errors.New("the session was changed in between")

// sessionRow is a session as a turn reads it.
type sessionRow struct {
	id      string
	channel Channel
	subject string
	contact int64
	lang    string
	state   state
	version int
	turns   int
	pace    *time.Time // when the turn was that is TurnsPerMinute back
}

const sessionQuery = `select s.id::text, channel, subject, coalesce(contact_id, 0), lang, state, version, turns,
	(select t.at from bot_turns t where t.session_id = s.id and t.n = s.turns - $1 + 1) from bot_sessions s where `

func scanSession(r pgx.CollectableRow) (sessionRow, error) {
	var s sessionRow
	err := r.Scan(&s.id, &s.channel, &s.subject, &s.contact, &s.lang, &s.state, &s.version, &s.turns, &s.pace)
	return s, err
}

// session finds the open session or makes one.
func (e *Engine) session(ctx context.Context, who Session, channel Channel) (sessionRow, error) {
	if who.ID != "" {
		if _, err := uuid.Parse(who.ID); err != nil {
			return sessionRow{}, ErrSession
		}
		s, err := pg.Row(ctx, e.db, scanSession, sessionQuery+`id = $2 and ended_at is null`, e.cfg.TurnsPerMinute, who.ID)
		if errors.Is(err, pg.ErrNotFound) {
			return s, ErrSession
		}
		return s, err
	}
	find := func() (sessionRow, error) {
		return pg.Row(ctx, e.db, scanSession, sessionQuery+`channel = $2 and subject = $3 and ended_at is null`, e.cfg.TurnsPerMinute, channel, who.Subject)
	}
	s, err := find()
	if !errors.Is(err, pg.ErrNotFound) {
		return s, err
	}
	now := e.now()
	if _, err := e.db.Exec(ctx, `insert into bot_sessions (channel, subject, contact_id, started_at, last_at) values ($1, $2, nullif($3::bigint, 0), $4, $4) on conflict do nothing`, channel, who.Subject, who.Contact, now); err != nil {
		return s, fmt.Errorf("new session: %w", err)
	}
	return find()
}

// replied is the reply that a message got before; pg.ErrNotFound when it is new.
func (e *Engine) replied(ctx context.Context, session, input string) (Reply, error) {
	raw, err := pg.Row(ctx, e.db, pgx.RowTo[[]byte], `select reply from bot_turns where session_id = $1 and input_id = $2`, session, input)
	if err != nil {
		return Reply{}, err
	}
	r := Reply{Slots: []Held{}}
	if err := json.Unmarshal(raw, &r); err != nil {
		return Reply{}, fmt.Errorf("reply of message %s: %w", input, err)
	}
	if r.Slots == nil {
		r.Slots = []Held{}
	}
	return r, nil
}

// prediction is one answer of a model.
type prediction struct {
	kind, value string
	p           float64
	version     string
	hash        string
	ms          float64
}

// write keeps a turn and all that came of it in one transaction.
func (e *Engine) write(ctx context.Context, t *turn) error {
	kept := t.reply
	kept.Why, kept.Slots = nil, nil
	reply, err := json.Marshal(kept)
	if err != nil {
		return err
	}
	why, err := json.Marshal(t.why)
	if err != nil {
		return err
	}
	articles, err := json.Marshal(t.why.Articles)
	if err != nil {
		return err
	}
	return e.db.Tx(ctx, func(tx pgx.Tx) error {
		var id int64
		err := tx.QueryRow(ctx, `insert into bot_turns (session_id, n, at, lang, input_id, text, reply, decision, intent, article, p1, p2, tau_a, tau_c, candidates, model_version, explanation, handover, prompted, reask, ms)
			values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21) on conflict do nothing returning id`,
			t.s.id, t.n, t.now, t.lang, t.in.ID, t.shown, reply, t.reply.Decision, t.reply.Intent, t.reply.Article, t.why.P1, t.why.P2, t.why.TauA, t.why.TauC, articles, t.why.Model, why, t.reason, t.prompted, t.reask, t.reply.MS).Scan(&id)
		if errors.Is(err, pgx.ErrNoRows) {
			return errStale
		}
		if err != nil {
			return fmt.Errorf("keep turn: %w", err)
		}
		if err := t.predict(ctx, tx, id); err != nil {
			return err
		}
		if err := t.react(ctx, tx); err != nil {
			return err
		}
		if err := e.memory.put(ctx, tx, t.fresh); err != nil {
			return err
		}
		if err := e.memory.settle(ctx, tx, t.confirmed, t.refused); err != nil {
			return err
		}
		return t.save(ctx, tx)
	})
}

// predict writes the models' answers; an offer remembers which one it came from.
func (t *turn) predict(ctx context.Context, tx pgx.Tx, turn int64) error {
	for _, p := range t.predictions {
		var id int64
		err := tx.QueryRow(ctx, `insert into predictions (object_type, object_id, kind, value, p, model_version, features_hash, ms, at) values ('bot_turn', $1, $2, $3, $4, $5, $6, $7, $8) returning id`,
			fmt.Sprint(turn), p.kind, p.value, p.p, p.version, p.hash, p.ms, t.now).Scan(&id)
		if err != nil {
			return fmt.Errorf("keep prediction: %w", err)
		}
		if p.kind == "article" {
			for i := range t.st.Offered {
				t.st.Offered[i].Prediction = id
			}
		}
	}
	return nil
}

// react writes what the customer thought of earlier turns: on the turn, and as labels.
func (t *turn) react(ctx context.Context, tx pgx.Tx) error {
	for _, r := range t.reactions {
		if _, err := tx.Exec(ctx, `update bot_turns set reaction = $3 where session_id = $1 and n = $2`, t.s.id, r.turn, r.reaction); err != nil {
			return fmt.Errorf("keep reaction: %w", err)
		}
		if r.label == "" {
			continue
		}
		_, err := tx.Exec(ctx, `insert into labels (prediction_id, value, by, at) select p.id, $3, 'customer', $4 from predictions p join bot_turns t on p.object_type = 'bot_turn' and p.object_id = t.id::text and p.kind = 'article' where t.session_id = $1 and t.n = $2`,
			t.s.id, r.turn, r.label, t.now)
		if err != nil {
			return fmt.Errorf("keep label: %w", err)
		}
	}
	return nil
}

// save writes the session, unless somebody else did.
func (t *turn) save(ctx context.Context, tx pgx.Tx) error {
	raw, err := json.Marshal(t.st)
	if err != nil {
		return err
	}
	tag, err := tx.Exec(ctx, `update bot_sessions set state = $3, version = version + 1, turns = $4, last_at = $5, lang = $6, contact_id = nullif($7::bigint, 0),
			handover = case when handover = '' then $8 else handover end, handover_at = case when handover = '' and $8 <> '' then $5 else handover_at end
		where id = $1 and version = $2 and ended_at is null`, t.s.id, t.s.version, raw, t.n, t.now, t.lang, t.s.contact, t.reason)
	if err != nil {
		return fmt.Errorf("keep session: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return errStale
	}
	if t.identified { // what was said before the person was known is theirs as well
		if _, err := tx.Exec(ctx, `update bot_slots set contact_id = $2 where session_id = $1 and contact_id is null`, t.s.id, t.s.contact); err != nil {
			return fmt.Errorf("keep values: %w", err)
		}
	}
	return nil
}

// End closes a session: what it holds for the conversation only is removed a day later.
func (e *Engine) End(ctx context.Context, channel Channel, subject string) error {
	now := e.now()
	_, err := e.db.Exec(ctx, `with ended as (update bot_sessions set ended_at = $3 where channel = $1 and subject = $2 and ended_at is null returning id)
		update bot_slots set expires_at = least(expires_at, $4) where scope <> 'contact' and session_id in (select id from ended)`, channel, subject, now, now.Add(afterClose))
	return err
}

// ErrMuted: after a handover for emotion the bot does not come back.
var ErrMuted = errors.New("this conversation was handed over because the customer was upset; the bot does not come back")

// HandBack lets the bot go on after a person had the conversation.
func (e *Engine) HandBack(ctx context.Context, session string) error {
	if _, err := uuid.Parse(session); err != nil {
		return ErrSession
	}
	return e.db.Tx(ctx, func(tx pgx.Tx) error {
		var st state
		err := tx.QueryRow(ctx, `select state from bot_sessions where id = $1 and ended_at is null for update`, session).Scan(&st)
		if errors.Is(err, pgx.ErrNoRows) {
			return ErrSession
		}
		if err != nil {
			return err
		}
		if st.Muted {
			return ErrMuted
		}
		st.takeBack()
		raw, err := json.Marshal(st)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `update bot_sessions set state = $2, version = version + 1 where id = $1`, session, raw)
		return err
	})
}
