package queue

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/period"
	"tingxin/pg"
	"tingxin/team"
)

// badValue is a text that is not what it should be. It keeps the text, so that
// its place in a file can be found.
type badValue struct {
	value, message string
}

func (e *badValue) Error() string { return e.message }

// Document is settings as people write them: what a file holds and what the API
// speaks. Agents are named by their user names.
type Document struct {
	// Users are brought in line by api, which keeps them, before the rest.
	Users     []UserDoc  `json:"users,omitempty" yaml:"users"`
	Skills    []Skill    `json:"skills,omitempty" yaml:"skills"`
	Calendars []Calendar `json:"calendars,omitempty" yaml:"calendars"`
	Agents    []AgentDoc `json:"agents,omitempty" yaml:"agents"`
	Queues    []QueueDoc `json:"queues,omitempty" yaml:"queues"`
	Teams     []team.Doc `json:"teams,omitempty" yaml:"teams"`
	// RoleRules are how far roles see, and what is hidden from them.
	RoleRules []team.Rule `json:"role_rules,omitempty" yaml:"role_rules"`
	// By is who applies it.
	By string `json:"-" yaml:"-"`
}

// UserDoc is somebody who signs in, in a Document.
type UserDoc struct {
	User     string `json:"user" yaml:"user" doc:"name to sign in with"`
	Name     string `json:"name,omitempty" yaml:"name"`
	Role     string `json:"role" yaml:"role"`
	Language string `json:"language,omitempty" yaml:"language"`
	Disabled bool   `json:"disabled,omitempty" yaml:"disabled"`
	// Password is the first one, of a user who is not there yet; it changes nobody's.
	Password string `json:"password,omitempty" yaml:"password"`
}

// AgentDoc is an agent in a Document.
type AgentDoc struct {
	User      string             `json:"user" yaml:"user" doc:"user name of the account"`
	Skills    map[string]float64 `json:"skills,omitempty" yaml:"skills" doc:"proficiency 0 to 1 by skill"`
	Languages []string           `json:"languages,omitempty" yaml:"languages" doc:"none speaks all"`
	Capacity  int                `json:"capacity,omitempty" yaml:"capacity" doc:"units; 10 when 0" minimum:"0" maximum:"1000"`
	Desk      bool               `json:"desk,omitempty" yaml:"desk" doc:"a telephone without a browser: no heartbeat is expected"`
}

// MemberDoc is a member of a queue.
type MemberDoc struct {
	User   string  `json:"user" yaml:"user"`
	Order  int     `json:"order,omitempty" yaml:"order"`
	Weight float64 `json:"weight,omitempty" yaml:"weight" doc:"1 when 0"`
}

// RingDoc is a Ring.
type RingDoc struct {
	After   period.Period `json:"after,omitempty" yaml:"after"`
	Floor   float64       `json:"floor" yaml:"floor"`
	Sisters bool          `json:"sisters,omitempty" yaml:"sisters"`
	Anyone  bool          `json:"anyone,omitempty" yaml:"anyone"`
}

// TargetsDoc is Targets.
type TargetsDoc struct {
	Low    period.Period `json:"low,omitempty" yaml:"low"`
	Normal period.Period `json:"normal,omitempty" yaml:"normal"`
	High   period.Period `json:"high,omitempty" yaml:"high"`
	Urgent period.Period `json:"urgent,omitempty" yaml:"urgent"`
}

// WrapUpDoc is WrapUp.
type WrapUpDoc struct {
	Mode WrapMode      `json:"mode,omitempty" yaml:"mode" enum:"none,optional,manual,fixed,exact"`
	Time period.Period `json:"time,omitempty" yaml:"time"`
}

// LevelDoc is Level.
type LevelDoc struct {
	Percent  int           `json:"percent,omitempty" yaml:"percent"`
	Within   period.Period `json:"within,omitempty" yaml:"within"`
	Abandons bool          `json:"abandons,omitempty" yaml:"abandons"`
}

// QueueDoc is a Queue in a Document; what is left out has its default.
type QueueDoc struct {
	ID            QueueID       `json:"id" yaml:"id"`
	Name          string        `json:"name,omitempty" yaml:"name"`
	Strategy      Strategy      `json:"strategy,omitempty" yaml:"strategy" enum:"best,longest_idle,least_recent,fewest_calls,least_talk,round_robin,ring_all,ring_progressively,bullseye,linear,random,weighted,skill,preferred"`
	Members       []MemberDoc   `json:"members,omitempty" yaml:"members"`
	Skills        []string      `json:"skills,omitempty" yaml:"skills"`
	Language      string        `json:"language,omitempty" yaml:"language"`
	Step          period.Period `json:"step,omitempty" yaml:"step" doc:"of ring_progressively and bullseye: after which another member, or the next ring of them, is asked; 10s when empty"`
	Rings         []RingDoc     `json:"rings,omitempty" yaml:"rings"`
	Sisters       []QueueID     `json:"sisters,omitempty" yaml:"sisters"`
	Overflow      QueueID       `json:"overflow,omitempty" yaml:"overflow"`
	Targets       TargetsDoc    `json:"targets,omitzero" yaml:"targets"`
	MaxWait       period.Period `json:"max_wait,omitempty" yaml:"max_wait"`
	MaxWaiting    int           `json:"max_waiting,omitempty" yaml:"max_waiting"`
	RingTime      period.Period `json:"ring_time,omitempty" yaml:"ring_time"`
	Bar           period.Period `json:"bar,omitempty" yaml:"bar"`
	RejectDelay   period.Period `json:"reject_delay,omitempty" yaml:"reject_delay"`
	BusyDelay     period.Period `json:"busy_delay,omitempty" yaml:"busy_delay"`
	NoAnswerDelay period.Period `json:"no_answer_delay,omitempty" yaml:"no_answer_delay"`
	ConnectTime   period.Period `json:"connect_time,omitempty" yaml:"connect_time"`
	PreferredWait period.Period `json:"preferred_wait,omitempty" yaml:"preferred_wait"`
	WrapUp        WrapUpDoc     `json:"wrap_up,omitzero" yaml:"wrap_up"`
	Level         LevelDoc      `json:"level,omitzero" yaml:"level"`
	ShortAbandon  period.Period `json:"short_abandon,omitempty" yaml:"short_abandon"`
	Handle        period.Period `json:"handle,omitempty" yaml:"handle"`
	CallbackTries int           `json:"callback_tries,omitempty" yaml:"callback_tries"`
	CallbackRetry period.Period `json:"callback_retry,omitempty" yaml:"callback_retry"`
	CallbackLost  bool          `json:"callback_lost,omitempty" yaml:"callback_lost"`
	Calendar      string        `json:"calendar,omitempty" yaml:"calendar"`
	OnClose       OnClose       `json:"on_close,omitempty" yaml:"on_close" enum:"serve,send,keep" doc:"what becomes of callers who wait when it closes: served while somebody is at work, then sent the way of a closed queue (serve, the default); sent there as soon as the opening hours end (send); they wait on (keep)"`
	EmptyAfter    period.Period `json:"empty_after,omitempty" yaml:"empty_after" doc:"without anybody at work for so long it counts as closed for those who wait; 10m when empty"`
	ClosedFlow    string        `json:"closed_flow,omitempty" yaml:"closed_flow" maxLength:"64" doc:"flow that takes callers whom it sends on and no flow waits for, since a colleague put them through into it; they are told in words when empty"`
}

// queue makes settings of a document; ids maps user names to agents.
func (d *QueueDoc) queue(ids map[string]AgentID) (Queue, error) {
	q := Queue{ID: d.ID, Name: d.Name, Strategy: d.Strategy, Skills: d.Skills, Language: d.Language, Sisters: d.Sisters, Overflow: d.Overflow, MaxWaiting: d.MaxWaiting, Step: time.Duration(d.Step),
		Targets: Targets{time.Duration(d.Targets.Low), time.Duration(d.Targets.Normal), time.Duration(d.Targets.High), time.Duration(d.Targets.Urgent)},
		MaxWait: time.Duration(d.MaxWait), RingTime: time.Duration(d.RingTime), Bar: time.Duration(d.Bar), RejectDelay: time.Duration(d.RejectDelay), BusyDelay: time.Duration(d.BusyDelay),
		NoAnswerDelay: time.Duration(d.NoAnswerDelay), ConnectTime: time.Duration(d.ConnectTime), PreferredWait: time.Duration(d.PreferredWait),
		WrapUp: WrapUp{d.WrapUp.Mode, time.Duration(d.WrapUp.Time)}, Level: Level{d.Level.Percent, time.Duration(d.Level.Within), d.Level.Abandons},
		ShortAbandon: time.Duration(d.ShortAbandon), Handle: time.Duration(d.Handle), CallbackTries: d.CallbackTries, CallbackRetry: time.Duration(d.CallbackRetry),
		CallbackLost: d.CallbackLost, Calendar: d.Calendar, OnClose: d.OnClose, EmptyAfter: time.Duration(d.EmptyAfter), ClosedFlow: d.ClosedFlow}
	for _, r := range d.Rings {
		q.Rings = append(q.Rings, Ring{time.Duration(r.After), r.Floor, r.Sisters, r.Anyone})
	}
	for _, m := range d.Members {
		id, known := ids[m.User]
		if !known {
			return q, wrong("queue %s: member %q is no agent", d.ID, m.User)
		}
		q.Members = append(q.Members, Member{id, m.Order, m.Weight})
	}
	return q, q.Check()
}

// doc is the way back.
func (q *Queue) doc(users map[AgentID]string) QueueDoc {
	d := QueueDoc{ID: q.ID, Name: q.Name, Strategy: q.Strategy, Skills: q.Skills, Language: q.Language, Sisters: q.Sisters, Overflow: q.Overflow, MaxWaiting: q.MaxWaiting, Step: period.Period(q.Step),
		Targets: TargetsDoc{period.Period(q.Targets.Low), period.Period(q.Targets.Normal), period.Period(q.Targets.High), period.Period(q.Targets.Urgent)},
		MaxWait: period.Period(q.MaxWait), RingTime: period.Period(q.RingTime), Bar: period.Period(q.Bar), RejectDelay: period.Period(q.RejectDelay), BusyDelay: period.Period(q.BusyDelay),
		NoAnswerDelay: period.Period(q.NoAnswerDelay), ConnectTime: period.Period(q.ConnectTime), PreferredWait: period.Period(q.PreferredWait),
		WrapUp: WrapUpDoc{q.WrapUp.Mode, period.Period(q.WrapUp.Time)}, Level: LevelDoc{q.Level.Percent, period.Period(q.Level.Within), q.Level.Abandons},
		ShortAbandon: period.Period(q.ShortAbandon), Handle: period.Period(q.Handle), CallbackTries: q.CallbackTries, CallbackRetry: period.Period(q.CallbackRetry), CallbackLost: q.CallbackLost, Calendar: q.Calendar,
		OnClose: q.OnClose, EmptyAfter: period.Period(q.EmptyAfter), ClosedFlow: q.ClosedFlow}
	for _, r := range q.Rings {
		d.Rings = append(d.Rings, RingDoc{period.Period(r.After), r.Floor, r.Sisters, r.Anyone})
	}
	for _, m := range q.Members {
		if m.Weight == 1 {
			m.Weight = 0 // the default
		}
		d.Members = append(d.Members, MemberDoc{users[m.Agent], m.Order, m.Weight})
	}
	return d
}

// Document is all settings as they are.
func (s *Store) Document(ctx context.Context) (Document, error) {
	var d Document
	var err error
	if d.Skills, err = s.Skills(ctx); err != nil {
		return d, fmt.Errorf("skills: %w", err)
	}
	if d.Calendars, err = s.Calendars(ctx); err != nil {
		return d, fmt.Errorf("calendars: %w", err)
	}
	profiles, err := s.Profiles(ctx)
	if err != nil {
		return d, fmt.Errorf("agents: %w", err)
	}
	users := map[AgentID]string{}
	for _, p := range profiles {
		users[p.ID] = p.Username
		d.Agents = append(d.Agents, AgentDoc{p.Username, p.Skills, p.Languages, p.Capacity, p.Desk})
	}
	queues, err := s.Queues(ctx)
	if err != nil {
		return d, fmt.Errorf("queues: %w", err)
	}
	for i := range queues {
		d.Queues = append(d.Queues, queues[i].doc(users))
	}
	return d, nil
}

// Applied is what Apply changed, as "noun:name", in order.
type Applied struct {
	Added   []string `json:"added,omitempty"`
	Changed []string `json:"changed,omitempty"`
	Same    int      `json:"same"` // were like that already
}

// Any tells whether anything was changed.
func (a *Applied) Any() bool { return len(a.Added)+len(a.Changed) > 0 }

// Apply brings the settings in line with a document: what it names is added or
// changed, what it does not name stays. Applying it twice changes nothing the
// second time. It runs in tx; Service.Reload makes it count afterwards.
func (s *Store) Apply(ctx context.Context, tx pgx.Tx, d Document) (Applied, error) {
	var a Applied
	now, err := s.Document(ctx)
	if err != nil {
		return a, err
	}
	for _, k := range d.Skills {
		if a.differs("skill:"+k.Name, k, find(now.Skills, func(o Skill) bool { return o.Name == k.Name })) {
			if err := s.PutSkill(ctx, tx, k); err != nil {
				return a, err
			}
		}
	}
	for _, c := range d.Calendars {
		if a.differs("calendar:"+c.Name, c, find(now.Calendars, func(o Calendar) bool { return o.Name == c.Name })) {
			if err := s.PutCalendar(ctx, tx, c); err != nil {
				return a, err
			}
		}
	}
	ids, err := userIDs(ctx, tx)
	if err != nil {
		return a, err
	}
	if err := s.applyAgents(ctx, tx, d.Agents, now.Agents, ids, &a); err != nil {
		return a, err
	}
	if err := s.applyQueues(ctx, tx, d.Queues, now.Queues, ids, &a); err != nil {
		return a, err
	}
	if err := s.applyTeams(ctx, tx, d.Teams, &a); err != nil {
		return a, err
	}
	return a, s.applyRules(ctx, tx, d.RoleRules, d.By, &a)
}

func (s *Store) applyRules(ctx context.Context, tx pgx.Tx, rules []team.Rule, by string, a *Applied) error {
	if len(rules) == 0 {
		return nil
	}
	store := team.NewStore(s.db)
	now, err := store.Rules(ctx)
	if err != nil {
		return err
	}
	for _, r := range rules {
		if err := r.Check(); err != nil {
			return wrong("role %.40s: %v", r.Role, err)
		}
		if a.differs("role:"+r.Role, r, find(now, func(o team.Rule) bool { return o.Role == r.Role })) {
			if err := store.PutRule(ctx, tx, r, by); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Store) applyTeams(ctx context.Context, tx pgx.Tx, teams []team.Doc, a *Applied) error {
	if len(teams) == 0 {
		return nil
	}
	store := team.NewStore(s.db)
	now, err := store.All(ctx)
	if err != nil {
		return err
	}
	for _, d := range teams {
		old := find(now, func(o team.Doc) bool { return o.ID == d.ID })
		name := "team:" + d.ID
		switch {
		case old == nil:
			a.Added = append(a.Added, name)
		case d.Same(*old):
			a.Same++
			continue
		default:
			a.Changed = append(a.Changed, name)
		}
		if err := store.Put(ctx, tx, d); err != nil {
			return wrong("team %s: %v", d.ID, err)
		}
	}
	return nil
}

func (s *Store) applyAgents(ctx context.Context, tx pgx.Tx, agents, now []AgentDoc, ids map[string]AgentID, a *Applied) error {
	for _, g := range agents {
		id, known := ids[g.User]
		if !known {
			return wrong("agent %q: there is no such user", g.User)
		}
		if a.differs("agent:"+g.User, g, find(now, func(o AgentDoc) bool { return o.User == g.User })) {
			if err := s.PutAgent(ctx, tx, Profile{ID: id, Skills: g.Skills, Languages: g.Languages, Capacity: g.Capacity, Desk: g.Desk}); err != nil {
				return err
			}
		}
	}
	return nil
}

// applyQueues may meet queues that name each other, which rows allow.
func (s *Store) applyQueues(ctx context.Context, tx pgx.Tx, queues, now []QueueDoc, ids map[string]AgentID, a *Applied) error {
	for _, d := range queues {
		q, err := d.queue(ids)
		if err != nil {
			return err
		}
		if a.differs("queue:"+string(d.ID), d, find(now, func(o QueueDoc) bool { return o.ID == d.ID })) {
			if err := calendarOf(ctx, tx, &q); err != nil {
				return err
			}
			if err := s.PutQueue(ctx, tx, q); err != nil {
				return err
			}
		}
	}
	for i := range queues {
		if err := helpersOf(ctx, tx, &queues[i]); err != nil {
			return err
		}
	}
	return nil
}

// calendarOf says when the opening hours of a queue are not there.
func calendarOf(ctx context.Context, tx pgx.Tx, q *Queue) error {
	var there bool
	if err := tx.QueryRow(ctx, `select $1 = '' or exists (select from queue_calendars where name = $1)`, q.Calendar).Scan(&there); err != nil || there {
		return err
	}
	return wrong("queue %s: there are no opening hours %q", q.ID, q.Calendar)
}

// helpersOf says when a skill, or a queue that shall help, is not there: nobody would ever come.
func helpersOf(ctx context.Context, tx pgx.Tx, d *QueueDoc) error {
	helpers := texts(d.Sisters)
	if d.Overflow != "" {
		helpers = append(helpers, string(d.Overflow))
	}
	var queue, skill *string
	err := tx.QueryRow(ctx, `select (select min(n) from unnest($1::text[]) n where not exists (select from queues where id = n)),
		(select min(n) from unnest($2::text[]) n where not exists (select from queue_skills where name = n))`, helpers, d.Skills).Scan(&queue, &skill)
	switch {
	case err != nil:
		return err
	case queue != nil:
		return wrong("queue %s: there is no queue %q", d.ID, *queue)
	case skill != nil:
		return wrong("queue %s: there is no skill %q", d.ID, *skill)
	}
	return nil
}

// PutQueueDoc is PutQueue of a document's queue.
func (s *Store) PutQueueDoc(ctx context.Context, tx pgx.Tx, d QueueDoc) error {
	ids, err := userIDs(ctx, tx)
	if err != nil {
		return err
	}
	q, err := d.queue(ids)
	if err != nil {
		return err
	}
	if err := calendarOf(ctx, tx, &q); err != nil {
		return err
	}
	if err := s.PutQueue(ctx, tx, q); err != nil {
		return err
	}
	return helpersOf(ctx, tx, &d)
}

func userIDs(ctx context.Context, tx pgx.Tx) (map[string]AgentID, error) {
	rows, err := tx.Query(ctx, `select username, id::text from users`)
	if err != nil {
		return nil, pg.Map(err)
	}
	ids := map[string]AgentID{}
	var name string
	var id AgentID
	_, err = pgx.ForEachRow(rows, []any{&name, &id}, func() error { ids[name] = id; return nil })
	return ids, pg.Map(err)
}

func find[T any](all []T, is func(T) bool) *T {
	if i := slices.IndexFunc(all, is); i >= 0 {
		return &all[i]
	}
	return nil
}

// differs notes whether something is new, other or the same.
func (a *Applied) differs(name string, wanted, there any) bool {
	w, _ := json.Marshal(wanted) // plain values
	t, _ := json.Marshal(there)
	switch string(t) {
	case "null":
		a.Added = append(a.Added, name)
	case string(w):
		a.Same++
		return false
	default:
		a.Changed = append(a.Changed, name)
	}
	return true
}
