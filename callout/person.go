package callout

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"tingxin/contact"
	"tingxin/pg"
	"tingxin/queue"
)

const ofPerson = ` (e.contact_id = any($1) or e.number = any($2)) `

// Erase implements contact.Eraser: entries of the person are deleted with their attempts. What lies in a queue is taken
// out of it first, so that the queue can forget the person too; contact.ErrBusy while somebody has it.
func (s *Service) Erase(ctx context.Context, tx pgx.Tx, p *contact.Person) (map[string]int64, []string, error) {
	works, err := pg.TxRows(ctx, tx, pgx.RowTo[queue.WorkID], `select work_id from call_list_entries e where e.state = 'queued' and work_id is not null and`+ofPerson, p.Ints(), p.Numbers)
	if err != nil {
		return nil, nil, fmt.Errorf("call_list_entries: %w", err)
	}
	for _, w := range works {
		switch err := s.parts.Queues.Withdraw(ctx, w); {
		case err == nil, errors.Is(err, queue.ErrNoWork):
		case errors.Is(err, queue.ErrState):
			return nil, nil, fmt.Errorf("call_list_entries: %w", contact.ErrBusy)
		default:
			return nil, nil, err
		}
	}
	counts := map[string]int64{}
	tag, err := tx.Exec(ctx, `delete from call_list_attempts a using call_list_entries e where e.id = a.entry_id and`+ofPerson, p.Ints(), p.Numbers)
	if err != nil {
		return nil, nil, fmt.Errorf("call_list_attempts: %w", err)
	}
	if n := tag.RowsAffected(); n > 0 {
		counts["call_list_attempts"] = n
	}
	if tag, err = tx.Exec(ctx, `delete from call_list_entries e where`+ofPerson, p.Ints(), p.Numbers); err != nil {
		return nil, nil, fmt.Errorf("call_list_entries: %w", err)
	}
	if n := tag.RowsAffected(); n > 0 {
		counts["call_list_entries"] = n
	}
	return counts, nil, nil
}

// Hits implements contact.Eraser.
func (s *Service) Hits(ctx context.Context, tx pgx.Tx, p *contact.Person) (map[string]int64, error) {
	var n int64
	if err := tx.QueryRow(ctx, `select count(*) from call_list_entries e where`+ofPerson, p.Ints(), p.Numbers).Scan(&n); err != nil {
		return nil, fmt.Errorf("call_list_entries: %w", err)
	}
	return map[string]int64{"call_list_entries": n}, nil
}

// exported is an entry in a person's archive.
type exported struct {
	List     string            `json:"list"`
	Number   string            `json:"number"`
	Name     string            `json:"name"`
	Note     string            `json:"note"`
	Data     map[string]string `json:"data"`
	State    EntryState        `json:"state"`
	Outcome  string            `json:"outcome"`
	Attempts int               `json:"attempts"`
}

// mostExported is how many entries one archive holds.
const mostExported = 10000

// Export implements contact.Exporter.
func (s *Service) Export(ctx context.Context, p *contact.Person, out *contact.Dump) error {
	all, err := pg.Rows(ctx, s.db, pgx.RowToStructByPos[exported], `select l.name, e.number, e.name, e.note, e.data, e.state, e.outcome, e.attempts from call_list_entries e join call_lists l on l.id = e.list_id
		where`+ofPerson+`order by e.id limit $3`, p.Ints(), p.Numbers, mostExported)
	if err != nil {
		return fmt.Errorf("lists of calls of a person: %w", err)
	}
	if all == nil {
		all = []exported{}
	}
	return out.JSON("call-lists.json", all)
}
