package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
)

// loaded is everything a Router starts from.
type loaded struct {
	Saved
	calendars map[string]*Calendar
}

// load reads the settings, the agents, the open work and offers, and today's counts.
func (s *Store) load(ctx context.Context, midnight time.Time) (*loaded, error) {
	l := &loaded{}
	var err error
	if l.calendars, err = s.loadCalendars(ctx); err != nil {
		return nil, fmt.Errorf("calendars: %w", err)
	}
	if l.Queues, err = s.Queues(ctx); err != nil {
		return nil, fmt.Errorf("queues: %w", err)
	}
	if l.Agents, err = s.loadAgents(ctx); err != nil {
		return nil, fmt.Errorf("agents: %w", err)
	}
	if l.Items, err = pg.Rows(ctx, s.db, scanItem, `select item from queue_work where phase <> 'ended' order by entered_at, id`); err != nil {
		return nil, fmt.Errorf("open work: %w", err)
	}
	l.Offers, err = pg.Rows(ctx, s.db, pgx.RowToStructByPos[Offer], `select token, work_id, queue_id, agent_id::text, at, deadline from queue_offers where ended_at is null order by at, token`)
	if err != nil {
		return nil, fmt.Errorf("open offers: %w", err)
	}
	if l.Tally, err = s.loadTally(ctx, midnight); err != nil {
		return nil, fmt.Errorf("today's counts: %w", err)
	}
	l.Same, err = pg.Rows(ctx, s.db, pgx.RowToStructByPos[LastAgent], `select distinct on (item->>'contact') item->>'contact', agent_id::text, ended_at from queue_work
		where phase = 'ended' and answered_at is not null and agent_id is not null and ended_at > now() - interval '72 hours' and item ? 'contact'
		order by item->>'contact', ended_at desc limit 50000`)
	if err != nil {
		return nil, fmt.Errorf("last agents: %w", err)
	}
	return l, nil
}

func scanItem(row pgx.CollectableRow) (Item, error) {
	var doc json.RawMessage
	var it Item
	if err := row.Scan(&doc); err != nil {
		return it, err
	}
	err := json.Unmarshal(doc, &it)
	return it, err
}

func (s *Store) loadCalendars(ctx context.Context) (map[string]*Calendar, error) {
	all, err := s.Calendars(ctx)
	if err != nil {
		return nil, err
	}
	byName := map[string]*Calendar{}
	for i := range all {
		if err := all[i].Prepare(); err != nil {
			return nil, err
		}
		byName[all[i].Name] = &all[i]
	}
	return byName, nil
}

// loadAgents joins profiles and states. Accounts that were disabled take no work.
func (s *Store) loadAgents(ctx context.Context) ([]Agent, error) {
	type row struct {
		agent AgentID
		state []byte
	}
	profiles, err := s.Profiles(ctx)
	if err != nil {
		return nil, err
	}
	states, err := pg.Rows(ctx, s.db, func(r pgx.CollectableRow) (row, error) {
		var one row
		err := r.Scan(&one.agent, &one.state)
		return one, err
	}, `select user_id::text, state from agents where state is not null`)
	if err != nil {
		return nil, err
	}
	byID := map[AgentID][]byte{}
	for _, r := range states {
		byID[r.agent] = r.state
	}
	agents := make([]Agent, 0, len(profiles))
	for _, p := range profiles {
		if p.Disabled {
			continue
		}
		var a Agent
		if doc := byID[p.ID]; doc != nil {
			if err := json.Unmarshal(doc, &a); err != nil {
				return nil, fmt.Errorf("state of agent %s: %w", p.ID, err)
			}
		}
		a.Profile = p.Profile
		agents = append(agents, a)
	}
	return agents, nil
}

// loadTally counts the rows of today by the minute.
func (s *Store) loadTally(ctx context.Context, midnight time.Time) ([]Tally, error) {
	return pg.Rows(ctx, s.db, func(r pgx.CollectableRow) (Tally, error) {
		var t Tally
		var handle float64
		err := r.Scan(&t.Queue, &t.Minute, &t.Entered, &t.InTime, &t.Late, &t.Lost, &t.Early, &t.Short, &handle)
		t.Handle = time.Duration(handle * float64(time.Second))
		return t, err
	}, `with w as (
		select w.*, coalesce((q.settings->'level'->>'within')::bigint, 0) as within_ns, w.queue_id as q from queue_work w join queues q on q.id = w.queue_id
		where (w.entered_at >= $1 or w.answered_at >= $1 or w.ended_at >= $1) and w.id not like 'entry:%'
	), limits as (
		select *, case when within_ns > 0 then within_ns / 1000000 else 20000 end as within_ms, extract(epoch from ended_at - since) * 1000 as gone_ms from w
	), facts as (
		select q, date_trunc('minute', entered_at) as minute, 'entered' as what, null::float8 as handle from limits where entered_at >= $1
		union all select q, date_trunc('minute', answered_at), case when wait_ms <= within_ms then 'in' else 'late' end, null from limits where answered_at >= $1
		union all select q, date_trunc('minute', ended_at), case when cause = 'short_abandon' then 'short' when gone_ms <= within_ms then 'early' else 'lost' end, null from limits
			where ended_at >= $1 and cause in ('abandoned', 'short_abandon')
		union all select q, date_trunc('minute', ended_at), 'ended', extract(epoch from ended_at - answered_at) from limits where ended_at >= $1 and answered_at is not null
	)
	select q, minute, count(*) filter (where what = 'entered')::int, count(*) filter (where what = 'in')::int, count(*) filter (where what = 'late')::int,
		count(*) filter (where what = 'lost')::int, count(*) filter (where what = 'early')::int, count(*) filter (where what = 'short')::int, coalesce(avg(handle), 0)::float8
	from facts group by q, minute order by minute, q`, midnight)
}

// closeOffers ends the rows of offers that no router knows any more.
func (s *Store) closeOffers(ctx context.Context, known []Token) error {
	_, err := s.db.Exec(ctx, `update queue_offers set ended_at = now(), reason = 'restart' where ended_at is null and not token = any($1)`, texts(known))
	return err
}

func texts[T ~string](in []T) []string {
	out := make([]string, len(in))
	for i, v := range in {
		out[i] = string(v)
	}
	return out
}

// Work is the last stay of a piece of work, ended or not.
func (s *Store) Work(ctx context.Context, id WorkID) (Item, error) {
	return pg.Row(ctx, s.db, scanItem, `select item from queue_work where id = $1 order by entered_at desc limit 1`, id)
}

// Decisions are the reasons for a piece of work's assignments, newest first, at most 50.
func (s *Store) Decisions(ctx context.Context, id WorkID) ([]Decision, error) {
	return pg.Rows(ctx, s.db, func(row pgx.CollectableRow) (Decision, error) {
		var d Decision
		var doc []byte
		err := row.Scan(&doc)
		return d, errors.Join(err, json.Unmarshal(doc, &d))
	}, `select doc from queue_decisions where work_id = $1 order by at desc, id desc limit 50`, id)
}

// StateAt is one line of an agent's history.
type StateAt struct {
	State  State     `json:"state"`
	Reason string    `json:"reason"`
	At     time.Time `json:"at"`
}

// History is an agent's states, newest first.
func (s *Store) History(ctx context.Context, agent AgentID, limit int) ([]StateAt, error) {
	return pg.Rows(ctx, s.db, pgx.RowToStructByPos[StateAt], `select state, reason, at from agent_states where user_id = $1::bigint order by at desc, id desc limit $2`, agent, limit)
}
