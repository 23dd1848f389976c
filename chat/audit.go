package chat

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
)

// AuditReport compares what came in with what is stored and what a reader is shown.
type AuditReport struct {
	Raw     int64    `json:"raw"`     // messages that the bodies gave
	Stored  int64    `json:"stored"`  // of those, rows
	Shown   int64    `json:"shown"`   // of those, on the pages of a thread
	Open    int64    `json:"open"`    // bodies and messages still being worked on: the three below
	New     int64    `json:"new"`     // bodies of which no message was made yet
	Due     int64    `json:"due"`     // messages that nobody has looked at yet
	Leaving int64    `json:"leaving"` // messages on their way out
	Refused int64    `json:"refused"` // bodies that are no message
	Threads int64    `json:"threads"`
	Records int64    `json:"records,omitempty"` // of people at the other end, see AuditRecords
	Said    int64    `json:"said,omitempty"`    // messages that the server confirmed to them
	Seen    int64    `json:"seen,omitempty"`    // messages that they were shown
	Faults  []string `json:"faults"`
}

// maxFaults bounds what a report names.
const maxFaults = 100

func (r *AuditReport) fault(format string, args ...any) {
	if len(r.Faults) < maxFaults {
		r.Faults = append(r.Faults, fmt.Sprintf(format, args...))
	}
}

// Audit walks everything: each body gave its messages, each conversation's seq has
// no gap, and each message is met exactly once on the pages of its thread, in
// order, as the desktop reads them.
func (s *Service) Audit(ctx context.Context) (AuditReport, error) {
	r := AuditReport{Faults: []string{}}
	var err error
	one := func(into *int64, sql string) {
		if err == nil {
			*into, err = pg.Row(ctx, s.db, pgx.RowTo[int64], sql)
		}
	}
	one(&r.Raw, `select coalesce(sum(messages), 0)::bigint from inbound_raw where state = 'done'`)
	one(&r.Stored, `select count(*) from messages where raw_id is not null`)
	one(&r.Refused, `select count(*) from inbound_raw where state = 'bad'`)
	one(&r.New, `select count(*) from inbound_raw where state = 'new'`)
	one(&r.Due, `select count(*) from inbound_due`)
	one(&r.Leaving, `select count(*) from outbound where state in ('waiting', 'sending')`)
	r.Open = r.New + r.Due + r.Leaving
	if err != nil {
		return r, fmt.Errorf("audit: %w", err)
	}
	if err := s.auditRaw(ctx, &r); err != nil {
		return r, fmt.Errorf("audit: %w", err)
	}
	var last ID
	for {
		ids, err := pg.Rows(ctx, s.db, pgx.RowTo[ID], `select id from conversations where id > $1 order by id limit 500`, last)
		if err != nil {
			return r, fmt.Errorf("audit: %w", err)
		}
		for _, id := range ids {
			if err := s.auditThread(ctx, id, &r); err != nil {
				return r, fmt.Errorf("audit: %w", err)
			}
			last = id
		}
		if len(ids) < 500 {
			return r, nil
		}
	}
}

func (s *Service) auditRaw(ctx context.Context, r *AuditReport) error {
	type row struct {
		ID         int64
		Want, Have int64
	}
	bad, err := pg.Rows(ctx, s.db, pgx.RowToStructByPos[row], `select r.id, r.messages, count(m.id) from inbound_raw r left join messages m on m.raw_id = r.id where r.state = 'done'
		group by r.id, r.messages having count(m.id) <> r.messages order by r.id limit $1`, maxFaults)
	for _, b := range bad {
		r.fault("body %d gave %d messages, %d are stored", b.ID, b.Want, b.Have)
	}
	if err != nil {
		return err
	}
	type gap struct{ ID, Last, Have, First, Max int64 }
	gaps, err := pg.Rows(ctx, s.db, pgx.RowToStructByPos[gap], `select c.id, c.last_seq, count(m.id), coalesce(min(m.seq), 0), coalesce(max(m.seq), 0) from conversations c left join messages m on m.conversation_id = c.id
		group by c.id, c.last_seq having count(m.id) <> c.last_seq or coalesce(max(m.seq), 0) <> c.last_seq order by c.id limit $1`, maxFaults)
	for _, g := range gaps {
		r.fault("conversation %d counted to %d and has %d messages", g.ID, g.Last, g.Have)
	}
	return err
}

// auditThread reads a thread page by page, as the desktop does.
func (s *Service) auditThread(ctx context.Context, id ID, r *AuditReport) error {
	want, err := pg.Row(ctx, s.db, pgx.RowTo[int64], `select count(*) from messages where thread_id = $1`, id)
	if err != nil {
		return err
	}
	r.Threads++
	var have int64
	var last MessageID
	for {
		page, err := s.messages(ctx, `where m.thread_id = $1 and m.id > $2 order by m.id limit $3`, id, last, MaxPage)
		if err != nil {
			return err
		}
		for i := range page {
			if page[i].ID <= last {
				r.fault("thread %d shows message %d out of order", id, page[i].ID)
			}
			last = page[i].ID
			have++
			if page[i].Direction == In {
				r.Shown++
			}
		}
		if len(page) < MaxPage {
			break
		}
	}
	if have < want {
		r.fault("thread %d shows %d of %d messages", id, have, want)
	}
	return nil
}
