package kb

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
)

// EventKind is what happened to an article.
type EventKind string

// Kinds of events.
const (
	Shown   EventKind = "shown"   // a reader or an agent saw it
	Clicked EventKind = "clicked" // chosen from several
	Sent    EventKind = "sent"    // by an agent as it is
	Edited  EventKind = "edited"  // by an agent, after changing it
	Up      EventKind = "up"      // it solved the matter
	Down    EventKind = "down"    // it did not
)

// Event is one of them.
type Event struct {
	Article      int64     `json:"article"`
	Kind         EventKind `json:"kind" enum:"shown,clicked,sent,edited,up,down"`
	Channel      string    `json:"channel,omitempty" maxLength:"20" doc:"where: help, bot, assist, ..."`
	Conversation string    `json:"conversation,omitempty" maxLength:"64"`
	Actor        string    `json:"-"` // user name; empty for customers
	P            float64   `json:"p,omitempty" minimum:"0" maximum:"1"`
	Distance     int       `json:"distance,omitempty" minimum:"0" maximum:"65536" doc:"of edited: characters changed before sending"`
}

// MaxEvents is how many events one call of Record takes.
const MaxEvents = 100

// Votes is a Beta distribution over "this article solves the matter".
type Votes struct {
	Up   float64 `json:"up"` // with half-life
	Down float64 `json:"down"`
}

// voteHalfLife is how long a vote takes to count half.
const voteHalfLife = 60 * 24 * time.Hour

// Mean of Beta(1+up, 1+down).
func (v Votes) Mean() float64 { return (1 + v.Up) / (2 + v.Up + v.Down) }

// Record keeps events. An article that is gone is pg.ErrNotFound, and nothing is kept.
func (s *Store) Record(ctx context.Context, events ...Event) error {
	if len(events) == 0 {
		return nil
	}
	if len(events) > MaxEvents {
		return wrong("%d events at once, %d are allowed", len(events), MaxEvents)
	}
	rows := &pgx.Batch{}
	at := s.now()
	for i := range events {
		e := &events[i]
		if !slices.Contains([]EventKind{Shown, Clicked, Sent, Edited, Up, Down}, e.Kind) || len(e.Channel) > 20 || len(e.Conversation) > 64 || !(e.P >= 0 && e.P <= 1) || e.Distance < 0 {
			return wrong("event %d is not one", i+1)
		}
		rows.Queue(`insert into kb_events (article_id, kind, at, channel, conversation, actor, p, distance) values ($1, $2, $3, $4, $5, $6, nullif($7, 0), nullif($8, 0))`,
			e.Article, e.Kind, at, line(e.Channel), line(e.Conversation), e.Actor, float32(e.P), e.Distance)
	}
	if err := s.db.Tx(ctx, func(tx pgx.Tx) error { return tx.SendBatch(ctx, rows).Close() }); err != nil {
		return fmt.Errorf("keep events of articles: %w", err)
	}
	return nil
}

// votes of every article that has some, and the mean over all articles. Votes older
// than a year count less than two hundredths and are left out.
func (s *Store) votes(ctx context.Context) (map[int64]Votes, Votes, error) {
	m := map[int64]Votes{}
	var all Votes
	var id int64
	var v Votes
	err := each(ctx, s.db, `select article_id, coalesce(sum(w) filter (where kind = 'up'), 0)::float8, coalesce(sum(w) filter (where kind = 'down'), 0)::float8
		from (select article_id, kind, power(0.5, extract(epoch from $1::timestamptz - at)::float8 / $2::float8) as w from kb_events
			where kind in ('up', 'down') and at > $1::timestamptz - interval '1 year') e group by article_id`,
		[]any{&id, &v.Up, &v.Down}, func() {
			m[id] = v
			all.Up, all.Down = all.Up+v.Up, all.Down+v.Down
		}, s.now(), voteHalfLife.Seconds())
	if err != nil {
		return nil, Votes{}, fmt.Errorf("votes of articles: %w", err)
	}
	return m, all, nil
}

// How far votes may move a probability.
const (
	maxLift  = 0.5 // of log odds
	fullLift = 20  // votes at which half of the difference counts
)

// lift is what an article's votes add to the log odds that it helps: how much better
// or worse than all articles together they are, for as many votes as there are.
func lift(v, prior Votes) float64 {
	n := v.Up + v.Down
	if n == 0 {
		return 0
	}
	logit := func(p float64) float64 { return math.Log(p / (1 - p)) }
	return math.Max(-maxLift, math.Min(maxLift, (logit(v.Mean())-logit(prior.Mean()))*n/(n+fullLift)))
}

// lifted is a probability after adding to its log odds; 0 and 1 stay.
func lifted(p, by float64) float64 {
	if by == 0 || p <= 0 || p >= 1 {
		return p
	}
	return 1 / (1 + (1-p)/p*math.Exp(-by))
}

// Acceptance is how agents and readers took an article in some days.
type Acceptance struct {
	Shown   int `json:"shown"`
	Clicked int `json:"clicked"`
	Sent    int `json:"sent"`
	Edited  int `json:"edited"`
	Up      int `json:"up"`
	Down    int `json:"down"`
	// MeanDistance is how many characters were changed when it was edited.
	MeanDistance float64 `json:"mean_distance"`
}

// Acceptance of an article since a time.
func (s *Store) Acceptance(ctx context.Context, id int64, since time.Time) (Acceptance, error) {
	a, err := pg.Row(ctx, s.db, pgx.RowToStructByPos[Acceptance], `select count(*) filter (where kind = 'shown')::int, count(*) filter (where kind = 'clicked')::int, count(*) filter (where kind = 'sent')::int,
		count(*) filter (where kind = 'edited')::int, count(*) filter (where kind = 'up')::int, count(*) filter (where kind = 'down')::int, coalesce(avg(distance) filter (where kind = 'edited'), 0)::float8
		from kb_events where article_id = $1 and at >= $2`, id, since)
	if err != nil {
		return a, fmt.Errorf("acceptance of article %d: %w", id, err)
	}
	return a, nil
}

// ExpireEvents removes events older than a day, a part at a time; it says how many.
func (s *Store) ExpireEvents(ctx context.Context, before time.Time) (int64, error) {
	var total int64
	for {
		n, err := s.db.Exec(ctx, `delete from kb_events where id in (select id from kb_events where at < $1 order by at limit 5000)`, before)
		total += n
		if err != nil || n < 5000 {
			return total, err
		}
	}
}
