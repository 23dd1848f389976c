package seed

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/google/uuid"

	"tingxin/call"
	"tingxin/pg"
)

// phoned is a call as what hangs on it needs it.
type phoned struct {
	id            uuid.UUID
	at            time.Time
	answered, end time.Time // answered is zero when nobody did
	zh, in        bool
	agent         int // index, -1: none
	queue         string
	number        string
	contact       int64
}

// newID is a UUIDv7 of a moment, from the run's own source.
func (l *loader) newID(at time.Time) uuid.UUID {
	var id uuid.UUID
	binary.BigEndian.PutUint64(id[8:], l.rng.Uint64())
	binary.BigEndian.PutUint64(id[:8], uint64(at.UnixMilli())<<16|uint64(l.rng.IntN(1<<12)))
	id[6], id[8] = id[6]&0x0f|0x70, id[8]&0x3f|0x80
	return id
}

func (l *loader) phone(ctx context.Context) error {
	l.calls = make([]phoned, l.o.Calls)
	for i, at := range l.moments(l.o.Calls) {
		r := l.rng
		c := phoned{id: l.newID(at), at: at, zh: r.Float64() < .8, in: r.Float64() < .85, agent: -1, contact: l.someone(), number: fmt.Sprintf("+861%010d", r.Int64N(10_000_000_000))}
		if r.Float64() < .95 {
			c.answered = at.Add(2*time.Second + l.exp(3*time.Second))
		}
		c.end = at.Add(10*time.Second + l.exp(20*time.Second))
		if !c.answered.IsZero() {
			if c.in {
				c.queue = string(pick(r, queues...).ID)
			}
			if c.end = c.answered.Add(15*time.Second + l.exp(30*time.Second)); r.Float64() < .85 {
				c.agent = r.IntN(len(l.agents))
				c.end = c.answered.Add(30*time.Second + l.exp(4*time.Minute))
			}
		}
		if c.end.After(l.o.Now) {
			c.end = l.o.Now
			c.answered = time.Time{}
			c.agent = -1
		}
		l.calls[i] = c
	}
	n := len(l.calls)
	err := l.copy(ctx, "calls", []string{"id", "state", "direction", "from_number", "to_number", "number_grams", "trunk", "route", "language", "started_at", "answered_at", "ended_at", "consent", "cause", "queue", "agent", "contact_id"}, n, func(i int) []any {
		c := &l.calls[i]
		from, to, direction, user, lang := c.number, "4008001234", "in", "", "en"
		if !c.in {
			from, to, direction = to, from, "out"
		}
		if c.agent >= 0 {
			user = l.agents[c.agent].name
		}
		if c.zh {
			lang = "zh"
		}
		return []any{c.id, "ended", direction, from, to, call.NumberGrams(from, to), "carrier", "main", lang, c.at, pg.OrNull(c.answered), c.end, "announced", "caller_hangup", c.queue, user, c.contact}
	})
	if err != nil {
		return err
	}
	var legs, moods, wraps, feedback, sessions [][]any
	for i := range l.calls {
		c := &l.calls[i]
		legs = append(legs, []any{c.id, 1, "caller", "in", c.number, "PCMA", "udp", c.at, pg.OrNull(c.answered), c.end, 4.1, "customer", ""})
		if c.in && i%3 == 0 {
			sessions = append(sessions, []any{"call", "call:" + c.id.String(), c.at, c.end, c.end})
		}
		if c.agent < 0 {
			continue
		}
		legs = append(legs, []any{c.id, 2, "agent", "out", l.agents[c.agent].name, "OPUS", "ws", c.at, pg.OrNull(c.answered), c.end, 4.3, "agent", l.agents[c.agent].name})
		value := l.rng.Float64() * l.rng.Float64()
		moods = append(moods, []any{c.id, "caller", 8, float32(value), float32(value), float32(l.rng.Float64()*.4 - .2), float32(min(1, value+.2)), int64(1000), int64(4000), "seed"})
		wraps = append(wraps, []any{c.id, l.agents[c.agent].name, pick(l.rng, "solved", "solved", "solved", "answered", "answered", "follow_up", "passed_on", "complaint"), c.end, c.end})
		if i%6 == 0 {
			feedback = append(feedback, []any{"csat", "call", "call:" + c.id.String(), "seed:" + c.id.String(), pick(l.rng, 1, 2, 3, 4, 4, 5, 5, 5, 5), l.agents[c.agent].id, c.end})
		}
	}
	for _, t := range []struct {
		table   string
		columns []string
		rows    [][]any
	}{
		{"legs", []string{"call_id", "n", "side", "direction", "peer", "codec", "transport", "started_at", "answered_at", "ended_at", "mos", "role", "user_name"}, legs},
		{"moods", []string{"call_id", "side", "turns", "now", "value", "trend", "peak", "peak_start_ms", "peak_end_ms", "model"}, moods},
		{"wrap_ups", []string{"call_id", "username", "disposition", "created_at", "updated_at"}, wraps},
		{"feedback", []string{"kind", "source", "reason", "origin", "score", "agent", "at"}, feedback},
		{"bot_sessions", []string{"channel", "subject", "started_at", "last_at", "ended_at"}, sessions},
	} {
		if err := l.copy(ctx, t.table, t.columns, len(t.rows), func(i int) []any { return t.rows[i] }); err != nil {
			return err
		}
	}
	return nil
}

// said are the utterances of one call, on average.
const said = 6

func (l *loader) utterances(ctx context.Context) error {
	// Few different lines, so that their words are made once.
	r := l.shuffled(3)
	type spoken struct {
		text   string
		grams  []string
		vector string
	}
	lines := map[bool][2][]spoken{}
	for _, zh := range []bool{true, false} {
		var both [2][]spoken
		for side := range both {
			for range 1500 {
				s := spoken{text: line(r, zh, side == 0)}
				s.grams = call.TextGrams(s.text)
				if err := l.tx.QueryRow(ctx, `select to_tsvector('english', $1)::text`, call.WithoutHan(s.text)).Scan(&s.vector); err != nil {
					return err
				}
				both[side] = append(both[side], s)
			}
		}
		lines[zh] = both
	}
	if _, err := l.tx.Exec(ctx, `create temporary table seeded (call_id uuid, side text, seq int, start_ms bigint, end_ms bigint, text text, language text, grams text[], words text, at timestamptz) on commit drop`); err != nil {
		return err
	}
	of := make([]int, 0, len(l.calls)*said)
	for i := range l.calls {
		if c := &l.calls[i]; c.agent >= 0 {
			for range 1 + r.IntN(2*said) {
				of = append(of, i)
			}
		}
	}
	last, seq := -1, 0
	err := l.copy(ctx, "seeded", []string{"call_id", "side", "seq", "start_ms", "end_ms", "text", "language", "grams", "words", "at"}, len(of), func(i int) []any {
		if of[i] != last {
			last, seq = of[i], 0
		}
		c := &l.calls[last]
		who, side := seq%2, "caller"
		if who == 1 {
			side = "agent"
		}
		s := &lines[c.zh][who][r.IntN(1500)]
		start := int64(seq) * 6000
		seq++
		lang := "en"
		if c.zh {
			lang = "zh"
		}
		return []any{c.id, side, seq, start, start + 4000, s.text, lang, s.grams, s.vector, c.answered.Add(time.Duration(start) * time.Millisecond)}
	})
	if err != nil {
		return err
	}
	_, err = l.tx.Exec(ctx, `insert into utterances (call_id, side, seq, start_ms, end_ms, text, raw, language, conf, created_at, words, grams)
		select call_id, side, seq, start_ms, end_ms, text, text, language, 0.9, at, words::tsvector, grams from seeded`)
	return err
}
