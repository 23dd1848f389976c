package rules

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/outbound"
	"tingxin/pg"
	"tingxin/rules/plan"
)

const (
	// hookTime bounds one letter.
	hookTime = 10 * time.Second
	// maxOpen is how many letters may wait for one target; more are dead at once.
	maxOpen     = 10_000
	defaultRate = 10
	maxAnswer   = 64 << 10
	maxLetter   = 256 << 10
)

// hookBackoff is the wait before each further attempt: a day and a half in all.
var hookBackoff = []time.Duration{5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, time.Hour, 3 * time.Hour, 8 * time.Hour, 24 * time.Hour}

// post puts a letter on its way in the transaction of its event.
func (s *Service) post(ctx context.Context, tx pgx.Tx, target string, e *happened, typ, byRule string) error {
	now := s.now().UTC()
	_, err := tx.Exec(ctx, `insert into hook_deliveries (target, event_id, object, object_id, type, by_rule, state, reason, next_at, created_at, done_at)
		select $1, $2, $3, $4, $5, $6, case when full_up then 'dead' else 'waiting' end, case when full_up then 'too many wait' else '' end, $7, $7, case when full_up then $7::timestamptz end
		from (select count(*) >= $8 as full_up from (select 1 from hook_deliveries where target = $1 and state in ('waiting', 'sending') limit $8) x) y
		on conflict do nothing`, target, e.ID, e.Object, e.ObjectID, typ, byRule, now, maxOpen)
	return pg.Map(err)
}

// letter is a row of hook_deliveries with its event.
type letter struct {
	ID       int64
	Target   string
	Type     string
	ByRule   string
	Attempts int
	Event    happened
}

// Letter is what a target gets.
type Letter struct {
	ID      string         `json:"id" doc:"the same for every attempt: remove duplicates by it"`
	Type    string         `json:"type"`
	At      time.Time      `json:"at" doc:"when it happened"`
	Object  LetterObject   `json:"object"`
	Changed []string       `json:"changed,omitempty" doc:"fields that changed"`
	By      string         `json:"by,omitempty" doc:"user name, customer, bot, system, rule:NAME"`
	Rule    string         `json:"rule,omitempty" doc:"the rule or macro that sent it"`
	Data    map[string]any `json:"data" doc:"how the object stood after it: ids and states"`
	Texts   map[string]any `json:"texts,omitempty" doc:"what people wrote, for targets that ask for it, as it reads when the letter is sent"`
}

// LetterObject names what it happened to.
type LetterObject struct {
	Kind string `json:"kind" enum:"conversation,ticket,call,contact,queue"`
	ID   string `json:"id"`
}

// deliverNext sends one letter; more says that there may be another.
func (s *Service) deliverNext(ctx context.Context) (more bool, err error) {
	b := s.book.Load()
	l, err := s.claimLetter(ctx, s.fullTargets(b))
	if errors.Is(err, pg.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("claim a letter: %w", err)
	}
	t := b.Targets[l.Target]
	if t == nil || t.Off {
		return true, s.settle(ctx, &l, outcome{dead: true, reason: "the target is off or gone"})
	}
	if !s.depart(l.Target, t) { // another worker was quicker; that was no attempt
		_, err := s.db.Exec(ctx, `update hook_deliveries set state = 'waiting', claimed_until = null, attempts = attempts - 1 where id = $1`, l.ID)
		return true, err
	}
	defer s.arrive(l.Target)
	began := time.Now()
	out := s.send(ctx, t, &l)
	out.took = time.Since(began)
	if ctx.Err() != nil {
		return false, nil // it is sent again once its claim is over
	}
	return true, s.settle(ctx, &l, out)
}

// claimLetter takes a letter whose time has come, the oldest of its object and target first, none for full targets.
func (s *Service) claimLetter(ctx context.Context, full []string) (letter, error) {
	now := s.now().UTC()
	return pg.Row(ctx, s.db, func(row pgx.CollectableRow) (letter, error) {
		var l letter
		e := &l.Event
		err := row.Scan(&l.ID, &l.Target, &l.Type, &l.ByRule, &l.Attempts, &e.ID, &e.Type, &e.Object, &e.ObjectID, &e.Ref, &e.Changed, &e.Facts, &e.Actor, &e.Rule, &e.At)
		return l, err
	}, `with one as (update hook_deliveries set state = 'sending', claimed_until = $2, attempts = attempts + 1 where id =
			(select o.id from hook_deliveries o where o.state in ('waiting', 'sending') and o.next_at <= $1 and (o.state = 'waiting' or o.claimed_until <= $1) and o.target <> all($3)
				and not exists (select from hook_deliveries b where b.state in ('waiting', 'sending') and b.target = o.target and b.object = o.object and b.object_id = o.object_id and b.id < o.id)
				order by o.next_at, o.id limit 1 for update skip locked)
			returning id, target, type, by_rule, attempts, event_id)
		select one.id, one.target, one.type, one.by_rule, one.attempts, e.id, e.type, e.object, e.object_id, coalesce(e.ref, 0), e.changed, e.facts, e.actor, e.rule, e.at
		from one join rule_events e on e.id = one.event_id`, now, now.Add(claimTime), full)
}

// mostFlying is how many letters of one target may be on their way at once: one that does not answer
// leaves the other workers to the others.
const mostFlying = hookWorkers / 2

// pace counts the letters of a target: of this second, and on their way.
type pace struct {
	second    int64
	n, flying int
}

func (p *pace) full(t *plan.Target, second int64) bool {
	rate := defaultRate
	if t != nil && t.Rate > 0 {
		rate = t.Rate
	}
	return p.flying >= mostFlying || p.second == second && p.n >= rate
}

// fullTargets are those that get no letter now: they have as many as they want of this second, or do not answer.
func (s *Service) fullTargets(b *book) []string {
	second, out := s.now().Unix(), []string{}
	s.paceMu.Lock()
	defer s.paceMu.Unlock()
	for target, p := range s.pace {
		if p.full(b.Targets[target], second) {
			out = append(out, target)
		}
	}
	return out
}

// depart counts a letter that goes out, or says that the target is full.
func (s *Service) depart(target string, t *plan.Target) bool {
	second := s.now().Unix()
	s.paceMu.Lock()
	defer s.paceMu.Unlock()
	p := s.pace[target]
	if p == nil {
		p = &pace{}
		s.pace[target] = p
	}
	if p.full(t, second) {
		return false
	}
	if p.second != second {
		p.second, p.n = second, 0
	}
	p.n++
	p.flying++
	return true
}

func (s *Service) arrive(target string) {
	s.paceMu.Lock()
	s.pace[target].flying--
	s.paceMu.Unlock()
}

// outcome is what became of an attempt.
type outcome struct {
	sent, dead bool
	status     int
	reason     string
	after      time.Duration // what the other side asks for
	took       time.Duration
}

func (s *Service) settle(ctx context.Context, l *letter, o outcome) error {
	now := s.now().UTC()
	state, next := "sent", now
	var done *time.Time
	switch {
	case o.sent:
		s.sent.Add(1)
		done = &now
	case o.dead || l.Attempts > len(hookBackoff):
		state, done = "dead", &now
		s.dead.Add(1)
	default:
		state, next = "waiting", now.Add(max(hookBackoff[l.Attempts-1], o.after))
		s.again.Add(1)
	}
	_, err := s.db.Exec(ctx, `update hook_deliveries set state = $2, claimed_until = null, next_at = $3, status = $4, reason = $5, took_ms = $6, done_at = $7 where id = $1 and state = 'sending'`,
		l.ID, state, next, o.status, o.reason, o.took.Milliseconds(), done)
	return err
}

// body makes the letter; its form depends on the event and the target only, so that an attempt is like the one before.
func (s *Service) body(ctx context.Context, t *plan.Target, l *letter) ([]byte, error) {
	e := &l.Event
	doc := Letter{ID: "e" + strconv.FormatInt(e.ID, 10), Type: l.Type, At: e.At.UTC(), Object: LetterObject{e.Object, e.ObjectID}, Changed: e.Changed, By: e.Actor, Rule: l.ByRule, Data: e.Facts}
	if t.Texts {
		f := s.factsOf(ctx, e)
		doc.Texts = map[string]any{}
		for _, field := range []string{"message.text", "conversation.subject", "ticket.subject", "ticket.text", "contact.name"} {
			if v, ok := f.Value(field).(string); ok && v != "" {
				doc.Texts[field] = v
			}
		}
		if f.err != nil {
			return nil, f.err
		}
	}
	b, err := json.Marshal(doc)
	if err == nil && len(b) > maxLetter {
		return nil, errLong
	}
	return b, err
}

var errLong = errors.New("the letter is too long")

func (s *Service) send(ctx context.Context, t *plan.Target, l *letter) outcome {
	body, err := s.body(ctx, t, l)
	if errors.Is(err, errLong) {
		return outcome{dead: true, reason: err.Error()}
	}
	if err != nil {
		return outcome{reason: "database"}
	}
	return s.attempt(ctx, t, "e"+strconv.FormatInt(l.Event.ID, 10), body)
}

// attempt makes one attempt.
func (s *Service) attempt(ctx context.Context, t *plan.Target, id string, body []byte) outcome {
	if err := s.guard.CheckURL(t.URL); err != nil {
		s.blocked.Add(1)
		return outcome{dead: true, reason: err.Error()}
	}
	ctx, cancel := context.WithTimeout(ctx, hookTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.URL, bytes.NewReader(body))
	if err != nil {
		return outcome{dead: true, reason: "no address"}
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", id)
	req.Header.Set("User-Agent", "Tingxin")
	req.Header.Set(outbound.Header, outbound.Sign(t.Secret, s.now(), body))
	resp, err := s.client.Do(req)
	switch {
	case errors.Is(err, outbound.ErrAddress):
		s.blocked.Add(1)
		return outcome{dead: true, reason: outbound.ErrAddress.Error()}
	case errors.Is(err, context.DeadlineExceeded):
		return outcome{reason: "no answer in time"}
	case err != nil:
		return outcome{reason: "no connection"}
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxAnswer)) // so that the connection is used again
	out := outcome{status: resp.StatusCode}
	switch code := resp.StatusCode; {
	case code >= 200 && code < 300:
		out.sent = true
	case code == http.StatusRequestTimeout || code == http.StatusTooManyRequests || code >= 500:
		if n, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && n > 0 {
			out.after = time.Duration(min(n, 3600)) * time.Second
		}
	default:
		out.dead = true
	}
	return out
}

// Tried is how a test letter fared.
type Tried struct {
	OK     bool   `json:"ok"`
	Status int    `json:"status,omitempty"`
	Reason string `json:"reason,omitempty"`
	TookMS int64  `json:"took_ms"`
}

// ErrTarget: there is no such target.
var ErrTarget = errors.New("there is no such target")

// Try sends a letter of type "ping" to a target at once.
func (s *Service) Try(ctx context.Context, target string) (Tried, error) {
	t := s.book.Load().Targets[target]
	if t == nil {
		return Tried{}, ErrTarget
	}
	now := s.now().UTC()
	id := "ping-" + strconv.FormatInt(now.UnixNano(), 36)
	body, err := json.Marshal(Letter{ID: id, Type: "ping", At: now, Data: map[string]any{}})
	if err != nil {
		return Tried{}, err
	}
	began := time.Now()
	o := s.attempt(ctx, t, id, body)
	return Tried{OK: o.sent, Status: o.status, Reason: o.reason, TookMS: time.Since(began).Milliseconds()}, nil
}

// Delivery is a letter as lists show it.
type Delivery struct {
	ID        int64      `json:"id"`
	Target    string     `json:"target"`
	Event     int64      `json:"event"`
	Type      string     `json:"type"`
	Object    string     `json:"object" enum:"conversation,ticket,call,contact,queue"`
	ObjectID  string     `json:"object_id"`
	ByRule    string     `json:"by_rule,omitempty"`
	State     string     `json:"state" enum:"waiting,sending,sent,dead"`
	Attempts  int        `json:"attempts"`
	Status    int        `json:"status,omitempty" doc:"of the last answer"`
	Reason    string     `json:"reason,omitempty"`
	TookMS    int        `json:"took_ms"`
	Replays   int        `json:"replays"`
	NextAt    time.Time  `json:"next_at"`
	CreatedAt time.Time  `json:"created_at"`
	DoneAt    *time.Time `json:"done_at,omitempty"`
}

// Deliveries are the latest letters, of one target and in one state when these are given, with an id
// below before when that is not 0.
func (s *Service) Deliveries(ctx context.Context, target, state string, before int64, limit int) ([]Delivery, error) {
	return pg.Rows(ctx, s.db, pgx.RowToStructByPos[Delivery], `select id, target, event_id, type, object, object_id, by_rule, state, attempts, status, reason, took_ms, replays, next_at, created_at, done_at
		from hook_deliveries where ($1 = '' or target = $1) and ($2 = '' or state = $2) and ($3::bigint = 0 or id < $3) order by id desc limit $4`, target, state, before, limit)
}

// Replay sends letters again that are dead or sent, in order; of a target all dead ones when no id is
// given. It returns how many.
func (s *Service) Replay(ctx context.Context, tx pgx.Tx, target string, ids []int64) (int64, error) {
	tag, err := tx.Exec(ctx, `update hook_deliveries set state = 'waiting', attempts = 0, next_at = $3, claimed_until = null, done_at = null, replays = replays + 1, reason = ''
		where id in (select id from hook_deliveries where target = $1 and case when coalesce(cardinality($2::bigint[]), 0) = 0 then state = 'dead' else id = any($2) and state in ('dead', 'sent') end order by id limit 1000)`,
		target, ids, s.now().UTC())
	return tag.RowsAffected(), pg.Map(err)
}
