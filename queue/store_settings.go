package queue

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
)

// The Put and Delete methods run in the caller's transaction, so that a change
// and its audit row are there together. Service.Reload makes them count.

// Queues are all queues with their members, by id.
func (s *Store) Queues(ctx context.Context) ([]Queue, error) {
	members := map[QueueID][]Member{}
	_, err := pg.Rows(ctx, s.db, func(row pgx.CollectableRow) (struct{}, error) {
		var q QueueID
		var m Member
		err := row.Scan(&q, &m.Agent, &m.Order, &m.Weight)
		members[q] = append(members[q], m)
		return struct{}{}, err
	}, `select queue_id, user_id::text, ord, weight from queue_members order by queue_id, ord, user_id`)
	if err != nil {
		return nil, err
	}
	return pg.Rows(ctx, s.db, func(row pgx.CollectableRow) (Queue, error) {
		var q Queue
		var id QueueID
		var doc []byte
		if err := row.Scan(&id, &doc); err != nil {
			return q, err
		}
		err := json.Unmarshal(doc, &q)
		q.ID, q.Members = id, members[id]
		return q, err
	}, `select id, settings from queues order by id`)
}

// First puts a queue into a store that has none; added tells whether it did.
func (s *Store) First(ctx context.Context, q Queue) (added bool, err error) {
	err = s.db.Tx(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock(hashtext('tingxin.queue.first'))`); err != nil {
			return err
		}
		var n int
		if err := tx.QueryRow(ctx, `select count(*) from queues`).Scan(&n); err != nil || n > 0 {
			return err
		}
		added = true
		return s.PutQueue(ctx, tx, q)
	})
	return added, err
}

// PutQueue adds or changes a queue and sets its members.
func (s *Store) PutQueue(ctx context.Context, tx pgx.Tx, q Queue) error {
	if err := q.Check(); err != nil {
		return err
	}
	members := q.Members
	q.Members = nil
	doc, err := json.Marshal(q)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `insert into queues (id, name, settings, calendar) values ($1, $2, $3, nullif($4, ''))
		on conflict (id) do update set name = $2, settings = $3, calendar = nullif($4, ''), updated_at = now()`, q.ID, q.Name, json.RawMessage(doc), q.Calendar)
	if err != nil {
		return fmt.Errorf("queue %s: %w", q.ID, pg.Map(err))
	}
	if _, err = tx.Exec(ctx, `delete from queue_members where queue_id = $1`, q.ID); err != nil {
		return fmt.Errorf("queue %s: %w", q.ID, err)
	}
	for _, m := range members {
		or(&m.Weight, 1)
		if _, err := tx.Exec(ctx, `insert into queue_members (queue_id, user_id, ord, weight) values ($1, $2::bigint, $3, $4)`, q.ID, m.Agent, m.Order, m.Weight); err != nil {
			return fmt.Errorf("queue %s: member %s: %w", q.ID, m.Agent, pg.Map(err))
		}
	}
	return nil
}

// ClosedFlow is the flow of those whom a queue sends on and no flow waits for; empty when there is none.
func (s *Store) ClosedFlow(ctx context.Context, id QueueID) (string, error) {
	return pg.Row(ctx, s.db, pgx.RowTo[string], `select coalesce(settings ->> 'closed_flow', '') from queues where id = $1`, string(id))
}

// DeleteQueue takes a queue and its history away; ErrState while work is in it.
func (s *Store) DeleteQueue(ctx context.Context, tx pgx.Tx, id QueueID) error {
	var open bool
	if err := tx.QueryRow(ctx, `select exists (select from queue_work where queue_id = $1 and phase <> 'ended')`, id).Scan(&open); err != nil {
		return err
	}
	if open {
		return fmt.Errorf("queue %s holds work: %w", id, ErrState)
	}
	if _, err := tx.Exec(ctx, `delete from queue_work where queue_id = $1`, id); err != nil {
		return err
	}
	if err := gone(tx.Exec(ctx, `delete from queues where id = $1`, id)); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `insert into past_queues (id) values ($1) on conflict (id) do update set gone_at = now()`, id)
	return pg.Map(err)
}

// gone makes pg.ErrNotFound of a delete that found nothing.
func gone(tag interface{ RowsAffected() int64 }, err error) error {
	if err == nil && tag.RowsAffected() == 0 {
		return pg.ErrNotFound
	}
	return pg.Map(err)
}

// Skill is something an agent can be good at.
type Skill struct {
	Name  string `json:"name" yaml:"name"`
	Label string `json:"label" yaml:"label"`
}

// Skills are all skills, by name.
func (s *Store) Skills(ctx context.Context) ([]Skill, error) {
	return pg.Rows(ctx, s.db, pgx.RowToStructByPos[Skill], `select name, label from queue_skills order by name`)
}

// PutSkill adds or renames a skill.
func (s *Store) PutSkill(ctx context.Context, tx pgx.Tx, k Skill) error {
	if err := CheckName("skill", k.Name); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `insert into queue_skills (name, label) values ($1, $2) on conflict (name) do update set label = $2, updated_at = now()`, k.Name, k.Label)
	return pg.Map(err)
}

// DeleteSkill takes a skill away, from its agents too.
func (s *Store) DeleteSkill(ctx context.Context, tx pgx.Tx, name string) error {
	return gone(tx.Exec(ctx, `delete from queue_skills where name = $1`, name))
}

// Calendars are all calendars, by name, not yet prepared.
func (s *Store) Calendars(ctx context.Context) ([]Calendar, error) {
	return pg.Rows(ctx, s.db, func(row pgx.CollectableRow) (Calendar, error) {
		var c Calendar
		var doc []byte
		if err := row.Scan(&c.Name, &doc); err != nil {
			return c, err
		}
		name := c.Name
		err := json.Unmarshal(doc, &c)
		c.Name = name
		return c, err
	}, `select name, doc from queue_calendars order by name`)
}

// PutCalendar adds or changes a calendar.
func (s *Store) PutCalendar(ctx context.Context, tx pgx.Tx, c Calendar) error {
	if err := c.Prepare(); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `insert into queue_calendars (name, doc) values ($1, $2) on conflict (name) do update set doc = $2, updated_at = now()`, c.Name, c)
	return pg.Map(err)
}

// DeleteCalendar takes a calendar away; ErrState while a queue has it.
func (s *Store) DeleteCalendar(ctx context.Context, tx pgx.Tx, name string) error {
	var used bool
	if err := tx.QueryRow(ctx, `select exists (select from queues where calendar = $1)`, name).Scan(&used); err != nil {
		return err
	}
	if used {
		return fmt.Errorf("calendar %s has queues: %w", name, ErrState)
	}
	return gone(tx.Exec(ctx, `delete from queue_calendars where name = $1`, name))
}

// AgentProfile is an agent with the account behind it.
type AgentProfile struct {
	Profile
	Username string `json:"username"`
	Disabled bool   `json:"disabled"`
}

// Profiles are all agents, by id, those with disabled accounts too.
func (s *Store) Profiles(ctx context.Context) ([]AgentProfile, error) {
	return pg.Rows(ctx, s.db, func(row pgx.CollectableRow) (AgentProfile, error) {
		var p AgentProfile
		var names []string
		var levels []float64
		err := row.Scan(&p.ID, &p.Name, &p.Username, &p.Disabled, &p.Capacity, &p.Languages, &p.Desk, &names, &levels)
		p.Skills = map[string]float64{}
		for i, name := range names {
			p.Skills[name] = levels[i]
		}
		return p, err
	}, `select a.user_id::text, coalesce(nullif(u.name, ''), u.username), u.username, u.disabled, a.capacity, a.languages, a.desk,
			coalesce(array_agg(s.skill order by s.skill) filter (where s.skill is not null), '{}'), coalesce(array_agg(s.level order by s.skill) filter (where s.skill is not null), '{}')
		from agents a join users u on u.id = a.user_id left join agent_skills s on s.user_id = a.user_id
		group by a.user_id, u.name, u.username, u.disabled order by a.user_id`)
}

// PutAgent makes a user an agent, or changes what the agent can take.
func (s *Store) PutAgent(ctx context.Context, tx pgx.Tx, p Profile) error {
	if err := p.check(); err != nil {
		return err
	}
	if p.Languages == nil {
		p.Languages = []string{}
	}
	_, err := tx.Exec(ctx, `insert into agents (user_id, capacity, languages, desk) values ($1::bigint, $2, $3, $4)
		on conflict (user_id) do update set capacity = $2, languages = $3, desk = $4, updated_at = now()`, p.ID, p.Capacity, p.Languages, p.Desk)
	if err != nil {
		return fmt.Errorf("agent %s: %w", p.ID, pg.Map(err))
	}
	if _, err := tx.Exec(ctx, `delete from agent_skills where user_id = $1::bigint`, p.ID); err != nil {
		return err
	}
	for _, name := range sortedKeys(p.Skills) {
		if _, err := tx.Exec(ctx, `insert into agent_skills (user_id, skill, level) values ($1::bigint, $2, $3)`, p.ID, name, p.Skills[name]); err != nil {
			return fmt.Errorf("agent %s: skill %s: %w", p.ID, name, pg.Map(err))
		}
	}
	return nil
}

// DeleteAgent makes an agent a plain user again.
func (s *Store) DeleteAgent(ctx context.Context, tx pgx.Tx, id AgentID) error {
	return gone(tx.Exec(ctx, `delete from agents where user_id = $1::bigint`, id))
}
