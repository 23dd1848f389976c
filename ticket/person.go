package ticket

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
	"tingxin/team"
)

// Brief is a ticket as a person's timeline and archive have it.
type Brief struct {
	ID        ID        `json:"id"`
	Subject   string    `json:"subject"`
	Body      string    `json:"body"`
	State     State     `json:"state"`
	Priority  string    `json:"priority"`
	Comments  []string  `json:"comments" doc:"that the customer sees, in order"`
	CreatedAt time.Time `json:"created_at"`
	// Fields are what the form of its type asked for.
	Fields map[string]json.RawMessage `json:"fields"`
	Tags   []string                   `json:"tags"`
}

// OfContacts are the tickets of the given contacts made at or before until (all when it is zero), newest
// first, within one moment by id downwards as text, at most limit.
func (s *Service) OfContacts(ctx context.Context, contacts []int64, until time.Time, limit int) ([]Brief, error) {
	var end *time.Time
	if !until.IsZero() {
		end = &until
	}
	args := []any{contacts, end}
	where := `t.contact_id = any($1) and ($2::timestamptz is null or t.created_at <= $2)`
	if sql := team.Condition(ctx, team.Tickets, "t", bind(&args)); sql != "" {
		where += " and " + sql
	}
	all, err := pg.Rows(ctx, s.db, pgx.RowToStructByPos[Brief], `select t.id, t.subject, t.body, t.state, t.priority,
			coalesce((select array_agg(c.body order by c.id) from ticket_comments c where c.ticket_id = t.id and c.public), '{}'), t.created_at, t.fields, t.tags
		from tickets t where `+where+fmt.Sprintf(` order by t.created_at desc, t.id::text desc limit %d`, limit), args...)
	if err != nil {
		err = fmt.Errorf("tickets of a contact: %w", err)
	}
	return all, err
}

// ofPerson are a person's tickets and those that departments have of them.
const ofPerson = `with recursive own as (select id from tickets where contact_id = any($1)
	union select t.id from tickets t join own on t.parent_id = own.id where t.contact_id is null) select id from own`

// erased stands where a ticket must have a text.
const erased = "–"

// ErasePerson takes a person out of all tickets, in tx: what they are about, comments, tasks and the details of
// the trail go; that there was a ticket, and how it kept its promises, stays for the counts. It returns rows by table.
func (s *Service) ErasePerson(ctx context.Context, tx pgx.Tx, contacts []int64) (map[string]int64, error) {
	counts := map[string]int64{}
	const of = ` in (` + ofPerson + `)`
	for _, step := range []struct{ table, sql string }{
		{"customer_links", `delete from customer_links where kind = 'ticket' and object_id` + of},
		{"ticket_files", `delete from ticket_files where ticket_id` + of},
		{"ticket_comments", `delete from ticket_comments where ticket_id` + of},
		{"ticket_tasks", `delete from ticket_tasks where ticket_id` + of},
		{"ticket_trail", `update ticket_trail set detail = '{}', actor = case when actor in (select created_by from tickets t where t.id = ticket_id and source = 'customer') then 'customer' else actor end where ticket_id` + of},
		{"tickets", `update tickets set subject = '` + erased + `', body = '', fields = '{}', tags = '{}', words = '{}', source_ref = '', contact_id = null,
			created_by = case when source = 'customer' then 'customer' else created_by end, version = version + 1 where id` + of},
	} {
		tag, err := tx.Exec(ctx, step.sql, contacts)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", step.table, err)
		}
		if n := tag.RowsAffected(); n > 0 {
			counts[step.table] = n
		}
	}
	return counts, nil
}

// PersonHits searches for a person in tx and tells what it finds, by table.
func (s *Service) PersonHits(ctx context.Context, tx pgx.Tx, contacts []int64) (map[string]int64, error) {
	var n int64
	if err := tx.QueryRow(ctx, `select count(*) from tickets where contact_id = any($1)`, contacts).Scan(&n); err != nil {
		return nil, fmt.Errorf("tickets: %w", err)
	}
	return map[string]int64{"tickets": n}, nil
}
