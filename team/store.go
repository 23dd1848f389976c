package team

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
)

// ErrUnknown says that a team names a user or a queue that there is not.
var ErrUnknown = errors.New("there is no such user or queue")

// Doc is a team as people write it.
type Doc struct {
	ID      string   `json:"id" yaml:"id" pattern:"^[a-z0-9][a-z0-9_-]{0,63}$"`
	Name    string   `json:"name,omitempty" yaml:"name" maxLength:"100"`
	Members []string `json:"members" yaml:"members" maxItems:"2000" doc:"user names"`
	Queues  []string `json:"queues" yaml:"queues" maxItems:"500" doc:"ids of queues; each is one team's"`
}

// Store keeps teams and the rules of roles. Safe for concurrent use.
type Store struct {
	db *pg.DB
}

// NewStore makes a Store.
func NewStore(db *pg.DB) *Store { return &Store{db} }

// All are the teams by id, members and queues in the order of their names.
func (s *Store) All(ctx context.Context) ([]Doc, error) {
	all, err := pg.Rows(ctx, s.db, pgx.RowToStructByPos[Doc], `select t.id, t.name,
		array(select u.username from team_members m join users u on u.id = m.user_id where m.team_id = t.id order by u.username),
		array(select q.queue_id from team_queues q where q.team_id = t.id order by q.queue_id) from teams t order by t.id`)
	if err != nil {
		return nil, fmt.Errorf("teams: %w", err)
	}
	return all, nil
}

// Put adds a team or changes it to what d says. A queue that was another team's is this one's from then on.
func (s *Store) Put(ctx context.Context, tx pgx.Tx, d Doc) error {
	d.tidy()
	if _, err := tx.Exec(ctx, `insert into teams (id, name) values ($1, $2) on conflict (id) do update set name = $2, updated_at = now()`, d.ID, d.Name); err != nil {
		return fmt.Errorf("team %s: %w", d.ID, pg.Map(err))
	}
	if _, err := tx.Exec(ctx, `delete from team_members where team_id = $1`, d.ID); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `delete from team_queues where team_id = $1 or queue_id = any($2)`, d.ID, d.Queues); err != nil {
		return err
	}
	members, err := tx.Exec(ctx, `insert into team_members (team_id, user_id) select $1, id from users where username = any($2)`, d.ID, d.Members)
	if err != nil {
		return err
	}
	queues, err := tx.Exec(ctx, `insert into team_queues (queue_id, team_id) select id, $1 from queues where id = any($2)`, d.ID, d.Queues)
	if err != nil {
		return err
	}
	if int(members.RowsAffected()) != len(d.Members) || int(queues.RowsAffected()) != len(d.Queues) {
		return fmt.Errorf("team %s: %w", d.ID, ErrUnknown)
	}
	return nil
}

// tidy brings a document into the form in which All gives it.
func (d *Doc) tidy() {
	for i := range d.Members {
		d.Members[i] = strings.ToLower(strings.TrimSpace(d.Members[i]))
	}
	for _, list := range []*[]string{&d.Members, &d.Queues} {
		if *list == nil {
			*list = []string{}
		}
		*list = slices.Clone(*list)
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
}

// Same tells whether two documents say the same.
func (d Doc) Same(o Doc) bool {
	d.tidy()
	o.tidy()
	return d.ID == o.ID && d.Name == o.Name && slices.Equal(d.Members, o.Members) && slices.Equal(d.Queues, o.Queues)
}

// Delete takes a team away; what was its queues' is nobody's.
func (s *Store) Delete(ctx context.Context, tx pgx.Tx, id string) error {
	done, err := tx.Exec(ctx, `delete from teams where id = $1`, id)
	if err == nil && done.RowsAffected() == 0 {
		err = pg.ErrNotFound
	}
	return err
}

// Rules are those of all roles that have one.
func (s *Store) Rules(ctx context.Context) ([]Rule, error) {
	all, err := pg.Rows(ctx, s.db, pgx.RowToStructByPos[Rule], `select role, reach, hidden from role_rules order by role`)
	if err != nil {
		return nil, fmt.Errorf("rules of roles: %w", err)
	}
	return all, nil
}

// PutRule sets how far a role sees and what is hidden from it.
func (s *Store) PutRule(ctx context.Context, tx pgx.Tx, r Rule, by string) error {
	if err := r.Check(); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `insert into role_rules (role, reach, hidden, updated_by) values ($1, $2, $3, $4)
		on conflict (role) do update set reach = $2, hidden = $3, updated_by = $4, updated_at = now()`, r.Role, r.Reach, r.Hidden, by)
	return err
}

// Sight is what a user sees by the reach of a role; nil when that is all.
func (s *Store) Sight(ctx context.Context, user int64, name string, reach map[Noun]Reach) (*Sight, error) {
	if len(reach) == 0 {
		return nil, nil
	}
	v := &Sight{User: user, Name: name, Reach: reach, Users: []int64{user}, Names: []string{name}, Queues: []string{}}
	for _, r := range reach {
		if r != Team {
			continue
		}
		type mates struct {
			Users  []int64
			Names  []string
			Queues []string
		}
		m, err := pg.Row(ctx, s.db, pgx.RowToStructByPos[mates], `with mine as (select team_id from team_members where user_id = $1),
			mates as (select u.id, u.username from users u where u.id = $1 or u.id in (select m.user_id from team_members m where m.team_id in (select team_id from mine)))
			select array(select id from mates order by id), array(select username from mates order by id),
				array(select q.queue_id from team_queues q where q.team_id in (select team_id from mine) order by q.queue_id)`, user)
		if err != nil {
			return nil, fmt.Errorf("sight of a user: %w", err)
		}
		v.Users, v.Names, v.Queues = m.Users, m.Names, m.Queues
		break
	}
	return v, nil
}

// tables are where the row of a noun stands, and the type of its id.
var tables = map[Noun][2]string{
	Conversations: {"conversations", "bigint"}, Calls: {"calls", "uuid"}, Recordings: {"calls", "uuid"}, Tickets: {"tickets", "bigint"}, Contacts: {"contacts", "bigint"}, Feedback: {"feedback_cases", "bigint"},
}

// shapes are how ids of a type are written.
var shapes = map[string]*regexp.Regexp{
	"bigint": regexp.MustCompile(`^[0-9]{1,18}$`),
	"uuid":   regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`),
}

// Sees tells whether the sight of ctx sees one row by its id. A row that is not there, and an id that can be none, are not seen.
func (s *Store) Sees(ctx context.Context, n Noun, id string) (bool, error) {
	v := Of(ctx)
	if v.Whole(n) {
		return true, nil
	}
	at, ok := tables[n]
	if !ok || !shapes[at[1]].MatchString(id) {
		return false, nil
	}
	args := []any{id}
	where := Condition(ctx, n, "r", func(v any) string { args = append(args, v); return fmt.Sprintf("$%d", len(args)) })
	return pg.Row(ctx, s.db, pgx.RowTo[bool], `select exists (select from `+at[0]+` r where r.id = $1::text::`+at[1]+` and `+where+`)`, args...)
}

// Holders are who has something, by its id: for what goes over the live feed.
func (s *Store) Holders(ctx context.Context, n Noun, id string) (Holders, error) {
	sql := ""
	switch n {
	case Conversations:
		sql = `select array_remove(array[c.assignee] || array(select w.agent_id from queue_work w where w.id = 'chat:' || c.id and w.phase <> 'ended'), null), '{}'::text[], array_remove(array[c.queue], '') from conversations c where c.id = $1::text::bigint`
	case Calls:
		sql = `select array(select w.agent_id from queue_work w where w.id = c.id::text and w.agent_id is not null),
			array_remove(array[c.agent] || array(select l.user_name from legs l where l.call_id = c.id and l.role <> 'supervisor'), ''),
			array_remove(array[c.queue] || array(select w.queue_id from queue_work w where w.id = c.id::text), '') from calls c where c.id = $1::text::uuid`
	case Tickets:
		sql = `select array_remove(array[t.assignee], null), array[t.created_by], array_remove(array[t.queue_id], null) from tickets t where t.id = $1::text::bigint`
	default:
		return Holders{}, fmt.Errorf("holders of %s: nothing of it is told", n)
	}
	h, err := pg.Row(ctx, s.db, pgx.RowToStructByPos[Holders], sql, id)
	if errors.Is(err, pg.ErrNotFound) {
		return Holders{}, nil
	}
	return h, err
}
