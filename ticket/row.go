package ticket

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"tingxin/nlp"
	"tingxin/pg"
	"tingxin/queue"
)

const ticketColumns = `id, type, subject, body, state, priority, language, complaint, fields, tags, coalesce(contact_id, 0), coalesce(queue_id, ''), coalesce(assignee, 0),
	coalesce(parent_id, 0), coalesce(merged_into, 0), source, source_ref, hold_until, reopened, version, created_by, created_at, updated_at, state_at, resolved_at, closed_at`

func scanTicket(row pgx.CollectableRow) (Ticket, error) {
	var t Ticket
	var priority string
	var hold, resolved, closed *time.Time
	err := row.Scan(&t.ID, &t.Type, &t.Subject, &t.Body, &t.State, &priority, &t.Language, &t.Complaint, &t.Fields, &t.Tags, &t.Contact, &t.Queue, &t.Assignee,
		&t.Parent, &t.MergedTo, &t.Source, &t.SourceRef, &hold, &t.Reopened, &t.Version, &t.CreatedBy, &t.CreatedAt, &t.UpdatedAt, &t.StateAt, &resolved, &closed)
	if err != nil {
		return t, err
	}
	t.HoldUntil, t.Resolved, t.ClosedAt = pg.Moment(hold), pg.Moment(resolved), pg.Moment(closed)
	t.CreatedAt, t.UpdatedAt, t.StateAt = t.CreatedAt.UTC(), t.UpdatedAt.UTC(), t.StateAt.UTC()
	return t, t.Priority.UnmarshalText([]byte(priority))
}

// lock reads a ticket for a change.
func lock(ctx context.Context, tx pgx.Tx, id ID) (Ticket, error) {
	return pg.TxRow(ctx, tx, scanTicket, `select `+ticketColumns+` from tickets where id = $1 for update`, id)
}

// Get reads a ticket.
func (s *Service) Get(ctx context.Context, id ID) (Ticket, error) {
	t, err := pg.Row(ctx, s.db, scanTicket, `select `+ticketColumns+` from tickets where id = $1`, id)
	return t, failed("read", id, err)
}

func insertTicket(ctx context.Context, tx pgx.Tx, t *Ticket) error {
	err := tx.QueryRow(ctx, `insert into tickets (type, subject, body, state, priority, language, complaint, fields, tags, contact_id, queue_id, assignee, parent_id,
			source, source_ref, created_by, created_at, updated_at, state_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $17, $17) returning id`,
		t.Type, t.Subject, t.Body, t.State, t.Priority.String(), t.Language, t.Complaint, t.Fields, list(t.Tags), pg.OrNull(t.Contact), pg.OrNull(t.Queue), pg.OrNull(t.Assignee),
		pg.OrNull(t.Parent), t.Source, t.SourceRef, t.CreatedBy, t.CreatedAt).Scan(&t.ID)
	if err != nil {
		return pg.Map(err)
	}
	_, err = tx.Exec(ctx, `update tickets set words = $2 where id = $1`, t.ID, t.words())
	return pg.Map(err)
}

func updateTicket(ctx context.Context, tx pgx.Tx, t *Ticket) error {
	_, err := tx.Exec(ctx, `update tickets set type = $2, subject = $3, body = $4, state = $5, priority = $6, complaint = $7, fields = $8, tags = $9, contact_id = $10,
			queue_id = $11, assignee = $12, hold_until = $13, reopened = $14, version = $15, updated_at = $16, state_at = $17, resolved_at = $18, closed_at = $19,
			merged_into = $20, words = $21, released_at = case when assignee is not null and $12::bigint is null then $16 else released_at end where id = $1`,
		t.ID, t.Type, t.Subject, t.Body, t.State, t.Priority.String(), t.Complaint, t.Fields, list(t.Tags), pg.OrNull(t.Contact), pg.OrNull(t.Queue), pg.OrNull(t.Assignee),
		pg.OrNull(t.HoldUntil), t.Reopened, t.Version, t.UpdatedAt, t.StateAt, pg.OrNull(t.Resolved), pg.OrNull(t.ClosedAt), pg.OrNull(t.MergedTo), t.words())
	return pg.Map(err)
}

func list(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

// maxWords bounds what of a ticket is searched in.
const maxWords = 1000

// words are what a search finds the ticket by.
func (t *Ticket) words() []string {
	w := nlp.Words(nlp.Fold(t.Subject + "\n" + t.Body))
	slices.Sort(w)
	w = slices.Compact(w)
	if len(w) > maxWords {
		w = w[:maxWords]
	}
	return append(list(w), fmt.Sprint(t.ID))
}

// searchWords are what is looked for; "#1234" is a number.
func searchWords(text string) []string {
	return nlp.Words(nlp.Fold(strings.ReplaceAll(text, "#", " ")))
}

// trail writes one line of what was done.
func trail(ctx context.Context, tx pgx.Tx, t *Ticket, by Actor, kind string, detail map[string]any) error {
	return trailOf(ctx, tx, t.ID, t.UpdatedAt, by, kind, detail)
}

func trailOf(ctx context.Context, tx pgx.Tx, id ID, at time.Time, by Actor, kind string, detail map[string]any) error {
	doc, err := json.Marshal(detail)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `insert into ticket_trail (ticket_id, at, actor, kind, detail) values ($1, $2, $3, $4, $5)`, id, at, by.Name, kind, doc)
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

// maxTrail bounds what one reading returns.
const maxTrail = 500

// Trail is what was done to a ticket, in order; after is the id of the last step that was seen.
func (s *Service) Trail(ctx context.Context, id ID, after int64) ([]Step, error) {
	all, err := pg.Rows(ctx, s.db, pgx.RowToStructByPos[Step], `select id, at, actor, kind, detail from ticket_trail where ticket_id = $1 and id > $2 order by id limit $3`, id, after, maxTrail)
	return all, failed("read the trail of", id, err)
}

// Comment is what somebody said about a ticket.
type Comment struct {
	ID     int64     `json:"id"`
	ByKind string    `json:"by_kind"` // agent, customer, bot or system
	Author string    `json:"author"`
	Public bool      `json:"public"` // the customer sees it; otherwise a note
	Body   string    `json:"body"`
	At     time.Time `json:"at"`
}

func (c *Comment) check() error {
	c.Body = strings.TrimSpace(c.Body)
	if c.Body == "" || utf8.RuneCountInString(c.Body) > maxBody {
		return invalid("body", "1 to %d characters", maxBody)
	}
	return nil
}

// Comments are what was said, in order; public leaves the notes out.
func (s *Service) Comments(ctx context.Context, id ID, public bool, after int64) ([]Comment, error) {
	all, err := pg.Rows(ctx, s.db, pgx.RowToStructByPos[Comment], `select id, by_kind, author, public, body, at from ticket_comments
		where ticket_id = $1 and id > $2 and (public or not $3) order by id limit $4`, id, after, public, maxTrail)
	return all, failed("read the comments of", id, err)
}

func scanType(row pgx.CollectableRow) (Type, error) {
	var t Type
	var priority string
	if err := row.Scan(&t.Name, &t.LabelZH, &t.LabelEN, &t.Queue, &priority, &t.Fields, &t.Ord, &t.Disabled); err != nil {
		return t, err
	}
	return t, t.Priority.UnmarshalText([]byte(priority))
}

const typeColumns = `name, label_zh, label_en, coalesce(queue_id, ''), priority, fields, ord, disabled`

func typeOf(ctx context.Context, tx pgx.Tx, name string) (Type, error) {
	t, err := pg.TxRow(ctx, tx, scanType, `select `+typeColumns+` from ticket_types where name = $1`, name)
	if errors.Is(err, pg.ErrNotFound) {
		return t, invalid("type", "there is no type %.40q", name)
	}
	return t, err
}

// Types are all types, in order.
func (s *Service) Types(ctx context.Context) ([]Type, error) {
	all, err := pg.Rows(ctx, s.db, scanType, `select `+typeColumns+` from ticket_types order by ord, name`)
	return all, failed("read types of", 0, err)
}

// PutType adds or changes a type.
func (s *Service) PutType(ctx context.Context, tx pgx.Tx, t Type) error {
	if err := t.Check(); err != nil {
		return err
	}
	if t.Fields == nil {
		t.Fields = []Field{}
	}
	_, err := tx.Exec(ctx, `insert into ticket_types (name, label_zh, label_en, queue_id, priority, fields, ord, disabled) values ($1, $2, $3, $4, $5, $6, $7, $8)
		on conflict (name) do update set label_zh = $2, label_en = $3, queue_id = $4, priority = $5, fields = $6, ord = $7, disabled = $8, updated_at = now()`,
		t.Name, t.LabelZH, t.LabelEN, pg.OrNull(t.Queue), t.Priority.String(), t.Fields, t.Ord, t.Disabled)
	return pg.Map(err)
}

func scanPolicy(row pgx.CollectableRow) (Policy, error) {
	var p Policy
	var name string
	var ord int
	err := row.Scan(&name, &ord, &p)
	p.Name, p.Ord = name, ord
	return p, err
}

// Policies are all policies, in the order in which they are asked.
func (s *Service) Policies(ctx context.Context) ([]Policy, error) {
	all, err := pg.Rows(ctx, s.db, scanPolicy, `select name, ord, doc from sla_policies order by ord, name`)
	return all, failed("read policies of", 0, err)
}

// PutPolicy adds or changes a policy. Running clocks keep their target until their ticket changes.
func (s *Service) PutPolicy(ctx context.Context, tx pgx.Tx, p Policy) error {
	if err := p.Check(); err != nil {
		return err
	}
	if p.Calendar != "" {
		var there bool
		if err := tx.QueryRow(ctx, `select exists (select from queue_calendars where name = $1)`, p.Calendar).Scan(&there); err != nil {
			return pg.Map(err)
		}
		if !there {
			return invalid("calendar", "there is no calendar %.40q", p.Calendar)
		}
	}
	doc, err := p.doc()
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `insert into sla_policies (name, ord, doc) values ($1, $2, $3) on conflict (name) do update set ord = $2, doc = $3, updated_at = now()`, p.Name, p.Ord, doc)
	return pg.Map(err)
}

// DeletePolicy takes a policy away; its running clocks go on until their ticket changes.
func (s *Service) DeletePolicy(ctx context.Context, tx pgx.Tx, name string) error {
	tag, err := tx.Exec(ctx, `delete from sla_policies where name = $1`, name)
	if err == nil && tag.RowsAffected() == 0 {
		return pg.ErrNotFound
	}
	return pg.Map(err)
}

// priorityOf reads the name of a priority.
func priorityOf(name string) (queue.Urgency, error) {
	var u queue.Urgency
	err := u.UnmarshalText([]byte(name))
	return u, err
}
