package feedback

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/nlp"
	"tingxin/pg"
)

// CaseID is the number of a case, as people say it.
type CaseID int64

// Ref is what customers are told of a case.
func (id CaseID) Ref() string { return fmt.Sprintf("C-%d", int64(id)) }

// State is where a case stands.
type State string

// The states, in the order of a life.
const (
	New        State = "new"
	Contacted  State = "contacted"
	CauseFound State = "cause_found"
	Fixed      State = "fixed"
	Told       State = "customer_told"
	Verified   State = "verified"
	Closed     State = "closed"
)

// States are all of them.
var States = []State{New, Contacted, CauseFound, Fixed, Told, Verified, Closed}

// moves are where people may move a case. The customer's answer and time move it by themselves: only a
// message that arrived makes it customer_told, only a good answer verified.
var moves = map[State][]State{
	New:        {Contacted},
	Contacted:  {CauseFound},
	CauseFound: {Fixed, Contacted},
	Fixed:      {CauseFound},
	Told:       {Contacted},         // opened again by a person
	Verified:   {Closed, Contacted}, //
	Closed:     {},
}

// CanMove tells whether people may move a case from one state to another.
func CanMove(from, to State) bool { return slices.Contains(moves[from], to) }

// Outcome is how a case ended.
type Outcome string

// The outcomes.
const (
	OutVerified    Outcome = "verified"    // the customer says that it is solved
	OutUnverified  Outcome = "unverified"  // was told, and did not answer within 30 days
	OutUnreachable Outcome = "unreachable" // no way took our answer within 30 days
)

// Case is a bad word that is followed up until the customer says that it is well.
type Case struct {
	ID         CaseID    `json:"id"`
	State      State     `json:"state" enum:"new,contacted,cause_found,fixed,customer_told,verified,closed"`
	OpenedBy   string    `json:"opened_by" enum:"score,complaint,legal,hand"`
	Title      string    `json:"title"`
	Reason     string    `json:"reason,omitempty" doc:"the contact that it is about: conversation:12, call:ID, ticket:1001"`
	Contact    int64     `json:"contact,omitempty"`
	Language   string    `json:"language" enum:"zh,en" doc:"in which the customer is written to"`
	Owner      int64     `json:"owner,omitempty" doc:"user; 0 is nobody"`
	Agent      int64     `json:"agent,omitempty" doc:"user who had the contact"`
	Cause      string    `json:"cause,omitempty" doc:"code"`
	Product    string    `json:"product,omitempty"`
	Process    string    `json:"process,omitempty"`
	Article    int64     `json:"linked_kb,omitempty"`
	Ticket     int64     `json:"linked_ticket,omitempty"`
	Legal      bool      `json:"legal,omitempty"`
	FirstScore *int      `json:"first_score,omitempty" doc:"of the rating that opened it"`
	AgainScore *int      `json:"again_score,omitempty" doc:"of the last answer a week later"`
	ToldAt     time.Time `json:"told_at,omitzero" doc:"when our answer reached the customer"`
	AskAt      time.Time `json:"ask_at,omitzero" doc:"when the customer is asked whether it is solved"`
	AskedAt    time.Time `json:"asked_at,omitzero"`
	Round      int       `json:"round" doc:"grows with each re-opening"`
	Outcome    Outcome   `json:"outcome,omitempty" enum:",verified,unverified,unreachable"`
	Version    int       `json:"version"`
	OpenedAt   time.Time `json:"opened_at"`
	UpdatedAt  time.Time `json:"updated_at"`
	StateAt    time.Time `json:"state_at"`
	ClosedAt   time.Time `json:"closed_at,omitzero"`
}

const caseColumns = `id, state, opened_by, title, reason, coalesce(contact_id, 0), language, coalesce(owner, 0), coalesce(agent, 0), coalesce(cause, ''), product, process,
	coalesce(linked_kb, 0), coalesce(linked_ticket, 0), legal, first_score, again_score, told_at, ask_at, asked_at, round, outcome, version, opened_at, updated_at, state_at, closed_at`

func (c *Case) targets(told, ask, asked, closed **time.Time) []any {
	return []any{&c.ID, &c.State, &c.OpenedBy, &c.Title, &c.Reason, &c.Contact, &c.Language, &c.Owner, &c.Agent, &c.Cause, &c.Product, &c.Process,
		&c.Article, &c.Ticket, &c.Legal, &c.FirstScore, &c.AgainScore, told, ask, asked, &c.Round, &c.Outcome, &c.Version, &c.OpenedAt, &c.UpdatedAt, &c.StateAt, closed}
}

func (c *Case) moments(told, ask, asked, closed *time.Time) {
	c.ToldAt, c.AskAt, c.AskedAt, c.ClosedAt = pg.Moment(told), pg.Moment(ask), pg.Moment(asked), pg.Moment(closed)
	c.OpenedAt, c.UpdatedAt, c.StateAt = c.OpenedAt.UTC(), c.UpdatedAt.UTC(), c.StateAt.UTC()
}

func scanCase(row pgx.CollectableRow) (Case, error) {
	var c Case
	var told, ask, asked, closed *time.Time
	err := row.Scan(c.targets(&told, &ask, &asked, &closed)...)
	c.moments(told, ask, asked, closed)
	return c, err
}

// Get reads a case.
func (s *Service) Get(ctx context.Context, id CaseID) (Case, error) {
	c, err := pg.Row(ctx, s.db, scanCase, `select `+caseColumns+` from feedback_cases where id = $1`, id)
	return c, failed("read", id, err)
}

func failed(verb string, id CaseID, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s case %d: %w", verb, id, pg.Map(err))
}

func insertCase(ctx context.Context, tx pgx.Tx, c *Case) error {
	return pg.Map(tx.QueryRow(ctx, `insert into feedback_cases (opened_by, title, reason, contact_id, language, agent, legal, first_score, owner, linked_ticket, opened_at, updated_at, state_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $11, $10, $10, $10) returning id`,
		c.OpenedBy, c.Title, c.Reason, pg.OrNull(c.Contact), c.Language, pg.OrNull(c.Agent), c.Legal, c.FirstScore, pg.OrNull(c.Owner), c.OpenedAt, pg.OrNull(c.Ticket)).Scan(&c.ID))
}

func updateCase(ctx context.Context, tx pgx.Tx, c *Case) error {
	_, err := tx.Exec(ctx, `update feedback_cases set state = $2, title = $3, language = $4, owner = $5, cause = $6, product = $7, process = $8, linked_kb = $9, linked_ticket = $10,
			legal = $11, again_score = $12, told_at = $13, ask_at = $14, asked_at = $15, round = $16, outcome = $17, version = $18, updated_at = $19, state_at = $20, closed_at = $21, opened_by = $22 where id = $1`,
		c.ID, c.State, c.Title, c.Language, pg.OrNull(c.Owner), pg.OrNull(c.Cause), c.Product, c.Process, pg.OrNull(c.Article), pg.OrNull(c.Ticket),
		c.Legal, c.AgainScore, pg.OrNull(c.ToldAt), pg.OrNull(c.AskAt), pg.OrNull(c.AskedAt), c.Round, c.Outcome, c.Version, c.UpdatedAt, c.StateAt, pg.OrNull(c.ClosedAt), c.OpenedBy)
	return pg.Map(err)
}

// trail writes one line of what was done.
func trail(ctx context.Context, tx pgx.Tx, id CaseID, at time.Time, by, kind string, detail map[string]any) error {
	if detail == nil {
		detail = map[string]any{}
	}
	doc, err := json.Marshal(detail)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `insert into case_trail (case_id, at, actor, kind, detail) values ($1, $2, $3, $4, $5)`, id, at, by, kind, doc)
	return pg.Map(err)
}

// Step is one line of the trail. Detail has [before, after] by field for a change.
type Step struct {
	ID     int64           `json:"id"`
	At     time.Time       `json:"at"`
	Actor  string          `json:"actor"`
	Kind   string          `json:"kind"`
	Detail json.RawMessage `json:"detail"`
}

// Trail is what was done to a case, in order, at most 500 steps.
func (s *Service) Trail(ctx context.Context, id CaseID) ([]Step, error) {
	all, err := pg.Rows(ctx, s.db, pgx.RowToStructByPos[Step], `select id, at, actor, kind, detail from case_trail where case_id = $1 order by id limit 500`, id)
	return all, failed("read the trail of", id, err)
}

// clip is the beginning of a text on one line, at most n characters.
func clip(text string, n int) string { return nlp.Clip(strings.Join(strings.Fields(text), " "), n) }

// mutate locks a case, lets f change it and writes what is different with its trail and clocks. f returns
// the kind and detail of the trail's line; an empty kind writes nothing.
func (s *Service) mutate(ctx context.Context, verb string, id CaseID, by string, f func(tx pgx.Tx, c *Case) (string, map[string]any, error)) (Case, error) {
	var c Case
	changed := false
	err := s.db.Tx(ctx, func(tx pgx.Tx) (err error) {
		changed = false
		c, err = pg.TxRow(ctx, tx, scanCase, `select `+caseColumns+` from feedback_cases where id = $1 for update`, id)
		if err != nil {
			return err
		}
		before := c
		kind, detail, err := f(tx, &c)
		if err != nil || kind == "" {
			return err
		}
		changed = true
		return s.write(ctx, tx, &before, &c, by, kind, detail)
	})
	if err != nil {
		return c, failed(verb, id, err)
	}
	if changed {
		s.changed.Add(1)
		s.publish(EventChanged, c.notice())
	}
	return c, nil
}

// write writes a changed case.
func (s *Service) write(ctx context.Context, tx pgx.Tx, before, c *Case, by, kind string, detail map[string]any) error {
	now := s.now()
	c.Version++
	c.UpdatedAt = now
	if detail == nil {
		detail = map[string]any{}
	}
	if c.State != before.State {
		c.StateAt = now
		detail["state"] = [2]State{before.State, c.State}
		if c.State == Closed {
			c.ClosedAt = now
			detail["outcome"] = c.Outcome
		}
	}
	if err := updateCase(ctx, tx, c); err != nil {
		return err
	}
	if err := trail(ctx, tx, c.ID, now, by, kind, detail); err != nil {
		return err
	}
	if c.State == Closed && before.State != Closed {
		if err := label(ctx, tx, c, now, by); err != nil {
			return err
		}
	}
	return s.followClocks(ctx, tx, before, c)
}

// unfounded is the cause of a case whose words were no complaint.
const unfounded = "other-unfounded"

// label keeps what the words of a closed case were: what the judge learns from.
func label(ctx context.Context, tx pgx.Tx, c *Case, at time.Time, by string) error {
	value := "complaint"
	if c.Cause == unfounded {
		value = "none"
	}
	_, err := tx.Exec(ctx, `insert into labels (prediction_id, value, by, at) select p.id, $2, $3, $4 from feedback f join predictions p on p.object_type = 'feedback' and p.object_id = f.id::text and p.kind = 'complaint'
		where f.case_id = $1`, c.ID, value, by, at)
	return pg.Map(err)
}
